//! Whether somebody still waits for a long read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

/// Held by the one who waits. Dropping it ends the work.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicBool>);

impl Waiting {
    pub(crate) fn gone(&self) -> Gone {
        Gone(Arc::clone(&self.0))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Asked by the one who works.
#[derive(Clone, Debug)]
pub(crate) struct Gone(Arc<AtomicBool>);

impl Gone {
    /// How many steps SQLite does between two looks: some thousand looks a second.
    const EVERY: i32 = 10_000;

    pub(crate) fn is_gone(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Ends each statement of this connection once nobody waits.
    pub(crate) fn interrupts(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let gone = self.clone();
        connection.progress_handler(Self::EVERY, Some(move || gone.is_gone()))
    }
}
