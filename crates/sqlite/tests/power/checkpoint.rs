//! Faults and cuts while only a part of the log can be copied into the file.

use rusqlite::Connection;
use tillway_faultfs::{Call, Fault, FaultFs, Plan};

use crate::ground::{COPYING, Ground, Life, Setting, left_by_cuts, stranger};
use crate::story::table;

/// Copies after each commit.
const ALWAYS: Setting = Setting { checkpoint_pages: 1, ..COPYING };

/// A life beside two readers. The first begins when everything is in the file, and while it reads
/// nothing is copied. The second begins later and outlasts it: meanwhile only what is older is
/// copied, and what is copied is not synced.
fn beside_readers(ground: &Ground, first: usize, plan: Plan) -> Life {
    let path = ground.path();
    let mut readers: Vec<Connection> = Vec::new();
    ground.live_beside(ALWAYS, plan, |step, fs: &FaultFs| {
        if fs.is_off() {
            return;
        }
        if step == first || step == first + 3 {
            let reader = stranger(&path, fs);
            reader.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").unwrap();
            readers.push(reader);
        }
        if step == first + 5 || step == first + 9 {
            readers.remove(0);
        }
    })
}

fn check(ground: &Ground, life: &Life, seed: u64, what: &str) -> u64 {
    life.heard.same_answers(ground);
    let left = left_by_cuts(&life.fs.disk(), seed);
    let count = left.len() as u64;
    for (cut, disk) in left {
        let found = ground.verify(disk, &life.heard, false);
        found.unwrap_or_else(|found| panic!("{what}, {cut:?}: {found}"));
    }
    count
}

/// The sync covers what was copied before, too. When it fails and the store closes, only the log
/// has all of it.
#[test]
fn r5_a_sync_fails_after_readers_were_in_the_way() {
    let ground = Ground::new(table());
    let mut cuts = 0;
    for first in 1..8 {
        let syncs = beside_readers(&ground, first, Plan::new()).fs.counts().of(Call::Sync);
        for number in 1..=syncs {
            let life =
                beside_readers(&ground, first, Plan::new().fail(Call::Sync, number, Fault::Io));
            let what = format!("readers from step {first}, sync {number}");
            cuts += check(&ground, &life, number, &what);
        }
    }
    println!("a failed sync beside readers: {cuts} cuts");
}

#[test]
fn r5_a_cut_while_readers_are_in_the_way() {
    let ground = Ground::new(table());
    let mut cuts = 0;
    let changes = beside_readers(&ground, 4, Plan::new()).fs.counts().changes();
    for change in (1..=changes).step_by(3) {
        let life = beside_readers(&ground, 4, Plan::new().cut_before(change));
        cuts += check(&ground, &life, change, &format!("cut before change {change}"));
    }
    println!("readers in the way: {changes} changes of the disk, {cuts} cuts");
}
