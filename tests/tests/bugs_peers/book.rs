//! What the scenarios ask, of our stores and of the naive book.

use std::fmt::Debug;

/// One guest with 1 000.00 of own money and an overdraft of 500.00; eight orders.
pub(crate) trait Book: Sync {
    /// Sets money aside for an order.
    fn hold(&self, hold: u64, order: u64, amount: i64) -> Said;
    /// Gives a hold up.
    fn void(&self, hold: u64) -> Said;
    /// Takes money, with or without a hold.
    fn capture(&self, payment: u64, order: u64, amount: i64, hold: Option<u64>) -> Said;
    /// Takes a payment back, or forbids it.
    fn cancel(&self, payment: u64, order: u64) -> Said;
    /// Gives a part of a payment back.
    fn refund(&self, refund: u64, of: u64, amount: i64) -> Said;
    /// The guest pays in.
    fn pay_in(&self, by: u64, amount: i64);
    /// How the account stands.
    fn purse(&self) -> Purse;
}

pub(crate) const OWN: i64 = 100_000;
pub(crate) const OVERDRAFT: i64 = 50_000;
pub(crate) const ORDERS: u64 = 8;

/// What a book says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Said {
    Done,
    /// It was done before.
    Repeated,
    Refused,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Purse {
    /// What is there, holds included.
    pub(crate) balance: i64,
    /// What may be spent, the overdraft included.
    pub(crate) available: i64,
    /// Own money that is free.
    pub(crate) own: i64,
    /// Overdraft that is in use or set aside.
    pub(crate) in_use: i64,
    /// Nothing came from nowhere, and nothing went there.
    pub(crate) whole: bool,
}

/// How a scenario went.
pub(crate) type Seen = Result<(), String>;

#[expect(clippy::needless_pass_by_value, reason = "scenarios compare what they just read")]
pub(crate) fn same<T: Debug + PartialEq>(what: &str, got: T, want: T) -> Seen {
    if got == want { Ok(()) } else { Err(format!("{what}: got {got:?}, want {want:?}")) }
}
