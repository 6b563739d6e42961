//! The book once more, as simple as it can be said: what core must agree with.
//!
//! It shares no code with core, counts in 128 bits, and knows only what a guest would ask: what
//! is on the accounts, what is set aside, what was taken and given back.

use std::collections::BTreeMap;

use tillway_core::AccountKind::{self, Bonus};
use tillway_core::book::{Commit, Verdict};
use tillway_core::id::PaymentId;
use tillway_core::port::{AccountBook, CommitError, Store};

use crate::builders::{at, id};
use crate::checked::Checked;
use crate::conformance::{Failure, check, same};
use crate::strategies::{Act, World};

/// Does the acts on an empty store and in the model, and compares verdicts and sums after each.
///
/// # Errors
/// At the first difference, or the first invariant that does not hold.
pub async fn agree(store: &Checked, acts: &[Act]) -> Result<(), Failure> {
    let world = World::new();
    let mut oracle = Oracle::new(&world);
    for guest in &world.guests {
        store.commit(Commit::of(at(0), guest.ops())).await?;
    }
    for act in acts {
        let wanted = oracle.act(act);
        let Some(commit) = world.commit(act, at(oracle.now)) else { continue };
        let got = match store.commit(commit).await {
            Ok(committed) => match committed.verdict {
                Verdict::Done(_) => Class::Done,
                Verdict::Refused(_) => Class::Refused,
            },
            Err(CommitError::KeyConflict) => Class::Conflict,
            Err(error) => return Err(store.violation().map_or(error.into(), Failure::from)),
        };
        check(got == wanted, &format!("{act:?} is {got:?}, and {wanted:?} in the model"))?;
        same_sums(&world, &oracle, store).await?;
    }
    Ok(())
}

async fn same_sums(world: &World, oracle: &Oracle, store: &Checked) -> Result<(), Failure> {
    for (number, (_, account, ..)) in (0..).zip(&world.accounts) {
        let row = store.account(*account).await?.ok_or_else(|| Failure::new("no account"))?;
        let sums = (i128::from(row.balance.0), i128::from(row.held.0));
        same(sums, (oracle.purses[&number].balance, oracle.held(number)))?;
    }
    for (number, part) in &oracle.payments {
        let row = store.payment(PaymentId(id(u64::from(*number)))).await?;
        let row = row.ok_or_else(|| Failure::new("no payment"))?;
        same(i128::from(row.live()?.0), part.live())?;
        if let Some(capture) = row.capture() {
            let sums = (i128::from(capture.parts.total()?.0), i128::from(capture.refunded.0));
            same(sums, (part.amount, part.refunded))?;
        }
    }
    Ok(())
}

/// How an act ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// Done.
    Done,
    /// Refused.
    Refused,
    /// The id belongs to something else.
    Conflict,
}

/// What a guest has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Purse {
    pub guest: u8,
    pub kind: AccountKind,
    pub balance: i128,
    pub overdraft: i128,
    pub blocked: bool,
}

impl Purse {
    /// Balance and overdraft together can be read.
    fn sums_fit(&self) -> Option<()> {
        fits(self.balance + self.overdraft).map(drop)
    }
}

/// What was set aside or taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Part {
    pub order: u8,
    pub account: u8,
    pub amount: i128,
    pub refunded: i128,
    pub lapses: Option<u64>,
    pub state: State,
}

/// Where a part stands: a hold is `Live`, `Lapsed`, `Undone` (voided) or `Used` (captured); a
/// payment is `Live`, `Used` (there, and forbidden) or `Undone` (cancelled).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the type says it")]
pub enum State {
    Live,
    Lapsed,
    Undone,
    Used,
}

/// The model.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Oracle {
    pub now: u64,
    pub purses: BTreeMap<u8, Purse>,
    pub holds: BTreeMap<u8, Part>,
    pub payments: BTreeMap<u8, Part>,
    refunds: BTreeMap<u8, (u8, i128)>,
    /// Which payment a hold became.
    became: BTreeMap<u8, u8>,
    /// The guest of an order; `None` after an unbind.
    bound: BTreeMap<u8, Option<u8>>,
    closed: Vec<u8>,
}

fn must(holds: bool) -> Option<()> {
    holds.then_some(())
}

fn fits(sum: i128) -> Option<i128> {
    i64::try_from(sum).ok().map(i128::from)
}

