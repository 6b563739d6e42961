//! A program that dies at a chosen point, over a store and a processing that live on.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tillway_core::book::{
    Audit, Commit, Day, Digest, Fence, Hold, Key, Order, Payment, Seq, Stored, StreamId,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::pan::Masked;
use tillway_core::port::processing::{
    Capabilities, Operation, Outcome, Refusal, SealError, Sealed,
};
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, HeadRow, Journal, LoyaltyProcessing,
    Query, ReadError, Readiness, Recalled, Reconciliation, Sheet, StatementLine, Store,
    async_trait,
};
use tillway_core::{Account, Kopecks, Timestamp};
use tillway_layers::Loyalty;
use tillway_layers::loyalty::{BodyKeys, LoyaltyConfig, ResendId};
use tillway_memory::{Duplicates, Member, MemoryProcessing, MemoryStore, Programme};
use tillway_testkit::builders::BEGIN;
use tillway_testkit::runtime::{CountingIds, TestClock};

pub(crate) const CARD: &str = "2990000000019";
pub(crate) const POINTS: Kopecks = Kopecks(100_000);

/// What outlives the program: the store, the processing, and the clock on the wall.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) processing: MemoryProcessing,
    pub(crate) clock: TestClock,
    pub(crate) resend: ResendId,
    ids: CountingIds,
}

/// When a message is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cut {
    /// There is no connection.
    NoLink,
    /// It does not arrive, and nobody says so.
    Request,
    /// It is done, and the answer does not arrive.
    Answer,
}

/// One run of the program: when it dies, what its store does not say, which messages are lost.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    /// Points that are left until it dies; `None` for ever.
    dies: Option<AtomicU64>,
    /// The commit that is not answered as it should be: how many are left before, and how.
    pub(crate) commit: Mutex<Option<(u64, CommitError, bool)>>,
    /// The message that is lost: how many are left before, how, and how many after it are too.
    pub(crate) cut: Mutex<Option<(u64, Cut, u64)>>,
    /// Whether answers do not add up.
    pub(crate) lies: AtomicBool,
    /// What refusals say.
    pub(crate) words: Mutex<Option<&'static str>>,
    /// Whether the store says nothing any more.
    pub(crate) stuck: AtomicBool,
    /// How many messages were sent.
    pub(crate) sent: AtomicU64,
}

impl Fuse {
    /// A run that does not die.
    pub(crate) fn never() -> Arc<Self> {
        Arc::default()
    }

    /// A run that dies at this point, counted from zero.
    pub(crate) fn at(point: u64) -> Arc<Self> {
        Arc::new(Self { dies: Some(AtomicU64::new(point)), ..Self::default() })
    }

    /// A run whose message number `nth`, and so many after it, are lost.
    pub(crate) fn cutting(nth: u64, cut: Cut, more: u64) -> Arc<Self> {
        Arc::new(Self { cut: Mutex::new(Some((nth, cut, more))), ..Self::default() })
    }

