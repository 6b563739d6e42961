//! Where the row of an id is: its name gives its number, under which it lies in its table.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use rusqlite::{Connection, params};
use tillway_core::book::{Scope, StreamKind};
use tillway_core::id::Uuid;

use crate::chapters::{self, Chapters};
use crate::error::Fail;
use crate::row::one;

/// What an id names, as `ids.what` has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum What {
    Order,
    Payment,
    Hold,
    Key(Scope),
    Stream(StreamKind),
}

impl What {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Order => 1,
            Self::Payment => 2,
            Self::Hold => 3,
            Self::Key(scope) => 16 | scope.code(),
            Self::Stream(kind) => 32 | kind.code(),
        }
    }
}

/// A connection that finds names.
pub(crate) struct Db {
    connection: Connection,
    pub(crate) chapters: Arc<Chapters>,
    /// The writer's alone: nobody else changes names.
    met: Option<Met>,
}

/// What the writer has met.
#[derive(Default)]
struct Met {
    /// A commit asks for most numbers twice, and the next one again.
    numbers: RefCell<HashMap<(Uuid, u8), i64>>,
    /// How many names the newest chapter has, more or less.
    names: Cell<u64>,
}

/// Then the numbers that were met are forgotten.
const MET_MAX: usize = 4_096;

impl Db {
    pub(crate) fn reader(connection: Connection, chapters: Arc<Chapters>) -> Self {
        Self { connection, chapters, met: None }
    }

    pub(crate) fn writer(connection: Connection, chapters: Arc<Chapters>) -> Result<Self, Fail> {
        let since = chapters.list().first().map_or(0, |newest| newest.since);
        let names = Cell::new(chapters::names(&connection)?.saturating_sub(since));
        let met = Some(Met { names, ..Met::default() });
        Ok(Self { connection, chapters, met })
    }

    /// The newest chapter, for a connection that has met no numbers.
    pub(crate) fn newest_first(&self) -> Option<i64> {
        let newest = || self.chapters.list().first().map(|newest| newest.no);
        if self.met.is_none() { newest() } else { None }
    }

    /// How many names the newest chapter has.
    pub(crate) fn names(&self) -> u64 {
        self.met.as_ref().map_or(0, |met| met.names.get())
    }

    /// The newest chapter has none yet.
    pub(crate) fn restart(&self) {
        self.met.iter().for_each(|met| met.names.set(0));
    }

    /// A transaction was taken back, and the numbers that it gave.
    pub(crate) fn forget(&self) {
        self.met.iter().for_each(|met| met.numbers.borrow_mut().clear());
    }

    fn met(&self, id: Uuid, what: What) -> Option<i64> {
        self.met.as_ref()?.numbers.borrow().get(&(id, what.code())).copied()
    }

    fn meet(&self, id: Uuid, what: What, number: i64) {
        let Some(met) = &self.met else { return };
        let mut numbers = met.numbers.borrow_mut();
        if numbers.len() >= MET_MAX {
            numbers.clear();
        }
        numbers.insert((id, what.code()), number);
    }
}

impl Deref for Db {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Db {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// In one chapter.
pub(crate) const NUMBER: &str = "SELECT no FROM ids WHERE chapter = ?1 AND id = ?2 AND what = ?3";

/// The number of a row; `None`: there is no such row.
pub(crate) fn number(db: &Db, id: Uuid, what: What) -> Result<Option<i64>, Fail> {
    if let Some(number) = db.met(id, what) {
        return Ok(Some(number));
    }
    for chapter in db.chapters.list().iter().filter(|chapter| chapter.may_have(id)) {
        let bound = params![chapter.no, id.as_bytes(), what.code()];
        if let Some(number) = one(db, NUMBER, bound, |c| c.int())? {
            db.meet(id, what, number);
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// The number of a row that is there.
pub(crate) fn known(db: &Db, id: Uuid, what: What) -> Result<i64, Fail> {
    number(db, id, what)?.ok_or(Fail::BadRow(0))
}

/// Names the row that was inserted last.
pub(crate) fn name(db: &Db, id: Uuid, what: What) -> Result<(), Fail> {
    let newest = db.chapters.list().first().map_or(0, |chapter| chapter.no);
    let number = db.last_insert_rowid();
    let sql = "INSERT INTO ids (chapter, id, what, no) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![newest, id.as_bytes(), what.code(), number])?;
    db.meet(id, what, number);
    if let Some(met) = &db.met {
        met.names.set(met.names.get().saturating_add(1));
    }
    Ok(())
}

/// Deletes a row and its name, if there are such.
pub(crate) fn delete(db: &Db, table: &str, id: Uuid, what: What) -> Result<(), Fail> {
    let Some(number) = number(db, id, what)? else { return Ok(()) };
    db.prepare_cached(&format!("DELETE FROM {table} WHERE no = ?1"))?.execute([number])?;
    for chapter in db.chapters.list().iter().filter(|chapter| chapter.may_have(id)) {
        let sql = "DELETE FROM ids WHERE chapter = ?1 AND id = ?2 AND what = ?3";
        let bound = params![chapter.no, id.as_bytes(), what.code()];
        db.prepare_cached(sql)?.execute(bound)?;
    }
    db.forget();
    Ok(())
}
