//! The service in a simulation: on a network in memory, under a clock that jumps when everybody
//! waits, and killed where a test says so. What is on its disk stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tillway_core::book::Commit;
use tillway_core::port::{Clock, IdSource, LoyaltyProcessing, Spawner, Store, Task};
use tillway_core::time::Timestamp;
use tillway_engine::{Bridge, Engine, EngineConfig, Ports};
use tillway_memory::MemoryStore;
use tillway_sim::ids::SeededIds;
use tillway_sim::iiko_front::{FrontConfig, FrontSim};
use tillway_sim::story::World;
use tillway_sqlite::{Mode, SqliteConfig, SqliteStore};
use tillway_testkit::builders;
use tillway_transport::client::{Cause, MemoryClient, MemoryNet};
use tillway_transport::server::ServerConfig;
use tillway_transport::{HttpTransport, Runtime, TransportError};
use tillway_waiter::{Desks, Listener, PushBridge, WaiterService};
use tokio::task::AbortHandle;

use crate::doomed::Doomed;
use crate::openapi::{Exchange, check_exchange};
use crate::points;
use crate::venue::{NOON, listener, payment_types};

/// How many tills a house has.
pub const TILLS: u32 = 2;

/// Runs a story on a runtime of its own, whose time stands still while anybody works.
pub fn simulated<T>(story: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(story)
}

/// Tokio's clock, which a simulation moves.
#[derive(Debug)]
pub struct VirtualClock(tokio::time::Instant);

impl VirtualClock {
    /// A clock that stands at noon.
    pub fn at_noon() -> Arc<Self> {
        Arc::new(Self(tokio::time::Instant::now()))
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        NOON.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock of the simulation")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The tasks of one run of the service; they die with it.
#[derive(Clone, Debug, Default)]
struct Tasks(Arc<Mutex<Vec<AbortHandle>>>);

impl Tasks {
    fn kill(&self) {
        lock(&self.0).drain(..).for_each(|task| task.abort());
    }
}

impl Spawner for Tasks {
    #[expect(clippy::disallowed_methods, reason = "this is the spawner of the simulation")]
    fn spawn(&self, _: &'static str, task: Task) {
        let handle = tokio::spawn(task).abort_handle();
        let mut tasks = lock(&self.0);
        tasks.retain(|task| !task.is_finished());
        tasks.push(handle);
    }
}

/// What survives a crash.
#[derive(Debug)]
pub enum Disk {
    /// A store in memory.
    Memory(MemoryStore),
    /// A file.
    File(tempfile::TempDir),
}

impl Disk {
    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::Memory(MemoryStore::new())
    }

    /// An empty file in a folder of its own.
    pub fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// Opens the store; a file is free as soon as the last run is wholly gone.
    async fn open(&self) -> Arc<dyn Store> {
        let folder = match self {
            Self::Memory(store) => return Arc::new(store.clone()),
            Self::File(folder) => folder.path(),
        };
        let mut tries = 0;
        loop {
            let mut config = SqliteConfig::new(folder.join("book.db"));
            config.mode = Mode::Inline;
            config.read_connections = 1;
            config.cache_kib = 256;
            match SqliteStore::open(config) {
                Ok(store) => return Arc::new(store),
                Err(error) => assert!(tries < 100, "{error}"),
            }
            tries += 1;
            tokio::task::yield_now().await;
        }
    }
}

/// Where the service dies. Requests and commits are counted from 0 over the whole story, the
/// start-up's too.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Crash {
    /// Before this request reaches it.
    BeforeRequest(u64),
    /// When this request is performed, before its answer leaves.
    AfterRequest(u64),
    /// Before this commit is made.
    BeforeCommit(u64),
    /// When this commit is durable, before anybody knows.
    AfterCommit(u64),
}

/// How much has happened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Passed {
    /// Requests of all sides.
    pub requests: u64,
    /// Commits.
    pub commits: u64,
    /// How often the service died.
    pub crashes: u64,
}

/// A house. Clones are the same one.
#[derive(Clone)]
pub struct House(Arc<Inner>);

pub(crate) struct Inner {
    net: MemoryNet,
    clock: Arc<VirtualClock>,
    ids: Arc<dyn IdSource>,
    disk: Disk,
    down: Duration,
    state: Mutex<State>,
    /// Where plugins listen; without, they poll.
    listeners: Option<Listeners>,
    /// Where points are, if they are not in the book. Such a house has no bridge.
    processing: Option<Arc<dyn LoyaltyProcessing>>,
}

/// The plugins that listen, by till.
pub type Listeners = Arc<Mutex<BTreeMap<u32, FrontSim>>>;

#[derive(Default)]
struct State {
    run: Option<Run>,
    plan: BTreeSet<Crash>,
    passed: Passed,
}

