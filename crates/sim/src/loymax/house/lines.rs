//! Lines on their way from the request into the books and into the answer.

use std::collections::BTreeMap;

use tillway_core::Kopecks;
use tillway_core::money::MoneyError;

use super::command::refused;
use super::price::Offered;
use super::{Cheque, Code, Effect, Param, Purchase, Refusal, ReplyLine, SoldLine, Totals};

/// Amounts of the same line may differ by so much from message to message.
pub(super) const TOLERANCE: Kopecks = Kopecks(1);

/// What a purchase knows of a line, when the till leaves it out.
pub(super) fn params_of(purchase: Option<&Purchase>, position: u32) -> Option<&[Param]> {
    let line = purchase.and_then(|purchase| purchase.lines.get(&position));
    line.map(|line| line.params.as_slice())
}

/// The cheque must be the one that was answered, when there was one.
pub(super) fn check_same(purchase: &Purchase, cheque: &Cheque) -> Result<(), Refusal> {
    if purchase.lines.is_empty() {
        return Ok(());
    }
    let different = || refused(Code::DifferentCheque);
    if purchase.lines.len() != cheque.lines.len() {
        return Err(different());
    }
    for line in &cheque.lines {
        let known = purchase.lines.get(&line.position).ok_or_else(different)?;
        let off = known.amount.sub(line.amount)?.0.unsigned_abs();
        let near = off <= TOLERANCE.0.unsigned_abs();
        if known.goods != line.goods || known.quantity != line.quantity || !near {
            return Err(different());
        }
    }
    Ok(())
}

/// Lines for the books, with what was granted before.
pub(super) fn sold(
    offered: &[Offered<'_>],
    discount: impl Fn(u32) -> Kopecks,
) -> BTreeMap<u32, SoldLine> {
    let lines = offered.iter().map(|one| {
        let line = SoldLine {
            goods: one.line.goods.clone(),
            quantity: one.line.quantity,
            amount: one.line.amount,
            discount: discount(one.line.position),
            pay: Kopecks::ZERO,
            cashback: Kopecks::ZERO,
            params: one.params.to_vec(),
            returned_micro: 0,
            returned_amount: Kopecks::ZERO,
            returned_pay: Kopecks::ZERO,
            returned_cashback: Kopecks::ZERO,
        };
        (one.line.position, line)
    });
    lines.collect()
}

/// Lines for the answer, in the order of the cheque.
pub(super) fn replied(cheque: &Cheque, sold: &BTreeMap<u32, SoldLine>) -> Vec<ReplyLine> {
    let order = cheque.lines.iter().map(|line| line.position);
    let lines = order.filter_map(|position| {
        let line = sold.get(&position)?;
        Some(ReplyLine {
            position,
            goods: line.goods.clone(),
            quantity: line.quantity,
            amount: line.amount,
            discount: line.discount,
            pay: line.pay.is_positive().then_some(line.pay),
            cashback: None,
            offers: Vec::new(),
        })
    });
    lines.collect()
}

pub(super) fn totals(lines: &[ReplyLine]) -> Result<Totals, MoneyError> {
    Ok(Totals {
        amount: Kopecks::total(lines.iter().map(|line| line.amount))?,
        discount: Kopecks::total(lines.iter().map(|line| line.discount))?,
        cashback: Kopecks::total(lines.iter().filter_map(|line| line.cashback))?,
    })
}

/// What the offers of a cheque say, or issue: each offer once.
pub(super) fn said<'a>(
    offered: &[Offered<'a>],
    text: impl Fn(&Effect) -> Option<&String>,
) -> Vec<String> {
    let mut offers = BTreeMap::new();
    for one in offered {
        offers.extend(one.offers.iter().map(|offer| (offer.id, *offer)));
    }
    let effects = offers.values().flat_map(|offer: &&'a super::Offer| &offer.effects);
    effects.filter_map(|effect| text(effect).cloned()).collect()
}
