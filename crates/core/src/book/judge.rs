//! The judge: what a commit does to the rows it touches.

use crate::MoneyError;
use crate::book::op::{Commit, Key, Op, OrderGuard, Outcome, Scope, Verdict};
use crate::book::refusal::Refusal;
use crate::book::row::{KeyRow, Party, Payment, PaymentState};
use crate::book::stream::{Seq, StreamId};
use crate::book::view::{Change, Delta, OVERDUE_MAX, View};
use crate::book::{guests, order, payment, stream};
use crate::id::{Fingerprint, OrderId, PaymentId};
use crate::time::Timestamp;

/// What was decided, and what to save.
#[derive(Clone, Debug)]
#[must_use]
pub struct Judgement {
    /// The decision.
    pub verdict: Verdict,
    /// Whether the key had been used before: nothing changed now, the rows are as they stand.
    pub replayed: bool,
    /// The rows to save, in one transaction.
    pub delta: Delta,
}

/// The commit cannot be judged: nothing is stored, not even its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The key belongs to another request. Use a fresh key.
    #[error("the key belongs to another request")]
    Key,
    /// The stream has grown. Read it again and decide anew.
    #[error("the stream has grown in the meantime")]
    Stale {
        /// Which.
        stream: StreamId,
        /// Its length now.
        head: Seq,
    },
    /// Another run of the program has claimed the stream. Stop this flow.
    #[error("another run of the program has claimed the stream")]
    Fenced,
    /// A row that the decision needs was not loaded: an error of the store.
    #[error("the store did not load a needed row")]
    NotLoaded,
}

