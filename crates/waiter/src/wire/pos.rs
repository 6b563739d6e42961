//! What the front plugin sends, as the desks take it.
//!
//! All members are read before any is judged: a member of another type is 400 and stored nowhere.
//! What is well-typed and still cannot be becomes a refusal that the desk stores under the id (F1).

use core::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tillway_core::book::Refusal;
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId, RefundId, Uuid};
use tillway_core::port::{
    CaptureRequest, OrderClosed, OrderLine, OrderTold, PaymentInfo, RefundRequest, ReserveRequest,
    UnlinkedRequest,
};
use tillway_core::split::{Input, LINES_MAX as PARTS_MAX};
use tillway_core::{AccountKind, Kopecks, Timestamp};
use tillway_transport::json::NumberText;

use crate::config::PaymentType;
use crate::error::Flaw;
use crate::wire;
use crate::wire::fields::Fields;

const REASON_CHARS_MAX: usize = 512;
const CASHIER_CHARS_MAX: usize = 64;
const BUSINESS_DATE_CHARS_MAX: usize = 32;
const SKU_CHARS_MAX: usize = 64;
const LINE_NAME_CHARS_MAX: usize = 256;
const LINES_MAX: usize = 500;
const LISTED_MAX: usize = 256;
const QUANTITY_DECIMALS_MAX: u32 = 3;

/// How long a hold may live (PV9), in seconds.
const TTL_SECONDS: core::ops::RangeInclusive<i64> = 60..=86_400;

/// Sums that several requests share.
struct Sums {
    amount: Option<Kopecks>,
    total: Option<Kopecks>,
    is_rub: bool,
}

impl Sums {
    fn read(fields: &Fields<'_>) -> Result<Self, Flaw> {
        let currency = fields.text("currency", 16)?;
        Ok(Self {
            amount: fields.minor("amountMinor")?,
            total: fields.minor("orderTotalMinor")?,
            is_rub: currency.is_none_or(|currency| currency == "RUB"),
        })
    }

    /// The first refusal that these sums deserve.
    fn judge(&self, others_missing: bool, total_required: bool) -> Option<Refusal> {
        let total_missing = total_required && self.total.is_none();
        let positive = |sum: Option<Kopecks>| sum.is_none_or(Kopecks::is_positive);
        if others_missing || self.amount.is_none() || total_missing {
            Some(Refusal::FieldRequired)
        } else if !self.is_rub {
            Some(Refusal::BadCurrency)
        } else if !positive(self.amount) || !positive(self.total) {
            Some(Refusal::BadAmount)
        } else {
            None
        }
    }
}

/// `PUT payments/{transactionId}`.
pub(crate) fn capture(id: PaymentId, body: &Fields<'_>) -> Result<CaptureRequest, Flaw> {
    let order = body.id("orderId")?;
    let wallet = body.id("walletId")?;
    let epoch = epoch(body)?;
    let payment_type = body.id("paymentTypeId")?;
    let sums = Sums::read(body)?;
    role(body)?;
    let attempt = body.int("attempt")?.unwrap_or(1);
    let attempt = u16::try_from(attempt).ok().filter(|attempt| *attempt > 0);
    let hold = body.id("reservationId")?.map(HoldId);
    let info = PaymentInfo {
        order_number: body.int("orderNumber")?,
        prepay: body.flag("prepay")?,
        silent: body.flag("silent")?,
        cashier: body.text("cashier", CASHIER_CHARS_MAX)?.map(Into::into),
        business_date: body.text("businessDate", BUSINESS_DATE_CHARS_MAX)?.map(Into::into),
    };
    let missing = wallet.is_none() || epoch.is_none() || payment_type.is_none();
    Ok(CaptureRequest {
        id,
        attempt: attempt.ok_or(Flaw::BadJson)?,
        order: OrderId(order.ok_or(Flaw::FieldRequired)?),
        wallet: AccountId(wallet.unwrap_or(Uuid::nil())),
        amount: sums.amount.unwrap_or_default(),
        total: sums.total.unwrap_or_default(),
        epoch: epoch.unwrap_or_default(),
        hold,
        payment_type: payment_type.unwrap_or(Uuid::nil()),
        info,
        refuse: sums.judge(missing, true),
    })
}

/// `POST reservations`.
pub(crate) fn reserve(key: Uuid, body: &Fields<'_>) -> Result<ReserveRequest, Flaw> {
    let order = body.id("orderId")?;
    let wallet = body.id("walletId")?;
    let epoch = epoch(body)?;
    let sums = Sums::read(body)?;
    role(body)?;
    let _shown_nowhere = body.id("paymentItemId")?;
    let supersedes = body.id("supersedes")?.map(HoldId);
    let ttl = match body.int("ttlSeconds")? {
        Some(seconds) if TTL_SECONDS.contains(&seconds) => {
            Some(Duration::from_secs(seconds.unsigned_abs()))
        }
        Some(_) => return Err(Flaw::BadJson),
        None => None,
    };
    Ok(ReserveRequest {
        key,
        order: OrderId(order.ok_or(Flaw::FieldRequired)?),
        wallet: AccountId(wallet.unwrap_or(Uuid::nil())),
        amount: sums.amount.unwrap_or_default(),
        total: sums.total.unwrap_or_default(),
        epoch: epoch.unwrap_or_default(),
        ttl,
        supersedes,
        refuse: sums.judge(wallet.is_none() || epoch.is_none(), true),
    })
}

