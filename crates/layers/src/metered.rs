//! A store whose calls are counted.

use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use metrics::{
    Label, Level, Metadata, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram, with_recorder,
};
use tillway_core::book::{
    Audit, Commit, Day, Digest, Fence, Hold, Key, Order, Payment, Seq, Stored, StreamId, Verdict,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, Clock, CommitError, Committed, HeadRow, Journal, Query,
    ReadError, Recalled, Reconciliation, Sheet, StatementLine, Store,
};
use tillway_core::{Account, Timestamp};

use crate::words;

const COMMITS: &str = "tillway_store_commits_total";
const COMMIT_SECONDS: &str = "tillway_store_commit_seconds";
const WAITING: &str = "tillway_store_commits_waiting";
const OPERATIONS: &str = "tillway_store_operations_total";
const REFUSALS: &str = "tillway_store_refusals_total";
const READ_SECONDS: &str = "tillway_store_read_seconds";
const READ_FAILURES: &str = "tillway_store_read_failures_total";
const CLAIMS: &str = "tillway_store_claims_total";

static METADATA: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// Times a read. Its key is made once: making one for each read costs more than the reading of
/// some.
macro_rules! reads {
    ($self:ident, $read:literal, $asked:expr) => {{
        static LABELS: [Label; 1] = [Label::from_static_parts("read", $read)];
        static SECONDS: metrics::Key = metrics::Key::from_static_parts(READ_SECONDS, &LABELS);
        $self.read($read, &SECONDS, $asked).await
    }};
}

/// Tells the recorder what the metrics of this crate mean, and begins the outcomes of commits at
/// zero: an alarm on the first one in doubt needs something to compare it with. Call it once, when
/// the recorder is installed.
pub fn describe() {
    for outcome in words::OUTCOMES {
        counter!(COMMITS, "outcome" => outcome).increment(0);
    }
    describe_counter!(COMMITS, "Commits, by what they came to");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "How long commits took, waiting included");
    describe_gauge!(WAITING, "Commits that wait for the store or are being written");
    describe_counter!(OPERATIONS, "Operations of commits that were done, by kind");
    describe_counter!(REFUSALS, "Commits that the book refused, by why");
    describe_histogram!(READ_SECONDS, Unit::Seconds, "How long reads took, by which");
    describe_counter!(READ_FAILURES, "Reads that failed, by which and why");
    describe_counter!(CLAIMS, "Claims of streams, by what they came to");
}

/// Counts what a store does. See the [crate](crate) for what it promises.
///
/// A commit whose future is dropped counts as `dropped`: nobody here heard what it came to.
#[derive(Debug)]
pub struct Metered<S: ?Sized> {
    inner: Arc<S>,
    clock: Arc<dyn Clock>,
}

impl<S: ?Sized> Metered<S> {
    /// Counts the calls of this store, and times them by this clock.
    pub fn new(inner: Arc<S>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock }
    }

    async fn read<T>(
        &self,
        read: &'static str,
        seconds: &'static metrics::Key,
        asked: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let begun = self.clock.ticks();
        let answer = asked.await;
        let seconds = with_recorder(|recorder| recorder.register_histogram(seconds, &METADATA));
        seconds.record(self.since(begun));
        if let Err(error) = &answer {
            counter!(READ_FAILURES, "read" => read, "error" => words::failure(error)).increment(1);
        }
        answer
    }

    fn since(&self, begun: Duration) -> Duration {
        self.clock.ticks().saturating_sub(begun)
    }
}

/// Two handles on one store.
impl<S: ?Sized> Clone for Metered<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), clock: Arc::clone(&self.clock) }
    }
}

