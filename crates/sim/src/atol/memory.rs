//! The fiscal memory (FN): the only place where a document becomes fiscal.

use std::collections::BTreeMap;

use tillway_core::Kopecks;

use super::Code;

/// How long documents may wait for the OFD.
const UNSENT_MAX_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// How many documents fit.
const DOCUMENTS_MAX: u32 = 250_000;

/// A fiscal memory. Documents are numbered from 1 without gaps, and never change.
#[derive(Clone, Debug)]
pub struct Memory {
    /// 16 digits.
    pub serial: String,
    /// What it is good for.
    pub phase: Phase,
    documents: BTreeMap<u32, Document>,
    /// Documents up to this number have reached the OFD.
    sent: u32,
    /// The OFD takes what it gets.
    pub online: bool,
    /// So often the reading of a document is interrupted before one is read.
    pub interrupted_reads: u32,
}

/// The life of a fiscal memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// New.
    Init,
    /// At work.
    Fiscal,
    /// Closed; may be read.
    Archive,
    /// Broken for good.
    Fault,
    /// Full.
    Full,
    /// Too old.
    Expired,
    /// Not in the register.
    Missing,
}

/// A fiscal document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// Its number (ФД).
    pub number: u32,
    /// Its sign (ФПД).
    pub sign: u32,
    /// By the register's clock: milliseconds on the wall since 1970.
    pub at: i64,
    /// The shift.
    pub shift: u32,
    /// It has no paper.
    pub electronic: bool,
    /// Who wrote it.
    pub operator: Option<String>,
    /// What it is.
    pub body: Body,
}

/// When, in which shift, how and by whom a document is made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) at: i64,
    pub(super) shift: u32,
    pub(super) electronic: bool,
    pub(super) operator: Option<String>,
}

/// What a document is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Body {
    /// A shift was opened.
    OpenShift,
    /// A shift was closed.
    CloseShift {
        /// How many receipts it had.
        receipts: u32,
    },
    /// A receipt or a correction.
    Receipt(Box<Sale>),
    /// A report on the exchange with the OFD.
    Exchange,
}

/// What is on a receipt.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sale {
    /// Tag 1054: 1 sale, 2 return of a sale, 3 purchase, 4 return of a purchase.
    pub kind: u8,
    /// Whether it corrects.
    pub correction: bool,
    /// What a correction is based on: tag 1173 (0 own, 1 ordered), day, number of the order.
    pub basis: Option<(u8, String, Option<String>)>,
    /// Its number in the shift.
    pub number: u32,
    /// Name, price, quantity in millionths, amount, rate.
    pub items: Vec<Item>,
    /// The total.
    pub total: Kopecks,
    /// By tender: cash, card, prepaid, credit, other.
    pub paid: [Kopecks; 5],
    /// The register's taxation system.
    pub taxation: Option<String>,
    /// Who printed it.
    pub operator: Option<String>,
    /// Where the guest wants a copy.
    pub contact: Option<String>,
    /// Tag 1192: what a program wrote into it.
    pub attribute: Option<String>,
    /// Tags 1085 and 1086: name and value of what a program wrote into it.
    pub user_attribute: Option<(String, String)>,
    /// Tag 1036: the number of the automatic device.
    pub machine: Option<String>,
    /// Tag 1009: the address of the settlement.
    pub address: Option<String>,
    /// Tag 1187: its place.
    pub place: Option<String>,
    /// No paper.
    pub electronic: bool,
    /// Text below.
    pub notes: Vec<String>,
}

/// A line of a receipt.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// The price of one.
    pub price: Kopecks,
    /// Millionths.
    pub quantity: i64,
    /// What it costs.
    pub amount: Kopecks,
    /// The word of its rate: `vat22`.
    pub vat: String,
    /// Tag 1214.
    pub method: u8,
    /// Tag 1212.
    pub object: u8,
    /// Tag 2108: what the quantity counts.
    pub measure: u8,
    /// Its marking code, as it came.
    pub mark: Option<String>,
    /// Tag 2003: what becomes of the marked piece.
    pub status: Option<u8>,
}

impl Item {
    /// The longest name (tag 1030).
    pub const NAME_MAX: usize = 128;

