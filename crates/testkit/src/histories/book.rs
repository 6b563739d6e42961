//! The book as one caller after another would find it: core's rules over plain maps.
//!
//! It can take a call back, which is what a search for an order of calls needs, and it knows a
//! digest of itself, which tells whether the search was here before.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use tillway_core::book::{
    Change, Commit, Conflict, Delta, Hold, KeyRow, Needs, OVERDUE_MAX, Order, Payment, Refund,
    Scope, Seq, Stored, StreamId, StreamRow, View, Why, judge, needs,
};
use tillway_core::guest::Guest;
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, PaymentId, RefundId, Uuid};
use tillway_core::port::{CommitError, Committed, Recalled, Sheet};
use tillway_core::{Account, Timestamp};

use crate::histories::call::{Answer, Call};

/// How often [`needs`] may ask; it promises four rounds.
const ROUNDS_MAX: usize = 8;

/// The rows of the book that histories are about.
#[derive(Debug, Default)]
pub(crate) struct Book {
    keys: Table<(Scope, Uuid), KeyRow>,
    payments: Table<PaymentId, Payment>,
    holds: Table<HoldId, Hold>,
    refunds: Table<RefundId, Refund>,
    accounts: Table<AccountId, Account>,
    orders: Table<OrderId, Order>,
    streams: Table<StreamId, StreamRow>,
    guests: Table<GuestId, Guest>,
    records: Table<(StreamId, Seq), Stored>,
    /// The captures of an order, in the order they were made.
    captures: Table<OrderId, Vec<PaymentId>>,
}

/// What a call does: the answer, and the rows that it changes.
pub(crate) struct Step {
    pub(crate) answer: Answer,
    delta: Delta,
}

/// The rows as they were before a step.
#[derive(Debug)]
pub(crate) struct Undo {
    keys: Old<(Scope, Uuid), KeyRow>,
    payments: Old<PaymentId, Payment>,
    holds: Old<HoldId, Hold>,
    refunds: Old<RefundId, Refund>,
    accounts: Old<AccountId, Account>,
    orders: Old<OrderId, Order>,
    streams: Old<StreamId, StreamRow>,
    guests: Old<GuestId, Guest>,
    records: Old<(StreamId, Seq), Stored>,
    captures: Old<OrderId, Vec<PaymentId>>,
}

impl Book {
    /// What a call would be answered now, and would do.
    pub(crate) fn ask(&self, call: &Call) -> Step {
        let (answer, delta) = match call {
            Call::Commit(commit) => self.commit(commit),
            read => (self.read(read), Delta::default()),
        };
        Step { answer, delta }
    }

    /// Does what was asked.
    pub(crate) fn take(&mut self, step: Step) -> Undo {
        let delta = step.delta;
        let captures = self.new_captures(&delta);
        let numbered = |(stream, stored): (StreamId, Stored)| Change {
            key: (stream, stored.seq),
            row: Some(stored),
            existed: false,
        };
        let records = delta.records.into_iter().map(numbered).collect();
        Undo {
            keys: self.keys.put(delta.keys),
            payments: self.payments.put(delta.payments),
            holds: self.holds.put(delta.holds),
            refunds: self.refunds.put(delta.refunds),
            accounts: self.accounts.put(delta.accounts),
            orders: self.orders.put(delta.orders),
            streams: self.streams.put(delta.streams),
            guests: self.guests.put(delta.guests),
            records: self.records.put(records),
            captures: self.captures.put(captures),
        }
    }

    /// Takes a step back; steps are taken back in the opposite order.
    pub(crate) fn back(&mut self, undo: Undo) {
        self.keys.back(undo.keys);
        self.payments.back(undo.payments);
        self.holds.back(undo.holds);
        self.refunds.back(undo.refunds);
        self.accounts.back(undo.accounts);
        self.orders.back(undo.orders);
        self.streams.back(undo.streams);
        self.guests.back(undo.guests);
        self.records.back(undo.records);
        self.captures.back(undo.captures);
    }

