//! What is bought.

use minicbor::{Decode, Encode};

use super::{Answer, Coupon, Identifier, Kopecks};
use crate::fiscal::Quantity;
use crate::id::Uuid;
use crate::money::MoneyError;
use crate::time::Timestamp;

/// The most lines of a cheque.
pub const LINES_MAX: usize = 1_000;

/// The number of a sale, chosen by the till: all that is said about the sale says it, and no other
/// sale ever does. 1 to 64 Latin letters, digits and dashes.
#[derive(Clone, Debug, Decode, Encode, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cbor(transparent)]
pub struct PurchaseId(#[n(0)] Box<str>);

impl PurchaseId {
    /// A number that was chosen elsewhere.
    ///
    /// # Errors
    /// [`ChequeError::Purchase`].
    pub fn try_new(text: &str) -> Result<Self, ChequeError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(ChequeError::Purchase)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 32 lower-case hexadecimal digits.
impl From<Uuid> for PurchaseId {
    fn from(id: Uuid) -> Self {
        Self(id.simple().to_string().into())
    }
}

/// A sale as far as the till knows it.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Sale {
    /// Its number.
    #[n(0)]
    pub purchase: PurchaseId,
    /// Who buys; `None` is a cheque without a card, for which common offers apply.
    #[n(1)]
    pub guest: Option<Identifier>,
    /// What is bought.
    #[n(2)]
    pub cheque: Cheque,
    /// What the guest shows besides, with or without being known.
    #[n(3)]
    pub coupons: Vec<Coupon>,
    /// What else the processing is told.
    #[n(4)]
    pub params: Vec<Param>,
}

/// A list of goods with their prices.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Cheque {
    /// The number people know it by, when it has one yet.
    #[n(0)]
    pub number: Option<Box<str>>,
    /// When it was begun, with the offset of the till: offers are computed by this moment.
    #[n(1)]
    pub at: Timestamp,
    /// 1 to [`LINES_MAX`] of them.
    #[n(2)]
    pub lines: Vec<Line>,
}

/// One position.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Line {
    /// Its number: above zero, no other line's, the same from the first question to the refund.
    #[n(0)]
    pub position: u32,
    /// What it is.
    #[n(1)]
    pub goods: Goods,
    /// What people call it.
    #[n(2)]
    pub name: Option<Box<str>>,
    /// The price of one, from the price list, without any discount.
    #[n(3)]
    pub price: Option<Kopecks>,
    /// How much of it.
    #[n(4)]
    pub quantity: Quantity,
    /// What the line costs after the till's own discount and after those already granted by the
    /// processing; points are not taken off.
    #[n(5)]
    pub amount: Kopecks,
    /// The till's own discount on the whole line.
    #[n(6)]
    pub discount: Option<Kopecks>,
    /// Points that the till itself grants.
    #[n(7)]
    pub cashback: Option<Kopecks>,
    /// A correction that the till computed before the payment.
    #[n(8)]
    pub correction: Option<Kopecks>,
    /// The goods are on offer already: an offer may leave them out.
    #[n(9)]
    pub promo: bool,
    /// The least one may cost after discounts and points.
    #[n(10)]
    pub price_min: Option<Kopecks>,
    /// What else the processing is told of it.
    #[n(11)]
    pub params: Vec<Param>,
}

/// What a line is.
#[derive(Clone, Debug, Decode, Encode, Eq, Hash, PartialEq)]
pub enum Goods {
    /// By the code in the shop's catalogue.
    #[n(0)]
    Code(#[n(0)] Box<str>),
    /// By its barcode.
    #[n(1)]
    Barcode(#[n(0)] Box<str>),
}

/// What the rest is paid with, points apart.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Pay {
    /// The name of the way to pay, as the processing knows it.
    #[n(0)]
    pub kind: Box<str>,
    /// How much.
    #[n(1)]
    pub amount: Kopecks,
    /// More about it.
    #[n(2)]
    pub details: Option<Box<str>>,
}

/// A named value that a shop agreed on with its processing.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Param {
    /// Its name.
    #[n(0)]
    pub name: Box<str>,
    /// What the value is.
    #[n(1)]
    pub kind: ParamKind,
    /// The value.
    #[n(2)]
    pub value: Box<str>,
}

