//! One call fails, at every call, each in a life of its own. What is left is opened by the next
//! process at once, and after a power cut.

use tillway_core::book::Op;
use tillway_core::port::CommitError;
use tillway_faultfs::{Call, Cut, Disk, Fault, Plan};
use tillway_testkit::builders::{at, seed};

use crate::ground::{COPYING, Ground, Heard, Life, PLAIN, Setting};
use crate::story::{Failed, Step, table};

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    calls: u64,
    lives: u64,
    poisoned: u64,
    starts: u64,
}

/// A kind of call, with faults: the first in every call, each other in every third.
type Broken<'f> = (Call, &'f [Fault]);

fn every_call(
    ground: &Ground,
    setting: Setting,
    (call, faults): Broken<'_>,
    check: impl Fn(Fault, &Life),
) -> Tried {
    let whole = ground.live(setting, Plan::new());
    assert!(whole.heard.failed.is_empty(), "{:?}", whole.heard.failed);
    let mut tried = Tried { calls: whole.fs.counts().of(call), ..Tried::default() };
    let every = |at: usize| if at == 0 { 1 } else { 3 };
    let faulty = (0..).zip(faults).flat_map(|(at, fault)| {
        (1..=tried.calls).step_by(every(at)).map(move |number| (number, *fault))
    });
    for (number, fault) in faulty {
        let life = ground.live(setting, Plan::new().fail(call, number, fault));
        let what = format!("{call:?} {number} of {} fails by {fault:?}", tried.calls);
        assert_eq!(life.fs.counts().faults(), 1, "{what}");
        life.heard.same_answers(ground);
        check(fault, &life);
        tried.lives += 1;
        tried.poisoned += u64::from(life.is_poisoned);
        let at_end = (life.heard.clone(), life.fs.disk());
        for (heard, disk) in life.at_failure.into_iter().chain([at_end]) {
            tried.starts += 2;
            let found = starts(ground, &disk, &heard, number);
            found.unwrap_or_else(|found| panic!("{what}, told {}: {found}", heard.told.len()));
        }
    }
    println!("{call:?} by {faults:?}: {tried:?}");
    assert!(tried.calls > 0);
    tried
}

fn starts(ground: &Ground, disk: &Disk, heard: &Heard, seed: u64) -> Result<(), String> {
    let cuts = Cut::all(seed);
    let cut = cuts[usize::try_from(seed).unwrap() % cuts.len()];
    let cut_found = ground.verify(disk.after(cut), heard, false);
    cut_found.map_err(|found| format!("after {cut:?}: {found}"))?;
    ground.verify(ground.restarted(disk.clone()), heard, seed.is_multiple_of(3))
}

/// The one failure that a full disk may cause.
fn only_full(_: Fault, life: &Life) {
    assert!(!life.is_poisoned);
    match life.heard.failed[..] {
        // Of a claim nobody learns why.
        [] | [(_, Failed::NotSaved(CommitError::Full))] | [(8 | 18, Failed::InDoubt)] => {}
        ref failed => panic!("{failed:?}"),
    }
}

/// Once the store does not trust the disk, all that follows fails, and says so.
fn poisoned_for_good(_: Fault, life: &Life) {
    let failed = life.heard.failed.iter().skip(1);
    let damaged = |(n, why): &(usize, Failed)| match why {
        Failed::NotSaved(error) => *error == CommitError::Corrupt,
        Failed::InDoubt => [8, 18].contains(n),
        Failed::Read(error) => *error == tillway_core::port::ReadError::Corrupt,
    };
    assert!(!life.is_poisoned || failed.clone().all(damaged), "{:?}", life.heard.failed);
}

#[test]
fn r5_a_disk_error_in_every_call() {
    let ground = Ground::new(table());
    for call in [Call::Read, Call::Truncate, Call::Delete, Call::Size, Call::Lock, Call::ShmLock] {
        every_call(&ground, COPYING, (call, &[Fault::Io, Fault::Memory]), poisoned_for_good);
    }
}

