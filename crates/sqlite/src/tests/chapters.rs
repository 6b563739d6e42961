//! A row is found in whichever chapter its name lies.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::executor::block_on;
use rusqlite::Connection;
use tempfile::TempDir;
use tillway_core::Timestamp;
use tillway_core::book::{
    Change, Commit, Delta, Head, Key, Op, Order, Record, Scope, StreamId, StreamKind, Verdict,
};
use tillway_core::id::{Fingerprint, OrderId, Owner, Uuid};
use tillway_core::port::{Bindings, CommitError, Journal, Query, ReadError, Recalled, Store};

use super::faults::{as_one_batch, carry, on_writer};
use crate::chapters::{Binder, Chapters};
use crate::error::{CheckError, Fail, OpenError};
use crate::filter::Filter;
use crate::{Mode, SqliteConfig, SqliteStore, load, names, open, read, save};

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
    book_of(MANY)
}

fn book_of(keys: u128) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    (0..keys).for_each(|n| assert!(!is_replayed(&store, n), "{n}"));
    folder
}

/// Whether the store knew the key.
fn is_replayed(store: &SqliteStore, n: u128) -> bool {
    let committed = block_on(store.commit(carry(n))).unwrap();
    assert!(matches!(committed.verdict, Verdict::Done(_)), "{committed:?}");
    committed.replayed
}

/// The key of [`carry`].
fn custom(n: u128) -> Key {
    Key { scope: Scope::Custom, id: Uuid::from_u128(n), attempt: 1, body: Fingerprint([1; 16]) }
}

