//! A log that was damaged is told from one that a power cut tore.

use std::fs;
use std::path::{Path, PathBuf};

use futures::executor::block_on;
use rusqlite::Connection;
use tempfile::TempDir;
use tillway_core::port::Store;
use tillway_faultfs::{Cut, Disk, FaultFs, Plan};

use super::faults::carry;
use crate::preflight::{look, words};
use crate::{Mode, OpenError, SqliteConfig, SqliteStore};

const HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;

/// A store that was killed: the file, and a log of some transactions.
struct Killed {
    folder: TempDir,
    file: Vec<u8>,
    log: Vec<u8>,
}

impl Killed {
    /// After so many commits, with the log copied into the file before the last ones.
    fn after(commits: u128, copied_before: u128) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.db");
        let store = SqliteStore::open(SqliteConfig::new(&path)).unwrap();
        for n in 0..commits {
            if n == copied_before {
                let copy = "PRAGMA wal_checkpoint(FULL)";
                let copied = store.writer.submit(move |w| w.connection.execute_batch(copy));
                block_on(copied.unwrap()).unwrap().unwrap();
            }
            block_on(store.commit(carry(n))).unwrap();
        }
        let (file, log) = (fs::read(&path).unwrap(), fs::read(wal(&path)).unwrap());
        drop(store);
        Self { folder, file, log }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("book.db")
    }

    /// What is said of it with this log.
    fn with(&self, log: &[u8]) -> Result<(), OpenError> {
        fs::write(self.path(), &self.file).unwrap();
        fs::write(wal(&self.path()), log).unwrap();
        look(&self.path())
    }

    fn frames(&self) -> usize {
        (self.log.len() - HEADER) / FRAME
    }

    /// The frames that end a transaction, from 0.
    fn commits(&self) -> Vec<usize> {
        let commit = |n: &usize| words::<1>(&self.log, HEADER + n * FRAME + 4) != [0];
        (0..self.frames()).filter(commit).collect()
    }
}

fn wal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn flipped(log: &[u8], at: usize) -> Vec<u8> {
    let mut log = log.to_vec();
    log[at] ^= 0x10;
    log
}

fn is_damage(said: &Result<(), OpenError>, path: &Path) -> bool {
    matches!(said, Err(OpenError::Damaged { path: named, .. }) if *named == wal(path))
}

/// Movements as SQLite alone finds them, without a look before.
fn movements(killed: &Killed, log: &[u8]) -> u32 {
    drop(killed.with(log));
    let db = Connection::open(killed.path()).unwrap();
    db.query_row("SELECT count(*) FROM movements", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_sound_log_is_let_through() {
    for (commits, copied_before) in [(1, 99), (6, 99), (6, 3), (6, 5)] {
        let killed = Killed::after(commits, copied_before);
        killed.with(&killed.log).unwrap();
        assert_eq!(u128::from(movements(&killed, &killed.log)), commits);
    }
}

#[test]
fn a_header_that_was_changed_is_damage() {
    let killed = Killed::after(6, 99);
    for at in 0..HEADER {
        let log = flipped(&killed.log, at);
        assert!(is_damage(&killed.with(&log), &killed.path()), "byte {at}");
    }
    assert!(is_damage(&killed.with(&vec![7; killed.log.len()]), &killed.path()));
    let log = flipped(&killed.log, 0);
    assert_eq!(movements(&killed, &log), 0, "SQLite alone forgets all and says nothing");
}

#[test]
fn a_header_that_was_torn_is_none() {
    // All of the log is in the file; the header of the next one was on its way.
    let mut killed = Killed::after(6, 99);
    let path = killed.path();
    drop(killed.with(&killed.log));
    drop(SqliteStore::open(SqliteConfig::new(&path)).unwrap());
    killed.file = fs::read(&path).unwrap();
    for at in 0..HEADER {
        killed.with(&flipped(&killed.log, at)).unwrap();
    }
    // A new log of which nothing but the length reached the disk.
    killed.with(&[0; HEADER]).unwrap();
    killed.with(&vec![0; HEADER + 3 * FRAME]).unwrap();
}

#[test]
fn a_frame_that_was_changed_is_damage_when_later_transactions_read() {
    let killed = Killed::after(6, 99);
    let commits = killed.commits();
    assert!(commits.len() >= 6, "{commits:?}");
    let last_but_one = commits[commits.len() - 2];
    for frame in 0..killed.frames() {
        // In the page, and in the checksum of its header.
        for inside in [24, 24 + 2_048, FRAME - 1, 16] {
            let log = flipped(&killed.log, HEADER + frame * FRAME + inside);
            let said = killed.with(&log);
            if frame < last_but_one {
                assert!(is_damage(&said, &killed.path()), "frame {frame}, byte {inside}: {said:?}");
            } else if frame > last_but_one {
                // As a power cut leaves the last transaction.
                said.unwrap();
            }
        }
    }
    let log = flipped(&killed.log, HEADER + last_but_one * FRAME - 1);
    assert_eq!(movements(&killed, &log), 4, "SQLite alone forgets a payment and says nothing");
}

#[test]
fn a_log_that_ends_early_is_let_through() {
    let killed = Killed::after(6, 3);
    for length in (0..killed.log.len()).step_by(512) {
        killed.with(&killed.log[..length]).unwrap();
    }
}

/// Two lives on a disk that loses power, each cut at some call: whatever is left of the log, the
/// next start must not be refused.
#[test]
fn no_power_cut_is_taken_for_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.db");
    let mut config = SqliteConfig::new(&path);
    (config.mode, config.checkpoint_pages) = (Mode::Inline, 12);
    let live = |disk: Disk, plan: Plan, from: u128| {
        let fs = FaultFs::new(disk);
        let vfs = Some(fs.name().to_owned());
        let store = SqliteStore::open(SqliteConfig { vfs, ..config.clone() }).unwrap();
        fs.plan(plan);
        let refused = (from..from + 12).find(|n| block_on(store.commit(carry(*n))).is_err());
        // The power is gone before it closes.
        fs.power_off();
        drop(store);
        assert!(refused.is_some() || from == 0);
        fs.disk()
    };
    let base = live(Disk::new(), Plan::new(), 0).after(Cut::Lose);
    let (mut looks, mut logs) = (0_u32, 0_u32);
    for call in (1..60).step_by(2) {
        for first in Cut::all(call) {
            let left = live(base.clone(), Plan::new().cut_before(call), 100).after(first);
            let second = Cut::all(call * 7 + 1)[(call % 6) as usize];
            let end = live(left.clone(), Plan::new().cut_before(60 - call), 200).after(second);
            for disk in [left, end] {
                [path.clone(), wal(&path)].iter().for_each(|file| drop(fs::remove_file(file)));
                disk.save().unwrap();
                look(&path).unwrap_or_else(|error| panic!("{call} {first:?} {second:?}: {error}"));
                looks += 1;
                logs += u32::from(fs::metadata(wal(&path)).is_ok_and(|log| log.len() > 0));
            }
        }
    }
    assert!(looks == 30 * 12 && logs > looks / 2, "{looks} looks at {logs} logs");
}