/// Why a step ends early.
pub(crate) enum Stop {
    Refuse(Refusal),
    Conflict(Conflict),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

impl From<Conflict> for Stop {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

/// An amount that does not fit is the caller's: no honest book comes near.
impl From<MoneyError> for Stop {
    fn from(_: MoneyError) -> Self {
        Self::Refuse(Refusal::BadAmount)
    }
}

/// Decides over a commit whose rows are loaded.
///
/// # Errors
/// [`Conflict`]: nothing is stored.
pub fn judge(mut view: View, commit: &Commit) -> Result<Judgement, Conflict> {
    if let Some(verdict) = replay(&view, commit)? {
        return Ok(Judgement { verdict, replayed: true, delta: Delta::default() });
    }
    let crowded = is_crowded(&view).then(|| view.clone());
    let mut outcomes = Vec::with_capacity(commit.ops.len());
    for op in &commit.ops {
        match apply(&mut view, commit, op) {
            Ok(outcome) => outcomes.push(outcome),
            Err(Stop::Conflict(conflict)) => return Err(conflict),
            Err(Stop::Refuse(refusal)) => {
                return match crowded {
                    Some(before) if refusal.may_be_of_a_hold() => lapsed(before, commit),
                    _ => Ok(refused(&view, commit, refusal)),
                };
            }
        }
    }
    if let Some(key) = commit.key.filter(|key| key.scope != Scope::Payment) {
        let row = KeyRow { body: key.body, refusal: None, at: commit.at };
        view.keys.set((key.scope, key.id), Some(row));
    }
    Ok(Judgement { verdict: Verdict::Done(outcomes), replayed: false, delta: view.into_delta() })
}

/// Whether an account may have more overdue holds than one commit lapses.
fn is_crowded(view: &View) -> bool {
    view.overdue.iter().any(|holds| holds.len() >= OVERDUE_MAX)
}

/// Holds whose time is over may be all that stands in the way, and only some of them are loaded:
/// lapses these, and nobody is refused for good. The caller comes again until none is left.
fn lapsed(mut view: View, commit: &Commit) -> Result<Judgement, Conflict> {
    let overdue: Vec<_> = view.overdue.iter().flatten().copied().collect();
    for hold in overdue {
        match payment::lapse(&mut view, &ask(commit), hold) {
            Ok(()) => {}
            Err(Stop::Conflict(conflict)) => return Err(conflict),
            // A sum that does not fit: the commit's own refusal tells it.
            Err(Stop::Refuse(refusal)) => return Ok(refused(&view, commit, refusal)),
        }
    }
    let verdict = Verdict::Refused(Refusal::HoldsOverdue);
    Ok(Judgement { verdict, replayed: false, delta: view.into_delta() })
}

/// A refusal changes nothing but the row that remembers it (I7).
fn refused(view: &View, commit: &Commit, refusal: Refusal) -> Judgement {
    let mut delta = Delta::default();
    if let (Some(key), true) = (&commit.key, refusal.is_final()) {
        match key.scope {
            Scope::Payment => {
                let row = refused_payment(commit, key, &refusal);
                let existed = view.payments.existed(&row.id);
                delta.payments.push(Change { key: row.id, row: Some(row), existed });
            }
            scope => {
                let refusal = Some(refusal.clone());
                let row = KeyRow { body: key.body, refusal, at: commit.at };
                delta.keys.push(Change { key: (scope, key.id), row: Some(row), existed: false });
            }
        }
    }
    Judgement { verdict: Verdict::Refused(refusal), replayed: false, delta }
}

fn refused_payment(commit: &Commit, key: &Key, refusal: &Refusal) -> Payment {
    Payment {
        id: PaymentId(key.id),
        order: commit.guard.as_ref().map_or(OrderId(key.id), |g| g.order),
        till: commit.guard.as_ref().and_then(|g| g.till.clone()),
        attempt: key.attempt,
        body: key.body,
        state: PaymentState::Refused(refusal.clone()),
        at: commit.at,
    }
}

/// The answer of a key that was used before, from the rows as they stand now (F1).
fn replay(view: &View, commit: &Commit) -> Result<Option<Verdict>, Conflict> {
    let Some(key) = &commit.key else { return Ok(None) };
    if key.scope == Scope::Payment {
        return replay_payment(view, commit, key);
    }
    let Some(row) = view.keys.loaded(&(key.scope, key.id)).ok_or(Conflict::NotLoaded)? else {
        return Ok(None);
    };
    if row.body != key.body {
        return Err(Conflict::Key);
    }
    Ok(Some(match &row.refusal {
        Some(refusal) => Verdict::Refused(refusal.clone()),
        None => Verdict::Done(commit.ops.iter().map(|op| standing(view, op)).collect()),
    }))
}

fn replay_payment(view: &View, commit: &Commit, key: &Key) -> Result<Option<Verdict>, Conflict> {
    let id = PaymentId(key.id);
    let Some(row) = view.payments.loaded(&id).ok_or(Conflict::NotLoaded)? else {
        return Ok(None);
    };
    let known = row.attempt >= key.attempt;
    let verdict = match &row.state {
        PaymentState::Cancelled(_) | PaymentState::Tombstoned => {
            return Ok(Some(Verdict::Refused(Refusal::TransactionCancelled)));
        }
        PaymentState::Refused(refusal) if known => Verdict::Refused(refusal.clone()),
        PaymentState::Refused(_) => return Ok(None),
        PaymentState::Captured(_) => {
            Verdict::Done(commit.ops.iter().map(|op| standing(view, op)).collect())
        }
    };
    conflict_within_attempt(row.attempt, row.body, key)?;
    Ok(Some(verdict))
}

fn conflict_within_attempt(attempt: u16, body: Fingerprint, key: &Key) -> Result<(), Conflict> {
    if attempt == key.attempt && body != key.body { Err(Conflict::Key) } else { Ok(()) }
}

/// What a repeated op would find.
fn standing(view: &View, op: &Op) -> Outcome {
    let outcome = match op {
        Op::Hold { id, .. } => view.holds.get(id).cloned().map(Outcome::Hold),
        Op::Capture { id, .. } => view.payments.get(id).map(|p| payment::outcome(view, p)),
        Op::Refund { id, of, .. } => match (view.refunds.get(id), view.payments.get(of)) {
            (Some(refund), Some(payment)) => {
                Some(Outcome::Refund(refund.clone(), Box::new(payment.clone())))
            }
            _ => None,
        },
        Op::RefundOrder { id, order, .. } => {
            Some(Outcome::Refunds(payment::order_refunds(view, *id, *order)))
        }
        Op::Move { to: Party::Guest(id), .. } | Op::SetTerms { account: id, .. } => {
            view.accounts.get(id).cloned().map(|a| Outcome::Account(Box::new(a)))
        }
        Op::Append { stream, .. } => view.streams.get(stream).map(|s| Outcome::Appended(s.seq)),
        Op::Bind { order, .. } | Op::Tell { order, .. } => {
            view.orders.get(order).cloned().map(|o| Outcome::Order(Box::new(o)))
        }
        Op::OpenAccount(account) => {
            view.accounts.get(&account.id).cloned().map(|a| Outcome::Account(Box::new(a)))
        }
        _ => None,
    };
    outcome.unwrap_or(Outcome::Done)
}

/// What the ops of one commit share.
pub(crate) struct Ask<'c> {
    pub(crate) at: Timestamp,
    pub(crate) key: Option<&'c Key>,
    pub(crate) guard: Option<&'c OrderGuard>,
}

fn ask(commit: &Commit) -> Ask<'_> {
    Ask { at: commit.at, key: commit.key.as_ref(), guard: commit.guard.as_ref() }
}

