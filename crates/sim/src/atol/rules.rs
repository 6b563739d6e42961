//! What must hold of every register at any time (ATOL note 10.4).

use tillway_core::Kopecks;

use super::memory::{Body, Sale};
use super::printer::Print;
use super::register::{Register, SHIFT_MAX_MS};

/// The first rule that does not hold, with the documents that break it.
pub fn broken_rule(register: &Register) -> Option<String> {
    numbers(register)
        .or_else(|| shifts(register))
        .or_else(|| totals(register))
        .or_else(|| tape(register))
}

/// Rule 1: numbers grow by one, without gaps.
fn numbers(register: &Register) -> Option<String> {
    let wrong =
        (1..).zip(register.memory.documents()).find(|(n, document)| document.number != *n)?;
    Some(format!("document {} stands at place {}", wrong.1.number, wrong.0))
}

/// Rule 3: shifts open and close in turn, receipts lie between, none later than 24 hours.
fn shifts(register: &Register) -> Option<String> {
    let mut opened = None;
    for document in register.memory.documents() {
        let number = document.number;
        match (&document.body, opened) {
            (Body::OpenShift, None) => opened = Some(document.at),
            (Body::OpenShift, Some(_)) => return Some(format!("{number} opens an open shift")),
            (Body::CloseShift { .. }, Some(_)) => opened = None,
            (Body::CloseShift { .. }, None) => return Some(format!("{number} closes nothing")),
            (Body::Receipt(_), None) => return Some(format!("receipt {number} is in no shift")),
            (Body::Receipt(_), Some(at)) if document.at.saturating_sub(at) >= SHIFT_MAX_MS => {
                return Some(format!("receipt {number} is later than 24 hours"));
            }
            _ => {}
        }
    }
    None
}

/// Rule 2: the sums of the open shift are those of its receipts.
fn totals(register: &Register) -> Option<String> {
    register.shift().opened?;
    let shift = register.shift().number;
    for (kind, total) in (1..).zip(register.totals().kinds) {
        let of_kind = |sale: &&Sale| sale.kind == kind;
        let receipts: Vec<_> = register
            .memory
            .documents()
            .filter(|document| document.shift == shift)
            .filter_map(|document| match &document.body {
                Body::Receipt(sale) => Some(&**sale),
                _ => None,
            })
            .filter(of_kind)
            .collect();
        let sum = Kopecks::total(receipts.iter().map(|sale| sale.total)).unwrap_or_default();
        if sum != total.sum || receipts.len() != usize::try_from(total.count).unwrap_or(0) {
            return Some(format!("kind {kind}: receipts give {sum:?}, the shift says {total:?}"));
        }
    }
    None
}

/// Rule 6: once nothing is unfinished, every paper document came out whole, once. A tape whose
/// beginning is not kept cannot be asked.
fn tape(register: &Register) -> Option<String> {
    let (pieces, cut) = register.printer.roll();
    if cut || register.unfinished().is_some() {
        return None;
    }
    for document in register.memory.documents() {
        let whole =
            pieces.iter().filter(|p| p.of == Print::Document(document.number) && !p.torn).count();
        if whole != usize::from(!document.electronic) {
            return Some(format!("document {} came out {whole} times", document.number));
        }
    }
    None
}
