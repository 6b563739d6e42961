//! What the processing made of it.

use core::fmt;

use minicbor::{Decode, Encode};

use super::Kopecks;

/// A good answer. What a command does not bring is `None` or empty.
#[derive(Clone, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct Answer {
    /// The number of the operation at the processing.
    #[n(0)]
    pub transaction: Option<i64>,
    /// The authorisation code of a payment with points, for the slip.
    #[n(1)]
    pub authorisation: Option<Box<str>>,
    /// The guest's points. May be below zero after a refund.
    #[n(2)]
    pub balance: Option<Kopecks>,
    /// Points: those that may be taken, were taken, or came back.
    #[n(3)]
    pub points: Option<Kopecks>,
    /// The same in money: the discount that the till must give for them.
    #[n(4)]
    pub amount: Option<Kopecks>,
    /// The currency, as it is called there.
    #[n(5)]
    pub currency: Option<Box<str>>,
    /// What is known of the guest.
    #[n(6)]
    pub guest: Facts,
    /// To be shown to the cashier; lines end with LF.
    #[n(7)]
    pub for_cashier: Box<str>,
    /// To be printed for the guest; lines end with LF.
    #[n(8)]
    pub for_receipt: Box<str>,
    /// What became of each line, matched to the positions that were sent.
    #[n(9)]
    pub lines: Vec<LineAnswer>,
    /// Sums of the whole cheque.
    #[n(10)]
    pub totals: Totals,
    /// To be printed for the next time.
    #[n(11)]
    pub coupons: Vec<PrintedCoupon>,
    /// How points came back, in the processing's word.
    #[n(12)]
    pub refund_kind: Option<Box<str>>,
}

/// What is said of one line.
#[derive(Clone, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct LineAnswer {
    /// The position that was sent.
    #[n(0)]
    pub position: u32,
    /// What it costs after the discount; points are not taken off.
    #[n(1)]
    pub amount: Option<Kopecks>,
    /// The discount that the processing grants; the till's own is not in it.
    #[n(2)]
    pub discount: Option<Kopecks>,
    /// Points to be earned.
    #[n(3)]
    pub cashback: Option<Kopecks>,
    /// The part of the payment with points that lies on this line.
    #[n(4)]
    pub paid: Option<Kopecks>,
    /// A word about the line.
    #[n(5)]
    pub message: Option<Box<str>>,
    /// The offers that did it.
    #[n(6)]
    pub offers: Vec<Offer>,
}

/// An offer that was applied to a line.
#[derive(Clone, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct Offer {
    /// Its number.
    #[n(0)]
    pub id: Box<str>,
    /// Its name.
    #[n(1)]
    pub name: Box<str>,
    /// What it was worth, as it was said.
    #[n(2)]
    pub worth: Option<Kopecks>,
    /// The unit of that.
    #[n(3)]
    pub unit: Option<Box<str>>,
    /// Its number in other systems.
    #[n(4)]
    pub external_id: Option<Box<str>>,
}

/// Sums of a cheque, where the processing says them.
#[derive(Clone, Copy, Debug, Decode, Default, Encode, Eq, PartialEq)]
pub struct Totals {
    /// Of the lines.
    #[n(0)]
    pub amount: Option<Kopecks>,
    /// Of the discounts.
    #[n(1)]
    pub discount: Option<Kopecks>,
    /// Of the points to be earned.
    #[n(2)]
    pub cashback: Option<Kopecks>,
}

/// A coupon for the guest's next visit.
#[derive(Clone, Decode, Default, Encode, Eq, PartialEq)]
pub struct PrintedCoupon {
    /// Its number. Worth money: no `Debug` shows it.
    #[n(0)]
    pub number: Box<str>,
    /// To be printed as a barcode.
    #[n(1)]
    pub barcode: Option<Box<str>>,
    /// To be printed as a QR code.
    #[n(2)]
    pub qr: Option<Box<str>>,
    /// Until when, as it was said.
    #[n(3)]
    pub until: Option<Box<str>>,
    /// What it is for.
    #[n(4)]
    pub text: Box<str>,
}

/// What is known of a guest, in the order it was said. Personal: its `Debug` shows names alone.
#[derive(Clone, Decode, Default, Encode, Eq, PartialEq)]
#[cbor(transparent)]
pub struct Facts(#[n(0)] pub Vec<Fact>);

/// One thing that is known of a guest.
#[derive(Clone, Decode, Encode, Eq, PartialEq)]
pub struct Fact {
    /// What it is.
    #[n(0)]
    pub name: Box<str>,
    /// Its value.
    #[n(1)]
    pub value: Box<str>,
}

impl Facts {
    /// The first with one of these names, capital or not. Which names there are is a matter of the
    /// processing's configuration.
    pub fn find(&self, names: &[&str]) -> Option<&str> {
        let called = |name: &str| self.0.iter().find(|fact| fact.name.eq_ignore_ascii_case(name));
        names.iter().find_map(|name| called(name)).map(|fact| fact.value.as_ref())
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|fact| &fact.name)).finish()
    }
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fact").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for PrintedCoupon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrintedCoupon").field("until", &self.until).finish_non_exhaustive()
    }
}
