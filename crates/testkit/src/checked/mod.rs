//! A store that is watched: after every commit the invariants I1 to I9, I11 and I13 are checked
//! over the whole book.

mod delegate;
mod dump;
mod rules;
mod shares;

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tillway_core::Account;
use tillway_core::Timestamp;
use tillway_core::book::{Audit, Commit, Fence, Hold, Key, Order, Payment, Seq, Stored, StreamId};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, HeadRow, Journal, Query, ReadError,
    Readiness, Recalled, Reconciliation, Sheet, StatementLine, Store,
};

pub(crate) use crate::checked::delegate::delegate_reads;
use crate::checked::dump::Dump;
use crate::checked::rules::Memory;

/// A store that checks the store under it.
///
/// Every commit reads the whole book before and after, so it is for tests with small books.
/// Commits through one `Checked` run one after another; somebody who commits beside it while it
/// compares makes it see changes that are not its own.
///
/// After the first [`Violation`] every commit is answered with [`CommitError::Corrupt`]: a test
/// that goes on regardless fails soon, and [`Checked::violation`] says why.
#[derive(Debug)]
pub struct Checked {
    inner: Arc<dyn Store>,
    memory: futures::lock::Mutex<Memory>,
    violation: Mutex<Option<Violation>>,
}

/// An invariant that did not hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which one: `I1` … `I13`, `durability` across a reopening, or `reads` when the book could
    /// not be read.
    pub rule: &'static str,
    /// What was found.
    pub found: String,
    /// Which commit through this `Checked` it was, counted from one.
    pub commit: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken by commit {}: {}", self.rule, self.commit, self.found)
    }
}

impl Checked {
    /// Watches this store.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, memory: futures::lock::Mutex::default(), violation: Mutex::new(None) }
    }

    /// Lets go of the store, opens it again, and compares: what was acknowledged is still there.
    pub(crate) async fn reopen(self, open: impl FnOnce() -> Arc<dyn Store> + Send) -> Self {
        let Self { inner, memory, violation } = self;
        let memory = memory.into_inner();
        let before = Dump::read(inner.as_ref(), memory.holds()).await;
        drop(inner);
        let again = Self { inner: open(), memory: futures::lock::Mutex::new(memory), violation };
        let memory = again.memory.lock().await;
        let after = Dump::read(again.inner.as_ref(), memory.holds()).await;
        let found = match (before, after) {
            (Ok(before), Ok(after)) => rules::unchanged("durability", &before, &after),
            (Err(error), _) | (_, Err(error)) => Err(unreadable(&error)),
        };
        again.note(&memory, found);
        drop(memory);
        again
    }

    /// The store without its watch, for threads that race.
    pub fn inner(&self) -> Arc<dyn Store> {
        Arc::clone(&self.inner)
    }

    /// The first invariant that did not hold.
    pub fn violation(&self) -> Option<Violation> {
        self.violation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checks the book as it stands, as after commits that went past the watch.
    ///
    /// # Errors
    /// The first [`Violation`], also an earlier one.
    pub async fn inspect(&self) -> Result<(), Violation> {
        let mut memory = self.memory.lock().await;
        let found = match Dump::read(self.inner.as_ref(), memory.holds()).await {
            Ok(now) => memory.check_state(&now),
            Err(error) => Err(unreadable(&error)),
        };
        self.note(&memory, found);
        self.violation().map_or(Ok(()), Err)
    }

    async fn watched(
        &self,
        memory: &mut Memory,
        commit: Commit,
    ) -> Result<Result<Committed, CommitError>, rules::Found> {
        let store = self.inner.as_ref();
        memory.learn(&commit);
        let before = Dump::read(store, memory.holds()).await.map_err(|error| unreadable(&error))?;
        let answer = store.commit(commit.clone()).await;
        let after = Dump::read(store, memory.holds()).await.map_err(|error| unreadable(&error))?;
        memory.check_commit(&before, &after, &commit, &answer)?;
        Ok(answer)
    }

    fn note(&self, memory: &Memory, found: Result<(), rules::Found>) {
        if let Err(rules::Found { rule, found }) = found {
            let mut first = self.violation.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(Violation { rule, found, commit: memory.commits });
        }
    }
}

fn unreadable(error: &ReadError) -> rules::Found {
    rules::Found { rule: "reads", found: format!("the book cannot be read: {error}") }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Checked {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let mut memory = self.memory.lock().await;
        if self.violation().is_some() {
            return Err(CommitError::Corrupt);
        }
        match self.watched(&mut memory, commit).await {
            Ok(answer) => answer,
            Err(found) => {
                self.note(&memory, Err(found));
                Err(CommitError::Corrupt)
            }
        }
    }

    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        self.inner.recall(key).await
    }

    fn ready(&self) -> Readiness<ReadError> {
        self.inner.ready()
    }
}

delegate_reads!(Checked, inner);
