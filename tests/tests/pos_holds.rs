//! Reservations: states, expiry, guarantees (iiko note 2.4, F13, F14).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::json;
use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::book::{Caller, Refusal};
use tillway_core::id::Uuid;
use tillway_core::port::{GuestDesk, GuestError};
use tillway_core::{AccountStatus, Kopecks};
use tillway_testkit::builders::{all_three, anna, id};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, on_each_store, order};
use tillway_tests::venue::{ORDER_82, Setup, Venue, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";

fn bound(setup: Setup, guest: &str) -> Venue {
    let venue = Venue::with(setup);
    venue.bound(ORDER_82, guest);
    venue
}

fn look_after(venue: &Venue, seconds: u64) {
    venue.clock.advance(Duration::from_secs(seconds));
    block_on(venue.engine.keeper().look());
}

#[test]
fn pv1_a_hold_takes_what_is_available() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let answer = Reserve::new(10, &all_three(), Deposit, 100_001).post(&venue);
        answer.refused(409, "insufficient_funds");
        assert_eq!(answer.json()["error"]["limitMinor"], 100_000);
        let answer = Reserve::new(11, &all_three(), Deposit, 100_000).post(&venue);
        let expected = json!({
            "reservationId": answer.json()["reservationId"], "state": "held",
            "walletId": all_three().account(Deposit).to_string(), "amountMinor": 100_000,
            "expiresAt": "2026-09-21T14:43:20.000Z",
        });
        assert_eq!((answer.status, answer.json()), (201, expected.clone()));
        let again = Reserve::new(11, &all_three(), Deposit, 100_000).post(&venue);
        again.replays();
        assert_eq!(again.json(), expected);
        let sheet = venue.sheet(order_id(ORDER_82));
        assert_eq!(sheet["reservations"], json!([expected]));
        let wallet = venue.wallet(order_id(ORDER_82), Deposit);
        assert_eq!(
            (&wallet["availableMinor"], &wallet["limitMinor"]),
            (&json!(0), &json!(100_000))
        );
        // Another order of the same guest has nothing left.
        venue.bound(&order(83).to_string(), FEDOR);
        let other = Pay::new(1, &all_three(), Deposit, 1).on(order(83));
        other.put(&venue).refused(409, "insufficient_funds");
        // A payment of this order without the hold has nothing either: the hold is its own.
        Pay::new(2, &all_three(), Deposit, 1).put(&venue).refused(409, "insufficient_funds");
        venue.holds();
    });
}

#[test]
fn pv1_an_idempotency_key_names_one_reservation() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let reserve = Reserve::new(10, &all_three(), Deposit, 30_000);
        let held = reserve.held(&venue);
        let other = Reserve::new(10, &all_three(), Deposit, 30_001);
        other.post(&venue).denied(409, "idempotency_conflict");
        // The repeat tells the state of now.
        assert_eq!(venue.void(&held).state_of(200), "voided");
        let late = reserve.post(&venue);
        late.replays();
        assert_eq!(late.state_of(200), "voided");
        // A refusal is stored under the key as well.
        let greedy = Reserve::new(11, &all_three(), Deposit, 100_001);
        greedy.post(&venue).refused(409, "insufficient_funds");
        greedy.post(&venue).refused(409, "insufficient_funds");
        let less = Reserve::new(11, &all_three(), Deposit, 100_000);
        less.post(&venue).denied(409, "idempotency_conflict");
        venue.holds();
    });
}

#[test]
fn pv2_more_than_was_reserved_is_refused() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let held = Reserve::new(10, &all_three(), Deposit, 30_000).held(&venue);
        let pay = Pay::new(1, &all_three(), Deposit, 30_001).by(&held);
        let answer = pay.put(&venue);
        answer.refused(409, "exceeds_reservation");
        assert_eq!(answer.json()["error"]["limitMinor"], 30_000);
        // The hold of another order or wallet is none of this payment's.
        let bonus = Pay::new(2, &all_three(), Bonus, 100).by(&held);
        bonus.put(&venue).refused(404, "unknown_reservation");
        venue.bound(&order(83).to_string(), FEDOR);
        let elsewhere = Pay::new(3, &all_three(), Deposit, 100).on(order(83)).by(&held);
        elsewhere.put(&venue).refused(404, "unknown_reservation");
        Pay::new(4, &all_three(), Deposit, 30_000).by(&held).taken(&venue);
        assert_eq!(venue.available(&all_three(), Deposit), 70_000);
        venue.holds();
    });
}

