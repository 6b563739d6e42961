#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tillway_core::Kopecks;

use super::*;

/// 2026-03-02 12:41 on the wall.
const NOON: i64 = 1_772_455_260_000;
const HOUR: Duration = Duration::from_secs(3_600);

fn register() -> Register {
    Register::new(Settings::default(), NOON)
}

fn soup() -> Item {
    Item {
        name: "Суп дня".into(),
        price: Kopecks(19_000),
        quantity: 1_000_000,
        amount: Kopecks(19_000),
        vat: "vat22".into(),
        method: 4,
        object: 1,
        ..Item::default()
    }
}

fn receipt(kind: u8) -> Sale {
    Sale { kind, taxation: Some("osn".into()), ..Sale::default() }
}

fn sell(register: &mut Register, kind: u8, tender: usize) -> Result<Written, Code> {
    register.open_receipt(receipt(kind))?;
    register.line(soup())?;
    register.pay(tender, Kopecks(19_000))?;
    register.close_receipt()
}

fn kinds(register: &Register) -> String {
    let letter = |document: &Document| match &document.body {
        Body::OpenShift => 'o',
        Body::CloseShift { .. } => 'c',
        Body::Receipt(sale) => char::from(b'0' + sale.kind),
        Body::Exchange => 'x',
    };
    register.memory.documents().map(letter).collect()
}

/// The rules are looked at by every test of every face: they have to see what is wrong.
#[test]
fn the_rules_see_a_sum_that_is_not_that_of_the_receipts() {
    let mut register = register();
    register.open_shift().unwrap();
    let before = register.memory.clone();
    sell(&mut register, 1, 1).unwrap();
    let made = super::memory::Made { at: NOON, shift: 1, electronic: false, operator: None };
    register.memory = before;
    let dearer = Sale { total: Kopecks(19_001), ..receipt(1) };
    register.memory.sign(made, Body::Receipt(Box::new(dearer)));
    let broken = broken_rule(&register).unwrap();
    assert!(broken.starts_with("kind 1: receipts give "), "{broken}");
}

#[test]
fn what_is_not_cash_is_paid_first() {
    let paid = |payments: [(usize, i64); 2]| {
        let mut register = register();
        register.open_shift().unwrap();
        register.open_receipt(receipt(1)).unwrap();
        register.line(soup()).unwrap();
        payments.iter().try_for_each(|(tender, sum)| register.pay(*tender, Kopecks(*sum)))
    };
    assert_eq!(paid([(1, 15_000), (0, 5_000)]), Ok(()), "change");
    assert_eq!(paid([(0, 5_000), (1, 15_000)]), Err(Code::NONCASH_TOO_MUCH));
    assert_eq!(paid([(0, 4_000), (1, 15_000)]), Ok(()));
}

#[test]
fn the_rules_see_a_document_that_came_out_twice() {
    let mut register = register();
    register.open_shift().unwrap();
    assert_eq!(broken_rule(&register), None);
    register.printer.print(Print::Document(1), &[]).unwrap();
    assert_eq!(broken_rule(&register).unwrap(), "document 1 came out 2 times");
}

#[test]
fn a_memory_waits_thirty_days_for_the_ofd_and_no_longer() {
    let mut register = register();
    register.memory.online = false;
    register.open_shift().unwrap();
    register.close_shift().unwrap();
    register.advance(30 * 24 * HOUR);
    assert!(!register.memory.is_overdue(register.now()));
    assert!(register.memory.is_overdue(register.now() + 1));
}

#[test]
fn a_shift_has_its_documents() {
    let mut register = register();
    assert_eq!(register.close_shift(), Err(Code::DENIED_IN_CLOSED_SHIFT));
    assert_eq!(register.open_shift().unwrap(), Written { number: 1, printed: true });
    assert_eq!(register.open_shift(), Err(Code::DENIED_IN_OPENED_SHIFT));
    sell(&mut register, 1, 1).unwrap();
    sell(&mut register, 2, 1).unwrap();
    assert_eq!(register.totals().kinds[0].sum, Kopecks(19_000));
    assert_eq!(register.totals().kinds[1].paid[1], Kopecks(19_000));
    register.close_shift().unwrap();
    assert_eq!(register.close_shift(), Err(Code::DENIED_IN_CLOSED_SHIFT));
    assert_eq!(kinds(&register), "o12c");
    assert_eq!(broken_rule(&register), None);
}

