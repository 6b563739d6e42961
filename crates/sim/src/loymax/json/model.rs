//! What is read and written: amounts as exact text, moments with their offset.

use std::fmt::Display;

use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tillway_core::fiscal::Quantity as Exact;
use tillway_core::{Kopecks, Timestamp};

use crate::loymax::house::words::money;
use crate::loymax::house::{
    AppliedOffer, Cheque, CouponKey, GoodsKey, Label, Line, Param, Pay, PrintedCoupon, Reply,
    ReplyLine,
};

/// An amount as a number with two decimals.
#[derive(Clone, Copy)]
pub(super) struct Money(pub(super) Kopecks);

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(from)?;
        Kopecks::parse_rubles(text.get()).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        number(money(self.0), to)
    }
}

/// A quantity as a number with three decimals.
#[derive(Clone, Copy)]
pub(super) struct Quantity(Exact);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(from)?;
        let exact = Decimal::from_str_exact(text.get()).map_err(D::Error::custom)?;
        Exact::try_new(exact).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut exact = self.0.to_decimal();
        exact.rescale(exact.scale().max(3));
        number(exact, to)
    }
}

fn number<S: Serializer>(text: impl Display, to: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(text.to_string()).map_err(S::Error::custom)?.serialize(to)
}

/// A moment: `2026-03-14T12:00:05[.fff]±hh:mm`.
#[derive(Clone, Copy)]
pub(super) struct Moment(pub(super) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        moment(&text).map(Self).ok_or_else(|| D::Error::custom("a moment with its offset"))
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if marks.iter().any(|(at, mark)| text.get(*at..at + 1) != Some(mark)) {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    let rest = text.get(19..)?;
    let at = rest.find(['+', '-'])?;
    let (fraction, offset) = rest.split_at(at);
    if !fraction.is_empty() && !fraction.starts_with('.') {
        return None;
    }
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let offset_abs = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && (0..=18 * 60).contains(&offset_abs);
    if !fits {
        return None;
    }
    let offset = if offset.starts_with('-') { -offset_abs } else { offset_abs };
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second;
    Some(Timestamp { utc_ms: seconds * 1_000, offset_min: i16::try_from(offset).ok()? })
}

/// Days from 1970-01-01, by the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The body of every command of the mirror. Which members a command may have is looked at later.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CommandIn {
    pub(super) operation_id: String,
    pub(super) operation_date: Moment,
    pub(super) cashier: Option<String>,
    pub(super) cheque: Option<ChequeIn>,
    pub(super) coupons: Option<Vec<CouponIn>>,
    pub(super) params: Option<ParamsIn>,
    pub(super) payment_amount: Option<Money>,
    pub(super) amount: Option<Money>,
    pub(super) pin_code: Option<String>,
    pub(super) pays: Option<Vec<PayIn>>,
    pub(super) refund_purchase_id: Option<String>,
    pub(super) refund_transaction_id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ChequeIn {
    number: Option<String>,
    date: Moment,
    lines: Vec<LineIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LineIn {
    position: u32,
    goods_id: Option<String>,
    barcode: Option<String>,
    name: Option<String>,
    price: Option<Money>,
    quantity: Quantity,
    amount: Money,
    discount: Option<Money>,
    cashback: Option<Money>,
    correction: Option<Money>,
    params: Option<ParamsIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ParamsIn {
    params_list: Vec<ParamIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ParamIn {
    name: String,
    value: String,
    #[serde(rename = "type")]
    kind: ParamKind,
}

#[derive(Deserialize)]
enum ParamKind {
    String,
    Decimal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CouponIn {
    number: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PayIn {
    #[serde(rename = "type")]
    kind: String,
    amount: Money,
    details: Option<String>,
}

impl ChequeIn {
    /// `None` when a line has not exactly one of code and barcode.
    pub(super) fn into_cheque(self) -> Option<Cheque> {
        let lines = self.lines.into_iter().map(LineIn::into_line).collect::<Option<_>>()?;
        Some(Cheque { number: self.number, at: self.date.0, lines })
    }
}

impl LineIn {
    fn into_line(self) -> Option<Line> {
        let goods = match (self.goods_id, self.barcode) {
            (Some(code), None) => GoodsKey::Code(code),
            (None, Some(barcode)) => GoodsKey::Barcode(barcode),
            _ => return None,
        };
        Some(Line {
            position: self.position,
            goods,
            name: self.name,
            price: self.price.map(|price| price.0),
            quantity: self.quantity.0,
            amount: self.amount.0,
            discount: self.discount.map(|discount| discount.0),
            cashback: self.cashback.map(|cashback| cashback.0),
            correction: self.correction.map(|correction| correction.0),
            params: params(self.params)?,
        })
    }
}

/// `None` when a decimal is none.
pub(super) fn params(list: Option<ParamsIn>) -> Option<Vec<Param>> {
    let read = |param: ParamIn| {
        let decimal = || Decimal::from_str_exact(&param.value).is_ok();
        let good = matches!(param.kind, ParamKind::String) || decimal();
        good.then_some(Param { name: param.name, value: param.value })
    };
    list.map_or_else(Vec::new, |list| list.params_list).into_iter().map(read).collect()
}

pub(super) fn coupons(list: Option<Vec<CouponIn>>) -> Vec<CouponKey> {
    let key = |coupon: CouponIn| CouponKey { label: Label::Number, value: coupon.number };
    list.unwrap_or_default().into_iter().map(key).collect()
}

pub(super) fn pays(list: Option<Vec<PayIn>>) -> Vec<Pay> {
    let pay = |pay: PayIn| Pay { kind: pay.kind, amount: pay.amount.0, details: pay.details };
    list.unwrap_or_default().into_iter().map(pay).collect()
}

/// A result of the mirror. What is missing or empty is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<u64>,
    device_logical_id: &'a str,
    operation_id: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cashier_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cheque_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_bonus_amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bonus_amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_operation_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    identification_data: Vec<ItemOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cheque: Option<ChequeOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coupons: Vec<CouponOut<'a>>,
}

#[derive(Serialize)]
struct ItemOut<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChequeOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_amount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_discount: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_cashback: Option<Money>,
    lines: Vec<LineOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineOut<'a> {
    position: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    goods_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    barcode: Option<&'a str>,
    quantity: Quantity,
    amount: Money,
    discount: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    cashback: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_amount: Option<Money>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    applied_offers: Vec<OfferOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfferOut<'a> {
    id: u32,
    version_id: u32,
    name: &'a str,
    external_id: &'a str,
    quantity: Quantity,
    prerefence_value: Money,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CouponOut<'a> {
    number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bar_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_date: Option<String>,
    description: &'a str,
}

impl<'a> ResultOut<'a> {
    /// The result of an operation of a till that says this.
    pub(super) fn new(till: &'a str, operation: &'a str, code: &'a str, reply: &'a Reply) -> Self {
        let amount = |amount: Option<Kopecks>| amount.map(Money);
        let item = |(name, value): &'a (&'static str, String)| ItemOut { name, value };
        Self {
            transaction_id: reply.transaction,
            device_logical_id: till,
            operation_id: operation,
            code,
            error_message: None,
            auth_code: reply.auth_code.as_deref(),
            cashier_message: reply.cashier_message.as_deref(),
            cheque_message: reply.cheque_message.as_deref(),
            balance: amount(reply.balance),
            currency: None,
            available_amount: amount(reply.available),
            available_bonus_amount: amount(reply.available_points),
            amount: amount(reply.amount),
            bonus_amount: amount(reply.points),
            refund_operation_type: reply.refund_type.map(|kind| kind.name()),
            identification_data: reply.guest.iter().map(item).collect(),
            cheque: cheque(reply),
            coupons: reply.coupons.iter().map(coupon).collect(),
        }
    }

    pub(super) fn refused(mut self, message: &'a str) -> Self {
        self.error_message = Some(message);
        self
    }

    pub(super) fn in_currency(mut self, currency: &'a str) -> Self {
        self.currency = Some(currency);
        self
    }
}

fn cheque(reply: &Reply) -> Option<ChequeOut<'_>> {
    if reply.lines.is_empty() && reply.totals.is_none() {
        return None;
    }
    Some(ChequeOut {
        total_amount: reply.totals.map(|totals| Money(totals.amount)),
        total_discount: reply.totals.map(|totals| Money(totals.discount)),
        total_cashback: reply.totals.map(|totals| Money(totals.cashback)),
        lines: reply.lines.iter().map(line).collect(),
    })
}

fn line(line: &ReplyLine) -> LineOut<'_> {
    let (goods_id, barcode) = match &line.goods {
        GoodsKey::Code(code) => (Some(code.as_str()), None),
        GoodsKey::Barcode(code) => (None, Some(code.as_str())),
    };
    LineOut {
        position: line.position,
        goods_id,
        barcode,
        quantity: Quantity(line.quantity),
        amount: Money(line.amount),
        discount: Money(line.discount),
        cashback: line.cashback.map(Money),
        pay_amount: line.pay.map(Money),
        applied_offers: line.offers.iter().map(offer).collect(),
    }
}

fn offer(offer: &AppliedOffer) -> OfferOut<'_> {
    OfferOut {
        id: offer.id,
        version_id: offer.version,
        name: &offer.name,
        external_id: &offer.external,
        quantity: Quantity(offer.quantity),
        prerefence_value: Money(offer.value),
    }
}

fn coupon(coupon: &PrintedCoupon) -> CouponOut<'_> {
    CouponOut {
        number: &coupon.number,
        bar_code: coupon.barcode.as_deref(),
        qr_content: coupon.qr.as_deref(),
        expiry_date: coupon.until.map(|until| until.to_string()),
        description: &coupon.text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_offset() {
        let at = |text: &str| moment(text).map(|at| (at.utc_ms, at.offset_min));
        assert_eq!(at("2026-03-14T12:00:05+03:00"), Some((1_773_478_805_000, 180)));
        assert_eq!(at("2026-03-14T12:00:05.123+03:00"), Some((1_773_478_805_000, 180)));
        assert_eq!(at("2026-03-14T05:30:05-03:30"), Some((1_773_478_805_000, -210)));
        assert_eq!(at("1970-01-01T00:00:00+00:00"), Some((0, 0)));
        assert_eq!(at("2024-02-29T00:00:00+00:00"), Some((1_709_164_800_000, 0)));
        for text in ["", "2026-03-14", "2026-03-14T12:00:05", "2026-13-14T12:00:05+03:00"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
