//! Numbers of the driver's parameters (ATOL note 7.4). Those below 65 536 are tags.

use tillway_core::fiscal::{Measure, Method, Object, ReceiptKind, Taxation, Tender, VatRate};

/// The number of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Param(pub(super) i32);

impl Param {
    pub(super) const JSON_DATA: Self = Self(65_645);
    pub(super) const DATA_TYPE: Self = Self(65_587);
    pub(super) const RECEIPT_TYPE: Self = Self(65_545);
    pub(super) const RECEIPT_ELECTRONICALLY: Self = Self(65_572);
    pub(super) const COMMODITY_NAME: Self = Self(65_631);
    pub(super) const PRICE: Self = Self(65_632);
    pub(super) const QUANTITY: Self = Self(65_633);
    pub(super) const POSITION_SUM: Self = Self(65_634);
    pub(super) const TAX_TYPE: Self = Self(65_569);
    pub(super) const PAYMENT_TYPE: Self = Self(65_564);
    pub(super) const PAYMENT_SUM: Self = Self(65_565);
    pub(super) const DOCUMENT_CLOSED: Self = Self(65_644);
    pub(super) const DOCUMENT_PRINTED: Self = Self(65_709);

    pub(super) const CONTACT: Self = Self(1_008);
    pub(super) const ADDRESS: Self = Self(1_009);
    pub(super) const OPERATOR: Self = Self(1_021);
    pub(super) const MACHINE: Self = Self(1_036);
    pub(super) const TAXATION: Self = Self(1_055);
    pub(super) const PLACE: Self = Self(1_187);
    /// A text of ours in the receipt.
    pub(super) const ATTRIBUTE: Self = Self(1_192);
    pub(super) const OPERATOR_VATIN: Self = Self(1_203);
    pub(super) const OBJECT: Self = Self(1_212);
    pub(super) const METHOD: Self = Self(1_214);
    pub(super) const MEASURE: Self = Self(2_108);
}

/// `query_data`: the state of the receipt.
pub(super) const RECEIPT_STATE: u32 = 15;

pub(super) fn receipt_type(kind: ReceiptKind) -> u32 {
    match kind {
        ReceiptKind::Sell => 1,
        ReceiptKind::SellReturn => 2,
        ReceiptKind::Buy => 4,
        ReceiptKind::BuyReturn => 5,
    }
}

pub(super) fn taxation(taxation: Taxation) -> u32 {
    match taxation {
        Taxation::General => 1,
        Taxation::SimplifiedIncome => 2,
        Taxation::SimplifiedProfit => 4,
        Taxation::Agricultural => 16,
        Taxation::Patent => 32,
    }
}

pub(super) fn tender(tender: Tender) -> u32 {
    match tender {
        Tender::Cash => 0,
        Tender::Card => 1,
        Tender::Prepaid => 2,
        Tender::Credit => 3,
        Tender::Other => 4,
    }
}

/// The driver's own number of a rate; tag 1199 has others (ATOL note 6.1).
pub(super) fn rate(rate: VatRate) -> u32 {
    match rate {
        VatRate::None => 6,
        VatRate::Vat0 => 5,
        VatRate::Vat5 => 9,
        VatRate::Vat7 => 10,
        VatRate::Vat10 => 2,
        VatRate::Vat20 => 7,
        VatRate::Vat22 => 13,
        VatRate::Vat105 => 11,
        VatRate::Vat107 => 12,
        VatRate::Vat110 => 4,
        VatRate::Vat120 => 8,
        VatRate::Vat122 => 14,
    }
}

/// Tag 1214.
pub(super) fn method(method: Method) -> u32 {
    match method {
        Method::FullPrepayment => 1,
        Method::Prepayment => 2,
        Method::Advance => 3,
        Method::FullPayment => 4,
        Method::PartialPayment => 5,
        Method::Credit => 6,
        Method::CreditPayment => 7,
    }
}

/// Tag 1212.
pub(super) fn object(object: Object) -> u32 {
    match object {
        Object::Commodity => 1,
        Object::Excise => 2,
        Object::Job => 3,
        Object::Service => 4,
        Object::Payment => 10,
        Object::Another => 13,
        Object::ExciseUnmarked => 30,
        Object::ExciseMarked => 31,
        Object::CommodityUnmarked => 32,
        Object::CommodityMarked => 33,
    }
}

/// Tag 2108.
pub(super) fn measure(measure: Measure) -> u32 {
    match measure {
        Measure::Piece => 0,
        Measure::Gram => 10,
        Measure::Kilogram => 11,
        Measure::Milliliter => 40,
        Measure::Liter => 41,
        Measure::Hour => 71,
        Measure::Minute => 72,
        Measure::Other => 255,
    }
}
