//! The chains of the book as SQLite keeps them: walked for the audit and for the digest of a day,
//! and made for files of a time when there were none.
//!
//! Every walk goes row by row, and each order comes right after its payments: the audit needs memory
//! for what is open and for what was refunded, however large the book is.

use rusqlite::{Connection, Params, params};
use tillway_core::book::{
    AccountWalk, Auditor, Chain, Day, DayDigest, Digest, Fault, KeyRow, Movement, Order, Party,
    Payment, Scope, Stored, StreamRow, StreamWalk, Why, code,
};
use tillway_core::id::{AccountId, Uuid};
use tillway_core::port::ReadError;

use crate::chapters;
use crate::check::{Checked, Progress, Stage};
use crate::error::Fail;
use crate::ids::What;
use crate::merge::{merged, of_chapter};
use crate::names;
use crate::row::{self, Columns, columns, each, many, one};
use crate::save;

const ACCOUNTS: &str = concat!("SELECT ", columns!(account), " FROM accounts ORDER BY id");
pub(crate) const STREAMS: &str =
    concat!("SELECT ", columns!(stream), " FROM streams ORDER BY kind, id");
pub(crate) const STREAMS_OF_KIND: &str =
    concat!("SELECT number, ", columns!(stream), of_chapter!("streams"), " ORDER BY named");
const STATEMENT: &str = concat!(
    "SELECT ",
    columns!(movement),
    " FROM movements WHERE debit = 0 AND debit_id = ?1 UNION ALL SELECT ",
    columns!(movement),
    " FROM movements WHERE credit = 0 AND credit_id = ?1 ORDER BY entry"
);
const ORDERS: &str =
    concat!("SELECT no, ", columns!(order), " FROM orders LEFT JOIN order_lines ON order_no = no");
/// Through their index.
pub(crate) const PAYMENTS: &str =
    concat!("SELECT ", columns!(payment), " FROM payments WHERE order_no = ?1 ORDER BY entry");
const RECORDS: &str =
    concat!("SELECT ", columns!(record), " FROM records WHERE stream_no = ?1 ORDER BY seq");

/// Captured payments that no movement tells as they are: what a store adds to a payment is in no sum
/// of the audit.
const UNTOLD: &str = "SELECT 1 FROM payments WHERE account IS NOT NULL AND NOT EXISTS \
     (SELECT 1 FROM movements WHERE movements.entry = payments.entry AND why = ?1 AND by_id = id \
     AND debit = ?2 AND debit_id = account AND amount = own + overdraft \
     AND movements.at_ms = since_ms) LIMIT 1";

pub(crate) const ALL_RECORDS: &str = concat!(
    "SELECT of_kind, of_id, ",
    columns!(record),
    " FROM (SELECT no, kind AS of_kind, id AS of_id FROM streams) JOIN records ON stream_no = no",
    " ORDER BY of_kind, of_id, seq"
);

pub(crate) const KEYS: &str =
    concat!("SELECT scope, id, ", columns!(key), " FROM keys ORDER BY scope, id");
pub(crate) const KEYS_OF_SCOPE: &str =
    concat!("SELECT scope, id, ", columns!(key), of_chapter!("keys"), " ORDER BY named");

