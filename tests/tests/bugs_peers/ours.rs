//! Our stores, as the scenarios ask them.

use std::sync::Arc;

use futures::executor::block_on;
use tillway_core::AccountKind::Deposit;
use tillway_core::Kopecks;
use tillway_core::book::{Binding, Commit, Expiry, Op, Scope, Verdict, audit};
use tillway_core::guest::Names;
use tillway_core::id::{AccountId, HoldId, OrderId};
use tillway_core::port::Store;
use tillway_memory::MemoryStore;
use tillway_sqlite::{SqliteConfig, SqliteStore};
use tillway_testkit::builders::{
    Pay, Persona, Reserve, at, bind, cancel, id, keyed, refund, top_up,
};

use crate::book::{Book, ORDERS, OVERDRAFT, OWN, Purse, Said};

/// A store of ours with the guest.
pub(crate) struct Ours {
    store: Arc<dyn Store>,
    account: AccountId,
    _folder: Option<tempfile::TempDir>,
}

/// Each of our stores, fresh.
pub(crate) fn ours() -> Vec<(&'static str, Box<dyn Book>)> {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig::new(folder.path().join("book.db"));
    let sqlite = Arc::new(SqliteStore::open(config).unwrap());
    vec![
        ("memory", Box::new(Ours::new(Arc::new(MemoryStore::new()), None))),
        ("sqlite", Box::new(Ours::new(sqlite, Some(folder)))),
    ]
}

impl Ours {
    fn new(store: Arc<dyn Store>, folder: Option<tempfile::TempDir>) -> Self {
        let guest = Persona::new("60000", Names::default()).with_account(
            Deposit,
            "Депозит",
            Kopecks(OWN),
            Kopecks(OVERDRAFT),
        );
        let bound = |n| bind(OrderId(id(n)), Binding::Bound(guest.payer()));
        let ops = guest.ops().into_iter().chain((1..=ORDERS).map(bound)).collect();
        let known = block_on(store.commit(Commit::of(at(0), ops))).unwrap();
        assert!(matches!(known.verdict, Verdict::Done(_)));
        Self { store, account: guest.account(Deposit), _folder: folder }
    }

    fn ask(&self, commit: Commit) -> Said {
        let committed = block_on(self.store.commit(commit)).unwrap();
        match (committed.verdict, committed.replayed) {
            (Verdict::Refused(_), _) => Said::Refused,
            (Verdict::Done(_), true) => Said::Repeated,
            (Verdict::Done(_), false) => Said::Done,
        }
    }
}

impl Book for Ours {
    fn hold(&self, hold: u64, order: u64, amount: i64) -> Said {
        let held = Reserve::new(100 + hold, OrderId(id(order)), self.account, amount);
        self.ask(Reserve { expiry: Expiry::WithOwner, ..held }.commit(at(1)))
    }

    fn void(&self, hold: u64) -> Said {
        self.ask(Commit::of(at(2), vec![Op::Void { hold: HoldId(id(100 + hold)) }]))
    }

    fn capture(&self, payment: u64, order: u64, amount: i64, hold: Option<u64>) -> Said {
        let hold = hold.map(|hold| HoldId(id(100 + hold)));
        let pay = Pay::new(200 + payment, OrderId(id(order)), self.account, amount);
        self.ask(Pay { hold, ..pay }.commit(at(3)))
    }

    fn cancel(&self, payment: u64, order: u64) -> Said {
        self.ask(Commit::of(at(4), vec![cancel(200 + payment, OrderId(id(order)))]))
    }

    fn refund(&self, number: u64, of: u64, amount: i64) -> Said {
        self.ask(refund(300 + number, 200 + of, amount, None, at(5)))
    }

    fn pay_in(&self, by: u64, amount: i64) {
        let by = id(400 + by);
        let ops = vec![top_up(self.account, Kopecks(amount), by)];
        assert_eq!(self.ask(keyed(Scope::TopUp, by, at(1), ops)), Said::Done);
    }

    fn purse(&self) -> Purse {
        let row = block_on(self.store.account(self.account)).unwrap().unwrap();
        let whole = audit(&block_on(self.store.audit()).unwrap()).is_ok();
        let (balance, held_own) = (row.balance.0, row.held_own.0);
        let own = (balance - held_own).max(0);
        let in_use = row.held.0 - held_own - balance.min(0);
        Purse { balance, available: row.available().unwrap().0, own, in_use, whole }
    }
}
