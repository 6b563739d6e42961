//! Amounts, quantities, moments as text (loymax.md 4).

use rust_decimal::Decimal;
use tillway_core::fiscal::Quantity;
use tillway_core::{Kopecks, Timestamp};

use super::tree::Node;
use crate::loymax::house::{Code, Refusal};

/// An attribute that must be there.
pub(super) fn required<'a>(node: &'a Node, name: &str) -> Result<&'a str, Refusal> {
    node.attribute(name).ok_or_else(|| {
        let why = format!("The required attribute '{name}' of '{}' is missing.", node.name);
        Refusal::new(Code::RequereFieldException, why)
    })
}

pub(super) fn format_of(node: &Node, name: &str) -> Refusal {
    let why = format!("The '{name}' attribute of '{}' is invalid.", node.name);
    Refusal::new(Code::FormatException, why)
}

pub(super) fn amount(node: &Node, name: &str) -> Result<Option<Kopecks>, Refusal> {
    let read = |text: &str| Kopecks::parse_rubles(text).map_err(|_| format_of(node, name));
    node.attribute(name).map(read).transpose()
}

pub(super) fn quantity(node: &Node, name: &str) -> Result<Quantity, Refusal> {
    let text = required(node, name)?;
    let exact = Decimal::from_str_exact(text).ok();
    let quantity = exact.and_then(|exact| Quantity::try_new(exact).ok());
    quantity.ok_or_else(|| format_of(node, name))
}

/// A whole number above zero.
pub(super) fn number(node: &Node, name: &str) -> Result<u32, Refusal> {
    let text = required(node, name)?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or_else(|| format_of(node, name))
}

/// Text of 1 to 64 characters.
pub(super) fn id(node: &Node, name: &str) -> Result<String, Refusal> {
    let text = required(node, name)?;
    if (1..=64).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err(format_of(node, name))
    }
}

/// A moment; one without an offset has this one, in minutes.
pub(super) fn moment(node: &Node, name: &str, offset: Option<i16>) -> Result<Timestamp, Refusal> {
    read_moment(required(node, name)?, offset).ok_or_else(|| format_of(node, name))
}

fn read_moment(text: &str, offset: Option<i16>) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let (clock, offset_min) = match time.find(['Z', '+', '-']) {
        None => (time, offset?),
        Some(place) => {
            let (clock, zone) = time.split_at(place);
            (clock, zone_minutes(zone)?)
        }
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(whole, ':', [2, 2, 2])?;
    let digits =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|it| it.is_ascii_digit());
    let ms: i64 = format!("{fraction}00").get(..3).filter(|_| digits)?.parse().ok()?;
    let valid = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !valid {
        return None;
    }
    let days = days(year, month, day);
    let seconds = days
        .checked_mul(86_400)?
        .checked_add(hour * 3_600 + minute * 60 + second)?
        .checked_sub(i64::from(offset_min).checked_mul(60)?)?;
    Some(Timestamp { utc_ms: seconds.checked_mul(1_000)?.checked_add(ms)?, offset_min })
}

fn zone_minutes(zone: &str) -> Option<i16> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let part = |text: &str| text.parse::<i16>().ok().filter(|_| text.len() == 2);
    let total = part(hours)?.checked_mul(60)?.checked_add(part(minutes).filter(|it| *it < 60)?)?;
    (total <= 18 * 60).then_some(sign * total)
}

fn numbers(text: &str, mark: char, widths: [usize; 3]) -> Option<[i64; 3]> {
    let parts: Vec<&str> = text.split(mark).collect();
    let mut all = [0; 3];
    if parts.len() != 3 {
        return None;
    }
    for ((part, width), place) in parts.iter().zip(widths).zip(&mut all) {
        let digits = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
        *place = part.parse().ok().filter(|_| digits)?;
    }
    Some(all)
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01, of a year with four digits.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Three decimals, and more where there are more.
pub(super) fn quantity_text(quantity: Quantity) -> String {
    let mut exact = quantity.to_decimal();
    if exact.scale() < 3 {
        exact.rescale(3);
    }
    exact.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let at = |text: &str| read_moment(text, None).map(|at| (at.utc_ms, at.offset_min));
        assert_eq!(at("2026-03-14T12:00:05+03:00"), Some((1_773_478_805_000, 180)));
        assert_eq!(at("2026-03-14T12:00:05.25+03:00"), Some((1_773_478_805_250, 180)));
        assert_eq!(at("2026-03-14T05:30:05-03:30"), Some((1_773_478_805_000, -210)));
        assert_eq!(at("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(at("2024-02-29T00:00:00Z"), Some((1_709_164_800_000, 0)));
        for wrong in [
            "2026-03-14T12:00:05",
            "2026-02-29T00:00:00Z",
            "2026-03-14 12:00:05Z",
            "2026-13-01T00:00:00Z",
            "2026-03-14T24:00:00Z",
            "2026-03-14T12:00:05+19:00",
            "26-03-14T12:00:05Z",
            "T",
            "",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
        let local = read_moment("2026-03-14T12:00:05", Some(180)).unwrap();
        assert_eq!(local.utc_ms, 1_773_478_805_000);
    }
}
