//! The floor: the same statements on the same schema by bare rusqlite, with group commit.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use async_trait::async_trait;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Params, params};
use tillway_core::id::Uuid;
use tokio::sync::oneshot;

use crate::commits::Side;
use crate::work::{AMOUNT, Ids, account, guest};

const BATCH_MAX: usize = 256;

enum Step {
    Hold,
    Capture,
    Movement,
}

/// As long as a link of a chain. To compute one is a rule.
const LINK: [u8; 32] = [7; 32];

type Task = (Step, Ids, oneshot::Sender<()>);

pub(crate) struct Floor {
    tasks: Option<Sender<Task>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// A connection as the store opens it.
pub(crate) fn connect(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.set_prepared_statement_cache_capacity(128);
    db.execute_batch("PRAGMA cache_size = -65536").unwrap();
    // Without it a statement may be planned anew for each value.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    db
}

impl Floor {
    /// On a file that the store has made and filled.
    pub(crate) fn open(path: &Path) -> Self {
        let db = connect(path);
        for pragma in
            ["synchronous = full", "wal_autocheckpoint = 16000", "journal_size_limit = -1"]
        {
            db.execute_batch(&format!("PRAGMA {pragma}")).unwrap();
        }
        let (tasks, waiting) = channel();
        let writer = std::thread::spawn(move || write(&db, &waiting));
        Self { tasks: Some(tasks), writer: Mutex::new(Some(writer)) }
    }

    async fn step(&self, step: Step, ids: Ids) {
        let (sender, done) = oneshot::channel();
        self.tasks.as_ref().unwrap().send((step, ids, sender)).unwrap();
        done.await.unwrap();
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        drop(self.tasks.take());
        if let Some(writer) = self.writer.lock().unwrap().take() {
            writer.join().unwrap();
        }
    }
}

#[async_trait]
impl Side for Floor {
    async fn lifecycle(&self, ids: Ids) {
        self.step(Step::Hold, ids).await;
        self.step(Step::Capture, ids).await;
    }

    async fn movement(&self, ids: Ids) {
        self.step(Step::Movement, ids).await;
    }
}

fn write(db: &Connection, waiting: &Receiver<Task>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        batch.extend(waiting.try_iter().take(BATCH_MAX - 1));
        run(db, "BEGIN IMMEDIATE", []);
        for (step, ids, _) in &batch {
            match step {
                Step::Hold => hold(db, ids),
                Step::Capture => capture(db, ids),
                Step::Movement => movement(db, ids),
            }
        }
        run(db, "COMMIT", []);
        batch.into_iter().for_each(|(_, _, done)| done.send(()).unwrap());
    }
}

fn run(db: &Connection, sql: &str, params: impl Params) {
    db.prepare_cached(sql).unwrap().execute(params).unwrap();
}

/// Steps to the row and looks at one number of it.
fn look(db: &Connection, sql: &str, id: Uuid) -> Option<i64> {
    let mut statement = db.prepare_cached(sql).unwrap();
    let mut rows = statement.query([id.as_bytes()]).unwrap();
    rows.next().unwrap().map(|row| row.get_ref(0).unwrap().as_i64().unwrap_or_default())
}

const KEY: &str = "SELECT at_ms, body, refusal, at_off FROM keys \
    WHERE no = (SELECT no FROM ids WHERE chapter = 0 AND id = ?1 AND what = 20)";
const HOLD: &str = "SELECT own, id, order_id, account, kind, overdraft, state, payment, \
    expires_ms, expires_off, at_ms, at_off FROM holds \
    WHERE no = (SELECT no FROM ids WHERE chapter = 0 AND id = ?1 AND what = 3)";
const ACCOUNT: &str = "SELECT balance, id, guest, kind, name, overdraft, held, held_own, status, chain \
    FROM accounts WHERE id = ?1";
const ORDER: &str = "SELECT epoch, id, till, binding, guest, identified, token, money, total, \
    held_credit, held_deposit, held_bonus, captured_credit, captured_deposit, captured_bonus, \
    closed_ms, closed_off, touched_ms, touched_off, lines FROM orders \
    LEFT JOIN order_lines ON order_no = no \
    WHERE no = (SELECT no FROM ids WHERE chapter = 0 AND id = ?1 AND what = 1)";
const PAYMENT: &str = "SELECT attempt, id, order_id, till, body, at_ms, at_off, state, refusal, \
    account, guest, kind, own, overdraft, refunded, hold, acknowledged, settled FROM payments \
    WHERE no = (SELECT no FROM ids WHERE chapter = 0 AND id = ?1 AND what = 2)";
const OVERDUE: &str = "SELECT own, id, order_id, account, kind, overdraft, state, payment, \
    expires_ms, expires_off, at_ms, at_off FROM holds \
    WHERE account = ?1 AND state = 0 AND expires_ms <= 0 ORDER BY expires_ms LIMIT 16";
const PUT_KEY: &str = "INSERT INTO keys (scope, id, body, refusal, at_ms, at_off) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const PUT_ACCOUNT: &str = "UPDATE accounts SET balance = ?2, overdraft = ?3, held = ?4, \
    held_own = ?5, status = ?6, name = ?7, chain = ?8 WHERE id = ?1";
