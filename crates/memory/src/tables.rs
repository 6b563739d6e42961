//! The tables, and how rows go in and out of a commit.

use std::collections::{BTreeMap, BTreeSet};

use tillway_core::book::{
    Change, Delta, Hold, KeyRow, Movement, Needs, OVERDUE_MAX, Order, Party, Payment, PhotoRow,
    Refund, Scope, Stored, StreamId, StreamRow, TokenId, TokenRow, View, Why,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, PaymentId, RefundId, TillId, Uuid};
use tillway_core::pairing::Pairing;
use tillway_core::{Account, Timestamp};

/// All rows, and the few indexes that keep a commit from searching them.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) keys: BTreeMap<(Scope, Uuid), KeyRow>,
    pub(crate) payments: BTreeMap<PaymentId, Payment>,
    pub(crate) holds: BTreeMap<HoldId, Hold>,
    pub(crate) refunds: BTreeMap<RefundId, Refund>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) orders: BTreeMap<OrderId, Order>,
    pub(crate) tokens: BTreeMap<TokenId, TokenRow>,
    pub(crate) pairings: BTreeMap<TillId, Pairing>,
    pub(crate) streams: BTreeMap<StreamId, StreamRow>,
    pub(crate) guests: BTreeMap<GuestId, Guest>,
    pub(crate) carriers: BTreeMap<Box<str>, Carrier>,
    pub(crate) photos: BTreeMap<GuestId, PhotoRow>,
    /// Entry number *n* is at index *n* − 1.
    pub(crate) movements: Vec<Movement>,
    pub(crate) records: BTreeMap<StreamId, Vec<Stored>>,
    /// Which holds are live.
    pub(crate) live: BTreeSet<HoldId>,
    /// The captures of an order, in the order they were made.
    pub(crate) captures: BTreeMap<OrderId, Vec<PaymentId>>,
    /// The movements of an account, by index.
    pub(crate) statements: BTreeMap<AccountId, Vec<usize>>,
}

impl Tables {
    /// Puts the rows that were asked for into the view.
    pub(crate) fn load(&self, asked: Needs, at: Timestamp, view: &mut View) {
        for key in asked.keys {
            view.keys.load(key, self.keys.get(&key).cloned());
        }
        for id in asked.payments {
            view.payments.load(id, self.payments.get(&id).cloned());
        }
        for id in asked.holds {
            view.holds.load(id, self.holds.get(&id).cloned());
        }
        for id in asked.refunds {
            view.refunds.load(id, self.refunds.get(&id).cloned());
        }
        for id in asked.accounts {
            view.accounts.load(id, self.accounts.get(&id).cloned());
        }
        for id in asked.orders {
            view.orders.load(id, self.orders.get(&id).cloned());
        }
        for id in asked.tokens {
            view.tokens.load(id, self.tokens.get(&id).cloned());
        }
        for till in asked.tills {
            let row = self.pairings.get(&till).cloned();
            view.tills.load(till, row);
        }
        for device in asked.devices {
            let row = self.pairings.values().find(|p| p.device == device).cloned();
            view.devices.load(device, row);
        }
        for id in asked.streams {
            view.streams.load(id, self.streams.get(&id).cloned());
        }
        for id in asked.order_payments {
            view.order_payments.load(id, Some(self.captures_of(id).to_vec()));
        }
        for id in asked.order_holds {
            let holds = self.live_holds().filter(|h| h.order == id).map(|h| h.id).collect();
            view.order_holds.load(id, Some(holds));
        }
        for id in asked.overdue {
            let mut holds = self.overdue(at);
            holds.retain(|h| h.account == id);
            let holds = holds.iter().take(OVERDUE_MAX).map(|h| h.id).collect();
            view.overdue.load(id, Some(holds));
        }
        for id in asked.guests {
            view.guests.load(id, self.guests.get(&id).cloned());
        }
        for client_id in asked.clients {
            let guest = self.guest_where(|g| g.client_id == client_id).map(|g| g.id);
            view.clients.load(client_id, guest);
        }
        for alias in asked.carriers {
            let row = self.carriers.get(&alias).cloned();
            view.carriers.load(alias, row);
        }
    }

    /// Saves what was decided. Nothing in here can fail half-way.
    pub(crate) fn save(&mut self, delta: Delta) {
        put(&mut self.keys, delta.keys);
        put(&mut self.payments, delta.payments);
        for hold in &delta.holds {
            match hold.row.as_ref().is_some_and(Hold::is_live) {
                true => self.live.insert(hold.key),
                false => self.live.remove(&hold.key),
            };
        }
        put(&mut self.holds, delta.holds);
        put(&mut self.refunds, delta.refunds);
        put(&mut self.accounts, delta.accounts);
        put(&mut self.orders, delta.orders);
        put(&mut self.tokens, delta.tokens);
        put(&mut self.pairings, delta.pairings);
        put(&mut self.streams, delta.streams);
        put(&mut self.guests, delta.guests);
        put(&mut self.carriers, delta.carriers);
        for (guest, photo) in delta.photos {
            match photo {
                Some(photo) => self.photos.insert(guest, photo),
                None => self.photos.remove(&guest),
            };
        }
        for movement in delta.movements {
            self.enter(movement);
        }
        for (stream, stored) in delta.records {
            self.records.entry(stream).or_default().push(stored);
        }
    }

    fn enter(&mut self, movement: Movement) {
        for party in [movement.debit, movement.credit] {
            if let Party::Guest(account) = party {
                self.statements.entry(account).or_default().push(self.movements.len());
            }
        }
        let payment = PaymentId(movement.by);
        if movement.why == Why::Capture
            && let Some(row) = self.payments.get(&payment)
        {
            self.captures.entry(row.order).or_default().push(payment);
        }
        self.movements.push(movement);
    }

    /// The captures of an order, cancelled ones too, in the order they were made.
    pub(crate) fn captures_of(&self, order: OrderId) -> &[PaymentId] {
        self.captures.get(&order).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn live_holds(&self) -> impl Iterator<Item = &Hold> {
        self.live.iter().filter_map(|id| self.holds.get(id))
    }

    /// Live holds whose time had come, in the order it came.
    pub(crate) fn overdue(&self, at: Timestamp) -> Vec<&Hold> {
        let due = |hold: &&Hold| hold.expires.is_some_and(|expires| expires <= at);
        let mut holds: Vec<_> = self.live_holds().filter(due).collect();
        holds.sort_by_key(|hold| (hold.expires, hold.id));
        holds
    }

    pub(crate) fn guest_where(&self, is: impl Fn(&Guest) -> bool) -> Option<&Guest> {
        self.guests.values().find(|guest| is(guest))
    }
}

fn put<K: Ord, V>(table: &mut BTreeMap<K, V>, changes: Vec<Change<K, V>>) {
    for change in changes {
        match change.row {
            Some(row) => table.insert(change.key, row),
            None => table.remove(&change.key),
        };
    }
}
