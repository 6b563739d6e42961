//! What a broken store does to what is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use async_trait::async_trait;
use tillway_core::account::Parts;
use tillway_core::book::{
    Commit, Expiry, HoldState, House, Key, Op, Outcome, Party, Payment, PaymentState, Record,
    Scope, Seq, StreamId, Verdict,
};
use tillway_core::id::{AccountId, Fingerprint, HoldId, OrderId, RefundId, TillId, Uuid};
use tillway_core::port::{CommitError, Committed, ReadError, Readiness, Recalled, Sheet, Store};
use tillway_core::{Account, AccountKind, Kopecks, Timestamp};

use crate::broken::Flaw;
use crate::runtime::block_on;
use crate::suite::Fixture;

/// How long one who checked lets others check too, in turns of the scheduler.
const TURNS: usize = 200;

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
        let mut log = lock(&self.log);
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
        let log = Arc::clone(&self.log);
        Arc::new(Broken { log, ..Broken::new(self.flaw, self.right.open()) })
    }
}

/// A store with a flaw.
#[derive(Debug)]
pub struct Broken {
    pub(super) inner: Arc<dyn Store>,
    pub(super) flaw: Flaw,
    log: Arc<Mutex<Vec<Commit>>>,
    /// Who commits, where the harm is done in several steps that must not mix with another's.
    turn: futures::lock::Mutex<()>,
    /// How many have checked so far.
    checked: AtomicUsize,
    lies: Mutex<Lies>,
}

/// What a broken store has to remember to tell its lies.
#[derive(Debug, Default)]
pub(super) struct Lies {
    /// Captured holds that it lapsed.
    pub(super) expired: BTreeSet<HoldId>,
    /// The clock when a record was written.
    pub(super) times: BTreeMap<(StreamId, Seq), Timestamp>,
    /// The last record of a stream that was appended to twice.
    pub(super) last: BTreeMap<StreamId, Record>,
    /// The rows before the last commit; `None` before the first.
    pub(super) accounts: Option<BTreeMap<AccountId, Account>>,
    pub(super) sheets: Option<BTreeMap<OrderId, Sheet>>,
}

impl Broken {
    /// Breaks a right store.
    pub fn new(flaw: Flaw, inner: Arc<dyn Store>) -> Self {
        let (log, turn, checked) = (Arc::default(), futures::lock::Mutex::default(), 0.into());
        Self { inner, flaw, log, turn, checked, lies: Mutex::default() }
    }

    pub(super) fn lies(&self) -> MutexGuard<'_, Lies> {
        lock(&self.lies)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Broken {
    async fn commit(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        lock(&self.log).push(commit.clone());
        match self.flaw {
            Flaw::ForgetsKeys => commit.key = commit.key.filter(|k| k.scope == Scope::Payment),
            Flaw::RefundsTwice => self.refund_anew(&mut commit).await,
            Flaw::CountsHoldsLate => return self.without_holds(commit).await,
            Flaw::ChecksThenActs => return self.check_then_act(commit).await,
            Flaw::SplitsGroups => return self.one_by_one(commit).await,
            Flaw::IgnoresBodies => return self.by_key_alone(commit).await,
            Flaw::RefusalsTurnDone => return self.never_refused(commit).await,
            Flaw::SupersedesInTwoSteps => self.give_up_first(&mut commit).await?,
            Flaw::CapturesVoidedHolds | Flaw::CapturesMore => {
                self.loosen_holds(&mut commit).await?;
            }
            Flaw::ForgetsTombstones => return self.without_tombstones(commit).await,
            Flaw::MixesUnits => return self.mixing_units(commit).await,
            Flaw::PairsAnywhere => return self.pair_anywhere(commit).await,
            Flaw::ExpiresCapturedHolds => self.expire_captured(&commit).await?,
            Flaw::ShowsOldAccounts | Flaw::ShowsOldSheets => {
                let _turn = self.turn.lock().await;
                self.remember_rows().await?;
                return self.inner.commit(commit).await;
            }
            Flaw::RoundsEachRefund => return self.rounding_each(commit).await,
            Flaw::OverwritesRecords | Flaw::WritesClockTime => {
                return self.watching_appends(commit).await;
            }
            _ => commit.ops.iter_mut().for_each(|op| self.unguard(op)),
        }
        if self.flaw == Flaw::IgnoresEpochs
            && let Some(guard) = &mut commit.guard
        {
            guard.epoch = None;
        }
        self.inner.commit(commit).await
    }

    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        self.inner.recall(key).await
    }

