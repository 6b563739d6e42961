//! The processing's arithmetic (loymax.md 14): shares, percents, and sums laid on lines.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::money::MoneyError;

use super::Percent;

const MICRO: i64 = 1_000_000;

/// Millionths of a unit.
pub(super) fn micro(quantity: Quantity) -> Result<i64, MoneyError> {
    let scaled = quantity.to_decimal().checked_mul(Decimal::from(MICRO));
    scaled.and_then(|scaled| scaled.to_i64()).ok_or(MoneyError::Overflow)
}

/// `amount × part / whole`, half away from zero.
pub(super) fn part(amount: Kopecks, part: i64, whole: i64) -> Result<Kopecks, MoneyError> {
    let product = i128::from(amount.0).checked_mul(i128::from(part));
    let doubled = product.and_then(|it| it.checked_mul(2)).ok_or(MoneyError::Overflow)?;
    let whole = i128::from(whole);
    if whole <= 0 {
        return Err(MoneyError::Overflow);
    }
    // Halves go away from zero: the magnitude is rounded up, the sign put back.
    let up = doubled.unsigned_abs().checked_add(whole.unsigned_abs());
    let both = whole.unsigned_abs().checked_mul(2);
    let rounded = up.zip(both).and_then(|(up, both)| up.checked_div(both));
    let rounded = rounded.and_then(|it| i64::try_from(it).ok()).ok_or(MoneyError::Overflow)?;
    let signed = if doubled < 0 { rounded.checked_neg() } else { Some(rounded) };
    signed.map(Kopecks).ok_or(MoneyError::Overflow)
}

/// `price × quantity`.
pub(super) fn cost(price: Kopecks, quantity: Quantity) -> Result<Kopecks, MoneyError> {
    part(price, micro(quantity)?, MICRO)
}

/// A percentage of an amount.
pub(super) fn percent(amount: Kopecks, percent: Percent) -> Result<Kopecks, MoneyError> {
    part(amount, i64::from(percent.0), 10_000)
}

/// A sum in proportion to weights that are not below zero, by largest remainder: the parts are the
/// sum exactly. Of equal remainders the earlier one is served. Nothing, when all weights are zero.
pub(super) fn proportion(total: Kopecks, weights: &[i64]) -> Result<Vec<Kopecks>, MoneyError> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum <= 0 {
        return Ok(vec![Kopecks::ZERO; weights.len()]);
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut rests = Vec::with_capacity(weights.len());
    for (place, weight) in weights.iter().enumerate() {
        let product = i128::from(total.0).checked_mul(i128::from(*weight));
        let product = product.ok_or(MoneyError::Overflow)?;
        let whole = i64::try_from(product.div_euclid(sum)).map_err(|_| MoneyError::Overflow)?;
        parts.push(Kopecks(whole));
        rests.push((product.rem_euclid(sum), place));
    }
    let laid = Kopecks::total(parts.iter().copied())?;
    let left = usize::try_from(total.sub(laid)?.0).map_err(|_| MoneyError::Overflow)?;
    rests.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for (_, place) in rests.into_iter().take(left) {
        if let Some(part) = parts.get_mut(place) {
            *part = part.add(Kopecks(1))?;
        }
    }
    Ok(parts)
}

/// A sum in proportion to weights, no part above its cap: what a capped part cannot take passes to
/// the others by the same rule. `None` when the caps hold less than the sum.
pub(super) fn lay(
    total: Kopecks,
    weights: &[Kopecks],
    caps: &[Kopecks],
) -> Result<Option<Vec<Kopecks>>, MoneyError> {
    let mut laid = vec![Kopecks::ZERO; weights.len()];
    let mut left = total;
    // Each round fills at least one part up to its cap, or ends.
    for _ in 0..=weights.len() {
        if left.is_zero() {
            return Ok(Some(laid));
        }
        let open: Vec<i64> = laid
            .iter()
            .zip(weights.iter().zip(caps))
            .map(|(laid, (weight, cap))| if laid < cap { weight.0 } else { 0 })
            .collect();
        let shares = proportion(left, &open)?;
        for ((laid, share), cap) in laid.iter_mut().zip(shares).zip(caps) {
            let taken = share.min(cap.sub(*laid)?.floor_zero());
            *laid = laid.add(taken)?;
            left = left.sub(taken)?;
        }
    }
    Ok(left.is_zero().then_some(laid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kopecks(amounts: &[i64]) -> Vec<Kopecks> {
        amounts.iter().copied().map(Kopecks).collect()
    }

    #[test]
    fn halves_go_away_from_zero() {
        for (amount, part_of, whole, is) in [
            (1, 1, 2, 1),
            (-1, 1, 2, -1),
            (913, 1, 2, 457),
            (1, 1, 3, 0),
            (239_850, 15, 100, 35_978),
        ] {
            assert_eq!(part(Kopecks(amount), part_of, whole), Ok(Kopecks(is)));
        }
        assert_eq!(part(Kopecks(i64::MAX), i64::MAX, 1), Err(MoneyError::Overflow));
        assert_eq!(part(Kopecks(1), 1, 0), Err(MoneyError::Overflow));
        let weighed = Quantity::from_micro(1_250_000).unwrap();
        assert_eq!(cost(Kopecks(8_990), weighed), Ok(Kopecks(11_238)));
    }

    #[test]
    fn the_largest_remainder_is_served_first() {
        assert_eq!(proportion(Kopecks(100), &[1, 1, 1]), Ok(kopecks(&[34, 33, 33])));
        assert_eq!(proportion(Kopecks(10_000), &[27_000, 10_000]), Ok(kopecks(&[7_297, 2_703])));
        assert_eq!(proportion(Kopecks(5), &[0, 0]), Ok(kopecks(&[0, 0])));
    }

    #[test]
    fn what_a_line_cannot_take_goes_to_the_others() {
        let weights = kopecks(&[27_000, 10_000]);
        let laid = |total, caps: &[i64]| lay(Kopecks(total), &weights, &kopecks(caps)).unwrap();
        assert_eq!(laid(10_000, &[27_000, 1_250]), Some(kopecks(&[8_750, 1_250])));
        assert_eq!(laid(28_250, &[27_000, 1_250]), Some(kopecks(&[27_000, 1_250])));
        assert_eq!(laid(28_251, &[27_000, 1_250]), None);
        assert_eq!(laid(0, &[0, 0]), Some(kopecks(&[0, 0])));
    }
}
