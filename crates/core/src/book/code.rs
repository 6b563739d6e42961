//! Stored numbers: what stores write for the enums of the book.
//!
//! A number is never given twice, and never changes: files and tables written years ago must read
//! the same. Zero goes to the most frequent value, because it takes the least space.

use crate::account::{AccountKind, AccountStatus, Unit};
use crate::book::op::Scope;
use crate::book::row::{House, Party, Why};
use crate::book::stream::Status;
use crate::guest::Identification;
use crate::id::{AccountId, GuestId, OrderId, Uuid};

macro_rules! codes {
    ($($name:ident { $($variant:ident = $code:literal),* $(,)? })*) => {$(
        impl $name {
            /// The stored number.
            pub fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The value of a stored number.
            pub fn from_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

codes! {
    AccountKind { Credit = 0, Deposit = 1, Bonus = 2 }
    AccountStatus { Active = 0, Blocked = 1, Closing = 2, Closed = 3 }
    Unit { Rub = 0, Points = 1 }
    Identification { Weak = 0, Strong = 1 }
    Status { Open = 0, NeedsPerson = 1, Done = 2 }
    Scope {
        Payment = 1,
        Refund = 2,
        Unlinked = 3,
        Reserve = 4,
        TopUp = 5,
        Accrue = 6,
        Guests = 7,
        Custom = 8,
    }
    Why {
        Capture = 0,
        Close = 1,
        TopUp = 2,
        Accrual = 3,
        Cancel = 4,
        Refund = 5,
        Unlinked = 6,
        Correction = 7,
    }
}

/// The stored numbers of a hold's states. `CAPTURED` comes with the payment's id.
pub mod hold {
    /// [`HoldState::Held`](crate::book::HoldState::Held).
    pub const HELD: u8 = 0;
    /// [`HoldState::Captured`](crate::book::HoldState::Captured).
    pub const CAPTURED: u8 = 1;
    /// [`HoldState::Voided`](crate::book::HoldState::Voided).
    pub const VOIDED: u8 = 2;
    /// [`HoldState::Expired`](crate::book::HoldState::Expired).
    pub const EXPIRED: u8 = 3;
}

/// The stored numbers of a payment's states.
pub mod payment {
    /// [`PaymentState::Captured`](crate::book::PaymentState::Captured).
    pub const CAPTURED: u8 = 0;
    /// [`PaymentState::Refused`](crate::book::PaymentState::Refused).
    pub const REFUSED: u8 = 1;
    /// [`PaymentState::Cancelled`](crate::book::PaymentState::Cancelled).
    pub const CANCELLED: u8 = 2;
    /// [`PaymentState::Tombstoned`](crate::book::PaymentState::Tombstoned).
    pub const TOMBSTONED: u8 = 3;
}

/// The stored numbers of a binding.
pub mod binding {
    /// [`Binding::None`](crate::book::Binding::None).
    pub const NONE: u8 = 0;
    /// [`Binding::Pending`](crate::book::Binding::Pending).
    pub const PENDING: u8 = 1;
    /// [`Binding::Bound`](crate::book::Binding::Bound).
    pub const BOUND: u8 = 2;
    /// [`Binding::Unbound`](crate::book::Binding::Unbound).
    pub const UNBOUND: u8 = 3;
}

impl Party {
    /// The number of a guest's account, as [`Party::code`] gives it.
    pub const GUEST_CODE: u8 = 0;

    /// The stored number, with the id of what it names.
    pub fn code(self) -> (u8, Option<Uuid>) {
        let house = match self {
            Self::Guest(account) => return (Self::GUEST_CODE, Some(account.0)),
            Self::House(house) => house,
        };
        match house {
            House::Clearing(order) => (1, Some(order.0)),
            House::Sales => (2, None),
            House::SalesReturns => (3, None),
            House::SalesReturnsUnlinked => (4, None),
            House::RefundsPayable(guest) => (5, Some(guest.0)),
            House::TillCash => (6, None),
            House::Acquirer => (7, None),
            House::Bank => (8, None),
            House::Declared => (9, None),
            House::BonusIssued => (10, None),
            House::BonusRedeemed => (11, None),
            House::BonusExpired => (12, None),
            House::Suspense => (13, None),
        }
    }

    /// The party of a stored number and id.
    pub fn from_code(code: u8, id: Option<Uuid>) -> Option<Self> {
        let house = match (code, id) {
            (Self::GUEST_CODE, Some(id)) => return Some(Self::Guest(AccountId(id))),
            (1, Some(id)) => House::Clearing(OrderId(id)),
            (2, None) => House::Sales,
            (3, None) => House::SalesReturns,
            (4, None) => House::SalesReturnsUnlinked,
            (5, Some(id)) => House::RefundsPayable(GuestId(id)),
            (6, None) => House::TillCash,
            (7, None) => House::Acquirer,
            (8, None) => House::Bank,
            (9, None) => House::Declared,
            (10, None) => House::BonusIssued,
            (11, None) => House::BonusRedeemed,
            (12, None) => House::BonusExpired,
            (13, None) => House::Suspense,
            _ => return None,
        };
        Some(Self::House(house))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::stream::StreamKind;

    #[test]
    fn numbers_read_back() {
        for code in 0..=u8::MAX {
            let same = [
                AccountKind::from_code(code).is_none_or(|v| v.code() == code),
                AccountStatus::from_code(code).is_none_or(|v| v.code() == code),
                Unit::from_code(code).is_none_or(|v| v.code() == code),
                Identification::from_code(code).is_none_or(|v| v.code() == code),
                Status::from_code(code).is_none_or(|v| v.code() == code),
                Scope::from_code(code).is_none_or(|v| v.code() == code),
                StreamKind::from_code(code).is_none_or(|v| v.code() == code),
                Why::from_code(code).is_none_or(|v| v.code() == code),
            ];
            assert_eq!(same, [true; 8], "{code}");
            for id in [None, Some(Uuid::from_u128(7))] {
                let party = Party::from_code(code, id);
                assert!(party.is_none_or(|p| p.code() == (code, id)), "{party:?}");
            }
        }
    }

    /// Every number that reads, with what it was first written for.
    fn words<T: core::fmt::Debug>(from_code: impl Fn(u8) -> Option<T>) -> String {
        let word = |code| from_code(code).map(|value| format!("{code} {value:?}"));
        (0..=u8::MAX).filter_map(word).collect::<Vec<_>>().join(", ")
    }

    /// Numbers are for ever: a line that changes here is a file somewhere that reads as another.
    #[test]
    fn stored_numbers_are_what_they_were() {
        assert_eq!(words(AccountKind::from_code), "0 Credit, 1 Deposit, 2 Bonus");
        assert_eq!(words(AccountStatus::from_code), "0 Active, 1 Blocked, 2 Closing, 3 Closed");
        assert_eq!(words(Unit::from_code), "0 Rub, 1 Points");
        assert_eq!(words(Identification::from_code), "0 Weak, 1 Strong");
        assert_eq!(words(Status::from_code), "0 Open, 1 NeedsPerson, 2 Done");
        assert_eq!(
            words(Scope::from_code),
            "1 Payment, 2 Refund, 3 Unlinked, 4 Reserve, 5 TopUp, 6 Accrue, 7 Guests, 8 Custom"
        );
        assert_eq!(
            words(Why::from_code),
            "0 Capture, 1 Close, 2 TopUp, 3 Accrual, 4 Cancel, 5 Refund, 6 Unlinked, 7 Correction"
        );
        assert_eq!(
            words(StreamKind::from_code),
            "1 Binding, 2 Payment, 3 Digest, 4 Attempt, 5 Purchase"
        );
        let [held, captured, voided] = [hold::HELD, hold::CAPTURED, hold::VOIDED];
        assert_eq!([held, captured, voided, hold::EXPIRED], [0, 1, 2, 3]);
        let [captured, refused] = [payment::CAPTURED, payment::REFUSED];
        assert_eq!([captured, refused, payment::CANCELLED, payment::TOMBSTONED], [0, 1, 2, 3]);
        let [none, pending] = [binding::NONE, binding::PENDING];
        assert_eq!([none, pending, binding::BOUND, binding::UNBOUND], [0, 1, 2, 3]);
    }

    #[test]
    fn stored_parties_are_what_they_were() {
        let id = Uuid::nil();
        assert_eq!(
            words(|code| Party::from_code(code, None)),
            "2 House(Sales), 3 House(SalesReturns), 4 House(SalesReturnsUnlinked), \
             6 House(TillCash), 7 House(Acquirer), 8 House(Bank), 9 House(Declared), \
             10 House(BonusIssued), 11 House(BonusRedeemed), 12 House(BonusExpired), \
             13 House(Suspense)"
        );
        assert_eq!(
            words(|code| Party::from_code(code, Some(id))).replace(&id.to_string(), "id"),
            "0 Guest(AccountId(id)), 1 House(Clearing(OrderId(id))), \
             5 House(RefundsPayable(GuestId(id)))"
        );
    }
}