struct Run {
    tasks: Tasks,
    store: Option<Arc<dyn Store>>,
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("passed", &self.passed()).finish_non_exhaustive()
    }
}

impl House {
    /// A house with the guests of the seed, which dies where the plan says and is down for a
    /// while each time.
    pub async fn open(disk: Disk, seed: u64, plan: &[Crash], down: Duration) -> Self {
        Self::build(disk, seed, plan, down, (None, None)).await
    }

    /// As [`House::open`], but the commands of the bridge are pushed to these plugins.
    pub async fn pushing(
        disk: Disk,
        seed: u64,
        plan: &[Crash],
        down: Duration,
        listeners: Listeners,
    ) -> Self {
        Self::build(disk, seed, plan, down, (Some(listeners), None)).await
    }

    /// As [`House::open`], but points are at this processing, and nobody asks the till.
    pub async fn with_points(
        disk: Disk,
        seed: u64,
        plan: &[Crash],
        down: Duration,
        processing: Arc<dyn LoyaltyProcessing>,
    ) -> Self {
        Self::build(disk, seed, plan, down, (None, Some(processing))).await
    }

    async fn build(
        disk: Disk,
        seed: u64,
        plan: &[Crash],
        down: Duration,
        (listeners, processing): (Option<Listeners>, Option<Arc<dyn LoyaltyProcessing>>),
    ) -> Self {
        {
            let store = disk.open().await;
            for persona in builders::seed() {
                store.commit(Commit::of(NOON, persona.ops())).await.unwrap();
            }
            if processing.is_some() {
                store.commit(Commit::of(NOON, vec![points::card()])).await.unwrap();
            }
        }
        let house = Self(Arc::new(Inner {
            net: MemoryNet::new(ServerConfig::default(), Runtime::tokio()),
            clock: VirtualClock::at_noon(),
            ids: Arc::new(SeededIds::new(seed ^ 0x5EED)),
            disk,
            down,
            state: Mutex::new(State { plan: plan.iter().copied().collect(), ..State::default() }),
            listeners,
            processing,
        }));
        Inner::boot(&house.0);
        house.store().await;
        house
    }

    /// Where stories of this till happen.
    pub fn world(&self, till: u32, seed: u64) -> World {
        let address = format!("http://till-{till}:7710");
        let (ip, port) = (std::net::Ipv4Addr::LOCALHOST, 50_000 + u16::try_from(till).unwrap());
        let client = self.0.net.client((ip, port).into());
        let client: Arc<dyn HttpTransport> =
            Arc::new(Door { client, house: Arc::downgrade(&self.0) });
        let mut front = FrontConfig::demo(address.as_str());
        front.token = format!("till-{till}-secret").into();
        front.demo = false;
        World {
            waiter: Arc::clone(&client),
            waiter_address: address,
            pos: client,
            front,
            clock: Arc::clone(&self.0.clock) as Arc<dyn Clock>,
            ids: Arc::new(SeededIds::new(seed.wrapping_mul(1_009) + u64::from(till))),
        }
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Lets time pass.
    pub async fn sleep(&self, duration: Duration) {
        self.0.clock.sleep(duration).await;
    }

    /// Lets the service die now.
    pub fn crash(&self) {
        Inner::crash(&self.0);
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        lock(&self.0.state).plan.clear();
    }

    /// How much has happened.
    pub fn passed(&self) -> Passed {
        lock(&self.0.state).passed
    }

    /// The store of the running service; waits while it is down. Do not keep it over a crash.
    pub async fn store(&self) -> Arc<dyn Store> {
        for _ in 0..100_000 {
            let up = lock(&self.0.state).run.as_ref().and_then(|run| run.store.clone());
            if let Some(store) = up {
                return store;
            }
            self.0.clock.sleep(Duration::from_millis(10)).await;
        }
        panic!("the service does not come up");
    }
}

impl Inner {
    fn boot(this: &Arc<Self>) {
        let tasks = Tasks::default();
        lock(&this.state).run = Some(Run { tasks: tasks.clone(), store: None });
        let inner = Arc::clone(this);
        tasks.clone().spawn("boot", Box::pin(async move { inner.start(tasks).await }));
    }

