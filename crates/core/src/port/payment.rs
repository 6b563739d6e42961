//! What the front plugin asks: plan, reserve, capture, cancel, refund, close.

use core::time::Duration;

use async_trait::async_trait;
use rust_decimal::Decimal;

use crate::book::{Caller, Hold, Payment, Refund, Refusal};
use crate::id::{AccountId, HoldId, OrderId, PaymentId, RefundId, Uuid};
use crate::port::{Port, Reconciliation, Sheet};
use crate::split::{Input, Plan, SplitError};
use crate::time::Timestamp;
use crate::wallet::Limits;
use crate::{Account, Kopecks};

/// The plugin's desk.
///
/// One id, one effect: a repeat answers the current state and says that it is a repeat. Every
/// business refusal is stored under its id (F1). Dropping a future stops nothing; its outcome is
/// then unknown, and the caller asks or cancels by id.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait PaymentDesk: Port {
    /// An order as the plugin sees it.
    async fn order(&self, caller: &Caller, order: OrderId) -> Result<OrderView, PayError>;

    /// Remembers total and lines of an order, told on check-in and on change (F11).
    async fn tell_order(&self, caller: &Caller, told: OrderTold) -> Result<(), PayError>;

    /// Splits what is due over the guest's wallets (rows X and M). Changes nothing.
    async fn plan(
        &self,
        caller: &Caller,
        order: OrderId,
        due: Kopecks,
        input: Input,
    ) -> Result<Plan, PayError>;

    /// Sets money aside for an order.
    async fn reserve(
        &self,
        caller: &Caller,
        request: ReserveRequest,
    ) -> Result<Replayable<Hold>, PayError>;

    /// Gives a reservation up. One that lapsed or was voided stays what it is.
    async fn void(&self, caller: &Caller, hold: HoldId) -> Result<Hold, PayError>;

    /// Takes money.
    async fn capture(
        &self,
        caller: &Caller,
        request: CaptureRequest,
    ) -> Result<Replayable<PaymentView>, PayError>;

    /// The state of a payment; refused ones and tombstones too.
    async fn payment(&self, caller: &Caller, id: PaymentId) -> Result<PaymentView, PayError>;

    /// Takes a payment back, or forbids an id that was never captured. Accepted from any till.
    async fn cancel(
        &self,
        caller: &Caller,
        id: PaymentId,
        order: OrderId,
    ) -> Result<PaymentView, PayError>;

    /// Gives money back. Accepted from any till.
    async fn refund(
        &self,
        caller: &Caller,
        request: RefundRequest,
    ) -> Result<Replayable<RefundView>, PayError>;

    /// Gives money back over an order without naming a payment, newest capture first (B17).
    async fn refund_unlinked(
        &self,
        caller: &Caller,
        request: UnlinkedRequest,
    ) -> Result<Replayable<UnlinkedView>, PayError>;

    /// iiko has this payment.
    async fn acknowledge(&self, caller: &Caller, id: PaymentId) -> Result<(), PayError>;

    /// iiko closed the order with these payments: leftover holds are voided, the binding ends, what
    /// does not match is listed for the operator.
    async fn closed(&self, caller: &Caller, told: OrderClosed) -> Result<CloseReport, PayError>;

    /// What this till did in `[from, to)`.
    async fn reconciliation(
        &self,
        caller: &Caller,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, PayError>;
}

/// An answer, and whether the request was seen before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replayable<T> {
    /// The state as it stands now.
    pub state: T,
    /// Whether this is a repeat.
    pub replayed: bool,
}

/// An order with what may be paid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderView {
    /// What the store knows; `None` when nobody named the order.
    pub sheet: Option<Sheet>,
    /// How to address the guest.
    pub name: Option<String>,
    /// The stable id of the guest in iikoFront.
    pub brd_client: Option<Uuid>,
    /// The two limits of the waiter's screen.
    pub limits: Limits,
    /// What each account may pay on this order.
    pub by_account: Vec<(AccountId, Kopecks)>,
}

/// What the plugin tells of an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderTold {
    /// The order.
    pub order: OrderId,
    /// The sum of all payment items and the unpaid rest.
    pub total: Kopecks,
    /// Its lines; at most 500.
    pub lines: Vec<OrderLine>,
}

/// A line of an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderLine {
    /// The article number.
    pub sku: Box<str>,
    /// What the guest reads.
    pub name: Box<str>,
    /// How much of it.
    pub quantity: Decimal,
    /// What one costs.
    pub price: Kopecks,
    /// What the line costs, after discounts.
    pub amount: Kopecks,
}

