//! Files as large as a chain of venues has after years, made in minutes: the rows that the store
//! would write, without its rules and without a log. That they are the same is checked each time
//! on a few.

use std::fs::File;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tillway_core::book::{Chain, Commit, House, Movement, Party, Scope, Why, code};
use tillway_core::id::Uuid;
use tillway_core::{Kopecks, Unit};
use tokio::runtime::Runtime;

use crate::commits::Side;
use crate::work::{ACCOUNTS, AMOUNT, Ids, NOW, Ours, account, guest};

/// Ids of bulk rows are apart from those of the rounds.
const FIRST: u64 = 1 << 30;

/// Of each order.
const NAMES: u64 = 4;
/// So that a chapter has as many names as the store puts there.
const ORDERS_IN_CHAPTER: u64 = 1_000_000 / NAMES;

/// Opens a file for many rows: nothing is durable until it is closed.
pub(crate) fn open(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.set_prepared_statement_cache_capacity(32);
    for pragma in [
        "journal_mode = off",
        "synchronous = off",
        "locking_mode = exclusive",
        "cache_size = -8388608",
    ] {
        db.query_row(&format!("PRAGMA {pragma}"), [], |_| Ok(())).unwrap_or_default();
    }
    db.execute_batch("BEGIN").unwrap();
    db
}

/// Writes them out, and makes the file one that the store opens. The disk has all of it then, and
/// nothing more to do.
pub(crate) fn close(db: Connection) {
    db.execute_batch("COMMIT").unwrap();
    db.query_row("PRAGMA journal_mode = wal", [], |_| Ok(())).unwrap();
    let path = db.path().unwrap().to_owned();
    db.close().unwrap();
    File::open(path).unwrap().sync_all().unwrap();
}

/// A file of the store with so many paid and closed orders, two movements each.
pub(crate) fn orders(runtime: &Runtime, path: &Path, count: u64) {
    runtime.block_on(Ours::open(path).fill());
    let db = open(path);
    let mut owners: Vec<Owner> = (0..ACCOUNTS).map(|n| Owner::load(&db, n)).collect();
    for n in 0..count {
        let ids = Ids::of(FIRST + n);
        let chapter = n / ORDERS_IN_CHAPTER;
        if n > 0 && n.is_multiple_of(ORDERS_IN_CHAPTER) {
            let since = (n * NAMES).cast_signed();
            run(
                &db,
                "INSERT INTO chapters (no, since) VALUES (?1, ?2)",
                [chapter.cast_signed(), since],
            );
        }
        order(&db, chapter, &ids, &mut owners[usize::try_from(ids.account).unwrap()]);
    }
    let sql = "UPDATE accounts SET balance = ?2, chain = ?3 WHERE id = ?1";
    for (n, owner) in (0..).zip(&owners) {
        let id = account(n).0;
        db.execute(sql, params![id.as_bytes(), owner.balance, owner.chain.0]).unwrap();
    }
    close(db);
    runtime.block_on(filtered(path));
}

/// Lets the store make the filters of the closed chapters: it does so a little after each commit.
async fn filtered(path: &Path) {
    let store = Ours::open(path);
    let db = Connection::open(path).unwrap();
    let missing = "SELECT count(*) - count(filter) FROM chapters";
    while db.query_row(missing, [], |row| row.get::<_, i64>(0)).unwrap() > 1 {
        for _ in 0..100 {
            store.done(Commit::of(NOW, Vec::new())).await;
        }
    }
}

/// What a payment changes in the row of its account.
struct Owner {
    balance: i64,
    chain: Chain,
}

impl Owner {
    fn load(db: &Connection, n: u64) -> Self {
        let sql = "SELECT balance, chain FROM accounts WHERE id = ?1";
        let row =
            |row: &rusqlite::Row<'_>| Ok(Self { balance: row.get(0)?, chain: Chain(row.get(1)?) });
        db.query_row(sql, [account(n).0.as_bytes()], row).unwrap()
    }
}

