//! One register, driven by turns through the web server and through the library: both ways tell
//! the same.

use std::sync::Arc;

use futures::executor::block_on;
use tillway_atol::native::Receipts;
use tillway_atol::{AtolWeb, DeviceId, WebConfig};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{Attempt, Cause, Fiscal, FiscalOutcome, Found};
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

/// Does something by the web server, or by the library. One program at a time has the register:
/// the server lets go of it between two tasks, and the library when its program ends.
fn way<T>(
    table: &Table,
    web: &AtolWeb,
    receipts: Option<Receipts>,
    act: impl FnOnce(&dyn FiscalRegister) -> T,
) -> T {
    match receipts {
        None => act(web),
        Some(receipts) => act(&table.start(receipts)),
    }
}

#[test]
fn both_ways_tell_the_same() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        let table = Table::new();
        let web = web(&table);
        let ways = [None, Some(receipts)];
        let mut written = Vec::new();
        let mut kinds = vec![Fiscal::OpenShift(None)];
        kinds.extend([(); 4].map(|()| receipt(lunch())));
        kinds.push(Fiscal::CloseShift(None));
        for (number, what) in (1..).zip(&kinds) {
            let by = ways[usize::try_from(number).unwrap() % 2];
            let (attempt, outcome) = way(&table, &web, by, |register| {
                let before = block_on(register.mark()).unwrap();
                let attempt = Attempt { id: Uuid::from_u128(number), before };
                let outcome = block_on(register.register(&attempt, what));
                (attempt, outcome)
            });
            let FiscalOutcome::Written(document) = outcome else { panic!("{outcome:?}") };
            written.push((attempt, what.clone(), *document));
        }
        for (attempt, what, document) in &written {
            let read = |register: &dyn FiscalRegister| {
                block_on(register.document(document.number)).unwrap()
            };
            let [one, other] = ways.map(|by| way(&table, &web, by, read));
            assert_eq!(one, other);
            let read = one.unwrap();
            let of = |it: &tillway_core::fiscal::Registered| {
                (it.kind, it.number, it.sign, it.total, it.shift, it.receipt, it.at)
            };
            assert_eq!(of(&read), of(document), "{receipts:?}");
            // Receipts over one sum are several to whoever asks for the first of them.
            if written.iter().filter(|(_, same, _)| same == what).count() == 1 {
                let find = |register: &dyn FiscalRegister| block_on(register.find(attempt, what));
                let found = way(&table, &web, Some(receipts), find);
                assert!(matches!(found, Found::Written(d) if d.number == document.number));
            }
        }
        let [one, other] =
            ways.map(|by| way(&table, &web, by, |it| block_on(it.totals()).unwrap()));
        assert_eq!((one, table.journal().as_str()), (other, "o1111c"));
        let [one, other] = ways.map(|by| way(&table, &web, by, |it| block_on(it.shift()).unwrap()));
        assert_eq!(one, other);
        let [one, other] = ways.map(|by| way(&table, &web, by, |it| block_on(it.mark()).unwrap()));
        assert_eq!(one, other);
        let [one, other] =
            ways.map(|by| way(&table, &web, by, |it| block_on(it.exchange()).unwrap()));
        assert_eq!(one, other);
        table.holds_its_rules();
    }
}

/// Trap C, from end to end: the driver cannot open a register that another program has. A person
/// sets that up; nothing is in doubt, and nothing is written.
#[test]
fn trap_c_a_register_that_another_program_has_is_a_matter_of_setup() {
    let table = Table::open();
    let web = web(&table);
    let before = block_on(web.mark()).unwrap();
    let attempt = |id| Attempt { id: Uuid::from_u128(id), before: before.clone() };
    let native = table.start(Receipts::Json);
    block_on(native.probe()).unwrap();
    match block_on(web.register(&attempt(1), &receipt(lunch()))) {
        FiscalOutcome::NotWritten(error) => {
            assert_eq!((error.cause, error.code), (Cause::Setup, Some(3)));
        }
        other => panic!("{other:?}"),
    }
    for asked in [block_on(web.mark()).map(drop), block_on(web.report_x(None))] {
        assert_eq!(asked.unwrap_err().cause, Cause::Setup);
    }
    assert_eq!(table.journal(), "o");
    // Its program ends.
    drop(native);
    let outcome = block_on(web.register(&attempt(2), &receipt(lunch())));
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    assert_eq!(table.journal(), "o1");
    // The other way round: the library finds the port busy.
    table.register.lock().hold(1).unwrap();
    let native = table.start(Receipts::LowLevel);
    assert_eq!(block_on(native.probe()).unwrap_err().cause, Cause::Setup);
    table.register.lock().release(1);
    block_on(native.probe()).unwrap();
    table.holds_its_rules();
}
