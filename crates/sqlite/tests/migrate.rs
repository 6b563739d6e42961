//! Files of every version of the schema open, hold and go on; a step that fails changes nothing.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use rusqlite::Connection;
use rusqlite::types::Value;
use tillway_core::book::{
    Commit, Day, Digest, Fence, Head, Op, Outcome, PaymentState, Record, Scope, Seq, Status,
    StreamId, Verdict,
};
use tillway_core::id::{HoldId, OrderId, Owner, PaymentId, RefundId, Uuid};
use tillway_core::port::{AccountBook, Bindings, Journal, Store};
use tillway_core::{Kopecks, Timestamp};
use tillway_faultfs::{Cut, Disk, FaultFs, Plan};
use tillway_sqlite::{Mode, OpenError, SqliteConfig, SqliteStore};

use support::{
    NOW, account_id, capture, guest_with_deposit, hold, key, new_guest, open, open_in_chapters,
    uuid,
};

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/v{version}.db"))
}

/// A copy of a fixture, which stays as it is.
fn copied(version: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    fs::copy(fixture(version), &path).unwrap();
    (folder, path)
}

/// The version that this program writes.
fn current() -> u32 {
    let folder = tempfile::tempdir().unwrap();
    block_on(open(&folder.path().join("book.db")).check()).unwrap().schema
}

/// One guest and four payments: one captured, one cancelled, one partly given back, one refused;
/// a live hold; a stream; the digest of the day.
fn story(store: &SqliteStore) {
    block_on(guest_with_deposit(store, 1, 50_000));
    let done = |commit: Commit| {
        let committed = block_on(store.commit(commit)).unwrap();
        assert!(matches!(committed.verdict, Verdict::Done(_)), "{committed:?}");
    };
    let wallet = account_id(1);
    (1..=3).for_each(|n| done(capture(n, wallet, 1_000, None)));
    let cancel = Op::Cancel { id: PaymentId(uuid(5, 2)), order: OrderId(uuid(3, 2)), till: None };
    done(Commit::of(NOW, vec![cancel]));
    let (id, of) = (RefundId(uuid(6, 3)), PaymentId(uuid(5, 3)));
    let refund = Op::Refund { id, of, amount: Kopecks(400), before: None };
    let refund = Commit::of(NOW, vec![refund]);
    done(Commit { key: Some(key(Scope::Refund, id.0, "refund")), ..refund });
    let refused = block_on(store.commit(capture(4, wallet, 1_000_000, None))).unwrap();
    assert!(matches!(refused.verdict, Verdict::Refused(_)));
    done(hold(5, wallet, 700));
    for body in [b"one", b"two"] {
        let record = Record { kind: 9, version: 1, body: (*body).into() };
        done(appended(NOW, PaymentId(uuid(5, 1)).into(), record));
    }
    let day = Day::of(NOW);
    let digest = block_on(store.digest(day)).unwrap().unwrap();
    done(appended(day.next().start(), Digest::STREAM, digest.encode()));
}

fn appended(at: Timestamp, stream: StreamId, record: Record) -> Commit {
    let head = Head { status: Status::Done, ..Head::default() };
    Commit::of(
        at,
        vec![Op::Append { stream, expect: None, fence: None, records: vec![record], head }],
    )
}

/// A step that comes to the schema brings its fixture; one that is there never changes.
#[test]
fn every_version_has_its_file() {
    let current = current();
    if std::env::var_os("UPDATE").is_some() && !fixture(current).exists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.db");
        // Closed chapters with filters and without, and the newest.
        story(&open_in_chapters(&path, 5));
        fs::copy(&path, fixture(current)).unwrap();
    }
    for version in 1..=current {
        let made = "run this test with UPDATE=1 to make the file of the newest version";
        assert!(fixture(version).exists(), "fixtures/v{version}.db is missing: {made}");
        let (_folder, path) = copied(version);
        let db = Connection::open(path).unwrap();
        let sql = "SELECT max(version) FROM schema_version";
        let found: u32 = db.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, version);
    }
}

#[test]
fn every_version_opens_holds_and_goes_on() {
    for version in 1..=current() {
        let (_folder, path) = copied(version);
        let store = open(&path);
        let before = block_on(store.check()).unwrap();
        assert_eq!(before.schema, current());
        assert!(before.movements > 3 && before.records > 1, "{before:?}");
        // After the days that were sealed.
        for commit in [new_guest(7, 5_000), capture(7, account_id(7), 1_000, None)] {
            let later = NOW.after(core::time::Duration::from_secs(2 * 86_400));
            let done = block_on(store.commit(Commit { at: later, ..commit })).unwrap();
            assert!(matches!(done.verdict, Verdict::Done(_)), "{done:?}");
        }
        drop(store);
        let after = block_on(open(&path).check()).unwrap();
        assert_eq!(after.movements, before.movements + 2, "{version}");
    }
}