    /// The same for equal books, and for no others but by a chance of 2⁻¹²⁸.
    pub(crate) fn digest(&self) -> u128 {
        let sums = [
            self.keys.sum,
            self.payments.sum,
            self.holds.sum,
            self.refunds.sum,
            self.accounts.sum,
            self.orders.sum,
            self.streams.sum,
            self.guests.sum,
            self.records.sum,
            self.captures.sum,
        ];
        hashed(&sums)
    }

    fn commit(&self, commit: &Commit) -> (Answer, Delta) {
        let mut view = View::default();
        for _ in 0..ROUNDS_MAX {
            if let Some(asked) = needs(commit, &view) {
                self.load(asked, commit.at, &mut view);
                continue;
            }
            return match judge(view, commit) {
                Ok(judged) => {
                    let (verdict, replayed) = (judged.verdict, judged.replayed);
                    (Answer::committed(&Ok(Committed { verdict, replayed })), judged.delta)
                }
                Err(conflict) => (Answer::committed(&Err(refused(conflict))), Delta::default()),
            };
        }
        (Answer::committed(&Err(CommitError::Corrupt)), Delta::default())
    }

    fn read(&self, call: &Call) -> Answer {
        match call {
            Call::Commit(_) => Answer::of(&()),
            Call::Account(id) => Answer::of(&self.accounts.get(id)),
            Call::Hold(id) => Answer::of(&self.holds.get(id)),
            Call::Payment(id) => Answer::of(&self.payments.get(id)),
            Call::Sheet(id) => Answer::of(&self.sheet(*id).as_ref()),
            Call::Recall(key) => {
                let row = self.keys.get(&(key.scope, key.id));
                let recalled = row.map(|row| match &row.refusal {
                    None => Recalled::Done,
                    Some(refusal) => Recalled::Refused(refusal.clone()),
                });
                Answer::of(&recalled.as_ref())
            }
            Call::Load(stream) => {
                let range = (*stream, Seq(0))..=(*stream, Seq(u64::MAX));
                let stored: Vec<_> =
                    self.records.rows.range(range).map(|(_, row)| &row.0).collect();
                Answer::of(&stored)
            }
        }
    }

    fn sheet(&self, id: OrderId) -> Option<Sheet> {
        let order = self.orders.get(&id)?.clone();
        let guest = order.binding.who().and_then(|who| self.guests.get(&who.guest)).cloned();
        let of_guest = |a: &&Account| guest.as_ref().is_some_and(|guest| guest.id == a.guest);
        Some(Sheet {
            accounts: self.accounts.values().filter(of_guest).cloned().collect(),
            holds: self.live_holds().filter(|hold| hold.order == id).cloned().collect(),
            payments: self.captures_of(id).filter_map(|p| self.payments.get(&p)).cloned().collect(),
            has_photo: false,
            guest,
            order,
        })
    }

    fn load(&self, asked: Needs, at: Timestamp, view: &mut View) {
        asked.keys.into_iter().for_each(|k| view.keys.load(k, self.keys.get(&k).cloned()));
        asked.payments.into_iter().for_each(|k| view.payments.load(k, self.payments.row(&k)));
        asked.holds.into_iter().for_each(|k| view.holds.load(k, self.holds.row(&k)));
        asked.refunds.into_iter().for_each(|k| view.refunds.load(k, self.refunds.row(&k)));
        asked.accounts.into_iter().for_each(|k| view.accounts.load(k, self.accounts.row(&k)));
        asked.orders.into_iter().for_each(|k| view.orders.load(k, self.orders.row(&k)));
        asked.streams.into_iter().for_each(|k| view.streams.load(k, self.streams.row(&k)));
        asked.guests.into_iter().for_each(|k| view.guests.load(k, self.guests.row(&k)));
        for client in asked.clients {
            let owner = self.guests.values().find(|guest| guest.client_id == client);
            view.clients.load(client, owner.map(|guest| guest.id));
        }
        for order in asked.order_payments {
            view.order_payments.load(order, Some(self.captures_of(order).collect()));
        }
        for order in asked.order_holds {
            let holds = self.live_holds().filter(|hold| hold.order == order);
            view.order_holds.load(order, Some(holds.map(|hold| hold.id).collect()));
        }
        for account in asked.overdue {
            let due = |h: &&Hold| h.account == account && h.expires.is_some_and(|e| e <= at);
            let holds = self.live_holds().filter(due).take(OVERDUE_MAX);
            view.overdue.load(account, Some(holds.map(|hold| hold.id).collect()));
        }
        // No history shows a token, pairs a device, or names a carrier.
        asked.tokens.into_iter().for_each(|k| view.tokens.load(k, None));
        asked.tills.into_iter().for_each(|k| view.tills.load(k, None));
        asked.devices.into_iter().for_each(|k| view.devices.load(k, None));
        asked.carriers.into_iter().for_each(|k| view.carriers.load(k, None));
    }

