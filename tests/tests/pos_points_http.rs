//! Waiter and the payment API where points are at Loymax: the real client, over HTTP, against the
//! simulated processing (money rules F10, F11). After each test the processing holds what the book
//! says, nothing is reserved, and nothing was taken twice.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tillway_core::Kopecks;
use tillway_core::port::LoyaltyProcessing;
use tillway_loymax::dialect::Letters;
use tillway_loymax::sign::{Certificate, Identity, Profile, Signatures, SigningKey};
use tillway_loymax::{Config, Dialect, Loymax};
use tillway_sim::loymax::house::{ClientId, Duplicates, Kind, RequestAuth, State};
use tillway_sim::loymax::{Fault, Processing, Step};
use tillway_testkit::runtime::{TestClock, block_on};
use tillway_tests::points::{pay, settle, tell_lines, wallet, with};
use tillway_tests::pos::Pay;
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue, order_id};
use tillway_transport::client::{ClientConfig, HyperClient};
use tillway_transport::server::{Server, ServerConfig};
use tillway_transport::{HttpTransport, Runtime, TransportError};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

const ANNA: &str = "149725735";
/// What Anna has at the processing before each test.
const POINTS: i64 = 25_000;
/// How long a test waits in real time for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client on a runtime of its own: the engine's threads have none.
#[derive(Debug)]
struct Wire {
    http: Arc<HyperClient>,
    runtime: Handle,
}

/// Gives a request up when nobody waits for it any more.
struct GivenUp(AbortHandle);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let http = Arc::clone(&self.http);
        let task = self.runtime.spawn(async move { http.send(request).await });
        let _given_up = GivenUp(task.abort_handle());
        task.await.unwrap()
    }
}

/// A venue and its processing, on one clock.
struct Far {
    venue: Venue,
    processing: Processing,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone, Copy, Debug)]
struct Way {
    letters: Letters,
    profile: Profile,
    duplicates: Duplicates,
}

impl Default for Way {
    fn default() -> Self {
        Self { letters: Letters::Utf8, profile: Profile::None, duplicates: Duplicates::Replay }
    }
}

fn key(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/loymax/fixtures/keys/");
    std::fs::read_to_string(format!("{folder}{name}.pem")).unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&key(&format!("{name}.cert"))).unwrap()
}

fn identity(name: &str) -> Identity {
    let key = SigningKey::from_pem(&key(&format!("{name}.key")).into()).unwrap();
    Identity::try_new(key, certificate(name)).unwrap()
}

/// The bytes of a certificate, as an operator uploads them.
fn der(name: &str) -> Vec<u8> {
    let text = key(&format!("{name}.cert"));
    let digits = text.lines().filter(|line| !line.starts_with('-')).flat_map(str::bytes);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits.filter(|digit| *digit != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        (bits, count) = (bits << 6 | u32::from(value), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xFF).unwrap());
        }
    }
    bytes
}

