//! Many overdue holds on one account: they refuse nobody, and they lapse a few at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{NOON, Table, caller, capture, order, table};
use tillway_core::AccountKind::Deposit;
use tillway_core::Kopecks;
use tillway_core::book::{Commit, Expiry, Op, Refusal, Verdict};
use tillway_core::id::{AccountId, HoldId, OrderId};
use tillway_core::port::{
    AccountBook, CaptureRequest, LoyaltyDesk, PayError, PaymentDesk, ReserveRequest, Store,
};
use tillway_core::token::Scan;
use tillway_engine::Bridge;
use tillway_testkit::builders::{all_three, id};
use tillway_testkit::runtime::block_on;

/// The deposit of the guest: 1 000.00, and no overdraft.
fn deposit() -> AccountId {
    all_three().account(Deposit)
}

/// Fedor sits at order 82, and so many holds of other orders take a part of his deposit each.
/// They lapse one millisecond after the other.
fn held(holds: u64, amount: i64) -> Table {
    let table = table(|config| config.bridge = Bridge::None);
    block_on(table.engine.check_in(&caller(1), order(82), Scan::new("20001"), None)).unwrap();
    for number in 1..=holds {
        hold(&table, number, order(1_000 + number), amount);
    }
    table
}

fn hold(table: &Table, number: u64, order: OrderId, amount: i64) {
    let hold = Op::Hold {
        id: HoldId(id(number)),
        order,
        account: deposit(),
        amount: Kopecks(amount),
        expiry: Expiry::At(NOON.after(Duration::from_millis(number))),
        supersedes: None,
    };
    let done = block_on(table.store.commit(Commit::of(NOON, vec![hold]))).unwrap();
    assert!(matches!(done.verdict, Verdict::Done(_)), "{done:?}");
}

fn later(table: &Table) {
    table.clock.advance(Duration::from_secs(60));
}

fn pay(table: &Table, number: u64, amount: i64) -> Result<bool, PayError> {
    let request = capture(number, order(82), Deposit, amount);
    let request = CaptureRequest { wallet: deposit(), ..request };
    block_on(table.engine.capture(&caller(1), request)).map(|done| done.replayed)
}

fn still_held(table: &Table) -> Kopecks {
    block_on(table.store.account(deposit())).unwrap().unwrap().held
}

#[test]
fn f13_overdue_holds_refuse_nobody_however_many_there_are() {
    for holds in [1, 15, 16, 17, 32, 40, 500] {
        let table = held(holds, 200);
        let limit = Kopecks(100_000 - 200 * i64::try_from(holds).unwrap());
        let refused = PayError::Refused(Refusal::InsufficientFunds { limit });
        assert_eq!(pay(&table, 1, 100_000), Err(refused), "{holds} live holds");
        later(&table);
        assert_eq!(pay(&table, 2, 100_000), Ok(false), "{holds} overdue holds");
        assert_eq!(still_held(&table), Kopecks::ZERO);
        table.holds();
    }
}

#[test]
fn f13_what_the_account_has_not_is_refused_all_the_same() {
    let table = held(40, 2_500);
    later(&table);
    let limit = Kopecks(100_000);
    let refused = Err(PayError::Refused(Refusal::InsufficientFunds { limit }));
    assert_eq!(pay(&table, 1, 100_001), refused);
    // For good: the refusal is stored under the transaction.
    assert_eq!(pay(&table, 1, 100_001), refused);
    assert_eq!(pay(&table, 2, 100_000), Ok(false));
    table.holds();
}

#[test]
fn f13_more_than_one_request_lapses_are_in_doubt_and_never_refused() {
    // One request repeats its commit 64 times, and each lapses 16 holds.
    let table = held(1_030, 97);
    later(&table);
    assert_eq!(pay(&table, 1, 100_000), Err(PayError::Unavailable));
    assert_eq!(still_held(&table), Kopecks(6 * 97));
    assert_eq!(pay(&table, 1, 100_000), Ok(false));
    table.holds();
}

/// The order's own hold is the last of many to be overdue.
#[test]
fn f13_an_overdue_hold_of_the_order_is_no_second_one() {
    let table = held(30, 100);
    hold(&table, 31, order(82), 90_000);
    later(&table);
    let request = ReserveRequest {
        key: id(10),
        order: order(82),
        wallet: deposit(),
        amount: Kopecks(95_000),
        total: Kopecks(165_000),
        epoch: 1,
        ttl: None,
        supersedes: None,
        refuse: None,
    };
    let made = block_on(table.engine.reserve(&caller(1), request)).unwrap();
    assert_eq!(still_held(&table), Kopecks(95_000));
    assert!(made.state.is_live());
    table.holds();
}

#[test]
fn one_look_lapses_thousands() {
    let table = held(1_000, 100);
    later(&table);
    block_on(table.engine.keeper().look());
    assert_eq!(still_held(&table), Kopecks::ZERO);
    table.holds();
}
