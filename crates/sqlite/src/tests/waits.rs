//! What a caller waits for has a bound: the queue, a stranger's lock, the end of the writer.

use std::sync::mpsc;
use std::thread;

use futures::executor::block_on;
use rusqlite::Connection;
use tillway_core::Timestamp;
use tillway_core::book::Commit;
use tillway_core::port::{CommitError, Store};

use crate::{OpenError, SqliteConfig, SqliteStore};

fn config(folder: &tempfile::TempDir) -> SqliteConfig {
    SqliteConfig::new(folder.path().join("book.db"))
}

#[test]
fn a_strangers_lock_is_waited_for_as_long_as_configured() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder);
    config.busy_wait_ms = 1;
    let path = config.path.clone();
    let store = SqliteStore::open(config).unwrap();
    let stranger = Connection::open(path).unwrap();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commit = || block_on(store.commit(Commit::of(Timestamp::utc(5), Vec::new())));
    assert_eq!(commit(), Err(CommitError::Unavailable));
    // Later it goes on.
    stranger.execute_batch("ROLLBACK").unwrap();
    assert!(commit().is_ok());
}

#[test]
fn a_store_that_is_dropped_does_not_wait_for_a_disk_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let mut slow = config(&folder);
    slow.close_wait_ms = 1;
    let store = SqliteStore::open(slow).unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let hangs = store.writer.submit(move |_| wait.recv().unwrap()).unwrap();
    drop(store);
    // Somebody may still write there.
    let again = || SqliteStore::open(config(&folder));
    assert!(matches!(again(), Err(OpenError::Locked { .. })));
    go.send(()).unwrap();
    block_on(hangs).unwrap();
    let store = loop {
        match again() {
            Ok(store) => break store,
            Err(OpenError::Locked { .. }) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    };
    block_on(store.ready()).unwrap();
}