impl Far {
    fn open(way: Way) -> Self {
        let clock = TestClock::at(NOON);
        let processing = Processing::demo(Arc::new(clock.clone()));
        processing.house().with(|store| {
            store.rules.duplicates = way.duplicates;
            if way.profile != Profile::None {
                let till = store.tills.get_mut("TILL-0007").unwrap();
                till.request_auth = RequestAuth::Signature;
                till.certificate = Some(der("till"));
            }
        });
        if way.profile != Profile::None {
            processing.sign(way.profile, identity("processing"));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/XmlExchange/demo", listener.local_addr().unwrap());
        let served = processing.clone();
        runtime.spawn(async move {
            let server = Server::new(ServerConfig::default(), Runtime::tokio());
            server.serve(listener, move |_| served.connect(), std::future::pending()).await
        });
        let mut config = Config::new(url, "TILL-0007", "demo");
        config.dialect = Dialect { letters: way.letters, ..Dialect::default() };
        if way.profile != Profile::None {
            let trusted = [certificate("processing")];
            config.signatures = Signatures::new(way.profile, &identity("till"), &trusted);
        }
        let http = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
        let wire = Wire { http: Arc::new(http), runtime: runtime.handle().clone() };
        let till = Loymax::try_new(config, Arc::new(wire), Arc::new(clock.clone())).unwrap();
        let till: Arc<dyn LoyaltyProcessing> = Arc::new(till);
        let venue = with(till, Setup { clock, ..Setup::default() });
        venue.bound(ORDER_82, ANNA);
        tell_lines(&venue);
        Self { venue, processing, _runtime: runtime }
    }

    fn points(&self) -> i64 {
        self.processing.house().points(ClientId::DEMO).unwrap().0
    }

    fn reserved(&self) -> i64 {
        self.points() - self.processing.house().available(ClientId::DEMO).unwrap().0
    }

    /// Commands that were done, questions apart.
    fn done(&self) -> Vec<Kind> {
        let entries = self.processing.journal();
        let records = entries.into_iter().flat_map(|entry| entry.commands);
        let done = records.filter(|it| it.done && it.code == 0).map(|it| it.kind);
        done.filter(|kind| !matches!(kind, Kind::Balance | Kind::Available)).collect()
    }

    fn states(&self) -> Vec<State> {
        self.processing.house().with(|store| {
            let mut states: Vec<_> = store.purchases.values().map(|it| it.state).collect();
            states.sort_by_key(|state| format!("{state:?}"));
            states
        })
    }

    /// Tells all that can be told, however long it takes by the clock.
    fn settled(&self) {
        for _ in 0..4 {
            settle(&self.venue);
            self.venue.clock.advance(Duration::from_secs(300));
        }
        settle(&self.venue);
    }

    /// Does something that meets a fault; where no answer comes, the wait for it passes.
    #[expect(clippy::disallowed_methods, reason = "real time bounds a test that went wrong")]
    fn through<T: Send>(&self, step: &Step, work: impl FnOnce() -> T + Send) -> T {
        let before = matches!(step.fault, Fault::LostBefore);
        let hangs = before || matches!(step.fault, Fault::LostAfter | Fault::Slow(_));
        self.processing.push(step.clone());
        let met = || {
            let entries = self.processing.journal();
            let fits = entries.iter().rfind(|entry| entry.fault.as_ref() == Some(&step.fault));
            fits.is_some_and(|entry| before || !entry.commands.is_empty())
        };
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let work = scope.spawn(work);
            while hangs && !met() {
                yield_now();
                assert!(begun.elapsed() < PATIENCE, "{step:?} is never met");
            }
            if hangs {
                self.venue.pass(Duration::from_secs(8));
            }
            work.join().unwrap()
        })
    }

    /// The guest has so many points, nothing is on its way, and the book has none of it.
    fn ends_with(&self, points: i64) {
        self.settled();
        assert_eq!((self.points(), self.reserved()), (points, 0));
        let over = |state: &State| matches!(state, State::Confirmed | State::Cancelled);
        assert!(self.states().iter().all(over), "{:?}", self.states());
        let account = block_on(self.venue.store.account(wallet())).unwrap();
        let account = account.map(|account| (account.balance, account.held));
        assert_eq!(account.unwrap_or_default(), (Kopecks::ZERO, Kopecks::ZERO));
        self.venue.holds();
    }

    fn close(&self, payments: &[&Pay]) {
        assert_eq!(self.venue.close(order_id(ORDER_82), payments).status, 204);
    }
}

fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for letters in [Letters::Utf8, Letters::Windows1251] {
        for profile in [Profile::None, Profile::DetachedBody, Profile::EnvelopedXmlDsig] {
            ways.push(Way { letters, profile, ..Way::default() });
        }
    }
    ways
}

#[test]
fn f10_a_visit_under_every_profile_and_encoding() {
    for way in ways() {
        let far = Far::open(way);
        let shown = far.venue.loyalty(ORDER_82).json()["UserWallets"][0].clone();
        assert_eq!((&shown["Name"], &shown["Balance"]), (&"Баллы".into(), &250.into()), "{way:?}");
        // 30 % of 1 650.00 is more than there is.
        far.venue.has_limits(ORDER_82, "250", "100941");
        let pay = pay(1, 10_000);
        assert_eq!(pay.taken(&far.venue).minor("availableAfterMinor"), 15_000);
        assert_eq!((far.points(), far.reserved()), (POINTS, 10_000));
        pay.put(&far.venue).replays();
        far.close(&[&pay]);
        far.close(&[&pay]);
        far.ends_with(POINTS - 10_000 + 7_750);
        let all = [Kind::Calculate, Kind::Pay, Kind::Accrue, Kind::Confirm];
        assert_eq!(far.done(), all, "{way:?}");
    }
}

#[test]
fn f10_an_emergency_cancel_while_the_link_is_cut() {
    let far = Far::open(Way::default());
    let pay = pay(1, 10_000);
    pay.taken(&far.venue);
    far.processing.set_down(true);
    for till in [1, 2] {
        assert_eq!(pay.cancel(&far.venue, till).state_of(200), "cancelled");
        settle(&far.venue);
    }
    assert_eq!(far.reserved(), 10_000, "the cancel waits for the link");
    far.processing.set_down(false);
    far.ends_with(POINTS);
    assert_eq!(far.done(), [Kind::Calculate, Kind::Pay, Kind::Cancel]);
    pay.put(&far.venue).refused(409, "transaction_cancelled");
    self::pay(2, 10_000).taken(&far.venue);
    far.close(&[&self::pay(2, 10_000)]);
    far.ends_with(POINTS - 10_000 + 7_750);
}

