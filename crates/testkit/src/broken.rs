//! Stores that are wrong in one way each: proof that the suite bites.
//!
//! A [`Broken`] stands before a right store and does one thing that a naive store would do. Each
//! [`Flaw`] names the cases that must fail because of it, and no other case may. To add a flaw,
//! add it to [`Flaw`] and [`Flaw::ALL`], do the harm in `Broken::commit`, and list its cases.

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tillway_core::book::{
    Audit, Commit, Expiry, Fence, Hold, Key, Op, Order, Outcome, Payment, Scope, Seq, Stored,
    StreamId, Verdict,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{
    AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, RefundId, TillId, Uuid,
};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, HeadRow, Journal, Query, ReadError,
    Recalled, Reconciliation, Sheet, StatementLine, Store,
};
use tillway_core::{Account, AccountKind, Timestamp};

use crate::checked::delegate_reads;
use crate::runtime::block_on;
use crate::suite::Fixture;

/// What a store does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// Remembers no keys but those of payments: a repeat is a second effect.
    ForgetsKeys,
    /// Looks at a key and not at the request: another request gets the answer of the first.
    IgnoresBodies,
    /// Says "done" when a refused request is repeated.
    RefusalsTurnDone,
    /// Checks new holds and payments against the balance alone, as if nothing were held.
    CountsHoldsLate,
    /// Never lapses a hold.
    NeverLapses,
    /// Makes a refund again when it is asked again.
    RefundsTwice,
    /// Saves the ops of a commit one by one: what came before a refusal stays.
    SplitsGroups,
    /// Takes an append whatever the stream's length is.
    IgnoresLengths,
    /// Takes an append of anybody, whoever claimed the stream.
    IgnoresFences,
    /// Binds without using the one-time token up.
    ForgetsTokens,
    /// Has lost the last commit when it is opened again.
    LosesTheTail,
}

impl Flaw {
    /// All flaws.
    pub const ALL: &'static [Self] = &[
        Self::ForgetsKeys,
        Self::IgnoresBodies,
        Self::RefusalsTurnDone,
        Self::CountsHoldsLate,
        Self::NeverLapses,
        Self::RefundsTwice,
        Self::SplitsGroups,
        Self::IgnoresLengths,
        Self::IgnoresFences,
        Self::ForgetsTokens,
        Self::LosesTheTail,
    ];

    /// The cases that fail because of it, by name.
    pub fn trips(self) -> &'static [&'static str] {
        match self {
            Self::ForgetsKeys => &[
                "acknowledged_survives_reopening",
                "b08_refund_id_is_one_credit",
                "b17_unlinked_refund_twice_is_one",
                "i5_one_key_one_effect",
                "i5_other_body_conflicts",
                "i5_raced_key_has_one_effect",
                "i6_refused_stays_refused",
                "i7_conflict_leaves_no_key",
                "recall_tells_done_and_refused",
                "refusals_and_claims_survive_reopening",
            ],
            Self::IgnoresBodies => &["b02_other_amount_conflicts", "i5_other_body_conflicts"],
            Self::RefusalsTurnDone => &[
                "b03_cancel_before_the_payment",
                "f1_cancel_of_a_refused_payment",
                "f1_higher_attempt_is_judged_anew",
                "f1_late_lower_attempt_is_refused",
                "f5_payment_type_fits_the_wallet",
                "i6_refused_stays_refused",
                "refusals_and_claims_survive_reopening",
            ],
            Self::CountsHoldsLate => &[
                "f13_overdue_hold_stands_in_nobodys_way",
                "pv1_holds_count_at_once",
                "pv1_payment_leaves_holds_alone",
                "pv5_supersedes_swaps_at_once",
            ],
            Self::NeverLapses => &[
                "f13_b13_capture_after_lapse_needs_money",
                "f13_capture_after_lapse_is_a_new_one",
                "f13_hold_lapses_at_its_time",
                "f13_lapsed_hold_guarantees_nothing",
                "f13_overdue_hold_stands_in_nobodys_way",
                "i3_movement_out_stays_within_the_limit",
                "overdue_lists_oldest_first",
            ],
            Self::RefundsTwice => {
                &["acknowledged_survives_reopening", "b08_refund_id_is_one_credit"]
            }
            Self::SplitsGroups => &[
                "append_goes_with_the_money",
                "append_stale",
                "d1_one_device_one_till",
                "i9_group_is_all_or_none",
                "client_id_is_unique_and_a_phone_is_not",
            ],
            Self::IgnoresLengths => {
                &["append_raced_has_one_winner", "append_stale", "i7_conflict_leaves_no_key"]
            }
            Self::IgnoresFences => &["claims_fence"],
            Self::ForgetsTokens => &[
                "f16_every_token_is_spent_by_the_check_out",
                "f16_raced_token_binds_one_order",
                "f16_token_is_consumed_with_the_binding",
                "f16_token_is_spent_by_the_check_out",
            ],
            Self::LosesTheTail => {
                &["acknowledged_survives_reopening", "refusals_and_claims_survive_reopening"]
            }
        }
    }
}

/// A fixture of broken stores.
#[derive(Debug)]
pub struct BrokenFixture<M> {
    flaw: Flaw,
    make: M,
    right: Box<dyn Fixture>,
    log: Arc<Mutex<Vec<Commit>>>,
    opened: bool,
}

impl<M: Fn() -> Box<dyn Fixture>> BrokenFixture<M> {
    /// Breaks the stores that `make` makes.
    pub fn new(flaw: Flaw, make: M) -> Self {
        Self { flaw, right: make(), make, log: Arc::default(), opened: false }
    }