const PUT_MOVEMENT: &str = "INSERT INTO movements (debit, debit_id, credit, credit_id, unit, \
    amount, why, by_id, at_ms, at_off) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

/// Gives the row that was inserted last its name.
fn name(db: &Connection, id: Uuid, what: i64) {
    let sql = "INSERT INTO ids (chapter, id, what, no) VALUES (0, ?1, ?2, ?3)";
    run(db, sql, params![id.as_bytes(), what, db.last_insert_rowid()]);
}

fn hold(db: &Connection, ids: &Ids) {
    let owner = account(ids.account).0;
    look(db, KEY, ids.hold);
    look(db, HOLD, ids.hold);
    let balance = look(db, ACCOUNT, owner).unwrap();
    look(db, ORDER, ids.order);
    let (id, order, at) = (ids.hold.as_bytes(), ids.order.as_bytes(), ids.at.utc_ms);
    run(db, PUT_KEY, params![4, id, id, None::<i64>, at, 180]);
    name(db, ids.hold, 20);
    let sql = "INSERT INTO holds (id, order_id, account, kind, own, overdraft, state, payment, \
               expires_ms, expires_off, at_ms, at_off) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let payment = None::<i64>;
    let account = owner.as_bytes();
    let expires = at + 900_000;
    run(db, sql, params![id, order, account, 1, AMOUNT, 0, 0, payment, expires, 180, at, 180]);
    name(db, ids.hold, 3);
    run(db, PUT_ACCOUNT, params![account, balance, 0, AMOUNT, AMOUNT, 0, "Депозит", LINK]);
    let sql = "INSERT INTO orders (id, till, epoch, binding, guest, identified, token, money, \
               total, held_credit, held_deposit, held_bonus, captured_credit, captured_deposit, \
               captured_bonus, closed_ms, closed_off, touched_ms, touched_off) VALUES (?1, ?2, \
               ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
    let no = None::<i64>;
    run(
        db,
        sql,
        params![order, no, 0, 0, no, no, no, account, no, 0, AMOUNT, 0, 0, 0, 0, no, no, at, 180],
    );
    name(db, ids.order, 1);
}

fn capture(db: &Connection, ids: &Ids) {
    let owner = account(ids.account).0;
    look(db, PAYMENT, ids.payment);
    look(db, HOLD, ids.hold);
    let balance = look(db, ACCOUNT, owner).unwrap();
    look(db, ORDER, ids.order);
    look(db, OVERDUE, owner);
    let (id, order, at) = (ids.payment.as_bytes(), ids.order.as_bytes(), ids.at.utc_ms);
    let account = owner.as_bytes();
    run(db, PUT_MOVEMENT, params![0, account, 1, order, 0, AMOUNT, 0, id, at, 180]);
    let entry = db.last_insert_rowid();
    let sql = "INSERT INTO payments (id, order_id, till, attempt, body, at_ms, at_off, state, \
               refusal, account, guest, kind, own, overdraft, refunded, hold, acknowledged, \
               settled, entry, since_ms, order_no) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
               ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
               (SELECT no FROM ids WHERE chapter = 0 AND id = ?2 AND what = 1))";
    let (no, hold) = (None::<i64>, ids.hold.as_bytes());
    let guest = guest(ids.account).0;
    let guest = guest.as_bytes();
    run(
        db,
        sql,
        params![
            id, order, no, 1, id, at, 180, 0, no, account, guest, 1, AMOUNT, 0, 0, hold, false,
            false, entry, at
        ],
    );
    name(db, ids.payment, 2);
    let sql = "UPDATE holds SET state = ?2, payment = ?3 \
               WHERE no = (SELECT no FROM ids WHERE chapter = 0 AND id = ?1 AND what = 3)";
    run(db, sql, params![hold, 1, id]);
    run(db, PUT_ACCOUNT, params![account, balance - AMOUNT, 0, 0, 0, 0, "Депозит", LINK]);
    let sql = "UPDATE orders SET till = ?2, epoch = ?3, binding = ?4, guest = ?5, \
               identified = ?6, token = ?7, money = ?8, total = ?9, held_credit = ?10, \
               held_deposit = ?11, held_bonus = ?12, captured_credit = ?13, \
               captured_deposit = ?14, captured_bonus = ?15, closed_ms = ?16, closed_off = ?17, \
               touched_ms = ?18, touched_off = ?19 \
               WHERE no = (SELECT no FROM ids WHERE chapter = 0 AND id = ?1 AND what = 1)";
    run(
        db,
        sql,
        params![order, no, 0, 0, no, no, no, account, no, 0, 0, 0, 0, AMOUNT, 0, no, no, at, 180],
    );
}

fn movement(db: &Connection, ids: &Ids) {
    let owner = account(ids.account).0;
    look(db, KEY, ids.payment);
    let balance = look(db, ACCOUNT, owner).unwrap();
    let (id, account, at) = (ids.payment.as_bytes(), owner.as_bytes(), ids.at.utc_ms);
    let no = None::<i64>;
    run(db, PUT_MOVEMENT, params![6, no, 0, account, 0, AMOUNT, 2, id, at, 180]);
    run(db, PUT_KEY, params![5, id, id, no, at, 180]);
    name(db, ids.payment, 21);
    run(db, PUT_ACCOUNT, params![account, balance + AMOUNT, 0, 0, 0, 0, "Депозит", LINK]);
}
