//! Calls that hang, and callers that come at once.

use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use tillway_atol::native::{NativeRegister, Receipts};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Attempt, Cause, FiscalOutcome, Found};

use crate::harness::{Table, attempt, card, lunch, receipt};

/// Does something with the register while a call of `function` hangs whose limit then passes.
fn hang<T: Send>(table: &Table, function: &str, call: impl FnOnce() -> T + Send) -> T {
    assert_eq!(table.tell(&format!("hang {function}")), 0);
    let done = thread::scope(|scope| {
        let call = scope.spawn(call);
        assert_eq!(table.tell("hanging"), 0);
        table.clock.expire(true);
        call.join().unwrap()
    });
    table.clock.expire(false);
    done
}

/// The driver returns when it likes; until then it is busy. Then the memory is asked once.
fn found_at_last(register: &NativeRegister, attempt: &Attempt) -> Found {
    while block_on(register.shift()).is_err_and(|error| error.cause == Cause::Busy) {
        thread::yield_now();
    }
    block_on(register.find(attempt, &receipt(lunch())))
}

#[test]
fn a_call_that_hangs_is_a_doubt_and_keeps_the_handle() {
    let ways = [(Receipts::Json, "process_json sell"), (Receipts::LowLevel, "close_receipt")];
    for (receipts, function) in ways {
        let table = Table::open();
        let register = table.start_thread(receipts);
        let attempt = attempt(&register, 1);
        let outcome =
            hang(&table, function, || block_on(register.register(&attempt, &receipt(lunch()))));
        assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{function} {outcome:?}");
        assert_eq!(block_on(register.shift()).unwrap_err().cause, Cause::Busy);
        let found = block_on(register.find(&attempt, &receipt(lunch())));
        assert!(matches!(found, Found::NotYet(e) if e.cause == Cause::Busy));
        let again = block_on(register.register(&attempt, &receipt(lunch())));
        assert!(matches!(again, FiscalOutcome::NotWritten(e) if e.cause == Cause::Busy));
        assert_eq!(table.journal(), "o");
        assert_eq!(table.tell("release"), 0);
        let found = found_at_last(&register, &attempt);
        assert!(matches!(found, Found::Written(d) if d.number == 2), "{function}");
        assert_eq!(table.journal(), "o1");
        table.holds_its_rules();
    }
}

#[test]
fn a_receipt_that_opens_too_late_is_annulled() {
    let table = Table::open();
    let register = table.start_thread(Receipts::Json);
    let attempt = attempt(&register, 1);
    let opened =
        hang(&table, "open_receipt", || block_on(register.open_receipt(&attempt, &lunch())));
    assert_eq!(opened.unwrap_err().cause, Cause::Link);
    assert_eq!(table.tell("release"), 0);
    assert_eq!(found_at_last(&register, &attempt), Found::NotWritten);
    let late = block_on(register.close_receipt(&attempt, &[card(36_000)]));
    assert!(matches!(late, FiscalOutcome::NotWritten(e) if e.cause == Cause::NoReceipt));
    assert_eq!((table.journal().as_str(), table.annulled()), ("o", 1));
}

#[test]
fn a_caller_that_goes_away_stops_nothing() {
    let table = Table::open();
    let register = table.start_thread(Receipts::Json);
    let attempt = attempt(&register, 1);
    assert_eq!(table.tell("hang process_json sell"), 0);
    {
        let what = receipt(lunch());
        let mut call = pin!(register.register(&attempt, &what));
        thread::scope(|scope| {
            // Until the sale is in the driver's hands.
            let hangs = scope.spawn(|| table.tell("hanging"));
            while !hangs.is_finished() {
                let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                thread::yield_now();
            }
            assert_eq!(hangs.join().unwrap(), 0);
        });
    }
    assert_eq!(table.tell("release"), 0);
    let found = block_on(register.find(&attempt, &receipt(lunch())));
    assert!(matches!(found, Found::Written(d) if d.number == 2), "find waits its turn");
}

#[test]
fn a_stop_does_not_wait_for_what_hangs() {
    let table = Table::open();
    let register = table.start_thread(Receipts::Json);
    let attempt = attempt(&register, 1);
    hang(&table, "process_json sell", || block_on(register.register(&attempt, &receipt(lunch()))));
    assert!(!register.stop(Duration::ZERO), "the handle is the driver's until it returns");
    assert_eq!(table.tell("release"), 0);
}

#[test]
fn callers_that_come_at_once_go_one_after_the_other() {
    let table = Table::open();
    let register = table.start_thread(Receipts::LowLevel);
    let before = attempt(&register, 1);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    block_on(register.shift()).unwrap();
                    let outcome = block_on(register.register(&before, &receipt(lunch())));
                    // One is in the memory for each; which is whose they cannot know.
                    assert!(!matches!(outcome, FiscalOutcome::NotWritten(_)), "{outcome:?}");
                    block_on(register.status()).unwrap();
                }
            });
        }
    });
    assert_eq!(table.tell("overlaps"), 0);
    assert_eq!(table.journal(), format!("o{}", "1".repeat(20)));
    table.holds_its_rules();
}