#[test]
fn pv5_one_live_hold_for_each_order_and_wallet() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let first = Reserve::new(10, &all_three(), Deposit, 60_000).held(&venue);
        Reserve::new(11, &all_three(), Deposit, 1).post(&venue).refused(409, "hold_exists");
        // Another wallet of the order, and another order of the wallet, hold for themselves.
        Reserve::new(12, &all_three(), Bonus, 10_000).held(&venue);
        venue.bound(&order(83).to_string(), FEDOR);
        let other = Reserve::new(13, &all_three(), Deposit, 40_000);
        Reserve { terms: other.terms.clone().on(order(83)), ..other }.held(&venue);
        // A new amount swaps: the sum of both would not be there.
        let more = Reserve::new(14, &all_three(), Deposit, 60_001);
        let more = Reserve { supersedes: Some(first.clone()), ..more };
        more.post(&venue).refused(409, "insufficient_funds");
        assert_eq!(venue.available(&all_three(), Deposit), 0, "the refused swap undid nothing");
        let less = Reserve::new(15, &all_three(), Deposit, 20_000);
        let second = Reserve { supersedes: Some(first.clone()), ..less }.held(&venue);
        assert_eq!(venue.available(&all_three(), Deposit), 40_000);
        assert_eq!(venue.void(&first).state_of(200), "voided");
        let late = Pay::new(1, &all_three(), Deposit, 100).by(&first);
        late.put(&venue).refused(409, "reservation_voided");
        Pay::new(2, &all_three(), Deposit, 20_000).by(&second).taken(&venue);
        let strange = Some(Uuid::from_u128(0xBAD).to_string());
        let lost = Reserve::new(16, &all_three(), Deposit, 100);
        Reserve { supersedes: strange, ..lost }.post(&venue).refused(404, "unknown_reservation");
        venue.holds();
    });
}

#[test]
fn pv7_void_again_and_again() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let held = Reserve::new(10, &all_three(), Deposit, 60_000).held(&venue);
        for _ in 0..3 {
            let answer = venue.void(&held);
            let expected = json!({"reservationId": held, "state": "voided"});
            assert_eq!((answer.status, answer.json()), (200, expected));
        }
        assert_eq!(venue.pos(2, "POST", &format!("/reservations/{held}/void"), "").status, 200);
        look_after(&venue, 3_600);
        assert_eq!(venue.void(&held).state_of(200), "voided");
        assert_eq!(venue.available(&all_three(), Deposit), 100_000);
        venue.holds();
    });
}

#[test]
fn pv8_nothing_is_no_amount() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        for (key, amount) in [(10, 0), (11, -1), (12, i64::MIN)] {
            let reserve = Reserve::new(key, &all_three(), Deposit, amount);
            reserve.post(&venue).refused(422, "bad_amount");
            Pay::new(key, &all_three(), Deposit, amount).put(&venue).refused(422, "bad_amount");
        }
        let pay = Pay::new(1, &all_three(), Deposit, 1);
        pay.taken(&venue);
        for (before, amount) in [(0, 0), (0, -1), (0, i64::MIN), (i64::MIN, 1)] {
            pay.refund(&venue, before, amount).refused(422, "bad_amount");
        }
        // Larger than any order, and larger than all that can be counted.
        for (number, amount) in [(20, 1_000_000_000_000), (21, i64::MAX)] {
            let huge = Pay { total: i64::MAX, ..Pay::new(number, &all_three(), Deposit, amount) };
            let answer = huge.put(&venue);
            assert!(matches!(answer.status, 409 | 422), "{answer:?}");
            assert_eq!(answer.json()["error"]["final"], true);
        }
        assert_eq!(venue.available(&all_three(), Deposit), 99_999);
        venue.holds();
    });
}