impl Oracle {
    /// The model of an untouched world.
    pub fn new(world: &World) -> Self {
        let purse = |(guest, _, kind, balance, overdraft): &(_, _, _, _, _)| {
            let number = |k: &tillway_core::Kopecks| i128::from(k.0);
            let (balance, overdraft) = (number(balance), number(overdraft));
            Purse { guest: *guest, kind: *kind, balance, overdraft, blocked: false }
        };
        let purses = (0..).zip(world.accounts.iter().map(purse)).collect();
        Self { purses, ..Self::default() }
    }

    /// What is set aside of an account.
    pub fn held(&self, account: u8) -> i128 {
        let live = |p: &&Part| p.account == account && p.state == State::Live;
        self.holds.values().filter(live).map(|p| p.amount).sum()
    }

    /// Does an act, or leaves everything as it was.
    pub fn act(&mut self, act: &Act) -> Class {
        let mut next = self.clone();
        match next.attempt(act) {
            Some(Class::Done) => {
                *self = next;
                Class::Done
            }
            other => other.unwrap_or(Class::Refused),
        }
    }

    fn attempt(&mut self, act: &Act) -> Option<Class> {
        match act {
            Act::Wait { seconds } => self.now += u64::from(*seconds),
            Act::Hold { hold, order, account, amount, lapses } => {
                let (amount, lapses) =
                    (i128::from(*amount), lapses.map(|s| self.now + u64::from(s)));
                if let Some(known) = self.holds.get(hold) {
                    let is_same = (known.order, known.account, known.amount);
                    let same = is_same == (*order, *account, amount);
                    return Some(if same { Class::Done } else { Class::Conflict });
                }
                self.may_take(*order, *account, amount)?;
                let there =
                    |p: &Part| (p.order, p.account, p.state) == (*order, *account, State::Live);
                must(!self.holds.values().any(there) && amount <= self.free(*account)?)?;
                self.holds.insert(*hold, Part::new(*order, *account, amount, lapses));
            }
            Act::Void { hold } => self.end(*hold, State::Undone)?,
            Act::Expire { hold } => self.lapse(|id, _| id == *hold),
            Act::Capture { payment, order, account, amount, hold } => {
                let amount = i128::from(*amount);
                must(!self.payments.contains_key(payment))?;
                self.may_take(*order, *account, amount)?;
                fits(self.taken(*order, self.purses[account].kind) + amount)?;
                let held = self.usable(*hold, *order, *account)?;
                must(amount <= held.map_or(self.free(*account), Some)?)?;
                if held.is_some() {
                    self.holds.get_mut(&(*hold)?)?.state = State::Used;
                    self.became.insert((*hold)?, *payment);
                }
                self.purses.get_mut(account)?.balance -= amount;
                self.payments.insert(*payment, Part::new(*order, *account, amount, None));
            }
            Act::Cancel { payment, order } => self.cancel(*payment, *order)?,
            Act::Refund { refund, payment, amount } => {
                let amount = i128::from(*amount);
                if let Some(known) = self.refunds.get(refund) {
                    let same = *known == (*payment, amount);
                    return Some(if same { Class::Done } else { Class::Conflict });
                }
                let part = self.payments.get_mut(payment).filter(|p| p.state == State::Live)?;
                must(amount > 0 && amount <= part.amount - part.refunded)?;
                part.refunded += amount;
                let account = part.account;
                self.credit(account, amount)?;
                self.refunds.insert(*refund, (*payment, amount));
            }
            Act::TopUp { account, amount } => {
                must(*amount > 0)?;
                self.credit(*account, i128::from(*amount))?;
                self.purses[account].sums_fit()?;
            }
            Act::Block { account, blocked } => self.purses.get_mut(account)?.blocked = *blocked,
            Act::Overdraft { account, amount } => {
                let purse = self.purses.get_mut(account)?;
                must(*amount == 0 || (*amount > 0 && purse.kind != Bonus))?;
                purse.overdraft = i128::from(*amount);
                purse.sums_fit()?;
            }
            Act::Bind { .. } | Act::Unbind { .. } | Act::Close { .. } => self.order(act)?,
        }
        Some(Class::Done)
    }