/// Why a walk ended early.
pub(crate) enum Broken {
    Read(Fail),
    /// A column of a row of this table does not read.
    Row(&'static str, usize),
    Book(Fault),
    /// A row of this table is not found by its id, or an id finds nothing.
    Lost(&'static str),
}

impl From<Fail> for Broken {
    fn from(fail: Fail) -> Self {
        Self::Read(fail)
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Book(fault)
    }
}

impl Broken {
    /// Names the table that was walked.
    pub(crate) fn of(self, table: &'static str) -> Self {
        match self {
            Self::Read(Fail::BadRow(column)) => Self::Row(table, column),
            other => other,
        }
    }

    pub(crate) fn read_error(self) -> ReadError {
        match self {
            Self::Read(fail) => fail.read_error(),
            Self::Row(..) | Self::Book(_) | Self::Lost(_) => ReadError::Corrupt,
        }
    }
}

/// Every sum and every chain of the book.
pub(crate) fn audit(
    db: &Connection,
    progress: &mut dyn FnMut(Progress),
) -> Result<Checked, Broken> {
    let mut auditor = Auditor::default();
    let mut seen = Checked { schema: schema(db)?, ..Checked::default() };
    let mut rows = Rows { done: 0, total: total(db)?, progress };
    names::check(db, || rows.one(&mut 0))?;
    let movements = concat!("SELECT ", columns!(movement), " FROM movements ORDER BY entry");
    walk(db, "movements", movements, [], row::movement, |(_, movement)| {
        rows.one(&mut seen.movements);
        Ok(auditor.movement(&movement)?)
    })?;
    let holds = concat!("SELECT ", columns!(hold), " FROM holds WHERE state = ?1");
    walk(db, "holds", holds, [code::hold::HELD], row::hold, |hold| Ok(auditor.hold(&hold)?))?;
    walk(db, "accounts", ACCOUNTS, [], row::account, |account| {
        rows.one(&mut seen.accounts);
        let mut chain = AccountWalk::new(&account);
        statement(db, account.id, &mut chain, || rows.one(&mut 0))?;
        Ok(auditor.account(&chain)?)
    })?;
    let refunds = concat!("SELECT ", columns!(refund), " FROM refunds");
    walk(db, "refunds", refunds, [], row::refund, |refund| Ok(auditor.refund(&refund)?))?;
    orders(db, |row| match row {
        OfOrder::Payment(payment) => {
            rows.one(&mut seen.payments);
            Ok(auditor.payment(&payment)?)
        }
        OfOrder::Order(order) => {
            rows.one(&mut seen.orders);
            Ok(auditor.order(&order)?)
        }
    })?;
    streams(db, |number, stream| {
        rows.one(&mut seen.streams);
        let mut chain = StreamWalk::new(&stream);
        records(db, number, |stored| {
            rows.one(&mut seen.records);
            auditor.kept(stream.id, stored);
            if stream.id == Digest::STREAM {
                seen.digests = stored.seq.0;
                seen.last = Digest::decode(&stored.record).ok();
            }
            Ok(chain.record(stored)?)
        })?;
        Ok(auditor.stream(&chain)?)
    })?;
    keys(db, |key, row| auditor.key(key, row))?;
    auditor.end()?;
    let told = params![Why::Capture.code(), Party::GUEST_CODE];
    walk(db, "payments", UNTOLD, told, |_| Ok(()), |()| Err(Fault::Payments.into()))?;
    walk(db, "guests", "SELECT body FROM guests", [], row::guest, |_| {
        rows.one(&mut seen.guests);
        Ok(())
    })?;
    Ok(seen)
}

/// Tells how far a walk is, now and then.
struct Rows<'p> {
    done: u64,
    total: u64,
    progress: &'p mut dyn FnMut(Progress),
}

impl Rows<'_> {
    /// How many rows from one word to the next: some words a second.
    const EVERY: u64 = 65_536;

    fn one(&mut self, count: &mut u64) {
        *count = count.saturating_add(1);
        if self.done.is_multiple_of(Self::EVERY) {
            let total = self.total.max(self.done);
            (self.progress)(Progress { stage: Stage::Book, done: self.done, total });
        }
        self.done = self.done.saturating_add(1);
    }
}

/// About how many rows an audit reads, found without reading them: each movement once for the sums
/// and mostly once for an account, each record once, and what has a name twice for that.
fn total(db: &Connection) -> Result<u64, Fail> {
    let sql = "SELECT 2 * coalesce((SELECT max(entry) FROM movements), 0) + \
               coalesce((SELECT sum(seq) FROM streams), 0)";
    let rest = one(db, sql, [], |c| c.int())?.and_then(|rest| u64::try_from(rest).ok());
    let named = chapters::names(db)?.saturating_mul(2);
    Ok(rest.unwrap_or_default().saturating_add(named))
}

