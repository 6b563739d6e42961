//! Why the book says no.

use crate::account::AccountKind;
use crate::id::HoldId;
use crate::money::Kopecks;

/// A refusal of a well-formed request. It is stored under the request's key and replayed
/// (unless [`Refusal::is_final`] says otherwise); nothing else changes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error, minicbor::Encode, minicbor::Decode)]
#[non_exhaustive]
pub enum Refusal {
    /// Less is available. Offer `limit`, or another account.
    #[n(0)]
    #[error("not enough is available")]
    InsufficientFunds {
        /// What could be taken now.
        #[n(0)]
        limit: Kopecks,
    },
    /// Credit and deposit may not pay one order together (M1).
    #[n(1)]
    #[error("credit and deposit cannot pay one order together")]
    MixedMoneyAccounts,
    /// The live captures would exceed the order (PV6).
    #[n(2)]
    #[error("payments would exceed the order's total")]
    OverTotal {
        /// Σ of live captures that were counted.
        #[n(0)]
        captured: Kopecks,
        /// The total of the order.
        #[n(1)]
        total: Kopecks,
    },
    /// This transaction was cancelled; it can never be captured.
    #[n(3)]
    #[error("the transaction was cancelled")]
    TransactionCancelled,
    /// A part was refunded, so it cannot be cancelled as a whole.
    #[n(4)]
    #[error("a part of the payment was refunded")]
    AlreadyRefunded,
    /// More than is left of the payment.
    #[n(5)]
    #[error("the refund exceeds what is left of the payment")]
    RefundExceeds {
        /// What is left.
        #[n(0)]
        rest: Kopecks,
    },
    /// Another refund came between (F2).
    #[n(6)]
    #[error("the payment was refunded in the meantime")]
    RefundSequence {
        /// Σ of refunds now.
        #[n(0)]
        refunded: Kopecks,
    },
    /// The guest of the order is another one now (F1).
    #[n(7)]
    #[error("the order's guest has changed")]
    BindingChanged {
        /// The epoch now.
        #[n(0)]
        epoch: u32,
    },
    /// The payment type does not fit the wallet (F5).
    #[n(8)]
    #[error("the payment type does not fit the wallet")]
    WrongPaymentType {
        /// The kind of the wallet.
        #[n(0)]
        wallet: AccountKind,
    },
    /// The payment type is not configured (F5).
    #[n(9)]
    #[error("the payment type is not known")]
    UnknownPaymentType,
    /// More than the reservation.
    #[n(10)]
    #[error("more than was reserved")]
    ExceedsReservation {
        /// What was reserved.
        #[n(0)]
        reserved: Kopecks,
    },
    /// The order has a live hold on this wallet already (PV5).
    #[n(11)]
    #[error("the order holds this wallet already")]
    HoldExists {
        /// That hold.
        #[n(0)]
        hold: HoldId,
    },
    /// The reservation was given up.
    #[n(12)]
    #[error("the reservation was voided")]
    ReservationVoided,
    /// The reservation became a payment.
    #[n(13)]
    #[error("the reservation was captured")]
    AlreadyCaptured,
    /// A phone number alone does not authorise spending here (F16).
    #[n(14)]
    #[error("the guest is identified by a phone number alone")]
    WeakIdentification,
    /// The account is blocked, closing or closed.
    #[n(15)]
    #[error("the account is blocked")]
    AccountBlocked,
    /// Nobody is bound to the order.
    #[n(16)]
    #[error("no guest is bound to the order")]
    NoGuest,
    /// There is no such wallet.
    #[n(17)]
    #[error("the wallet is not known")]
    UnknownWallet,
    /// There is no such payment.
    #[n(18)]
    #[error("the transaction is not known")]
    UnknownTransaction,
    /// There is no such hold.
    #[n(19)]
    #[error("the reservation is not known")]
    UnknownReservation,
    /// Zero, negative, or too large to count.
    #[n(20)]
    #[error("the amount is zero, negative or too large")]
    BadAmount,
    /// Not rubles.
    #[n(21)]
    #[error("the currency is not RUB")]
    BadCurrency,
    /// An unlinked refund needs its order.
    #[n(22)]
    #[error("an order is required")]
    OrderRequired,
    /// A required field is missing.
    #[n(23)]
    #[error("a required field is missing")]
    FieldRequired,
    /// Another guest is bound or pending.
    #[n(24)]
    #[error("another guest is bound to the order")]
    OtherGuest,
    /// The order has a live payment, so its guest stays (W33).
    #[n(25)]
    #[error("the order has a payment")]
    HasPayment,
    /// The one-time token was used.
    #[n(26)]
    #[error("the token was used")]
    TokenUsed,
    /// iiko closed the order.
    #[n(27)]
    #[error("the order is closed")]
    OrderClosed,
    /// The order belongs to another till. Not stored: the right till may come.
    #[n(28)]
    #[error("the order belongs to another till")]
    WrongTill,
    /// The till has another device (D1).
    #[n(29)]
    #[error("the till has a device already")]
    TillHasDevice,
    /// The device is at another till (D1).
    #[n(30)]
    #[error("the device has a till already")]
    DeviceHasTill,
    /// The carrier belongs to another guest.
    #[n(31)]
    #[error("the carrier belongs to another guest")]
    CarrierTaken,
    /// There is no such guest.
    #[n(32)]
    #[error("the guest is not known")]
    UnknownGuest,
    /// An account with this id has other terms already.
    #[n(33)]
    #[error("the account exists already")]
    AccountExists,
    /// Closing needs a zero balance and no live hold (F14, F32).
    #[n(34)]
    #[error("the account has holds or a balance")]
    AccountInUse,
    /// A bonus account has no overdraft (A3).
    #[n(35)]
    #[error("a bonus account has no overdraft")]
    BonusOverdraft,
    /// Rubles and points do not mix, or the parties do not fit the movement.
    #[n(36)]
    #[error("the accounts do not fit the movement")]
    BadMovement,
    /// Another guest has this client id.
    #[n(37)]
    #[error("another guest has this number")]
    GuestTaken,
    /// The account had more overdue holds than one commit lapses, and they may be all that stood
    /// in the way. Some have lapsed now; ask again. Not stored.
    #[n(38)]
    #[error("overdue holds of the account are lapsing")]
    HoldsOverdue,
    /// The attempt at the device is over, or is about something else.
    #[n(39)]
    #[error("the attempt is settled, or is another one")]
    AttemptSettled,
    /// The purchase at the loyalty processing does not stand where this could be asked of it.
    #[n(40)]
    #[error("the purchase takes no such message now")]
    PurchaseState,
}

impl Refusal {
    /// Whether the key remembers it: a repeat of the request gets the same answer. A refusal that
    /// is not final changes nothing at all.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::WrongTill | Self::HoldsOverdue)
    }

    /// Whether it could turn out otherwise once a hold has lapsed.
    pub(crate) fn may_be_of_a_hold(&self) -> bool {
        matches!(
            self,
            Self::InsufficientFunds { .. } | Self::HoldExists { .. } | Self::MixedMoneyAccounts
        )
    }
}
