//! A file that was changed behind the store's back: the chains and the digests of days tell.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use futures::executor::block_on;
use rusqlite::Connection;
use tillway_core::book::{
    Commit, Day, Digest, Fault, Head, House, Op, Party, Record, Scope, Status, StreamId,
    StreamKind, Verdict, Why,
};
use tillway_core::id::{AccountId, OrderId, PaymentId, RefundId};
use tillway_core::port::{Journal, Store};
use tillway_core::{Kopecks, Timestamp};
use tillway_sqlite::{CheckError, Checked, SqliteStore};

use support::{NOW, account_id, capture, guest_with_deposit, key, open, uuid};

fn append(store: &SqliteStore, at: Timestamp, stream: StreamId, record: Record) {
    let head = Head { status: Status::Done, ..Head::default() };
    let op = Op::Append { stream, expect: None, fence: None, records: vec![record], head };
    let committed = block_on(store.commit(Commit::of(at, vec![op]))).unwrap();
    assert!(matches!(committed.verdict, Verdict::Done(_)));
}

/// Keeps the digest of a day, on the day after: on its own day it would be a part of it.
fn seal(store: &SqliteStore, digest: &Digest) {
    append(store, digest.day.next().start(), Digest::STREAM, digest.encode());
}

fn payment_stream(n: u64) -> StreamId {
    PaymentId(uuid(5, n)).into()
}

/// Two guests with these deposits, two payments, two streams, and the digest of the day.
fn book(path: &Path, deposits: [i64; 2]) -> Digest {
    let store = open(path);
    for (n, deposit) in (1..).zip(deposits) {
        block_on(guest_with_deposit(&store, n, deposit));
        block_on(store.commit(capture(n, account_id(n), 1_000, None))).unwrap();
        for body in [b"one", b"two"] {
            let record = Record { kind: 9, version: 1, body: (*body).into() };
            append(&store, NOW, payment_stream(n), record);
        }
    }
    let digest = block_on(store.digest(Day::of(NOW))).unwrap().unwrap();
    assert_eq!((digest.streams, digest.accounts), (2, 2));
    block_on(store.check()).unwrap();
    digest
}

fn sealed(path: &Path) -> Digest {
    let digest = book(path, [5_000, 5_000]);
    seal(&open(path), &digest);
    digest
}

/// The file of a sealed book.
fn sound() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    sealed(&path);
    std::fs::read(path).unwrap()
}

/// All names anew: who forges a row takes care that it is found.
const NAMED: &str = "DELETE FROM ids;
    INSERT INTO ids SELECT 0, id, 1, no FROM orders;
    INSERT INTO ids SELECT 0, id, 2, no FROM payments;
    INSERT INTO ids SELECT 0, id, 3, no FROM holds;
    INSERT INTO ids SELECT 0, id, 16 + scope, no FROM keys;
    INSERT INTO ids SELECT 0, id, 32 + kind, no FROM streams";

/// What `check` says of the book after these statements of a careful forger.
fn tampered(sound: &[u8], sql: &str) -> Result<Checked, CheckError> {
    mangled(sound, &format!("{sql}; {NAMED}"))
}

/// What `check` says of the book after these statements.
fn mangled(sound: &[u8], sql: &str) -> Result<Checked, CheckError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    std::fs::write(&path, sound).unwrap();
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    block_on(open(&path).check())
}

fn fault(found: &Result<Checked, CheckError>) -> Option<&Fault> {
    match found {
        Err(CheckError::Book { fault, .. }) => Some(fault),
        _ => None,
    }
}

#[test]
fn a_book_that_nobody_touched_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let digest = sealed(&path);
    let store = open(&path);
    // Its records come after those that keep the digests of days.
    let attempt = StreamId { kind: StreamKind::Attempt, id: uuid(7, 1) };
    let record = Record { kind: 9, version: 1, body: (*b"one").into() };
    append(&store, digest.day.next().start(), attempt, record);
    let checked = block_on(store.check()).unwrap();
    assert_eq!((checked.schema, checked.guests, checked.accounts), (5, 2, 2));
    assert_eq!((checked.movements, checked.payments, checked.orders), (4, 2, 2));
    assert_eq!((checked.streams, checked.records), (4, 6));
    assert_eq!((checked.digests, checked.last), (1, Some(digest)));
    tampered(&sound(), "").unwrap();
}

