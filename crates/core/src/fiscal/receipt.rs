//! A receipt before it is fiscal: what is sold, at which rates, paid how.

use core::fmt;

use minicbor::{Decode, Encode};

use crate::fiscal::quantity::Quantity;
use crate::fiscal::slip::SlipItem;
use crate::fiscal::vat::VatRate;
use crate::money::{Kopecks, MoneyError};

/// How many lines and codes may stand below a receipt.
pub const NOTES_MAX: usize = 64;

/// How many characters one of them may have.
pub const NOTE_CHARS_MAX: usize = 256;

/// A receipt, complete: nothing is added on the way to the register but its own numbers.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Receipt {
    /// Sale or return, of the venue or to the venue.
    #[n(0)]
    pub kind: ReceiptKind,
    /// What a correction corrects; `None` for an ordinary receipt.
    #[n(1)]
    pub basis: Option<Basis>,
    /// The taxation system; `None` where the register knows only one.
    #[n(2)]
    pub taxation: Option<Taxation>,
    /// Who prints it; an automatic device needs nobody.
    #[n(3)]
    pub operator: Option<Operator>,
    /// Where the guest wants an electronic copy: an address of e-mail or a phone number.
    #[n(4)]
    pub contact: Option<Box<str>>,
    /// Where the settlement is made, for automatic devices.
    #[n(5)]
    pub place: Option<Place>,
    /// What is sold or given back; at least one line.
    #[n(6)]
    pub lines: Vec<Line>,
    /// How it is paid; the sum is the total, only cash may exceed it.
    #[n(7)]
    pub paid: Vec<Paid>,
    /// No paper.
    #[n(8)]
    pub electronic: bool,
    /// What stands below the receipt and is not fiscal: at most [`NOTES_MAX`] lines and codes, of
    /// [`NOTE_CHARS_MAX`] characters at most, without a cut. An electronic receipt shows none.
    #[n(9)]
    pub notes: Vec<SlipItem>,
}

/// What a receipt settles (tag 1054). The numbers are those of the tag.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cbor(index_only)]
pub enum ReceiptKind {
    /// The guest pays.
    #[n(1)]
    Sell,
    /// The guest gets money back.
    #[n(2)]
    SellReturn,
    /// The venue pays.
    #[n(3)]
    Buy,
    /// The venue gets money back.
    #[n(4)]
    BuyReturn,
}

impl ReceiptKind {
    /// The number of tag 1054.
    pub fn tag(self) -> u8 {
        match self {
            Self::Sell => 1,
            Self::SellReturn => 2,
            Self::Buy => 3,
            Self::BuyReturn => 4,
        }
    }

    /// The kind of such a number.
    pub fn from_tag(tag: u8) -> Option<Self> {
        [Self::Sell, Self::SellReturn, Self::Buy, Self::BuyReturn]
            .into_iter()
            .find(|kind| kind.tag() == tag)
    }

    /// What takes this back.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Sell => Self::SellReturn,
            Self::SellReturn => Self::Sell,
            Self::Buy => Self::BuyReturn,
            Self::BuyReturn => Self::Buy,
        }
    }
}

/// What a correction corrects (F12).
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Basis {
    /// Of our own accord, or by order of the tax office.
    #[n(0)]
    pub kind: BasisKind,
    /// The day of the settlement: year (2000 to 2099), month, day.
    #[n(1)]
    pub date: (u16, u8, u8),
    /// The number of the order; at most 32 characters.
    #[n(2)]
    pub number: Option<Box<str>>,
}

/// Why a correction is made (tag 1173).
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
#[cbor(index_only)]
pub enum BasisKind {
    /// Of our own accord.
    #[n(0)]
    Own,
    /// By order of the tax office.
    #[n(1)]
    Ordered,
}

/// A taxation system (tag 1055).
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq)]
#[cbor(index_only)]
pub enum Taxation {
    /// General (ОСН).
    #[n(0)]
    General,
    /// Simplified, income (УСН доход).
    #[n(1)]
    SimplifiedIncome,
    /// Simplified, income less expenses (УСН доход − расход).
    #[n(2)]
    SimplifiedProfit,
    /// Agricultural (ЕСХН).
    #[n(3)]
    Agricultural,
    /// Patent (ПСН).
    #[n(4)]
    Patent,
}

/// Who prints.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Operator {
    /// Name (tag 1021); at most 64 characters.
    #[n(0)]
    pub name: Box<str>,
    /// Tax number (tag 1203): 12 digits.
    #[n(1)]
    pub vatin: Option<Box<str>>,
}

/// Where an automatic device settles.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Place {
    /// The number of the device (tag 1036); at most 20 characters.
    #[n(0)]
    pub machine: Box<str>,
    /// The address (tag 1009); at most 256 characters.
    #[n(1)]
    pub address: Option<Box<str>>,
    /// The place (tag 1187); at most 256 characters.
    #[n(2)]
    pub name: Option<Box<str>>,
}

