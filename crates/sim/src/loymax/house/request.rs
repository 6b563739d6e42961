//! What can be asked, whatever the face.

use std::fmt;

use secrecy::SecretString;
use tillway_core::fiscal::Quantity;
use tillway_core::{Kopecks, Timestamp};

use super::ClientId;

/// One command. The face has made sure who asks.
#[derive(Clone, Debug)]
pub struct Request {
    /// The login of the till.
    pub till: String,
    /// The id of the operation.
    pub operation: String,
    /// When, by the till's clock.
    pub at: Timestamp,
    /// Who stands at the till.
    pub cashier: Option<String>,
    /// The digest of the body it came in: the same for the same message, and for no other.
    pub digest: [u8; 32],
    /// What is asked.
    pub command: Command,
}

/// What can be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// How many points a guest has.
    Balance {
        /// The guest.
        guest: Key,
    },
    /// Direct discounts, and how many points may be taken.
    Calculate {
        /// The sale.
        sale: Sale,
        /// How much the guest wants to pay with points.
        wish: Option<Kopecks>,
    },
    /// How many points may be taken.
    Available {
        /// The purchase.
        purchase: String,
        /// The guest.
        guest: Key,
        /// What is bought, discounts taken off.
        cheque: Cheque,
    },
    /// Reserves points.
    Pay {
        /// The sale; its guest is known.
        sale: Sale,
        /// How much, in the till's currency.
        amount: Kopecks,
        /// What the guest entered.
        pin: Option<SecretString>,
    },
    /// Points to be earned; the cheque is final.
    Accrue {
        /// The sale.
        sale: Sale,
        /// What the rest is paid with.
        pays: Vec<Pay>,
    },
    /// Makes a purchase final.
    Confirm {
        /// The purchase.
        purchase: String,
    },
    /// Takes a purchase back.
    Cancel {
        /// The purchase.
        purchase: String,
    },
    /// Takes one payment of an open purchase back.
    CancelOperation {
        /// The purchase.
        purchase: String,
        /// The operation id of the payment.
        operation: String,
    },
    /// Takes goods back.
    Refund {
        /// The purchase of the refund itself.
        purchase: String,
        /// The purchase of the sale.
        of_purchase: Option<String>,
        /// A transaction of the sale.
        of_transaction: Option<u64>,
        /// The guest, when named.
        guest: Option<Key>,
        /// What goes back; positions are those of the sale.
        cheque: Cheque,
    },
    /// Issues a card, or puts one in the place of another.
    Card {
        /// Whose: a phone, or the old card; nobody's is a blank card handed out.
        guest: Option<Key>,
        /// The new card.
        new: Key,
        /// The old card, when the guest is known by a phone.
        old_card: Option<String>,
    },
}

impl Command {
    /// Which command it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Balance { .. } => Kind::Balance,
            Self::Calculate { .. } => Kind::Calculate,
            Self::Available { .. } => Kind::Available,
            Self::Pay { .. } => Kind::Pay,
            Self::Accrue { .. } => Kind::Accrue,
            Self::Confirm { .. } => Kind::Confirm,
            Self::Cancel { .. } => Kind::Cancel,
            Self::CancelOperation { .. } => Kind::CancelOperation,
            Self::Refund { .. } => Kind::Refund,
            Self::Card { .. } => Kind::Card,
        }
    }

    /// The purchase it is about.
    pub fn purchase(&self) -> Option<&str> {
        match self {
            Self::Balance { .. } | Self::Card { .. } => None,
            Self::Calculate { sale, .. } | Self::Pay { sale, .. } | Self::Accrue { sale, .. } => {
                Some(&sale.purchase)
            }
            Self::Available { purchase, .. }
            | Self::Confirm { purchase }
            | Self::Cancel { purchase }
            | Self::CancelOperation { purchase, .. }
            | Self::Refund { purchase, .. } => Some(purchase),
        }
    }
}

