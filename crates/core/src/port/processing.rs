//! The loyalty processing: discounts, points and cards that are kept elsewhere.

use core::fmt;

use async_trait::async_trait;
use minicbor::{Decode, Encode};

use crate::fiscal::Quantity;
use crate::id::Uuid;
use crate::loyalty::{Answer, Cheque, ChequeError, Goods, Identifier, Pay, Pin, PurchaseId, Sale};
use crate::money::Kopecks;
use crate::pan::Masked;
use crate::port::Port;
use crate::time::Timestamp;

/// A loyalty processing, which computes discounts and keeps points.
///
/// **Nothing here ever blocks a sale.** Whatever is not done, the caller sells without it and says
/// so; to decide that is the caller's part, by [`Class`].
///
/// A sale is told in two phases (loymax.md 1): *calculate*, *pay*, *accrue* and *refund* reserve;
/// *confirm* makes the purchase final, *cancel* takes all of it back. What is neither stays open at
/// the processing and keeps the guest's points reserved, so a caller MUST see to one of the two.
///
/// - A message is sealed once and sent as often as it takes: the same bytes under the same
///   operation id. A caller MUST store a [`Sealed`] that reserves or ends something before it
///   sends it, and what became of it after. A payment with points MUST NOT be sent twice after an
///   [`Outcome::InDoubt`]: cancel the purchase instead (loymax.md 9.3).
/// - Calls about one purchase are made in their order, one after another. An adapter sends one
///   message at a time; calls from several tasks wait for one another.
/// - Dropping the future of a call does not undo it; the outcome is then in doubt.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait LoyaltyProcessing: Port {
    /// What this processing is set up for. No I/O.
    fn capabilities(&self) -> Capabilities;

    /// Makes the message of an operation, whole and signed where that is asked for. Sends nothing.
    ///
    /// The same operation gives the same message, unless the signature names a time.
    ///
    /// # Errors
    /// [`SealError`]: a mistake of the caller, or a command the processing does not know. Nothing
    /// was begun.
    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError>;

    /// Sends a message and waits for its answer, as long as the adapter's configuration says.
    ///
    /// A message from an earlier run of the program is sent as well as a fresh one. A repeat of
    /// one that was done is answered as it was, or refused as [`Class::Repeated`],
    /// [`Class::Confirmed`] or [`Class::Cancelled`], which [`Refusal::is_done`] tells apart.
    async fn send(&self, message: &Sealed) -> Outcome;
}

/// One thing that is asked of the processing. Not stored itself: its [`Sealed`] message is.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Its id, chosen once and never used for another.
    pub id: Uuid,
    /// When, with the offset of the till.
    pub at: Timestamp,
    /// Who stands at the till.
    pub cashier: Option<Box<str>>,
    /// What is asked.
    pub command: Command,
}

/// What a processing can be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// How many points a guest has. Reads only.
    Balance {
        /// The guest.
        guest: Identifier,
    },
    /// Which discounts there are, and how many points may be taken. May be asked again under the
    /// same purchase while the cheque changes.
    Calculate {
        /// The sale.
        sale: Sale,
        /// How much the guest wants to pay with points, so that discounts are computed with it.
        wish: Option<Kopecks>,
    },
    /// How many points may be taken. Coupons are not told. Reads only.
    Available {
        /// The sale, its discounts taken off.
        sale: Sale,
    },
    /// Reserve points for a sale.
    Pay {
        /// The sale, its discounts taken off.
        sale: Sale,
        /// How much of its price, above zero.
        amount: Kopecks,
        /// What the guest entered to allow it.
        pin: Option<Pin>,
    },
    /// Compute the points to be earned, when the cheque is final and its payments are known.
    Accrue {
        /// The sale, its discounts taken off.
        sale: Sale,
        /// All payments but points.
        pays: Vec<Pay>,
    },
    /// Make a purchase or a refund final: after full payment and the receipt.
    Confirm {
        /// Which.
        purchase: PurchaseId,
    },
    /// Take back all of a purchase or a refund that is not confirmed.
    Cancel {
        /// Which.
        purchase: PurchaseId,
    },
    /// Take back one payment with points; only where [`Capabilities::cancel_one`].
    CancelOne {
        /// Of which purchase.
        purchase: PurchaseId,
        /// The id of the payment's operation.
        operation: Uuid,
    },
    /// Give goods back: how much returns as points and how much as money.
    Refund {
        /// The refund itself: its own purchase id, and the lines that come back with the positions
        /// they had in the sale. Coupons are not told.
        sale: Sale,
        /// What was sold; `None` without a receipt, which a processing may refuse.
        of: Option<PurchaseId>,
        /// The number of the sale's operation at the processing.
        transaction: Option<i64>,
    },
    /// Issue a card, or replace one; only where [`Capabilities::cards`]. One phase: there is
    /// nothing to confirm.
    Card {
        /// Whose: a phone or the old card; `None` hands out a blank card.
        guest: Option<Identifier>,
        /// The old card's number, when `guest` is a phone.
        old: Option<Box<str>>,
        /// The new card.
        new: Identifier,
    },
}

