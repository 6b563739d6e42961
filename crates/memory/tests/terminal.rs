//! The conformance suite of card terminals on the one in memory, whatever it can do.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../testkit/tests/kiosk/mod.rs"]
mod kiosk;

use kiosk::Kiosk;
use tillway_core::port::terminal::{Capabilities, ResolveBy};
use tillway_testkit::terminal_conformance;

fn little() -> Kiosk {
    Kiosk::with(Capabilities { resolve: ResolveBy::Report, ..Capabilities::default() })
}

terminal_conformance!(everything, Kiosk::new, lacks: []);
terminal_conformance!(little, little, lacks: [PartialCancel, Totals, TwoPhase]);
