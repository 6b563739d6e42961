//! Desks that answer as they are told, and a client that speaks raw bytes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod book;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tillway_core::book::{Caller, Hold, Refusal};
use tillway_core::id::{CommandId, HoldId, OrderId, PaymentId, TillId, Uuid};
use tillway_core::port::{
    BridgeCommand, BridgeDesk, BridgeError, CaptureRequest, CheckedIn, Clock, CloseReport,
    CommandOutcome, LoyaltyDesk, LoyaltyView, OrderClosed, OrderTold, OrderView, PayError,
    PaymentDesk, PaymentView, Readiness, Reconciliation, RefundRequest, RefundView, Replayable,
    ReserveRequest, TableRefusal, UnlinkedRequest, UnlinkedView, async_trait,
};
use tillway_core::split::{Input, Plan};
use tillway_core::token::Scan;
use tillway_core::wallet::Limits;
use tillway_core::{AccountKind, Kopecks, Timestamp};
use tillway_transport::Runtime;
use tillway_transport::client::MemoryNet;
use tillway_transport::server::ServerConfig;
use tillway_waiter::{AllowedPeers, Desks, PaymentType, Till, WaiterConfig, WaiterService};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub(crate) const ORDER: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
pub(crate) const BONUS: &str = "6d0a1a52-7d5c-5b52-8a5e-0d3f7c7b1e01";
pub(crate) const DEPOSIT: &str = "c1b1f3c0-2b8a-5f0a-9a41-77d2a1f0be02";
pub(crate) const T1: &str = "5d2f0c1e-7a43-4c58-9c0b-2b1a6e4f8d01";
pub(crate) const T2: &str = "9a3b6d2e-0a64-4f3e-8f0f-5c1d9e2b7a10";
pub(crate) const DEPOSIT_TYPE: &str = "d645d632-cd95-4d49-9974-06911a9cd314";
pub(crate) const TOKEN: &str = "till-1-secret";
pub(crate) const FRIEND: &str = "10.0.0.7:4000";

pub(crate) fn id(text: &str) -> Uuid {
    Uuid::try_parse(text).unwrap()
}

/// 2026-11-22T09:30:00Z.
pub(crate) const NOW: Timestamp = Timestamp::utc(1_795_339_800_000);

/// What the desks answer, and what they were asked.
#[derive(Debug)]
pub(crate) struct State {
    /// Every desk takes for ever.
    pub(crate) hang: bool,
    /// Every desk takes so long.
    pub(crate) takes: Duration,
    pub(crate) check_in: Result<CheckedIn, TableRefusal>,
    pub(crate) check_out: Result<(), TableRefusal>,
    pub(crate) loyalty: Result<Option<LoyaltyView>, TableRefusal>,
    pub(crate) limits: Result<Limits, TableRefusal>,
    pub(crate) ready: Result<(), TableRefusal>,
    pub(crate) order: Result<OrderView, PayError>,
    pub(crate) told: Result<(), PayError>,
    pub(crate) plan: Result<Plan, PayError>,
    pub(crate) hold: Result<Replayable<Hold>, PayError>,
    pub(crate) payment: Result<Replayable<PaymentView>, PayError>,
    pub(crate) refund: Result<Replayable<RefundView>, PayError>,
    pub(crate) unlinked: Result<Replayable<UnlinkedView>, PayError>,
    pub(crate) acknowledged: Result<(), PayError>,
    pub(crate) closed: Result<CloseReport, PayError>,
    pub(crate) reconciliation: Result<Reconciliation, PayError>,
    pub(crate) commands: Result<Vec<BridgeCommand>, BridgeError>,
    pub(crate) result: Result<(), BridgeError>,
    pub(crate) asked: Asked,
}

/// What the desks were asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) callers: Vec<Caller>,
    pub(crate) orders: Vec<OrderId>,
    pub(crate) scans: Vec<(String, Option<String>)>,
    pub(crate) pins: Vec<Option<String>>,
    pub(crate) told: Vec<OrderTold>,
    pub(crate) plans: Vec<(Kopecks, Input)>,
    pub(crate) reserves: Vec<ReserveRequest>,
    pub(crate) captures: Vec<CaptureRequest>,
    pub(crate) refunds: Vec<RefundRequest>,
    pub(crate) unlinked: Vec<UnlinkedRequest>,
    pub(crate) closed: Vec<OrderClosed>,
    pub(crate) times: Vec<(Timestamp, Timestamp)>,
    pub(crate) waits: Vec<Duration>,
    pub(crate) results: Vec<(CommandId, CommandOutcome)>,
}