/// A commit on its way. What became of it is counted when this is dropped, and so is one that
/// nobody waits for any more.
struct Waiting(&'static str);

impl Waiting {
    fn begin() -> Self {
        gauge!(WAITING).increment(1);
        Self("dropped")
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        gauge!(WAITING).decrement(1);
        counter!(COMMITS, "outcome" => self.0).increment(1);
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Store for Metered<S> {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let kinds: Vec<&'static str> = commit.ops.iter().map(words::operation).collect();
        let begun = self.clock.ticks();
        let mut waiting = Waiting::begin();
        let answer = self.inner.commit(commit).await;
        waiting.0 = words::outcome(&answer);
        histogram!(COMMIT_SECONDS).record(self.since(begun));
        match &answer {
            Ok(Committed { replayed: true, .. }) | Err(_) => {}
            Ok(Committed { verdict: Verdict::Done(_), .. }) => {
                for kind in kinds {
                    counter!(OPERATIONS, "operation" => kind).increment(1);
                }
            }
            Ok(Committed { verdict: Verdict::Refused(refusal), .. }) => {
                counter!(REFUSALS, "code" => words::refusal(refusal)).increment(1);
            }
        }
        answer
    }

    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        reads!(self, "recall", self.inner.recall(key))
    }

    async fn ready(&self) -> Result<(), ReadError> {
        reads!(self, "ready", self.inner.ready())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> AccountBook for Metered<S> {
    async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError> {
        reads!(self, "guest", self.inner.guest(id))
    }
    async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError> {
        reads!(self, "guests_by_phone", self.inner.guests_by_phone(phone))
    }
    async fn guest_by_client_id(&self, client_id: &str) -> Result<Option<Guest>, ReadError> {
        reads!(self, "guest_by_client_id", self.inner.guest_by_client_id(client_id))
    }
    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, ReadError> {
        reads!(self, "guests", self.inner.guests(after, limit))
    }
    async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError> {
        reads!(self, "photo", self.inner.photo(guest))
    }
    async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError> {
        reads!(self, "carrier", self.inner.carrier(alias))
    }
    async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError> {
        reads!(self, "carriers", self.inner.carriers(guest))
    }
    async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        reads!(self, "account", self.inner.account(id))
    }
    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
        reads!(self, "accounts", self.inner.accounts(guest))
    }
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
        reads!(self, "payment", self.inner.payment(id))
    }
    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        reads!(self, "hold", self.inner.hold(id))
    }
    async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError> {
        reads!(self, "overdue", self.inner.overdue(at, limit))
    }
    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, ReadError> {
        reads!(self, "statement", self.inner.statement(account, before, limit))
    }
    async fn reconciliation(
        &self,
        till: &TillId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, ReadError> {
        reads!(self, "reconciliation", self.inner.reconciliation(till, from, to))
    }
    async fn latest(&self) -> Result<Option<Timestamp>, ReadError> {
        reads!(self, "latest", self.inner.latest())
    }
    async fn audit(&self) -> Result<Audit, ReadError> {
        reads!(self, "audit", self.inner.audit())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Bindings for Metered<S> {
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        reads!(self, "order", self.inner.order(id))
    }
    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
        reads!(self, "sheet", self.inner.sheet(id))
    }
    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
        reads!(self, "pairings", self.inner.pairings())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Journal for Metered<S> {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        reads!(self, "load", self.inner.load(stream, after, limit))
    }
    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
        reads!(self, "heads", self.inner.heads(query, after, limit))
    }
    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError> {
        reads!(self, "digest", self.inner.digest(day))
    }
    async fn claim(
        &self,
        stream: StreamId,
        owner: Owner,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Fence, ClaimError> {
        let answer = self.inner.claim(stream, owner, ttl, now).await;
        counter!(CLAIMS, "outcome" => words::claimed(&answer)).increment(1);
        answer
    }
    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
        self.inner.release(stream, fence).await
    }
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    #[test]
    fn a_commit_that_nobody_waits_for_any_more_is_counted() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, || drop(Waiting::begin()));
        let found = snapshotter.snapshot().into_vec();
        let dropped = found.iter().any(|(key, _, _, value)| {
            let mut labels = key.key().labels();
            labels.any(|label| label.value() == "dropped") && *value == DebugValue::Counter(1)
        });
        assert!(dropped, "{found:?}");
    }
}
