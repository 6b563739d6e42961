//! Reconciliation, and refunds that name no payment (iiko note 2.2, 2.3).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::{Value, json};
use tillway_core::AccountKind::{self, Bonus, Deposit};
use tillway_core::book::{House, Party, Why};
use tillway_core::id::{OrderId, Uuid};
use tillway_core::time::Timestamp;
use tillway_testkit::builders::{all_three, anna, id};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, on_each_store, order, type_of};
use tillway_tests::venue::{Answer, NOON, ORDER_82, Setup, Venue, Wire, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";

fn after(seconds: u64) -> Timestamp {
    NOON.after(Duration::from_secs(seconds))
}

/// What a till did from one second after noon to another.
fn listing(venue: &Venue, till: usize, from: u64, to: u64) -> Value {
    let path = format!("/reconciliation?from={}&to={}", after(from), after(to));
    let answer = venue.pos(till, "GET", &path, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn ids(listing: &Value, list: &str, member: &str) -> Vec<String> {
    let rows = listing[list].as_array().unwrap();
    rows.iter().map(|row| row[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn f1_reconciliation_lists_a_period_of_a_till() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        let pays: Vec<Pay> = (1..=3).map(|n| Pay::new(n, &anna(), Deposit, 10_000)).collect();
        for pay in &pays {
            pay.taken(&venue);
            venue.clock.advance(Duration::from_secs(10));
        }
        assert_eq!(pays[0].acknowledge(&venue).status, 204);
        let refund = pays[1].refund(&venue, 0, 4_000);
        assert_eq!(refund.status, 201);
        let dead = Pay::new(4, &anna(), Deposit, 1);
        assert_eq!(dead.cancel(&venue, 1).state_of(200), "tombstoned");
        let held = Reserve::new(10, &anna(), Bonus, 5_000).held(&venue);
        // `from` counts in, `to` does not: payments at 0, 10 and 20 s, the rest at 30 s.
        let names = |pays: &[Pay]| pays.iter().map(|pay| pay.id.to_string()).collect::<Vec<_>>();
        for (from, to, captured) in [(0, 30, 0..3), (0, 20, 0..2), (10, 20, 1..2), (1, 21, 1..3)] {
            let found = listing(&venue, 1, from, to);
            assert_eq!(ids(&found, "captured", "transactionId"), names(&pays[captured]));
            assert_eq!(found["refunded"], json!([]));
            assert_eq!(found["tombstones"], json!([]));
        }
        let all = listing(&venue, 1, 0, 31);
        let row = |pay: &Pay, at: u64, state: &str, refunded: i64, acknowledged: bool| {
            json!({
                "transactionId": pay.id.to_string(), "orderId": ORDER_82, "kind": "deposit",
                "state": state, "amountMinor": 10_000, "refundedTotalMinor": refunded,
                "at": after(at).to_string(), "acknowledged": acknowledged,
            })
        };
        let captured = json!([
            row(&pays[0], 0, "captured", 0, true),
            row(&pays[1], 10, "partially_refunded", 4_000, false),
            row(&pays[2], 20, "captured", 0, false),
        ]);
        assert_eq!(all["captured"], captured);
        let refunded = json!([{
            "refundId": refund.json()["refundId"], "transactionId": pays[1].id.to_string(),
            "orderId": ORDER_82, "kind": "deposit", "amountMinor": 4_000,
            "at": after(30).to_string(),
        }]);
        assert_eq!(all["refunded"], refunded);
        let tombstones = json!([{
            "transactionId": dead.id.to_string(), "orderId": ORDER_82, "at": after(30).to_string(),
        }]);
        assert_eq!(all["tombstones"], tombstones);
        assert_eq!(ids(&all, "held", "reservationId"), [held]);
        assert_eq!(all["held"][0]["expiresAt"], after(1_830).to_string());
        venue.holds();
    });
}

#[test]
fn f1_a_refund_of_another_day_names_its_order_and_kind() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 10_000);
        pay.taken(&venue);
        venue.clock.advance(Duration::from_secs(86_400));
        assert_eq!(pay.refund(&venue, 0, 4_000).status, 201);
        let found = listing(&venue, 1, 86_400, 2 * 86_400);
        assert_eq!(found["captured"], json!([]), "{found}");
        let row = &found["refunded"][0];
        assert_eq!(row["transactionId"], pay.id.to_string());
        assert_eq!(
            (&row["orderId"], &row["kind"]),
            (&json!(ORDER_82), &json!("deposit")),
            "{found}"
        );
        assert_eq!(row["amountMinor"], 4_000);
        venue.holds();
    });
}

#[test]
fn f1_reconciliation_is_of_one_till() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        let body = json!({"Value": FEDOR, "WaiterPin": "1"}).to_string();
        let path = format!("/orders/{}/checkin", order(83));
        let answer = Wire::to(venue.address(2)).ask("POST", &path, &[], &body);
        assert_eq!(answer.status, 204);
        let mine = Pay::new(1, &anna(), Deposit, 10_000);
        mine.taken(&venue);
        let theirs = Pay::new(2, &all_three(), Deposit, 20_000).on(order(83));
        assert_eq!(theirs.put_from(&venue, 2).status, 201);
        // Cancelled from the other till: still of the till that took it.
        assert_eq!(theirs.cancel(&venue, 1).state_of(200), "cancelled");
        for (till, pay, state) in [(1, &mine, "captured"), (2, &theirs, "cancelled")] {
            let found = listing(&venue, till, 0, 60);
            assert_eq!(ids(&found, "captured", "transactionId"), [pay.id.to_string()]);
            assert_eq!(found["captured"][0]["state"], state);
        }
        // Moments come with any offset.
        let query = "from=2026-09-21T17:13:20%2B03:00&to=2026-09-21T17:13:21+03:00";
        let answer = venue.pos(1, "GET", &format!("/reconciliation?{query}"), "");
        assert_eq!(ids(&answer.json(), "captured", "transactionId"), [mine.id.to_string()]);
        let empty = listing(&venue, 1, 60, 0);
        assert_eq!(empty["captured"], json!([]));
        venue.holds();
    });
}