fn nothing<T>() -> Result<T, PayError> {
    Err(PayError::Refused(Refusal::UnknownTransaction))
}

impl Default for State {
    fn default() -> Self {
        Self {
            hang: false,
            takes: Duration::ZERO,
            check_in: Ok(CheckedIn::Attached),
            check_out: Ok(()),
            loyalty: Ok(None),
            limits: Ok(Limits::default()),
            ready: Ok(()),
            order: Ok(empty_order()),
            told: Ok(()),
            plan: Ok(Plan::default()),
            hold: nothing(),
            payment: nothing(),
            refund: nothing(),
            unlinked: nothing(),
            acknowledged: Ok(()),
            closed: Ok(CloseReport::default()),
            reconciliation: Ok(Reconciliation::default()),
            commands: Ok(Vec::new()),
            result: Ok(()),
            asked: Asked::default(),
        }
    }
}

pub(crate) fn empty_order() -> OrderView {
    OrderView {
        sheet: None,
        name: None,
        brd_client: None,
        limits: Limits::default(),
        by_account: Vec::new(),
    }
}

/// All three desks.
#[derive(Debug, Default)]
pub(crate) struct Fake(Mutex<State>);

impl Fake {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    async fn asked<T>(&self, caller: &Caller, note: impl FnOnce(&mut State) -> T) -> T {
        let (hang, takes) = {
            let mut state = self.state();
            state.asked.callers.push(caller.clone());
            (state.hang, state.takes)
        };
        pause(hang, takes).await;
        note(&mut self.state())
    }
}

async fn pause(hang: bool, takes: Duration) {
    if hang {
        pending::<()>().await;
    }
    if !takes.is_zero() {
        sleep(takes).await;
    }
}

fn plain(pin: Option<SecretString>) -> Option<String> {
    pin.map(|pin| pin.expose_secret().to_owned())
}

#[async_trait]
impl LoyaltyDesk for Fake {
    async fn check_in(
        &self,
        caller: &Caller,
        order: OrderId,
        scan: Scan,
        pin: Option<SecretString>,
    ) -> Result<CheckedIn, TableRefusal> {
        self.asked(caller, |state| {
            state.asked.orders.push(order);
            state.asked.scans.push((scan.expose().to_owned(), plain(pin)));
            state.check_in.clone()
        })
        .await
    }

    async fn check_out(
        &self,
        caller: &Caller,
        order: OrderId,
        pin: Option<SecretString>,
    ) -> Result<(), TableRefusal> {
        self.asked(caller, |state| {
            state.asked.orders.push(order);
            state.asked.pins.push(plain(pin));
            state.check_out
        })
        .await
    }

    async fn loyalty(
        &self,
        caller: &Caller,
        order: OrderId,
    ) -> Result<Option<LoyaltyView>, TableRefusal> {
        self.asked(caller, |state| {
            state.asked.orders.push(order);
            state.loyalty.clone()
        })
        .await
    }

    async fn limits(&self, caller: &Caller, order: OrderId) -> Result<Limits, TableRefusal> {
        self.asked(caller, |state| {
            state.asked.orders.push(order);
            state.limits
        })
        .await
    }

    fn ready(&self) -> Readiness<TableRefusal> {
        let mut state = self.state();
        state.asked.callers.push(Caller::system());
        let (hang, takes, ready) = (state.hang, state.takes, state.ready);
        if hang || !takes.is_zero() {
            return Readiness::asked(async move {
                pause(hang, takes).await;
                ready
            });
        }
        Readiness::Known(ready)
    }
}

#[async_trait]
impl PaymentDesk for Fake {
    async fn order(&self, caller: &Caller, order: OrderId) -> Result<OrderView, PayError> {
        self.asked(caller, |state| {
            state.asked.orders.push(order);
            state.order.clone()
        })
        .await
    }

    async fn tell_order(&self, caller: &Caller, told: OrderTold) -> Result<(), PayError> {
        self.asked(caller, |state| {
            state.asked.told.push(told);
            state.told.clone()
        })
        .await
    }

