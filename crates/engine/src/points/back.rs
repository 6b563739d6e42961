//! Points that go back, and purchases that the close of an order makes final.

use tillway_core::book::{Caller, Key, Op, Outcome, Payment, PaymentState, Refusal, StreamId};
use tillway_core::flow::purchase::{Opened, PurchaseCommand, Stage, What};
use tillway_core::flow::{Body, Flow, PaymentCommand, PaymentFlow, PurchaseFlow, append, purchase};
use tillway_core::id::{OrderId, PaymentId, RefundId, Uuid};
use tillway_core::loyalty::PurchaseId;
use tillway_core::port::processing::Kind;
use tillway_core::port::{PayError, PaymentView, RefundRequest, RefundView, Replayable};
use tillway_core::{AccountKind, Kopecks};

use super::recipe::Back;
use super::take::{chained, message, undoing};
use super::{Recipe, TILL, purchase_of};
use crate::Engine;
use crate::drive::{Folded, With};
use crate::payment::{push_step, unavailable};

/// How often a step is decided anew when one of its streams has grown in the meantime.
pub(crate) const TRIES: usize = 8;

/// Who does a step back.
pub(crate) enum By<T> {
    /// It is done, at the processing too.
    Points(T),
    /// The book alone, as long as the payment is as it was seen.
    Book(Seen),
}

/// A payment as it was when the book alone was to do a step.
pub(crate) struct Seen(Option<PaymentFlow>);

impl Seen {
    /// Refuses a step that was decided over another state: a payment with points that came, or
    /// moved, meanwhile is not the book's alone.
    ///
    /// # Errors
    /// [`Refusal::PurchaseState`]: look again.
    pub(crate) fn still(&self, flow: &PaymentFlow) -> Result<(), Refusal> {
        match &self.0 {
            Some(seen) if seen != flow => Err(Refusal::PurchaseState),
            _ => Ok(()),
        }
    }
}

impl Engine {
    /// Takes a payment with points back; the book alone does it where there are no points of the
    /// processing's, nothing was captured, or it is back already.
    pub(crate) async fn cancel_points(
        &self,
        caller: &Caller,
        id: PaymentId,
        order: OrderId,
    ) -> Result<By<PaymentView>, PayError> {
        if self.points().is_none() {
            return Ok(By::Book(Seen(None)));
        }
        for _ in 0..TRIES {
            // The flow first: whatever the row has moved since is seen by who relies on the flow.
            let flow: Folded<PaymentFlow> = self.folded(StreamId::from(id)).await?;
            let Some(row) = self.points_payment(id).await? else {
                return Ok(By::Book(Seen(Some(flow.flow))));
            };
            let amount = flow.flow.amount;
            if flow.flow.order.is_none() || row.live() != Ok(amount) {
                return Ok(By::Book(Seen(Some(flow.flow))));
            }
            let (till, at) = (caller.till.clone(), self.now());
            let mut ops = vec![Op::Cancel { id, order, till }];
            let step = flow.flow.command(PaymentCommand::Cancel, at)?;
            push_step(&mut ops, StreamId::from(id), &flow, &step)?;
            let by = Uuid::new_v5(&id.0, b"cancel");
            ops.extend(self.points_back(&row, Kopecks::ZERO, amount, by).await?);
            let done = self.commit(&With::default(), ops).await?;
            if let Some(Outcome::Payment(payment, account)) = first(done) {
                let account = account.map(|account| *account);
                return Ok(By::Points(PaymentView { payment: *payment, account }));
            }
        }
        Err(PayError::Unavailable)
    }

    /// Gives a part of a payment with points back; by the book alone as in
    /// [`Engine::cancel_points`], and what the book refuses anyway.
    pub(crate) async fn refund_points(
        &self,
        request: &RefundRequest,
        key: Key,
    ) -> Result<By<Replayable<RefundView>>, PayError> {
        let RefundRequest { id, of, amount, before, refuse } = request;
        if self.points().is_none() {
            return Ok(By::Book(Seen(None)));
        }
        for _ in 0..TRIES {
            let flow: Folded<PaymentFlow> = self.folded(StreamId::from(*of)).await?;
            let Some(row) = self.points_payment(*of).await? else {
                return Ok(By::Book(Seen(Some(flow.flow))));
            };
            let refunded = row.capture().map(|capture| capture.refunded);
            let rest = row.live().unwrap_or_default();
            let fits = Some(*before) == refunded && amount.is_positive() && *amount <= rest;
            if refuse.is_some() || flow.flow.order.is_none() || !fits {
                return Ok(By::Book(Seen(Some(flow.flow))));
            }
            let wish = PaymentCommand::Refund { refund: *id, amount: *amount };
            let step = flow.flow.command(wish, self.now())?;
            let before_it = Some(*before);
            let mut ops = vec![Op::Refund { id: *id, of: *of, amount: *amount, before: before_it }];
            push_step(&mut ops, StreamId::from(*of), &flow, &step)?;
            ops.extend(self.points_back(&row, *before, *amount, id.0).await?);
            let with = With { key: Some(key), guard: None };
            let Some((outcomes, replayed)) = self.commit(&with, ops).await? else { continue };
            if let Some(Outcome::Refund(refund, payment)) = outcomes.into_iter().next() {
                let state = RefundView { refund, payment: *payment };
                return Ok(By::Points(Replayable { state, replayed }));
            }
        }
        Err(PayError::Unavailable)
    }

