//! A venue over real sockets: engine, Waiter and payment API of two tills, a clock moved by hand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tillway_core::AccountKind;
use tillway_core::book::{Commit, Op, Order, Verdict, audit};
use tillway_core::id::{OrderId, Uuid};
use tillway_core::port::{Clock, Store};
use tillway_core::time::Timestamp;
use tillway_engine::{Bridge, Engine, EngineConfig, Ports};
use tillway_memory::MemoryStore;
use tillway_testkit::builders::{self, till};
use tillway_testkit::runtime::{CountingIds, TestClock, ThreadSpawner, block_on};
use tillway_transport::Runtime;
use tillway_transport::server::{Server, ServerConfig};
use tillway_waiter::{Desks, PaymentType, Till, WaiterConfig, WaiterService};

use crate::openapi::{Asked, Exchange, check_exchange};

/// The payment types of the demo.
pub const BONUS_TYPE: &str = "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc";
/// See [`BONUS_TYPE`].
pub const DEPOSIT_TYPE: &str = "d645d632-cd95-4d49-9974-06911a9cd314";
/// See [`BONUS_TYPE`].
pub const CREDIT_TYPE: &str = "b7e0a1d4-6f11-4a6e-8a0d-2f6c9b1d4e77";
/// Order 82 of the demo.
pub const ORDER_82: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
/// When every test begins.
pub const NOON: Timestamp = Timestamp::utc(1_790_000_000_000);

/// How long a test waits in real time for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a venue is set up. The default has no bridge, the guests of the seed, and two tills.
pub struct Setup {
    /// The store; the guests of the seed are put into it when it is empty of them.
    pub store: Arc<dyn Store>,
    /// Where the clock stands.
    pub clock: TestClock,
    /// Changes the rules.
    pub rules: Box<dyn FnOnce(&mut EngineConfig)>,
    /// Changes each listener.
    pub edge: Box<dyn Fn(&mut WaiterConfig)>,
    /// Changes the server loop.
    pub server: ServerConfig,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Setup")
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: TestClock::at(NOON),
            rules: Box::new(|_| {}),
            edge: Box::new(|_| {}),
            server: ServerConfig::default(),
        }
    }
}

/// A running venue. Dropping it stops the listeners at once.
#[derive(Debug)]
pub struct Venue {
    /// The desks.
    pub engine: Engine,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: TestClock,
    tills: Vec<SocketAddr>,
    _runtime: tokio::runtime::Runtime,
}

impl Venue {
    /// A venue without a bridge.
    pub fn open() -> Self {
        Self::with(Setup::default())
    }

    /// A venue without a bridge under these rules.
    pub fn ruled(rules: impl FnOnce(&mut EngineConfig) + 'static) -> Self {
        Self::with(Setup { rules: Box::new(rules), ..Setup::default() })
    }

    /// A venue whose tills fetch commands over the bridge.
    pub fn bridged() -> Self {
        Self::ruled(|config| config.bridge = Bridge::Poll)
    }

    /// A venue of this set-up.
    pub fn with(setup: Setup) -> Self {
        let (store, clock, server) =
            (Arc::clone(&setup.store), setup.clock.clone(), setup.server.clone());
        let (engine, services) = services(setup);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let tills = services.into_iter();
        let tills = tills.map(|service| runtime.block_on(serve(server.clone(), service))).collect();
        Self { engine, store, clock, tills, _runtime: runtime }
    }

    /// The address of a till's listener; tills count from 1.
    pub fn address(&self, till: usize) -> SocketAddr {
        self.tills[till - 1]
    }

    /// A connection to till 1.
    pub fn connect(&self) -> Wire {
        Wire::to(self.address(1))
    }

