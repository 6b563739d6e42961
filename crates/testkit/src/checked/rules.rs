//! The invariants, as functions of the book before and after a commit.

use std::collections::{BTreeMap, BTreeSet};

use tillway_core::Account;
use tillway_core::book::{
    self, Commit, Fault, Hold, HoldState, Movement, Op, Party, Payment, PaymentState, Refusal,
    Scope, Verdict,
};
use tillway_core::id::{AccountId, Fingerprint, HoldId, PaymentId, Uuid};
use tillway_core::port::{CommitError, Committed};

use crate::checked::dump::{Dump, counted};
use crate::checked::shares::Shares;

/// What was found to be broken.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rule: &'static str,
    pub(crate) found: String,
}

pub(crate) fn broken<T>(rule: &'static str, found: impl Into<String>) -> Result<T, Found> {
    Err(Found { rule, found: found.into() })
}

/// What the watch remembers from commit to commit.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) commits: u64,
    /// Holds that somebody named.
    holds: BTreeSet<HoldId>,
    /// How holds ended.
    ended: BTreeMap<HoldId, Hold>,
    /// What a key was first used for, and its refusal.
    keys: BTreeMap<(Scope, Uuid), (Fingerprint, Option<Refusal>)>,
    /// What was given back, by part.
    shares: Shares,
}

impl Memory {
    pub(crate) fn holds(&self) -> &BTreeSet<HoldId> {
        &self.holds
    }

    /// Takes note of a commit before it is made.
    pub(crate) fn learn(&mut self, commit: &Commit) {
        self.commits += 1;
        for op in &commit.ops {
            let (first, second) = match op {
                Op::Hold { id, supersedes, .. } => (Some(*id), *supersedes),
                Op::Void { hold } | Op::Expire { hold } => (Some(*hold), None),
                Op::Capture { hold, .. } => (*hold, None),
                _ => (None, None),
            };
            self.holds.extend(first.into_iter().chain(second));
        }
    }

    /// What always holds, whatever came before.
    pub(crate) fn check_state(&mut self, now: &Dump) -> Result<(), Found> {
        self.holds.extend(now.holds.keys());
        sums(now)?;
        statements(now)?;
        captures(now)?;
        self.holds_end_once(now)?;
        self.shares.check(now)?;
        streams(now)
    }

    /// What one commit may and must do.
    pub(crate) fn check_commit(
        &mut self,
        before: &Dump,
        after: &Dump,
        commit: &Commit,
        answer: &Result<Committed, CommitError>,
    ) -> Result<(), Found> {
        if let Ok(Committed { verdict: Verdict::Done(outcomes), replayed }) = answer {
            self.shares.learn(commit, outcomes, *replayed)?;
        }
        self.check_state(after)?;
        append_only(before, after)?;
        self.check_key(commit, answer)?;
        match answer {
            Ok(Committed { replayed: true, .. }) => unchanged("I5", before, after),
            Ok(Committed { verdict: Verdict::Refused(refusal), .. }) => {
                refused(before, after, commit, refusal)
            }
            Ok(Committed { verdict: Verdict::Done(outcomes), .. }) => {
                if outcomes.len() != commit.ops.len() {
                    return broken("I9", "not one outcome for each op");
                }
                group(before, after, commit)?;
                limits(before, after, commit)
            }
            Err(CommitError::InDoubt | CommitError::Corrupt) => Ok(()),
            Err(_) => unchanged("I7", before, after),
        }
    }

    /// I5 and I6: a key answers as it answered first. Payments are keys of another kind: their
    /// rows are compared with the rest.
    fn check_key(
        &mut self,
        commit: &Commit,
        answer: &Result<Committed, CommitError>,
    ) -> Result<(), Found> {
        let Some(key) = commit.key.as_ref().filter(|key| key.scope != Scope::Payment) else {
            return Ok(());
        };
        let name = (key.scope, key.id);
        match (self.keys.get(&name), answer) {
            (None, Ok(committed)) if committed.replayed => {
                broken("I5", "a key that was never used was taken for a repeat")
            }
            (None, Ok(committed)) => {
                let refusal = match &committed.verdict {
                    Verdict::Done(_) => None,
                    Verdict::Refused(refusal) if refusal.is_final() => Some(refusal.clone()),
                    Verdict::Refused(_) => return Ok(()),
                };
                self.keys.insert(name, (key.body, refusal));
                Ok(())
            }
            (Some((body, _)), Ok(_)) if *body != key.body => {
                broken("I5", "a key was taken for another request than its first")
            }
            (Some(_), Ok(committed)) if !committed.replayed => {
                broken("I5", "a key took effect twice")
            }
            (Some((_, first)), Ok(committed)) => match (&committed.verdict, first) {
                (Verdict::Done(_), None) => Ok(()),
                (Verdict::Refused(now), Some(first)) if now == first => Ok(()),
                (now, first) => broken("I6", format!("a repeat says {now:?}, first {first:?}")),
            },
            (_, Err(_)) => Ok(()),
        }
    }

