//! A store whose commits may be the last thing that the service does.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tillway_core::Account;
use tillway_core::book::{
    Audit, Commit, Day, Digest, Fence, Hold, Key, Op, Order, Payment, Seq, Stored, StreamId,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, HeadRow, Journal, Query, ReadError,
    Readiness, Recalled, Reconciliation, Sheet, StatementLine, Store,
};
use tillway_core::time::Timestamp;

use crate::house::Inner;

/// The store of one run of a [`House`](crate::house::House).
pub(crate) struct Doomed {
    inner: Arc<dyn Store>,
    house: Weak<Inner>,
}

impl Doomed {
    pub(crate) fn new(inner: Arc<dyn Store>, house: Weak<Inner>) -> Self {
        Self { inner, house }
    }
}

impl fmt::Debug for Doomed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Doomed").field(&self.inner).finish()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Doomed {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        // Digests of days are no part of a story: what a seed means does not hang on them.
        let digest = |op: &Op| matches!(op, Op::Append { stream, .. } if *stream == Digest::STREAM);
        match self.house.upgrade().filter(|_| !commit.ops.iter().all(digest)) {
            Some(house) => Inner::commit(&house, self.inner.commit(commit)).await,
            None => self.inner.commit(commit).await,
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
#[deny(clippy::missing_trait_methods)]
impl AccountBook for Doomed {
    async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError> {
        self.inner.guest(id).await
    }
    async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError> {
        self.inner.guests_by_phone(phone).await
    }
    async fn guest_by_client_id(&self, id: &str) -> Result<Option<Guest>, ReadError> {
        self.inner.guest_by_client_id(id).await
    }
    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, ReadError> {
        self.inner.guests(after, limit).await
    }
    async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError> {
        self.inner.photo(guest).await
    }
    async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError> {
        self.inner.carrier(alias).await
    }
    async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError> {
        self.inner.carriers(guest).await
    }
    async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        self.inner.account(id).await
    }
    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
        self.inner.accounts(guest).await
    }
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
        self.inner.payment(id).await
    }
    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        self.inner.hold(id).await
    }
    async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError> {
        self.inner.overdue(at, limit).await
    }
    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, ReadError> {
        self.inner.statement(account, before, limit).await
    }
    async fn reconciliation(
        &self,
        till: &TillId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, ReadError> {
        self.inner.reconciliation(till, from, to).await
    }
    async fn latest(&self) -> Result<Option<Timestamp>, ReadError> {
        self.inner.latest().await
    }
    async fn audit(&self) -> Result<Audit, ReadError> {
        self.inner.audit().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Bindings for Doomed {
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.inner.order(id).await
    }
    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
        self.inner.sheet(id).await
    }
    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
        self.inner.pairings().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Journal for Doomed {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        self.inner.load(stream, after, limit).await
    }
    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
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
