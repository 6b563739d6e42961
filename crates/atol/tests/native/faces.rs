//! One register, driven by turns through the web server and through the library: both ways tell
//! the same.

use std::sync::Arc;

use futures::executor::block_on;
use tillway_atol::native::Receipts;
use tillway_atol::{AtolWeb, DeviceId, WebConfig};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{Attempt, Fiscal, FiscalOutcome, Found};
use tillway_core::port::{Clock, FiscalRegister};
use tillway_sim::atol::web::{self, Generation, WebServer};
use tillway_sim::ids::SeededIds;

use crate::harness::{Table, lunch, receipt};
use crate::support::JumpingClock;

/// The register of the table behind a web server, and the adapter in front of it.
fn web(table: &Table) -> AtolWeb {
    let clock: Arc<dyn Clock> = Arc::new(JumpingClock::default());
    let server = WebServer::new(web::WebConfig::new(Generation::V2Java), Arc::clone(&clock));
    let server = server.device("kiosk1", "Киоск у входа", table.register.clone());
    let mut config = WebConfig::new("http://127.0.0.1:16732");
    config.device = Some(DeviceId::try_new("kiosk1").unwrap());
    let ids = Arc::new(SeededIds::new(1));
    AtolWeb::try_new(config, Arc::new(server), clock, ids).unwrap()
}

#[test]
fn both_ways_tell_the_same() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        let table = Table::new();
        // One program at a time: the web server lets go of the register between two tasks.
        let (web, native) = (web(&table), table.start(receipts));
        let ways: [&dyn FiscalRegister; 2] = [&web, &native];
        let mut written = Vec::new();
        let mut kinds = vec![Fiscal::OpenShift(None)];
        kinds.extend([(); 4].map(|()| receipt(lunch())));
        kinds.push(Fiscal::CloseShift(None));
        for (number, what) in (1..).zip(&kinds) {
            let way = ways[usize::try_from(number).unwrap() % 2];
            let before = block_on(way.mark()).unwrap();
            let attempt = Attempt { id: Uuid::from_u128(number), before };
            let outcome = block_on(way.register(&attempt, what));
            let FiscalOutcome::Written(document) = outcome else { panic!("{outcome:?}") };
            written.push((attempt, what.clone(), *document));
        }
        for (attempt, what, document) in &written {
            let [one, other] = ways.map(|way| block_on(way.document(document.number)).unwrap());
            assert_eq!(one, other);
            let read = one.unwrap();
            let of = |it: &tillway_core::fiscal::Registered| {
                (it.kind, it.number, it.sign, it.total, it.shift, it.receipt, it.at)
            };
            assert_eq!(of(&read), of(document), "{receipts:?}");
            // Receipts over one sum are several to whoever asks for the first of them.
            if written.iter().filter(|(_, same, _)| same == what).count() == 1 {
                let found = block_on(native.find(attempt, what));
                assert!(matches!(found, Found::Written(d) if d.number == document.number));
            }
        }
        let [one, other] = ways.map(|way| block_on(way.totals()).unwrap());
        assert_eq!((one, table.journal().as_str()), (other, "o1111c"));
        let [one, other] = ways.map(|way| block_on(way.shift()).unwrap());
        assert_eq!(one, other);
        let [one, other] = ways.map(|way| block_on(way.mark()).unwrap());
        assert_eq!(one, other);
        let [one, other] = ways.map(|way| block_on(way.exchange()).unwrap());
        assert_eq!(one, other);
        table.holds_its_rules();
    }
}