fn unlinked(
    venue: &Venue,
    order: Option<OrderId>,
    kind: AccountKind,
    before: i64,
    amount: i64,
) -> Answer {
    let mut body = json!({
        "paymentTypeId": type_of(kind).to_string(), "role": kind.word(), "amountMinor": amount,
        "refundedBeforeMinor": before,
    });
    let namespace = order.map_or(Uuid::nil(), |order| order.0);
    if let Some(order) = order {
        body["orderId"] = json!(order.to_string());
    }
    let name = format!("{}:{before}:{amount}", type_of(kind));
    let refund = Uuid::new_v5(&namespace, name.as_bytes());
    venue.pos(1, "PUT", &format!("/unlinked-refunds/{refund}"), &body.to_string())
}

#[test]
fn f2_an_unlinked_refund_counts_over_order_and_type() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        let of = Some(order_id(ORDER_82));
        let (bonus, deposit) =
            (Pay::new(1, &anna(), Bonus, 75_000), Pay::new(2, &anna(), Deposit, 90_000));
        bonus.taken(&venue);
        deposit.taken(&venue);
        // A part by the payment's own refund counts for the sequence of the order.
        assert_eq!(deposit.refund(&venue, 0, 30_000).status, 201);
        unlinked(&venue, of, Deposit, 0, 10_000).refused(409, "refund_sequence");
        let answer = unlinked(&venue, of, Deposit, 30_000, 60_000);
        assert_eq!(answer.state_of(201), "refunded");
        assert_eq!(answer.minor("refundedTotalMinor"), 90_000);
        assert_eq!(
            (deposit.state(&venue), bonus.state(&venue)),
            ("refunded".into(), "captured".into())
        );
        unlinked(&venue, of, Deposit, 30_000, 60_000).replays();
        unlinked(&venue, of, Deposit, 90_000, 1).refused(404, "unknown_transaction");
        unlinked(&venue, of, Bonus, 0, 75_001).refused(409, "refund_exceeds");
        assert_eq!(unlinked(&venue, of, Bonus, 0, 75_000).state_of(201), "refunded");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        assert_eq!(venue.available(&anna(), Bonus), 8_486_500);
        venue.holds();
    });
}

#[test]
fn f2_what_an_unlinked_refund_must_say() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        Pay::new(1, &anna(), Deposit, 90_000).taken(&venue);
        let good = json!({
            "orderId": ORDER_82, "paymentTypeId": type_of(Deposit).to_string(), "role": "deposit",
            "amountMinor": 100, "refundedBeforeMinor": 0,
        });
        let strange = Uuid::from_u128(7).to_string();
        let rows = [
            ("role", json!("bonus"), 409, "wrong_payment_type"),
            ("role", Value::Null, 422, "field_required"),
            ("paymentTypeId", json!(strange), 422, "unknown_payment_type"),
            ("paymentTypeId", Value::Null, 422, "field_required"),
            ("amountMinor", Value::Null, 422, "field_required"),
            ("refundedBeforeMinor", Value::Null, 422, "field_required"),
            ("amountMinor", json!(0), 422, "bad_amount"),
            ("refundedBeforeMinor", json!(-1), 422, "bad_amount"),
            ("orderId", Value::Null, 422, "order_required"),
            ("currency", json!("EUR"), 422, "bad_currency"),
        ];
        for (number, (member, value, status, code)) in (300_u64..).zip(rows) {
            let path = format!("/unlinked-refunds/{}", id(number));
            let mut body = good.clone();
            body[member] = value;
            let first = venue.pos(1, "PUT", &path, &body.to_string());
            first.refused(status, code);
            // Stored under the refund's id: the same again, and nothing else.
            venue.pos(1, "PUT", &path, &body.to_string()).refused(status, code);
            let other = venue.pos(1, "PUT", &path, &good.to_string());
            other.denied(409, "idempotency_conflict");
        }
        let path = format!("/unlinked-refunds/{}", id(400));
        let mut body = good;
        body["role"] = json!("money");
        venue.pos(1, "PUT", &path, &body.to_string()).denied(400, "bad_json");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
        venue.holds();
    });
}

#[test]
fn f2_without_an_order_only_where_the_venue_allows_it() {
    on_each_store(|setup| {
        let rules =
            |config: &mut tillway_engine::EngineConfig| config.allow_orderless_refund = true;
        let venue = Venue::with(Setup { rules: Box::new(rules), ..setup });
        let answer = unlinked(&venue, None, Deposit, 0, 90_000);
        assert_eq!(answer.state_of(201), "refunded");
        assert_eq!(answer.minor("amountMinor"), 90_000);
        unlinked(&venue, None, Deposit, 0, 90_000).replays();
        // Points of nobody are nobody's.
        unlinked(&venue, None, Bonus, 0, 100).refused(422, "order_required");
        let book = block_on(venue.store.audit()).unwrap();
        let unlinked = book.movements.iter().filter(|movement| movement.why == Why::Unlinked);
        let sums: Vec<_> = unlinked.map(|m| (m.debit, m.credit, m.amount.0)).collect();
        let (from, to) = (Party::House(House::SalesReturnsUnlinked), Party::House(House::Suspense));
        assert_eq!(sums, [(from, to, 90_000)]);
        venue.holds();
    });
}