    async fn point(&self) {
        if let Some(left) = &self.dies {
            if left.load(Ordering::Relaxed) == 0 {
                pending::<()>().await;
            }
            left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    async fn stuck(&self) {
        if self.stuck.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
    }

    fn commit_fails(&self) -> Option<(CommitError, bool)> {
        let mut commit = self.commit.lock().unwrap();
        match commit.take() {
            Some((0, error, saved)) => Some((error, saved)),
            Some((left, error, saved)) => {
                *commit = Some((left - 1, error, saved));
                None
            }
            None => None,
        }
    }

    fn is_cut(&self) -> Option<Cut> {
        let mut cut = self.cut.lock().unwrap();
        let (now, next) = match cut.take() {
            Some((0, how, 0)) => (Some(how), None),
            Some((0, how, more)) => (Some(how), Some((0, Cut::NoLink, more - 1))),
            Some((left, how, more)) => (None, Some((left - 1, how, more))),
            None => (None, None),
        };
        *cut = next;
        now
    }
}

impl World {
    pub(crate) fn new(duplicates: Duplicates, resend: ResendId) -> Self {
        let clock = TestClock::at(BEGIN);
        let processing = processing(duplicates);
        let (store, ids) = (MemoryStore::new(), CountingIds::new());
        Self { store, processing, clock, resend, ids }
    }

    /// Both policies of the processing, both of the till.
    pub(crate) fn all() -> Vec<Self> {
        let all = [Duplicates::Replay, Duplicates::Reject].into_iter();
        all.flat_map(|policy| {
            [ResendId::Same, ResendId::Fresh].map(|resend| Self::new(policy, resend))
        })
        .collect()
    }

    /// The program starts.
    pub(crate) fn start(&self, fuse: &Arc<Fuse>) -> Loyalty {
        let keys = BodyKeys::new(1, [7; 32]);
        self.start_with(
            fuse,
            LoyaltyConfig { resend: self.resend, ..LoyaltyConfig::new("till-1", keys) },
        )
    }

    pub(crate) fn start_with(&self, fuse: &Arc<Fuse>, config: LoyaltyConfig) -> Loyalty {
        let store = CutStore { inner: self.store.clone(), fuse: Arc::clone(fuse) };
        let processing = CutProcessing { inner: self.processing.clone(), fuse: Arc::clone(fuse) };
        let (clock, ids) = (Arc::new(self.clock.clone()), Arc::new(self.ids.clone()));
        Loyalty::try_new(Arc::new(processing), Arc::new(store), clock, ids, config).unwrap()
    }
}

/// A processing with one member.
pub(crate) fn processing(duplicates: Duplicates) -> MemoryProcessing {
    let processing = MemoryProcessing::new(Programme { duplicates, ..Programme::default() });
    processing.join(Member { shows: vec![CARD.into()], points: POINTS, ..Member::default() });
    processing
}

/// Runs a future to its end, or to the death of its program.
pub(crate) fn run<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Runs a future to its end; time passes while it waits.
pub(crate) fn in_time<F: Future>(clock: &TestClock, future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..1_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
        clock.advance(clock.next_wake().unwrap());
    }
    panic!("it never ends");
}

#[derive(Debug)]
struct CutProcessing {
    inner: MemoryProcessing,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl LoyaltyProcessing for CutProcessing {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        self.inner.seal(operation)
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        self.fuse.point().await;
        self.fuse.sent.fetch_add(1, Ordering::Relaxed);
        let lost = || Outcome::InDoubt(Masked::new("no answer"));
        let outcome = match self.fuse.is_cut() {
            Some(Cut::NoLink) => Outcome::Unreached(Masked::new("no link")),
            Some(Cut::Request) => lost(),
            Some(Cut::Answer) => {
                self.inner.send(message).await;
                lost()
            }
            None => self.inner.send(message).await,
        };
        let outcome = match outcome {
            Outcome::Done(mut answer) if self.fuse.lies.load(Ordering::Relaxed) => {
                for line in &mut answer.lines {
                    line.discount = line.discount.map(|off| Kopecks(off.0 + 1));
                    line.paid = line.paid.map(|paid| Kopecks(paid.0 + 1));
                }
                Outcome::Done(answer)
            }
            Outcome::Refused(refusal) => {
                let words = self.fuse.words.lock().unwrap().map(Masked::new);
                Outcome::Refused(Refusal { text: words.unwrap_or(refusal.text), ..refusal })
            }
            other => other,
        };
        self.fuse.point().await;
        outcome
    }
}

#[derive(Debug)]
struct CutStore {
    inner: MemoryStore,
    fuse: Arc<Fuse>,
}

#[async_trait]
impl Store for CutStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        self.fuse.stuck().await;
        self.fuse.point().await;
        let fails = self.fuse.commit_fails();
        if let Some((error, false)) = fails {
            return Err(error);
        }
        let answer = self.inner.commit(commit).await;
        self.fuse.point().await;
        match fails {
            Some((error, _)) => Err(error),
            None => answer,
        }
    }
    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        self.inner.recall(key).await
    }
    fn ready(&self) -> Readiness<ReadError> {
        self.inner.ready()
    }
}

#[async_trait]
impl Journal for CutStore {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        self.fuse.stuck().await;
        self.inner.load(stream, after, limit).await
    }
    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
        self.fuse.stuck().await;
        self.inner.heads(query, after, limit).await
    }
    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError> {
        self.inner.digest(day).await
    }
    async fn claim(
        &self,
        stream: StreamId,
        owner: Owner,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Fence, ClaimError> {
        self.inner.claim(stream, owner, ttl, now).await
    }
    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
        self.inner.release(stream, fence).await
    }
}

macro_rules! reads {
    ($trait:ident: $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl $trait for CutStore {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$out, ReadError> {
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

reads! { Bindings:
    order(id: OrderId) -> Option<Order>;
    sheet(id: OrderId) -> Option<Sheet>;
    pairings() -> Vec<Pairing>;
}

reads! { AccountBook:
    guest(id: GuestId) -> Option<Guest>;
    guests_by_phone(phone: &str) -> Vec<Guest>;
    guest_by_client_id(client_id: &str) -> Option<Guest>;
    guests(after: Option<GuestId>, limit: u32) -> Vec<Guest>;
    photo(guest: GuestId) -> Option<Box<[u8]>>;
    carrier(alias: &str) -> Option<Carrier>;
    carriers(guest: GuestId) -> Vec<Carrier>;
    account(id: AccountId) -> Option<Account>;
    accounts(guest: GuestId) -> Vec<Account>;
    payment(id: PaymentId) -> Option<Payment>;
    hold(id: HoldId) -> Option<Hold>;
    overdue(at: Timestamp, limit: u32) -> Vec<HoldId>;
    statement(account: AccountId, before: Option<u64>, limit: u32) -> Vec<StatementLine>;
    reconciliation(till: &TillId, from: Timestamp, to: Timestamp) -> Reconciliation;
    latest() -> Option<Timestamp>;
    audit() -> Audit;
}
