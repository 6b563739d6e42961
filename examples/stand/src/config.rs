//! What the stand runs with: the demo, or a file.

mod check;
mod devices;
mod file;
mod loyalty;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use secrecy::{ExposeSecret, SecretString};
use tillway::core::account::OverdraftUse;
use tillway::core::id::{TillId, Uuid};
use tillway::core::token::{
    JsonReader, PrefixReader, TOKEN_PREFIX, TokenKeys, TokenReader, TokenRules, UrlReader,
};
use tillway::core::wallet::Mix;
use tillway::core::{AccountKind, Kopecks};
use tillway::engine::{Bridge, EngineConfig, Fiscal, PinCheck};
use tillway::transport::server::ServerConfig;
use tillway::waiter::{
    AllowedPeers, JsonCase, LimitsOnFailure, Listener, Network, PaymentType, Texts, WaiterConfig,
};

use crate::demo;
use crate::failure::Failure;

pub(crate) use check::check;
pub(crate) use devices::{Devices, Terminal};
pub(crate) use loyalty::Loyalty;

/// The distance from the page's port to that of the first till.
const TILL_PORT_STEP: u32 = 10;

/// The distance to that of the simulated Loymax processing: 7720 in the demo.
const PROCESSING_PORT_STEP: u32 = 20;

/// The distance to that of the simulated register: 16732, as ATOL's own server has it.
const REGISTER_PORT_STEP: u32 = 9_032;

/// The distance to that of the simulated card terminal: 9015, as DualConnector has it.
const TERMINAL_PORT_STEP: u32 = 1_315;

/// The distance to that where the simulated `sb_pilot` is told what is next.
const PILOT_PORT_STEP: u32 = TERMINAL_PORT_STEP + 1;

/// The highest port there is.
const PORT_MAX: u32 = 65_535;

/// How long the listeners wait for running requests when the stand stops.
const STOP_SECONDS: u64 = 5;

/// Everything that a start decides, checked as far as one value can be checked alone.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Simulators and demo secrets are allowed.
    pub(crate) demo: bool,
    /// The namespace of derived ids, when the file names one.
    pub(crate) installation: Option<Uuid>,
    /// Where the page is.
    pub(crate) page: SocketAddr,
    /// The tills, with a listener each.
    pub(crate) tills: Vec<Till>,
    /// Where the simulated fiscal register is, in demo mode.
    pub(crate) register: Option<SocketAddr>,
    /// Where the simulated DualConnector is, in demo mode.
    pub(crate) terminal: Option<SocketAddr>,
    /// Where the simulated Loymax processing is, in demo mode.
    pub(crate) processing: Option<SocketAddr>,
    /// What `check-config` asks whether it is there; sales do not use it yet.
    pub(crate) devices: Devices,
    /// The processing that keeps points, when there is one.
    pub(crate) loyalty: Option<Loyalty>,
    /// Limits of all listeners.
    pub(crate) server: ServerConfig,
    /// The rules of the venue; the installation is put in later.
    engine: EngineConfig,
    /// What all Waiter listeners share.
    waiter: Shared,
    /// The texts of token keys, for the check on demo secrets.
    token_keys: Vec<SecretString>,
    /// The PINs, for the same.
    pins: Vec<SecretString>,
}

/// A till and where it listens.
#[derive(Clone, Debug)]
pub(crate) struct Till {
    pub(crate) id: TillId,
    pub(crate) listen: SocketAddr,
    pub(crate) token: SecretString,
    /// Where its plugin listens, when commands are pushed.
    pub(crate) plugin: Option<Uri>,
    pub(crate) allowed_peers: AllowedPeers,
}

#[derive(Clone, Debug)]
struct Shared {
    json_case: JsonCase,
    limits_on_failure: LimitsOnFailure,
    ping_checks_store: bool,
    name_in_suggestions: bool,
    type_names: Vec<(AccountKind, String)>,
    texts: Texts,
    wrong_tokens_max: Option<usize>,
}

