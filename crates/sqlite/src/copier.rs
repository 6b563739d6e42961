//! Copies the log into the file beside the writer, which goes on meanwhile.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tillway_device::Worker;

use crate::config::SqliteConfig;
use crate::error::{Fail, Meaning};
use crate::flush::flush;
use crate::lock::Lock;
use crate::queue::Health;

/// Keeps the log short, with a connection and a thread of its own.
///
/// The log begins anew only when all of it is copied, and the copies are on the disk, at a moment when
/// nobody writes. So the writer sees to the last part, which is short: each round copies, and syncs,
/// what came during the one before.
pub(crate) struct Copier {
    worker: Worker<Connection>,
    shared: Arc<Shared>,
    checkpoint_pages: u32,
    /// How long the log was when the writer copied the last part. A reader that was in the way then
    /// keeps it from beginning anew: it is copied again when it is longer by `rest_pages`.
    copied_pages: u32,
}

struct Shared {
    health: Arc<Health>,
    file: Arc<Lock>,
    /// How long the log is, told by SQLite after each commit.
    log_pages: Arc<AtomicU32>,
    /// What may be left for the writer.
    rest_pages: u32,
    /// Somebody waits for the copy that runs.
    awaited: AtomicBool,
    progress: Mutex<Progress>,
    ended: Condvar,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Progress {
    #[default]
    Idle,
    Copying,
    /// All but what came since.
    Copied,
}

/// How many times `checkpoint_pages` the log may grow while it is copied.
const LOG_MAX: u32 = 4;

/// What may be left for the writer: this part of `checkpoint_pages`.
const REST: u32 = 16;

/// Then what is left does not get less: the disk is no quicker than the writer.
const ROUNDS_MAX: usize = 4;

impl Copier {
    pub(crate) fn start(
        writer: &mut Connection,
        connection: Connection,
        (health, file): (Arc<Health>, Arc<Lock>),
        config: &SqliteConfig,
    ) -> io::Result<Self> {
        let checkpoint_pages = config.checkpoint_pages;
        let log_pages = Arc::new(AtomicU32::new(0));
        let told = Arc::clone(&log_pages);
        let shared = Arc::new(Shared {
            health,
            file,
            log_pages,
            rest_pages: (checkpoint_pages / REST).max(1),
            awaited: AtomicBool::new(false),
            progress: Mutex::default(),
            ended: Condvar::new(),
        });
        let tell = move |_: &mut Wal, pages: i32| {
            told.store(pages.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(tell)).map_err(io::Error::other)?;
        let worker = Worker::start("tillway-copier", config.mode, 1, connection)?;
        Ok(Self { worker, shared, checkpoint_pages, copied_pages: 0 })
    }

    /// Has the log copied once it is long, and copies what came meanwhile on the writer's own
    /// connection. The writer asks for it after the answers of a batch, so nobody waits for it but
    /// the next one. A page that a reader still needs stays for the next time.
    pub(crate) fn keep_short(&mut self, writer: &Connection) {
        let log = self.shared.log_pages();
        if log < self.copied_pages {
            self.copied_pages = 0;
        }
        let pages = log.saturating_sub(self.copied_pages);
        let again = self.copied_pages > 0;
        let most = if again { self.shared.rest_pages } else { self.checkpoint_pages };
        let is_due = pages >= most && !self.shared.health.is_broken();
        let mut progress = self.progress();
        if progress == Progress::Idle && is_due {
            self.begin();
            progress = self.progress();
        }
        if progress == Progress::Copying && pages / LOG_MAX >= self.checkpoint_pages {
            self.wait();
            progress = self.progress();
        }
        // A log that was copied while nobody wrote has begun anew by itself.
        if progress == Progress::Copied && is_due {
            self.copied_pages = log;
            if let Err(fail) = copy(writer) {
                self.shared.failed(&fail);
            }
        }
    }

    fn begin(&self) {
        self.shared.awaited.store(false, Ordering::Release);
        self.shared.set(Progress::Copying);
        let run = Run { shared: Arc::clone(&self.shared), reached: Progress::Idle };
        if self.worker.submit(move |connection| run.all(connection)).is_err() {
            // Nobody copies any more but the writer.
            self.shared.set(Progress::Copied);
        }
    }

    /// How far it is. What was copied is told once.
    fn progress(&self) -> Progress {
        let mut progress = self.shared.lock();
        match *progress {
            Progress::Copied => std::mem::take(&mut *progress),
            other => other,
        }
    }

    /// Waits for the copy that runs, as long as the disk takes.
    fn wait(&self) {
        self.shared.awaited.store(true, Ordering::Release);
        let progress = self.shared.lock();
        let runs = |progress: &mut Progress| *progress == Progress::Copying;
        drop(self.shared.ended.wait_while(progress, runs));
    }

    #[cfg(test)]
    pub(crate) fn log_pages(&self) -> u32 {
        self.shared.log_pages()
    }

    /// Keeps it busy with this, which may ask how long the log is.
    #[cfg(test)]
    pub(crate) fn busy(&self, work: impl FnOnce(&dyn Fn() -> u32) + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        drop(self.worker.submit(move |_| work(&|| shared.log_pages())).unwrap());
    }
}

impl Drop for Copier {
    /// The writer's connection must be the last one to close: it copies what is left then.
    fn drop(&mut self) {
        self.shared.awaited.store(true, Ordering::Release);
        self.worker.stop();
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

impl Shared {
    fn copied(&self, connection: &Connection) -> Progress {
        let mut before = 0;
        for _ in 0..ROUNDS_MAX {
            let pages = match copy(connection) {
                Ok(pages) => pages,
                Err(fail) => {
                    self.failed(&fail);
                    return Progress::Idle;
                }
            };
            // A log that began anew has less than before.
            let copied = pages.checked_sub(before).unwrap_or(pages);
            if self.flush(copied).is_err() {
                self.health.breaks();
                return Progress::Idle;
            }
            let rest = self.log_pages().saturating_sub(pages);
            // A reader may need the rest.
            if pages == before || rest <= self.rest_pages {
                break;
            }
            before = pages;
        }
        Progress::Copied
    }

    /// Has the disk take what was copied. SQLite syncs the file only when all is copied, and while
    /// there are commits it is the writer who copies the last of it.
    fn flush(&self, pages: u32) -> io::Result<()> {
        let hurries = || self.awaited.load(Ordering::Acquire);
        self.file.book().map_or(Ok(()), |book| flush(book, pages, hurries))
    }

    /// The log still has everything. But a sync that failed once proves nothing when it succeeds the
    /// next time.
    fn failed(&self, fail: &Fail) {
        if fail.meaning() == Meaning::Broken {
            self.health.breaks();
        }
    }

    fn log_pages(&self) -> u32 {
        self.log_pages.load(Ordering::Relaxed)
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
fn copy(connection: &Connection) -> Result<u32, Fail> {
    let mut statement = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
    // Below zero there is no log.
    let copied = statement.query_row([], |row| row.get::<_, i64>(2))?;
    Ok(u32::try_from(copied).unwrap_or_default())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_the_disk_does_not_take_breaks_the_store() {
        for broken in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let config = SqliteConfig::new(folder.path().join("book.db"));
            let mut writer = Connection::open(&config.path).unwrap();
            writer.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE a (b)").unwrap();
            // It takes nothing.
            let book = if broken { "/dev/null".into() } else { config.path.clone() };
            let lock = Lock::take(&config).unwrap();
            lock.hold(&book).unwrap();
            let (health, lock) = (Arc::new(Health::default()), Arc::new(lock));
            let shared = (Arc::clone(&health), lock);
            let other = Connection::open(&config.path).unwrap();
            let copier = Copier::start(&mut writer, other, shared, &config).unwrap();
            copier.begin();
            copier.wait();
            let reached = if broken { Progress::Idle } else { Progress::Copied };
            assert_eq!((copier.progress(), health.is_broken()), (reached, broken));
        }
    }
}
