//! Arithmetic of discounts and points (loymax.md 14). Rounding is to a kopeck, line by line.

use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::loyalty::{Cheque, Line};
use tillway_core::money::MoneyError;

/// What is left of a line for points: its price without what it must cost at least.
pub(super) fn room(line: &Line) -> Result<Kopecks, MoneyError> {
    let floor = line.price_min.map_or(Ok(Kopecks::ZERO), |price| line.quantity.times(price))?;
    Ok(line.amount.sub(floor)?.floor_zero())
}

/// A direct discount on a line, which never takes it below its minimal price.
pub(super) fn discount(line: &Line, percent: i64) -> Result<Kopecks, MoneyError> {
    Ok(line.amount.share(percent, 100)?.min(room(line)?))
}

/// A payment laid on lines: in proportion to what they cost, largest remainder first; what does
/// not fit on a line passes to the others by the same rule. `None` when it does not fit at all.
pub(super) fn lay(cheque: &Cheque, amount: Kopecks) -> Result<Option<Vec<Kopecks>>, MoneyError> {
    let rooms = cheque.lines.iter().map(room).collect::<Result<Vec<_>, _>>()?;
    if Kopecks::total(rooms.iter().copied())? < amount {
        return Ok(None);
    }
    let mut laid = vec![Kopecks::ZERO; rooms.len()];
    let mut rest = amount;
    // Each turn fills a line or ends.
    for _ in 0..=rooms.len() {
        let open: Vec<usize> = (0..rooms.len()).filter(|at| laid[*at] < rooms[*at]).collect();
        if rest.is_zero() || open.is_empty() {
            break;
        }
        let weights: Vec<Kopecks> = open.iter().map(|at| cheque.lines[*at].amount).collect();
        for (at, part) in open.iter().zip(shares(rest, &weights)?) {
            let fits = part.min(rooms[*at].sub(laid[*at])?);
            laid[*at] = laid[*at].add(fits)?;
            rest = rest.sub(fits)?;
        }
    }
    Ok(Some(laid))
}

/// `amount` in proportion to weights: whole kopecks, the largest remainders first.
fn shares(amount: Kopecks, weights: &[Kopecks]) -> Result<Vec<Kopecks>, MoneyError> {
    let total = Kopecks::total(weights.iter().copied())?;
    let (whole, sum) = (i128::from(amount.0), i128::from(total.0).max(1));
    let mut parts = Vec::with_capacity(weights.len());
    let mut left = amount;
    for (at, weight) in weights.iter().enumerate() {
        let product = whole.checked_mul(i128::from(weight.0)).ok_or(MoneyError::Overflow)?;
        let part = i64::try_from(product.div_euclid(sum)).map_err(|_| MoneyError::Overflow)?;
        left = left.sub(Kopecks(part))?;
        parts.push((at, Kopecks(part), product.rem_euclid(sum)));
    }
    parts.sort_by_key(|(at, _, remainder)| (core::cmp::Reverse(*remainder), *at));
    for (_, part, _) in &mut parts {
        if left.is_positive() {
            *part = part.add(Kopecks(1))?;
            left = left.sub(Kopecks(1))?;
        }
    }
    parts.sort_by_key(|(at, ..)| *at);
    Ok(parts.into_iter().map(|(_, part, _)| part).collect())
}

/// What a part of a line is worth when so much of it has gone back before: the last part takes
/// what is left, so that parts never drift.
pub(super) fn part_of(
    whole: Kopecks,
    (sold, before, now): (Quantity, Option<Quantity>, Quantity),
    given: Kopecks,
) -> Result<Kopecks, MoneyError> {
    let gone = before.map_or(Ok(now), |before| before.plus(now));
    let gone = gone.map_err(|_| MoneyError::Overflow)?;
    sold.share_of(whole, gone)?.sub(given)
}

#[cfg(test)]
mod tests {
    use tillway_core::Timestamp;
    use tillway_core::loyalty::Goods;

    use super::*;

    fn line(amount: i64, micro: i64, price_min: Option<i64>) -> Line {
        Line {
            position: 1,
            goods: Goods::Code("SKU".into()),
            name: None,
            price: None,
            quantity: Quantity::from_micro(micro).unwrap(),
            amount: Kopecks(amount),
            discount: None,
            cashback: None,
            correction: None,
            promo: false,
            price_min: price_min.map(Kopecks),
            params: Vec::new(),
        }
    }

    /// The example of loymax.md 7.4: cheese takes 12.50 at most, tea the rest.
    #[test]
    fn a_payment_lies_on_the_lines_as_in_the_note() {
        let lines = vec![line(27_000, 2_000_000, None), line(10_000, 1_250_000, Some(7_000))];
        let cheque = Cheque { number: None, at: Timestamp::default(), lines };
        let laid = |amount| lay(&cheque, Kopecks(amount)).unwrap();
        assert_eq!(laid(10_000), Some(vec![Kopecks(8_750), Kopecks(1_250)]));
        assert_eq!(laid(28_250), Some(vec![Kopecks(27_000), Kopecks(1_250)]));
        assert_eq!(laid(28_251), None);
        assert_eq!(laid(0), Some(vec![Kopecks(0), Kopecks(0)]));
    }

    #[test]
    fn shares_add_up() {
        let weights = [Kopecks(1), Kopecks(1), Kopecks(1)];
        assert_eq!(
            shares(Kopecks(100), &weights).unwrap(),
            [Kopecks(34), Kopecks(33), Kopecks(33)]
        );
        assert_eq!(
            shares(Kopecks(1), &[Kopecks(0), Kopecks(5)]).unwrap(),
            [Kopecks(0), Kopecks(1)]
        );
    }

    #[test]
    fn parts_of_a_line_never_drift() {
        let (sold, one) = (Quantity::units(3).unwrap(), Quantity::ONE);
        let (mut before, mut given) = (None, Kopecks::ZERO);
        for expected in [33, 34, 33] {
            let part = part_of(Kopecks(100), (sold, before, one), given).unwrap();
            assert_eq!(part, Kopecks(expected));
            given = given.add(part).unwrap();
            before = Some(before.map_or(one, |before: Quantity| before.plus(one).unwrap()));
        }
    }
}
