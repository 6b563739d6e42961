//! I13: no kopeck is lost where an amount is divided.

use std::collections::BTreeMap;

use tillway_core::account::Parts;
use tillway_core::book::{Capture, Commit, Op, Outcome, Payment, Refund};
use tillway_core::id::{PaymentId, RefundId};

use crate::checked::dump::Dump;
use crate::checked::rules::{Found, broken};

/// The refunds that somebody was told of: a store has no list of them.
#[derive(Debug, Default)]
pub(crate) struct Shares(BTreeMap<RefundId, (PaymentId, i128, i128)>);

fn total(parts: &Parts) -> i128 {
    i128::from(parts.own.0) + i128::from(parts.overdraft.0)
}

impl Shares {
    /// Takes note of what a commit was answered: its parts are what was asked for.
    pub(crate) fn learn(
        &mut self,
        commit: &Commit,
        told: &[Outcome],
        replayed: bool,
    ) -> Result<(), Found> {
        for (op, outcome) in commit.ops.iter().zip(told) {
            let (asked, whole) = match (op, outcome) {
                (Op::Hold { amount, .. }, Outcome::Hold(hold)) => (amount, total(&hold.parts)),
                (Op::Refund { amount, .. }, Outcome::Refund(refund, _)) => {
                    self.note(refund)?;
                    (amount, total(&refund.parts))
                }
                (Op::RefundOrder { amount, .. }, Outcome::Refunds(refunds)) => {
                    refunds.iter().try_for_each(|refund| self.note(refund))?;
                    (amount, refunds.iter().map(|refund| total(&refund.parts)).sum())
                }
                // A repeat under another attempt is told the payment as it stands.
                (Op::Capture { amount, .. }, Outcome::Payment(payment, _)) if !replayed => {
                    let Some(capture) = payment.capture() else { continue };
                    (amount, total(&capture.parts))
                }
                _ => continue,
            };
            if whole != i128::from(asked.0) {
                return broken("I13", format!("the parts of {op:?} make {whole}"));
            }
        }
        Ok(())
    }

    fn note(&mut self, refund: &Refund) -> Result<(), Found> {
        let (own, overdraft) = (refund.parts.own.0, refund.parts.overdraft.0);
        if own < 0 || overdraft < 0 {
            return broken("I13", format!("{refund:?} has a part below zero"));
        }
        let parts = (refund.of, i128::from(own), i128::from(overdraft));
        match self.0.insert(refund.id, parts) {
            Some(before) if before != parts => broken("I13", format!("{refund:?} was {before:?}")),
            _ => Ok(()),
        }
    }

    /// What was given back of each payment stays within its parts, each within a kopeck of its
    /// exact share, and is exact when all is given back.
    pub(crate) fn check(&self, now: &Dump) -> Result<(), Found> {
        let mut back = BTreeMap::<PaymentId, (i128, i128)>::new();
        for (of, own, overdraft) in self.0.values() {
            let sums = back.entry(*of).or_default();
            *sums = (sums.0 + own, sums.1 + overdraft);
        }
        for payment in &now.audit.payments {
            let known = back.get(&payment.id);
            if let (Some((own, overdraft)), Some(capture)) = (known, payment.capture()) {
                of_payment(payment, capture, *own, *overdraft)?;
            }
        }
        Ok(())
    }
}

fn of_payment(
    payment: &Payment,
    capture: &Capture,
    own: i128,
    overdraft: i128,
) -> Result<(), Found> {
    let whole = total(&capture.parts);
    let part = i128::from(capture.parts.overdraft.0);
    if own > whole - part || overdraft > part {
        return broken("I13", format!("{own} and {overdraft} are back of {payment:?}"));
    }
    // Refunds that raced were not told to the watch: what it does not know it cannot share out.
    let refunded = i128::from(capture.refunded.0);
    if own + overdraft == refunded && (overdraft * whole - part * refunded).abs() >= whole {
        return broken("I13", format!("{overdraft} of {refunded} is no share of {payment:?}"));
    }
    Ok(())
}
