//! A store whose calls are counted.

use core::time::Duration;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use tillway_core::book::{
    Audit, Commit, Day, Digest, Fence, Hold, Key, Order, Payment, Seq, Stored, StreamId, Verdict,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, Clock, CommitError, Committed, HeadRow, Journal, Query,
    ReadError, Readiness, Recalled, Reconciliation, Sheet, StatementLine, Store,
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
/// Readiness that is known without asking is no read: only a failure of it counts.
///
/// A commit whose future is dropped counts as `dropped`: nobody here heard what it came to.
///
/// A series belongs to the recorder that was installed when it was first counted. Install the
/// recorder before the first call.
#[derive(Debug)]
pub struct Metered<S: ?Sized> {
    inner: Arc<S>,
    clock: Arc<dyn Clock>,
    counts: Arc<Counts>,
}

impl<S: ?Sized> Metered<S> {
    /// Counts the calls of this store, and times them by this clock.
    pub fn new(inner: Arc<S>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock, counts: Arc::default() }
    }

    async fn read<T>(
        &self,
        read: &'static str,
        asked: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let begun = self.clock.ticks();
        let answer = asked.await;
        let ask = |read| histogram!(READ_SECONDS, "read" => read);
        if let Some(seconds) = self.counts.reads.of(read, ask) {
            seconds.record(self.since(begun));
        }
        failed(read, &answer);
        answer
    }

    fn readiness(&self, ready: Readiness<ReadError>) -> Readiness<ReadError>
    where
        S: Send + Sync + 'static,
    {
        match ready {
            Readiness::Known(ready) => {
                failed("ready", &ready);
                Readiness::Known(ready)
            }
            Readiness::Asked(ready) => {
                let this = self.clone();
                Readiness::asked(async move { this.read("ready", ready).await })
            }
        }
    }

    fn since(&self, begun: Duration) -> Duration {
        self.clock.ticks().saturating_sub(begun)
    }
}

/// Counts a read that failed.
fn failed<T>(read: &'static str, answer: &Result<T, ReadError>) {
    if let Err(error) = answer {
        counter!(READ_FAILURES, "read" => read, "error" => words::failure(error)).increment(1);
    }
}

/// Two handles on one store.
impl<S: ?Sized> Clone for Metered<S> {
    fn clone(&self) -> Self {
        let (inner, clock) = (Arc::clone(&self.inner), Arc::clone(&self.clock));
        Self { inner, clock, counts: Arc::clone(&self.counts) }
    }
}

/// The series that each commit and each read counts in. The recorder is asked for each of them
/// once: that takes longer than some reads.
#[derive(Debug, Default)]
struct Counts {
    waiting: OnceLock<Gauge>,
    seconds: OnceLock<Histogram>,
    outcomes: Series<Counter>,
    operations: Series<Counter>,
    reads: Series<Histogram>,
}

impl Counts {
    fn waiting(&self) -> &Gauge {
        self.waiting.get_or_init(|| gauge!(WAITING))
    }
}

/// The series of one name, by the word of their label. There are few words, and they never change.
#[derive(Debug)]
struct Series<H>([OnceLock<(&'static str, H)>; WORDS_MAX]);

/// More words than any label has.
const WORDS_MAX: usize = 32;

impl<H> Default for Series<H> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; WORDS_MAX])
    }
}

impl<H> Series<H> {
    fn of(&self, word: &'static str, ask: impl Fn(&'static str) -> H) -> Option<&H> {
        let mut known = self.0.iter().map(|place| place.get_or_init(|| (word, ask(word))));
        known.find(|(known, _)| *known == word).map(|(_, series)| series)
    }
}

/// A commit on its way. What became of it is counted when this is dropped, and so is one that
/// nobody waits for any more.
struct Waiting<'c> {
    counts: &'c Counts,
    outcome: &'static str,
}

