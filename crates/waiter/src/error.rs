//! What can be wrong with a configuration, with a request, and with a payment.

use core::net::SocketAddr;

use http::StatusCode;
use tillway_core::book::Refusal;
use tillway_core::id::{PaymentId, TillId, Uuid};
use tillway_core::port::{BridgeError, PayError};
use tillway_core::split::SplitError;
use tillway_core::{AccountKind, Kopecks, MoneyError};
use tillway_transport::BodyError;

/// Why a configuration is refused. Each variant says what to change.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Name the peers, or listen on a loopback address.
    #[error("{listen} can be reached by others, so allowed_peers must name who may")]
    OpenListener {
        /// Where it would listen.
        listen: SocketAddr,
    },
    /// Put the till of the listener among its tills.
    #[error("till {till} has no token")]
    TillWithoutToken {
        /// The till.
        till: TillId,
    },
    /// Give the till another token.
    #[error("the token of till {till} is not 8 to 256 printable ASCII characters")]
    BadToken {
        /// The till.
        till: TillId,
    },
    /// Name each till once; case does not tell two tills apart.
    #[error("till {till} is named twice")]
    TillTwice {
        /// The till.
        till: TillId,
    },
    /// Give each till a token of its own.
    #[error("the token of till {till} is another till's too")]
    TokenTwice {
        /// The till.
        till: TillId,
    },
    /// Use one payment type per kind of account (F5).
    #[error("payment type {payment_type} is named twice")]
    PaymentTypeTwice {
        /// Its GUID.
        payment_type: Uuid,
    },
}

/// What is wrong with a request before anybody is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flaw {
    /// Not JSON, or a member of another type, or text that is too long.
    BadJson,
    /// No UUID, or the nil one.
    BadId,
    /// The order id of the Waiter API is no UUID, or the nil one.
    BadOrderId,
    /// Nothing was scanned that could be read.
    ValueRequired,
    /// A member without which nothing can be stored is missing.
    FieldRequired,
    /// An amount that cannot be, where there is no key to store the refusal under.
    BadAmount,
    /// Another content type or charset.
    UnsupportedType,
    /// The body is too large.
    TooLarge,
    /// The body did not come in time.
    TimedOut,
}

impl Flaw {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadJson | Self::BadId | Self::BadOrderId | Self::ValueRequired => {
                StatusCode::BAD_REQUEST
            }
            Self::FieldRequired | Self::BadAmount => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::BadId => "bad_id",
            Self::BadOrderId => "bad_order_id",
            Self::ValueRequired => "value_required",
            Self::FieldRequired => "field_required",
            Self::BadAmount => "bad_amount",
            Self::UnsupportedType => "unsupported_type",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
        }
    }
}

impl From<BodyError> for Flaw {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::TooLarge,
            BodyError::TimedOut { .. } => Self::TimedOut,
            _ => Self::BadJson,
        }
    }
}

/// An error of the payment API, before it is put into words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PosError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    /// The same call may succeed later.
    pub(crate) retryable: bool,
    /// The refusal is stored under the key; a repeat gives it again (F1).
    pub(crate) is_final: bool,
    /// The most that would be accepted.
    pub(crate) limit: Option<Kopecks>,
    /// The kind whose payment type is the right one.
    pub(crate) right_kind: Option<AccountKind>,
    /// The live captures of the order, with `over_total`.
    pub(crate) payments: Option<Vec<(PaymentId, Kopecks)>>,
    /// After how many seconds to ask again.
    pub(crate) retry_after_s: Option<u64>,
}

impl PosError {
    fn plain(status: StatusCode, code: &'static str) -> Self {
        Self {
            status,
            code,
            retryable: false,
            is_final: false,
            limit: None,
            right_kind: None,
            payments: None,
            retry_after_s: None,
        }
    }

