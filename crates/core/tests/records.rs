//! Stored records are for ever: the bytes of every event, as they were first written.
//!
//! A line that changes here is a file somewhere that no longer opens. New events get new lines by
//! `UPDATE=1 cargo test -p tillway-core --test records`; old lines stay.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use tillway_core::book::{Payer, Record, TokenId};
use tillway_core::fiscal::{
    Basis, BasisKind, DocumentKind, Evidence, Line, Mark, MarkCode, Measure, Method, Object,
    Operator, Paid, Place, Quantity, Receipt, ReceiptKind, Registered, Taxation, Tender, VatRate,
    Why,
};
use tillway_core::flow::purchase::{
    Fate, Message, Noted, Opened, PurchaseEvent, PurchaseFlow, Renewed, Said as Told, What,
};
use tillway_core::flow::{
    Asked, AttemptEvent, AttemptFlow, BadRecord, Begun, BindingEvent, BindingFlow, Body, Ending,
    Flow, PaymentEvent, PaymentFlow, Said, Stray, Verdict,
};
use tillway_core::guest::Identification;
use tillway_core::id::{CommandId, GuestId, OrderId, Owner, RefundId, TillId, Uuid};
use tillway_core::money::Kopecks;
use tillway_core::pan::Masked;
use tillway_core::port::PaymentInfo;
use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Intent, RegisterError};
use tillway_core::port::processing::{Class, Kind, Refusal};
use tillway_core::time::Timestamp;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/records.txt");

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn payer() -> Payer {
    let token = Some(TokenId([7; 16]));
    Payer { guest: GuestId(id(1)), identified: Identification::Strong, token }
}

fn binding_events() -> Vec<(&'static str, BindingEvent)> {
    let at = Timestamp::utc(1_790_000_000_000);
    let till = Some(TillId::try_new("till-1").unwrap());
    let command = CommandId(id(2));
    let asked = Asked { payer: payer(), command, tries: 1, not_before: at, deadline: at };
    let stray = Some(Stray { guest: GuestId(id(1)), bind: command, command, since: at });
    let attributes = vec![("sunbed".to_owned(), "14".to_owned())];
    vec![
        ("binding asked", BindingEvent::Asked { asked: asked.clone(), till: till.clone() }),
        ("binding asked-again", BindingEvent::AskedAgain { asked }),
        ("binding bound", BindingEvent::Bound { payer: payer(), on_till: command, at }),
        ("binding bound-here", BindingEvent::BoundHere { payer: payer(), till, at }),
        ("binding raised", BindingEvent::Raised { payer: payer() }),
        ("binding ended", BindingEvent::Ended { how: Ending::Silent, stray }),
        ("binding gone", BindingEvent::Gone { command }),
        ("binding gave-up", BindingEvent::GaveUp { command }),
        ("binding order-closed", BindingEvent::OrderClosed),
        ("binding touched", BindingEvent::Touched { at }),
        ("binding scanned", BindingEvent::Scanned { attributes }),
    ]
}

fn payment_events() -> Vec<(&'static str, PaymentEvent)> {
    let info = PaymentInfo {
        order_number: Some(82),
        prepay: false,
        silent: true,
        cashier: Some("Иванова".into()),
        business_date: Some("2026-11-22".into()),
    };
    let captured = PaymentEvent::Captured {
        order: OrderId(id(3)),
        till: Some(TillId::try_new("till-1").unwrap()),
        amount: Kopecks(90_000),
        info,
        at_ms: 1_790_000_000_000,
    };
    let asked = PaymentEvent::Asked { command: CommandId(id(2)), give_up_ms: 1_790_000_600_000 };
    let refunded = PaymentEvent::Refunded { refund: RefundId(id(4)), amount: Kopecks(30_000) };
    vec![
        ("payment captured", captured),
        ("payment asked", asked),
        ("payment acknowledged", PaymentEvent::Acknowledged),
        ("payment cancelled", PaymentEvent::Cancelled),
        ("payment refunded", refunded),
        ("payment orphaned", PaymentEvent::Orphaned),
        ("payment listed", PaymentEvent::Listed),
    ]
}

