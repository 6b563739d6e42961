//! The table of faults (ATOL note 10.3), both ways: what the journal is told, what the memory has
//! and what came out on paper agree, and a second attempt never doubles the first.

use futures::executor::block_on;
use tillway_atol::native::{NativeRegister, Receipts};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Attempt, Fiscal, FiscalOutcome, Found};
use tillway_sim::atol::{Fault, Point};

use crate::harness::{Table, attempt, lunch, receipt};

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

/// As the flows do: asks until the memory says yes or no; helped when the device cannot say.
fn found(
    table: &Table,
    register: &NativeRegister,
    attempt: &Attempt,
    what: &Fiscal,
) -> Option<u32> {
    for _ in 0..3 {
        match block_on(register.find(attempt, what)) {
            Found::Written(document) => return Some(document.number),
            Found::NotWritten => return None,
            Found::NotYet(_) => help(table),
            Found::Person(evidence) => panic!("{evidence:?}"),
        }
    }
    panic!("the device never says")
}

/// Writes until it is written; the numbers the journal was told, one for each attempt.
fn write(table: &Table, register: &NativeRegister, what: &Fiscal) -> Vec<Option<u32>> {
    let mut told = Vec::new();
    for number in 1..=3 {
        let attempt = attempt(register, number);
        let written = match block_on(register.register(&attempt, what)) {
            FiscalOutcome::Written(document) => Some(document.number),
            FiscalOutcome::NotWritten(_) => {
                help(table);
                None
            }
            FiscalOutcome::InDoubt(_) => found(table, register, &attempt, what),
        };
        help(table);
        told.push(written);
        if written.is_some() {
            block_on(register.continue_print()).unwrap();
            return told;
        }
    }
    panic!("never written: {told:?}")
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
                let table = Table::open();
                let register = table.start(receipts);
                block_on(register.probe()).unwrap();
                table.register.lock().inject(point, fault);
                let told = write(&table, &register, &receipt(lunch()));
                assert_eq!(table.register.lock().pending_faults(), 0, "{name}");
                assert_eq!(table.journal(), "o1", "{name}: {told:?}");
                assert_eq!(told.last(), Some(&Some(2)), "{name}");
                assert!(told[..told.len() - 1].iter().all(Option::is_none), "{name}: {told:?}");
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
            let table = Table::new();
            let register = table.start(Receipts::Json);
            table.register.lock().inject(point, fault);
            let opened = write(&table, &register, &Fiscal::OpenShift(None));
            assert_eq!((table.journal().as_str(), opened.last()), ("o", Some(&Some(1))), "{name}");
            table.register.lock().inject(point, fault);
            let told = write(&table, &register, &Fiscal::Exchange(None));
            assert_eq!((table.journal().as_str(), told.last()), ("ox", Some(&Some(2))), "{name}");
            table.register.lock().inject(point, fault);
            let closed = write(&table, &register, &Fiscal::CloseShift(None));
            assert_eq!(
                (table.journal().as_str(), closed.last()),
                ("oxc", Some(&Some(3))),
                "{name}"
            );
            assert_eq!(table.register.lock().pending_faults(), 0, "{name}");
            table.holds_its_rules();
        }
    }
}

/// The process dies at the point instead: the next one finds out.
#[test]
fn a_new_program_takes_over() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        for point in Point::ALL {
            let table = Table::open();
            let what = receipt(lunch());
            let register = table.start(receipts);
            let first = attempt(&register, 1);
            table.register.lock().inject(point, Fault::Link { calls: u32::MAX });
            let outcome = block_on(register.register(&first, &what));
            std::mem::forget(register);
            table.line.disconnect();
            help(&table);
            let register = table.start(receipts);
            let found = found(&table, &register, &first, &what);
            let written = matches!(outcome, FiscalOutcome::Written(_)) || point >= Point::P4;
            assert_eq!(found, written.then_some(2), "{receipts:?} {point:?} {outcome:?}");
            assert_eq!(table.journal(), if written { "o1" } else { "o" });
            block_on(register.continue_print()).unwrap();
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

/// Every second document meets a fault somewhere; in the end each receipt is there once.
#[test]
fn a_thousand_receipts_each_once() {
    for (seed, receipts) in [(4, Receipts::Json), (5, Receipts::LowLevel)] {
        println!("seed {seed}, {receipts:?}");
        let table = Table::open();
        let register = table.start(receipts);
        let mut dice = Dice(seed);
        for number in 0..500 {
            if dice.below(2) == 0 {
                let point = Point::ALL[dice.below(7)];
                let fault = FAULTS[dice.below(FAULTS.len())];
                if strikes(point, fault) {
                    table.register.lock().inject(point, fault);
                }
            }
            let told = write(&table, &register, &receipt(lunch()));
            assert_eq!(told.last(), Some(&Some(number + 2)), "{receipts:?} {number} {told:?}");
        }
        assert_eq!(table.journal(), format!("o{}", "1".repeat(500)));
        table.holds_its_rules();
    }
}
