//! The plugin's desk: plan, reserve, capture, cancel, refund, close.

use core::time::Duration;
use std::collections::BTreeSet;

use async_trait::async_trait;
use tillway_core::book::{
    Caller, Expiry, Hold, House, Key, Op, OrderGuard, Outcome, Party, Payment, PaymentState,
    Refusal, Scope, StreamId, Why,
};
use tillway_core::flow::{
    BindingCommand, BindingFlow, Flow, PaymentCommand, PaymentEvent, PaymentFlow, Step, append,
    encode_lines,
};
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId, Uuid};
use tillway_core::port::{
    CaptureRequest, CloseReport, OrderClosed, OrderTold, OrderView, PayError, PaymentDesk,
    PaymentInfo, PaymentView, Reconciliation, RefundRequest, RefundView, Replayable,
    ReserveRequest, Sheet, UnlinkedRequest, UnlinkedView,
};
use tillway_core::split::{Input, Line, Plan, split};
use tillway_core::time::Timestamp;
use tillway_core::wallet::{limit, pick_money};
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks};

use crate::Engine;
use crate::drive::{DriveError, Driven, Folded, With, warn_unavailable};
use crate::loyalty::live_of;
use crate::points::{By, Kept, Seen, TRIES};
use crate::wait::within;

mod fingerprint;

/// How long a request waits for the first one with its id.
const SAME_ID_MAX: Duration = Duration::from_secs(3);
/// How long a write may take before its outcome is called unknown.
pub(crate) const WRITE_MAX: Duration = Duration::from_secs(10);
/// Terms of a reservation (PV9).
const TTL: Duration = Duration::from_secs(30 * 60);
const TTL_MIN: Duration = Duration::from_secs(60);
const TTL_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How many payments a close may list.
const LISTED_MAX: usize = 256;
/// How many lines an order may have.
const LINES_MAX: usize = 500;
/// The longest texts of what a capture carries for people, in characters.
const CASHIER_MAX: usize = 64;
const BUSINESS_DATE_MAX: usize = 32;
/// How often a close is decided anew when a flow of its order has moved in the meantime.
const CLOSE_TRIES: usize = 8;

impl From<DriveError> for PayError {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Refused(refusal) => Self::Refused(refusal),
            DriveError::Conflict => Self::Conflict,
            DriveError::ClockInDoubt => Self::ClockInDoubt,
            DriveError::Unavailable | DriveError::Unreadable => Self::Unavailable,
        }
    }
}

pub(crate) fn unavailable(error: impl core::fmt::Display) -> PayError {
    warn_unavailable(&error);
    PayError::Unavailable
}

#[async_trait]
impl PaymentDesk for Engine {
    async fn order(&self, _caller: &Caller, order: OrderId) -> Result<OrderView, PayError> {
        let sheet = self.payable_sheet(order).await.map_err(unavailable)?;
        let Some(sheet) = sheet else { return Ok(empty_order()) };
        let by_account = self.limits_by_account(&sheet)?;
        let limits = self.limits_of(&sheet).map_err(unavailable)?;
        let bound = sheet.order.payer().and(sheet.guest.as_ref());
        Ok(OrderView {
            name: bound.map(|g| g.names.display(&g.client_id)),
            brd_client: bound.map(|g| self.0.config.brd_client(&g.client_id)),
            limits,
            by_account,
            sheet: Some(sheet),
        })
    }

    async fn tell_order(&self, caller: &Caller, told: OrderTold) -> Result<(), PayError> {
        if told.lines.len() > LINES_MAX {
            return Err(Refusal::BadAmount.into());
        }
        let lines = Some(encode_lines(&told.lines));
        let (order, till, total) = (told.order, caller.till.clone(), Some(told.total));
        let op = Op::Tell { order, till, total, lines, money: None };
        self.write(With::default(), vec![op]).await.map(drop)
    }

