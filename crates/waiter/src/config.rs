//! What a listener serves, and under which rules.

use core::net::SocketAddr;
use core::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tillway_core::AccountKind;
use tillway_core::account::OverdraftUse;
use tillway_core::id::{TillId, Uuid};

use crate::error::ConfigError;
use crate::peers::AllowedPeers;
use crate::texts::Texts;

/// The shortest till token, in bytes.
pub const TOKEN_LEN_MIN: usize = 8;

/// The longest till token, in bytes.
pub const TOKEN_LEN_MAX: usize = 256;

/// What one listener serves. One listener per till: requests of Waiter carry no till.
///
/// [`WaiterConfig::new`] gives safe defaults; change the fields you need and ask
/// [`WaiterConfig::check`] before you listen.
#[derive(Clone, Debug)]
pub struct WaiterConfig {
    /// The till whose WaiterServer talks to this listener without naming a till.
    pub till: TillId,
    /// The tills whose plugins may talk to this listener, with their tokens.
    pub tills: Vec<Till>,
    /// Whether every route is also served under `/t/{till}/`, for the tills above. On by default.
    pub till_paths: bool,
    /// Who is answered at all. This machine alone by default.
    pub allowed_peers: AllowedPeers,
    /// How member names of the Waiter API are written (J2).
    pub json_case: JsonCase,
    /// Whether a guest's photo is sent. On by default.
    pub photo: bool,
    /// Whether the guest's name is the first suggestion: Waiter has no field for it. On by
    /// default.
    pub name_in_suggestions: bool,
    /// What the limits are when the store cannot be read.
    pub limits_on_failure: LimitsOnFailure,
    /// Whether `ping` asks the store too. On by default.
    pub ping_checks_store: bool,
    /// iiko's payment types by name, so that a refusal can name the right one (F5). The desk
    /// judges by a copy of its own.
    pub payment_types: Vec<PaymentType>,
    /// Whether a deposit's overdraft is shown as available: the same as the desk's rule (F4).
    pub overdraft: OverdraftUse,
    /// What waiters and cashiers read.
    pub texts: Texts,
    /// How long the desks may take.
    pub budgets: Budgets,
    /// The body of a request in bytes; more is 413. 64 KiB by default.
    pub body_bytes_max: usize,
    /// So many wrong tokens in a minute from one peer, and the peer waits. 10 by default.
    pub wrong_tokens_max: usize,
}

impl WaiterConfig {
    /// The defaults for a listener of one till.
    pub fn new(till: Till) -> Self {
        Self {
            till: till.id.clone(),
            tills: vec![till],
            till_paths: true,
            allowed_peers: AllowedPeers::default(),
            json_case: JsonCase::default(),
            photo: true,
            name_in_suggestions: true,
            limits_on_failure: LimitsOnFailure::default(),
            ping_checks_store: true,
            payment_types: Vec::new(),
            overdraft: OverdraftUse::default(),
            texts: Texts::default(),
            budgets: Budgets::default(),
            body_bytes_max: 64 * 1024,
            wrong_tokens_max: 10,
        }
    }

    /// Which of the tills has this name, in any case of its letters.
    pub(crate) fn till_named(&self, name: &str) -> Option<usize> {
        self.tills.iter().position(|till| till.id.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether a service with this configuration may listen there.
    ///
    /// # Errors
    /// [`ConfigError`], which names what to change.
    pub fn check(&self, listen: SocketAddr) -> Result<(), ConfigError> {
        let local = listen.ip().to_canonical().is_loopback();
        if !local && (self.allowed_peers.is_empty() || self.allowed_peers.is_everyone()) {
            return Err(ConfigError::OpenListener { listen });
        }
        self.check_values()
    }

    /// All that can be checked without an address.
    pub(crate) fn check_values(&self) -> Result<(), ConfigError> {
        if !self.tills.iter().any(|till| till.id == self.till) {
            return Err(ConfigError::TillWithoutToken { till: self.till.clone() });
        }
        let mut rest = self.tills.as_slice();
        while let Some((till, tail)) = rest.split_first() {
            let id = || till.id.clone();
            let token = till.token.expose_secret();
            let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
            if !printable || !(TOKEN_LEN_MIN..=TOKEN_LEN_MAX).contains(&token.len()) {
                return Err(ConfigError::BadToken { till: id() });
            }
            // Paths ignore case, so two names that differ in it alone are one path.
            let same_name =
                |other: &&Till| other.id.as_str().eq_ignore_ascii_case(till.id.as_str());
            if tail.iter().any(|other| same_name(&other)) {
                return Err(ConfigError::TillTwice { till: id() });
            }
            if tail.iter().any(|other| other.token.expose_secret() == token) {
                return Err(ConfigError::TokenTwice { till: id() });
            }
            rest = tail;
        }
        let mut types = self.payment_types.as_slice();
        while let Some((one, tail)) = types.split_first() {
            if tail.iter().any(|other| other.id == one.id) {
                return Err(ConfigError::PaymentTypeTwice { payment_type: one.id });
            }
            types = tail;
        }
        Ok(())
    }

    /// What the payment type for accounts of this kind is called.
    pub(crate) fn payment_type_name(&self, kind: AccountKind) -> &str {
        let named = self.payment_types.iter().find(|one| one.kind == kind);
        named.map_or_else(|| self.texts.kind(kind), |one| one.name.as_str())
    }
}

/// A till and its secret.
#[derive(Clone, Debug)]
pub struct Till {
    /// Its name.
    pub id: TillId,
    /// What its plugin sends as `Authorization: Bearer …`: 8 to 256 printable ASCII characters.
    pub token: SecretString,
}

impl Till {
    /// A till with its token.
    pub fn new(id: TillId, token: impl Into<SecretString>) -> Self {
        Self { id, token: token.into() }
    }
}

/// A payment type of iikoOffice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentType {
    /// Its GUID.
    pub id: Uuid,
    /// The kind of account that pays by it; one kind per type.
    pub kind: AccountKind,
    /// What cashiers know it by.
    pub name: String,
}

/// How member names of the Waiter API are written; they are read in any case.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum JsonCase {
    /// `PascalCase` in JSON, `camelCase` in the multipart part, as the vendor's samples show.
    #[default]
    AsDocumented,
    /// `PascalCase` everywhere.
    Pascal,
    /// `camelCase` everywhere.
    Camel,
}

