//! What holds of every fiscal memory and every tape at any time (ATOL note 10.4).

use core::time::Duration;

use tillway_core::Kopecks;
use tillway_core::fiscal::{DocumentKind, Registered};

use crate::conformance::Failure;
use crate::fiscal::{Piece, Printed};

/// How long a shift may be open.
const SHIFT_MAX: Duration = Duration::from_secs(24 * 3_600);

/// The first rule that does not hold.
pub(super) fn check(
    documents: &[Registered],
    tape: &[Piece],
    doubled: &[Kopecks],
) -> Result<(), Failure> {
    let broken = numbers(documents)
        .or_else(|| shifts(documents))
        .or_else(|| twice(documents, doubled))
        .or_else(|| paper(documents, tape));
    broken.map_or(Ok(()), |what| Err(Failure::new(format!("rule of the memory: {what}"))))
}

/// Numbers grow by one.
fn numbers(documents: &[Registered]) -> Option<String> {
    documents.windows(2).find_map(|pair| match pair {
        [one, next] if one.number.checked_add(1) != Some(next.number) => {
            Some(format!("after document {} comes {}", one.number, next.number))
        }
        _ => None,
    })
}

/// Shifts open and close in turn; receipts lie between, none later than 24 hours.
fn shifts(documents: &[Registered]) -> Option<String> {
    let mut opened = None;
    for document in documents {
        let number = document.number;
        let late = |at| document.at.zip(at).is_some_and(|(now, at)| now.since(at) >= SHIFT_MAX);
        match (document.kind, opened) {
            (DocumentKind::OpenShift, None) => opened = Some(document.at),
            (DocumentKind::OpenShift, Some(_)) => {
                return Some(format!("document {number} opens an open shift"));
            }
            (DocumentKind::CloseShift, Some(_)) => opened = None,
            (DocumentKind::CloseShift, None) => {
                return Some(format!("document {number} closes no shift"));
            }
            (DocumentKind::Receipt(_) | DocumentKind::Correction(_), None) => {
                return Some(format!("receipt {number} is in no shift"));
            }
            (DocumentKind::Receipt(_) | DocumentKind::Correction(_), Some(at)) if late(at) => {
                return Some(format!("receipt {number} is later than 24 hours"));
            }
            _ => {}
        }
    }
    None
}

/// No receipt is there twice: cases give each its own total.
fn twice(documents: &[Registered], doubled: &[Kopecks]) -> Option<String> {
    let mut seen = Vec::new();
    for document in documents {
        let Some(total) = document.total.filter(|total| !doubled.contains(total)) else { continue };
        if seen.contains(&(document.kind, total)) {
            return Some(format!("the receipt over {} is there twice", total.rubles()));
        }
        seen.push((document.kind, total));
    }
    None
}

/// Every document came out whole, once.
fn paper(documents: &[Registered], tape: &[Piece]) -> Option<String> {
    documents.iter().find_map(|document| {
        let whole = Printed::Document(document.number);
        let count = tape.iter().filter(|piece| piece.of == whole && !piece.torn).count();
        let number = document.number;
        (count != 1).then(|| format!("document {number} came out {count} times"))
    })
}
