//! The Waiter API while the store is away (row W50, iiko note 1.8).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use tillway_core::book::Binding;
use tillway_testkit::builders::anna;
use tillway_tests::outage::Outage;
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue};
use tillway_tests::waiter::{ANNA, FEDOR, ORDER_83, faults, is_empty, of, says, shows};
use tillway_waiter::{LimitsOnFailure, WaiterConfig};

const UNAVAILABLE: &str = "Сервис лояльности недоступен";
const NOTHING: &str = concat!(
    r#"{"ProductSKUs":[],"UserWallets":[],"Suggestions":[],"#,
    r#""WaiterMessage":"Сервис лояльности недоступен"}"#,
);

fn venue(edge: impl Fn(&mut WaiterConfig) + 'static) -> (Venue, Outage) {
    let store = Outage::default();
    let setup = Setup { store: Arc::new(store.clone()), edge: Box::new(edge), ..Setup::default() };
    (Venue::with(setup), store)
}

#[test]
fn w50_the_store_is_down() {
    let (venue, store) = venue(|_| {});
    venue.bound(ORDER_82, ANNA);
    store.down();
    says(&venue.check_in(ORDER_82, ANNA), UNAVAILABLE);
    says(&venue.check_in(ORDER_83, FEDOR), UNAVAILABLE);
    says(&venue.check_out(ORDER_82), UNAVAILABLE);
    shows(&venue.loyalty(ORDER_82), NOTHING);
    shows(&venue.ask("GET", &of(ORDER_82, "loyalty"), ""), NOTHING);
    faults(&venue.limits(ORDER_82), 503, "unavailable");
    faults(&venue.ask("GET", "/ping", ""), 503, "unavailable");
    let head = venue.connect().ask("HEAD", "/ping", &[], "");
    assert_eq!((head.status, head.text()), (503, ""));
    // What is wrong with the request is said all the same.
    faults(&venue.check_in("82", ANNA), 400, "bad_order_id");
    faults(&venue.ask("POST", &of(ORDER_82, "checkin"), "{}"), 400, "value_required");
    store.up();
    // Nothing has changed, and no failure counts as a guess.
    is_empty(&venue.ask("GET", "/ping", ""), 204);
    let order = venue.order(ORDER_82).unwrap();
    assert_eq!((order.binding, order.epoch), (Binding::Bound(anna().payer()), 1));
    assert_eq!(venue.order(ORDER_83), None);
    venue.has_limits(ORDER_82, "84865", "100941");
    is_empty(&venue.check_out(ORDER_82), 204);
    venue.holds();
}

#[test]
fn w50_by_the_other_switches_limits_are_zero_and_ping_is_204() {
    let (venue, store) = venue(|config| {
        config.limits_on_failure = LimitsOnFailure::Zero;
        config.ping_checks_store = false;
    });
    venue.bound(ORDER_82, ANNA);
    store.down();
    venue.has_limits(ORDER_82, "0", "0");
    is_empty(&venue.ask("GET", "/ping", ""), 204);
    store.up();
    venue.has_limits(ORDER_82, "84865", "100941");
    venue.holds();
}

#[test]
fn w50_ten_outages_are_no_guesses() {
    let (venue, store) = venue(|_| {});
    store.down();
    for _ in 0..11 {
        says(&venue.check_in(ORDER_82, ANNA), UNAVAILABLE);
    }
    store.up();
    is_empty(&venue.check_in(ORDER_82, ANNA), 204);
    venue.holds();
}

#[test]
fn w50_a_store_that_does_not_answer_is_waited_for_so_long() {
    let (venue, store) = venue(|_| {});
    venue.bound(ORDER_82, ANNA);
    store.silent();
    let reads = Duration::from_secs(3);
    let binds = Duration::from_secs(8);
    for (method, path, body, after) in [
        ("GET", "/ping".to_owned(), "", reads),
        ("GET", of(ORDER_82, "paymentLimits"), "", reads),
        ("GET", of(ORDER_82, "loyalty"), "", reads),
        ("POST", of(ORDER_83, "checkin"), r#"{"Value":"20001"}"#, binds),
        ("DELETE", of(ORDER_82, "checkin"), "{}", binds),
    ] {
        let begun = venue.clock_since(NOON);
        let mut wire = venue.connect();
        wire.start(method, &path, &[], body);
        venue.pass(after);
        let answer = wire.answer(false);
        assert_eq!(venue.clock_since(NOON) - begun, after, "{path}");
        match (method, path.ends_with("loyalty")) {
            ("GET", true) => shows(&answer, NOTHING),
            ("GET", false) => faults(&answer, 503, "unavailable"),
            _ => says(&answer, UNAVAILABLE),
        }
    }
    store.up();
    is_empty(&venue.ask("GET", "/ping", ""), 204);
    // What was begun went on: a repeat joins it.
    is_empty(&venue.check_out(ORDER_82), 204);
    is_empty(&venue.check_in(ORDER_83, FEDOR), 204);
    assert_eq!(venue.order(ORDER_83).unwrap().epoch, 1);
    venue.holds();
}
