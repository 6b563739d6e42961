//! Recorded histories of callers at once on one file, each with an order that explains it.
//!
//! `TILLWAY_HISTORIES=1000` tries as many seeds; the usual number is small enough for every day.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use tillway_core::port::Store;
use tillway_sqlite::{Mode, SqliteConfig, SqliteStore};
use tillway_testkit::broken::{Broken, Flaw};
use tillway_testkit::histories::{Explained, Plan, Size, Unexplained};

const SIZE: Size = Size { callers: 8, calls: 32 };
const SEEDS: &str = "TILLWAY_HISTORIES";

fn seeds() -> u64 {
    std::env::var(SEEDS).ok().map_or(40, |text| text.parse().unwrap())
}

/// A seed decides, besides what is asked, how the store is set up: groups of one commit and of
/// many, one reader and several, a log that is copied often, a queue that is soon full.
fn open(seed: u64, mode: Mode, folder: &tempfile::TempDir) -> Arc<dyn Store> {
    let mut config = SqliteConfig::new(folder.path().join("book.db"));
    config.mode = mode;
    config.batch_max = [1, 2, 5, 256][usize::try_from(seed % 4).unwrap()];
    config.read_connections = [1, 2, 4][usize::try_from(seed % 3).unwrap()];
    config.queue_max = [4_096, 2][usize::from(seed % 5 == 4)];
    config.checkpoint_pages = [8, 64, 2_000][usize::try_from(seed / 2 % 3).unwrap()];
    config.chapter_names = [1_000_000, 20, 3][usize::try_from(seed / 3 % 3).unwrap()];
    Arc::new(SqliteStore::open(config).unwrap())
}

fn record(seed: u64, mode: Mode, flaw: Option<Flaw>) -> Result<Explained, Unexplained> {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(seed, mode, &folder);
    if let Some(flaw) = flaw {
        store = Arc::new(Broken::new(flaw, store));
    }
    let plan = Plan::new(seed, SIZE);
    plan.set_up(store.as_ref()).unwrap();
    plan.record(&store).check()
}

fn every_history_has_an_order(mode: Mode, seeds: u64) {
    let mut whole = Explained::default();
    for seed in 0..seeds {
        let explained = record(seed, mode, None).unwrap_or_else(|found| panic!("{found}"));
        whole.calls += explained.calls;
        whole.overlapping += explained.overlapping;
        whole.steps += explained.steps;
    }
    println!("{mode:?}, {seeds} seeds: {whole:?}");
    assert!(whole.overlapping > whole.calls / 10, "callers met: {whole:?}");
}

#[test]
fn a_writer_on_its_thread_is_linearizable() {
    every_history_has_an_order(Mode::Thread, seeds());
}

#[test]
fn a_writer_in_line_is_linearizable() {
    every_history_has_an_order(Mode::Inline, seeds() / 4);
}

/// The same histories find what is wrong, so they would find it in the store too. Most are found
/// in the first ten; the bound is where hope ends.
fn caught(flaw: Flaw) -> Unexplained {
    let found = (0..400).find_map(|seed| record(seed, Mode::Thread, Some(flaw)).err());
    found.expect("caught in 400 seeds")
}

#[test]
fn one_who_checks_then_acts_is_caught() {
    println!("{}", caught(Flaw::ChecksThenActs));
}

#[test]
fn one_who_reads_what_was_is_caught() {
    println!("{}", caught(Flaw::ShowsOldAccounts));
}
