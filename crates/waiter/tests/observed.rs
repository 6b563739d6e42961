//! What an observer is told.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use support::{Fake, ORDER, TOKEN, config, service};
use tillway_core::port::TableRefusal;
use tillway_transport::server::PeerInfo;
use tillway_waiter::{Answered, Observer, WaiterService};
use tower_service::Service;

#[derive(Debug, Default)]
struct Seen(Mutex<Vec<Answered>>);

impl Observer for Seen {
    fn answered(&self, answered: &Answered) {
        self.0.lock().unwrap().push(*answered);
    }
}

struct Watched {
    desks: Arc<Fake>,
    service: WaiterService,
    seen: Arc<Seen>,
}

impl Watched {
    fn new() -> Self {
        let (desks, seen) = (Arc::new(Fake::default()), Arc::new(Seen::default()));
        let service = service(config(), &desks).observed(Arc::<Seen>::clone(&seen));
        Self { desks, service, seen }
    }

    /// One request from a peer, and what was told of it: operation, status, code, time.
    async fn told(
        &mut self,
        (peer, method, path, body): (&str, &str, &str, &str),
    ) -> (Option<&'static str>, u16, Option<&'static str>, Option<Duration>) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {TOKEN}"))
            .extension(PeerInfo::new(peer.parse().unwrap()))
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap();
        let answer = self.service.call(request).await.unwrap();
        let mut seen = self.seen.0.lock().unwrap();
        assert_eq!(seen.len(), 1, "one answer, one call: {seen:?}");
        let told = seen.remove(0);
        assert_eq!(told.status, answer.status());
        (told.operation, told.status.as_u16(), told.code, told.took)
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_told_by_its_operation_and_code() {
    let mut watched = Watched::new();
    let check_in = format!("/orders/{ORDER}/checkin");
    let limits = format!("/orders/{ORDER}/paymentLimits");
    let payment = format!("/pos/v1/payments/{ORDER}");
    let (friend, stranger) = (support::FRIEND, "192.168.1.1:4000");
    let value = r#"{"Value":"1"}"#;
    let none = Some(Duration::ZERO);
    for (request, told) in [
        ((friend, "GET", "/ping", ""), (Some("ping"), 204, None, None)),
        ((friend, "HEAD", &*limits, ""), (Some("paymentLimits"), 200, None, none)),
        ((friend, "POST", &*check_in, value), (Some("checkIn"), 204, None, none)),
        ((friend, "POST", &*check_in, "{}"), (Some("checkIn"), 400, Some("value_required"), none)),
        (
            (friend, "GET", &*payment, ""),
            (Some("getPayment"), 404, Some("unknown_transaction"), none),
        ),
        ((friend, "PUT", &*payment, "{"), (Some("capture"), 400, Some("bad_json"), none)),
        ((friend, "GET", "/nowhere", ""), (None, 404, None, None)),
        ((friend, "PATCH", &*check_in, ""), (None, 405, None, none)),
        ((stranger, "GET", "/ping", ""), (None, 403, None, None)),
    ] {
        assert_eq!(watched.told(request).await, told, "{request:?}");
    }
    watched.desks.state().check_in = Err(TableRefusal::UnknownCard);
    let refused = (Some("checkIn"), 200, Some("unknown_card"), none);
    assert_eq!(watched.told((friend, "POST", &check_in, value)).await, refused);
    watched.desks.state().hang = true;
    let given_up = (Some("paymentLimits"), 503, Some("unavailable"), Some(Duration::from_secs(3)));
    assert_eq!(watched.told((friend, "GET", &limits, "")).await, given_up);
}
