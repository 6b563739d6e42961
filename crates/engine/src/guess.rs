//! Guessing protection: more than ten failed check-ins of a till in a minute (iiko note 1.6).

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use tillway_core::id::TillId;

const FAILURES_MAX: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// The latest failures of each till.
#[derive(Debug, Default)]
pub(crate) struct Guesses(Mutex<BTreeMap<Option<TillId>, VecDeque<Duration>>>);

impl Guesses {
    /// Whether the till has to wait.
    pub(crate) fn too_many(&self, till: Option<&TillId>, now: Duration) -> bool {
        let mut tills = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(failures) = tills.get_mut(&till.cloned()) else { return false };
        while failures.front().is_some_and(|at| now.saturating_sub(*at) >= WINDOW) {
            failures.pop_front();
        }
        failures.len() >= FAILURES_MAX
    }

    /// Remembers a failure.
    pub(crate) fn failed(&self, till: Option<&TillId>, now: Duration) {
        let mut tills = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = tills.entry(till.cloned()).or_default();
        if failures.len() >= FAILURES_MAX {
            failures.pop_front();
        }
        failures.push_back(now);
    }
}
