//! The store as its callers see it.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use tillway_core::port::{CommitError, ReadError};
use tillway_device::{Mode, Worker};

use crate::chains;
use crate::config::SqliteConfig;
use crate::error::{CheckError, OpenError};
use crate::open;
use crate::queue::{Health, Queue, Task};
use crate::read::{self, Readers};
use crate::writer::Writer;

/// Guests, money and flows in one SQLite file.
///
/// Cheap to share in an [`Arc`]. Dropping it waits for the commits that were taken, and gives the
/// file free.
///
/// When the disk fails, what it has is unknown: from then on every call fails as damaged, and the
/// program should exit; a start reads what is really there.
pub struct SqliteStore {
    pub(crate) config: SqliteConfig,
    pub(crate) readers: Readers,
    pub(crate) health: Arc<Health>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) writer: Worker<Writer>,
    /// Given back last.
    _lock: File,
}

impl SqliteStore {
    /// Opens the file, creates it, or brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]; it says what the operator can do.
    pub fn open(config: SqliteConfig) -> Result<Self, OpenError> {
        let lock = open::lock(&config)?;
        let connection = open::writer(&config)?;
        let readers = Readers::open(&config)?;
        let health = Arc::new(Health::default());
        let queue = Arc::new(Queue::new(config.queue_max));
        let limits = (config.batch_max, config.checkpoint_pages);
        let writer = Writer::try_new(connection, Arc::clone(&queue), Arc::clone(&health), limits)
            .map_err(|error| OpenError::Io { source: Box::new(error) })?;
        // The queue is ours; the worker is only called to look at it.
        let writer = Worker::start("tillway-writer", config.mode, 2, writer)
            .map_err(|error| OpenError::Io { source: Box::new(error) })?;
        Ok(Self { config, readers, health, queue, writer, _lock: lock })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.config.path
    }

    /// Checks the file and every sum of the book. Reads everything: for quiet hours.
    ///
    /// # Errors
    /// [`CheckError`]: the first thing that is wrong.
    pub async fn check(&self) -> Result<(), CheckError> {
        let finding = self.aside(read::integrity).await?;
        if let Some(finding) = finding {
            return Err(CheckError::Damaged { finding });
        }
        let book = self.aside(|db| Ok(read::moment(db, chains::audit))).await?;
        Ok(book?)
    }

    /// Hands a task to the writer.
    pub(crate) fn enqueue(&self, task: Task) -> Result<(), CommitError> {
        if self.health.is_broken() {
            return Err(CommitError::Corrupt);
        }
        let call = self.queue.push(task).map_err(|_| CommitError::Full)?;
        if call {
            match self.writer.submit(Writer::drain) {
                Ok(answer) => drop(answer),
                Err(_) => self.queue.clear(),
            }
        }
        Ok(())
    }

    /// A long read on a connection and a thread of its own, so that neither the writer nor the
    /// screens wait for it.
    pub(crate) async fn aside<R: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<R, crate::error::Fail> + Send + 'static,
    ) -> Result<R, ReadError> {
        if self.health.is_broken() {
            return Err(ReadError::Corrupt);
        }
        let connection = open::reader(&self.config).map_err(|_| ReadError::Unavailable)?;
        let worker = Worker::start("tillway-reader", self.config.mode, 1, connection)
            .map_err(|_| ReadError::Unavailable)?;
        let answer = worker.submit(|connection| read(connection));
        let answer = answer.map_err(|_| ReadError::Unavailable)?.await;
        if self.config.mode == Mode::Thread {
            worker.stop();
        }
        answer.map_err(|_| ReadError::Unavailable)?.map_err(|fail| fail.read_error())
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = self.health.is_broken();
        f.debug_struct("SqliteStore")
            .field("path", &self.config.path)
            .field("broken", &broken)
            .finish_non_exhaustive()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The writer closes last: it copies the log into the file on its way out.
        self.readers.close();
        self.writer.stop();
    }
}
