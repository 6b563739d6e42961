//! Days and times as the driver writes them. All are times on the wall, in milliseconds since 1970.

use tillway_core::Timestamp;

const DAY_MS: i64 = 86_400_000;

/// ISO 8601 with the offset that the host glues on: `2026-03-02T12:41:00+03:00`.
pub(super) fn iso(wall: i64, offset_min: i16) -> String {
    let (day, minute) = Timestamp::utc(wall).wall();
    let second = wall.rem_euclid(60_000) / 1_000;
    let part = |text: &str, from: usize, to: usize| text.get(from..to).unwrap_or("").to_owned();
    let (y, m, d) = (part(&day, 0, 4), part(&day, 4, 6), part(&day, 6, 8));
    let (h, min) = (part(&minute, 0, 2), part(&minute, 2, 4));
    let sign = if offset_min < 0 { '-' } else { '+' };
    let offset = offset_min.unsigned_abs();
    let (oh, om) = (offset / 60, offset % 60);
    format!("{y}-{m}-{d}T{h}:{min}:{second:02}{sign}{oh:02}:{om:02}")
}

/// A day as tasks write it, `2026.03.02`.
pub(super) fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('.');
    let (y, m, d) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let long = match m {
        2 if y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let real = parts.next().is_none() && (1..=12).contains(&m) && (1..=long).contains(&d);
    real.then(|| days(y, m, d) * DAY_MS)
}

/// A moment as tasks write it, `2026.03.02 12:41:00`.
pub(super) fn moment(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let mut parts = time.split(':');
    let (h, m, s) =
        (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let real = parts.next().is_none() && h < 24 && m < 60 && s < 60;
    let seconds = (h * 60 + m) * 60 + s;
    if real { Some(day(date)? + seconds * 1_000) } else { None }
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let (era, of_era) = (y.div_euclid(400), y.rem_euclid(400));
    let of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_are_read_and_written() {
        let noon = moment("2026.03.02 12:41:07").unwrap();
        assert_eq!(noon, 1_772_455_267_000);
        assert_eq!(iso(noon, 180), "2026-03-02T12:41:07+03:00");
        assert_eq!(iso(noon, -210), "2026-03-02T12:41:07-03:30");
        assert_eq!(day("1970.01.01"), Some(0));
        assert!(day("2024.02.29").is_some());
        for wrong in ["2025.02.29", "2026.13.01", "2026-03-02", "26.03.02", "2026.03.02.1", ""] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
        for wrong in ["2026.03.02", "2026.03.02 24:00:00", "2026.03.02 12:00", "x 12:00:00"] {
            assert_eq!(moment(wrong), None, "{wrong}");
        }
    }
}
