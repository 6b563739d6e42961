//! Purchases: sales and refunds, from the first question to the end.

use std::collections::BTreeMap;

use tillway_core::fiscal::Quantity;
use tillway_core::{Kopecks, Timestamp};

use super::{ClientId, GoodsKey, Param, Reply};

/// A purchase.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// How far it has come.
    pub state: State,
    /// What it is.
    pub kind: PurchaseKind,
    /// The till that began it.
    pub till: String,
    /// Whose that till is.
    pub partner: String,
    /// Who buys.
    pub client: Option<ClientId>,
    /// The number of the card that was used.
    pub card: Option<String>,
    /// When it was begun.
    pub begun: Timestamp,
    /// What is sold, by position.
    pub lines: BTreeMap<u32, SoldLine>,
    /// Points that are reserved for it.
    pub withdrawal: Option<Withdrawal>,
    /// Points to be earned, once confirmed; for a refund, to be taken back.
    pub cashback: Kopecks,
    /// Numbers of coupons it uses up.
    pub used: Vec<String>,
    /// Numbers of coupons it earns.
    pub earned: Vec<String>,
    /// The answer to the command that closed it.
    pub closed: Option<Reply>,
    /// Its transactions.
    pub transactions: Vec<u64>,
    /// Points that confirmed and open refunds have given back of it.
    pub given_back: Kopecks,
    /// What those points are worth, in the till's currency.
    pub given_back_amount: Kopecks,
}

impl Purchase {
    pub(super) fn new(till: &str, partner: &str, begun: Timestamp) -> Self {
        Self {
            state: State::Calculated,
            kind: PurchaseKind::Sale,
            till: till.to_owned(),
            partner: partner.to_owned(),
            client: None,
            card: None,
            begun,
            lines: BTreeMap::new(),
            withdrawal: None,
            cashback: Kopecks::ZERO,
            used: Vec::new(),
            earned: Vec::new(),
            closed: None,
            transactions: Vec::new(),
            given_back: Kopecks::ZERO,
            given_back_amount: Kopecks::ZERO,
        }
    }

    /// The direct discount of a line.
    pub(super) fn discount(&self, position: u32) -> Kopecks {
        self.lines.get(&position).map_or(Kopecks::ZERO, |line| line.discount)
    }
}

/// What a purchase is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PurchaseKind {
    /// A sale.
    Sale,
    /// A refund.
    Refund {
        /// Of this sale; `None` when it is not known.
        of: Option<String>,
        /// Points to be given back.
        points: Kopecks,
        /// What they are worth, in the till's currency.
        amount: Kopecks,
    },
}

/// How far a purchase has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Discounts were computed.
    Calculated,
    /// Points are reserved.
    Paid,
    /// The cheque is final.
    Closed,
    /// Done.
    Confirmed,
    /// Taken back.
    Cancelled,
}

/// A line that is sold, or a part of one that goes back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SoldLine {
    /// What it is.
    pub goods: GoodsKey,
    /// How much.
    pub quantity: Quantity,
    /// What it costs after direct discounts.
    pub amount: Kopecks,
    /// The direct discount.
    pub discount: Kopecks,
    /// What of it is paid with points, in the till's currency.
    pub pay: Kopecks,
    /// Points earned.
    pub cashback: Kopecks,
    /// What the till told of it.
    pub params: Vec<Param>,
    /// How much of it went back, in millionths; open refunds count.
    pub returned_micro: i64,
    /// What that cost.
    pub returned_amount: Kopecks,
    /// What of that was paid with points.
    pub returned_pay: Kopecks,
    /// Points that were taken back for it.
    pub returned_cashback: Kopecks,
}

/// Points that are reserved for a purchase.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Withdrawal {
    /// The operation id of the payment.
    pub operation: String,
    /// Whose.
    pub client: ClientId,
    /// The card that was used.
    pub card: Option<String>,
    /// What the till takes off.
    pub amount: Kopecks,
    /// How many points.
    pub points: Kopecks,
}
