//! Amounts, quantities and moments as text (loymax.md 4).

use rust_decimal::Decimal;

use tillway_core::fiscal::Quantity;
use tillway_core::{Kopecks, Timestamp};

/// Two decimals, always.
pub(crate) fn amount(amount: Kopecks) -> String {
    let mut out = String::new();
    push_amount(amount, &mut out);
    out
}

/// Three decimals, and more where the quantity has them.
pub(crate) fn quantity(quantity: Quantity) -> String {
    let mut out = String::new();
    push_quantity(quantity, &mut out);
    out
}

/// As [`amount`], behind what is there.
pub(super) fn push_amount(amount: Kopecks, out: &mut String) {
    if amount.0 < 0 {
        out.push('-');
    }
    let abs = amount.0.unsigned_abs();
    push_digits(abs / 100, out);
    out.push('.');
    push_padded(abs % 100, 2, out);
}

/// As [`quantity`], behind what is there.
pub(super) fn push_quantity(quantity: Quantity, out: &mut String) {
    // A quantity is above zero.
    let micro = quantity.micro().unsigned_abs();
    push_digits(micro / 1_000_000, out);
    out.push('.');
    let part = micro % 1_000_000;
    let (part, width) = match (part % 1_000, part % 100, part % 10) {
        (0, ..) => (part / 1_000, 3),
        (_, 0, _) => (part / 100, 4),
        (.., 0) => (part / 10, 5),
        _ => (part, 6),
    };
    push_padded(part, width, out);
}

pub(super) fn push_digits(number: u64, out: &mut String) {
    push_padded(number, 1, out);
}

/// With zeros before it, up to this width.
fn push_padded(mut number: u64, width: usize, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    for (at, place) in digits.iter_mut().enumerate().rev() {
        if number == 0 && 20_usize.saturating_sub(first) >= width {
            break;
        }
        // A digit is below ten.
        *place = b'0' | u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        first = at;
    }
    let written = digits.get(first..).unwrap_or_default();
    out.push_str(core::str::from_utf8(written).unwrap_or_default());
}

/// The wall clock of the till with its offset, whole seconds.
pub(crate) fn moment(at: Timestamp) -> String {
    let wall = Timestamp::utc(at.wall_ms()).to_string();
    let seconds = wall.split('.').next().unwrap_or_default();
    let (sign, offset) = (if at.offset_min < 0 { '-' } else { '+' }, at.offset_min.unsigned_abs());
    format!("{seconds}{sign}{:02}:{:02}", offset / 60, offset % 60)
}

/// `None` when it is no amount of whole kopecks.
pub(crate) fn read_amount(text: &str) -> Option<Kopecks> {
    let text = text.trim();
    match plain_kopecks(text) {
        Some(kopecks) => Some(Kopecks(kopecks)),
        None => Kopecks::parse_rubles(text).ok(),
    }
}

/// Digits, a point and two digits, as amounts of answers are. `None` for others, which may be
/// amounts all the same.
fn plain_kopecks(text: &str) -> Option<i64> {
    let (whole, [b'.', tens, ones]) = text.as_bytes().split_last_chunk()? else { return None };
    // Leading zeros are left to the strict reader.
    let plain = matches!(whole, [b'0'] | [b'1'..=b'9', ..]) && whole.len() <= 12;
    if !plain {
        return None;
    }
    let mut digits = whole.iter().chain([tens, ones]);
    digits.try_fold(0_i64, |sum, byte| sum.checked_mul(10)?.checked_add(digit(*byte)?))
}

/// `None` when it is no quantity of ours; answers are not refused for it.
pub(crate) fn read_quantity(text: &str) -> Option<Quantity> {
    let text = text.trim();
    match plain_micro(text) {
        Some(micro) => Quantity::from_micro(micro).ok(),
        None => Quantity::try_new(Decimal::from_str_exact(text).ok()?).ok(),
    }
}

/// Digits, a point and at most six digits, as nearly all quantities are. `None` for others, which
/// may be quantities all the same.
fn plain_micro(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || whole.len() > 9 || part.len() > 6 || text.ends_with('.') {
        return None;
    }
    let zeros = core::iter::repeat_n(b'0', 6_usize.saturating_sub(part.len()));
    let mut digits = whole.bytes().chain(part.bytes()).chain(zeros);
    digits.try_fold(0_i64, |micro, byte| micro.checked_mul(10)?.checked_add(digit(byte)?))
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte & 0x0F))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals() {
        for (kopecks, text) in [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (239_850, "2398.50")] {
            assert_eq!(amount(Kopecks(kopecks)), text);
            assert_eq!(read_amount(text), Some(Kopecks(kopecks)));
        }
        assert_eq!(amount(Kopecks(i64::MIN)), "-92233720368547758.08");
        assert_eq!(read_amount(" 3999 "), Some(Kopecks(399_900)));
        assert_eq!(read_amount("1.234"), None);
        assert_eq!(read_amount("1 000.00"), None);
        for text in [
            "",
            ".",
            ".00",
            "0.00",
            "00.00",
            "01.00",
            "-0.01",
            "+1.00",
            "1.0",
            "1,00",
            "1.0x",
            "x.00",
            "9.9.99",
            "999999999999.99",
            "1000000000000.00",
            "92233720368547758.08",
            "1e2.00",
        ] {
            assert_eq!(read_amount(text), Kopecks::parse_rubles(text).ok(), "{text}");
        }
    }

    #[test]
    fn quantities_have_three_decimals_or_more() {
        let rows = [(2_000_000, "2.000"), (1_250_000, "1.250"), (1, "0.000001"), (1_500, "0.0015")];
        for (micro, text) in rows {
            let exact = Quantity::from_micro(micro).unwrap();
            assert_eq!(quantity(exact), text);
            assert_eq!(read_quantity(text), Some(exact));
        }
        for text in
            ["0", "0.000", "", ".", "1.", ".5", "-1", "+1", "1,5", "1e3", "1_0", "1.2345678"]
        {
            let exact = Decimal::from_str_exact(text).ok();
            let slow = exact.and_then(|exact| Quantity::try_new(exact).ok());
            assert_eq!(read_quantity(text), slow, "{text}");
        }
        assert_eq!(read_quantity(" 007.50 "), Quantity::from_micro(7_500_000).ok());
        assert_eq!(read_quantity("0"), None);
    }

    #[test]
    fn moments_are_of_the_till() {
        let utc_ms = 1_773_478_805_999;
        let rows = [
            (180, "2026-03-14T12:00:05+03:00"),
            (0, "2026-03-14T09:00:05+00:00"),
            (-210, "2026-03-14T05:30:05-03:30"),
        ];
        for (offset_min, text) in rows {
            assert_eq!(moment(Timestamp { utc_ms, offset_min }), text);
        }
    }
}
