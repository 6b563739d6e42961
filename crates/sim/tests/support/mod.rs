//! A small honest service on a network in memory, with a script for odd answers.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use tillway_core::id::Uuid;
use tillway_core::port::{Clock, Spawner, Task};
use tillway_core::{Kopecks, Timestamp};
use tillway_sim::fault::{Hooks, Plan};
use tillway_sim::ids::SeededIds;
use tillway_sim::iiko_front::{FrontConfig, FrontSim, OrderLine};
use tillway_sim::waiter_server::{WaiterConfig, WaiterSim};
use tillway_transport::client::{MemoryClient, MemoryNet};
use tillway_transport::server::ServerConfig;
use tillway_transport::{HttpTransport, RequestBody, Runtime, read_body};

pub(crate) const BONUS_WALLET: &str = "6d0a1a52-7d5c-5b52-8a5e-0d3f7c7b1e01";
pub(crate) const DEPOSIT_WALLET: &str = "c1b1f3c0-2b8a-5f0a-9a41-77d2a1f0be02";
pub(crate) const GUEST: &str = "0b6f6c5e-8a55-5d3c-9a0b-6a3f1f0c7d21";
const BRIDGE_WAIT: Duration = Duration::from_secs(6);

/// tokio's clock, paused by the tests.
#[derive(Debug)]
pub(crate) struct PausedClock(tokio::time::Instant);

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        Timestamp::utc(1_795_000_000_000).after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        self.0.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of the tests is tokio's")]
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(PausedClock(tokio::time::Instant::now()))
}

/// Tasks of the test's own runtime.
#[derive(Debug)]
pub(crate) struct TokioSpawner;

impl Spawner for TokioSpawner {
    #[expect(clippy::disallowed_methods, reason = "this is the spawner of the tests")]
    fn spawn(&self, _: &'static str, task: Task) {
        tokio::spawn(task);
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Captured,
    Cancelled,
    Tombstoned,
}

#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) state: State,
    pub(crate) wallet: String,
    pub(crate) amount: i64,
    pub(crate) refunds: BTreeMap<String, i64>,
    pub(crate) acknowledged: bool,
    since: tokio::time::Instant,
}