/// What the story wrote, word by word, by every version since the second.
#[test]
fn a_file_of_every_version_has_what_was_written() {
    for version in 2..=current() {
        let (_folder, path) = copied(version);
        has_the_story(&open(&path), version);
    }
}

fn has_the_story(store: &SqliteStore, version: u32) {
    let account = block_on(store.account(account_id(1))).unwrap().unwrap();
    assert_eq!((account.balance, account.held), (Kopecks(48_400), Kopecks(700)));
    let state = |n| block_on(store.payment(PaymentId(uuid(5, n)))).unwrap().unwrap().state;
    assert!(matches!(state(1), PaymentState::Captured(_)));
    assert!(matches!(state(2), PaymentState::Cancelled(_)));
    let PaymentState::Captured(partly) = state(3) else { panic!("{:?}", state(3)) };
    assert_eq!(partly.refunded, Kopecks(400));
    assert!(matches!(state(4), PaymentState::Refused(_)));
    assert!(block_on(store.hold(HoldId(uuid(4, 5)))).unwrap().unwrap().is_live());
    let paid = |n| block_on(store.sheet(OrderId(uuid(3, n)))).unwrap().unwrap().payments.len();
    assert_eq!([1, 2, 3, 5].map(paid), [1, 1, 1, 0]);
    let records = block_on(store.load(PaymentId(uuid(5, 1)).into(), Seq(0), 10)).unwrap();
    assert_eq!(records.iter().map(|r| &*r.record.body).collect::<Vec<_>>(), [b"one", b"two"]);
    let checked = block_on(store.check()).unwrap();
    assert_eq!((checked.payments, checked.digests), (4, 1));
    let (then, now) = (checked.last.unwrap(), block_on(store.digest(Day::of(NOW))).unwrap());
    let now = now.unwrap();
    if version == 2 {
        // Sealed when a digest had only streams and accounts.
        assert_eq!((then.streams, then.accounts), (now.streams, now.accounts));
        assert_eq!((then.house, then.keys, now.house, now.keys), (None, None, Some(0), Some(2)));
        assert_ne!(then.root, now.root);
    } else {
        assert_eq!(then, now);
    }
    let again = block_on(store.commit(capture(1, account_id(1), 1_000, None))).unwrap();
    assert!(again.replayed && matches!(again.verdict, Verdict::Done(_)), "{again:?}");
}

/// `fixtures/v1.db` was written by the first version: one order, two payments, one of them
/// cancelled, one partly given back, and a live hold.
#[test]
fn a_file_of_schema_1_has_what_was_written() {
    let (_folder, path) = copied(1);
    let store = open(&path);
    let id = |text| Uuid::parse_str(text).unwrap();
    let deposit = tillway_core::id::AccountId(id("c1b1f3c0-2b8a-5f0a-9a41-77d2a1f0be02"));
    let account = block_on(store.account(deposit)).unwrap().unwrap();
    assert_eq!((account.balance, account.overdraft), (Kopecks(34_100), Kopecks(10_000_000)));
    let order = OrderId(id("3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11"));
    assert!(!block_on(store.load(order.into(), Seq(0), 100)).unwrap().is_empty());
    let paid = block_on(store.commit(capture(1, deposit, 100, None))).unwrap();
    let Verdict::Done(outcomes) = paid.verdict else { panic!("{paid:?}") };
    assert!(matches!(outcomes[0], Outcome::Payment(..)));
    assert_ne!(block_on(store.account(deposit)).unwrap().unwrap().chain, account.chain);
    block_on(store.check()).unwrap();
}

