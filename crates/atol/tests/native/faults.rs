//! The table of faults (ATOL note 10.3), both ways: what the journal is told, what the memory has
//! and what came out on paper agree, and a second attempt never doubles the first.

use std::sync::Arc;

use futures::executor::block_on;
use tillway_atol::native::Receipts;
use tillway_core::Timestamp;
use tillway_core::fiscal::Mark;
use tillway_core::port::fiscal::{Attempt, Fiscal, FiscalOutcome, Found};
use tillway_core::port::{FiscalRegister, IdSource};
use tillway_layers::Guarded;
use tillway_sim::atol::{Fault, Point};
use tillway_testkit::runtime::CountingIds;

use crate::harness::{Table, TestClock, lunch, receipt};
use crate::support::journal::{Journal, journaled, number};

const SALES: u32 = 1_000;

const FAULTS: [Fault; 7] = [
    Fault::Paper,
    Fault::Link { calls: 1 },
    Fault::Link { calls: 3 },
    Fault::Link { calls: u32::MAX },
    Fault::Power,
    Fault::Memory { signed: true },
    Fault::Memory { signed: false },
];

/// Somebody comes: paper, cable, power.
fn help(table: &Table) {
    let mut register = table.register.lock();
    register.printer.paper = 10_000;
    register.link(true);
    register.power(true);
}

/// A program at the table: its register, guarded.
struct Desk<'a> {
    table: &'a Table,
    guarded: Guarded<dyn FiscalRegister>,
}

impl<'a> Desk<'a> {
    fn open(table: &'a Table, receipts: Receipts, journal: &Journal, ids: &CountingIds) -> Self {
        let device = Arc::new(table.start(receipts));
        Self { table, guarded: journal.guard(device, Arc::<TestClock>::clone(&table.clock), ids) }
    }

    /// As the flows do: asks until the memory says yes or no; helped when the device cannot say.
    fn find(&self, attempt: &Attempt, what: &Fiscal) -> Option<u32> {
        for _ in 0..3 {
            match block_on(self.guarded.find(attempt, what)) {
                Found::NotYet(_) => help(self.table),
                found => return number(&found),
            }
        }
        panic!("the device never says")
    }

    /// Writes until it is written; the numbers that the journal has, one for each attempt.
    fn write(&self, what: &Fiscal, ids: &CountingIds) -> Vec<Option<u32>> {
        let mut told = Vec::new();
        for _ in 0..3 {
            let attempt = attempt_of(ids);
            let written = match block_on(self.guarded.register(&attempt, what)) {
                FiscalOutcome::Written(document) => Some(document.number),
                FiscalOutcome::NotWritten(_) => {
                    help(self.table);
                    None
                }
                FiscalOutcome::InDoubt(_) => self.find(&attempt, what),
            };
            help(self.table);
            assert_eq!(journaled(&self.guarded, attempt.id), written);
            told.push(written);
            if written.is_some() {
                block_on(self.guarded.continue_print()).unwrap();
                return told;
            }
        }
        panic!("never written: {told:?}")
    }
}

/// The guard reads the mark itself.
fn attempt_of(ids: &CountingIds) -> Attempt {
    let before = Mark { memory: "".into(), last: 0, at: Timestamp::default(), operations: None };
    Attempt { id: ids.fresh(), before }
}

/// Whether the fault may strike at all: a memory fault needs a signature.
fn strikes(point: Point, fault: Fault) -> bool {
    !matches!(fault, Fault::Memory { .. }) || point == Point::P3
}