#[test]
fn r5_an_error_of_every_write() {
    let ground = Ground::new(table());
    let faults = [Fault::Io, Fault::TornIo, Fault::Memory];
    every_call(&ground, COPYING, (Call::Write, &faults), |fault, life| {
        let excused = fault == Fault::Memory || life.faults == 0;
        assert!(life.is_poisoned || excused, "a write failed and nobody noticed");
        poisoned_for_good(fault, life);
    });
}

#[test]
fn r5_a_sync_error_at_every_sync_poisons() {
    let ground = Ground::new(table());
    for setting in [PLAIN, COPYING] {
        let faults = (Call::Sync, &[Fault::Io, Fault::TornIo][..]);
        let tried = every_call(&ground, setting, faults, |fault, life| {
            assert!(life.is_poisoned || life.faults == 0, "a sync failed and nobody noticed");
            poisoned_for_good(fault, life);
        });
        assert!(tried.poisoned * 10 > tried.lives * 8, "the others are of the close");
    }
}

#[test]
fn r5_a_full_disk_at_every_write() {
    let ground = Ground::new(table());
    for setting in [PLAIN, COPYING] {
        let faults = (Call::Write, &[Fault::Full, Fault::TornFull][..]);
        every_call(&ground, setting, faults, only_full);
    }
}

#[test]
fn r5_a_disk_that_is_full_for_a_while() {
    let ground = Ground::new(table());
    for from in 0..ground.steps.len() - 4 {
        let full = |setting| {
            ground.live_beside(setting, Plan::new(), |step, fs| match step {
                step if step == from => fs.plan(Plan::new().fail_from(Call::Write, 1, Fault::Full)),
                step if step == from + 3 => fs.plan(Plan::new()),
                _ => {}
            })
        };
        for life in [full(PLAIN), full(COPYING)] {
            assert!(!life.is_poisoned);
            assert!(life.heard.failed.iter().all(|(n, _)| (from..from + 3).contains(n)));
            let (heard, disk) = life.at_failure.as_ref().unwrap();
            starts(&ground, disk, heard, 0).unwrap();
            starts(&ground, &life.fs.disk(), &life.heard, 3).unwrap();
        }
    }
}

/// The memory beside the log grows when the log has some thousand frames, which is after the log
/// was written: that commit may be there at the next start.
#[test]
fn r5_the_shared_memory_does_not_grow() {
    let photo = |n: u8| Op::PutPhoto {
        guest: seed()[usize::from(n) % 4].guest.id,
        photo: Some(vec![n; 500_000].into()),
    };
    let steps = (0..36).map(|n| Step::of(at(u64::from(n)), vec![photo(n)]));
    let ground = Ground::new(steps.collect());
    let setting = Setting { checkpoint_pages: 100_000, ..PLAIN };
    let faults = (Call::ShmMap, &[Fault::Io, Fault::Full, Fault::Memory][..]);
    every_call(&ground, setting, faults, |fault, life| {
        assert!(life.is_poisoned);
        assert_eq!(life.heard.failed[0].1, Failed::InDoubt);
        poisoned_for_good(fault, life);
    });
}

/// A start that takes the log as it finds it builds on pages that the disk never got.
#[test]
fn a_log_that_is_not_written_once_more_loses_answers() {
    let ground = Ground::new(table());
    let mut lost = 0;
    for number in 1..=ground.live(PLAIN, Plan::new()).fs.counts().of(Call::Sync) {
        let life = ground.live(PLAIN, Plan::new().fail(Call::Sync, number, Fault::Io));
        if let Some((heard, disk)) = life.at_failure {
            lost += u64::from(ground.verify(disk, &heard, true).is_err());
        }
    }
    println!("{lost} starts lost what they answered");
    assert!(lost > 0);
}
