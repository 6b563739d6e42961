//! The whole file and the whole book, looked through.

use std::path::Path;

use rusqlite::Connection;
use tillway_core::book::Digest;

use crate::chains::{self, Broken};
use crate::error::{CheckError, Fail, Meaning};
use crate::read;
use crate::row::one;

/// What was looked through, and holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Checked {
    /// The version of the schema.
    pub schema: u32,
    /// How many guests.
    pub guests: u64,
    /// How many accounts of guests.
    pub accounts: u64,
    /// How many movements, of which the balances are rebuilt.
    pub movements: u64,
    /// How many payments, refusals and tombstones.
    pub payments: u64,
    /// How many orders.
    pub orders: u64,
    /// How many streams.
    pub streams: u64,
    /// How many records of streams.
    pub records: u64,
    /// How many days were sealed by a digest, each compared with the book of today.
    pub digests: u64,
    /// The last digest.
    pub last: Option<Digest>,
}

/// How far a long work is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of it is done: pages of the file or rows of the book.
    pub done: u64,
    /// How much there is, more or less; zero when nobody knows.
    pub total: u64,
}

/// The parts of a long work, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Stage {
    /// The pages of the file are copied.
    Copy,
    /// SQLite looks through the file.
    File,
    /// The sums, chains and digests of the book are made again.
    Book,
}

/// How SQLite looks through the file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Depth {
    /// Every page, and every index against its table.
    Full,
    /// Every page.
    Quick,
}

/// Looks through a file. The book is read in one moment.
pub(crate) fn whole(
    db: &Connection,
    path: &Path,
    depth: Depth,
    progress: &mut dyn FnMut(Progress),
) -> Result<Checked, CheckError> {
    progress(Progress { stage: Stage::File, done: 0, total: 0 });
    if let Some(finding) = integrity(db, depth).map_err(|fail| unread(path, &fail))? {
        return Err(CheckError::Damaged { path: path.to_owned(), finding });
    }
    let book = read::moment(db, |db| chains::audit(db, progress));
    book.map_err(|broken| match broken {
        Broken::Read(fail) => unread(path, &fail),
        Broken::Row(table, column) => CheckError::Damaged {
            path: path.to_owned(),
            finding: format!("column {column} of a row of {table} cannot be read").into(),
        },
        Broken::Lost(table) => CheckError::Damaged {
            path: path.to_owned(),
            finding: format!("a row of {table} and its id do not find each other").into(),
        },
        Broken::Book(fault) => CheckError::Book { path: path.to_owned(), fault },
    })
}

/// What SQLite finds wrong with the file; the first thing is enough.
fn integrity(db: &Connection, depth: Depth) -> Result<Option<Box<str>>, Fail> {
    let sql = match depth {
        Depth::Full => "PRAGMA integrity_check(1)",
        Depth::Quick => "PRAGMA quick_check(1)",
    };
    let finding = one(db, sql, [], |c| c.text().map(str::to_owned))?;
    Ok(finding.filter(|text| text != "ok").map(Into::into))
}

/// A page or a row that does not read is a finding like any other.
fn unread(path: &Path, fail: &Fail) -> CheckError {
    let path = path.to_owned();
    match fail.meaning() {
        Meaning::Full | Meaning::Later => CheckError::Read { path, source: fail.read_error() },
        _ => CheckError::Damaged { path, finding: fail.to_string().into() },
    }
}
