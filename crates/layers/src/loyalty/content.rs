//! What is stored of a message that may be sent again.

use minicbor::{Decode, Encode};
use tillway_core::id::Uuid;
use tillway_core::loyalty::{Identifier, Pay, PurchaseId, Sale};
use tillway_core::port::processing::{Command, Operation, Sealed};
use tillway_core::time::Timestamp;

/// The message as it was sealed, to be sent to the byte, and what it says, to be sealed anew under
/// another id.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub(super) struct Content {
    #[n(0)]
    pub(super) sealed: Sealed,
    #[n(1)]
    pub(super) again: Again,
    #[n(2)]
    pub(super) cashier: Option<Box<str>>,
}

/// A command that may be asked twice.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub(super) enum Again {
    #[n(0)]
    Accrue(#[n(0)] Sale, #[n(1)] Vec<Pay>),
    #[n(1)]
    Confirm(#[n(0)] PurchaseId),
    #[n(2)]
    Cancel(#[n(0)] PurchaseId),
    #[n(3)]
    Refund(#[n(0)] Sale, #[n(1)] Option<PurchaseId>, #[n(2)] Option<i64>),
    #[n(4)]
    Card(#[n(0)] Option<Identifier>, #[n(1)] Option<Box<str>>, #[n(2)] Identifier),
}

impl Again {
    /// `None` for what is never asked twice.
    pub(super) fn of(command: &Command) -> Option<Self> {
        Some(match command.clone() {
            Command::Accrue { sale, pays } => Self::Accrue(sale, pays),
            Command::Confirm { purchase } => Self::Confirm(purchase),
            Command::Cancel { purchase } => Self::Cancel(purchase),
            Command::Refund { sale, of, transaction } => Self::Refund(sale, of, transaction),
            Command::Card { guest, old, new } => Self::Card(guest, old, new),
            _ => return None,
        })
    }

    pub(super) fn sale(&self) -> Option<&Sale> {
        match self {
            Self::Accrue(sale, _) | Self::Refund(sale, ..) => Some(sale),
            _ => None,
        }
    }

    fn command(self) -> Command {
        match self {
            Self::Accrue(sale, pays) => Command::Accrue { sale, pays },
            Self::Confirm(purchase) => Command::Confirm { purchase },
            Self::Cancel(purchase) => Command::Cancel { purchase },
            Self::Refund(sale, of, transaction) => Command::Refund { sale, of, transaction },
            Self::Card(guest, old, new) => Command::Card { guest, old, new },
        }
    }
}

impl Content {
    /// The same operation under another id; when it was begun stays.
    pub(super) fn operation(self, id: Uuid, at: Timestamp) -> Operation {
        Operation { id, at, cashier: self.cashier, command: self.again.command() }
    }
}
