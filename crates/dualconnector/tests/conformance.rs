//! The conformance suite of card terminals on DualConnector, against its simulator: over HTTP, with
//! terminals that are set up in other ways, bare and under the guard.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use support::{ADDRESS, Place, Way};
use tillway_dualconnector::{Config, Offline};
use tillway_sim::dualconnector::{Letters, Settings};
use tillway_testkit::terminal_conformance;

fn over_http() -> Place {
    Place::new(Way::Http, Settings::default(), Config::new(ADDRESS))
}

/// Everything that a bank may do otherwise.
fn otherwise() -> Place {
    let settings = Settings {
        short_ids: false,
        tags_only: true,
        receipt_fields: false,
        refusal_receipts: true,
        emergency_checks_number: true,
        line_reports: true,
        letters: Letters::lie("koi8-r", "utf-8"),
        clock_error_ms: -240_000,
        card: Duration::from_secs(30),
        ..Settings::default()
    };
    let config =
        Config { offline: Offline::InDoubt, partial_cancel: false, ..Config::new(ADDRESS) };
    Place::new(Way::Direct, settings, config)
}

/// A terminal whose receipts are text alone.
fn text_only() -> Place {
    let settings = Settings {
        receipt_fields: false,
        letters: Letters { content_type: None, ..Letters::lie("ibm866", "windows-1251") },
        clock_error_ms: 120_000,
        ..Settings::default()
    };
    let config = Config { terminal: Some("00012345".into()), ..Config::new(ADDRESS) };
    Place::new(Way::Direct, settings, config)
}

fn guarded() -> Place {
    over_http().guarded()
}

fn guarded_otherwise() -> Place {
    otherwise().guarded()
}

terminal_conformance!(http, over_http, lacks: [Totals, TwoPhase]);
terminal_conformance!(other, otherwise, lacks: [PartialCancel, Totals, TwoPhase]);
terminal_conformance!(text, text_only, lacks: [Totals, TwoPhase]);
terminal_conformance!(http_guarded, guarded, lacks: [Totals, TwoPhase]);
terminal_conformance!(other_guarded, guarded_otherwise, lacks: [PartialCancel, Totals, TwoPhase]);
