//! Holds, captures, cancels, refunds and plain movements.

use crate::account::Parts;
use crate::book::judge::{Ask, Conflict, Stop};
use crate::book::op::{Expiry, Op, OrderGuard, Outcome, Scope};
use crate::book::refusal::Refusal;
use crate::book::row::{
    Capture, Hold, HoldState, House, Movement, Order, Party, Payment, PaymentState, Refund, Why,
};
use crate::book::view::View;
use crate::id::{AccountId, Fingerprint, HoldId, OrderId, PaymentId, RefundId, TillId, Uuid};
use crate::wallet::{Mix, bonus_cap};
use crate::{Account, AccountKind, AccountStatus, Kopecks, MoneyError};

pub(crate) fn holds(view: &mut View, ask: &Ask<'_>, op: &Op) -> Result<Outcome, Stop> {
    match op {
        Op::Hold { id, order, account, amount, expiry, supersedes } => {
            let terms = HoldTerms { order: *order, account: *account, amount: *amount };
            hold(view, ask, *id, &terms, *expiry, *supersedes)
        }
        Op::Void { hold } => {
            let row = view.holds.get(hold).ok_or(Refusal::UnknownReservation)?.clone();
            match row.state {
                HoldState::Held => end_hold(view, &row, HoldState::Voided).map(Outcome::Hold),
                HoldState::Voided | HoldState::Expired => Ok(Outcome::Hold(row)),
                HoldState::Captured(by) if is_standing(view, by) => {
                    Err(Refusal::AlreadyCaptured.into())
                }
                HoldState::Captured(_) => {
                    Ok(Outcome::Hold(Hold { state: HoldState::Voided, ..row }))
                }
            }
        }
        Op::Expire { hold } => {
            lapse(view, ask, *hold)?;
            Ok(Outcome::Done)
        }
        _ => Err(Conflict::NotLoaded.into()),
    }
}

struct HoldTerms {
    order: OrderId,
    account: AccountId,
    amount: Kopecks,
}

fn hold(
    view: &mut View,
    ask: &Ask<'_>,
    id: HoldId,
    terms: &HoldTerms,
    expiry: Expiry,
    supersedes: Option<HoldId>,
) -> Result<Outcome, Stop> {
    if let Some(known) = view.holds.get(&id) {
        let same = known.order == terms.order
            && known.account == terms.account
            && known.amount()? == terms.amount;
        return if same { Ok(Outcome::Hold(known.clone())) } else { Err(Conflict::Key.into()) };
    }
    if !terms.amount.is_positive() {
        return Err(Refusal::BadAmount.into());
    }
    let account = debited(view, ask, terms.account)?;
    check_order(view, ask, terms.order, &account)?;
    if let Some(old) = supersedes {
        supersede(view, old, terms)?;
    }
    let other = live_holds(view, terms.order).find(|h| h.account == terms.account);
    if let Some(other) = other {
        return Err(Refusal::HoldExists { hold: other.id }.into());
    }
    let order = order_or_new(view, ask, terms.order);
    check_mix(&order, &account, ask.guard)?;
    check_cap(&order, account.kind, terms.amount, ask.guard)?;
    let mut account = row(view, terms.account)?;
    let limit = spendable(&account, ask.guard)?;
    if terms.amount > limit {
        return Err(Refusal::InsufficientFunds { limit }.into());
    }
    let parts = account.parts(terms.amount)?;
    account.held = account.held.add(terms.amount)?;
    account.held_own = account.held_own.add(parts.own)?;
    let made = Hold {
        id,
        order: terms.order,
        account: account.id,
        kind: account.kind,
        parts,
        state: HoldState::Held,
        expires: match expiry {
            Expiry::At(at) => Some(at),
            Expiry::WithOwner => None,
        },
        at: ask.at,
    };
    let mut order = order;
    let held = order.live.held.of_mut(account.kind);
    *held = held.add(terms.amount)?;
    choose(&mut order, &account);
    view.accounts.set(account.id, Some(account));
    view.orders.set(order.id, Some(order));
    view.holds.set(id, Some(made.clone()));
    Ok(Outcome::Hold(made))
}

