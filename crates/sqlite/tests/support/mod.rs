//! A small book for the tests of this crate.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::path::Path;

use tillway_core::account::{Account, AccountKind, AccountStatus};
use tillway_core::book::{Commit, Expiry, House, Key, Op, Party, Scope, Verdict, Why};
use tillway_core::guest::{Guest, Names};
use tillway_core::id::{AccountId, Fingerprint, GuestId, HoldId, OrderId, PaymentId, Uuid};
use tillway_core::port::Store;
use tillway_core::{Kopecks, Timestamp};
use tillway_sqlite::{SqliteConfig, SqliteStore};

pub(crate) const NOW: Timestamp = Timestamp { utc_ms: 1_763_000_000_000, offset_min: 180 };

pub(crate) fn uuid(space: u64, n: u64) -> Uuid {
    Uuid::from_u64_pair(space, n)
}

pub(crate) fn account_id(n: u64) -> AccountId {
    AccountId(uuid(2, n))
}

pub(crate) fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(SqliteConfig::new(path)).unwrap()
}

/// With so few names in a chapter that a small book has several.
pub(crate) fn open_in_chapters(path: &Path, names: u32) -> SqliteStore {
    let mut config = SqliteConfig::new(path);
    config.chapter_names = names;
    SqliteStore::open(config).unwrap()
}

pub(crate) fn key(scope: Scope, id: Uuid, body: &str) -> Key {
    Key { scope, id, attempt: 1, body: Fingerprint::of(body.as_bytes()) }
}

/// A guest with a deposit of this many kopecks.
pub(crate) async fn guest_with_deposit(store: &dyn Store, n: u64, kopecks: i64) {
    let committed = store.commit(new_guest(n, kopecks)).await.unwrap();
    assert!(matches!(committed.verdict, Verdict::Done(_)), "{committed:?}");
}

pub(crate) fn new_guest(n: u64, kopecks: i64) -> Commit {
    let guest = GuestId(uuid(1, n));
    Commit::of(
        NOW,
        vec![
            Op::PutGuest(Box::new(Guest {
                id: guest,
                client_id: n.to_string().into(),
                names: Names::default(),
                phone: None,
                gifts: Vec::new(),
                hints: Vec::new(),
                blocked: false,
                card: None,
            })),
            Op::OpenAccount(Box::new(Account {
                id: account_id(n),
                guest,
                kind: AccountKind::Deposit,
                name: "Депозит".into(),
                balance: Kopecks::ZERO,
                overdraft: Kopecks::ZERO,
                held: Kopecks::ZERO,
                held_own: Kopecks::ZERO,
                chain: tillway_core::book::Chain::START,
                status: AccountStatus::Active,
            })),
            Op::Move {
                from: Party::House(House::TillCash),
                to: Party::Guest(account_id(n)),
                amount: Kopecks(kopecks),
                why: Why::TopUp,
                by: uuid(9, n),
            },
        ],
    )
}

pub(crate) fn hold(n: u64, account: AccountId, kopecks: i64) -> Commit {
    let id = HoldId(uuid(4, n));
    let ops = vec![Op::Hold {
        id,
        order: OrderId(uuid(3, n)),
        account,
        amount: Kopecks(kopecks),
        expiry: Expiry::At(NOW.after(core::time::Duration::from_secs(900))),
        supersedes: None,
    }];
    Commit { key: Some(key(Scope::Reserve, id.0, "hold")), ..Commit::of(NOW, ops) }
}

pub(crate) fn capture(n: u64, account: AccountId, kopecks: i64, hold: Option<HoldId>) -> Commit {
    let id = PaymentId(uuid(5, n));
    let order = OrderId(uuid(3, n));
    let ops = vec![Op::Capture { id, order, account, amount: Kopecks(kopecks), hold }];
    Commit { key: Some(key(Scope::Payment, id.0, "capture")), ..Commit::of(NOW, ops) }
}