    fn ready(&self) -> Readiness<ReadError> {
        self.inner.ready()
    }
}

impl Broken {
    fn unguard(&self, op: &mut Op) {
        match (self.flaw, op) {
            (Flaw::NeverLapses, Op::Hold { expiry, .. }) => *expiry = Expiry::WithOwner,
            (Flaw::IgnoresLengths, Op::Append { expect, .. }) => *expect = None,
            (Flaw::IgnoresFences, Op::Append { fence, .. }) => *fence = None,
            (Flaw::ForgetsTokens, Op::Bind { once, .. }) => *once = None,
            (Flaw::MovesOneSide, Op::Move { from: Party::Guest(_), to, .. }) => {
                if matches!(to, Party::Guest(_)) {
                    *to = Party::House(House::Suspense);
                }
            }
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

    /// Each draw on an account, as if this much more could be spent: what is held.
    async fn without_holds(&self, commit: Commit) -> Result<Committed, CommitError> {
        let mut wider = Vec::new();
        for (account, _) in draws(&commit) {
            if let Ok(Some(row)) = self.inner.account(account).await {
                let held = row.held;
                wider.push((row, held));
            }
        }
        self.stretched(commit, wider).await
    }

    /// Looks, lets others look too, and then takes what was there when it looked.
    async fn check_then_act(&self, commit: Commit) -> Result<Committed, CommitError> {
        let mut wider = Vec::new();
        for (account, amount) in draws(&commit) {
            if let Ok(Some(row)) = self.inner.account(account).await
                && row.available().is_ok_and(|available| amount <= available)
            {
                wider.push((row, amount));
            }
        }
        if !wider.is_empty() {
            let before = self.checked.fetch_add(1, Ordering::SeqCst);
            for _ in 0..TURNS {
                if self.checked.load(Ordering::SeqCst) > before + 1 {
                    break;
                }
                thread::yield_now();
            }
        }
        self.stretched(commit, wider).await
    }

    /// Commits with wider limits, which are as before when it is done.
    async fn stretched(
        &self,
        commit: Commit,
        wider: Vec<(Account, Kopecks)>,
    ) -> Result<Committed, CommitError> {
        let (mut first, mut last, mut limits) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (row, more) in wider {
            let wide = row.overdraft.add(more).ok();
            let fits = wide.is_some_and(|wide| row.balance.add(wide).is_ok());
            if row.kind != AccountKind::Bonus && more.is_positive() && fits {
                let terms = |overdraft| Op::SetTerms { account: row.id, overdraft, status: None };
                first.push(terms(wide));
                last.push(terms(Some(row.overdraft)));
                limits.insert(row.id, row.overdraft);
            }
        }
        let mut answer = self.between(first, commit, last).await?;
        if let Verdict::Done(outcomes) = &mut answer.verdict {
            for outcome in outcomes {
                if let Outcome::Payment(_, Some(account)) = outcome
                    && let Some(overdraft) = limits.get(&account.id)
                {
                    account.overdraft = *overdraft;
                }
            }
        }
        Ok(answer)
    }

    /// Commits with other ops before and after, and tells nothing of these.
    async fn between(
        &self,
        first: Vec<Op>,
        mut commit: Commit,
        last: Vec<Op>,
    ) -> Result<Committed, CommitError> {
        let (skip, take) = (first.len(), commit.ops.len());
        commit.ops = [first, commit.ops, last].concat();
        let mut answer = self.inner.commit(commit).await?;
        if let Verdict::Done(outcomes) = &mut answer.verdict {
            *outcomes = outcomes.drain(..).skip(skip).take(take).collect();
        }
        Ok(answer)
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

    async fn give_up_first(&self, commit: &mut Commit) -> Result<(), CommitError> {
        for op in &mut commit.ops {
            if let Op::Hold { supersedes, .. } = op
                && let Some(hold) = supersedes.take()
            {
                self.inner.commit(Commit::of(commit.at, vec![Op::Void { hold }])).await?;
            }
        }
        Ok(())
    }

    /// Captures past a hold that forbids it, as if there were none.
    async fn loosen_holds(&self, commit: &mut Commit) -> Result<(), CommitError> {
        for op in &mut commit.ops {
            let Op::Capture { hold, amount, .. } = op else { continue };
            let Some(id) = *hold else { continue };
            let row = self.inner.hold(id).await.map_err(|_| CommitError::Unavailable)?;
            let Some(row) = row else { continue };
            let guarantees = row.is_live() && row.expires.is_none_or(|end| end > commit.at);
            let more = guarantees && row.amount().is_ok_and(|held| *amount > held);
            match self.flaw {
                Flaw::CapturesVoidedHolds if row.state == HoldState::Voided => *hold = None,
                Flaw::CapturesMore if more => {
                    let void = Op::Void { hold: id };
                    self.inner.commit(Commit::of(commit.at, vec![void])).await?;
                    *hold = None;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn rounding_each(&self, commit: Commit) -> Result<Committed, CommitError> {
        let mut answer = self.inner.commit(commit).await?;
        if let Verdict::Done(outcomes) = &mut answer.verdict {
            for outcome in outcomes {
                let Outcome::Refund(refund, payment) = outcome else { continue };
                let Some(capture) = payment.capture() else { continue };
                if let (Ok(whole), Ok(back)) = (capture.parts.total(), refund.parts.total()) {
                    let share = i128::from(back.0) * i128::from(capture.parts.overdraft.0);
                    let overdraft = i64::try_from(share / i128::from(whole.0).max(1));
                    let overdraft = Kopecks(overdraft.unwrap_or_default());
                    let own = back.sub(overdraft).unwrap_or_default();
                    refund.parts = Parts { own, overdraft };
                }
            }
        }
        Ok(answer)
    }

    /// Says that a payment is forbidden, and does not write it down.
    async fn without_tombstones(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        let mut said = BTreeMap::new();
        for (index, op) in commit.ops.iter().enumerate() {
            let Op::Cancel { id, order, till } = op else { continue };
            let known = self.inner.payment(*id).await.map_err(|_| CommitError::Unavailable)?;
            if known.is_none_or(|row| matches!(row.state, PaymentState::Refused(_))) {
                let (order, till, at) = (*order, till.clone(), commit.at);
                let (body, state) = (Fingerprint([0; 16]), PaymentState::Tombstoned);
                let row = Payment { id: *id, order, till, attempt: 0, body, state, at };
                said.insert(index, Outcome::Payment(Box::new(row), None));
            }
        }
        let mut index = 0..;
        commit.ops.retain(|_| index.next().is_some_and(|index| !said.contains_key(&index)));
        let mut answer = self.inner.commit(commit).await?;
        if let Verdict::Done(outcomes) = &mut answer.verdict {
            for (index, outcome) in said {
                outcomes.insert(index, outcome);
            }
        }
        Ok(answer)
    }

    /// Two movements instead of one that has rubles on one side and points on the other.
    async fn mixing_units(&self, mut commit: Commit) -> Result<Committed, CommitError> {
        if let [Op::Move { from: Party::Guest(from), to: Party::Guest(to), amount, why, by }] =
            commit.ops[..]
        {
            let mut houses = Vec::new();
            for account in [from, to] {
                let row = self.inner.account(account).await;
                houses.extend(row.ok().flatten().map(|row| match row.kind {
                    AccountKind::Bonus => House::BonusIssued,
                    _ => House::Declared,
                }));
            }
            if let [of_from, of_to] = houses[..]
                && of_from != of_to
            {
                let (of_from, of_to) = (Party::House(of_from), Party::House(of_to));
                let (from, to) = (Party::Guest(from), Party::Guest(to));
                let first = vec![Op::Move { from, to: of_from, amount, why, by }];
                commit.ops = vec![Op::Move { from: of_to, to, amount, why, by }];
                return self.between(first, commit, Vec::new()).await;
            }
        }
        self.inner.commit(commit).await
    }

    async fn pair_anywhere(&self, commit: Commit) -> Result<Committed, CommitError> {
        let _turn = self.turn.lock().await;
        let known = self.inner.pairings().await.map_err(|_| CommitError::Unavailable)?;
        let mut gone = BTreeMap::<TillId, Op>::new();
        for op in &commit.ops {
            let Op::Pair(new) = op else { continue };
            let taken = known.iter().filter(|p| p.till == new.till || p.device == new.device);
            gone.extend(taken.map(|p| {
                let (till, device) = (p.till.clone(), p.device.clone());
                (p.till.clone(), Op::Unpair { till, device })
            }));
        }
        self.between(gone.into_values().collect(), commit, Vec::new()).await
    }

    async fn expire_captured(&self, commit: &Commit) -> Result<(), CommitError> {
        for op in &commit.ops {
            let Op::Expire { hold } = op else { continue };
            let row = self.inner.hold(*hold).await.map_err(|_| CommitError::Unavailable)?;
            if row.is_some_and(|row| matches!(row.state, HoldState::Captured(_))) {
                self.lies().expired.insert(*hold);
            }
        }
        Ok(())
    }

    /// Keeps the rows as they are before a commit.
    async fn remember_rows(&self) -> Result<(), CommitError> {
        let book = self.inner.audit().await.map_err(|_| CommitError::Unavailable)?;
        let mut sheets = BTreeMap::new();
        for order in book.orders {
            let sheet = self.inner.sheet(order.id).await.map_err(|_| CommitError::Unavailable)?;
            sheets.extend(sheet.map(|sheet| (order.id, sheet)));
        }
        let mut lies = self.lies();
        lies.accounts = Some(book.accounts.into_iter().map(|row| (row.id, row)).collect());
        lies.sheets = Some(sheets);
        Ok(())
    }

    async fn watching_appends(&self, commit: Commit) -> Result<Committed, CommitError> {
        let answer = self.inner.commit(commit.clone()).await?;
        let Committed { verdict: Verdict::Done(outcomes), replayed: false } = &answer else {
            return Ok(answer);
        };
        let mut lies = self.lies();
        for (op, outcome) in commit.ops.iter().zip(outcomes) {
            let (Op::Append { stream, records, .. }, Outcome::Appended(length)) = (op, outcome)
            else {
                continue;
            };
            let count = u64::try_from(records.len()).unwrap_or_default();
            let first = length.0.saturating_sub(count);
            let numbers = (first + 1)..=length.0;
            lies.times.extend(numbers.map(|number| ((*stream, Seq(number)), commit.at)));
            if first > 0 {
                lies.last.extend(records.last().map(|last| (*stream, last.clone())));
            }
        }
        drop(lies);
        Ok(answer)
    }
}

/// What a commit draws on which account, without a hold that guarantees it.
fn draws(commit: &Commit) -> Vec<(AccountId, Kopecks)> {
    let draw = |op: &Op| match op {
        Op::Hold { account, amount, .. } | Op::Capture { account, amount, hold: None, .. } => {
            Some((*account, *amount))
        }
        _ => None,
    };
    commit.ops.iter().filter_map(draw).collect()
}

fn done(outcomes: Vec<Outcome>, replayed: bool) -> Committed {
    Committed { verdict: Verdict::Done(outcomes), replayed }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
