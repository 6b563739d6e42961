//! One test for each flaw of broken peers: it fails exactly the cases that are named.

use std::collections::BTreeSet;
use std::fmt::Debug;

use tillway_testkit::conformance::{Suite, failing};

/// Holds a broken peer, which lacks this besides, to the cases that must catch it.
#[allow(dead_code, reason = "cases that race are checked otherwise")]
pub(crate) fn check<S: Suite>(
    flaw: impl Debug,
    trips: &[&str],
    lacks: &[S::Need],
    venue: impl Fn() -> Box<S::Venue>,
) {
    let named: BTreeSet<&str> = trips.iter().copied().collect();
    assert_eq!(named.len(), trips.len(), "no case is named twice");
    assert_eq!(failing::<S>(lacks, venue), named, "{flaw:?}");
    assert!(!named.is_empty(), "{flaw:?} is caught");
}

/// Makes one test of each flaw by `check`, which is given the flaw and, where they stand here, its
/// cases; and one that no flaw is left out.
macro_rules! flaws {
    ($($name:ident: $flaw:ident $(by [$($case:ident),* $(,)?])?;)+) => {
        $(
            #[test]
            fn $name() {
                check(Flaw::$flaw $(, &[$(stringify!($case)),*])?);
            }
        )+

        #[test]
        fn every_flaw_is_tried() {
            assert_eq!(Flaw::ALL, [$(Flaw::$flaw),+]);
        }
    };
}
