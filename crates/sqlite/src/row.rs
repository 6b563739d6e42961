//! Rows of tables as rows of the book.

use std::cell::Cell;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row};
use tillway_core::account::Parts;
use tillway_core::book::{
    Binding, Capture, Chain, Hold, HoldState, KeyRow, KindSums, Live, Movement, Order, Party,
    Payer, Payment, PaymentState, Record, Refund, Scope, Seq, Status, Stored, StreamId, StreamKind,
    StreamRow, TokenId, TokenRow, Why, code,
};
use tillway_core::book::{Fence, Head};
use tillway_core::guest::{Carrier, Guest, Identification};
use tillway_core::id::{
    AccountId, DeviceId, Fingerprint, GuestId, HoldId, OrderId, Owner, PaymentId, RefundId, TillId,
    Uuid,
};
use tillway_core::pairing::Pairing;
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks, Timestamp, Unit};

use crate::error::Fail;
use crate::names::Name;

/// The first row, if there is one. A statement is prepared once for each connection.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Columns<'_>) -> Result<T, Fail>,
) -> Result<Option<T>, Fail> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| read(&Columns::new(row))).transpose()
}

/// All rows; the statement says how many.
pub(crate) fn many<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Columns<'_>) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.push(read(&Columns::new(row))?);
    }
    Ok(list)
}

/// Row by row, for tables that do not fit into memory.
pub(crate) fn each<T, E: From<Fail>>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Columns<'_>) -> Result<T, Fail>,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = connection.prepare_cached(sql).map_err(Fail::from)?;
    let mut rows = statement.query(params).map_err(Fail::from)?;
    while let Some(row) = rows.next().map_err(Fail::from)? {
        take(read(&Columns::new(row))?)?;
    }
    Ok(())
}

