//! How the sum of an order divides: over wallets (4.5), and over lines in proportion (I13).

use core::cmp::Reverse;

use crate::account::AccountKind;
use crate::id::AccountId;
use crate::money::{Kopecks, MoneyError};
use crate::wallet::{Kinds, Mix};

/// A payment type offered for an order: an account and how much of it may be spent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Line {
    /// The account.
    pub account: AccountId,
    /// Its kind.
    pub kind: AccountKind,
    /// "To pay up to", see [`crate::wallet::limit`]; below zero counts as zero.
    pub limit: Kopecks,
}

/// What the person at the screen did last.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// Chose an account: the whole sum goes on it, as far as its limit reaches (S2).
    Choose(AccountId),
    /// Entered an amount for an account: the rest goes to the others (S3, S4).
    Enter(AccountId, Kopecks),
    /// Entered it before; since then the sum or a limit changed, so the amount is cut to both (S7).
    Pinned(AccountId, Kopecks),
    /// Gave every part; nothing is added to them, what they do not cover is missing.
    Parts(Vec<(AccountId, Kopecks)>),
}

/// What one account pays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Part {
    /// The account.
    pub account: AccountId,
    /// Its kind.
    pub kind: AccountKind,
    /// One kopeck or more (S5).
    pub amount: Kopecks,
}

/// How an order is paid. The parts and what is missing add up to what is due.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// The entered account first, then the others in the order they were offered.
    pub parts: Vec<Part>,
    /// What no wallet covers; zero or more (S6).
    pub missing: Kopecks,
}

impl Plan {
    /// Whether nothing is missing, so that "pay" may be pressed (S6).
    pub fn is_complete(&self) -> bool {
        self.missing.is_zero()
    }

    /// The amount for an account, zero when it has no part.
    pub fn amount(&self, account: AccountId) -> Kopecks {
        let part = self.parts.iter().find(|p| p.account == account);
        part.map_or(Kopecks::ZERO, |p| p.amount)
    }

    fn push(&mut self, line: &Line, amount: Kopecks) {
        if amount.is_positive() {
            self.parts.push(Part { account: line.account, kind: line.kind, amount });
        }
    }
}

/// The most lines an order is split over; a guest has a handful of accounts.
pub const LINES_MAX: usize = 64;

/// What is left to pay: `subtotal − discount + surcharge − prepayment`.
///
/// # Errors
/// [`SplitError::BadDue`] when one of the four, or the result, is below zero: ask the till for the
/// sums of the order again.
pub fn due(
    subtotal: Kopecks,
    discount: Kopecks,
    surcharge: Kopecks,
    prepayment: Kopecks,
) -> Result<Kopecks, SplitError> {
    let honest = |k: Kopecks| k >= Kopecks::ZERO;
    if ![subtotal, discount, surcharge, prepayment].into_iter().all(honest) {
        return Err(SplitError::BadDue);
    }
    let due = subtotal.sub(discount)?.add(surcharge)?.sub(prepayment)?;
    if honest(due) { Ok(due) } else { Err(SplitError::BadDue) }
}

/// Rules S1 to S7: how `due` is paid from `lines` after `input`.
///
/// `already` are the kinds that are live in this order, which no part may break M3 with, see
/// [`crate::wallet::live_kinds`]. When nothing is due the plan is empty whatever the input (S1).
/// A line that M3 excludes beside the entered account is passed over. The same arguments give the
/// same plan, and so does the plan given back as [`Input::Parts`].
///
/// # Errors
/// [`SplitError`]; nothing is planned then.
pub fn split(
    due: Kopecks,
    lines: &[Line],
    input: &Input,
    mix: Mix,
    already: Kinds,
) -> Result<Plan, SplitError> {
    let mut plan = Plan::default();
    split_into(due, lines, input, mix, already, &mut plan)?;
    Ok(plan)
}