/// A line.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Line {
    /// What it is (tag 1030); at most 128 characters.
    #[n(0)]
    pub name: Box<str>,
    /// The price of one, discounts not taken off.
    #[n(1)]
    pub price: Kopecks,
    /// How much of it.
    #[n(2)]
    pub quantity: Quantity,
    /// What the line costs, discounts and points taken off: at most price × quantity.
    #[n(3)]
    pub amount: Kopecks,
    /// Its rate.
    #[n(4)]
    pub vat: VatRate,
    /// How it is settled.
    #[n(5)]
    pub method: Method,
    /// What it is for the law.
    #[n(6)]
    pub object: Object,
    /// What the quantity counts.
    #[n(7)]
    pub measure: Measure,
    /// The marking code of the piece, if it has one.
    #[n(8)]
    pub mark: Option<MarkCode>,
}

/// How a line is settled (tag 1214). The numbers are those of the tag.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq)]
#[cbor(index_only)]
pub enum Method {
    /// Wholly paid before it is given.
    #[n(1)]
    FullPrepayment,
    /// Partly paid before it is given.
    #[n(2)]
    Prepayment,
    /// Money for goods that are not chosen yet.
    #[n(3)]
    Advance,
    /// Given and paid.
    #[n(4)]
    FullPayment,
    /// Given, partly paid, the rest is credit.
    #[n(5)]
    PartialPayment,
    /// Given on credit.
    #[n(6)]
    Credit,
    /// A credit is paid back.
    #[n(7)]
    CreditPayment,
}

/// What a line is for the law (tag 1212). The numbers are those of the tag.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq)]
#[cbor(index_only)]
pub enum Object {
    /// Goods.
    #[n(1)]
    Commodity,
    /// Excisable goods.
    #[n(2)]
    Excise,
    /// Work.
    #[n(3)]
    Job,
    /// A service.
    #[n(4)]
    Service,
    /// A payment: an advance, a credit paid back.
    #[n(10)]
    Payment,
    /// Anything else.
    #[n(13)]
    Another,
    /// Excisable goods without a marking code.
    #[n(30)]
    ExciseUnmarked,
    /// Excisable goods with a marking code.
    #[n(31)]
    ExciseMarked,
    /// Goods that have to be marked, without a code.
    #[n(32)]
    CommodityUnmarked,
    /// Goods with a marking code.
    #[n(33)]
    CommodityMarked,
}

/// What a quantity counts (tag 2108). The numbers are those of the tag.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq)]
#[cbor(index_only)]
pub enum Measure {
    /// Pieces, portions.
    #[n(0)]
    Piece,
    /// Grams.
    #[n(10)]
    Gram,
    /// Kilograms.
    #[n(11)]
    Kilogram,
    /// Millilitres.
    #[n(40)]
    Milliliter,
    /// Litres.
    #[n(41)]
    Liter,
    /// Hours.
    #[n(71)]
    Hour,
    /// Minutes.
    #[n(72)]
    Minute,
    /// Something else.
    #[n(255)]
    Other,
}

/// A marking code (честный знак) with what becomes of the piece.
///
/// Shown without its content: whoever has a code can have the piece withdrawn.
#[derive(Clone, Decode, Encode, Eq, PartialEq)]
pub struct MarkCode {
    /// The code as read, group separators included; at most 200 bytes.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub code: Vec<u8>,
    /// Whether the piece comes back: `true` on a return of a sale, `false` on a sale.
    #[n(1)]
    pub returned: bool,
}

impl fmt::Debug for MarkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, returned } = self;
        write!(f, "MarkCode({} bytes, returned: {returned})", code.len())
    }
}

/// A payment of a receipt.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Paid {
    /// With what.
    #[n(0)]
    pub tender: Tender,
    /// How much.
    #[n(1)]
    pub amount: Kopecks,
}

/// With what a receipt is paid. Points are no tender: they lower the lines' amounts.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cbor(index_only)]
pub enum Tender {
    /// Cash.
    #[n(0)]
    Cash,
    /// A bank card, or any other electronic money.
    #[n(1)]
    Card,
    /// An advance is spent: a deposit account.
    #[n(2)]
    Prepaid,
    /// It will be paid later: a credit account, or the overdraft of a deposit.
    #[n(3)]
    Credit,
    /// Something in exchange.
    #[n(4)]
    Other,
}

