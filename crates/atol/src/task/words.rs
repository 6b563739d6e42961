//! Numbers and enumerations as the driver names them (ATOL note 6.2).

use core::fmt;

use serde::{Serialize, Serializer};
use tillway_core::fiscal::{
    BasisKind, Measure, Method, Object, Operator, Quantity, ReceiptKind, Taxation, Tender,
};
use tillway_core::money::Kopecks;
use tillway_transport::json::serialize_number;

/// An amount as a JSON number of rubles with two decimals.
pub(super) struct Money(pub(super) Kopecks);

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_number(self, serializer)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let abs = self.0.0.unsigned_abs();
        let sign = if self.0.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", abs / 100, abs % 100)
    }
}

/// A quantity as a JSON number with as many decimals as it has.
pub(super) struct Count(pub(super) Quantity);

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_number(&self.0, serializer)
    }
}

#[derive(Serialize)]
pub(super) struct Who<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vatin: Option<&'a str>,
}

impl<'a> Who<'a> {
    pub(super) fn of(operator: &'a Operator) -> Self {
        Self { name: &operator.name, vatin: operator.vatin.as_deref() }
    }
}

pub(super) fn receipt(kind: ReceiptKind, correction: bool) -> &'static str {
    match (kind, correction) {
        (ReceiptKind::Sell, false) => "sell",
        (ReceiptKind::SellReturn, false) => "sellReturn",
        (ReceiptKind::Buy, false) => "buy",
        (ReceiptKind::BuyReturn, false) => "buyReturn",
        (ReceiptKind::Sell, true) => "sellCorrection",
        (ReceiptKind::SellReturn, true) => "sellReturnCorrection",
        (ReceiptKind::Buy, true) => "buyCorrection",
        (ReceiptKind::BuyReturn, true) => "buyReturnCorrection",
    }
}

pub(super) fn basis(kind: BasisKind) -> &'static str {
    match kind {
        BasisKind::Own => "self",
        BasisKind::Ordered => "instruction",
    }
}

pub(super) fn taxation(taxation: Taxation) -> &'static str {
    match taxation {
        Taxation::General => "osn",
        Taxation::SimplifiedIncome => "usnIncome",
        Taxation::SimplifiedProfit => "usnIncomeOutcome",
        Taxation::Agricultural => "esn",
        Taxation::Patent => "patent",
    }
}

pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::FullPrepayment => "fullPrepayment",
        Method::Prepayment => "prepayment",
        Method::Advance => "advance",
        Method::FullPayment => "fullPayment",
        Method::PartialPayment => "partialPayment",
        Method::Credit => "credit",
        Method::CreditPayment => "creditPayment",
    }
}

pub(super) fn object(object: Object) -> &'static str {
    match object {
        Object::Commodity => "commodity",
        Object::Excise => "excise",
        Object::Job => "job",
        Object::Service => "service",
        Object::Payment => "payment",
        Object::Another => "another",
        Object::ExciseUnmarked => "exciseWithoutMarking",
        Object::ExciseMarked => "exciseWithMarking",
        Object::CommodityUnmarked => "commodityWithoutMarking",
        Object::CommodityMarked => "commodityWithMarking",
    }
}

/// A code by name since data format 1.2, free text (tag 1197) before.
pub(super) fn measure(measure: Measure, format_12: bool) -> Option<&'static str> {
    let (code, text) = match measure {
        Measure::Piece => ("piece", "шт"),
        Measure::Gram => ("gram", "г"),
        Measure::Kilogram => ("kilogram", "кг"),
        Measure::Milliliter => ("milliliter", "мл"),
        Measure::Liter => ("liter", "л"),
        Measure::Hour => ("hour", "ч"),
        Measure::Minute => ("minute", "мин"),
        Measure::Other => ("otherUnits", ""),
    };
    let word = if format_12 { code } else { text };
    (!word.is_empty()).then_some(word)
}

pub(super) const TENDERS: [(Tender, &str); 5] = [
    (Tender::Cash, "cash"),
    (Tender::Card, "electronically"),
    (Tender::Prepaid, "prepaid"),
    (Tender::Credit, "credit"),
    (Tender::Other, "other"),
];

pub(super) fn tender(tender: Tender) -> &'static str {
    TENDERS.iter().find(|(of, _)| *of == tender).map_or("other", |(_, word)| word)
}