impl Payment {
    fn refunded(&self) -> i64 {
        self.refunds.values().sum()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    /// "METHOD /path-prefix" → the answer given once instead of the honest one.
    pub(crate) script: VecDeque<(&'static str, u16, Value)>,
    pub(crate) payments: BTreeMap<Uuid, Payment>,
    pub(crate) epoch: u64,
    pub(crate) bound: bool,
    pub(crate) commands: Vec<Value>,
    pub(crate) results: Vec<(String, String)>,
    pub(crate) calls: Vec<String>,
    pub(crate) closed: Vec<Value>,
    pub(crate) bodies: Vec<Value>,
    /// A wallet that has nothing.
    pub(crate) poor: Option<&'static str>,
    /// Answers the page of the guest, whole: content type and body.
    pub(crate) page: Option<(&'static str, Bytes)>,
}

impl Books {
    pub(crate) fn live(&self) -> BTreeMap<Uuid, Kopecks> {
        let captured = self.payments.iter().filter(|(_, one)| one.state == State::Captured);
        captured.map(|(id, one)| (*id, Kopecks(one.amount - one.refunded()))).collect()
    }

    fn left(&self, wallet: &str) -> i64 {
        let all = if wallet == BONUS_WALLET { 8_486_500 } else { 10_094_100 };
        let taken = self.payments.values().filter(|one| one.wallet == wallet);
        let taken = taken.filter(|one| one.state == State::Captured);
        all - taken.map(|one| one.amount - one.refunded()).sum::<i64>()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Fake(Arc<Mutex<Books>>);

type Answer = (u16, Value);

impl Fake {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }

    pub(crate) fn bind(&self) {
        let mut books = self.books();
        books.bound = true;
        books.epoch += 1;
    }

    pub(crate) fn say(&self, call: &'static str, status: u16, body: Value) {
        self.books().script.push_back((call, status, body));
    }

    pub(crate) fn command(&self, command: Value) {
        self.books().commands.push(command);
    }

    /// A capture that did not come from the till.
    pub(crate) fn charge(&self, id: Uuid, wallet: &str, amount: i64) {
        self.books().payments.insert(id, new(State::Captured, wallet, amount));
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.books().calls.clone()
    }

    async fn answer(self, request: Request<RequestBody>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = read_body(body, 65_536).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let path = head.uri.path().to_owned();
        let call = format!("{} {path}", head.method);
        {
            let mut books = self.books();
            books.calls.push(call.clone());
            books.bodies.push(body.clone());
        }
        let scripted = {
            let mut books = self.books();
            let place = books.script.iter().position(|(what, ..)| call.starts_with(what));
            place.and_then(|place| books.script.remove(place))
        };
        if let Some((_, status, body)) = scripted {
            return reply(status, &body, false);
        }
        let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match (&head.method, parts.as_slice()) {
            (&Method::GET, ["orders", _, "loyalty"]) => self.page(),
            (_, ["orders" | "ping", ..]) => {
                let (status, json) = self.waiter(&head.method, &parts).await;
                reply(status, &json, head.method == Method::GET)
            }
            (&Method::GET, ["pos", "v1", "commands"]) => {
                let wait = head.uri.query().unwrap().trim_start_matches("wait=").parse().unwrap();
                let (status, json) = self.poll(wait).await;
                reply(status, &json, false)
            }
            (method, ["pos", "v1", rest @ ..]) => {
                let ((status, json), replay) = self.pos(method, rest, &body);
                let mut reply = reply(status, &json, false);
                if replay {
                    reply.headers_mut().insert("idempotent-replay", "true".parse().unwrap());
                }
                reply
            }
            _ => reply(404, &Value::Null, false),
        }
    }

    fn page(&self) -> Response<Full<Bytes>> {
        if let Some((content_type, body)) = self.books().page.clone() {
            let reply = Response::builder().header("content-type", content_type);
            return reply.header("cache-control", "no-store").body(Full::from(body)).unwrap();
        }
        if !self.books().bound {
            return reply(204, &Value::Null, true);
        }
        let text = format!(
            r#"{{"ProductSKUs":["20417"],"UserWallets":[{{"Id":"{BONUS_WALLET}","Name":"Бонусы","Balance":84865}},{{"Id":"{DEPOSIT_WALLET}","Name":"Депозит","Balance":100941.5}}],"Suggestions":["Анна Сергеевна"]}}"#
        );
        let reply = Response::builder().header("content-type", "application/json; charset=utf-8");
        reply.header("cache-control", "no-store").body(Full::from(text)).unwrap()
    }

    async fn waiter(&self, method: &Method, parts: &[&str]) -> Answer {
        match (method, parts) {
            (&Method::GET, ["ping"]) => (204, Value::Null),
            (&Method::GET, ["orders", _, "paymentLimits"]) if self.books().bound => {
                (200, json!({"BonusSum": 84_865, "DepositSum": 100_941}))
            }
            (&Method::GET, ["orders", _, "paymentLimits"]) => {
                (200, json!({"BonusSum": 0, "DepositSum": 0}))
            }
            (&Method::POST, ["orders", id, "checkin"]) => self.check_in(id).await,
            (&Method::DELETE, ["orders", _, "checkin"]) => {
                let mut books = self.books();
                books.epoch += 1;
                books.bound = false;
                (204, Value::Null)
            }
            _ => (404, Value::Null),
        }
    }

    async fn check_in(&self, order: &str) -> Answer {
        if self.books().bound {
            return (204, Value::Null);
        }
        let id = {
            let mut books = self.books();
            books.epoch += 1;
            let id = Uuid::from_u128(u128::from(books.epoch)).to_string();
            let command = bind_command(&id, order, books.epoch, 6_000);
            books.commands.push(command);
            id
        };
        let end = tokio::time::Instant::now() + BRIDGE_WAIT;
        while tokio::time::Instant::now() < end {
            sleep(Duration::from_millis(50)).await;
            let mut books = self.books();
            if books.results.iter().any(|(of, outcome)| *of == id && outcome == "done") {
                books.bound = true;
                return (204, Value::Null);
            }
        }
        let mut books = self.books();
        books.epoch += 1;
        books.commands.retain(|command| command["commandId"] != id.as_str());
        (200, json!({"WaiterMessage": "Касса не отвечает"}))
    }

    async fn poll(&self, wait: u64) -> Answer {
        let end = tokio::time::Instant::now() + Duration::from_secs(wait);
        loop {
            self.ask_for_unacknowledged();
            let commands = self.books().commands.clone();
            if !commands.is_empty() {
                return (200, json!({"commands": commands}));
            }
            if tokio::time::Instant::now() >= end {
                return (204, Value::Null);
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn ask_for_unacknowledged(&self) {
        let mut books = self.books();
        let books = &mut *books;
        for (id, payment) in &books.payments {
            let old = payment.since.elapsed() > Duration::from_secs(120);
            let asked = books.commands.iter().any(|one| one["transactionId"] == id.to_string());
            if payment.state == State::Captured && !payment.acknowledged && old && !asked {
                books.commands.push(json!({
                    "commandId": Uuid::from_u128(id.as_u128() ^ 1).to_string(),
                    "kind": "verifyPayment",
                    "transactionId": id.to_string(),
                    "orderId": tillway_sim::iiko_front::ORDER_82.to_string(),
                    "amountMinor": payment.amount,
                }));
            }
        }
    }

    fn pos(&self, method: &Method, parts: &[&str], body: &Value) -> (Answer, bool) {
        let mut books = self.books();
        let plain = |answer| (answer, false);
        match (method.as_str(), parts) {
            ("GET", ["health"]) => plain((200, json!({"status": "ok"}))),
            ("PUT", ["orders", _]) => plain((204, Value::Null)),
            ("GET", ["orders", id]) => plain((200, order(&books, id))),
            ("POST", ["orders", _, "closed"]) => {
                for row in body["payments"].as_array().unwrap() {
                    let id = Uuid::try_parse(row["transactionId"].as_str().unwrap()).unwrap();
                    if let Some(payment) = books.payments.get_mut(&id) {
                        payment.acknowledged = true;
                    }
                }
                books.closed.push(body.clone());
                books.bound = false;
                plain((204, Value::Null))
            }
            ("POST", ["commands", id, "result"]) => {
                let known = books.commands.iter().position(|one| one["commandId"] == **id);
                let Some(place) = known else {
                    let repeated = books.results.iter().any(|(of, _)| of == id);
                    return plain(if repeated { (204, Value::Null) } else { gone() });
                };
                books.commands.remove(place);
                let outcome = body["outcome"].as_str().unwrap().to_owned();
                books.results.push(((*id).to_owned(), outcome));
                plain((204, Value::Null))
            }
            (_, ["payments", id, rest @ ..]) => {
                let id = Uuid::try_parse(id).unwrap();
                payment(&mut books, method, id, rest, body)
            }
            _ => plain((404, Value::Null)),
        }
    }
}

fn gone() -> Answer {
    (410, error("command_expired", false))
}

pub(crate) fn error(code: &str, is_final: bool) -> Value {
    json!({"error": {
        "code": code, "message": format!("отказ {code}"), "retryable": false, "final": is_final,
    }})
}

pub(crate) fn bind_command(id: &str, order: &str, epoch: u64, deadline_ms: u64) -> Value {
    json!({
        "commandId": id,
        "kind": "bindGuest",
        "orderId": order,
        "bindingEpoch": epoch,
        "waiterPin": "12345",
        "guest": {"brdClientId": GUEST, "displayName": "Анна Сергеевна", "cardNumber": "149725735"},
        "deadlineMs": deadline_ms,
    })
}

fn order(books: &Books, id: &str) -> Value {
    let wallet = |id: &str, kind: &str| {
        let left = books.left(id);
        json!({"walletId": id, "role": kind, "kind": kind, "name": kind,
            "availableMinor": left, "limitMinor": left})
    };
    let mut order = json!({"orderId": id, "bindingEpoch": books.epoch, "wallets": [],
        "reservations": [], "payments": []});
    if books.bound {
        order["guest"] =
            json!({"clientId": "1", "displayName": "Анна Сергеевна", "brdClientId": GUEST});
        order["wallets"] =
            json!([wallet(BONUS_WALLET, "bonus"), wallet(DEPOSIT_WALLET, "deposit")]);
    }
    order
}

fn payment(
    books: &mut Books,
    method: &Method,
    id: Uuid,
    rest: &[&str],
    body: &Value,
) -> (Answer, bool) {
    let known = books.payments.get(&id).cloned();
    match (method.as_str(), rest, known) {
        ("PUT", [], Some(one)) if one.state != State::Captured => {
            ((409, error("transaction_cancelled", true)), false)
        }
        ("PUT", [], Some(one)) => ((200, shown(id, &one)), true),
        ("PUT", [], None) => (capture(books, id, body), false),
        ("GET", [], Some(one)) => ((200, shown(id, &one)), false),
        ("POST", ["cancel"], None) => {
            books.payments.insert(id, new(State::Tombstoned, "", 0));
            ((200, json!({"transactionId": id.to_string(), "state": "tombstoned"})), false)
        }
        ("POST", ["cancel"], Some(one)) => {
            let stored = books.payments.get_mut(&id).unwrap();
            if one.state == State::Captured {
                stored.state = State::Cancelled;
            }
            ((200, json!({"transactionId": id.to_string(), "state": "cancelled"})), false)
        }
        ("POST", ["acknowledge"], Some(one)) if one.state == State::Captured => {
            books.payments.get_mut(&id).unwrap().acknowledged = true;
            ((204, Value::Null), false)
        }
        ("POST", ["acknowledge"], Some(_)) => ((409, error("transaction_cancelled", true)), false),
        ("PUT", ["refunds", refund], Some(one)) => {
            let (amount, before) =
                (body["amountMinor"].as_i64(), body["refundedBeforeMinor"].as_i64());
            let (amount, before) = (amount.unwrap(), before.unwrap());
            let repeated = one.refunds.contains_key(*refund);
            if !repeated && before != one.refunded() {
                return ((409, error("refund_sequence", true)), false);
            }
            let stored = books.payments.get_mut(&id).unwrap();
            stored.refunds.insert((*refund).to_owned(), amount);
            let total = stored.refunded();
            let body = json!({"refundId": refund, "amountMinor": amount,
                "refundedTotalMinor": total, "state": "refunded"});
            ((if repeated { 200 } else { 201 }, body), repeated)
        }
        _ => ((404, error("unknown_transaction", false)), false),
    }
}

fn capture(books: &mut Books, id: Uuid, body: &Value) -> Answer {
    let amount = body["amountMinor"].as_i64().unwrap();
    let live: i64 = books.live().values().map(|one| one.0).sum();
    if !books.bound {
        return (404, error("no_guest", true));
    }
    if books.poor.is_some_and(|poor| body["walletId"] == poor) {
        return (409, error("insufficient_funds", true));
    }
    if body["bindingEpoch"].as_u64() != Some(books.epoch) {
        return (409, error("binding_changed", true));
    }
    if live + amount > body["orderTotalMinor"].as_i64().unwrap() {
        let mut error = error("over_total", true);
        let listed = books.live().into_iter();
        let listed =
            listed.map(|(id, sum)| json!({"transactionId": id.to_string(), "amountMinor": sum.0}));
        error["error"]["payments"] = listed.collect();
        return (409, error);
    }
    let payment = new(State::Captured, body["walletId"].as_str().unwrap(), amount);
    let shown = shown(id, &payment);
    books.payments.insert(id, payment);
    (201, shown)
}

fn new(state: State, wallet: &str, amount: i64) -> Payment {
    Payment {
        state,
        wallet: wallet.to_owned(),
        amount,
        refunds: BTreeMap::new(),
        acknowledged: false,
        since: tokio::time::Instant::now(),
    }
}

fn shown(id: Uuid, payment: &Payment) -> Value {
    let state = match payment.state {
        State::Captured => "captured",
        State::Cancelled => "cancelled",
        State::Tombstoned => "tombstoned",
    };
    let kind = if payment.wallet == BONUS_WALLET { "bonus" } else { "deposit" };
    json!({"transactionId": id.to_string(), "state": state, "walletId": payment.wallet,
        "kind": kind, "amountMinor": payment.amount, "ownPartMinor": payment.amount,
        "overdraftPartMinor": 0, "slip": []})
}

fn reply(status: u16, json: &Value, no_store: bool) -> Response<Full<Bytes>> {
    let mut reply = Response::builder().status(status);
    if no_store {
        reply = reply.header("cache-control", "no-store");
    }
    if json.is_null() {
        return reply.body(Full::default()).unwrap();
    }
    let reply = reply.header("content-type", "application/json; charset=utf-8");
    reply.body(Full::from(json.to_string())).unwrap()
}

impl tower_service::Service<Request<RequestBody>> for Fake {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let fake = self.clone();
        Box::pin(async move { Ok(fake.answer(request).await) })
    }
}

/// A till and a phone against the fake.
pub(crate) struct Stage {
    pub(crate) fake: Fake,
    pub(crate) client: MemoryClient,
    pub(crate) front: FrontSim,
    pub(crate) phone: WaiterSim,
    pub(crate) hooks: Hooks,
    pub(crate) clock: Arc<dyn Clock>,
}

pub(crate) fn network(fake: &Fake) -> MemoryClient {
    let net = MemoryNet::new(ServerConfig::default(), Runtime::tokio());
    let served = fake.clone();
    net.register("service:7710", move |_| Some(served.clone()));
    net.client("10.0.0.7:4000".parse().unwrap())
}

pub(crate) fn stage(plan: Plan) -> Stage {
    stage_with(plan, |_| {})
}

pub(crate) fn stage_with(plan: Plan, change: impl FnOnce(&mut FrontConfig)) -> Stage {
    let fake = Fake::default();
    let client = network(&fake);
    let mut config = FrontConfig::demo("http://service:7710");
    change(&mut config);
    let hooks = Hooks::new(plan);
    let clock = clock();
    let ids = Arc::new(SeededIds::new(82));
    let service: Arc<dyn HttpTransport> = Arc::new(client.clone());
    let front = FrontSim::new(config, Arc::clone(&clock), ids, Arc::clone(&service), hooks.clone());
    let phone = WaiterSim::new(WaiterConfig::new("http://service:7710"), front.clone(), service);
    Stage { fake, client, front, phone, hooks, clock }
}

pub(crate) fn lines() -> Vec<OrderLine> {
    FrontConfig::demo("").demo_lines
}
