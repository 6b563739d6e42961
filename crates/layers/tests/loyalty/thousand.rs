//! A thousand sales on a machine that dies all the time, over a link that is hardly ever there.

use std::sync::Arc;
use std::time::Duration;

use tillway_core::port::CommitError;
use tillway_layers::loyalty::ResendId;
use tillway_memory::Duplicates;

use super::till::{Habit, Till, check};
use super::world::{Cut, Fuse, World, run};

const SALES: u128 = 250;
/// More tries than this for one sale, and something goes round in circles.
const TRIES_MAX: u32 = 100;

/// A generator that anybody can write down: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn amount(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }
}

/// Something goes wrong in the next run, or nothing does.
fn fate(random: &mut Random) -> Arc<Fuse> {
    let fuse = if random.below(2) == 0 { Fuse::at(random.below(30)) } else { Fuse::never() };
    if random.below(2) == 0 {
        let cut =
            [Cut::NoLink, Cut::Request, Cut::Answer][usize::try_from(random.below(3)).unwrap()];
        *fuse.cut.lock().unwrap() = Some((random.below(6), cut, random.below(4)));
    }
    if random.below(4) == 0 {
        let saved = random.below(2) == 0;
        *fuse.commit.lock().unwrap() = Some((random.below(8), CommitError::InDoubt, saved));
    }
    fuse
}

fn many_sales(seed: u64, duplicates: Duplicates, resend: ResendId) {
    let (mut random, world) = (Random(seed), World::new(duplicates, resend));
    let (mut tills, mut deaths) = (Vec::new(), 0);
    for number in 1..=SALES {
        let wish = if random.below(2) == 0 { 0 } else { random.amount(500) + 1 };
        let mut till = Till::new(number, random.amount(30_000) + 10_000, wish);
        till.habit = if random.below(2) == 0 { Habit::GoesOn } else { Habit::BeginsAnew };
        till.pause = Duration::from_secs(random.below(8));
        let mut tries = 0;
        while !till.is_done() {
            tries += 1;
            assert!(tries < TRIES_MAX, "seed {seed}: sale {number} is never done: {till:?}");
            deaths += u32::from(!till.play(&world, &fate(&mut random)));
        }
        // Between two sales some of the queue is sent, with all that may befall it.
        let loyalty = world.start(&fate(&mut random));
        world.clock.advance(Duration::from_secs(random.below(90)));
        let _ = run(loyalty.drain(random.below(6).try_into().unwrap()));
        assert!(till.earns(), "seed {seed}: sale {number} has no points: {till:?}");
        tills.push(till);
    }
    check(&world, &tills, &format!("seed {seed}"));
    assert!(deaths > 50, "seed {seed}: too little went wrong: {deaths}");
    let with_points = tills
        .iter()
        .filter(|till| till.receipt.as_ref().is_some_and(|receipt| receipt.points.is_positive()));
    assert!(with_points.count() > 20, "seed {seed}: hardly anybody paid with points");
}

#[test]
fn where_repeats_are_answered() {
    many_sales(1, Duplicates::Replay, ResendId::Same);
}

#[test]
fn where_repeats_are_rejected() {
    many_sales(2, Duplicates::Reject, ResendId::Same);
}

#[test]
fn where_repeats_have_fresh_ids() {
    many_sales(3, Duplicates::Replay, ResendId::Fresh);
}

#[test]
fn where_fresh_ids_meet_rejection() {
    many_sales(4, Duplicates::Reject, ResendId::Fresh);
}