    /// One request to till 1, as WaiterServer would send it.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.connect().ask(method, path, &[], body)
    }

    /// One request to the payment API, with the token of the till.
    pub fn pos(&self, till: usize, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer till-{till}-secret");
        let headers = [("Authorization", bearer.as_str())];
        Wire::to(self.address(till)).ask(method, &format!("/pos/v1{path}"), &headers, body)
    }

    /// A check-in on till 1.
    pub fn check_in(&self, order: &str, value: &str) -> Answer {
        let body = format!(r#"{{"Value":"{value}","WaiterPin":"80085"}}"#);
        self.ask("POST", &format!("/orders/{order}/checkin"), &body)
    }

    /// A check-in that must go well.
    pub fn bound(&self, order: &str, value: &str) {
        let answer = self.check_in(order, value);
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// What is available on an account of a guest of the seed, in kopecks.
    pub fn available(&self, persona: &builders::Persona, kind: AccountKind) -> i64 {
        let account = block_on(self.store.account(persona.account(kind))).unwrap().unwrap();
        account.available().unwrap().0
    }

    /// Lets the book know one more guest.
    pub fn knows(&self, persona: &builders::Persona) {
        self.commits(persona.ops());
    }

    /// Commits these operations as they are, without a key.
    pub fn commits(&self, ops: Vec<Op>) {
        let done = block_on(self.store.commit(Commit::of(self.clock.now(), ops))).unwrap();
        assert!(matches!(done.verdict, Verdict::Done(_)), "{done:?}");
    }

    /// The row of an order.
    pub fn order(&self, order: &str) -> Option<Order> {
        block_on(self.store.order(order_id(order))).unwrap()
    }

    /// Lets the next sleep end, once somebody has begun one that is this long or less. A test in
    /// which nobody does within a minute of real time fails instead of hanging.
    #[expect(clippy::disallowed_methods, reason = "real time bounds a test that went wrong")]
    pub fn pass(&self, most: Duration) {
        let begun = std::time::Instant::now();
        loop {
            match self.clock.next_wake() {
                // One that is over already belongs to a thread that is only slow to notice.
                Some(wake) if !wake.is_zero() && wake <= most => return self.clock.advance(wake),
                _ => std::thread::yield_now(),
            }
            assert!(begun.elapsed() < PATIENCE, "nobody sleeps for {most:?} or less");
        }
    }

    /// How much time has passed since.
    pub fn clock_since(&self, then: Timestamp) -> Duration {
        self.clock.now().since(then)
    }

    /// Checks every sum of the book.
    pub fn holds(&self) {
        audit(&block_on(self.store.audit()).unwrap()).unwrap();
    }
}

/// The engine of this set-up, and the service of each till's listener, not listening yet.
pub fn services(setup: Setup) -> (Engine, Vec<WaiterService>) {
    for persona in builders::seed() {
        let known = block_on(setup.store.guest(persona.guest.id));
        if known.is_ok_and(|guest| guest.is_none()) {
            let _ = block_on(setup.store.commit(Commit::of(NOON, persona.ops())));
        }
    }
    let mut config = EngineConfig::new(builders::INSTALLATION);
    config.bridge = Bridge::None;
    config.payment_types = payment_types().into_iter().map(|(id, kind, _)| (id, kind)).collect();
    (setup.rules)(&mut config);
    let ports = Ports {
        store: setup.store,
        clock: Arc::new(setup.clock.clone()),
        spawner: Arc::new(ThreadSpawner::new()),
        ids: Arc::new(CountingIds::new()),
    };
    let engine = Engine::new(ports, config);
    let services = (1..=2).map(|number| {
        let desks = Desks {
            loyalty: Arc::new(engine.clone()),
            payment: Arc::new(engine.clone()),
            bridge: Arc::new(engine.clone()),
        };
        let config = listener(number, &*setup.edge);
        WaiterService::try_new(config, desks, Arc::new(setup.clock.clone())).unwrap()
    });
    let services = services.collect();
    (engine, services)
}

/// GUIDs, kinds and names of the demo's payment types.
pub fn payment_types() -> Vec<(Uuid, AccountKind, &'static str)> {
    vec![
        (uuid(BONUS_TYPE), AccountKind::Bonus, "Бонусы"),
        (uuid(DEPOSIT_TYPE), AccountKind::Deposit, "Депозит"),
        (uuid(CREDIT_TYPE), AccountKind::Credit, "Кредит"),
    ]
}

/// An id of its text.
pub fn uuid(text: &str) -> Uuid {
    Uuid::parse_str(text).unwrap()
}

/// An order's id of its text.
pub fn order_id(text: &str) -> OrderId {
    OrderId(uuid(text))
}

pub(crate) fn listener(number: u32, change: &dyn Fn(&mut WaiterConfig)) -> WaiterConfig {
    let own = |n: u32| Till::new(till(n), format!("till-{n}-secret"));
    let mut config = WaiterConfig::new(own(number));
    config.tills = vec![own(1), own(2)];
    config.payment_types = payment_types()
        .into_iter()
        .map(|(id, kind, name)| PaymentType { id, kind, name: name.to_owned() })
        .collect();
    change(&mut config);
    config
}

async fn serve(config: ServerConfig, service: WaiterService) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(config, Runtime::tokio());
    #[expect(clippy::disallowed_methods, reason = "the listener of a test")]
    tokio::spawn(async move {
        let make = move |peer| service.for_peer(peer);
        server.serve(listener, make, std::future::pending()).await
    });
    address
}

/// A connection that speaks bytes. Every answer must be as `docs/api` says.
#[derive(Debug)]
pub struct Wire {
    stream: BufReader<TcpStream>,
    /// `None` where another program answers too.
    asked: Option<Asked>,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, with the status line.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects. A test that gets no answer within a minute of real time fails instead of hanging.
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), asked: Some(Asked::default()) }
    }

    /// The same, for answers that no document of ours speaks of.
    pub fn of_others(self) -> Self {
        Self { asked: None, ..self }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Some(asked) = &mut self.asked {
            asked.sent(bytes.as_ref());
        }
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        self.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// Sends a request with a `Content-Length` and reads the answer.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.start(method, path, headers, body);
        self.answer(method == "HEAD")
    }

    /// Sends a request and leaves its answer on the way.
    pub fn start(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: till\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if !body.is_empty() && !typed {
            head.push_str("Content-Type: application/json; charset=utf-8\r\n");
        }
        if !body.is_empty() || !matches!(method, "GET" | "HEAD") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.send([head.as_bytes(), body.as_bytes()].concat());
    }

    /// Reads one answer. An answer to `HEAD` has no body, whatever its length says.
    pub fn answer(&mut self, to_head: bool) -> Answer {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line).unwrap();
            assert!(read > 0, "the connection ended inside a head: {head:?}");
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |v| v.parse().unwrap());
        if !to_head && !(100..200).contains(&status) {
            answer.body.resize(length, 0);
            self.stream.read_exact(&mut answer.body).unwrap();
        }
        if status >= 200 {
            self.judge(&answer);
        }
        answer
    }

    fn judge(&mut self, answer: &Answer) {
        let Some(asked) = self.asked.as_mut().and_then(Asked::take) else { return };
        let headers: Vec<_> = answer.headers().collect();
        let (method, target) = (&*asked.method, &*asked.target);
        let (status, body) = (answer.status, &*answer.body);
        check_exchange(&Exchange { method, target, status, headers: &headers, body });
    }

    /// Whether the peer has ended the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.fill_buf(), Ok([]) | Err(_))
    }
}

impl Answer {
    fn headers(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    }

    /// A header by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a `pos/v1` error; `""` when there is none.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// What the waiter is told.
    pub fn message(&self) -> String {
        self.json()["WaiterMessage"].as_str().unwrap_or_default().to_owned()
    }
}
