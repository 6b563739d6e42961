//! Power cuts under SQLite itself: what it syncs it keeps, what it does not sync is lost.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod common;

use tillway_faultfs::{Cut, Disk, FaultFs, Plan};

use common::{add, connect, numbers, open};

const ROWS: i64 = 8;

/// Adds numbers until the power goes before a change; says how many were acknowledged.
fn life(synchronous: &str, plan: Plan) -> (FaultFs, i64) {
    let fs = FaultFs::new(Disk::new());
    fs.plan(plan);
    let mut told = 0;
    if let Ok(connection) = open(&fs, synchronous) {
        // Small enough that the log goes into the file several times.
        let _ = connection.pragma_update(None, "wal_autocheckpoint", 3);
        told = (1..=ROWS).take_while(|n| add(&connection, *n).is_ok()).count();
    }
    (fs, i64::try_from(told).unwrap())
}

/// How many cuts there were, and how many of them lost what was acknowledged.
fn all_cuts(synchronous: &str, plan: &Plan) -> (u64, u64) {
    let (whole, told) = life(synchronous, plan.clone());
    assert_eq!(told, ROWS);
    let (mut cuts, mut losses) = (0, 0);
    for change in 1..=whole.counts().changes() + 1 {
        let (fs, told) = life(synchronous, plan.clone().cut_before(change));
        for cut in Cut::all(change) {
            let after = FaultFs::new(fs.disk().after(cut));
            let left = open(&after, synchronous).and_then(|connection| {
                let check = "PRAGMA integrity_check";
                let check: String = connection.query_row(check, [], |row| row.get(0))?;
                Ok((check == "ok").then_some(numbers(&connection)?))
            });
            // What came last may be there without having been told.
            let all = |left: Vec<i64>| {
                left == (1..=told).collect::<Vec<_>>() || left == (1..=told + 1).collect::<Vec<_>>()
            };
            cuts += 1;
            losses += u64::from(!left.ok().flatten().is_some_and(all));
        }
    }
    (cuts, losses)
}

#[test]
fn full_syncs_lose_nothing() {
    let (cuts, losses) = all_cuts("full", &Plan::new());
    println!("{cuts} cuts with synchronous=full: {losses} lost something");
    assert!(cuts > 300);
    assert_eq!(losses, 0);
}

#[test]
fn no_syncs_lose_something() {
    for (name, synchronous, plan) in [
        ("synchronous=off", "off", Plan::new()),
        ("synchronous=normal", "normal", Plan::new()),
        ("a disk that lies", "full", Plan::new().lying_syncs()),
    ] {
        let (cuts, losses) = all_cuts(synchronous, &plan);
        println!("{cuts} cuts with {name}: {losses} lost something");
        assert!(losses > 0, "{name}");
    }
}

#[test]
fn a_seed_repeats_itself() {
    let (fs, _) = life("off", Plan::new());
    let disk = fs.disk();
    assert!(!disk.is_synced());
    for cut in Cut::all(7) {
        let (first, second) = (disk.after(cut), disk.after(cut));
        let paths: Vec<_> = first.paths().collect();
        assert_eq!(paths, second.paths().collect::<Vec<_>>());
        assert!(paths.iter().all(|path| first.bytes(path) == second.bytes(path)));
        assert!(first.is_synced());
    }
    let after = FaultFs::new(disk.after(Cut::Keep));
    assert_eq!(numbers(&connect(&after).unwrap()).unwrap().len(), 8);
}