/// `PUT payments/{transactionId}/refunds/{refundId}`.
pub(crate) fn refund(
    of: PaymentId,
    id: RefundId,
    body: &Fields<'_>,
) -> Result<RefundRequest, Flaw> {
    reason(body)?;
    let sums = Sums::read(body)?;
    let before = body.minor("refundedBeforeMinor")?;
    Ok(RefundRequest {
        id,
        of,
        amount: sums.amount.unwrap_or_default(),
        before: before.unwrap_or_default(),
        refuse: sums.judge(before.is_none(), false).or(negative(before)),
    })
}

/// `PUT unlinked-refunds/{refundId}`. A role that the payment type is not set up for is refused.
pub(crate) fn unlinked(
    id: RefundId,
    body: &Fields<'_>,
    types: &[PaymentType],
) -> Result<UnlinkedRequest, Flaw> {
    reason(body)?;
    let order = body.id("orderId")?.map(OrderId);
    let payment_type = body.id("paymentTypeId")?;
    let role = role(body)?;
    let sums = Sums::read(body)?;
    let before = body.minor("refundedBeforeMinor")?;
    let missing = payment_type.is_none() || role.is_none() || before.is_none();
    let set_up = types.iter().find(|one| Some(one.id) == payment_type).map(|one| one.kind);
    let misfit = match (role, set_up) {
        (Some(wallet), Some(kind)) if wallet != kind => Some(Refusal::WrongPaymentType { wallet }),
        _ => None,
    };
    Ok(UnlinkedRequest {
        id,
        order,
        payment_type: payment_type.unwrap_or(Uuid::nil()),
        amount: sums.amount.unwrap_or_default(),
        before,
        refuse: sums.judge(missing, false).or(negative(before)).or(misfit),
    })
}

/// `POST payments/{transactionId}/cancel`: the order, for the tombstone.
pub(crate) fn cancel(body: &Fields<'_>) -> Result<OrderId, Flaw> {
    reason(body)?;
    body.id("orderId")?.map(OrderId).ok_or(Flaw::FieldRequired)
}

/// `POST reservations/{id}/void`: nothing but a reason, and that may be missing.
pub(crate) fn void(body: &[u8]) -> Result<(), Flaw> {
    if body.is_empty() { Ok(()) } else { reason(&Fields::parse(body)?) }
}

/// `PUT orders/{orderId}`.
pub(crate) fn told(order: OrderId, body: &Fields<'_>) -> Result<OrderTold, Flaw> {
    let total = body.minor("totalMinor")?;
    let lines = body.objects("lines", LINES_MAX)?;
    let lines = lines.map(|lines| lines.iter().map(line).collect::<Result<Vec<_>, _>>());
    let lines = lines.transpose()?;
    let total = not_negative(total.ok_or(Flaw::FieldRequired)?)?;
    Ok(OrderTold { order, total, lines: lines.ok_or(Flaw::FieldRequired)? })
}

fn line(body: &Fields<'_>) -> Result<OrderLine, Flaw> {
    let sku = body.text("sku", SKU_CHARS_MAX)?;
    let name = body.text("name", LINE_NAME_CHARS_MAX)?;
    let quantity = body.raw("quantity").map(|raw| quantity(raw.get())).transpose()?;
    let price = body.minor("priceMinor")?;
    let amount = body.minor("amountMinor")?;
    let quantity = quantity.ok_or(Flaw::FieldRequired)?;
    let amount = not_negative(amount.ok_or(Flaw::FieldRequired)?)?;
    let price = match price {
        Some(price) => not_negative(price)?,
        None => unit_price(amount, quantity).ok_or(Flaw::BadAmount)?,
    };
    Ok(OrderLine {
        sku: sku.unwrap_or_default().into(),
        name: name.ok_or(Flaw::FieldRequired)?.into(),
        quantity,
        price,
        amount,
    })
}

/// A quantity above zero, of at most three decimals.
fn quantity(text: &str) -> Result<Decimal, Flaw> {
    let text = NumberText::try_new(text).map_err(|_| Flaw::BadJson)?;
    let exact = Decimal::from_str_exact(text.as_str());
    let quantity = exact.or_else(|_| Decimal::from_scientific(text.as_str()));
    let quantity = quantity.map_err(|_| Flaw::BadAmount)?.normalize();
    let fits = quantity > Decimal::ZERO && quantity.scale() <= QUANTITY_DECIMALS_MAX;
    if fits { Ok(quantity) } else { Err(Flaw::BadAmount) }
}