fn recalled(store: &SqliteStore, n: u128) -> Option<Recalled> {
    block_on(store.recall(&custom(n))).unwrap()
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

#[test]
fn chapters_are_opened_however_often_the_store_is() {
    let folder = tempfile::tempdir().unwrap();
    (0..10).for_each(|n| assert!(!is_replayed(&reopened(&folder), n), "{n}"));
    assert_eq!(on_file::<i64>(&folder, "SELECT count(*) FROM chapters"), 4);
    (0..10).for_each(|n| assert!(is_replayed(&reopened(&folder), n), "{n}"));
}

#[test]
fn a_backup_has_every_chapter() {
    let folder = book();
    let copy = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    block_on(store.backup(&copy.path().join("book.db"), |_| {})).unwrap();
    let copied = reopened(&copy);
    (0..MANY).for_each(|n| assert!(is_replayed(&copied, n), "{n}"));
    (MANY..2 * MANY).for_each(|n| assert!(!is_replayed(&copied, n), "{n}"));
    block_on(copied.check()).unwrap();
}

/// A filter is made in many steps. What an id names besides does not matter to it.
#[test]
fn the_filter_of_a_long_chapter_has_all_its_ids_and_little_else() {
    const IDS: u128 = 7_000;
    let folder = tempfile::tempdir().unwrap();
    let id = |n: u128| Uuid::from_u128(n);
    let db = open::writer(&config(&folder)).unwrap();
    db.execute_batch("BEGIN").unwrap();
    for n in 0..IDS {
        for what in 0..=n % 3 {
            let (what, no) = (i64::try_from(what).unwrap(), i64::try_from(n).unwrap());
            let sql = "INSERT INTO ids (chapter, id, what, no) VALUES (0, ?1, ?2, ?3)";
            db.prepare_cached(sql).unwrap().execute((id(n).as_bytes(), what, no)).unwrap();
        }
    }
    let sql = "INSERT INTO chapters (no, since) VALUES (1, ?1)";
    db.execute(sql, [i64::try_from(2 * IDS).unwrap()]).unwrap();
    db.execute_batch("COMMIT").unwrap();
    drop(db);
    let db = open::writer(&config(&folder)).unwrap();
    let mut binder = Binder::new(u32::MAX);
    let is_filtered = || db.chapters.list().get(1).unwrap().is_filtered();
    for _ in 0..20 {
        assert!(!is_filtered());
        binder.read_on(&db);
        let written = binder.write(&db).unwrap();
        binder.committed(&db, written);
        if is_filtered() {
            break;
        }
    }
    for chapters in [&*db.chapters, &Chapters::load(&db).unwrap()] {
        let list = chapters.list();
        let chapter = list.get(1).unwrap();
        (0..IDS).for_each(|n| assert!(chapter.may_have(id(n)), "{n}"));
        let wrong = (IDS..11 * IDS).filter(|n| chapter.may_have(id(*n))).count();
        assert!(wrong < 300, "{wrong} of 70 000");
        assert!(list.first().unwrap().may_have(id(0)), "the newest has no filter");
    }
}

/// What a filter says no to is not looked for: here it is seen to be asked.
#[test]
fn a_closed_chapter_is_read_only_for_what_its_filter_lets_through() {
    let folder = book();
    let empty = Filter::sized(1).to_bytes(0);
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
        let store = reopened(&folder);
        spoil(&folder, sql);
        let found = block_on(store.check()).unwrap_err();
        assert!(matches!(&found, CheckError::Damaged { .. }), "{sql}: {found:?}");
        assert!(found.to_string().contains("chapters"), "{found}");
        drop(store);
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

/// Neither of them is without its row.
#[test]
fn check_finds_a_key_that_is_there_twice() {
    let folder = book();
    spoil(
        &folder,
        "INSERT INTO keys SELECT 99, scope, id, body, refusal, at_ms, at_off FROM keys WHERE no = 1",
    );
    spoil(&folder, "INSERT INTO ids SELECT 13, id, what, 99 FROM ids WHERE no = 1");
    let found = block_on(reopened(&folder).check()).unwrap_err();
    assert!(
        matches!(&found, CheckError::Damaged { finding, .. } if finding.contains("keys")),
        "{found:?}"
    );
}

#[test]
fn what_is_deleted_leaves_no_name_in_a_closed_chapter() {
    let folder = tempfile::tempdir().unwrap();
    let db = open::writer(&config(&folder)).unwrap();
    let id = OrderId(Uuid::from_u128(1));
    let saved = |row: Option<Order>, existed| {
        let orders = vec![Change { key: id, row, existed }];
        save::delta(&db, &Delta { orders, ..Delta::default() }).unwrap();
    };
    let row = Order::new(id, Timestamp::utc(1));
    saved(Some(row.clone()), false);
    let mut binder = Binder::new(1);
    let written = binder.write(&db).unwrap();
    binder.committed(&db, written);
    assert_eq!(db.chapters.list().len(), 2);
    saved(None, true);
    assert_eq!(load::order(&db, id).unwrap(), None);
    saved(Some(row.clone()), false);
    assert_eq!(load::order(&db, id).unwrap(), Some(row));
    assert!(names::check(&db, || ()).is_ok());
}

/// Names in a chapter that nobody knows would be lost at the next start.
#[test]
fn a_chapter_that_was_not_committed_stays_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    // What is wrong is seen at the commit alone.
    on_writer(
        &store,
        "PRAGMA foreign_keys = on;
         CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER stop AFTER INSERT ON chapters BEGIN INSERT INTO child VALUES (1); END",
    );
    (1..FEW).for_each(|n| assert!(!is_replayed(&store, n.into()), "{n}"));
    for _ in 0..2 {
        assert_eq!(block_on(store.commit(carry(0))), Err(CommitError::Corrupt));
    }
    on_writer(&store, "DROP TRIGGER stop");
    (0..MANY).for_each(|n| assert_eq!(is_replayed(&store, n), (1..FEW.into()).contains(&n), "{n}"));
    drop(store);
    let store = reopened(&folder);
    (0..MANY).for_each(|n| assert!(is_replayed(&store, n), "{n}"));
    block_on(store.check()).unwrap();
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
    on_writer(
        &store,
        "CREATE TRIGGER stop AFTER INSERT ON ids BEGIN SELECT raise(ABORT, 'stop'); END",
    );
    assert_eq!(block_on(store.commit(told(1))), Err(CommitError::Corrupt));
    on_writer(
        &store,
        "DROP TRIGGER stop; CREATE TRIGGER stop AFTER INSERT ON chapters BEGIN SELECT raise(ABORT, 'stop'); END",
    );
    for n in 2..2 + u128::from(FEW) {
        let committed = block_on(store.commit(told(n)));
        assert_eq!(committed.is_err(), n == 1 + u128::from(FEW), "{n} {committed:?}");
    }
    on_writer(&store, "DROP TRIGGER stop");
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

/// A key that is taken for new happens twice.
#[test]
fn a_name_without_its_row_is_damage() {
    let folder = book();
    spoil(&folder, "DELETE FROM keys WHERE no = 1");
    let store = reopened(&folder);
    assert_eq!(block_on(store.commit(carry(0))), Err(CommitError::Corrupt));
    assert_eq!(block_on(store.recall(&custom(0))), Err(ReadError::Corrupt));
    assert!(is_replayed(&store, 1));
}

/// What is not found under its number any more cannot be changed, and nobody is told that it was.
#[test]
fn a_row_that_does_not_change_ends_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let db = open::writer(&config(&folder)).unwrap();
    let id = OrderId(Uuid::from_u128(1));
    let saved = |existed| {
        let row = Order::new(id, Timestamp::utc(1));
        let orders = vec![Change { key: id, row: Some(row), existed }];
        save::delta(&db, &Delta { orders, ..Delta::default() })
    };
    saved(false).unwrap();
    saved(true).unwrap();
    db.execute_batch("UPDATE orders SET no = 7").unwrap();
    assert!(matches!(saved(true), Err(Fail::BadRow(_))));
}

/// Names go into it that no filter has.
#[test]
fn a_newest_chapter_with_a_filter_does_not_open() {
    let whole = u128::from(FEW) * 13;
    let folder = book_of(whole);
    let store = reopened(&folder);
    (0..4).for_each(|n| assert!(is_replayed(&store, n), "{n}"));
    drop(store);
    assert_eq!(on_file::<i64>(&folder, "SELECT count(*) FROM ids WHERE chapter = 13"), 0);
    // The chapter before it has its filter, and would be the newest.
    spoil(&folder, "DELETE FROM chapters WHERE no = 13");
    let error = SqliteStore::open(config(&folder)).unwrap_err();
    assert!(matches!(&error, OpenError::Damaged { .. }), "{error:?}");
}

/// The disk may have room for a payment, and none for a filter.
#[test]
fn a_filter_that_cannot_be_written_stops_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = reopened(&folder);
    on_writer(
        &store,
        "CREATE TRIGGER stop BEFORE UPDATE ON chapters BEGIN SELECT raise(ABORT, 'stop'); END",
    );
    (0..MANY).for_each(|n| assert!(!is_replayed(&store, n), "{n}"));
    on_writer(&store, "DROP TRIGGER stop");
    (0..MANY).for_each(|n| assert!(is_replayed(&store, n), "{n}"));
    block_on(store.check()).unwrap();
    assert_eq!(on_file::<i64>(&folder, "SELECT count(filter) FROM chapters"), 13);
}