impl Config {
    /// The demo, or what the file says.
    pub(crate) fn load(file: Option<&Path>, port_base: u32) -> Result<Self, Failure> {
        let Some(path) = file else { return from_file(file::File::demo(), port_base) };
        let read = file::read(path)?;
        from_file(read, port_base)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    /// The engine's rules for this installation.
    pub(crate) fn engine(&self, installation: Uuid) -> EngineConfig {
        EngineConfig { installation, ..self.engine.clone() }
    }

    /// The listeners of plugins, when commands are pushed to them.
    pub(crate) fn listeners(&self) -> Vec<Listener> {
        let tills = self.tills.iter().filter(|_| self.engine.bridge == Bridge::Push);
        let listener = |till: &Till| {
            let token = SecretString::from(till.token.expose_secret());
            Some(Listener { till: till.id.clone(), uri: till.plugin.clone()?, token })
        };
        tills.filter_map(listener).collect()
    }

    /// What a till's listener serves.
    pub(crate) fn waiter(&self, till: &Till) -> WaiterConfig {
        let token = SecretString::from(till.token.expose_secret());
        let mut config = WaiterConfig::new(tillway::waiter::Till::new(till.id.clone(), token));
        config.allowed_peers = till.allowed_peers.clone();
        config.json_case = self.waiter.json_case;
        config.photo = self.engine.photo;
        config.name_in_suggestions = self.waiter.name_in_suggestions;
        config.limits_on_failure = self.waiter.limits_on_failure;
        config.ping_checks_store = self.waiter.ping_checks_store;
        config.overdraft = self.engine.overdraft;
        config.texts = self.waiter.texts.clone();
        config.body_bytes_max = self.server.body_bytes_max;
        if let Some(max) = self.waiter.wrong_tokens_max {
            config.wrong_tokens_max = max;
        }
        let name = |kind: AccountKind| {
            let named = self.waiter.type_names.iter().find(|(known, _)| *known == kind);
            named.map(|(_, name)| name.clone())
        };
        let types = self.engine.payment_types.iter();
        config.payment_types = types
            .filter_map(|(id, kind)| Some(PaymentType { id: *id, kind: *kind, name: name(*kind)? }))
            .collect();
        config
    }

    /// Whether the till is told about guests by a plugin that polls.
    pub(crate) fn polls(&self) -> bool {
        self.engine.bridge == Bridge::Poll
    }
}

impl file::File {
    /// What runs without a file.
    fn demo() -> Self {
        Self { mode: file::Mode::Demo, ..Self::default() }
    }

