//! What a loyalty processing wants on paper, on the tape of a register (loymax.md 11).
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::house::House;
use support::receipt;
use tillway_core::fiscal::{Receipt, ReceiptKind};
use tillway_core::loyalty::print::{Markers, Print, Sheets};
use tillway_core::port::fiscal::Fiscal;
use tillway_sim::atol::web::Generation;

/// Codes in a message are codes below the receipt.
#[test]
fn messages_stand_below_the_receipt_with_their_codes() {
    for generation in Generation::ALL {
        let house = House::open(generation);
        let said = "Баллы:       13,51\n[[BARCODE:2200000001238]]\n[[BARCODE:NEXT-7]]\n[[QR:ЛК-7]]";
        let prints = Print::message(said, &Markers::default());
        let notes = Sheets::below_receipt(vec!["Заказ К-42".into()], &prints).notes;
        let sale = Receipt { notes, ..receipt(ReceiptKind::Sell, 100) };
        house.written(&Fiscal::Receipt(Box::new(sale)));
        let tape = house.sim(|register| register.printer.tape().last().unwrap().lines.clone());
        let order = tape.iter().position(|line| line == "Заказ К-42").unwrap();
        let below: Vec<&str> = tape[order + 1..].iter().take(4).map(|line| line.trim()).collect();
        let codes = ["[EAN13 2200000001238]", "[CODE128 NEXT-7]", "[QR ЛК-7]"];
        assert_eq!(below, [&["Баллы:       13,51"], &codes[..]].concat(), "{generation:?}");
    }
}
