//! What is printed and is not fiscal.

use serde::Serialize;
use tillway_core::fiscal::is_ean13;
use tillway_core::port::fiscal::{Cause, RegisterError, Slip, SlipItem};

use super::text;

/// How many items a slip may have.
pub const SLIP_ITEMS_MAX: usize = 500;

/// How long a text or a code may be, in characters.
const ITEM_CHARS_MAX: usize = 1_000;

/// The tasks that print a slip, one after the other: the driver cuts the paper at the end of a
/// task, so each cut begins another.
///
/// # Errors
/// [`Cause::BadReceipt`] for a slip without items, with too many or too long ones, or with a code
/// that cannot be printed; the text names the item.
pub fn slip(slip: &Slip) -> Result<Vec<String>, RegisterError> {
    let bad = |text: String| RegisterError::new(Cause::BadReceipt, text);
    if slip.items.is_empty() {
        return Err(bad("items: is empty".to_owned()));
    }
    if slip.items.len() > SLIP_ITEMS_MAX {
        return Err(bad(format!("items: has more than {SLIP_ITEMS_MAX} entries")));
    }
    for (index, item) in slip.items.iter().enumerate() {
        item.check(ITEM_CHARS_MAX).map_err(|problem| bad(format!("items[{index}]: {problem}")))?;
    }
    let sheets = slip.items.split(|item| matches!(item, SlipItem::Cut));
    sheets.filter(|sheet| !sheet.is_empty()).map(sheet).collect()
}

fn sheet(items: &[SlipItem]) -> Result<String, RegisterError> {
    text(&Sheet { kind: "nonFiscal", items: items.iter().map(Item::of).collect(), footer: true })
}

#[derive(Serialize)]
struct Sheet<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    items: Vec<Item<'a>>,
    #[serde(rename = "printFooter")]
    footer: bool,
}

#[derive(Default, Serialize)]
pub(super) struct Item<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<&'a str>,
    #[serde(rename = "barcodeType", skip_serializing_if = "Option::is_none")]
    barcode_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alignment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrap: Option<&'static str>,
    #[serde(rename = "doubleHeight", skip_serializing_if = "Option::is_none")]
    tall: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<u8>,
}

impl<'a> Item<'a> {
    /// Below a receipt, lines that fit keep their columns and the others are broken between words.
    pub(super) fn note(item: &'a SlipItem) -> Self {
        let has_columns = |text: &str| text.starts_with(' ') || text.contains("  ");
        match item {
            SlipItem::Text(text) if !has_columns(text) => {
                Self { wrap: Some("words"), ..Self::of(item) }
            }
            other => Self::of(other),
        }
    }

    pub(super) fn of(item: &'a SlipItem) -> Self {
        let code = |barcode, barcode_type, scale| Self {
            kind: "barcode",
            barcode: Some(barcode),
            barcode_type: Some(barcode_type),
            alignment: Some("center"),
            scale: Some(scale),
            ..Self::default()
        };
        match item {
            // Lines that fit keep their columns; of those that do not, nothing is lost.
            SlipItem::Text(text) => {
                Self { kind: "text", text: Some(text), wrap: Some("chars"), ..Self::default() }
            }
            SlipItem::Title(text) => Self {
                kind: "text",
                text: Some(text),
                alignment: Some("center"),
                wrap: Some("words"),
                tall: Some(true),
                ..Self::default()
            },
            SlipItem::Qr(text) => code(text, "QR", 6),
            SlipItem::Barcode(text) if is_ean13(text) => code(text, "EAN13", 2),
            SlipItem::Barcode(text) => code(text, "CODE128", 2),
            _ => Self { kind: "text", text: Some(""), ..Self::default() },
        }
    }
}