    /// Begins with an empty store and does again all but the last commit.
    fn lose_the_tail(&mut self) {
        self.right = (self.make)();
        let store = self.right.open();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.pop();
        for commit in log.iter() {
            // What was refused or in conflict before is so again.
            let _ = block_on(store.commit(commit.clone()));
        }
    }
}

impl<M> Fixture for BrokenFixture<M>
where
    M: Fn() -> Box<dyn Fixture> + core::fmt::Debug + Send + Sync,
{
    fn open(&mut self) -> Arc<dyn Store> {
        if self.opened && self.flaw == Flaw::LosesTheTail {
            self.lose_the_tail();
        }
        self.opened = true;
        let (inner, log) = (self.right.open(), Arc::clone(&self.log));
        Arc::new(Broken { inner, flaw: self.flaw, log })
    }
}

/// A store with a flaw.
#[derive(Debug)]
pub struct Broken {
    inner: Arc<dyn Store>,
    flaw: Flaw,
    log: Arc<Mutex<Vec<Commit>>>,
}

#[async_trait]
impl Store for Broken {
    async fn commit(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(commit.clone());
        match self.flaw {
            Flaw::ForgetsKeys => commit.key = commit.key.filter(|k| k.scope == Scope::Payment),
            Flaw::RefundsTwice => self.refund_anew(&mut commit).await,
            Flaw::CountsHoldsLate => return self.without_holds(commit).await,
            Flaw::SplitsGroups => return self.one_by_one(commit).await,
            Flaw::IgnoresBodies => return self.by_key_alone(commit).await,
            Flaw::RefusalsTurnDone => return self.never_refused(commit).await,
            Flaw::NeverLapses
            | Flaw::IgnoresLengths
            | Flaw::IgnoresFences
            | Flaw::ForgetsTokens => commit.ops.iter_mut().for_each(|op| self.unguard(op)),
            Flaw::LosesTheTail => {}
        }
        self.inner.commit(commit).await
    }

    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        self.inner.recall(key).await
    }

    async fn ready(&self) -> Result<(), ReadError> {
        self.inner.ready().await
    }
}

fn done(outcomes: Vec<Outcome>, replayed: bool) -> Committed {
    Committed { verdict: Verdict::Done(outcomes), replayed }
}

impl Broken {
    fn unguard(&self, op: &mut Op) {
        match (self.flaw, op) {
            (Flaw::NeverLapses, Op::Hold { expiry, .. }) => *expiry = Expiry::WithOwner,
            (Flaw::IgnoresLengths, Op::Append { expect, .. }) => *expect = None,
            (Flaw::IgnoresFences, Op::Append { fence, .. }) => *fence = None,
            (Flaw::ForgetsTokens, Op::Bind { once, .. }) => *once = None,
            _ => {}
        }
    }

    async fn refund_anew(&self, commit: &mut Commit) {
        let Some(key) = commit.key.filter(|key| key.scope == Scope::Refund) else { return };
        if matches!(self.inner.recall(&key).await, Ok(Some(Recalled::Done))) {
            commit.key = None;
            for op in &mut commit.ops {
                if let Op::Refund { id, .. } = op {
                    *id = RefundId(Uuid::new_v5(&id.0, b"again"));
                }
            }
        }
    }

    /// Widens the limits by what is held, for as long as the commit takes.
    async fn without_holds(&self, commit: Commit) -> Result<Committed, CommitError> {
        let mut narrow = Vec::new();
        for op in &commit.ops {
            let (Op::Hold { account, .. } | Op::Capture { account, hold: None, .. }) = op else {
                continue;
            };
            let Ok(Some(row)) = self.inner.account(*account).await else { continue };
            let Ok(wide) = row.overdraft.add(row.held) else { continue };
            if row.kind != AccountKind::Bonus && row.held.is_positive() {
                let terms = |overdraft| Op::SetTerms {
                    account: row.id,
                    overdraft: Some(overdraft),
                    status: None,
                };
                self.inner.commit(Commit::of(commit.at, vec![terms(wide)])).await?;
                narrow.push(terms(row.overdraft));
            }
        }
        let at = commit.at;
        let answer = self.inner.commit(commit).await;
        self.inner.commit(Commit::of(at, narrow)).await?;
        answer
    }

    async fn one_by_one(&self, commit: Commit) -> Result<Committed, CommitError> {
        let (mut outcomes, last) = (Vec::new(), commit.ops.len().saturating_sub(1));
        for (index, op) in commit.ops.into_iter().enumerate() {
            let key = commit.key.filter(|_| index == last);
            let one = Commit { key, at: commit.at, guard: commit.guard.clone(), ops: vec![op] };
            match self.inner.commit(one).await? {
                Committed { verdict: Verdict::Done(more), replayed: false } => {
                    outcomes.extend(more);
                }
                other => return Ok(other),
            }
        }
        Ok(done(outcomes, false))
    }

    async fn never_refused(&self, commit: Commit) -> Result<Committed, CommitError> {
        match self.inner.commit(commit).await? {
            Committed { verdict: Verdict::Refused(_), replayed: true } => {
                Ok(done(Vec::new(), true))
            }
            other => Ok(other),
        }
    }

    async fn by_key_alone(&self, commit: Commit) -> Result<Committed, CommitError> {
        match self.inner.commit(commit.clone()).await {
            Err(CommitError::KeyConflict) if commit.key.is_some() => Ok(done(Vec::new(), true)),
            other => other,
        }
    }
}

delegate_reads!(Broken, inner);
