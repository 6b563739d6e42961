//! Each broken store fails exactly the cases that its flaw names.

use tillway_memory::MemoryStore;
use tillway_testkit::broken::{BrokenFixture, Flaw};
use tillway_testkit::suite::{cases, run};
use tillway_testkit::{Fixture, Shared};

fn memory() -> Box<dyn Fixture> {
    Box::new(Shared(MemoryStore::new()))
}

fn failing(flaw: Flaw) -> Vec<&'static str> {
    let make: fn() -> Box<dyn Fixture> = memory;
    let fails = |case: &&tillway_testkit::suite::Case| {
        run(case, Box::new(BrokenFixture::new(flaw, make))).is_err()
    };
    cases().iter().filter(fails).map(|case| case.name).collect()
}

macro_rules! flaws {
    ($($name:ident: $flaw:ident;)+) => {
        $(
            #[test]
            fn $name() {
                let mut wanted = Flaw::$flaw.trips().to_vec();
                let mut failing = failing(Flaw::$flaw);
                wanted.sort_unstable();
                failing.sort_unstable();
                assert_eq!(failing, wanted);
                assert!(!wanted.is_empty());
            }
        )+

        #[test]
        fn every_flaw_is_tried() {
            assert_eq!(Flaw::ALL, [$(Flaw::$flaw),+]);
        }
    };
}

flaws! {
    forgets_keys: ForgetsKeys;
    ignores_bodies: IgnoresBodies;
    refusals_turn_done: RefusalsTurnDone;
    counts_holds_late: CountsHoldsLate;
    never_lapses: NeverLapses;
    refunds_twice: RefundsTwice;
    splits_groups: SplitsGroups;
    ignores_lengths: IgnoresLengths;
    ignores_fences: IgnoresFences;
    forgets_tokens: ForgetsTokens;
    loses_the_tail: LosesTheTail;
}
