//! What is answered, whatever the face. A face leaves out what is `None` or empty.

use std::fmt;

use tillway_core::fiscal::Quantity;
use tillway_core::{Kopecks, Timestamp};

use super::{GoodsKey, RefundType};

/// An answer to a command that was done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reply {
    /// The number of the transaction.
    pub transaction: Option<u64>,
    /// For the slip of a payment.
    pub auth_code: Option<String>,
    /// Points that the guest can use.
    pub balance: Option<Kopecks>,
    /// The most that may be paid with points, in the till's currency.
    pub available: Option<Kopecks>,
    /// The same in points.
    pub available_points: Option<Kopecks>,
    /// A payment: what the till takes off. A refund: what does not go back as money.
    pub amount: Option<Kopecks>,
    /// The same in points.
    pub points: Option<Kopecks>,
    /// How a refund was computed.
    pub refund_type: Option<RefundType>,
    /// Who the guest is, in order.
    pub guest: Vec<(&'static str, String)>,
    /// For the cashier.
    pub cashier_message: Option<String>,
    /// For the receipt.
    pub cheque_message: Option<String>,
    /// The cheque's sums.
    pub totals: Option<Totals>,
    /// The cheque's lines.
    pub lines: Vec<ReplyLine>,
    /// Coupons to print.
    pub coupons: Vec<PrintedCoupon>,
    /// The names of the programs the points belong to.
    pub programs: Vec<String>,
}

/// The sums of a cheque's lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Of the amounts.
    pub amount: Kopecks,
    /// Of the direct discounts.
    pub discount: Kopecks,
    /// Of the points earned.
    pub cashback: Kopecks,
}

/// A line of the answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReplyLine {
    /// Its number.
    pub position: u32,
    /// What it is.
    pub goods: GoodsKey,
    /// How much.
    pub quantity: Quantity,
    /// What it costs after direct discounts; what is paid with points is not taken off.
    pub amount: Kopecks,
    /// The direct discount.
    pub discount: Kopecks,
    /// What of it is paid with points.
    pub pay: Option<Kopecks>,
    /// Points earned.
    pub cashback: Option<Kopecks>,
    /// The offers that granted something.
    pub offers: Vec<AppliedOffer>,
}

/// An offer that granted something on a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppliedOffer {
    /// Its number.
    pub id: u32,
    /// The number of its form.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Its id elsewhere.
    pub external: String,
    /// For how much of the line.
    pub quantity: Quantity,
    /// What it granted: money, or points.
    pub value: Kopecks,
}

/// A coupon to print. Worth money: no `Debug` shows it.
#[derive(Clone, Eq, PartialEq)]
pub struct PrintedCoupon {
    /// Its number.
    pub number: String,
    /// As a barcode.
    pub barcode: Option<String>,
    /// As a QR code.
    pub qr: Option<String>,
    /// Until when it may be used.
    pub until: Option<Timestamp>,
    /// What stands on it.
    pub text: String,
}

impl fmt::Debug for PrintedCoupon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrintedCoupon").field("until", &self.until).finish_non_exhaustive()
    }
}
