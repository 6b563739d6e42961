//! Saves what the book decided.

use rusqlite::{CachedStatement, params};
use tillway_core::account::Parts;
use tillway_core::book::{
    Binding, Capture, Chain, Change, Delta, Hold, HoldState, KeyRow, Movement, Order, Payment,
    PaymentState, PhotoRow, Scope, Stored, StreamId, StreamRow, Why, code,
};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{GuestId, Uuid};
use tillway_core::{Account, Timestamp};

use crate::error::Fail;
use crate::ids::{self, Db, What};

/// Saves a delta inside the transaction that its rows were loaded in.
pub(crate) fn delta(db: &Db, delta: &Delta) -> Result<(), Fail> {
    let mut captures = Vec::new();
    for movement in &delta.movements {
        let entry = post(db, movement)?;
        if movement.why == Why::Capture {
            captures.push((movement.by, entry));
        }
    }
    let entry_of = |id: Uuid| captures.iter().find(|(by, _)| *by == id).map(|(_, entry)| *entry);
    put(&delta.keys, |k, row, existed| key(db, k, row, existed))?;
    // Before its payments, which take its number.
    put(&delta.orders, |id, row, existed| match row {
        Some(row) => order(db, row, existed),
        None => {
            // The number goes to the next order, and these must not.
            if let Some(number) = ids::number(db, id.0, What::Order)? {
                run(db, "DELETE FROM order_lines WHERE order_no = ?1", [number])?;
            }
            ids::delete(db, "orders", id.0, What::Order)
        }
    })?;
    put(&delta.payments, |id, row, existed| match row {
        Some(row) => payment(db, row, existed, entry_of(id.0)),
        None => ids::delete(db, "payments", id.0, What::Payment),
    })?;
    put(&delta.holds, |id, row, existed| match row {
        Some(row) => hold(db, row, existed),
        None => ids::delete(db, "holds", id.0, What::Hold),
    })?;
    put(&delta.accounts, |id, row, existed| match row {
        Some(row) => account(db, row, existed),
        None => delete(db, "DELETE FROM accounts WHERE id = ?1", id.0),
    })?;
    put(&delta.streams, |id, row, existed| stream(db, *id, row, existed))?;
    for (id, stored) in &delta.records {
        record(db, *id, stored)?;
    }
    registry(db, delta)
}

/// What changes seldom.
fn registry(db: &Db, delta: &Delta) -> Result<(), Fail> {
    put(&delta.refunds, |id, row, _| {
        let Some(row) = row else {
            return delete(db, "DELETE FROM refunds WHERE id = ?1", id.0);
        };
        let sql = "INSERT OR REPLACE INTO refunds (id, payment, own, overdraft, at_ms, at_off) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (ms, off) = time(row.at);
        let Parts { own, overdraft } = row.parts;
        let payment = row.of.0.as_bytes();
        run(db, sql, params![id.0.as_bytes(), payment, own.0, overdraft.0, ms, off])
    })?;
    put(&delta.tokens, |id, row, _| {
        let Some(row) = row else {
            return run(db, "DELETE FROM tokens WHERE id = ?1", params![id.0]);
        };
        let sql = "INSERT OR REPLACE INTO tokens (id, order_id, spent, expires_ms, expires_off) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let (ms, off) = time(row.expires);
        run(db, sql, params![id.0, row.order.0.as_bytes(), row.spent, ms, off])
    })?;
    // A device that moves to another till leaves the old one first.
    for change in delta.pairings.iter().filter(|c| c.row.is_none()) {
        let sql = "DELETE FROM pairings WHERE till = ?1";
        run(db, sql, params![change.key.as_str()])?;
    }
    for pairing in delta.pairings.iter().filter_map(|c| c.row.as_ref()) {
        let sql = "INSERT INTO pairings (till, device) VALUES (?1, ?2) \
                   ON CONFLICT (till) DO UPDATE SET device = excluded.device";
        run(db, sql, params![pairing.till.as_str(), pairing.device.as_str()])?;
    }
    put(&delta.guests, |id, row, _| match row {
        Some(row) => guest(db, row),
        None => delete(db, "DELETE FROM guests WHERE id = ?1", id.0),
    })?;
    put(&delta.carriers, |alias, row, _| match row {
        Some(row) => carrier(db, row),
        None => run(db, "DELETE FROM carriers WHERE alias = ?1", params![&**alias]),
    })?;
    delta.photos.iter().try_for_each(|(guest, row)| photo(db, *guest, row.as_ref()))
}

