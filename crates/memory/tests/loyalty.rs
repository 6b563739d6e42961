//! The processing in memory passes every case of the suite, whatever it answers to repeats.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../testkit/tests/club/mod.rs"]
mod club;

use club::Club;
use tillway_memory::Duplicates;
use tillway_testkit::processing_conformance;

processing_conformance!(
    replay,
    Club::new,
    lacks: [BlindRefund, Coupons, Disorder, Messages, PointsFirst, Signed],
);
processing_conformance!(
    reject,
    || Club::with(Duplicates::Reject),
    lacks: [BlindRefund, Coupons, Disorder, Messages, PointsFirst, Signed],
);
