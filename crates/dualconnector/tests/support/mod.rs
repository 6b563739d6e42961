//! A venue of simulated terminals, on tokio's paused time.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tillway_core::port::{CardTerminal, Clock, Spawner, Task, async_trait};
use tillway_core::{Kopecks, Timestamp};
use tillway_dualconnector::{Config, DualConnector};
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::MemoryStore;
use tillway_sim::dualconnector::{Answer, Decide, Kind, Settings, Step, Terminal};
use tillway_sim::ids::SeededIds;
use tillway_testkit::conformance::{Executor, Failure, Running};
use tillway_testkit::terminal::{Move, MoveKind, Trouble, Venue};
use tillway_transport::client::MemoryNet;
use tillway_transport::fault::{Fault, FaultyTransport};
use tillway_transport::server::ServerConfig;
use tillway_transport::{HttpTransport, Runtime, TransportError};

pub(crate) const ADDRESS: &str = "http://dualconnector:9015";

/// 15 March 2026, 14:22:07 in Moscow.
pub(crate) const BEGIN: Timestamp = Timestamp { utc_ms: 1_773_573_727_000, offset_min: 180 };

/// tokio's clock, paused by the tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PausedClock(tokio::time::Instant);

impl PausedClock {
    pub(crate) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        BEGIN.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the tests is tokio's")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Tasks of the test's own runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokioSpawner;

impl Spawner for TokioSpawner {
    #[expect(clippy::disallowed_methods, reason = "this is the spawner of the tests")]
    fn spawn(&self, _: &'static str, task: Task) {
        tokio::spawn(task);
    }
}

/// Runs a case where time passes as soon as nobody has anything to do.
#[derive(Debug)]
pub(crate) struct Paused;

impl Executor for Paused {
    fn run(&self, case: Running<'_>) -> Result<(), Failure> {
        run(case)
    }
}

pub(crate) fn run<F: Future>(case: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(case)
}

/// What becomes of the next request, and of all while it lasts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cable(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Befalls the next request that moves money or reconciles.
    next: Option<Fault>,
    unplugged: bool,
}

impl Cable {
    pub(crate) fn next(&self, fault: Fault) {
        self.lock().next = Some(fault);
    }

    pub(crate) fn unplug(&self, unplugged: bool) {
        self.lock().unplugged = unplugged;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn over<T: HttpTransport>(&self, inner: T) -> Arc<dyn HttpTransport> {
        let cable = self.clone();
        Arc::new(FaultyTransport::new(inner, move |request: &Request<Bytes>, _| {
            let mut state = cable.lock();
            if state.unplugged {
                return Fault::Refuse;
            }
            let body = String::from_utf8_lossy(request.body());
            let counts = ["1", "4", "29", "53", "59"];
            let of = |code| body.contains(&format!("<field id=\"25\">{code}</field>"));
            if counts.into_iter().any(of) {
                state.next.take().unwrap_or(Fault::Pass)
            } else {
                Fault::Pass
            }
        }))
    }
}

/// How the terminal is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// As HTTP, over a network in memory.
    Http,
    /// Without bytes in between.
    Direct,
}

/// A place with a simulated terminal behind DualConnector.
pub(crate) struct Place {
    way: Way,
    settings: Settings,
    config: Config,
    /// Made within the runtime.
    inside: Option<Inside>,
    /// The journal of a guarded one.
    guard: Option<(Arc<MemoryStore>, SeededIds)>,
}

#[derive(Clone)]
pub(crate) struct Inside {
    pub(crate) clock: PausedClock,
    pub(crate) device: Terminal,
    pub(crate) http: Arc<dyn HttpTransport>,
    pub(crate) cable: Cable,
}

impl Inside {
    pub(crate) fn new(way: Way, settings: Settings) -> Self {
        let clock = PausedClock::new();
        let device = Terminal::new(settings, Arc::new(clock), Arc::new(TokioSpawner));
        let cable = Cable::default();
        let http = match way {
            Way::Direct => cable.over(device.clone()),
            Way::Http => {
                let net = MemoryNet::new(ServerConfig::default(), Runtime::tokio());
                let service = device.clone();
                net.register("dualconnector:9015", move |_| Some(service.clone()));
                cable.over(net.client("127.0.0.1:1".parse().unwrap()))
            }
        };
        Self { clock, device, http, cable }
    }

    pub(crate) fn adapter(&self, config: Config) -> DualConnector {
        let (clock, spawner) = (Arc::new(self.clock), Arc::new(TokioSpawner));
        DualConnector::try_new(config, Arc::clone(&self.http), clock, spawner).unwrap()
    }
}

impl Place {
    pub(crate) fn new(way: Way, settings: Settings, config: Config) -> Self {
        Self { way, settings, config, inside: None, guard: None }
    }