/// PV5: gives up the hold that a new one replaces. One that ended without money is no obstacle.
fn supersede(view: &mut View, old: HoldId, terms: &HoldTerms) -> Result<(), Stop> {
    let old = view.holds.get(&old).ok_or(Refusal::UnknownReservation)?.clone();
    if old.order != terms.order || old.account != terms.account {
        return Err(Refusal::UnknownReservation.into());
    }
    match old.state {
        HoldState::Held => end_hold(view, &old, HoldState::Voided).map(drop),
        HoldState::Captured(by) if is_standing(view, by) => Err(Refusal::AlreadyCaptured.into()),
        HoldState::Voided | HoldState::Expired | HoldState::Captured(_) => Ok(()),
    }
}

/// Live holds of an order, as far as they are loaded.
pub(crate) fn live_holds(view: &View, order: OrderId) -> impl Iterator<Item = &Hold> {
    view.holds.iter().filter(move |h| h.is_live() && h.order == order)
}

/// Ends a live hold without taking money.
pub(crate) fn end_hold(view: &mut View, hold: &Hold, state: HoldState) -> Result<Hold, Stop> {
    let mut account = row(view, hold.account)?;
    release(&mut account, hold)?;
    view.accounts.set(account.id, Some(account));
    if let Some(mut order) = view.orders.get(&hold.order).cloned() {
        let held = order.live.held.of_mut(hold.kind);
        *held = held.sub(hold.amount()?)?;
        view.orders.set(order.id, Some(order));
    }
    let ended = Hold { state, ..hold.clone() };
    view.holds.set(hold.id, Some(ended.clone()));
    Ok(ended)
}

fn release(account: &mut Account, hold: &Hold) -> Result<(), MoneyError> {
    account.held = account.held.sub(hold.amount()?)?;
    account.held_own = account.held_own.sub(hold.parts.own)?;
    Ok(())
}

pub(crate) fn payments(view: &mut View, ask: &Ask<'_>, op: &Op) -> Result<Outcome, Stop> {
    match op {
        Op::Capture { id, order, account, amount, hold } => {
            let terms = HoldTerms { order: *order, account: *account, amount: *amount };
            capture(view, ask, *id, &terms, *hold)
        }
        Op::Cancel { id, order, till } => cancel(view, ask, *id, *order, till.clone()),
        Op::Acknowledge { id } => {
            let mut payment = view.payments.get(id).ok_or(Refusal::UnknownTransaction)?.clone();
            if let PaymentState::Captured(capture) = &mut payment.state
                && !capture.acknowledged
            {
                capture.acknowledged = true;
                view.payments.set(*id, Some(payment.clone()));
            }
            Ok(Outcome::Payment(Box::new(payment), None))
        }
        _ => Err(Conflict::NotLoaded.into()),
    }
}

/// The current state of a payment, with its account.
pub(crate) fn outcome(view: &View, payment: &Payment) -> Outcome {
    let account = payment.capture().and_then(|c| view.accounts.get(&c.account));
    Outcome::Payment(Box::new(payment.clone()), account.cloned().map(Box::new))
}

