//! Loads the rows that the book asks for.

use rusqlite::params;
use tillway_core::Timestamp;
use tillway_core::book::{
    Commit, Hold, KeyRow, Needs, OVERDUE_MAX, Order, Payment, Scope, Stored, StreamId, StreamRow,
    View, needs,
};
use tillway_core::id::{GuestId, HoldId, OrderId, PaymentId, Uuid};

use crate::error::Fail;
use crate::ids::{self, Db, What};
use crate::row::{self, Columns, columns, many, one};

/// More rounds than any commit needs: a commit that asks for more is an error of core.
const ROUNDS_MAX: usize = 16;

/// All rows that a commit is judged over.
pub(crate) fn view(db: &Db, commit: &Commit) -> Result<View, Fail> {
    let mut view = View::default();
    for _ in 0..ROUNDS_MAX {
        let Some(needs) = needs(commit, &view) else { break };
        money(db, &mut view, &needs)?;
        lists(db, &mut view, &needs, commit.at)?;
        registry(db, &mut view, needs)?;
    }
    Ok(view)
}

/// A number that is known, or that of a name in a chapter: most readers ask for what is new, and find
/// it by one statement.
macro_rules! number {
    () => {
        "coalesce(?1, (SELECT no FROM ids WHERE chapter = ?2 AND id = ?3 AND what = ?4))"
    };
}

pub(crate) const PAYMENT: &str =
    concat!("SELECT ", columns!(payment), " FROM payments WHERE no = ", number!());
pub(crate) const HOLD: &str =
    concat!("SELECT ", columns!(hold), " FROM holds WHERE no = ", number!());
pub(crate) const ACCOUNT: &str =
    concat!("SELECT ", columns!(account), " FROM accounts WHERE id = ?1");
pub(crate) const ORDER: &str = concat!(
    "SELECT no, ",
    columns!(order),
    " FROM orders LEFT JOIN order_lines ON order_no = no WHERE no = ",
    number!()
);
pub(crate) const KEY: &str = concat!("SELECT ", columns!(key), " FROM keys WHERE no = ", number!());
pub(crate) const STREAM: &str =
    concat!("SELECT ", columns!(stream), " FROM streams WHERE no = ", number!());
pub(crate) const RECORDS: &str = concat!(
    "SELECT ",
    columns!(record),
    " FROM records WHERE stream_no = ",
    number!(),
    " AND seq > ?5 ORDER BY seq LIMIT ?6"
);
pub(crate) const ORDER_PAYMENTS: &str =
    concat!("SELECT ", columns!(payment), " FROM payments WHERE order_no = ?1 ORDER BY entry");
pub(crate) const ORDER_HOLDS: &str = concat!(
    "SELECT ",
    columns!(hold),
    " FROM holds WHERE order_id = ?1 AND state = 0 ORDER BY at_ms, id"
);
pub(crate) const GUEST: &str = "SELECT body FROM guests WHERE id = ?1";
pub(crate) const CARRIER: &str =
    concat!("SELECT ", columns!(carrier), " FROM carriers WHERE alias = ?1");

fn money(db: &Db, view: &mut View, needs: &Needs) -> Result<(), Fail> {
    for (scope, id) in &needs.keys {
        view.keys.load((*scope, *id), key(db, *scope, *id)?);
    }
    for id in &needs.payments {
        view.payments.load(*id, payment(db, *id)?);
    }
    for id in &needs.holds {
        view.holds.load(*id, hold(db, *id)?);
    }
    let refund = concat!("SELECT ", columns!(refund), " FROM refunds WHERE id = ?1");
    for id in &needs.refunds {
        view.refunds.load(*id, one(db, refund, [id.0.as_bytes()], row::refund)?);
    }
    for id in &needs.accounts {
        view.accounts.load(*id, one(db, ACCOUNT, [id.0.as_bytes()], row::account)?);
    }
    for id in &needs.orders {
        view.orders.load(*id, order(db, *id)?);
    }
    for id in &needs.streams {
        view.streams.load(*id, stream(db, *id)?);
    }
    Ok(())
}

/// Lists bring their rows along, which saves a round.
fn lists(db: &Db, view: &mut View, needs: &Needs, at: Timestamp) -> Result<(), Fail> {
    for id in &needs.order_payments {
        let rows = order_payments(db, *id)?;
        view.order_payments.load(*id, Some(rows.iter().map(|p| p.id).collect()));
        rows.into_iter().for_each(|p| view.payments.load(p.id, Some(p)));
    }
    for id in &needs.order_holds {
        let rows = many(db, ORDER_HOLDS, [id.0.as_bytes()], row::hold)?;
        view.order_holds.load(*id, Some(rows.iter().map(|h| h.id).collect()));
        rows.into_iter().for_each(|h| view.holds.load(h.id, Some(h)));
    }
    let overdue = concat!(
        "SELECT ",
        columns!(hold),
        " FROM holds WHERE account = ?1 AND state = 0 AND expires_ms <= ?2",
        " ORDER BY expires_ms LIMIT ?3"
    );
    for id in &needs.overdue {
        let most = i64::try_from(OVERDUE_MAX).unwrap_or(i64::MAX);
        let bound = params![id.0.as_bytes(), at.utc_ms, most];
        let mut rows = many(db, overdue, bound, row::hold)?;
        rows.retain(|hold| hold.expires.is_some_and(|moment| moment <= at));
        view.overdue.load(*id, Some(rows.iter().map(|h| h.id).collect()));
        rows.into_iter().for_each(|h| view.holds.load(h.id, Some(h)));
    }
    Ok(())
}