    fn live_holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().filter(|hold| hold.is_live())
    }

    fn captures_of(&self, order: OrderId) -> impl Iterator<Item = PaymentId> {
        self.captures.get(&order).into_iter().flatten().copied()
    }

    fn new_captures(&self, delta: &Delta) -> Vec<Change<OrderId, Vec<PaymentId>>> {
        let mut changed = BTreeMap::<OrderId, Vec<PaymentId>>::new();
        for movement in delta.movements.iter().filter(|m| m.why == Why::Capture) {
            let id = PaymentId(movement.by);
            let new = delta.payments.iter().find(|c| c.key == id).and_then(|c| c.row.as_ref());
            let Some(order) = new.map(|payment| payment.order) else { continue };
            let listed = changed.entry(order).or_insert_with(|| self.captures_of(order).collect());
            listed.push(id);
        }
        let change = |(key, row)| Change { key, row: Some(row), existed: false };
        changed.into_iter().map(change).collect()
    }
}

fn refused(conflict: Conflict) -> CommitError {
    match conflict {
        Conflict::Key => CommitError::KeyConflict,
        Conflict::Stale { stream, head } => CommitError::Stale { stream, head },
        Conflict::Fenced => CommitError::Fenced,
        _ => CommitError::Corrupt,
    }
}

/// Rows, each with its digest, and the digest of them all.
#[derive(Debug)]
struct Table<K, V> {
    rows: BTreeMap<K, (V, u128)>,
    sum: u128,
}

/// Keys with the rows they had.
type Old<K, V> = Vec<(K, Option<(V, u128)>)>;

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), sum: 0 }
    }
}

impl<K: Clone + Debug + Ord, V: Clone + Debug> Table<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|row| &row.0)
    }

    fn row(&self, key: &K) -> Option<V> {
        self.get(key).cloned()
    }

    fn values(&self) -> impl Iterator<Item = &V> {
        self.rows.values().map(|row| &row.0)
    }

    fn put(&mut self, changes: Vec<Change<K, V>>) -> Old<K, V> {
        let mut old = Vec::with_capacity(changes.len());
        for Change { key, row, .. } in changes {
            let new = row.map(|row| {
                let digest = hashed(&format!("{key:?} {row:?}"));
                (row, digest)
            });
            old.push((key.clone(), self.set(key, new)));
        }
        old
    }

    fn back(&mut self, old: Old<K, V>) {
        for (key, row) in old.into_iter().rev() {
            self.set(key, row);
        }
    }

    fn set(&mut self, key: K, row: Option<(V, u128)>) -> Option<(V, u128)> {
        self.sum ^= row.as_ref().map_or(0, |row| row.1);
        let before = match row {
            Some(row) => self.rows.insert(key, row),
            None => self.rows.remove(&key),
        };
        self.sum ^= before.as_ref().map_or(0, |row| row.1);
        before
    }
}

fn hashed(thing: &impl Hash) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        thing.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