fn put<K, V>(
    changes: &[Change<K, V>],
    save: impl Fn(&K, Option<&V>, bool) -> Result<(), Fail>,
) -> Result<(), Fail> {
    changes.iter().try_for_each(|c| save(&c.key, c.row.as_ref(), c.existed))
}

fn run(db: &Db, sql: &str, params: impl rusqlite::Params) -> Result<(), Fail> {
    cached(db, sql)?.execute(params)?;
    Ok(())
}

/// Writes one row: it is there, and it is the one that was judged over.
fn write(db: &Db, sql: &str, params: impl rusqlite::Params) -> Result<(), Fail> {
    let count = cached(db, sql)?.execute(params)?;
    if count == 1 { Ok(()) } else { Err(Fail::BadRow(0)) }
}

fn cached<'c>(db: &'c Db, sql: &str) -> Result<CachedStatement<'c>, Fail> {
    Ok(db.prepare_cached(sql)?)
}

fn delete(db: &Db, sql: &str, id: Uuid) -> Result<(), Fail> {
    run(db, sql, params![id.as_bytes()])
}

fn time(at: Timestamp) -> (i64, i16) {
    (at.utc_ms, at.offset_min)
}

fn opt_time(at: Option<Timestamp>) -> (Option<i64>, Option<i16>) {
    at.map(time).unzip()
}

/// The start of a chain takes no space.
pub(crate) fn link(chain: Chain) -> Option<[u8; 32]> {
    (chain != Chain::START).then_some(chain.0)
}

/// A value in core's own codec. Writing to memory cannot fail.
fn encoded<T: minicbor::Encode<()>>(value: &T) -> Result<Vec<u8>, Fail> {
    minicbor::to_vec(value).map_err(|e| {
        let kind = std::io::Error::other(e.to_string());
        rusqlite::Error::ToSqlConversionFailure(Box::new(kind)).into()
    })
}

fn key(
    db: &Db,
    (scope, id): &(Scope, Uuid),
    row: Option<&KeyRow>,
    existed: bool,
) -> Result<(), Fail> {
    let what = What::Key(*scope);
    let Some(row) = row else { return ids::delete(db, "keys", *id, what) };
    let refusal = row.refusal.as_ref().map(encoded).transpose()?;
    let (ms, off) = time(row.at);
    if existed {
        let sql = "UPDATE keys SET body = ?2, refusal = ?3, at_ms = ?4, at_off = ?5 WHERE no = ?1";
        let number = ids::known(db, *id, what)?;
        return write(db, sql, params![number, row.body.0, refusal, ms, off]);
    }
    let sql = "INSERT INTO keys (scope, id, body, refusal, at_ms, at_off) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    run(db, sql, params![scope.code(), id.as_bytes(), row.body.0, refusal, ms, off])?;
    ids::name(db, *id, what)
}

