//! Points at a processing, and the service dies at every commit and every request (F10): nothing is
//! taken twice, and nothing stays reserved.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use tillway_core::Kopecks;
use tillway_core::book::{PaymentState, audit};
use tillway_core::port::Store;
use tillway_memory::{MemoryProcessing, ProcessingMishap};
use tillway_sim::story::World;
use tillway_tests::house::{Crash, Disk, House, Passed, simulated};
use tillway_tests::points::{CARD, lines, pay, processing, wallet};
use tillway_tests::venue::ORDER_82;

/// How the guest's visit ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// iiko closes the order with the payment.
    Closed,
    /// The fiscal printer fails, and the payment is cancelled.
    Cancelled,
    /// The order is closed, and the dish goes back.
    Refunded,
}

/// A till that asks until it is answered.
struct Till(World);

impl Till {
    async fn ask(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let uri = format!("{}{path}", self.0.waiter_address);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", "Bearer till-1-secret")
            .header("content-type", "application/json");
        let body = Bytes::from(body.to_string());
        let answer = self.0.pos.send(request.body(body).unwrap()).await.ok()?;
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        Some((answer.status().as_u16(), body))
    }

    /// Asks until the answer is a success, or a refusal that is stored.
    async fn until(&self, method: &str, path: &str, body: &Value) -> u16 {
        for _ in 0..200 {
            let answer = self.ask(method, path, body).await;
            let known = answer.filter(|(status, body)| {
                *status < 300 || (*status < 500 && body["error"]["final"] == true)
            });
            match known {
                Some((status, _)) => return status,
                None => self.0.clock.sleep(Duration::from_millis(700)).await,
            }
        }
        panic!("{method} {path} is never answered")
    }
}

/// A visit under a plan of crashes; what the processing has in the end, and what happened.
async fn visit(end: End, plan: &[Crash], mishaps: &[ProcessingMishap]) -> (Passed, PaymentState) {
    let processing = processing(25_000);
    let there = Arc::new(processing.clone());
    let down = Duration::from_secs(2);
    let house = House::with_points(Disk::memory(), 7, plan, down, there).await;
    let till = Till(house.world(1, 7));
    let pay = pay(1, 10_000);
    let pos = |path: &str| format!("/pos/v1{path}");
    till.until("PUT", &pos(&format!("/orders/{ORDER_82}")), &lines()).await;
    let card = json!({"Value": "149725735"});
    till.until("POST", &format!("/orders/{ORDER_82}/checkin"), &card).await;
    mishaps.iter().for_each(|mishap| processing.befall(mishap.clone()));

    let cancel = json!({"orderId": ORDER_82, "reason": "test"});
    let first = till.ask("PUT", &pos(&pay.path()), &pay.json()).await;
    let taken = first.is_some_and(|(status, _)| status == 201);
    if !taken || end == End::Cancelled {
        till.until("POST", &pos(&format!("{}/cancel", pay.path())), &cancel).await;
    } else {
        till.until("POST", &pos(&format!("{}/acknowledge", pay.path())), &json!({})).await;
    }
    let listed = if taken && end != End::Cancelled {
        json!([{"transactionId": pay.id.to_string(), "amountMinor": pay.amount}])
    } else {
        json!([])
    };
    let closed =
        json!({"closedAt": "2026-11-22T09:41:00Z", "totalMinor": 165_000, "payments": listed});
    till.until("POST", &pos(&format!("/orders/{ORDER_82}/closed")), &closed).await;
    if taken && end == End::Refunded {
        let refund = tillway_core::id::Uuid::new_v5(&pay.id, b"0:10000");
        let body = json!({"amountMinor": 10_000, "refundedBeforeMinor": 0, "reason": "test"});
        till.until("PUT", &pos(&format!("{}/refunds/{refund}", pay.path())), &body).await;
    }
    house.heal();
    house.sleep(Duration::from_secs(1_800)).await;
    let store = house.store().await;
    let state = holds(&*store, &processing, pay.id, end).await;
    (house.passed(), state)
}

