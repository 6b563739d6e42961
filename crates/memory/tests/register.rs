//! The conformance suite of fiscal registers on the one in memory, whatever it can do.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../testkit/tests/counter/mod.rs"]
mod counter;

use counter::Counter;
use tillway_core::fiscal::{ReceiptKind, Tender, qr};
use tillway_core::id::Uuid;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{Attempt, Capabilities, Fiscal, FiscalOutcome};
use tillway_core::{Kopecks, Timestamp};
use tillway_memory::Printed;
use tillway_testkit::fiscal::receipt;
use tillway_testkit::fiscal_conformance;
use tillway_testkit::runtime::block_on;

fn can(ids: bool, operations: bool) -> Counter {
    let mut capabilities = Capabilities::default();
    (capabilities.ids, capabilities.operations) = (ids, operations);
    Counter::with(capabilities)
}

fiscal_conformance!(everything, Counter::new, lacks: []);
fiscal_conformance!(nothing, || can(false, false), lacks: [Ids, OpenReceipt, Operations]);
fiscal_conformance!(ids, || can(true, false), lacks: [OpenReceipt, Operations]);
fiscal_conformance!(operations, || can(false, true), lacks: [Ids, OpenReceipt]);

/// What a guest holds in hand: lines, total, numbers, the text of the QR code.
#[test]
fn a_receipt_on_the_tape() {
    let counter = Counter::new();
    let mut sale = receipt(ReceiptKind::Sell, Kopecks(36_005), Tender::Card);
    sale.notes.push("Заказ 82".into());
    let mut written = None;
    for (number, what) in [(1, Fiscal::OpenShift(None)), (2, Fiscal::Receipt(Box::new(sale)))] {
        let before = block_on(counter.device.mark()).unwrap();
        let attempt = Attempt { id: Uuid::from_u128(number), before };
        match block_on(counter.device.register(&attempt, &what)) {
            FiscalOutcome::Written(document) => written = Some(*document),
            other => panic!("{other:?}"),
        }
    }
    let written = written.unwrap();
    assert_eq!(written.at, Some(Timestamp::utc(1_767_258_000_000)));
    let tape = counter.device.tape();
    let piece = tape.last().unwrap();
    assert_eq!(piece.of, Printed::Document(2));
    let expected = [
        "ПРИХОД",
        "Американо",
        "1 × 360.05 = 360.05 vat22",
        "ИТОГ =360.05",
        "ФД 2  СМЕНА 1",
        &qr(&written).unwrap(),
        "Заказ 82",
    ];
    assert_eq!(piece.lines, expected);
}
