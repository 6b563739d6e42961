//! Opening the file: connections, schema.

use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, params};
use tillway_core::id::Fingerprint;

use crate::chains;
use crate::chapters::Chapters;
use crate::config::SqliteConfig;
use crate::error::{Fail, OpenError};
use crate::ids::Db;
use crate::preflight;
use crate::renew;

/// The schema, one step for each version. A released step never changes; what is new is a new one.
const MIGRATIONS: [Migration; 5] = [
    Migration { sql: include_str!("../migrations/0001_book.sql"), fill: |_| Ok(()) },
    Migration { sql: include_str!("../migrations/0002_chains.sql"), fill: chains::fill },
    Migration { sql: include_str!("../migrations/0003_open.sql"), fill: |_| Ok(()) },
    Migration { sql: include_str!("../migrations/0004_numbers.sql"), fill: |_| Ok(()) },
    Migration { sql: include_str!("../migrations/0005_chapters.sql"), fill: |_| Ok(()) },
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

/// What a statement sorts is little, and never written to the disk.
const TEMP_STORE: &str = "memory";

/// A reader's page cache is this part of the writer's.
const READER_SHARE: u32 = 4;

/// The connection that writes, with the schema up to date. A file that is refused is left as it
/// was, its log too.
pub(crate) fn writer(config: &SqliteConfig) -> Result<Db, OpenError> {
    let explain = |error| explained(&config.path, error);
    if config.vfs.is_none() {
        preflight::look(&config.path)?;
        renew::log(&config.path)?;
    }
    let mut connection = connect(config, config.cache_kib).map_err(explain)?;
    if connection.is_readonly(MAIN_DB).map_err(explain)? {
        return Err(OpenError::ReadOnly { path: config.path.clone() });
    }
    foreign(config, &connection)?;
    let applied = versions(config, &connection)?;
    // Holds from the first page on.
    connection.pragma_update(None, "page_size", 4_096).map_err(explain)?;
    if applied < MIGRATIONS.len() {
        migrate(config, &mut connection, applied)?;
        empty_log(&connection).map_err(explain)?;
    }
    prepare(&connection).map_err(explain)?;
    let db = Chapters::load(&connection).and_then(|c| Db::writer(connection, Arc::new(c)));
    db.map_err(|fail| unread(&config.path, fail))
}

/// A connection that reads. It sees every transaction that was committed before its own began.
pub(crate) fn reader(config: &SqliteConfig) -> Result<Connection, OpenError> {
    let explain = |error| explained(&config.path, error);
    let connection = connect(config, config.cache_kib / READER_SHARE).map_err(explain)?;
    connection.pragma_update(None, "query_only", true).map_err(explain)?;
    Ok(connection)
}

/// A connection that copies the log into the file, and does not read a row.
pub(crate) fn copier(config: &SqliteConfig) -> Result<Connection, OpenError> {
    let explain = |error| explained(&config.path, error);
    let connection = connect(config, 0).map_err(explain)?;
    connection.pragma_update(None, "query_only", true).map_err(explain)?;
    connection.pragma_update(None, "synchronous", "full").map_err(explain)?;
    Ok(connection)
}

fn connect(config: &SqliteConfig, cache_kib: u32) -> rusqlite::Result<Connection> {
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
    let cache_size = i64::from(cache_kib).checked_neg();
    connection.pragma_update(None, "cache_size", cache_size)?;
    connection.pragma_update(None, "temp_store", TEMP_STORE)?;
    // A plan that may depend on a bound value is made anew at each use, a bound LIMIT included.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Whoever closes last would copy the log into the file and delete it. After a sync that failed
    // only the log has everything: the store allows it to its writer when it trusts the disk.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
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

/// What the write connection alone decides.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
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

/// How many steps of the schema the file has; refuses steps that are not ours.
fn versions(config: &SqliteConfig, connection: &Connection) -> Result<usize, OpenError> {
    let explain = |error| explained(&config.path, error);
    let path = || config.path.clone();
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(explain)?;
    if tables == 0 {
        return Ok(0);
    }
    let sql = "SELECT version, checksum FROM schema_version ORDER BY version";
    let mut statement = connection.prepare(sql).map_err(explain)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(explain)?;
    let applied: Vec<(u32, [u8; 16])> = rows.collect::<Result<_, _>>().map_err(explain)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if let Some((found, _)) = applied.last().filter(|(version, _)| *version > known) {
        return Err(OpenError::NewerSchema { path: path(), found: *found, known });
    }
    for ((version, checksum), (wanted, step)) in applied.iter().zip((1..).zip(&MIGRATIONS)) {
        if (*version, *checksum) != (wanted, step.checksum()) {
            return Err(OpenError::ChangedMigration { path: path(), version: wanted });
        }
    }
    Ok(applied.len())
}

/// Applies the steps that the file has not, all or none.
fn migrate(
    config: &SqliteConfig,
    connection: &mut Connection,
    applied: usize,
) -> Result<(), OpenError> {
    let explain = |error| explained(&config.path, error);
    // An index over millions of rows is sorted on the disk.
    connection.pragma_update(None, "temp_store", "file").map_err(explain)?;
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(explain)?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY, \
             checksum BLOB NOT NULL, applied_at INTEGER NOT NULL) STRICT",
        )
        .map_err(explain)?;
    for (version, step) in (1..).zip(&MIGRATIONS).skip(applied) {
        step.apply(&transaction, version).map_err(|fail| failed(&config.path, version, fail))?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(explain)?;
    transaction.commit().map_err(explain)?;
    connection.pragma_update(None, "temp_store", TEMP_STORE).map_err(explain)
}

/// A step of the schema may leave a log that is longer than the file. Its space is given back, and no
/// start after a kill has to read it. Where there is none, or somebody reads it, nothing happens.
fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

impl Migration {
    fn checksum(&self) -> [u8; 16] {
        checksum(self.sql)
    }

    fn apply(&self, db: &Connection, version: u32) -> Result<(), Fail> {
        db.execute_batch(self.sql)?;
        (self.fill)(db)?;
        let sql = "INSERT INTO schema_version VALUES (?1, ?2, unixepoch())";
        db.execute(sql, params![version, self.checksum()])?;
        Ok(())
    }
}

/// A step that did not go through: the disk failed, or the rows are not what they should be.
fn failed(path: &Path, version: u32, fail: Fail) -> OpenError {
    let is_of_rows = match &fail {
        Fail::BadRow(_) => true,
        Fail::Sql(error) => matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation | ErrorCode::Unknown)
        ),
    };
    match fail {
        Fail::Sql(error) if !is_of_rows => explained(path, error),
        fail => OpenError::Migration { path: path.to_owned(), version, source: Box::new(fail) },
    }
}

/// Over the text without carriage returns, which a checkout may add.
fn checksum(sql: &str) -> [u8; 16] {
    Fingerprint::of(sql.replace('\r', "").as_bytes()).0
}

/// The list of chapters does not read.
fn unread(path: &Path, fail: Fail) -> OpenError {
    match fail {
        Fail::Sql(error) => explained(path, error),
        Fail::BadRow(_) => {
            let finding = "its list of chapters has a gap or does not read".into();
            OpenError::Damaged { path: path.to_owned(), finding }
        }
    }
}

/// Says what the operator can do about an error of SQLite.
fn explained(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    let extended = error.sqlite_error().map(|error| error.extended_code);
    match error.sqlite_error_code() {
        // No space for the memory that the connections share, which is a file as well.
        _ if extended == Some(SQLITE_IOERR_SHMSIZE) => OpenError::Full { path },
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        // A table that is missing, or a number of the header that SQLite does not know.
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => {
            OpenError::Damaged { path, finding: error.to_string().into() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::ReadOnly { path },
        Some(ErrorCode::DiskFull) => OpenError::Full { path },
        _ => OpenError::Io { path, source: Box::new(error) },
    }
}
