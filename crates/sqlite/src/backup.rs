//! A copy of the book while commits go on.
//!
//! The pages are copied inside one read transaction, so the copy is the book of one moment; the
//! writer never waits for a reader. The copy is synced every few MiB: a sync of the log would
//! otherwise have to wait until the disk took all that was written of the copy before.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rusqlite::backup::StepResult;
use rusqlite::{Connection, ErrorCode, OpenFlags, backup};
use tillway_core::port::ReadError;

use crate::check::{self, Checked, Depth, Progress, Stage};
use crate::error::{BackupError, CheckError, Fail};
use crate::gone::Gone;
use crate::preflight::beside;
use crate::read;

/// What a backup has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Backup {
    /// The size of the file.
    pub bytes: u64,
    /// What was looked through in the copy.
    pub checked: Checked,
}

/// Pages of one step.
const STEP: i32 = 256;
/// Steps from one sync to the next.
const SYNC_EVERY: u32 = 8;
/// How many leftovers of killed backups are gone round.
const NAMES_MAX: u32 = 100;
/// The page cache of the copy in KiB: pages are written once and not read again.
const CACHE_KIB: i64 = 2 * 1_024;

/// Copies what `db` reads into a new file.
pub(crate) fn write(
    db: &Connection,
    to: &Path,
    gone: &Gone,
    progress: &mut dyn FnMut(Progress),
) -> Result<Backup, BackupError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(BackupError::FolderMissing { path: folder.to_owned() });
    }
    vacant(to)?;
    let part = Part::create(to, folder)?;
    copy(db, &part, gone, progress)?;
    part.file.sync_all().map_err(|error| part.failed(error))?;
    let checked = look(&part.path, gone, progress)?;
    let bytes = part.file.metadata().map_err(|error| part.failed(error))?.len();
    if gone.is_gone() {
        return Err(ReadError::Unavailable.into());
    }
    vacant(to)?;
    part.keep(to, folder)?;
    Ok(Backup { bytes, checked })
}

/// A backup replaces nothing.
fn vacant(to: &Path) -> Result<(), BackupError> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(BackupError::Exists { path: to.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(written(to, to, error)),
    }
}

/// The file that grows. Removed when this is dropped.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    /// A new file, for its owner alone: it holds names, phone numbers and cards.
    fn create(to: &Path, folder: &Path) -> Result<Self, BackupError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;

            options.mode(0o600);
        }
        let names = (0..NAMES_MAX).map(|nth| match nth {
            0 => beside(to, ".part"),
            nth => beside(to, &format!(".{nth}.part")),
        });
        let mut last = None;
        for path in names {
            match options.open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // Of a backup that was killed, or of one that runs.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => last = Some(path),
                Err(error) => return Err(written(to, folder, error)),
            }
        }
        Err(BackupError::Exists { path: last.unwrap_or_else(|| to.to_owned()) })
    }

    /// Gives it its name, durably.
    fn keep(self, to: &Path, folder: &Path) -> Result<(), BackupError> {
        fs::rename(&self.path, to).map_err(|error| written(to, folder, error))?;
        sync_folder(folder).map_err(|error| {
            // Nobody knows what its name is worth after a power cut.
            let _ = fs::remove_file(to);
            written(to, folder, error)
        })
    }

    fn failed(&self, error: io::Error) -> BackupError {
        written(&self.path, &self.path, error)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have its name already, or be gone with its disk.
        let _ = fs::remove_file(&self.path);
    }
}

/// Copies the pages of one moment.
fn copy(
    db: &Connection,
    part: &Part,
    gone: &Gone,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), BackupError> {
    let failed = |error: rusqlite::Error| copied(&part.path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = Connection::open_with_flags(&part.path, flags).map_err(failed)?;
    to.pragma_update(None, "locking_mode", "exclusive").map_err(failed)?;
    // What is not finished is thrown away; what is finished is synced by us.
    to.pragma_update(None, "journal_mode", "off").map_err(failed)?;
    to.pragma_update(None, "synchronous", "off").map_err(failed)?;
    to.pragma_update(None, "cache_size", CACHE_KIB.checked_neg()).map_err(failed)?;
    read::moment(db, |db| pages(db, &mut to, part, gone, progress))?;
    // The copy stands for itself: nothing of it is in a log.
    to.pragma_update(None, "journal_mode", "delete").map_err(failed)?;
    to.close().map_err(|(_, error)| failed(error))
}

fn pages(
    db: &Connection,
    to: &mut Connection,
    part: &Part,
    gone: &Gone,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), BackupError> {
    // A transaction begins with its first read, and the copy must not begin one for each step.
    db.query_row("SELECT count(*) FROM schema_version", [], |_| Ok(())).map_err(Fail::from)?;
    let backup = backup::Backup::new(db, to).map_err(|error| copied(&part.path, error))?;
    let mut steps = 0_u32;
    loop {
        if gone.is_gone() {
            return Err(ReadError::Unavailable.into());
        }
        let step = backup.step(STEP).map_err(|error| copied(&part.path, error))?;
        let now = backup.progress();
        let total = u64::try_from(now.pagecount).unwrap_or_default();
        let left = u64::try_from(now.remaining).unwrap_or_default();
        progress(Progress { stage: Stage::Copy, done: total.saturating_sub(left), total });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Nobody else has the copy, and nobody waits for a reader.
            _ => return Err(ReadError::Unavailable.into()),
        }
        steps = steps.saturating_add(1);
        if steps.is_multiple_of(SYNC_EVERY) {
            part.file.sync_data().map_err(|error| part.failed(error))?;
        }
    }
}

/// Looks through the copy as the disk has it.
fn look(
    path: &Path,
    gone: &Gone,
    progress: &mut dyn FnMut(Progress),
) -> Result<Checked, CheckError> {
    let unread = |_| CheckError::Read { path: path.to_owned(), source: ReadError::Unavailable };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(path, flags).map_err(unread)?;
    gone.interrupts(&mut copy).map_err(unread)?;
    check::whole(&copy, path, Depth::Quick, progress)
}

/// Makes a name in a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems have no such call.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Says what the operator can do about an error of the system.
fn written(path: &Path, folder: &Path, error: io::Error) -> BackupError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            BackupError::ReadOnly { path: folder.to_owned() }
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BackupError::Full { path },
        _ => BackupError::Io { path, source: Box::new(error) },
    }
}

/// Says what the operator can do about an error of SQLite. An error of the copy and one of the
/// store look the same.
fn copied(path: &Path, error: rusqlite::Error) -> BackupError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => BackupError::Full { path },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ReadError::Corrupt.into(),
        _ => BackupError::Io { path, source: Box::new(error) },
    }
}

impl From<Fail> for BackupError {
    fn from(fail: Fail) -> Self {
        Self::Read(fail.read_error())
    }
}