    /// Nothing could be tried, or the outcome is unknown.
    pub(crate) fn unavailable() -> Self {
        let plain = Self::plain(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        Self { retryable: true, ..plain }
    }

    pub(crate) fn bad_token() -> Self {
        Self::plain(StatusCode::UNAUTHORIZED, "bad_token")
    }

    pub(crate) fn wrong_till() -> Self {
        Self::plain(StatusCode::FORBIDDEN, "wrong_till")
    }

    pub(crate) fn too_many(retry_after_s: u64) -> Self {
        let plain = Self::plain(StatusCode::TOO_MANY_REQUESTS, "too_many");
        Self { retryable: true, retry_after_s: Some(retry_after_s), ..plain }
    }

    /// A refusal of a call. `keyed`: the call has a key that the refusal is stored under.
    pub(crate) fn refused(refusal: &Refusal, keyed: bool) -> Self {
        let (status, code) = words(refusal);
        let limit = match refusal {
            Refusal::InsufficientFunds { limit } => Some(*limit),
            Refusal::ExceedsReservation { reserved } => Some(*reserved),
            Refusal::RefundExceeds { rest } => Some(*rest),
            _ => None,
        };
        let right_kind = match refusal {
            Refusal::WrongPaymentType { wallet } => Some(*wallet),
            _ => None,
        };
        let is_final = keyed && refusal.is_final();
        Self { is_final, limit, right_kind, ..Self::plain(status, code) }
    }

    /// An error of a desk. `keyed` as in [`PosError::refused`].
    pub(crate) fn of_pay(error: &PayError, keyed: bool) -> Self {
        match error {
            PayError::Refused(refusal) => Self::refused(refusal, keyed),
            PayError::Split(error) => Self::of_split(error),
            PayError::Conflict => Self::plain(StatusCode::CONFLICT, "idempotency_conflict"),
            PayError::InProgress => {
                Self { retryable: true, ..Self::plain(StatusCode::CONFLICT, "in_progress") }
            }
            PayError::ClockInDoubt => Self {
                retryable: true,
                ..Self::plain(StatusCode::SERVICE_UNAVAILABLE, "clock_in_doubt")
            },
            PayError::TimedOut => Self {
                retryable: true,
                ..Self::plain(StatusCode::GATEWAY_TIMEOUT, "processing_timeout")
            },
            // What is new in core and not known here is in doubt, never a refusal.
            _ => Self::unavailable(),
        }
    }

    fn of_split(error: &SplitError) -> Self {
        let unprocessable = |code| Self::plain(StatusCode::UNPROCESSABLE_ENTITY, code);
        match error {
            SplitError::AmountOutOfRange { limit } => {
                Self { limit: Some(*limit), ..unprocessable("amount_out_of_range") }
            }
            SplitError::MixedMoneyAccounts => Self::refused(&Refusal::MixedMoneyAccounts, false),
            SplitError::UnknownLine => Self::refused(&Refusal::UnknownWallet, false),
            SplitError::BadDue | SplitError::TooManyLines | SplitError::Money(_) => {
                unprocessable("bad_amount")
            }
            _ => Self::unavailable(),
        }
    }
}

impl From<Flaw> for PosError {
    fn from(flaw: Flaw) -> Self {
        Self::plain(flaw.status(), flaw.code())
    }
}

/// Sums of stored rows that do not fit: the book is not what it should be.
impl From<MoneyError> for PosError {
    fn from(_: MoneyError) -> Self {
        Self::unavailable()
    }
}

impl From<BridgeError> for PosError {
    fn from(error: BridgeError) -> Self {
        match error {
            BridgeError::Expired => Self::plain(StatusCode::GONE, "command_expired"),
            BridgeError::NoTill => Self::wrong_till(),
            _ => Self::unavailable(),
        }
    }
}

/// Status and code of a refusal (2.4). Those that no call of the plugin can meet have the code
/// `refused`.
fn words(refusal: &Refusal) -> (StatusCode, &'static str) {
    const CONFLICT: StatusCode = StatusCode::CONFLICT;
    const NOT_FOUND: StatusCode = StatusCode::NOT_FOUND;
    const UNPROCESSABLE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
    match refusal {
        Refusal::NoGuest => (NOT_FOUND, "no_guest"),
        Refusal::UnknownWallet => (NOT_FOUND, "unknown_wallet"),
        Refusal::UnknownTransaction => (NOT_FOUND, "unknown_transaction"),
        Refusal::UnknownReservation => (NOT_FOUND, "unknown_reservation"),
        Refusal::InsufficientFunds { .. } => (CONFLICT, "insufficient_funds"),
        Refusal::MixedMoneyAccounts => (CONFLICT, "mixed_money_accounts"),
        Refusal::OverTotal { .. } => (CONFLICT, "over_total"),
        Refusal::TransactionCancelled => (CONFLICT, "transaction_cancelled"),
        Refusal::AlreadyRefunded => (CONFLICT, "already_refunded"),
        Refusal::RefundExceeds { .. } => (CONFLICT, "refund_exceeds"),
        Refusal::RefundSequence { .. } => (CONFLICT, "refund_sequence"),
        Refusal::BindingChanged { .. } => (CONFLICT, "binding_changed"),
        Refusal::WrongPaymentType { .. } => (CONFLICT, "wrong_payment_type"),
        Refusal::ExceedsReservation { .. } => (CONFLICT, "exceeds_reservation"),
        Refusal::HoldExists { .. } => (CONFLICT, "hold_exists"),
        Refusal::ReservationVoided => (CONFLICT, "reservation_voided"),
        Refusal::AlreadyCaptured => (CONFLICT, "already_captured"),
        Refusal::WeakIdentification => (CONFLICT, "weak_identification"),
        Refusal::AccountBlocked => (CONFLICT, "account_blocked"),
        Refusal::OrderClosed => (CONFLICT, "order_closed"),
        Refusal::BadAmount => (UNPROCESSABLE, "bad_amount"),
        Refusal::BadCurrency => (UNPROCESSABLE, "bad_currency"),
        Refusal::OrderRequired => (UNPROCESSABLE, "order_required"),
        Refusal::FieldRequired => (UNPROCESSABLE, "field_required"),
        Refusal::UnknownPaymentType => (UNPROCESSABLE, "unknown_payment_type"),
        Refusal::WrongTill => (StatusCode::FORBIDDEN, "wrong_till"),
        _ => (CONFLICT, "refused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::Texts;

    #[test]
    fn f1_only_stored_refusals_are_final() {
        let amount = Kopecks(12_000);
        let rows = [
            (PayError::Refused(Refusal::NoGuest), 404, "no_guest", true, false),
            (PayError::Refused(Refusal::UnknownWallet), 404, "unknown_wallet", true, false),
            (
                PayError::Refused(Refusal::InsufficientFunds { limit: amount }),
                409,
                "insufficient_funds",
                true,
                false,
            ),
            (PayError::Refused(Refusal::BadAmount), 422, "bad_amount", true, false),
            (PayError::Refused(Refusal::WrongTill), 403, "wrong_till", false, false),
            (PayError::Conflict, 409, "idempotency_conflict", false, false),
            (PayError::InProgress, 409, "in_progress", false, true),
            (PayError::ClockInDoubt, 503, "clock_in_doubt", false, true),
            (PayError::TimedOut, 504, "processing_timeout", false, true),
            (PayError::Unavailable, 503, "unavailable", false, true),
        ];
        for (error, status, code, is_final, retryable) in rows {
            let got = PosError::of_pay(&error, true);
            assert_eq!((got.status.as_u16(), got.code), (status, code));
            assert_eq!((got.is_final, got.retryable), (is_final, retryable), "{code}");
            assert!(!PosError::of_pay(&error, false).is_final, "{code}");
        }
    }

    #[test]
    fn every_code_has_a_text() {
        let codes: Vec<_> = Texts::codes().collect();
        let k = Kopecks(1);
        let refusals = [
            Refusal::InsufficientFunds { limit: k },
            Refusal::MixedMoneyAccounts,
            Refusal::OverTotal { captured: k, total: k },
            Refusal::TransactionCancelled,
            Refusal::AlreadyRefunded,
            Refusal::RefundExceeds { rest: k },
            Refusal::RefundSequence { refunded: k },
            Refusal::BindingChanged { epoch: 2 },
            Refusal::WrongPaymentType { wallet: AccountKind::Credit },
            Refusal::UnknownPaymentType,
            Refusal::ExceedsReservation { reserved: k },
            Refusal::HoldExists { hold: tillway_core::id::HoldId(Uuid::from_u128(1)) },
            Refusal::ReservationVoided,
            Refusal::AlreadyCaptured,
            Refusal::WeakIdentification,
            Refusal::AccountBlocked,
            Refusal::NoGuest,
            Refusal::UnknownWallet,
            Refusal::UnknownTransaction,
            Refusal::UnknownReservation,
            Refusal::BadAmount,
            Refusal::BadCurrency,
            Refusal::OrderRequired,
            Refusal::FieldRequired,
            Refusal::OrderClosed,
            Refusal::WrongTill,
            Refusal::GuestTaken,
        ];
        for refusal in &refusals {
            let code = PosError::refused(refusal, true).code;
            assert!(codes.contains(&code), "{code}");
        }
        let flaws = [
            Flaw::BadJson,
            Flaw::BadId,
            Flaw::BadOrderId,
            Flaw::ValueRequired,
            Flaw::FieldRequired,
            Flaw::BadAmount,
            Flaw::UnsupportedType,
            Flaw::TooLarge,
            Flaw::TimedOut,
        ];
        for flaw in flaws {
            assert!(codes.contains(&flaw.code()), "{}", flaw.code());
        }
        let others = [
            PosError::bad_token(),
            PosError::too_many(1),
            PosError::from(BridgeError::Expired),
            PosError::of_pay(&PayError::ClockInDoubt, true),
        ];
        for error in others {
            assert!(codes.contains(&error.code), "{}", error.code);
        }
    }
}