    /// What goes with an unlinked refund over an order's points: the newest capture has them, for
    /// an order has one at a time.
    pub(crate) async fn unlinked_points(
        &self,
        order: OrderId,
        kind: AccountKind,
        amount: Kopecks,
        by: RefundId,
    ) -> Result<Vec<Op>, PayError> {
        if kind != AccountKind::Bonus || self.points().is_none() {
            return Ok(Vec::new());
        }
        let sheet = self.store().sheet(order).await.map_err(unavailable)?;
        let mut payments = sheet.into_iter().flat_map(|sheet| sheet.payments);
        let live = |payment: &Payment| payment.live().is_ok_and(Kopecks::is_positive);
        let Some(row) = payments.find(|payment| self.is_of_points(payment) && live(payment)) else {
            return Ok(Vec::new());
        };
        let refunded = row.capture().map(|capture| capture.refunded).unwrap_or_default();
        if row.live().is_ok_and(|rest| amount > rest) || !amount.is_positive() {
            return Ok(Vec::new());
        }
        self.points_back(&row, refunded, amount, by.0).await
    }

    /// What the close means for the purchase of a payment that iiko listed, or that went back in
    /// parts, which the processing takes back of a confirmed one alone.
    pub(crate) async fn points_closed(&self, payment: &Payment) -> Result<Option<Op>, PayError> {
        if !self.is_of_points(payment) {
            return Ok(None);
        }
        let (stream, folded) = self.purchase(payment).await?;
        let flow = &folded.flow;
        if flow.stage != Stage::Paid || flow.is_decided() || !flow.may(Kind::Accrue) {
            return Ok(None);
        }
        let at = self.now();
        let fresh = |kind| {
            let id = self.0.ports.ids.fresh();
            PurchaseCommand::Queue(message(kind, id, at, Kopecks::ZERO, Body::default()))
        };
        let events = chained(flow, [fresh(Kind::Accrue), fresh(Kind::Confirm)], at)?;
        let (op, _) = append(flow, stream, Some(folded.seq), &events).map_err(unavailable)?;
        Ok(Some(op))
    }

    /// A captured payment whose points are at the processing.
    async fn points_payment(&self, id: PaymentId) -> Result<Option<Payment>, PayError> {
        if self.points().is_none() {
            return Ok(None);
        }
        let row = self.store().payment(id).await.map_err(unavailable)?;
        Ok(row.filter(|row| self.is_of_points(row)))
    }

    fn is_of_points(&self, payment: &Payment) -> bool {
        let PaymentState::Captured(capture) = &payment.state else { return false };
        self.points().is_some() && self.points_wallet(capture.guest) == capture.account
    }

    async fn purchase(
        &self,
        payment: &Payment,
    ) -> Result<(StreamId, Folded<PurchaseFlow>), PayError> {
        let id = purchase_of(payment.id, payment.attempt);
        let stream = purchase::stream(&PurchaseId::from(id));
        Ok((stream, self.folded(stream).await?))
    }

    /// Points that came back to the wallet leave it, and go back at the processing: all of them by
    /// a *cancel* while the purchase is not confirmed, else by a refund of its own.
    async fn points_back(
        &self,
        payment: &Payment,
        before: Kopecks,
        amount: Kopecks,
        by: Uuid,
    ) -> Result<Vec<Op>, PayError> {
        let Some(capture) = payment.capture() else { return Ok(Vec::new()) };
        let mut ops = self.taken_out(capture.account, amount, by).await?;
        let (stream, sale) = self.purchase(payment).await?;
        let whole = before.is_zero() && capture.parts.total() == Ok(amount);
        let at = self.now();
        if whole && sale.flow.may(Kind::Cancel) {
            let id = self.0.ports.ids.fresh();
            let cancel = message(Kind::Cancel, id, at, Kopecks::ZERO, Body::default());
            let events = chained(&sale.flow, undoing(&sale.flow, &cancel), at)?;
            let appended = append(&sale.flow, stream, Some(sale.seq), &events);
            ops.push(appended.map_err(unavailable)?.0);
            return Ok(ops);
        }
        ops.extend(self.refund_purchase(payment, &sale.flow, (before, amount), by)?);
        Ok(ops)
    }

    /// A refund at the processing: told once the sale is confirmed there.
    fn refund_purchase(
        &self,
        payment: &Payment,
        sale: &PurchaseFlow,
        (before, amount): (Kopecks, Kopecks),
        by: Uuid,
    ) -> Result<Option<Op>, PayError> {
        let noted = sale.answer_to(Kind::Pay).and_then(|noted| Recipe::read(&noted.answer));
        let Some(recipe) = noted else {
            tracing::error!(payment = %payment.id, "a purchase does not know its payment");
            return Ok(None);
        };
        let cheque = recipe.back(before, amount).map_err(unavailable)?;
        let of = PurchaseId::from(purchase_of(payment.id, payment.attempt));
        let at = self.now();
        let opened = Opened {
            purchase: PurchaseId::from(by),
            till: TILL.into(),
            what: What::Refund,
            total: amount,
            replaces: None,
            patience_ms: self.patience_ms(),
            at,
        };
        let body = Body::of(&Back { sale: of, amount, cheque });
        let told = message(Kind::Refund, self.0.ports.ids.fresh(), at, Kopecks::ZERO, body);
        let stream = purchase::stream(&opened.purchase);
        let flow = PurchaseFlow::new(stream);
        let commands = [PurchaseCommand::Open(opened), PurchaseCommand::Queue(told)];
        let events = chained(&flow, commands, at)?;
        let (op, _) = append(&flow, stream, None, &events).map_err(unavailable)?;
        Ok(Some(op))
    }
}

fn first(done: Option<(Vec<Outcome>, bool)>) -> Option<Outcome> {
    done.and_then(|(outcomes, _)| outcomes.into_iter().next())
}
