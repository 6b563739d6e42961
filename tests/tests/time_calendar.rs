//! Statements and reconciliation over midnights, ends of years, leap days and changes of the
//! offset: one moment after the other, each in its place.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tillway_core::AccountKind::Deposit;
use tillway_core::port::Clock;
use tillway_core::time::Timestamp;
use tillway_testkit::builders::anna;
use tillway_testkit::runtime::{TestClock, block_on};
use tillway_tests::pos::{Pay, on_each_store};
use tillway_tests::venue::{ORDER_82, Setup, Venue};

const ANNA: &str = "149725735";
const MS: Duration = Duration::from_millis(1);

/// When something is paid: the milliseconds since the epoch, how people write that, and the minutes
/// east of UTC of that moment. In Berlin 2028-03-26 has no hour after 01:59:59, and 2028-10-29 has
/// one twice.
const ROWS: &[(i64, &str, i16)] = &[
    (1_798_750_799_999, "2026-12-31T20:59:59.999Z", 180),
    (1_798_750_800_000, "2026-12-31T21:00:00.000Z", 180),
    (1_798_761_599_999, "2026-12-31T23:59:59.999Z", 180),
    (1_798_761_600_000, "2027-01-01T00:00:00.000Z", 180),
    (1_803_859_199_999, "2027-02-28T23:59:59.999Z", 180),
    (1_803_859_200_000, "2027-03-01T00:00:00.000Z", 180),
    (1_835_395_199_999, "2028-02-28T23:59:59.999Z", 180),
    (1_835_395_200_000, "2028-02-29T00:00:00.000Z", 180),
    (1_835_481_599_999, "2028-02-29T23:59:59.999Z", 180),
    (1_835_481_600_000, "2028-03-01T00:00:00.000Z", 180),
    (1_837_645_199_999, "2028-03-26T00:59:59.999Z", 60),
    (1_837_645_200_000, "2028-03-26T01:00:00.000Z", 120),
    (1_856_393_999_999, "2028-10-29T00:59:59.999Z", 120),
    (1_856_394_000_000, "2028-10-29T01:00:00.000Z", 60),
];

fn moments() -> impl Iterator<Item = Timestamp> {
    ROWS.iter()
        .map(|(utc_ms, _, offset_min)| Timestamp { utc_ms: *utc_ms, offset_min: *offset_min })
}

/// A venue of which Anna pays a ruble at each of the moments.
fn paid(setup: Setup) -> Venue {
    let venue = Venue::with(setup);
    venue.bound(ORDER_82, ANNA);
    for (number, moment) in (1..).zip(moments()) {
        venue.clock.advance(moment.since(venue.clock.now()));
        // The same moment, read with another offset.
        venue.clock.jump(moment);
        Pay::new(number, &anna(), Deposit, 100).taken(&venue);
    }
    venue
}

fn captured(venue: &Venue, from: Timestamp, to: Timestamp) -> Vec<String> {
    let listing = venue.pos(1, "GET", &format!("/reconciliation?from={from}&to={to}"), "").json();
    let rows = listing["captured"].as_array().unwrap();
    rows.iter().map(|row| row["at"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_statement_tells_the_moments_in_their_order() {
    on_each_store(|setup| {
        let venue = paid(setup);
        let wallet = anna().account(Deposit);
        let lines = block_on(venue.store.statement(wallet, None, 14)).unwrap();
        let mut told: Vec<_> = lines.iter().map(|line| line.movement.at).collect();
        told.reverse();
        assert_eq!(told, moments().collect::<Vec<_>>());
        // Local time is told as the till had it then.
        let offsets: Vec<_> = told.iter().map(|at| at.offset_min).collect();
        assert_eq!(offsets, moments().map(|at| at.offset_min).collect::<Vec<_>>());
        venue.holds();
    });
}

#[test]
fn a_reconciliation_has_what_is_in_its_period_and_nothing_else() {
    on_each_store(|setup| {
        let venue = paid(setup);
        for (moment, (_, text, _)) in moments().zip(ROWS) {
            assert_eq!(captured(&venue, moment, moment.after(MS)), [*text]);
            let others = captured(&venue, moment.before(MS), moment);
            assert!(!others.contains(&(*text).to_owned()), "{text}: {others:?}");
            assert_eq!(captured(&venue, moment, moment), [""; 0]);
        }
        let day = |of: &str| {
            let begins = |at: &Timestamp| at.to_string().starts_with(of);
            let of_day: Vec<_> = moments().filter(begins).collect();
            let start = of_day[0].utc_ms.div_euclid(86_400_000) * 86_400_000;
            captured(&venue, Timestamp::utc(start), Timestamp::utc(start + 86_400_000)).len()
        };
        let days = [("2026-12-31", 3), ("2027-01-01", 1), ("2027-02-28", 1), ("2027-03-01", 1)];
        let leap = [("2028-02-28", 1), ("2028-02-29", 2), ("2028-03-01", 1)];
        let summer = [("2028-03-26", 2), ("2028-10-29", 2)];
        for (of, payments) in days.into_iter().chain(leap).chain(summer) {
            assert_eq!(day(of), payments, "{of}");
        }
    });
}

/// The hour that comes twice: the second 02:30 is an hour after the first, and a hold made at the
/// first for half an hour is over by then.
#[test]
fn f13_a_hold_does_not_live_through_the_hour_that_comes_twice() {
    on_each_store(|setup| {
        let first = Timestamp { utc_ms: 1_856_392_200_000, offset_min: 120 };
        let venue = Venue::with(Setup { clock: TestClock::at(first), ..setup });
        // The book is from long before.
        block_on(venue.engine.confirm_clock()).unwrap();
        venue.bound(ORDER_82, ANNA);
        let reserve = tillway_tests::pos::Reserve::new(10, &anna(), Deposit, 5_000);
        let hold = reserve.held(&venue);
        venue.clock.advance(Duration::from_secs(3_600));
        venue.clock.jump(Timestamp { offset_min: 60, ..venue.clock.now() });
        block_on(venue.engine.keeper().look());
        assert_eq!(venue.void(&hold).state_of(200), "expired");
        venue.holds();
    });
}
