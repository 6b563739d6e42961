//! Opening a file, and refusing to.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;

use futures::executor::block_on;
use rusqlite::Connection;
use tillway_core::id::GuestId;
use tillway_core::port::{AccountBook, Store};
use tillway_sqlite::{OpenError, SqliteConfig, SqliteStore};

use support::{account_id, guest_with_deposit, open, uuid};

fn refusal(path: &Path) -> OpenError {
    SqliteStore::open(SqliteConfig::new(path)).unwrap_err()
}

#[test]
fn a_reopened_file_has_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let store = open(&path);
    block_on(guest_with_deposit(&store, 1, 5_000));
    let account = block_on(store.account(account_id(1))).unwrap();
    drop(store);
    let store = open(&path);
    assert_eq!(store.path(), path);
    assert_eq!(block_on(store.account(account_id(1))).unwrap(), account);
    assert!(block_on(store.guest(GuestId(uuid(1, 1)))).unwrap().is_some());
    block_on(store.ready()).unwrap();
    block_on(store.check()).unwrap();
}

#[test]
fn a_second_store_is_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let store = open(&path);
    assert!(matches!(refusal(&path), OpenError::Locked { .. }));
    drop(store);
    open(&path);
}

/// Whatever stands beside the file stands beside it, not beside a link.
#[cfg(unix)]
#[test]
fn a_link_is_the_file_that_it_leads_to() {
    use std::os::unix::fs::symlink;
    let [disk, data] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let file = disk.path().join("book.db");
    let (near, far) = (disk.path().join("near.db"), data.path().join("far.db"));
    symlink("book.db", &near).unwrap();
    symlink(&near, &far).unwrap();
    // One that leads nowhere yet makes the file there.
    for (first, second) in [(&far, &file), (&file, &far), (&near, &far)] {
        let store = open(first);
        assert!(matches!(refusal(second), OpenError::Locked { .. }), "{first:?} {second:?}");
        drop(store);
    }
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "the link alone");
    // Damage is found through a link as well.
    fs::write(disk.path().join("book.db-wal"), [1; 64]).unwrap();
    fs::write(&file, b"").unwrap();
    assert!(matches!(refusal(&far), OpenError::LogAlone { .. }));
    // A link that leads to itself is no file.
    fs::remove_file(&near).unwrap();
    symlink("near.db", &near).unwrap();
    assert!(matches!(refusal(&far), OpenError::Io { .. }));
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nowhere").join("book.db");
    let OpenError::FolderMissing { path } = refusal(&path) else { panic!("folder") };
    assert_eq!(path, folder.path().join("nowhere"));
}

#[test]
fn garbage_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let garbage = b"this is a letter to grandmother, not a database at all\n".repeat(100);
    fs::write(&path, &garbage).unwrap();
    assert!(matches!(refusal(&path), OpenError::NotADatabase { .. }));
    assert_eq!(fs::read(&path).unwrap(), garbage);
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    assert!(matches!(refusal(&path), OpenError::Foreign { .. }));
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    drop(open(&path));
    let mut bytes = fs::read(&path).unwrap();
    // The first page after its header: the root of the schema.
    bytes[100..4_096].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(refusal(&path), OpenError::Damaged { .. }));
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    drop(open(&path));
    let sql = "INSERT INTO schema_version VALUES (99, zeroblob(16), 0)";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let OpenError::NewerSchema { found, known, .. } = refusal(&path) else { panic!("version") };
    assert_eq!((found, known < 99), (99, true));
}

#[test]
fn a_schema_of_other_sources_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    drop(open(&path));
    let sql = "UPDATE schema_version SET checksum = zeroblob(16) WHERE version = 1";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    assert!(matches!(refusal(&path), OpenError::ChangedMigration { version: 1, .. }));
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let result = if fs::write(folder.path().join("probe"), b"").is_ok() {
        println!("skipped a_read_only_folder_is_refused: this account writes where it may not");
        None
    } else {
        Some(refusal(&folder.path().join("book.db")))
    };
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(result.is_none_or(|error| matches!(error, OpenError::ReadOnly { .. })));
}

#[test]
fn an_empty_store_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    drop(open(&path));
    let size = fs::metadata(&path).unwrap().len();
    assert!(size <= 200 * 1_024, "{size} bytes");
}
