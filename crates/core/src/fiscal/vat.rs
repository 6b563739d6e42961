//! VAT rates of the fiscal data format (ATOL note 6.1).

use crate::money::{Kopecks, MoneyError};

/// A rate of value added tax, or the calculated share of an advance.
///
/// There is no default: the venue's accountant says which rate an item has (F24), and a return
/// repeats the rate of its sale, whatever the law says by then.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, minicbor::Encode, minicbor::Decode,
)]
#[cbor(index_only)]
pub enum VatRate {
    /// Without VAT.
    #[n(0)]
    None,
    /// 0 %.
    #[n(1)]
    Vat0,
    /// 5 %.
    #[n(2)]
    Vat5,
    /// 7 %.
    #[n(3)]
    Vat7,
    /// 10 %.
    #[n(4)]
    Vat10,
    /// 20 %: until the end of 2025, and for returns of such sales.
    #[n(5)]
    Vat20,
    /// 22 %: from the beginning of 2026.
    #[n(6)]
    Vat22,
    /// 5/105.
    #[n(7)]
    Vat105,
    /// 7/107.
    #[n(8)]
    Vat107,
    /// 10/110.
    #[n(9)]
    Vat110,
    /// 20/120.
    #[n(10)]
    Vat120,
    /// 22/122.
    #[n(11)]
    Vat122,
}

impl VatRate {
    /// All rates.
    pub const ALL: [Self; 12] = [
        Self::None,
        Self::Vat0,
        Self::Vat5,
        Self::Vat7,
        Self::Vat10,
        Self::Vat20,
        Self::Vat22,
        Self::Vat105,
        Self::Vat107,
        Self::Vat110,
        Self::Vat120,
        Self::Vat122,
    ];

    /// The percentage, of plain and calculated rates alike; `None` without VAT.
    pub fn percent(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::Vat0 => Some(0),
            Self::Vat5 | Self::Vat105 => Some(5),
            Self::Vat7 | Self::Vat107 => Some(7),
            Self::Vat10 | Self::Vat110 => Some(10),
            Self::Vat20 | Self::Vat120 => Some(20),
            Self::Vat22 | Self::Vat122 => Some(22),
        }
    }

    /// The rate of an advance for goods of this rate: 22 % becomes 22/122.
    #[must_use]
    pub fn calculated(self) -> Self {
        match self {
            Self::Vat5 => Self::Vat105,
            Self::Vat7 => Self::Vat107,
            Self::Vat10 => Self::Vat110,
            Self::Vat20 => Self::Vat120,
            Self::Vat22 => Self::Vat122,
            other => other,
        }
    }

    /// Whether this is a share of an advance, `p/(100 + p)`.
    pub fn is_calculated(self) -> bool {
        self.calculated() == self && self.percent().is_some_and(|percent| percent > 0)
    }

    /// The tax that an amount contains: `amount × p / (100 + p)`, rounded half up.
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn tax_in(self, amount: Kopecks) -> Result<Kopecks, MoneyError> {
        let percent = i64::from(self.percent().unwrap_or(0));
        let whole = percent.checked_add(100).ok_or(MoneyError::Overflow)?;
        amount.share(percent, whole)
    }

    /// The rate in the words of the driver: `vat22`, `vat122`, `none`.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Vat0 => "vat0",
            Self::Vat5 => "vat5",
            Self::Vat7 => "vat7",
            Self::Vat10 => "vat10",
            Self::Vat20 => "vat20",
            Self::Vat22 => "vat22",
            Self::Vat105 => "vat105",
            Self::Vat107 => "vat107",
            Self::Vat110 => "vat110",
            Self::Vat120 => "vat120",
            Self::Vat122 => "vat122",
        }
    }

    /// The rate of such a word, as configurations name it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tax_inside_an_amount() {
        let rows = [
            (VatRate::None, 36_000, 0),
            (VatRate::Vat0, 36_000, 0),
            (VatRate::Vat22, 36_000, 6_492),
            (VatRate::Vat122, 36_000, 6_492),
            (VatRate::Vat20, 36_000, 6_000),
            (VatRate::Vat10, 11_000, 1_000),
            (VatRate::Vat5, 10_500, 500),
            (VatRate::Vat107, 10_700, 700),
            (VatRate::Vat22, 1, 0),
            (VatRate::Vat22, 3, 1),
        ];
        for (rate, amount, tax) in rows {
            assert_eq!(rate.tax_in(Kopecks(amount)), Ok(Kopecks(tax)), "{rate:?} {amount}");
        }
    }

    #[test]
    fn words_read_back_and_advances_are_calculated() {
        for rate in VatRate::ALL {
            assert_eq!(VatRate::from_word(rate.word()), Some(rate));
            assert_eq!(rate.calculated().percent(), rate.percent());
            assert_eq!(rate.calculated().calculated(), rate.calculated());
        }
        assert_eq!(VatRate::Vat22.calculated(), VatRate::Vat122);
        assert!(VatRate::Vat122.is_calculated() && !VatRate::Vat22.is_calculated());
        assert!(!VatRate::Vat0.is_calculated() && !VatRate::None.is_calculated());
        assert_eq!(VatRate::from_word("vat18"), None);
    }
}