/// A receipt with everything that a receipt can have.
fn receipt() -> Receipt {
    let line = Line {
        name: "Американо".into(),
        price: Kopecks(18_000),
        quantity: Quantity::units(2).unwrap(),
        amount: Kopecks(35_900),
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::CommodityMarked,
        measure: Measure::Piece,
        mark: Some(MarkCode { code: b"010460\x1d93".to_vec(), returned: false }),
    };
    let own = BasisKind::Own;
    Receipt {
        kind: ReceiptKind::Sell,
        basis: Some(Basis { kind: own, date: (2026, 3, 2), number: Some("1".into()) }),
        taxation: Some(Taxation::General),
        operator: Some(Operator {
            name: "Иванова".into(), vatin: Some("770000000700".into())
        }),
        contact: Some("guest@example.com".into()),
        place: Some(Place { machine: "7".into(), address: Some("1".into()), name: None }),
        lines: vec![line],
        paid: vec![Paid { tender: Tender::Prepaid, amount: Kopecks(35_900) }],
        electronic: true,
        notes: vec!["Заказ 82".into()],
    }
}

fn mark(last: u32) -> Mark {
    let at = Timestamp::utc(1_790_000_000_000);
    Mark { memory: "9999078900001234".into(), last, at, operations: None }
}

fn registered() -> Registered {
    let kind = DocumentKind::Correction(ReceiptKind::Sell);
    Registered {
        sign: Some(2_914_470_163),
        at: Some(Timestamp::utc(1_790_000_060_000)),
        memory: Some("9999078900001234".into()),
        registration: Some("0000000001012345".into()),
        shift: Some(7),
        receipt: Some(3),
        total: Some(Kopecks(35_900)),
        unprinted: true,
        operation: Some("82".into()),
        ..Registered::new(kind, 119)
    }
}

/// What registers write into the bodies of attempts; terminals have their own.
fn attempt_events() -> Vec<(&'static str, AttemptEvent)> {
    let begun = |what: &Intent| Begun {
        device: "kiosk 1".into(),
        what: Body::of(what),
        total: Kopecks(35_900),
        before: Body::of(&mark(118)),
        run: Owner(id(9)),
    };
    let (whole, shift) = (Box::new(receipt()), Fiscal::OpenShift(receipt().operator));
    let link =
        || RegisterError { code: Some(2), ..RegisterError::new(Cause::Link, "нет связи") };
    let written = FiscalOutcome::Written(Box::new(registered()));
    let said = |verdict, body| Said { verdict, body, by: None, reference: None };
    let done = said(Verdict::Done, Body::of(&written));
    let (before, now) = (mark(118), mark(120));
    let candidates = vec![registered()];
    let evidence = Evidence { why: Why::Unreadable { number: 120 }, before, now, candidates };
    let person = said(Verdict::Person, Body::of(&evidence));
    let doubt = said(Verdict::InDoubt, Body::of(&FiscalOutcome::InDoubt(link())));
    let refused = said(Verdict::Refused, Body::of(&FiscalOutcome::NotWritten(link())));
    let judged = Said { by: Some("Анна".into()), ..refused.clone() };
    let named = Said { reference: Some("407414220712".into()), ..done.clone() };
    vec![
        ("attempt begun-shift", AttemptEvent::Begun(begun(&Intent::Register(shift)))),
        ("attempt begun-open", AttemptEvent::Begun(begun(&Intent::Open(whole)))),
        ("attempt answered-done", AttemptEvent::Answered(done.clone())),
        ("attempt answered-doubt", AttemptEvent::Answered(doubt)),
        ("attempt found-refused", AttemptEvent::Found(refused)),
        ("attempt found-person", AttemptEvent::Found(person)),
        ("attempt judged", AttemptEvent::Judged(judged)),
        ("attempt answered-named", AttemptEvent::Answered(named)),
        ("attempt held", AttemptEvent::Held),
        ("attempt released", AttemptEvent::Released),
        ("attempt undone", AttemptEvent::Undone),
    ]
}

