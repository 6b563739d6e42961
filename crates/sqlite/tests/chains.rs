//! A file that was changed behind the store's back: the chains and the digests of days tell.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use futures::executor::block_on;
use rusqlite::Connection;
use tillway_core::Kopecks;
use tillway_core::book::{Commit, Day, Digest, Fault, Head, Op, Record, Status, StreamId, Verdict};
use tillway_core::id::{AccountId, OrderId, PaymentId, Uuid};
use tillway_core::port::{AccountBook, Journal, Store};
use tillway_sqlite::{CheckError, SqliteStore};

use support::{NOW, account_id, capture, guest_with_deposit, open, uuid};

fn append(store: &SqliteStore, stream: StreamId, record: Record) {
    let head = Head { status: Status::Done, ..Head::default() };
    let op = Op::Append { stream, expect: None, fence: None, records: vec![record], head };
    let committed = block_on(store.commit(Commit::of(NOW, vec![op]))).unwrap();
    assert!(matches!(committed.verdict, Verdict::Done(_)));
}

fn payment_stream(n: u64) -> StreamId {
    PaymentId(uuid(5, n)).into()
}

/// Two guests, two payments, two streams, and the digest of the day.
fn book(path: &Path) -> Digest {
    let store = open(path);
    for n in 1..=2 {
        block_on(guest_with_deposit(&store, n, 5_000));
        block_on(store.commit(capture(n, account_id(n), 1_000, None))).unwrap();
        for body in [b"one", b"two"] {
            append(&store, payment_stream(n), Record { kind: 9, version: 1, body: (*body).into() });
        }
    }
    let digest = block_on(store.digest(Day::of(NOW))).unwrap().unwrap();
    assert_eq!((digest.streams, digest.accounts), (2, 2));
    block_on(store.check()).unwrap();
    digest
}

fn sealed(path: &Path) {
    let digest = book(path);
    append(&open(path), Digest::STREAM, digest.encode());
}

/// What `check` says of the book after these statements.
fn tampered(sql: &str) -> Result<(), CheckError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    sealed(&path);
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    block_on(open(&path).check())
}

#[test]
fn a_book_that_nobody_touched_holds() {
    tampered("").unwrap();
}

#[test]
fn lck_14_what_was_changed_in_a_row_is_found() {
    let changes = [
        // Sums still hold: the other side of the movement is the house's.
        "UPDATE movements SET at_ms = at_ms - 1 WHERE entry = 1",
        "UPDATE movements SET by_id = zeroblob(16) WHERE entry = 1",
        "UPDATE movements SET amount = 4000 WHERE entry = 1; \
         UPDATE accounts SET balance = balance - 1000 WHERE id = (SELECT credit_id FROM movements \
         WHERE entry = 1)",
        "DELETE FROM movements WHERE entry = 1; UPDATE accounts SET balance = balance - 5000 \
         WHERE id = (SELECT credit_id FROM movements WHERE entry = 1)",
    ];
    for sql in changes {
        let found = tampered(sql);
        let account = |a: &AccountId| *a == account_id(1);
        assert!(
            matches!(&found, Err(CheckError::Book(
                Fault::Chain { account: a } | Fault::Balance { account: a, .. }
            )) if account(a)),
            "{sql}: {found:?}"
        );
    }
    let records = [
        ("UPDATE records SET body = x'00' WHERE seq = 2", false),
        ("UPDATE records SET kind = 8 WHERE seq = 1", false),
        ("DELETE FROM records WHERE seq = 2", false),
        ("DELETE FROM records WHERE seq = 1", true),
        ("DELETE FROM streams WHERE kind = 2", false),
    ];
    for (sql, gap) in records {
        let found = tampered(sql);
        let is = match &found {
            Err(CheckError::Book(Fault::Gap { .. })) => gap,
            Err(CheckError::Book(Fault::Stream { .. })) => !gap,
            _ => false,
        };
        assert!(is, "{sql}: {found:?}");
    }
}

/// Rows and links rewritten together: only what was sealed elsewhere tells.
#[test]
fn lck_14_what_was_rewritten_whole_differs_from_its_digest() {
    let stream = "DELETE FROM records WHERE stream_kind = 2 AND stream = (SELECT min(stream) \
                  FROM records WHERE stream_kind = 2); DELETE FROM streams WHERE kind = 2 AND \
                  NOT EXISTS (SELECT 1 FROM records r WHERE r.stream = id)";
    let found = tampered(stream);
    assert!(matches!(found, Err(CheckError::Book(Fault::Digest { day })) if day == Day::of(NOW)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let digest = book(&path);
    // The forger has this very program, and gives guest 1 a larger top-up from the start.
    let other = folder.path().join("forged.db");
    let store = open(&other);
    for n in 1..=2 {
        block_on(guest_with_deposit(&store, n, 5_000 * i64::try_from(3 - n).unwrap()));
        block_on(store.commit(capture(n, account_id(n), 1_000, None))).unwrap();
        for body in [b"one", b"two"] {
            append(&store, payment_stream(n), Record { kind: 9, version: 1, body: (*body).into() });
        }
    }
    block_on(store.check()).unwrap();
    append(&store, Digest::STREAM, digest.encode());
    let found = block_on(store.check());
    assert!(matches!(found, Err(CheckError::Book(Fault::Digest { .. }))), "{found:?}");
}

/// `fixtures/v1.db` was written by the first version: one order, two payments, one of them
/// cancelled, one partly refunded, and a live hold.
#[test]
fn a_file_of_schema_1_opens_audits_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1.db");
    std::fs::copy(fixture, &path).unwrap();
    let store = open(&path);
    block_on(store.check()).unwrap();
    let id = |text| Uuid::parse_str(text).unwrap();
    let deposit = AccountId(id("c1b1f3c0-2b8a-5f0a-9a41-77d2a1f0be02"));
    let account = block_on(store.account(deposit)).unwrap().unwrap();
    assert_eq!((account.balance, account.overdraft), (Kopecks(34_100), Kopecks(10_000_000)));
    let order = OrderId(id("3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11"));
    let stream = block_on(store.load(order.into(), tillway_core::book::Seq(0), 100)).unwrap();
    assert!(!stream.is_empty());
    let until = account.chain;
    block_on(store.commit(capture(1, deposit, 100, None))).unwrap();
    assert_ne!(block_on(store.account(deposit)).unwrap().unwrap().chain, until);
    block_on(store.check()).unwrap();
    drop(store);
    block_on(open(&path).check()).unwrap();
}
