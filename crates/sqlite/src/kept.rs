//! What was read lately and has not changed since.
//!
//! A waiter's screen asks for the same few orders and guests again and again, and each time most
//! of the work is SQLite's. Their rows are kept here as they were read, until a commit changes
//! them. What is found here is what a statement would read at that moment:
//!
//! - Before a batch is committed, the writer bars what the batch changes, all of it at once. Then
//!   nothing is found of it and nothing kept, until the commit has ended.
//! - A reader says beforehand what it goes to read. It is kept only if the writer has not barred
//!   it in between.
//!
//! No right outcome depends on it: the book judges rows as the writer loads them.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

use tillway_core::Account;
use tillway_core::book::{Delta, Hold, Order, Payment};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{GuestId, OrderId};

use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An order with its live holds, and its payments that were captured once.
#[derive(Clone, Debug)]
pub(crate) struct Bill {
    pub(crate) order: Order,
    pub(crate) holds: Vec<Hold>,
    pub(crate) payments: Vec<Payment>,
}

/// A guest with all accounts.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) guest: Guest,
    pub(crate) accounts: Vec<Account>,
    pub(crate) has_photo: bool,
}

/// Bills, persons and carriers, so many of each at most.
#[derive(Debug)]
pub(crate) struct Kept {
    tables: Mutex<Tables>,
    most: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Tables {
    bills: HashMap<OrderId, Slot<Bill>>,
    persons: HashMap<GuestId, Slot<Person>>,
    carriers: HashMap<Box<str>, Slot<Carrier>>,
    /// Numbers the readers.
    readers: u64,
    /// A commit is on its way that may change anything.
    barred: bool,
}

#[derive(Debug)]
pub(crate) enum Slot<T> {
    /// This reader has gone to read it.
    Awaited(u64),
    Known(Arc<T>),
    /// A commit is on its way that changes it.
    Barred,
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found<T> {
    Known(Arc<T>),
    /// It is to be read; with the number of who reads it, for [`Kept::keep`].
    Read(Reader),
}

/// Who goes to read something. `None`: it would not be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader(Option<u64>);

/// What a batch changes.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    orders: Vec<OrderId>,
    guests: Vec<GuestId>,
    carriers: Vec<Box<str>>,
    anything: bool,
}

impl Changed {
    pub(crate) fn add(&mut self, delta: &Delta) {
        self.orders.extend(delta.orders.iter().map(|change| change.key));
        self.guests.extend(delta.guests.iter().map(|change| change.key));
        self.guests.extend(delta.photos.iter().map(|(guest, _)| *guest));
        self.carriers.extend(delta.carriers.iter().map(|change| change.key.clone()));
        for change in &delta.payments {
            self.order(change.row.as_ref().map(|payment| payment.order));
        }
        for change in &delta.holds {
            self.order(change.row.as_ref().map(|hold| hold.order));
        }
        for change in &delta.accounts {
            match &change.row {
                Some(account) => self.guests.push(account.guest),
                None => self.anything = true,
            }
        }
    }

    /// A row that is deleted does not say whose it was.
    fn order(&mut self, order: Option<OrderId>) {
        match order {
            Some(order) => self.orders.push(order),
            None => self.anything = true,
        }
    }
}

impl Kept {
    pub(crate) fn new(most: usize) -> Self {
        Self { tables: Mutex::default(), most }
    }

    pub(crate) fn bill(&self, id: OrderId) -> Found<Bill> {
        self.lock().find(&id, self.most)
    }

    pub(crate) fn person(&self, id: GuestId) -> Found<Person> {
        self.lock().find(&id, self.most)
    }

    pub(crate) fn carrier(&self, alias: &str) -> Found<Carrier> {
        self.lock().find(&Box::from(alias), self.most)
    }

    /// A bill with its person, as `payer` names one: both of one moment, or none.
    pub(crate) fn sheet(
        &self,
        id: OrderId,
        payer: impl FnOnce(&Bill) -> Option<GuestId>,
    ) -> Option<(Arc<Bill>, Option<Arc<Person>>)> {
        let tables = self.lock();
        let bill = tables.known(&id)?;
        let person = match payer(&bill) {
            Some(guest) => Some(tables.known(&guest)?),
            None => None,
        };
        Some((bill, person))
    }

