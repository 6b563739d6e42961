//! A guest is never charged without iiko knowing, and the other way round (F1, F2).
//!
//! The plugin's half of the six interleavings is played here by hand; whole plugins play them in
//! the stories.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::json;
use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::book::{Status, StreamKind};
use tillway_core::id::Uuid;
use tillway_core::port::Query;
use tillway_core::{AccountStatus, Kopecks};
use tillway_testkit::builders::{all_three, anna, id, top_up};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, on_each_store, order, type_of};
use tillway_tests::venue::{ORDER_82, Setup, Venue, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";

fn bound(setup: Setup, guest: &str) -> Venue {
    let venue = Venue::with(setup);
    venue.bound(ORDER_82, guest);
    venue
}

fn check_out(venue: &Venue) {
    let answer = venue.ask("DELETE", &format!("/orders/{ORDER_82}/checkin"), "{}");
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// What waits for a person: charged, and not known to iiko as far as this side can tell.
fn listed(venue: &Venue) -> Vec<Kopecks> {
    let (kind, status) = (Some(StreamKind::Payment), Some(Status::NeedsPerson));
    let query = Query { kind, status, ..Query::default() };
    let heads = block_on(venue.store.heads(&query, None, 100)).unwrap();
    heads.into_iter().map(|row| row.head.total).collect()
}

#[test]
fn f1a_server_side_the_till_lost_power_after_the_capture() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.taken(&venue);
        // The till is back: its record "sending" has no processed payment, so it cancels.
        assert_eq!(pay.state(&venue), "captured");
        assert_eq!(pay.cancel(&venue, 1).state_of(200), "cancelled");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        // Nothing of it waits for a person later.
        venue.clock.advance(Duration::from_secs(3_600));
        block_on(venue.engine.keeper().look());
        assert_eq!(listed(&venue), []);
        venue.holds();
    });
}

#[test]
fn f1b_server_side_pay_returned_and_the_order_was_not_saved() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Bonus, 75_000);
        pay.taken(&venue);
        pay.put(&venue).replays();
        // The till says nothing for two minutes, and is asked.
        venue.clock.advance(Duration::from_secs(121));
        block_on(venue.engine.keeper().look());
        let asked = venue.pos(1, "GET", "/commands?wait=25", "").json();
        let expected = json!([{
            "commandId": asked["commands"][0]["commandId"], "kind": "verifyPayment",
            "orderId": ORDER_82, "transactionId": pay.id.to_string(), "amountMinor": 75_000,
        }]);
        assert_eq!(asked["commands"], expected);
        // The order has no such payment: the plugin cancels, and says that it looked.
        assert_eq!(pay.cancel(&venue, 1).state_of(200), "cancelled");
        let path =
            format!("/commands/{}/result", asked["commands"][0]["commandId"].as_str().unwrap());
        for _ in 0..2 {
            assert_eq!(venue.pos(1, "POST", &path, r#"{"outcome":"done"}"#).status, 204);
        }
        assert_eq!(venue.pos(1, "GET", "/commands", "").status, 204);
        assert_eq!(venue.available(&anna(), Bonus), 8_486_500);
        assert_eq!(listed(&venue), []);
        venue.holds();
    });
}

#[test]
fn f1c_server_side_attempt_two_is_refused_and_then_attempt_one_arrives() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let first = Pay::new(1, &all_three(), Deposit, 150_000);
        let second = Pay { attempt: 2, ..first.clone() };
        second.put(&venue).refused(409, "insufficient_funds");
        // The guest tops up; the late first attempt still gets the stored refusal.
        let more = vec![top_up(first.wallet, Kopecks(50_000), id(9))];
        let commit = tillway_core::book::Commit::of(tillway_tests::venue::NOON, more);
        block_on(venue.store.commit(commit)).unwrap();
        first.put(&venue).refused(409, "insufficient_funds");
        second.put(&venue).refused(409, "insufficient_funds");
        assert_eq!(venue.available(&all_three(), Deposit), 150_000);
        // A third attempt of the same transaction is judged anew; then all of them replay.
        let third = Pay { attempt: 3, ..first.clone() };
        third.taken(&venue);
        for late in [&first, &second, &third] {
            late.put(&venue).replays();
        }
        assert_eq!(venue.available(&all_three(), Deposit), 0);
        venue.holds();
    });
}

