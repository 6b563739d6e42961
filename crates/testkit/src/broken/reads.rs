//! What a broken store does to what is read.

use core::time::Duration;
use std::collections::BTreeSet;

use async_trait::async_trait;
use tillway_core::book::{
    Audit, Day, Digest, Fence, Hold, HoldState, Movement, Order, Payment, PaymentState, Seq,
    Stored, StreamId, Why,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId, Uuid};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, HeadRow, Journal, Query, ReadError, Reconciliation, Sheet,
    StatementLine,
};
use tillway_core::{Account, Timestamp};

use crate::broken::{Broken, Flaw};

/// As many movements as one page of an audit has.
const PAGE: usize = 1_000;

impl Broken {
    /// The payments that were cancelled: what they moved is deleted.
    async fn deleted(&self) -> Result<BTreeSet<Uuid>, ReadError> {
        if self.flaw != Flaw::DeletesReversals {
            return Ok(BTreeSet::new());
        }
        let payments = self.inner.audit().await?.payments;
        let gone = payments.iter().filter(|p| matches!(p.state, PaymentState::Cancelled(_)));
        Ok(gone.map(|payment| payment.id.0).collect())
    }

    fn old_account(&self, id: AccountId) -> Option<Option<Account>> {
        let lies = self.lies();
        let rows = lies.accounts.as_ref().filter(|_| self.flaw == Flaw::ShowsOldAccounts)?;
        Some(rows.get(&id).cloned())
    }
}

fn is_kept(deleted: &BTreeSet<Uuid>, movement: &Movement) -> bool {
    !matches!(movement.why, Why::Capture | Why::Cancel) || !deleted.contains(&movement.by)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl AccountBook for Broken {
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
        match self.old_account(id) {
            Some(row) => Ok(row),
            None => self.inner.account(id).await,
        }
    }

    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
        self.inner.accounts(guest).await
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
        self.inner.payment(id).await
    }

    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        let mut hold = self.inner.hold(id).await?;
        if let Some(row) = &mut hold
            && self.lies().expired.contains(&id)
        {
            row.state = HoldState::Expired;
        }
        Ok(hold)
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
        let deleted = self.deleted().await?;
        let mut lines = self.inner.statement(account, before, limit).await?;
        let hides = |why| self.flaw == Flaw::HidesCorrections && why == Why::Correction;
        lines.retain(|line| is_kept(&deleted, &line.movement) && !hides(line.movement.why));
        Ok(lines)
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
        let deleted = self.deleted().await?;
        let mut book = self.inner.audit().await?;
        book.movements.retain(|movement| is_kept(&deleted, movement));
        if self.flaw == Flaw::AuditsOnePage {
            book.movements.truncate(PAGE);
        }
        Ok(book)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Bindings for Broken {
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.inner.order(id).await
    }

    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
        let old = {
            let lies = self.lies();
            let sheets = lies.sheets.as_ref().filter(|_| self.flaw == Flaw::ShowsOldSheets);
            sheets.map(|sheets| sheets.get(&id).cloned())
        };
        match old {
            Some(sheet) => Ok(sheet),
            None => self.inner.sheet(id).await,
        }
    }

    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
        self.inner.pairings().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Journal for Broken {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        let mut records = self.inner.load(stream, after, limit).await?;
        let lies = self.lies();
        for (stored, number) in records.iter_mut().zip(1..) {
            match self.flaw {
                Flaw::RenumbersRecords => stored.seq = Seq(number),
                Flaw::WritesClockTime => {
                    let clock = lies.times.get(&(stream, stored.seq)).copied();
                    stored.at = clock.unwrap_or(stored.at);
                }
                Flaw::OverwritesRecords if stored.seq == Seq(1) => {
                    let last = lies.last.get(&stream).cloned();
                    stored.record = last.unwrap_or_else(|| stored.record.clone());
                }
                _ => {}
            }
        }
        drop(lies);
        Ok(records)
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
        let ttl = if self.flaw == Flaw::NeverEndsLeases { Duration::MAX } else { ttl };
        self.inner.claim(stream, owner, ttl, now).await
    }

    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
        self.inner.release(stream, fence).await
    }
}