impl<'c> Waiting<'c> {
    fn begin(counts: &'c Counts) -> Self {
        counts.waiting().increment(1);
        Self { counts, outcome: "dropped" }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.counts.waiting().decrement(1);
        let ask = |outcome| counter!(COMMITS, "outcome" => outcome);
        if let Some(commits) = self.counts.outcomes.of(self.outcome, ask) {
            commits.increment(1);
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Store for Metered<S> {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let kinds: Vec<&'static str> = commit.ops.iter().map(words::operation).collect();
        let begun = self.clock.ticks();
        let mut waiting = Waiting::begin(&self.counts);
        let answer = self.inner.commit(commit).await;
        waiting.outcome = words::outcome(&answer);
        let seconds = self.counts.seconds.get_or_init(|| histogram!(COMMIT_SECONDS));
        seconds.record(self.since(begun));
        match &answer {
            Ok(Committed { replayed: true, .. }) | Err(_) => {}
            Ok(Committed { verdict: Verdict::Done(_), .. }) => {
                let ask = |kind| counter!(OPERATIONS, "operation" => kind);
                for done in kinds.iter().filter_map(|kind| self.counts.operations.of(kind, ask)) {
                    done.increment(1);
                }
            }
            Ok(Committed { verdict: Verdict::Refused(refusal), .. }) => {
                counter!(REFUSALS, "code" => words::refusal(refusal)).increment(1);
            }
        }
        answer
    }

    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        self.read("recall", self.inner.recall(key)).await
    }

    fn ready(&self) -> Readiness<ReadError> {
        self.readiness(self.inner.ready())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> AccountBook for Metered<S> {
    async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError> {
        self.read("guest", self.inner.guest(id)).await
    }
    async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError> {
        self.read("guests_by_phone", self.inner.guests_by_phone(phone)).await
    }
    async fn guest_by_client_id(&self, client_id: &str) -> Result<Option<Guest>, ReadError> {
        self.read("guest_by_client_id", self.inner.guest_by_client_id(client_id)).await
    }
    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, ReadError> {
        self.read("guests", self.inner.guests(after, limit)).await
    }
    async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError> {
        self.read("photo", self.inner.photo(guest)).await
    }
    async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError> {
        self.read("carrier", self.inner.carrier(alias)).await
    }
    async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError> {
        self.read("carriers", self.inner.carriers(guest)).await
    }
    async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        self.read("account", self.inner.account(id)).await
    }
    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
        self.read("accounts", self.inner.accounts(guest)).await
    }
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
        self.read("payment", self.inner.payment(id)).await
    }
    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        self.read("hold", self.inner.hold(id)).await
    }
    async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError> {
        self.read("overdue", self.inner.overdue(at, limit)).await
    }
    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, ReadError> {
        self.read("statement", self.inner.statement(account, before, limit)).await
    }
    async fn reconciliation(
        &self,
        till: &TillId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, ReadError> {
        self.read("reconciliation", self.inner.reconciliation(till, from, to)).await
    }
    async fn latest(&self) -> Result<Option<Timestamp>, ReadError> {
        self.read("latest", self.inner.latest()).await
    }
    async fn audit(&self) -> Result<Audit, ReadError> {
        self.read("audit", self.inner.audit()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Bindings for Metered<S> {
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.read("order", self.inner.order(id)).await
    }
    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
        self.read("sheet", self.inner.sheet(id)).await
    }
    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
        self.read("pairings", self.inner.pairings()).await
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
        self.read("load", self.inner.load(stream, after, limit)).await
    }
    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
        self.read("heads", self.inner.heads(query, after, limit)).await
    }
    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError> {
        self.read("digest", self.inner.digest(day)).await
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
    use std::collections::BTreeMap;

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};
    use tillway_memory::MemoryStore;
    use tillway_testkit::runtime::{TestClock, block_on};

    use super::*;

    /// What was counted, by the words of its labels; of a histogram the sum.
    fn counted(work: impl FnOnce()) -> BTreeMap<String, String> {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        metrics::with_local_recorder(&recorder, work);
        let read = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| {
            let words: Vec<_> = key.key().labels().map(|label| label.value().to_owned()).collect();
            let value = match value {
                DebugValue::Counter(count) => count.to_string(),
                DebugValue::Gauge(level) => level.to_string(),
                DebugValue::Histogram(values) => {
                    format!("{:?}", values.iter().map(|value| value.0).collect::<Vec<_>>())
                }
            };
            (words.join(" "), value)
        };
        snapshotter.snapshot().into_vec().into_iter().map(read).collect()
    }

    fn store() -> (Metered<MemoryStore>, TestClock) {
        let clock = TestClock::at(Timestamp::utc(1_790_000_000_000));
        (Metered::new(Arc::new(MemoryStore::new()), Arc::new(clock.clone())), clock)
    }

    #[test]
    fn a_commit_that_nobody_waits_for_any_more_is_counted() {
        let found = counted(|| drop(Waiting::begin(&Counts::default())));
        assert_eq!(found.get("dropped").map(String::as_str), Some("1"), "{found:?}");
    }

    /// What is known of readiness took no time, what is asked is timed, and each failure counts.
    #[test]
    fn readiness_counts_by_what_is_known_of_it() {
        let found = counted(|| {
            let (store, clock) = store();
            let known = store.readiness(Readiness::Known(Err(ReadError::Corrupt)));
            assert!(matches!(known, Readiness::Known(Err(ReadError::Corrupt))));
            assert!(matches!(store.readiness(Readiness::Known(Ok(()))), Readiness::Known(Ok(()))));
            let asked = store.readiness(Readiness::asked(async move {
                clock.advance(Duration::from_secs(2));
                Err(ReadError::Unavailable)
            }));
            assert_eq!(block_on(asked), Err(ReadError::Unavailable));
        });
        let wanted = [("ready", "[2.0]"), ("ready corrupt", "1"), ("ready unavailable", "1")];
        let found: Vec<_> = found.iter().map(|(words, value)| (&**words, &**value)).collect();
        assert_eq!(found, wanted);
    }
}
