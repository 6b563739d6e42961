//! Random steps over a small world, for property tests of the book and of what stands on it.
//!
//! Few guests, orders and ids, so that steps meet each other; amounts around zero, one, what the
//! accounts have, and the largest number.

use proptest::prelude::*;
use tillway_core::book::{Binding, Commit, Expiry, Op};
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId, RefundId};
use tillway_core::{AccountKind, AccountStatus, Kopecks, Timestamp};

use crate::builders::{self, Pay, Persona, Reserve, all_three, anna, id};

/// How many holds and refunds have ids of their own.
const IDS: u8 = 9;
/// How many payments have: fewer, so that refunds find them.
const PAYMENTS: u8 = 5;
/// How many orders there are.
const ORDERS: u8 = 3;

/// One step. Numbers name things of the [`World`]: two guests, five accounts, three orders.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "fields are those of the op of the same name")]
pub enum Act {
    /// A reservation that lapses after so many seconds, or never.
    Hold { hold: u8, order: u8, account: u8, amount: i64, lapses: Option<u8> },
    /// A reservation is given up.
    Void { hold: u8 },
    /// The sweep looks at a reservation.
    Expire { hold: u8 },
    /// A payment, with or without a reservation.
    Capture { payment: u8, order: u8, account: u8, amount: i64, hold: Option<u8> },
    /// A payment is taken back.
    Cancel { payment: u8, order: u8 },
    /// A part of a payment is given back.
    Refund { refund: u8, payment: u8, amount: i64 },
    /// Money or points come in.
    TopUp { account: u8, amount: i64 },
    /// An account is blocked, or free again.
    Block { account: u8, blocked: bool },
    /// An account gets another overdraft.
    Overdraft { account: u8, amount: i64 },
    /// A guest is bound.
    Bind { order: u8, guest: u8 },
    /// The guest is unbound.
    Unbind { order: u8 },
    /// iiko closes the order with these payments.
    Close { order: u8, listed: Vec<u8> },
    /// Time passes.
    Wait { seconds: u8 },
}

/// The guests and accounts that acts are about.
#[derive(Clone, Debug)]
pub struct World {
    /// The guests, in the order that acts number them.
    pub guests: Vec<Persona>,
    /// The accounts in the order that acts number them: guest, id, kind, balance, overdraft.
    pub accounts: Vec<(u8, AccountId, AccountKind, Kopecks, Kopecks)>,
}

impl World {
    /// The guest with all three accounts, and the guest of the seed.
    pub fn new() -> Self {
        let guests = vec![all_three(), anna()];
        let mut accounts = Vec::new();
        for (guest, persona) in (0..).zip(&guests) {
            for (account, balance) in &persona.accounts {
                accounts.push((guest, account.id, account.kind, *balance, account.overdraft));
            }
        }
        Self { guests, accounts }
    }

    /// The commit of an act at a moment; `None` for [`Act::Wait`].
    pub fn commit(&self, act: &Act, at: Timestamp) -> Option<Commit> {
        let (mut guard, order_of) = (None, |n: u8| OrderId(id(u64::from(n))));
        let account_of = |n: u8| self.accounts[usize::from(n)].1;
        let op = match act {
            Act::Hold { hold, order, account, amount, lapses } => {
                let (order, account) = (order_of(*order), account_of(*account));
                let held = Reserve::new(u64::from(*hold), order, account, *amount);
                guard = held.commit(at).guard;
                let after = |s: u8| Expiry::At(at.after(core::time::Duration::from_secs(s.into())));
                let expiry = lapses.map_or(Expiry::WithOwner, after);
                Reserve { expiry, ..held }.op()
            }
            Act::Capture { payment, order, account, amount, hold } => {
                let (order, account) = (order_of(*order), account_of(*account));
                let hold = hold.map(|n| HoldId(id(n.into())));
                let pay = Pay { hold, ..Pay::new(u64::from(*payment), order, account, *amount) };
                guard = Some(pay.guard());
                pay.op()
            }
            Act::Void { hold } => Op::Void { hold: HoldId(id(u64::from(*hold))) },
            Act::Expire { hold } => Op::Expire { hold: HoldId(id(u64::from(*hold))) },
            Act::Cancel { payment, order } => {
                builders::cancel(u64::from(*payment), order_of(*order))
            }
            Act::Refund { refund, payment, amount } => Op::Refund {
                id: RefundId(id(u64::from(*refund))),
                of: PaymentId(id(u64::from(*payment))),
                amount: Kopecks(*amount),
                before: None,
            },
            Act::TopUp { account, amount } => {
                let (_, account, kind, ..) = self.accounts[usize::from(*account)];
                let give = match kind {
                    AccountKind::Bonus => builders::accrue,
                    _ => builders::top_up,
                };
                give(account, Kopecks(*amount), id(1))
            }
            Act::Block { account, blocked } => {
                let to = if *blocked { AccountStatus::Blocked } else { AccountStatus::Active };
                terms(account_of(*account), None, Some(to))
            }
            Act::Overdraft { account, amount } => {
                terms(account_of(*account), Some(Kopecks(*amount)), None)
            }
            Act::Bind { order, guest } => {
                let payer = self.guests[usize::from(*guest)].payer();
                builders::bind(order_of(*order), Binding::Bound(payer))
            }
            Act::Unbind { order } => builders::bind(order_of(*order), Binding::Unbound),
            Act::Close { order, listed } => {
                let listed = listed.iter().map(|n| PaymentId(id(u64::from(*n)))).collect();
                Op::Close { order: order_of(*order), listed }
            }
            Act::Wait { .. } => return None,
        };
        Some(Commit { key: None, at, guard, ops: vec![op] })
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

fn terms(account: AccountId, overdraft: Option<Kopecks>, status: Option<AccountStatus>) -> Op {
    Op::SetTerms { account, overdraft, status }
}

/// An amount: mostly honest, sometimes at an edge.
pub fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 1..=60_000_i64,
        2 => prop::sample::select(vec![1, 30_000, 94_100, 100_000, 500_000, 8_486_500]),
        1 => prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX - 1, i64::MAX]),
    ]
}