#[test]
fn pv9_a_hold_lives_half_an_hour_unless_told_otherwise() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        for (key, ttl) in [(1, 0), (2, -60), (3, 59), (4, 86_401), (5, i64::MAX)] {
            let reserve = Reserve::new(key, &all_three(), Deposit, 100);
            Reserve { ttl: Some(ttl), ..reserve }.post(&venue).denied(400, "bad_json");
        }
        // Default, shortest and longest: live a second before the end, gone at the end.
        for (key, ttl, lives) in [(10, None, 1_800), (11, Some(60), 60), (12, Some(86_400), 86_400)]
        {
            let reserve = Reserve::new(key, &all_three(), Deposit, 60_000);
            let held = Reserve { ttl, ..reserve }.held(&venue);
            look_after(&venue, lives - 1);
            assert_eq!(venue.available(&all_three(), Deposit), 40_000);
            look_after(&venue, 1);
            assert_eq!(venue.available(&all_three(), Deposit), 100_000, "{ttl:?}");
            assert_eq!(venue.void(&held).state_of(200), "expired");
            let reserve = Reserve::new(key, &all_three(), Deposit, 60_000);
            let again = Reserve { ttl, ..reserve }.post(&venue);
            again.replays();
            assert_eq!(again.state_of(200), "expired");
        }
        venue.holds();
    });
}

#[test]
fn pv9_f13_a_capture_after_the_end_is_a_new_one() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let held = Reserve::new(10, &anna(), Deposit, 90_000).held(&venue);
        // Nobody looked: the capture itself finds the hold overdue.
        venue.clock.advance(Duration::from_secs(1_800));
        Pay::new(1, &anna(), Deposit, 90_000).by(&held).taken(&venue);
        assert_eq!(venue.void(&held).state_of(200), "expired");
        // With every check: more than was reserved may pass, the total may not.
        let held = Reserve::new(11, &anna(), Deposit, 10_000).held(&venue);
        look_after(&venue, 1_800);
        Pay::new(2, &anna(), Deposit, 75_001).by(&held).put(&venue).refused(409, "over_total");
        Pay::new(3, &anna(), Deposit, 75_000).by(&held).taken(&venue);
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 165_000);
        venue.holds();
    });
}

#[test]
fn f13_the_epoch_and_the_status_count_for_an_expired_hold() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let caller = Caller::system();
        let deposit = all_three().account(Deposit);
        let held = Reserve::new(10, &all_three(), Deposit, 10_000).held(&venue);
        look_after(&venue, 1_800);
        let blocked = Some(AccountStatus::Blocked);
        block_on(venue.engine.set_terms(&caller, deposit, None, blocked)).unwrap();
        let late = Pay::new(1, &all_three(), Deposit, 10_000).by(&held);
        late.put(&venue).refused(409, "account_blocked");
        let active = Some(AccountStatus::Active);
        block_on(venue.engine.set_terms(&caller, deposit, None, active)).unwrap();
        let out = venue.ask("DELETE", &format!("/orders/{ORDER_82}/checkin"), "{}");
        assert_eq!(out.status, 204);
        venue.bound(ORDER_82, FEDOR);
        Pay { id: id(2), ..late.clone() }.put(&venue).refused(409, "binding_changed");
        Pay { id: id(3), epoch: 3, ..late }.taken(&venue);
        venue.holds();
    });
}

