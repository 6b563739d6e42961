//! Who may open the file: one store at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use crate::config::SqliteConfig;
use crate::error::OpenError;
use crate::preflight::beside;

/// Keeps a second process, and a second store of this one, out of the file. However the process
/// ends, the lock goes with it.
pub(crate) struct Lock {
    lock: File,
    /// A handle of the book. To close one gives back whatever SQLite has locked in the book, so it
    /// stays open as long as any connection.
    book: OnceLock<File>,
}

impl Lock {
    pub(crate) fn take(config: &SqliteConfig) -> Result<Self, OpenError> {
        let folder = config.path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(OpenError::FolderMissing { path: folder.to_owned() });
        }
        let path = beside(&config.path, ".lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                OpenError::ReadOnly { path: folder.to_owned() }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                OpenError::Full { path: config.path.clone() }
            }
            _ => OpenError::Io { path: path.clone(), source: Box::new(error) },
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { lock: file, book: OnceLock::new() }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: config.path.clone() }),
            Err(TryLockError::Error(error)) => Err(OpenError::Io { path, source: Box::new(error) }),
        }
    }

    /// Opens the book, which is there already, for as long as the lock is held.
    pub(crate) fn hold(&self, book: &Path) -> io::Result<()> {
        // Once: a second handle would be closed here.
        let book = File::open(book)?;
        self.book.set(book).map_err(|_| io::Error::other("the book is held already"))
    }

    /// The book, where it is held.
    pub(crate) fn book(&self) -> Option<&File> {
        self.book.get()
    }
}

impl Drop for Lock {
    /// A child that another thread starts has a copy of the handle until it runs its own program:
    /// to close ours alone would leave the lock with the child.
    fn drop(&mut self) {
        // Before the next store may open the book: what that one has locked there would be given back.
        drop(self.book.take());
        // If it fails, the lock goes with the last copy.
        let _gone = self.lock.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_handle_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let config = SqliteConfig::new(folder.path().join("book.db"));
        let lock = Lock::take(&config).unwrap();
        let copy = lock.lock.try_clone().unwrap();
        assert!(matches!(Lock::take(&config), Err(OpenError::Locked { .. })));
        drop(lock);
        assert!(Lock::take(&config).is_ok());
        drop(copy);
    }
}