/// What `paymentLimits` answers when the store cannot be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LimitsOnFailure {
    /// 503.
    #[default]
    Unavailable,
    /// 200 with two zeros.
    Zero,
}

/// How long the desks may take, by the clock of the service; then the call is given up and
/// answered as an outage. What the desk began goes on, and a repeat joins it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budgets {
    /// Reads. 3 s by default.
    pub read: Duration,
    /// Check-in and check-out. 8 s by default, of which the till may take 6 s.
    pub bind: Duration,
    /// Calls of the payment API that change something. 10 s by default.
    pub pay: Duration,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(3),
            bind: Duration::from_secs(8),
            pay: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn till(id: &str, token: &str) -> Till {
        Till::new(TillId::try_new(id).unwrap(), token)
    }

    fn check(config: &WaiterConfig, listen: &str) -> Option<String> {
        config.check(listen.parse().unwrap()).err().map(|error| error.to_string())
    }

    #[test]
    fn h1_a_listener_for_others_names_them() {
        let config = WaiterConfig::new(till("till-1", "till-1-secret"));
        assert_eq!(check(&config, "127.0.0.1:7710"), None);
        assert_eq!(check(&config, "[::1]:7710"), None);
        for open in ["0.0.0.0:7710", "192.168.10.5:7710", "[::]:7710"] {
            let error = check(&config, open).unwrap();
            assert!(error.contains("allowed_peers"), "{error}");
        }
        let everyone = ["0.0.0.0/0", "::/0"].map(|range| range.parse().unwrap());
        for range in everyone {
            let mut open = config.clone();
            open.allowed_peers = AllowedPeers::new([range]);
            assert!(check(&open, "0.0.0.0:7710").unwrap().contains("allowed_peers"));
            assert_eq!(check(&open, "127.0.0.1:7710"), None);
        }
        let mut closed = config;
        closed.allowed_peers = AllowedPeers::new(["192.168.10.0/24".parse().unwrap()]);
        assert_eq!(check(&closed, "0.0.0.0:7710"), None);
    }

    #[test]
    fn tills_tokens_and_types_are_checked() {
        let base = WaiterConfig::new(till("till-1", "till-1-secret"));
        let with = |tills: Vec<Till>| WaiterConfig { tills, ..base.clone() };
        let first = || till("till-1", "till-1-secret");
        let rows = [
            (with(vec![till("till-2", "till-2-secret")]), "till till-1 has no token"),
            (with(vec![till("till-1", "short")]), "the token of till till-1 is not"),
            (with(vec![till("till-1", "пароль-кассы")]), "the token of till till-1 is not"),
            (with(vec![first(), till("TILL-1", "till-2-secret")]), "till till-1 is named twice"),
            (with(vec![first(), till("till-2", "till-1-secret")]), "the token of till till-1 is"),
        ];
        for (config, expected) in rows {
            let error = check(&config, "127.0.0.1:7710").unwrap();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let one = |kind| PaymentType { id: Uuid::from_u128(7), kind, name: "Lime".into() };
        let twice = vec![one(AccountKind::Bonus), one(AccountKind::Deposit)];
        let config = WaiterConfig { payment_types: twice, ..base };
        assert!(check(&config, "127.0.0.1:7710").unwrap().starts_with("payment type 0000"));
        assert!(!format!("{config:?}").contains("till-1-secret"));
    }
}
