//! The rows a commit is judged over, and the rows it changes.

use crate::Account;
use crate::book::op::{Commit, Op, Scope};
use crate::book::payment::part_of;
use crate::book::row::{
    Binding, Hold, HoldState, KeyRow, Movement, Order, Party, Payment, Refund, TokenId, TokenRow,
};
use crate::book::stream::{Stored, StreamId, StreamRow};
use crate::guest::{Carrier, Guest};
use crate::id::{AccountId, DeviceId, GuestId, HoldId, OrderId, PaymentId, RefundId, TillId, Uuid};
use crate::pairing::Pairing;

/// A handful of loaded rows of one kind: a row that was looked for and is not there counts as
/// loaded. Searched in line, because a commit touches few.
#[derive(Clone, Debug)]
pub struct Rows<K, V>(Vec<Slot<K, V>>);

#[derive(Clone, Debug)]
struct Slot<K, V> {
    key: K,
    row: Option<V>,
    existed: bool,
    dirty: bool,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq, V> Rows<K, V> {
    /// What was loaded for this key: `None` when nobody looked yet.
    pub fn loaded(&self, key: &K) -> Option<Option<&V>> {
        self.0.iter().find(|s| s.key == *key).map(|s| s.row.as_ref())
    }

    /// The row, when it was loaded and is there.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.loaded(key).flatten()
    }

    /// Puts what a store found. A row that was loaded before stays as it is.
    pub fn load(&mut self, key: K, row: Option<V>) {
        if self.loaded(&key).is_none() {
            let existed = row.is_some();
            self.0.push(Slot { key, row, existed, dirty: false });
        }
    }

    pub(crate) fn existed(&self, key: &K) -> bool {
        self.0.iter().any(|s| s.key == *key && s.existed)
    }

    pub(crate) fn set(&mut self, key: K, row: Option<V>) {
        match self.0.iter_mut().find(|s| s.key == key) {
            Some(slot) => {
                slot.row = row;
                slot.dirty = true;
            }
            None => self.0.push(Slot { key, row, existed: false, dirty: true }),
        }
    }

    /// A row to change in place.
    pub(crate) fn edit(&mut self, key: &K) -> Option<&mut V> {
        let slot = self.0.iter_mut().find(|s| s.key == *key && s.row.is_some())?;
        slot.dirty = true;
        slot.row.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &V> {
        self.0.iter().filter_map(|s| s.row.as_ref())
    }

    fn changes(self) -> Vec<Change<K, V>> {
        let dirty = self.0.into_iter().filter(|s| s.dirty);
        dirty.map(|s| Change { key: s.key, row: s.row, existed: s.existed }).collect()
    }
}

/// A row to save.
#[derive(Clone, Debug)]
pub struct Change<K, V> {
    /// Its key.
    pub key: K,
    /// Its new content; `None` deletes it.
    pub row: Option<V>,
    /// Whether the store has a row of this key now.
    pub existed: bool,
}

/// A guest's photo.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PhotoRow(pub Box<[u8]>);

/// The rows that a store has loaded for a commit.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Keys.
    pub keys: Rows<(Scope, Uuid), KeyRow>,
    /// Payments.
    pub payments: Rows<PaymentId, Payment>,
    /// Holds.
    pub holds: Rows<HoldId, Hold>,
    /// Refunds.
    pub refunds: Rows<RefundId, Refund>,
    /// Accounts.
    pub accounts: Rows<AccountId, Account>,
    /// Orders.
    pub orders: Rows<OrderId, Order>,
    /// Used one-time tokens.
    pub tokens: Rows<TokenId, TokenRow>,
    /// Pairings by till.
    pub tills: Rows<TillId, Pairing>,
    /// Pairings by device.
    pub devices: Rows<DeviceId, Pairing>,
    /// Streams.
    pub streams: Rows<StreamId, StreamRow>,
    /// Guests.
    pub guests: Rows<GuestId, Guest>,
    /// Which guest has this client id.
    pub clients: Rows<Box<str>, GuestId>,
    /// Carriers by alias.
    pub carriers: Rows<Box<str>, Carrier>,
    /// Orders whose payments are all in `payments`, in the order they were captured.
    pub order_payments: Rows<OrderId, Vec<PaymentId>>,
    /// Orders whose live holds are all in `holds`.
    pub order_holds: Rows<OrderId, Vec<HoldId>>,
    /// Accounts whose overdue live holds (at most 16) are in `holds`.
    pub overdue: Rows<AccountId, Vec<HoldId>>,
    pub(crate) movements: Vec<Movement>,
    pub(crate) records: Vec<(StreamId, Stored)>,
    pub(crate) photos: Vec<(GuestId, Option<PhotoRow>)>,
}

