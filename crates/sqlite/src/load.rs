//! Loads the rows that the book asks for.

use rusqlite::{Connection, params};
use tillway_core::Timestamp;
use tillway_core::book::{Commit, Needs, OVERDUE_MAX, StreamId, StreamRow, View, needs};
use tillway_core::id::{GuestId, OrderId};

use crate::error::Fail;
use crate::ids::{What, number};
use crate::row::{self, columns, many, one};

/// More rounds than any commit needs: a commit that asks for more is an error of core.
const ROUNDS_MAX: usize = 16;

/// All rows that a commit is judged over.
pub(crate) fn view(connection: &Connection, commit: &Commit) -> Result<View, Fail> {
    let mut view = View::default();
    for _ in 0..ROUNDS_MAX {
        let Some(needs) = needs(commit, &view) else { break };
        money(connection, &mut view, &needs)?;
        lists(connection, &mut view, &needs, commit.at)?;
        registry(connection, &mut view, needs)?;
    }
    Ok(view)
}

pub(crate) const PAYMENT: &str =
    concat!("SELECT ", columns!(payment), " FROM payments WHERE no = ", number!(payment, "?1"));
pub(crate) const HOLD: &str =
    concat!("SELECT ", columns!(hold), " FROM holds WHERE no = ", number!(hold, "?1"));
pub(crate) const ACCOUNT: &str =
    concat!("SELECT ", columns!(account), " FROM accounts WHERE id = ?1");
pub(crate) const ORDER: &str = concat!(
    "SELECT ",
    columns!(order),
    " FROM orders LEFT JOIN order_lines ON order_no = no WHERE no = ",
    number!(order, "?1")
);
pub(crate) const KEY: &str =
    concat!("SELECT ", columns!(key), " FROM keys WHERE no = ", number!("?1", "?2"));
pub(crate) const STREAM: &str =
    concat!("SELECT ", columns!(stream), " FROM streams WHERE no = ", number!("?1", "?2"));
pub(crate) const ORDER_PAYMENTS: &str = concat!(
    "SELECT ",
    columns!(payment),
    " FROM payments WHERE order_no = ",
    number!(order, "?1"),
    " ORDER BY entry"
);
pub(crate) const ORDER_HOLDS: &str = concat!(
    "SELECT ",
    columns!(hold),
    " FROM holds WHERE order_id = ?1 AND state = 0 ORDER BY at_ms, id"
);
pub(crate) const GUEST: &str = "SELECT body FROM guests WHERE id = ?1";
pub(crate) const CARRIER: &str =
    concat!("SELECT ", columns!(carrier), " FROM carriers WHERE alias = ?1");

fn money(connection: &Connection, view: &mut View, needs: &Needs) -> Result<(), Fail> {
    for (scope, id) in &needs.keys {
        let bound = params![id.as_bytes(), What::Key(*scope).code()];
        let row = one(connection, KEY, bound, row::key)?;
        view.keys.load((*scope, *id), row);
    }
    for id in &needs.payments {
        view.payments.load(*id, one(connection, PAYMENT, [id.0.as_bytes()], row::payment)?);
    }
    for id in &needs.holds {
        view.holds.load(*id, one(connection, HOLD, [id.0.as_bytes()], row::hold)?);
    }
    let refund = concat!("SELECT ", columns!(refund), " FROM refunds WHERE id = ?1");
    for id in &needs.refunds {
        view.refunds.load(*id, one(connection, refund, [id.0.as_bytes()], row::refund)?);
    }
    for id in &needs.accounts {
        view.accounts.load(*id, one(connection, ACCOUNT, [id.0.as_bytes()], row::account)?);
    }
    for id in &needs.orders {
        view.orders.load(*id, one(connection, ORDER, [id.0.as_bytes()], row::order)?);
    }
    for id in &needs.streams {
        view.streams.load(*id, stream(connection, *id)?);
    }
    Ok(())
}

pub(crate) fn stream(connection: &Connection, id: StreamId) -> Result<Option<StreamRow>, Fail> {
    let bound = params![id.id.as_bytes(), What::Stream(id.kind).code()];
    one(connection, STREAM, bound, row::stream)
}

/// Lists bring their rows along, which saves a round.
fn lists(
    connection: &Connection,
    view: &mut View,
    needs: &Needs,
    at: Timestamp,
) -> Result<(), Fail> {
    for id in &needs.order_payments {
        let rows = many(connection, ORDER_PAYMENTS, [id.0.as_bytes()], row::payment)?;
        view.order_payments.load(*id, Some(rows.iter().map(|p| p.id).collect()));
        rows.into_iter().for_each(|p| view.payments.load(p.id, Some(p)));
    }
    for id in &needs.order_holds {
        let rows = many(connection, ORDER_HOLDS, [id.0.as_bytes()], row::hold)?;
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
        let mut rows = many(connection, overdue, bound, row::hold)?;
        rows.retain(|hold| hold.expires.is_some_and(|moment| moment <= at));
        view.overdue.load(*id, Some(rows.iter().map(|h| h.id).collect()));
        rows.into_iter().for_each(|h| view.holds.load(h.id, Some(h)));
    }
    Ok(())
}

fn registry(connection: &Connection, view: &mut View, needs: Needs) -> Result<(), Fail> {
    let token = concat!("SELECT ", columns!(token), " FROM tokens WHERE id = ?1");
    for id in needs.tokens {
        view.tokens.load(id, one(connection, token, [id.0], row::token)?);
    }
    let by_till = concat!("SELECT ", columns!(pairing), " FROM pairings WHERE till = ?1");
    for till in needs.tills {
        let row = one(connection, by_till, [till.as_str()], row::pairing)?;
        view.tills.load(till, row);
    }
    let by_device = concat!("SELECT ", columns!(pairing), " FROM pairings WHERE device = ?1");
    for device in needs.devices {
        let row = one(connection, by_device, [device.as_str()], row::pairing)?;
        view.devices.load(device, row);
    }
    for id in needs.guests {
        view.guests.load(id, one(connection, GUEST, [id.0.as_bytes()], row::guest)?);
    }
    for client in needs.clients {
        let sql = "SELECT id FROM guests WHERE client_id = ?1";
        let owner = one(connection, sql, [&*client], |c| c.uuid().map(GuestId))?;
        view.clients.load(client, owner);
    }
    for alias in needs.carriers {
        let row = one(connection, CARRIER, [&*alias], row::carrier)?;
        view.carriers.load(alias, row);
    }
    Ok(())
}

/// The order's row.
pub(crate) fn order(
    connection: &Connection,
    id: OrderId,
) -> Result<Option<tillway_core::book::Order>, Fail> {
    one(connection, ORDER, [id.0.as_bytes()], row::order)
}
