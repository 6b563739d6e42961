//! Orders: who pays, what the plugin told, the close.

use crate::Kopecks;
use crate::book::judge::{Ask, Conflict, Stop};
use crate::book::op::{Op, Outcome, TokenUse};
use crate::book::payment::{Entry, end_hold, live_holds, post};
use crate::book::refusal::Refusal;
use crate::book::row::{
    Binding, HoldState, House, Order, Party, Payer, Payment, PaymentState, TokenId, TokenRow, Why,
};
use crate::book::view::View;
use crate::guest::Identification;
use crate::id::{OrderId, PaymentId, TillId};

/// The most bytes of an order's lines.
const LINES_LEN_MAX: usize = 64 * 1024;

pub(crate) fn apply(view: &mut View, ask: &Ask<'_>, op: &Op) -> Result<Outcome, Stop> {
    match op {
        Op::Bind { order, till, to, once } => {
            let row = named(view, ask, *order, till.as_ref())?;
            let row = match to {
                Binding::Pending(payer) | Binding::Bound(payer) => {
                    bind(view, ask, row, to, payer, once.as_ref())?
                }
                Binding::Unbound => unbind(view, ask, row)?,
                Binding::None => return Err(Refusal::NoGuest.into()),
            };
            view.orders.set(row.id, Some(row.clone()));
            Ok(Outcome::Order(Box::new(row)))
        }
        Op::Tell { order, till, total, lines, money } => {
            let mut row = named(view, ask, *order, till.as_ref())?;
            let too_long = lines.as_ref().is_some_and(|lines| lines.len() > LINES_LEN_MAX);
            if too_long || total.is_some_and(|t| t < Kopecks::ZERO) {
                return Err(Refusal::BadAmount.into());
            }
            row.total = total.or(row.total);
            row.lines = lines.clone().or(row.lines);
            row.money = money.or(row.money);
            row.touched = ask.at;
            view.orders.set(row.id, Some(row.clone()));
            Ok(Outcome::Order(Box::new(row)))
        }
        Op::Close { order, listed } => close(view, ask, *order, listed),
        _ => Err(Conflict::NotLoaded.into()),
    }
}

/// The order's row; it belongs to the first till that names it.
fn named(view: &View, ask: &Ask<'_>, id: OrderId, till: Option<&TillId>) -> Result<Order, Stop> {
    let mut row = view.orders.get(&id).cloned().unwrap_or_else(|| Order::new(id, ask.at));
    match (&row.till, till) {
        (Some(owner), Some(asks)) if owner != asks => Err(Refusal::WrongTill.into()),
        (None, Some(asks)) => {
            row.till = Some(asks.clone());
            Ok(row)
        }
        _ => Ok(row),
    }
}

fn bind(
    view: &mut View,
    ask: &Ask<'_>,
    mut row: Order,
    to: &Binding,
    payer: &Payer,
    once: Option<&TokenUse>,
) -> Result<Order, Stop> {
    if row.closed.is_some() {
        return Err(Refusal::OrderClosed.into());
    }
    if let Some(once) = once {
        use_token(view, row.id, once)?;
        // The row remembers one token: another that was shown before is worth nothing from now on.
        let was = row.binding.who().filter(|was| was.guest == payer.guest).copied();
        if let Some(was) = was.filter(|was| was.token != Some(once.id)) {
            spend_token(view, &was);
        }
    }
    row.binding = match &row.binding {
        Binding::None | Binding::Unbound => {
            row.epoch = row.epoch.checked_add(1).ok_or(Refusal::BadAmount)?;
            row.money = None;
            to.clone()
        }
        Binding::Pending(was) | Binding::Bound(was) if was.guest != payer.guest => {
            return Err(Refusal::OtherGuest.into());
        }
        Binding::Pending(was) => match to {
            Binding::Bound(_) => Binding::Bound(stronger(was, payer)),
            _ => Binding::Pending(stronger(was, payer)),
        },
        Binding::Bound(was) => Binding::Bound(stronger(was, payer)),
    };
    row.touched = ask.at;
    Ok(row)
}

/// A second scan of the same guest can only make the identification stronger (W08).
fn stronger(was: &Payer, now: &Payer) -> Payer {
    let strong =
        [was, now].into_iter().find(|p| p.identified == Identification::Strong).unwrap_or(was);
    Payer { token: now.token.or(was.token), ..*strong }
}