/// How many overdue holds of an account one commit lapses. The sweep does the rest; a commit that
/// cannot wait for it is told [`HoldsOverdue`](crate::book::Refusal::HoldsOverdue) and comes again.
pub const OVERDUE_MAX: usize = 16;

/// What a commit changes: rows to save in one transaction, with the state they have from now on.
#[derive(Clone, Debug, Default)]
#[must_use]
#[expect(missing_docs, reason = "each field is the changed rows of its table, named in View")]
pub struct Delta {
    pub keys: Vec<Change<(Scope, Uuid), KeyRow>>,
    pub payments: Vec<Change<PaymentId, Payment>>,
    pub holds: Vec<Change<HoldId, Hold>>,
    pub refunds: Vec<Change<RefundId, Refund>>,
    pub accounts: Vec<Change<AccountId, Account>>,
    pub orders: Vec<Change<OrderId, Order>>,
    pub tokens: Vec<Change<TokenId, TokenRow>>,
    pub pairings: Vec<Change<TillId, Pairing>>,
    pub streams: Vec<Change<StreamId, StreamRow>>,
    pub guests: Vec<Change<GuestId, Guest>>,
    pub carriers: Vec<Change<Box<str>, Carrier>>,
    /// New movements, in order.
    pub movements: Vec<Movement>,
    /// New records, in order.
    pub records: Vec<(StreamId, Stored)>,
    /// Photos to replace or remove.
    pub photos: Vec<(GuestId, Option<PhotoRow>)>,
}

impl View {
    pub(crate) fn into_delta(self) -> Delta {
        Delta {
            keys: self.keys.changes(),
            payments: self.payments.changes(),
            holds: self.holds.changes(),
            refunds: self.refunds.changes(),
            accounts: self.accounts.changes(),
            orders: self.orders.changes(),
            tokens: self.tokens.changes(),
            pairings: self.tills.changes(),
            streams: self.streams.changes(),
            guests: self.guests.changes(),
            carriers: self.carriers.changes(),
            movements: self.movements,
            records: self.records,
            photos: self.photos,
        }
    }
}

/// Rows to load, each kind in ascending order of its key: that is also the order to lock them in.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each field is the keys to look up in the table of View")]
pub struct Needs {
    pub keys: Vec<(Scope, Uuid)>,
    pub payments: Vec<PaymentId>,
    pub holds: Vec<HoldId>,
    pub refunds: Vec<RefundId>,
    pub accounts: Vec<AccountId>,
    pub orders: Vec<OrderId>,
    pub tokens: Vec<TokenId>,
    pub tills: Vec<TillId>,
    pub devices: Vec<DeviceId>,
    pub streams: Vec<StreamId>,
    pub guests: Vec<GuestId>,
    pub clients: Vec<Box<str>>,
    pub carriers: Vec<Box<str>>,
    pub order_payments: Vec<OrderId>,
    pub order_holds: Vec<OrderId>,
    /// With the moment of the commit: holds whose time had come by then.
    pub overdue: Vec<AccountId>,
}

impl Needs {
    fn sort(&mut self) {
        self.keys.sort_unstable();
        self.payments.sort_unstable();
        self.holds.sort_unstable();
        self.refunds.sort_unstable();
        self.accounts.sort_unstable();
        self.orders.sort_unstable();
        self.tokens.sort_unstable();
        self.tills.sort_unstable();
        self.devices.sort_unstable();
        self.streams.sort_unstable();
        self.guests.sort_unstable();
        self.clients.sort_unstable();
        self.carriers.sort_unstable();
        self.order_payments.sort_unstable();
        self.order_holds.sort_unstable();
        self.overdue.sort_unstable();
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.payments.is_empty()
            && self.holds.is_empty()
            && self.refunds.is_empty()
            && self.accounts.is_empty()
            && self.orders.is_empty()
            && self.tokens.is_empty()
            && self.tills.is_empty()
            && self.devices.is_empty()
            && self.streams.is_empty()
            && self.guests.is_empty()
            && self.clients.is_empty()
            && self.carriers.is_empty()
            && self.order_payments.is_empty()
            && self.order_holds.is_empty()
            && self.overdue.is_empty()
    }
}