/// Where something with this number is put, if it is to meet others of its kind: the orders are
/// bound to the guests in turn at first, and the accounts are the guest's.
fn place(number: u8) -> (u8, u8) {
    let order = number % ORDERS;
    let account = match order {
        1 => 3 + number / ORDERS % 2,
        _ => number / ORDERS % 3,
    };
    (order, account)
}

/// Mostly where it meets others, sometimes anywhere.
fn placed() -> impl Strategy<Value = (u8, (u8, u8))> {
    let anywhere = (0..ORDERS, 0..5_u8);
    (0..IDS, prop::option::weighted(0.25, anywhere))
        .prop_map(|(number, other)| (number, other.unwrap_or(place(number))))
}

/// One act.
pub fn act() -> impl Strategy<Value = Act> {
    let (order, account, ids, payments) = (0..ORDERS, 0..5_u8, 0..IDS, 0..PAYMENTS);
    let hold = (placed(), amount(), prop::option::of(0..200_u8));
    let pay = (payments.clone(), placed(), amount(), any::<bool>());
    prop_oneof![
        10 => hold.prop_map(|((hold, (order, account)), amount, lapses)| {
            Act::Hold { hold, order, account, amount, lapses }
        }),
        2 => ids.clone().prop_map(|hold| Act::Void { hold }),
        2 => ids.clone().prop_map(|hold| Act::Expire { hold }),
        16 => pay.prop_map(|(payment, (hold, (order, account)), amount, by_hold)| {
            // Small enough to find a hold that it fits into.
            let amount = if by_hold { amount / 4 } else { amount };
            Act::Capture { payment, order, account, amount, hold: by_hold.then_some(hold) }
        }),
        2 => (payments.clone(), order.clone()).prop_map(|(payment, order)| {
            Act::Cancel { payment, order }
        }),
        10 => (ids.clone(), payments.clone(), amount()).prop_map(|(refund, payment, amount)| {
            Act::Refund { refund, payment, amount: amount / 4 }
        }),
        3 => (account.clone(), amount()).prop_map(|(account, amount)| {
            Act::TopUp { account, amount }
        }),
        1 => (account.clone(), any::<bool>()).prop_map(|(account, blocked)| {
            Act::Block { account, blocked }
        }),
        1 => (account, amount()).prop_map(|(account, amount)| Act::Overdraft { account, amount }),
        2 => (order.clone(), 0..2_u8).prop_map(|(order, guest)| Act::Bind { order, guest }),
        1 => order.clone().prop_map(|order| Act::Unbind { order }),
        1 => (order, prop::collection::vec(payments, 0..4)).prop_map(|(order, listed)| {
            Act::Close { order, listed }
        }),
        3 => (1..40_u8).prop_map(|seconds| Act::Wait { seconds }),
    ]
}

/// Up to `len` acts, after each order was bound.
pub fn acts(len: usize) -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(act(), 1..=len).prop_map(|acts| {
        let bound = (0..ORDERS).map(|order| Act::Bind { order, guest: order % 2 });
        bound.chain(acts).collect()
    })
}
