//! Amounts, quantities and moments as text (loymax.md 4).

use rust_decimal::Decimal;

use tillway_core::fiscal::Quantity;
use tillway_core::{Kopecks, Timestamp};

/// Two decimals, always.
pub(crate) fn amount(amount: Kopecks) -> String {
    let (sign, abs) = (if amount.0 < 0 { "-" } else { "" }, amount.0.unsigned_abs());
    format!("{sign}{}.{:02}", abs / 100, abs % 100)
}

/// Three decimals, and more where the quantity has them.
pub(crate) fn quantity(quantity: Quantity) -> String {
    let mut exact = quantity.to_decimal();
    if exact.scale() < 3 {
        exact.rescale(3);
    }
    exact.to_string()
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
    Kopecks::parse_rubles(text.trim()).ok()
}

/// `None` when it is no quantity of ours; answers are not refused for it.
pub(crate) fn read_quantity(text: &str) -> Option<Quantity> {
    Quantity::try_new(Decimal::from_str_exact(text.trim()).ok()?).ok()
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
    }

    #[test]
    fn quantities_have_three_decimals_or_more() {
        let rows = [(2_000_000, "2.000"), (1_250_000, "1.250"), (1, "0.000001"), (1_500, "0.0015")];
        for (micro, text) in rows {
            let exact = Quantity::from_micro(micro).unwrap();
            assert_eq!(quantity(exact), text);
            assert_eq!(read_quantity(text), Some(exact));
        }
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
