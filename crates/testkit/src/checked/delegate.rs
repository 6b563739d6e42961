//! The reading sides of a store that stands before another.

/// Implements `AccountBook`, `Bindings` and `Journal` by asking the store in a field.
macro_rules! delegate_reads {
    ($store:ty, $inner:ident) => {
        $crate::checked::delegate_reads!(@account_book $store, $inner);
        $crate::checked::delegate_reads!(@bindings $store, $inner);
        $crate::checked::delegate_reads!(@journal $store, $inner);
    };
    (@account_book $store:ty, $inner:ident) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl AccountBook for $store {
            async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError> {
                self.$inner.guest(id).await
            }
            async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError> {
                self.$inner.guests_by_phone(phone).await
            }
            async fn guest_by_client_id(&self, id: &str) -> Result<Option<Guest>, ReadError> {
                self.$inner.guest_by_client_id(id).await
            }
            async fn guests(
                &self,
                after: Option<GuestId>,
                limit: u32,
            ) -> Result<Vec<Guest>, ReadError> {
                self.$inner.guests(after, limit).await
            }
            async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError> {
                self.$inner.photo(guest).await
            }
            async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError> {
                self.$inner.carrier(alias).await
            }
            async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError> {
                self.$inner.carriers(guest).await
            }
            async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
                self.$inner.account(id).await
            }
            async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
                self.$inner.accounts(guest).await
            }
            async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
                self.$inner.payment(id).await
            }
            async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
                self.$inner.hold(id).await
            }
            async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError> {
                self.$inner.overdue(at, limit).await
            }
            async fn statement(
                &self,
                account: AccountId,
                before: Option<u64>,
                limit: u32,
            ) -> Result<Vec<StatementLine>, ReadError> {
                self.$inner.statement(account, before, limit).await
            }
            async fn reconciliation(
                &self,
                till: &TillId,
                from: Timestamp,
                to: Timestamp,
            ) -> Result<Reconciliation, ReadError> {
                self.$inner.reconciliation(till, from, to).await
            }
            async fn latest(&self) -> Result<Option<Timestamp>, ReadError> {
                self.$inner.latest().await
            }
            async fn audit(&self) -> Result<Audit, ReadError> {
                self.$inner.audit().await
            }
        }
    };
    (@bindings $store:ty, $inner:ident) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl Bindings for $store {
            async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
                self.$inner.order(id).await
            }
            async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
                self.$inner.sheet(id).await
            }
            async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
                self.$inner.pairings().await
            }
        }
    };
    (@journal $store:ty, $inner:ident) => {
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl Journal for $store {
            async fn load(
                &self,
                stream: StreamId,
                after: Seq,
                limit: u32,
            ) -> Result<Vec<Stored>, ReadError> {
                self.$inner.load(stream, after, limit).await
            }
            async fn heads(
                &self,
                query: &Query,
                after: Option<StreamId>,
                limit: u32,
            ) -> Result<Vec<HeadRow>, ReadError> {
                self.$inner.heads(query, after, limit).await
            }
            async fn digest(
                &self,
                day: tillway_core::book::Day,
            ) -> Result<Option<tillway_core::book::Digest>, ReadError> {
                self.$inner.digest(day).await
            }
            async fn claim(
                &self,
                stream: StreamId,
                owner: Owner,
                ttl: Duration,
                now: Timestamp,
            ) -> Result<Fence, ClaimError> {
                self.$inner.claim(stream, owner, ttl, now).await
            }
            async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
                self.$inner.release(stream, fence).await
            }
        }
    };
}

pub(crate) use delegate_reads;
