//! Time as core knows it: a wall-clock reading with the offset of the till that saw it.

use core::fmt;
use core::time::Duration;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, and minutes east of UTC where it was read.
///
/// Equality, order and arithmetic look at `utc_ms` alone: two readings of one moment are equal
/// wherever they were taken. The offset only tells a person the local time.
#[derive(Clone, Copy, Debug, Default, minicbor::Encode, minicbor::Decode)]
pub struct Timestamp {
    /// Milliseconds since the epoch, UTC.
    #[n(0)]
    pub utc_ms: i64,
    /// Minutes east of UTC, −1 080 to +1 080.
    #[n(1)]
    pub offset_min: i16,
}

impl Timestamp {
    /// A moment in UTC.
    pub const fn utc(utc_ms: i64) -> Self {
        Self { utc_ms, offset_min: 0 }
    }

    /// This much later; stays at the end of time rather than turning round.
    pub fn after(self, by: Duration) -> Self {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self { utc_ms: self.utc_ms.saturating_add(ms), ..self }
    }

    /// This much earlier; stays at the beginning of time rather than turning round.
    pub fn before(self, by: Duration) -> Self {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self { utc_ms: self.utc_ms.saturating_sub(ms), ..self }
    }

    /// What a clock on the wall shows, as milliseconds since 1970 began there: for registers,
    /// whose clock is right where they stand and whose offset is somebody's guess.
    pub fn wall_ms(self) -> i64 {
        self.utc_ms.saturating_add(i64::from(self.offset_min).saturating_mul(60_000))
    }

    /// Day and minute on the wall, as receipts write them: `20260302` and `1241`.
    pub fn wall(self) -> (String, String) {
        let (y, m, d) = civil(self.wall_ms().div_euclid(86_400_000));
        let minutes = self.wall_ms().rem_euclid(86_400_000) / 60_000;
        (format!("{y:04}{m:02}{d:02}"), format!("{:02}{:02}", minutes / 60, minutes % 60))
    }

    /// Year, month and day on the wall; `None` outside of the years 0 to 9999.
    pub fn wall_date(self) -> Option<(u16, u8, u8)> {
        let (y, m, d) = civil(self.wall_ms().div_euclid(86_400_000));
        let year = u16::try_from(y).ok().filter(|year| *year <= 9_999)?;
        Some((year, u8::try_from(m).ok()?, u8::try_from(d).ok()?))
    }

    /// How long from `earlier` to this moment; zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        let ms = self.utc_ms.saturating_sub(earlier.utc_ms);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.utc_ms == other.utc_ms
    }
}

impl Eq for Timestamp {}

impl core::hash::Hash for Timestamp {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.utc_ms.hash(state);
    }
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.utc_ms.cmp(&other.utc_ms)
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T04:46:42.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.utc_ms.div_euclid(86_400_000);
        let ms = self.utc_ms.rem_euclid(86_400_000);
        let (y, m, d) = civil(days);
        let (h, min, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        write!(f, "{y:04}-{m:02}-{d:02}T{h:02}:{min:02}:{s:02}.{:03}Z", ms % 1_000)
    }
}

/// Year, month and day of a day number counted from 1970-01-01 (proleptic Gregorian calendar).
#[expect(clippy::arithmetic_side_effects, reason = "days of an i64 of milliseconds stay small")]
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_rfc_3339() {
        let rows = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ];
        for (ms, text) in rows {
            assert_eq!(Timestamp::utc(ms).to_string(), text);
        }
    }

    #[test]
    fn one_moment_is_one_moment_everywhere() {
        let here = Timestamp { utc_ms: 5, offset_min: 180 };
        assert_eq!(here, Timestamp::utc(5));
        assert!(here <= Timestamp::utc(5));
    }

    #[test]
    fn never_turns_round() {
        let end = Timestamp::utc(i64::MAX);
        assert_eq!(end.after(Duration::MAX), end);
        assert_eq!(Timestamp::utc(5).since(Timestamp::utc(9)), Duration::ZERO);
    }
}