/// A digest is made in the order of ids; rows lie in the order in which they came.
#[test]
fn a_digest_does_not_depend_on_what_came_first() {
    let digests = [[1, 2, 3], [3, 1, 2]].map(|order| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.db");
        let store = open(&path);
        block_on(guest_with_deposit(&store, 1, 5_000));
        for n in order {
            let record = Record { kind: 9, version: 1, body: (*b"one").into() };
            append(&store, NOW, payment_stream(n), record);
            let op = Op::Tell {
                order: OrderId(uuid(3, n)),
                till: None,
                total: None,
                lines: None,
                money: None,
            };
            let key = Some(key(Scope::Custom, uuid(8, n), "told"));
            let told = block_on(store.commit(Commit { key, ..Commit::of(NOW, vec![op]) })).unwrap();
            assert!(matches!(told.verdict, Verdict::Done(_)), "{told:?}");
        }
        let digest = block_on(store.digest(Day::of(NOW))).unwrap().unwrap();
        assert_eq!((digest.streams, digest.keys), (3, Some(3)));
        seal(&store, &digest);
        assert_eq!(block_on(store.check()).unwrap().digests, 1);
        digest
    });
    assert_eq!(digests[0], digests[1]);
}

/// What goes on after a day was sealed leaves its digest alone.
#[test]
fn a_sealed_day_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let digest = sealed(&path);
    let store = open(&path);
    let next = digest.day.next();
    let mut later = capture(3, account_id(1), 500, None);
    later.at = next.start();
    block_on(store.commit(later)).unwrap();
    let record = Record { kind: 9, version: 1, body: (*b"three").into() };
    append(&store, next.start(), payment_stream(1), record);
    assert_eq!(block_on(store.digest(digest.day)).unwrap(), Some(digest));
    let second = block_on(store.digest(next)).unwrap().unwrap();
    assert_eq!((second.streams, second.accounts), (2, 1));
    seal(&store, &second);
    assert_eq!(block_on(store.check()).unwrap().digests, 2);
}

#[test]
fn a_row_that_does_not_read_is_named() {
    let sound = sound();
    let rows = [
        ("UPDATE movements SET why = 99 WHERE entry = 1", "a row of movements cannot be read"),
        ("UPDATE records SET kind = 70000 WHERE seq = 1", "a row of records cannot be read"),
        ("UPDATE guests SET body = x'00'", "a row of guests cannot be read"),
        ("UPDATE accounts SET status = 77", "a row of accounts cannot be read"),
    ];
    for (sql, said) in rows {
        let found = tampered(&sound, sql).unwrap_err();
        assert!(matches!(found, CheckError::Damaged { .. }), "{sql}: {found:?}");
        assert!(found.to_string().contains(said), "{sql}: {found}");
    }
}

/// SQLite knows nothing of the numbers by which rows find each other.
#[test]
fn a_row_and_an_id_that_do_not_find_each_other_are_found() {
    let sound = sealed_house();
    let tables = [("orders", "1"), ("payments", "2"), ("keys", "16 + scope"), ("streams", "35")];
    for (table, what) in tables {
        let one = format!("no = (SELECT min(no) FROM {table})");
        let of = format!("id = (SELECT id FROM {table} WHERE {one})");
        let what = format!("what = (SELECT {what} FROM {table} WHERE {one})");
        for sql in [
            format!("DELETE FROM ids WHERE {of} AND {what}"),
            format!("UPDATE ids SET no = 99 WHERE {of} AND {what}"),
            format!("UPDATE ids SET what = what + 1 WHERE {of} AND {what}"),
            format!(
                "UPDATE ids SET id = x'00112233445566778899AABBCCDDEEFF' WHERE {of} AND {what}"
            ),
            format!(
                "INSERT INTO ids SELECT 0, x'00112233445566778899AABBCCDDEEFF', what, no FROM ids WHERE {of} AND {what}"
            ),
            format!("UPDATE {table} SET id = x'00112233445566778899AABBCCDDEEFF' WHERE {one}"),
            format!("UPDATE {table} SET no = 99 WHERE {one}"),
            format!("UPDATE ids SET no = 3 - no WHERE no < 3 AND {what}"),
            format!("DELETE FROM {table} WHERE {one}"),
        ] {
            let found = mangled(&sound, &sql).unwrap_err();
            let is = matches!(&found, CheckError::Damaged { finding, .. }
                if **finding == *format!("a row of {table} and its id do not find each other"));
            assert!(is, "{sql}: {found:?}");
        }
    }
    for (table, sql) in [
        ("records", "UPDATE records SET stream_no = 99"),
        ("order_lines", "INSERT INTO order_lines VALUES (99, x'00')"),
        ("payments", "UPDATE payments SET order_no = 2 WHERE no = 1"),
        ("payments", "UPDATE payments SET order_no = 99 WHERE no = 1"),
        // Its order does not list it any more.
        ("payments", "UPDATE payments SET entry = NULL, order_no = NULL WHERE no = 1"),
    ] {
        let found = tampered(&sound, sql).unwrap_err().to_string();
        assert!(found.contains(&format!("a row of {table} and its id")), "{sql}: {found}");
    }
}