fn capture(
    view: &mut View,
    ask: &Ask<'_>,
    id: PaymentId,
    terms: &HoldTerms,
    hold: Option<HoldId>,
) -> Result<Outcome, Stop> {
    match view.payments.get(&id).map(|p| &p.state) {
        None | Some(PaymentState::Refused(_)) => {}
        Some(PaymentState::Captured(_)) => return Err(Refusal::AlreadyCaptured.into()),
        Some(_) => return Err(Refusal::TransactionCancelled.into()),
    }
    if !terms.amount.is_positive() {
        return Err(Refusal::BadAmount.into());
    }
    let account = debited(view, ask, terms.account)?;
    check_order(view, ask, terms.order, &account)?;
    let used = usable_hold(view, ask, hold, terms)?;
    let mut order = order_or_new(view, ask, terms.order);
    check_mix(&order, &account, ask.guard)?;
    check_total(&order, terms.amount, ask.guard)?;
    let mut account = row(view, terms.account)?;
    let parts = match &used {
        Some(hold) => hold_parts(hold, terms.amount)?,
        None => {
            check_cap(&order, account.kind, terms.amount, ask.guard)?;
            let limit = spendable(&account, ask.guard)?;
            if terms.amount > limit {
                return Err(Refusal::InsufficientFunds { limit }.into());
            }
            account.parts(terms.amount)?
        }
    };
    if let Some(hold) = &used {
        use_up(view, &mut account, &mut order, hold, id)?;
    }
    account.balance = account.balance.sub(terms.amount)?;
    let captured = order.live.captured.of_mut(account.kind);
    *captured = captured.add(terms.amount)?;
    choose(&mut order, &account);
    order.touched = ask.at;
    let key = ask.key.filter(|k| k.scope == Scope::Payment && k.id == id.0);
    let payment = Payment {
        id,
        order: order.id,
        till: ask.guard.and_then(|g| g.till.clone()),
        attempt: key.map_or(1, |k| k.attempt),
        body: key.map_or(Fingerprint([0; 16]), |k| k.body),
        state: PaymentState::Captured(Capture {
            account: account.id,
            guest: account.guest,
            kind: account.kind,
            parts,
            refunded: Kopecks::ZERO,
            hold: used.map(|h| h.id),
            acknowledged: false,
            settled: false,
        }),
        at: ask.at,
    };
    let party = Party::Guest(account.id);
    let taken = Entry { why: Why::Capture, by: id.0, amount: terms.amount };
    let (wallet, kind) = (account.id, account.kind);
    view.accounts.set(wallet, Some(account));
    post(view, ask, party, cleared(kind, order.id), &taken, kind);
    view.orders.set(order.id, Some(order));
    view.payments.set(id, Some(payment.clone()));
    Ok(outcome(view, &payment))
}

/// A payment that names its wallet makes it the order's choice (F5, M5).
fn choose(order: &mut Order, account: &Account) {
    if account.kind.is_money() {
        order.money = Some(account.id);
    }
}

/// Whether a payment was not taken back. The hold of one that was stands for nothing: iikoFront
/// keeps it on the item that it pays again, or deletes.
fn is_standing(view: &View, payment: PaymentId) -> bool {
    let row = view.payments.get(&payment);
    !row.is_some_and(|row| matches!(row.state, PaymentState::Cancelled(_)))
}

/// The hold that a capture uses. One that lapsed, or whose payment was cancelled, stands for
/// nothing: a new capture (F13).
fn usable_hold(
    view: &mut View,
    ask: &Ask<'_>,
    hold: Option<HoldId>,
    terms: &HoldTerms,
) -> Result<Option<Hold>, Stop> {
    let Some(id) = hold else { return Ok(None) };
    lapse(view, ask, id)?;
    let hold = view.holds.get(&id).ok_or(Refusal::UnknownReservation)?;
    if hold.order != terms.order || hold.account != terms.account {
        return Err(Refusal::UnknownReservation.into());
    }
    match hold.state {
        HoldState::Voided => Err(Refusal::ReservationVoided.into()),
        HoldState::Captured(by) if is_standing(view, by) => Err(Refusal::AlreadyCaptured.into()),
        HoldState::Captured(_) | HoldState::Expired => Ok(None),
        HoldState::Held => {
            let reserved = hold.amount()?;
            if terms.amount > reserved {
                return Err(Refusal::ExceedsReservation { reserved }.into());
            }
            Ok(Some(hold.clone()))
        }
    }
}

/// Ends a live hold by the payment that uses it.
fn use_up(
    view: &mut View,
    account: &mut Account,
    order: &mut Order,
    hold: &Hold,
    by: PaymentId,
) -> Result<(), Stop> {
    release(account, hold)?;
    let held = order.live.held.of_mut(hold.kind);
    *held = held.sub(hold.amount()?)?;
    let state = HoldState::Captured(by);
    view.holds.set(hold.id, Some(Hold { state, ..hold.clone() }));
    Ok(())
}

/// A capture below its hold releases the overdraft part first (F25).
fn hold_parts(hold: &Hold, amount: Kopecks) -> Result<Parts, MoneyError> {
    let own = hold.parts.own.min(amount);
    Ok(Parts { own, overdraft: amount.sub(own)? })
}