/// As [`split`], into a plan whose memory is used again; after an error it has no parts.
///
/// # Errors
/// As [`split`].
pub fn split_into(
    due: Kopecks,
    lines: &[Line],
    input: &Input,
    mix: Mix,
    already: Kinds,
    plan: &mut Plan,
) -> Result<(), SplitError> {
    plan.parts.clear();
    plan.missing = Kopecks::ZERO;
    if due < Kopecks::ZERO {
        return Err(SplitError::BadDue);
    }
    check_lines(lines)?;
    if due.is_zero() {
        return Ok(());
    }
    let (account, entered) = match input {
        Input::Choose(account) => (*account, None),
        Input::Enter(account, amount) => (*account, Some((*amount, false))),
        Input::Pinned(account, amount) => (*account, Some((*amount, true))),
        Input::Parts(given) => {
            let result = take_parts(due, lines, given, mix, already, plan);
            if result.is_err() {
                plan.parts.clear();
            }
            return result;
        }
    };
    let line = find(lines, account)?;
    if !mix.allows(already, line.kind) {
        return Err(SplitError::MixedMoneyAccounts);
    }
    let reach = line.limit.floor_zero().min(due);
    let amount = match entered {
        None => reach,
        Some((amount, true)) if amount >= Kopecks::ZERO => amount.min(reach),
        Some((amount, false)) if (Kopecks::ZERO..=reach).contains(&amount) => amount,
        Some(_) => return Err(SplitError::AmountOutOfRange { limit: reach }),
    };
    plan.push(line, amount);
    plan.missing = fill(due.sub(amount)?, lines, line, mix, already.with(line.kind), plan)?;
    Ok(())
}

/// Rule S4: puts `rest` on the lines other than `entered`; returns what is left of it.
fn fill(
    mut rest: Kopecks,
    lines: &[Line],
    entered: &Line,
    mix: Mix,
    mut present: Kinds,
    plan: &mut Plan,
) -> Result<Kopecks, MoneyError> {
    for line in lines {
        if rest.is_zero() {
            break;
        }
        let amount = line.limit.min(rest);
        let is_other = !core::ptr::eq(line, entered);
        if is_other && amount.is_positive() && mix.allows(present, line.kind) {
            plan.push(line, amount);
            present = present.with(line.kind);
            rest = rest.sub(amount)?;
        }
    }
    Ok(rest)
}

/// Checks parts that were all given; a part of zero is dropped and binds to nothing.
fn take_parts(
    due: Kopecks,
    lines: &[Line],
    given: &[(AccountId, Kopecks)],
    mix: Mix,
    already: Kinds,
    plan: &mut Plan,
) -> Result<(), SplitError> {
    if given.len() > LINES_MAX {
        return Err(SplitError::TooManyLines);
    }
    let mut rest = due;
    let mut present = already;
    for (account, amount) in given {
        let line = find(lines, *account)?;
        let used = plan.amount(line.account);
        let reach = line.limit.floor_zero().sub(used)?.min(rest);
        if !(Kopecks::ZERO..=reach).contains(amount) {
            return Err(SplitError::AmountOutOfRange { limit: reach });
        }
        if amount.is_zero() {
            continue;
        }
        if !mix.allows(present, line.kind) {
            return Err(SplitError::MixedMoneyAccounts);
        }
        match plan.parts.iter_mut().find(|part| part.account == line.account) {
            Some(part) => part.amount = part.amount.add(*amount)?,
            None => plan.push(line, *amount),
        }
        present = present.with(line.kind);
        rest = rest.sub(*amount)?;
    }
    plan.missing = rest;
    Ok(())
}

fn check_lines(lines: &[Line]) -> Result<(), SplitError> {
    if lines.len() > LINES_MAX {
        return Err(SplitError::TooManyLines);
    }
    let mut rest = lines;
    while let Some((line, tail)) = rest.split_first() {
        if tail.iter().any(|other| other.account == line.account) {
            return Err(SplitError::RepeatedLine);
        }
        rest = tail;
    }
    Ok(())
}

fn find(lines: &[Line], account: AccountId) -> Result<&Line, SplitError> {
    lines.iter().find(|line| line.account == account).ok_or(SplitError::UnknownLine)
}