/// The kind of a command.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cbor(index_only)]
pub enum Kind {
    /// [`Command::Balance`].
    #[n(0)]
    Balance,
    /// [`Command::Calculate`].
    #[n(1)]
    Calculate,
    /// [`Command::Available`].
    #[n(2)]
    Available,
    /// [`Command::Pay`].
    #[n(3)]
    Pay,
    /// [`Command::Accrue`].
    #[n(4)]
    Accrue,
    /// [`Command::Confirm`].
    #[n(5)]
    Confirm,
    /// [`Command::Cancel`].
    #[n(6)]
    Cancel,
    /// [`Command::CancelOne`].
    #[n(7)]
    CancelOne,
    /// [`Command::Refund`].
    #[n(8)]
    Refund,
    /// [`Command::Card`].
    #[n(9)]
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
        Self::CancelOne,
        Self::Refund,
        Self::Card,
    ];
}

impl Command {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Balance { .. } => Kind::Balance,
            Self::Calculate { .. } => Kind::Calculate,
            Self::Available { .. } => Kind::Available,
            Self::Pay { .. } => Kind::Pay,
            Self::Accrue { .. } => Kind::Accrue,
            Self::Confirm { .. } => Kind::Confirm,
            Self::Cancel { .. } => Kind::Cancel,
            Self::CancelOne { .. } => Kind::CancelOne,
            Self::Refund { .. } => Kind::Refund,
            Self::Card { .. } => Kind::Card,
        }
    }

    /// The sale it tells of, lines and all.
    pub fn sale(&self) -> Option<&Sale> {
        match self {
            Self::Calculate { sale, .. }
            | Self::Available { sale }
            | Self::Pay { sale, .. }
            | Self::Accrue { sale, .. }
            | Self::Refund { sale, .. } => Some(sale),
            _ => None,
        }
    }

    /// The purchase it belongs to.
    pub fn purchase(&self) -> Option<&PurchaseId> {
        match self {
            Self::Confirm { purchase }
            | Self::Cancel { purchase }
            | Self::CancelOne { purchase, .. } => Some(purchase),
            other => other.sale().map(|sale| &sale.purchase),
        }
    }

    /// The cheque it tells of.
    pub fn cheque(&self) -> Option<&Cheque> {
        self.sale().map(|sale| &sale.cheque)
    }

    /// Refuses what no processing may be asked.
    ///
    /// # Errors
    /// A mistake of the caller.
    pub fn check(&self) -> Result<(), SealError> {
        if let Some(cheque) = self.cheque() {
            cheque.check()?;
        }
        let below = |amount: &Kopecks| *amount < Kopecks::ZERO;
        match self {
            Self::Pay { amount, .. } if !amount.is_positive() => Err(SealError::Amount),
            Self::Pay { sale, .. } if sale.guest.is_none() => Err(SealError::Guest),
            Self::Calculate { wish: Some(wish), .. } if below(wish) => Err(SealError::Amount),
            Self::Accrue { pays, .. } if pays.iter().any(|pay| below(&pay.amount)) => {
                Err(SealError::Amount)
            }
            _ => Ok(()),
        }
    }
}

/// A message, ready to be stored and sent. It holds personal data, and the PIN of a payment with
/// points: forget its body once its outcome is known. Its `Debug` shows neither.
#[derive(Clone, Decode, Encode, Eq, PartialEq)]
pub struct Sealed {
    /// The id of its operation.
    #[cbor(n(0), with = "crate::id::uuid_bytes")]
    pub id: Uuid,
    /// What it asks.
    #[n(1)]
    pub kind: Kind,
    /// The purchase it belongs to: messages of one purchase keep their order.
    #[n(2)]
    pub purchase: Option<PurchaseId>,
    /// When the operation was begun.
    #[n(3)]
    pub at: Timestamp,
    /// What is sent, to the byte.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub body: Vec<u8>,
    /// What the adapter sends beside the body, a signature for instance. Its own affair.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub beside: Vec<u8>,
    /// The lines that were sent, so that those of the answer are told apart in a later run too.
    #[n(6)]
    pub lines: Vec<SentLine>,
}