/// `entry` is the movement of this delta that captured the payment, if one did.
fn payment(db: &Db, row: &Payment, existed: bool, entry: Option<i64>) -> Result<(), Fail> {
    let (number, refusal, capture) = match &row.state {
        PaymentState::Captured(capture) => (code::payment::CAPTURED, None, Some(capture)),
        PaymentState::Cancelled(capture) => (code::payment::CANCELLED, None, Some(capture)),
        PaymentState::Refused(refusal) => (code::payment::REFUSED, Some(encoded(refusal)?), None),
        PaymentState::Tombstoned => (code::payment::TOMBSTONED, None, None),
    };
    if let (true, Some(capture), None) = (existed, capture, entry) {
        return payment_moves_on(db, row, number, capture);
    }
    let known = existed.then(|| ids::known(db, row.id.0, What::Payment)).transpose()?;
    let sql = if existed {
        "UPDATE payments SET order_id = ?3, till = ?4, attempt = ?5, body = ?6, at_ms = ?7, \
         at_off = ?8, state = ?9, refusal = ?10, account = ?11, guest = ?12, kind = ?13, \
         own = ?14, overdraft = ?15, refunded = ?16, hold = ?17, acknowledged = ?18, \
         settled = ?19, entry = ?20, since_ms = ?21, order_no = ?22 WHERE no = ?1 AND id = ?2"
    } else {
        "INSERT INTO payments (no, id, order_id, till, attempt, body, at_ms, at_off, state, \
         refusal, account, guest, kind, own, overdraft, refunded, hold, acknowledged, settled, \
         entry, since_ms, order_no) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, \
         ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)"
    };
    let order = entry.map(|_| ids::known(db, row.order.0, What::Order)).transpose()?;
    let (ms, off) = time(row.at);
    let since = (number != code::payment::REFUSED).then_some(ms);
    write(
        db,
        sql,
        params![
            known,
            row.id.0.as_bytes(),
            row.order.0.as_bytes(),
            row.till.as_ref().map(|t| t.as_str()),
            row.attempt,
            row.body.0,
            ms,
            off,
            number,
            refusal,
            capture.map(|c| *c.account.0.as_bytes()),
            capture.map(|c| *c.guest.0.as_bytes()),
            capture.map(|c| c.kind.code()),
            capture.map(|c| c.parts.own.0),
            capture.map(|c| c.parts.overdraft.0),
            capture.map(|c| c.refunded.0),
            capture.and_then(|c| c.hold).map(|h| *h.0.as_bytes()),
            capture.map(|c| c.acknowledged),
            capture.map(|c| c.settled),
            entry,
            since,
            order,
        ],
    )?;
    if existed { Ok(()) } else { ids::name(db, row.id.0, What::Payment) }
}

/// A capture keeps its terms: no index has to move.
fn payment_moves_on(db: &Db, row: &Payment, number: u8, capture: &Capture) -> Result<(), Fail> {
    let sql = "UPDATE payments SET state = ?2, at_ms = ?3, at_off = ?4, refunded = ?5, \
               acknowledged = ?6, settled = ?7 WHERE no = ?1";
    let (ms, off) = time(row.at);
    let (refunded, acknowledged) = (capture.refunded.0, capture.acknowledged);
    let known = ids::known(db, row.id.0, What::Payment)?;
    write(db, sql, params![known, number, ms, off, refunded, acknowledged, capture.settled])
}

fn hold(db: &Db, row: &Hold, existed: bool) -> Result<(), Fail> {
    let (number, payment) = match row.state {
        HoldState::Held => (code::hold::HELD, None),
        HoldState::Captured(payment) => (code::hold::CAPTURED, Some(*payment.0.as_bytes())),
        HoldState::Voided => (code::hold::VOIDED, None),
        HoldState::Expired => (code::hold::EXPIRED, None),
    };
    if existed {
        // Its terms are fixed; it only ends.
        let sql = "UPDATE holds SET state = ?2, payment = ?3 WHERE no = ?1";
        let known = ids::known(db, row.id.0, What::Hold)?;
        return write(db, sql, params![known, number, payment]);
    }
    let sql = "INSERT INTO holds (id, order_id, account, kind, own, overdraft, state, payment, \
               expires_ms, expires_off, at_ms, at_off) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let (expires_ms, expires_off) = opt_time(row.expires);
    let (ms, off) = time(row.at);
    run(
        db,
        sql,
        params![
            row.id.0.as_bytes(),
            row.order.0.as_bytes(),
            row.account.0.as_bytes(),
            row.kind.code(),
            row.parts.own.0,
            row.parts.overdraft.0,
            number,
            payment,
            expires_ms,
            expires_off,
            ms,
            off,
        ],
    )?;
    ids::name(db, row.id.0, What::Hold)
}

