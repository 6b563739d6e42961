//! The fiscal receipt of a sale with loyalty: the processing's amounts become those of its lines.
//!
//! Points are no tender (money.md 5): a line costs what it cost after discounts, less the points
//! that the processing laid on it. Nothing is computed here that the processing said; what does not
//! add up is not used: cancel the purchase and sell without loyalty.

use crate::fiscal::{self, Receipt};
use crate::loyalty::{Answer, Cheque, Kopecks};
use crate::money::MoneyError;

/// A line of a receipt, by the position it has in the cheque.
pub type Position = (u32, fiscal::Line);

/// Why a receipt cannot be made of what the processing said.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Receipt and cheque do not have the same lines. A mistake of the caller.
    #[error("position {0}: the receipt and the cheque differ")]
    Differs(u32),
    /// The points on a line are below zero, or more than it costs.
    #[error("position {0}: the points on it are below zero, or more than it costs")]
    Points(u32),
    /// The points on the lines are not those that were taken.
    #[error("{} of points lie on the lines, {} were taken", laid.rubles(), taken.rubles())]
    Laid {
        /// On the lines together.
        laid: Kopecks,
        /// Taken.
        taken: Kopecks,
    },
    /// Less is left to pay in money than a receipt of ours must have (F28).
    #[error("{} is left to pay in money, at least {} must be", left.rubles(), min.rubles())]
    TooLittleMoney {
        /// What is left.
        left: Kopecks,
        /// The least.
        min: Kopecks,
    },
    /// The processing gives back other money than the receipt of the sale says (F8).
    #[error("{} goes back in money, the processing says {}", ours.rubles(), theirs.rubles())]
    Money {
        /// By the receipt.
        ours: Kopecks,
        /// By the processing.
        theirs: Kopecks,
    },
    /// A sum does not fit.
    #[error(transparent)]
    Sum(#[from] MoneyError),
}

/// How many points may be asked for: those that the processing allows, but `min_money` of the
/// receipt stays to be paid in money (F28). Zero `min_money` allows a receipt of zero.
///
/// # Errors
/// The cheque's sum does not fit.
pub fn points_max(
    cheque: &Cheque,
    allowed: Kopecks,
    min_money: Kopecks,
) -> Result<Kopecks, MoneyError> {
    let total = Kopecks::total(cheque.lines.iter().map(|line| line.amount))?;
    Ok(total.sub(min_money.floor_zero())?.floor_zero().min(allowed.floor_zero()))
}

/// The lines of the receipt: what each costs by the cheque, whose discounts are taken off
/// ([`Cheque::discounted`]), less the points that the answer to *pay* lays on it.
///
/// `lines` bring what the law wants to know; their amounts are replaced. `min_money` is checked
/// only where points were taken, and never asks for more than the receipt costs.
///
/// # Errors
/// [`ReceiptError`]: nothing of the answer is to be used. Cancel the purchase.
pub fn lines(
    lines: Vec<Position>,
    cheque: &Cheque,
    paid: Option<&Answer>,
    min_money: Kopecks,
) -> Result<Vec<Position>, ReceiptError> {
    if let Some(position) = differing(&lines, cheque) {
        return Err(ReceiptError::Differs(position));
    }
    let mut joined = lines;
    let (mut total, mut left) = (Kopecks::ZERO, Kopecks::ZERO);
    for (position, line) in &mut joined {
        let sold = cheque.lines.iter().find(|sold| sold.position == *position);
        let amount = sold.ok_or(ReceiptError::Differs(*position))?.amount;
        let points = points_on(*position, paid)?;
        if points < Kopecks::ZERO || points > amount {
            return Err(ReceiptError::Points(*position));
        }
        line.amount = amount.sub(points)?;
        (total, left) = (total.add(amount)?, left.add(line.amount)?);
    }
    let Some(paid) = paid else { return Ok(joined) };
    let (laid, taken) = (total.sub(left)?, paid.amount.unwrap_or_default());
    if laid != taken {
        return Err(ReceiptError::Laid { laid, taken });
    }
    if laid.is_positive() && left < min_money.min(total) {
        return Err(ReceiptError::TooLittleMoney { left, min: min_money });
    }
    Ok(joined)
}

/// The first position that only one of them has, or has another quantity of.
fn differing(lines: &[Position], cheque: &Cheque) -> Option<u32> {
    let same = |(position, line): &&Position| {
        let mut twins = cheque.lines.iter().filter(|sold| sold.position == *position);
        let sold = twins.next().filter(|sold| sold.quantity == line.quantity);
        let once = lines.iter().filter(|(other, _)| other == position).count() == 1;
        sold.is_some() && twins.next().is_none() && once
    };
    let ours = lines.iter().find(|line| !same(line)).map(|(position, _)| *position);
    let has = |position: u32| lines.iter().any(|(known, _)| *known == position);
    ours.or_else(|| cheque.lines.iter().map(|line| line.position).find(|sold| !has(*sold)))
}

fn points_on(position: u32, paid: Option<&Answer>) -> Result<Kopecks, ReceiptError> {
    let Some(paid) = paid else { return Ok(Kopecks::ZERO) };
    let mut of = paid.lines.iter().filter(|line| line.position == position);
    let points = of.next().and_then(|line| line.paid).unwrap_or_default();
    if of.next().is_some() { Err(ReceiptError::Points(position)) } else { Ok(points) }
}

/// What goes back in money, where the processing says the same as the receipt of the return
/// ([`Receipt::give_back`]): the sum of the refund's cheque less what comes back as points (F8).
///
/// # Errors
/// [`ReceiptError::Money`]: cancel the refund at the processing, and stop.
pub fn refund_money(
    back: &Receipt,
    cheque: &Cheque,
    refunded: &Answer,
) -> Result<Kopecks, ReceiptError> {
    let ours = back.total()?;
    let goods = Kopecks::total(cheque.lines.iter().map(|line| line.amount))?;
    let theirs = goods.sub(refunded.amount.unwrap_or_default())?;
    if ours == theirs { Ok(ours) } else { Err(ReceiptError::Money { ours, theirs }) }
}

#[cfg(test)]
mod tests;
