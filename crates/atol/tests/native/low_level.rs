//! A receipt that stays open while its guest pays.

use futures::executor::block_on;
use tillway_atol::native::Receipts;
use tillway_core::Kopecks;
use tillway_core::fiscal::{Paid, Tender};
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Found, Slip, SlipItem};
use tillway_sim::atol::{Body, Fault, Point, Print};

use crate::harness::{Receipt, Table, attempt, card, lunch, receipt, settle};

#[test]
fn the_guest_pays_and_the_receipt_is_closed() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let attempt = attempt(&register, 1);
    block_on(register.open_receipt(&attempt, &lunch())).unwrap();
    assert_eq!(table.journal(), "o", "nothing is fiscal while the guest types the PIN");
    let outcome = block_on(register.close_receipt(&attempt, &[card(36_000)]));
    let FiscalOutcome::Written(document) = outcome else { panic!("{outcome:?}") };
    assert_eq!((document.number, document.total), (2, Some(Kopecks(36_000))));
    assert!(!document.unprinted);
    let register = table.register.lock();
    let Body::Receipt(sale) = &register.memory.document(2).unwrap().body else { panic!() };
    assert_eq!(sale.paid[1], Kopecks(36_000));
    assert_eq!((sale.items.len(), sale.items[1].quantity), (2, 2_000_000));
    assert_eq!(sale.contact.as_deref(), Some("guest@example.org"));
    let last = register.printer.tape().last().unwrap();
    assert_eq!((last.of, last.lines[0].trim()), (Print::Text, "Заказ К-42"));
}

#[test]
fn a_declined_card_leaves_no_document() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let first = attempt(&register, 1);
    block_on(register.open_receipt(&first, &lunch())).unwrap();
    block_on(register.annul_receipt()).unwrap();
    block_on(register.annul_receipt()).unwrap();
    let late = block_on(register.close_receipt(&first, &[card(36_000)]));
    assert!(matches!(late, FiscalOutcome::NotWritten(e) if e.cause == Cause::NoReceipt));
    assert_eq!(block_on(register.find(&first, &receipt(lunch()))), Found::NotWritten);
    assert_eq!((table.journal().as_str(), table.annulled()), ("o", 1));
    let second = attempt(&register, 2);
    block_on(register.open_receipt(&second, &lunch())).unwrap();
    block_on(register.close_receipt(&second, &[card(36_000)]));
    assert_eq!(table.journal(), "o1");
    table.holds_its_rules();
}

#[test]
fn a_program_that_died_meanwhile() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let lost = attempt(&register, 1);
    block_on(register.open_receipt(&lost, &lunch())).unwrap();
    // The process ends without a word.
    std::mem::forget(register);
    table.line.disconnect();
    assert!(table.register.lock().open().is_some());
    let register = table.start(Receipts::Json);
    block_on(register.shift()).unwrap();
    assert_eq!((table.annulled(), table.register.lock().open().is_none()), (1, true));
    assert_eq!(block_on(register.find(&lost, &receipt(lunch()))), Found::NotWritten);
    let late = block_on(register.close_receipt(&lost, &[card(36_000)]));
    assert!(matches!(late, FiscalOutcome::NotWritten(e) if e.cause == Cause::NoReceipt));
    assert_eq!(table.journal(), "o");
    table.holds_its_rules();
}

/// A JSON task would annul the receipt without a word (4.3).
#[test]
fn nobody_kills_a_receipt_whose_guest_pays() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let open = attempt(&register, 1);
    block_on(register.open_receipt(&open, &lunch())).unwrap();
    let other = attempt(&register, 2);
    let refused = [
        settle_cause(block_on(register.register(&other, &receipt(lunch())))),
        settle_cause(block_on(register.register(&other, &Fiscal::CloseShift(None)))),
        block_on(register.report_x(None)).unwrap_err().cause,
        block_on(register.print(&Slip { items: vec![SlipItem::Text("К-42".into())] }))
            .unwrap_err()
            .cause,
        block_on(register.print_again(1)).unwrap_err().cause,
        block_on(register.open_receipt(&other, &lunch())).unwrap_err().cause,
        settle_cause(block_on(register.close_receipt(&other, &[card(36_000)]))),
    ];
    assert_eq!(refused, [Cause::ReceiptOpen; 7]);
    let busy = block_on(register.find(&other, &receipt(lunch())));
    assert!(matches!(busy, Found::NotYet(_)), "{busy:?}");
    block_on(register.status()).unwrap();
    let outcome = block_on(register.close_receipt(&open, &[card(36_000)]));
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    assert_eq!((table.journal().as_str(), table.annulled()), ("o1", 0));
}