fn registry(db: &Db, view: &mut View, needs: Needs) -> Result<(), Fail> {
    let token = concat!("SELECT ", columns!(token), " FROM tokens WHERE id = ?1");
    for id in needs.tokens {
        view.tokens.load(id, one(db, token, [id.0], row::token)?);
    }
    let by_till = concat!("SELECT ", columns!(pairing), " FROM pairings WHERE till = ?1");
    for till in needs.tills {
        let row = one(db, by_till, [till.as_str()], row::pairing)?;
        view.tills.load(till, row);
    }
    let by_device = concat!("SELECT ", columns!(pairing), " FROM pairings WHERE device = ?1");
    for device in needs.devices {
        let row = one(db, by_device, [device.as_str()], row::pairing)?;
        view.devices.load(device, row);
    }
    for id in needs.guests {
        view.guests.load(id, one(db, GUEST, [id.0.as_bytes()], row::guest)?);
    }
    for client in needs.clients {
        let sql = "SELECT id FROM guests WHERE client_id = ?1";
        let owner = one(db, sql, [&*client], |c| c.uuid().map(GuestId))?;
        view.clients.load(client, owner);
    }
    for alias in needs.carriers {
        let row = one(db, CARRIER, [&*alias], row::carrier)?;
        view.carriers.load(alias, row);
    }
    Ok(())
}

/// The row of an id. A name whose row is gone is damage: a key that is taken for new happens twice.
fn named<T>(
    db: &Db,
    (id, what): (Uuid, What),
    sql: &str,
    read: impl Fn(&Columns<'_>) -> Result<T, Fail>,
) -> Result<Option<T>, Fail> {
    if let Some(newest) = db.newest_first() {
        let bound = params![None::<i64>, newest, id.as_bytes(), what.code()];
        if let Some(row) = one(db, sql, bound, &read)? {
            return Ok(Some(row));
        }
    }
    let Some(number) = ids::number(db, id, what)? else { return Ok(None) };
    let bound = params![number, None::<i64>, None::<i64>, None::<i64>];
    one(db, sql, bound, read)?.ok_or(Fail::BadRow(0)).map(Some)
}

pub(crate) fn key(db: &Db, scope: Scope, id: Uuid) -> Result<Option<KeyRow>, Fail> {
    named(db, (id, What::Key(scope)), KEY, row::key)
}

pub(crate) fn payment(db: &Db, id: PaymentId) -> Result<Option<Payment>, Fail> {
    named(db, (id.0, What::Payment), PAYMENT, row::payment)
}

pub(crate) fn hold(db: &Db, id: HoldId) -> Result<Option<Hold>, Fail> {
    named(db, (id.0, What::Hold), HOLD, row::hold)
}

pub(crate) fn order(db: &Db, id: OrderId) -> Result<Option<Order>, Fail> {
    Ok(numbered_order(db, id)?.map(|(_, order)| order))
}

pub(crate) fn stream(db: &Db, id: StreamId) -> Result<Option<StreamRow>, Fail> {
    named(db, (id.id, What::Stream(id.kind)), STREAM, row::stream)
}

/// An order after its number.
pub(crate) fn numbered_order(db: &Db, id: OrderId) -> Result<Option<(i64, Order)>, Fail> {
    named(db, (id.0, What::Order), ORDER, |c| Ok((c.int()?, row::order(c)?)))
}

/// The captured payments of an order.
pub(crate) fn order_payments(db: &Db, id: OrderId) -> Result<Vec<Payment>, Fail> {
    match ids::number(db, id.0, What::Order)? {
        Some(number) => many(db, ORDER_PAYMENTS, [number], row::payment),
        None => Ok(Vec::new()),
    }
}

/// Records of a stream, in their order.
pub(crate) fn records(
    db: &Db,
    stream: StreamId,
    after: i64,
    limit: u32,
) -> Result<Vec<Stored>, Fail> {
    let (id, what) = (stream.id, What::Stream(stream.kind));
    if let Some(newest) = db.newest_first() {
        let bound = params![None::<i64>, newest, id.as_bytes(), what.code(), after, limit];
        let records = many(db, RECORDS, bound, row::record)?;
        if !records.is_empty() {
            return Ok(records);
        }
    }
    let Some(number) = ids::number(db, id, what)? else { return Ok(Vec::new()) };
    let bound = params![number, None::<i64>, None::<i64>, None::<i64>, after, limit];
    many(db, RECORDS, bound, row::record)
}
