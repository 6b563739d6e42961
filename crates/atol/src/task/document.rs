//! A document of the fiscal memory (ATOL note 5.6).

use tillway_core::fiscal::{DocumentKind, ReceiptKind, Registered};

use super::answer::BadAnswer;
use super::read::Node;

/// A document as `getFnDocument` tells it: tags by number. Of one whose full text has left the
/// memory only the basic tags are there.
///
/// # Errors
/// [`BadAnswer`] without a kind, for a receipt without its direction, and for another document
/// than `number`.
pub fn document(number: u32, json: &str) -> Result<Registered, BadAnswer> {
    let missing = |field| BadAnswer { field };
    let root = Node::parse(json).ok_or(missing("object"))?;
    let tags = root.node("documentTLV").ok_or(missing("documentTLV"))?;
    let kind = kind(&tags)?;
    if tags.count("1040").is_some_and(|said| said != number) {
        return Err(missing("document that was asked for"));
    }
    Ok(Registered {
        sign: tags.text("1077").as_deref().and_then(sign),
        at: tags.time("1012"),
        memory: tags.text("1041"),
        registration: tags.text("1037"),
        shift: tags.count("1038"),
        receipt: tags.count("1042"),
        total: tags.money("1020"),
        receipts: tags.count("1118").filter(|_| kind == DocumentKind::CloseShift),
        operation: tags.text("1192"),
        ..Registered::new(kind, number)
    })
}

/// Whether the full text of a document has left the memory.
pub(crate) fn is_short(json: &str) -> bool {
    let tags = Node::parse(json).and_then(|root| root.node("documentTLV"));
    tags.and_then(|tags| tags.flag("short")).unwrap_or(false)
}

fn kind(tags: &Node<'_>) -> Result<DocumentKind, BadAnswer> {
    let word = tags.text("fiscalDocumentType");
    let direction = || {
        let tag = tags.whole("1054").and_then(|tag| tag.try_into().ok());
        tag.and_then(ReceiptKind::from_tag).ok_or(BadAnswer { field: "direction of the receipt" })
    };
    Ok(match word.as_deref().ok_or(BadAnswer { field: "type of the document" })? {
        "openShift" => DocumentKind::OpenShift,
        "closeShift" => DocumentKind::CloseShift,
        "receipt" | "bso" => DocumentKind::Receipt(direction()?),
        "receiptCorrection" | "bsoCorrection" => DocumentKind::Correction(direction()?),
        "ofdExchangeStatus" => DocumentKind::Exchange,
        _ => DocumentKind::Other,
    })
}

/// Hexadecimal: four bytes, or six of which the first two are no part of it.
fn sign(hex: &str) -> Option<u32> {
    if !matches!(hex.len(), 8 | 12) || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(hex.get(hex.len().checked_sub(8)?..)?, 16).ok()
}
