//! More overdue holds on one account than a commit lapses: the watch knows that a refusal then
//! lapses some, and nothing else.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use tillway_core::AccountKind::Deposit;
use tillway_core::Kopecks;
use tillway_core::book::{Commit, Expiry, Op, Refusal, Verdict};
use tillway_core::id::{HoldId, OrderId};
use tillway_core::port::{AccountBook, Store};
use tillway_core::time::Timestamp;
use tillway_memory::MemoryStore;
use tillway_testkit::Checked;
use tillway_testkit::builders::{all_three, id};
use tillway_testkit::runtime::block_on;

const NOON: Timestamp = Timestamp::utc(1_790_000_000_000);

#[test]
fn f13_overdue_holds_lapse_until_the_debit_is_judged() {
    let store = Checked::new(Arc::new(MemoryStore::new()));
    let account = all_three().account(Deposit);
    let hold = |number: u64, amount: i64, expires: Timestamp| Op::Hold {
        id: HoldId(id(number)),
        order: OrderId(id(number)),
        account,
        amount: Kopecks(amount),
        expiry: Expiry::At(expires),
        supersedes: None,
    };
    let commit = |at, ops| block_on(store.commit(Commit::of(at, ops))).unwrap().verdict;
    let done = |verdict: Verdict| assert!(matches!(verdict, Verdict::Done(_)), "{verdict:?}");
    done(commit(NOON, all_three().ops()));
    for number in 1..=40 {
        done(commit(NOON, vec![hold(number, 2_500, NOON.after(Duration::from_millis(number)))]));
    }
    let held = || block_on(store.account(account)).unwrap().unwrap().held;
    let later = NOON.after(Duration::from_secs(1));
    let all = |number| vec![hold(number, 100_000, later.after(Duration::from_secs(1)))];
    for left in [24 * 2_500, 8 * 2_500] {
        assert_eq!(commit(later, all(100)), Verdict::Refused(Refusal::HoldsOverdue));
        assert_eq!(held(), Kopecks(left));
    }
    done(commit(later, all(100)));
    assert_eq!(held(), Kopecks(100_000));
    // From now on there is nothing left to lapse, and a refusal is one.
    let limit = Kopecks::ZERO;
    let refused = Verdict::Refused(Refusal::InsufficientFunds { limit });
    assert_eq!(commit(later, all(101)), refused);
    assert_eq!(store.violation().map(|found| found.to_string()), None);
}