    async fn plan(
        &self,
        _caller: &Caller,
        order: OrderId,
        due: Kopecks,
        input: Input,
    ) -> Result<Plan, PayError> {
        let sheet = self.payable_sheet(order).await.map_err(unavailable)?;
        let sheet = sheet.filter(|s| s.order.payer().is_some()).ok_or(Refusal::NoGuest)?;
        let limits = self.limits_by_account(&sheet)?;
        let live = live_of(&sheet).map_err(unavailable)?;
        let view = self.order_view(&sheet.accounts, &live, sheet.order.money);
        let first = pick_money(&view).map_err(unavailable)?;
        let mut lines: Vec<(u8, Line)> = sheet
            .accounts
            .iter()
            .filter(|a| a.status != AccountStatus::Closed)
            .map(|a| {
                let of = limits.iter().find(|(id, _)| *id == a.id);
                let limit = of.map_or(Kopecks::ZERO, |(_, limit)| *limit);
                // Points first, then the money account that was chosen, then the others.
                let rank = match a.kind {
                    AccountKind::Bonus => 0,
                    _ if Some(a.id) == first => 1,
                    _ => 2,
                };
                (rank, Line { account: a.id, kind: a.kind, limit })
            })
            .collect();
        lines.sort_by_key(|(rank, _)| *rank);
        let lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
        let already = sheet.order.live.kinds();
        Ok(split(due, &lines, &input, self.0.config.mix, already)?)
    }

