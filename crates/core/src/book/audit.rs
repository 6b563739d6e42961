//! The audit: rebuilds every sum of the book from its movements and compares (I1-I4), and walks
//! every chain from its start (I11).
//!
//! A large book is audited row by row, by [`Auditor`]; [`audit`] does it for one in memory.

use std::collections::BTreeMap;

use crate::book::digest::{AccountWalk, Day, Digest, Digests, StreamWalk};
use crate::book::op::Scope;
use crate::book::row::{
    Hold, House, KeyRow, Live, Movement, Order, Party, Payment, PaymentState, Refund, Why,
};
use crate::book::stream::{Seq, Stored, StreamId, StreamRow};
use crate::id::{AccountId, OrderId, PaymentId, Uuid};
use crate::{Account, Kopecks, MoneyError, Unit};

/// What a store hands over for an audit: all of it, read in one moment.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// All accounts.
    pub accounts: Vec<Account>,
    /// All live holds.
    pub holds: Vec<Hold>,
    /// All refunds.
    pub refunds: Vec<Refund>,
    /// All payments.
    pub payments: Vec<Payment>,
    /// All orders.
    pub orders: Vec<Order>,
    /// All movements, in the order of their entries.
    pub movements: Vec<Movement>,
    /// All streams.
    pub streams: Vec<StreamRow>,
    /// All records, in the order of their streams and numbers.
    pub records: Vec<(StreamId, Stored)>,
    /// All keys, in ascending order.
    pub keys: Vec<((Scope, Uuid), KeyRow)>,
}

/// A sum that does not hold. None is ever expected: stop and ask for help.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A balance differs from its movements.
    #[error("account {account} has {stored:?}, its movements give {rebuilt:?}")]
    Balance {
        /// The account.
        account: AccountId,
        /// As stored.
        stored: Kopecks,
        /// As rebuilt.
        rebuilt: Kopecks,
    },
    /// The held sum of an account differs from its live holds.
    #[error("account {account} holds {stored:?}, its live holds give {rebuilt:?}")]
    Held {
        /// The account.
        account: AccountId,
        /// As stored.
        stored: Kopecks,
        /// As rebuilt.
        rebuilt: Kopecks,
    },
    /// The live sums of an order differ from its holds and payments.
    #[error("order {order} has other live sums than its holds and payments")]
    Live {
        /// The order.
        order: OrderId,
    },
    /// A movement's account is missing, or has another number of them than the book.
    #[error("movements and accounts do not find each other")]
    Accounts,
    /// A payment was refunded beyond its amount.
    #[error("payment of order {order} was refunded beyond its amount")]
    OverRefunded {
        /// Its order.
        order: OrderId,
    },
    /// The refunds of a payment are not what it says was given back.
    #[error("payment {payment} says that other sums were given back than its refunds")]
    Refunds {
        /// The payment.
        payment: PaymentId,
    },
    /// A payment, a cancel or a refund is missing, too many, or another than was moved.
    #[error("the payments and refunds are not those that the movements tell")]
    Payments,
    /// Clearing of an order differs from its payments that are not settled.
    #[error("clearing of order {order} is {stored:?}, its payments give {rebuilt:?}")]
    Clearing {
        /// The order.
        order: OrderId,
        /// By movements.
        stored: Kopecks,
        /// By payments.
        rebuilt: Kopecks,
    },
    /// The movements of an account are not those that were written.
    #[error("the movements of account {account} do not give the last link of its chain")]
    Chain {
        /// The account.
        account: AccountId,
    },
    /// The records of a stream are not those that were written.
    #[error("the records of stream {stream:?} do not give the last link of its chain")]
    Stream {
        /// The stream.
        stream: StreamId,
    },
    /// A record is missing, or time runs backwards in a stream.
    #[error("stream {stream:?} does not go on after record {}", after.0)]
    Gap {
        /// The stream.
        stream: StreamId,
        /// The last record that is in its place.
        after: Seq,
    },
    /// The book of a past day is not what it was when the day was sealed.
    #[error("the digest of {} is not what the book gives", day.start())]
    Digest {
        /// The day.
        day: Day,
    },
    /// A sum does not fit into 64 bits.
    #[error("a sum of the book does not fit")]
    Overflow,
}

