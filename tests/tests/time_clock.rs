//! What the plugin and the waiter meet while the clock is in doubt (F34).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::time::Timestamp;
use tillway_engine::ClockState;
use tillway_testkit::builders::anna;
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, on_each_store, order};
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";
const HOUR: Duration = Duration::from_secs(3_600);

/// An hour behind, and two days ahead.
fn wrong() -> [Timestamp; 2] {
    [NOON.before(HOUR), NOON.after(48 * HOUR)]
}

#[test]
fn f34_the_plugin_is_told_that_the_clock_is_in_doubt() {
    for wall in wrong() {
        on_each_store(|setup| in_doubt(&Venue::with(setup), wall));
    }
}

fn in_doubt(venue: &Venue, wall: Timestamp) {
    venue.bound(ORDER_82, ANNA);
    let held = Reserve::new(10, &anna(), Deposit, 5_000).held(venue);
    let other = Reserve::new(11, &anna(), Bonus, 5_000).held(venue);
    let paid = Pay::new(1, &anna(), Bonus, 1_000);
    paid.taken(venue);
    venue.clock.jump(wall);
    let new = Pay::new(2, &anna(), Bonus, 1_000);
    let answer = new.put(venue);
    answer.denied(503, "clock_in_doubt");
    assert_eq!(answer.json()["error"]["retryable"], true);
    venue.bound(&order(83).to_string(), FEDOR);
    let reserve = Reserve { terms: Pay::new(12, &anna(), Deposit, 1).on(order(83)), ..of(12) };
    reserve.post(venue).denied(503, "clock_in_doubt");
    // What was promised is kept, and what was taken can be given back.
    Pay::new(3, &anna(), Deposit, 5_000).by(&held).taken(venue);
    assert_eq!(venue.void(&other).state_of(200), "voided");
    paid.put(venue).replays();
    assert_eq!(paid.refund(venue, 0, 400).status, 201);
    assert_eq!(paid.acknowledge(venue).status, 204);
    assert_eq!(Pay::new(3, &anna(), Deposit, 5_000).cancel(venue, 1).state_of(200), "cancelled");
    assert_eq!(venue.sheet(order_id(ORDER_82))["bindingEpoch"], 1);
    let limits = venue.ask("GET", &format!("/orders/{ORDER_82}/paymentLimits"), "");
    assert_eq!(limits.status, 200, "{limits:?}");
    // Nothing was stored under the refused id: once somebody has looked, the same payment passes.
    assert!(!block_on(venue.engine.confirm_clock()).unwrap().is_sound());
    assert_eq!(block_on(venue.engine.clock_state()).unwrap(), ClockState::Sound);
    new.taken(venue);
    venue.holds();
}

fn of(key: u64) -> Reserve {
    Reserve::new(key, &anna(), Deposit, 1)
}

/// A waiter scans as ever: who sits where does not hang on the clock.
#[test]
fn f34_guests_come_and_go_while_the_clock_is_in_doubt() {
    for wall in wrong() {
        let venue = Venue::with(Setup::default());
        venue.bound(ORDER_82, ANNA);
        Pay::new(1, &anna(), Bonus, 1_000).taken(&venue);
        venue.clock.jump(wall);
        Pay::new(2, &anna(), Bonus, 1_000).put(&venue).denied(503, "clock_in_doubt");
        let next = order(83).to_string();
        venue.bound(&next, FEDOR);
        let body = r#"{"WaiterPin":"80085"}"#;
        let out = venue.ask("DELETE", &format!("/orders/{next}/checkin"), body);
        assert_eq!(out.status, 204, "{out:?}");
        venue.bound(&next, ANNA);
        venue.holds();
    }
}
