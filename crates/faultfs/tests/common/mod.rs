//! A table of numbers on a simulated disk.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tillway_faultfs::FaultFs;

pub(crate) fn path() -> &'static Path {
    Path::new("/data/numbers.db")
}

pub(crate) fn connect(fs: &FaultFs) -> rusqlite::Result<Connection> {
    Connection::open_with_flags_and_vfs(path(), OpenFlags::default(), fs.name())
}

/// A connection that syncs as the pragma says.
pub(crate) fn open(fs: &FaultFs, synchronous: &str) -> rusqlite::Result<Connection> {
    let connection = connect(fs)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.execute_batch("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY)")?;
    Ok(connection)
}

pub(crate) fn add(connection: &Connection, n: i64) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO numbers VALUES (?1)", [n]).map(drop)
}

pub(crate) fn numbers(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare("SELECT n FROM numbers ORDER BY n")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

pub(crate) fn code<T>(result: rusqlite::Result<T>) -> Option<ErrorCode> {
    result.err().and_then(|error| error.sqlite_error_code())
}