#[test]
fn f1d_server_side_a_stuck_capture_does_not_charge_the_next_guest() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let stuck = Pay::new(1, &anna(), Deposit, 90_000);
        let hold = Reserve::new(10, &anna(), Deposit, 90_000);
        check_out(&venue);
        venue.bound(ORDER_82, FEDOR);
        assert_eq!(venue.sheet(order_id(ORDER_82))["bindingEpoch"], 3);
        stuck.put(&venue).refused(409, "binding_changed");
        hold.post(&venue).refused(409, "binding_changed");
        // Neither does it with the epoch of today or with the wallet of today alone.
        Pay { id: id(2), epoch: 3, ..stuck.clone() }.put(&venue).refused(409, "binding_changed");
        let wallet = all_three().account(Deposit);
        Pay { id: id(3), wallet, ..stuck.clone() }.put(&venue).refused(409, "binding_changed");
        // The same guest bound again is another binding too.
        check_out(&venue);
        venue.bound(ORDER_82, ANNA);
        Pay { id: id(4), ..stuck.clone() }.put(&venue).refused(409, "binding_changed");
        Pay { id: id(5), epoch: 5, ..stuck }.taken(&venue);
        assert_eq!(venue.available(&all_three(), Deposit), 100_000);
        venue.holds();
    });
}

#[test]
fn f1e_server_side_captured_cancelled_and_the_same_put_again() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.taken(&venue);
        assert_eq!(pay.cancel(&venue, 1).state_of(200), "cancelled");
        for attempt in [1, 1, 2, 65_535] {
            let again = Pay { attempt, ..pay.clone() };
            again.put(&venue).refused(409, "transaction_cancelled");
        }
        // Whatever the body says: the id is dead.
        Pay { amount: 1, ..pay.clone() }.put(&venue).refused(409, "transaction_cancelled");
        assert_eq!(pay.state(&venue), "cancelled");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        venue.holds();
    });
}

#[test]
fn f1f_server_side_another_till_undoes_it() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let (pay, other) =
            (Pay::new(1, &anna(), Deposit, 90_000), Pay::new(2, &anna(), Bonus, 75_000));
        pay.taken(&venue);
        other.taken(&venue);
        assert_eq!(venue.pos(2, "GET", &pay.path(), "").state_of(200), "captured");
        assert_eq!(pay.cancel(&venue, 2).state_of(200), "cancelled");
        let refund = format!("{}/refunds/{}", other.path(), id(77));
        let body = json!({"amountMinor": 75_000, "refundedBeforeMinor": 0}).to_string();
        assert_eq!(venue.pos(2, "PUT", &refund, &body).state_of(201), "refunded");
        assert_eq!(venue.pos(1, "PUT", &refund, &body).state_of(200), "refunded");
        pay.put(&venue).refused(409, "transaction_cancelled");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        assert_eq!(venue.available(&anna(), Bonus), 8_486_500);
        venue.holds();
    });
}