#[test]
fn a_step_that_fails_leaves_the_file_as_it_was_and_says_so() {
    let bad = [
        // A kind that no record has.
        (
            "UPDATE records SET kind = 70000 WHERE seq = 2",
            "UPDATE records SET kind = 1 WHERE kind = 70000",
        ),
        ("ALTER TABLE accounts ADD COLUMN chain BLOB", "ALTER TABLE accounts DROP COLUMN chain"),
    ];
    for (spoil, mend) in bad {
        for mode in ["wal", "delete"] {
            let (_folder, path) = copied(1);
            let run = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
            run(&format!("PRAGMA journal_mode = {mode}; {spoil}"));
            let before = fs::read(&path).unwrap();
            let error = SqliteStore::open(SqliteConfig::new(&path)).unwrap_err();
            assert!(matches!(error, OpenError::Migration { version: 2, .. }), "{error:?}");
            let said = error.to_string();
            assert!(said.contains("cannot be brought to schema version 2"), "{said}");
            assert!(said.contains(path.to_str().unwrap()), "{said}");
            assert!(fs::read(&path).unwrap() == before, "{spoil}: the file was changed");
            run(mend);
            block_on(open(&path).check()).unwrap();
        }
    }
}

/// What the story has not: told orders, tombstones of an order that nobody knows and of one that has
/// a payment, a stream that was claimed and never written.
#[test]
fn rare_rows_of_the_third_version_come_along() {
    let (_folder, path) = copied(3);
    let rare = "INSERT INTO order_lines SELECT id, id FROM orders ORDER BY id DESC;
        INSERT INTO payments (id, order_id, attempt, body, at_ms, at_off, state, since_ms)
        VALUES (x'00112233445566778899AABBCCDDEEFF', zeroblob(16), 0, zeroblob(16), 1, 0, 3, 1),
        (x'10112233445566778899AABBCCDDEEFF', (SELECT min(id) FROM orders), 0, zeroblob(16), 1, 0, 3, 1);
        INSERT INTO streams (kind, id, seq, status, total, at_ms, at_off, fence)
        VALUES (2, zeroblob(16), 0, 0, 0, -9223372036854775808, 0, 6)";
    Connection::open(&path).unwrap().execute_batch(rare).unwrap();
    let store = open(&path);
    block_on(store.check()).unwrap();
    for n in [1, 2, 3, 5] {
        let order = block_on(store.order(OrderId(uuid(3, n)))).unwrap().unwrap();
        assert_eq!(order.lines.as_deref(), Some(&order.id.0.as_bytes()[..]));
    }
    let listed = block_on(store.sheet(OrderId(uuid(3, 1)))).unwrap().unwrap().payments;
    assert_eq!(listed.iter().map(|payment| payment.id.0).collect::<Vec<_>>(), [uuid(5, 1)]);
    let tombstone = PaymentId(Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF));
    let payment = block_on(store.payment(tombstone)).unwrap().unwrap();
    assert_eq!((payment.state, payment.order.0), (PaymentState::Tombstoned, Uuid::nil()));
    let (stream, owner) = (PaymentId(Uuid::nil()).into(), Owner(Uuid::nil()));
    let ttl = core::time::Duration::from_secs(1);
    assert_eq!(block_on(store.claim(stream, owner, ttl, NOW)).unwrap(), Fence(7));
}

/// Every column of a table with its name, row by row; `of` orders the rows.
fn columns_of(db: &Connection, table: &str, of: &str) -> Vec<BTreeMap<String, Value>> {
    let sql = format!("SELECT * FROM {table} ORDER BY {of}");
    let mut statement = db.prepare(&sql).unwrap();
    let names: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let row = |row: &rusqlite::Row<'_>| {
        names.iter().enumerate().map(|(at, name)| Ok((name.clone(), row.get(at)?))).collect()
    };
    statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Each value of the third version differs from every other of its table, and stays in its column.