/// What one costs when nobody said: the amount by the quantity, rounded to the kopeck.
fn unit_price(amount: Kopecks, quantity: Decimal) -> Option<Kopecks> {
    let thousandths = quantity.checked_mul(Decimal::ONE_THOUSAND)?.to_i64()?;
    amount.share(1_000, thousandths).ok()
}

/// `POST orders/{orderId}/plan`: what is due, and what the person did.
pub(crate) fn plan(body: &Fields<'_>) -> Result<(Kopecks, Input), Flaw> {
    let due = body.minor("dueMinor")?;
    let input = body.object("input")?.map(|input| plan_input(&input)).transpose()?;
    let due = not_negative(due.ok_or(Flaw::FieldRequired)?)?;
    Ok((due, input.ok_or(Flaw::FieldRequired)?))
}

fn plan_input(input: &Fields<'_>) -> Result<Input, Flaw> {
    let choose = input.id("choose")?;
    let enter = input.object("enter")?.map(|part| plan_part(&part)).transpose()?;
    let pinned = input.object("pinned")?.map(|part| plan_part(&part)).transpose()?;
    let parts = input.objects("parts", PARTS_MAX)?;
    let parts =
        parts.map(|parts| parts.iter().map(plan_part).collect::<Result<_, _>>()).transpose()?;
    match (choose, enter, pinned, parts) {
        (Some(wallet), None, None, None) => Ok(Input::Choose(AccountId(wallet))),
        (None, Some((wallet, amount)), None, None) => Ok(Input::Enter(wallet, amount)),
        (None, None, Some((wallet, amount)), None) => Ok(Input::Pinned(wallet, amount)),
        (None, None, None, Some(parts)) => Ok(Input::Parts(parts)),
        (None, None, None, None) => Err(Flaw::FieldRequired),
        _ => Err(Flaw::BadJson),
    }
}

fn plan_part(part: &Fields<'_>) -> Result<(AccountId, Kopecks), Flaw> {
    let wallet = part.id("walletId")?;
    let amount = part.minor("amountMinor")?;
    let wallet = AccountId(wallet.ok_or(Flaw::FieldRequired)?);
    Ok((wallet, amount.ok_or(Flaw::FieldRequired)?))
}

/// `POST orders/{orderId}/closed`. Amounts and times are checked and not used: what was captured
/// is known here.
pub(crate) fn closed(order: OrderId, body: &Fields<'_>) -> Result<OrderClosed, Flaw> {
    let at = body.text("closedAt", 64)?;
    let at = at.map(|text| time(&text)).transpose()?;
    let total = body.minor("totalMinor")?;
    let listed = body.objects("payments", LISTED_MAX)?;
    let listed = listed.map(|list| list.iter().map(payment_ref).collect::<Result<Vec<_>, _>>());
    let listed = listed.transpose()?;
    let payments = listed.ok_or(Flaw::FieldRequired)?;
    at.ok_or(Flaw::FieldRequired)?;
    not_negative(total.ok_or(Flaw::FieldRequired)?)?;
    Ok(OrderClosed { order, payments })
}

fn payment_ref(body: &Fields<'_>) -> Result<PaymentId, Flaw> {
    let id = body.id("transactionId")?;
    let amount = body.minor("amountMinor")?;
    amount.ok_or(Flaw::FieldRequired)?;
    id.map(PaymentId).ok_or(Flaw::FieldRequired)
}

/// A moment as RFC 3339 writes it, with any offset.
pub(crate) fn time(text: &str) -> Result<Timestamp, Flaw> {
    let at: jiff::Timestamp = text.parse().map_err(|_| Flaw::BadJson)?;
    Ok(Timestamp::utc(at.as_millisecond()))
}

/// The `Idempotency-Key` of a call.
pub(crate) fn key(headers: &http::HeaderMap) -> Result<Uuid, Flaw> {
    let value = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    value.and_then(|text| wire::uuid(text.trim())).ok_or(Flaw::BadId)
}

fn epoch(body: &Fields<'_>) -> Result<Option<u32>, Flaw> {
    let epoch = body.int("bindingEpoch")?;
    epoch.map(|epoch| u32::try_from(epoch).map_err(|_| Flaw::BadJson)).transpose()
}

fn role(body: &Fields<'_>) -> Result<Option<AccountKind>, Flaw> {
    let Some(word) = body.text("role", 16)? else { return Ok(None) };
    let kinds = [AccountKind::Bonus, AccountKind::Deposit, AccountKind::Credit];
    kinds.into_iter().find(|kind| kind.word() == word).map(Some).ok_or(Flaw::BadJson)
}

fn reason(body: &Fields<'_>) -> Result<(), Flaw> {
    body.text("reason", REASON_CHARS_MAX).map(drop)
}

fn negative(sum: Option<Kopecks>) -> Option<Refusal> {
    sum.filter(|sum| *sum < Kopecks::ZERO).map(|_| Refusal::BadAmount)
}

fn not_negative(sum: Kopecks) -> Result<Kopecks, Flaw> {
    if sum < Kopecks::ZERO { Err(Flaw::BadAmount) } else { Ok(sum) }
}

#[cfg(test)]
mod tests;
