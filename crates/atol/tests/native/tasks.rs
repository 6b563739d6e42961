//! The port by JSON tasks.

use futures::executor::block_on;
use tillway_atol::native::Receipts;
use tillway_core::Kopecks;
use tillway_core::fiscal::{DocumentKind, MarkCode, ReceiptKind, VatRate, qr};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{
    Cause, Fiscal, FiscalOutcome, Found, RegisterError, ShiftState, Slip, SlipItem,
};
use tillway_sim::atol::{Fault, Point, Print, Settings, qr_text};

use crate::harness::{Table, attempt, line, lunch, receipt, settle};

fn cause(outcome: FiscalOutcome) -> Cause {
    match outcome {
        FiscalOutcome::NotWritten(error) => error.cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_day_at_the_register() {
    let table = Table::new();
    let register = table.start(Receipts::Json);
    let device = block_on(register.probe()).unwrap();
    assert_eq!((&*device.driver, &*device.memory), ("10.10.8.0", "9999078900001234"));
    assert_eq!(register.capabilities().format.as_deref(), Some("1.2"));
    assert_eq!(register.capabilities().limits.rates, VatRate::ALL);
    assert_eq!(block_on(register.shift()).unwrap().state, ShiftState::Closed);
    let open = attempt(&register, 1);
    let FiscalOutcome::Written(opened) =
        block_on(register.register(&open, &Fiscal::OpenShift(None)))
    else {
        panic!()
    };
    assert_eq!((opened.kind, opened.number), (DocumentKind::OpenShift, 1));
    let Found::Written(sold) = settle(&register, &attempt(&register, 2), &receipt(lunch())) else {
        panic!()
    };
    assert_eq!((sold.number, sold.receipt, sold.total), (2, Some(1), Some(Kopecks(36_000))));
    let in_memory = table.register.lock().memory.document(2).unwrap().clone();
    assert_eq!(qr(&sold), qr_text(&in_memory, "9999078900001234"));
    assert_eq!(block_on(register.document(2)).unwrap().unwrap().sign, sold.sign);
    assert_eq!(block_on(register.document(3)).unwrap(), None);
    block_on(register.report_x(None)).unwrap();
    let totals = block_on(register.totals()).unwrap();
    assert_eq!((totals.sell.count, totals.sell.sum), (1, Kopecks(36_000)));
    assert_eq!(block_on(register.exchange()).unwrap().unsent, 0);
    let close = attempt(&register, 3);
    let closed = block_on(register.register(&close, &Fiscal::CloseShift(None)));
    assert!(matches!(closed, FiscalOutcome::Written(d) if d.receipts == Some(1)));
    assert_eq!(table.journal(), "o1c");
    table.holds_its_rules();
}

/// Reading a document is interrupted: it is read again after a pause, twice, and then given up.
#[test]
fn an_interrupted_read_is_repeated_after_a_pause() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let pause = std::time::Duration::from_millis(300);
    for (times, pauses, read) in [(0, 0, true), (1, 1, true), (2, 2, true), (3, 2, false)] {
        let before = table.clock.pauses().len();
        table.register.lock().memory.interrupted_reads = times;
        match block_on(register.document(1)) {
            Ok(document) => assert!(read && document.is_some(), "{times}"),
            Err(error) => assert!(!read && error.code == Some(178), "{times} {error}"),
        }
        assert_eq!(table.clock.pauses()[before..], vec![pause; pauses], "{times}");
        assert_eq!(table.register.lock().memory.interrupted_reads, 0);
    }
}

#[test]
fn refused_before_anything_is_sent() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let before = attempt(&register, 1);
    let bad = crate::harness::Receipt { lines: vec![line(&"я".repeat(129), 100, 1)], ..lunch() };
    let refused = block_on(register.register(&before, &receipt(bad)));
    let FiscalOutcome::NotWritten(error) = refused else { panic!() };
    assert_eq!(error.cause, Cause::BadReceipt);
    assert!(error.text.contains("lines[0].name: is longer than 128"), "{error}");
    table.register.lock().close_shift().unwrap();
    let closed = block_on(register.register(&before, &receipt(lunch())));
    assert_eq!(cause(closed), Cause::ShiftClosed, "trap A: it would open the shift by itself");
    assert_eq!(block_on(register.report_x(None)).unwrap_err().cause, Cause::ShiftClosed);
    assert_eq!(table.journal(), "oc");
    table.register.lock().open_shift().unwrap();
    table.register.lock().advance(std::time::Duration::from_secs(24 * 3_600));
    let expired = block_on(register.register(&before, &receipt(lunch())));
    assert_eq!(cause(expired), Cause::ShiftExpired);
    assert_eq!(table.journal(), "oco");
}

#[test]
fn emoji_and_yo_survive_the_driver() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        let table = Table::open();
        let register = table.start(receipts);
        let name = "Пицца 🍕 «Ёжик» съешь ещё 𝄞";
        let whole = crate::harness::Receipt { lines: vec![line(name, 36_000, 1)], ..lunch() };
        let found = settle(&register, &attempt(&register, 1), &receipt(whole));
        assert!(matches!(found, Found::Written(_)), "{receipts:?} {found:?}");
        let register = table.register.lock();
        let tillway_sim::atol::Body::Receipt(sale) = &register.memory.document(2).unwrap().body
        else {
            panic!()
        };
        assert_eq!(sale.items[0].name, name);
        assert_eq!(sale.operator.as_deref().or(Some("Киоск 7")), Some("Киоск 7"));
    }
}