fn use_token(view: &mut View, order: OrderId, once: &TokenUse) -> Result<(), Stop> {
    match view.tokens.get(&once.id) {
        Some(used) if used.spent || used.order != order => Err(Refusal::TokenUsed.into()),
        Some(_) => Ok(()),
        None => {
            let row = TokenRow { id: once.id, order, spent: false, expires: once.expires };
            view.tokens.set(once.id, Some(row));
            Ok(())
        }
    }
}

fn unbind(view: &mut View, ask: &Ask<'_>, mut row: Order) -> Result<Order, Stop> {
    match row.binding.clone() {
        Binding::None => return Err(Refusal::NoGuest.into()),
        Binding::Unbound => return Ok(row),
        Binding::Pending(payer) => free_token(view, row.id, &payer),
        Binding::Bound(payer) => {
            if row.live.captured.total()?.is_positive() {
                return Err(Refusal::HasPayment.into());
            }
            spend_token(view, &payer);
        }
    }
    void_holds(view, row.id)?;
    row = view
        .orders
        .get(&row.id)
        .cloned()
        .map_or(row.clone(), |now| Order { live: now.live, ..row });
    row.binding = Binding::Unbound;
    row.epoch = row.epoch.checked_add(1).ok_or(Refusal::BadAmount)?;
    row.money = None;
    row.touched = ask.at;
    Ok(row)
}

/// A one-time token is never valid again after check-out (F16).
fn spend_token(view: &mut View, payer: &Payer) {
    let Some(row) = payer.token.and_then(|token| view.tokens.get(&token)).cloned() else {
        return;
    };
    view.tokens.set(row.id, Some(TokenRow { spent: true, ..row }));
}

/// A binding that never came to be frees its token (F16).
fn free_token(view: &mut View, order: OrderId, payer: &Payer) {
    let ours = |id: &TokenId| view.tokens.get(id).is_some_and(|t| t.order == order && !t.spent);
    if let Some(token) = payer.token.filter(ours) {
        view.tokens.set(token, None);
    }
}

fn void_holds(view: &mut View, order: OrderId) -> Result<(), Stop> {
    let holds: Vec<_> = live_holds(view, order).cloned().collect();
    for hold in holds {
        end_hold(view, &hold, HoldState::Voided)?;
    }
    Ok(())
}

fn close(
    view: &mut View,
    ask: &Ask<'_>,
    order: OrderId,
    listed: &[PaymentId],
) -> Result<Outcome, Stop> {
    void_holds(view, order)?;
    let mut row = view.orders.get(&order).cloned().unwrap_or_else(|| Order::new(order, ask.at));
    let ours = view.order_payments.get(&order).cloned().unwrap_or_default();
    let mut orphan_captures = Vec::new();
    for id in &ours {
        let Some(mut payment) = view.payments.get(id).cloned() else { continue };
        let rest = payment.live()?;
        let PaymentState::Captured(capture) = &mut payment.state else { continue };
        if !listed.contains(id) {
            if rest.is_positive() && !capture.settled {
                orphan_captures.push(*id);
            }
            continue;
        }
        if capture.settled {
            continue;
        }
        capture.acknowledged = true;
        capture.settled = true;
        let kind = capture.kind;
        if kind.is_money() && rest.is_positive() {
            let (from, to) = (Party::House(House::Clearing(order)), Party::House(House::Sales));
            let entry = Entry { why: Why::Close, by: id.0, amount: rest };
            post(view, ask, from, to, &entry, kind);
        }
        view.payments.set(*id, Some(payment));
    }
    // A payment that the guest has back, or that paid another order, is not paid here either.
    let pays = |p: &Payment| matches!(p.state, PaymentState::Captured(_)) && p.order == order;
    let unknown = |id: &&PaymentId| !view.payments.get(id).is_some_and(pays);
    let orphans_in_iiko: Vec<_> = listed.iter().filter(unknown).copied().collect();
    match &row.binding {
        Binding::Bound(payer) => spend_token(view, payer),
        Binding::Pending(payer) => free_token(view, order, payer),
        Binding::None | Binding::Unbound => {}
    }
    if row.binding.who().is_some() {
        row.binding = Binding::Unbound;
        row.epoch = row.epoch.checked_add(1).ok_or(Refusal::BadAmount)?;
    }
    row.closed = row.closed.or(Some(ask.at));
    row.touched = ask.at;
    view.orders.set(order, Some(row.clone()));
    let order = Box::new(row);
    Ok(Outcome::Closed { order, orphan_captures, orphans_in_iiko })
}
