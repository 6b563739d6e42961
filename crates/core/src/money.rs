//! Money: whole kopecks, checked arithmetic, exact text.

use core::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// An amount in kopecks. Bonus points are counted in hundredths in the same way.
///
/// There is no `+` and no `-`: every sum is checked, an overflow is an error and never a wrapped
/// or saturated balance. Negative amounts are balances; a payment is at least one kopeck.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    minicbor::Encode,
    minicbor::Decode,
)]
#[cbor(transparent)]
pub struct Kopecks(#[n(0)] pub i64);

#[expect(clippy::should_implement_trait, reason = "checked sums are no operators")]
impl Kopecks {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, or an error when it does not fit.
    pub fn add(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The difference, or an error when it does not fit.
    pub fn sub(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_sub(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    /// The amount with its sign turned, or an error for the one number that has no negative.
    pub fn neg(self) -> Result<Self, MoneyError> {
        self.0.checked_neg().map(Self).ok_or(MoneyError::Overflow)
    }

    /// This amount, or zero when it is below zero.
    pub fn floor_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// Whether this is at least one kopeck.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Whether this is nothing.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum of many, checked at each step.
    pub fn total(parts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        parts.into_iter().try_fold(Self::ZERO, Self::add)
    }

    /// `self × numerator / denominator`, rounded half up towards plus infinity.
    ///
    /// The one place of core where money is rounded; `denominator` is above zero.
    pub fn share(self, numerator: i64, denominator: i64) -> Result<Self, MoneyError> {
        if denominator <= 0 {
            return Err(MoneyError::Overflow);
        }
        let (n, d) = (i128::from(numerator), i128::from(denominator));
        let doubled = i128::from(self.0).checked_mul(n).and_then(|v| v.checked_mul(2));
        let doubled_up = doubled.and_then(|v| v.checked_add(d)).ok_or(MoneyError::Overflow)?;
        let rounded = doubled_up.div_euclid(d.checked_mul(2).ok_or(MoneyError::Overflow)?);
        i64::try_from(rounded).map(Self).map_err(|_| MoneyError::Overflow)
    }

    /// Reads the text of a decimal number of rubles, exactly: `1650`, `1650.00`, `0.1`, `1e2`.
    ///
    /// # Errors
    /// [`MoneyError::Syntax`] for anything that is not a JSON number of at most 64 bytes,
    /// [`MoneyError::TooPrecise`] for a fraction of a kopeck, [`MoneyError::Overflow`] above
    /// ±92 233 720 368 547 758.07 and for more digits than any honest amount has, 38.
    pub fn parse_rubles(text: &str) -> Result<Self, MoneyError> {
        parse_scaled(text)
    }

    /// The plain text in rubles, without trailing zeros: `1650`, `50.7`, `0.01`, `-3.5`.
    pub fn rubles(self) -> Rubles {
        Rubles(self)
    }

    /// The amount as a person reads it in Russian: `84 865,00`, with a thin group of three.
    pub fn for_people(self) -> String {
        let abs = self.0.unsigned_abs();
        let (whole, part) = (abs / 100, abs % 100);
        let digits = whole.to_string();
        let mut text = String::from(if self.0 < 0 { "-" } else { "" });
        for (nth, group) in digits.as_bytes().rchunks(3).rev().enumerate() {
            text.push_str(if nth == 0 { "" } else { " " });
            text.push_str(str_of(group));
        }
        text + &format!(",{part:02}")
    }

    /// The same amount as a decimal number of rubles.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// A decimal number of rubles as kopecks, exact or not at all.
    ///
    /// # Errors
    /// As [`Kopecks::parse_rubles`].
    pub fn try_from_decimal(value: Decimal) -> Result<Self, MoneyError> {
        let scaled = value.checked_mul(Decimal::ONE_HUNDRED).ok_or(MoneyError::Overflow)?;
        if !scaled.fract().is_zero() {
            return Err(MoneyError::TooPrecise);
        }
        scaled.to_i64().map(Self).ok_or(MoneyError::Overflow)
    }
}

/// ASCII digits are text.
fn str_of(digits: &[u8]) -> &str {
    core::str::from_utf8(digits).unwrap_or_default()
}

/// Shows an amount as plain rubles, see [`Kopecks::rubles`].
#[derive(Clone, Copy, Debug)]
pub struct Rubles(Kopecks);

impl fmt::Display for Rubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abs = self.0.0.unsigned_abs();
        let (whole, part) = (abs / 100, abs % 100);
        if self.0.0 < 0 {
            f.write_str("-")?;
        }
        match (part, part % 10) {
            (0, _) => write!(f, "{whole}"),
            (_, 0) => write!(f, "{whole}.{}", part / 10),
            _ => write!(f, "{whole}.{part:02}"),
        }
    }
}

/// Why an amount cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// The result does not fit into 64 bits of kopecks. Treat as a refusal of the request.
    #[error("amount is out of range")]
    Overflow,
    /// The text is not a decimal number. Ask the sender for plain digits.
    #[error("amount is not a number")]
    Syntax,
    /// The number has a fraction of a kopeck. Ask the sender to round.
    #[error("amount has a fraction of a kopeck")]
    TooPrecise,
}

/// Digits beyond this are refused before any arithmetic: no honest amount has them.
const TEXT_LEN_MAX: usize = 64;

fn parse_scaled(text: &str) -> Result<Kopecks, MoneyError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > TEXT_LEN_MAX {
        return Err(MoneyError::Syntax);
    }
    let (negative, digits) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let (mantissa, exponent) = split_exponent(digits)?;
    let (whole, fraction) = match mantissa.iter().position(|b| *b == b'.') {
        Some(dot) => {
            let (whole, rest) = mantissa.split_at(dot);
            let fraction = rest.get(1..).unwrap_or_default();
            if fraction.is_empty() {
                return Err(MoneyError::Syntax);
            }
            (whole, fraction)
        }
        None => (mantissa, &[][..]),
    };
    let leading_zero = whole.len() > 1 && whole.first() == Some(&b'0');
    if whole.is_empty() || leading_zero {
        return Err(MoneyError::Syntax);
    }
    let value = scaled_value(whole, fraction, exponent)?;
    let signed = if negative { value.checked_neg().ok_or(MoneyError::Overflow)? } else { value };
    i64::try_from(signed).map(Kopecks).map_err(|_| MoneyError::Overflow)
}

