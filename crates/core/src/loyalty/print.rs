//! What a processing wants on paper, whatever prints it (loymax.md 11).
//!
//! The messages of a sale come in the order of its commands, each once; then the slip of a payment
//! with points, then coupons for the next time. What the processing said may hold anything: it is
//! cut to what a register prints, and never keeps a receipt from being printed.

mod marker;
mod slip;

use core::fmt;

pub use marker::{Marker, MarkerError, Markers};
pub use slip::{Labels, SlipHead, SlipSource};

use super::{Answer, PrintedCoupon};
use crate::fiscal::{NOTE_CHARS_MAX, NOTES_MAX, Slip, SlipItem, is_ean13};

/// The most lines that are taken of one message or coupon.
const LINES_MAX: usize = 100;
/// The most coupons of one answer.
const COUPONS_MAX: usize = 20;
/// The longest code, in characters; more does not fit on the paper.
const CODE_CHARS_MAX: usize = 250;
/// How much may stand below a receipt, in characters: the receipt itself needs room too.
const RECEIPT_CHARS_MAX: usize = 4_000;
/// How many items a slip may have.
const SLIP_ITEMS_MAX: usize = 500;

/// Something to print. Codes are worth money: `Debug` does not show them.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub enum Print {
    /// Lines of text.
    Text(Vec<Box<str>>),
    /// A barcode.
    Barcode {
        /// How its data becomes bars.
        symbology: Symbology,
        /// What a scanner reads.
        data: Box<str>,
    },
    /// A QR code.
    Qr {
        /// What a scanner reads.
        data: Box<str>,
    },
}

/// How data becomes bars.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Symbology {
    /// 13 digits, the last of which proves the others.
    Ean13,
    /// Any characters of ASCII that can be printed.
    Code128,
}

impl Symbology {
    /// EAN-13 when the data is one, else Code 128.
    pub fn of(data: &str) -> Self {
        if is_ean13(data) { Self::Ean13 } else { Self::Code128 }
    }
}

impl Print {
    /// The lines of a message, ended by LF, with the codes among them made out; at most 100.
    pub fn message(text: &str, markers: &Markers) -> Vec<Self> {
        let mut prints: Vec<Self> = Vec::new();
        for line in text.lines().take(LINES_MAX) {
            match (markers.read(line), prints.last_mut()) {
                (Some(code), _) => prints.push(code),
                (None, Some(Self::Text(lines))) => lines.push(line.into()),
                (None, _) => prints.push(Self::Text(vec![line.into()])),
            }
        }
        prints
    }

    /// A barcode; as a line of text when it has no bars for it.
    pub fn barcode(data: &str) -> Self {
        let has_bars = data.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if has_bars && is_code(data) {
            Self::Barcode { symbology: Symbology::of(data), data: data.into() }
        } else {
            Self::Text(vec![data.into()])
        }
    }

    /// A QR code; as a line of text when it is none that can be printed.
    pub fn qr(data: &str) -> Self {
        if is_code(data) { Self::Qr { data: data.into() } } else { Self::Text(vec![data.into()]) }
    }

    /// The same for a register: a line, or more of them when it is long, is an item.
    fn items(&self) -> Vec<SlipItem> {
        match self {
            Self::Text(lines) => lines.iter().flat_map(|line| broken(line)).collect(),
            Self::Barcode { data, .. } => vec![SlipItem::Barcode(data.clone())],
            Self::Qr { data } => vec![SlipItem::Qr(data.clone())],
        }
    }
}

fn is_code(data: &str) -> bool {
    let length = data.chars().count();
    (1..=CODE_CHARS_MAX).contains(&length) && !data.chars().any(char::is_control)
}

/// A line in pieces that a register takes; what would command the printer becomes a space.
fn broken(line: &str) -> Vec<SlipItem> {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let chars: Vec<char> = line.trim_end().chars().map(shown).collect();
    if chars.is_empty() {
        return vec!["".into()];
    }
    chars.chunks(NOTE_CHARS_MAX).map(|piece| piece.iter().collect::<String>().into()).collect()
}

/// How a till prints what its processing says.
#[derive(Clone, Debug)]
pub struct Style {
    /// Who writes the slip.
    pub slips: SlipSource,
    /// How codes stand in messages.
    pub markers: Markers,
    /// The words of slips and coupons.
    pub labels: Labels,
}

/// What the processing answered in one sale or refund: the last good answer of each command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers<'a> {
    /// To *calculate*.
    pub calculated: Option<&'a Answer>,
    /// To *pay*, or to *refund*.
    pub moved: Option<&'a Answer>,
    /// To *accrue*.
    pub accrued: Option<&'a Answer>,
    /// To *confirm*, which comes after the receipt as a rule.
    pub confirmed: Option<&'a Answer>,
}

