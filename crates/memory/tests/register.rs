//! The conformance suite of fiscal registers on the one in memory, whatever it can do.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../testkit/tests/counter/mod.rs"]
mod counter;

use counter::Counter;
use tillway_core::port::fiscal::Capabilities;
use tillway_testkit::fiscal_conformance;

fn can(ids: bool, operations: bool) -> Counter {
    let mut capabilities = Capabilities::default();
    (capabilities.ids, capabilities.operations) = (ids, operations);
    Counter::with(capabilities)
}

fiscal_conformance!(everything, Counter::new, lacks: []);
fiscal_conformance!(nothing, || can(false, false), lacks: [Ids, OpenReceipt, Operations]);
fiscal_conformance!(ids, || can(true, false), lacks: [OpenReceipt, Operations]);
fiscal_conformance!(operations, || can(false, true), lacks: [Ids, OpenReceipt]);