/// The engine asks for the stream of digests at each start: it is the first of its chapter, and the
/// others have none, so one look at each has to do.
#[test]
fn a_short_list_does_not_walk_every_chapter() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    config.chapter_names = 30;
    let store = SqliteStore::open(config.clone()).unwrap();
    let claim = |kind, n| {
        let (id, owner) = (Uuid::from_u128(n), Owner(Uuid::from_u128(1)));
        let (ttl, at) = (core::time::Duration::from_secs(1), Timestamp::utc(1));
        block_on(store.claim(StreamId { kind, id }, owner, ttl, at)).unwrap();
    };
    let append = |kind, n| {
        let stream = StreamId { kind, id: Uuid::from_u128(n) };
        let records = vec![Record { kind: 1, version: 1, body: Box::default() }];
        let op = Op::Append { stream, expect: None, fence: None, records, head: Head::default() };
        block_on(store.commit(Commit::of(Timestamp::utc(5), vec![op]))).unwrap();
    };
    append(StreamKind::Digest, 0);
    (1..500).for_each(|n| claim(StreamKind::Binding, n));
    // In several chapters, and not in the order of their ids.
    for n in 1..=20 {
        append(StreamKind::Payment, n * 13 % 21 * 50);
        (0..10).for_each(|m| claim(StreamKind::Binding, n * 1_000 + m));
    }
    drop(store);
    let mut db = open::writer(&config).unwrap();
    let steps = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&steps);
    let count = move || counted.fetch_add(1, Ordering::Relaxed) == u64::MAX;
    db.progress_handler(1, Some(count)).unwrap();
    let asked = |kind, after: Option<u128>, limit| {
        let query = Query { kind: Some(kind), ..Query::default() };
        let after = after.map(|n| StreamId { kind, id: Uuid::from_u128(n) });
        let heads = read::heads(&db, &query, after, limit).unwrap();
        let ids = heads.iter().map(|head| head.stream.id.as_u128()).collect::<Vec<_>>();
        (ids, steps.swap(0, Ordering::Relaxed))
    };
    let (digests, steps) = asked(StreamKind::Digest, None, 1);
    assert_eq!(digests, [0]);
    assert!(steps < 1_500, "{steps}");
    let all: Vec<u128> = (1..=20).map(|n| n * 50).collect();
    for limit in [20, 21, 1_000] {
        assert_eq!(asked(StreamKind::Payment, None, limit).0, all);
    }
    assert_eq!(asked(StreamKind::Payment, None, 3).0, [50, 100, 150]);
    assert_eq!(asked(StreamKind::Payment, Some(150), 2).0, [200, 250]);
    assert_eq!(asked(StreamKind::Payment, Some(900), 9).0, [950, 1_000]);
}