#[test]
fn receipts() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        for point in Point::ALL {
            for fault in FAULTS.into_iter().filter(|fault| strikes(point, *fault)) {
                let name = format!("{receipts:?} {point:?} {fault:?}");
                let (table, journal, ids) = (Table::open(), Journal::default(), CountingIds::new());
                let desk = Desk::open(&table, receipts, &journal, &ids);
                block_on(desk.guarded.probe()).unwrap();
                table.register.lock().inject(point, fault);
                let told = desk.write(&receipt(lunch()), &ids);
                assert_eq!(table.register.lock().pending_faults(), 0, "{name}");
                assert_eq!(table.journal(), "o1", "{name}: {told:?}");
                assert_eq!(told.last(), Some(&Some(2)), "{name}");
                assert!(told[..told.len() - 1].iter().all(Option::is_none), "{name}: {told:?}");
                assert_eq!(table.papers(), [1, 1], "{name}");
                table.holds_its_rules();
            }
        }
    }
}

#[test]
fn shifts() {
    for point in [Point::P0, Point::P1, Point::P3, Point::P4, Point::P5, Point::P6] {
        for fault in FAULTS.into_iter().filter(|fault| strikes(point, *fault)) {
            let name = format!("{point:?} {fault:?}");
            let (table, journal, ids) = (Table::new(), Journal::default(), CountingIds::new());
            let desk = Desk::open(&table, Receipts::Json, &journal, &ids);
            let whats = [
                (Fiscal::OpenShift(None), "o"),
                (Fiscal::Exchange(None), "ox"),
                (Fiscal::CloseShift(None), "oxc"),
            ];
            for (number, (what, expected)) in (1..).zip(&whats) {
                table.register.lock().inject(point, fault);
                let told = desk.write(what, &ids);
                let in_the_end = (table.journal(), told.last());
                assert_eq!(in_the_end, ((*expected).to_owned(), Some(&Some(number))), "{name}");
            }
            assert_eq!(table.register.lock().pending_faults(), 0, "{name}");
            assert_eq!(table.papers(), [1, 1, 1], "{name}");
            table.holds_its_rules();
        }
    }
}

/// The process dies at the point instead: the next one finds out, by what the journal has.
#[test]
fn a_new_program_takes_over() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        for point in Point::ALL {
            let name = format!("{receipts:?} {point:?}");
            let (table, journal, ids) = (Table::open(), Journal::default(), CountingIds::new());
            let what = receipt(lunch());
            let desk = Desk::open(&table, receipts, &journal, &ids);
            let first = attempt_of(&ids);
            table.register.lock().inject(point, Fault::Link { calls: u32::MAX });
            let outcome = block_on(desk.guarded.register(&first, &what));
            std::mem::forget(desk);
            table.line.disconnect();
            help(&table);
            let desk = Desk::open(&table, receipts, &journal, &ids);
            for recovered in block_on(desk.guarded.recover()).unwrap() {
                number(&recovered.found);
            }
            let written = matches!(outcome, FiscalOutcome::Written(_)) || point >= Point::P4;
            let expected = written.then_some(2);
            assert_eq!(journaled(&desk.guarded, first.id), expected, "{name} {outcome:?}");
            assert_eq!(table.journal(), if written { "o1" } else { "o" }, "{name}");
            block_on(desk.guarded.continue_print()).unwrap();
            assert_eq!(table.papers(), vec![1; 1 + usize::from(written)], "{name}");
            table.holds_its_rules();
        }
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// A sale has fewer attempts, and an attempt fewer questions.
const TRIES_MAX: usize = 1_000;

/// Sells once, however many answers are lost; the receipt's number.
fn sell(desk: &Desk<'_>, ids: &CountingIds) -> u32 {
    for _ in 0..TRIES_MAX {
        let attempt = attempt_of(ids);
        let mut found = match block_on(desk.guarded.register(&attempt, &receipt(lunch()))) {
            FiscalOutcome::Written(document) => return document.number,
            FiscalOutcome::NotWritten(_) => Found::NotWritten,
            FiscalOutcome::InDoubt(error) => Found::NotYet(error),
        };
        for _ in 0..TRIES_MAX {
            match found {
                Found::NotYet(_) => {
                    found = block_on(desk.guarded.find(&attempt, &receipt(lunch())));
                }
                _ => break,
            }
        }
        assert_eq!(journaled(&desk.guarded, attempt.id), number(&found), "{found:?}");
        if let Some(number) = number(&found) {
            return number;
        }
    }
    panic!("never sold");
}