fn cancel(
    view: &mut View,
    ask: &Ask<'_>,
    id: PaymentId,
    order: OrderId,
    till: Option<TillId>,
) -> Result<Outcome, Stop> {
    let Some(mut payment) = view.payments.get(&id).cloned() else {
        let tombstone = Payment {
            id,
            order,
            till,
            attempt: 0,
            body: Fingerprint([0; 16]),
            state: PaymentState::Tombstoned,
            at: ask.at,
        };
        view.payments.set(id, Some(tombstone.clone()));
        return Ok(Outcome::Payment(Box::new(tombstone), None));
    };
    match payment.state.clone() {
        PaymentState::Refused(_) => {
            payment.state = PaymentState::Tombstoned;
            payment.at = ask.at;
        }
        PaymentState::Tombstoned | PaymentState::Cancelled(_) => {
            return Ok(outcome(view, &payment));
        }
        PaymentState::Captured(capture) => {
            let amount = capture.parts.total()?;
            if capture.refunded == amount {
                return Ok(outcome(view, &payment));
            }
            if capture.refunded.is_positive() {
                return Err(Refusal::AlreadyRefunded.into());
            }
            let back = Entry { why: Why::Cancel, by: id.0, amount };
            give_back(view, ask, payment.order, &capture, &back)?;
            payment.state = PaymentState::Cancelled(capture);
        }
    }
    view.payments.set(id, Some(payment.clone()));
    Ok(outcome(view, &payment))
}

pub(crate) fn refunds(view: &mut View, ask: &Ask<'_>, op: &Op) -> Result<Outcome, Stop> {
    match op {
        Op::Refund { id, of, amount, before } => {
            let refund = match view.refunds.get(id).cloned() {
                Some(known) if known.of == *of && known.parts.total()? == *amount => known,
                Some(_) => return Err(Conflict::Key.into()),
                None => refund(view, ask, *id, *of, *amount, *before)?,
            };
            let payment = view.payments.get(of).ok_or(Conflict::NotLoaded)?.clone();
            Ok(Outcome::Refund(refund, Box::new(payment)))
        }
        Op::RefundOrder { id, order, kind, amount, before } => {
            let known = order_refunds(view, *id, *order);
            if !known.is_empty() {
                let total = Kopecks::total(known.iter().flat_map(|r| r.parts.total()))?;
                let same = total == *amount && known.iter().all(|r| is_kind(view, r.of, *kind));
                return if same { Ok(Outcome::Refunds(known)) } else { Err(Conflict::Key.into()) };
            }
            let listed = view.order_payments.get(order).cloned().unwrap_or_default();
            let of_kind: Vec<_> = listed.into_iter().filter(|p| is_kind(view, *p, *kind)).collect();
            refund_order(view, ask, *id, &of_kind, *amount, *before).map(Outcome::Refunds)
        }
        _ => Err(Conflict::NotLoaded.into()),
    }
}

fn refund(
    view: &mut View,
    ask: &Ask<'_>,
    id: RefundId,
    of: PaymentId,
    amount: Kopecks,
    before: Option<Kopecks>,
) -> Result<Refund, Stop> {
    let mut payment = view.payments.get(&of).ok_or(Refusal::UnknownTransaction)?.clone();
    let PaymentState::Captured(mut capture) = payment.state.clone() else {
        return Err(match payment.state {
            PaymentState::Cancelled(_) => Refusal::TransactionCancelled.into(),
            _ => Refusal::UnknownTransaction.into(),
        });
    };
    if !amount.is_positive() {
        return Err(Refusal::BadAmount.into());
    }
    if before.is_some_and(|seen| seen != capture.refunded) {
        return Err(Refusal::RefundSequence { refunded: capture.refunded }.into());
    }
    let rest = capture.parts.total()?.sub(capture.refunded)?;
    if amount > rest {
        return Err(Refusal::RefundExceeds { rest }.into());
    }
    let parts = refund_parts(&capture, amount)?;
    let back = Entry { why: Why::Refund, by: id.0, amount };
    give_back(view, ask, payment.order, &capture, &back)?;
    capture.refunded = capture.refunded.add(amount)?;
    payment.state = PaymentState::Captured(capture);
    view.payments.set(of, Some(payment));
    let refund = Refund { id, of, parts, at: ask.at };
    view.refunds.set(id, Some(refund.clone()));
    Ok(refund)
}