/// What tells one line from another when positions were renumbered.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct SentLine {
    /// Its position.
    #[n(0)]
    pub position: u32,
    /// What it is.
    #[n(1)]
    pub goods: Goods,
    /// How much of it.
    #[n(2)]
    pub quantity: Quantity,
    /// What it cost when it was sent.
    #[n(3)]
    pub amount: Kopecks,
}

impl Sealed {
    /// The lines of a cheque, as a message remembers them.
    pub fn lines_of(cheque: &Cheque) -> Vec<SentLine> {
        let sent = |line: &crate::loyalty::Line| SentLine {
            position: line.position,
            goods: line.goods.clone(),
            quantity: line.quantity,
            amount: line.amount,
        };
        cheque.lines.iter().map(sent).collect()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("purchase", &self.purchase)
            .field("at", &self.at)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What became of a message.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub enum Outcome {
    /// Done.
    #[n(0)]
    Done(#[n(0)] Box<Answer>),
    /// The processing answered that it did not do it. [`Class`] says what then.
    #[n(1)]
    Refused(#[n(0)] Refusal),
    /// Nothing reached the processing: there is no connection. Sell without it; the same message
    /// may be sent later.
    #[n(2)]
    Unreached(#[n(0)] Masked),
    /// Unknown: no answer, half of one, one with a bad signature, one that cannot be read, or the
    /// processing's own breakdown. Send the same message again, but never a payment with points.
    #[n(3)]
    InDoubt(#[n(0)] Masked),
}

/// What the processing said when it did not do it.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Refusal {
    /// What to do about it.
    #[n(0)]
    pub class: Class,
    /// The processing's own code.
    #[n(1)]
    pub code: Box<str>,
    /// Its own words, card numbers masked.
    #[n(2)]
    pub text: Masked,
}

impl Refusal {
    /// Whether a message that was sent before is done by this: the answer of the first time was
    /// lost, and nothing is left to do.
    pub fn is_done(&self, kind: Kind) -> bool {
        match self.class {
            Class::Repeated => true,
            Class::Confirmed => kind == Kind::Confirm,
            Class::Cancelled => kind == Kind::Cancel,
            _ => false,
        }
    }
}

/// What a refusal means for the caller. Whatever it is, the sale goes on.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, Hash, PartialEq, thiserror::Error)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Class {
    /// Till, cashier, key, ways to pay are set up wrong. Use no loyalty; call a person.
    #[n(0)]
    #[error("the till is set up wrong at the processing")]
    Settings,
    /// Our message is wrong. It is of no use to send it again; keep it for a person.
    #[n(1)]
    #[error("the processing does not understand the message")]
    Malformed,
    /// The guest is not known there. Go on without a card.
    #[n(2)]
    #[error("the guest is not known")]
    UnknownGuest,
    /// More points than may be taken. Offer what is available.
    #[n(3)]
    #[error("more points than may be taken")]
    TooMuch,
    /// The card is blocked or has expired. Another one, or the phone, may do.
    #[n(4)]
    #[error("the card cannot be used")]
    CardBlocked,
    /// The card is not active yet: points are earned, not taken.
    #[n(5)]
    #[error("the card is not active yet")]
    AccrualOnly,
    /// The PIN is wrong. Ask again, at most three times.
    #[n(6)]
    #[error("the pin is wrong")]
    WrongPin,
    /// The operation id was used. Done, when this is a repeat; otherwise take another id.
    #[n(7)]
    #[error("the operation id was used already")]
    Repeated,
    /// The purchase is confirmed.
    #[n(8)]
    #[error("the purchase is confirmed already")]
    Confirmed,
    /// The purchase is cancelled.
    #[n(9)]
    #[error("the purchase is cancelled already")]
    Cancelled,
    /// The purchase is not known. On *confirm*: accrue again, then confirm.
    #[n(10)]
    #[error("the purchase is not known")]
    UnknownPurchase,
    /// The cheque is not the one that was calculated. Calculate again.
    #[n(11)]
    #[error("the cheque is another one")]
    OtherCheque,
    /// Not now, in this order. Cancel, and begin again under a new purchase.
    #[n(12)]
    #[error("the order of operations is wrong")]
    WrongOrder,
    /// Points were taken for this purchase already.
    #[n(13)]
    #[error("the purchase is paid with points already")]
    AlreadyPaid,
    /// No points can be taken now: a limit, or trouble there. Go on without points.
    #[n(14)]
    #[error("no points can be taken")]
    NoPoints,
    /// A coupon cannot be used. Drop it, tell the cashier, calculate again.
    #[n(15)]
    #[error("a coupon cannot be used")]
    Coupon,
    /// A rule of the shop or of the programme: show the text.
    #[n(16)]
    #[error("a rule of the programme")]
    Rule,
    /// The purchase id was used. Take another.
    #[n(17)]
    #[error("the purchase id was used already")]
    PurchaseTaken,
    /// Only round amounts of points can be taken. Round the payment.
    #[n(18)]
    #[error("the amount must be round")]
    Round,
    /// The purchase belongs to another till.
    #[n(19)]
    #[error("the purchase belongs to another till")]
    WrongTill,
    /// It was taken in and is not done yet. Ask again.
    #[n(20)]
    #[error("not done yet")]
    Pending,
    /// Another operation of the purchase runs. Again after a second, at most three times.
    #[n(21)]
    #[error("another operation of the purchase runs")]
    Conflict,
    /// The processing broke down: as if there were no connection.
    #[n(22)]
    #[error("the processing broke down")]
    Unavailable,
    /// Anything else. Sell without loyalty.
    #[n(23)]
    #[error("the processing refused")]
    Other,
}

/// What a processing is set up for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// How much of the programme the till takes part in.
    pub level: Level,
    /// One payment with points can be taken back without the purchase.
    pub cancel_one: bool,
    /// Cards can be issued and replaced.
    pub cards: bool,
    /// Goods can be given back without the number of the sale.
    pub blind_refund: bool,
}

/// How much of a programme a till takes part in (loymax.md 16). Each has all of those below it.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Card barcodes, balance, discounts, points, refunds, messages, signature, offline.
    #[default]
    Minimum,
    /// And stripes, phones, coupons, local discounts, minimal prices.
    Middle,
    /// And QR codes, pick-up, registration, favourite goods, cards.
    Maximum,
}

/// Why an operation has no message. Nothing was begun.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The cheque cannot be told.
    #[error(transparent)]
    Cheque(#[from] ChequeError),
    /// An amount is below zero, or a payment is not above it.
    #[error("an amount is below zero, or a payment is not above it")]
    Amount,
    /// A payment with points names no guest whose points they are.
    #[error("a payment with points names its guest")]
    Guest,
    /// The processing has no such command.
    #[error("the processing has no such command")]
    Unsupported,
    /// A text has what the message cannot carry; the name of the field.
    #[error("{0} has characters that cannot be sent")]
    Text(&'static str),
    /// The message cannot be signed. Look at the key.
    #[error("the message cannot be signed")]
    Signature,
    /// The adapter's own settings do not fit the operation; says which.
    #[error("{0}")]
    Settings(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_told_from_a_first_time() {
        let refused = |class| Refusal { class, code: "".into(), text: Masked::default() };
        let done = |class, kind| refused(class).is_done(kind);
        for kind in Kind::ALL {
            assert!(done(Class::Repeated, kind), "{kind:?}");
            assert_eq!(done(Class::Confirmed, kind), kind == Kind::Confirm, "{kind:?}");
            assert_eq!(done(Class::Cancelled, kind), kind == Kind::Cancel, "{kind:?}");
            assert!(!done(Class::Other, kind), "{kind:?}");
        }
    }

    #[test]
    fn a_message_is_stored_and_shows_nothing() {
        let sealed = Sealed {
            id: Uuid::from_u128(7),
            kind: Kind::Pay,
            purchase: Some(Uuid::from_u128(9).into()),
            at: Timestamp { utc_ms: 5, offset_min: 180 },
            body: b"<a PinCode=\"4711\"/>".to_vec(),
            beside: vec![1, 2],
            lines: vec![SentLine {
                position: 1,
                goods: Goods::Code("SKU".into()),
                quantity: Quantity::ONE,
                amount: Kopecks(5),
            }],
        };
        let stored = minicbor::to_vec(&sealed).unwrap();
        assert_eq!(minicbor::decode::<Sealed>(&stored).unwrap(), sealed);
        assert!(!format!("{sealed:?}").contains("4711"));
        let pin = Pin::new("4711");
        assert!(!format!("{pin:?}").contains("4711"), "{pin:?}");
    }

    #[test]
    fn an_outcome_is_stored() {
        let answer = Answer {
            transaction: Some(5_002),
            balance: Some(Kopecks(-1)),
            for_receipt: "Списано".into(),
            ..Answer::default()
        };
        let refusal =
            Refusal { class: Class::WrongPin, code: "211".into(), text: Masked::new("нет") };
        let rows = [
            Outcome::Done(Box::new(answer)),
            Outcome::Refused(refusal),
            Outcome::Unreached(Masked::new("no route")),
            Outcome::InDoubt(Masked::default()),
        ];
        for outcome in rows {
            let stored = minicbor::to_vec(&outcome).unwrap();
            assert_eq!(minicbor::decode::<Outcome>(&stored).unwrap(), outcome);
        }
    }
}
