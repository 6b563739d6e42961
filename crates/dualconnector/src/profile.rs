//! Operation codes and fields as data (acquiring.md B.3, B.4): banks differ.

use std::collections::BTreeMap;

use crate::error::ConfigError;

/// What a bank's service calls things. What it does not name is as in the protocol note.
///
/// ```
/// use tillway_dualconnector::profile::{Call, Profile};
///
/// let bank = Profile { codes: [(Call::Refund, 3)].into(), ..Profile::default() };
/// assert_eq!((bank.code(Call::Refund), bank.code(Call::Sale)), (3, 1));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Profile {
    /// Other codes of operations.
    pub codes: BTreeMap<Call, u16>,
    /// Other ids of fields.
    pub fields: BTreeMap<Field, u16>,
    /// Other fields of requests, whole lists.
    pub requests: BTreeMap<Call, Vec<Field>>,
    /// Ids of one digit go without their zero: `0` instead of `00`.
    pub short_ids: bool,
}

/// What a terminal is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Call {
    /// A payment.
    Sale,
    /// The undoing of a payment of the batch that is open, by its reference number.
    Cancel,
    /// The undoing of an earlier payment, by its reference number.
    Refund,
    /// The undoing of the last operation.
    Emergency,
    /// A test of the connection: who the terminal is, and whether it is idle.
    Test,
    /// The reconciliation.
    Reconcile,
    /// Reports and copies of receipts.
    Command,
}

impl Call {
    /// All of them, with their codes.
    pub const ALL: [(Self, u16); 7] = [
        (Self::Sale, 1),
        (Self::Cancel, 4),
        (Self::Refund, 29),
        (Self::Emergency, 53),
        (Self::Test, 26),
        (Self::Reconcile, 59),
        (Self::Command, 63),
    ];

    fn usual_fields(self) -> &'static [Field] {
        use Field::{
            Amount, Authorisation, Code, Currency, Mode1, Mode2, Number, Original, Reference,
            Terminal, Time,
        };
        match self {
            Self::Sale => &[Amount, Currency, Time, Code, Number, Terminal],
            Self::Cancel => &[
                Amount,
                Original,
                Currency,
                Authorisation,
                Reference,
                Time,
                Code,
                Number,
                Terminal,
            ],
            Self::Refund => {
                &[Amount, Currency, Authorisation, Reference, Time, Code, Number, Terminal]
            }
            Self::Emergency => &[Amount, Currency, Time, Code, Number, Terminal],
            Self::Test | Self::Reconcile => &[Code, Terminal],
            Self::Command => &[Code, Terminal, Mode1, Mode2],
        }
    }

    /// What it cannot be asked without.
    fn needed(self) -> &'static [Field] {
        match self {
            Self::Sale | Self::Emergency => &[Field::Code, Field::Amount],
            Self::Cancel | Self::Refund => &[Field::Code, Field::Amount, Field::Reference],
            Self::Test | Self::Reconcile => &[Field::Code],
            Self::Command => &[Field::Code, Field::Mode2],
        }
    }
}

/// A field that this adapter writes or reads.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Field {
    /// How much, in kopecks.
    Amount,
    /// In a partial cancel: how much was paid.
    Original,
    /// The currency by ISO 4217.
    Currency,
    /// The time of the bank.
    HostTime,
    /// The masked card number.
    Card,
    /// The authorisation code.
    Authorisation,
    /// The reference number (RRN).
    Reference,
    /// The answer code of the bank. Nothing is ever decided by it.
    HostCode,
    /// Words for the screen.
    Text,
    /// The time of the terminal, or of the till.
    Time,
    /// The code of the operation.
    Code,
    /// The number of the attempt (STAN).
    Number,
    /// The terminal.
    Terminal,
    /// The merchant.
    Merchant,
    /// Settlement: the sum of debits.
    DebitSum,
    /// Settlement: the count of debits.
    DebitCount,
    /// Settlement: the sum of credits.
    CreditSum,
    /// Settlement: the count of credits.
    CreditCount,
    /// The batch.
    Batch,
    /// The code of the operation that is spoken of.
    OriginalCode,
    /// What became of the operation: the only field that decides.
    Status,
    /// Settlement: the sum of voided debits.
    VoidSum,
    /// Settlement: the count of voided debits.
    VoidCount,
    /// The serial number of the device.
    Serial,
    /// First part of a command.
    Mode1,
    /// Second part of a command.
    Mode2,
    /// The model of the device.
    Model,
    /// Receipts.
    Receipt,
    /// The number of the receipt.
    ReceiptNumber,
}