impl From<MoneyError> for Fault {
    fn from(_: MoneyError) -> Self {
        Self::Overflow
    }
}

/// Checks a whole book in memory: for tests, and for stores that are small.
///
/// # Errors
/// The first [`Fault`].
pub fn audit(book: &Audit) -> Result<(), Fault> {
    let mut auditor = Auditor::default();
    book.movements.iter().try_for_each(|movement| auditor.movement(movement))?;
    book.holds.iter().try_for_each(|hold| auditor.hold(hold))?;
    let mut walks: BTreeMap<_, _> =
        book.accounts.iter().map(|account| (account.id, AccountWalk::new(account))).collect();
    for movement in &book.movements {
        for party in [movement.debit, movement.credit] {
            if let Party::Guest(id) = party
                && let Some(walk) = walks.get_mut(&id)
            {
                walk.movement(movement)?;
            }
        }
    }
    walks.values().try_for_each(|walk| auditor.account(walk))?;
    book.refunds.iter().try_for_each(|refund| auditor.refund(refund))?;
    book.payments.iter().try_for_each(|payment| auditor.payment(payment))?;
    book.orders.iter().try_for_each(|order| auditor.order(order))?;
    let mut walks: BTreeMap<_, _> =
        book.streams.iter().map(|row| (row.id, StreamWalk::new(row))).collect();
    for (stream, stored) in &book.records {
        let lost = Fault::Stream { stream: *stream };
        walks.get_mut(stream).ok_or(lost)?.record(stored)?;
        auditor.kept(*stream, stored);
    }
    walks.values().try_for_each(|walk| auditor.stream(walk))?;
    book.keys.iter().for_each(|(key, row)| auditor.key(*key, row));
    auditor.end()
}

/// Checks a book row by row, in this order: all movements by entry, all live holds, all accounts by
/// id, all refunds, all payments, all orders, all streams by id, all keys by scope and id; then
/// [`Auditor::end`].
///
/// A movement has one amount and two sides, so that all of them sum to zero in each unit (I1), and
/// balances do when each is what its movements give and no account is missing.
///
/// It keeps what is open: live holds, clearing that is not settled, refunds whose payment was not
/// seen, payments whose order was not. An order may come any time after its payments: right after
/// them, and a book of any size is checked in little memory.
#[derive(Clone, Debug, Default)]
pub struct Auditor {
    /// How many movements of guests there are, less those that were walked with an account.
    legs: i128,
    /// What movements left in clearing.
    cleared: BTreeMap<(OrderId, Unit), Sum>,
    /// Whole and own part of the live holds of each account that was not compared yet.
    held: BTreeMap<AccountId, (Kopecks, Kopecks)>,
    /// Of each order that was not compared yet.
    live: BTreeMap<OrderId, Live>,
    /// Of each payment that was not compared yet.
    refunded: BTreeMap<PaymentId, Kopecks>,
    /// What payments say is in clearing, of each order that was not compared yet.
    clearing: BTreeMap<OrderId, Sum>,
    captures: Tally,
    cancels: Tally,
    refunds: Tally,
    digests: Digests,
    kept: Vec<Option<Digest>>,
}

/// A sum over many accounts: the house's may be larger than any one balance.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sum(i128);

impl Sum {
    /// After a movement, as this party sees it.
    pub(crate) fn after(self, movement: &Movement, party: Party) -> Result<Self, Fault> {
        let left = if movement.debit == party { self.sub(movement.amount)? } else { self };
        if movement.credit == party { left.add(movement.amount) } else { Ok(left) }
    }

    fn add(self, amount: Kopecks) -> Result<Self, Fault> {
        self.0.checked_add(i128::from(amount.0)).map(Self).ok_or(Fault::Overflow)
    }

