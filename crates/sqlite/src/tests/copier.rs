//! The log goes into the file beside the writer, and stays short.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use tillway_core::port::Store;

use super::faults::carry;
use crate::{Mode, SqliteConfig, SqliteStore};

const CHECKPOINT_PAGES: u32 = 64;

/// The writer waits then.
const LOG_PAGES_MAX: u32 = 4 * CHECKPOINT_PAGES;

/// With one more commit.
const MOST: u64 = LOG_PAGES_MAX as u64 + 16;

/// A store without a log.
fn store(folder: &tempfile::TempDir) -> SqliteStore {
    let mut config = SqliteConfig::new(folder.path().join("book.db"));
    (config.checkpoint_pages, config.mode) = (CHECKPOINT_PAGES, Mode::Thread);
    drop(SqliteStore::open(config.clone()).unwrap());
    SqliteStore::open(config).unwrap()
}

/// Keeps the copier of a store busy.
fn busy(store: &SqliteStore, work: impl FnOnce(&dyn Fn() -> u32) + Send + 'static) {
    block_on(store.writer.submit(move |writer| writer.copier.busy(work)).unwrap()).unwrap();
}

fn pay(store: &SqliteStore, payments: core::ops::Range<u128>) {
    payments.for_each(|n| assert!(block_on(store.commit(carry(n))).is_ok(), "{n}"));
}

/// Of the file with this ending.
fn pages(store: &SqliteStore, ending: &str) -> u64 {
    let path = format!("{}{ending}", store.path().display());
    std::fs::metadata(path).map_or(0, |file| file.len() / 4_096)
}

#[test]
fn nobody_waits_for_a_log_that_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let (go, told) = mpsc::channel::<()>();
    busy(&store, move |_| while told.recv().is_ok() {});
    let before = pages(&store, "");
    pay(&store, 0..40);
    assert!(pages(&store, "-wal") > u64::from(CHECKPOINT_PAGES));
    assert_eq!(pages(&store, ""), before, "nothing is copied yet");
    drop(go);
    pay(&store, 40..1_000);
    assert!(pages(&store, "") > before);
    block_on(store.check()).unwrap();
}

#[test]
fn a_log_that_is_copied_too_slowly_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    busy(&store, |log_pages| {
        while log_pages() < LOG_PAGES_MAX {
            thread::yield_now();
        }
        // Time enough for hundreds of commits: that none comes needs time to be seen.
        thread::sleep(Duration::from_millis(200));
    });
    pay(&store, 0..1_000);
    assert!(pages(&store, "-wal") <= MOST);
    block_on(store.check()).unwrap();
}

#[test]
fn a_log_that_a_reader_keeps_begins_anew_without_the_reader() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let log_pages = || {
        let pages = store.writer.submit(|writer| writer.copier.log_pages());
        block_on(pages.unwrap()).unwrap()
    };
    pay(&store, 0..1);
    let reader = rusqlite::Connection::open(store.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM movements").unwrap();
    pay(&store, 1..500);
    assert!(log_pages() > 2 * LOG_PAGES_MAX);
    drop(reader);
    pay(&store, 500..600);
    assert!(log_pages() < LOG_PAGES_MAX);
    block_on(store.check()).unwrap();
}

#[test]
fn a_copy_that_panicked_leaves_it_to_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    busy(&store, |_| panic!("as ordered"));
    pay(&store, 0..1_000);
    assert!(pages(&store, "-wal") <= MOST);
    block_on(store.check()).unwrap();
}

#[test]
fn the_last_one_to_close_leaves_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    pay(&store, 0..100);
    let log = format!("{}-wal", store.path().display());
    drop(store);
    assert!(!std::fs::exists(log).unwrap());
}
