//! Guests and what they carry.

pub mod names;

use crate::id::GuestId;
use crate::time::Timestamp;

pub use names::Names;

/// A guest, without accounts and without photo.
#[derive(Clone, Debug, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct Guest {
    /// Its id.
    #[n(0)]
    pub id: GuestId,
    /// The number of the guest in the venue's own system, shown when there is no name (N1).
    #[n(1)]
    pub client_id: Box<str>,
    /// How to address the guest.
    #[n(2)]
    pub names: Names,
    /// In E.164 (`+79161234567`). Two guests may share one; then it finds neither (iiko note 1.6).
    #[n(3)]
    pub phone: Option<Box<str>>,
    /// Article numbers of gift dishes; at most 32.
    #[n(4)]
    pub gifts: Vec<Box<str>>,
    /// Hints for the waiter; at most 16.
    #[n(5)]
    pub hints: Vec<Box<str>>,
    /// A blocked guest cannot check in.
    #[n(6)]
    pub blocked: bool,
    /// The number of the card shown in iikoFront.
    #[n(7)]
    pub card: Option<Box<str>>,
}

/// What a guest carries: a card, a bracelet, a printed QR code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Carrier {
    /// What a reader yields, normalised by [`crate::token::normal_alias`]; unique.
    pub alias: Box<str>,
    /// Whose it is.
    pub guest: GuestId,
    /// Whether it was blocked (lost, stolen).
    pub blocked: bool,
    /// Not valid before.
    pub valid_from: Option<Timestamp>,
    /// Not valid at and after.
    pub valid_until: Option<Timestamp>,
}

/// How sure we are who stands at the table (F16).
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, minicbor::Encode, minicbor::Decode,
)]
#[cbor(index_only)]
pub enum Identification {
    /// A phone number alone: shows wallets, pays only where the venue allows it.
    #[n(0)]
    Weak,
    /// A carrier or a signed token.
    #[n(1)]
    Strong,
}
