//! The numbers and names of errors (loymax.md 8).

use tillway_core::money::MoneyError;

macro_rules! codes {
    ($($name:ident = $number:literal,)*) => {
        /// Why something is refused.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum Code {
            $(#[doc = concat!("`", stringify!($name), "`, ", stringify!($number))] $name,)*
        }

        impl Code {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As the XML says it.
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// As the JSON mirror says it; the spelling is the vendor's.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

codes! {
    SystemError = 101,
    VersionError = 102,
    ParseError = 103,
    FormatException = 104,
    RequereFieldException = 105,
    SignatureError = 106,
    SignatureNotFound = 107,
    CertificateError = 108,
    CardNotFound = 201,
    DeviceNotFound = 202,
    LargePaymentAmount = 203,
    NotEnoughMoney = 204,
    CardBlocked = 205,
    DeviceBlocked = 206,
    NotUniqueOperationID = 207,
    OperationNotFound = 208,
    OperationIsConfirmed = 209,
    OperationIsCanceled = 210,
    WrongPin = 211,
    CashierNotFound = 212,
    CardHolderNotFound = 213,
    CardNotActivated = 214,
    DiscountException = 215,
    PurchaseNotFound = 216,
    DifferentCheque = 217,
    IncorrectOperationOrder = 218,
    CardExtraPayment = 219,
    ConfirmedPurchaseOperation = 220,
    PurchaseExtraPayment = 221,
    LimitGained = 222,
    PaymentException = 223,
    DifferentPurchase = 224,
    CouponsException = 225,
    BusinessError = 226,
    ApplicationDeviceGrant = 227,
    NotUniquePurchaseID = 228,
    UnspecifiedLoyaltyProgram = 229,
    DivisibilityError = 230,
    DifferentLegals = 231,
    Created = 232,
    PayTypeIsNotExist = 233,
    PayTypeIsArchived = 234,
    CardExpired = 235,
    GiftCertificateError = 236,
    PurchaseOperationConflict = 237,
}

/// A refusal, as the till hears it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// For people.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// An amount out of range is one that cannot be read.
impl From<MoneyError> for Refusal {
    fn from(_: MoneyError) -> Self {
        Self::new(Code::FormatException, "Сумма вне допустимых пределов")
    }
}
