//! Quantities on a receipt line.

use core::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::money::{Kopecks, MoneyError};

/// How much of something: millionths of a unit, above zero.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, minicbor::Encode, minicbor::Decode,
)]
#[cbor(transparent)]
pub struct Quantity(#[n(0)] i64);

/// Why something is no quantity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Zero or less.
    #[error("a quantity is above zero")]
    NotPositive,
    /// More than six decimals.
    #[error("a quantity has at most 6 decimals")]
    TooPrecise,
    /// More than 99 999 999.
    #[error("a quantity is at most 99999999")]
    TooLarge,
}

const SCALE: u32 = 6;
const MICRO: i64 = 1_000_000;
const MAX: i64 = 99_999_999 * MICRO;

impl Quantity {
    /// One.
    pub const ONE: Self = Self(MICRO);

    /// Whole units.
    ///
    /// # Errors
    /// [`QuantityError`] for none and for more than 99 999 999.
    pub fn units(count: u32) -> Result<Self, QuantityError> {
        Self::from_micro(i64::from(count).saturating_mul(MICRO))
    }

    /// An exact decimal number.
    ///
    /// # Errors
    /// [`QuantityError`].
    pub fn try_new(value: Decimal) -> Result<Self, QuantityError> {
        let scaled =
            value.checked_mul(Decimal::from(MICRO)).ok_or(QuantityError::TooLarge)?.normalize();
        if scaled.scale() > 0 {
            return Err(QuantityError::TooPrecise);
        }
        Self::from_micro(scaled.to_i64().ok_or(QuantityError::TooLarge)?)
    }

    /// Millionths of a unit.
    ///
    /// # Errors
    /// [`QuantityError`].
    pub fn from_micro(micro: i64) -> Result<Self, QuantityError> {
        match micro {
            ..=0 => Err(QuantityError::NotPositive),
            1..=MAX => Ok(Self(micro)),
            _ => Err(QuantityError::TooLarge),
        }
    }

    /// Millionths of a unit.
    pub fn micro(self) -> i64 {
        self.0
    }

    /// As a decimal number without trailing zeros.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, SCALE).normalize()
    }

    /// `price × quantity`, rounded half up to a kopeck.
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn times(self, price: Kopecks) -> Result<Kopecks, MoneyError> {
        price.share(self.0, MICRO)
    }

    /// The part that is left when some of it has gone back.
    ///
    /// # Errors
    /// [`QuantityError::NotPositive`] when nothing is left.
    pub fn without(self, gone: Self) -> Result<Self, QuantityError> {
        Self::from_micro(self.0.saturating_sub(gone.0))
    }

    /// Both together.
    ///
    /// # Errors
    /// [`QuantityError::TooLarge`].
    pub fn plus(self, other: Self) -> Result<Self, QuantityError> {
        Self::from_micro(self.0.saturating_add(other.0))
    }

    /// The lowest price in whole kopecks at which this much costs at least `amount`.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn price_of(self, amount: Kopecks) -> Result<Kopecks, MoneyError> {
        let whole = i128::from(amount.0).checked_mul(i128::from(MICRO));
        let up = whole.and_then(|whole| whole.checked_add(i128::from(self.0).checked_sub(1)?));
        let price = up.and_then(|up| up.checked_div(i128::from(self.0)));
        let price = price.and_then(|price| i64::try_from(price).ok());
        price.map(Kopecks).ok_or(MoneyError::Overflow)
    }

    /// `amount × part / self`, rounded half up: what a part of a line is worth (F25).
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn share_of(self, amount: Kopecks, part: Self) -> Result<Kopecks, MoneyError> {
        amount.share(part.0, self.0)
    }
}

/// Without trailing zeros: `2`, `0.3`, `1.25`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_decimal().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Result<Quantity, QuantityError> {
        Quantity::try_new(Decimal::from_str_exact(text).unwrap())
    }

    #[test]
    fn what_is_a_quantity() {
        for (text, shown) in [("1", "1"), ("2.50", "2.5"), ("0.000001", "0.000001")] {
            assert_eq!(quantity(text).unwrap().to_string(), shown);
        }
        assert_eq!(quantity("99999999").unwrap(), Quantity::units(99_999_999).unwrap());
        assert_eq!(quantity("0"), Err(QuantityError::NotPositive));
        assert_eq!(quantity("-1"), Err(QuantityError::NotPositive));
        assert_eq!(quantity("0.0000001"), Err(QuantityError::TooPrecise));
        assert_eq!(quantity("100000000"), Err(QuantityError::TooLarge));
        assert_eq!(quantity("99999999999999999999999999"), Err(QuantityError::TooLarge));
        assert_eq!(Quantity::units(0), Err(QuantityError::NotPositive));
        assert_eq!(Quantity::units(u32::MAX), Err(QuantityError::TooLarge));
    }

    #[test]
    fn amounts_are_rounded_half_up() {
        let rows = [("2", 8_500, 17_000), ("0.333", 1_000, 333), ("0.5", 1, 1), ("0.4", 1, 0)];
        for (text, price, amount) in rows {
            assert_eq!(quantity(text).unwrap().times(Kopecks(price)), Ok(Kopecks(amount)));
        }
        let whole = quantity("3").unwrap();
        assert_eq!(whole.share_of(Kopecks(10_000), Quantity::ONE), Ok(Kopecks(3_333)));
        assert_eq!(whole.without(Quantity::ONE), quantity("2"));
        assert_eq!(whole.without(whole), Err(QuantityError::NotPositive));
        assert_eq!(whole.plus(Quantity::ONE), quantity("4"));
        assert_eq!(quantity("99999999").unwrap().plus(whole), Err(QuantityError::TooLarge));
    }

    #[test]
    fn a_price_is_the_lowest_that_is_enough() {
        for (text, amount, price) in [("2", 17_000, 8_500), ("3", 10_000, 3_334), ("0.3", 1, 4)] {
            let quantity = quantity(text).unwrap();
            assert_eq!(quantity.price_of(Kopecks(amount)), Ok(Kopecks(price)));
            assert!(quantity.times(Kopecks(price)).unwrap() >= Kopecks(amount));
        }
        assert_eq!(
            Quantity::from_micro(1).unwrap().price_of(Kopecks(i64::MAX)),
            Err(MoneyError::Overflow)
        );
    }
}
