//! Rows B01 to B20 of the payment API (iiko note 2.6), over each store.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::json;
use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::id::Uuid;
use tillway_testkit::builders::{all_three, anna, id};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, on_each_store, order};
use tillway_tests::venue::{Answer, DEPOSIT_TYPE, ORDER_82, Setup, Venue, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";

fn bound(setup: Setup, guest: &str) -> Venue {
    let venue = Venue::with(setup);
    venue.bound(ORDER_82, guest);
    venue
}

#[test]
fn b01_the_same_put_twice_is_one_debit() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        let first = pay.taken(&venue);
        assert_eq!(first.state_of(201), "captured");
        let expected = json!({
            "transactionId": id(1).to_string(), "state": "captured",
            "walletId": anna().account(Deposit).to_string(), "kind": "deposit",
            "amountMinor": 90_000, "ownPartMinor": 90_000, "overdraftPartMinor": 0,
            "availableAfterMinor": 10_004_100,
            "slip": [
                {"left": "Депозит", "right": "-900,00"},
                {"left": "Доступно", "right": "100 041,00"},
            ],
        });
        assert_eq!(first.json(), expected);
        let second = pay.put(&venue);
        second.replays();
        assert_eq!(second.json(), expected);
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
        venue.holds();
    });
}

#[test]
fn b02_the_same_id_with_another_amount_is_a_conflict() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.taken(&venue);
        Pay { amount: 90_001, ..pay.clone() }.put(&venue).denied(409, "idempotency_conflict");
        Pay { total: 165_001, ..pay.clone() }.put(&venue).denied(409, "idempotency_conflict");
        pay.put(&venue).replays();
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
        venue.holds();
    });
}

#[test]
fn b03_a_cancel_that_comes_first_forbids_the_payment() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        assert_eq!(pay.cancel(&venue, 1).state_of(200), "tombstoned");
        pay.put(&venue).refused(409, "transaction_cancelled");
        Pay { attempt: 2, ..pay.clone() }.put(&venue).refused(409, "transaction_cancelled");
        assert_eq!(pay.state(&venue), "tombstoned");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        venue.holds();
    });
}

#[test]
fn b04_a_capture_is_cancelled_once_however_often_it_is_asked() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Bonus, 75_000);
        pay.taken(&venue);
        for till in [1, 1, 2] {
            assert_eq!(pay.cancel(&venue, till).state_of(200), "cancelled");
            assert_eq!(venue.available(&anna(), Bonus), 8_486_500);
        }
        venue.holds();
    });
}

#[test]
fn b07_refunds_go_down_to_the_last_kopeck() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.taken(&venue);
        let first = pay.refund(&venue, 0, 30_000);
        assert_eq!(first.state_of(201), "partially_refunded");
        assert_eq!(
            (first.minor("amountMinor"), first.minor("refundedTotalMinor")),
            (30_000, 30_000)
        );
        let second = pay.refund(&venue, 30_000, 60_000);
        assert_eq!(second.state_of(201), "refunded");
        assert_eq!(second.minor("refundedTotalMinor"), 90_000);
        pay.refund(&venue, 90_000, 1).refused(409, "refund_exceeds");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        venue.holds();
    });
}

#[test]
fn b08_the_same_refund_twice_is_one_credit() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.taken(&venue);
        assert_eq!(pay.refund(&venue, 0, 30_000).state_of(201), "partially_refunded");
        pay.refund(&venue, 0, 30_000).replays();
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 60_000);
        assert_eq!(pay.refund(&venue, 30_000, 60_000).state_of(201), "refunded");
        // The repeat tells the state of now.
        let late = pay.refund(&venue, 0, 30_000);
        late.replays();
        assert_eq!((late.state_of(200).as_str(), late.minor("amountMinor")), ("refunded", 30_000));
        venue.holds();
    });
}