#[test]
fn a_receipt_opens_the_shift_or_is_refused() {
    let mut register = register();
    sell(&mut register, 1, 1).unwrap();
    assert_eq!(kinds(&register), "o1");
    let mut strict = Register::new(Settings { opens_shift: false, ..Settings::default() }, NOON);
    assert_eq!(sell(&mut strict, 1, 1), Err(Code::DENIED_IN_CLOSED_SHIFT));
}

#[test]
fn a_receipt_waits_for_the_paper_of_the_shift_that_it_opened() {
    let mut register = register();
    register.inject(Point::P4, Fault::Paper);
    assert_eq!(sell(&mut register, 1, 1), Err(Code::OPEN_SHIFT_INTERRUPTED));
    register.printer.paper = 1_000;
    register.continue_print().unwrap();
    sell(&mut register, 1, 1).unwrap();
    assert_eq!(kinds(&register), "o1");
    assert_eq!(broken_rule(&register), None);
}

#[test]
fn after_24_hours_only_closing_is_left() {
    let mut register = register();
    register.open_shift().unwrap();
    register.advance(HOUR * 24 - Duration::from_millis(1));
    sell(&mut register, 1, 1).unwrap();
    register.advance(Duration::from_millis(1));
    assert!(register.is_expired());
    assert_eq!(sell(&mut register, 1, 1), Err(Code::SHIFT_EXPIRED));
    register.report_x().unwrap();
    register.close_shift().unwrap();
    register.open_shift().unwrap();
    sell(&mut register, 1, 1).unwrap();
    assert_eq!(kinds(&register), "o1co1");
    assert_eq!(broken_rule(&register), None);
}

/// The rows of the fault table (10.3): what the host hears, how many documents there are, and
/// whether the paper is finished.
#[test]
fn faults_at_every_point() {
    use Point::{P0, P1, P2, P3, P4, P5, P6};
    let (paper, link, power) = (Fault::Paper, Fault::Link { calls: 1 }, Fault::Power);
    let lost = Err(Code::CONNECTION_LOST);
    let none = Err(Code::NO_CONNECTION);
    let no_paper = Err(Code::NO_PAPER);
    let unfinished = Ok(Written { number: 2, printed: false });
    let done = Ok(Written { number: 2, printed: true });
    let rows = [
        (P0, paper, no_paper, 1, true),
        (P1, paper, no_paper, 1, true),
        (P2, paper, no_paper, 1, true),
        (P3, paper, no_paper, 1, true),
        (P4, paper, unfinished, 2, false),
        (P5, paper, unfinished, 2, false),
        (P6, paper, done, 2, true),
        (P0, link, none, 1, true),
        (P1, link, none, 1, true),
        (P2, link, lost, 1, true),
        (P3, link, lost, 1, true),
        (P4, link, lost, 2, true),
        (P6, link, lost, 2, true),
        (P0, power, none, 1, true),
        (P3, power, lost, 1, true),
        (P4, power, lost, 2, false),
        (P5, power, lost, 2, false),
        (P6, power, lost, 2, true),
        (P3, Fault::Memory { signed: true }, Err(Code::FN_EXCHANGE), 2, false),
        (P3, Fault::Memory { signed: false }, Err(Code::FN_EXCHANGE), 1, true),
    ];
    for (point, fault, hears, documents, finished) in rows {
        let mut register = register();
        register.open_shift().unwrap();
        register.inject(point, fault);
        assert_eq!(sell(&mut register, 1, 1), hears, "{point:?} {fault:?}");
        assert_eq!(register.pending_faults(), 0, "{point:?} {fault:?}");
        assert_eq!(register.memory.last(), documents, "{point:?} {fault:?}");
        register.printer.paper = 1_000;
        register.link(true);
        register.power(false);
        register.power(true);
        assert!(register.open().is_none(), "{point:?} {fault:?}: annulled at the start");
        assert_eq!(register.unfinished().is_none(), finished, "{point:?} {fault:?}");
        if !finished {
            assert_eq!(sell(&mut register, 1, 1), Err(Code::CLOSE_RECEIPT_INTERRUPTED));
        }
        register.continue_print().unwrap();
        sell(&mut register, 1, 1).unwrap();
        assert_eq!(broken_rule(&register), None, "{point:?} {fault:?}");
    }
}