/// A wish to set money aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReserveRequest {
    /// The idempotency key; the hold's id derives from it.
    pub key: Uuid,
    /// The order.
    pub order: OrderId,
    /// The wallet.
    pub wallet: AccountId,
    /// How much.
    pub amount: Kopecks,
    /// The order's total.
    pub total: Kopecks,
    /// The binding epoch that the plugin saw.
    pub epoch: u32,
    /// How long; 1 minute to 24 hours, 30 minutes when absent (PV9).
    pub ttl: Option<Duration>,
    /// The hold that it replaces.
    pub supersedes: Option<HoldId>,
    /// A refusal that the edge found in a well-typed body: stored under the key.
    pub refuse: Option<Refusal>,
}

/// A wish to take money.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaptureRequest {
    /// iikoFront's transaction id.
    pub id: PaymentId,
    /// Counts from 1; above the last after a final refusal it is judged anew.
    pub attempt: u16,
    /// The order.
    pub order: OrderId,
    /// The wallet.
    pub wallet: AccountId,
    /// How much.
    pub amount: Kopecks,
    /// The order's total.
    pub total: Kopecks,
    /// The binding epoch that the plugin saw.
    pub epoch: u32,
    /// The hold to use.
    pub hold: Option<HoldId>,
    /// iiko's payment type.
    pub payment_type: Uuid,
    /// For people and reports.
    pub info: PaymentInfo,
    /// A refusal that the edge found in a well-typed body: stored under the transaction id.
    pub refuse: Option<Refusal>,
}

/// What a capture carries for people and reports.
#[derive(Clone, Debug, Default, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct PaymentInfo {
    /// The order's number, as people say it.
    #[n(0)]
    pub order_number: Option<i64>,
    /// A prepayment rather than a closing.
    #[n(1)]
    pub prepay: bool,
    /// No user interface was there.
    #[n(2)]
    pub silent: bool,
    /// The cashier's name, at most 64 characters.
    #[n(3)]
    pub cashier: Option<Box<str>>,
    /// The business date, as iikoFront writes it; at most 32 characters.
    #[n(4)]
    pub business_date: Option<Box<str>>,
}

/// A payment with its account after the step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentView {
    /// The payment.
    pub payment: Payment,
    /// Its account, when there is one.
    pub account: Option<Account>,
}

/// A wish to give money back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefundRequest {
    /// Its id; the plugin derives it (F2), the desk takes it as it is.
    pub id: RefundId,
    /// Of which payment.
    pub of: PaymentId,
    /// How much.
    pub amount: Kopecks,
    /// Σ of refunds that the plugin saw.
    pub before: Kopecks,
    /// A refusal that the edge found in a well-typed body: stored under the refund id.
    pub refuse: Option<Refusal>,
}

/// A refund and what it left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefundView {
    /// The refund.
    pub refund: Refund,
    /// Its payment now.
    pub payment: Payment,
}

/// A wish to give money back without naming a payment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnlinkedRequest {
    /// Its id.
    pub id: RefundId,
    /// The order; without one the request is refused unless the venue allows it.
    pub order: Option<OrderId>,
    /// iiko's payment type.
    pub payment_type: Uuid,
    /// How much.
    pub amount: Kopecks,
    /// Σ of refunds over this order and type that the plugin saw (F2).
    pub before: Option<Kopecks>,
    /// A refusal that the edge found in a well-typed body: stored under the refund id.
    pub refuse: Option<Refusal>,
}

/// What an unlinked refund gave back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnlinkedView {
    /// How much.
    pub amount: Kopecks,
    /// Over which payments; empty for an order-less one.
    pub refunds: Vec<Refund>,
}

/// What iiko says of a closed order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderClosed {
    /// The order.
    pub order: OrderId,
    /// Our payments in it.
    pub payments: Vec<PaymentId>,
}

/// What does not match at the close.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CloseReport {
    /// Captured, not listed by iiko.
    pub orphan_captures: Vec<PaymentId>,
    /// Listed by iiko, not captured.
    pub orphans_in_iiko: Vec<PaymentId>,
}

/// Why the plugin's wish was not met.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PayError {
    /// The book said no. Final, unless [`Refusal::is_final`] says otherwise.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The split is not possible.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The id belongs to another request. A mistake of the plugin.
    #[error("the id belongs to another request")]
    Conflict,
    /// The first request with this id is still running. Ask again.
    #[error("the first request with this id is still running")]
    InProgress,
    /// The wall clock is in doubt (F34): no new money until it is right, or a person confirms it.
    /// Nothing was tried; cancels and refunds go on.
    #[error("the clock is in doubt, and new money waits for a person to confirm it")]
    ClockInDoubt,
    /// Somebody outside did not answer in time (F10). Nothing was taken: what may have been begun
    /// there is being cancelled, and the id can never be captured any more.
    #[error("the processing did not answer in time")]
    TimedOut,
    /// The outcome is unknown, or nothing could be tried. Ask by id, or cancel.
    #[error("the desk is not available")]
    Unavailable,
}