#[test]
fn b09_b10_pv4_credit_waits_until_the_deposit_is_back() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let deposit = Pay::new(1, &all_three(), Deposit, 100_000);
        deposit.taken(&venue);
        let credit = |key| Reserve::new(key, &all_three(), Credit, 65_000);
        credit(10).post(&venue).refused(409, "mixed_money_accounts");
        Pay::new(2, &all_three(), Credit, 65_000).put(&venue).refused(409, "mixed_money_accounts");
        assert_eq!(deposit.cancel(&venue, 1).state_of(200), "cancelled");
        let held = credit(11).held(&venue);
        assert_eq!(venue.void(&held).state_of(200), "voided");
        // The same after a full refund, but not after a part of it.
        let again = Pay::new(3, &all_three(), Deposit, 100_000);
        again.taken(&venue);
        assert_eq!(again.refund(&venue, 0, 99_999).state_of(201), "partially_refunded");
        credit(12).post(&venue).refused(409, "mixed_money_accounts");
        assert_eq!(again.refund(&venue, 99_999, 1).state_of(201), "refunded");
        Pay::new(4, &all_three(), Credit, 65_000).taken(&venue);
        // And the other way round: a hold on credit keeps the deposit off.
        Pay::new(5, &all_three(), Deposit, 1).put(&venue).refused(409, "mixed_money_accounts");
        venue.holds();
    });
}

#[test]
fn b11_b12_pv6_two_parts_fill_the_order_and_a_third_is_over() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let bonus = Pay::new(1, &anna(), Bonus, 75_000);
        let deposit = Pay::new(2, &anna(), Deposit, 90_000);
        bonus.taken(&venue);
        deposit.taken(&venue);
        let third = Pay::new(3, &anna(), Deposit, 1);
        let answer = third.put(&venue);
        answer.refused(409, "over_total");
        let counted = json!([
            {"transactionId": bonus.id.to_string(), "amountMinor": 75_000},
            {"transactionId": deposit.id.to_string(), "amountMinor": 90_000},
        ]);
        assert_eq!(answer.json()["error"]["payments"], counted);
        // What is back does not count, and only the rest of what is partly back.
        assert_eq!(deposit.refund(&venue, 0, 10_000).state_of(201), "partially_refunded");
        Pay::new(4, &anna(), Deposit, 10_000).taken(&venue);
        let fifth = Pay::new(5, &anna(), Bonus, 1).put(&venue);
        fifth.refused(409, "over_total");
        assert_eq!(fifth.json()["error"]["payments"].as_array().unwrap().len(), 3);
        assert_eq!(fifth.json()["error"]["payments"][1]["amountMinor"], 80_000);
        venue.holds();
    });
}

#[test]
fn b13_f13_a_hold_that_lapsed_guarantees_nothing() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let held = Reserve::new(10, &all_three(), Deposit, 100_000).held(&venue);
        venue.clock.advance(Duration::from_secs(1_800));
        block_on(venue.engine.keeper().look());
        venue.bound(&order(83).to_string(), FEDOR);
        Pay::new(1, &all_three(), Deposit, 60_000).on(order(83)).taken(&venue);
        let late = Pay::new(2, &all_three(), Deposit, 100_000);
        let late = Pay { reservation: Some(held.clone()), ..late };
        let answer = late.put(&venue);
        answer.refused(409, "insufficient_funds");
        assert_eq!(answer.json()["error"]["limitMinor"], 40_000);
        assert_eq!(answer.json()["error"]["message"], "Недостаточно средств: доступно 400,00");
        // The money is there for less (PV9), and the attempt is judged anew.
        let less = Pay { amount: 40_000, attempt: 2, ..late };
        less.taken(&venue);
        assert_eq!(venue.void(&held).state_of(200), "expired");
        assert_eq!(venue.available(&all_three(), Deposit), 0);
        venue.holds();
    });
}

#[test]
fn b14_pv2_less_than_held_frees_the_rest() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let held = Reserve::new(10, &all_three(), Deposit, 100_000).held(&venue);
        assert_eq!(venue.available(&all_three(), Deposit), 0);
        let pay = Pay::new(1, &all_three(), Deposit, 70_000);
        let pay = Pay { reservation: Some(held.clone()), ..pay };
        let answer = pay.taken(&venue);
        assert_eq!(answer.minor("availableAfterMinor"), 30_000);
        assert_eq!(venue.available(&all_three(), Deposit), 30_000);
        let sheet = venue.sheet(order_id(ORDER_82));
        assert_eq!(sheet["reservations"], json!([]));
        venue.void(&held).denied(409, "already_captured");
        let twice = Pay { id: id(2), amount: 1, ..pay };
        twice.put(&venue).refused(409, "already_captured");
        venue.holds();
    });
}

