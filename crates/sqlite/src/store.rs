//! The store as its callers see it.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tillway_core::port::{CommitError, ReadError};
use tillway_device::{Mode, Worker};

use crate::backup::{self, Backup};
use crate::check::{self, Checked, Depth, Progress};
use crate::config::SqliteConfig;
use crate::error::{BackupError, CheckError, Fail, OpenError};
use crate::gone::{Gone, Waiting};
use crate::kept::Kept;
use crate::lock::Lock;
use crate::open;
use crate::preflight;
use crate::queue::{Health, Queue, Stats, Task};
use crate::read::Readers;
use crate::writer::Writer;

/// Guests, money and flows in one SQLite file.
///
/// Cheap to share in an [`Arc`]. Dropping it waits for the commits that were taken, and gives the
/// file free. When the disk hangs, the wait ends, and the file stays locked until the disk answers
/// or the process ends.
///
/// When the disk fails, what it has is unknown: from then on every call fails as damaged, and the
/// program should exit; a start reads what is really there.
pub struct SqliteStore {
    pub(crate) config: SqliteConfig,
    pub(crate) readers: Readers,
    pub(crate) health: Arc<Health>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) writer: Worker<Writer>,
    /// A check found damage.
    suspect: AtomicBool,
    /// Given back last, and not before the writer has ended, and every reader.
    lock: Arc<Lock>,
}

impl SqliteStore {
    /// Opens the file, creates it, or brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]; it says what the operator can do.
    pub fn open(mut config: SqliteConfig) -> Result<Self, OpenError> {
        if config.vfs.is_none() {
            config.path = preflight::followed(&config.path);
        }
        let lock = Arc::new(Lock::take(&config)?);
        let failed =
            |error: io::Error| OpenError::Io { path: config.path.clone(), source: Box::new(error) };
        let connection = open::writer(&config)?;
        if cfg!(target_os = "linux") && config.vfs.is_none() {
            lock.hold(&config.path).map_err(failed)?;
        }
        let readers = Readers::open(&config, &connection.chapters)?;
        let health = Arc::new(Health::default());
        let queue = Arc::new(Queue::new(config.queue_max));
        let kept = Arc::new(Kept::new(config.kept_max));
        let shared = (Arc::clone(&health), Arc::clone(&kept));
        let connections = (connection, open::copier(&config)?);
        let writer =
            Writer::try_new(connections, Arc::clone(&lock), shared, &config).map_err(failed)?;
        // The queue is ours; the worker is only called to look at it.
        let writer = Worker::start("tillway-writer", config.mode, 2, writer).map_err(failed)?;
        let suspect = AtomicBool::new(false);
        Ok(Self { config, readers, health, queue, kept, writer, suspect, lock })
    }

    /// The file; where a link was opened, what it leads to.
    pub fn path(&self) -> &Path {
        &self.config.path
    }

    /// How the writer keeps up, for metrics.
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// Checks the file, every sum and every chain of the book, and the digests of past days. Reads
    /// everything: for quiet hours. Dropping the future ends it.
    ///
    /// # Errors
    /// [`CheckError`]: the first thing that is wrong.
    pub async fn check(&self) -> Result<Checked, CheckError> {
        self.check_telling(|_| {}).await
    }

    /// [`check`](Self::check), which says now and then how far it is.
    ///
    /// # Errors
    /// [`CheckError`]: the first thing that is wrong.
    pub async fn check_telling(
        &self,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Checked, CheckError> {
        let path = self.config.path.clone();
        let look = {
            let path = path.clone();
            move |db: &Connection, _: &Gone| Ok(check::whole(db, &path, Depth::Full, &mut progress))
        };
        let found = self.aside(look).await;
        let found = found.map_err(|source| CheckError::Read { path, source })?;
        if matches!(found, Err(CheckError::Damaged { .. } | CheckError::Book { .. })) {
            self.suspect.store(true, Ordering::Release);
        }
        found
    }

    /// Writes a copy of the book as it is now into a new file, while commits go on. When this
    /// returns, the copy is on the disk, and was checked like the store by
    /// [`check`](Self::check). It has every commit that was answered before the call.
    ///
    /// The copy grows beside `to` under a name that ends in `.part`, which is removed on any
    /// error; a process that is killed leaves it. Dropping the future ends the backup.
    ///
    /// # Errors
    /// [`BackupError`]; nothing stands under `to` then.
    pub async fn backup(
        &self,
        to: &Path,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Backup, BackupError> {
        let to = to.to_owned();
        let copy =
            move |db: &Connection, gone: &Gone| Ok(backup::write(db, &to, gone, &mut progress));
        self.aside(copy).await?
    }

    /// Hands a task to the writer.
    pub(crate) fn enqueue(&self, task: Task) -> Result<(), CommitError> {
        self.queue.hand(&self.health, task, |call| {
            drop(self.writer.submit(move |writer| writer.drain(call)));
        })
    }

    /// A long read on a connection and a thread of its own, so that neither the writer nor the
    /// screens wait for it. It ends early when nobody waits for it any more.
    pub(crate) async fn aside<R: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Gone) -> Result<R, Fail> + Send + 'static,
    ) -> Result<R, ReadError> {
        if self.health.is_broken() {
            return Err(ReadError::Corrupt);
        }
        let waiting = Waiting::default();
        let gone = waiting.gone();
        let mut connection = open::reader(&self.config).map_err(|_| ReadError::Unavailable)?;
        gone.interrupts(&mut connection).map_err(|_| ReadError::Unavailable)?;
        // A read that nobody waits for any more may end after the store.
        let state = (connection, Arc::clone(&self.lock));
        let worker = Worker::start("tillway-reader", self.config.mode, 1, state)
            .map_err(|_| ReadError::Unavailable)?;
        let answer = worker.submit(move |(connection, _)| read(connection, &gone));
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
        // The writer closes last: it copies the log into the file on its way out, unless that file
        // is to be looked at as it is.
        self.readers.close();
        if !self.health.is_broken() && !self.suspect.load(Ordering::Acquire) {
            let no_copy = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            let told = self.writer.submit(move |w| w.connection.set_db_config(no_copy, false));
            // Without a copy the log stays, and the next start has it.
            drop(told);
        }
        let most = Duration::from_millis(self.config.close_wait_ms.into());
        // A disk that hangs is not waited for: what was answered is on it.
        let _ended = self.writer.stop_within(most);
    }
}