    async fn plan(
        &self,
        caller: &Caller,
        order: OrderId,
        due: Kopecks,
        input: Input,
    ) -> Result<Plan, PayError> {
        self.asked(caller, |state| {
            state.asked.orders.push(order);
            state.asked.plans.push((due, input));
            state.plan.clone()
        })
        .await
    }

    async fn reserve(
        &self,
        caller: &Caller,
        request: ReserveRequest,
    ) -> Result<Replayable<Hold>, PayError> {
        self.asked(caller, |state| {
            let refuse = request.refuse.clone();
            state.asked.reserves.push(request);
            refuse.map_or_else(|| state.hold.clone(), |refusal| Err(refusal.into()))
        })
        .await
    }

    async fn void(&self, caller: &Caller, _: HoldId) -> Result<Hold, PayError> {
        self.asked(caller, |state| state.hold.clone().map(|hold| hold.state)).await
    }

    async fn capture(
        &self,
        caller: &Caller,
        request: CaptureRequest,
    ) -> Result<Replayable<PaymentView>, PayError> {
        self.asked(caller, |state| {
            let refuse = request.refuse.clone();
            state.asked.captures.push(request);
            refuse.map_or_else(|| state.payment.clone(), |refusal| Err(refusal.into()))
        })
        .await
    }

    async fn payment(&self, caller: &Caller, _: PaymentId) -> Result<PaymentView, PayError> {
        self.asked(caller, |state| state.payment.clone().map(|view| view.state)).await
    }

    async fn cancel(
        &self,
        caller: &Caller,
        _: PaymentId,
        order: OrderId,
    ) -> Result<PaymentView, PayError> {
        self.asked(caller, |state| {
            state.asked.orders.push(order);
            state.payment.clone().map(|view| view.state)
        })
        .await
    }

    async fn refund(
        &self,
        caller: &Caller,
        request: RefundRequest,
    ) -> Result<Replayable<RefundView>, PayError> {
        self.asked(caller, |state| {
            let refuse = request.refuse.clone();
            state.asked.refunds.push(request);
            refuse.map_or_else(|| state.refund.clone(), |refusal| Err(refusal.into()))
        })
        .await
    }

    async fn refund_unlinked(
        &self,
        caller: &Caller,
        request: UnlinkedRequest,
    ) -> Result<Replayable<UnlinkedView>, PayError> {
        self.asked(caller, |state| {
            let refuse = request.refuse.clone();
            state.asked.unlinked.push(request);
            refuse.map_or_else(|| state.unlinked.clone(), |refusal| Err(refusal.into()))
        })
        .await
    }

    async fn acknowledge(&self, caller: &Caller, _: PaymentId) -> Result<(), PayError> {
        self.asked(caller, |state| state.acknowledged.clone()).await
    }

    async fn closed(&self, caller: &Caller, told: OrderClosed) -> Result<CloseReport, PayError> {
        self.asked(caller, |state| {
            state.asked.closed.push(told);
            state.closed.clone()
        })
        .await
    }

    async fn reconciliation(
        &self,
        caller: &Caller,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, PayError> {
        self.asked(caller, |state| {
            state.asked.times.push((from, to));
            state.reconciliation.clone()
        })
        .await
    }
}

#[async_trait]
impl BridgeDesk for Fake {
    async fn commands(
        &self,
        caller: &Caller,
        wait: Duration,
    ) -> Result<Vec<BridgeCommand>, BridgeError> {
        self.asked(caller, |state| {
            state.asked.waits.push(wait);
            state.commands.clone()
        })
        .await
    }