/// Why an order cannot be split as asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The amount is below zero, above what is due, or above what the account may pay. Ask for
    /// another one up to `limit`, which is the lower of the two.
    #[error("amount is out of range, the limit is {} rubles", limit.rubles())]
    AmountOutOfRange {
        /// The most that this account may pay of this order.
        limit: Kopecks,
    },
    /// Credit and deposit would pay one order together (M3). Drop one of them.
    #[error("credit and deposit cannot pay one order together")]
    MixedMoneyAccounts,
    /// The account is not among the lines. Show the lines again.
    #[error("the account is not offered for this order")]
    UnknownLine,
    /// Two lines are of one account. Offer each account once.
    #[error("an account is offered twice")]
    RepeatedLine,
    /// What is due is below zero, or made of sums that are. Ask the till again.
    #[error("what is due is below zero")]
    BadDue,
    /// There are more lines or parts than [`LINES_MAX`].
    #[error("more than {LINES_MAX} lines")]
    TooManyLines,
    /// A sum does not fit into 64 bits. Refuse the request.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The most weights that [`apportion`] takes.
pub const WEIGHTS_MAX: usize = 10_000;

/// Divides `whole` in proportion to `weights`, to the kopeck (I13, largest remainder).
///
/// The parts add up to `whole`; each is within one kopeck of its exact share, and a weight of zero
/// gets nothing. Of equal remainders the lower index gets the kopeck, so the result depends on the
/// arguments alone.
///
/// # Errors
/// [`ApportionError`]; the request is wrong and no repeat helps.
pub fn apportion(whole: Kopecks, weights: &[i64]) -> Result<Vec<Kopecks>, ApportionError> {
    if weights.len() > WEIGHTS_MAX {
        return Err(ApportionError::TooManyWeights);
    }
    let whole = u64::try_from(whole.0).map_err(|_| ApportionError::BelowZero)?;
    let mut total: u128 = 0;
    for weight in weights {
        let weight = u64::try_from(*weight).map_err(|_| ApportionError::BelowZero)?;
        total = total.checked_add(u128::from(weight)).ok_or(MoneyError::Overflow)?;
    }
    if total == 0 {
        let nothing = vec![Kopecks::ZERO; weights.len()];
        return if whole == 0 { Ok(nothing) } else { Err(ApportionError::NoWeight) };
    }
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = whole;
    for (index, weight) in weights.iter().enumerate() {
        let (part, remainder) = share(whole, weight.unsigned_abs(), total)?;
        left = left.checked_sub(part).ok_or(MoneyError::Overflow)?;
        parts.push(Kopecks(i64::try_from(part).map_err(|_| MoneyError::Overflow)?));
        remainders.push((remainder, Reverse(index)));
    }
    // There is less than one kopeck left for each weight that has a remainder.
    let left = usize::try_from(left).map_err(|_| MoneyError::Overflow)?;
    if left > 0 {
        remainders.select_nth_unstable_by(left, |a, b| b.cmp(a));
        for (_, Reverse(index)) in remainders.iter().take(left) {
            if let Some(part) = parts.get_mut(*index) {
                *part = part.add(Kopecks(1))?;
            }
        }
    }
    Ok(parts)
}

/// The whole kopecks of `whole × weight / total`, and the remainder; `total` is not zero.
fn share(whole: u64, weight: u64, total: u128) -> Result<(u64, u128), MoneyError> {
    if let (Some(product), Ok(total)) = (whole.checked_mul(weight), u64::try_from(total)) {
        let (part, remainder) = (product.checked_div(total), product.checked_rem(total));
        let (part, remainder) = part.zip(remainder).ok_or(MoneyError::Overflow)?;
        return Ok((part, u128::from(remainder)));
    }
    let product = u128::from(whole).checked_mul(u128::from(weight));
    let product = product.ok_or(MoneyError::Overflow)?;
    let (part, remainder) = (product.checked_div(total), product.checked_rem(total));
    let (part, remainder) = part.zip(remainder).ok_or(MoneyError::Overflow)?;
    Ok((u64::try_from(part).map_err(|_| MoneyError::Overflow)?, remainder))
}

/// Why a whole cannot be divided.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ApportionError {
    /// The whole or a weight is below zero. Turn the signs before.
    #[error("an amount or a weight is below zero")]
    BelowZero,
    /// Something is to be divided, and every weight is zero or there is none.
    #[error("nothing to divide by")]
    NoWeight,
    /// There are more weights than [`WEIGHTS_MAX`].
    #[error("more than {WEIGHTS_MAX} weights")]
    TooManyWeights,
    /// A sum does not fit; honest arguments never get here.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

#[cfg(test)]
mod tests;