    /// Under `layers::Guarded`, with a journal that outlives the program.
    pub(crate) fn guarded(self) -> Self {
        Self { guard: Some((Arc::default(), SeededIds::new(5))), ..self }
    }

    fn inside(&mut self) -> &Inside {
        let (way, settings) = (self.way, self.settings.clone());
        self.inside.get_or_insert_with(|| Inside::new(way, settings))
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("way", &self.way).finish_non_exhaustive()
    }
}

/// What the simulator is told for a trouble.
pub(crate) fn step(trouble: Trouble) -> Option<Step> {
    let minute = Duration::from_secs(60);
    Some(match trouble {
        Trouble::Declined => Step::of(Decide::decline()),
        Trouble::GuestCancels => Step::of(Decide::Abort),
        Trouble::NoBankLink => Step::of(Decide::NoLink),
        Trouble::Partial => Step::of(Decide::Partial),
        Trouble::Offline => Step::of(Decide::Offline),
        Trouble::HalfAnswer => Step::heard(Answer::Half),
        Trouble::LateAnswer => Step { card: Some(Duration::from_secs(200)), ..Step::default() },
        Trouble::UndefinedTaken => Step::of(Decide::Undefined { taken: true }),
        Trouble::UndefinedNotTaken => Step::of(Decide::Undefined { taken: false }),
        Trouble::RestartBefore => {
            Step { restart: Some(minute), ..Step::of(Decide::Undefined { taken: false }) }
        }
        Trouble::RestartAfter => {
            Step { restart: Some(minute), ..Step::of(Decide::Undefined { taken: true }) }
        }
        Trouble::LostRequest | Trouble::LostAnswer | Trouble::Unplugged => return None,
    })
}

#[async_trait]
impl Venue for Place {
    async fn connect(&mut self) -> Arc<dyn CardTerminal> {
        let config = self.config.clone();
        let (bare, clock) = (self.inside().adapter(config), self.inside().clock);
        let Some((store, ids)) = &self.guard else { return Arc::new(bare) };
        let (bare, store): (Arc<dyn CardTerminal>, _) = (Arc::new(bare), Arc::clone(store));
        let config = DeviceConfig::new("terminal 1");
        Arc::new(Guarded::try_new(bare, store, Arc::new(clock), ids, config).unwrap())
    }

    fn now(&self) -> Timestamp {
        self.inside.as_ref().map_or(BEGIN, |inside| inside.clock.now())
    }

    #[expect(clippy::disallowed_methods, reason = "the clock of the tests is tokio's")]
    async fn advance(&mut self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    async fn befall(&mut self, trouble: Trouble) {
        let Inside { device, cable, .. } = self.inside();
        match (trouble, step(trouble)) {
            (Trouble::LostRequest, _) => cable.next(Fault::LoseRequest),
            (Trouble::LostAnswer, _) => cable.next(Fault::LoseAnswer),
            (Trouble::Unplugged, _) => cable.unplug(true),
            (_, Some(step)) => device.push(step),
            (_, None) => {}
        }
    }

    async fn mend(&mut self) {
        let Inside { device, cable, .. } = self.inside();
        device.forget_steps();
        *cable.lock() = State::default();
    }

    async fn pay_as_another(&mut self, amount: Kopecks) {
        self.inside().device.pay_as_another(amount.0);
    }

    fn moves(&self) -> Vec<Move> {
        let bank = self.inside.as_ref().map_or_else(Vec::new, |inside| inside.device.bank());
        let one = |one: tillway_sim::dualconnector::Move| Move {
            kind: if one.kind == Kind::Pay { MoveKind::Taken } else { MoveKind::Back },
            amount: one.amount,
        };
        bank.into_iter().map(one).collect()
    }

    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(Paused)
    }
}

/// Answers in order, and keeps what was asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Vec<u8>>>,
    requests: Mutex<Vec<String>>,
}

#[async_trait]
impl HttpTransport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/"));
        assert_eq!(request.headers()["connection"], "close", "a doubt less");
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        assert!(body.is_ascii(), "a request is ASCII");
        self.requests.lock().unwrap().push(body);
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        let response = Response::builder().header("content-type", "text/xml");
        Ok(response.body(answer.into()).unwrap())
    }
}

impl Script {
    /// Answers with these fixtures, in order.
    pub(crate) fn of(names: &[&str]) -> Self {
        let read =
            |name: &&str| std::fs::read(fixture("answers").join(format!("{name}.xml"))).unwrap();
        let answers = Mutex::new(names.iter().map(read).collect());
        Self { answers, requests: Mutex::default() }
    }

    /// Whether nothing is left to answer.
    pub(crate) fn is_used_up(&self) -> bool {
        self.answers.lock().unwrap().is_empty()
    }

    /// What was asked.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).join(name)
}