fn split_exponent(digits: &[u8]) -> Result<(&[u8], i32), MoneyError> {
    let Some(at) = digits.iter().position(|b| matches!(b, b'e' | b'E')) else {
        return Ok((digits, 0));
    };
    let (mantissa, rest) = digits.split_at(at);
    let text = core::str::from_utf8(rest.get(1..).unwrap_or_default());
    let exponent = text.map_err(|_| MoneyError::Syntax)?;
    let (below, digits) = match exponent.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(MoneyError::Syntax);
    }
    // One that does not fit moves the point beyond every digit there is.
    let far = if below { i32::MIN } else { i32::MAX };
    Ok((mantissa, exponent.parse().unwrap_or(far)))
}

/// `whole.fraction × 10^exponent` in kopecks; digits below a kopeck must be zeros.
fn scaled_value(whole: &[u8], fraction: &[u8], exponent: i32) -> Result<i128, MoneyError> {
    let fraction_len = i32::try_from(fraction.len()).map_err(|_| MoneyError::Syntax)?;
    let mut value = Some(0_i128);
    for b in whole.iter().chain(fraction) {
        if !b.is_ascii_digit() {
            return Err(MoneyError::Syntax);
        }
        let digit = i128::from(b.wrapping_sub(b'0'));
        value = value.and_then(|v| v.checked_mul(10)).and_then(|v| v.checked_add(digit));
    }
    let value = value.ok_or(MoneyError::Overflow)?;
    if value == 0 {
        return Ok(0);
    }
    let power = exponent.checked_sub(fraction_len).ok_or(MoneyError::TooPrecise)?;
    let power = power.checked_add(2).ok_or(MoneyError::Overflow)?;
    let factor = 10_i128.checked_pow(power.unsigned_abs());
    match (power >= 0, factor) {
        (true, Some(factor)) => value.checked_mul(factor).ok_or(MoneyError::Overflow),
        (true, None) => Err(MoneyError::Overflow),
        (false, Some(factor)) => match (value.checked_div(factor), value.checked_rem(factor)) {
            (Some(quotient), Some(0)) => Ok(quotient),
            _ => Err(MoneyError::TooPrecise),
        },
        (false, None) => Err(MoneyError::TooPrecise),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_rubles_to_programs_and_to_people() {
        let rows = [
            (0, "0", "0,00"),
            (1, "0.01", "0,01"),
            (-1, "-0.01", "-0,01"),
            (5_070, "50.7", "50,70"),
            (105, "1.05", "1,05"),
            (165_000, "1650", "1 650,00"),
            (-350, "-3.5", "-3,50"),
            (8_486_500, "84865", "84 865,00"),
        ];
        for (kopecks, plain, people) in rows {
            assert_eq!(Kopecks(kopecks).rubles().to_string(), plain);
            assert_eq!(Kopecks(kopecks).for_people().replace('\u{a0}', " "), people);
        }
    }

    #[test]
    fn turns_the_sign_where_it_can_be_turned() {
        assert_eq!(Kopecks(5).neg(), Ok(Kopecks(-5)));
        assert_eq!(Kopecks(i64::MIN).neg(), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_text_of_64_bytes_is_read_and_one_of_65_is_not() {
        let text = |zeros: usize| format!("1.{}", "0".repeat(zeros));
        assert_eq!(Kopecks::parse_rubles(&text(30)), Ok(Kopecks(100)));
        let error = Kopecks::parse_rubles(&text(62)).unwrap_err();
        assert_ne!(error, MoneyError::Syntax, "64 bytes are looked at");
        assert_eq!(Kopecks::parse_rubles(&text(63)), Err(MoneyError::Syntax));
    }

    #[test]
    fn reads_exact_rubles_and_refuses_the_rest() {
        let good = [
            ("0", 0),
            ("-0", 0),
            ("0.1", 10),
            ("50.7", 5_070),
            ("1650.00", 165_000),
            ("84865", 8_486_500),
            ("9999999999.99", 999_999_999_999),
            ("1e2", 10_000),
            ("1.5E-1", 15),
            ("1.000", 100),
            ("0e999999999", 0),
            ("0e99999999999", 0),
            ("-92233720368547758.08", i64::MIN),
        ];
        for (text, kopecks) in good {
            assert_eq!(Kopecks::parse_rubles(text), Ok(Kopecks(kopecks)), "{text}");
        }
        let bad = [
            ("", MoneyError::Syntax),
            ("-", MoneyError::Syntax),
            (".5", MoneyError::Syntax),
            ("5.", MoneyError::Syntax),
            ("01", MoneyError::Syntax),
            ("+1", MoneyError::Syntax),
            ("1,5", MoneyError::Syntax),
            ("NaN", MoneyError::Syntax),
            ("1e", MoneyError::Syntax),
            ("1e+-9", MoneyError::Syntax),
            ("2.5E9999999999999990.011@", MoneyError::Syntax),
            ("1111111111111111111111111111111111111111x", MoneyError::Syntax),
            ("0.001", MoneyError::TooPrecise),
            ("1e-3", MoneyError::TooPrecise),
            ("92233720368547758.08", MoneyError::Overflow),
            ("1e99", MoneyError::Overflow),
            ("1e-999999999", MoneyError::TooPrecise),
            ("1e99999999999", MoneyError::Overflow),
            ("1e-99999999999", MoneyError::TooPrecise),
        ];
        for (text, error) in bad {
            assert_eq!(Kopecks::parse_rubles(text), Err(error), "{text}");
        }
    }

    #[test]
    fn shares_round_half_up() {
        assert_eq!(Kopecks(100).share(1, 3), Ok(Kopecks(33)));
        assert_eq!(Kopecks(1).share(1, 2), Ok(Kopecks(1)));
        assert_eq!(Kopecks(-1).share(1, 2), Ok(Kopecks(0)));
        assert_eq!(Kopecks(1).share(1, 0), Err(MoneyError::Overflow));
        assert_eq!(Kopecks(i64::MAX).share(2, 1), Err(MoneyError::Overflow));
    }

    #[test]
    fn people_read_groups_of_three() {
        assert_eq!(Kopecks(10_094_100).for_people(), "100 941,00");
        assert_eq!(Kopecks(-5).for_people(), "-0,05");
        assert_eq!(Kopecks(100_000_000).for_people(), "1 000 000,00");
    }

    proptest! {
        #[test]
        fn text_round_trips(value: i64) {
            let text = Kopecks(value).rubles().to_string();
            prop_assert_eq!(Kopecks::parse_rubles(&text), Ok(Kopecks(value)));
            let decimal = Decimal::from_str_exact(&text).unwrap();
            prop_assert_eq!(Kopecks::try_from_decimal(decimal), Ok(Kopecks(value)));
            prop_assert_eq!(Kopecks(value).to_decimal(), decimal);
        }

        #[test]
        fn any_text_agrees_with_decimal(text in "-?[0-9]{1,12}(\\.[0-9]{1,4})?") {
            let ours = Kopecks::parse_rubles(&text);
            let leading_zero = {
                let t = text.trim_start_matches('-');
                t.len() > 1 && t.starts_with('0') && !t.starts_with("0.")
            };
            prop_assume!(!leading_zero);
            let theirs = Decimal::from_str_exact(&text).unwrap();
            prop_assert_eq!(ours, Kopecks::try_from_decimal(theirs));
        }

        #[test]
        fn checked_sums_agree_with_wide_ones(a: i64, b: i64) {
            let wide = i128::from(a) + i128::from(b);
            prop_assert_eq!(Kopecks(a).add(Kopecks(b)).ok().map(|k| i128::from(k.0)),
                            i64::try_from(wide).ok().map(i128::from));
        }
    }
}