    /// What the register itself looks at: a name of at most 128 characters, a price and an amount
    /// from zero, a quantity above zero, an amount that is no more than price × quantity.
    pub(super) fn check(&self) -> Result<(), Code> {
        let named = (1..=Self::NAME_MAX).contains(&self.name.chars().count());
        let whole = self.price.share(self.quantity, 1_000_000);
        let most = whole.map_err(|_| Code::INVALID_PARAM)?;
        let least = self.price >= Kopecks::ZERO && self.amount >= Kopecks::ZERO;
        let good = named && least && self.quantity > 0 && self.amount <= most;
        if good { Ok(()) } else { Err(Code::INVALID_PARAM) }
    }
}

impl Memory {
    /// A memory at work, with nothing in it.
    pub fn new(serial: &str) -> Self {
        Self {
            serial: serial.to_owned(),
            phase: Phase::Fiscal,
            documents: BTreeMap::new(),
            sent: 0,
            online: true,
            interrupted_reads: 0,
        }
    }

    /// The number of the last document; zero before the first.
    pub fn last(&self) -> u32 {
        self.documents.keys().next_back().copied().unwrap_or(0)
    }

    /// A document, as the driver reads it.
    ///
    /// # Errors
    /// [`Code::FN_NO_MORE_DATA`], and [`Code::FN_QUERY_INTERRUPTED`] while reads are interrupted.
    pub fn read(&mut self, number: u32) -> Result<&Document, Code> {
        if let Some(left) = self.interrupted_reads.checked_sub(1) {
            self.interrupted_reads = left;
            return Err(Code::FN_QUERY_INTERRUPTED);
        }
        self.document(number).ok_or(Code::FN_NO_MORE_DATA)
    }

    /// A document.
    pub fn document(&self, number: u32) -> Option<&Document> {
        self.documents.get(&number)
    }

    /// All documents, in order.
    pub fn documents(&self) -> impl Iterator<Item = &Document> {
        self.documents.values()
    }

    /// How many documents the OFD has not got, and the first of them.
    pub fn unsent(&self) -> (u32, Option<&Document>) {
        let count = self.last().saturating_sub(self.sent);
        (count, self.documents.range(self.sent.saturating_add(1)..).next().map(|(_, d)| d))
    }

    /// Whether the oldest document that waits for the OFD waits too long.
    pub fn is_overdue(&self, now: i64) -> bool {
        let (_, first) = self.unsent();
        first.is_some_and(|d| now.saturating_sub(d.at) > UNSENT_MAX_MS)
    }

    /// Sends what waits, when the OFD is there.
    pub(super) fn exchange(&mut self) {
        if self.online {
            self.sent = self.last();
        }
    }

    /// Whether it signs a document now.
    pub(super) fn ready(&self, now: i64, closing: bool) -> Result<(), Code> {
        match self.phase {
            Phase::Missing => return Err(Code::FN_NOT_FOUND),
            Phase::Fault => return Err(Code::FN_FAULT),
            Phase::Expired => return Err(Code::FN_EXPIRED),
            Phase::Full => return Err(Code::FN_OVERFLOW),
            Phase::Init | Phase::Archive => return Err(Code::NOT_REGISTERED),
            Phase::Fiscal if self.last() >= DOCUMENTS_MAX => return Err(Code::FN_OVERFLOW),
            Phase::Fiscal => {}
        }
        if self.is_overdue(now) && !closing { Err(Code::FN_TIMEOUT) } else { Ok(()) }
    }

    /// Signs a document: from here on it is fiscal.
    pub(super) fn sign(&mut self, made: Made, body: Body) -> u32 {
        let number = self.last().saturating_add(1);
        let Made { at, shift, electronic, operator } = made;
        let sign = signature(&self.serial, number, at);
        let document = Document { number, sign, at, shift, electronic, operator, body };
        self.documents.insert(number, document);
        number
    }
}

/// Ten digits that depend on memory, number and time.
fn signature(serial: &str, number: u32, at: i64) -> u32 {
    let bytes = serial.bytes().chain(number.to_be_bytes()).chain(at.to_be_bytes());
    bytes.fold(2_166_136_261, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}
