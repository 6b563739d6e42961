//! What outlives the program: the store, the processing, and the clock on the wall.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use base64::Engine as _;
use tillway_core::port::{Clock, LoyaltyProcessing};
use tillway_core::{Kopecks, Timestamp};
use tillway_layers::Loyalty;
use tillway_layers::loyalty::{BodyKeys, LoyaltyConfig, ResendId};
use tillway_loymax::dialect::Letters;
use tillway_loymax::public::{self, Application, JsonMirror, PublicApi, Speaker};
use tillway_loymax::sign::{Identity, Profile, Signatures};
use tillway_loymax::{Config, Dialect, Loymax};
use tillway_memory::MemoryStore;
use tillway_sim::loymax::Processing;
use tillway_sim::loymax::house::{Card, ClientId, Duplicates, Guest, RequestAuth, State, Store};
use tillway_testkit::runtime::{CountingIds, TestClock};
use tillway_transport::client::{ClientConfig, HyperClient};
use tillway_transport::fault::FaultyTransport;
use tillway_transport::server::{Server, ServerConfig};
use tillway_transport::{HttpTransport, Runtime};
use tokio::net::TcpListener;

use super::cut::{Cable, Fuse, Mortal};
use crate::keys::{identity, path};

pub(crate) const TILL: &str = "TILL-0007";
pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// How many guests there are.
pub(crate) const GUESTS: u64 = 5;
pub(crate) const POINTS: Kopecks = Kopecks(100_000);

/// How the till speaks, and what repeats are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// `None` for the JSON mirror.
    pub(crate) profile: Option<Profile>,
    pub(crate) duplicates: Duplicates,
    pub(crate) resend: ResendId,
}

impl Way {
    /// Both profiles under both policies.
    pub(crate) const SIGNED: [Self; 4] = [
        Self::xml(Profile::DetachedBody, Duplicates::Replay),
        Self::xml(Profile::DetachedBody, Duplicates::Reject),
        Self::xml(Profile::EnvelopedXmlDsig, Duplicates::Replay),
        Self::xml(Profile::EnvelopedXmlDsig, Duplicates::Reject),
    ];
    /// And without a signature: in XML, with repeats under fresh ids, and in JSON.
    pub(crate) const ALL: [Self; 8] = [
        Self::SIGNED[0],
        Self::SIGNED[1],
        Self::SIGNED[2],
        Self::SIGNED[3],
        Self { resend: ResendId::Fresh, ..Self::xml(Profile::None, Duplicates::Replay) },
        Self { resend: ResendId::Fresh, ..Self::xml(Profile::None, Duplicates::Reject) },
        Self { profile: None, duplicates: Duplicates::Replay, resend: ResendId::Same },
        Self { profile: None, duplicates: Duplicates::Reject, resend: ResendId::Same },
    ];

    const fn xml(profile: Profile, duplicates: Duplicates) -> Self {
        Self { profile: Some(profile), duplicates, resend: ResendId::Same }
    }

    pub(crate) fn signs(self) -> bool {
        self.profile.is_some_and(|profile| profile != Profile::None)
    }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) processing: Processing,
    pub(crate) clock: TestClock,
    pub(crate) way: Way,
    ids: CountingIds,
}

impl World {
    pub(crate) fn new(way: Way) -> Self {
        let clock = TestClock::at(Timestamp { utc_ms: 1_773_478_800_000, offset_min: 180 });
        let processing = Processing::new(house(way), Arc::new(clock.clone()));
        if let Some(profile) = way.profile.filter(|_| way.signs()) {
            processing.sign(profile, keys()[0].clone());
        }
        Self { store: MemoryStore::new(), processing, clock, way, ids: CountingIds::new() }
    }

    /// The program starts, in one process with its peer.
    pub(crate) fn start(&self, fuse: &Arc<Fuse>) -> Loyalty {
        self.start_over(self.processing.clone(), "http://processing", fuse)
    }

    /// The program starts before a peer that is reached so.
    pub(crate) fn start_over(
        &self,
        http: impl HttpTransport,
        address: &str,
        fuse: &Arc<Fuse>,
    ) -> Loyalty {
        let cable = Cable { fuse: Arc::clone(fuse), processing: self.processing.clone() };
        let inner = self.adapter(Arc::new(FaultyTransport::new(http, cable)), address);
        let mortal = Mortal { inner, fuse: Arc::clone(fuse) };
        let (clock, ids) = (Arc::new(self.clock.clone()), Arc::new(self.ids.clone()));
        let config = LoyaltyConfig {
            resend: self.way.resend,
            ..LoyaltyConfig::new("till-1", BodyKeys::new(1, [7; 32]))
        };
        Loyalty::try_new(Arc::new(mortal), Arc::new(self.store.clone()), clock, ids, config)
            .unwrap()
    }