#[test]
fn the_link_comes_back_after_so_many_calls() {
    let mut register = register();
    register.inject(Point::P6, Fault::Link { calls: 2 });
    assert_eq!(register.open_shift(), Err(Code::CONNECTION_LOST));
    assert_eq!(register.check_closed(), Err(Code::NO_CONNECTION));
    assert_eq!(register.check_closed(), Err(Code::NO_CONNECTION));
    assert_eq!(register.check_closed().unwrap(), Closed { document: Some(1), printed: true });
}

#[test]
fn money_is_counted_as_the_law_says() {
    let mut register = register();
    assert_eq!(sell(&mut register, 2, 0), Err(Code::NO_CASH), "nothing to give back");
    register.cancel_receipt().unwrap();
    register.open_receipt(receipt(1)).unwrap();
    register.line(soup()).unwrap();
    assert_eq!(register.close_receipt(), Err(Code::NOT_FULLY_PAID));
    assert_eq!(register.pay(1, Kopecks(19_001)), Err(Code::NONCASH_TOO_MUCH));
    register.cancel_receipt().unwrap();
    register.open_receipt(receipt(1)).unwrap();
    register.line(soup()).unwrap();
    register.pay(0, Kopecks(20_000)).unwrap();
    register.close_receipt().unwrap();
    assert_eq!(register.totals().drawer, Kopecks(19_000), "change went back");
    sell(&mut register, 2, 0).unwrap();
    assert_eq!(register.totals().drawer, Kopecks::ZERO);
    assert_eq!(broken_rule(&register), None);
}

#[test]
fn another_memory_begins_anew() {
    let mut register = register();
    sell(&mut register, 1, 1).unwrap();
    assert_eq!(register.replace_memory("9999078900005678"), Err(Code::DENIED_IN_OPENED_SHIFT));
    register.close_shift().unwrap();
    register.replace_memory("9999078900005678").unwrap();
    sell(&mut register, 1, 1).unwrap();
    assert_eq!(kinds(&register), "o1");
    assert_eq!(register.memory.serial, "9999078900005678");
    assert_eq!(register.shift().number, 1);
    assert_eq!(broken_rule(&register), None);
}

#[test]
fn one_client_holds_the_register() {
    let mut register = register();
    register.hold(1).unwrap();
    register.hold(1).unwrap();
    assert_eq!(register.hold(2), Err(Code::PORT_BUSY));
    register.release(2);
    assert_eq!(register.hold(2), Err(Code::PORT_BUSY));
    register.release(1);
    register.hold(2).unwrap();
}

#[test]
fn a_fault_strikes_whom_it_is_meant_for_and_so_often() {
    let mut register = register();
    let fault = Fault::Link { calls: 0 };
    register.inject_when(Trouble { times: 2, ..Trouble::once(Point::P1, fault) });
    let other = Some("sell".to_owned());
    register.inject_when(Trouble { task: other, ..Trouble::once(Point::P1, fault) });
    assert_eq!(register.pending_faults(), 3);
    assert_eq!(register.open_shift(), Err(Code::NO_CONNECTION));
    assert_eq!(register.open_shift(), Err(Code::NO_CONNECTION));
    register.open_shift().unwrap();
    assert_eq!(register.pending_faults(), 1);
}

