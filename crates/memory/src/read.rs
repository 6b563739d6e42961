//! The reading sides.

use core::ops::Bound;
use core::time::Duration;
use std::collections::BTreeMap;

use async_trait::async_trait;
use tillway_core::book::{
    AccountWalk, Audit, Day, DayDigest, Digest, Fault, Fence, Hold, Order, Payment, PaymentState,
    Seq, Stored, StreamId, StreamRow, StreamWalk, claim, release,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, HeadRow, Journal, Query, ReadError, Reconciliation, Sheet,
    StatementLine,
};
use tillway_core::{Account, Timestamp};

use crate::MemoryStore;
use crate::tables::Tables;

/// The longest list of any read.
const LIST_MAX: u32 = 1_000;

fn list_len(limit: u32) -> usize {
    usize::try_from(limit.min(LIST_MAX)).unwrap_or(usize::MAX)
}

/// Values whose keys come after `after`.
fn rows_after<K: Ord, V>(table: &BTreeMap<K, V>, after: Option<K>) -> impl Iterator<Item = &V> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    table.range((from, Bound::Unbounded)).map(|(_, row)| row)
}

#[async_trait]
impl AccountBook for MemoryStore {
    async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError> {
        Ok(self.lock().guests.get(&id).cloned())
    }

    async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError> {
        let tables = self.lock();
        let same = |g: &&Guest| g.phone.as_deref() == Some(phone);
        Ok(tables.guests.values().filter(same).take(2).cloned().collect())
    }

    async fn guest_by_client_id(&self, client_id: &str) -> Result<Option<Guest>, ReadError> {
        Ok(self.lock().guest_where(|g| &*g.client_id == client_id).cloned())
    }

    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, ReadError> {
        let tables = self.lock();
        Ok(rows_after(&tables.guests, after).take(list_len(limit)).cloned().collect())
    }

    async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError> {
        Ok(self.lock().photos.get(&guest).map(|photo| photo.0.clone()))
    }

    async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError> {
        Ok(self.lock().carriers.get(alias).cloned())
    }

    async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError> {
        let tables = self.lock();
        Ok(tables.carriers.values().filter(|c| c.guest == guest).cloned().collect())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        Ok(self.lock().accounts.get(&id).cloned())
    }

    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
        Ok(self.lock().accounts_of(guest))
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
        Ok(self.lock().payments.get(&id).cloned())
    }

    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        Ok(self.lock().holds.get(&id).cloned())
    }

    async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError> {
        let tables = self.lock();
        Ok(tables.overdue(at).iter().take(list_len(limit)).map(|hold| hold.id).collect())
    }

    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, ReadError> {
        let tables = self.lock();
        let indexes = tables.statements.get(&account).map_or(&[][..], Vec::as_slice);
        let lines = indexes.iter().rev().filter_map(|index| {
            let entry = u64::try_from(*index).ok()?.checked_add(1)?;
            let movement = tables.movements.get(*index)?.clone();
            Some(StatementLine { entry, movement })
        });
        let earlier = lines.filter(|line| before.is_none_or(|entry| line.entry < entry));
        Ok(earlier.take(list_len(limit)).collect())
    }

    async fn reconciliation(
        &self,
        till: &TillId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, ReadError> {
        let tables = self.lock();
        let within = |at: Timestamp| from <= at && at < to;
        let of_till = |payment: &Payment| payment.till.as_ref() == Some(till);
        let told = |p: &&Payment| {
            of_till(p) && within(p.at) && !matches!(p.state, PaymentState::Refused(_))
        };
        let mut payments: Vec<_> = tables.payments.values().filter(told).cloned().collect();
        payments.sort_by_key(|payment| (payment.at, payment.id));
        let refunded = |refund: &&tillway_core::book::Refund| {
            within(refund.at) && tables.payments.get(&refund.of).is_some_and(of_till)
        };
        let mut refunds: Vec<_> = tables.refunds.values().filter(refunded).cloned().collect();
        refunds.sort_by_key(|refund| (refund.at, refund.id));
        let at_till = |hold: &&Hold| {
            tables.orders.get(&hold.order).is_some_and(|order| order.till.as_ref() == Some(till))
        };
        let held = tables.live_holds().filter(at_till).cloned().collect();
        Ok(Reconciliation { payments, refunds, held })
    }

    async fn latest(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.lock().movements.last().map(|movement| movement.at))
    }

    async fn audit(&self) -> Result<Audit, ReadError> {
        let tables = self.lock();
        Ok(Audit {
            accounts: tables.accounts.values().cloned().collect(),
            holds: tables.live_holds().cloned().collect(),
            refunds: tables.refunds.values().cloned().collect(),
            payments: tables.payments.values().cloned().collect(),
            orders: tables.orders.values().cloned().collect(),
            movements: tables.movements.clone(),
            streams: tables.streams.values().cloned().collect(),
            records: tables
                .records
                .iter()
                .flat_map(|(id, records)| records.iter().map(|stored| (*id, stored.clone())))
                .collect(),
            keys: tables.keys.iter().map(|(key, row)| (*key, row.clone())).collect(),
        })
    }
}