/// The mirror of the capture's parts, in proportion; the last refund takes the rest (F25).
fn refund_parts(capture: &Capture, amount: Kopecks) -> Result<Parts, MoneyError> {
    let whole = capture.parts.total()?;
    let after = capture.refunded.add(amount)?;
    let back_after = capture.parts.overdraft.share(after.0, whole.0)?;
    let back_before = capture.parts.overdraft.share(capture.refunded.0, whole.0)?;
    let overdraft = back_after.sub(back_before)?.min(amount);
    Ok(Parts { own: amount.sub(overdraft)?, overdraft })
}

/// The id of the part of a refund over an order that goes back on one payment.
pub(crate) fn part_of(id: RefundId, payment: PaymentId) -> RefundId {
    RefundId(Uuid::new_v5(&id.0, payment.0.as_bytes()))
}

/// The parts of a refund over an order that was made before, the newest payment first.
pub(crate) fn order_refunds(view: &View, id: RefundId, order: OrderId) -> Vec<Refund> {
    let listed = view.order_payments.get(&order).into_iter().flatten().rev();
    listed.filter_map(|payment| view.refunds.get(&part_of(id, *payment)).cloned()).collect()
}

fn is_kind(view: &View, payment: PaymentId, kind: AccountKind) -> bool {
    view.payments.get(&payment).and_then(Payment::capture).is_some_and(|c| c.kind == kind)
}

/// Refunds over several payments, the newest first (B17).
fn refund_order(
    view: &mut View,
    ask: &Ask<'_>,
    id: RefundId,
    payments: &[PaymentId],
    amount: Kopecks,
    before: Option<Kopecks>,
) -> Result<Vec<Refund>, Stop> {
    if !amount.is_positive() {
        return Err(Refusal::BadAmount.into());
    }
    let captures = payments.iter().filter_map(|p| view.payments.get(p)?.capture());
    let refunded = Kopecks::total(captures.map(|c| c.refunded))?;
    if before.is_some_and(|seen| seen != refunded) {
        return Err(Refusal::RefundSequence { refunded }.into());
    }
    let mut rest = amount;
    let mut refunds = Vec::new();
    for payment in payments.iter().rev() {
        let Some(row) = view.payments.get(payment) else { continue };
        let part = row.live()?.min(rest);
        if part.is_positive() {
            refunds.push(refund(view, ask, part_of(id, *payment), *payment, part, None)?);
            rest = rest.sub(part)?;
        }
    }
    match (refunds.is_empty(), rest.is_zero()) {
        (true, _) => Err(Refusal::UnknownTransaction.into()),
        (false, false) => Err(Refusal::RefundExceeds { rest: amount.sub(rest)? }.into()),
        (false, true) => Ok(refunds),
    }
}

/// Credits the guest; a closed account's money goes to the house's payables (F32).
fn give_back(
    view: &mut View,
    ask: &Ask<'_>,
    order: OrderId,
    capture: &Capture,
    back: &Entry,
) -> Result<(), Stop> {
    let mut account = row(view, capture.account)?;
    let to = match account.status {
        AccountStatus::Closed => Party::House(House::RefundsPayable(account.guest)),
        _ => {
            account.balance = account.balance.add(back.amount)?;
            Party::Guest(account.id)
        }
    };
    view.accounts.set(account.id, Some(account));
    let from = match (capture.kind.is_money(), capture.settled) {
        (true, true) => Party::House(House::SalesReturns),
        _ => cleared(capture.kind, order),
    };
    post(view, ask, from, to, back, capture.kind);
    let mut row = view.orders.get(&order).ok_or(Conflict::NotLoaded)?.clone();
    let captured = row.live.captured.of_mut(capture.kind);
    *captured = captured.sub(back.amount)?;
    view.orders.set(order, Some(row));
    Ok(())
}

