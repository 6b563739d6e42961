//! The reading sides of the store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, params, params_from_iter};
use tillway_core::book::{
    Audit, Binding, Commit, Day, Digest, Fence, Hold, Key, Order, Payment, Seq, Status, Stored,
    StreamId, StreamKind, StreamRow, code,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use tillway_core::pairing::Pairing;
use tillway_core::port::{
    AccountBook, Bindings, ClaimError, CommitError, Committed, HeadRow, Journal, Query, ReadError,
    Readiness, Recalled, Reconciliation, Sheet, StatementLine, Store,
};
use tillway_core::{Account, Timestamp};
use tokio::sync::oneshot;

use crate::chains::{self, Broken};
use crate::chapters::{self, Chapters};
use crate::config::SqliteConfig;
use crate::error::{Fail, OpenError};
use crate::ids::{Db, What};
use crate::kept::{Bill, Found, Person, Reader};
use crate::merge::of_chapter;
use crate::queue::{Claim, Task};
use crate::row::{self, Columns, columns, many, one};
use crate::store::SqliteStore;
use crate::{load, open};

/// The longest list.
const LIMIT_MAX: u32 = 1_000;

/// A few connections that only read.
///
/// A read runs in its caller, under the lock of one connection and never across an await: it takes
/// some microseconds, less than waking another thread and being woken again.
pub(crate) struct Readers {
    connections: Vec<Mutex<Db>>,
    next: AtomicUsize,
}

impl Readers {
    pub(crate) fn open(config: &SqliteConfig, chapters: &Arc<Chapters>) -> Result<Self, OpenError> {
        let reader = |_| {
            let connection = open::reader(config)?;
            Ok(Mutex::new(Db::reader(connection, Arc::clone(chapters))))
        };
        let connections: Result<_, _> = (0..config.read_connections.max(1)).map(reader).collect();
        Ok(Self { connections: connections?, next: AtomicUsize::new(0) })
    }

    pub(crate) fn close(&mut self) {
        self.connections.clear();
    }

    /// A free connection, or the one whose turn it is.
    fn take(&self) -> Option<MutexGuard<'_, Db>> {
        if let Some(free) = self.connections.iter().find_map(|c| c.try_lock().ok()) {
            return Some(free);
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let turn = turn.checked_rem(self.connections.len())?;
        let connection = self.connections.get(turn)?;
        Some(connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SqliteStore {
    fn read<R>(&self, read: impl FnOnce(&Db) -> Result<R, Fail>) -> Result<R, ReadError> {
        if self.health.is_broken() {
            return Err(ReadError::Corrupt);
        }
        let connection = self.readers.take().ok_or(ReadError::Unavailable)?;
        read(&connection).map_err(|fail| fail.read_error())
    }

    fn person(&self, id: GuestId) -> Result<Option<Arc<Person>>, ReadError> {
        if self.health.is_broken() {
            return Err(ReadError::Corrupt);
        }
        match self.kept.person(id) {
            Found::Known(person) => Ok(Some(person)),
            Found::Read(reader) => self.read(|db| self.person_anew(db, id, reader)),
        }
    }

    /// Reads a guest, and keeps them. Not in one moment: if a commit comes between two statements,
    /// nothing is kept, and each of the two is as true as if it had been asked for alone.
    fn person_anew(
        &self,
        db: &Db,
        id: GuestId,
        reader: Reader,
    ) -> Result<Option<Arc<Person>>, Fail> {
        let read = person(db, id).map(|person| person.map(Arc::new));
        self.kept.keep(id, reader, read.as_ref().ok().and_then(Option::as_ref));
        read
    }

    /// Reads what a sheet is made of, as far as it is not kept, and keeps it.
    fn freshen(&self, db: &Db, id: OrderId) -> Result<(), Fail> {
        let bill = match self.kept.bill(id) {
            Found::Known(bill) => Some(bill),
            Found::Read(reader) => {
                let read = moment(db, |_| bill(db, id)).map(|bill| bill.map(Arc::new));
                self.kept.keep(id, reader, read.as_ref().ok().and_then(Option::as_ref));
                read?
            }
        };
        if let Some(guest) = bill.and_then(|bill| payer(&bill))
            && let Found::Read(reader) = self.kept.person(guest)
        {
            self.person_anew(db, guest, reader)?;
        }
        Ok(())
    }

    fn kept_sheet(&self, id: OrderId) -> Option<Sheet> {
        let (bill, person) = self.kept.sheet(id, payer)?;
        Some(sheet((*bill).clone(), person.map(|person| (*person).clone())))
    }

    /// A sheet of one moment, of what is kept if nothing changes meanwhile.
    fn sheet_of(&self, db: &Db, id: OrderId) -> Result<Option<Sheet>, Fail> {
        self.freshen(db, id)?;
        if let Some(sheet) = self.kept_sheet(id) {
            return Ok(Some(sheet));
        }
        moment(db, |_| {
            let Some(bill) = bill(db, id)? else { return Ok(None) };
            let person = payer(&bill).map_or(Ok(None), |guest| person(db, guest))?;
            Ok(Some(sheet(bill, person)))
        })
    }
}

/// Several statements over one state of the book.
pub(crate) fn moment<R, E: From<Fail>>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<R, E>,
) -> Result<R, E> {
    let run = |sql: &str| -> Result<(), Fail> {
        Ok(connection.prepare_cached(sql)?.execute([]).map(drop)?)
    };
    if !connection.is_autocommit() {
        run("ROLLBACK")?;
    }
    run("BEGIN")?;
    let result = read(connection);
    let ended = run("COMMIT");
    // An error of the read may have ended the transaction: it says more than what follows.
    let result = result?;
    ended?;
    Ok(result)
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let (sender, answer) = oneshot::channel();
        self.enqueue(Task::Commit(Box::new(commit), sender))?;
        // No answer: the writer is gone, and took it along or not.
        answer.await.unwrap_or(Err(CommitError::InDoubt))
    }

    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        let row = self.read(|db| load::key(db, key.scope, key.id))?;
        Ok(row.map(|row| row.refusal.map_or(Recalled::Done, Recalled::Refused)))
    }

    fn ready(&self) -> Readiness<ReadError> {
        if self.health.is_broken() {
            return Readiness::Known(Err(ReadError::Corrupt));
        }
        // A writer without work would take the next task at once, and find nothing in its way: no
        // other program has the file. Only one that works may hang.
        if self.queue.is_idle() && !self.writer.is_poisoned() {
            return Readiness::Known(Ok(()));
        }
        let (sender, answer) = oneshot::channel();
        match self.enqueue(Task::Ready(sender)) {
            Ok(()) => {
                Readiness::asked(async { answer.await.unwrap_or(Err(ReadError::Unavailable)) })
            }
            Err(CommitError::Corrupt) => Readiness::Known(Err(ReadError::Corrupt)),
            Err(_) => Readiness::Known(Err(ReadError::Unavailable)),
        }
    }
}

#[async_trait]
impl AccountBook for SqliteStore {
    async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError> {
        Ok(self.person(id)?.map(|person| person.guest.clone()))
    }

    async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError> {
        let sql = "SELECT body FROM guests WHERE phone = ?1 LIMIT 2";
        self.read(|db| many(db, sql, [phone], row::guest))
    }

    async fn guest_by_client_id(&self, client_id: &str) -> Result<Option<Guest>, ReadError> {
        let sql = "SELECT body FROM guests WHERE client_id = ?1";
        self.read(|db| one(db, sql, [client_id], row::guest))
    }

    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, ReadError> {
        // The empty blob comes before every id.
        let sql = "SELECT body FROM guests WHERE id > ?1 ORDER BY id LIMIT ?2";
        let after = after.as_ref().map_or(&[][..], |id| id.0.as_bytes());
        self.read(|db| many(db, sql, params![after, limit.min(LIMIT_MAX)], row::guest))
    }

    async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError> {
        let sql = "SELECT photo FROM photos WHERE guest = ?1";
        self.read(|db| one(db, sql, [guest.0.as_bytes()], |c| c.blob().map(Into::into)))
    }

    async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError> {
        if self.health.is_broken() {
            return Err(ReadError::Corrupt);
        }
        let reader = match self.kept.carrier(alias) {
            Found::Known(carrier) => return Ok(Some((*carrier).clone())),
            Found::Read(reader) => reader,
        };
        let read = self.read(|db| one(db, load::CARRIER, [alias], row::carrier));
        let carrier = read.as_ref().ok().and_then(Option::as_ref).cloned().map(Arc::new);
        self.kept.keep(Box::from(alias), reader, carrier.as_ref());
        read
    }

    async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError> {
        let sql = concat!(
            "SELECT ",
            columns!(carrier),
            " FROM carriers WHERE guest = ?1 ORDER BY alias LIMIT ?2"
        );
        self.read(|db| many(db, sql, params![guest.0.as_bytes(), LIMIT_MAX], row::carrier))
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError> {
        self.read(|db| one(db, load::ACCOUNT, [id.0.as_bytes()], row::account))
    }

    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError> {
        match self.person(guest)? {
            Some(person) => Ok(person.accounts.clone()),
            // Accounts without their guest are the integrator's, or wait for the guest.
            None => self.read(|db| accounts(db, guest)),
        }
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError> {
        self.read(|db| load::payment(db, id))
    }

    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError> {
        self.read(|db| load::hold(db, id))
    }

    async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError> {
        // The live holds of a venue are few, and when there are many, many are due: walking the
        // index of live ones is enough, and costs a capture nothing.
        let sql = "SELECT id FROM holds WHERE state = 0 AND expires_ms <= ?1 LIMIT ?2";
        let bound = params![at.utc_ms, limit.min(LIMIT_MAX)];
        self.read(|db| many(db, sql, bound, |c| c.uuid().map(HoldId)))
    }

    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, ReadError> {
        let sql = concat!(
            "SELECT ",
            columns!(movement),
            " FROM movements WHERE debit = 0 AND debit_id = ?1 AND entry < ?2 UNION ALL SELECT ",
            columns!(movement),
            " FROM movements WHERE credit = 0 AND credit_id = ?1 AND entry < ?2",
            " ORDER BY entry DESC LIMIT ?3"
        );
        let before = before.and_then(|entry| i64::try_from(entry).ok()).unwrap_or(i64::MAX);
        let bound = params![account.0.as_bytes(), before, limit.min(LIMIT_MAX)];
        let lines = self.read(|db| many(db, sql, bound, row::movement))?;
        let line = |(entry, movement)| StatementLine { entry, movement };
        Ok(lines.into_iter().map(line).collect())
    }

    async fn reconciliation(
        &self,
        till: &TillId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, ReadError> {
        self.read(|db| moment(db, |_| reconciliation(db, till, from, to)))
    }

    async fn latest(&self) -> Result<Option<Timestamp>, ReadError> {
        let sql = "SELECT at_ms, at_off FROM movements ORDER BY entry DESC LIMIT 1";
        self.read(|db| one(db, sql, [], |c| c.time()))
    }

    async fn audit(&self) -> Result<Audit, ReadError> {
        self.aside(|db, _| audit(db)).await
    }
}

#[async_trait]
impl Bindings for SqliteStore {
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError> {
        self.read(|db| load::order(db, id))
    }

    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError> {
        if self.health.is_broken() {
            return Err(ReadError::Corrupt);
        }
        match self.kept_sheet(id) {
            Some(sheet) => Ok(Some(sheet)),
            None => self.read(|db| self.sheet_of(db, id)),
        }
    }

    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError> {
        let sql = concat!("SELECT ", columns!(pairing), " FROM pairings ORDER BY till LIMIT ?1");
        self.read(|db| many(db, sql, [LIMIT_MAX], row::pairing))
    }
}

#[async_trait]
impl Journal for SqliteStore {
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError> {
        let Ok(after) = i64::try_from(after.0) else { return Ok(Vec::new()) };
        self.read(|db| load::records(db, stream, after, limit.min(LIMIT_MAX)))
    }

    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError> {
        self.read(|db| heads(db, query, after, limit.min(LIMIT_MAX)))
    }

    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError> {
        let digest = move |db: &Connection| Ok(moment(db, |db| chains::digest(db, day)));
        self.aside(move |db, _| digest(db)).await?.map_err(Broken::read_error)
    }

    async fn claim(
        &self,
        stream: StreamId,
        owner: Owner,
        ttl: core::time::Duration,
        now: Timestamp,
    ) -> Result<Fence, ClaimError> {
        let (sender, answer) = oneshot::channel();
        let claim = Claim { stream, owner, ttl, now };
        self.enqueue(Task::Claim(claim, sender)).map_err(|_| ClaimError::Unavailable)?;
        answer.await.unwrap_or(Err(ClaimError::Unavailable))
    }

    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError> {
        let (sender, answer) = oneshot::channel();
        self.enqueue(Task::Release(stream, fence, sender)).map_err(|_| ClaimError::Unavailable)?;
        answer.await.unwrap_or(Err(ClaimError::Unavailable))
    }
}

fn person(db: &Connection, id: GuestId) -> Result<Option<Person>, Fail> {
    let sql = "SELECT body, EXISTS (SELECT 1 FROM photos WHERE guest = id) \
               FROM guests WHERE id = ?1";
    let read = |c: &Columns<'_>| Ok((row::guest(c)?, c.flag()?));
    let Some((guest, has_photo)) = one(db, sql, [id.0.as_bytes()], read)? else { return Ok(None) };
    Ok(Some(Person { guest, accounts: accounts(db, id)?, has_photo }))
}

fn accounts(db: &Connection, guest: GuestId) -> Result<Vec<Account>, Fail> {
    let sql = concat!(
        "SELECT ",
        columns!(account),
        " FROM accounts WHERE guest = ?1 ORDER BY id LIMIT ?2"
    );
    many(db, sql, params![guest.0.as_bytes(), LIMIT_MAX], row::account)
}

fn bill(db: &Db, id: OrderId) -> Result<Option<Bill>, Fail> {
    let Some((number, order)) = load::numbered_order(db, id)? else { return Ok(None) };
    let payments = many(db, load::ORDER_PAYMENTS, [number], row::payment)?;
    let held = order.live.held.total().is_ok_and(|sum| sum.is_positive());
    let holds =
        if held { many(db, load::ORDER_HOLDS, [id.0.as_bytes()], row::hold)? } else { Vec::new() };
    Ok(Some(Bill { order, holds, payments }))
}

fn payer(bill: &Bill) -> Option<GuestId> {
    match &bill.order.binding {
        Binding::Pending(payer) | Binding::Bound(payer) => Some(payer.guest),
        Binding::None | Binding::Unbound => None,
    }
}

fn sheet(bill: Bill, person: Option<Person>) -> Sheet {
    let Bill { order, holds, payments } = bill;
    let mut sheet =
        Sheet { order, guest: None, accounts: Vec::new(), holds, payments, has_photo: false };
    if let Some(person) = person {
        sheet.guest = Some(person.guest);
        (sheet.accounts, sheet.has_photo) = (person.accounts, person.has_photo);
    }
    sheet
}

fn reconciliation(
    db: &Db,
    till: &TillId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Reconciliation, Fail> {
    let payments = concat!(
        "SELECT ",
        columns!(payment),
        " FROM payments WHERE till = ?1 AND since_ms >= ?2 AND since_ms < ?3",
        " ORDER BY since_ms, entry, id"
    );
    let refunds = concat!(
        "SELECT ",
        columns!(refund),
        " FROM refunds WHERE at_ms >= ?1 AND at_ms < ?2 ORDER BY at_ms, id"
    );
    let held = concat!("SELECT ", columns!(hold), " FROM holds WHERE state = 0 ORDER BY at_ms, id");
    let (from, to) = (from.utc_ms, to.utc_ms);
    let payments = many(db, payments, params![till.as_str(), from, to], row::payment)?;
    let refunds = only(many(db, refunds, [from, to], row::refund)?, |refund| {
        Ok(load::payment(db, refund.of)?.and_then(|payment| payment.till).as_ref() == Some(till))
    })?;
    let held = only(many(db, held, [], row::hold)?, |hold| {
        Ok(load::order(db, hold.order)?.and_then(|order| order.till).as_ref() == Some(till))
    })?;
    Ok(Reconciliation { payments, refunds, held })
}

/// The rows of which `is` says so.
fn only<T>(rows: Vec<T>, is: impl Fn(&T) -> Result<bool, Fail>) -> Result<Vec<T>, Fail> {
    let judged = rows.into_iter().map(|row| Ok(is(&row)?.then_some(row)));
    judged.filter_map(Result::transpose).collect()
}

/// Of a kind, in a chapter.
pub(crate) const STREAMS: &str = concat!(
    "SELECT ",
    columns!(stream),
    of_chapter!("streams"),
    " WHERE named > ?3 AND named < ?4 AND at_ms > ?5 AND (?6 IS NULL OR status = ?6)",
    " ORDER BY named LIMIT ?7"
);

/// What wakes, what is open and what lies on a shelf has an index. A list of all the others walks
/// the ids, one kind after the other.
pub(crate) fn heads(
    db: &Connection,
    query: &Query,
    after: Option<StreamId>,
    limit: u32,
) -> Result<Vec<HeadRow>, Fail> {
    let is_open = query.status.is_some_and(|status| status != Status::Done);
    if is_open || query.due.is_some() || query.shelf.is_some() {
        return indexed_heads(db, query, after, limit);
    }
    let mut heads = Vec::new();
    let first = after.map_or(0, |after| after.kind.code());
    let kinds = (first..=u8::MAX).filter_map(StreamKind::from_code);
    for kind in kinds.filter(|kind| query.kind.is_none_or(|only| only == *kind)) {
        let after = after.filter(|after| after.kind == kind);
        let what = What::Stream(kind).code();
        // The empty blob comes before every id.
        let after = after.as_ref().map_or(&[][..], |after| after.id.as_bytes());
        let left = limit.saturating_sub(u32::try_from(heads.len()).unwrap_or(u32::MAX));
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        if most == 0 {
            break;
        }
        let (never, status) = (StreamRow::NEVER.utc_ms, query.status.map(Status::code));
        let mut of_kind: Vec<HeadRow> = Vec::new();
        for chapter in chapters::numbers(db)? {
            // Once there are enough, only what comes before the last of them. A blob that is longer
            // than any id comes after all.
            let last = of_kind.last().filter(|_| of_kind.len() >= most).map(|head| head.stream.id);
            let before = last.as_ref().map_or(&[u8::MAX; 17][..], |id| id.as_bytes());
            let bound = params![chapter, what, after, before, never, status, left];
            of_kind.extend(many(db, STREAMS, bound, head)?);
            of_kind.sort_unstable_by_key(|head| head.stream.id);
            of_kind.truncate(most);
        }
        heads.append(&mut of_kind);
    }
    Ok(heads)
}

fn indexed_heads(
    db: &Connection,
    query: &Query,
    after: Option<StreamId>,
    limit: u32,
) -> Result<Vec<HeadRow>, Fail> {
    let (sql, bound) = indexed(query, after, limit);
    many(db, &sql, params_from_iter(bound), head)
}

/// Only what is asked for stands in the statement, so that it finds its index.
pub(crate) fn indexed(
    query: &Query,
    after: Option<StreamId>,
    limit: u32,
) -> (String, Vec<rusqlite::types::Value>) {
    use rusqlite::types::Value;
    let mut sql = concat!("SELECT ", columns!(stream), " FROM streams WHERE at_ms > ?").to_owned();
    let mut bound: Vec<Value> = vec![StreamRow::NEVER.utc_ms.into()];
    if let Some(kind) = query.kind {
        sql.push_str(" AND kind = ?");
        bound.push(kind.code().into());
    }
    if let Some(status) = query.status {
        sql.push_str(&format!(" AND status = {}", status.code()));
        if query.due.is_none() && query.shelf.is_none() {
            // As it stands in the partial index: from nothing else SQLite sees that this has it.
            sql.push_str(" AND status < 2");
        }
    }
    if let Some(due) = query.due {
        sql.push_str(" AND wake_ms <= ?");
        bound.push(due.utc_ms.into());
    }
    if let Some(shelf) = &query.shelf {
        sql.push_str(" AND shelf = ?");
        bound.push(shelf.to_string().into());
    }
    if let Some(after) = after {
        sql.push_str(" AND (kind, id) > (?, ?)");
        bound.extend([Value::from(after.kind.code()), after.id.as_bytes().to_vec().into()]);
    }
    sql.push_str(" ORDER BY kind, id LIMIT ?");
    bound.push(limit.into());
    (sql, bound)
}

fn head(c: &Columns<'_>) -> Result<HeadRow, Fail> {
    let row = row::stream(c)?;
    Ok(HeadRow { stream: row.id, seq: row.seq, head: row.head, at: row.at })
}

/// The whole book in one moment.
pub(crate) fn audit(db: &Connection) -> Result<Audit, Fail> {
    let live = code::hold::HELD;
    let accounts = concat!("SELECT ", columns!(account), " FROM accounts");
    let holds = concat!("SELECT ", columns!(hold), " FROM holds WHERE state = ?1");
    let payments = concat!("SELECT ", columns!(payment), " FROM payments");
    let orders =
        concat!("SELECT ", columns!(order), " FROM orders LEFT JOIN order_lines ON order_no = no");
    let refunds = concat!("SELECT ", columns!(refund), " FROM refunds");
    let movements = concat!("SELECT ", columns!(movement), " FROM movements ORDER BY entry");
    moment(db, |db| {
        Ok(Audit {
            accounts: many(db, accounts, [], row::account)?,
            holds: many(db, holds, [live], row::hold)?,
            refunds: many(db, refunds, [], row::refund)?,
            payments: many(db, payments, [], row::payment)?,
            orders: many(db, orders, [], row::order)?,
            movements: many(db, movements, [], |c| row::movement(c).map(|(_, m)| m))?,
            streams: many(db, chains::STREAMS, [], row::stream)?,
            records: many(db, chains::ALL_RECORDS, [], row::named_record)?,
            keys: many(db, chains::KEYS, [], row::named_key)?,
        })
    })
}
