//! What WaiterServer asks: check in, check out, show, limits.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::book::Caller;
use crate::id::OrderId;
use crate::port::{Port, Readiness};
use crate::token::Scan;
use crate::wallet::{Limits, Wallet};

/// The waiter's desk.
///
/// A check-in is a desired state, not a command (F15): it is durable before the till is told, and
/// what the till answers late is adopted or undone. Dropping a future stops nothing: the flow runs
/// on, and a repeat of the call joins it.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait LoyaltyDesk: Port {
    /// Binds the guest behind a scanned or typed value to an order.
    ///
    /// A repeat for the same guest changes nothing but the last touch; a stronger carrier raises
    /// the identification (W08). Answers within 8 s, of which the till may take 6 s.
    async fn check_in(
        &self,
        caller: &Caller,
        order: OrderId,
        scan: Scan,
        pin: Option<SecretString>,
    ) -> Result<CheckedIn, TableRefusal>;

    /// Ends the binding of an order; its holds are voided. A repeat is done already (W32).
    async fn check_out(
        &self,
        caller: &Caller,
        order: OrderId,
        pin: Option<SecretString>,
    ) -> Result<(), TableRefusal>;

    /// What the waiter sees of the order's guest; `None` when nobody is bound.
    ///
    /// # Errors
    /// [`TableRefusal::Unavailable`] when the store cannot be read in time.
    async fn loyalty(
        &self,
        caller: &Caller,
        order: OrderId,
    ) -> Result<Option<LoyaltyView>, TableRefusal>;

    /// What may be paid from points and from money; zeros when nobody is bound (W46).
    ///
    /// # Errors
    /// [`TableRefusal::Unavailable`] when the store cannot be read in time.
    async fn limits(&self, caller: &Caller, order: OrderId) -> Result<Limits, TableRefusal>;

    /// Whether the desk can work.
    ///
    /// # Errors
    /// [`TableRefusal::Unavailable`].
    fn ready(&self) -> Readiness<TableRefusal>;
}

/// A check-in that went well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CheckedIn {
    /// The till has the guest on the order.
    Attached,
    /// The guest is bound on our side only: show this to the waiter (F17, mode `message`).
    Noted {
        /// How to address the guest.
        name: String,
        /// The wallets.
        wallets: Vec<Wallet>,
    },
}

/// What the waiter sees.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoyaltyView {
    /// How to address the guest.
    pub name: String,
    /// The wallets, in the order of rule L1.
    pub wallets: Vec<Wallet>,
    /// Article numbers of gift dishes.
    pub gifts: Vec<Box<str>>,
    /// Hints.
    pub hints: Vec<Box<str>>,
    /// Whether overdraft is part of what is shown.
    pub overdraft: bool,
    /// JPEG or PNG.
    pub photo: Option<Box<[u8]>>,
}

/// Why a waiter's wish was not met. Each has a text of its own; none names another guest.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableRefusal {
    /// Nothing was scanned.
    #[error("empty value")]
    EmptyValue,
    /// Too long to be a carrier.
    #[error("bad value")]
    BadValue,
    /// No guest has this carrier.
    #[error("unknown card")]
    UnknownCard,
    /// The carrier or the guest is blocked.
    #[error("card blocked")]
    CardBlocked,
    /// The carrier is expired or not yet active.
    #[error("card expired")]
    CardExpired,
    /// The dynamic token is too old.
    #[error("token expired")]
    TokenExpired,
    /// The dynamic token was used for another order, or before the check-out of this one.
    #[error("token used")]
    TokenUsed,
    /// The dynamic token is not ours.
    #[error("token invalid")]
    TokenInvalid,
    /// Several guests have this phone.
    #[error("ambiguous")]
    Ambiguous,
    /// The waiter's PIN was not accepted.
    #[error("bad pin")]
    BadPin,
    /// Another guest is bound, or is being bound.
    #[error("other guest")]
    OtherGuest,
    /// The order is being edited on the till.
    #[error("order busy")]
    OrderBusy,
    /// The order is closed or deleted.
    #[error("order closed")]
    OrderClosed,
    /// The till does not know the order.
    #[error("order not found")]
    OrderNotFound,
    /// The till did not answer in time.
    #[error("till unreachable")]
    TillUnreachable,
    /// Nobody is bound.
    #[error("no guest")]
    NoGuest,
    /// The order has a payment, so its guest stays.
    #[error("has payment")]
    HasPayment,
    /// The order belongs to another till.
    #[error("wrong till")]
    WrongTill,
    /// Too many failed check-ins on this till; wait a minute.
    #[error("too many attempts")]
    TooManyAttempts,
    /// Something inside cannot be reached; try again.
    #[error("unavailable")]
    Unavailable,
}

impl TableRefusal {
    /// The code of the text (iiko note 1.9).
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyValue => "empty_value",
            Self::BadValue => "bad_value",
            Self::UnknownCard => "unknown_card",
            Self::CardBlocked => "card_blocked",
            Self::CardExpired => "card_expired",
            Self::TokenExpired => "token_expired",
            Self::TokenUsed => "token_used",
            Self::TokenInvalid => "token_invalid",
            Self::Ambiguous => "ambiguous",
            Self::BadPin => "bad_pin",
            Self::OtherGuest => "other_guest",
            Self::OrderBusy => "order_busy",
            Self::OrderClosed => "order_closed",
            Self::OrderNotFound => "order_not_found",
            Self::TillUnreachable => "till_unreachable",
            Self::NoGuest => "no_guest",
            Self::HasPayment => "has_payment",
            Self::WrongTill => "wrong_till",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether this failed check-in counts against guessing: every message but those of bridge and
    /// store.
    pub fn counts_as_guess(self) -> bool {
        !matches!(
            self,
            Self::OrderBusy
                | Self::OrderClosed
                | Self::OrderNotFound
                | Self::TillUnreachable
                | Self::TooManyAttempts
                | Self::Unavailable
        )
    }
}
