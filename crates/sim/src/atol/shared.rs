//! One register under several hands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::register::Register;
use super::task::{self, Refusal};

/// A register that several faces drive at once, and that the test looks at meanwhile. Clones are
/// the same register.
#[derive(Clone, Debug)]
pub struct SharedRegister(Arc<Mutex<Register>>);

impl SharedRegister {
    /// Shares a register.
    pub fn new(register: Register) -> Self {
        Self(Arc::new(Mutex::new(register)))
    }

    /// The register, for as long as the guard lives. Everybody else waits meanwhile, as on the one
    /// cable of a real one.
    pub fn lock(&self) -> MutexGuard<'_, Register> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`process_json`](task::process_json), under the lock.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn process_json(&self, text: &str) -> Result<String, Refusal> {
        task::process_json(&mut self.lock(), text)
    }

    /// As [`validate_json`](task::validate_json), under the lock.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn validate_json(&self, text: &str) -> Result<(), Refusal> {
        task::validate_json(&self.lock(), text)
    }
}
