//! The whole book as text, so that two moments can be compared row by row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use tillway_core::Timestamp;
use tillway_core::book::{Audit, Hold, Movement, Seq, Stored, StreamId};
use tillway_core::id::{AccountId, HoldId};
use tillway_core::port::{Query, ReadError, StatementLine, Store};

/// Rows in one read; small enough that a suite's book needs more than one.
const PAGE: u32 = 100;

/// Everything that a store tells about itself.
#[derive(Debug)]
pub(crate) struct Dump {
    /// Table and key → row.
    rows: BTreeMap<(&'static str, String), String>,
    pub(crate) audit: Audit,
    /// Holds by id, ended ones too as far as their ids are known.
    pub(crate) holds: BTreeMap<HoldId, Hold>,
    pub(crate) records: BTreeMap<StreamId, Vec<Stored>>,
    /// What each account is told of its movements, oldest first.
    pub(crate) statements: BTreeMap<AccountId, Vec<Movement>>,
}

impl Dump {
    /// Reads it all. `known` are the holds to look for besides the live ones.
    pub(crate) async fn read(
        store: &dyn Store,
        known: &BTreeSet<HoldId>,
    ) -> Result<Self, ReadError> {
        let audit = store.audit().await?;
        let mut holds: BTreeMap<_, _> = audit.holds.iter().map(|h| (h.id, h.clone())).collect();
        // A book that was there before the watch has captures whose holds nobody named to it.
        let captured = audit.payments.iter().filter_map(|payment| payment.capture()?.hold.as_ref());
        for id in known.iter().chain(captured) {
            if let Some(hold) = store.hold(*id).await? {
                holds.insert(*id, hold);
            }
        }
        let (rows, records, statements) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut dump = Self { rows, audit, holds, records, statements };
        dump.put_book();
        dump.read_statements(store).await?;
        dump.read_tills(store).await?;
        dump.read_guests(store).await?;
        dump.read_streams(store).await?;
        for pairing in store.pairings().await? {
            dump.put("pairings", &pairing.till.clone(), &pairing);
        }
        Ok(dump)
    }

    /// What differs, one line for each row.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<_> = self.rows.keys().chain(other.rows.keys()).collect();
        let row = |dump: &Self, key| dump.rows.get(key).cloned().unwrap_or_else(|| "none".into());
        let differ = keys.into_iter().filter(|key| self.rows.get(*key) != other.rows.get(*key));
        differ
            .map(|key| format!("{} {}: {} -> {}", key.0, key.1, row(self, key), row(other, key)))
            .collect()
    }

    fn put(&mut self, table: &'static str, key: &impl Debug, row: &impl Debug) {
        self.rows.insert((table, format!("{key:?}")), format!("{row:?}"));
    }

    fn put_book(&mut self) {
        let audit = std::mem::take(&mut self.audit);
        let holds = std::mem::take(&mut self.holds);
        audit.accounts.iter().for_each(|a| self.put("accounts", &a.id, a));
        holds.values().for_each(|h| self.put("holds", &h.id, h));
        audit.payments.iter().for_each(|p| self.put("payments", &p.id, p));
        audit.orders.iter().for_each(|o| self.put("orders", &o.id, o));
        for (movement, number) in audit.movements.iter().zip(1_u64..) {
            self.put("movements", &number, movement);
        }
        (self.audit, self.holds) = (audit, holds);
    }

    async fn read_statements(&mut self, store: &dyn Store) -> Result<(), ReadError> {
        for account in self.audit.accounts.iter().map(|account| account.id) {
            let mut lines: Vec<StatementLine> = Vec::new();
            loop {
                let before = lines.last().map(|line| line.entry);
                let page = store.statement(account, before, PAGE).await?;
                match page.first() {
                    None => break,
                    Some(first) if before.is_some_and(|before| first.entry >= before) => {
                        return Err(ReadError::Corrupt);
                    }
                    Some(_) => lines.extend(page),
                }
            }
            let movements = lines.into_iter().rev().map(|line| line.movement);
            self.statements.insert(account, movements.collect());
        }
        Ok(())
    }

    /// Refunds have no list of their own: they come with the reconciliation of each till.
    async fn read_tills(&mut self, store: &dyn Store) -> Result<(), ReadError> {
        let tills: BTreeSet<_> =
            self.audit.payments.iter().filter_map(|payment| payment.till.clone()).collect();
        for till in tills {
            let (from, to) = (Timestamp::utc(i64::MIN), Timestamp::utc(i64::MAX));
            for refund in store.reconciliation(&till, from, to).await?.refunds {
                self.put("refunds", &refund.id, &refund);
            }
        }
        Ok(())
    }

    async fn read_guests(&mut self, store: &dyn Store) -> Result<(), ReadError> {
        let mut after = None;
        loop {
            let guests = store.guests(after, PAGE).await?;
            let Some(last) = guests.last() else { return Ok(()) };
            // A store that repeats itself must not keep a test for ever.
            if after.is_some_and(|before| last.id <= before) {
                return Err(ReadError::Corrupt);
            }
            after = Some(last.id);
            for guest in guests {
                self.put("guests", &guest.id, &guest);
                self.put("photos", &guest.id, &store.photo(guest.id).await?);
                for carrier in store.carriers(guest.id).await? {
                    self.put("carriers", &carrier.alias, &carrier);
                }
            }
        }
    }

    async fn read_streams(&mut self, store: &dyn Store) -> Result<(), ReadError> {
        let mut after = None;
        loop {
            let heads = store.heads(&Query::default(), after, PAGE).await?;
            let Some(last) = heads.last() else { return Ok(()) };
            if after.is_some_and(|before| last.stream <= before) {
                return Err(ReadError::Corrupt);
            }
            after = Some(last.stream);
            for head in heads {
                self.put("heads", &head.stream, &head);
                let records = load_all(store, head.stream).await?;
                for stored in &records {
                    self.put("records", &(head.stream, stored.seq), stored);
                }
                self.records.insert(head.stream, records);
            }
        }
    }
}

async fn load_all(store: &dyn Store, stream: StreamId) -> Result<Vec<Stored>, ReadError> {
    let mut records: Vec<Stored> = Vec::new();
    loop {
        let after = records.last().map_or(Seq(0), |stored| stored.seq);
        let page = store.load(stream, after, PAGE).await?;
        match page.last() {
            None => return Ok(records),
            Some(last) if last.seq <= after => return Err(ReadError::Corrupt),
            Some(_) => records.extend(page),
        }
    }
}

/// Each thing as text, with how often it occurs.
pub(crate) fn counted<T: Debug>(things: &[T]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for thing in things {
        *counts.entry(format!("{thing:?}")).or_default() += 1;
    }
    counts
}
