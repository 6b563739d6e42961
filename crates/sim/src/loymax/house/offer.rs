//! Goods, and what is offered on them.

use tillway_core::{Kopecks, Timestamp};

/// Goods of the catalogue. A till may sell others: common offers apply to them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Goods {
    /// The shop's code.
    pub code: String,
    /// What scanners read.
    pub barcodes: Vec<String>,
    /// What people call it.
    pub name: String,
    /// The least one may cost after discounts and points.
    pub price_min: Option<Kopecks>,
}

/// Hundredths of a percent.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Percent(pub u32);

impl Percent {
    /// Whole percents.
    pub const fn of(percent: u32) -> Self {
        Self(percent.saturating_mul(100))
    }
}

/// Something offered to guests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offer {
    /// Its number.
    pub id: u32,
    /// The number of its present form.
    pub version: u32,
    /// What people call it.
    pub name: String,
    /// Its id elsewhere.
    pub external: String,
    /// From when on it is valid, by the date of the cheque.
    pub from: Option<Timestamp>,
    /// Until when it is valid, by the date of the cheque.
    pub until: Option<Timestamp>,
    /// Which lines it is for.
    pub which: Which,
    /// The series of a coupon that must be shown.
    pub coupon: Option<String>,
    /// For known guests only.
    pub guests_only: bool,
    /// Lines that are on offer at the shop already are left out.
    pub skip_promo: bool,
    /// Does not go together with points that the till announced (`PaymentAmount`).
    pub without_points: bool,
    /// What it does.
    pub effects: Vec<Effect>,
}

impl Offer {
    /// A common offer on everything that does this.
    pub fn new(id: u32, name: &str, effects: Vec<Effect>) -> Self {
        Self {
            id,
            version: 1,
            name: name.to_owned(),
            external: format!("6a0e2f4c-0000-4000-8000-{id:012}"),
            from: None,
            until: None,
            which: Which::All,
            coupon: None,
            guests_only: false,
            skip_promo: false,
            without_points: false,
            effects,
        }
    }
}

/// Which lines an offer is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Which {
    /// All.
    All,
    /// Those of goods with these codes.
    Goods(Vec<String>),
    /// Those of goods the guest chose.
    Favourites,
}

/// What an offer does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// A discount at once, on the amount of a line.
    Discount(Percent),
    /// Points, on what of a line is not paid with points.
    Cashback(Percent),
    /// The share of the cheque that may be paid with points; the largest one counts.
    PayCap(Percent),
    /// Something to print, when a line of the offer is bought.
    ChequeMessage(String),
    /// Something to show to the cashier, when a line of the offer is bought.
    CashierMessage(String),
    /// A coupon of this series, when a line of the offer is bought.
    IssueCoupon(String),
}
