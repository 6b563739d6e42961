//! Whatever a service sends, nothing that could be a card number is kept or shown.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use support::{ADDRESS, BEGIN};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{Attempt, Known, Operation, ReportKind, TerminalError};
use tillway_core::port::{CardTerminal, async_trait};
use tillway_dualconnector::{Config, DualConnector};
use tillway_testkit::runtime::{InlineSpawner, TestClock, block_on};
use tillway_transport::{HttpTransport, TransportError};

const CARD: &str = "2202200011110417";
const TRACK: &str = "2202200011110417=29052011234500000000";

/// A service that writes the card into every field.
#[derive(Debug)]
struct Careless(&'static str);

#[async_trait]
impl HttpTransport for Careless {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let mut xml = String::from("<response>");
        for id in (0..=120).filter(|id| !matches!(id, 0 | 25 | 26 | 27 | 39 | 90)) {
            xml.push_str(&format!("<field id=\"{id}\">{CARD} {TRACK}</field>"));
        }
        let status = self.0;
        xml.push_str(&format!(
            "<field id=\"0\">12500</field><field id=\"39\">{status}</field>\
             <field id=\"27\">00012345</field>\
             <field id=\"90\">0xDF^^RRN 607412207715\nСУММА 125.00\nКАРТА {CARD}\n{TRACK}~\
             0xDE^^{CARD}~0xDD^^{CARD}~</field>\
             <errorcode>{CARD}</errorcode><errordescription>{TRACK}</errordescription></response>"
        ));
        Ok(Response::new(xml.into()))
    }
}

#[derive(Debug)]
struct Nobody;

#[async_trait]
impl Known for Nobody {
    async fn owner(&self, _: &str) -> Result<Option<Uuid>, TerminalError> {
        Ok(None)
    }
}

#[test]
fn qc3_no_card_number_survives() {
    for status in ["1", "2", "16", "17", "34", "53", "0", ""] {
        let (clock, spawner) = (Arc::new(TestClock::at(BEGIN)), Arc::new(InlineSpawner));
        let http = Arc::new(Careless(status));
        let config = Config { check_echo: false, ..Config::new(ADDRESS) };
        let terminal = DualConnector::try_new(config, http, clock, spawner).unwrap();
        let attempt = Attempt { id: Uuid::from_u128(417), at: BEGIN };
        let pay = Operation::Pay { amount: Kopecks(12_500) };
        let seen = [
            format!("{:?}", block_on(terminal.probe())),
            format!("{:?}", block_on(terminal.perform(&attempt, &pay))),
            format!("{:?}", block_on(terminal.resolve(&attempt, &pay, &Nobody))),
            format!("{:?}", block_on(terminal.report(ReportKind::Full))),
            format!("{:?}", block_on(terminal.last_slip())),
            format!("{:?}", block_on(terminal.reconcile())),
            format!("{terminal:?}"),
        ];
        for text in seen {
            let runs =
                text.split(|c: char| !c.is_ascii_digit()).map(|run| run.trim_start_matches('0'));
            let longest = runs.filter(|run| run.len() >= 13).find(|run| *run != "1773573727000");
            assert_eq!(longest, None, "status {status}: {text}");
            assert!(!text.contains("22022000"), "status {status}: {text}");
        }
    }
}