    async fn reserve(
        &self,
        caller: &Caller,
        request: ReserveRequest,
    ) -> Result<Replayable<Hold>, PayError> {
        let id = HoldId(Uuid::new_v5(&request.key, b"hold"));
        let body = fingerprint::reserve(&request);
        let key = Key { scope: Scope::Reserve, id: request.key, attempt: 1, body };
        let ttl = request.ttl.unwrap_or(TTL).clamp(TTL_MIN, TTL_MAX);
        let refuse = match request.refuse {
            Some(refusal) => Some(refusal),
            None => self.unheld(request.order, request.wallet).await?,
        };
        let op = match refuse {
            Some(refusal) => Op::Refuse(refusal),
            None => Op::Hold {
                id,
                order: request.order,
                account: request.wallet,
                amount: request.amount,
                expiry: Expiry::At(self.now().after(ttl)),
                supersedes: request.supersedes,
            },
        };
        let guard = self.guard(caller, request.order, request.epoch, request.total, None);
        let with = With { key: Some(key), guard: Some(guard) };
        let (outcomes, replayed) = self.write(with, vec![op]).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Hold(state)) => Ok(Replayable { state, replayed }),
            _ => Err(PayError::Unavailable),
        }
    }

    async fn void(&self, _caller: &Caller, hold: HoldId) -> Result<Hold, PayError> {
        let (outcomes, _) = self.write(With::default(), vec![Op::Void { hold }]).await?;
        match outcomes.into_iter().next() {
            Some(Outcome::Hold(hold)) => Ok(hold),
            _ => Err(PayError::Unavailable),
        }
    }

    async fn capture(
        &self,
        caller: &Caller,
        request: CaptureRequest,
    ) -> Result<Replayable<PaymentView>, PayError> {
        let (id, body) = (request.id, fingerprint::capture(&request));
        let key = Key { scope: Scope::Payment, id: id.0, attempt: request.attempt.max(1), body };
        let expects = self.0.config.kind_of(request.payment_type);
        let guard = self.guard(caller, request.order, request.epoch, request.total, expects);
        let refuse = match (request.refuse.clone(), expects) {
            (Some(refusal), _) => Some(refusal),
            (None, None) => Some(Refusal::UnknownPaymentType),
            (None, Some(_)) => match self.wallet(request.order, request.wallet).await? {
                Kept::Elsewhere => return self.capture_points(caller, request, key, guard).await,
                Kept::Nowhere => Some(Refusal::UnknownWallet),
                Kept::Here => None,
            },
        };
        let ops = match refuse {
            Some(refusal) => vec![Op::Refuse(refusal)],
            None => self.capture_ops(caller, request)?,
        };
        let with = With { key: Some(key), guard: Some(guard) };
        let (outcomes, replayed) = self.write(with, ops).await?;
        let state = match outcomes.into_iter().next() {
            Some(Outcome::Payment(payment, account)) => {
                self.viewed(*payment, account.map(|a| *a)).await?
            }
            // A repeat that would be refused by now: the payment stands all the same.
            _ if replayed => self.payment(caller, id).await?,
            _ => return Err(PayError::Unavailable),
        };
        Ok(Replayable { state, replayed })
    }

    async fn payment(&self, _caller: &Caller, id: PaymentId) -> Result<PaymentView, PayError> {
        let payment = self.store().payment(id).await.map_err(unavailable)?;
        self.viewed(payment.ok_or(Refusal::UnknownTransaction)?, None).await
    }

    async fn cancel(
        &self,
        caller: &Caller,
        id: PaymentId,
        order: OrderId,
    ) -> Result<PaymentView, PayError> {
        for _ in 0..TRIES {
            let seen = match self.cancel_points(caller, id, order).await? {
                By::Points(view) => return Ok(view),
                By::Book(seen) => seen,
            };
            match self.cancel_in_book(caller, id, order, &seen).await {
                Err(PayError::Refused(Refusal::PurchaseState)) => {}
                done => return done,
            }
        }
        Err(PayError::Unavailable)
    }

    async fn refund(
        &self,
        _caller: &Caller,
        request: RefundRequest,
    ) -> Result<Replayable<RefundView>, PayError> {
        let body = fingerprint::refund(&request);
        let key = Key { scope: Scope::Refund, id: request.id.0, attempt: 1, body };
        for _ in 0..TRIES {
            let seen = match self.refund_points(&request, key).await? {
                By::Points(view) => return Ok(view),
                By::Book(seen) => seen,
            };
            match self.refund_in_book(&request, key, &seen).await {
                Err(PayError::Refused(Refusal::PurchaseState)) => {}
                done => return done,
            }
        }
        Err(PayError::Unavailable)
    }

    async fn refund_unlinked(
        &self,
        _caller: &Caller,
        request: UnlinkedRequest,
    ) -> Result<Replayable<UnlinkedView>, PayError> {
        let body = fingerprint::unlinked(&request);
        let key = Key { scope: Scope::Unlinked, id: request.id.0, attempt: 1, body };
        let UnlinkedRequest { id, order, amount, before, .. } = request;
        let kind = self.0.config.kind_of(request.payment_type);
        let op = match (request.refuse, order, kind) {
            (Some(refusal), ..) => Op::Refuse(refusal),
            (None, _, None) => Op::Refuse(Refusal::UnknownPaymentType),
            (None, Some(order), Some(kind)) => Op::RefundOrder { id, order, kind, amount, before },
            (None, None, Some(kind)) if kind.is_money() && self.0.config.allow_orderless_refund => {
                let from = Party::House(House::SalesReturnsUnlinked);
                let to = Party::House(House::Suspense);
                Op::Move { from, to, amount, why: Why::Unlinked, by: id.0 }
            }
            (None, None, Some(_)) => Op::Refuse(Refusal::OrderRequired),
        };
        let with = With { key: Some(key), guard: None };
        let mut ops = vec![op];
        if let (Op::RefundOrder { order, kind, amount, .. }, Some(_)) = (&ops[0], order) {
            ops.extend(self.unlinked_points(*order, *kind, *amount, id).await?);
        }
        let (outcomes, replayed) = self.write(with, ops).await?;
        let refunds = match outcomes.into_iter().next() {
            Some(Outcome::Refunds(refunds)) => refunds,
            _ => Vec::new(),
        };
        Ok(Replayable { state: UnlinkedView { amount, refunds }, replayed })
    }

    async fn acknowledge(&self, _caller: &Caller, id: PaymentId) -> Result<(), PayError> {
        let at = self.now();
        let decide = |flow: &PaymentFlow| {
            let mut step = flow.command(PaymentCommand::Acknowledge, at)?;
            step.ops.push(Op::Acknowledge { id });
            Ok(step)
        };
        let payment = self.store().payment(id).await.map_err(unavailable)?;
        match payment.map(|p| p.state) {
            Some(PaymentState::Captured(_)) => {
                self.drive_payment(id, With::default(), decide).await.map(drop)
            }
            Some(PaymentState::Cancelled(_) | PaymentState::Tombstoned) => {
                Err(Refusal::TransactionCancelled.into())
            }
            Some(PaymentState::Refused(_)) | None => Err(Refusal::UnknownTransaction.into()),
        }
    }

    async fn closed(&self, caller: &Caller, told: OrderClosed) -> Result<CloseReport, PayError> {
        let OrderClosed { order, payments: mut listed } = told;
        if listed.len() > LISTED_MAX {
            return Err(Refusal::BadAmount.into());
        }
        let mut seen = BTreeSet::new();
        listed.retain(|id| seen.insert(*id));
        let close = self.close_order(caller, order, &listed);
        let report = within(&*self.0.ports.clock, WRITE_MAX, close).await;
        report.unwrap_or(Err(PayError::Unavailable))
    }

    async fn reconciliation(
        &self,
        caller: &Caller,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, PayError> {
        let till = caller.till.as_ref().ok_or(PayError::Unavailable)?;
        self.store().reconciliation(till, from, to).await.map_err(unavailable)
    }
}

