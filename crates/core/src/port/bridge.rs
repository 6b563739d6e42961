//! The bridge to the thin plugin in iikoFront.

use core::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::Kopecks;
use crate::book::Caller;
use crate::id::{CommandId, OrderId, PaymentId, TillId, Uuid};
use crate::port::Port;

/// The plugin's worker fetches commands here and tells what became of them.
///
/// Commands are delivered at least once; each is a desired state, so the plugin that finds it met
/// says `done`.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait BridgeDesk: Port {
    /// The commands waiting for the caller's till; waits up to `wait` for the first one, at most
    /// 30 seconds. Dropping the future loses nothing.
    async fn commands(
        &self,
        caller: &Caller,
        wait: Duration,
    ) -> Result<Vec<BridgeCommand>, BridgeError>;

    /// What became of a command. A repeat of an accepted result is accepted.
    ///
    /// # Errors
    /// [`BridgeError::Expired`]: nobody waits for it any more and its effect is not wanted; the
    /// plugin undoes it (W28).
    async fn result(
        &self,
        caller: &Caller,
        command: CommandId,
        outcome: CommandOutcome,
    ) -> Result<(), BridgeError>;
}

/// The way to the plugin in push mode: the service calls it, instead of being polled.
///
/// Only the delivery is turned round; results come to [`BridgeDesk::result`] as always.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait GuestBridge: Port {
    /// Hands commands to a till's plugin, at least once: what was not delivered, or was delivered
    /// and not answered, is handed over again. Returns when the plugin has them, not when they are
    /// done. Dropping the future leaves it open whether it has them.
    ///
    /// # Errors
    /// [`BridgeError::NoTill`] when the till has no listener, [`BridgeError::Unavailable`] when it
    /// did not take them; both are tried again.
    async fn deliver(&self, till: &TillId, commands: &[BridgeCommand]) -> Result<(), BridgeError>;
}

/// A command for the plugin.
#[derive(Clone, Debug)]
pub struct BridgeCommand {
    /// Its id.
    pub id: CommandId,
    /// Which order.
    pub order: OrderId,
    /// What to do.
    pub what: CommandKind,
    /// The binding's epoch now, for a command that binds or unbinds (F15).
    pub epoch: Option<u32>,
    /// The waiter's PIN, when one is there; shown to nobody else.
    pub pin: Option<SecretString>,
    /// How long from now the result is of use. Looked at just before the effect (F15).
    pub deadline: Duration,
}

/// What the plugin is to do.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommandKind {
    /// Attach the guest to the order.
    BindGuest(BridgeGuest),
    /// Take the guest off the order.
    UnbindGuest(BridgeGuest),
    /// Look whether iiko has this payment: acknowledge it, or cancel it (F1).
    VerifyPayment {
        /// The payment.
        payment: PaymentId,
        /// Its amount.
        amount: Kopecks,
    },
}

/// The guest as iikoFront is to know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BridgeGuest {
    /// UUIDv5 over the installation and the client id: never changes.
    pub brd_client: Uuid,
    /// At most 60 characters (N3).
    pub display_name: String,
    /// In E.164.
    pub phone: Option<Box<str>>,
    /// The card's number.
    pub card: Option<Box<str>>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommandOutcome {
    /// Done, or found done.
    Done,
    /// The order is being edited on the till.
    Busy,
    /// The PIN was not accepted.
    Refused,
    /// The till does not know the order.
    NotFound,
    /// The order is closed or deleted.
    Closed,
}

/// Why a bridge call failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// Nobody wants this any more: undo it.
    #[error("the command has expired")]
    Expired,
    /// The caller names no till.
    #[error("the caller names no till")]
    NoTill,
    /// The store cannot be reached; try again.
    #[error("the desk is not available")]
    Unavailable,
}