/// The columns of a row, read from left to right.
pub(crate) struct Columns<'r> {
    row: &'r Row<'r>,
    next: Cell<usize>,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r Row<'r>) -> Self {
        Self { row, next: Cell::new(0) }
    }

    fn value(&self) -> Result<ValueRef<'r>, Fail> {
        let at = self.next.get();
        self.next.set(at.saturating_add(1));
        Ok(self.row.get_ref(at)?)
    }

    /// Names the column that does not read.
    fn bad<T>(&self) -> Result<T, Fail> {
        let at = self.next.get().saturating_sub(1);
        Err(Fail::BadRow(at))
    }

    fn opt<T>(&self, read: impl FnOnce(ValueRef<'r>) -> Option<T>) -> Result<Option<T>, Fail> {
        match self.value()? {
            ValueRef::Null => Ok(None),
            value => read(value).map_or_else(|| self.bad(), |v| Ok(Some(v))),
        }
    }

    fn some<T>(&self, read: impl FnOnce(ValueRef<'r>) -> Option<T>) -> Result<T, Fail> {
        self.opt(read)?.map_or_else(|| self.bad(), Ok)
    }

    pub(crate) fn int(&self) -> Result<i64, Fail> {
        self.some(|v| v.as_i64().ok())
    }

    pub(crate) fn flag(&self) -> Result<bool, Fail> {
        Ok(self.int()? != 0)
    }

    fn narrow<T: TryFrom<i64>>(&self) -> Result<T, Fail> {
        self.some(|v| v.as_i64().ok().and_then(|n| T::try_from(n).ok()))
    }

    fn coded<T>(&self, of: impl FnOnce(u8) -> Option<T>) -> Result<T, Fail> {
        self.some(|v| coded(v, of))
    }

    fn opt_coded<T>(&self, of: impl FnOnce(u8) -> Option<T>) -> Result<Option<T>, Fail> {
        self.opt(|v| coded(v, of))
    }

    pub(crate) fn kopecks(&self) -> Result<Kopecks, Fail> {
        self.int().map(Kopecks)
    }

    pub(crate) fn uuid(&self) -> Result<Uuid, Fail> {
        self.some(uuid)
    }

    fn opt_uuid(&self) -> Result<Option<Uuid>, Fail> {
        self.opt(uuid)
    }

    pub(crate) fn text(&self) -> Result<&'r str, Fail> {
        self.some(|v| v.as_str().ok())
    }

    pub(crate) fn blob(&self) -> Result<&'r [u8], Fail> {
        self.some(|v| v.as_blob().ok())
    }

    pub(crate) fn opt_blob(&self) -> Result<Option<&'r [u8]>, Fail> {
        self.opt(|v| v.as_blob().ok())
    }

    fn sixteen(&self) -> Result<[u8; 16], Fail> {
        self.some(|v| v.as_blob().ok().and_then(|b| b.try_into().ok()))
    }

    fn till(&self) -> Result<Option<TillId>, Fail> {
        self.opt(|v| v.as_str().ok().and_then(|t| TillId::try_new(t).ok()))
    }

    pub(crate) fn time(&self) -> Result<Timestamp, Fail> {
        self.opt_time()?.map_or_else(|| self.bad(), Ok)
    }

    fn opt_time(&self) -> Result<Option<Timestamp>, Fail> {
        let (ms, off) = (self.opt(|v| v.as_i64().ok())?, self.opt(|v| v.as_i64().ok())?);
        match (ms, off.map(i16::try_from)) {
            (Some(utc_ms), Some(Ok(offset_min))) => Ok(Some(Timestamp { utc_ms, offset_min })),
            (None, None) => Ok(None),
            _ => self.bad(),
        }
    }

    fn parts(&self) -> Result<Parts, Fail> {
        Ok(Parts { own: self.kopecks()?, overdraft: self.kopecks()? })
    }

    fn kind_sums(&self) -> Result<KindSums, Fail> {
        let (credit, deposit, bonus) = (self.kopecks()?, self.kopecks()?, self.kopecks()?);
        Ok(KindSums { credit, deposit, bonus })
    }

    fn party(&self) -> Result<Party, Fail> {
        let (number, id) = (self.narrow()?, self.opt_uuid()?);
        Party::from_code(number, id).map_or_else(|| self.bad(), Ok)
    }

    /// Before the first link the column is empty.
    fn chain(&self) -> Result<Chain, Fail> {
        let link = self.opt(|v| v.as_blob().ok().and_then(|b| b.try_into().ok()))?;
        Ok(link.map_or(Chain::START, Chain))
    }

    fn stream(&self) -> Result<StreamId, Fail> {
        Ok(StreamId { kind: self.coded(StreamKind::from_code)?, id: self.uuid()? })
    }

    /// A value in core's own codec.
    pub(crate) fn decoded<T: for<'b> minicbor::Decode<'b, ()>>(&self) -> Result<T, Fail> {
        minicbor::decode(self.blob()?).or_else(|_| self.bad())
    }

    pub(crate) fn opt_decoded<T: for<'b> minicbor::Decode<'b, ()>>(
        &self,
    ) -> Result<Option<T>, Fail> {
        self.opt(|v| v.as_blob().ok().and_then(|b| minicbor::decode(b).ok()))
    }
}

fn coded<T>(value: ValueRef<'_>, of: impl FnOnce(u8) -> Option<T>) -> Option<T> {
    value.as_i64().ok().and_then(|n| u8::try_from(n).ok()).and_then(of)
}

fn uuid(value: ValueRef<'_>) -> Option<Uuid> {
    value.as_blob().ok().and_then(|bytes| Uuid::from_slice(bytes).ok())
}

/// The columns of each row, in the order in which the functions below read them.
macro_rules! columns {
    (key) => { "body, refusal, at_ms, at_off" };
    (payment) => {
        "id, order_id, till, attempt, body, at_ms, at_off, state, refusal, account, guest, kind, \
         own, overdraft, refunded, hold, acknowledged, settled"
    };
    (hold) => {
        "id, order_id, account, kind, own, overdraft, state, payment, expires_ms, expires_off, \
         at_ms, at_off"
    };
    (refund) => { "id, payment, own, overdraft, at_ms, at_off" };
    (account) => {
        "id, guest, kind, name, balance, overdraft, held, held_own, status, chain"
    };
    (order) => {
        "id, till, epoch, binding, guest, identified, token, money, total, held_credit, \
         held_deposit, held_bonus, captured_credit, captured_deposit, captured_bonus, closed_ms, \
         closed_off, touched_ms, touched_off, lines"
    };
    (token) => { "id, order_id, spent, expires_ms, expires_off" };
    (pairing) => { "till, device" };
    (carrier) => { "alias, guest, blocked, from_ms, from_off, until_ms, until_off" };
    (movement) => {
        "entry, debit, debit_id, credit, credit_id, unit, amount, why, by_id, at_ms, at_off"
    };
    (stream) => {
        "kind, id, seq, status, wake_ms, wake_off, shelf, total, at_ms, at_off, chain, fence, \
         owner, until_ms, until_off"
    };
    (record) => { "seq, kind, version, at_ms, at_off, body" };
}
pub(crate) use columns;