fn purchase_events() -> Vec<(&'static str, PurchaseEvent)> {
    let at = Timestamp { utc_ms: 1_790_000_000_000, offset_min: 180 };
    let opened = |what, replaces: Option<u128>| Opened {
        purchase: id(7).into(),
        till: "till-1".into(),
        what,
        total: Kopecks(37_000),
        replaces: replaces.map(|number| id(number).into()),
        patience_ms: 1_800_000,
        at,
    };
    let message = |kind, amount| Message {
        id: id(8),
        kind,
        at,
        amount: Kopecks(amount),
        body: Body::of(&"covered"),
    };
    let said = |fate| PurchaseEvent::Said(Told { id: id(8), fate, at });
    let no = || Refusal { class: Class::Repeated, code: "207".into(), text: Masked::new("нет") };
    let noted = Noted {
        transaction: Some(5_002),
        points: Some(Kopecks(10_000)),
        amount: Some(Kopecks(9_000)),
        answer: Body::of(&"covered"),
    };
    let later = Fate::Later { why: Masked::new("no answer"), due: at, conflict: false };
    let by = || "Анна".into();
    vec![
        ("purchase opened", PurchaseEvent::Opened(opened(What::Sale, None))),
        ("purchase opened-again", PurchaseEvent::Opened(opened(What::Refund, Some(6)))),
        ("purchase opened-card", PurchaseEvent::Opened(opened(What::Card, None))),
        ("purchase part", PurchaseEvent::Part(Body::of(&"covered"))),
        ("purchase queued-pay", PurchaseEvent::Queued(message(Kind::Pay, 10_000))),
        ("purchase queued-confirm", PurchaseEvent::Queued(message(Kind::Confirm, 0))),
        ("purchase said-done", said(Fate::Done(noted))),
        ("purchase said-already", said(Fate::Already(no()))),
        ("purchase said-refused", said(Fate::Refused(no()))),
        ("purchase said-unreached", said(Fate::Unreached(Masked::new("no link")))),
        ("purchase said-torn", said(Fate::Torn(Masked::new("no answer")))),
        ("purchase said-later", said(later)),
        ("purchase said-anew", said(Fate::Anew(no()))),
        ("purchase said-dead", said(Fate::Dead(no()))),
        (
            "purchase renewed",
            PurchaseEvent::Renewed { ids: [8, 9].map(|n| Renewed(id(n))).to_vec(), at },
        ),
        ("purchase listed", PurchaseEvent::Listed { at }),
        ("purchase retried", PurchaseEvent::Retried { by: by(), at }),
        ("purchase given-up", PurchaseEvent::GivenUp { by: by(), at }),
        ("purchase forgotten", PurchaseEvent::Forgotten { at }),
    ]
}

fn line(name: &str, record: &Record) -> String {
    let mut line = format!("{name} {} {} ", record.kind, record.version);
    for byte in &record.body {
        let _ = write!(line, "{byte:02x}");
    }
    line
}

/// The record of a line, by its hexadecimal body.
fn record(line: &str) -> Record {
    let mut words = line.rsplit(' ');
    let hex = words.next().unwrap();
    let version = words.next().unwrap().parse().unwrap();
    let kind = words.next().unwrap().parse().unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let body = (0..hex.len()).step_by(2).map(byte).collect();
    Record { kind, version, body }
}