/// Which rows must be loaded before [`judge`](crate::book::judge()) can decide; `None` when all
/// are there. Ask again after loading: a refund names its payment, and only the payment its
/// account. Four rounds are enough for any commit.
pub fn needs(commit: &Commit, view: &View) -> Option<Needs> {
    let mut asked = Asked { view, needs: Needs::default() };
    if let Some(key) = &commit.key {
        match key.scope {
            Scope::Payment => asked.payment(PaymentId(key.id)),
            scope => {
                want(&mut asked.needs.keys, &view.keys, (scope, key.id));
                None
            }
        };
    }
    if let Some(guard) = &commit.guard {
        asked.order(guard.order);
    }
    for op in &commit.ops {
        asked.op(op);
    }
    let mut needs = asked.needs;
    if needs.is_empty() {
        return None;
    }
    needs.sort();
    Some(needs)
}

struct Asked<'a> {
    view: &'a View,
    needs: Needs,
}

fn want<'v, K: PartialEq, V>(list: &mut Vec<K>, rows: &'v Rows<K, V>, key: K) -> Option<&'v V> {
    match rows.loaded(&key) {
        Some(row) => row,
        None => {
            if !list.contains(&key) {
                list.push(key);
            }
            None
        }
    }
}

impl<'a> Asked<'a> {
    fn payment(&mut self, id: PaymentId) -> Option<&'a Payment> {
        want(&mut self.needs.payments, &self.view.payments, id)
    }

    fn order(&mut self, id: OrderId) -> Option<&'a Order> {
        want(&mut self.needs.orders, &self.view.orders, id)
    }

    fn account(&mut self, id: AccountId) -> Option<&'a Account> {
        want(&mut self.needs.accounts, &self.view.accounts, id)
    }

    fn hold(&mut self, id: HoldId) -> Option<&'a Hold> {
        want(&mut self.needs.holds, &self.view.holds, id)
    }

    /// An account that is to be debited, with the holds that stand in the way for no reason.
    fn debited(&mut self, id: AccountId) {
        let Some(account) = self.account(id) else { return };
        if account.held.is_positive() {
            want(&mut self.needs.overdue, &self.view.overdue, id);
            self.orders_of(self.view.overdue.get(&id));
        }
    }

    fn orders_of(&mut self, holds: Option<&'a Vec<HoldId>>) {
        for hold in holds.into_iter().flatten() {
            self.held(*hold);
        }
    }

    /// A hold with the rows that its end changes.
    fn held(&mut self, id: HoldId) {
        if let Some(hold) = self.hold(id) {
            self.account(hold.account);
            self.order(hold.order);
            if let HoldState::Captured(by) = hold.state {
                self.payment(by);
            }
        }
    }

    fn live_holds(&mut self, id: OrderId) {
        let Some(order) = self.order(id) else { return };
        if order.live.held.total().is_ok_and(|sum| sum.is_zero()) {
            return;
        }
        let holds = want(&mut self.needs.order_holds, &self.view.order_holds, id);
        self.orders_of(holds);
    }

    fn captured(&mut self, id: PaymentId) {
        let Some(payment) = self.payment(id) else { return };
        self.order(payment.order);
        if let Some(capture) = payment.capture() {
            self.account(capture.account);
        }
    }

    fn all_payments(&mut self, id: OrderId) {
        self.order(id);
        let payments = want(&mut self.needs.order_payments, &self.view.order_payments, id);
        for payment in payments.into_iter().flatten() {
            self.captured(*payment);
        }
    }

    fn party(&mut self, party: Party) {
        if let Party::Guest(account) = party {
            self.debited(account);
        }
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Hold { id, order, account, supersedes, .. } => {
                self.hold(*id);
                self.debited(*account);
                self.live_holds(*order);
                supersedes.iter().for_each(|hold| self.held(*hold));
            }
            Op::Void { hold } | Op::Expire { hold } => self.held(*hold),
            Op::Capture { id, order, account, hold, .. } => {
                self.payment(*id);
                self.order(*order);
                self.debited(*account);
                hold.iter().for_each(|hold| self.held(*hold));
            }
            Op::Cancel { id, order, .. } => {
                self.order(*order);
                self.captured(*id);
            }
            Op::Refund { id, of, .. } => {
                want(&mut self.needs.refunds, &self.view.refunds, *id);
                self.captured(*of);
            }
            Op::RefundOrder { id, order, .. } => {
                self.all_payments(*order);
                for payment in self.view.order_payments.get(order).into_iter().flatten() {
                    let part = part_of(*id, *payment);
                    want(&mut self.needs.refunds, &self.view.refunds, part);
                }
            }
            Op::Acknowledge { id } => {
                self.payment(*id);
            }
            Op::Close { order, listed } => {
                self.all_payments(*order);
                self.live_holds(*order);
                self.shown_token(*order);
                listed.iter().for_each(|id| {
                    self.payment(*id);
                });
            }
            Op::Move { from, to, .. } => {
                self.party(*from);
                self.party(*to);
            }
            Op::Bind { order, to, once, .. } => self.bind(*order, to, once.map(|t| t.id)),
            Op::Tell { order, .. } => {
                self.order(*order);
            }
            _ => self.registry(op),
        }
    }

    fn bind(&mut self, order: OrderId, to: &Binding, once: Option<TokenId>) {
        if let Some(token) = once {
            want(&mut self.needs.tokens, &self.view.tokens, token);
        }
        self.shown_token(order);
        if *to == Binding::Unbound {
            self.live_holds(order);
        }
    }

    /// The one-time token of the guest who is bound or pending.
    fn shown_token(&mut self, order: OrderId) {
        let who = self.order(order).and_then(|row| row.binding.who());
        if let Some(token) = who.and_then(|payer| payer.token) {
            want(&mut self.needs.tokens, &self.view.tokens, token);
        }
    }

    fn registry(&mut self, op: &Op) {
        let (needs, view) = (&mut self.needs, self.view);
        match op {
            Op::PutGuest(guest) => {
                want(&mut needs.guests, &view.guests, guest.id);
                want(&mut needs.clients, &view.clients, guest.client_id.clone());
            }
            Op::PutPhoto { guest, .. } => {
                want(&mut needs.guests, &view.guests, *guest);
            }
            Op::OpenAccount(account) => {
                want(&mut needs.guests, &view.guests, account.guest);
                self.account(account.id);
            }
            Op::SetTerms { account, .. } => {
                self.account(*account);
            }
            Op::PutCarrier(carrier) => {
                want(&mut needs.guests, &view.guests, carrier.guest);
                want(&mut needs.carriers, &view.carriers, carrier.alias.clone());
            }
            Op::Pair(pairing) => {
                want(&mut needs.tills, &view.tills, pairing.till.clone());
                want(&mut needs.devices, &view.devices, pairing.device.clone());
            }
            Op::Unpair { till, .. } => {
                want(&mut needs.tills, &view.tills, till.clone());
            }
            Op::Append { stream, .. } => {
                want(&mut needs.streams, &view.streams, *stream);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::row::Why;
    use crate::time::Timestamp;

    /// Two desks that lock the same rows in the same order never wait for each other.
    #[test]
    fn rows_are_asked_for_in_ascending_order() {
        let account = |number| Party::Guest(AccountId(Uuid::from_u128(number)));
        let (by, why, amount) = (Uuid::nil(), Why::Correction, crate::Kopecks(1));
        let give = |from, to| Op::Move { from: account(from), to: account(to), amount, why, by };
        let void = |number| Op::Void { hold: HoldId(Uuid::from_u128(number)) };
        let ops = vec![give(3, 1), void(9), give(1, 2), void(8)];
        let commit = Commit::of(Timestamp::utc(1), ops);
        let needs = needs(&commit, &View::default()).unwrap();
        let ids = |numbers: &[u128]| numbers.iter().copied().map(Uuid::from_u128).collect();
        let accounts: Vec<_> = ids(&[1, 2, 3]);
        assert_eq!(needs.accounts, accounts.into_iter().map(AccountId).collect::<Vec<_>>());
        let holds: Vec<_> = ids(&[8, 9]);
        assert_eq!(needs.holds, holds.into_iter().map(HoldId).collect::<Vec<_>>());
    }
}