    /// I8: a hold ends once, and nothing of it changes after.
    fn holds_end_once(&mut self, now: &Dump) -> Result<(), Found> {
        for (id, ended) in &self.ended {
            if now.holds.get(id) != Some(ended) {
                return broken("I8", format!("{ended:?} is now {:?}", now.holds.get(id)));
            }
        }
        let over = now.holds.values().filter(|hold| !hold.is_live());
        self.ended.extend(over.map(|hold| (hold.id, hold.clone())));
        Ok(())
    }
}

/// I1, I2, I4 and the chains of I11, as core counts them.
fn sums(now: &Dump) -> Result<(), Found> {
    book::audit(&now.audit).or_else(|fault| {
        let chained = matches!(fault, Fault::Chain { .. } | Fault::Stream { .. })
            || matches!(fault, Fault::Gap { .. } | Fault::Digest { .. });
        broken(if chained { "I11" } else { "I1-I4" }, fault.to_string())
    })
}

/// I2: what an account is told of its movements is what the book has of them.
fn statements(now: &Dump) -> Result<(), Found> {
    for account in &now.audit.accounts {
        let side = Party::Guest(account.id);
        let moved = now.audit.movements.iter().filter(|m| m.debit == side || m.credit == side);
        let told = now.statements.get(&account.id).map_or(&[][..], Vec::as_slice);
        if !told.iter().eq(moved) {
            return broken("I2", format!("the statement of {} is not its book", account.id));
        }
    }
    Ok(())
}

/// I4 and I8: a capture stays within its hold, and both name each other.
fn captures(now: &Dump) -> Result<(), Found> {
    let payments: BTreeMap<PaymentId, &Payment> =
        now.audit.payments.iter().map(|payment| (payment.id, payment)).collect();
    for payment in payments.values() {
        let Some(capture) = payment.capture() else { continue };
        let Some(hold) = capture.hold else { continue };
        let Some(hold) = now.holds.get(&hold) else {
            return broken("I8", format!("{:?} has no hold", payment.id));
        };
        if hold.state != HoldState::Captured(payment.id) {
            return broken("I8", format!("{hold:?} was captured by {:?}", payment.id));
        }
        if hold.amount().ok() < capture.parts.total().ok() {
            return broken("I4", format!("{:?} took more than it held", payment.id));
        }
    }
    for hold in now.holds.values() {
        let HoldState::Captured(by) = hold.state else { continue };
        let capture = payments.get(&by).and_then(|payment| payment.capture());
        if capture.and_then(|c| c.hold) != Some(hold.id) {
            return broken("I8", format!("{hold:?} has no capture"));
        }
    }
    Ok(())
}

/// I11: records are read as they were written, numbered from one without a gap, and time does not
/// run backwards.
fn streams(now: &Dump) -> Result<(), Found> {
    for (stream, records) in &now.records {
        let kept = now.audit.records.iter().filter(|(of, _)| of == stream);
        if !records.iter().eq(kept.map(|(_, stored)| stored)) {
            return broken("I11", format!("{stream:?} is read as it was not written"));
        }
        for (record, number) in records.iter().zip(1..) {
            if record.seq.0 != number {
                return broken("I11", format!("{stream:?} has a gap at {number}"));
            }
        }
        if !records.is_sorted_by_key(|record| record.at) {
            return broken("I11", format!("{stream:?} runs backwards"));
        }
    }
    Ok(())
}

/// I11: what was written stays as it was.
fn append_only(before: &Dump, after: &Dump) -> Result<(), Found> {
    for (stream, records) in &before.records {
        let now = after.records.get(stream).map_or(&[][..], Vec::as_slice);
        if !now.starts_with(records) {
            return broken("I11", format!("records of {stream:?} changed"));
        }
    }
    if !after.audit.movements.starts_with(&before.audit.movements) {
        return broken("I11", "movements of the past changed");
    }
    Ok(())
}

pub(crate) fn unchanged(rule: &'static str, before: &Dump, after: &Dump) -> Result<(), Found> {
    match before.differences(after).first() {
        None => Ok(()),
        Some(difference) => broken(rule, format!("nothing may change, but {difference}")),
    }
}

/// I7: a refusal changes nothing but the row that remembers it.
fn refused(before: &Dump, after: &Dump, commit: &Commit, refusal: &Refusal) -> Result<(), Found> {
    if *refusal == Refusal::HoldsOverdue {
        return lapsed(before, after, commit);
    }
    let key = commit.key.as_ref().filter(|k| k.scope == Scope::Payment && refusal.is_final());
    let Some(key) = key else { return unchanged("I7", before, after) };
    let id = PaymentId(key.id);
    let row = after.audit.payments.iter().find(|payment| payment.id == id);
    match row.map(|payment| &payment.state) {
        Some(PaymentState::Refused(stored)) if stored == refusal => {}
        state => return broken("I6", format!("the refusal of {id} is stored as {state:?}")),
    }
    let own = format!("payments {id:?}: ");
    match before.differences(after).iter().find(|line| !line.starts_with(&own)) {
        None => Ok(()),
        Some(difference) => broken("I7", format!("{refusal:?}, but {difference}")),
    }
}

