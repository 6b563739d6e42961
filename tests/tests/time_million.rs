//! Very many holds that are due at once: they lapse a few at a time, and whoever pays meanwhile is
//! next but one.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tillway_core::AccountKind::Deposit;
use tillway_core::Kopecks;
use tillway_core::book::{Actor, Caller, Commit, Expiry, Op, Verdict};
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId};
use tillway_core::port::{
    AccountBook, CaptureRequest, LoyaltyDesk, PaymentDesk, PaymentInfo, Store,
};
use tillway_core::token::Scan;
use tillway_engine::{Bridge, Engine, EngineConfig, Ports};
use tillway_sqlite::{Mode, SqliteConfig, SqliteStore};
use tillway_testkit::builders::{self, all_three, anna, id, till};
use tillway_testkit::runtime::{CountingIds, TestClock, ThreadSpawner, block_on};
use tillway_tests::venue::{DEPOSIT_TYPE, NOON, uuid};
use tracing_subscriber::filter::LevelFilter;

/// How many holds one commit of the sweep lapses.
const SWEEP: i64 = 64;
/// How many such commits may come between the moment at which somebody wants to pay and the answer:
/// one whose turn it was, the one that is being written, the one that shares the payment's group.
const BETWEEN_MAX: i64 = 3;

fn crowded() -> AccountId {
    all_three().account(Deposit)
}

fn open(folder: &tempfile::TempDir, mode: Mode) -> SqliteStore {
    let mut config = SqliteConfig::new(folder.path().join("book.db"));
    config.mode = mode;
    SqliteStore::open(config).unwrap()
}

fn commit(store: &dyn Store, ops: Vec<Op>) {
    let done = block_on(store.commit(Commit::of(NOON, ops))).unwrap();
    assert!(matches!(done.verdict, Verdict::Done(_)), "{done:?}");
}

/// A book in which one account has this many holds of a kopeck, each of an order of its own, all
/// overdue. The store writes the first of them; the others are copies of its rows.
fn book(folder: &tempfile::TempDir, holds: i64) {
    let store = open(folder, Mode::Thread);
    for persona in builders::seed() {
        commit(&store, persona.ops());
    }
    commit(&store, vec![builders::top_up(crowded(), Kopecks(holds), id(7))]);
    let first = Op::Hold {
        id: HoldId(id(1)),
        order: OrderId(id(1)),
        account: crowded(),
        amount: Kopecks(1),
        expiry: Expiry::At(NOON.before(Duration::from_secs(1))),
        supersedes: None,
    };
    commit(&store, vec![first]);
    drop(store);
    let db = Connection::open(folder.path().join("book.db")).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF; BEGIN").unwrap();
    copy(&db, "orders", &["id"], holds);
    copy(&db, "holds", &["id", "order_id"], holds);
    let named = "INSERT INTO ids SELECT 0, id, 1, no FROM orders WHERE no > 1;
                 INSERT INTO ids SELECT 0, id, 3, no FROM holds WHERE no > 1";
    db.execute_batch(named).unwrap();
    let held = "UPDATE accounts SET held = ?2, held_own = ?2 WHERE id = ?1";
    assert_eq!(db.execute(held, (crowded().0.as_bytes(), holds)).unwrap(), 1);
    db.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

/// Copies the one row of a table until there are so many; these columns count.
fn copy(db: &Connection, table: &str, keys: &[&str], rows: i64) {
    let mut columns =
        db.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
    let columns = columns.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let columns: Vec<String> = columns.map(Result::unwrap).collect();
    let value = |name: &String| match keys.contains(&name.as_str()) {
        true => "CAST(printf('%016d', n) AS BLOB)".to_owned(),
        false if name == "no" => "n".to_owned(),
        false => name.clone(),
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let sql = format!(
        "WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1) \
         INSERT INTO {table} SELECT {} FROM numbers, (SELECT * FROM {table} LIMIT 1)",
        values.join(", ")
    );
    assert_eq!(db.execute(&sql, [rows]).unwrap(), usize::try_from(rows - 1).unwrap());
}

fn waiter() -> Caller {
    Caller { actor: Actor::Plugin, till: Some(till(1)), deadline: None, cause: None }
}

fn payment(number: u64) -> CaptureRequest {
    CaptureRequest {
        id: PaymentId(id(number)),
        attempt: 1,
        order: OrderId(id(82)),
        wallet: anna().account(Deposit),
        amount: Kopecks(1),
        total: Kopecks(10_000_000),
        epoch: 1,
        hold: None,
        payment_type: uuid(DEPOSIT_TYPE),
        info: PaymentInfo::default(),
        refuse: None,
    }
}

fn engine(store: &Arc<SqliteStore>) -> Engine {
    let mut config = EngineConfig::new(builders::INSTALLATION);
    config.bridge = Bridge::None;
    config.payment_types = vec![(uuid(DEPOSIT_TYPE), Deposit)];
    let ports = Ports {
        store: Arc::clone(store) as Arc<dyn Store>,
        clock: Arc::new(TestClock::at(NOON)),
        spawner: Arc::new(ThreadSpawner::new()),
        ids: Arc::new(CountingIds::new()),
    };
    Engine::new(ports, config)
}

/// The keeper sweeps, and a guest pays again and again: everything on one thread, so that what
/// comes between is decided by the order of commits and not by the machine.
fn sweep_beside_payments(holds: i64, mode: Mode) {
    // When it fails, the log says why.
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_test_writer();
    let _ = log.try_init();
    let folder = tempfile::tempdir().unwrap();
    book(&folder, holds);
    let store = Arc::new(open(&folder, mode));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let payments = runtime.block_on(async {
        let engine = engine(&store);
        let keeper = engine.keeper();
        keeper.recover().await;
        let scan = Scan::new("149725735");
        engine.check_in(&waiter(), OrderId(id(82)), scan, None).await.unwrap();
        tokio::select! {
            () = keeper.run() => 0,
            payments = pay_until_swept(&engine, &store, holds) => payments,
        }
    });
    assert!(payments > holds / SWEEP / 8, "{payments} payments were made meanwhile");
    block_on(store.check()).unwrap();
}

async fn pay_until_swept(engine: &Engine, store: &SqliteStore, holds: i64) -> i64 {
    let held = async || store.account(crowded()).await.unwrap().unwrap().held.0;
    for number in 0..holds {
        let before = held().await;
        if before == 0 {
            return number;
        }
        tokio::task::yield_now().await;
        let request = payment(100 + number.unsigned_abs());
        engine.capture(&waiter(), request).await.unwrap();
        let lapsed = before - held().await;
        assert!(lapsed <= BETWEEN_MAX * SWEEP, "payment {number} waited for {lapsed} holds");
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
    }
    panic!("the sweep does not go on");
}

/// With a thread that writes, as a venue has it.
#[test]
fn f13_thousands_of_holds_at_once_stall_no_payment() {
    sweep_beside_payments(40_000, Mode::Thread);
}

/// With a store that works inside its caller: whoever does not wait must let others have a turn.
#[test]
fn f13_thousands_of_holds_at_once_stall_nobody_on_one_thread() {
    sweep_beside_payments(20_000, Mode::Inline);
}

#[test]
#[ignore = "takes minutes: the same with very many more, for a look by hand"]
fn f13_a_million_holds_at_once_stall_no_payment() {
    sweep_beside_payments(1_000_000, Mode::Thread);
}
