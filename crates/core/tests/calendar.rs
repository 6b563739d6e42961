//! The calendar of moments and days, against another library's.
#![allow(clippy::unwrap_used, reason = "tests")]

use jiff::civil::Date;
use proptest::prelude::*;
use tillway_core::Timestamp;
use tillway_core::book::Day;

const DAY_MS: i64 = 86_400_000;

fn moment(text: &str) -> Timestamp {
    Timestamp::utc(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn shown_by_jiff(utc_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(utc_ms).unwrap();
    moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Moments at which calendars go wrong.
const ROWS: &[&str] = &[
    "0001-01-01T00:00:00.000Z",
    "1582-10-15T00:00:00.000Z",
    "1900-02-28T23:59:59.999Z",
    "1900-03-01T00:00:00.000Z",
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00.000Z",
    "2000-02-29T12:00:00.000Z",
    "2023-02-28T23:59:59.999Z",
    "2023-03-01T00:00:00.000Z",
    "2024-02-28T23:59:59.999Z",
    "2024-02-29T00:00:00.000Z",
    "2024-02-29T23:59:59.999Z",
    "2024-03-01T00:00:00.000Z",
    "2026-03-29T01:00:00.000Z",
    "2026-10-25T01:00:00.000Z",
    "2026-12-31T23:59:59.999Z",
    "2027-01-01T00:00:00.000Z",
    "2038-01-19T03:14:08.000Z",
    "2100-02-28T23:59:59.999Z",
    "2100-03-01T00:00:00.000Z",
    "9999-12-30T22:00:00.999Z",
];

#[test]
fn moments_are_shown_as_they_are() {
    for row in ROWS {
        assert_eq!(moment(row).to_string(), *row);
    }
}

#[test]
fn every_day_of_eight_centuries_begins_and_ends_where_it_should() {
    let (mut date, last) = (Date::constant(1600, 1, 1), Date::constant(2400, 12, 31));
    let mut day = Day::of(moment("1600-01-01T00:00:00Z"));
    while date <= last {
        assert_eq!(day.start().to_string(), format!("{date}T00:00:00.000Z"));
        let end = Timestamp::utc(day.start().utc_ms + DAY_MS - 1);
        assert_eq!(end.to_string(), format!("{date}T23:59:59.999Z"));
        assert_eq!((Day::of(day.start()), Day::of(end)), (day, day));
        (date, day) = (date.tomorrow().unwrap(), day.next());
    }
}

/// Readings of one moment are one moment, whatever the zone's offset was; and later is later, also
/// in the hour that a zone has twice.
#[test]
fn the_offset_orders_nothing() {
    let before = Timestamp { offset_min: 120, ..moment("2026-10-25T00:59:59.999Z") };
    let after = Timestamp { offset_min: 60, ..moment("2026-10-25T01:00:00.000Z") };
    assert!(before < after);
    assert_eq!(after.since(before).as_millis(), 1);
    assert_eq!(Day::of(before), Day::of(after));
    assert_eq!(after, Timestamp { offset_min: 120, ..after });
}

#[test]
fn what_no_calendar_has_is_shown_all_the_same() {
    for utc_ms in [i64::MIN, i64::MIN + 1, i64::MAX] {
        let at = Timestamp::utc(utc_ms);
        assert!(at.to_string().ends_with('Z'), "{at}");
        let day = Day::of(at);
        assert!(day.next() >= day && day.before() <= day);
    }
}

proptest! {
    #[test]
    fn any_moment_is_shown_as_the_other_library_shows_it(
        utc_ms in -62_135_596_800_000_i64..253_402_207_200_000
    ) {
        prop_assert_eq!(Timestamp::utc(utc_ms).to_string(), shown_by_jiff(utc_ms));
        let day = Day::of(Timestamp::utc(utc_ms));
        prop_assert!(day.start() <= Timestamp::utc(utc_ms));
        prop_assert!(Timestamp::utc(utc_ms) < day.next().start());
    }
}
