//! A simulated processing behind a real socket, both faces on one store, and who speaks to it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{Answer, Identifier, IdentifierKind, PurchaseId, Sale};
use tillway_core::port::processing::{Command, Operation, Outcome, Sealed};
use tillway_core::port::{Clock, LoyaltyProcessing};
use tillway_core::{Kopecks, Timestamp};
use tillway_loymax::public::{Application, Config, Grant, JsonMirror, PublicApi, Session, Speaker};
use tillway_loymax::{Dialect, Loymax, input};
use tillway_sim::loymax::Processing;
use tillway_sim::loymax::house::{ClientId, House};
use tillway_testkit::runtime::TestClock;
use tillway_transport::client::{ClientConfig, HyperClient};
use tillway_transport::fault::{Fault, FaultyTransport};
use tillway_transport::server::{Server, ServerConfig};
use tillway_transport::{HttpTransport, Runtime};
use tokio::net::TcpListener;

/// Noon of 2026-03-14 in Moscow.
pub const NOON: Timestamp = Timestamp { utc_ms: 1_773_478_800_000, offset_min: 180 };

pub const PHONE: &str = "79990000001";
pub const CARD: &str = "2990000000019";

pub struct Place {
    pub processing: Processing,
    pub house: House,
    pub clock: TestClock,
    pub address: String,
    ids: AtomicU64,
}

impl Place {
    /// The house of the stand behind a socket of its own.
    pub async fn open() -> Self {
        let clock = TestClock::at(NOON);
        let processing = Processing::demo(Arc::new(clock.clone())).controlled();
        let (house, served) = (processing.house().clone(), processing.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let serve = async move {
            let server = Server::new(ServerConfig::default(), Runtime::tokio());
            server.serve(listener, move |_| served.connect(), std::future::pending()).await;
        };
        #[expect(clippy::disallowed_methods, reason = "the server of the test")]
        tokio::spawn(serve);
        Self { processing, house, clock, address, ids: AtomicU64::new(1) }
    }

    pub fn config(&self, application: &str) -> Config {
        let redirect = if application == "shop-app" { "app://shop" } else { "app://till" };
        let application = Application {
            id: application.into(),
            secret: Some("demo".into()),
            redirect: redirect.into(),
        };
        Config::new(&self.address, application)
    }

    pub fn api_over(&self, config: Config, http: Arc<dyn HttpTransport>) -> PublicApi {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        PublicApi::try_new(config, http, clock).unwrap()
    }

    pub fn api(&self, application: &str) -> PublicApi {
        self.api_over(self.config(application), Arc::new(http()))
    }

    pub fn till(&self) -> PublicApi {
        self.api("till-app")
    }

    pub fn guest(&self) -> Session {
        self.till().session(login(PHONE))
    }

    pub fn operator(&self) -> Session {
        self.till().session(login("operator"))
    }

    pub fn mirror(&self, application: &str) -> JsonMirror {
        let api = self.api(application);
        JsonMirror::new(&api, Speaker::Application, Dialect::default(), false)
    }

    /// A till that speaks XML.
    pub fn xml(&self, login: &str) -> Loymax {
        let url = format!("{}/XmlExchange/demo/", self.address);
        let config = tillway_loymax::Config::new(url.as_str(), login, "demo");
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        Loymax::try_new(config, Arc::new(http()), clock).unwrap()
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn id(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed)))
    }

    pub fn operation(&self, command: Command) -> Operation {
        let cashier = Some("Кассир 1".into());
        Operation { id: self.id(), at: self.clock.now(), cashier, command }
    }

    pub fn seal(&self, processing: &dyn LoyaltyProcessing, command: Command) -> Sealed {
        processing.seal(&self.operation(command)).unwrap()
    }

    pub async fn ask(&self, processing: &dyn LoyaltyProcessing, command: Command) -> Outcome {
        processing.send(&self.seal(processing, command)).await
    }

    pub async fn done(&self, processing: &dyn LoyaltyProcessing, command: Command) -> Answer {
        let kind = command.kind();
        match self.ask(processing, command).await {
            Outcome::Done(answer) => *answer,
            other => panic!("{kind:?}: {other:?}"),
        }
    }

    pub fn points(&self) -> Kopecks {
        self.house.points(ClientId::DEMO).unwrap()
    }

    pub fn available(&self) -> Kopecks {
        self.house.available(ClientId::DEMO).unwrap()
    }

    /// How many tokens were asked for.
    pub fn token_requests(&self) -> usize {
        let all = self.processing.journal();
        all.iter().filter(|entry| entry.path.ends_with("/token")).count()
    }

    /// What the phone was sent last.
    pub async fn sms(&self, phone: &str) -> String {
        let request = Request::get(format!("{}/sim/messages", self.address));
        let answer = http().send(request.body(Bytes::new()).unwrap()).await.unwrap();
        let all: Vec<serde_json::Value> = serde_json::from_slice(answer.body()).unwrap();
        let last = all.iter().rfind(|sms| sms["phone"] == phone).unwrap();
        last["code"].as_str().unwrap().to_owned()
    }
}

pub fn http() -> HyperClient {
    HyperClient::new(&ClientConfig::default(), Runtime::tokio())
}

/// The client's cable, with a fault for the next request whose path ends so.
pub fn cable(faults: Arc<std::sync::Mutex<Vec<(&'static str, Fault)>>>) -> Arc<dyn HttpTransport> {
    Arc::new(FaultyTransport::new(http(), move |request: &Request<Bytes>, _| {
        let mut faults = faults.lock().unwrap();
        let meant = faults.first().filter(|(end, _)| request.uri().path().ends_with(end)).copied();
        meant.map_or(Fault::Pass, |(_, fault)| {
            faults.remove(0);
            fault
        })
    }))
}

pub fn login(name: &str) -> Grant {
    Grant::Password { username: name.into(), password: "demo-password".into() }
}

pub fn guest(kind: IdentifierKind, read: &str) -> Identifier {
    input::identifier(kind, read).unwrap()
}

pub fn phone(read: &str) -> Identifier {
    guest(IdentifierKind::Phone, read)
}

/// The sale of the worked example under another number.
pub fn sale_as(purchase: u128, of: Sale) -> Sale {
    Sale { purchase: PurchaseId::from(Uuid::from_u128(purchase)), ..of }
}
