//! Settings of the till and of the plugin.

use secrecy::SecretString;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use super::order::OrderLine;

/// What a payment type pays with.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Points, processed as a discount.
    Bonus,
    /// Money paid in before.
    Deposit,
    /// Money paid later.
    Credit,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bonus => "bonus",
            Self::Deposit => "deposit",
            Self::Credit => "credit",
        }
    }
}

/// A payment type, as an administrator made it in iikoOffice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentType {
    /// Its GUID.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What the plugin's settings say it pays with.
    pub kind: Kind,
    /// Printed as money on the receipt.
    pub fiscal: bool,
    /// `ProcessAsDiscount`: lowers the lines instead.
    pub as_discount: bool,
}

/// What iikoFront does with the transaction id when `Pay` of one item is called again. Nothing
/// public says which it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TransactionIds {
    /// Each `Pay` has a new one.
    #[default]
    Fresh,
    /// An item keeps its first one.
    Kept,
}

/// Settings of a [`FrontSim`](super::FrontSim).
#[derive(Clone, Debug)]
pub struct FrontConfig {
    /// Where the payment API is: scheme, host and port, without a slash at the end.
    pub service: String,
    /// The till's token.
    pub token: SecretString,
    /// Name of the payment system.
    pub system: String,
    /// The payment types, in the order in which they are logged.
    pub types: Vec<PaymentType>,
    /// PINs of the staff.
    pub pins: Vec<SecretString>,
    /// Whether the plugin may detach a guest without a PIN (`AuthenticateByUser`).
    pub own_credential: bool,
    /// Whether an unknown order opens by itself, and payments made by hand are left alone.
    pub demo: bool,
    /// The lines of an order that opens by itself.
    pub demo_lines: Vec<OrderLine>,
    /// What happens to the transaction id on a second `Pay`.
    pub transaction_ids: TransactionIds,
    /// Whether the plugin makes a hold when an item is added.
    pub reserve: bool,
    /// The name sent as cashier.
    pub cashier: String,
}

impl FrontConfig {
    /// The till of the demo: three payment types, PIN 12345, token `till-1-secret`.
    #[must_use]
    pub fn demo(service: impl Into<String>) -> Self {
        Self {
            service: service.into(),
            token: "till-1-secret".into(),
            system: "tillway".into(),
            types: vec![
                payment_type(BONUS_TYPE, "Lime bonuses", Kind::Bonus),
                payment_type(DEPOSIT_TYPE, "Lime fiscal", Kind::Deposit),
                payment_type(CREDIT_TYPE, "Lime credit", Kind::Credit),
            ],
            pins: vec!["12345".into()],
            own_credential: true,
            demo: true,
            demo_lines: vec![line("20101", "Стейк", 1, 125_000), line("30055", "Морс", 2, 40_000)],
            transaction_ids: TransactionIds::default(),
            reserve: false,
            cashier: "Кассир".into(),
        }
    }

    /// The type with this GUID.
    #[must_use]
    pub fn payment_type(&self, id: Uuid) -> Option<&PaymentType> {
        self.types.iter().find(|one| one.id == id)
    }

    /// The first type of a kind.
    #[must_use]
    pub fn type_of(&self, kind: Kind) -> Option<&PaymentType> {
        self.types.iter().find(|one| one.kind == kind)
    }
}

/// The bonus type of the demo.
pub const BONUS_TYPE: Uuid = Uuid::from_u128(0x0668e655_15a0_4b5e_ab3c_c7f7003cb8cc);
/// The deposit type of the demo.
pub const DEPOSIT_TYPE: Uuid = Uuid::from_u128(0xd645d632_cd95_4d49_9974_06911a9cd314);
/// The credit type of the demo.
pub const CREDIT_TYPE: Uuid = Uuid::from_u128(0xb7e0a1d4_6f11_4a6e_8a0d_2f6c9b1d4e77);
/// Order 82 of the demo.
pub const ORDER_82: Uuid = Uuid::from_u128(0x3f1c7c8e_53c2_4b0e_9d39_1a6b6c0f2d11);

fn payment_type(id: Uuid, name: &str, kind: Kind) -> PaymentType {
    let bonus = kind == Kind::Bonus;
    PaymentType { id, name: name.into(), kind, fiscal: !bonus, as_discount: bonus }
}

fn line(sku: &str, name: &str, quantity: u32, kopecks: i64) -> OrderLine {
    OrderLine { sku: sku.into(), name: name.into(), quantity, amount: Kopecks(kopecks) }
}
