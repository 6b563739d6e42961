//! What a listener of the plugin gets, byte for byte, and what its answers mean.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use http::{Request, Response};
use tillway_core::Kopecks;
use tillway_core::id::{CommandId, OrderId, PaymentId, TillId, Uuid};
use tillway_core::port::{BridgeCommand, BridgeError, BridgeGuest, CommandKind, GuestBridge};
use tillway_transport::{Cause, HttpTransport, TransportError, async_trait};
use tillway_waiter::{Listener, PushBridge};

#[derive(Debug, Default)]
struct Wire {
    sent: Mutex<Vec<Request<Bytes>>>,
    /// No status: no answer.
    status: Option<u16>,
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.sent.lock().unwrap().push(request);
        match self.status {
            Some(status) => Ok(Response::builder().status(status).body(Bytes::new()).unwrap()),
            None => Err(TransportError::Unknown { cause: Cause::Broken, source: None }),
        }
    }
}

fn till(name: &str) -> TillId {
    TillId::try_new(name).unwrap()
}

fn bridge(status: Option<u16>) -> (Arc<Wire>, PushBridge) {
    let wire = Arc::new(Wire { status, ..Wire::default() });
    let uri = "http://till-1.venue:9100/commands".parse().unwrap();
    let listener = Listener { till: till("till-1"), uri, token: "till-1-secret".into() };
    (Arc::clone(&wire), PushBridge::new(wire, vec![listener]))
}

fn commands() -> Vec<BridgeCommand> {
    let guest = BridgeGuest {
        brd_client: Uuid::from_u128(3),
        display_name: "Анна Сергеевна".into(),
        phone: None,
        card: Some("149725735".into()),
    };
    let (payment, amount) = (PaymentId(Uuid::from_u128(5)), Kopecks(90_000));
    let command = |n, what, pin: Option<&str>| BridgeCommand {
        id: CommandId(Uuid::from_u128(n)),
        order: OrderId(Uuid::from_u128(2)),
        what,
        epoch: pin.map(|_| 1),
        pin: pin.map(Into::into),
        deadline: Duration::from_secs(6),
    };
    vec![
        command(1, CommandKind::BindGuest(guest), Some("80085")),
        command(4, CommandKind::VerifyPayment { payment, amount }, None),
    ]
}

#[test]
fn the_body_is_that_of_a_poll() {
    let (wire, bridge) = bridge(Some(204));
    block_on(bridge.deliver(&till("till-1"), &commands())).unwrap();
    let sent = wire.sent.lock().unwrap().remove(0);
    assert_eq!(sent.method(), "POST");
    assert_eq!(sent.uri(), "http://till-1.venue:9100/commands");
    assert_eq!(sent.headers()["authorization"], "Bearer till-1-secret");
    assert_eq!(sent.headers()["content-type"], "application/json");
    assert!(!format!("{sent:?}").contains("till-1-secret"), "the token is not shown");
    let body: serde_json::Value = serde_json::from_slice(sent.body()).unwrap();
    let id = |n: u128| Uuid::from_u128(n).to_string();
    let expected = serde_json::json!({"commands": [
        {"commandId": id(1), "kind": "bindGuest", "orderId": id(2), "bindingEpoch": 1,
         "waiterPin": "80085", "deadlineMs": 6_000,
         "guest": {"brdClientId": id(3), "displayName": "Анна Сергеевна", "cardNumber": "149725735"}},
        {"commandId": id(4), "kind": "verifyPayment", "orderId": id(2), "transactionId": id(5),
         "amountMinor": 90_000},
    ]});
    assert_eq!(body, expected);
}

#[test]
fn only_a_2xx_says_that_the_plugin_has_them() {
    for (status, result) in [
        (Some(200), Ok(())),
        (Some(202), Ok(())),
        (Some(301), Err(BridgeError::Unavailable)),
        (Some(401), Err(BridgeError::Unavailable)),
        (Some(500), Err(BridgeError::Unavailable)),
        (None, Err(BridgeError::Unavailable)),
    ] {
        let (_, bridge) = bridge(status);
        assert_eq!(block_on(bridge.deliver(&till("till-1"), &commands())), result, "{status:?}");
    }
}

#[test]
fn a_till_without_a_listener_is_named() {
    let (wire, bridge) = bridge(Some(204));
    let result = block_on(bridge.deliver(&till("till-2"), &commands()));
    assert_eq!(result, Err(BridgeError::NoTill));
    assert!(wire.sent.lock().unwrap().is_empty());
}
