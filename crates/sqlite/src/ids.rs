//! Where the row of an id is: the tree `ids` gives its number, under which it lies in its table.

use rusqlite::{Connection, params};
use tillway_core::book::{Scope, StreamKind};
use tillway_core::id::Uuid;

use crate::error::Fail;

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

/// The number of a row, in SQL: of what has its own statements, or of what is bound.
macro_rules! number {
    (order, $id:literal) => {
        number!($id, "1")
    };
    (payment, $id:literal) => {
        number!($id, "2")
    };
    (hold, $id:literal) => {
        number!($id, "3")
    };
    ($id:literal, $what:literal) => {
        concat!("(SELECT no FROM ids WHERE id = ", $id, " AND what = ", $what, ")")
    };
}
pub(crate) use number;

/// The rows of what `?1` says, in the order of their ids, one by one; the id is `named` here.
macro_rules! by_id {
    ($table:literal) => {
        concat!(
            " FROM (SELECT id AS named, no AS number FROM ids WHERE what = ?1) CROSS JOIN ",
            $table,
            " ON no = number"
        )
    };
}
pub(crate) use by_id;

/// Names the row that was inserted last.
pub(crate) fn name(db: &Connection, id: Uuid, what: What) -> Result<(), Fail> {
    let sql = "INSERT INTO ids (id, what, no) VALUES (?1, ?2, ?3)";
    let bound = params![id.as_bytes(), what.code(), db.last_insert_rowid()];
    db.prepare_cached(sql)?.execute(bound)?;
    Ok(())
}

/// Deletes a row and its name.
pub(crate) fn delete(db: &Connection, table: &str, id: Uuid, what: What) -> Result<(), Fail> {
    let bound = params![id.as_bytes(), what.code()];
    let row = format!(concat!("DELETE FROM {} WHERE no = ", number!("?1", "?2")), table);
    db.prepare_cached(&row)?.execute(bound)?;
    db.prepare_cached("DELETE FROM ids WHERE id = ?1 AND what = ?2")?.execute(bound)?;
    Ok(())
}