fn account(db: &Db, row: &Account, existed: bool) -> Result<(), Fail> {
    let id = row.id.0.as_bytes();
    let (balance, overdraft) = (row.balance.0, row.overdraft.0);
    let (held, held_own, status) = (row.held.0, row.held_own.0, row.status.code());
    let chain = link(row.chain);
    if existed {
        // Whose it is and what for never changes.
        let sql = "UPDATE accounts SET balance = ?2, overdraft = ?3, held = ?4, held_own = ?5, \
                   status = ?6, name = ?7, chain = ?8 WHERE id = ?1";
        let name = &*row.name;
        return write(
            db,
            sql,
            params![id, balance, overdraft, held, held_own, status, name, chain],
        );
    }
    let sql = "INSERT INTO accounts (id, guest, kind, name, balance, overdraft, held, held_own, \
               status, chain) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let (guest, kind, name) = (row.guest.0.as_bytes(), row.kind.code(), &*row.name);
    run(db, sql, params![id, guest, kind, name, balance, overdraft, held, held_own, status, chain])
}

fn order(db: &Db, row: &Order, existed: bool) -> Result<(), Fail> {
    let number = match row.binding {
        Binding::None => code::binding::NONE,
        Binding::Pending(_) => code::binding::PENDING,
        Binding::Bound(_) => code::binding::BOUND,
        Binding::Unbound => code::binding::UNBOUND,
    };
    let payer = row.binding.who();
    let (closed_ms, closed_off) = opt_time(row.closed);
    let (touched_ms, touched_off) = time(row.touched);
    let (held, captured) = (&row.live.held, &row.live.captured);
    let known = existed.then(|| ids::known(db, row.id.0, What::Order)).transpose()?;
    let sql = if existed {
        "UPDATE orders SET till = ?3, epoch = ?4, binding = ?5, guest = ?6, identified = ?7, \
         token = ?8, money = ?9, total = ?10, held_credit = ?11, held_deposit = ?12, \
         held_bonus = ?13, captured_credit = ?14, captured_deposit = ?15, captured_bonus = ?16, \
         closed_ms = ?17, closed_off = ?18, touched_ms = ?19, touched_off = ?20 \
         WHERE no = ?1 AND id = ?2"
    } else {
        "INSERT INTO orders (no, id, till, epoch, binding, guest, identified, token, money, \
         total, held_credit, held_deposit, held_bonus, captured_credit, captured_deposit, \
         captured_bonus, closed_ms, closed_off, touched_ms, touched_off) VALUES (?1, ?2, ?3, ?4, \
         ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)"
    };
    write(
        db,
        sql,
        params![
            known,
            row.id.0.as_bytes(),
            row.till.as_ref().map(|t| t.as_str()),
            row.epoch,
            number,
            payer.map(|p| *p.guest.0.as_bytes()),
            payer.map(|p| p.identified.code()),
            payer.and_then(|p| p.token).map(|t| t.0),
            row.money.map(|m| *m.0.as_bytes()),
            row.total.map(|t| t.0),
            held.credit.0,
            held.deposit.0,
            held.bonus.0,
            captured.credit.0,
            captured.deposit.0,
            captured.bonus.0,
            closed_ms,
            closed_off,
            touched_ms,
            touched_off,
        ],
    )?;
    if !existed {
        ids::name(db, row.id.0, What::Order)?;
    }
    order_lines(db, row)
}

/// Lines come once or twice in an order's life; the row comes with every payment.
fn order_lines(db: &Db, row: &Order) -> Result<(), Fail> {
    let Some(lines) = &row.lines else { return Ok(()) };
    let sql = "INSERT INTO order_lines (order_no, lines) VALUES (?1, ?2) \
               ON CONFLICT (order_no) DO UPDATE SET lines = excluded.lines \
               WHERE lines IS NOT excluded.lines";
    run(db, sql, params![ids::known(db, row.id.0, What::Order)?, &**lines])
}

/// Appends to the book; the number is the row's.
fn post(db: &Db, row: &Movement) -> Result<i64, Fail> {
    let sql = "INSERT INTO movements (debit, debit_id, credit, credit_id, unit, amount, why, \
               by_id, at_ms, at_off) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let ((debit, debit_id), (credit, credit_id)) = (row.debit.code(), row.credit.code());
    let (ms, off) = time(row.at);
    let bytes = |id: Option<Uuid>| id.map(Uuid::into_bytes);
    run(
        db,
        sql,
        params![
            debit,
            bytes(debit_id),
            credit,
            bytes(credit_id),
            row.unit.code(),
            row.amount.0,
            row.why.code(),
            row.by.as_bytes(),
            ms,
            off,
        ],
    )?;
    Ok(db.last_insert_rowid())
}