pub(crate) fn key(c: &Columns<'_>) -> Result<KeyRow, Fail> {
    let body = Fingerprint(c.sixteen()?);
    Ok(KeyRow { body, refusal: c.opt_decoded()?, at: c.time()? })
}

pub(crate) fn named_key(c: &Columns<'_>) -> Result<((Scope, Uuid), KeyRow), Fail> {
    Ok(((c.coded(Scope::from_code)?, c.uuid()?), key(c)?))
}

pub(crate) fn payment(c: &Columns<'_>) -> Result<Payment, Fail> {
    let (id, order, till) = (PaymentId(c.uuid()?), OrderId(c.uuid()?), c.till()?);
    let (attempt, body, at) = (c.narrow()?, Fingerprint(c.sixteen()?), c.time()?);
    let number = c.narrow()?;
    let state = match number {
        code::payment::REFUSED => PaymentState::Refused(c.decoded()?),
        code::payment::TOMBSTONED => PaymentState::Tombstoned,
        code::payment::CAPTURED | code::payment::CANCELLED => {
            // The refusal of an attempt before the one that succeeded is gone.
            c.value()?;
            let capture = capture(c)?;
            match number {
                code::payment::CAPTURED => PaymentState::Captured(capture),
                _ => PaymentState::Cancelled(capture),
            }
        }
        _ => return c.bad(),
    };
    Ok(Payment { id, order, till, attempt, body, state, at })
}

fn capture(c: &Columns<'_>) -> Result<Capture, Fail> {
    Ok(Capture {
        account: AccountId(c.uuid()?),
        guest: GuestId(c.uuid()?),
        kind: c.coded(AccountKind::from_code)?,
        parts: c.parts()?,
        refunded: c.kopecks()?,
        hold: c.opt_uuid()?.map(HoldId),
        acknowledged: c.flag()?,
        settled: c.flag()?,
    })
}

pub(crate) fn hold(c: &Columns<'_>) -> Result<Hold, Fail> {
    let (id, order) = (HoldId(c.uuid()?), OrderId(c.uuid()?));
    let (account, kind) = (AccountId(c.uuid()?), c.coded(AccountKind::from_code)?);
    let parts = c.parts()?;
    let state = match (c.narrow()?, c.opt_uuid()?) {
        (code::hold::HELD, None) => HoldState::Held,
        (code::hold::VOIDED, None) => HoldState::Voided,
        (code::hold::EXPIRED, None) => HoldState::Expired,
        (code::hold::CAPTURED, Some(payment)) => HoldState::Captured(PaymentId(payment)),
        _ => return c.bad(),
    };
    Ok(Hold { id, order, account, kind, parts, state, expires: c.opt_time()?, at: c.time()? })
}

pub(crate) fn refund(c: &Columns<'_>) -> Result<Refund, Fail> {
    let (id, of) = (RefundId(c.uuid()?), PaymentId(c.uuid()?));
    Ok(Refund { id, of, parts: c.parts()?, at: c.time()? })
}

pub(crate) fn account(c: &Columns<'_>) -> Result<Account, Fail> {
    Ok(Account {
        id: AccountId(c.uuid()?),
        guest: GuestId(c.uuid()?),
        kind: c.coded(AccountKind::from_code)?,
        name: c.text()?.into(),
        balance: c.kopecks()?,
        overdraft: c.kopecks()?,
        held: c.kopecks()?,
        held_own: c.kopecks()?,
        status: c.coded(AccountStatus::from_code)?,
        chain: c.chain()?,
    })
}

