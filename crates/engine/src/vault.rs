//! Waiters' PINs, for as long as a command to the till needs them. They live here alone: never in
//! a record, a log or an error, and they are gone after a restart.

use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use tillway_core::id::{GuestId, OrderId};

/// What a PIN was given for: nobody else's command gets it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum For {
    /// To attach this guest.
    Bind(GuestId),
    /// To take a guest off.
    Unbind,
}

/// One PIN a request that waits for the till.
#[derive(Debug, Default)]
pub(crate) struct PinVault(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    pins: Vec<(u64, OrderId, For, SecretString)>,
    last: u64,
}

/// Forgets its PIN when it is dropped, whatever ended the wait.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ticket<'v> {
    vault: &'v PinVault,
    number: u64,
}

impl PinVault {
    /// Keeps a PIN as long as the ticket lives.
    pub(crate) fn keep(&self, order: OrderId, what: For, pin: Option<SecretString>) -> Ticket<'_> {
        let mut kept = self.lock();
        kept.last = kept.last.wrapping_add(1);
        let number = kept.last;
        kept.pins.extend(pin.map(|pin| (number, order, what, pin)));
        Ticket { vault: self, number }
    }

    /// The PIN for a command of this order: of those who wait, the first one's.
    pub(crate) fn get(&self, order: OrderId, what: For) -> Option<SecretString> {
        let kept = self.lock();
        let found = kept.pins.iter().find(|(_, o, w, _)| *o == order && *w == what);
        found.map(|(.., pin)| pin.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.vault.lock().pins.retain(|(number, ..)| *number != self.number);
    }
}