/// The commands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// `Balances`
    Balance,
    /// `Calculates`
    Calculate,
    /// `AvailableAmounts`
    Available,
    /// `Payments`
    Pay,
    /// `Discounts`
    Accrue,
    /// `ConfirmPurchases`
    Confirm,
    /// `CancelPurchases`
    Cancel,
    /// `CancelOperations`
    CancelOperation,
    /// `Refunds`
    Refund,
    /// `CardReplaces`
    Card,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Balance,
        Self::Calculate,
        Self::Available,
        Self::Pay,
        Self::Accrue,
        Self::Confirm,
        Self::Cancel,
        Self::CancelOperation,
        Self::Refund,
        Self::Card,
    ];
}

/// A sale as far as the till knows it.
#[derive(Clone, Debug)]
pub struct Sale {
    /// Its number.
    pub purchase: String,
    /// Who buys.
    pub guest: Option<Key>,
    /// What is bought.
    pub cheque: Cheque,
    /// What the guest shows besides.
    pub coupons: Vec<CouponKey>,
    /// What else is told.
    pub params: Vec<Param>,
}

/// What a guest or a card is found by. Personal: no `Debug` shows the value.
#[derive(Clone, Eq, PartialEq)]
pub struct Key {
    /// What it is.
    pub kind: KeyKind,
    /// As it was read.
    pub value: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What an identifier is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum KeyKind {
    /// The masks tell.
    Auto,
    /// The number of a card.
    CardNumber,
    /// The barcode of a card.
    CardBarCode,
    /// A magnetic track of a card, 1 to 3.
    CardTrack(u8),
    /// A phone number, eleven digits.
    Phone,
    /// Lower-case SHA-256 of a phone number, hexadecimal.
    PhoneHash,
    /// A QR code of a card.
    QrCode,
    /// The number of a coupon: for masks.
    Coupon,
    /// The guest whose token the request carries: the JSON mirror.
    Guest(ClientId),
}

/// Where the number of a coupon was read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Label {
    /// Anywhere.
    Number,
    /// A barcode.
    BarCode,
    /// A QR code.
    QrCode,
    /// A magnetic track, 1 to 3.
    Strip(u8),
}

/// A coupon as it was shown. Worth money: no `Debug` shows the value.
#[derive(Clone, Eq, PartialEq)]
pub struct CouponKey {
    /// Where it was read from.
    pub label: Label,
    /// As it was read.
    pub value: String,
}

impl fmt::Debug for CouponKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CouponKey").field("label", &self.label).finish_non_exhaustive()
    }
}

/// What is bought, or goes back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cheque {
    /// The number people know it by.
    pub number: Option<String>,
    /// Its date: offers are computed by it.
    pub at: Timestamp,
    /// Its positions, each with a number of its own.
    pub lines: Vec<Line>,
}

/// A position.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Its number, above zero.
    pub position: u32,
    /// What it is.
    pub goods: GoodsKey,
    /// What people call it.
    pub name: Option<String>,
    /// The price of one, without discounts.
    pub price: Option<Kopecks>,
    /// How much.
    pub quantity: Quantity,
    /// What it costs after the till's own discount, and after direct ones once they are granted.
    pub amount: Kopecks,
    /// The till's own discount.
    pub discount: Option<Kopecks>,
    /// Points that the partner grants.
    pub cashback: Option<Kopecks>,
    /// A correction of the base for points.
    pub correction: Option<Kopecks>,
    /// What else is told; `IsPromo` and `MinPrice` are read.
    pub params: Vec<Param>,
}

/// What a line is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GoodsKey {
    /// By the shop's code.
    Code(String),
    /// By a barcode.
    Barcode(String),
}

/// A named value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What something is paid with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pay {
    /// The logical name of the way to pay.
    pub kind: String,
    /// How much.
    pub amount: Kopecks,
    /// More about it.
    pub details: Option<String>,
}
