//! The tape: what a guest would hold in hand, as text.

use tillway_core::fiscal::{DocumentKind, Receipt, ReceiptKind, Registered, qr};
use tillway_core::port::fiscal::{Slip, SlipItem};

/// Characters of a line.
pub(super) const WIDTH: u16 = 42;

/// How many pieces are kept; older ones have been torn off and thrown away.
const PIECES_MAX: usize = 10_000;

/// A piece of tape.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// What it is of.
    pub of: Printed,
    /// Its lines.
    pub lines: Vec<String>,
}

/// What a piece of tape is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Printed {
    /// A fiscal document.
    Document(u32),
    /// A document once more, marked as a copy.
    Copy(u32),
    /// A receipt that was annulled.
    Annulled,
    /// An X report.
    ReportX,
    /// Text that is not fiscal.
    Text,
}

/// The tape.
#[derive(Debug, Default)]
pub(super) struct Tape(Vec<Piece>);

impl Tape {
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub(super) fn print(&mut self, of: Printed, lines: Vec<String>) {
        if self.0.len() >= PIECES_MAX {
            self.0.remove(0);
        }
        self.0.push(Piece { of, lines });
    }

    /// The last piece, if it is of this, was not printed after all.
    pub(super) fn take_back(&mut self, of: Printed) -> bool {
        let last = self.0.pop_if(|piece| piece.of == of);
        last.is_some()
    }
}

/// A document as it is printed.
pub(super) fn document(registered: &Registered, receipt: Option<&Receipt>) -> Vec<String> {
    let mut lines = vec![title(registered.kind).to_owned()];
    for line in receipt.map(|receipt| receipt.lines.as_slice()).unwrap_or_default() {
        lines.push(line.name.to_string());
        let sum = format!("{} × {} = {}", line.quantity, line.price.rubles(), line.amount.rubles());
        lines.push(format!("{sum} {}", line.vat.word()));
    }
    lines.extend(registered.total.map(|total| format!("ИТОГ ={}", total.rubles())));
    let (number, shift) = (registered.number, registered.shift.unwrap_or(0));
    lines.push(format!("ФД {number}  СМЕНА {shift}"));
    lines.extend(qr(registered));
    if let Some(receipt) = receipt {
        lines.extend(receipt.notes.iter().map(printed));
    }
    lines
}

fn title(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::OpenShift => "ОТКРЫТИЕ СМЕНЫ",
        DocumentKind::CloseShift => "ЗАКРЫТИЕ СМЕНЫ",
        DocumentKind::Exchange => "ОТЧЁТ О РАСЧЁТАХ",
        DocumentKind::Other => "ДОКУМЕНТ",
        DocumentKind::Correction(_) => "КАССОВЫЙ ЧЕК КОРРЕКЦИИ",
        DocumentKind::Receipt(ReceiptKind::Sell) => "ПРИХОД",
        DocumentKind::Receipt(ReceiptKind::SellReturn) => "ВОЗВРАТ ПРИХОДА",
        DocumentKind::Receipt(ReceiptKind::Buy) => "РАСХОД",
        DocumentKind::Receipt(ReceiptKind::BuyReturn) => "ВОЗВРАТ РАСХОДА",
    }
}

/// A slip as it is printed; codes as their text.
pub(super) fn slip(slip: &Slip) -> Vec<String> {
    slip.items.iter().map(printed).collect()
}

fn printed(item: &SlipItem) -> String {
    match item {
        SlipItem::Text(text) | SlipItem::Title(text) => text.to_string(),
        SlipItem::Qr(text) | SlipItem::Barcode(text) => format!("[{text}]"),
        _ => "- ".repeat(usize::from(WIDTH / 2)),
    }
}
