//! A small book that is right, but for one bug.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Barrier, Mutex, MutexGuard};

use crate::book::{Book, OVERDRAFT, OWN, Purse, Said};

/// What the naive book does as the peer did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bug {
    /// Checks a hold against the posted balance.
    CountsHoldsLate,
    /// Looks for a hold by its id, also when it was refused.
    CapturesRefusedHolds,
    /// Gives a hold up without looking whether it still is one.
    VoidsAgain,
    /// Captures a hold that was given up.
    CapturesVoidedHolds,
    /// Captures above the hold.
    CapturesMore,
    /// Puts a hold back as the guest's own money, whatever it was taken from.
    ForgetsTheOverdraft,
    /// Divides the amount anew at the capture, and takes the parts a second time.
    TakesAgainAtCapture,
    /// Reads what was refunded, and refunds later.
    ReadsThenRefunds,
    /// Says no to a repeat, as to any payment that cannot be taken.
    RefusesRepeats,
}

/// As many refunds as race: all have read before any of them writes.
const RACED: usize = 64;

pub(crate) struct Naive {
    bug: Option<Bug>,
    rows: Mutex<Rows>,
    all_have_read: Barrier,
}

/// Own money that is free, overdraft in use, what is set aside, and what the house has.
#[derive(Default)]
struct Rows {
    own: i64,
    used: i64,
    pending: i64,
    house: i64,
    paid_in: i64,
    holds: BTreeMap<u64, Hold>,
    payments: BTreeMap<u64, Payment>,
    refunds: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Live,
    Refused,
    Ended,
}

#[derive(Clone, Copy)]
struct Hold {
    amount: i64,
    /// How much of it is own money; the rest is overdraft.
    own: i64,
    state: State,
}

#[derive(Clone, Copy)]
struct Payment {
    amount: i64,
    own: i64,
    refunded: i64,
    state: State,
}

impl Naive {
    pub(crate) fn honest() -> Self {
        let rows = Rows { own: OWN, paid_in: OWN, ..Rows::default() };
        Self { bug: None, rows: Mutex::new(rows), all_have_read: Barrier::new(RACED) }
    }

    pub(crate) fn with(bug: Bug) -> Self {
        Self { bug: Some(bug), ..Self::honest() }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// What a hold may be captured for; `None` when it may not.
    fn usable(&self, hold: Option<&Hold>, amount: i64) -> Option<Hold> {
        let hold = *hold?;
        let may = match hold.state {
            State::Live => true,
            State::Refused => self.has(Bug::CapturesRefusedHolds),
            State::Ended => self.has(Bug::CapturesVoidedHolds),
        };
        (may && (amount <= hold.amount || self.has(Bug::CapturesMore))).then_some(hold)
    }
}

impl Rows {
    fn available(&self) -> i64 {
        self.own + OVERDRAFT - self.used
    }

    /// Takes an amount, own money first, and tells how much of it that was.
    fn take(&mut self, amount: i64) -> i64 {
        let own = amount.min(self.own.max(0));
        self.own -= own;
        self.used += amount - own;
        own
    }

    /// Gives an amount back; what was paid in meanwhile may have repaid the overdraft.
    fn give(&mut self, own: i64, overdraft: i64) {
        let repaid = overdraft.min(self.used);
        self.used -= repaid;
        self.own += own + overdraft - repaid;
    }
}

impl Book for Naive {
    fn hold(&self, hold: u64, _order: u64, amount: i64) -> Said {
        let mut rows = self.rows();
        let posted = rows.own - rows.used + rows.pending + OVERDRAFT;
        let limit = if self.has(Bug::CountsHoldsLate) { posted } else { rows.available() };
        if amount > limit {
            rows.holds.insert(hold, Hold { amount, own: 0, state: State::Refused });
            return Said::Refused;
        }
        let own = rows.take(amount);
        rows.pending += amount;
        rows.holds.insert(hold, Hold { amount, own, state: State::Live });
        Said::Done
    }

    fn void(&self, hold: u64) -> Said {
        let mut rows = self.rows();
        let Some(row) = rows.holds.get(&hold).copied() else { return Said::Refused };
        if row.state == State::Live || self.has(Bug::VoidsAgain) {
            rows.pending -= row.amount;
            match self.has(Bug::ForgetsTheOverdraft) {
                true => rows.own += row.amount,
                false => rows.give(row.own, row.amount - row.own),
            }
            rows.holds.insert(hold, Hold { state: State::Ended, ..row });
        }
        Said::Done
    }

    fn capture(&self, payment: u64, _order: u64, amount: i64, hold: Option<u64>) -> Said {
        let mut rows = self.rows();
        match rows.payments.get(&payment).map(|row| row.state) {
            Some(State::Live) if self.has(Bug::RefusesRepeats) => return Said::Refused,
            Some(State::Live) => return Said::Repeated,
            Some(_) => return Said::Refused,
            None => {}
        }
        let own = match hold {
            None if amount > rows.available() => return Said::Refused,
            None => rows.take(amount),
            Some(id) => {
                let Some(held) = self.usable(rows.holds.get(&id), amount) else {
                    return Said::Refused;
                };
                rows.holds.insert(id, Hold { state: State::Ended, ..held });
                if held.state == State::Live {
                    rows.pending -= held.amount;
                }
                if held.state != State::Live || self.has(Bug::TakesAgainAtCapture) {
                    rows.take(amount)
                } else {
                    let own = held.own.min(amount);
                    let overdraft = held.amount - held.own - (amount - own);
                    rows.give(held.own - own, overdraft);
                    own
                }
            }
        };
        rows.house += amount;
        let row = Payment { amount, own, refunded: 0, state: State::Live };
        rows.payments.insert(payment, row);
        Said::Done
    }

    fn cancel(&self, payment: u64, _order: u64) -> Said {
        let mut rows = self.rows();
        let nothing = Payment { amount: 0, own: 0, refunded: 0, state: State::Ended };
        let row = rows.payments.get(&payment).copied().unwrap_or(nothing);
        if row.state == State::Live {
            rows.give(row.own, row.amount - row.own);
            rows.house -= row.amount;
        }
        rows.payments.insert(payment, Payment { state: State::Ended, ..row });
        Said::Done
    }

    fn refund(&self, refund: u64, of: u64, amount: i64) -> Said {
        let mut rows = self.rows();
        let Some(mut row) = rows.payments.get(&of).copied() else { return Said::Refused };
        if self.has(Bug::ReadsThenRefunds) {
            drop(rows);
            self.all_have_read.wait();
            rows = self.rows();
        }
        if amount > row.amount - row.refunded {
            return Said::Refused;
        }
        if !rows.refunds.insert(refund) {
            return Said::Repeated;
        }
        // The overdraft part first.
        let overdraft = (row.amount - row.own - row.refunded).clamp(0, amount);
        rows.give(amount - overdraft, overdraft);
        rows.house -= amount;
        row.refunded += amount;
        rows.payments.insert(of, row);
        Said::Done
    }

    fn pay_in(&self, _by: u64, amount: i64) {
        let mut rows = self.rows();
        let repaid = amount.min(rows.used);
        rows.used -= repaid;
        rows.own += amount - repaid;
        rows.paid_in += amount;
    }

    fn purse(&self) -> Purse {
        let rows = self.rows();
        let balance = rows.own - rows.used + rows.pending;
        let whole = balance + rows.house == rows.paid_in && rows.used >= 0 && rows.pending >= 0;
        Purse { balance, available: rows.available(), own: rows.own, in_use: rows.used, whole }
    }
}
