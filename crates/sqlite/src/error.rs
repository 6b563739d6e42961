//! What can go wrong with the file.

use std::error::Error as StdError;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use tillway_core::book::Fault;
use tillway_core::port::ReadError;

/// Why the store does not open. Each names the file and says what the operator can do. The file is
/// left as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Create the folder, or correct the path.
    #[error("the folder {} does not exist", path.display())]
    FolderMissing {
        /// The folder.
        path: PathBuf,
    },
    /// Give the account that runs the program the right to read and write there.
    #[error("{} cannot be read and written by this account", path.display())]
    ReadOnly {
        /// The file or its folder.
        path: PathBuf,
    },
    /// Stop the other program.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Correct the path: this is some other file. Or restore a backup: its beginning was
    /// overwritten.
    #[error("{} is not a database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Correct the path: this database belongs to another program.
    #[error("{} is a database of another program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Restore a backup.
    #[error("{} is damaged: {finding}", path.display())]
    Damaged {
        /// The file, or its log.
        path: PathBuf,
        /// What is wrong with it.
        finding: Box<str>,
    },
    /// Put the file back: SQLite would throw the log away, and the newest payments with it.
    #[error("{} is missing or empty, and its log {} is not", path.display(), log.display())]
    LogAlone {
        /// The file.
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
    /// Run the newer program again: an older one would not understand the file.
    #[error("{} has schema version {found}, this program knows {known} at most", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version of the file.
        found: u32,
        /// The last one that this program knows.
        known: u32,
    },
    /// The file was made by a program that was built from other sources.
    #[error("schema version {version} of {} differs from the one in this program", path.display())]
    ChangedMigration {
        /// The file.
        path: PathBuf,
        /// The version.
        version: u32,
    },
    /// Run the program that wrote the file, or restore a backup.
    #[error(
        "{} cannot be brought to schema version {version}; it keeps the version it has",
        path.display()
    )]
    Migration {
        /// The file.
        path: PathBuf,
        /// The version that could not be reached.
        version: u32,
        /// What stood in the way.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Free space.
    #[error("the disk of {} is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The system has no thread or memory to give, or the disk answers with errors.
    #[error("{} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

/// What [`SqliteStore::check`](crate::SqliteStore::check) found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The check could not be made.
    #[error("{} cannot be checked", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The file is damaged: restore a backup.
    #[error("{} is damaged: {finding}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that was found.
        finding: Box<str>,
    },
    /// A sum, a chain or a digest of the book does not hold: somebody changed the file, or the
    /// program has an error. Ask for help, and keep the file.
    #[error("the book in {} does not hold", path.display())]
    Book {
        /// The file.
        path: PathBuf,
        /// The first thing that was found.
        #[source]
        fault: Fault,
    },
}

/// Why there is no backup. Nothing stands under its name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Choose another name: a backup replaces nothing.
    #[error("{} is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Create the folder, or correct the path.
    #[error("the folder {} does not exist", path.display())]
    FolderMissing {
        /// The folder.
        path: PathBuf,
    },
    /// Give the account that runs the program the right to write there.
    #[error("{} cannot be written by this account", path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// Free space, or choose another disk.
    #[error("the disk of {} is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The copy could not be written.
    #[error("{} cannot be written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The store could not be read.
    #[error("the store cannot be read")]
    Read(#[from] ReadError),
    /// The copy does not hold, so the store does not either: check it.
    #[error("the copy was thrown away")]
    Check(#[from] CheckError),
}

/// An error of a statement or of a row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fail {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error("column {0} of a row cannot be read")]
    BadRow(usize),
}

/// What an error of SQLite means for the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meaning {
    /// No space: free some, the store goes on.
    Full,
    /// Somebody is in the way, or memory is short: later.
    Later,
    /// A row broke a rule of the schema: an error of this program.
    Rule,
    /// A stored row does not read: nothing else is known to be wrong.
    BadRow,
    /// The disk cannot be trusted any more.
    Broken,
}

impl Fail {
    pub(crate) fn meaning(&self) -> Meaning {
        let Self::Sql(error) = self else { return Meaning::BadRow };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Meaning::Full,
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted,
            ) => Meaning::Later,
            Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig) => Meaning::Rule,
            None => Meaning::BadRow,
            // A disk error, a damaged file, or a file that changed under us: no reason to go on.
            Some(_) => Meaning::Broken,
        }
    }

    /// For a reader: a row that does not read, or a file that does not.
    pub(crate) fn read_error(&self) -> ReadError {
        match self.meaning() {
            Meaning::Full | Meaning::Later => ReadError::Unavailable,
            Meaning::Rule | Meaning::BadRow | Meaning::Broken => ReadError::Corrupt,
        }
    }
}