#[test]
fn every_event_has_the_bytes_it_always_had() {
    let lines = [
        lines::<BindingFlow>(&binding_events()),
        lines::<PaymentFlow>(&payment_events()),
        lines::<AttemptFlow>(&attempt_events()),
        lines::<PurchaseFlow>(&purchase_events()),
    ]
    .concat();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, lines.join("\n") + "\n").unwrap();
    }
    let stored = std::fs::read_to_string(FILE).unwrap();
    assert_eq!(stored.lines().collect::<Vec<_>>(), lines);
    read_back::<BindingFlow>(&stored, &binding_events());
    read_back::<PaymentFlow>(&stored, &payment_events());
    read_back::<AttemptFlow>(&stored, &attempt_events());
    read_back::<PurchaseFlow>(&stored, &purchase_events());
}

fn lines<F: Flow>(events: &[(&'static str, F::Event)]) -> Vec<String> {
    events.iter().map(|(name, event)| line(name, &F::encode(event))).collect()
}

fn read_back<F: Flow<Event: PartialEq>>(stored: &str, events: &[(&'static str, F::Event)]) {
    for (name, event) in events {
        let line = stored.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        assert_eq!(F::decode(&record(line)).as_ref(), Ok(event), "{line}");
    }
}

/// The bodies of attempts read as what registers wrote.
#[test]
fn the_bodies_of_attempts_read_back() {
    for (name, event) in attempt_events() {
        match event {
            AttemptEvent::Begun(begun) => {
                assert_eq!(begun.before.read(), Some(mark(118)), "{name}");
                let what = begun.what.read::<Intent>().unwrap();
                assert_eq!(Body::of(&what), begun.what, "{name}");
            }
            AttemptEvent::Answered(said)
            | AttemptEvent::Found(said)
            | AttemptEvent::Judged(said) => {
                let again = match said.verdict {
                    Verdict::Person => Body::of(&said.body.read::<Evidence>().unwrap()),
                    _ => Body::of(&said.body.read::<FiscalOutcome>().unwrap()),
                };
                assert_eq!(again, said.body, "{name}");
            }
            AttemptEvent::Held | AttemptEvent::Released | AttemptEvent::Undone => {}
        }
    }
}

#[test]
fn damaged_and_newer_records_are_told_apart() {
    let good = PaymentFlow::encode(&PaymentEvent::Acknowledged);
    let newer = Record { version: 2, ..good.clone() };
    let unknown = BadRecord::Unknown { kind: 2, version: 2 };
    assert_eq!(PaymentFlow::decode(&newer), Err(unknown));
    let damaged = Record { body: Box::new([0xFF]), ..good };
    assert_eq!(PaymentFlow::decode(&damaged), Err(BadRecord::Damaged { kind: 2 }));
}

/// A record is canonical: other bytes of the same event were written by nobody.
#[test]
fn bytes_that_were_never_written_are_damaged() {
    let damaged = |kind, body: &[u8]| {
        let record = Record { kind, version: 1, body: body.into() };
        match kind {
            1 => assert_eq!(BindingFlow::decode(&record), Err(BadRecord::Damaged { kind })),
            3 => assert_eq!(AttemptFlow::decode(&record), Err(BadRecord::Damaged { kind })),
            4 => assert_eq!(PurchaseFlow::decode(&record), Err(BadRecord::Damaged { kind })),
            _ => assert_eq!(PaymentFlow::decode(&record), Err(BadRecord::Damaged { kind })),
        }
    };
    let good = PaymentFlow::encode(&PaymentEvent::Acknowledged);
    assert_eq!(*good.body, [0x82, 2, 0x80]);
    damaged(2, &[0x82, 2, 0x80, 0]);
    damaged(2, &[0x82, 0x18, 2, 0x80]);
    damaged(2, &[0x82, 2, 0x81, 0]);
    damaged(2, &[0x82, 2, 0xFF, 0]);
    for line in std::fs::read_to_string(FILE).unwrap().lines() {
        let record = record(line);
        damaged(record.kind, &[&record.body[..], &[0]].concat());
        damaged(record.kind, &record.body[..record.body.len() - 1]);
    }
}