/// What the value of a parameter is.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq)]
#[cbor(index_only)]
pub enum ParamKind {
    /// A text.
    #[n(0)]
    Text,
    /// A decimal number.
    #[n(1)]
    Decimal,
}

/// What is wrong with a cheque, or with what the processing made of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChequeError {
    /// Not 1 to 64 Latin letters, digits and dashes.
    #[error("the number of a sale is 1 to 64 latin letters, digits and dashes")]
    Purchase,
    /// No line, or too many.
    #[error("a cheque has 1 to {LINES_MAX} lines")]
    Lines,
    /// A position is zero, or two lines have it.
    #[error("position {0}: above zero, and no other line's")]
    Position(u32),
    /// An amount below zero.
    #[error("position {0}: an amount is below zero")]
    Negative(u32),
    /// Neither code nor barcode.
    #[error("position {0}: goods have a code or a barcode")]
    Goods(u32),
    /// The processing says something of this line that is not so: what it grants and what is left
    /// must be what was sent. Sell without loyalty.
    #[error("position {0}: discount and amount do not add up")]
    Mismatch(u32),
    /// A sum does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Cheque {
    /// Refuses what no processing may be told.
    ///
    /// # Errors
    /// A mistake of the caller.
    pub fn check(&self) -> Result<(), ChequeError> {
        if !(1..=LINES_MAX).contains(&self.lines.len()) {
            return Err(ChequeError::Lines);
        }
        let mut positions: Vec<u32> = self.lines.iter().map(|line| line.position).collect();
        positions.sort_unstable();
        if positions.first() == Some(&0) {
            return Err(ChequeError::Position(0));
        }
        let twice = positions.windows(2).find(|pair| pair.first() == pair.last());
        if let Some([position, ..]) = twice {
            return Err(ChequeError::Position(*position));
        }
        self.lines.iter().try_for_each(Line::check)?;
        self.total().map(drop)
    }

    /// What the lines cost together, without points.
    ///
    /// # Errors
    /// The sum does not fit.
    pub fn total(&self) -> Result<Kopecks, ChequeError> {
        Ok(Kopecks::total(self.lines.iter().map(|line| line.amount))?)
    }

    /// The cheque with the discounts that an answer to *calculate* grants: what the receipt shows,
    /// and what every later message says. A line that the answer leaves out keeps its amount.
    ///
    /// # Errors
    /// [`ChequeError::Mismatch`]: the whole answer is not to be used.
    pub fn discounted(&self, by: &Answer) -> Result<Self, ChequeError> {
        let mut cheque = self.clone();
        for line in &mut cheque.lines {
            let position = line.position;
            let mut found = by.lines.iter().filter(|answer| answer.position == position);
            let Some(answer) = found.next() else { continue };
            let discount = answer.discount.unwrap_or_default();
            let amount = answer.amount.unwrap_or(line.amount.sub(discount)?);
            let wrong = discount < Kopecks::ZERO
                || amount < Kopecks::ZERO
                || amount.add(discount)? != line.amount
                || found.next().is_some();
            if wrong {
                return Err(ChequeError::Mismatch(position));
            }
            line.amount = amount;
        }
        Ok(cheque)
    }
}

