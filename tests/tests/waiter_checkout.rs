//! Check-out, without a till at the other end of the bridge (rows W30 to W34, F14, F16).
#![allow(clippy::unwrap_used, reason = "tests")]

use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::book::{Binding, HoldState};
use tillway_core::id::HoldId;
use tillway_testkit::builders::anna;
use tillway_testkit::runtime::block_on;
use tillway_tests::plugin::Plugin;
use tillway_tests::venue::{Answer, DEPOSIT_TYPE, ORDER_82, Venue, uuid};
use tillway_tests::waiter::{ANNA, FEDOR, ORDER_83, faults, is_empty, of, says};

const NO_GUEST: &str = "К заказу не привязан гость";
const HAS_PAYMENT: &str = "По заказу есть оплата. Сначала отмените её";
const PAYMENT: &str = "9a3b6d2e-0a64-4f3e-8f0f-5c1d9e2b7a10";

/// A check-out with this body.
fn out(venue: &Venue, body: &str) -> Answer {
    venue.ask("DELETE", &of(ORDER_82, "checkin"), body)
}

/// The deposit pays 900.00.
fn pay(venue: &Venue) {
    let wallet = anna().account(Deposit);
    let body = format!(
        r#"{{"orderId":"{ORDER_82}","walletId":"{wallet}","bindingEpoch":1,"amountMinor":90000,
            "orderTotalMinor":165000,"paymentTypeId":"{DEPOSIT_TYPE}","prepay":false,
            "silent":true}}"#
    );
    let answer = venue.pos(1, "PUT", &format!("/payments/{PAYMENT}"), &body);
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// Gives a part of the payment back.
fn refund(venue: &Venue, number: u32, amount: u32, before: u32) {
    let path = format!("/payments/{PAYMENT}/refunds/5d2f0c1e-7a43-4c58-9c0b-{number:012}");
    let body =
        format!(r#"{{"amountMinor":{amount},"refundedBeforeMinor":{before},"reason":"return"}}"#);
    let answer = venue.pos(1, "PUT", &path, &body);
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[test]
fn w30_to_w32_the_binding_ends_once_and_its_holds_are_voided() {
    let venue = Venue::open();
    says(&venue.check_out(ORDER_82), NO_GUEST);
    assert_eq!(venue.order(ORDER_82), None);
    venue.bound(ORDER_82, ANNA);
    let wallet = anna().account(Bonus);
    let held = venue.connect().ask(
        "POST",
        "/pos/v1/reservations",
        &[
            ("Authorization", "Bearer till-1-secret"),
            ("Idempotency-Key", "1f0c3a52-9d41-4a6f-8f0e-6a2d5b1c8e30"),
        ],
        &format!(
            r#"{{"orderId":"{ORDER_82}","walletId":"{wallet}","bindingEpoch":1,
                "amountMinor":75000,"orderTotalMinor":165000}}"#
        ),
    );
    assert_eq!(held.status, 201, "{held:?}");
    assert_eq!(venue.available(&anna(), Bonus), 8_411_500);

    is_empty(&venue.check_out(ORDER_82), 204);
    let order = venue.order(ORDER_82).unwrap();
    assert_eq!((order.binding, order.epoch), (Binding::Unbound, 2));
    let hold = HoldId(uuid(held.json()["reservationId"].as_str().unwrap()));
    let hold = block_on(venue.store.hold(hold)).unwrap().unwrap();
    assert_eq!(hold.state, HoldState::Voided);
    assert_eq!(venue.available(&anna(), Bonus), 8_486_500);
    is_empty(&venue.loyalty(ORDER_82), 204);
    venue.has_limits(ORDER_82, "0", "0");

    is_empty(&venue.check_out(ORDER_82), 204);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 2);
    // An order of another number was never bound, whatever became of this one.
    says(&venue.check_out(ORDER_83), NO_GUEST);
    // The order may have another guest now, under an epoch of its own.
    venue.bound(ORDER_82, FEDOR);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 3);
    venue.holds();
}

#[test]
fn w33_a_guest_with_a_payment_stays_until_it_is_given_back() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    pay(&venue);
    says(&venue.check_out(ORDER_82), HAS_PAYMENT);
    refund(&venue, 1, 89_999, 0);
    // A kopeck is still a payment.
    says(&venue.check_out(ORDER_82), HAS_PAYMENT);
    let order = venue.order(ORDER_82).unwrap();
    assert_eq!((order.binding, order.epoch), (Binding::Bound(anna().payer()), 1));
    refund(&venue, 2, 1, 89_999);
    is_empty(&venue.check_out(ORDER_82), 204);
    assert_eq!(venue.order(ORDER_82).unwrap().binding, Binding::Unbound);
    assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
    venue.holds();
}

#[test]
fn w33_a_cancelled_payment_is_no_payment() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    pay(&venue);
    says(&venue.check_out(ORDER_82), HAS_PAYMENT);
    let body = format!(r#"{{"orderId":"{ORDER_82}","reason":"emergency"}}"#);
    let mut plugin = Plugin::of(&venue, 1);
    let answer = plugin.ask("POST", &format!("/payments/{PAYMENT}/cancel"), &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    is_empty(&venue.check_out(ORDER_82), 204);
    venue.holds();
}

#[test]
fn w34_no_body_is_the_same_as_an_empty_object() {
    for body in ["", "{}"] {
        let venue = Venue::open();
        says(&out(&venue, body), NO_GUEST);
        venue.bound(ORDER_82, ANNA);
        pay(&venue);
        says(&out(&venue, body), HAS_PAYMENT);
        refund(&venue, 1, 90_000, 0);
        is_empty(&out(&venue, body), 204);
        is_empty(&out(&venue, body), 204);
        venue.holds();
    }
    // Nor need there be a word about a body.
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let mut wire = venue.connect();
    wire.send(format!("DELETE {} HTTP/1.1\r\nHost: till\r\n\r\n", of(ORDER_82, "checkin")));
    is_empty(&wire.answer(false), 204);
    assert_eq!(venue.order(ORDER_82).unwrap().binding, Binding::Unbound);
    faults(&out(&venue, "[]"), 400, "bad_json");
    venue.holds();
}

/// `closed` ends the binding as well, and the order takes no guest any more.
#[test]
fn w27_an_order_that_iiko_closed_takes_no_guest() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let body = r#"{"closedAt":"2026-09-21T12:00:00Z","totalMinor":165000,"payments":[]}"#;
    let answer = venue.pos(1, "POST", &format!("/orders/{ORDER_82}/closed"), body);
    assert_eq!(answer.status, 204, "{answer:?}");
    says(&venue.check_in(ORDER_82, ANNA), "Заказ уже закрыт");
    is_empty(&venue.loyalty(ORDER_82), 204);
    is_empty(&venue.check_out(ORDER_82), 204);
    venue.holds();
}