/// A kiosk that loses every answer with probability 1/2 sells a thousand times, as on the web
/// (`tests/kiosk.rs`): what is lost there is the answer to a request, and here to a call of the
/// driver's library.
///
/// Spared are the calls by which the library takes the register and fills a receipt. A receipt by
/// single commands has a dozen of them: lost one time in two each, one receipt in thousands would
/// come to its close, and none of the others could be written. What becomes of a receipt that is
/// cut before its close, the matrix of faults says. After the first fifty sales reads of JSON are
/// spared too: they change nothing, and are repeated a hundred times for each receipt.
#[test]
fn a_thousand_receipts_whose_answers_are_lost_half_the_time() {
    const FILLS: &[&str] = &["open", "operator_login", "open_receipt", "registration", "payment"];
    const READS: &[&str] =
        &["open", "operator_login", "open_receipt", "registration", "payment", "read"];
    for (seed, receipts) in [(6, Receipts::Json), (7, Receipts::LowLevel)] {
        println!("seed {seed}, {receipts:?}");
        let (table, journal, ids) = (Table::open(), Journal::default(), CountingIds::new());
        let mut desk = Desk::open(&table, receipts, &journal, &ids);
        table.register.lock().lose_answers(seed, FILLS);
        for sold in 0..SALES {
            table.register.lock().printer.paper = 10_000;
            if sold == 50 {
                table.register.lock().lose_answers(seed, READS);
            }
            assert_eq!(sell(&desk, &ids), sold + 2, "{receipts:?}");
            if sold % 100 == 99 {
                // The program is started anew.
                drop(desk);
                desk = Desk::open(&table, receipts, &journal, &ids);
            }
        }
        table.register.lock().keep_answers();
        assert_eq!(block_on(desk.guarded.recover()).unwrap(), []);
        let sales = usize::try_from(SALES).unwrap();
        assert_eq!(table.journal(), format!("o{}", "1".repeat(sales)));
        assert_eq!(table.papers(), vec![1; sales + 1]);
        table.holds_its_rules();
    }
}

/// Every second document meets a fault somewhere, of any kind; in the end each receipt is there
/// once.
#[test]
fn receipts_that_meet_any_fault_are_there_once() {
    const SALES: u32 = 300;

    for (seed, receipts) in [(4, Receipts::Json), (5, Receipts::LowLevel)] {
        println!("seed {seed}, {receipts:?}");
        let (table, journal, ids) = (Table::open(), Journal::default(), CountingIds::new());
        let mut desk = Desk::open(&table, receipts, &journal, &ids);
        let (mut dice, mut struck) = (Dice(seed), 0);
        for number in 0..SALES {
            if dice.below(2) == 0 {
                let point = Point::ALL[dice.below(7)];
                let fault = FAULTS[dice.below(FAULTS.len())];
                if strikes(point, fault) {
                    table.register.lock().inject(point, fault);
                    struck += 1;
                }
            }
            let told = desk.write(&receipt(lunch()), &ids);
            assert_eq!(told.last(), Some(&Some(number + 2)), "{receipts:?} {number} {told:?}");
            if number % 100 == 99 {
                // The program is started anew.
                drop(desk);
                desk = Desk::open(&table, receipts, &journal, &ids);
                assert_eq!(block_on(desk.guarded.recover()).unwrap(), []);
            }
        }
        let sales = usize::try_from(SALES).unwrap();
        assert_eq!(table.journal(), format!("o{}", "1".repeat(sales)));
        assert_eq!(table.papers(), vec![1; sales + 1]);
        assert!(struck > sales / 4, "{struck} faults");
        table.holds_its_rules();
    }
}