#[test]
fn lck_14_what_was_changed_in_a_row_is_found() {
    let sound = sound();
    let changes = [
        // Sums still hold: the other side of the movement is the house's.
        "UPDATE movements SET at_ms = at_ms - 1 WHERE entry = 1",
        "UPDATE movements SET by_id = zeroblob(16) WHERE entry = 1",
        "UPDATE movements SET amount = 4000 WHERE entry = 1; \
         UPDATE accounts SET balance = balance - 1000 WHERE id = (SELECT credit_id FROM movements \
         WHERE entry = 1)",
        "DELETE FROM movements WHERE entry = 1; UPDATE accounts SET balance = balance - 5000 \
         WHERE id = (SELECT credit_id FROM movements WHERE entry = 1)",
        "UPDATE movements SET why = why + 1 WHERE entry = 1",
        // Two entries change places.
        "UPDATE movements SET entry = 99 WHERE entry = 1; UPDATE movements SET entry = 1 WHERE \
         entry = 2; UPDATE movements SET entry = 2 WHERE entry = 99",
        "INSERT INTO movements SELECT 77, credit, credit_id, credit, credit_id, unit, 1, why, by_id, \
         at_ms, at_off FROM movements WHERE entry = 1",
        "UPDATE accounts SET chain = NULL WHERE id = (SELECT credit_id FROM movements WHERE entry = 1)",
        "UPDATE accounts SET chain = zeroblob(32) WHERE id = (SELECT credit_id FROM movements \
         WHERE entry = 1)",
    ];
    for sql in changes {
        let found = tampered(&sound, sql);
        let account = |a: &AccountId| *a == account_id(1);
        assert!(
            matches!(fault(&found), Some(
                Fault::Chain { account: a } | Fault::Balance { account: a, .. }
            ) if account(a)),
            "{sql}: {found:?}"
        );
    }
    let records = [
        ("UPDATE records SET body = x'00' WHERE seq = 2", false),
        ("UPDATE records SET kind = 8 WHERE seq = 1", false),
        ("DELETE FROM records WHERE seq = 2", false),
        ("DELETE FROM records WHERE seq = 1", true),
        ("UPDATE streams SET chain = NULL WHERE kind = 2", false),
        ("UPDATE streams SET seq = 1 WHERE kind = 2", false),
        ("UPDATE records SET at_ms = at_ms - 1 WHERE seq = 2 AND stream_no = 1", true),
        ("UPDATE records SET at_off = 0 WHERE stream_no = 1", false),
        ("UPDATE records SET seq = 9 - seq WHERE stream_no = 1", true),
        ("DELETE FROM records WHERE stream_no = 3", false),
        ("UPDATE records SET body = x'00' WHERE stream_no = 3", false),
    ];
    for (sql, gap) in records {
        let found = tampered(&sound, sql);
        let is = match fault(&found) {
            Some(Fault::Gap { .. }) => gap,
            Some(Fault::Stream { .. }) => !gap,
            _ => false,
        };
        assert!(is, "{sql}: {found:?}");
    }
}