    async fn start(self: Arc<Self>, tasks: Tasks) {
        let store = self.disk.open().await;
        let doomed = Doomed::new(Arc::clone(&store), Arc::downgrade(&self));
        let ports = Ports {
            store: Arc::new(doomed),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            spawner: Arc::new(tasks.clone()),
            ids: Arc::clone(&self.ids),
        };
        let mut config = EngineConfig::new(builders::INSTALLATION);
        config.bridge = if self.listeners.is_some() { Bridge::Push } else { Bridge::Poll };
        if let Some(processing) = &self.processing {
            config.bridge = Bridge::None;
            points::rules(Arc::clone(processing))(&mut config);
        }
        let types = payment_types().into_iter();
        config.payment_types = types.map(|(id, kind, _)| (id, kind)).collect();
        let engine = Engine::new(ports, config);
        let keeper = engine.keeper();
        keeper.recover().await;
        for till in 1..=TILLS {
            let desks = Desks {
                loyalty: Arc::new(engine.clone()),
                payment: Arc::new(engine.clone()),
                bridge: Arc::new(engine.clone()),
            };
            let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
            let service = WaiterService::try_new(listener(till, &|_| {}), desks, clock).unwrap();
            self.net.register(&authority(till), move |peer| service.for_peer(peer));
        }
        if let Some(run) = &mut lock(&self.state).run {
            run.store = Some(store);
        }
        for till in 1..=TILLS {
            if let Some(listeners) = &self.listeners {
                push(&engine, &tasks, till, Arc::clone(listeners));
            }
        }
        tasks.spawn("keeper", Box::pin(async move { keeper.run().await }));
    }

    #[expect(clippy::disallowed_methods, reason = "whoever starts the service again")]
    fn crash(this: &Arc<Self>) {
        let Some(run) = lock(&this.state).run.take() else { return };
        lock(&this.state).passed.crashes += 1;
        for till in 1..=TILLS {
            this.net.remove(&authority(till));
        }
        run.tasks.kill();
        let inner = Arc::clone(this);
        tokio::spawn(async move {
            inner.clock.sleep(inner.down).await;
            Self::boot(&inner);
        });
    }

    fn is_planned(&self, crash: Crash) -> bool {
        lock(&self.state).plan.contains(&crash)
    }

    /// One commit, unless the service dies over it.
    pub(crate) async fn commit<T>(this: &Arc<Self>, commit: impl Future<Output = T>) -> T {
        let nth = count(&mut lock(&this.state).passed.commits);
        if this.is_planned(Crash::BeforeCommit(nth)) {
            Self::crash(this);
            return pending().await;
        }
        let done = commit.await;
        if this.is_planned(Crash::AfterCommit(nth)) {
            Self::crash(this);
            return pending().await;
        }
        done
    }
}

fn push(engine: &Engine, tasks: &Tasks, till: u32, listeners: Listeners) {
    let listener = Listener {
        till: builders::till(till),
        uri: format!("http://plugin-{till}:9100/").parse().unwrap(),
        token: format!("till-{till}-secret").into(),
    };
    let doorbell = Arc::new(Doorbell { till, listeners });
    let bridge = PushBridge::new(doorbell, vec![listener]);
    let pusher = engine.pusher(builders::till(till), Arc::new(bridge));
    tasks.spawn("pusher", Box::pin(async move { pusher.run().await }));
}

/// The way from the house to a plugin that listens.
struct Doorbell {
    till: u32,
    listeners: Listeners,
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doorbell")
    }
}

#[async_trait]
impl HttpTransport for Doorbell {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let refused = || TransportError::NotSent { cause: Cause::Broken, source: None };
        let front = lock(&self.listeners).get(&self.till).cloned().ok_or_else(refused)?;
        let authorization = request.headers().get(http::header::AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok());
        let status = front.pushed(authorization, request.body()).await;
        let status =
            status.map_err(|_| TransportError::Unknown { cause: Cause::Broken, source: None })?;
        Ok(Response::builder().status(status).body(Bytes::new()).unwrap())
    }
}

/// The way to the house, which counts the requests.
struct Door {
    client: MemoryClient,
    house: Weak<Inner>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Door")
    }
}

#[async_trait]
impl HttpTransport for Door {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let gone = || TransportError::Unknown { cause: Cause::Broken, source: None };
        let house = self.house.upgrade().ok_or_else(gone)?;
        let nth = count(&mut lock(&house.state).passed.requests);
        if house.is_planned(Crash::BeforeRequest(nth)) {
            Inner::crash(&house);
        }
        let (method, target) = (request.method().to_string(), target_of(&request));
        let answer = self.client.send(request).await;
        if let Ok(answer) = &answer {
            judge(&method, &target, answer);
        }
        if house.is_planned(Crash::AfterRequest(nth)) {
            Inner::crash(&house);
            return Err(gone());
        }
        answer
    }
}

fn target_of(request: &Request<Bytes>) -> String {
    request.uri().path_and_query().map_or_else(String::new, ToString::to_string)
}

fn judge(method: &str, target: &str, answer: &Response<Bytes>) {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter();
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    let (status, body) = (answer.status().as_u16(), &**answer.body());
    check_exchange(&Exchange { method, target, status, headers: &headers, body });
}

fn authority(till: u32) -> String {
    format!("till-{till}:7710")
}

fn count(counter: &mut u64) -> u64 {
    *counter += 1;
    *counter - 1
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
