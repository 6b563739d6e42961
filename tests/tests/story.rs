//! The scenario of the seed over HTTP (iiko note 4.7).
#![allow(clippy::unwrap_used, reason = "tests")]

use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_testkit::builders::anna;
use tillway_tests::venue::{BONUS_TYPE, DEPOSIT_TYPE, ORDER_82, Venue};

#[test]
fn b11_order_82_is_paid_in_two_parts_and_returned() {
    let venue = Venue::open();
    venue.bound(ORDER_82, "149725735");
    let shown = venue.ask("GET", &format!("/orders/{ORDER_82}/loyalty"), "");
    assert_eq!(shown.status, 200, "{shown:?}");
    let limits = venue.ask("GET", &format!("/orders/{ORDER_82}/paymentLimits"), "");
    assert_eq!(limits.text(), r#"{"BonusSum":84865,"DepositSum":100941}"#);
    for (payment, kind, payment_type, amount) in [
        ("5d2f0c1e-7a43-4c58-9c0b-2b1a6e4f8d01", Bonus, BONUS_TYPE, 75_000),
        ("9a3b6d2e-0a64-4f3e-8f0f-5c1d9e2b7a10", Deposit, DEPOSIT_TYPE, 90_000),
    ] {
        let wallet = anna().account(kind);
        let body = format!(
            r#"{{"orderId":"{ORDER_82}","walletId":"{wallet}","bindingEpoch":1,"attempt":1,
                "amountMinor":{amount},"orderTotalMinor":165000,"orderNumber":82,
                "paymentTypeId":"{payment_type}","prepay":false,"silent":true}}"#
        );
        let path = format!("/payments/{payment}");
        let first = venue.pos(1, "PUT", &path, &body);
        assert_eq!(first.status, 201, "{first:?}");
        let again = venue.pos(1, "PUT", &path, &body);
        assert_eq!((again.status, again.header("idempotent-replay")), (200, Some("true")));
    }
    assert_eq!(venue.available(&anna(), Bonus), 8_411_500);
    assert_eq!(venue.available(&anna(), Deposit), 10_004_100);
    venue.holds();
}
