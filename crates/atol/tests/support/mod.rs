//! What the tests of the web server's client share.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod house;
pub(crate) mod journal;
pub(crate) mod net;
pub(crate) mod shop;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tillway_core::fiscal::{
    Line, Mark, Measure, Method, Object, Paid, Quantity, Receipt, ReceiptKind, Tender, VatRate,
};
use tillway_core::id::Uuid;
use tillway_core::money::Kopecks;
use tillway_core::port::Clock;
use tillway_core::port::fiscal::{Attempt, Fiscal};
use tillway_core::time::Timestamp;
use tillway_transport::{Cause, HttpTransport, TransportError};

/// A line of one piece.
pub(crate) fn line(name: &str, kopecks: i64) -> Line {
    Line {
        name: name.into(),
        price: Kopecks(kopecks),
        quantity: Quantity::ONE,
        amount: Kopecks(kopecks),
        vat: VatRate::Vat20,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    }
}

/// A receipt over one line, paid by card.
pub(crate) fn receipt(kind: ReceiptKind, kopecks: i64) -> Receipt {
    Receipt {
        kind,
        basis: None,
        taxation: None,
        operator: None,
        contact: None,
        place: None,
        lines: vec![line("Суп дня", kopecks)],
        paid: vec![Paid { tender: Tender::Card, amount: Kopecks(kopecks) }],
        electronic: false,
        notes: Vec::new(),
    }
}

pub(crate) fn sale(kopecks: i64) -> Fiscal {
    Fiscal::Receipt(Box::new(receipt(ReceiptKind::Sell, kopecks)))
}

pub(crate) fn attempt(id: u128, before: Mark) -> Attempt {
    Attempt { id: Uuid::from_u128(id), before }
}

/// A clock that stands, but for those who sleep: their time passes at once.
#[derive(Debug, Default)]
pub(crate) struct JumpingClock(pub(crate) Mutex<Duration>);

#[async_trait]
impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        Timestamp::utc(1_772_444_460_000).after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }
}

/// What a scripted server does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// Answers.
    Is(u16, &'static str),
    /// Answers after so long.
    Slow(u16, &'static str, Duration),
    /// The request does not leave.
    Unsent,
    /// The answer is lost.
    Lost,
}

/// A web server that answers by a list: for answers that no honest server gives in a row, and to
/// see what is sent. The list must fit to the end.
#[derive(Clone, Debug)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    steps: VecDeque<(&'static str, Reply)>,
    seen: Vec<String>,
    /// The clock that passes while it answers slowly.
    clock: Option<Arc<JumpingClock>>,
}

impl Script {
    pub(crate) fn new(steps: &[(&'static str, Reply)]) -> Self {
        let steps = steps.iter().copied().collect();
        Self(Arc::new(Mutex::new(State { steps, seen: Vec::new(), clock: None })))
    }

    /// Lets this clock pass while it answers slowly.
    pub(crate) fn with_clock(self, clock: &Arc<JumpingClock>) -> Self {
        self.0.lock().unwrap().clock = Some(Arc::clone(clock));
        self
    }

    /// What was sent, one request after the other, as it stands on the wire.
    pub(crate) fn seen(&self) -> String {
        self.0.lock().unwrap().seen.join("\n")
    }

    /// Steps that nobody took.
    pub(crate) fn left(&self) -> usize {
        self.0.lock().unwrap().steps.len()
    }
}

#[async_trait]
impl HttpTransport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path_and_query().unwrap();
        let said = format!("{} {path}", request.method());
        let mut state = self.0.lock().unwrap();
        state.seen.push(written(&said, &request));
        let (expected, reply) =
            state.steps.pop_front().unwrap_or_else(|| panic!("{said} was not expected"));
        assert!(said.starts_with(expected), "{said}, but {expected} was expected");
        let cause = Cause::Broken;
        if let (Reply::Slow(_, _, takes), Some(clock)) = (reply, &state.clock) {
            *clock.0.lock().unwrap() += takes;
        }
        match reply {
            Reply::Is(status, body) | Reply::Slow(status, body, _) => {
                let mut response = Response::new(Bytes::from_static(body.as_bytes()));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok(response)
            }
            Reply::Unsent => Err(TransportError::NotSent { cause, source: None }),
            Reply::Lost => Err(TransportError::Unknown { cause, source: None }),
        }
    }
}

fn written(line: &str, request: &Request<Bytes>) -> String {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        let secret = name == "authorization";
        assert_eq!(value.is_sensitive(), secret, "{name}: whoever shows a request shows it");
        Some(format!("{name}: {}\n", value.to_str().unwrap()))
    };
    let headers: String =
        ["authorization", "accept", "content-type"].into_iter().filter_map(header).collect();
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    format!("{line}\n{headers}\n{body}\n")
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}