#[test]
fn b15_b16_f4_a_spend_crosses_into_the_overdraft_and_comes_back() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 100_000);
        let answer = pay.taken(&venue);
        assert_eq!(answer.minor("ownPartMinor"), 94_100);
        assert_eq!(answer.minor("overdraftPartMinor"), 5_900);
        assert_eq!(answer.minor("availableAfterMinor"), 9_994_100);
        // In thirds, so that the parts do not divide evenly.
        let mut before = 0;
        for amount in [33_333, 33_333, 33_334] {
            assert_eq!(pay.refund(&venue, before, amount).status, 201);
            before += amount;
            assert_eq!(venue.available(&anna(), Deposit), 9_994_100 + before);
            venue.holds();
        }
        assert_eq!(pay.state(&venue), "refunded");
        let again = Pay::new(2, &anna(), Deposit, 100_000).taken(&venue);
        assert_eq!(
            (again.minor("ownPartMinor"), again.minor("overdraftPartMinor")),
            (94_100, 5_900)
        );
        venue.holds();
    });
}

fn unlinked(venue: &Venue, before: i64, amount: i64) -> Answer {
    let name = format!("{DEPOSIT_TYPE}:{before}:{amount}");
    let refund = Uuid::new_v5(&order_id(ORDER_82).0, name.as_bytes());
    let body = json!({
        "orderId": ORDER_82, "paymentTypeId": DEPOSIT_TYPE, "role": "deposit",
        "amountMinor": amount, "refundedBeforeMinor": before,
    });
    venue.pos(1, "PUT", &format!("/unlinked-refunds/{refund}"), &body.to_string())
}

#[test]
fn b17_a_refund_over_the_order_takes_the_newest_first() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        unlinked(&venue, 0, 1).refused(404, "unknown_transaction");
        let old = Pay::new(1, &anna(), Deposit, 50_000);
        old.taken(&venue);
        venue.clock.advance(Duration::from_secs(1));
        let new = Pay::new(2, &anna(), Deposit, 40_000);
        new.taken(&venue);
        let answer = unlinked(&venue, 0, 60_000);
        assert_eq!(answer.state_of(201), "partially_refunded");
        assert_eq!(answer.minor("refundedTotalMinor"), 60_000);
        assert_eq!(
            (new.state(&venue).as_str(), old.state(&venue).as_str()),
            ("refunded", "partially_refunded")
        );
        unlinked(&venue, 0, 60_000).replays();
        unlinked(&venue, 0, 10_000).refused(409, "refund_sequence");
        let answer = unlinked(&venue, 60_000, 30_001);
        answer.refused(409, "refund_exceeds");
        assert_eq!(answer.json()["error"]["limitMinor"], 30_000);
        assert_eq!(unlinked(&venue, 60_000, 30_000).state_of(201), "refunded");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        venue.holds();
    });
}

#[test]
fn b19_nobody_bound_nobody_charged() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.put(&venue).refused(404, "no_guest");
        venue.bound(ORDER_82, ANNA);
        pay.put(&venue).refused(404, "no_guest");
        Pay { attempt: 2, ..pay }.taken(&venue);
        assert_eq!(venue.check_in(&order(83).to_string(), ANNA).status, 204);
        let out = venue.ask("DELETE", &format!("/orders/{}/checkin", order(83)), "{}");
        assert_eq!(out.status, 204, "{out:?}");
        let gone = Pay { epoch: 2, ..Pay::new(2, &anna(), Deposit, 1) }.on(order(83));
        gone.put(&venue).refused(404, "no_guest");
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
        venue.holds();
    });
}

#[test]
fn b20_another_tills_order_is_not_charged_and_not_remembered() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.put_from(&venue, 2).denied(403, "wrong_till");
        let reserve = Reserve::new(10, &anna(), Deposit, 90_000);
        let headers = [
            ("Authorization", "Bearer till-2-secret"),
            ("Idempotency-Key", &reserve.key.to_string()),
        ];
        let body = reserve.json().to_string();
        let answer = venue.connect().ask("POST", "/pos/v1/reservations", &headers, &body);
        answer.denied(403, "wrong_till");
        let told = json!({"totalMinor": 1, "lines": []}).to_string();
        venue.pos(2, "PUT", &format!("/orders/{ORDER_82}"), &told).denied(403, "wrong_till");
        assert_eq!(venue.pos(1, "GET", &pay.path(), "").code(), "unknown_transaction");
        // Nothing was stored under the two ids.
        reserve.held(&venue);
        pay.taken(&venue);
        venue.holds();
    });
}
