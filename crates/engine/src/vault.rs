//! Waiters' PINs, for as long as a command to the till needs them. They live here alone: never in
//! a record, a log or an error, and they are gone after a restart.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;
use tillway_core::id::OrderId;

/// One PIN an order: commands of one order are issued one after the other.
#[derive(Debug, Default)]
pub(crate) struct PinVault(Mutex<BTreeMap<OrderId, SecretString>>);

impl PinVault {
    /// Keeps a PIN; the last one wins.
    pub(crate) fn put(&self, order: OrderId, pin: Option<SecretString>) {
        if let Some(pin) = pin {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(order, pin);
        }
    }

    /// Forgets it.
    pub(crate) fn forget(&self, order: OrderId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&order);
    }

    /// The PIN for a command of this order.
    pub(crate) fn get(&self, order: OrderId) -> Option<SecretString> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&order).cloned()
    }
}
