//! The payment API and the bridge: what the front plugin asks.

use core::net::IpAddr;
use core::pin::Pin;
use core::time::Duration;
use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::Body;
use serde::Serialize;
use tillway_core::Kopecks;
use tillway_core::book::{Actor, Caller, HoldState, Payment, PaymentState, Refusal};
use tillway_core::id::{CommandId, HoldId, OrderId, PaymentId, RefundId, TillId, Uuid};
use tillway_core::port::{OrderView, PayError, PaymentDesk, PaymentView, Reconciliation};
use tillway_transport::BoxError;

use super::auth::Denied;
use super::reply::{Reply, json_reply, no_content, not_allowed, pos_error, read_json};
use super::route::{Ids, Place, Route, parameter};
use super::{Shared, within};
use crate::config::Till;
use crate::error::{Flaw, PosError};
use crate::wire::bridge::{CommandOut, CommandsOut, outcome};
use crate::wire::fields::Fields;
use crate::wire::shown::{
    ErrorBody, HealthOut, OrderOut, PaymentOut, PlanOut, ReconciliationOut, RefundOut,
    ReservationOut, StateOut, VoidedOut, hold_word, kind_sums, live_payments,
};
use crate::wire::{Text, pos};

/// The longest that a poll waits, whatever it asks for.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// One request to the payment API.
pub(super) struct Pos<'a> {
    pub(super) shared: &'a Shared,
    /// The till that the path names, if it names one.
    pub(super) path_till: Option<&'a Till>,
    pub(super) peer: Option<IpAddr>,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Option<&'a str>,
}

type Answer = Result<Reply, PosError>;

impl Pos<'_> {
    /// Answers; `method` is never `HEAD` where that is taken: it is asked as `GET`.
    pub(super) async fn answer<B>(&self, route: &Route, method: &Method, body: Pin<&mut B>) -> Reply
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let answer = match self.admit() {
            Ok(till) if route.place.takes(method) || route.ids.is_none() => {
                self.call(route, method, till, body).await
            }
            Ok(_) => return not_allowed(route.place.allow()),
            Err(error) => Err(error),
        };
        answer.unwrap_or_else(|error| {
            tracing::info!(place = ?route.place, code = error.code, "refused");
            pos_error(&self.shared.config, &error)
        })
    }

    /// The till that asks.
    fn admit(&self) -> Result<&TillId, PosError> {
        let config = &self.shared.config;
        let now = self.shared.clock.ticks();
        let wrong_max = config.wrong_tokens_max;
        let admitted =
            self.shared.guard.admit(self.peer, self.headers, &config.tills, wrong_max, now);
        match admitted {
            Ok(till) if self.path_till.is_some_and(|named| named.id != till.id) => {
                Err(PosError::wrong_till())
            }
            Ok(till) => Ok(&till.id),
            Err(Denied::BadToken) => Err(PosError::bad_token()),
            Err(Denied::TooMany { retry_after_s }) => Err(PosError::too_many(retry_after_s)),
        }
    }

    async fn call<B>(
        &self,
        route: &Route,
        method: &Method,
        till: &TillId,
        body: Pin<&mut B>,
    ) -> Answer
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let ids = route.ids.ok_or(Flaw::BadId)?;
        let budgets = &self.shared.config.budgets;
        let reads = method == Method::GET || route.place == Place::Plan;
        let budget = if reads { budgets.read } else { budgets.pay };
        // A call that has no use for a body does not read it; the server loop does.
        let bytes = if method == Method::GET || route.place == Place::Acknowledge {
            Bytes::new()
        } else {
            read_json(self.headers, body, self.shared.config.body_bytes_max).await?
        };
        let cause = if ids.first.is_nil() { None } else { Some(ids.first) };
        let caller = Caller {
            actor: Actor::Plugin,
            till: Some(till.clone()),
            deadline: Some(self.shared.clock.ticks().saturating_add(budget)),
            cause,
        };
        let call = Call { pos: self, caller, budget, ids, bytes };
        match (route.place, method) {
            (Place::Health, _) => call.health().await,
            (Place::Order, &Method::GET) => call.order().await,
            (Place::Order, _) => call.tell_order().await,
            (Place::Plan, _) => call.plan().await,
            (Place::Closed, _) => call.closed().await,
            (Place::Reservations, _) => call.reserve().await,
            (Place::Void, _) => call.void().await,
            (Place::Payment, &Method::GET) => call.payment().await,
            (Place::Payment, _) => call.capture().await,
            (Place::Cancel, _) => call.cancel().await,
            (Place::Acknowledge, _) => call.acknowledge().await,
            (Place::Refund, _) => call.refund().await,
            (Place::Unlinked, _) => call.refund_unlinked().await,
            (Place::Commands, _) => call.commands().await,
            (Place::CommandResult, _) => call.command_result().await,
            (Place::Reconciliation, _) => call.reconciliation().await,
            // Places of the Waiter API never come here.
            (Place::Ping | Place::CheckIn | Place::Loyalty | Place::Limits, _) => {
                Ok(super::empty(StatusCode::NOT_FOUND))
            }
        }
    }
}