impl Engine {
    fn guard(
        &self,
        caller: &Caller,
        order: OrderId,
        epoch: u32,
        total: Kopecks,
        expects: Option<AccountKind>,
    ) -> OrderGuard {
        OrderGuard {
            order,
            till: caller.till.clone(),
            epoch: Some(epoch),
            expects,
            total: Some(total),
            rules: self.0.config.rules(),
        }
    }

    /// The capture, and the first record of the flow that watches it: one commit.
    pub(crate) fn capture_ops(
        &self,
        caller: &Caller,
        request: CaptureRequest,
    ) -> Result<Vec<Op>, PayError> {
        let stream = StreamId::from(request.id);
        let event = PaymentEvent::Captured {
            order: request.order,
            till: caller.till.clone(),
            amount: request.amount,
            info: cut(request.info),
            at_ms: self.now().utc_ms,
        };
        let flow = PaymentFlow::new(stream);
        let (journal, _) = append(&flow, stream, None, &[event]).map_err(unavailable)?;
        let capture = Op::Capture {
            id: request.id,
            order: request.order,
            account: request.wallet,
            amount: request.amount,
            hold: request.hold,
        };
        Ok(vec![capture, journal])
    }

    /// One commit without a flow. A repeat of an id whose first request still runs waits for it.
    pub(crate) async fn write(
        &self,
        with: With,
        ops: Vec<Op>,
    ) -> Result<(Vec<Outcome>, bool), PayError> {
        let keyed = with.key.is_some();
        let most = if keyed { SAME_ID_MAX } else { WRITE_MAX };
        match within(&*self.0.ports.clock, most, self.commit(&with, ops)).await {
            Some(Ok(Some(done))) => Ok(done),
            Some(Ok(None)) => Err(PayError::Unavailable),
            Some(Err(error)) => Err(error.into()),
            None if keyed => Err(PayError::InProgress),
            None => Err(PayError::Unavailable),
        }
    }

    async fn cancel_in_book(
        &self,
        caller: &Caller,
        id: PaymentId,
        order: OrderId,
        seen: &Seen,
    ) -> Result<PaymentView, PayError> {
        let (till, at) = (caller.till.clone(), self.now());
        let decide = |flow: &PaymentFlow| {
            seen.still(flow)?;
            let mut step = match flow.order {
                Some(_) => flow.command(PaymentCommand::Cancel, at)?,
                // Never captured: the tombstone needs no stream.
                None => Step::nothing(),
            };
            step.ops.push(Op::Cancel { id, order, till: till.clone() });
            Ok(step)
        };
        let driven = self.drive_payment(id, With::default(), decide).await?;
        match driven.outcomes.into_iter().next() {
            Some(Outcome::Payment(payment, account)) => {
                self.viewed(*payment, account.map(|a| *a)).await
            }
            _ => Err(PayError::Unavailable),
        }
    }