pub(crate) fn order(c: &Columns<'_>) -> Result<Order, Fail> {
    let (id, till, epoch) = (OrderId(c.uuid()?), c.till()?, c.narrow()?);
    let number = c.narrow()?;
    let guest = c.opt_uuid()?.map(GuestId);
    let identified = c.opt_coded(Identification::from_code)?;
    let token = c.opt(|v| v.as_blob().ok().and_then(|b| b.try_into().ok()).map(TokenId))?;
    let payer = match (guest, identified) {
        (Some(guest), Some(identified)) => Some(Payer { guest, identified, token }),
        _ => None,
    };
    let binding = match (number, payer) {
        (code::binding::NONE, None) => Binding::None,
        (code::binding::UNBOUND, None) => Binding::Unbound,
        (code::binding::PENDING, Some(payer)) => Binding::Pending(payer),
        (code::binding::BOUND, Some(payer)) => Binding::Bound(payer),
        _ => return c.bad(),
    };
    Ok(Order {
        id,
        till,
        epoch,
        binding,
        money: c.opt_uuid()?.map(AccountId),
        total: c.opt(|v| v.as_i64().ok())?.map(Kopecks),
        live: Live { held: c.kind_sums()?, captured: c.kind_sums()? },
        closed: c.opt_time()?,
        touched: c.time()?,
        lines: c.opt(|v| v.as_blob().ok())?.map(Into::into),
    })
}

pub(crate) fn token(c: &Columns<'_>) -> Result<TokenRow, Fail> {
    let (id, order) = (TokenId(c.sixteen()?), OrderId(c.uuid()?));
    Ok(TokenRow { id, order, spent: c.flag()?, expires: c.time()? })
}

pub(crate) fn pairing(c: &Columns<'_>) -> Result<Pairing, Fail> {
    let till = TillId::try_new(c.text()?).or_else(|_| c.bad())?;
    let device = DeviceId::try_new(c.text()?).or_else(|_| c.bad())?;
    Ok(Pairing { till, device })
}

pub(crate) fn guest(c: &Columns<'_>) -> Result<Guest, Fail> {
    c.decoded()
}

pub(crate) fn carrier(c: &Columns<'_>) -> Result<Carrier, Fail> {
    Ok(Carrier {
        alias: c.text()?.into(),
        guest: GuestId(c.uuid()?),
        blocked: c.flag()?,
        valid_from: c.opt_time()?,
        valid_until: c.opt_time()?,
    })
}

/// A movement with its number.
pub(crate) fn movement(c: &Columns<'_>) -> Result<(u64, Movement), Fail> {
    let entry = c.narrow()?;
    let movement = Movement {
        debit: c.party()?,
        credit: c.party()?,
        unit: c.coded(Unit::from_code)?,
        amount: c.kopecks()?,
        why: c.coded(Why::from_code)?,
        by: c.uuid()?,
        at: c.time()?,
    };
    Ok((entry, movement))
}

pub(crate) fn stream(c: &Columns<'_>) -> Result<StreamRow, Fail> {
    let (id, seq) = (c.stream()?, Seq(c.narrow()?));
    let (status, wake_at) = (c.coded(Status::from_code)?, c.opt_time()?);
    let shelf = c.opt(|v| v.as_str().ok())?.map(Into::into);
    let head = Head { status, wake_at, shelf, total: c.kopecks()? };
    let (at, chain) = (c.time()?, c.chain()?);
    let fence = Fence(c.int()?.cast_unsigned());
    let lease = match (c.opt_uuid()?.map(Owner), c.opt_time()?) {
        (Some(owner), Some(until)) => Some((owner, until)),
        (None, None) => None,
        _ => return c.bad(),
    };
    Ok(StreamRow { id, seq, head, at, chain, fence, lease })
}

pub(crate) fn name(c: &Columns<'_>) -> Result<Name, Fail> {
    Ok(Name { id: c.uuid()?.as_u128(), what: c.narrow()?, no: c.narrow()? })
}

pub(crate) fn stream_kind(c: &Columns<'_>) -> Result<StreamKind, Fail> {
    c.coded(StreamKind::from_code)
}

pub(crate) fn scope(c: &Columns<'_>) -> Result<Scope, Fail> {
    c.coded(Scope::from_code)
}

pub(crate) fn named_record(c: &Columns<'_>) -> Result<(StreamId, Stored), Fail> {
    Ok((c.stream()?, record(c)?))
}

pub(crate) fn record(c: &Columns<'_>) -> Result<Stored, Fail> {
    let (seq, kind, version) = (Seq(c.narrow()?), c.narrow()?, c.narrow()?);
    let at = c.time()?;
    let body = c.blob()?.into();
    Ok(Stored { seq, at, record: Record { kind, version, body } })
}
