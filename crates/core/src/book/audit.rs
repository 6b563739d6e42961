//! The audit: rebuilds every sum of the book from its movements and compares (I1-I4).

use std::collections::BTreeMap;

use crate::book::row::{Hold, House, Movement, Order, Party, Payment, PaymentState};
use crate::id::{AccountId, OrderId};
use crate::{Account, Kopecks, MoneyError, Unit};

/// What a store hands over for an audit: all of it, read in one moment.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// All accounts.
    pub accounts: Vec<Account>,
    /// All live holds.
    pub holds: Vec<Hold>,
    /// All payments.
    pub payments: Vec<Payment>,
    /// All orders.
    pub orders: Vec<Order>,
    /// All movements.
    pub movements: Vec<Movement>,
}

/// A sum that does not hold. None is ever expected: stop and ask for help.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Balances of a unit do not sum to zero.
    #[error("balances in {unit:?} sum to {sum:?} instead of zero")]
    NotZero {
        /// The unit.
        unit: Unit,
        /// The sum.
        sum: Kopecks,
    },
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
    /// A payment was refunded beyond its amount.
    #[error("payment of order {order} was refunded beyond its amount")]
    OverRefunded {
        /// Its order.
        order: OrderId,
    },
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
    /// A sum does not fit into 64 bits.
    #[error("a sum of the book does not fit")]
    Overflow,
}

impl From<MoneyError> for Fault {
    fn from(_: MoneyError) -> Self {
        Self::Overflow
    }
}

/// Checks a whole book. Reads every movement: for tests, `check`, and quiet hours.
///
/// # Errors
/// The first [`Fault`].
pub fn audit(book: &Audit) -> Result<(), Fault> {
    let sums = party_sums(&book.movements)?;
    zero_per_unit(&sums)?;
    let held = held_sums(&book.holds)?;
    for account in &book.accounts {
        let key = (Party::Guest(account.id), account.kind.unit());
        let rebuilt = sums.get(&key).copied().unwrap_or_default().kopecks()?;
        if rebuilt != account.balance {
            let (account, stored) = (account.id, account.balance);
            return Err(Fault::Balance { account, stored, rebuilt });
        }
        let (whole, own) = held.get(&account.id).copied().unwrap_or_default();
        if whole != account.held || own != account.held_own {
            let (account, stored) = (account.id, account.held);
            return Err(Fault::Held { account, stored, rebuilt: whole });
        }
    }
    orders(book, &sums)
}

/// A sum over many accounts: the house's may be larger than any one balance.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Sum(i128);

impl Sum {
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

type Sums = BTreeMap<(Party, Unit), Sum>;

fn party_sums(movements: &[Movement]) -> Result<Sums, Fault> {
    let mut sums = Sums::new();
    for m in movements {
        let debit = sums.entry((m.debit, m.unit)).or_default();
        *debit = debit.sub(m.amount)?;
        let credit = sums.entry((m.credit, m.unit)).or_default();
        *credit = credit.add(m.amount)?;
    }
    Ok(sums)
}

fn zero_per_unit(sums: &Sums) -> Result<(), Fault> {
    for unit in [Unit::Rub, Unit::Points] {
        let mut of_unit = sums.iter().filter(|((_, u), _)| *u == unit).map(|(_, sum)| sum.0);
        let sum = of_unit.try_fold(0, i128::checked_add).map(Sum).ok_or(Fault::Overflow)?;
        if sum != Sum::default() {
            return Err(Fault::NotZero { unit, sum: sum.kopecks()? });
        }
    }
    Ok(())
}

fn held_sums(holds: &[Hold]) -> Result<BTreeMap<AccountId, (Kopecks, Kopecks)>, Fault> {
    let mut held: BTreeMap<_, (Kopecks, Kopecks)> = BTreeMap::new();
    for hold in holds.iter().filter(|h| h.is_live()) {
        let (whole, own) = held.entry(hold.account).or_default();
        *whole = whole.add(hold.amount()?)?;
        *own = own.add(hold.parts.own)?;
    }
    Ok(held)
}

fn orders(book: &Audit, sums: &Sums) -> Result<(), Fault> {
    let mut live = BTreeMap::<OrderId, crate::book::Live>::new();
    let mut clearing = BTreeMap::<OrderId, Sum>::new();
    for hold in book.holds.iter().filter(|h| h.is_live()) {
        let sum = live.entry(hold.order).or_default().held.of_mut(hold.kind);
        *sum = sum.add(hold.amount()?)?;
    }
    for payment in &book.payments {
        let PaymentState::Captured(capture) = &payment.state else { continue };
        let rest = payment.live()?;
        if rest < Kopecks::ZERO {
            return Err(Fault::OverRefunded { order: payment.order });
        }
        let sum = live.entry(payment.order).or_default().captured.of_mut(capture.kind);
        *sum = sum.add(rest)?;
        if capture.kind.is_money() && !capture.settled {
            let sum = clearing.entry(payment.order).or_default();
            *sum = sum.add(rest)?;
        }
    }
    for order in &book.orders {
        if live.remove(&order.id).unwrap_or_default() != order.live {
            return Err(Fault::Live { order: order.id });
        }
        let party = Party::House(House::Clearing(order.id));
        let stored = sums.get(&(party, Unit::Rub)).copied().unwrap_or_default();
        let rebuilt = clearing.remove(&order.id).unwrap_or_default();
        if stored != rebuilt {
            let (stored, rebuilt) = (stored.kopecks()?, rebuilt.kopecks()?);
            return Err(Fault::Clearing { order: order.id, stored, rebuilt });
        }
    }
    match live.keys().next() {
        Some(order) => Err(Fault::Live { order: *order }),
        None => Ok(()),
    }
}
