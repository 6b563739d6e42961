//! A row is found in whichever chapter its name lies.

use futures::executor::block_on;
use rusqlite::Connection;
use tempfile::TempDir;
use tillway_core::Timestamp;
use tillway_core::book::{Change, Key, Verdict};
use tillway_core::book::{Commit, Delta, Op, Order, Scope};
use tillway_core::id::{Fingerprint, OrderId, Uuid};
use tillway_core::port::{Bindings, CommitError, Recalled, Store};

use super::faults::carry;
use crate::error::{CheckError, OpenError};
use crate::filter::Filter;
use crate::{Mode, SqliteConfig, SqliteStore, load, open, save};

/// Names in a chapter.
const FEW: u32 = 3;
/// Keys in a book.
const MANY: u128 = 40;

fn config(folder: &TempDir) -> SqliteConfig {
    let mut config = SqliteConfig::new(folder.path().join("book.db"));
    (config.chapter_names, config.mode) = (FEW, Mode::Inline);
    config
}

fn reopened(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(config(folder)).unwrap()
}

/// A book of some keys in many chapters.
fn book() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    (0..MANY).for_each(|n| assert!(!is_replayed(&store, n), "{n}"));
    folder
}

/// Whether the store knew the key.
fn is_replayed(store: &SqliteStore, n: u128) -> bool {
    let committed = block_on(store.commit(carry(n))).unwrap();
    assert!(matches!(committed.verdict, Verdict::Done(_)), "{committed:?}");
    committed.replayed
}

fn recalled(store: &SqliteStore, n: u128) -> Option<Recalled> {
    let key = Key {
        scope: Scope::Custom,
        id: Uuid::from_u128(n),
        attempt: 1,
        body: Fingerprint([1; 16]),
    };
    block_on(store.recall(&key)).unwrap()
}