fn order(db: &Connection, chapter: u64, ids: &Ids, owner: &mut Owner) {
    let name = |id, what| name(db, chapter, id, what);
    let (payer, sum) = (account(ids.account), Kopecks(AMOUNT));
    let clearing = Party::House(House::Clearing(tillway_core::id::OrderId(ids.order)));
    let capture = Movement {
        debit: Party::Guest(payer),
        credit: clearing,
        unit: Unit::Rub,
        amount: sum,
        why: Why::Capture,
        by: ids.payment,
        at: ids.at,
    };
    let sales = Party::House(House::Sales);
    let close = Movement { debit: clearing, credit: sales, why: Why::Close, ..capture.clone() };
    owner.chain = owner.chain.movement(&capture);
    owner.balance -= AMOUNT;
    let entry = post(db, &capture);
    post(db, &close);
    let (id, order, hold) = (ids.payment.as_bytes(), ids.order.as_bytes(), ids.hold.as_bytes());
    let (at, off) = (ids.at.utc_ms, ids.at.offset_min);
    let (payer, guest) = (payer.0.as_bytes(), *guest(ids.account).0.as_bytes());
    let sql = "INSERT INTO keys (scope, id, body, at_ms, at_off) VALUES (?1, ?2, ?2, ?3, ?4)";
    run(db, sql, params![Scope::Reserve.code(), hold, at, off]);
    name(ids.hold, 20);
    let sql = "INSERT INTO holds (id, order_id, account, kind, own, overdraft, state, payment, \
               expires_ms, expires_off, at_ms, at_off) \
               VALUES (?1, ?2, ?3, 1, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?8)";
    let state = code::hold::CAPTURED;
    run(db, sql, params![hold, order, payer, AMOUNT, state, id, at + 900_000, off, at]);
    name(ids.hold, 3);
    let sql = "INSERT INTO orders (id, epoch, binding, held_credit, held_deposit, held_bonus, \
               captured_credit, captured_deposit, captured_bonus, closed_ms, closed_off, \
               touched_ms, touched_off, money) \
               VALUES (?1, 0, 0, 0, 0, 0, 0, ?2, 0, ?3, ?4, ?3, ?4, ?5)";
    run(db, sql, params![order, AMOUNT, at, off, payer]);
    let number = db.last_insert_rowid();
    name(ids.order, 1);
    let sql = "INSERT INTO payments (id, order_id, attempt, body, at_ms, at_off, state, account, \
               guest, kind, own, overdraft, refunded, hold, acknowledged, settled, entry, \
               since_ms, order_no) VALUES (?1, ?2, 1, ?1, ?3, ?4, ?5, ?6, ?7, 1, ?8, 0, 0, ?9, 1, 1, \
               ?10, ?3, ?11)";
    let state = code::payment::CAPTURED;
    run(db, sql, params![id, order, at, off, state, payer, guest, AMOUNT, hold, entry, number]);
    name(ids.payment, 2);
}

/// Gives the row that was inserted last its name.
fn name(db: &Connection, chapter: u64, id: Uuid, what: i64) {
    let sql = "INSERT INTO ids (chapter, id, what, no) VALUES (?1, ?2, ?3, ?4)";
    run(db, sql, params![chapter.cast_signed(), id.as_bytes(), what, db.last_insert_rowid()]);
}

fn post(db: &Connection, row: &Movement) -> i64 {
    let sql = "INSERT INTO movements (debit, debit_id, credit, credit_id, unit, amount, why, \
               by_id, at_ms, at_off) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let ((debit, from), (credit, to)) = (row.debit.code(), row.credit.code());
    let (from, to) = (from.map(|id| id.into_bytes()), to.map(|id| id.into_bytes()));
    let (unit, why, by) = (row.unit.code(), row.why.code(), row.by.as_bytes());
    let (amount, at, off) = (row.amount.0, row.at.utc_ms, row.at.offset_min);
    run(db, sql, params![debit, from, credit, to, unit, amount, why, by, at, off]);
    db.last_insert_rowid()
}

pub(crate) fn run(db: &Connection, sql: &str, params: impl rusqlite::Params) {
    db.prepare_cached(sql).unwrap().execute(params).unwrap();
}

/// Stops when the rows of a bulk file are not those that the store writes.
pub(crate) fn check(runtime: &Runtime, folder: &Path) {
    const FEW: u64 = 50;
    let (fast, slow) = (folder.join("fast.db"), folder.join("slow.db"));
    orders(runtime, &fast, FEW);
    runtime.block_on(async {
        let store = Ours::open(&slow);
        store.fill().await;
        for ids in (0..FEW).map(|n| Ids::of(FIRST + n)) {
            store.lifecycle(ids).await;
            store.close(ids).await;
        }
        Ours::open(&fast).store().check().await.unwrap();
    });
    let (fast, slow) = (Connection::open(fast).unwrap(), Connection::open(slow).unwrap());
    same(&fast, &slow);
}

/// Stops when two files differ in a row of a table; links of chains need not be the same.
pub(crate) fn same(one: &Connection, other: &Connection) {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version' \
               ORDER BY name";
    let mut statement = one.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for name in names.map(Result::unwrap) {
        let (one, other) = (rows(one, &name), rows(other, &name));
        assert_eq!(one.len(), other.len(), "rows of {name}");
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other, "a row of {name}");
        }
    }
}

fn rows(db: &Connection, table: &str) -> Vec<Vec<Value>> {
    let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let names: Vec<&str> = statement.column_names().collect();
    let kept = (0..names.len()).filter(|column| names[*column] != "chain");
    let kept: Vec<usize> = kept.collect();
    let row = |row: &rusqlite::Row<'_>| kept.iter().map(|column| row.get(*column)).collect();
    let mut rows: Vec<Vec<Value>> =
        statement.query_map([], row).unwrap().map(Result::unwrap).collect();
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows
}