    async fn refund_in_book(
        &self,
        request: &RefundRequest,
        key: Key,
        seen: &Seen,
    ) -> Result<Replayable<RefundView>, PayError> {
        let RefundRequest { id, of, amount, before, refuse } = request;
        let (id, of, amount, before, at) = (*id, *of, *amount, *before, self.now());
        let decide = |flow: &PaymentFlow| {
            if let Some(refusal) = refuse {
                return Ok(Step { events: Vec::new(), ops: vec![Op::Refuse(refusal.clone())] });
            }
            seen.still(flow)?;
            let mut step = match flow.order {
                Some(_) => flow.command(PaymentCommand::Refund { refund: id, amount }, at)?,
                None => Step::nothing(),
            };
            step.ops.push(Op::Refund { id, of, amount, before: Some(before) });
            Ok(step)
        };
        let with = With { key: Some(key), guard: None };
        let driven = self.drive_payment(of, with, decide).await?;
        match driven.outcomes.into_iter().next() {
            Some(Outcome::Refund(refund, payment)) => {
                let state = RefundView { refund, payment: *payment };
                Ok(Replayable { state, replayed: driven.replayed })
            }
            _ => Err(PayError::Unavailable),
        }
    }

    /// One step of a payment's flow. The step's own operation comes first in the outcomes.
    async fn drive_payment(
        &self,
        id: PaymentId,
        with: With,
        decide: impl Fn(&PaymentFlow) -> Result<Step<PaymentEvent>, Refusal> + Send + Sync,
    ) -> Result<Driven<PaymentFlow>, PayError> {
        let keyed = with.key.is_some();
        let most = if keyed { SAME_ID_MAX } else { WRITE_MAX };
        let drive = self.drive::<PaymentFlow>(StreamId::from(id), with, decide);
        match within(&*self.0.ports.clock, most, drive).await {
            Some(driven) => Ok(driven?),
            None if keyed => Err(PayError::InProgress),
            None => Err(PayError::Unavailable),
        }
    }

    async fn viewed(
        &self,
        payment: Payment,
        account: Option<Account>,
    ) -> Result<PaymentView, PayError> {
        let account = match (account, payment.capture()) {
            (None, Some(capture)) => {
                self.store().account(capture.account).await.map_err(unavailable)?
            }
            (account, _) => account,
        };
        Ok(PaymentView { payment, account })
    }

    /// What each account may pay on an order: available and the order's own holds (L3).
    fn limits_by_account(&self, sheet: &Sheet) -> Result<Vec<(AccountId, Kopecks)>, PayError> {
        let Some(payer) = sheet.order.payer() else { return Ok(Vec::new()) };
        let live = live_of(sheet).map_err(unavailable)?;
        let rules = self.limit_rules(sheet, payer.identified);
        let weak = payer.identified == tillway_core::guest::Identification::Weak;
        let mut limits = Vec::with_capacity(sheet.accounts.len());
        for account in &sheet.accounts {
            let held = live.iter().find(|l| l.account == account.id).map(|l| l.held);
            let cap = rules.bonus_cap.filter(|_| account.kind == AccountKind::Bonus);
            let may = if weak && !rules.phone_spend {
                Kopecks::ZERO
            } else {
                limit(account, held.unwrap_or_default(), self.0.config.overdraft, cap)
                    .map_err(unavailable)?
            };
            limits.push((account.id, may));
        }
        Ok(limits)
    }

    async fn close_order(
        &self,
        caller: &Caller,
        order: OrderId,
        listed: &[PaymentId],
    ) -> Result<CloseReport, PayError> {
        for _ in 0..CLOSE_TRIES {
            let Some(ops) = self.close_ops(order, listed).await? else { continue };
            if let Some((outcomes, _)) = self.commit(&With::default(), ops).await? {
                self.0.orders.ring(&order);
                tracing::debug!(%order, actor = ?caller.actor, "order closed");
                return Ok(close_report(outcomes));
            }
        }
        Err(PayError::Unavailable)
    }

