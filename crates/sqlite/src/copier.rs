//! Copies the log into the file beside the writer, which goes on meanwhile.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tillway_device::{Mode, Worker};

use crate::error::{Fail, Meaning};
use crate::queue::Health;

/// Has a connection and a thread of its own for it.
///
/// The log begins anew only when all of it is copied at a moment when nobody writes. The writer
/// sees to that last part, which is short: each round copies what came during the one before.
pub(crate) struct Copier {
    worker: Worker<Connection>,
    shared: Arc<Shared>,
}

struct Shared {
    health: Arc<Health>,
    /// How long the log is, told by SQLite after each commit.
    log_pages: Arc<AtomicU32>,
    /// What may be left for the writer.
    rest_pages: u32,
    progress: Mutex<Progress>,
    ended: Condvar,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Progress {
    #[default]
    Idle,
    Copying,
    /// All but what came since.
    Copied,
}

/// Then what is left does not get less: the disk is no quicker than the writer.
const ROUNDS_MAX: usize = 4;

impl Copier {
    pub(crate) fn start(
        connection: Connection,
        mode: Mode,
        health: Arc<Health>,
        (log_pages, rest_pages): (Arc<AtomicU32>, u32),
    ) -> io::Result<Self> {
        let worker = Worker::start("tillway-copier", mode, 1, connection)?;
        let (progress, ended) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { health, log_pages, rest_pages, progress, ended });
        Ok(Self { worker, shared })
    }

    /// Begins to copy.
    pub(crate) fn begin(&self) {
        self.shared.set(Progress::Copying);
        let run = Run { shared: Arc::clone(&self.shared), reached: Progress::Idle };
        let taken = self.worker.submit(move |connection| run.all(connection));
        if taken.is_err() {
            // Nobody copies any more but the writer.
            self.shared.set(Progress::Copied);
        }
    }

    /// How far it is. What was copied is told once.
    pub(crate) fn progress(&self) -> Progress {
        let mut progress = self.shared.lock();
        match *progress {
            Progress::Copied => std::mem::take(&mut *progress),
            other => other,
        }
    }

    /// Waits for the copy that runs, as long as the disk takes.
    pub(crate) fn wait(&self) {
        let progress = self.shared.lock();
        let running = |progress: &mut Progress| *progress == Progress::Copying;
        drop(self.shared.ended.wait_while(progress, running));
    }

    #[cfg(test)]
    pub(crate) fn log_pages(&self) -> u32 {
        self.shared.log_pages.load(Ordering::Relaxed)
    }

    /// Keeps it busy with this, which sees how long the log is.
    #[cfg(test)]
    pub(crate) fn busy(&self, work: impl FnOnce(&AtomicU32) + Send + 'static) {
        let log_pages = Arc::clone(&self.shared.log_pages);
        drop(self.worker.submit(move |_| work(&log_pages)).unwrap());
    }
}

/// A copy that runs. However it ends, nobody waits for it any more then.
struct Run {
    shared: Arc<Shared>,
    reached: Progress,
}

impl Run {
    fn all(mut self, connection: &Connection) {
        self.reached = self.shared.copied(connection);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.shared.set(self.reached);
    }
}

impl Drop for Copier {
    /// The writer's connection must be the last one to close: it copies what is left then.
    fn drop(&mut self) {
        self.worker.stop();
    }
}

impl Shared {
    fn copied(&self, connection: &Connection) -> Progress {
        let mut before = 0;
        for _ in 0..ROUNDS_MAX {
            match copy(connection) {
                Ok(pages) => {
                    let log = self.log_pages.load(Ordering::Relaxed);
                    // A reader may need the rest.
                    if pages == before || log.saturating_sub(pages) <= self.rest_pages {
                        break;
                    }
                    before = pages;
                }
                Err(fail) => {
                    failed(&self.health, &fail);
                    return Progress::Idle;
                }
            }
        }
        Progress::Copied
    }

    fn set(&self, progress: Progress) {
        *self.lock() = progress;
        self.ended.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies what no reader needs in the log any more; answers how many of its pages are copied now.
pub(crate) fn copy(connection: &Connection) -> Result<u32, Fail> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    // Another copy that runs is no error, and copies the same; below zero there is no log.
    let copied = statement.query_row([], |row| row.get::<_, i64>(2))?;
    Ok(u32::try_from(copied).unwrap_or_default())
}

/// The log still has everything. But a sync that failed once proves nothing when it succeeds the
/// next time.
pub(crate) fn failed(health: &Health, fail: &Fail) {
    if fail.meaning() == Meaning::Broken {
        health.breaks();
    }
}