#[test]
fn f13_void_and_capture_end_a_hold_once() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let held = Reserve::new(10, &all_three(), Deposit, 30_000).held(&venue);
        assert_eq!(venue.void(&held).state_of(200), "voided");
        let late = Pay::new(1, &all_three(), Deposit, 30_000).by(&held);
        late.put(&venue).refused(409, "reservation_voided");
        let held = Reserve::new(11, &all_three(), Deposit, 30_000).held(&venue);
        let pay = Pay::new(2, &all_three(), Deposit, 30_000).by(&held);
        pay.taken(&venue);
        venue.void(&held).denied(409, "already_captured");
        let twice = Pay::new(3, &all_three(), Deposit, 30_000).by(&held);
        twice.put(&venue).refused(409, "already_captured");
        // A hold whose payment is undone stands for nothing: the item may go, or be paid anew with
        // every check.
        assert_eq!(pay.cancel(&venue, 1).status, 200);
        assert_eq!(venue.void(&held).state_of(200), "voided");
        let anew = Pay { id: id(4), amount: 100_001, ..twice };
        anew.put(&venue).refused(409, "insufficient_funds");
        let anew = Pay { attempt: 2, amount: 40_000, ..anew };
        anew.taken(&venue);
        assert_eq!(anew.cancel(&venue, 1).status, 200);
        // A check-out voids what is held.
        let held = Reserve::new(12, &all_three(), Deposit, 30_000).held(&venue);
        let out = venue.ask("DELETE", &format!("/orders/{ORDER_82}/checkin"), "{}");
        assert_eq!(out.status, 204);
        assert_eq!(venue.available(&all_three(), Deposit), 100_000);
        assert_eq!(venue.void(&held).state_of(200), "voided");
        venue.holds();
    });
}

#[test]
fn f14_a_live_hold_is_a_guarantee() {
    on_each_store(|setup| {
        let venue = bound(setup, ANNA);
        let caller = Caller::system();
        let deposit = anna().account(Deposit);
        let held = Reserve::new(10, &anna(), Deposit, 165_000).held(&venue);
        for status in [AccountStatus::Closing, AccountStatus::Closed] {
            let closing = block_on(venue.engine.set_terms(&caller, deposit, None, Some(status)));
            assert_eq!(closing.unwrap_err(), GuestError::Refused(Refusal::AccountInUse));
        }
        let blocked = Some(AccountStatus::Blocked);
        let lowered = Some(Kopecks::ZERO);
        block_on(venue.engine.set_terms(&caller, deposit, lowered, blocked)).unwrap();
        assert_eq!(venue.wallet(order_id(ORDER_82), Deposit)["availableMinor"], 0);
        let answer = Pay::new(1, &anna(), Deposit, 165_000).by(&held).taken(&venue);
        assert_eq!(answer.minor("ownPartMinor"), 94_100);
        assert_eq!(answer.minor("overdraftPartMinor"), 70_900);
        assert_eq!(answer.minor("availableAfterMinor"), 0);
        let more = Pay { total: 999_999, ..Pay::new(2, &anna(), Deposit, 1) };
        more.put(&venue).refused(409, "account_blocked");
        venue.holds();
    });
}

#[test]
fn pv3_a_refund_to_a_closed_account_is_owed() {
    on_each_store(|setup| {
        let venue = bound(setup, FEDOR);
        let caller = Caller::system();
        let pay = Pay::new(1, &all_three(), Deposit, 100_000);
        pay.taken(&venue);
        assert_eq!(venue.close(order_id(ORDER_82), &[&pay]).status, 204);
        let deposit = all_three().account(Deposit);
        for status in [AccountStatus::Closing, AccountStatus::Closed] {
            let done = block_on(venue.engine.set_terms(&caller, deposit, None, Some(status)));
            assert!(done.is_ok(), "{done:?}");
        }
        assert_eq!(pay.refund(&venue, 0, 40_000).state_of(201), "partially_refunded");
        assert_eq!(pay.refund(&venue, 40_000, 60_000).state_of(201), "refunded");
        pay.refund(&venue, 100_000, 1).refused(409, "refund_exceeds");
        let row = block_on(venue.store.account(deposit)).unwrap().unwrap();
        assert_eq!(row.balance, Kopecks::ZERO);
        let book = block_on(venue.store.audit()).unwrap();
        let owed = tillway_core::book::Party::House(tillway_core::book::House::RefundsPayable(
            all_three().guest.id,
        ));
        let sum: i64 = book.movements.iter().filter(|m| m.credit == owed).map(|m| m.amount.0).sum();
        assert_eq!(sum, 100_000);
        venue.holds();
    });
}
