//! The till's mains: what a power cut stops, and a way to stop background loops.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The till went dark: nothing after this happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the till has no power")]
pub struct PowerCut;

/// The mains of one till. Clones are the same mains.
#[derive(Clone, Debug)]
pub(crate) struct Power(Arc<Mutex<Supply>>);

#[derive(Debug)]
struct Supply {
    on: bool,
    boots: u64,
}

/// One run of the till, from switching on to the next cut. Work of an earlier run is dead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Boot(u64);

impl Power {
    pub(crate) fn on() -> Self {
        Self(Arc::new(Mutex::new(Supply { on: true, boots: 1 })))
    }

    /// The present run, or none when the till is dark.
    pub(crate) fn boot(&self) -> Result<Boot, PowerCut> {
        let supply = self.lock();
        if supply.on { Ok(Boot(supply.boots)) } else { Err(PowerCut) }
    }

    /// Whether work of this run may go on.
    pub(crate) fn check(&self, boot: Boot) -> Result<(), PowerCut> {
        if self.boot()? == boot { Ok(()) } else { Err(PowerCut) }
    }

    pub(crate) fn cut(&self) {
        self.lock().on = false;
    }

    /// Switches on, after a cut or without one: a new run either way.
    pub(crate) fn restart(&self) -> Boot {
        let mut supply = self.lock();
        supply.on = true;
        supply.boots += 1;
        Boot(supply.boots)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Supply> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells background loops to end. Clones are the same switch; dropping all of them does not end
/// anything.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// A switch that is not thrown.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Throws it. Loops end at their next resting place: a command that is being executed is
    /// executed to its end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is thrown.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is thrown.
    pub async fn stopped(&self) {
        let mut seen = self.0.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = seen.wait_for(|stopped| *stopped).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