/// A day with an order that was closed, money that the house moved, a refund and a top-up that
/// had a key; sealed.
fn sealed_house() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let store = open(&path);
    let done = |commit: Commit| {
        let committed = block_on(store.commit(commit)).unwrap();
        assert!(matches!(committed.verdict, Verdict::Done(_)), "{committed:?}");
    };
    block_on(guest_with_deposit(&store, 1, 5_000));
    (1..=3).for_each(|n| done(capture(n, account_id(1), 1_000, None)));
    let cancel =
        |n| Op::Cancel { id: PaymentId(uuid(5, n)), order: OrderId(uuid(3, n)), till: None };
    done(Commit::of(NOW, vec![cancel(2), cancel(3)]));
    let (id, of) = (RefundId(uuid(6, 1)), PaymentId(uuid(5, 1)));
    let refund = Op::Refund { id, of, amount: Kopecks(400), before: None };
    let refund = Commit::of(NOW, vec![refund]);
    done(Commit { key: Some(key(Scope::Refund, id.0, "refund")), ..refund });
    done(Commit::of(NOW, vec![Op::Close { order: OrderId(uuid(3, 1)), listed: vec![of] }]));
    let (from, to) = (House::SalesReturnsUnlinked, House::Suspense);
    let (from, to, by) = (Party::House(from), Party::House(to), uuid(6, 2));
    let unlinked = Op::Move { from, to, amount: Kopecks(300), why: Why::Unlinked, by };
    let unlinked = Commit::of(NOW, vec![unlinked]);
    done(Commit { key: Some(key(Scope::Unlinked, by, "unlinked")), ..unlinked });
    let digest = block_on(store.digest(Day::of(NOW))).unwrap().unwrap();
    assert_eq!((digest.house, digest.keys), (Some(2), Some(2)));
    seal(&store, &digest);
    block_on(store.check()).unwrap();
    drop(store);
    std::fs::read(path).unwrap()
}

/// No chain has them, and the sums of the book do not need them.
#[test]
fn lck_14_what_the_house_moved_and_which_keys_were_used_is_found() {
    let sound = sealed_house();
    tampered(&sound, "").unwrap();
    let house = "debit <> 0 AND credit <> 0";
    let changes = [
        format!("UPDATE movements SET at_ms = at_ms - 1 WHERE {house}"),
        format!("UPDATE movements SET at_ms = at_ms + 86400000 WHERE {house}"),
        format!("UPDATE movements SET credit = 8 WHERE {house}"),
        format!("UPDATE movements SET amount = amount + 1 WHERE {house} AND why = 6"),
        format!("UPDATE movements SET by_id = zeroblob(16) WHERE {house}"),
        format!("DELETE FROM movements WHERE {house} AND why = 6"),
        format!(
            "INSERT INTO movements SELECT 77, 6, NULL, 8, NULL, unit, 1, why, by_id, at_ms, at_off \
             FROM movements WHERE {house} LIMIT 1"
        ),
        "DELETE FROM keys WHERE scope = 2".to_owned(),
        "UPDATE keys SET id = zeroblob(16) WHERE scope = 3".to_owned(),
        "UPDATE keys SET body = zeroblob(16) WHERE scope = 3".to_owned(),
        "UPDATE keys SET scope = 8 WHERE scope = 3".to_owned(),
        "UPDATE keys SET at_ms = at_ms - 86400000".to_owned(),
    ];
    for sql in changes {
        let found = tampered(&sound, &sql);
        assert!(matches!(fault(&found), Some(Fault::Digest { .. })), "{sql}: {found:?}");
    }
}

/// No day is sealed, and no chain is broken.
#[test]
fn i1_every_movement_is_of_an_account_and_an_order_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    book(&path, [5_000, 5_000]);
    let sound = std::fs::read(path).unwrap();
    // To or from a party that is not there.
    let moved = |entry: u32, debit: &str, credit: &str| {
        format!(
            "INSERT INTO movements SELECT {entry}, {debit}, {credit}, unit, 1, why, by_id, at_ms, \
             at_off FROM movements WHERE entry = 1"
        )
    };
    let (house, guest, clearing) = ("debit, debit_id", "0, zeroblob(16)", "1, zeroblob(16)");
    let there_and_back = [moved(77, house, guest), moved(78, guest, house)].join("; ");
    let changes = [
        "DELETE FROM accounts WHERE id = (SELECT credit_id FROM movements WHERE entry = 1)".into(),
        moved(77, house, guest),
        there_and_back,
    ];
    for sql in changes {
        let found = tampered(&sound, &sql);
        assert!(matches!(fault(&found), Some(Fault::Accounts)), "{sql}: {found:?}");
    }
    let found = tampered(&sound, &moved(77, house, clearing));
    assert!(matches!(fault(&found), Some(Fault::Clearing { .. })), "{found:?}");
}