#[test]
fn the_fourth_step_moves_no_column() {
    // By what a row is found, and what numbers come from: these stay as they are.
    let tables = [
        ("orders", "id", ["id", "", ""]),
        ("payments", "id", ["id", "order_id", "entry"]),
        ("holds", "id", ["id", "", ""]),
        ("keys", "scope, id", ["id", "scope", ""]),
        ("streams", "kind, id", ["id", "kind", ""]),
    ];
    let (_folder, path) = copied(3);
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "INSERT INTO holds SELECT zeroblob(16), order_id, account, kind, own, overdraft, state, \
         payment, expires_ms, expires_off, at_ms, at_off FROM holds LIMIT 1",
    )
    .unwrap();
    for (table, _, fixed) in tables {
        let sql = format!("SELECT name, type FROM pragma_table_info('{table}')");
        let mut statement = db.prepare(&sql).unwrap();
        let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let columns: Vec<(String, String)> = columns.map(Result::unwrap).collect();
        for (nth, (column, kind)) in columns.iter().enumerate() {
            if !fixed.contains(&&**column) {
                let own = format!("(SELECT count(*) FROM {table} AS o WHERE o.id < {table}.id)");
                let value = format!("CAST({nth} * 1000 + {own} AS {kind})");
                db.execute(&format!("UPDATE {table} SET {column} = {value}"), []).unwrap();
            }
        }
    }
    let before = tables.map(|(table, of, _)| columns_of(&db, table, of));
    let records = columns_of(&db, "records", "stream_kind, stream, seq");
    drop(db);
    drop(open(&path));
    let db = Connection::open(&path).unwrap();
    for ((table, of, _), before) in tables.into_iter().zip(before) {
        let after = columns_of(&db, table, of);
        assert!(before.len() > 1 && before.len() == after.len(), "{table}");
        for (before, after) in before.iter().zip(after) {
            for (column, value) in before {
                assert_eq!(after.get(column), Some(value), "{table}.{column}");
            }
        }
    }
    let now = "(SELECT streams.kind AS stream_kind, streams.id AS stream, records.* \
               FROM records JOIN streams ON no = stream_no)";
    let now = columns_of(&db, now, "stream_kind, stream, seq");
    assert!(now.len() == records.len() && now.len() > 1);
    for (before, after) in records.iter().zip(now) {
        for (column, value) in before {
            assert_eq!(after.get(column), Some(value), "records.{column}");
        }
    }
}

/// A step copies whole tables: its log would be longer than the file until the next stop.
#[test]
fn a_step_leaves_no_log() {
    for version in 1..=current() {
        let (folder, path) = copied(version);
        Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
        let store = open(&path);
        let log = fs::metadata(folder.path().join("book.db-wal")).unwrap().len();
        assert_eq!(log, 0, "{version}");
        block_on(store.check()).unwrap();
    }
}

/// A row of the third version that belongs to nothing is not given to another one.
#[test]
fn a_row_without_its_owner_stops_the_fourth_step() {
    let strays = [
        ("order_lines", "INSERT INTO order_lines VALUES (zeroblob(16), x'00')"),
        ("records", "INSERT INTO records VALUES (1, zeroblob(16), 1, 1, 1, 0, 0, x'00')"),
        ("payments", "DELETE FROM orders"),
    ];
    for (table, spoil) in strays {
        let (_folder, path) = copied(3);
        Connection::open(&path).unwrap().execute_batch(spoil).unwrap();
        let error = SqliteStore::open(SqliteConfig::new(&path)).unwrap_err();
        assert!(matches!(error, OpenError::Migration { version: 4, .. }), "{table}: {error:?}");
    }
}

#[test]
fn power_cut_at_every_call_of_a_step_leaves_the_old_file_or_the_new() {
    let newest = current();
    for mode in ["wal", "delete"] {
        let (_folder, path) = copied(1);
        let set = format!("PRAGMA journal_mode = {mode}");
        Connection::open(&path).unwrap().execute_batch(&set).unwrap();
        let mut disk = Disk::new();
        disk.load(&path).unwrap();
        let (mut old, mut new) = (0, 0);
        for call in 1.. {
            let fs = FaultFs::new(disk.clone());
            fs.plan(Plan::new().cut_before(call));
            let opened = on(&fs, &path);
            if opened.is_ok() && !fs.is_off() {
                // All of opening is done before this call.
                break;
            }
            drop(opened);
            for cut in Cut::all(call) {
                let again = FaultFs::new(fs.disk().after(cut));
                match version(&again, &path) {
                    1 => old += 1,
                    version if version == newest => new += 1,
                    other => panic!("{mode} {call} {cut:?}: version {other}"),
                }
                let store = on(&again, &path);
                let store =
                    store.unwrap_or_else(|error| panic!("{mode} {call} {cut:?}: {error:?}"));
                assert_eq!(
                    block_on(store.check()).unwrap().schema,
                    newest,
                    "{mode} {call} {cut:?}"
                );
            }
        }
        println!("{mode}: {old} times the old file, {new} times the new");
        assert!(old > 10 && new > 0);
    }
}

fn on(fs: &FaultFs, path: &Path) -> Result<SqliteStore, OpenError> {
    let mut config = SqliteConfig::new(path);
    (config.vfs, config.mode) = (Some(fs.name().to_owned()), Mode::Inline);
    SqliteStore::open(config)
}

fn version(fs: &FaultFs, path: &Path) -> u32 {
    let flags = rusqlite::OpenFlags::default();
    let db = Connection::open_with_flags_and_vfs(path, flags, fs.name()).unwrap();
    db.query_row("SELECT max(version) FROM schema_version", [], |row| row.get(0)).unwrap()
}
