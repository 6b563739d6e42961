//! A log that ends anywhere: every border of 512 bytes in its tail.

use std::path::Path;

use tillway_faultfs::{Disk, FaultFs, Plan, Random, SECTOR};

use crate::ground::{Ground, Heard, PLAIN};
use crate::story::table;

/// A log, and how long it was after each step.
struct Log {
    file: Vec<u8>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The steps, without closing the store; and the log of the run before, which they overwrote.
fn log(ground: &Ground) -> Log {
    let fs = FaultFs::new(ground.base());
    let store = ground.open(&fs, PLAIN).unwrap();
    let len = |path: &Path| fs.disk().bytes(path).map_or(0, <[u8]>::len);
    let mut ends = vec![len(&ground.log())];
    for step in &ground.steps {
        step.take(&store).unwrap();
        ends.push(len(&ground.log()));
    }
    let disk = fs.disk();
    let bytes = |path: &Path| disk.bytes(path).unwrap().to_vec();
    Log { file: bytes(&ground.path()), bytes: bytes(&ground.log()), ends }
}

#[test]
fn r5_a_log_torn_at_every_border() {
    let ground = Ground::new(table());
    let log = log(&ground);
    let told = ground.live(PLAIN, Plan::new()).heard.told;
    // From the last six commits on: the ones before are as they.
    let begin = log.ends[log.ends.len() - 8];
    let mut tails = 0;
    for border in (begin / SECTOR * SECTOR..=log.bytes.len()).step_by(SECTOR) {
        let whole = log.ends.iter().skip(1).filter(|end| **end <= border).count();
        let heard = Heard { told: told[..whole].to_vec(), ..Heard::default() };
        let mut random = Random::new(border as u64);
        let lost = log.bytes.len() - border;
        let garbage: Vec<u8> = (0..lost).map(|_| random.draw().to_le_bytes()[0]).collect();
        // What stood there before: the log of an earlier run, or nothing yet.
        let older: Vec<u8> = log.bytes.iter().skip(border).map(|byte| byte ^ 0x5a).collect();
        for tail in [vec![], garbage, vec![0; lost], older] {
            let mut disk = Disk::new();
            disk.put(&ground.path(), log.file.clone());
            disk.put(&ground.log(), [&log.bytes[..border], &tail].concat());
            let found = ground.verify(disk.clone(), &heard, tails % 16 == 0);
            let really = || match tails % 8 {
                0 => ground.verify_really(&disk, &heard),
                _ => Ok(()),
            };
            let found = found.and_then(|()| really());
            found.unwrap_or_else(|found| panic!("torn at {border}: {found}"));
            tails += 1;
        }
    }
    println!("{tails} torn tails");
}