/// F13: holds whose time was over have lapsed, at least one, and nothing else has changed; the
/// sums that go with them are those of the state.
fn lapsed(before: &Dump, after: &Dump, commit: &Commit) -> Result<(), Found> {
    let overdue = |hold: &Hold| hold.is_live() && hold.expires.is_some_and(|at| at <= commit.at);
    let mut count = 0;
    for (id, hold) in &before.holds {
        if after.holds.get(id) == Some(hold) {
            continue;
        }
        if !overdue(hold) || after.holds.get(id).map(|now| now.state) != Some(HoldState::Expired) {
            return broken("I7", format!("{hold:?} is now {:?}", after.holds.get(id)));
        }
        count += 1;
    }
    let sums =
        |line: &&String| ["holds ", "accounts ", "orders "].iter().any(|t| line.starts_with(t));
    match before.differences(after).iter().find(|line| !sums(line)) {
        _ if count == 0 => broken("I7", "told to come again, and no hold has lapsed"),
        None => Ok(()),
        Some(difference) => broken("I7", format!("holds lapsed, but {difference}")),
    }
}

/// I9: what a commit was acknowledged for is there, all of it.
fn group(before: &Dump, after: &Dump, commit: &Commit) -> Result<(), Found> {
    let mut moved = counted(&after.audit.movements);
    for (movement, count) in counted(&before.audit.movements) {
        moved.entry(movement).and_modify(|now| *now -= count);
    }
    for op in &commit.ops {
        let is_there = match op {
            Op::Hold { id, .. } => after.holds.contains_key(id),
            Op::Capture { id, .. } => {
                after.audit.payments.iter().any(|p| p.id == *id && p.capture().is_some())
            }
            Op::Cancel { id, .. } => after.audit.payments.iter().any(|p| p.id == *id),
            Op::Move { .. } => match wanted(after, commit, op) {
                Some(movement) => moved.get(&format!("{movement:?}")).is_some_and(|n| *n > 0),
                None => true,
            },
            Op::Append { stream, records, .. } => {
                let len = |dump: &Dump| dump.records.get(stream).map_or(0, Vec::len);
                len(after) >= len(before) + records.len()
            }
            Op::OpenAccount(account) => after.audit.accounts.iter().any(|a| a.id == account.id),
            Op::Bind { order, .. } | Op::Tell { order, .. } | Op::Close { order, .. } => {
                after.audit.orders.iter().any(|o| o.id == *order)
            }
            _ => true,
        };
        if !is_there {
            return broken("I9", format!("acknowledged, but not there: {op:?}"));
        }
    }
    Ok(())
}

/// The movement that a plain move makes; the unit is that of the guest account in it.
fn wanted(after: &Dump, commit: &Commit, op: &Op) -> Option<Movement> {
    let Op::Move { from, to, amount, why, by } = op else { return None };
    let of_guest = |party: &Party| match party {
        Party::Guest(id) => account(after, *id).map(|a| a.kind.unit()),
        Party::House(_) => None,
    };
    let unit = of_guest(from).or_else(|| of_guest(to))?;
    let (debit, credit, amount, why, by) = (*from, *to, *amount, *why, *by);
    Some(Movement { debit, credit, unit, amount, why, by, at: commit.at })
}

fn account(dump: &Dump, id: AccountId) -> Option<&Account> {
    dump.audit.accounts.iter().find(|account| account.id == id)
}

/// I3: no accepted hold, and no debit without one, goes below the limit of that moment.
fn limits(before: &Dump, after: &Dump, commit: &Commit) -> Result<(), Found> {
    // The limit of that moment is not the limit afterwards where the same commit changes terms.
    if commit.ops.iter().any(|op| matches!(op, Op::SetTerms { .. })) {
        return Ok(());
    }
    for op in &commit.ops {
        let debited = match op {
            Op::Hold { id, account, .. } if !before.holds.contains_key(id) => *account,
            Op::Capture { id, account, .. } if without_hold(after, *id) => *account,
            Op::Move { from: Party::Guest(account), .. } => *account,
            _ => continue,
        };
        let Some(row) = account(after, debited) else { continue };
        let free = i128::from(row.balance.0) - i128::from(row.held.0);
        if free < -i128::from(row.overdraft.0) {
            return broken("I3", format!("{row:?} is below its limit after {op:?}"));
        }
    }
    Ok(())
}

fn without_hold(after: &Dump, id: PaymentId) -> bool {
    let payment = after.audit.payments.iter().find(|payment| payment.id == id);
    payment.and_then(Payment::capture).is_some_and(|capture| capture.hold.is_none())
}
