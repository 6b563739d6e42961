//! Stored records are for ever: the bytes of every event, as they were first written.
//!
//! A line that changes here is a file somewhere that no longer opens. New events get new lines by
//! `UPDATE=1 cargo test -p tillway-core --test records`; old lines stay.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use tillway_core::book::{Payer, Record, TokenId};
use tillway_core::flow::{
    Asked, BadRecord, BindingEvent, BindingFlow, Ending, Flow, PaymentEvent, PaymentFlow, Stray,
};
use tillway_core::guest::Identification;
use tillway_core::id::{CommandId, GuestId, OrderId, RefundId, TillId, Uuid};
use tillway_core::money::Kopecks;
use tillway_core::port::PaymentInfo;
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
    let binding = binding_events();
    let payment = payment_events();
    let lines: Vec<String> = binding
        .iter()
        .map(|(name, event)| line(name, &BindingFlow::encode(event)))
        .chain(payment.iter().map(|(name, event)| line(name, &PaymentFlow::encode(event))))
        .collect();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, lines.join("\n") + "\n").unwrap();
    }
    let stored = std::fs::read_to_string(FILE).unwrap();
    let stored: Vec<&str> = stored.lines().collect();
    assert_eq!(stored, lines);
    for ((_, event), line) in binding.iter().zip(&stored) {
        assert_eq!(BindingFlow::decode(&record(line)).as_ref(), Ok(event), "{line}");
    }
    for ((_, event), line) in payment.iter().zip(stored.iter().skip(binding.len())) {
        assert_eq!(PaymentFlow::decode(&record(line)).as_ref(), Ok(event), "{line}");
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
