//! A thousand sales of several guests on a machine that dies all the time, over a link that is
//! hardly ever there.

use std::sync::Arc;
use std::time::Duration;

use super::cut::{Cut, Fuse};
use super::till::{Till, check};
use super::world::{GUESTS, Way, World, run};

/// More tries than this for one sale, and something goes round in circles.
const TRIES_MAX: u32 = 100;

/// A generator that anybody can write down: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn amount(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }

    pub(crate) fn one_of<T>(&mut self, mut all: Vec<T>) -> T {
        let count = u64::try_from(all.len()).unwrap();
        all.swap_remove(usize::try_from(self.below(count)).unwrap())
    }
}

/// Something goes wrong in the next run, or nothing does.
pub(crate) fn fate(random: &mut Random, way: Way) -> Arc<Fuse> {
    let fuse = if random.below(2) == 0 { Fuse::at(random.below(10)) } else { Fuse::never() };
    if random.below(2) == 0 {
        let cut = random.one_of(Cut::all(way.signs()));
        fuse.set(random.below(5), cut, random.below(4));
    }
    fuse
}

/// The next sale.
pub(crate) fn till(random: &mut Random, world: &World, number: u128) -> Till {
    let wish = if random.below(2) == 0 { 0 } else { random.amount(500) + 1 };
    let (guest, tea) = (random.below(GUESTS), random.amount(30_000) + 10_000);
    Till {
        begins_anew: random.below(2) == 0,
        pause: Duration::from_secs(random.below(8)),
        ..Till::new(world, number, guest, tea, wish)
    }
}

fn many_sales(seed: u64, way: Way, sales: u128) {
    println!("seed {seed}: {sales} sales, {way:?}");
    let (mut random, world) = (Random(seed), World::new(way));
    let (mut tills, mut deaths, mut sent) = (Vec::new(), 0, 0);
    for number in 1..=sales {
        let mut till = till(&mut random, &world, number);
        let mut tries = 0;
        while !till.is_done() {
            tries += 1;
            assert!(tries < TRIES_MAX, "seed {seed}: sale {number} is never done: {till:?}");
            let fuse = fate(&mut random, way);
            deaths += u32::from(run(till.sell(&world.start(&fuse), &world)).is_none());
            sent += fuse.sent();
        }
        // Between two sales some of the queue is sent, with all that may befall it.
        world.clock.advance(Duration::from_secs(random.below(90)));
        let loyalty = world.start(&fate(&mut random, way));
        let _ = run(loyalty.drain(random.below(6).try_into().unwrap()));
        assert!(till.earns(), "seed {seed}: sale {number} has no points: {till:?}");
        tills.push(till);
    }
    let place = format!("seed {seed}, {way:?}");
    run(check(&world, &world.start(&Fuse::never()), &tills, &place)).unwrap();
    let with_points =
        tills.iter().filter(|till| till.receipt.as_ref().unwrap().points.is_positive());
    let with_points = u128::try_from(with_points.count()).unwrap();
    println!("seed {seed}: {deaths} deaths, {sent} messages, {with_points} sales with points");
    assert!(u128::from(deaths) > sales / 5, "{place}: too little went wrong: {deaths}");
    assert!(with_points > sales / 12, "{place}: hardly anybody paid with points: {with_points}");
}

#[test]
fn detached_where_repeats_are_answered() {
    many_sales(101, Way::SIGNED[0], 250);
}

#[test]
fn detached_where_repeats_are_rejected() {
    many_sales(102, Way::SIGNED[1], 250);
}

#[test]
fn enveloped_where_repeats_are_answered() {
    many_sales(103, Way::SIGNED[2], 250);
}

#[test]
fn enveloped_where_repeats_are_rejected() {
    many_sales(104, Way::SIGNED[3], 250);
}

#[test]
fn without_signatures_and_in_json() {
    for (seed, way) in (105..).zip(&Way::ALL[4..]) {
        many_sales(seed, *way, 60);
    }
}

#[test]
#[ignore = "several minutes of signatures: before a release"]
fn a_thousand_sales_in_every_way() {
    for (seed, way) in (201..).zip(Way::ALL) {
        many_sales(seed, way, 1_000);
    }
}
