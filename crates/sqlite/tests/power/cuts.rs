//! Power cuts before every change of the disk.

use tillway_faultfs::Plan;
use tillway_sqlite::Mode;

use crate::ground::{COPYING, Ground, PLAIN, SPILLING, Setting, left_by_cuts};
use crate::story::{large, random, table};

/// The power goes before a change, and what different cuts leave is opened. Says how many there
/// were, and the first that lost something.
fn cut(ground: &Ground, setting: Setting, plan: Plan, change: u64) -> (u64, Option<String>) {
    let life = ground.live(setting, plan.cut_before(change));
    life.heard.same_answers(ground);
    let left = left_by_cuts(&life.fs.disk(), change);
    let count = left.len() as u64;
    for (n, (cut, disk)) in (0..).zip(left) {
        let turn = (n + change) % 6;
        let really = if turn == 1 { ground.verify_really(&disk, &life.heard) } else { Ok(()) };
        let found = really.and_then(|()| ground.verify(disk, &life.heard, turn == 0));
        if let Err(found) = found {
            return (count, Some(format!("cut before change {change}, {cut:?}: {found}")));
        }
    }
    (count, None)
}

fn changes(ground: &Ground, setting: Setting) -> u64 {
    let whole = ground.live(setting, Plan::new());
    assert!(whole.heard.failed.is_empty(), "{:?}", whole.heard.failed);
    whole.fs.counts().changes()
}

fn cuts(name: &str, ground: &Ground, setting: Setting, every: usize) {
    let changes = changes(ground, setting);
    let mut cuts = 0;
    for change in (1..=changes + 1).step_by(every) {
        let (count, found) = cut(ground, setting, Plan::new(), change);
        assert_eq!(found, None, "{name}");
        cuts += count;
    }
    println!("{name}: {changes} changes of the disk, {cuts} cuts");
}

#[test]
fn r5_a_cut_anywhere() {
    let ground = Ground::new(table());
    let all: Vec<usize> = (0..ground.steps.len()).collect();
    let done = ground.run(&all).answers.iter().filter(|answer| answer.contains("Done(")).count();
    assert_eq!(done, 14, "{:#?}", ground.run(&all).answers);
    assert!(ground.filters() >= 2, "{} filters", ground.filters());
    cuts("an evening", &ground, PLAIN, 1);
}

#[test]
fn r5_a_cut_while_the_log_is_copied() {
    cuts("an evening, copying", &Ground::new(table()), COPYING, 1);
}

#[test]
fn r5_a_cut_of_a_large_commit() {
    cuts("large commits, spilling", &Ground::new(large()), SPILLING, 2);
}

#[test]
fn r5_cuts_with_a_writer_on_its_thread() {
    let ground = Ground::new(table());
    let setting = Setting { mode: Mode::Thread, ..COPYING };
    let mut cuts = 0;
    for change in (1..=changes(&ground, COPYING)).step_by(11) {
        let (count, found) = cut(&ground, setting, Plan::new(), change);
        assert_eq!(found, None);
        cuts += count;
    }
    println!("on a thread: {cuts} cuts");
}

#[test]
fn r5_cuts_of_random_evenings() {
    let mut cuts = 0;
    for seed in 1..=12 {
        let ground = Ground::new(random(seed, 90));
        let changes = changes(&ground, COPYING);
        for change in (seed..=changes).step_by(19) {
            let (count, found) = cut(&ground, COPYING, Plan::new(), change);
            assert_eq!(found, None, "seed {seed}");
            cuts += count;
        }
    }
    println!("random evenings, seeds 1 to 12: {cuts} cuts");
}

/// What `synchronous=OFF` would be: the tests above notice.
#[test]
fn a_disk_that_lies_loses_answers() {
    let ground = Ground::new(table());
    let changes = changes(&ground, PLAIN);
    let lost = (1..=changes).step_by(7).filter(|change| {
        let (_, found) = cut(&ground, PLAIN, Plan::new().lying_syncs(), *change);
        found.is_some()
    });
    let lost = lost.count();
    println!("a disk that lies: {lost} cuts lost answers");
    assert!(lost > 10);
}