    /// In demo mode what is not said is as the demo has it.
    fn with_demo_defaults(mut self) -> Self {
        if self.mode != file::Mode::Demo {
            return self;
        }
        self.installation.get_or_insert_with(|| demo::INSTALLATION.to_string());
        if self.till.is_empty() {
            self.till.push(file::Till {
                id: demo::TILL.to_owned(),
                listen: None,
                token: file::Secret(demo::TILL_TOKEN.into()),
                plugin: None,
                allowed_peers: Vec::new(),
            });
        }
        if self.payment_types.is_empty() {
            let types = demo::PAYMENT_TYPES.iter();
            self.payment_types = types.map(|(id, kind, _)| (id.to_string(), word(*kind))).collect();
            let names = demo::PAYMENT_TYPES.iter();
            self.payment_type_names =
                names.map(|(_, kind, name)| (word(*kind), (*name).to_owned())).collect();
        }
        if self.token_keys.is_empty() {
            let key = file::Secret(demo::TOKEN_KEY.into());
            self.token_keys.push(file::TokenKey { kid: demo::TOKEN_KID.to_owned(), key });
        }
        self.fiscal.get_or_insert(file::Fiscal::ExternalDeclared);
        self
    }
}

fn word(kind: AccountKind) -> file::Kind {
    match kind {
        AccountKind::Bonus => file::Kind::Bonus,
        AccountKind::Deposit => file::Kind::Deposit,
        AccountKind::Credit => file::Kind::Credit,
    }
}

impl From<file::Kind> for AccountKind {
    fn from(kind: file::Kind) -> Self {
        match kind {
            file::Kind::Bonus => Self::Bonus,
            file::Kind::Deposit => Self::Deposit,
            file::Kind::Credit => Self::Credit,
        }
    }
}

/// Ports and values; what does not fit together is for [`check()`].
fn from_file(file: file::File, port_base: u32) -> Result<Config, Failure> {
    let file = file.with_demo_defaults();
    let demo = file.mode == file::Mode::Demo;
    // The farthest port comes first, so that the limit that is named is the one that holds.
    let register = demo.then(|| register_at(port_base)).transpose()?;
    let terminal = demo.then(|| terminal_at(port_base)).transpose()?;
    let processing = demo.then(|| processing_at(port_base)).transpose()?;
    let mut tills = Vec::new();
    for (till, place) in file.till.iter().zip(0..) {
        tills.push(till_of(till, place, port_base)?);
    }
    let page = match file.page {
        Some(page) => page,
        None => loopback(port_base, 0, "the page")?,
    };
    let engine = engine_of(&file)?;
    let loyalty = file.loyalty.as_ref();
    let loyalty = loyalty.map(|section| loyalty::loyalty_of(section, processing));
    let installation = file.installation.as_deref();
    let installation = installation.map(|text| uuid(text, "installation")).transpose()?;
    let secrets = |secret: &file::Secret| SecretString::from(secret.0.expose_secret());
    Ok(Config {
        demo,
        installation,
        page,
        tills,
        register,
        terminal,
        processing,
        devices: devices::devices_of(&file)?,
        loyalty: loyalty.transpose()?,
        server: server_of(&file.limits)?,
        engine,
        waiter: shared_of(&file)?,
        token_keys: file.token_keys.iter().map(|one| secrets(&one.key)).collect(),
        pins: file.pins.iter().map(secrets).collect(),
    })
}

fn till_of(till: &file::Till, place: u32, port_base: u32) -> Result<Till, Failure> {
    let id = TillId::try_new(&till.id);
    let id = id.map_err(|error| Failure::of(format!("till {:?}, key id", till.id), &error))?;
    let listen = match till.listen {
        Some(listen) => listen,
        None => loopback(port_base, TILL_PORT_STEP.saturating_add(place), id.as_str())?,
    };
    let mut networks: Vec<Network> = Vec::new();
    for text in &till.allowed_peers {
        let what = || format!("till {id}, key allowed_peers, {text:?}");
        networks.push(text.parse().map_err(|error| Failure::of(what(), &error))?);
    }
    let token = SecretString::from(till.token.0.expose_secret());
    let plugin = till.plugin.as_deref().map(|text| plugin_of(&id, text)).transpose()?;
    Ok(Till { id, listen, token, plugin, allowed_peers: AllowedPeers::new(networks) })
}

fn plugin_of(till: &TillId, text: &str) -> Result<Uri, Failure> {
    let uri: Option<Uri> = text.parse().ok();
    let plain = |uri: &Uri| uri.scheme_str() == Some("http") && uri.host().is_some();
    let wrong = || Failure::new(format!("till {till}, key plugin: {text:?} is not http://host/…"));
    uri.filter(plain).ok_or_else(wrong)
}

/// Where the simulated register listens.
pub(crate) fn register_at(port_base: u32) -> Result<SocketAddr, Failure> {
    loopback(port_base, REGISTER_PORT_STEP, "the simulated register")
}

/// Where the simulated card terminal listens.
pub(crate) fn terminal_at(port_base: u32) -> Result<SocketAddr, Failure> {
    loopback(port_base, TERMINAL_PORT_STEP, "the simulated card terminal")
}

/// Where the simulated Loymax processing listens.
pub(crate) fn processing_at(port_base: u32) -> Result<SocketAddr, Failure> {
    loopback(port_base, PROCESSING_PORT_STEP, "the simulated processing")
}

/// Where one says what the simulated `sb_pilot` does next.
pub(crate) fn pilot_at(port_base: u32) -> Result<SocketAddr, Failure> {
    loopback(port_base, PILOT_PORT_STEP, "the simulated sb_pilot")
}

/// A port at a distance from the base, on this machine alone.
fn loopback(base: u32, distance: u32, what: &str) -> Result<SocketAddr, Failure> {
    let port = base.saturating_add(distance);
    match u16::try_from(port) {
        Ok(port) if base > 0 => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Ok(_) => Err(Failure::new("--port-base 0: the lowest port is 1")),
        Err(_) => Err(Failure::new(format!(
            "--port-base {base}: {what} would listen on port {port}, and the highest is \
             {PORT_MAX}; the base may be {} at most",
            PORT_MAX.saturating_sub(distance)
        ))),
    }
}

fn uuid(text: &str, key: &str) -> Result<Uuid, Failure> {
    let parsed = Uuid::try_parse(text).ok().filter(|id| !id.is_nil());
    parsed.ok_or_else(|| Failure::new(format!("key {key}: {text:?} is not a GUID")))
}

fn engine_of(file: &file::File) -> Result<EngineConfig, Failure> {
    // The installation is known when the data folder is open.
    let mut engine = EngineConfig::new(Uuid::nil());
    engine.bridge = match file.bridge {
        file::Bridge::Poll => Bridge::Poll,
        file::Bridge::Push => Bridge::Push,
        file::Bridge::Message => Bridge::Message,
        file::Bridge::None => Bridge::None,
    };
    if let Some(seconds) = file.bridge_seconds {
        if !(1..=7).contains(&seconds) {
            let text = "key bridge_seconds: 1 to 7, since a check-in answers within 8 seconds";
            return Err(Failure::new(text));
        }
        engine.bridge_budget = Duration::from_secs(seconds);
    }
    let pins = file.pins.iter().map(|pin| pin.0.expose_secret().into());
    engine.pins = match file.pin {
        file::Pin::Off => PinCheck::Off,
        file::Pin::List => PinCheck::List(pins.collect()),
        file::Pin::Bridge => PinCheck::Bridge,
    };
    engine.tokens = tokens_of(file)?;
    engine.mint_with = match &file.mint_with {
        Some(kid) => Some(kid.as_str().into()),
        None => file.token_keys.first().map(|key| key.kid.as_str().into()),
    };
    engine.phone_spend = file.phone_spend == file::Permission::Allow;
    engine.mix = match file.mix {
        file::Mix::OneMoneyKind => Mix::OneMoneyKind,
        file::Mix::Free => Mix::Free,
    };
    engine.overdraft = match file.overdraft_fiscal {
        Some(file::Permission::Deny) => OverdraftUse::Deny,
        Some(file::Permission::Allow) | None => OverdraftUse::Allow,
    };
    engine.bonus_cap_bp = file.bonus_cap_percent.map(|cap| basis_points(cap.0)).transpose()?;
    engine.min_money = file.min_money.map_or(Kopecks::ZERO, |min| min.0);
    if engine.min_money < Kopecks::ZERO {
        return Err(Failure::new("key min_money: below zero"));
    }
    if let Some(priority) = &file.money_priority {
        engine.money_priority = priority.iter().map(|kind| AccountKind::from(*kind)).collect();
    }
    for (text, kind) in &file.payment_types {
        let id = uuid(text, "payment_types")?;
        engine.payment_types.push((id, AccountKind::from(*kind)));
    }
    engine.photo = file.photo != Some(file::Switch::Off);
    engine.fiscal = match file.fiscal {
        Some(file::Fiscal::ExternalDeclared) => Fiscal::ExternalDeclared,
        Some(file::Fiscal::Register) | None => Fiscal::Register,
    };
    engine.allow_orderless_refund = file.allow_orderless_refund == file::Switch::On;
    Ok(engine)
}

/// Hundredths of a percent are basis points.
fn basis_points(percent: Kopecks) -> Result<u32, Failure> {
    let points = u32::try_from(percent.0).ok().filter(|points| *points <= 10_000);
    points.ok_or_else(|| Failure::new("key bonus_cap_percent: 0 to 100"))
}

fn tokens_of(file: &file::File) -> Result<TokenRules, Failure> {
    let prefix = file.token_prefix.as_deref().unwrap_or(TOKEN_PREFIX);
    let keys = file.token_keys.iter();
    let keys = keys
        .map(|one| (Box::from(one.kid.as_str()), one.key.0.expose_secret().as_bytes().to_vec()));
    let keys = TokenKeys::try_new(prefix, keys);
    let keys = keys.map_err(|error| Failure::of("key token_keys", &error))?;
    let readers = file.reader.iter().map(|reader| -> Arc<dyn TokenReader> {
        match reader {
            file::Reader::Prefix { prefix } => Arc::new(PrefixReader { prefix: prefix.clone() }),
            file::Reader::Url { parameter } => Arc::new(UrlReader { parameter: parameter.clone() }),
            file::Reader::Json { field } => Arc::new(JsonReader { field: field.clone() }),
        }
    });
    let phone_lookup = file.phone_lookup == file::Switch::On;
    Ok(TokenRules { keys, readers: readers.collect(), phone_lookup })
}

fn shared_of(file: &file::File) -> Result<Shared, Failure> {
    let mut texts = Texts::default();
    for (code, text) in &file.texts {
        texts = texts.with(code, text).map_err(|error| Failure::of("key texts", &error))?;
    }
    let names = file.payment_type_names.iter();
    let wrong = file.limits.wrong_tokens_per_minute;
    Ok(Shared {
        json_case: match file.json_case {
            file::JsonCase::AsDocumented => JsonCase::AsDocumented,
            file::JsonCase::Pascal => JsonCase::Pascal,
            file::JsonCase::Camel => JsonCase::Camel,
        },
        limits_on_failure: match file.limits_on_failure {
            file::LimitsOnFailure::Unavailable => LimitsOnFailure::Unavailable,
            file::LimitsOnFailure::Zero => LimitsOnFailure::Zero,
        },
        ping_checks_store: file.ping_checks_store != Some(file::Switch::Off),
        name_in_suggestions: file.name_in_suggestions != Some(file::Switch::Off),
        type_names: names.map(|(kind, name)| (AccountKind::from(*kind), name.clone())).collect(),
        texts,
        wrong_tokens_max: wrong.and_then(|max| usize::try_from(max).ok()),
    })
}

/// The largest head or body that a listener may be told to take.
const KIB_MAX: u32 = 64 * 1024;

/// The most connections.
const CONNECTIONS_MAX: u32 = 65_536;

/// A day: the longest time limit, and the most wrong tokens in a minute.
const LIMIT_MAX: u32 = 86_400;

fn server_of(limits: &file::Limits) -> Result<ServerConfig, Failure> {
    let mut server = ServerConfig {
        drain_timeout: Duration::from_secs(STOP_SECONDS),
        ..ServerConfig::default()
    };
    let count = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    let seconds = |value: u32| Duration::from_secs(value.into());
    if let Some(kib) = within("header_kib", limits.header_kib, 1, KIB_MAX)? {
        server.header_bytes_max = count(kib).saturating_mul(1024);
    }
    if let Some(kib) = within("body_kib", limits.body_kib, 1, KIB_MAX)? {
        server.body_bytes_max = count(kib).saturating_mul(1024);
    }
    if let Some(most) = within("connections", limits.connections, 1, CONNECTIONS_MAX)? {
        server.connections_max = count(most);
    }
    if let Some(time) = within("header_seconds", limits.header_seconds, 1, LIMIT_MAX)? {
        server.header_read_timeout = seconds(time);
    }
    if let Some(time) = within("body_seconds", limits.body_seconds, 1, LIMIT_MAX)? {
        server.body_read_timeout = seconds(time);
    }
    if let Some(time) = within("idle_seconds", limits.idle_seconds, 1, LIMIT_MAX)? {
        server.idle_timeout = seconds(time);
    }
    if let Some(time) = within("stop_seconds", limits.stop_seconds, 0, LIMIT_MAX)? {
        server.drain_timeout = seconds(time);
    }
    within("wrong_tokens_per_minute", limits.wrong_tokens_per_minute, 1, LIMIT_MAX)?;
    Ok(server)
}

fn within(key: &str, value: Option<u32>, min: u32, max: u32) -> Result<Option<u32>, Failure> {
    match value {
        Some(value) if !(min..=max).contains(&value) => {
            Err(Failure::new(format!("key limits.{key}: {min} to {max}")))
        }
        fits => Ok(fits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_above_the_highest_is_refused_with_the_limit() {
        assert!(Config::load(None, 56_503).is_ok());
        let error = Config::load(None, 56_504).unwrap_err().to_string();
        assert!(error.contains("port 65536") && error.contains("56503 at most"), "{error}");
        let error = Config::load(None, u32::MAX).unwrap_err().to_string();
        assert!(error.contains("56503 at most"), "{error}");
        let venue =
            || from_file(toml::from_str("[[till]]\nid = 'a'\ntoken = 'b'").unwrap(), 65_526);
        let error = venue().unwrap_err().to_string();
        assert!(error.contains("65525 at most"), "a venue has no simulator: {error}");
        assert!(Config::load(None, 0).is_err());
    }

    #[test]
    fn the_demo_has_nothing_to_complain_of() {
        let config = Config::load(None, 7_700).unwrap();
        assert!(config.demo && config.polls());
        assert_eq!(config.tills[0].listen.to_string(), "127.0.0.1:7710");
        assert_eq!(config.register.unwrap().to_string(), "127.0.0.1:16732");
        assert_eq!(config.terminal.unwrap().to_string(), "127.0.0.1:9015");
        assert_eq!(config.processing.unwrap().to_string(), "127.0.0.1:7720");
        assert_eq!(check(&config), Vec::<String>::new());
        let debug = format!("{config:?}");
        assert!(!debug.contains(demo::TILL_TOKEN) && !debug.contains(demo::TOKEN_KEY), "{debug}");
    }

    #[test]
    fn the_file_of_the_guide_is_good() {
        let guide = include_str!("../../../docs/guide/getting-started.md");
        let text = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let config = from_file(toml::from_str(text).unwrap(), 7_700).unwrap();
        assert_eq!(check(&config), Vec::<String>::new());
    }
}