fn on_file<T: rusqlite::types::FromSql>(folder: &TempDir, sql: &str) -> T {
    let db = Connection::open(folder.path().join("book.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn spoil(folder: &TempDir, sql: &str) {
    let db = Connection::open(folder.path().join("book.db")).unwrap();
    assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn no_key_is_forgotten_in_any_chapter() {
    let folder = book();
    for _ in 0..2 {
        let store = reopened(&folder);
        (0..MANY).for_each(|n| assert_eq!(recalled(&store, n), Some(Recalled::Done), "{n}"));
        (MANY..1_000).for_each(|n| assert_eq!(recalled(&store, n), None, "{n}"));
        (0..MANY).for_each(|n| assert!(is_replayed(&store, n), "{n}"));
        block_on(store.check()).unwrap();
    }
    let [chapters, filters]: [i64; 2] = ["count(*)", "count(filter)"]
        .map(|count| on_file(&folder, &format!("SELECT {count} FROM chapters")));
    // Batches without a new name went on with the filters.
    assert_eq!((chapters, filters), (14, 13));
}

/// What a filter says no to is not looked for: here it is seen to be asked.
#[test]
fn a_closed_chapter_is_read_only_for_what_its_filter_lets_through() {
    let folder = book();
    let empty = Filter::sized(1).to_bytes();
    let db = Connection::open(folder.path().join("book.db")).unwrap();
    db.execute("UPDATE chapters SET filter = ?1 WHERE no = 0", [empty]).unwrap();
    drop(db);
    let store = reopened(&folder);
    assert_eq!(recalled(&store, 0), None);
    assert_eq!(recalled(&store, u128::from(FEW)), Some(Recalled::Done));
    let found = block_on(store.check()).unwrap_err();
    assert!(
        matches!(&found, CheckError::Damaged { finding, .. } if finding.contains("keys")),
        "{found:?}"
    );
}

#[test]
fn a_filter_that_does_not_read_is_made_anew() {
    let folder = book();
    spoil(&folder, "UPDATE chapters SET filter = x'00' WHERE no = 0");
    let store = reopened(&folder);
    let found = block_on(store.check()).unwrap_err();
    assert!(
        matches!(&found, CheckError::Damaged { finding, .. } if finding.contains("chapters")),
        "{found:?}"
    );
    (0..MANY).for_each(|n| assert!(is_replayed(&store, n), "{n}"));
    drop(store);
    block_on(reopened(&folder).check()).unwrap();
    assert!(on_file::<i64>(&folder, "SELECT length(filter) FROM chapters WHERE no = 0") > 16);
}

#[test]
fn a_list_of_chapters_with_a_gap_does_not_open() {
    for sql in [
        "DELETE FROM chapters",
        "DELETE FROM chapters WHERE no = 0",
        "DELETE FROM chapters WHERE no = 5",
        // The last one leaves no gap, but its names.
        "DELETE FROM chapters WHERE no = 13",
        "UPDATE ids SET chapter = -1 WHERE chapter = 0",
        "UPDATE chapters SET no = 99 WHERE no = 5",
        "UPDATE chapters SET no = -1 WHERE no = 0",
    ] {
        let folder = book();
        spoil(&folder, sql);
        let error = SqliteStore::open(config(&folder)).unwrap_err();
        assert!(matches!(&error, OpenError::Damaged { .. }), "{sql}: {error:?}");
        assert!(error.to_string().contains("chapters"), "{error}");
    }
}

#[test]
fn check_finds_a_name_in_two_chapters_or_in_the_wrong_one() {
    for sql in [
        "INSERT INTO ids SELECT 13, id, what, no FROM ids WHERE chapter = 0 LIMIT 1",
        "UPDATE ids SET chapter = 1 WHERE chapter = 0",
    ] {
        let folder = book();
        spoil(&folder, sql);
        let found = block_on(reopened(&folder).check()).unwrap_err();
        assert!(
            matches!(&found, CheckError::Damaged { finding, .. } if finding.contains("keys")),
            "{sql}: {found:?}"
        );
    }
}

/// It is written along with a batch, and must not fail the next one too.
#[test]
fn a_filter_that_finds_no_place_fails_one_batch_and_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    let on_writer = |sql: &'static str| {
        let done = store.writer.submit(move |w| w.connection.execute_batch(sql)).unwrap();
        block_on(done).unwrap().unwrap();
    };
    on_writer(
        "CREATE TRIGGER stop BEFORE UPDATE ON chapters BEGIN SELECT raise(ABORT, 'stop'); END",
    );
    let failed: Vec<_> = (0..MANY).map(|n| block_on(store.commit(carry(n))).is_err()).collect();
    assert!(failed.contains(&true) && !failed.windows(2).any(|two| two == [true; 2]), "{failed:?}");
    on_writer("DROP TRIGGER stop");
    (0..MANY).for_each(|n| assert!(block_on(store.commit(carry(n))).is_ok()));
    (0..MANY).for_each(|n| assert!(is_replayed(&store, n), "{n}"));
    block_on(store.check()).unwrap();
    drop(store);
    assert!(on_file::<i64>(&folder, "SELECT count(filter) FROM chapters") > 2);
}

/// A row that was taken back gave its number to the next one.
#[test]
fn numbers_of_a_transaction_that_was_taken_back_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let db = open::writer(&config(&folder)).unwrap();
    let id = |n| OrderId(Uuid::from_u128(n));
    let saved = |n| {
        let row = Order::new(id(n), Timestamp::utc(1));
        let orders = vec![Change { key: id(n), row: Some(row), existed: false }];
        save::delta(&db, &Delta { orders, ..Delta::default() }).unwrap();
    };
    db.execute_batch("BEGIN").unwrap();
    saved(1);
    db.execute_batch("ROLLBACK").unwrap();
    db.forget();
    saved(2);
    assert_eq!(load::order(&db, id(1)).unwrap(), None);
    assert_eq!(load::order(&db, id(2)).unwrap().unwrap().id, id(2));
}

/// The writer does so when a batch fails.
#[test]
fn a_batch_that_failed_leaves_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    let told = |n| {
        let order = OrderId(Uuid::from_u128(n));
        let op = Op::Tell { order, till: None, total: None, lines: None, money: None };
        Commit::of(Timestamp::utc(5), vec![op])
    };
    let on_writer = |sql: &'static str| {
        let done = store.writer.submit(move |w| w.connection.execute_batch(sql)).unwrap();
        block_on(done).unwrap().unwrap();
    };
    on_writer("CREATE TRIGGER stop AFTER INSERT ON ids BEGIN SELECT raise(ABORT, 'stop'); END");
    assert_eq!(block_on(store.commit(told(1))), Err(CommitError::Corrupt));
    on_writer(
        "DROP TRIGGER stop; CREATE TRIGGER stop AFTER INSERT ON chapters BEGIN SELECT raise(ABORT, 'stop'); END",
    );
    for n in 2..2 + u128::from(FEW) {
        let committed = block_on(store.commit(told(n)));
        assert_eq!(committed.is_err(), n == 1 + u128::from(FEW), "{n} {committed:?}");
    }
    on_writer("DROP TRIGGER stop");
    let last = 1 + u128::from(FEW);
    block_on(store.commit(told(9))).unwrap();
    for (n, is_there) in [(1, false), (2, true), (last, false), (9, true)] {
        let order = block_on(store.order(OrderId(Uuid::from_u128(n)))).unwrap();
        assert_eq!(order.is_some(), is_there, "{n}");
        block_on(store.commit(told(n))).unwrap();
        let order = block_on(store.order(OrderId(Uuid::from_u128(n)))).unwrap().unwrap();
        assert_eq!(order.id.0.as_u128(), n);
    }
    block_on(store.check()).unwrap();
}
