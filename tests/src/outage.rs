//! A store that a test takes away and gives back.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tillway_core::Account;
use tillway_core::book::{
    Audit, Commit, Day, Digest, Fence, Hold, Key, Order, Payment, Seq, Stored, StreamId,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, HeadRow, Journal, Query, ReadError,
    Readiness, Recalled, Reconciliation, Sheet, StatementLine, Store,
};
use tillway_core::time::Timestamp;
use tillway_memory::MemoryStore;
use tokio::sync::{oneshot, watch};

/// A memory store behind a switch. A clone is the same store behind the same switch.
#[derive(Clone)]
pub struct Outage {
    inner: MemoryStore,
    state: Arc<watch::Sender<State>>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
    fails: Arc<AtomicBool>,
}

/// What happens before a commit.
type Meanwhile = Box<dyn FnOnce() + Send>;

impl fmt::Debug for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outage").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Up,
    Down,
    Silent,
}

/// The store is down.
#[derive(Debug)]
struct Down;

impl From<Down> for ReadError {
    fn from(_: Down) -> Self {
        Self::Unavailable
    }
}

impl From<Down> for CommitError {
    fn from(_: Down) -> Self {
        Self::Unavailable
    }
}

impl From<Down> for ClaimError {
    fn from(_: Down) -> Self {
        Self::Unavailable
    }
}

impl Default for Outage {
    fn default() -> Self {
        let state = Arc::new(watch::Sender::new(State::Up));
        let (meanwhile, fails) = (Arc::default(), Arc::default());
        Self { inner: MemoryStore::new(), state, meanwhile, fails }
    }
}

impl Outage {
    /// Every call works.
    pub fn up(&self) {
        self.state.send_replace(State::Up);
    }

    /// Every call fails at once, and changes nothing.
    pub fn down(&self) {
        self.state.send_replace(State::Down);
    }

    /// This happens once, after the next commit was decided and before it is written: what
    /// somebody else was quicker with.
    pub fn meanwhile(&self, work: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(work));
    }

    /// The next commit fails, and nothing else.
    pub fn fail_once(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    /// No call ends before the switch is turned again.
    pub fn silent(&self) {
        self.state.send_replace(State::Silent);
    }

    async fn gate(&self) -> Result<&MemoryStore, Down> {
        let mut state = self.state.subscribe();
        // The sender is ours, so the wait ends by a turn of the switch alone.
        let state = *state.wait_for(|state| *state != State::Silent).await.map_err(|_| Down)?;
        if state == State::Up { Ok(&self.inner) } else { Err(Down) }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Outage {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(work) = meanwhile {
            let (done, over) = oneshot::channel();
            // Whoever commits may be one of the threads that the work needs.
            std::thread::spawn(move || {
                work();
                let _ = done.send(());
            });
            over.await.unwrap();
        }
        if self.fails.swap(false, Ordering::SeqCst) {
            return Err(CommitError::Unavailable);
        }
        self.gate().await?.commit(commit).await
    }
    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        self.gate().await?.recall(key).await
    }
    fn ready(&self) -> Readiness<ReadError> {
        let outage = self.clone();
        Readiness::asked(async move { outage.gate().await?.ready().await })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl AccountBook for Outage {
    async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError> {
        self.gate().await?.guest(id).await
    }
    async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError> {
        self.gate().await?.guests_by_phone(phone).await
    }
    async fn guest_by_client_id(&self, id: &str) -> Result<Option<Guest>, ReadError> {
        self.gate().await?.guest_by_client_id(id).await
    }
    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, ReadError> {
        self.gate().await?.guests(after, limit).await
    }
    async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError> {
        self.gate().await?.photo(guest).await
    }
    async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError> {
        self.gate().await?.carrier(alias).await
    }
    async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError> {
        self.gate().await?.carriers(guest).await
    }
    async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        self.gate().await?.account(id).await
    }
    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
        self.gate().await?.accounts(guest).await
    }
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
        self.gate().await?.payment(id).await
    }
    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        self.gate().await?.hold(id).await
    }
    async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError> {
        self.gate().await?.overdue(at, limit).await
    }
    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, ReadError> {
        self.gate().await?.statement(account, before, limit).await
    }
    async fn reconciliation(
        &self,
        till: &TillId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, ReadError> {
        self.gate().await?.reconciliation(till, from, to).await
    }
    async fn latest(&self) -> Result<Option<Timestamp>, ReadError> {
        self.gate().await?.latest().await
    }
    async fn audit(&self) -> Result<Audit, ReadError> {
        self.gate().await?.audit().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Bindings for Outage {
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.gate().await?.order(id).await
    }
    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
        self.gate().await?.sheet(id).await
    }
    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
        self.gate().await?.pairings().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Journal for Outage {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        self.gate().await?.load(stream, after, limit).await
    }
    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
        self.gate().await?.heads(query, after, limit).await
    }
    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError> {
        self.gate().await?.digest(day).await
    }
    async fn claim(
        &self,
        stream: StreamId,
        owner: Owner,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Fence, ClaimError> {
        self.gate().await?.claim(stream, owner, ttl, now).await
    }
    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
        self.gate().await?.release(stream, fence).await
    }
}
