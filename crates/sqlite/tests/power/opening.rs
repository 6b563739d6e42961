//! Faults and cuts while the file is created or opened.

use std::fs::File;
use std::time::SystemTime;

use futures::executor::block_on;
use tillway_core::port::Store;
use tillway_faultfs::{Call, Disk, Fault, FaultFs, Plan};
use tillway_sqlite::OpenError;

use crate::ground::{Ground, PLAIN, left_by_cuts, rows};
use crate::story::table;

/// Disks that a store is opened on, each with what it shows.
fn disks(ground: &Ground) -> Vec<(&'static str, Disk)> {
    let running = FaultFs::new(ground.base());
    let store = ground.open(&running, PLAIN).unwrap();
    ground.steps.iter().for_each(|step| drop(step.take(&store).unwrap()));
    let killed = running.disk();
    drop(store);
    vec![("empty", Disk::new()), ("closed", running.disk()), ("killed", killed)]
}

/// What an error of the disk may be told as: never as a file that is damaged or of somebody else.
fn is_clear(error: &OpenError) -> bool {
    matches!(error, OpenError::Io { .. } | OpenError::Full { .. })
}

#[test]
fn r5_a_fault_in_every_call_of_opening() {
    let ground = Ground::new(table());
    for (name, disk) in disks(&ground) {
        let sound = FaultFs::new(disk.clone());
        drop(ground.open(&sound, PLAIN).unwrap());
        let wanted = rows(&ground.path(), &sound);
        let (mut faults, mut refused) = (0, 0);
        for call in Call::ALL {
            for (every, fault) in
                [(1, Fault::Io), (3, Fault::TornIo), (3, Fault::TornFull), (3, Fault::Memory)]
            {
                for number in (1..=sound.counts().of(call)).step_by(every) {
                    let fs = FaultFs::new(disk.clone());
                    fs.plan(Plan::new().fail(call, number, fault));
                    let opened = ground.open(&fs, PLAIN);
                    let what = format!("{name}: {call:?} {number} fails by {fault:?}");
                    if let Err(error) = &opened {
                        assert!(is_clear(error), "{what}: {error:?}");
                        let full = call == Call::Write && fault == Fault::TornFull;
                        let told = matches!(error, OpenError::Full { .. });
                        assert!(told || !full, "{what}: {error:?}");
                        refused += 1;
                    }
                    drop(opened);
                    faults += fs.counts().faults();
                    let again = FaultFs::new(ground.restarted(fs.disk()));
                    let store = ground.open(&again, PLAIN);
                    let store = store.unwrap_or_else(|error| panic!("{what}, then {error:?}"));
                    assert_eq!(rows(&ground.path(), &again), wanted, "{what}");
                    block_on(store.ready()).unwrap();
                    block_on(store.check()).unwrap();
                }
            }
        }
        println!("{name}: {faults} faults, {refused} refused to open");
        assert!(refused > 20);
    }
}

#[test]
fn r5_a_cut_anywhere_in_opening() {
    let ground = Ground::new(table());
    for (name, disk) in disks(&ground) {
        let sound = FaultFs::new(disk.clone());
        drop(ground.open(&sound, PLAIN).unwrap());
        let wanted = rows(&ground.path(), &sound);
        let mut cuts = 0;
        for change in 1..=sound.counts().changes() + 1 {
            let fs = FaultFs::new(disk.clone());
            fs.plan(Plan::new().cut_before(change));
            drop(ground.open(&fs, PLAIN));
            for (cut, left) in left_by_cuts(&fs.disk(), change) {
                let what = format!("{name}: before {change}, {cut:?}");
                if cuts % 3 == 0 {
                    ground.open_really(&left).unwrap_or_else(|error| panic!("{what}: {error:?}"));
                }
                let after = FaultFs::new(left);
                let store = ground.open(&after, PLAIN);
                let store = store.unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert_eq!(rows(&ground.path(), &after), wanted, "{what}");
                block_on(store.check()).unwrap();
                cuts += 1;
            }
        }
        println!("{name}: {} changes of the disk, {cuts} cuts", sound.counts().changes());
    }
}

/// That this is enough after a failed sync is shown on the simulated disk (`Ground::restarted`).
#[test]
fn a_start_writes_the_log_once_more() {
    let ground = Ground::new(table());
    let (_, killed) = disks(&ground).pop().unwrap();
    ground.save_really(&killed);
    let log = File::options().write(true).open(ground.log()).unwrap();
    log.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let store = ground.open_saved().unwrap();
    assert_ne!(log.metadata().unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
    assert!(std::fs::read(ground.log()).unwrap() == killed.bytes(&ground.log()).unwrap());
    block_on(store.check()).unwrap();
}
