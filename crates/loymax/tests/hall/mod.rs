//! A venue of the conformance suite: the simulated processing behind a real socket, and both of
//! the adapter's ways to it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use std::fmt;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use bytes::Bytes;
use http::Request;
use tillway_core::Timestamp;
use tillway_core::id::Uuid;
use tillway_core::loyalty::PurchaseId;
use tillway_core::port::processing::Level;
use tillway_core::port::{Clock, LoyaltyProcessing, async_trait};
use tillway_loymax::dialect::Letters;
use tillway_loymax::public::{self, Application, JsonMirror, PublicApi, Speaker};
use tillway_loymax::sign::{Profile, Signatures};
use tillway_loymax::{Config, Dialect, Loymax};
use tillway_sim::loymax::house::{
    ClientId, Duplicates, OperationAuth, RefundType, RequestAuth, State, Store,
};
use tillway_sim::loymax::{Fault as PeerFault, Processing, Step};
use tillway_testkit::conformance::{Executor, Failure, Running};
use tillway_testkit::processing::{Books, Change, Need, Trouble, Venue, house::CARD};
use tillway_testkit::runtime::TestClock;
use tillway_transport::Runtime;
use tillway_transport::client::{ClientConfig, HyperClient};
use tillway_transport::fault::{Fault, FaultyTransport};
use tillway_transport::server::{Server, ServerConfig};
use tokio::net::TcpListener;

use crate::keys::{certificate, identity, path};

pub const TILL: &str = "TILL-0007";

/// How the till speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speech {
    /// Protocol 3.2, with these letters and signatures.
    Xml(Letters, Profile),
    /// The mirror of the Public API.
    Json,
}

/// The house of the note behind a socket, with a till before it.
pub struct Hall {
    pub clock: TestClock,
    pub processing: Processing,
    speech: Speech,
    /// What befalls the next message on the till's cable.
    cable: Arc<Mutex<Option<Fault>>>,
    address: Option<String>,
    runtime: Arc<tokio::runtime::Runtime>,
}

