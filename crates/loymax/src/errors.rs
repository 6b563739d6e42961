//! What the processing's codes mean (loymax.md 8).

use core::fmt;

use tillway_core::port::processing::Class;

/// A code as a processing says it: by number in protocol 3.2, by name in the Public API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Code {
    /// 0 is no failure.
    Number(u32),
    /// `Ok` is none.
    Name(Box<str>),
}

impl Code {
    /// What the vendor calls it when nothing failed.
    pub const OK: &str = "Ok";

    /// Whether it says that nothing failed.
    pub fn is_ok(&self) -> bool {
        match self {
            Self::Number(number) => *number == 0,
            Self::Name(name) => name.eq_ignore_ascii_case(Self::OK),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// One code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ErrorRow {
    /// As it is on the wire.
    pub number: u32,
    /// What the vendor calls it.
    pub name: &'static str,
    /// What it means for the sale.
    pub class: Class,
}

const fn row(number: u32, name: &'static str, class: Class) -> ErrorRow {
    ErrorRow { number, name, class }
}

/// The codes as far as they are known: 201 to 218 fit what was seen, 219 to 231 are counted on from
/// there, the others are guesses. Those not listed are [`Class::Other`].
pub const TABLE: &[ErrorRow] = &[
    row(101, "SystemError", Class::Unavailable),
    row(102, "VersionError", Class::Settings),
    row(103, "ParseError", Class::Malformed),
    row(104, "FormatException", Class::Malformed),
    row(105, "RequereFieldException", Class::Malformed),
    row(106, "SignatureError", Class::Settings),
    row(107, "SignatureNotFound", Class::Settings),
    row(108, "CertificateError", Class::Settings),
    row(201, "CardNotFound", Class::UnknownGuest),
    row(202, "DeviceNotFound", Class::Settings),
    row(203, "LargePaymentAmount", Class::TooMuch),
    row(204, "NotEnoughMoney", Class::TooMuch),
    row(205, "CardBlocked", Class::CardBlocked),
    row(206, "DeviceBlocked", Class::Settings),
    row(207, "NotUniqueOperationID", Class::Repeated),
    row(208, "OperationNotFound", Class::Other),
    row(209, "OperationIsConfirmed", Class::Confirmed),
    row(210, "OperationIsCanceled", Class::Cancelled),
    row(211, "WrongPin", Class::WrongPin),
    row(212, "CashierNotFound", Class::Settings),
    row(213, "CardHolderNotFound", Class::UnknownGuest),
    row(214, "CardNotActivated", Class::AccrualOnly),
    row(215, "DiscountException", Class::Other),
    row(216, "PurchaseNotFound", Class::UnknownPurchase),
    row(217, "DifferentCheque", Class::OtherCheque),
    row(218, "IncorrectOperationOrder", Class::WrongOrder),
    row(219, "CardExtraPayment", Class::AlreadyPaid),
    row(220, "ConfirmedPurchaseOperation", Class::Confirmed),
    row(221, "PurchaseExtraPayment", Class::AlreadyPaid),
    row(222, "LimitGained", Class::NoPoints),
    row(223, "PaymentException", Class::NoPoints),
    row(224, "DifferentPurchase", Class::Malformed),
    row(225, "CouponsException", Class::Coupon),
    row(226, "BusinessError", Class::Rule),
    row(227, "ApplicationDeviceGrant", Class::Settings),
    row(228, "NotUniquePurchaseID", Class::PurchaseTaken),
    row(229, "UnspecifiedLoyaltyProgram", Class::Settings),
    row(230, "DivisibilityError", Class::Round),
    row(231, "DifferentLegals", Class::WrongTill),
    row(232, "Created", Class::Pending),
    row(233, "PayTypeIsNotExist", Class::Settings),
    row(234, "PayTypeIsArchived", Class::Settings),
    row(235, "CardExpired", Class::CardBlocked),
    row(236, "GiftCertificateError", Class::Other),
    row(237, "PurchaseOperationConflict", Class::Conflict),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_in_order_once() {
        let numbers: Vec<u32> = TABLE.iter().map(|row| row.number).collect();
        let expected: Vec<u32> = (101..=108).chain(201..=237).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn the_anchors_that_were_seen() {
        let name = |number| TABLE.iter().find(|row| row.number == number).unwrap().name;
        assert_eq!(name(201), "CardNotFound");
        assert_eq!(name(216), "PurchaseNotFound");
        assert_eq!(name(217), "DifferentCheque");
        assert_eq!(name(218), "IncorrectOperationOrder");
    }
}