/// What ends a batch: a name, a chapter, a filter, or the commit of a chapter.
const STOPS: [&str; 4] = [
    "CREATE TRIGGER stop AFTER INSERT ON ids WHEN substr(NEW.id, 16) > x'C0'
     BEGIN SELECT raise(ABORT, 'stop'); END",
    "CREATE TRIGGER stop AFTER INSERT ON chapters BEGIN SELECT raise(ABORT, 'stop'); END",
    "CREATE TRIGGER stop AFTER UPDATE ON chapters BEGIN SELECT raise(ABORT, 'stop'); END",
    "CREATE TRIGGER stop AFTER INSERT ON chapters BEGIN INSERT INTO child VALUES (1); END",
];

/// Batches of keys, new ones and old ones, while something stops some of them, and starts between
/// them: what was answered is there, once, and nothing else is.
#[test]
fn whatever_fails_each_key_is_there_once_or_not_at_all() {
    const KEYS: u64 = 256;
    for seed in 1..=4_u64 {
        println!("seed {seed}");
        let mut state = seed;
        // Numbers without a pattern, from 0 on.
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let folder = tempfile::tempdir().unwrap();
        let mut known = HashSet::new();
        for _ in 0..4 {
            let config = SqliteConfig { mode: Mode::Thread, ..config(&folder) };
            let store = Arc::new(SqliteStore::open(config).unwrap());
            on_writer(
                &store,
                "PRAGMA foreign_keys = on;
                 CREATE TABLE IF NOT EXISTS parent (id INTEGER PRIMARY KEY);
                 CREATE TABLE IF NOT EXISTS child
                     (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
            );
            for _ in 0..20 {
                let stop = STOPS.get(usize::try_from(next(8)).unwrap());
                stop.iter().for_each(|stop| on_writer(&store, stop));
                let batch: Vec<u64> = (0..=next(6)).map(|_| next(KEYS)).collect();
                let commits = batch.iter().map(|n| carry((*n).into())).collect();
                let answers = as_one_batch(&store, commits);
                for (n, answer) in batch.into_iter().zip(answers) {
                    match answer {
                        Ok(committed) => assert_eq!(committed.replayed, !known.insert(n), "{n}"),
                        Err(error) => assert!(stop.is_some(), "{n}: {error}"),
                    }
                }
                on_writer(&store, "DROP TRIGGER IF EXISTS stop");
            }
            for n in 0..KEYS {
                assert_eq!(recalled(&store, n.into()).is_some(), known.contains(&n), "{n}");
            }
            assert_eq!(block_on(store.check()).unwrap().movements, known.len() as u64);
        }
        let filters: i64 = on_file(&folder, "SELECT count(filter) FROM chapters");
        println!("{filters} filters, {} keys", known.len());
        assert!(filters > 9, "{filters}");
    }
}
