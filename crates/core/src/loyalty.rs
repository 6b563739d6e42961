//! What a loyalty processing is told and what it answers: cheques, coupons, discounts, points.
//!
//! The processing computes, the till obeys: a line's discount and the points laid on it become the
//! amounts of the receipt as they came ([`Cheque::discounted`]), and nothing is computed twice.
//! Points are counted in hundredths, like money, and are [`Kopecks`] too.
//!
//! Guests are known by cards and phones. No `Debug` here shows one.

mod answer;
mod cheque;
mod guest;
pub mod print;
pub mod receipt;

pub use answer::{Answer, Fact, Facts, LineAnswer, Offer, PrintedCoupon, Totals};
pub use cheque::{
    Cheque, ChequeError, Goods, LINES_MAX, Line, Param, ParamKind, Pay, PurchaseId, Sale,
};
pub use guest::{Carrier, Coupon, Identifier, IdentifierKind, Pin};

use crate::money::Kopecks;
