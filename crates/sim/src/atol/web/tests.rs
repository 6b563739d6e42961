#![allow(clippy::unwrap_used, reason = "tests")]

mod face;
mod random;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use tillway_core::Timestamp;
use tillway_testkit::runtime::{TestClock, block_on};

use super::*;
use crate::atol::json::Json;
use crate::atol::{Body, Settings, broken_rule};

/// 2026-03-02 12:41 on the wall.
const NOON: i64 = 1_772_455_260_000;
const SECOND: Duration = Duration::from_secs(1);

/// A server with one device and a clock that stands still.
struct Bench {
    server: WebServer,
    clock: TestClock,
    generation: Generation,
}

impl Bench {
    fn new(generation: Generation) -> Self {
        Self::with(WebConfig::new(generation))
    }

    fn with(config: WebConfig) -> Self {
        let clock = TestClock::at(Timestamp::utc(NOON));
        let generation = config.generation;
        let register = SharedRegister::new(Register::new(Settings::default(), NOON));
        let server = WebServer::new(config, Arc::new(clock.clone()));
        let server = server.device("kiosk1", "Киоск", register);
        Self { server, clock, generation }
    }

    fn with_latency(generation: Generation) -> Self {
        Self::with(WebConfig { latency: Latency::REAL, ..WebConfig::new(generation) })
    }

    /// The path in the words of the generation.
    fn path(&self, path: &str) -> String {
        if self.generation.is_v1() { format!("/{path}") } else { format!("/api/v2/{path}") }
    }

    fn send(&self, method: Method, path: &str, body: &str) -> Option<Response<Bytes>> {
        let uri = format!("http://atol:16732{}", self.path(path));
        let request = Request::builder().method(method).uri(uri);
        block_on(self.server.answer(request.body(Bytes::from(body.to_owned())).unwrap()))
    }

    /// Status and body; `null` for none.
    fn call(&self, method: Method, path: &str, body: &str) -> (u16, Json) {
        let answer = self.send(method, path, body).unwrap();
        let text = std::str::from_utf8(answer.body()).unwrap();
        (answer.status().as_u16(), Json::parse(text).unwrap_or(Json::Null))
    }

    fn post(&self, uuid: &str, tasks: &str) -> (u16, Json) {
        let body = format!(r#"{{"uuid":"{uuid}","request":{tasks}}}"#);
        self.call(Method::POST, "requests", &body)
    }

    /// Posts one task without arguments.
    fn plain(&self, uuid: &str, kind: &str) -> (u16, Json) {
        self.post(uuid, &format!(r#"[{{"type":"{kind}"}}]"#))
    }

    fn sell(&self, uuid: &str) -> (u16, Json) {
        self.post(uuid, &format!("[{SELL}]"))
    }

    fn show(&self, uuid: &str) -> (u16, Json) {
        self.call(Method::GET, &format!("requests/{uuid}"), "")
    }

    /// The statuses and codes of a request's tasks: `ready 0, error 44`.
    fn statuses(&self, uuid: &str) -> String {
        let (status, body) = self.show(uuid);
        assert_eq!(status, 200, "{body}");
        let Some(Json::List(results)) = body.get("results") else { panic!("{body}") };
        let one = |result: &Json| {
            let code = match result.get("errorCode") {
                Some(code) => code.to_string(),
                None => result.get("error").unwrap().get("code").unwrap().to_string(),
            };
            format!("{} {code}", result.get("status").and_then(Json::as_text).unwrap())
        };
        results.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn result(&self, uuid: &str) -> Json {
        let (_, body) = self.show(uuid);
        match body.get("results") {
            Some(Json::List(results)) => results[0].get("result").cloned().unwrap_or(Json::Null),
            _ => panic!("{body}"),
        }
    }

    fn on<T>(&self, act: impl FnOnce(&mut Register) -> T) -> T {
        self.server.with("kiosk1", act).unwrap()
    }

    fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The documents: o(pened), c(losed), x, or the kind of the receipt.
    fn documents(&self) -> String {
        let letter = |body: &Body| match body {
            Body::OpenShift => 'o',
            Body::CloseShift { .. } => 'c',
            Body::Receipt(sale) => char::from(b'0' + sale.kind),
            Body::Exchange => 'x',
        };
        self.on(|register| register.memory.documents().map(|d| letter(&d.body)).collect())
    }

    fn is_blocked(&self) -> bool {
        let path = if self.generation.is_v1() { "stat/requests" } else { "getRequestsQueueStatus" };
        let (_, status) = self.call(Method::GET, path, "");
        let name = if self.generation.is_v1() { "is_blocked" } else { "isBlocked" };
        status.get(name).and_then(Json::as_bool).unwrap()
    }

    fn broken_rule(&self) -> Option<String> {
        self.on(|register| broken_rule(register))
    }
}

const SELL: &str = r#"{"type":"sell","items":[{"type":"position","name":"Суп дня","price":190.00,
 "quantity":1,"amount":190.00,"tax":{"type":"vat22"}}],
 "payments":[{"type":"electronically","sum":190.00}]}"#;
