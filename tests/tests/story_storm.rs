//! Seeds of the storm. One seed alone: `SEED=7 cargo test -p tillway-tests --test story_storm one`.
#![allow(clippy::print_stderr, reason = "the numbers of a storm are for people")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use tillway_tests::house::{Disk, Passed, simulated};
use tillway_tests::storm::{FAULTS, POINTS, Weathered, storm};

/// Seeds in which something was wrong once.
///
/// 1571: a late "attached" was adopted while the till was already taking the guest off.
/// 10482: the plugin's start-up check took a payment that had just begun for one that was lost.
const FOUND: [u64; 2] = [1571, 10_482];

fn weathered(seed: u64) -> Weathered {
    // A file now and then: it behaves alike, but costs more.
    let disk = if seed.is_multiple_of(20) { Disk::file() } else { Disk::memory() };
    simulated(storm(seed, disk))
}

fn assert_weathered(seed: u64, storm: &Weathered) {
    let repro = format!("SEED={seed} cargo test -p tillway-tests --test story_storm one");
    match &storm.verdict {
        Err(why) => panic!("{why}\n{repro}\n{}", storm.trace),
        Ok(verdict) if verdict.charged.len() + verdict.given.len() > 0 => {
            panic!("{verdict:?}\n{repro}\n{}", storm.trace)
        }
        Ok(_) => {}
    }
}

/// What many storms did.
#[derive(Default)]
struct Season {
    hit: BTreeMap<String, u64>,
    storms: u64,
    passed: Passed,
    closed: usize,
    actions: u64,
    listed: usize,
    dead: usize,
}

impl Season {
    fn add(&mut self, seed: u64) {
        let storm = weathered(seed);
        assert_weathered(seed, &storm);
        let verdict = storm.verdict.unwrap();
        if !verdict.listed.is_empty() {
            eprintln!("seed {seed}: for a person {:?}", verdict.listed);
        }
        self.storms += 1;
        self.passed.requests += storm.passed.requests;
        self.passed.commits += storm.passed.commits;
        self.passed.crashes += storm.passed.crashes;
        self.closed += storm.closed;
        self.actions += storm.actions;
        self.listed += verdict.listed.len();
        self.dead += verdict.dead;
        for fault in storm.hit {
            *self.hit.entry(fault).or_default() += 1;
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.storms += other.storms;
        self.passed.requests += other.passed.requests;
        self.passed.commits += other.passed.commits;
        self.passed.crashes += other.passed.crashes;
        self.closed += other.closed;
        self.actions += other.actions;
        self.listed += other.listed;
        self.dead += other.dead;
        for (fault, times) in other.hit {
            *self.hit.entry(fault).or_default() += times;
        }
        self
    }
}

/// Weathers these seeds on two threads, prints what happened, and wants every kind of fault to
/// have happened.
fn season(seeds: std::ops::Range<u64>) {
    let half = |first: u64| {
        let mut season = Season::default();
        seeds.clone().skip(usize::try_from(first).unwrap()).step_by(2).for_each(|s| season.add(s));
        season
    };
    let all = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        half(0).and(other.join().unwrap())
    });
    let Season { hit, storms, passed, closed, actions, listed, dead } = all;
    eprintln!(
        "{storms} storms: {actions} actions, {passed:?}, {closed} orders closed, \
         {listed} for a person, {dead} dead; {hit:?}"
    );
    let faults = FAULTS.iter().map(|fault| format!("{fault:?}"));
    for kind in faults.chain(POINTS.iter().map(|point| format!("{point:?}"))) {
        assert!(hit.contains_key(&kind), "{kind} never happened");
    }
    assert!(passed.crashes > 0 && closed > 0);
}

#[test]
fn i10_i12_the_storm() {
    season(0..300);
}

#[test]
fn seeds_that_found_something() {
    for seed in FOUND {
        assert_weathered(seed, &weathered(seed));
    }
}

#[test]
fn one_seed_gives_one_storm() {
    let (first, second) = (weathered(7), weathered(7));
    assert_eq!(first.trace, second.trace);
    assert_eq!(first.verdict, second.verdict);
}

#[test]
#[ignore = "one seed by hand: SEED=7"]
fn one() {
    let seed = std::env::var("SEED").unwrap().parse().unwrap();
    let storm = weathered(seed);
    eprintln!("{}\n{:?}", storm.trace, storm.verdict);
    assert_weathered(seed, &storm);
}

#[test]
#[ignore = "hours: by hand before a release, SEEDS=100000"]
fn many() {
    let seeds: u64 = std::env::var("SEEDS").unwrap().parse().unwrap();
    season(1_000..1_000 + seeds);
}