impl Receipt {
    /// The sum of the lines.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn total(&self) -> Result<Kopecks, MoneyError> {
        Kopecks::total(self.lines.iter().map(|line| line.amount))
    }

    /// Checks the receipt as a whole, before anything is sent: sums, lengths, rates (F24).
    ///
    /// # Errors
    /// The first [`ReceiptError`], which names field and limit.
    pub fn check(&self, limits: &Limits) -> Result<Kopecks, ReceiptError> {
        let total = self.check_unpaid(limits)?;
        self.check_paid(total)?;
        Ok(total)
    }

    /// As [`Receipt::check`], for a receipt that is opened before its guest pays: `paid` may be
    /// empty, because with what it is paid is said when it is closed.
    ///
    /// # Errors
    /// As [`Receipt::check`].
    pub fn check_open(&self, limits: &Limits) -> Result<Kopecks, ReceiptError> {
        if self.paid.is_empty() { self.check_unpaid(limits) } else { self.check(limits) }
    }

    fn check_unpaid(&self, limits: &Limits) -> Result<Kopecks, ReceiptError> {
        let whole = |problem| ReceiptError { field: Field::Lines, problem };
        if self.lines.is_empty() {
            return Err(whole(Problem::Empty));
        }
        if self.lines.len() > limits.lines {
            return Err(whole(Problem::TooMany { max: limits.lines }));
        }
        for (index, line) in self.lines.iter().enumerate() {
            line.check(index, limits)?;
            line.check_mark(index, self.kind)?;
        }
        let total = self.total().map_err(|_| whole(Problem::TooLarge))?;
        self.check_texts()?;
        Ok(total)
    }

    fn check_paid(&self, total: Kopecks) -> Result<(), ReceiptError> {
        let bad = |index, problem| ReceiptError { field: Field::Paid { index }, problem };
        for (index, paid) in self.paid.iter().enumerate() {
            if paid.amount < Kopecks::ZERO {
                return Err(bad(index, Problem::Negative));
            }
        }
        let sum = |cash: bool| {
            let of = self.paid.iter().filter(|paid| (paid.tender == Tender::Cash) == cash);
            Kopecks::total(of.map(|paid| paid.amount))
        };
        let all = |problem| ReceiptError { field: Field::Payments, problem };
        let (cash, other) = match (sum(true), sum(false)) {
            (Ok(cash), Ok(other)) => (cash, other),
            _ => return Err(all(Problem::TooLarge)),
        };
        let paid = cash.add(other).map_err(|_| all(Problem::TooLarge))?;
        if paid < total || other > total {
            return Err(all(Problem::NotTheTotal { total, paid }));
        }
        // Change is given to a guest who pays, never to one who gets money back.
        if paid > total && self.kind != ReceiptKind::Sell {
            return Err(all(Problem::NotTheTotal { total, paid }));
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), ReceiptError> {
        let text = |field: Field, text: &str, max: usize| check_text(field, text, max);
        if let Some(operator) = &self.operator {
            text(Field::Operator, &operator.name, 64)?;
            if operator.vatin.as_deref().is_some_and(|vatin| !is_vatin(vatin)) {
                return Err(ReceiptError { field: Field::Operator, problem: Problem::NotAVatin });
            }
        }
        if let Some(contact) = &self.contact {
            text(Field::Contact, contact, 64)?;
        }
        if let Some(place) = &self.place {
            text(Field::Place, &place.machine, 20)?;
            for part in [&place.address, &place.name].into_iter().flatten() {
                text(Field::Place, part, 256)?;
            }
        }
        if self.basis.as_ref().is_some_and(|basis| !is_date(basis.date)) {
            return Err(ReceiptError { field: Field::BasisDate, problem: Problem::NotADate });
        }
        if let Some(number) = self.basis.as_ref().and_then(|basis| basis.number.as_deref()) {
            text(Field::Basis, number, 32)?;
        }
        self.check_notes().map_err(|problem| ReceiptError { field: Field::Notes, problem })
    }

    fn check_notes(&self) -> Result<(), Problem> {
        if self.notes.len() > NOTES_MAX {
            return Err(Problem::TooMany { max: NOTES_MAX });
        }
        self.notes.iter().try_for_each(|note| match note {
            SlipItem::Cut => Err(Problem::Cut),
            other => other.check(NOTE_CHARS_MAX),
        })
    }
}

impl Line {
    fn check(&self, index: usize, limits: &Limits) -> Result<(), ReceiptError> {
        let bad = |part, problem| ReceiptError { field: Field::Line { index, part }, problem };
        check_text(Field::Line { index, part: "name" }, &self.name, 128)?;
        if self.price < Kopecks::ZERO {
            return Err(bad("price", Problem::Negative));
        }
        if self.amount < Kopecks::ZERO {
            return Err(bad("amount", Problem::Negative));
        }
        let most = self.quantity.times(self.price).map_err(|_| bad("amount", Problem::TooLarge))?;
        if self.amount > most {
            return Err(bad("amount", Problem::AbovePrice { most }));
        }
        if !limits.rates.contains(&self.vat) {
            return Err(bad("vat", Problem::UnknownRate { rate: self.vat }));
        }
        Ok(())
    }

