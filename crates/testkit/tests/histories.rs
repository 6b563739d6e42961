//! Recorded histories over the store in memory: honest ones have an order, broken ones do not.
#![allow(clippy::print_stdout, reason = "tests")]

use std::sync::Arc;

use tillway_core::port::Store;
use tillway_memory::MemoryStore;
use tillway_testkit::broken::{Broken, Flaw};
use tillway_testkit::histories::{Explained, Plan, Size, Unexplained};

const SIZE: Size = Size { callers: 6, calls: 48 };

const SEEDS: u64 = 40;

/// A broken store is caught in most of the first ten; this is where hope ends.
const SEEDS_MAX: u64 = 400;

fn record(seed: u64, store: &Arc<dyn Store>) -> Result<Explained, Unexplained> {
    let plan = Plan::new(seed, SIZE);
    let known = plan.set_up(store.as_ref());
    assert_eq!(known, Ok(()), "seed {seed}");
    plan.record(store).check()
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

#[test]
fn memory_is_linearizable() {
    let mut whole = Explained::default();
    for seed in 0..SEEDS {
        match record(seed, &memory()) {
            Ok(explained) => {
                whole.calls += explained.calls;
                whole.overlapping += explained.overlapping;
                whole.steps += explained.steps;
            }
            Err(unexplained) => panic!("{unexplained}"),
        }
    }
    println!("{SEEDS} seeds: {whole:?}");
    assert_eq!(whole.calls, 40 * 6 * 48);
    assert!(whole.overlapping > whole.calls / 10, "callers met: {whole:?}");
}

/// The first seed that a broken store is caught with.
fn caught(flaw: Flaw) -> String {
    let found = (0..SEEDS_MAX).find_map(|seed| {
        let store: Arc<dyn Store> = Arc::new(Broken::new(flaw, memory()));
        record(seed, &store).err().map(|found| (seed, found))
    });
    match found {
        Some((seed, found)) => {
            println!("{flaw:?}: {found}");
            assert!(found.to_string().starts_with(&format!("seed {seed}: no order")), "{found}");
            found.to_string()
        }
        None => panic!("{flaw:?} was not caught in {SEEDS_MAX} seeds"),
    }
}

macro_rules! flaws {
    ($($name:ident: $flaw:ident;)+) => {$(
        #[test]
        fn $name() {
            let found = caught(Flaw::$flaw);
            let shown = found.lines().filter(|line| line.contains("] caller")).count();
            assert!((1..=12).contains(&shown), "the smallest part has {shown} calls: {found}");
        }
    )+};
}

flaws! {
    one_who_checks_then_acts_is_caught: ChecksThenActs;
    one_who_shows_old_accounts_is_caught: ShowsOldAccounts;
    one_who_shows_old_sheets_is_caught: ShowsOldSheets;
    one_who_counts_holds_late_is_caught: CountsHoldsLate;
    one_who_never_lapses_is_caught: NeverLapses;
    one_who_forgets_keys_is_caught: ForgetsKeys;
    one_who_forgets_tombstones_is_caught: ForgetsTombstones;
    one_who_ignores_lengths_is_caught: IgnoresLengths;
}
