//! Our side: the store through its port.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tillway_core::account::{Account, AccountKind, AccountStatus};
use tillway_core::book::{Commit, Expiry, House, Key, Op, Party, Scope, Verdict, Why};
use tillway_core::guest::{Guest, Names};
use tillway_core::id::{AccountId, Fingerprint, GuestId, HoldId, OrderId, PaymentId, Uuid};
use tillway_core::port::Store;
use tillway_core::{Kopecks, Timestamp};
use tillway_sqlite::{SqliteConfig, SqliteStore};

use crate::commits::Side;

pub(crate) const ACCOUNTS: u64 = 1_000;
pub(crate) const NOW: Timestamp = Timestamp { utc_ms: 1_763_000_000_000, offset_min: 180 };
/// Of each account, so that no round runs out of money.
pub(crate) const RICH: i64 = 1_000_000_000_000;
/// Of each hold and capture.
pub(crate) const AMOUNT: i64 = 12_345;

/// One lifecycle's ids: random, as those of iikoFront are.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) account: u64,
    pub(crate) hold: Uuid,
    pub(crate) payment: Uuid,
    pub(crate) order: Uuid,
    pub(crate) at: Timestamp,
}

impl Ids {
    pub(crate) fn fresh() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1_000);
        Self::of(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn of(n: u64) -> Self {
        let id = |space: u64| Uuid::from_u64_pair(mixed(n ^ (space << 56)), mixed(n + space));
        let at = Timestamp { utc_ms: NOW.utc_ms + i64::try_from(n).unwrap(), ..NOW };
        Self { account: mixed(n) % ACCOUNTS, hold: id(1), payment: id(2), order: id(3), at }
    }
}

/// The finaliser of splitmix64.
pub(crate) fn mixed(n: u64) -> u64 {
    let n = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

pub(crate) fn account(n: u64) -> AccountId {
    AccountId(Uuid::from_u64_pair(2, n))
}

pub(crate) fn guest(n: u64) -> GuestId {
    GuestId(Uuid::from_u64_pair(1, n))
}

pub(crate) struct Ours {
    store: SqliteStore,
}

impl Ours {
    pub(crate) fn open(path: &Path) -> Self {
        Self { store: SqliteStore::open(SqliteConfig::new(path)).unwrap() }
    }

    pub(crate) async fn fill(&self) {
        for n in 0..ACCOUNTS {
            let mut ops = opened(n);
            ops.push(top_up(n, RICH, Uuid::from_u64_pair(9, n)));
            self.done(Commit::of(NOW, ops)).await;
        }
    }

    /// Money out of a guest's account, judged against what it has, under a key.
    pub(crate) async fn draw(&self, ids: Ids) {
        let (from, to) = (Party::Guest(account(ids.account)), Party::House(House::Suspense));
        let (amount, why, by) = (Kopecks(100), Why::Correction, ids.payment);
        let op = Op::Move { from, to, amount, why, by };
        self.done(keyed(Scope::Custom, ids.payment, ids.at, op)).await;
    }

    /// iiko closed the order with its payment.
    pub(crate) async fn close(&self, ids: Ids) {
        let (order, listed) = (OrderId(ids.order), vec![PaymentId(ids.payment)]);
        self.done(Commit::of(ids.at, vec![Op::Close { order, listed }])).await;
    }

    /// Commits that must be done.
    pub(crate) async fn done(&self, commit: Commit) {
        let committed = self.store.commit(commit).await.unwrap();
        assert!(matches!(committed.verdict, Verdict::Done(_)), "{committed:?}");
    }

    pub(crate) fn store(&self) -> &SqliteStore {
        &self.store
    }
}

#[async_trait]
impl Side for Ours {
    async fn lifecycle(&self, ids: Ids) {
        let (order, account) = (OrderId(ids.order), account(ids.account));
        let (id, amount) = (HoldId(ids.hold), Kopecks(AMOUNT));
        let expiry = Expiry::At(ids.at.after(core::time::Duration::from_secs(900)));
        let hold = Op::Hold { id, order, account, amount, expiry, supersedes: None };
        self.done(keyed(Scope::Reserve, id.0, ids.at, hold)).await;
        let (id, hold) = (PaymentId(ids.payment), Some(id));
        let capture = Op::Capture { id, order, account, amount, hold };
        self.done(keyed(Scope::Payment, id.0, ids.at, capture)).await;
    }

    async fn movement(&self, ids: Ids) {
        let op = top_up(ids.account, AMOUNT, ids.payment);
        self.done(keyed(Scope::TopUp, ids.payment, ids.at, op)).await;
    }
}

pub(crate) fn keyed(scope: Scope, id: Uuid, at: Timestamp, op: Op) -> Commit {
    let key = Key { scope, id, attempt: 1, body: Fingerprint(*id.as_bytes()) };
    Commit { key: Some(key), ..Commit::of(at, vec![op]) }
}

fn top_up(n: u64, amount: i64, by: Uuid) -> Op {
    let (from, to) = (Party::House(House::TillCash), Party::Guest(account(n)));
    Op::Move { from, to, amount: Kopecks(amount), why: Why::TopUp, by }
}

fn opened(n: u64) -> Vec<Op> {
    vec![
        Op::PutGuest(Box::new(Guest {
            id: guest(n),
            client_id: n.to_string().into(),
            names: Names::default(),
            phone: None,
            gifts: Vec::new(),
            hints: Vec::new(),
            blocked: false,
            card: None,
        })),
        Op::OpenAccount(Box::new(Account {
            id: account(n),
            guest: guest(n),
            kind: AccountKind::Deposit,
            name: "Депозит".into(),
            balance: Kopecks::ZERO,
            overdraft: Kopecks::ZERO,
            held: Kopecks::ZERO,
            held_own: Kopecks::ZERO,
            chain: tillway_core::book::Chain::START,
            status: AccountStatus::Active,
        })),
    ]
}