    /// Keeps what a reader has read, unless it has changed since the reader went. `None`: there
    /// was nothing to read, or it was not read.
    pub(crate) fn keep<K: Key>(&self, id: K, reader: Reader, read: Option<&Arc<K::Row>>) {
        let Reader(Some(number)) = reader else { return };
        let mut tables = self.lock();
        let slots = K::slots_mut(&mut tables);
        if matches!(slots.get(&id), Some(Slot::Awaited(reader)) if *reader == number) {
            match read {
                Some(read) => slots.insert(id, Slot::Known(Arc::clone(read))),
                None => slots.remove(&id),
            };
        }
    }

    /// Nothing of this is found or kept until the guard is dropped, which the commit has ended
    /// by then.
    pub(crate) fn bar(&self, changed: Changed) -> Bar<'_> {
        if self.most > 0 {
            let mut tables = self.lock();
            if changed.anything {
                *tables = Tables { readers: tables.readers, barred: true, ..Tables::default() };
            }
            for id in &changed.orders {
                tables.bills.insert(*id, Slot::Barred);
            }
            for id in &changed.guests {
                tables.persons.insert(*id, Slot::Barred);
            }
            for alias in &changed.carriers {
                tables.carriers.insert(alias.clone(), Slot::Barred);
            }
        }
        Bar { kept: self, changed }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit on its way. There is one at a time.
#[must_use]
pub(crate) struct Bar<'k> {
    kept: &'k Kept,
    changed: Changed,
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        if self.kept.most == 0 {
            return;
        }
        let changed = mem::take(&mut self.changed);
        let mut tables = self.kept.lock();
        tables.barred = false;
        for id in &changed.orders {
            tables.bills.remove(id);
        }
        for id in &changed.guests {
            tables.persons.remove(id);
        }
        for alias in &changed.carriers {
            tables.carriers.remove(alias);
        }
    }
}

/// What rows are kept by.
pub(crate) trait Key: Clone + Eq + Hash {
    type Row;

    fn slots(tables: &Tables) -> &HashMap<Self, Slot<Self::Row>>;
    fn slots_mut(tables: &mut Tables) -> &mut HashMap<Self, Slot<Self::Row>>;
}

impl Key for OrderId {
    type Row = Bill;

    fn slots(tables: &Tables) -> &HashMap<Self, Slot<Bill>> {
        &tables.bills
    }
    fn slots_mut(tables: &mut Tables) -> &mut HashMap<Self, Slot<Bill>> {
        &mut tables.bills
    }
}

impl Key for GuestId {
    type Row = Person;

    fn slots(tables: &Tables) -> &HashMap<Self, Slot<Person>> {
        &tables.persons
    }
    fn slots_mut(tables: &mut Tables) -> &mut HashMap<Self, Slot<Person>> {
        &mut tables.persons
    }
}

impl Key for Box<str> {
    type Row = Carrier;

    fn slots(tables: &Tables) -> &HashMap<Self, Slot<Carrier>> {
        &tables.carriers
    }
    fn slots_mut(tables: &mut Tables) -> &mut HashMap<Self, Slot<Carrier>> {
        &mut tables.carriers
    }
}

impl Tables {
    fn known<K: Key>(&self, id: &K) -> Option<Arc<K::Row>> {
        match K::slots(self).get(id) {
            Some(Slot::Known(row)) => Some(Arc::clone(row)),
            _ => None,
        }
    }

    fn find<K: Key>(&mut self, id: &K, most: usize) -> Found<K::Row> {
        match K::slots(self).get(id) {
            Some(Slot::Known(row)) => return Found::Known(Arc::clone(row)),
            Some(Slot::Barred) => return Found::Read(Reader(None)),
            Some(Slot::Awaited(_)) | None if self.barred || most == 0 => {
                return Found::Read(Reader(None));
            }
            Some(Slot::Awaited(_)) | None => {}
        }
        self.readers = self.readers.wrapping_add(1);
        let reader = self.readers;
        let slots = K::slots_mut(self);
        if slots.len() >= most {
            // Who is asked for is soon here again. What a commit has barred stays so.
            slots.retain(|_, slot| matches!(slot, Slot::Barred));
        }
        slots.insert(id.clone(), Slot::Awaited(reader));
        Found::Read(Reader(Some(reader)))
    }
}