    fn sub(self, amount: Kopecks) -> Result<Self, Fault> {
        self.0.checked_sub(i128::from(amount.0)).map(Self).ok_or(Fault::Overflow)
    }

    fn kopecks(self) -> Result<Kopecks, Fault> {
        i64::try_from(self.0).map(Kopecks).map_err(|_| Fault::Overflow)
    }
}

/// What movements tell, less what rows tell: zero when both are the same. A row that is missing or
/// changed breaks it, without a list of all ids in memory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally(u128);

impl Tally {
    fn moved(&mut self, told: Uuid) {
        self.0 = self.0.wrapping_add(told.as_u128());
    }

    fn kept(&mut self, told: Uuid) {
        self.0 = self.0.wrapping_sub(told.as_u128());
    }
}

/// All that a movement and its row both tell, in one number: amounts that changed places do not
/// make up for each other.
fn told(id: Uuid, amount: Kopecks, account: Option<AccountId>) -> Uuid {
    let account = account.map(|account| account.0).unwrap_or_default();
    Uuid::new_v5(&Uuid::new_v5(&id, account.as_bytes()), &amount.0.to_be_bytes())
}

impl Auditor {
    /// A movement.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn movement(&mut self, movement: &Movement) -> Result<(), Fault> {
        for party in [movement.debit, movement.credit] {
            match party {
                Party::Guest(_) => self.legs = self.legs.saturating_add(1),
                Party::House(House::Clearing(order)) => self.clear(order, movement)?,
                Party::House(_) => {}
            }
        }
        self.digests.movement(movement);
        let Movement { by, amount, debit, .. } = *movement;
        let debited = match debit {
            Party::Guest(account) => Some(account),
            Party::House(_) => None,
        };
        match movement.why {
            Why::Capture => self.captures.moved(told(by, amount, debited)),
            Why::Cancel => self.cancels.moved(told(by, amount, None)),
            Why::Refund => self.refunds.moved(told(by, amount, None)),
            _ => {}
        }
        Ok(())
    }

    fn clear(&mut self, order: OrderId, movement: &Movement) -> Result<(), Fault> {
        let place = (order, movement.unit);
        let sum = self.cleared.get(&place).copied().unwrap_or_default();
        let sum = sum.after(movement, Party::House(House::Clearing(order)))?;
        // Orders that are settled would fill the memory.
        match sum == Sum::default() {
            true => self.cleared.remove(&place),
            false => self.cleared.insert(place, sum),
        };
        Ok(())
    }

    /// A live hold.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn hold(&mut self, hold: &Hold) -> Result<(), Fault> {
        if !hold.is_live() {
            return Ok(());
        }
        let (whole, own) = self.held.entry(hold.account).or_default();
        *whole = whole.add(hold.amount()?)?;
        *own = own.add(hold.parts.own)?;
        let sum = self.live.entry(hold.order).or_default().held.of_mut(hold.kind);
        *sum = sum.add(hold.amount()?)?;
        Ok(())
    }

    /// An account whose movements were walked.
    ///
    /// # Errors
    /// When its balance, its held sum or its chain is not what movements and holds give.
    pub fn account(&mut self, walk: &AccountWalk<'_>) -> Result<(), Fault> {
        let row = walk.row();
        self.legs = self.legs.saturating_sub(i128::from(walk.count()));
        let rebuilt = walk.balance().kopecks()?;
        if rebuilt != row.balance {
            return Err(Fault::Balance { account: row.id, stored: row.balance, rebuilt });
        }
        let (whole, own) = self.held.remove(&row.id).unwrap_or_default();
        if whole != row.held || own != row.held_own {
            return Err(Fault::Held { account: row.id, stored: row.held, rebuilt: whole });
        }
        self.digests.account(walk)
    }

    /// A refund.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn refund(&mut self, refund: &Refund) -> Result<(), Fault> {
        let sum = self.refunded.entry(refund.of).or_default();
        *sum = sum.add(refund.parts.total()?)?;
        self.refunds.kept(told(refund.id.0, refund.parts.total()?, None));
        Ok(())
    }

    /// A payment.
    ///
    /// # Errors
    /// When it was refunded beyond its amount, or not by its refunds.
    pub fn payment(&mut self, payment: &Payment) -> Result<(), Fault> {
        let refunded = self.refunded.remove(&payment.id).unwrap_or_default();
        if refunded != payment.capture().map(|capture| capture.refunded).unwrap_or_default() {
            return Err(Fault::Refunds { payment: payment.id });
        }
        if let Some(capture) = payment.capture() {
            let (amount, account) = (capture.parts.total()?, Some(capture.account));
            self.captures.kept(told(payment.id.0, amount, account));
        }
        if let PaymentState::Cancelled(capture) = &payment.state {
            self.cancels.kept(told(payment.id.0, capture.parts.total()?, None));
        }
        let PaymentState::Captured(capture) = &payment.state else { return Ok(()) };
        let rest = payment.live()?;
        if rest < Kopecks::ZERO {
            return Err(Fault::OverRefunded { order: payment.order });
        }
        let sum = self.live.entry(payment.order).or_default().captured.of_mut(capture.kind);
        *sum = sum.add(rest)?;
        if capture.kind.is_money() && !capture.settled {
            let sum = self.clearing.entry(payment.order).or_default();
            *sum = sum.add(rest)?;
        }
        Ok(())
    }

    /// An order.
    ///
    /// # Errors
    /// When its live sums or its clearing are not what holds, payments and movements give.
    pub fn order(&mut self, order: &Order) -> Result<(), Fault> {
        if self.live.remove(&order.id).unwrap_or_default() != order.live {
            return Err(Fault::Live { order: order.id });
        }
        let stored = self.cleared.remove(&(order.id, Unit::Rub)).unwrap_or_default();
        let rebuilt = self.clearing.remove(&order.id).unwrap_or_default();
        if stored != rebuilt {
            let (stored, rebuilt) = (stored.kopecks()?, rebuilt.kopecks()?);
            return Err(Fault::Clearing { order: order.id, stored, rebuilt });
        }
        Ok(())
    }

    /// A stream whose records were walked, each given to [`Auditor::kept`] as well.
    ///
    /// # Errors
    /// When its chain is not what its records give.
    pub fn stream(&mut self, walk: &StreamWalk<'_>) -> Result<(), Fault> {
        self.digests.stream(walk)
    }

    /// A record; those that keep the digest of a day are compared in the end.
    pub fn kept(&mut self, stream: StreamId, stored: &Stored) {
        if stream == Digest::STREAM {
            self.kept.push(Digest::decode(&stored.record).ok());
        }
    }

    /// A key.
    pub fn key(&mut self, key: (Scope, Uuid), row: &KeyRow) {
        self.digests.key(key, row);
    }

    /// What can only be said in the end.
    ///
    /// # Errors
    /// When the book has movements or holds of accounts, money of orders or refunds of payments that
    /// it does not know, moved payments that are not there, or differs from a digest that was kept.
    pub fn end(self) -> Result<(), Fault> {
        if let Some(order) = self.live.keys().next() {
            return Err(Fault::Live { order: *order });
        }
        if let Some(payment) = self.refunded.keys().next() {
            return Err(Fault::Refunds { payment: *payment });
        }
        if self.legs != 0 {
            return Err(Fault::Accounts);
        }
        if let Some(((order, _), sum)) = self.cleared.iter().next() {
            let (stored, rebuilt) = (sum.kopecks()?, Kopecks::ZERO);
            return Err(Fault::Clearing { order: *order, stored, rebuilt });
        }
        if let Some((account, (rebuilt, _))) = self.held.into_iter().next() {
            return Err(Fault::Held { account, stored: Kopecks::ZERO, rebuilt });
        }
        if [self.captures, self.cancels, self.refunds] != [Tally::default(); 3] {
            return Err(Fault::Payments);
        }
        for kept in self.kept {
            let kept = kept.ok_or(Fault::Stream { stream: Digest::STREAM })?;
            if !self.digests.holds(&kept) {
                return Err(Fault::Digest { day: kept.day });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