pub(crate) fn movement(view: &mut View, ask: &Ask<'_>, op: &Op) -> Result<Outcome, Stop> {
    let Op::Move { from, to, amount, why, by } = op else {
        return Err(Conflict::NotLoaded.into());
    };
    if !amount.is_positive() {
        return Err(Refusal::BadAmount.into());
    }
    // Clearing is the list "charged, not known to iiko" (F1): only payments and the close move it.
    if [from, to].iter().any(|p| matches!(p, Party::House(House::Clearing(_)))) {
        return Err(Refusal::BadMovement.into());
    }
    // And only they move for these reasons: the audit holds what moved against their rows.
    if matches!(why, Why::Capture | Why::Cancel | Why::Refund | Why::Close) {
        return Err(Refusal::BadMovement.into());
    }
    let unit = move_unit(view, *from, *to)?;
    if let Party::Guest(id) = from {
        let mut account = debited(view, ask, *id)?;
        if account.status != AccountStatus::Active {
            return Err(Refusal::AccountBlocked.into());
        }
        let limit = account.available()?;
        if *amount > limit {
            return Err(Refusal::InsufficientFunds { limit }.into());
        }
        account.balance = account.balance.sub(*amount)?;
        view.accounts.set(*id, Some(account));
    }
    if let Party::Guest(id) = to {
        let mut account = row(view, *id)?;
        if account.status == AccountStatus::Closed {
            return Err(Refusal::AccountBlocked.into());
        }
        account.balance = account.balance.add(*amount)?;
        account.check_sums()?;
        view.accounts.set(*id, Some(account));
    }
    let (debit, credit) = (*from, *to);
    let (amount, why, by, at) = (*amount, *why, *by, ask.at);
    write(view, Movement { debit, credit, unit, amount, why, by, at });
    Ok(match to {
        Party::Guest(id) => Outcome::Account(Box::new(row(view, *id)?)),
        Party::House(_) => Outcome::Done,
    })
}

/// One unit on both sides. House against house counts rubles, but for the points accounts.
fn move_unit(view: &View, from: Party, to: Party) -> Result<crate::Unit, Stop> {
    use crate::Unit;
    let unit = |party| -> Result<Option<Unit>, Stop> {
        Ok(match party {
            Party::Guest(id) => Some(row(view, id)?.kind.unit()),
            Party::House(House::BonusIssued | House::BonusRedeemed | House::BonusExpired) => {
                Some(Unit::Points)
            }
            Party::House(House::Suspense) => None,
            Party::House(_) => Some(Unit::Rub),
        })
    };
    match (unit(from)?, unit(to)?) {
        (Some(a), Some(b)) if a != b => Err(Refusal::BadMovement.into()),
        _ if from == to => Err(Refusal::BadMovement.into()),
        (Some(a), _) | (None, Some(a)) => Ok(a),
        (None, None) => Err(Refusal::BadMovement.into()),
    }
}

/// What a movement is about.
pub(crate) struct Entry {
    pub(crate) why: Why,
    pub(crate) by: Uuid,
    pub(crate) amount: Kopecks,
}

pub(crate) fn post(
    view: &mut View,
    ask: &Ask<'_>,
    debit: Party,
    credit: Party,
    entry: &Entry,
    kind: AccountKind,
) {
    let (unit, amount, why) = (kind.unit(), entry.amount, entry.why);
    write(view, Movement { debit, credit, unit, amount, why, by: entry.by, at: ask.at });
}

/// Appends to the book, and to the chains of the accounts whose rows stand as they are to be.
fn write(view: &mut View, movement: Movement) {
    for party in [movement.debit, movement.credit] {
        if let Party::Guest(id) = party
            && let Some(account) = view.accounts.edit(&id)
        {
            account.chain = account.chain.movement(&movement);
        }
    }
    view.movements.push(movement);
}

/// Where a capture goes: points are redeemed at once, money waits for the close.
fn cleared(kind: AccountKind, order: OrderId) -> Party {
    match kind {
        AccountKind::Bonus => Party::House(House::BonusRedeemed),
        _ => Party::House(House::Clearing(order)),
    }
}

fn row(view: &View, id: AccountId) -> Result<Account, Stop> {
    Ok(view.accounts.get(&id).ok_or(Refusal::UnknownWallet)?.clone())
}

/// An account that is about to be debited, its overdue holds lapsed first (F13: the commit order
/// decides, and this commit is where they lapse).
fn debited(view: &mut View, ask: &Ask<'_>, id: AccountId) -> Result<Account, Stop> {
    row(view, id)?;
    let overdue = view.overdue.get(&id).cloned().unwrap_or_default();
    for hold in overdue {
        lapse(view, ask, hold)?;
    }
    row(view, id)
}