impl Line {
    fn check(&self) -> Result<(), ChequeError> {
        let (Goods::Code(goods) | Goods::Barcode(goods)) = &self.goods;
        if goods.is_empty() {
            return Err(ChequeError::Goods(self.position));
        }
        let others = [self.price, self.discount, self.cashback, self.price_min];
        let below = |amount: Kopecks| amount < Kopecks::ZERO;
        if below(self.amount) || others.into_iter().flatten().any(below) {
            return Err(ChequeError::Negative(self.position));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Carrier, IdentifierKind, LineAnswer};
    use super::*;

    fn line(position: u32, amount: i64) -> Line {
        Line {
            position,
            goods: Goods::Code("SKU".into()),
            name: None,
            price: None,
            quantity: Quantity::ONE,
            amount: Kopecks(amount),
            discount: None,
            cashback: None,
            correction: None,
            promo: false,
            price_min: None,
            params: Vec::new(),
        }
    }

    fn cheque(lines: Vec<Line>) -> Cheque {
        Cheque { number: None, at: Timestamp::default(), lines }
    }

    #[test]
    fn what_is_a_cheque() {
        assert_eq!(cheque(vec![line(1, 0), line(7, 5)]).check(), Ok(()));
        assert_eq!(cheque(Vec::new()).check(), Err(ChequeError::Lines));
        assert_eq!(cheque(vec![line(0, 1)]).check(), Err(ChequeError::Position(0)));
        let twice = cheque(vec![line(3, 1), line(1, 1), line(3, 1)]);
        assert_eq!(twice.check(), Err(ChequeError::Position(3)));
        assert_eq!(cheque(vec![line(2, -1)]).check(), Err(ChequeError::Negative(2)));
        let huge = cheque(vec![line(1, i64::MAX), line(2, 1)]);
        assert_eq!(huge.check(), Err(MoneyError::Overflow.into()));
        let nameless = Line { goods: Goods::Barcode("".into()), ..line(4, 1) };
        assert_eq!(cheque(vec![nameless]).check(), Err(ChequeError::Goods(4)));
        let many = |count| cheque((1..=count).map(|position| line(position, 1)).collect());
        assert_eq!(many(1_000).check(), Ok(()));
        assert_eq!(many(1_001).check(), Err(ChequeError::Lines));
    }

    #[test]
    fn a_discount_is_believed_when_it_adds_up() {
        let sent = cheque(vec![line(1, 30_000), line(2, 10_000)]);
        let answer = |position, amount: Option<i64>, discount| LineAnswer {
            position,
            amount: amount.map(Kopecks),
            discount: Some(Kopecks(discount)),
            ..LineAnswer::default()
        };
        let granted = |lines| {
            let total = sent.discounted(&Answer { lines, ..Answer::default() })?.total();
            total.map(|total| total.0)
        };
        assert_eq!(granted(vec![answer(1, Some(27_000), 3_000)]), Ok(37_000));
        assert_eq!(granted(vec![answer(2, None, 10_000)]), Ok(30_000));
        for wrong in [(27_001, 3_000), (33_000, -3_000), (-1, 30_001)] {
            let line = answer(1, Some(wrong.0), wrong.1);
            assert_eq!(granted(vec![line]), Err(ChequeError::Mismatch(1)), "{wrong:?}");
        }
        let twice = vec![answer(1, Some(30_000), 0), answer(1, Some(30_000), 0)];
        assert_eq!(granted(twice), Err(ChequeError::Mismatch(1)));
    }

    #[test]
    fn a_sale_is_stored_whole_and_shows_nobody() {
        let params = vec![Param { name: "N".into(), kind: ParamKind::Decimal, value: "1".into() }];
        let line = Line {
            goods: Goods::Barcode("4600000000015".into()),
            name: Some("Сыр".into()),
            price: Some(Kopecks(8_990)),
            discount: Some(Kopecks(1_238)),
            cashback: Some(Kopecks(1)),
            correction: Some(Kopecks(-1)),
            promo: true,
            price_min: Some(Kopecks(7_000)),
            params: params.clone(),
            ..line(2, 10_000)
        };
        let kind = IdentifierKind::CardBarcode;
        let sale = Sale {
            purchase: Uuid::from_u128(1).into(),
            guest: Some(Identifier { kind, value: "2990000000019".into() }),
            cheque: Cheque { number: Some("7-0042".into()), ..cheque(vec![line]) },
            coupons: vec![Coupon { carrier: Carrier::Qr, value: "SPRING-20".into() }],
            params,
        };
        let stored = minicbor::to_vec(&sale).unwrap();
        assert_eq!(minicbor::decode::<Sale>(&stored).unwrap(), sale);
        let shown = format!("{sale:?}");
        assert!(!shown.contains("2990000000019") && !shown.contains("SPRING-20"), "{shown}");
    }

    #[test]
    fn a_sale_has_a_number() {
        let shown = PurchaseId::from(Uuid::from_u128(0xAB));
        assert_eq!(shown.as_str(), "000000000000000000000000000000ab");
        for (text, fits) in [("", false), ("12-a", true), ("a b", false), ("ю", false)] {
            assert_eq!(PurchaseId::try_new(text).is_ok(), fits, "{text}");
        }
        assert!(PurchaseId::try_new(&"1".repeat(64)).is_ok());
        assert!(PurchaseId::try_new(&"1".repeat(65)).is_err());
    }
}