/// The book and the processing say the same, and nothing is left open in either.
async fn holds(
    store: &dyn Store,
    processing: &MemoryProcessing,
    payment: tillway_core::id::Uuid,
    end: End,
) -> PaymentState {
    audit(&store.audit().await.unwrap()).unwrap();
    let account = store.account(wallet()).await.unwrap().unwrap();
    assert_eq!((account.balance, account.held), (Kopecks::ZERO, Kopecks::ZERO));
    assert_eq!(processing.unfinished(), [], "nothing is reserved for ever");
    assert_eq!(processing.reserved(CARD), Some(Kopecks::ZERO));
    let row = store.payment(tillway_core::id::PaymentId(payment)).await.unwrap().unwrap();
    let charged = row.live().unwrap();
    let expected = match &row.state {
        PaymentState::Captured(_) if end == End::Refunded => (0, 25_000),
        PaymentState::Captured(_) => (10_000, 22_750),
        PaymentState::Cancelled(_) | PaymentState::Tombstoned => (0, 25_000),
        PaymentState::Refused(refusal) => panic!("{refusal}"),
    };
    let points = processing.balance(CARD).unwrap();
    assert_eq!((charged.0, points.0), expected, "{:?}", row.state);
    row.state
}

fn places(passed: Passed) -> Vec<Crash> {
    let commits = (0..passed.commits).flat_map(|n| [Crash::BeforeCommit(n), Crash::AfterCommit(n)]);
    let requests =
        (0..passed.requests).flat_map(|n| [Crash::BeforeRequest(n), Crash::AfterRequest(n)]);
    commits.chain(requests).collect()
}

/// How many visits ended captured, cancelled, forbidden.
fn every_place(end: End, mishaps: &[ProcessingMishap]) -> [usize; 3] {
    let (passed, _) = simulated(visit(end, &[], mishaps));
    let mut ended = [0, 0, 0];
    for crash in places(passed) {
        let (after, state) = simulated(visit(end, &[crash], mishaps));
        assert!(after.crashes <= 1, "{crash:?}");
        ended[match state {
            PaymentState::Captured(_) => 0,
            PaymentState::Cancelled(_) => 1,
            _ => 2,
        }] += 1;
    }
    ended
}

#[test]
fn f10_a_crash_anywhere_before_the_close() {
    let ended = every_place(End::Closed, &[]);
    assert!(ended.iter().all(|count| *count > 0), "{ended:?}");
}

#[test]
fn f10_a_crash_anywhere_around_a_cancel() {
    let [captured, cancelled, forbidden] = every_place(End::Cancelled, &[]);
    assert!(captured == 0 && cancelled > 0 && forbidden > 0, "{captured} {cancelled} {forbidden}");
}

#[test]
fn f10_a_crash_anywhere_around_a_refund() {
    let ended = every_place(End::Refunded, &[]);
    assert!(ended.iter().all(|count| *count > 0), "{ended:?}");
}

/// The processing takes the points, and nobody hears of it; then the service dies.
#[test]
fn f10_a_crash_anywhere_after_a_lost_answer() {
    let nothing = ProcessingMishap::Forgotten(tillway_core::id::Uuid::nil().into());
    let ended = every_place(End::Closed, &[nothing, ProcessingMishap::LostAnswer]);
    assert!(ended[..2] == [0, 0] && ended[2] > 0, "{ended:?}");
}

#[test]
fn f10_a_visit_without_trouble() {
    let state = |end| simulated(visit(end, &[], &[])).1;
    assert!(matches!(state(End::Closed), PaymentState::Captured(_)));
    assert!(matches!(state(End::Cancelled), PaymentState::Cancelled(_)));
    assert!(matches!(state(End::Refunded), PaymentState::Captured(_)));
}