/// Whatever is lost, late or forged on the way: 504, and nobody is charged.
#[test]
fn f10_no_answer_in_time_is_504_and_cancelled() {
    let way = Way { profile: Profile::DetachedBody, ..Way::default() };
    let faults = [
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Slow(Duration::from_secs(20)),
        Fault::Http { status: 503, done: true },
        Fault::Truncated,
        Fault::MessageCode(101),
        Fault::BadSignature,
        Fault::NoSignature,
    ];
    for fault in faults {
        for kind in [Kind::Calculate, Kind::Pay] {
            let far = Far::open(way);
            let pay = pay(1, 10_000);
            let step = Step::at(kind, fault.clone());
            let answer = far.through(&step, || pay.put(&far.venue));
            answer.denied(504, "processing_timeout");
            assert_eq!(pay.state(&far.venue), "tombstoned", "{fault:?} {kind:?}");
            pay.put(&far.venue).refused(409, "transaction_cancelled");
            far.ends_with(POINTS);
            // The same points are good for another payment.
            let other = self::pay(2, 25_000);
            other.taken(&far.venue);
            far.close(&[&other]);
            far.settled();
            assert_eq!(far.points(), 7_000, "{fault:?} {kind:?}: 5 % of 1 400.00");
            far.ends_with(7_000);
        }
    }
}

/// What is told at the close is told once, whatever is lost, under both policies for repeats.
#[test]
fn f10_the_close_is_told_once_whatever_is_lost() {
    for duplicates in [Duplicates::Replay, Duplicates::Reject] {
        for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Slow(Duration::from_secs(20))] {
            for kind in [Kind::Accrue, Kind::Confirm] {
                let far = Far::open(Way { duplicates, ..Way::default() });
                let pay = pay(1, 10_000);
                pay.taken(&far.venue);
                far.close(&[&pay]);
                far.through(&Step::at(kind, fault.clone()), || settle(&far.venue));
                far.ends_with(POINTS - 10_000 + 7_750);
                let all = [Kind::Calculate, Kind::Pay, Kind::Accrue, Kind::Confirm];
                assert_eq!(far.done(), all, "{duplicates:?} {fault:?} {kind:?}");
            }
        }
    }
}

/// A cancel whose answer is lost cancels once, and the next payment is whole.
#[test]
fn f10_a_cancel_is_told_until_it_is_answered() {
    for duplicates in [Duplicates::Replay, Duplicates::Reject] {
        for fault in [Fault::LostBefore, Fault::LostAfter] {
            let far = Far::open(Way { duplicates, ..Way::default() });
            let pay = pay(1, 10_000);
            pay.taken(&far.venue);
            assert_eq!(pay.cancel(&far.venue, 1).state_of(200), "cancelled");
            far.through(&Step::at(Kind::Cancel, fault), || settle(&far.venue));
            far.ends_with(POINTS);
            assert_eq!(far.done(), [Kind::Calculate, Kind::Pay, Kind::Cancel]);
        }
    }
}

#[test]
fn f10_points_go_back_whole_and_in_parts() {
    for way in ways() {
        for parts in [&[10_000][..], &[3_333, 1, 6_666], &[1, 9_999], &[5_000, 5_000]] {
            let far = Far::open(way);
            let pay = pay(1, 10_000);
            pay.taken(&far.venue);
            far.close(&[&pay]);
            far.settled();
            let mut before = 0;
            for part in parts {
                assert_eq!(pay.refund(&far.venue, before, *part).status, 201);
                pay.refund(&far.venue, before, *part).replays();
                before += part;
                settle(&far.venue);
            }
            assert_eq!(pay.state(&far.venue), "refunded");
            far.ends_with(POINTS);
            assert_eq!(
                far.done().iter().filter(|kind| **kind == Kind::Refund).count(),
                parts.len()
            );
        }
    }
}

/// The dish goes back while the guest sits there, before the close: whole, or a part of it.
#[test]
fn f10_refunds_before_the_close() {
    let far = Far::open(Way::default());
    let whole = pay(1, 10_000);
    whole.taken(&far.venue);
    assert_eq!(whole.refund(&far.venue, 0, 10_000).status, 201);
    settle(&far.venue);
    assert_eq!((far.points(), far.reserved()), (POINTS, 0));
    let part = pay(2, 10_000);
    part.taken(&far.venue);
    assert_eq!(part.refund(&far.venue, 0, 4_000).status, 201);
    settle(&far.venue);
    assert_eq!(far.reserved(), 10_000);
    far.close(&[&part]);
    far.ends_with(POINTS - 6_000 + 7_750 - 3_100);
}

/// The answer to a refund is lost: the points come back once.
#[test]
fn f10_a_refund_whose_answer_is_lost_comes_back_once() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Truncated] {
        let far = Far::open(Way::default());
        let pay = pay(1, 10_000);
        pay.taken(&far.venue);
        far.close(&[&pay]);
        far.settled();
        assert_eq!(pay.refund(&far.venue, 0, 10_000).status, 201);
        far.through(&Step::at(Kind::Refund, fault.clone()), || settle(&far.venue));
        far.ends_with(POINTS);
        assert_eq!(far.done().iter().filter(|kind| **kind == Kind::Refund).count(), 1, "{fault:?}");
    }
}