    fn check_mark(&self, index: usize, kind: ReceiptKind) -> Result<(), ReceiptError> {
        let Some(mark) = &self.mark else { return Ok(()) };
        let problem = match (mark.code.len(), kind) {
            (0, _) => Problem::Empty,
            (201.., _) => Problem::TooLong { max: 200 },
            // Told the other way round, the piece would be withdrawn by its own return.
            (_, ReceiptKind::Sell) if mark.returned => Problem::WrongStatus,
            (_, ReceiptKind::SellReturn) if !mark.returned => Problem::WrongStatus,
            _ => return Ok(()),
        };
        Err(ReceiptError { field: Field::Line { index, part: "mark" }, problem })
    }
}

fn check_text(field: Field, text: &str, max: usize) -> Result<(), ReceiptError> {
    let problem = if text.trim().is_empty() {
        Problem::Empty
    } else if text.chars().count() > max {
        Problem::TooLong { max }
    } else if text.chars().any(char::is_control) {
        Problem::Control
    } else {
        return Ok(());
    };
    Err(ReceiptError { field, problem })
}

/// Ten digits for a company, twelve for a person.
fn is_vatin(text: &str) -> bool {
    matches!(text.len(), 10 | 12) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A day of the calendar, in the centuries of registers.
fn is_date((year, month, day): (u16, u8, u8)) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (2_000..=2_099).contains(&year) && (1..=days).contains(&day)
}

/// What a register takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The rates that driver and firmware know.
    pub rates: Vec<VatRate>,
    /// How many lines a receipt may have.
    pub lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rates: VatRate::ALL.to_vec(), lines: 200 }
    }
}

/// What is wrong with a receipt, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ReceiptError {
    /// Where.
    pub field: Field,
    /// What.
    pub problem: Problem,
}

/// A field of a receipt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Field {
    /// The lines as a whole.
    Lines,
    /// A part of one line.
    Line {
        /// Which, from zero.
        index: usize,
        /// Its part.
        part: &'static str,
    },
    /// The payments as a whole.
    Payments,
    /// One payment.
    Paid {
        /// Which, from zero.
        index: usize,
    },
    /// The operator.
    Operator,
    /// The guest's address.
    Contact,
    /// The place of settlement.
    Place,
    /// The number of what a correction corrects.
    Basis,
    /// The day of what a correction corrects.
    BasisDate,
    /// The text below.
    Notes,
    /// The receipt as it would be sent.
    Whole,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines => f.write_str("lines"),
            Self::Line { index, part } => write!(f, "lines[{index}].{part}"),
            Self::Payments => f.write_str("paid"),
            Self::Paid { index } => write!(f, "paid[{index}].amount"),
            Self::Operator => f.write_str("operator"),
            Self::Contact => f.write_str("contact"),
            Self::Place => f.write_str("place"),
            Self::Basis => f.write_str("basis.number"),
            Self::BasisDate => f.write_str("basis.date"),
            Self::Notes => f.write_str("notes"),
            Self::Whole => f.write_str("receipt"),
        }
    }
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing is there.
    #[error("is empty")]
    Empty,
    /// There are more than there may be.
    #[error("has more than {max} entries")]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A text is too long.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// A text has control characters.
    #[error("has control characters")]
    Control,
    /// A barcode with characters it has no bars for.
    #[error("a barcode has ASCII characters only")]
    NotAscii,
    /// A cut where the paper is not cut.
    #[error("has a cut")]
    Cut,
    /// Not 10 or 12 digits.
    #[error("vatin is not 10 or 12 digits")]
    NotAVatin,
    /// An amount below zero.
    #[error("is below zero")]
    Negative,
    /// An amount that does not fit.
    #[error("is too large")]
    TooLarge,
    /// A line costs more than its price says.
    #[error("is above price × quantity = {}", most.rubles())]
    AbovePrice {
        /// The limit.
        most: Kopecks,
    },
    /// What is paid is not what is due.
    #[error("{} is paid for a total of {}", paid.rubles(), total.rubles())]
    NotTheTotal {
        /// The sum of the lines.
        total: Kopecks,
        /// The sum of the payments.
        paid: Kopecks,
    },
    /// The calendar of this century has no such day.
    #[error("is no day of the years 2000 to 2099")]
    NotADate,
    /// A marked piece that is sold is told to come back, or the other way round.
    #[error("is sold on a return, or returned on a sale")]
    WrongStatus,
    /// The register does not know the rate.
    #[error("the register does not know the rate {}", rate.word())]
    UnknownRate {
        /// The rate.
        rate: VatRate,
    },
    /// The receipt has more bytes than the driver takes.
    #[error("has an estimated size above {max} bytes")]
    TooBig {
        /// The limit.
        max: usize,
    },
}

#[cfg(test)]
pub(super) mod tests;