    pub(crate) fn adapter(
        &self,
        http: Arc<dyn HttpTransport>,
        address: &str,
    ) -> Arc<dyn LoyaltyProcessing> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let Some(profile) = self.way.profile else {
            let application = Application {
                id: "till-app".into(),
                secret: Some("demo".into()),
                redirect: "app://till".into(),
            };
            let config = public::Config::new(address, application);
            let api = PublicApi::try_new(config, http, clock).unwrap();
            return Arc::new(JsonMirror::new(
                &api,
                Speaker::Application,
                Dialect::default(),
                false,
            ));
        };
        let letters = match self.way.duplicates {
            Duplicates::Replay => Letters::Utf8,
            Duplicates::Reject => Letters::Windows1251,
        };
        let signatures = match profile {
            Profile::None => Signatures::default(),
            _ => Signatures::new(profile, &keys()[1], &[keys()[0].certificate().clone()]),
        };
        let url = format!("{address}/XmlExchange/demo");
        let dialect = Dialect { letters, ..Dialect::default() };
        let config = Config { dialect, signatures, ..Config::new(url, TILL, PASSWORD) };
        Arc::new(Loymax::try_new(config, http, clock).unwrap())
    }

    /// The points of every guest, those that are reserved, and what is open.
    pub(crate) fn books(&self) -> (Vec<Kopecks>, Kopecks, usize) {
        self.processing.house().with(|store| {
            let reserved = Kopecks::total(store.guests.values().map(|guest| guest.reserved));
            let open = |state| !matches!(state, State::Confirmed | State::Cancelled);
            let open = store.purchases.values().filter(|one| open(one.state)).count();
            let points = guests().map(|id| store.guests.get(&id).unwrap().points).collect();
            (points, reserved.unwrap(), open)
        })
    }

    /// No operation was done twice, and no purchase moved points twice.
    pub(crate) fn once(&self, place: &str) {
        let mut done = BTreeMap::<String, u32>::new();
        for record in self.processing.journal().iter().flat_map(|entry| entry.commands.clone()) {
            if record.done {
                *done.entry(record.operation).or_default() += 1;
            }
        }
        assert!(done.values().all(|times| *times == 1), "{place}: an operation was done twice");
        let mut moved = BTreeMap::<(String, String), u32>::new();
        let moves = self.processing.house().with(|store| store.moves.clone());
        for one in moves {
            *moved.entry((one.purchase, format!("{:?}", one.what))).or_default() += 1;
        }
        assert!(moved.values().all(|times| *times == 1), "{place}: points were moved twice");
    }
}

pub(crate) fn guests() -> impl Iterator<Item = ClientId> {
    (11..).map(ClientId).take(usize::try_from(GUESTS).unwrap())
}

/// The number of a guest's card.
pub(crate) fn card(guest: u64) -> String {
    format!("29900000{guest:05}")
}

/// The processing's keys and the till's: they are read once.
fn keys() -> &'static [Identity; 2] {
    static KEYS: OnceLock<[Identity; 2]> = OnceLock::new();
    KEYS.get_or_init(|| ["processing", "till"].map(identity))
}

/// The house of the stand: its masks are compiled once.
fn demo() -> Store {
    static DEMO: OnceLock<Store> = OnceLock::new();
    DEMO.get_or_init(Store::demo).clone()
}

/// The house of the stand, with guests of its own, and tea that is off for everybody.
fn house(way: Way) -> Store {
    let mut store = demo();
    store.rules.duplicates = way.duplicates;
    store.offers.get_mut(&12).unwrap().coupon = None;
    let till = store.tills.get_mut(TILL).unwrap();
    till.password = PASSWORD.into();
    if way.signs() {
        till.request_auth = RequestAuth::Signature;
        till.certificate = Some(der("till"));
    }
    for (at, id) in (0..).zip(guests()) {
        let guest = Guest {
            name: format!("Гость {at}"),
            phone: Some(format!("7999111{at:04}")),
            points: POINTS,
            registered: true,
            ..Guest::default()
        };
        store.guests.insert(id, guest);
        store.add_card(Card::blank(&card(at)).of(id));
    }
    store
}

/// A certificate as a till's operator uploads it.
fn der(name: &str) -> Vec<u8> {
    let pem = std::fs::read_to_string(path(&format!("{name}.cert.pem"))).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

/// Serves a processing behind a socket of its own.
pub(crate) async fn serve(processing: &Processing) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = processing.clone();
    let serve = async move {
        let server = Server::new(ServerConfig::default(), Runtime::tokio());
        server.serve(listener, move |_| served.connect(), std::future::pending()).await;
    };
    #[expect(clippy::disallowed_methods, reason = "the server of the test")]
    tokio::spawn(serve);
    address
}

pub(crate) fn client() -> HyperClient {
    HyperClient::new(&ClientConfig::default(), Runtime::tokio())
}

/// Runs a future to its end, or to the death of its program: a peer in the same process answers at
/// once.
pub(crate) fn run<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// The link is whole again: whatever waits is sent, and nothing is left.
pub(crate) async fn drain(world: &World, loyalty: &Loyalty, place: &str) {
    world.processing.forget_faults();
    loyalty.recover().await.unwrap();
    for _ in 0..200 {
        if loyalty.unfinished().await.unwrap() == 0 {
            break;
        }
        world.clock.advance(Duration::from_secs(301));
        let drained = loyalty.drain(1_000).await;
        assert_eq!((drained.damaged, drained.stopped), (0, None), "{place}");
    }
    assert_eq!(loyalty.listed().await.unwrap(), [], "{place}");
    assert_eq!(loyalty.unfinished().await, Ok(0), "{place}");
}