fn schema(db: &Connection) -> Result<u32, Fail> {
    let sql = "SELECT max(version) FROM schema_version";
    let version = one(db, sql, [], |c| c.int())?;
    Ok(version.and_then(|version| u32::try_from(version).ok()).unwrap_or_default())
}

/// The digest of a day.
pub(crate) fn digest(db: &Connection, day: Day) -> Result<Option<Digest>, Broken> {
    let (from, to) = (day.start().utc_ms, day.next().start().utc_ms);
    let mut digest = DayDigest::new(day);
    // Streams that grew on the day or later; most of them on the day, which is yesterday.
    let streams = concat!(
        "SELECT no, ",
        columns!(stream),
        " FROM streams WHERE at_ms >= ?1 AND seq > 0 ORDER BY kind, id"
    );
    walk(db, "streams", streams, [from], numbered, |(number, stream)| {
        let mut chain = StreamWalk::new(&stream);
        records(db, number, |stored| Ok(chain.record(stored)?))?;
        Ok(digest.stream(&chain)?)
    })?;
    let accounts = concat!(
        "SELECT ",
        columns!(account),
        " FROM accounts WHERE id IN (",
        "SELECT debit_id FROM movements WHERE debit = 0 AND at_ms >= ?1 AND at_ms < ?2",
        " UNION SELECT credit_id FROM movements",
        " WHERE credit = 0 AND at_ms >= ?1 AND at_ms < ?2) ORDER BY id"
    );
    walk(db, "accounts", accounts, [from, to], row::account, |account| {
        let mut chain = AccountWalk::new(&account);
        statement(db, account.id, &mut chain, || ())?;
        Ok(digest.account(&chain)?)
    })?;
    let movements = concat!(
        "SELECT ",
        columns!(movement),
        " FROM movements WHERE debit <> 0 AND credit <> 0 AND at_ms >= ?1 AND at_ms < ?2",
        " ORDER BY entry"
    );
    walk(db, "movements", movements, [from, to], row::movement, |(_, movement)| {
        digest.movement(&movement);
        Ok(())
    })?;
    let keys = concat!(
        "SELECT scope, id, ",
        columns!(key),
        " FROM keys WHERE at_ms >= ?1 AND at_ms < ?2 ORDER BY scope, id"
    );
    walk(db, "keys", keys, [from, to], row::named_key, |(key, row)| {
        digest.key(key, &row);
        Ok(())
    })?;
    Ok(digest.end())
}

/// Makes the chains of a file that was written without them, as the tables were then.
pub(crate) fn fill(db: &Connection) -> Result<(), Fail> {
    for account in many(db, ACCOUNTS, [], row::account)? {
        let mut chain = Chain::START;
        let link = |(_, movement): (u64, Movement)| chain = chain.movement(&movement);
        many(db, STATEMENT, [account.id.0.as_bytes()], row::movement)?.into_iter().for_each(link);
        let sql = "UPDATE accounts SET chain = ?2 WHERE id = ?1";
        db.execute(sql, params![account.id.0.as_bytes(), save::link(chain)])?;
    }
    let records = concat!(
        "SELECT ",
        columns!(record),
        " FROM records WHERE stream_kind = ?1 AND stream = ?2 ORDER BY seq"
    );
    for StreamRow { id, .. } in many(db, STREAMS, [], row::stream)? {
        let bound = params![id.kind.code(), id.id.as_bytes()];
        let stored = many(db, records, bound, row::record)?;
        let chain = stored.iter().fold(Chain::START, |chain, stored| chain.record(id, stored));
        let sql = "UPDATE streams SET chain = ?3 WHERE kind = ?1 AND id = ?2";
        db.execute(sql, params![id.kind.code(), id.id.as_bytes(), save::link(chain)])?;
    }
    Ok(())
}