/// A stream's row, for appends and claims alike.
pub(crate) fn stream(
    db: &Db,
    id: StreamId,
    row: Option<&StreamRow>,
    existed: bool,
) -> Result<(), Fail> {
    let what = What::Stream(id.kind);
    let Some(row) = row else {
        if let Some(number) = ids::number(db, id.id, what)? {
            // The number goes to the next stream, and these must not.
            run(db, "DELETE FROM records WHERE stream_no = ?1", [number])?;
        }
        return ids::delete(db, "streams", id.id, what);
    };
    let known = existed.then(|| ids::known(db, id.id, what)).transpose()?;
    let sql = if existed {
        "UPDATE streams SET seq = ?4, status = ?5, wake_ms = ?6, wake_off = ?7, shelf = ?8, \
         total = ?9, at_ms = ?10, at_off = ?11, chain = ?12, fence = ?13, owner = ?14, \
         until_ms = ?15, until_off = ?16 WHERE no = ?1 AND kind = ?2 AND id = ?3"
    } else {
        "INSERT INTO streams (no, kind, id, seq, status, wake_ms, wake_off, shelf, total, at_ms, \
         at_off, chain, fence, owner, until_ms, until_off) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, \
         ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
    };
    let (owner, until) = row.lease.unzip();
    let (wake_ms, wake_off) = opt_time(row.head.wake_at);
    let (until_ms, until_off) = opt_time(until);
    let (ms, off) = time(row.at);
    write(
        db,
        sql,
        params![
            known,
            id.kind.code(),
            id.id.as_bytes(),
            row.seq.0.cast_signed(),
            row.head.status.code(),
            wake_ms,
            wake_off,
            row.head.shelf.as_deref(),
            row.head.total.0,
            ms,
            off,
            link(row.chain),
            row.fence.0.cast_signed(),
            owner.map(|o| *o.0.as_bytes()),
            until_ms,
            until_off,
        ],
    )?;
    if existed { Ok(()) } else { ids::name(db, id.id, what) }
}

fn record(db: &Db, id: StreamId, row: &Stored) -> Result<(), Fail> {
    let sql = "INSERT INTO records (stream_no, seq, kind, version, at_ms, at_off, body) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (ms, off) = time(row.at);
    let (kind, version) = (row.record.kind, row.record.version);
    let seq = row.seq.0.cast_signed();
    let stream = ids::known(db, id.id, What::Stream(id.kind))?;
    run(db, sql, params![stream, seq, kind, version, ms, off, &*row.record.body])
}

fn guest(db: &Db, row: &Guest) -> Result<(), Fail> {
    let sql = "INSERT INTO guests (id, client_id, phone, body) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (id) DO UPDATE SET client_id = excluded.client_id, \
               phone = excluded.phone, body = excluded.body";
    let (client_id, phone) = (&*row.client_id, row.phone.as_deref());
    run(db, sql, params![row.id.0.as_bytes(), client_id, phone, encoded(row)?])
}

fn carrier(db: &Db, row: &Carrier) -> Result<(), Fail> {
    let sql = "INSERT OR REPLACE INTO carriers (alias, guest, blocked, from_ms, from_off, \
               until_ms, until_off) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (from_ms, from_off) = opt_time(row.valid_from);
    let (until_ms, until_off) = opt_time(row.valid_until);
    let guest = row.guest.0.as_bytes();
    let alias = &*row.alias;
    run(db, sql, params![alias, guest, row.blocked, from_ms, from_off, until_ms, until_off])
}

fn photo(db: &Db, guest: GuestId, row: Option<&PhotoRow>) -> Result<(), Fail> {
    let Some(row) = row else {
        return delete(db, "DELETE FROM photos WHERE guest = ?1", guest.0);
    };
    let sql = "INSERT INTO photos (guest, photo) VALUES (?1, ?2) \
               ON CONFLICT (guest) DO UPDATE SET photo = excluded.photo";
    run(db, sql, params![guest.0.as_bytes(), &*row.0])
}