impl Hall {
    pub fn new(speech: Speech, duplicates: Duplicates) -> Self {
        let clock = TestClock::at(Timestamp { utc_ms: 1_773_478_800_000, offset_min: 180 });
        let processing = Processing::new(store(speech, duplicates), Arc::new(clock.clone()));
        if let Speech::Xml(_, profile) = speech
            && profile != Profile::None
        {
            processing.sign(profile, identity("processing"));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (cable, runtime) = (Arc::default(), Arc::new(runtime));
        Self { clock, processing, speech, cable, address: None, runtime }
    }

    /// Where the processing listens; it begins to with the first question.
    async fn address(&mut self) -> String {
        if let Some(address) = &self.address {
            return address.clone();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let served = self.processing.clone();
        let serve = async move {
            let server = Server::new(ServerConfig::default(), Runtime::tokio());
            server.serve(listener, move |_| served.connect(), std::future::pending()).await;
        };
        #[expect(clippy::disallowed_methods, reason = "the server of the test")]
        tokio::spawn(serve);
        self.address = Some(address.clone());
        address
    }

    fn is_json(&self) -> bool {
        self.speech == Speech::Json
    }
}

/// The house of the stand; a till that signs has the certificate of the tests.
fn store(speech: Speech, duplicates: Duplicates) -> Store {
    let mut store = Store::demo();
    store.rules.duplicates = duplicates;
    store.rules.cancel_operations = true;
    store.rules.allow_blind_refund = true;
    let till = store.tills.get_mut(TILL).unwrap();
    if let Speech::Xml(_, profile) = speech
        && profile != Profile::None
    {
        till.request_auth = RequestAuth::Signature;
        till.certificate = Some(der("till"));
    }
    store
}

/// A certificate as a till's operator uploads it.
fn der(name: &str) -> Vec<u8> {
    let pem = std::fs::read_to_string(path(&format!("{name}.cert.pem"))).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

/// A till that speaks XML, over its own cable.
fn till(address: &str, letters: Letters, profile: Profile) -> Config {
    let dialect = Dialect { letters, cancel_one: true, ..Dialect::default() };
    let signatures = match profile {
        Profile::None => Signatures::default(),
        profile => Signatures::new(profile, &identity("till"), &[certificate("processing")]),
    };
    let url = format!("{address}/XmlExchange/demo");
    Config {
        dialect,
        signatures,
        level: Level::Maximum,
        blind_refund: true,
        ..Config::new(url, TILL, "demo")
    }
}

#[async_trait]
impl Venue for Hall {
    async fn connect(&mut self) -> Arc<dyn LoyaltyProcessing> {
        let address = self.address().await;
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let fate = Arc::clone(&self.cable);
        let http = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
        // A question for a token is no message.
        let cable = FaultyTransport::new(http, move |request: &Request<Bytes>, _| {
            let path = request.uri().path();
            let message = path.starts_with("/XmlExchange/") || path.contains("/Processing/");
            let fault = message.then(|| fate.lock().unwrap().take()).flatten();
            fault.unwrap_or(Fault::Pass)
        });
        let cable = Arc::new(cable);
        match self.speech {
            Speech::Xml(letters, profile) => {
                let config = till(&address, letters, profile);
                Arc::new(Loymax::try_new(config, cable, clock).unwrap())
            }
            Speech::Json => {
                let application = Application {
                    id: "till-app".into(),
                    secret: Some("demo".into()),
                    redirect: "app://till".into(),
                };
                let config = public::Config::new(&address, application);
                let api = PublicApi::try_new(config, cable, clock).unwrap();
                let speaker = Speaker::Application;
                Arc::new(JsonMirror::new(&api, speaker, Dialect::default(), true))
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn befall(&mut self, trouble: Trouble) {
        let on_the_way = match trouble {
            Trouble::NoLink => Some(Fault::Refuse),
            Trouble::LostRequest => Some(Fault::LoseRequest),
            Trouble::LostAnswer => Some(Fault::LoseAnswer),
            Trouble::HalfAnswer => Some(Fault::TruncateAnswer { bytes: 150 }),
            _ => None,
        };
        if on_the_way.is_some() {
            *self.cable.lock().unwrap() = on_the_way;
            return;
        }
        self.processing.push(Step::next(match trouble {
            Trouble::Breakdown if self.is_json() => PeerFault::Http { status: 500, done: false },
            Trouble::Breakdown => PeerFault::MessageCode(101),
            Trouble::Forged => PeerFault::BadSignature,
            Trouble::Unsigned => PeerFault::NoSignature,
            Trouble::Reordered => PeerFault::Reordered,
            _ => PeerFault::Renumbered,
        }));
    }

    async fn mend(&mut self) {
        *self.cable.lock().unwrap() = None;
        self.processing.forget_faults();
    }

    async fn change(&mut self, change: Change) {
        self.processing.house().with(|store| match change {
            Change::Block => {
                store.cards.get_mut(CARD).unwrap().blocked = true;
                store.guests.get_mut(&ClientId::DEMO).unwrap().blocked = true;
            }
            Change::AskPin => {
                store.tills.get_mut(TILL).unwrap().operation_auth = OperationAuth::PinCode;
            }
            Change::PointsFirst => {
                store.tills.get_mut(TILL).unwrap().refund_type = RefundType::BonusFirst;
            }
            Change::Forget(purchase) => {
                store.purchases.remove(purchase.as_str()).unwrap();
            }
        });
    }

    fn has(&self, need: Need) -> bool {
        match need {
            Need::Signed => {
                matches!(self.speech, Speech::Xml(_, profile) if profile != Profile::None)
            }
            Need::Disorder => !self.is_json(),
            Need::Coupons | Need::Messages | Need::PointsFirst => true,
            _ => false,
        }
    }

    fn books(&self) -> Books {
        books(&self.processing)
    }

    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(OnRuntime(Arc::clone(&self.runtime)))
    }
}

/// The truth about the guest of the note.
pub fn books(processing: &Processing) -> Books {
    processing.house().with(|store| {
        let guest = store.guests.get(&ClientId::DEMO).unwrap();
        let open = |state| !matches!(state, State::Confirmed | State::Cancelled);
        let open = store.purchases.iter().filter(|(_, purchase)| open(purchase.state));
        Books {
            points: guest.points,
            reserved: guest.reserved,
            open: open.map(|(id, _)| PurchaseId::try_new(id).unwrap()).collect(),
            done: store.operations.keys().map(|id| Uuid::try_parse(id).unwrap()).collect(),
        }
    })
}

impl fmt::Debug for Hall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hall").field("speech", &self.speech).finish_non_exhaustive()
    }
}

struct OnRuntime(Arc<tokio::runtime::Runtime>);

impl fmt::Debug for OnRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRuntime")
    }
}

impl Executor for OnRuntime {
    fn run(&self, case: Running<'_>) -> Result<(), Failure> {
        self.0.block_on(case)
    }
}
