//! Both HTTP interfaces, from bytes to the book: the server loop, the service, the engine and the
//! store in memory, under every invariant.

mod call;
mod check;
mod docs;

use std::net::SocketAddr;
use std::sync::Arc;

use core::time::Duration;

use futures::future::join;
use serde_json::Value;
use tillway_core::account::OverdraftUse;
use tillway_core::book::Commit;
use tillway_core::id::{TillId, Uuid};
use tillway_core::port::{AccountBook, Clock, Spawner, Store, Task};
use tillway_core::{AccountKind, Timestamp};
use tillway_engine::{Bridge, Engine, EngineConfig, Fiscal, PinCheck, Ports};
use tillway_memory::MemoryStore;
use tillway_testkit::Checked;
use tillway_testkit::builders::{INSTALLATION, seed};
use tillway_testkit::runtime::CountingIds;
use tillway_transport::Runtime;
use tillway_transport::server::{PeerInfo, Server, ServerConfig};
use tillway_waiter::{Desks, PaymentType, Till, WaiterConfig, WaiterService};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::task::JoinHandle;

use self::call::Call;
use crate::bytes::Bytes;
use crate::http::{Answer, answer, simulated};
use crate::scans::RULES;
use crate::talk::talk;
use crate::tokens::NOW;

/// More calls than this only make a finding harder to read.
const CALLS_MAX: usize = 24;

/// How many check-ins wait for the till at once.
const WAITING_MAX: usize = 3;

const PAYMENT_TYPES: [(Uuid, Option<AccountKind>); 4] = [
    (Uuid::from_u128(0xB0), Some(AccountKind::Bonus)),
    (Uuid::from_u128(0xDE), Some(AccountKind::Deposit)),
    (Uuid::from_u128(0xC0), Some(AccountKind::Credit)),
    (Uuid::from_u128(0xFF), None),
];

/// The venue's rules, and calls.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let rules = bytes.byte();
    simulated(async {
        let mut venue = Venue::open(rules).await;
        for _ in 0..CALLS_MAX {
            let Some(mut step) = bytes.step() else { break };
            venue.step(&mut step).await;
        }
        venue.close().await;
    });
}

/// What earlier answers told.
#[derive(Debug, Default)]
struct Seen {
    holds: Vec<String>,
    commands: Vec<String>,
}

struct Venue {
    engine: Engine,
    store: Arc<Checked>,
    service: WaiterService,
    seen: Seen,
    polls: bool,
    /// Calls that wait for the till.
    waiting: Vec<JoinHandle<(Call, Answer)>>,
}

impl Venue {
    async fn open(rules: u8) -> Self {
        let store = Arc::new(Checked::new(Arc::new(MemoryStore::new())));
        for guest in seed() {
            let opened = store.commit(Commit::of(NOW, guest.ops())).await;
            opened.expect("an empty book takes a guest");
        }
        let clock: Arc<dyn Clock> = Arc::new(SimClock(tokio::time::Instant::now()));
        let ports = Ports {
            store: Arc::<Checked>::clone(&store),
            clock: Arc::clone(&clock),
            spawner: Arc::new(Tasks),
            ids: Arc::new(CountingIds::new()),
        };
        let engine = Engine::new(ports, engine_rules(rules));
        let desks = Desks {
            loyalty: Arc::new(engine.clone()),
            payment: Arc::new(engine.clone()),
            bridge: Arc::new(engine.clone()),
        };
        let service = WaiterService::try_new(listener(), desks, clock).expect("a good listener");
        let polls = engine.config().bridge == Bridge::Poll;
        Self { engine, store, service, seen: Seen::default(), polls, waiting: Vec::new() }
    }

    async fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.below(24) {
            20 => tokio::time::sleep(Duration::from_secs(u64::from(bytes.byte()).pow(2))).await,
            21 => self.engine.keeper().look().await,
            22 => self.join().await,
            23 => {
                let raw = bytes.slice();
                if let Some(answer) = exchange(self.service.clone(), raw.to_vec(), false).await {
                    check::anything(&answer);
                }
            }
            _ => {
                let call = Call::next(bytes, &self.seen);
                self.call(call, bytes.rarely(4)).await;
            }
        }
        assert_eq!(self.store.violation(), None);
    }

    async fn call(&mut self, call: Call, twice: bool) {
        if self.polls && call.path.ends_with("/checkin") && self.waiting.len() < WAITING_MAX {
            let service = self.service.clone();
            self.waiting.push(tokio::spawn(async move {
                let answer = sent(service, &call).await;
                (call, answer)
            }));
            // It comes as far as it can before the next call.
            tokio::task::yield_now().await;
            return;
        }
        let first = sent(self.service.clone(), &call).await;
        check::call(&call, &first);
        self.learn(&call, &first);
        if call.keyed && twice {
            let again = sent(self.service.clone(), &call).await;
            check::call(&call, &again);
            repeated(&call, &first, &again);
        }
    }

    fn learn(&mut self, call: &Call, answer: &Answer) {
        if call.method == "HEAD" || answer.body.is_empty() {
            return;
        }
        let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else { return };
        let mut note = |known: fn(&mut Seen) -> &mut Vec<String>, id: &Value| {
            let list = known(&mut self.seen);
            if let Some(id) = id.as_str()
                && !list.iter().any(|other| other == id)
            {
                list.push(id.to_owned());
            }
        };
        note(|seen| &mut seen.holds, &value["reservationId"]);
        for command in value["commands"].as_array().into_iter().flatten() {
            note(|seen| &mut seen.commands, &command["commandId"]);
        }
    }

    /// Waits for the check-ins; the till stays silent meanwhile.
    async fn join(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            let (call, answer) = waiting.await.expect("a call does not panic");
            check::call(&call, &answer);
        }
    }

    async fn close(&mut self) {
        self.join().await;
        assert_eq!(self.store.violation(), None);
        let whole = self.store.audit().await.expect("memory reads");
        assert_eq!(tillway_core::book::audit(&whole), Ok(()));
    }
}

