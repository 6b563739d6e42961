//! Kopecks: from text and back, in checked arithmetic.

use rust_decimal::Decimal;
use tillway_core::money::{Kopecks, MoneyError};
use tillway_transport::json::NumberText;

use crate::bytes::{Bytes, amount};

/// The longest text that `parse_rubles` looks at.
const TEXT_LEN_MAX: usize = 64;

/// The most digits that it counts with.
const DIGITS_MAX: usize = 38;

/// A text that may be an amount, or amounts to count with.
pub fn run(data: &[u8]) {
    if let Some(numbers) = data.strip_prefix(b"#") {
        arithmetic(&mut Bytes::new(numbers));
    } else if let Ok(text) = core::str::from_utf8(data) {
        text_to_kopecks(text);
    }
}

fn text_to_kopecks(text: &str) {
    let ours = Kopecks::parse_rubles(text);
    let is_number = NumberText::try_new(text).is_ok();
    match ours {
        Ok(sum) => {
            assert!(is_number, "no JSON number: {text}");
            assert_eq!(exact(text), Some(sum.0), "{text}");
        }
        Err(MoneyError::Syntax) => {
            assert!(!is_number || text.len() > TEXT_LEN_MAX, "a JSON number: {text}");
        }
        Err(error) => {
            assert!(is_number, "no JSON number: {text}");
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            assert!(exact(text).is_none() || digits > DIGITS_MAX, "{error}: {text}");
        }
    }
    // The other codec: it knows fewer digits, so what it takes is compared, not what it refuses.
    let theirs = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    if let (true, Ok(sum), Ok(theirs)) = (is_number, ours, theirs) {
        assert_eq!(Kopecks::try_from_decimal(theirs), Ok(sum), "{text}");
    }
    if let (true, Ok(theirs)) = (is_number, Decimal::from_str_exact(text)) {
        assert_eq!(Kopecks::try_from_decimal(theirs).ok(), ours.ok(), "{text}");
    }
}

/// The value of a JSON number in kopecks by moving the point in its digits; `None` when there is a
/// fraction left or it does not fit.
fn exact(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // An exponent that does not fit moves the point beyond any amount, or below any kopeck.
    let shift = exponent.parse::<i64>().ok()?.checked_add(2 - fraction.len() as i64)?;
    let kopecks = if shift < 0 {
        let cut = digits.len().checked_sub(usize::try_from(-shift).ok()?)?;
        let (kept, lost) = digits.split_at(cut);
        if lost.bytes().any(|digit| digit != b'0') || kept.is_empty() {
            return None;
        }
        kept.to_owned()
    } else if shift < 20 {
        format!("{digits}{}", "0".repeat(shift as usize))
    } else {
        return None;
    };
    let sign = if negative { "-" } else { "" };
    format!("{sign}{kopecks}").parse().ok()
}

fn arithmetic(bytes: &mut Bytes<'_>) {
    let (a, b, c) = (amount(bytes), amount(bytes), amount(bytes));
    let (one, other) = (Kopecks(a), Kopecks(b));
    let (wide_a, wide_b) = (i128::from(a), i128::from(b));
    let fits = |sum: i128| i64::try_from(sum).map(Kopecks).map_err(|_| MoneyError::Overflow);
    assert_eq!(one.add(other), fits(wide_a + wide_b));
    assert_eq!(one.sub(other), fits(wide_a - wide_b));
    assert_eq!(one.neg(), fits(-wide_a));
    let text = one.rubles().to_string();
    assert_eq!(Kopecks::parse_rubles(&text), Ok(one), "{text}");
    assert_eq!(Kopecks::try_from_decimal(one.to_decimal()), Ok(one));
    assert!(NumberText::try_new(text.as_str()).is_ok(), "{text}");
    let people = one.for_people();
    let plain: String = people.chars().filter(|c| !c.is_whitespace()).collect();
    assert_eq!(Kopecks::parse_rubles(&plain.replace(',', ".")), Ok(one), "{people}");

    match one.share(b, c) {
        Ok(part) => {
            // Within half a kopeck of the exact value, and half goes up.
            let twice_off = 2 * (i128::from(part.0) * i128::from(c) - wide_a * wide_b);
            assert!(c > 0 && -i128::from(c) < twice_off && twice_off <= i128::from(c));
        }
        Err(_) => {
            let limit = i128::from(i64::MAX) * i128::from(c.max(0));
            // Products near 2^126 do not fit when doubled: an error, never a wrong sum.
            assert!(c <= 0 || (wide_a * wide_b).abs() >= limit);
        }
    }
}