#[test]
fn i4_what_was_given_back_is_what_the_refunds_say() {
    let sound = sealed_house();
    let changes = [
        "UPDATE refunds SET own = own + 1",
        "DELETE FROM refunds",
        "UPDATE refunds SET payment = zeroblob(16)",
        "INSERT INTO refunds SELECT zeroblob(16), payment, 1, 0, at_ms, at_off FROM refunds",
        "UPDATE payments SET refunded = 300, own = own - 100",
    ];
    for sql in changes {
        let found = tampered(&sound, sql);
        assert!(matches!(fault(&found), Some(Fault::Refunds { .. })), "{sql}: {found:?}");
    }
}

/// Nothing of these is alive, so that no sum needs them.
#[test]
fn i2_what_was_paid_and_taken_back_is_still_there() {
    let sound = sealed_house();
    let changes = [
        "DELETE FROM payments WHERE state = 2",
        "DELETE FROM payments WHERE id = (SELECT max(id) FROM payments WHERE state = 2)",
        "UPDATE payments SET id = zeroblob(16) WHERE id = (SELECT max(id) FROM payments)",
        "UPDATE payments SET own = own + 1 WHERE state = 2",
        // Their sum is as before.
        "UPDATE payments SET own = own + iif(id = (SELECT max(id) FROM payments), 1, -1) \
         WHERE state = 2",
        "UPDATE payments SET account = zeroblob(16) WHERE state = 2",
        "UPDATE payments SET state = 0, refunded = own WHERE state = 2; INSERT INTO refunds \
         SELECT id, id, own, 0, at_ms, at_off FROM payments WHERE refunded = 1000",
        "UPDATE refunds SET id = zeroblob(16)",
        "INSERT INTO payments SELECT 99, zeroblob(16), order_id, till, attempt, body, at_ms, at_off, \
         state, refusal, account, guest, kind, own, overdraft, refunded, hold, acknowledged, settled, \
         entry, since_ms, order_no FROM payments WHERE state = 2 LIMIT 1",
    ];
    for sql in changes {
        let found = tampered(&sound, sql);
        assert!(matches!(fault(&found), Some(Fault::Payments)), "{sql}: {found:?}");
    }
}

/// Sums do not tell two payments apart; the movements do, which chains have.
#[test]
fn i2_a_payment_is_the_one_that_was_moved() {
    let sound = sealed_house();
    let changes = [
        // Two payments change places, or share otherwise what they took.
        "UPDATE payments SET own = own + 600 - 1200 * (no = 3) WHERE state = 2",
        "UPDATE payments SET id = iif(no = 3, x'00000000000000050000000000000005', \
         x'00000000000000050000000000000000') WHERE state = 2",
        // What is given back would go to somebody else.
        "UPDATE payments SET account = zeroblob(16) WHERE no = 1",
        // A till's list of what was taken would not have it, or on another day.
        "UPDATE payments SET since_ms = NULL WHERE no = 1",
        "UPDATE payments SET since_ms = since_ms + 86400000 WHERE no = 1",
        "UPDATE payments SET entry = NULL WHERE no = 1",
        "UPDATE payments SET entry = 5 - entry WHERE no < 3",
    ];
    for sql in changes {
        let found = tampered(&sound, sql);
        assert!(matches!(fault(&found), Some(Fault::Payments)), "{sql}: {found:?}");
    }
}

/// Rows and links rewritten together: only what was sealed elsewhere tells.
#[test]
fn lck_14_what_was_rewritten_whole_differs_from_its_digest() {
    let stream = "DELETE FROM records WHERE stream_no = 1; DELETE FROM streams WHERE no = 1";
    let found = tampered(&sound(), stream);
    assert!(matches!(fault(&found), Some(Fault::Digest { day }) if *day == Day::of(NOW)));
    let folder = tempfile::tempdir().unwrap();
    let digest = book(&folder.path().join("book.db"), [5_000, 5_000]);
    // The forger has this very program, and gives guest 1 a larger top-up from the start.
    let path = folder.path().join("forged.db");
    let other = book(&path, [6_000, 5_000]);
    let store = open(&path);
    block_on(store.check()).unwrap();
    seal(&store, &digest);
    let found = block_on(store.check());
    assert!(matches!(fault(&found), Some(Fault::Digest { .. })), "{found:?}");
    assert_eq!((other.streams, other.accounts), (digest.streams, digest.accounts));
}