fn settle_cause(outcome: FiscalOutcome) -> Cause {
    match outcome {
        FiscalOutcome::NotWritten(error) => error.cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn payments_that_do_not_fit_annul_the_receipt() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    for (number, paid) in (10..).zip([vec![], vec![card(35_999)], vec![card(36_001)]]) {
        let attempt = attempt(&register, number);
        block_on(register.open_receipt(&attempt, &lunch())).unwrap();
        let refused = block_on(register.close_receipt(&attempt, &paid));
        assert_eq!(settle_cause(refused), Cause::BadReceipt);
        let again = block_on(register.close_receipt(&attempt, &lunch().paid));
        assert_eq!(settle_cause(again), Cause::NoReceipt, "not written is final");
    }
    assert_eq!((table.journal().as_str(), table.annulled()), ("o", 3));
    let attempt = attempt(&register, 1);
    let unpaid = Receipt { paid: Vec::new(), ..lunch() };
    block_on(register.open_receipt(&attempt, &unpaid)).unwrap();
    let cash = Paid { tender: Tender::Cash, amount: Kopecks(10_000) };
    let outcome = block_on(register.close_receipt(&attempt, &[cash, card(30_000)]));
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    assert_eq!(table.register.lock().totals().drawer, Kopecks(6_000), "change went back");
    table.holds_its_rules();
}

#[test]
fn a_line_that_is_refused_annuls_the_receipt() {
    let table = Table::open();
    table.register.lock().settings.rates.retain(|rate| rate != "vat22");
    let register = table.start(Receipts::LowLevel);
    let refused = block_on(register.register(&attempt(&register, 1), &receipt(lunch())));
    assert_eq!(settle_cause(refused), Cause::Setup);
    assert_eq!((table.journal().as_str(), table.annulled()), ("o", 1));
}

#[test]
fn the_shift_ends_while_the_guest_pays() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let attempt = attempt(&register, 1);
    block_on(register.open_receipt(&attempt, &lunch())).unwrap();
    table.register.lock().advance(std::time::Duration::from_secs(24 * 3_600));
    let outcome = block_on(register.close_receipt(&attempt, &[card(36_000)]));
    assert_eq!(settle_cause(outcome), Cause::ShiftExpired, "F21: the whole receipt again");
    assert_eq!((table.journal().as_str(), table.annulled()), ("o", 1));
}

#[test]
fn the_power_goes_while_the_guest_pays() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let attempt = attempt(&register, 1);
    block_on(register.open_receipt(&attempt, &lunch())).unwrap();
    table.register.lock().power(false);
    assert_eq!(block_on(register.status()).unwrap_err().cause, Cause::Link);
    table.register.lock().power(true);
    let outcome = block_on(register.close_receipt(&attempt, &[card(36_000)]));
    assert!(matches!(outcome, FiscalOutcome::NotWritten(_)), "{outcome:?}");
    assert_eq!(block_on(register.find(&attempt, &receipt(lunch()))), Found::NotWritten);
    assert_eq!((table.journal().as_str(), table.annulled()), ("o", 1));
}

/// A receipt that was not annulled because the link was gone is annulled by whatever comes next.
#[test]
fn an_annulment_that_fails_is_made_up_for() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    block_on(register.open_receipt(&attempt(&register, 1), &lunch())).unwrap();
    table.register.lock().link(false);
    assert_eq!(block_on(register.annul_receipt()).unwrap_err().cause, Cause::Link);
    table.register.lock().link(true);
    block_on(register.status()).unwrap();
    assert_eq!((table.annulled(), table.register.lock().open().is_none()), (1, true));
    table.holds_its_rules();
}

/// Nobody knows whether the payment was taken: the receipt is annulled, and nothing was fiscal.
#[test]
fn a_payment_whose_answer_is_lost_annuls_the_receipt() {
    const SPARED: &[&str] = &["open", "read", "query_data", "cancel_receipt"];
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let mut lost = 0;
    for seed in 0..8 {
        let attempt = attempt(&register, u128::from(seed) + 1);
        block_on(register.open_receipt(&attempt, &lunch())).unwrap();
        table.register.lock().lose_answers(seed << 60, SPARED);
        let outcome = block_on(register.close_receipt(&attempt, &[card(36_000)]));
        table.register.lock().keep_answers();
        if let FiscalOutcome::NotWritten(error) = &outcome {
            assert_eq!(error.cause, Cause::Link, "{seed}");
            lost += 1;
        }
        block_on(register.status()).unwrap();
        assert!(table.register.lock().open().is_none(), "{seed} {outcome:?}");
        assert_eq!(table.annulled(), lost, "{seed} {outcome:?}");
    }
    assert!((1..8).contains(&lost), "{lost} of 8");
    table.holds_its_rules();
}

#[test]
fn the_link_breaks_while_the_guest_pays() {
    let table = Table::open();
    let register = table.start(Receipts::Json);
    let attempt = attempt(&register, 1);
    block_on(register.open_receipt(&attempt, &lunch())).unwrap();
    table.line.disconnect();
    let outcome = block_on(register.close_receipt(&attempt, &[card(36_000)]));
    assert!(matches!(outcome, FiscalOutcome::Written(_)), "{outcome:?}");
    assert_eq!((table.journal().as_str(), table.annulled()), ("o1", 0));
    table.holds_its_rules();
}

#[test]
fn an_answer_that_is_lost_at_the_close_is_asked_for() {
    for calls in [1, 3, 1_000] {
        let table = Table::open();
        let register = table.start(Receipts::LowLevel);
        let attempt = attempt(&register, 1);
        table.register.lock().inject(Point::P6, Fault::Link { calls });
        let outcome = block_on(register.register(&attempt, &receipt(lunch())));
        match outcome {
            FiscalOutcome::Written(_) => assert!(calls < 1_000),
            FiscalOutcome::InDoubt(error) => {
                assert_eq!((error.cause, calls), (Cause::Link, 1_000));
                let lost = block_on(register.find(&attempt, &receipt(lunch())));
                assert!(matches!(lost, Found::NotYet(_)), "{lost:?}");
                table.register.lock().link(true);
                let found = block_on(register.find(&attempt, &receipt(lunch())));
                assert!(matches!(found, Found::Written(d) if d.number == 2));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(table.journal(), "o1");
        settle(&register, &crate::harness::attempt(&register, 2), &receipt(lunch()));
        table.holds_its_rules();
    }
}
