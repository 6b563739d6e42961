//! What the simulated disk keeps and what it counts.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;

use rusqlite::{Connection, ErrorCode};
use tillway_faultfs::{Call, Cut, Disk, Fault, FaultFs, Plan};

use common::{add, code, connect, numbers, open, path};

#[test]
fn connections_share_a_file() {
    let fs = FaultFs::new(Disk::new());
    let writer = open(&fs, "full").unwrap();
    let reader = connect(&fs).unwrap();
    add(&writer, 1).unwrap();
    assert_eq!(numbers(&reader).unwrap(), [1]);
    reader.execute_batch("BEGIN; SELECT * FROM numbers").unwrap();
    assert_eq!(numbers(&reader).unwrap(), [1]);
    add(&writer, 2).unwrap();
    assert_eq!(numbers(&reader).unwrap(), [1], "a transaction reads one moment");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(numbers(&reader).unwrap(), [1, 2]);
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(code(reader.execute_batch("BEGIN IMMEDIATE")), Some(ErrorCode::DatabaseBusy));
}

#[test]
fn threads_share_a_file() {
    let fs = FaultFs::new(Disk::new());
    drop(open(&fs, "full").unwrap());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let fs = &fs;
            scope.spawn(move || {
                let connection = connect(fs).unwrap();
                connection.busy_timeout(core::time::Duration::from_secs(600)).unwrap();
                for n in 0..50 {
                    add(&connection, thread * 1_000 + n).unwrap();
                    assert!(numbers(&connection).unwrap().len() > usize::try_from(n).unwrap());
                }
            });
        }
    });
    assert_eq!(numbers(&connect(&fs).unwrap()).unwrap().len(), 200);
}

#[test]
fn a_new_process_finds_what_the_last_one_left() {
    let fs = FaultFs::new(Disk::new());
    let connection = open(&fs, "off").unwrap();
    add(&connection, 1).unwrap();
    let killed = FaultFs::new(fs.disk());
    assert_eq!(numbers(&connect(&killed).unwrap()).unwrap(), [1]);
    drop(connection);
    let closed = FaultFs::new(fs.disk());
    assert_eq!(numbers(&connect(&closed).unwrap()).unwrap(), [1]);
}

#[test]
fn calls_are_counted_and_the_wanted_one_fails() {
    let fs = FaultFs::new(Disk::new());
    let connection = open(&fs, "full").unwrap();
    fs.plan(Plan::new());
    add(&connection, 1).unwrap();
    let counts = fs.counts();
    let (writes, syncs) = (counts.of(Call::Write), counts.of(Call::Sync));
    assert!(writes >= 2 && syncs >= 1 && counts.changes() == writes + syncs, "{counts:?}");
    for (n, fault, wanted) in [
        (2, Fault::Io, ErrorCode::SystemIoFailure),
        (3, Fault::TornIo, ErrorCode::SystemIoFailure),
        (4, Fault::Full, ErrorCode::DiskFull),
        (5, Fault::TornFull, ErrorCode::DiskFull),
        (6, Fault::Memory, ErrorCode::OutOfMemory),
    ] {
        fs.plan(Plan::new().fail(Call::Write, 2, fault));
        assert_eq!(code(add(&connection, n)), Some(wanted), "{fault:?}");
        assert_eq!((fs.counts().of(Call::Write), fs.counts().faults()), (2, 1));
        add(&connection, n).unwrap();
    }
    assert_eq!(numbers(&connection).unwrap(), [1, 2, 3, 4, 5, 6]);
    fs.plan(Plan::new().fail_from(Call::Write, 1, Fault::Full));
    for n in 7..10 {
        assert_eq!(code(add(&connection, n)), Some(ErrorCode::DiskFull));
    }
    assert_eq!(fs.counts().faults(), 3);
}

#[test]
fn every_kind_of_call_can_fail() {
    let mut seen = Vec::new();
    for call in Call::ALL {
        let fs = FaultFs::new(Disk::new());
        fs.plan(Plan::new().fail_from(call, 1, Fault::Io));
        let failed = open(&fs, "full").and_then(|connection| {
            add(&connection, 1)?;
            connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        });
        assert!(failed.is_err() && fs.counts().faults() > 0, "{call:?} {failed:?}");
        seen.push(call);
    }
    assert_eq!(seen.len(), Call::ALL.len());
}

#[test]
fn a_failed_sync_loses_what_the_next_one_does_not_bring_back() {
    let fs = FaultFs::new(Disk::new());
    let connection = open(&fs, "off").unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    add(&connection, 1).unwrap();
    connection.execute_batch("PRAGMA synchronous = full").unwrap();
    fs.plan(Plan::new().fail(Call::Sync, 1, Fault::Io));
    assert_eq!(code(add(&connection, 2)), Some(ErrorCode::SystemIoFailure));
    assert_eq!(numbers(&connection).unwrap(), [1], "a read does not notice");
    add(&connection, 3).unwrap();
    assert_eq!(numbers(&connection).unwrap(), [1, 3]);
    let after = FaultFs::new(fs.disk().after(Cut::Keep));
    let left = connect(&after).and_then(|connection| numbers(&connection));
    assert!(!left.unwrap_or_default().contains(&3), "acknowledged after a lost page, and gone");
    let mut disk = fs.disk();
    disk.paths().map(Path::to_owned).collect::<Vec<_>>().iter().for_each(|p| disk.rewrite(p));
    let after = FaultFs::new(disk.after(Cut::Lose));
    assert_eq!(
        numbers(&connect(&after).unwrap()).unwrap(),
        [1, 3],
        "written once more, it is there"
    );
}

#[test]
fn without_power_nothing_answers() {
    let fs = FaultFs::new(Disk::new());
    let connection = open(&fs, "full").unwrap();
    add(&connection, 1).unwrap();
    fs.power_off();
    let before = fs.disk();
    assert_eq!(code(add(&connection, 2)), Some(ErrorCode::SystemIoFailure));
    assert!(connect(&fs).is_err() || numbers(&connect(&fs).unwrap()).is_err());
    drop(connection);
    assert_eq!(before.bytes(path()), fs.disk().bytes(path()));
    assert!(fs.is_off());
}

#[test]
fn a_machine_may_go_before_its_connections() {
    let fs = FaultFs::new(Disk::new());
    let connection = open(&fs, "full").unwrap();
    let name = fs.name().to_owned();
    drop(fs);
    add(&connection, 1).unwrap();
    assert_eq!(numbers(&connection).unwrap(), [1]);
    let again = Connection::open_with_flags_and_vfs(path(), Default::default(), name.as_str());
    assert!(again.is_err());
}

#[test]
fn a_real_file_goes_in_and_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.db");
    let real = Connection::open(&path).unwrap();
    real.execute_batch(
        "CREATE TABLE numbers (n INTEGER PRIMARY KEY); INSERT INTO numbers VALUES (1)",
    )
    .unwrap();
    drop(real);
    let mut disk = Disk::new();
    disk.load(&path).unwrap();
    assert!(disk.is_synced());
    let fs = FaultFs::new(disk);
    let inside = Connection::open_with_flags_and_vfs(&path, Default::default(), fs.name()).unwrap();
    add(&inside, 2).unwrap();
    drop(inside);
    let disk = fs.disk();
    assert_eq!(disk.paths().collect::<Vec<_>>(), [&path]);
    disk.save().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), disk.bytes(&path).unwrap());
    assert_eq!(numbers(&Connection::open(&path).unwrap()).unwrap(), [1, 2]);
}