impl Field {
    /// All of them, with their ids.
    pub const ALL: [(Self, u16); 29] = [
        (Self::Amount, 0),
        (Self::Original, 1),
        (Self::Currency, 4),
        (Self::HostTime, 6),
        (Self::Card, 10),
        (Self::Authorisation, 13),
        (Self::Reference, 14),
        (Self::HostCode, 15),
        (Self::Text, 19),
        (Self::Time, 21),
        (Self::Code, 25),
        (Self::Number, 26),
        (Self::Terminal, 27),
        (Self::Merchant, 28),
        (Self::DebitSum, 29),
        (Self::DebitCount, 30),
        (Self::CreditSum, 31),
        (Self::CreditCount, 32),
        (Self::Batch, 33),
        (Self::OriginalCode, 34),
        (Self::Status, 39),
        (Self::VoidSum, 49),
        (Self::VoidCount, 50),
        (Self::Serial, 63),
        (Self::Mode1, 64),
        (Self::Mode2, 65),
        (Self::Model, 89),
        (Self::Receipt, 90),
        (Self::ReceiptNumber, 108),
    ];
}

impl Profile {
    /// The code of an operation.
    pub fn code(&self, call: Call) -> u16 {
        let usual = || Call::ALL.iter().find(|(it, _)| *it == call).map_or(0, |(_, code)| *code);
        self.codes.get(&call).copied().unwrap_or_else(usual)
    }

    /// The id of a field.
    pub fn id(&self, field: Field) -> u16 {
        let usual = || Field::ALL.iter().find(|(it, _)| *it == field).map_or(0, |(_, id)| *id);
        self.fields.get(&field).copied().unwrap_or_else(usual)
    }

    /// What a request carries, as far as it is known.
    pub fn request(&self, call: Call) -> &[Field] {
        self.requests.get(&call).map_or_else(|| call.usual_fields(), Vec::as_slice)
    }

    /// Checks that nothing is named twice and that no request lacks what it needs.
    ///
    /// # Errors
    /// [`ConfigError`], which names what to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut codes = BTreeMap::new();
        for (call, _) in Call::ALL {
            if let Some(one) = codes.insert(self.code(call), call) {
                return Err(ConfigError::SameCode { one, other: call });
            }
            let request = self.request(call);
            if let Some(&field) = call.needed().iter().find(|field| !request.contains(field)) {
                return Err(ConfigError::NoField { call, field });
            }
        }
        let mut ids = BTreeMap::new();
        for (field, _) in Field::ALL {
            if let Some(one) = ids.insert(self.id(field), field) {
                return Err(ConfigError::SameField { one, other: field });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_checked() {
        let usual = Profile::default();
        assert_eq!(usual.check(), Ok(()));
        let codes = |call, code| Profile { codes: [(call, code)].into(), ..Profile::default() };
        assert_eq!(codes(Call::Refund, 3).check(), Ok(()));
        let same = ConfigError::SameCode { one: Call::Sale, other: Call::Refund };
        assert_eq!(codes(Call::Refund, 1).check(), Err(same));
        let fields = Profile { fields: [(Field::Status, 0)].into(), ..Profile::default() };
        let same = ConfigError::SameField { one: Field::Amount, other: Field::Status };
        assert_eq!(fields.check(), Err(same));
        let without = vec![Field::Code, Field::Terminal];
        let requests = Profile { requests: [(Call::Refund, without)].into(), ..usual };
        let lacks = ConfigError::NoField { call: Call::Refund, field: Field::Amount };
        assert_eq!(requests.check(), Err(lacks));
    }
}
