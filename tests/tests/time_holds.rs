//! When exactly a hold lapses, whichever way the clock goes.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tillway_core::AccountKind::Deposit;
use tillway_core::port::Clock;
use tillway_testkit::builders::all_three;
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, on_each_store, order};
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue};

const FEDOR: &str = "20001";
const MS: Duration = Duration::from_millis(1);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Fedor, with 1 000.00 on deposit, sits at two orders.
fn seated(setup: Setup) -> Venue {
    let venue = Venue::with(setup);
    venue.bound(ORDER_82, FEDOR);
    venue.bound(&order(83).to_string(), FEDOR);
    venue
}

fn look(venue: &Venue) {
    block_on(venue.engine.keeper().look());
}

/// A hold of order 82, of 600.00, for this long.
fn held(venue: &Venue, ttl: i64) -> String {
    Reserve { ttl: Some(ttl), ..Reserve::new(10, &all_three(), Deposit, 60_000) }.held(venue)
}

/// What the plugin sees of its holds on an order.
fn listed(venue: &Venue, number: u64) -> usize {
    let order = if number == 82 { tillway_tests::venue::order_id(ORDER_82) } else { order(number) };
    venue.sheet(order)["reservations"].as_array().unwrap().len()
}

#[test]
fn f13_a_hold_lapses_at_its_moment_and_not_a_millisecond_before() {
    for (after, lapsed) in [(seconds(60) - MS, false), (seconds(60), true), (seconds(61), true)] {
        // By the sweep.
        on_each_store(|setup| {
            let venue = seated(setup);
            let hold = held(&venue, 60);
            venue.clock.advance(after);
            look(&venue);
            assert_eq!(listed(&venue, 82), usize::from(!lapsed), "{after:?}");
            let ended = if lapsed { "expired" } else { "voided" };
            assert_eq!(venue.void(&hold).state_of(200), ended, "{after:?}");
            venue.holds();
        });
        // By a payment that needs the money.
        on_each_store(|setup| {
            let venue = seated(setup);
            held(&venue, 60);
            venue.clock.advance(after);
            let other = Pay::new(1, &all_three(), Deposit, 50_000).on(order(83)).put(&venue);
            match lapsed {
                true => assert_eq!(other.status, 201, "{after:?}: {other:?}"),
                false => other.refused(409, "insufficient_funds"),
            }
            venue.holds();
        });
        // By the capture that would use it: within the hold, or anew and with every check.
        on_each_store(|setup| {
            let venue = seated(setup);
            let hold = held(&venue, 60);
            venue.clock.advance(after);
            let more = Pay::new(1, &all_three(), Deposit, 60_001).by(&hold).put(&venue);
            match lapsed {
                true => assert_eq!(more.status, 201, "{after:?}: {more:?}"),
                false => more.refused(409, "exceeds_reservation"),
            }
            venue.holds();
        });
    }
}

#[test]
fn f34_a_hold_that_lapsed_does_not_live_again() {
    on_each_store(|setup| {
        let venue = seated(setup);
        let hold = held(&venue, 60);
        venue.clock.advance(seconds(60));
        look(&venue);
        venue.clock.jump(NOON.after(seconds(30)));
        look(&venue);
        assert_eq!(listed(&venue, 82), 0);
        // Its money is free, and its capture is one like any other.
        Pay::new(1, &all_three(), Deposit, 50_000).on(order(83)).taken(&venue);
        let late = Pay::new(2, &all_three(), Deposit, 60_000).by(&hold).put(&venue);
        late.refused(409, "insufficient_funds");
        assert_eq!(venue.void(&hold).state_of(200), "expired");
        venue.holds();
    });
}

#[test]
fn f34_a_live_hold_does_not_lapse_early_when_the_clock_is_set_back() {
    on_each_store(|setup| {
        let venue = seated(setup);
        held(&venue, 60);
        let terms = Pay::new(11, &all_three(), Deposit, 20_000).on(order(83));
        let second = Reserve::new(11, &all_three(), Deposit, 20_000);
        Reserve { terms, ttl: Some(90), ..second }.held(&venue);
        venue.clock.advance(seconds(60));
        look(&venue);
        assert_eq!((listed(&venue, 82), listed(&venue, 83)), (0, 1));
        venue.clock.jump(NOON.after(seconds(30)));
        venue.clock.advance(seconds(60) - MS);
        assert_eq!(venue.clock.now(), NOON.after(seconds(90) - MS));
        look(&venue);
        assert_eq!(listed(&venue, 83), 1);
        venue.clock.advance(MS);
        look(&venue);
        assert_eq!(listed(&venue, 83), 0);
        venue.holds();
    });
}

/// Its time had come, but nobody had written so: set back, the clock says that it is early.
#[test]
fn f34_a_hold_that_nobody_lapsed_is_good_until_its_time_comes_again() {
    on_each_store(|setup| {
        let venue = seated(setup);
        let hold = held(&venue, 60);
        venue.clock.advance(seconds(75));
        venue.clock.jump(NOON.after(seconds(45)));
        look(&venue);
        assert_eq!(listed(&venue, 82), 1);
        Pay::new(1, &all_three(), Deposit, 60_000).by(&hold).taken(&venue);
        venue.holds();
    });
}
