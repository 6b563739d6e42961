//! What can go wrong with the file.

use std::error::Error as StdError;
use std::path::PathBuf;

use rusqlite::ErrorCode;
use tillway_core::book::Fault;
use tillway_core::port::ReadError;

/// Why the store does not open. Each says what the operator can do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Create the folder, or correct the path.
    #[error("the folder {} does not exist", path.display())]
    FolderMissing {
        /// The folder.
        path: PathBuf,
    },
    /// Give the account that runs the program the right to write there.
    #[error("{} cannot be written", path.display())]
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
    /// Correct the path: this is some other file.
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
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Run the newer program again: an older one would not understand the file.
    #[error("the file has schema version {found}, this program knows {known} at most")]
    NewerSchema {
        /// The version of the file.
        found: u32,
        /// The last one that this program knows.
        known: u32,
    },
    /// The file was made by a program that was built from other sources.
    #[error("schema version {version} of the file differs from the one in this program")]
    ChangedMigration {
        /// The version.
        version: u32,
    },
    /// Free space.
    #[error("the disk is full")]
    Full,
    /// The system has no thread or memory to give, or the disk answers with errors.
    #[error("the file cannot be opened")]
    Io {
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
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file is damaged.
    #[error("the file is damaged: {finding}")]
    Damaged {
        /// The first thing that SQLite found.
        finding: Box<str>,
    },
    /// A sum of the book does not hold.
    #[error("the book does not hold")]
    Book(#[from] Fault),
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