/// A refusal and its request, by code; each has an id of its own.
fn refusals() -> Vec<(u16, &'static str, Pay)> {
    let anna = anna();
    let pay = |number: u64, kind, amount| Pay::new(100 + number, &anna, kind, amount);
    let deposit = |number, amount| pay(number, Deposit, amount);
    let strange = Uuid::from_u128(0xBAD);
    vec![
        (404, "no_guest", deposit(1, 100).on(order(90))),
        (
            404,
            "unknown_wallet",
            Pay { wallet: tillway_core::id::AccountId(strange), ..deposit(2, 100) },
        ),
        (
            404,
            "unknown_reservation",
            Pay { reservation: Some(strange.to_string()), ..deposit(3, 100) },
        ),
        (409, "insufficient_funds", Pay { total: 99_999_999, ..deposit(4, 20_000_000) }),
        (409, "over_total", deposit(5, 165_001)),
        (409, "binding_changed", Pay { epoch: 2, ..deposit(6, 100) }),
        (409, "wrong_payment_type", Pay { payment_type: type_of(Credit), ..deposit(7, 100) }),
        (422, "unknown_payment_type", Pay { payment_type: strange, ..deposit(8, 100) }),
        (422, "bad_amount", deposit(9, 0)),
        (422, "bad_amount", deposit(10, -1)),
        (422, "bad_amount", Pay { total: 0, ..deposit(11, 100) }),
        (422, "bad_amount", Pay { total: -1, ..deposit(12, 100) }),
    ]
}

#[test]
fn f1_every_business_refusal_is_stored_and_said_again() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        for (status, code, pay) in refusals() {
            let first = pay.put(&venue);
            first.refused(status, code);
            let stored = venue.pos(2, "GET", &pay.path(), "");
            assert_eq!(stored.state_of(200), "refused", "{code}");
            assert_eq!(stored.json()["error"], first.json()["error"], "{code}");
            let again = pay.put(&venue);
            again.refused(status, code);
            assert_eq!(again.json(), first.json(), "{code}");
            // A refused id is no capture.
            pay.acknowledge(&venue).denied(404, "unknown_transaction");
            pay.refund(&venue, 0, 1).refused(404, "unknown_transaction");
            // Another body within the attempt is a conflict, which is not stored.
            let other = Pay { amount: pay.amount + 1, ..pay.clone() };
            other.put(&venue).denied(409, "idempotency_conflict");
            // A cancel makes it dead for good.
            assert_eq!(pay.cancel(&venue, 1).state_of(200), "tombstoned", "{code}");
            assert_eq!(pay.state(&venue), "tombstoned");
            let next = Pay { attempt: 2, ..pay };
            next.put(&venue).refused(409, "transaction_cancelled");
        }
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        assert_eq!(venue.sheet(order_id(ORDER_82))["payments"], json!([]));
        venue.holds();
    });
}

#[test]
fn f1_a_missing_member_is_refused_and_stored_where_there_is_a_key() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 100);
        let members =
            ["walletId", "bindingEpoch", "amountMinor", "orderTotalMinor", "paymentTypeId"];
        for (number, member) in (200..).zip(members) {
            let pay = Pay { id: id(number), ..pay.clone() };
            let mut body = pay.json();
            body.as_object_mut().unwrap().remove(member);
            let answer = venue.pos(1, "PUT", &pay.path(), &body.to_string());
            answer.refused(422, "field_required");
            assert_eq!(pay.state(&venue), "refused", "{member}");
            Pay { attempt: 2, ..pay }.taken(&venue);
        }
        // Without an order there is nothing that a refusal could be stored with.
        let mut body = pay.json();
        body.as_object_mut().unwrap().remove("orderId");
        let answer = venue.pos(1, "PUT", &pay.path(), &body.to_string());
        answer.denied(422, "field_required");
        let mut body = pay.json();
        body["currency"] = json!("USD");
        venue.pos(1, "PUT", &pay.path(), &body.to_string()).refused(422, "bad_currency");
        venue.holds();
    });
}

#[test]
fn f1_a_higher_attempt_of_a_captured_id_takes_nothing_more() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        Pay { attempt: 4, ..pay.clone() }.taken(&venue);
        for attempt in [1, 4, 5, 9] {
            let again = Pay { attempt, ..pay.clone() }.put(&venue);
            again.replays();
            assert_eq!(again.minor("amountMinor"), 90_000);
        }
        // The attempt is no part of what is compared, and another body conflicts within it alone.
        let other = Pay { attempt: 4, amount: 1, ..pay.clone() };
        other.put(&venue).denied(409, "idempotency_conflict");
        let answer = Pay { attempt: 5, amount: 1, ..pay }.put(&venue);
        answer.replays();
        assert_eq!(answer.minor("amountMinor"), 90_000);
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
        venue.holds();
    });
}

