//! Opening the file: lock, connections, schema.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};
use tillway_core::id::Fingerprint;

use crate::chains;
use crate::config::SqliteConfig;
use crate::error::{Fail, OpenError};

/// The schema, one step for each version. A released step never changes; what is new is a new one.
const MIGRATIONS: [Migration; 2] = [
    Migration { sql: include_str!("../migrations/0001_book.sql"), fill: |_| Ok(()) },
    Migration { sql: include_str!("../migrations/0002_chains.sql"), fill: chains::fill },
];

/// One step: its statements, then what only the rules of the book can compute.
struct Migration {
    sql: &'static str,
    fill: fn(&Connection) -> Result<(), Fail>,
}

/// In the header of the file: `TLWY`.
const APPLICATION_ID: i32 = 0x544C_5759;

/// Statements that stay prepared on a connection: all of ours fit.
const STATEMENTS_MAX: usize = 128;

/// Keeps a second process, and a second store of this one, out of the file. The lock goes with the
/// handle, however the process ends.
pub(crate) fn lock(config: &SqliteConfig) -> Result<File, OpenError> {
    let folder = config.path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(OpenError::FolderMissing { path: folder.to_owned() });
    }
    let mut name = config.path.clone().into_os_string();
    name.push(".lock");
    let path = PathBuf::from(name);
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            OpenError::ReadOnly { path: folder.to_owned() }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::Full,
        _ => OpenError::Io { source: Box::new(error) },
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: config.path.clone() }),
        Err(TryLockError::Error(error)) => Err(OpenError::Io { source: Box::new(error) }),
    }
}

/// The connection that writes, with the schema up to date.
pub(crate) fn writer(config: &SqliteConfig) -> Result<Connection, OpenError> {
    let explain = |error| explained(&config.path, error);
    let mut connection = connect(config).map_err(explain)?;
    foreign(config, &connection)?;
    prepare(&connection).map_err(explain)?;
    migrate(config, &mut connection)?;
    Ok(connection)
}

/// A connection that reads. It sees every transaction that was committed before its own began.
pub(crate) fn reader(config: &SqliteConfig) -> Result<Connection, OpenError> {
    let explain = |error| explained(&config.path, error);
    let connection = connect(config).map_err(explain)?;
    connection.pragma_update(None, "query_only", true).map_err(explain)?;
    Ok(connection)
}

fn connect(config: &SqliteConfig) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match &config.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(&config.path, flags, vfs.as_str())?,
        None => Connection::open_with_flags(&config.path, flags)?,
    };
    connection.busy_timeout(std::time::Duration::from_millis(config.busy_wait_ms.into()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Below zero it counts KiB instead of pages.
    let cache_size = i64::from(config.cache_kib).checked_neg();
    connection.pragma_update(None, "cache_size", cache_size)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // A plan that may depend on a bound value is made anew at each use, a bound LIMIT included.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The book keeps its own references; checking them twice costs a lookup for each row.
    connection.pragma_update(None, "foreign_keys", false)?;
    Ok(connection)
}

/// Refuses a database that another program made.
fn foreign(config: &SqliteConfig, connection: &Connection) -> Result<(), OpenError> {
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let known = count("PRAGMA application_id").map_err(|e| explained(&config.path, e))?;
    if known == i64::from(APPLICATION_ID) {
        return Ok(());
    }
    let tables =
        count("SELECT count(*) FROM sqlite_schema").map_err(|e| explained(&config.path, e))?;
    if known != 0 || tables != 0 {
        return Err(OpenError::Foreign { path: config.path.clone() });
    }
    Ok(())
}

/// What the write connection alone decides. The page size holds from the first page on.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", 4_096)?;
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let message = Some(format!("journal mode is {mode} instead of wal"));
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        return Err(rusqlite::Error::SqliteFailure(code, message));
    }
    // An answer goes out when the disk has the commit.
    connection.pragma_update(None, "synchronous", "full")?;
    // Writing into space that the log has already costs half of growing it.
    connection.pragma_update(None, "journal_size_limit", -1)?;
    // The writer copies the log into the file by itself, after the answers.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(())
}

fn migrate(config: &SqliteConfig, connection: &mut Connection) -> Result<(), OpenError> {
    let explain = |error| explained(&config.path, error);
    let step = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(explain)?;
    step.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY, \
         checksum BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )
    .map_err(explain)?;
    let applied = applied(&step).map_err(explain)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if let Some((found, _)) = applied.iter().find(|(version, _)| *version > known) {
        return Err(OpenError::NewerSchema { found: *found, known });
    }
    for (version, Migration { sql, fill }) in (1..).zip(MIGRATIONS) {
        let checksum = checksum(sql);
        match applied.iter().find(|(v, _)| *v == version) {
            Some((_, was)) if *was == checksum => {}
            Some(_) => return Err(OpenError::ChangedMigration { version }),
            None => {
                step.execute_batch(sql).map_err(explain)?;
                fill(&step).map_err(|fail| unfilled(&config.path, fail))?;
                let sql = "INSERT INTO schema_version VALUES (?1, ?2, unixepoch())";
                step.execute(sql, params![version, checksum]).map_err(explain)?;
            }
        }
    }
    step.pragma_update(None, "application_id", APPLICATION_ID).map_err(explain)?;
    step.commit().map_err(explain)
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<(u32, [u8; 16])>> {
    let sql = "SELECT version, checksum FROM schema_version ORDER BY version DESC";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn unfilled(path: &Path, fail: Fail) -> OpenError {
    match fail {
        Fail::Sql(error) => explained(path, error),
        Fail::BadRow(_) => OpenError::Damaged { path: path.to_owned() },
    }
}

/// Over the text without carriage returns, which a checkout may add.
fn checksum(sql: &str) -> [u8; 16] {
    Fingerprint::of(sql.replace('\r', "").as_bytes()).0
}

/// Says what the operator can do about an error of SQLite.
fn explained(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::ReadOnly { path },
        Some(ErrorCode::DiskFull) => OpenError::Full,
        _ => OpenError::Io { source: Box::new(error) },
    }
}
