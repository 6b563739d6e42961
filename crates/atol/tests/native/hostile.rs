//! A library that is worse than its documentation (ATOL note 13).

use futures::executor::block_on;
use tillway_atol::native::{NativeRegister, Receipts};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, FiscalOutcome, Found, RegisterError};

use crate::harness::{Table, attempt, card, lunch, receipt};

/// A sale whose answer is spoilt like this; the outcome, with an honest library again.
fn sell_with(words: &str, receipts: Receipts) -> (Table, NativeRegister, FiscalOutcome) {
    let table = Table::open();
    let register = table.start(receipts);
    let attempt = attempt(&register, 1);
    block_on(register.open_receipt(&attempt, &lunch())).unwrap();
    block_on(register.annul_receipt()).unwrap();
    assert_eq!(table.tell(words), 0, "{words}");
    let outcome = block_on(register.register(&attempt, &receipt(lunch())));
    for honest in ["answer honest", "length honest", "silent off"] {
        assert_eq!(table.tell(honest), 0);
    }
    (table, register, outcome)
}

#[test]
fn answers_that_can_be_read_all_the_same() {
    for words in ["answer long", "answer replaced"] {
        for receipts in [Receipts::Json, Receipts::LowLevel] {
            let (table, _, outcome) = sell_with(words, receipts);
            assert!(matches!(outcome, FiscalOutcome::Written(_)), "{words} {outcome:?}");
            assert_eq!(table.journal(), "o1");
        }
    }
}

/// The state cannot be read: then nothing is sent.
#[test]
fn answers_that_cannot_be_read_send_nothing() {
    let unreadable = [
        "answer notjson",
        "answer empty",
        "answer broken",
        "length negative",
        "length huge",
        "length growing",
    ];
    for words in unreadable {
        for receipts in [Receipts::Json, Receipts::LowLevel] {
            let (table, _, outcome) = sell_with(words, receipts);
            assert!(matches!(outcome, FiscalOutcome::NotWritten(_)), "{words} {outcome:?}");
            assert_eq!(table.journal(), "o", "{words}");
        }
    }
}

/// The library begins to lie when the task has been done: in doubt, and found.
#[test]
fn a_result_that_cannot_be_read_is_a_doubt() {
    for words in ["answer notjson", "answer empty", "length negative", "length growing"] {
        let table = Table::open();
        let register = table.start_thread(Receipts::Json);
        let attempt = attempt(&register, 1);
        assert_eq!(table.tell("hang process_json sell"), 0);
        let outcome = std::thread::scope(|scope| {
            let (register, attempt) = (&register, &attempt);
            let call = scope.spawn(|| block_on(register.register(attempt, &receipt(lunch()))));
            assert_eq!(table.tell("hanging"), 0);
            assert_eq!(table.tell(words), 0);
            assert_eq!(table.tell("release"), 0);
            call.join().unwrap()
        });
        assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{words} {outcome:?}");
        assert_eq!((table.tell("answer honest"), table.tell("length honest")), (0, 0));
        let found = block_on(register.find(&attempt, &receipt(lunch())));
        assert!(matches!(found, Found::Written(d) if d.number == 2), "{words}");
    }
}

#[test]
fn a_failure_without_a_number_is_a_doubt() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let attempt = attempt(&register, 1);
    table.register.lock().printer.paper = 0;
    assert_eq!(table.tell("silent on"), 0);
    let outcome = block_on(register.register(&attempt, &receipt(lunch())));
    let FiscalOutcome::InDoubt(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!((error.cause, error.code), (Cause::Unknown, Some(15)));
    assert_eq!(table.tell("silent off"), 0);
    assert_eq!(block_on(register.find(&attempt, &receipt(lunch()))), Found::NotWritten);
}

#[test]
fn a_second_program_finds_the_port_busy() {
    let table = Table::open();
    let (first, second) = (table.start(Receipts::Json), table.start(Receipts::Json));
    block_on(first.shift()).unwrap();
    let busy = |error: RegisterError| (error.cause, error.code);
    assert_eq!(busy(block_on(second.shift()).unwrap_err()), (Cause::Setup, Some(3)));
    assert!(first.stop(std::time::Duration::ZERO));
    block_on(second.shift()).unwrap();
    let ended = block_on(first.shift()).unwrap_err();
    assert_eq!(ended.cause, Cause::Service);
}

#[test]
fn a_link_that_is_lost_is_opened_again() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        let table = Table::open();
        let register = table.start(receipts);
        block_on(register.shift()).unwrap();
        table.line.disconnect();
        block_on(register.shift()).unwrap();
        table.line.disconnect();
        let attempt = attempt(&register, 1);
        table.line.disconnect();
        let outcome = block_on(register.register(&attempt, &receipt(lunch())));
        assert!(matches!(outcome, FiscalOutcome::Written(_)), "{receipts:?} {outcome:?}");
        table.register.lock().link(false);
        assert_eq!(block_on(register.status()).unwrap_err().cause, Cause::Link);
        table.register.lock().link(true);
        block_on(register.status()).unwrap();
        assert_eq!(table.journal(), "o1");
    }
}

#[test]
fn single_commands_read_no_lies_about_a_receipt() {
    // The answer to a JSON question lies only after the close: the receipt is not lost for it.
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let attempt = attempt(&register, 1);
    block_on(register.open_receipt(&attempt, &lunch())).unwrap();
    assert_eq!(table.tell("answer notjson"), 0);
    let outcome = block_on(register.close_receipt(&attempt, &[card(36_000)]));
    assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{outcome:?}");
    assert_eq!(table.tell("answer honest"), 0);
    let found = block_on(register.find(&attempt, &receipt(lunch())));
    assert!(matches!(found, Found::Written(d) if d.number == 2));
    assert_eq!(table.journal(), "o1");
}