#[test]
fn f1_cancel_void_acknowledge_and_closed_compare_no_bodies() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.taken(&venue);
        for _ in 0..3 {
            assert_eq!(pay.acknowledge(&venue).status, 204);
        }
        for body in [r#"{"reason":"a"}"#, r#"{"reason":"b"}"#, "{}", ""] {
            let held = Reserve::new(10, &anna(), Bonus, 1_000);
            let id = held.post(&venue).json()["reservationId"].as_str().unwrap().to_owned();
            let answer = venue.pos(1, "POST", &format!("/reservations/{id}/void"), body);
            assert_eq!(answer.state_of(200), "voided");
        }
        let cancel = format!("{}/cancel", pay.path());
        for order in [ORDER_82, &order(7).to_string()] {
            for reason in ["printer", "guest"] {
                let body = json!({"orderId": order, "reason": reason}).to_string();
                let answer = venue.pos(1, "POST", &cancel, &body);
                assert_eq!(answer.state_of(200), "cancelled");
            }
        }
        let order = order_id(ORDER_82);
        assert_eq!(venue.close(order, &[]).status, 204);
        assert_eq!(venue.close(order, &[&Pay { amount: 5, ..pay.clone() }]).status, 204);
        assert_eq!(venue.close(order, &[]).status, 204);
        pay.acknowledge(&venue).denied(409, "transaction_cancelled");
        Pay::new(9, &anna(), Bonus, 1).acknowledge(&venue).denied(404, "unknown_transaction");
        venue.void(&id(99).to_string()).denied(404, "unknown_reservation");
        venue.holds();
    });
}

#[test]
fn f1_the_close_finds_what_one_side_does_not_know() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let bonus = Pay::new(1, &anna(), Bonus, 75_000);
        let deposit = Pay::new(2, &anna(), Deposit, 80_000);
        let unknown = Pay::new(3, &anna(), Deposit, 10_000);
        bonus.taken(&venue);
        deposit.taken(&venue);
        let held = Reserve::new(10, &anna(), Deposit, 10_000).held(&venue);
        let order = order_id(ORDER_82);
        assert_eq!(venue.close(order, &[&deposit, &unknown]).status, 204);
        // Left-over holds are void, nobody is bound, and the epoch moved on.
        assert_eq!(venue.void(&held).state_of(200), "voided");
        let sheet = venue.sheet(order);
        assert_eq!((&sheet["bindingEpoch"], &sheet["guest"]), (&json!(2), &json!(null)));
        assert_eq!(sheet["wallets"], json!([]));
        let acknowledged: Vec<_> =
            sheet["payments"].as_array().unwrap().iter().map(|p| &p["acknowledged"]).collect();
        assert_eq!(acknowledged, [false, true]);
        // The orphan of each side waits for a person, and a repeat adds nothing.
        assert_eq!(venue.close(order, &[&deposit, &unknown]).status, 204);
        assert_eq!(listed(&venue).len(), 2);
        assert!(listed(&venue).contains(&Kopecks(75_000)));
        // Listed after all: known now.
        assert_eq!(bonus.acknowledge(&venue).status, 204);
        assert_eq!(listed(&venue).len(), 1);
        // A closed order takes no new guest and no new payment.
        assert_eq!(venue.check_in(ORDER_82, ANNA).status, 200);
        Pay::new(4, &anna(), Deposit, 100).put(&venue).refused(404, "no_guest");
        // But what was paid can go back.
        assert_eq!(deposit.refund(&venue, 0, 30_000).state_of(201), "partially_refunded");
        assert_eq!(bonus.cancel(&venue, 1).state_of(200), "cancelled");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 50_000);
        venue.holds();
    });
}