    fn order(&mut self, act: &Act) -> Option<()> {
        match act {
            Act::Bind { order, guest } => {
                let now = self.bound.get(order).copied().flatten();
                must(!self.closed.contains(order) && now.is_none_or(|now| now == *guest))?;
                self.bound.insert(*order, Some(*guest));
            }
            Act::Unbind { order } => {
                let bound = self.bound.get(order)?.is_some();
                let live = |p: &Part| p.order == *order && p.live() > 0;
                must(!(bound && self.payments.values().any(live)))?;
                self.leave(*order);
            }
            Act::Close { order, .. } => {
                self.leave(*order);
                self.closed.push(*order);
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether this much may be taken by this order from this account, funds apart.
    fn may_take(&mut self, order: u8, account: u8, amount: i128) -> Option<()> {
        self.lapse(|_, part| part.account == account);
        let purse = self.purses[&account];
        must(amount > 0 && self.bound.get(&order).copied().flatten() == Some(purse.guest))?;
        let other = |p: &Part| {
            let kind = self.purses[&p.account].kind;
            p.order == order && kind != purse.kind && kind != Bonus && p.live() > 0
        };
        must(purse.kind == Bonus || !self.payments.values().chain(self.holds.values()).any(other))
    }

    /// What may be spent; nothing when it cannot be counted.
    fn free(&self, account: u8) -> Option<i128> {
        let purse = self.purses[&account];
        must(!purse.blocked)?;
        Some(fits(purse.balance + purse.overdraft)? - self.held(account))
    }

    /// What a hold guarantees a payment: `Some(None)` when it does not, but does not forbid it.
    fn usable(&mut self, hold: Option<u8>, order: u8, account: u8) -> Option<Option<i128>> {
        let Some(hold) = hold else { return Some(None) };
        self.lapse(|id, _| id == hold);
        let part = self.holds.get(&hold)?;
        must((part.order, part.account) == (order, account))?;
        match part.state {
            State::Live => Some(Some(part.amount)),
            State::Lapsed => Some(None),
            State::Used if !self.stands(hold) => Some(None),
            State::Undone | State::Used => None,
        }
    }

    /// Whether a hold became a payment that was not cancelled.
    fn stands(&self, hold: u8) -> bool {
        let payment = self.became.get(&hold).and_then(|payment| self.payments.get(payment));
        payment.is_some_and(|payment| payment.state != State::Undone)
    }

    fn cancel(&mut self, payment: u8, order: u8) -> Option<()> {
        let gone = Part { state: State::Used, ..Part::new(order, 0, 0, None) };
        let part = self.payments.entry(payment).or_insert(gone);
        if part.state == State::Live && part.refunded < part.amount {
            must(part.refunded == 0)?;
            part.state = State::Undone;
            let (account, amount) = (part.account, part.amount);
            self.credit(account, amount)?;
        }
        Some(())
    }

    fn credit(&mut self, account: u8, amount: i128) -> Option<()> {
        let purse = self.purses.get_mut(&account)?;
        purse.balance = fits(purse.balance + amount)?;
        Some(())
    }

    fn taken(&self, order: u8, kind: AccountKind) -> i128 {
        let of = |p: &&Part| p.order == order && self.purses[&p.account].kind == kind;
        self.payments.values().filter(of).map(Part::live).sum()
    }

    fn lapse(&mut self, which: impl Fn(u8, &Part) -> bool) {
        for (id, part) in &mut self.holds {
            let over = part.lapses.is_some_and(|at| at <= self.now);
            if part.state == State::Live && over && which(*id, part) {
                part.state = State::Lapsed;
            }
        }
    }

    fn end(&mut self, hold: u8, state: State) -> Option<()> {
        must(!self.stands(hold))?;
        let part = self.holds.get_mut(&hold)?;
        if part.state == State::Live {
            part.state = state;
        }
        Some(())
    }

    fn leave(&mut self, order: u8) {
        for part in self.holds.values_mut() {
            if part.order == order && part.state == State::Live {
                part.state = State::Undone;
            }
        }
        self.bound.entry(order).and_modify(|guest| *guest = None);
    }
}

impl Part {
    fn new(order: u8, account: u8, amount: i128, lapses: Option<u64>) -> Self {
        Self { order, account, amount, refunded: 0, lapses, state: State::Live }
    }

    /// What of it is still set aside or taken.
    pub fn live(&self) -> i128 {
        if self.state == State::Live { self.amount - self.refunded } else { 0 }
    }
}