    /// The close with what it means for the flows of the order; `None` when a payment came while
    /// we looked.
    pub(crate) async fn close_ops(
        &self,
        order: OrderId,
        listed: &[PaymentId],
    ) -> Result<Option<Vec<Op>>, PayError> {
        let at = self.now();
        let mut ops = vec![Op::Close { order, listed: listed.to_vec() }];
        let binding: Folded<BindingFlow> = self.folded(StreamId::from(order)).await?;
        let step = binding.flow.command(BindingCommand::Close, at)?;
        push_step(&mut ops, StreamId::from(order), &binding, &step)?;
        let sheet = self.store().sheet(order).await.map_err(unavailable)?;
        let ours: Vec<Payment> = sheet.into_iter().flat_map(|s| s.payments).collect();
        let known = |id: &PaymentId| ours.iter().any(|p| p.id == *id);
        let wishes = ours.iter().filter_map(|p| Some((p.id, differs(p, listed.contains(&p.id))?)));
        let unknown = listed.iter().filter(|id| !known(id)).map(|id| (*id, PaymentCommand::Orphan));
        let over = |payment: &&Payment| {
            listed.contains(&payment.id) || payment.live().is_ok_and(Kopecks::is_zero)
        };
        for payment in ours.iter().filter(over) {
            ops.extend(self.points_closed(payment).await?);
        }
        for (id, wish) in wishes.chain(unknown) {
            let flow: Folded<PaymentFlow> = self.folded(StreamId::from(id)).await?;
            if flow.flow.order == Some(order) && !known(&id) {
                return Ok(None);
            }
            let step = flow.flow.command(wish, at)?;
            push_step(&mut ops, StreamId::from(id), &flow, &step)?;
        }
        Ok(Some(ops))
    }
}

/// What the close means for a payment of the order; the book's own report follows the same rule.
fn differs(payment: &Payment, listed: bool) -> Option<PaymentCommand> {
    let owed = payment.live().is_ok_and(Kopecks::is_positive);
    match (&payment.state, listed) {
        (PaymentState::Captured(_), true) => Some(PaymentCommand::Acknowledge),
        (PaymentState::Captured(capture), false) if owed && !capture.settled => {
            Some(PaymentCommand::Orphan)
        }
        (PaymentState::Captured(_), false) => None,
        // iiko has it and the guest has the money back.
        (_, true) => Some(PaymentCommand::Orphan),
        (_, false) => None,
    }
}

/// A name that is too long refuses no payment.
fn cut(info: PaymentInfo) -> PaymentInfo {
    let cut = |text: Box<str>, most| text.chars().take(most).collect::<String>().into();
    PaymentInfo {
        cashier: info.cashier.map(|text| cut(text, CASHIER_MAX)),
        business_date: info.business_date.map(|text| cut(text, BUSINESS_DATE_MAX)),
        ..info
    }
}

/// Adds a flow's step to a commit of several flows, which then depends on the flow being as it was
/// read, also when the step has no event.
pub(crate) fn push_step<F: Flow>(
    ops: &mut Vec<Op>,
    stream: StreamId,
    folded: &Folded<F>,
    step: &Step<F::Event>,
) -> Result<(), PayError> {
    ops.extend(step.ops.iter().cloned());
    let appended = append(&folded.flow, stream, Some(folded.seq), &step.events);
    ops.push(appended.map_err(unavailable)?.0);
    Ok(())
}

fn close_report(outcomes: Vec<Outcome>) -> CloseReport {
    match outcomes.into_iter().next() {
        Some(Outcome::Closed { orphan_captures, orphans_in_iiko, .. }) => {
            CloseReport { orphan_captures, orphans_in_iiko }
        }
        _ => CloseReport::default(),
    }
}

fn empty_order() -> OrderView {
    OrderView {
        sheet: None,
        name: None,
        brd_client: None,
        limits: Default::default(),
        by_account: Vec::new(),
    }
}
