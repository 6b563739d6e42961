//! Coupons.

use std::fmt;
use std::time::Duration;

use tillway_core::Timestamp;

use super::ClientId;

/// Coupons of one kind: offers name the series.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// What the numbers of issued coupons begin with.
    pub prefix: String,
    /// What stands on an issued coupon.
    pub text: String,
    /// How long an issued coupon lives.
    pub life: Duration,
    /// A coupon of it is never used up.
    pub reusable: bool,
}

/// A coupon. Worth money: no `Debug` shows its number.
#[derive(Clone)]
pub struct Coupon {
    /// Its number.
    pub number: String,
    /// What a scanner reads.
    pub barcode: Option<String>,
    /// What its QR code says.
    pub qr: Option<String>,
    /// Its magnetic tracks, without sentinels.
    pub tracks: [Option<String>; 3],
    /// The name of its series.
    pub series: String,
    /// What became of it.
    pub state: CouponState,
    /// Whose it is alone; `None` is whoever shows it.
    pub owner: Option<ClientId>,
    /// Until when it may be used.
    pub until: Option<Timestamp>,
    /// The purchase it is queued for.
    pub purchase: Option<String>,
}

impl Coupon {
    /// A coupon that anybody may use.
    pub fn issued(number: &str, series: &str) -> Self {
        Self {
            number: number.to_owned(),
            barcode: None,
            qr: None,
            tracks: [None, None, None],
            series: series.to_owned(),
            state: CouponState::Issued,
            owner: None,
            until: None,
            purchase: None,
        }
    }
}

impl fmt::Debug for Coupon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Coupon");
        shown.field("series", &self.series).field("state", &self.state).finish_non_exhaustive()
    }
}

/// What became of a coupon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CouponState {
    /// Has a number.
    Created,
    /// May be used.
    Issued,
    /// May be used once the purchase that earned it is confirmed.
    QueuedToIssue,
    /// Used by a purchase that is not confirmed yet.
    QueuedToUse,
    /// Used.
    Used,
    /// Called back.
    Rejected,
    /// Its time is over.
    Expired,
}

impl CouponState {
    /// As the protocol writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Issued => "Issued",
            Self::QueuedToIssue => "QueuedToIssue",
            Self::QueuedToUse => "QueuedToUse",
            Self::Used => "Used",
            Self::Rejected => "Rejected",
            Self::Expired => "Expired",
        }
    }
}