/// Walks the movements of an account.
fn statement(
    db: &Connection,
    id: AccountId,
    chain: &mut AccountWalk<'_>,
    mut each: impl FnMut(),
) -> Result<(), Broken> {
    walk(db, "movements", STATEMENT, [id.0.as_bytes()], row::movement, |(_, movement)| {
        each();
        Ok(chain.movement(&movement)?)
    })
}

/// What an order is made of.
enum OfOrder {
    Payment(Payment),
    Order(Order),
}

/// Walks the payments that belong to no order, then each order after its payments.
fn orders(
    db: &Connection,
    mut take: impl FnMut(OfOrder) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let of_none = concat!("SELECT ", columns!(payment), " FROM payments WHERE order_no IS NULL");
    walk(db, "payments", of_none, [], row::payment, |row| take(OfOrder::Payment(row)))?;
    let numbered = |c: &Columns<'_>| Ok((c.int()?, row::order(c)?));
    walk(db, "orders", ORDERS, [], numbered, |(no, order)| {
        walk(db, "payments", PAYMENTS, [no], row::payment, |row| take(OfOrder::Payment(row)))?;
        take(OfOrder::Order(order))
    })
}

fn records(
    db: &Connection,
    stream: i64,
    mut take: impl FnMut(&Stored) -> Result<(), Broken>,
) -> Result<(), Broken> {
    walk(db, "records", RECORDS, [stream], row::record, |stored| take(&stored))
}

/// A stream after its number.
fn numbered(c: &Columns<'_>) -> Result<(i64, StreamRow), Fail> {
    Ok((c.int()?, row::stream(c)?))
}

/// Walks all streams in the order of their kinds and ids.
fn streams(
    db: &Connection,
    mut take: impl FnMut(i64, StreamRow) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let sql = "SELECT DISTINCT kind FROM streams ORDER BY kind";
    list(db, "streams", sql, row::stream_kind)?.into_iter().try_for_each(|kind| {
        let id = |(_, stream): &(i64, StreamRow)| stream.id.id;
        let take = |(number, stream)| take(number, stream);
        let what = Some(What::Stream(kind).code());
        let walked = merged(db, STREAMS_OF_KIND, what, numbered, id, take);
        walked.map_err(|broken| broken.of("streams"))
    })
}

/// Walks all keys in the order of their scopes and ids.
fn keys(db: &Connection, mut take: impl FnMut((Scope, Uuid), &KeyRow)) -> Result<(), Broken> {
    let sql = "SELECT DISTINCT scope FROM keys ORDER BY scope";
    list(db, "keys", sql, row::scope)?.into_iter().try_for_each(|scope| {
        let id = |((_, id), _): &((Scope, Uuid), KeyRow)| *id;
        let take = |(key, row)| {
            take(key, &row);
            Ok(())
        };
        let what = Some(What::Key(scope).code());
        let walked = merged(db, KEYS_OF_SCOPE, what, row::named_key, id, take);
        walked.map_err(|broken: Broken| broken.of("keys"))
    })
}

/// What is few, at once.
fn list<T>(
    db: &Connection,
    table: &'static str,
    sql: &str,
    read: impl Fn(&Columns<'_>) -> Result<T, Fail>,
) -> Result<Vec<T>, Broken> {
    let mut list = Vec::new();
    walk(db, table, sql, [], read, |one| {
        list.push(one);
        Ok(())
    })?;
    Ok(list)
}

/// [`each`] row of a table, with the one error of a walk.
pub(crate) fn walk<T>(
    db: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Columns<'_>) -> Result<T, Fail>,
    take: impl FnMut(T) -> Result<(), Broken>,
) -> Result<(), Broken> {
    each(db, sql, params, read, take).map_err(|broken| broken.of(table))
}