/// Where nobody knows what a real register does, a setting says it.
#[test]
fn switches_of_what_nobody_knows() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        Register::new(settings, NOON)
    };
    let mut late = with(|settings| settings.expired_code = Code::FN_SHIFT_EXPIRED);
    late.open_shift().unwrap();
    late.advance(HOUR * 24);
    assert_eq!(sell(&mut late, 1, 1), Err(Code::FN_SHIFT_EXPIRED));
    let mut strict = with(|settings| settings.x_in_closed_shift = false);
    assert_eq!(strict.report_x(), Err(Code::DENIED_IN_CLOSED_SHIFT));
    let mut exact = with(|settings| settings.nothing_to_print_is_81 = true);
    assert_eq!(exact.continue_print(), Err(Code::DENIED_IN_CLOSED_RECEIPT));
    let mut emptied = with(|settings| settings.drawer_emptied_at_close = true);
    sell(&mut emptied, 1, 0).unwrap();
    emptied.close_shift().unwrap();
    assert_eq!(emptied.totals().drawer, Kopecks::ZERO);
}

#[test]
fn the_tape_is_shown_as_it_grows() {
    let mut register = register();
    let (new, seen) = register.printer.since(0);
    assert!(new.is_empty());
    register.print_text(&["Купон".into()]).unwrap();
    let (new, seen) = register.printer.since(seen);
    assert_eq!(new[0].lines, ["Купон"]);
    for _ in 0..10_005 {
        register.printer.paper = 10;
        register.print_text(&["Ещё".into()]).unwrap();
    }
    assert_eq!(register.printer.since(seen).0.len(), 10_000, "older ones are gone");
    let (_, seen) = register.printer.since(seen);
    register.print_text(&["Последний".into()]).unwrap();
    assert_eq!(register.printer.since(seen).0[0].lines, ["Последний"]);
}

#[test]
fn what_the_memory_refuses() {
    let phases = [
        (Phase::Missing, Code::FN_NOT_FOUND),
        (Phase::Fault, Code::FN_FAULT),
        (Phase::Full, Code::FN_OVERFLOW),
        (Phase::Expired, Code::FN_EXPIRED),
        (Phase::Archive, Code::NOT_REGISTERED),
    ];
    for (phase, code) in phases {
        let mut register = register();
        register.memory.phase = phase;
        assert_eq!(register.open_shift(), Err(code));
    }
    let mut register = register();
    register.memory.online = false;
    register.open_shift().unwrap();
    register.advance(HOUR * 24 * 31);
    assert_eq!(register.close_shift().map(|w| w.number), Ok(2), "closing is always allowed");
    assert_eq!(register.open_shift(), Err(Code::FN_TIMEOUT));
    register.memory.online = true;
    register.advance(HOUR);
    register.open_shift().unwrap();
}

#[test]
fn the_tape_is_what_a_guest_holds() {
    let mut register = register();
    register.open_shift().unwrap();
    let guest = Sale {
        operator: Some("Киоск 7".into()),
        contact: Some("guest@example.org".into()),
        notes: vec!["Заказ К-42".into()],
        ..receipt(1)
    };
    register.open_receipt(guest).unwrap();
    register.line(soup()).unwrap();
    let name = "Морс клюквенный домашний, со льдом, 0,3 литра в стакане".into();
    let (price, quantity, amount) = (Kopecks(8_500), 2_000_000, Kopecks(17_000));
    register.line(Item { name, price, quantity, amount, ..soup() }).unwrap();
    register.pay(1, Kopecks(36_000)).unwrap();
    register.close_receipt().unwrap();
    let piece = register.printer.tape().last().unwrap();
    let text = format!("{}\n", piece.lines.join("\n"));
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/atol/receipt.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(golden, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(golden).unwrap());
    let widest = piece.lines.iter().filter(|l| !l.starts_with("QR ")).map(|l| l.chars().count());
    assert_eq!(widest.max(), Some(42));
}