/// One key, one effect: the second answer is that of the first, and says so.
fn repeated(call: &Call, first: &Answer, again: &Answer) {
    let request = String::from_utf8_lossy(&call.request);
    if first.status == 201 {
        assert_eq!(again.status, 200, "{first:?} {again:?}\nto {request}");
        assert_eq!(again.header("idempotent-replay"), Some("true"), "{again:?}\nto {request}");
    }
    let is_final = |answer: &Answer| {
        let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        value["error"]["final"] == Value::Bool(true)
    };
    if is_final(first) {
        assert_eq!((again.status, &again.body), (first.status, &first.body), "\nto {request}");
    }
}

async fn sent(service: WaiterService, call: &Call) -> Answer {
    let head_only = call.method == "HEAD";
    let request = String::from_utf8_lossy(&call.request);
    let answer = exchange(service, call.request.clone(), head_only).await;
    let answer = answer.unwrap_or_else(|| panic!("no answer to {request}"));
    talk(|| format!("{request}\n=> {} {}\n", answer.status, String::from_utf8_lossy(&answer.body)));
    answer
}

/// Sends bytes over a connection of their own; the first answer to them.
async fn exchange(service: WaiterService, request: Vec<u8>, head_only: bool) -> Option<Answer> {
    let (near, far) = duplex(64 * 1024);
    let peer: SocketAddr = "127.0.0.1:5000".parse().expect("an address");
    let config = ServerConfig { date_header: false, ..ServerConfig::default() };
    let server = Server::new(config, Runtime::tokio());
    let client = async move {
        let mut near = near;
        near.write_all(&request).await.ok()?;
        let mut read = Vec::new();
        loop {
            let mut step = [0; 8 * 1024];
            let count = near.read(&mut step).await.ok()?;
            read.extend_from_slice(&step[..count]);
            if let Some((answer, _)) = answer(&read, head_only) {
                return Some(answer);
            }
            if count == 0 {
                assert!(read.is_empty(), "cut in the middle of an answer");
                return None;
            }
        }
    };
    let served = server.serve_connection(far, service.for_peer(PeerInfo::new(peer)));
    join(client, served).await.0
}

fn engine_rules(rules: u8) -> EngineConfig {
    let mut config = EngineConfig::new(INSTALLATION);
    config.bridge = if rules & 1 == 0 { Bridge::Message } else { Bridge::Poll };
    config.tokens = RULES.clone();
    config.phone_spend = rules & 2 != 0;
    config.overdraft = if rules & 4 == 0 { OverdraftUse::Allow } else { OverdraftUse::Deny };
    config.bonus_cap_bp = (rules & 8 != 0).then_some(3_000);
    config.allow_orderless_refund = rules & 16 != 0;
    if rules & 32 != 0 {
        config.pins = PinCheck::List(vec!["12345".into()]);
    }
    config.fiscal = Fiscal::ExternalDeclared;
    let types = PAYMENT_TYPES.iter().filter_map(|(id, kind)| Some((*id, (*kind)?)));
    config.payment_types = types.collect();
    config
}

fn listener() -> WaiterConfig {
    let till = |name: &str, token: &str| {
        Till::new(TillId::try_new(name).expect("a good name"), token.to_owned())
    };
    let mut config = WaiterConfig::new(till("till-1", "till-1-secret"));
    config.tills.push(till("till-2", "till-2-secret"));
    let named = |(id, kind): &(Uuid, Option<AccountKind>)| {
        Some(PaymentType { id: *id, kind: (*kind)?, name: "Lime".to_owned() })
    };
    config.payment_types = PAYMENT_TYPES.iter().filter_map(named).collect();
    config
}

/// The runtime's paused clock; it begins at [`NOW`].
#[derive(Debug)]
struct SimClock(tokio::time::Instant);

#[async_trait::async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        NOW.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[derive(Debug)]
struct Tasks;

impl Spawner for Tasks {
    fn spawn(&self, _name: &'static str, task: Task) {
        tokio::spawn(task);
    }
}
