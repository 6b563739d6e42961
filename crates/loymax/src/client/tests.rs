//! The turn of a till, with a peer that answers when it is told to.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures::channel::oneshot;
use http::{Request, Response};
use tillway_core::Timestamp;
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Kind, Refusal};
use tillway_testkit::runtime::TestClock;
use tillway_transport::TransportError;

use super::*;
use crate::Waits;

const NOW: Timestamp = Timestamp::utc(1_773_478_800_000);

type Answers = VecDeque<oneshot::Sender<Response<Bytes>>>;

/// The ids of messages that came, and the answers that are awaited.
#[derive(Debug, Default)]
struct Gate(Mutex<(Vec<String>, Answers)>);

impl Gate {
    fn came(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn open(&self) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).1.pop_front();
        let body = "<XMLResponse><ErrorCode>103</ErrorCode></XMLResponse>";
        // Whoever waited may have given up.
        let _ = waiting.unwrap().send(Response::new(Bytes::from_static(body.as_bytes())));
    }
}

#[async_trait]
impl HttpTransport for Gate {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let text = String::from_utf8_lossy(request.body()).into_owned();
        let id = text.split("OperationID=\"").nth(1).unwrap().chars().nth(31).unwrap();
        let (answer, answered) = oneshot::channel();
        {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.0.push(id.to_string());
            inner.1.push_back(answer);
        }
        Ok(answered.await.unwrap())
    }
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn till(waiting_max: usize) -> (Arc<Gate>, TestClock, Loymax) {
    let (gate, clock) = (Arc::new(Gate::default()), TestClock::at(NOW));
    let config = Config { waiting_max, ..Config::new("http://h/x", "TILL-0007", "secret") };
    let http = Arc::clone(&gate);
    let till = Loymax::try_new(config, http, Arc::new(clock.clone())).unwrap();
    (gate, clock, till)
}

fn sending(till: &Loymax, id: u128) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
    let message = till.nobody(Uuid::from_u128(id)).unwrap();
    let till = till.clone();
    Box::pin(async move { till.send(&message).await })
}

#[test]
fn messages_of_a_till_go_one_after_another_in_their_order() {
    let (gate, _, till) = till(64);
    let mut sends: Vec<_> = (1..=4).map(|id| sending(&till, id)).collect();
    for send in &mut sends {
        assert_eq!(poll(send), None);
    }
    assert_eq!(gate.came(), ["1"]);
    // A caller that goes away loses its turn, and nobody else's.
    drop(sends.remove(1));
    let mut order = vec!["1"];
    for (at, next) in [(0, Some("3")), (1, Some("4")), (2, None)] {
        gate.open();
        assert!(matches!(poll(&mut sends[at]), Some(Outcome::Refused(_))));
        for send in &mut sends[at + 1..] {
            assert_eq!(poll(send), None);
        }
        order.extend(next);
        assert_eq!(gate.came(), order);
    }
}

#[test]
fn who_waits_too_long_has_sent_nothing() {
    let (gate, clock, till) = till(64);
    let (mut first, mut second) = (sending(&till, 1), sending(&till, 2));
    assert_eq!((poll(&mut first), poll(&mut second)), (None, None));
    clock.advance(Waits::default().connect + Waits::default().read);
    let late = poll(&mut first);
    assert_eq!(late, Some(Outcome::InDoubt(Masked::new("no answer in time"))));
    assert_eq!(poll(&mut second), None);
    assert_eq!(gate.came(), ["1", "2"]);
    let mut third = sending(&till, 3);
    assert_eq!(poll(&mut third), None);
    clock.advance(Duration::from_secs(15));
    let waited = Outcome::Unreached(Masked::new("another message of the till is not answered"));
    assert_eq!(poll(&mut third), Some(waited));
    assert_eq!(gate.came(), ["1", "2"]);
}

#[test]
fn so_many_wait_and_no_more() {
    let (gate, _, till) = till(1);
    let mut sends: Vec<_> = (1..=3).map(|id| sending(&till, id)).collect();
    let polled: Vec<_> = sends.iter_mut().map(poll).collect();
    assert!(matches!(polled.as_slice(), [None, None, Some(Outcome::Unreached(_))]), "{polled:?}");
    gate.open();
    assert!(poll(&mut sends[0]).is_some());
    assert_eq!(poll(&mut sends[1]), None);
    assert_eq!(poll(&mut sending(&till, 4)), None, "there is room again");
    assert_eq!(gate.came(), ["1", "2"]);
}

#[test]
fn a_message_of_another_adapter_is_not_sent() {
    let (gate, _, till) = till(64);
    let mut message = till.nobody(Uuid::from_u128(1)).unwrap();
    message.beside = b"what is this".to_vec();
    let outcome = pin!(till.send(&message)).poll(&mut Context::from_waker(Waker::noop()));
    let malformed = |no: &Refusal| no.class == Class::Malformed;
    assert!(matches!(&outcome, Poll::Ready(Outcome::Refused(no)) if malformed(no)), "{outcome:?}");
    assert!(gate.came().is_empty());
    assert_eq!(message.kind, Kind::Balance);
}