#[test]
fn f1_nobody_acknowledges_and_a_person_is_asked() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let silent = Pay::new(1, &anna(), Bonus, 75_000);
        let known = Pay::new(2, &anna(), Deposit, 90_000);
        silent.taken(&venue);
        known.taken(&venue);
        assert_eq!(venue.pos(1, "GET", "/commands", "").status, 204, "not yet");
        assert_eq!(known.acknowledge(&venue).status, 204);
        venue.clock.advance(Duration::from_secs(120));
        block_on(venue.engine.keeper().look());
        let commands = venue.pos(1, "GET", "/commands", "").json();
        assert_eq!(commands["commands"].as_array().map(Vec::len), Some(1));
        // At least once: the same command as long as nobody solves it. Not for the other till.
        assert_eq!(venue.pos(1, "GET", "/commands", "").json(), commands);
        assert_eq!(venue.pos(2, "GET", "/commands", "").status, 204);
        venue.clock.advance(Duration::from_secs(600));
        block_on(venue.engine.keeper().look());
        assert_eq!(listed(&venue), [Kopecks(75_000)]);
        let sheet = venue.sheet(order_id(ORDER_82));
        assert_eq!(sheet["payments"][0]["acknowledged"], false);
        assert_eq!(sheet["payments"][1]["acknowledged"], true);
        assert_eq!(silent.acknowledge(&venue).status, 204);
        assert_eq!(listed(&venue), []);
        venue.holds();
    });
}

#[test]
fn f2_a_cancel_is_never_refused_for_the_state_of_an_account() {
    on_each_store(|setup| {
        use tillway_core::port::GuestDesk;
        let venue = bound(setup, FEDOR);
        let caller = tillway_core::book::Caller::system();
        let blocked = Pay::new(1, &all_three(), Deposit, 30_000);
        blocked.taken(&venue);
        let account = all_three().account(Deposit);
        let status = Some(AccountStatus::Blocked);
        block_on(venue.engine.set_terms(&caller, account, None, status)).unwrap();
        Pay::new(2, &all_three(), Deposit, 1).put(&venue).refused(409, "account_blocked");
        assert_eq!(blocked.cancel(&venue, 1).state_of(200), "cancelled");
        let row = block_on(venue.store.account(account)).unwrap().unwrap();
        assert_eq!(row.balance, Kopecks(100_000));
        venue.holds();
    });
}

#[test]
fn f2_pv3_pv7_refunds_keep_their_sequence() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.refund(&venue, 0, 1).refused(404, "unknown_transaction");
        pay.taken(&venue);
        assert_eq!(pay.refund(&venue, 0, 30_000).state_of(201), "partially_refunded");
        pay.refund(&venue, 0, 10_000).refused(409, "refund_sequence");
        pay.refund(&venue, 30_000, 60_001).refused(409, "refund_exceeds");
        pay.refund(&venue, 30_000, 0).refused(422, "bad_amount");
        pay.refund(&venue, -1, 1).refused(422, "bad_amount");
        // A part is back: the cancel is for a person, and nothing is stored under it.
        pay.cancel(&venue, 1).denied(409, "already_refunded");
        pay.cancel(&venue, 2).denied(409, "already_refunded");
        // The order is not blocked by it.
        Pay::new(2, &anna(), Bonus, 1_000).taken(&venue);
        assert_eq!(pay.refund(&venue, 30_000, 60_000).state_of(201), "refunded");
        for _ in 0..2 {
            assert_eq!(pay.cancel(&venue, 1).state_of(200), "refunded");
        }
        pay.put(&venue).replays();
        assert_eq!(pay.put(&venue).state_of(200), "refunded");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        // What was cancelled cannot be refunded.
        let gone = Pay::new(3, &anna(), Deposit, 100);
        gone.taken(&venue);
        assert_eq!(gone.cancel(&venue, 1).status, 200);
        gone.refund(&venue, 0, 100).refused(409, "transaction_cancelled");
        venue.holds();
    });
}