impl Tables {
    fn digest(&self, day: Day) -> Result<Option<Digest>, Fault> {
        let mut digest = DayDigest::new(day);
        for row in self.streams.values() {
            let mut walk = StreamWalk::new(row);
            let records = self.records.get(&row.id).into_iter().flatten();
            records.into_iter().try_for_each(|stored| walk.record(stored))?;
            digest.stream(&walk)?;
        }
        for row in self.accounts.values() {
            let mut walk = AccountWalk::new(row);
            let indexes = self.statements.get(&row.id).into_iter().flatten();
            let mut movements = indexes.filter_map(|index| self.movements.get(*index));
            movements.try_for_each(|movement| walk.movement(movement))?;
            digest.account(&walk)?;
        }
        self.movements.iter().for_each(|movement| digest.movement(movement));
        self.keys.iter().for_each(|(key, row)| digest.key(*key, row));
        Ok(digest.end())
    }

    fn accounts_of(&self, guest: GuestId) -> Vec<Account> {
        self.accounts.values().filter(|account| account.guest == guest).cloned().collect()
    }
}

#[async_trait]
impl Bindings for MemoryStore {
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        Ok(self.lock().orders.get(&id).cloned())
    }

    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
        let tables = self.lock();
        let Some(order) = tables.orders.get(&id).cloned() else { return Ok(None) };
        let guest = order.binding.who().and_then(|payer| tables.guests.get(&payer.guest)).cloned();
        let captures = tables.captures_of(id).iter();
        Ok(Some(Sheet {
            accounts: guest.as_ref().map_or_else(Vec::new, |g| tables.accounts_of(g.id)),
            has_photo: guest.as_ref().is_some_and(|g| tables.photos.contains_key(&g.id)),
            holds: tables.live_holds().filter(|hold| hold.order == id).cloned().collect(),
            payments: captures
                .filter_map(|payment| tables.payments.get(payment))
                .cloned()
                .collect(),
            guest,
            order,
        }))
    }

    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
        Ok(self.lock().pairings.values().cloned().collect())
    }
}

#[async_trait]
impl Journal for MemoryStore {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        let tables = self.lock();
        let records = tables.records.get(&stream).map_or(&[][..], Vec::as_slice);
        // Record number n is at index n - 1, so the one after number n is at index n.
        let from = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(records.iter().skip(from).take(list_len(limit)).cloned().collect())
    }

    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
        let tables = self.lock();
        let written = rows_after(&tables.streams, after).filter(|row| row.at > StreamRow::NEVER);
        let heads = written.map(|row| HeadRow {
            stream: row.id,
            seq: row.seq,
            head: row.head.clone(),
            at: row.at,
        });
        Ok(heads.filter(|row| query.matches(row)).take(list_len(limit)).collect())
    }

    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError> {
        self.lock().digest(day).map_err(|_| ReadError::Corrupt)
    }

    async fn claim(
        &self,
        stream: StreamId,
        owner: Owner,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Fence, ClaimError> {
        let mut tables = self.lock();
        let row = tables.streams.entry(stream).or_insert_with(|| StreamRow::new(stream));
        *row = claim(row, owner, ttl, now).map_err(|_| ClaimError::Held)?;
        Ok(row.fence)
    }

    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
        if let Some(row) = self.lock().streams.get_mut(&stream) {
            *row = release(row, fence);
        }
        Ok(())
    }
}