    async fn result(
        &self,
        caller: &Caller,
        command: CommandId,
        outcome: CommandOutcome,
    ) -> Result<(), BridgeError> {
        self.asked(caller, |state| {
            state.asked.results.push((command, outcome));
            state.result
        })
        .await
    }
}

/// Tokio's clock, which tests pause.
#[derive(Debug)]
pub(crate) struct PausedClock(tokio::time::Instant);

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        NOW.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' clock is tokio's paused one")]
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A service in a network in memory.
pub(crate) struct Venue {
    pub(crate) desks: Arc<Fake>,
    pub(crate) service: WaiterService,
    net: MemoryNet,
}

pub(crate) fn config() -> WaiterConfig {
    let till = |id: &str, token: &str| Till::new(TillId::try_new(id).unwrap(), token);
    let payment_type =
        |text: &str, kind, name: &str| PaymentType { id: id(text), kind, name: name.to_owned() };
    let credit_type = "b7e0a1d4-6f11-4a6e-8a0d-2f6c9b1d4e77";
    WaiterConfig {
        tills: vec![till("till-1", TOKEN), till("till-2", "till-2-secret")],
        allowed_peers: AllowedPeers::new(["10.0.0.0/24".parse().unwrap()]),
        payment_types: vec![
            payment_type(DEPOSIT_TYPE, AccountKind::Deposit, "Lime (фискально)"),
            payment_type(credit_type, AccountKind::Credit, "Lime в долг"),
        ],
        ..WaiterConfig::new(till("till-1", TOKEN))
    }
}

pub(crate) fn service(config: WaiterConfig, desks: &Arc<Fake>) -> WaiterService {
    let desks = Desks {
        loyalty: Arc::<Fake>::clone(desks),
        payment: Arc::<Fake>::clone(desks),
        bridge: Arc::<Fake>::clone(desks),
    };
    let clock = Arc::new(PausedClock(tokio::time::Instant::now()));
    WaiterService::try_new(config, desks, clock).unwrap()
}

impl Venue {
    pub(crate) fn new(state: State) -> Self {
        Self::with(config(), state)
    }

    pub(crate) fn with(config: WaiterConfig, state: State) -> Self {
        let desks = Arc::new(Fake(Mutex::new(state)));
        let service = service(config, &desks);
        let net = MemoryNet::new(ServerConfig::default(), Runtime::tokio());
        let per_peer = service.clone();
        net.register("till-1", move |peer| per_peer.for_peer(peer));
        Self { desks, service, net }
    }

    pub(crate) fn connect(&self, peer: &str) -> Raw {
        let peer: SocketAddr = peer.parse().unwrap();
        Raw { io: self.net.connect("till-1", peer).unwrap(), read: Vec::new() }
    }

    /// One request on a connection of its own.
    pub(crate) async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut raw = self.connect(FRIEND);
        raw.send(request).await;
        raw.answer().await
    }

    /// A request without a body.
    pub(crate) async fn ask(&self, line: &str) -> Answer {
        self.send(format!("{line} HTTP/1.1\r\nHost: t\r\n\r\n")).await
    }

    /// A request with a body of JSON.
    pub(crate) async fn put(&self, line: &str, body: &str) -> Answer {
        self.send(request(line, "Content-Type: application/json\r\n", body)).await
    }

    /// A call of the plugin.
    pub(crate) async fn pos(&self, line: &str, body: &str) -> Answer {
        let head = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
        self.send(request(line, &head, body)).await
    }
}

pub(crate) fn request(line: &str, head: &str, body: &str) -> String {
    let length = body.len();
    format!("{line} HTTP/1.1\r\nHost: t\r\n{head}Content-Length: {length}\r\n\r\n{body}")
}

/// A connection that speaks bytes.
pub(crate) struct Raw {
    io: DuplexStream,
    read: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Nothing after the head, and no word of it in the head.
    pub(crate) fn is_bare(&self) -> bool {
        let told = ["content-length", "content-type", "transfer-encoding"];
        self.body.is_empty() && told.iter().all(|name| self.header(name).is_none())
    }

    /// A text for the waiter.
    pub(crate) fn is_message(&self, text: &str) -> bool {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        self.status == 200 && self.text() == format!("{{\"WaiterMessage\":\"{quoted}\"}}")
    }
}

impl Raw {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(crate) async fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                return String::from_utf8(self.read.drain(..at + 4).collect()).unwrap();
            }
            assert!(self.fill().await, "closed before an answer: {:?}", self.read);
        }
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let status = head[9..12].parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        assert_eq!(answer.header("transfer-encoding"), None, "{answer:?}");
        let length = answer.header("content-length").map_or(0, |text| text.parse().unwrap());
        while self.read.len() < length {
            assert!(self.fill().await, "closed in the middle of a body");
        }
        answer.body = self.read.drain(..length).collect();
        answer
    }

    /// Whether the other side has closed, with nothing more to say.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.read.is_empty() && !self.fill().await
    }

    async fn fill(&mut self) -> bool {
        let mut step = [0; 8 * 1024];
        let count = self.io.read(&mut step).await.unwrap();
        self.read.extend_from_slice(&step[..count]);
        count > 0
    }
}