/// Ends a hold whose time has come; any other stays as it is.
pub(crate) fn lapse(view: &mut View, ask: &Ask<'_>, hold: HoldId) -> Result<(), Stop> {
    let Some(hold) = view.holds.get(&hold).cloned() else { return Ok(()) };
    if hold.is_live() && hold.expires.is_some_and(|at| at <= ask.at) {
        end_hold(view, &hold, HoldState::Expired)?;
    }
    Ok(())
}

fn order_or_new(view: &View, ask: &Ask<'_>, id: OrderId) -> Order {
    view.orders.get(&id).cloned().unwrap_or_else(|| Order::new(id, ask.at))
}

fn spendable(account: &Account, guard: Option<&OrderGuard>) -> Result<Kopecks, Stop> {
    if account.status != AccountStatus::Active {
        return Err(Refusal::AccountBlocked.into());
    }
    let rule = guard.map(|g| g.rules.overdraft).unwrap_or_default();
    Ok(account.available_under(rule)?)
}

/// Whether this till, this epoch, this guest may use this account for this order (F1, F5, F16).
fn check_order(view: &View, ask: &Ask<'_>, order: OrderId, account: &Account) -> Result<(), Stop> {
    let Some(guard) = ask.guard else { return Ok(()) };
    let order = view.orders.get(&order).ok_or(Refusal::NoGuest)?;
    if let (Some(asks), Some(owner)) = (&guard.till, &order.till)
        && asks != owner
    {
        return Err(Refusal::WrongTill.into());
    }
    let payer = order.payer().ok_or(Refusal::NoGuest)?;
    let same_epoch = guard.epoch.is_none_or(|epoch| epoch == order.epoch);
    if !same_epoch || account.guest != payer.guest {
        return Err(Refusal::BindingChanged { epoch: order.epoch }.into());
    }
    if payer.identified == crate::guest::Identification::Weak && !guard.rules.phone_spend {
        return Err(Refusal::WeakIdentification.into());
    }
    if guard.expects.is_some_and(|kind| kind != account.kind) {
        return Err(Refusal::WrongPaymentType { wallet: account.kind }.into());
    }
    Ok(())
}

/// M3: at most one of credit and deposit is alive on an order; M5: and of that kind one account.
fn check_mix(order: &Order, account: &Account, guard: Option<&OrderGuard>) -> Result<(), Stop> {
    let mix = guard.map(|g| g.rules.mix).unwrap_or_default();
    let kind = account.kind;
    let chosen = order.money.is_none_or(|chosen| chosen == account.id);
    let tied = mix == Mix::OneMoneyKind && kind.is_money() && order.live.has(kind) && !chosen;
    if tied || !mix.allows(order.live.kinds(), kind) {
        return Err(Refusal::MixedMoneyAccounts.into());
    }
    Ok(())
}

/// PV6: the live captures stay within the order's total.
fn check_total(order: &Order, amount: Kopecks, guard: Option<&OrderGuard>) -> Result<(), Stop> {
    let Some(total) = guard.and_then(|g| g.total.or(order.total)) else { return Ok(()) };
    let captured = order.live.captured.total()?;
    if captured.add(amount)? > total {
        return Err(Refusal::OverTotal { captured, total }.into());
    }
    Ok(())
}

/// L5, F28: what points may pay of a known total.
fn check_cap(
    order: &Order,
    kind: AccountKind,
    amount: Kopecks,
    guard: Option<&OrderGuard>,
) -> Result<(), Stop> {
    let Some(guard) = guard.filter(|_| kind == AccountKind::Bonus) else { return Ok(()) };
    let Some(total) = guard.total.or(order.total) else { return Ok(()) };
    let already = order.live.held.bonus.add(order.live.captured.bonus)?;
    let cap = bonus_cap(total, already, guard.rules.bonus_cap_bp, guard.rules.min_money);
    match cap {
        Some(limit) if amount > limit => Err(Refusal::InsufficientFunds { limit }.into()),
        _ => Ok(()),
    }
}