fn apply(view: &mut View, commit: &Commit, op: &Op) -> Result<Outcome, Stop> {
    let ask = ask(commit);
    match op {
        Op::Refuse(refusal) => Err(refusal.clone().into()),
        Op::Hold { .. } | Op::Void { .. } | Op::Expire { .. } => payment::holds(view, &ask, op),
        Op::Capture { .. } | Op::Cancel { .. } | Op::Acknowledge { .. } => {
            payment::payments(view, &ask, op)
        }
        Op::Refund { .. } | Op::RefundOrder { .. } => payment::refunds(view, &ask, op),
        Op::Move { .. } => payment::movement(view, &ask, op),
        Op::Close { .. } | Op::Bind { .. } | Op::Tell { .. } => order::apply(view, &ask, op),
        Op::Append { stream, expect, fence, records, head } => {
            stream::append(view, &ask, *stream, (*expect, *fence), records, head)
        }
        _ => guests::apply(view, &ask, op),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Uuid;

    /// A store that inserts a row which is there, or updates one which is not, fails the commit.
    #[test]
    fn a_remembered_refusal_says_whether_its_row_is_there() {
        let payment = |number| PaymentId(Uuid::from_u128(number));
        let commit = |attempt| {
            let (id, body) = (Uuid::from_u128(1), Fingerprint([0; 16]));
            let key = Some(Key { scope: Scope::Payment, id, attempt, body });
            let ops = vec![Op::Refuse(Refusal::UnknownPaymentType)];
            Commit { key, ..Commit::of(Timestamp::utc(1), ops) }
        };
        let mut before = None;
        for (attempt, existed) in [(1, false), (2, true), (3, true)] {
            let mut view = View::default();
            let other = before.clone().map(|row| Payment { id: payment(2), ..row });
            view.payments.load(payment(2), other);
            view.payments.load(payment(1), before.take());
            let judgement = judge(view, &commit(attempt)).unwrap();
            let [change] = judgement.delta.payments.as_slice() else { panic!("{judgement:?}") };
            assert_eq!((change.key, change.existed), (payment(1), existed));
            before.clone_from(&change.row);
        }
        let mut view = View::default();
        view.payments.load(payment(2), before);
        view.payments.load(payment(1), None);
        let judgement = judge(view, &commit(1)).unwrap();
        assert!(judgement.delta.payments.iter().all(|change| !change.existed));
    }
}
