//! Who the guest is, and what the guest shows.

use core::fmt;

use minicbor::{Decode, Encode};
use secrecy::{ExposeSecret, SecretString};

/// What a guest is found by. The value is as the processing wants it: an adapter prepares it.
#[derive(Clone, Decode, Encode, Eq, Hash, PartialEq)]
pub struct Identifier {
    /// What was shown or said.
    #[n(0)]
    pub kind: IdentifierKind,
    /// The number, phone or text. Personal: no `Debug` shows it.
    #[n(1)]
    pub value: Box<str>,
}

/// What a guest shows or says to be known.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum IdentifierKind {
    /// A number that a person typed.
    #[n(0)]
    CardNumber,
    /// The barcode of a card.
    #[n(1)]
    CardBarcode,
    /// The first track of a magnetic stripe.
    #[n(2)]
    Track1,
    /// The second one.
    #[n(3)]
    Track2,
    /// The third one.
    #[n(4)]
    Track3,
    /// A phone number.
    #[n(5)]
    Phone,
    /// The digest of a phone number, where the till may not know the number.
    #[n(6)]
    PhoneHash,
    /// A QR code, usually one that lives a minute.
    #[n(7)]
    Qr,
}

/// A coupon that a guest shows.
#[derive(Clone, Decode, Encode, Eq, Hash, PartialEq)]
pub struct Coupon {
    /// Where its number was read from.
    #[n(0)]
    pub carrier: Carrier,
    /// What was read. Worth money: no `Debug` shows it.
    #[n(1)]
    pub value: Box<str>,
}

/// Where the number of a coupon was read from.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Carrier {
    /// A person typed it.
    #[n(0)]
    Number,
    /// A barcode.
    #[n(1)]
    Barcode,
    /// A QR code.
    #[n(2)]
    Qr,
    /// The first track of a magnetic stripe.
    #[n(3)]
    Track1,
    /// The second one.
    #[n(4)]
    Track2,
    /// The third one.
    #[n(5)]
    Track3,
}

/// What a guest enters to allow that points are taken: a PIN, the last digits, a code from an SMS.
///
/// It is wiped from memory when dropped, and never stored by core.
#[derive(Clone, Debug)]
pub struct Pin(SecretString);

impl Pin {
    /// What was entered.
    pub fn new(entered: &str) -> Self {
        Self(entered.into())
    }

    /// What was entered, for the message alone.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identifier").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for Coupon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coupon").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}