/// One call that was let in, with its body.
struct Call<'a> {
    pos: &'a Pos<'a>,
    caller: Caller,
    budget: Duration,
    ids: Ids,
    bytes: Bytes,
}

impl Call<'_> {
    fn desk(&self) -> &dyn PaymentDesk {
        &*self.pos.shared.desks.payment
    }

    fn fields(&self) -> Result<Fields<'_>, Flaw> {
        Fields::parse(&self.bytes)
    }

    /// What is left of the call's time, however many desks it asks one after the other.
    fn left(&self) -> Duration {
        let now = self.pos.shared.clock.ticks();
        self.caller.deadline.map_or(self.budget, |deadline| deadline.saturating_sub(now))
    }

    /// Waits for a desk, in a call without a key: no refusal of it is final. A desk that takes too
    /// long leaves the outcome unknown.
    async fn ask<T>(&self, work: impl Future<Output = Result<T, PayError>>) -> Result<T, PosError> {
        let answer = within(&*self.pos.shared.clock, self.left(), work).await;
        answer.ok_or_else(PosError::unavailable)?.map_err(|error| PosError::of_pay(&error, false))
    }

    /// As [`Call::ask`], in a call whose refusals are stored under its key.
    async fn ask_keyed<T>(
        &self,
        work: impl Future<Output = Result<T, PayError>>,
    ) -> Result<T, PosError> {
        let answer = within(&*self.pos.shared.clock, self.left(), work).await;
        answer.ok_or_else(PosError::unavailable)?.map_err(|error| PosError::of_pay(&error, true))
    }

    /// The order, for what an answer says besides; `None` when it cannot be read in time.
    async fn glance(&self, order: OrderId) -> Option<OrderView> {
        let budget = self.pos.shared.config.budgets.read.min(self.left());
        let asked = self.desk().order(&self.caller, order);
        within(&*self.pos.shared.clock, budget, asked).await?.ok()
    }

    async fn health(&self) -> Answer {
        let shared = self.pos.shared;
        let ready = within(&*shared.clock, self.budget, shared.desks.loyalty.ready()).await;
        if !matches!(ready, Some(Ok(()))) {
            return Err(PosError::unavailable());
        }
        let time = Text(shared.clock.now());
        let version = env!("CARGO_PKG_VERSION");
        Ok(json_reply(StatusCode::OK, &HealthOut { status: "ok", version, time }))
    }

    async fn order(&self) -> Answer {
        let order = OrderId(self.ids.first);
        let view = self.ask(self.desk().order(&self.caller, order)).await?;
        let out = OrderOut::of(order, &view, &self.pos.shared.config)?;
        Ok(json_reply(StatusCode::OK, &out))
    }

    async fn tell_order(&self) -> Answer {
        let told = pos::told(OrderId(self.ids.first), &self.fields()?)?;
        self.ask(self.desk().tell_order(&self.caller, told)).await?;
        Ok(no_content())
    }

    async fn plan(&self) -> Answer {
        let order = OrderId(self.ids.first);
        let (due, input) = pos::plan(&self.fields()?)?;
        let plan = self.ask(self.desk().plan(&self.caller, order, due, input)).await;
        Ok(json_reply(StatusCode::OK, &PlanOut::of(&plan?)))
    }

    async fn closed(&self) -> Answer {
        let told = pos::closed(OrderId(self.ids.first), &self.fields()?)?;
        let order = told.order;
        let report = self.ask(self.desk().closed(&self.caller, told)).await?;
        for payment in &report.orphan_captures {
            tracing::warn!(%order, %payment, "orphan_capture: captured, not listed by iiko");
        }
        for payment in &report.orphans_in_iiko {
            tracing::warn!(%order, %payment, "orphan_in_iiko: listed by iiko, not captured");
        }
        Ok(no_content())
    }

    async fn reserve(&self) -> Answer {
        let key = pos::key(self.pos.headers)?;
        let request = pos::reserve(key, &self.fields()?)?;
        let order = request.order;
        match self.ask_keyed(self.desk().reserve(&self.caller, request)).await {
            Ok(held) => Ok(replayable(&ReservationOut::of(&held.state)?, held.replayed)),
            Err(error) => Err(self.explained(error, order).await),
        }
    }

    async fn void(&self) -> Answer {
        pos::void(&self.bytes)?;
        let id = HoldId(self.ids.first);
        let hold = self.ask(self.desk().void(&self.caller, id)).await?;
        match hold.state {
            HoldState::Voided | HoldState::Expired => {
                let reservation_id = Text(hold.id);
                let out = VoidedOut { reservation_id, state: hold_word(hold.state) };
                Ok(json_reply(StatusCode::OK, &out))
            }
            HoldState::Captured(_) => Err(PosError::refused(&Refusal::AlreadyCaptured, false)),
            HoldState::Held => Err(PosError::unavailable()),
        }
    }

    async fn capture(&self) -> Answer {
        let id = PaymentId(self.ids.first);
        let request = pos::capture(id, &self.fields()?)?;
        let (order, amount) = (request.order, request.amount);
        tracing::info!(payment = %id, %order, kopecks = amount.0, "capture");
        let taken = match self.ask_keyed(self.desk().capture(&self.caller, request)).await {
            Ok(taken) => taken,
            Err(error) => return Err(self.explained(error, order).await),
        };
        match &taken.state.payment.state {
            PaymentState::Captured(capture) => {
                let config = &self.pos.shared.config;
                let out = PaymentOut::captured(&taken.state, capture, config)?;
                Ok(replayable(&out, taken.replayed))
            }
            PaymentState::Refused(refusal) => {
                Err(self.explained(PosError::refused(refusal, true), order).await)
            }
            // Never the old 201 (F1).
            PaymentState::Cancelled(_) | PaymentState::Tombstoned => {
                Err(PosError::refused(&Refusal::TransactionCancelled, true))
            }
        }
    }

    async fn payment(&self) -> Answer {
        let id = PaymentId(self.ids.first);
        let view = self.ask(self.desk().payment(&self.caller, id)).await?;
        let config = &self.pos.shared.config;
        let state = view.payment.state_word();
        let error = match &view.payment.state {
            PaymentState::Captured(capture) | PaymentState::Cancelled(capture) => {
                let out = PaymentOut::asked(&view, capture, config)?;
                return Ok(json_reply(StatusCode::OK, &out));
            }
            PaymentState::Refused(refusal) => {
                let error = PosError::refused(refusal, true);
                let error = self.explained(error, view.payment.order).await;
                Some(ErrorBody::of(&error, config))
            }
            PaymentState::Tombstoned => None,
        };
        let transaction_id = Text(id);
        Ok(json_reply(StatusCode::OK, &StateOut { transaction_id, state, error }))
    }

    async fn cancel(&self) -> Answer {
        let id = PaymentId(self.ids.first);
        let order = pos::cancel(&self.fields()?)?;
        tracing::info!(payment = %id, %order, "cancel");
        let view = self.ask(self.desk().cancel(&self.caller, id, order)).await?;
        let state = cancelled_word(&view)?;
        let transaction_id = Text(id);
        Ok(json_reply(StatusCode::OK, &StateOut { transaction_id, state, error: None }))
    }

    async fn acknowledge(&self) -> Answer {
        let id = PaymentId(self.ids.first);
        self.ask(self.desk().acknowledge(&self.caller, id)).await?;
        Ok(no_content())
    }

    async fn refund(&self) -> Answer {
        let (of, id) = (PaymentId(self.ids.first), RefundId(self.ids.second));
        let request = pos::refund(of, id, &self.fields()?)?;
        tracing::info!(payment = %of, refund = %id, kopecks = request.amount.0, "refund");
        let given = self.ask_keyed(self.desk().refund(&self.caller, request)).await?;
        Ok(replayable(&RefundOut::of(&given.state)?, given.replayed))
    }

    async fn refund_unlinked(&self) -> Answer {
        let id = RefundId(self.ids.first);
        let types = &self.pos.shared.config.payment_types;
        let request = pos::unlinked(id, &self.fields()?, types)?;
        let (order, payment_type) = (request.order, request.payment_type);
        let before = request.before.unwrap_or_default();
        tracing::info!(refund = %id, kopecks = request.amount.0, "unlinked refund");
        let given = self.ask_keyed(self.desk().refund_unlinked(&self.caller, request)).await?;
        let sums = self.sums(order, payment_type).await?;
        let out = RefundOut::unlinked(id, &given.state, before, sums)?;
        Ok(replayable(&out, given.replayed))
    }

    /// What an order has given back and still has of a payment type; `None` when that cannot be
    /// told, which takes nothing back of what was just refunded.
    async fn sums(
        &self,
        order: Option<OrderId>,
        payment_type: Uuid,
    ) -> Result<Option<(Kopecks, Kopecks)>, PosError> {
        let types = &self.pos.shared.config.payment_types;
        let one = types.iter().find(|one| one.id == payment_type);
        let (Some(order), Some(one)) = (order, one) else { return Ok(None) };
        let sheet = self.glance(order).await.and_then(|view| view.sheet);
        Ok(sheet.map(|sheet| kind_sums(&sheet.payments, one.kind)).transpose()?)
    }

    async fn commands(&self) -> Answer {
        let wait = match parameter(self.pos.query, "wait") {
            Some(text) => Duration::from_secs(text.parse().map_err(|_| Flaw::BadJson)?),
            None => Duration::ZERO,
        };
        let wait = wait.min(WAIT_MAX);
        let shared = self.pos.shared;
        let patience = wait.saturating_add(self.budget);
        let deadline = Some(shared.clock.ticks().saturating_add(patience));
        let caller = Caller { deadline, ..self.caller.clone() };
        let asked = shared.desks.bridge.commands(&caller, wait);
        let found = within(&*shared.clock, patience, asked).await;
        let found = found.unwrap_or_else(|| Ok(Vec::new()))?;
        let commands: Vec<_> = found.iter().filter_map(CommandOut::of).collect();
        if commands.is_empty() {
            return Ok(no_content());
        }
        Ok(json_reply(StatusCode::OK, &CommandsOut { commands }))
    }

    async fn command_result(&self) -> Answer {
        let id = CommandId(self.ids.first);
        let outcome = outcome(&self.fields()?)?;
        tracing::info!(command = %id, ?outcome, "command result");
        let shared = self.pos.shared;
        let told = shared.desks.bridge.result(&self.caller, id, outcome);
        match within(&*shared.clock, self.budget, told).await {
            Some(told) => told?,
            None => return Err(PosError::unavailable()),
        }
        Ok(no_content())
    }

    async fn reconciliation(&self) -> Answer {
        let moment = |name| {
            let text = parameter(self.pos.query, name).ok_or(Flaw::FieldRequired)?;
            pos::time(&text)
        };
        let (from, to) = (moment("from")?, moment("to")?);
        let found = self.ask(self.desk().reconciliation(&self.caller, from, to)).await?;
        let earlier = self.earlier(&found).await?;
        let out = ReconciliationOut::of(&found, &earlier)?;
        Ok(json_reply(StatusCode::OK, &out))
    }

    /// The payments of refunds that were captured before the time: a refund names order and kind.
    async fn earlier(&self, found: &Reconciliation) -> Result<Vec<Payment>, PosError> {
        let listed: BTreeSet<PaymentId> = found.payments.iter().map(|p| p.id).collect();
        let of: BTreeSet<PaymentId> = found.refunds.iter().map(|refund| refund.of).collect();
        let mut earlier = Vec::new();
        for id in of.difference(&listed) {
            earlier.push(self.ask(self.desk().payment(&self.caller, *id)).await?.payment);
        }
        Ok(earlier)
    }

    /// Adds the live captures of the order to `over_total` (F11).
    async fn explained(&self, mut error: PosError, order: OrderId) -> PosError {
        if error.code == "over_total"
            && let Some(view) = self.glance(order).await
        {
            error.payments = Some(view.sheet.as_ref().map(live_payments).unwrap_or_default());
        }
        error
    }
}

/// 201 at first; 200 and a mark on a repeat.
fn replayable(out: &impl Serialize, replayed: bool) -> Reply {
    if !replayed {
        return json_reply(StatusCode::CREATED, out);
    }
    let mut reply = json_reply(StatusCode::OK, out);
    reply.headers_mut().insert("idempotent-replay", HeaderValue::from_static("true"));
    reply
}

/// The state after a cancel: fully refunded counts as done, a part is for a person (F2).
fn cancelled_word(view: &PaymentView) -> Result<&'static str, PosError> {
    match view.payment.state_word() {
        word @ ("cancelled" | "tombstoned" | "refunded") => Ok(word),
        "partially_refunded" => Err(PosError::refused(&Refusal::AlreadyRefunded, false)),
        _ => Err(PosError::unavailable()),
    }
}
