//! Where a row is tried: a processing of its own behind a socket, and tills that speak to it.

use std::sync::Arc;
use std::time::Duration;

use tillway::core::loyalty::{Answer, Identifier, IdentifierKind};
use tillway::core::port::processing::{Command, Operation, Outcome};
use tillway::core::port::{Clock, IdSource, LoyaltyProcessing, Spawner};
use tillway::core::{Kopecks, Timestamp};
use tillway::layers::Loyalty;
use tillway::layers::loyalty::{BodyKeys, LoyaltyConfig};
use tillway::loymax::public::{Application, Grant, JsonMirror, PublicApi, Session, Speaker};
use tillway::loymax::sign::{Profile, Signatures};
use tillway::loymax::{Config, Dialect, Loymax, input, public};
use tillway::memory::MemoryStore;
use tillway::runtime::{RandomIds, TokioSpawner};
use tillway::sim::loymax::Processing;
use tillway::sim::loymax::house::{self, ClientId, House, RequestAuth};
use tillway::transport::Runtime;
use tillway::transport::client::{ClientConfig, HyperClient};
use tillway::transport::server::{Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::check::{Check, Failed, same};
use super::{Setting, Tweak};
use crate::cable::Cable;
use crate::clock::StoryClock;
use crate::keys::Whose;

/// The till of the examples, and the one of the web shop.
pub(super) const TILL: &str = "TILL-0007";
pub(super) const CASHIER: &str = "Кассир 1";
/// The card and the phone of guest 1, who has 250.00 points.
pub(super) const CARD: &str = "2990000000019";
pub(super) const PHONE: &str = "79990000001";

/// A processing with the books of the demo, served over HTTP until this is dropped.
pub(super) struct Place {
    pub(super) processing: Processing,
    pub(super) house: House,
    pub(super) clock: StoryClock,
    setting: Setting,
    tweak: Tweak,
    address: String,
    _running: oneshot::Sender<()>,
}

impl Place {
    /// Opens one; `tweak` may break it.
    pub(super) async fn open(setting: Setting, tweak: Tweak) -> Result<Self, Failed> {
        let clock = StoryClock::new();
        let processing = Processing::demo(Arc::new(clock.clone()));
        if setting.profile != Profile::None {
            sign(&processing, setting.profile)?;
        }
        tweak(&processing);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let (running, ended) = oneshot::channel::<()>();
        let served = processing.clone();
        let serve = async move {
            let server = Server::new(ServerConfig::default(), Runtime::tokio());
            let ended = async move {
                let _ = ended.await;
            };
            server.serve(listener, move |_| served.connect(), ended).await;
        };
        TokioSpawner::new(Handle::current()).spawn("processing", Box::pin(serve));
        let house = processing.house().clone();
        Ok(Self { processing, house, clock, setting, tweak, address, _running: running })
    }

    /// Another one, set up alike.
    pub(super) async fn another(&self) -> Result<Self, Failed> {
        Self::open(self.setting, Arc::clone(&self.tweak)).await
    }

    /// The same row under another profile.
    pub(super) async fn with_profile(&self, profile: Profile) -> Result<Self, Failed> {
        Self::open(Setting { profile, ..self.setting }, Arc::clone(&self.tweak)).await
    }

    pub(super) fn profile(&self) -> Profile {
        self.setting.profile
    }

    /// How the till of this setting is configured.
    pub(super) fn config(&self, login: &str) -> Result<Config, Failed> {
        let url = format!("{}/XmlExchange/demo", self.address);
        let letters = self.setting.letters;
        let mut config = Config::new(url, login, "demo");
        config.dialect = Dialect { letters, ..Dialect::default() };
        if self.setting.profile != Profile::None {
            let trusted = [Whose::Processing.certificate().map_err(unreadable)?];
            let own = Whose::Till.identity().map_err(unreadable)?;
            config.signatures = Signatures::new(self.setting.profile, &own, &trusted);
        }
        Ok(config)
    }

    pub(super) fn till_of(&self, config: Config, cable: &Cable) -> Result<Loymax, Failed> {
        Ok(Loymax::try_new(config, Arc::new(cable.clone()), Arc::new(self.clock.clone()))?)
    }

    /// The till, with these changes to its configuration.
    pub(super) fn till_with(&self, change: impl FnOnce(&mut Config)) -> Result<Loymax, Failed> {
        let mut config = self.config(TILL)?;
        change(&mut config);
        self.till_of(config, &Cable::new(http()))
    }

    pub(super) fn till(&self) -> Result<Loymax, Failed> {
        self.till_with(|_| {})
    }

    /// The till's journal of sales, over this store.
    pub(super) fn loyalty(&self, till: Loymax, store: &MemoryStore) -> Result<Loyalty, Failed> {
        let config = LoyaltyConfig::new(TILL, BodyKeys::new(1, [7; 32]));
        let (clock, ids) = (Arc::new(self.clock.clone()), Arc::new(RandomIds));
        let (till, store) = (Arc::new(till), Arc::new(store.clone()));
        Ok(Loyalty::try_new(till, store, clock, ids, config)?)
    }

    /// The Public API, as this application speaks to it.
    pub(super) fn api(&self, application: &str) -> Result<PublicApi, Failed> {
        let redirect = if application == "shop-app" { "app://shop" } else { "app://till" };
        let application = Application {
            id: application.into(),
            secret: Some("demo".into()),
            redirect: redirect.into(),
        };
        let config = public::Config::new(&self.address, application);
        Ok(PublicApi::try_new(config, Arc::new(http()), Arc::new(self.clock.clone()))?)
    }

    /// Guest 1, or the operator, by the till's application.
    pub(super) fn logged_in(&self, name: &str) -> Result<Session, Failed> {
        let (username, password) = (name.into(), "demo-password".into());
        Ok(self.api("till-app")?.session(Grant::Password { username, password }))
    }

    /// The processing in JSON, as a web shop speaks to it.
    pub(super) fn shop(&self) -> Result<JsonMirror, Failed> {
        let api = self.api("shop-app")?;
        Ok(JsonMirror::new(&api, Speaker::Application, Dialect::default(), false))
    }

    pub(super) async fn ask(
        &self,
        till: &dyn LoyaltyProcessing,
        command: Command,
    ) -> Result<Outcome, Failed> {
        self.perform(till, &self.operation(command)).await
    }

    pub(super) fn operation(&self, command: Command) -> Operation {
        let (id, at) = (RandomIds.fresh(), self.clock.now());
        Operation { id, at, cashier: Some(CASHIER.into()), command }
    }

    pub(super) async fn perform(
        &self,
        till: &dyn LoyaltyProcessing,
        operation: &Operation,
    ) -> Result<Outcome, Failed> {
        Ok(till.send(&till.seal(operation)?).await)
    }

    /// What is answered when it is done; anything else fails the row.
    pub(super) async fn done(
        &self,
        till: &dyn LoyaltyProcessing,
        command: Command,
    ) -> Result<Answer, Failed> {
        let kind = command.kind();
        done(&format!("{kind:?}"), self.ask(till, command).await?)
    }

    /// It is refused with this code.
    pub(super) async fn refused(
        &self,
        till: &dyn LoyaltyProcessing,
        command: Command,
        code: &str,
    ) -> Check {
        let what = format!("{:?}", command.kind());
        refused(&what, self.ask(till, command).await?, code)
    }

    pub(super) async fn balance(
        &self,
        till: &dyn LoyaltyProcessing,
        guest: Identifier,
    ) -> Result<Option<Kopecks>, Failed> {
        Ok(self.done(till, Command::Balance { guest }).await?.balance)
    }

    /// The points of guest 1 in the books, and those that are free to be used.
    pub(super) fn points(&self) -> (Option<Kopecks>, Option<Kopecks>) {
        (self.house.points(ClientId::DEMO), self.house.available(ClientId::DEMO))
    }

    /// Guest 1 has these points, all of them free.
    pub(super) fn has(&self, what: &str, points: i64) -> Check {
        let points = Some(Kopecks(points));
        same(what, self.points(), (points, points))
    }

    /// What was sent for a command, in order. Letters but Latin ones may be lost.
    pub(super) fn sent(&self, kind: house::Kind) -> Vec<String> {
        let entries = self.processing.journal().into_iter();
        let of_kind = entries.filter(|entry| entry.commands.iter().any(|it| it.kind == kind));
        of_kind.map(|entry| String::from_utf8_lossy(&entry.request).into_owned()).collect()
    }

    /// The moment of the till.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// The till signs, and the processing answers signed.
fn sign(processing: &Processing, profile: Profile) -> Check {
    processing.sign(profile, Whose::Processing.identity().map_err(unreadable)?);
    let certificate = Whose::Till.der().map_err(unreadable)?;
    processing.house().with(|store| {
        for till in store.tills.values_mut() {
            till.request_auth = RequestAuth::Signature;
            till.certificate = Some(certificate.clone());
        }
    });
    Ok(())
}

/// A key of the demo was damaged.
#[expect(clippy::needless_pass_by_value, reason = "what `map_err` gives")]
pub(super) fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> Failed {
    Failed::new(error.to_string())
}

pub(super) fn http() -> HyperClient {
    HyperClient::new(&ClientConfig::default(), Runtime::tokio())
}

pub(super) fn done(what: &str, outcome: Outcome) -> Result<Answer, Failed> {
    match outcome {
        Outcome::Done(answer) => Ok(*answer),
        other => Err(Failed::new(format!("{what}: {other:?}"))),
    }
}

pub(super) fn refused(what: &str, outcome: Outcome, code: &str) -> Check {
    match outcome {
        Outcome::Refused(refusal) => same(&format!("code of {what}"), &*refusal.code, code),
        other => Err(Failed::new(format!("{what}: {other:?} instead of {code}"))),
    }
}

pub(super) fn shown(kind: IdentifierKind, read: &str) -> Result<Identifier, Failed> {
    Ok(input::identifier(kind, read)?)
}

/// The card of guest 1, scanned.
pub(super) fn card() -> Result<Identifier, Failed> {
    shown(IdentifierKind::CardBarcode, CARD)
}