#[test]
fn an_old_driver_does_not_know_the_rate() {
    let old = Settings::default();
    let rates = old.driver_rates.iter().filter(|rate| !rate.contains("22")).cloned().collect();
    let table = Table::with(Settings { driver_rates: rates, ..old });
    table.register.lock().open_shift().unwrap();
    let register = table.start(Receipts::Json);
    block_on(register.probe()).unwrap();
    let known = register.capabilities().limits.rates;
    assert!(!known.contains(&VatRate::Vat22) && known.contains(&VatRate::Vat20), "{known:?}");
    let refused = block_on(register.register(&attempt(&register, 1), &receipt(lunch())));
    assert_eq!(cause(refused), Cause::BadReceipt);
}

#[test]
fn slips_copies_and_what_is_left_of_the_paper() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    settle(&register, &attempt(&register, 1), &receipt(lunch()));
    let items = vec![SlipItem::Text("СЛИП".into()), SlipItem::Cut, SlipItem::Title("К-42".into())];
    block_on(register.print(&Slip { items })).unwrap();
    block_on(register.print_again(2)).unwrap();
    let missing = block_on(register.print_again(9)).unwrap_err();
    assert_eq!(missing.code, Some(123));
    block_on(register.continue_print()).unwrap();
    let tape: Vec<_> = table.register.lock().printer.tape().iter().map(|p| p.of).collect();
    let expected =
        [Print::Document(1), Print::Document(2), Print::Text, Print::Text, Print::Copy(2)];
    assert_eq!(tape, expected);
}

#[test]
fn paper_that_ends_after_the_signature() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    table.register.lock().inject(Point::P5, Fault::Paper);
    let found = settle(&register, &attempt(&register, 1), &receipt(lunch()));
    assert!(matches!(found, Found::Written(d) if d.unprinted));
    let next = block_on(register.register(&attempt(&register, 2), &receipt(lunch())));
    assert!(!matches!(next, FiscalOutcome::Written(_)), "{next:?}");
    assert_eq!(block_on(register.continue_print()).unwrap_err().cause, Cause::Paper);
    table.register.lock().printer.paper = 1_000;
    block_on(register.continue_print()).unwrap();
    settle(&register, &attempt(&register, 3), &receipt(lunch()));
    assert_eq!(table.journal(), "o11");
    table.holds_its_rules();
}

#[test]
fn marks_and_corrections_go_by_json_in_both_ways() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        let table = Table::open();
        let register = table.start(receipts);
        let mut marked = lunch();
        marked.lines[0].mark =
            Some(MarkCode { code: b"0104600439931256".to_vec(), returned: false });
        let open = block_on(register.open_receipt(&attempt(&register, 1), &marked));
        assert_eq!(open.unwrap_err().cause, Cause::Unsupported);
        let found = settle(&register, &attempt(&register, 2), &receipt(marked));
        assert!(matches!(found, Found::Written(_)), "{receipts:?} {found:?}");
        let basis = tillway_core::fiscal::Basis {
            kind: tillway_core::fiscal::BasisKind::Own,
            date: (2026, 3, 1),
            number: None,
        };
        let late = crate::harness::Receipt { basis: Some(basis), ..lunch() };
        let found = settle(&register, &attempt(&register, 3), &receipt(late));
        let Found::Written(document) = found else { panic!("{receipts:?} {found:?}") };
        assert_eq!(document.kind, DocumentKind::Correction(ReceiptKind::Sell));
        table.holds_its_rules();
    }
}

#[test]
fn the_operation_is_printed_where_several_programs_share_the_register() {
    for receipts in [Receipts::Json, Receipts::LowLevel] {
        let table = Table::open();
        let mut config = table.config(receipts);
        config.shared = true;
        let register = table.start_with(config, tillway_device::Mode::Inline);
        let (first, second) = (attempt(&register, 1), attempt(&register, 2));
        table.register.lock().inject(Point::P6, Fault::Link { calls: 2 });
        assert!(matches!(settle(&register, &first, &receipt(lunch())), Found::Written(_)));
        // The same receipt, of another attempt: it is not ours.
        assert_eq!(block_on(register.find(&second, &receipt(lunch()))), Found::NotWritten);
        assert_eq!(table.journal(), "o1", "{receipts:?}");
    }
}

#[test]
fn errors_keep_number_and_words() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    table.register.lock().printer.paper = 0;
    let refused = block_on(register.register(&attempt(&register, 1), &receipt(lunch())));
    let FiscalOutcome::NotWritten(RegisterError { cause, code, text }) = refused else { panic!() };
    assert_eq!((cause, code, &*text), (Cause::Paper, Some(44), "Нет бумаги"));
}

/// The driver answers with an older document, or one of another memory: nobody believes it.
#[test]
fn a_document_that_cannot_be_ours_is_a_doubt() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let now = attempt(&register, 1);
    let mut later = now.clone();
    later.before.last = 9;
    let mut elsewhere = now;
    elsewhere.before.memory = "9999078900005678".into();
    for attempt in [later, elsewhere] {
        let outcome = block_on(register.register(&attempt, &receipt(lunch())));
        assert!(matches!(outcome, FiscalOutcome::InDoubt(_)), "{outcome:?}");
        let found = block_on(register.find(&attempt, &receipt(lunch())));
        assert!(matches!(found, Found::Person(_)), "{found:?}");
    }
}