impl<'a> Answers<'a> {
    /// All of it: messages in the order of the commands, each once, the slip, coupons, each once.
    pub fn print(&self, style: &Style, head: &SlipHead<'_>) -> Vec<Print> {
        let mut prints = Vec::new();
        for text in self.messages() {
            prints.extend(Print::message(text, &style.markers));
        }
        if let (SlipSource::Till, Some(moved)) = (style.slips, self.moved) {
            prints.push(Print::Text(head.slip(moved, self.calculated, &style.labels)));
        }
        for coupon in self.coupons() {
            prints.extend(coupon_prints(coupon, &style.labels));
        }
        prints
    }

    /// What is left to print when the receipt had [`Answers::print`] of all but `confirmed`.
    pub fn print_after_receipt(&self, style: &Style) -> Vec<Print> {
        let before = Self { confirmed: None, ..*self };
        let said: Vec<&str> = before.messages();
        let given: Vec<&PrintedCoupon> = before.coupons();
        let texts = self.messages().into_iter().filter(|text| !said.contains(text));
        let mut prints: Vec<Print> =
            texts.flat_map(|text| Print::message(text, &style.markers)).collect();
        let coupons = self.coupons().into_iter().skip(given.len());
        prints.extend(coupons.flat_map(|coupon| coupon_prints(coupon, &style.labels)));
        prints
    }

    fn all(&self) -> impl Iterator<Item = &'a Answer> + use<'a> {
        [self.calculated, self.moved, self.accrued, self.confirmed].into_iter().flatten()
    }

    /// One that says what another said already says nothing.
    fn messages(&self) -> Vec<&'a str> {
        let mut messages: Vec<&str> = Vec::new();
        for answer in self.all() {
            let text = answer.for_receipt.trim_end();
            if !text.trim().is_empty() && !messages.contains(&text) {
                messages.push(text);
            }
        }
        messages
    }

    /// A coupon that two answers tell of is one.
    fn coupons(&self) -> Vec<&'a PrintedCoupon> {
        let mut coupons: Vec<&PrintedCoupon> = Vec::new();
        for coupon in self.all().flat_map(|answer| answer.coupons.iter().take(COUPONS_MAX)) {
            let same = |known: &&PrintedCoupon| {
                (known.number == coupon.number && !coupon.number.is_empty()) || *known == coupon
            };
            if !coupons.iter().any(same) {
                coupons.push(coupon);
            }
        }
        coupons
    }
}

/// The text, until when, and every code it has; its number as a barcode when it has none.
fn coupon_prints(coupon: &PrintedCoupon, labels: &Labels) -> Vec<Print> {
    let mut lines: Vec<Box<str>> = coupon.text.lines().take(LINES_MAX).map(Into::into).collect();
    lines.extend(coupon.until.iter().map(|until| slip::line(&labels.until, until)));
    let mut prints = if lines.is_empty() { Vec::new() } else { vec![Print::Text(lines)] };
    let codes = coupon.barcode.is_some() || coupon.qr.is_some();
    let number = Some(&coupon.number).filter(|number| !codes && !number.is_empty());
    prints.extend(coupon.barcode.iter().chain(number).map(|data| Print::barcode(data)));
    prints.extend(coupon.qr.iter().map(|data| Print::qr(data)));
    prints
}

/// What is printed, made fit for a register.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sheets {
    /// To stand below the receipt, as `Receipt::notes`: it is never too much for the receipt.
    pub notes: Vec<SlipItem>,
    /// What does not fit there, for a slip of its own; empty as a rule. At most 500 items, what is
    /// more than that is printed nowhere.
    pub rest: Slip,
}

impl Sheets {
    /// Lays prints below a receipt that has `notes` of its own already.
    pub fn below_receipt(notes: Vec<SlipItem>, prints: &[Print]) -> Self {
        let mut chars = notes.iter().fold(0_usize, |sum, note| sum.saturating_add(size(note)));
        let mut sheets = Self { notes, rest: Slip::default() };
        for item in prints.iter().flat_map(Print::items) {
            chars = chars.saturating_add(size(&item));
            let fits = sheets.notes.len() < NOTES_MAX && chars <= RECEIPT_CHARS_MAX;
            if fits && sheets.rest.items.is_empty() {
                sheets.notes.push(item);
            } else if sheets.rest.items.len() < SLIP_ITEMS_MAX {
                sheets.rest.items.push(item);
            }
        }
        sheets
    }

    /// Lays prints on a slip of their own; `None` when there is nothing.
    pub fn slip(prints: &[Print]) -> Option<Slip> {
        let items: Vec<_> = prints.iter().flat_map(Print::items).take(SLIP_ITEMS_MAX).collect();
        (!items.is_empty()).then_some(Slip { items })
    }
}

fn size(item: &SlipItem) -> usize {
    item.as_str().chars().count()
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(lines) => f.debug_tuple("Text").field(lines).finish(),
            Self::Barcode { symbology, .. } => {
                f.debug_struct("Barcode").field("symbology", symbology).finish_non_exhaustive()
            }
            Self::Qr { .. } => f.debug_struct("Qr").finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests;
