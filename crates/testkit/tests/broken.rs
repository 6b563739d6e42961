//! Each broken store fails exactly the cases that its flaw names.

#[macro_use]
mod flaws;

use std::collections::BTreeSet;

use tillway_memory::MemoryStore;
use tillway_testkit::broken::{BrokenFixture, Flaw, Side};
use tillway_testkit::conformance::{Case, Suite};
use tillway_testkit::{Fixture, Ground, Shared};

/// How often a case that must fail is run: what races may go well by chance.
const RUNS_MAX: usize = 50;

fn memory() -> Box<dyn Fixture> {
    Box::new(Shared(MemoryStore::new()))
}

fn fails(flaw: Flaw, case: &Case<Ground>) -> bool {
    let make: fn() -> Box<dyn Fixture> = memory;
    case.run(Box::new(BrokenFixture::new(flaw, make))).is_err()
}

fn check(flaw: Flaw) {
    let trips: BTreeSet<_> = flaw.trips().iter().copied().collect();
    assert_eq!(trips.len(), flaw.trips().len(), "no case is named twice");
    let named =
        |case: &Case<Ground>| trips.contains(case.name) || flaw.may_trip().contains(&case.name);
    let (mut missed, mut others) = (trips.clone(), Vec::new());
    for case in Ground::cases() {
        let runs = if trips.contains(case.name) { RUNS_MAX } else { 1 };
        if (0..runs).any(|_| fails(flaw, case)) {
            missed.remove(case.name);
            if !named(case) {
                others.push(case.name);
            }
        }
    }
    assert!(missed.is_empty(), "{flaw:?} is not caught by {missed:?}");
    assert!(others.is_empty(), "{flaw:?} is caught by others too: {others:?}");
    assert!(!trips.is_empty(), "{flaw:?} is caught");
}

flaws! {
    forgets_keys: ForgetsKeys;
    ignores_bodies: IgnoresBodies;
    refusals_turn_done: RefusalsTurnDone;
    counts_holds_late: CountsHoldsLate;
    checks_then_acts: ChecksThenActs;
    never_lapses: NeverLapses;
    expires_captured_holds: ExpiresCapturedHolds;
    captures_voided_holds: CapturesVoidedHolds;
    captures_more: CapturesMore;
    supersedes_in_two_steps: SupersedesInTwoSteps;
    refunds_twice: RefundsTwice;
    rounds_each_refund: RoundsEachRefund;
    forgets_tombstones: ForgetsTombstones;
    deletes_reversals: DeletesReversals;
    moves_one_side: MovesOneSide;
    mixes_units: MixesUnits;
    splits_groups: SplitsGroups;
    loses_the_tail: LosesTheTail;
    audits_one_page: AuditsOnePage;
    hides_corrections: HidesCorrections;
    shows_old_accounts: ShowsOldAccounts;
    forgets_tokens: ForgetsTokens;
    ignores_epochs: IgnoresEpochs;
    pairs_anywhere: PairsAnywhere;
    shows_old_sheets: ShowsOldSheets;
    ignores_lengths: IgnoresLengths;
    ignores_fences: IgnoresFences;
    renumbers_records: RenumbersRecords;
    overwrites_records: OverwritesRecords;
    writes_clock_time: WritesClockTime;
    never_ends_leases: NeverEndsLeases;
}

#[test]
fn each_side_of_a_store_has_flaws() {
    for (side, least) in [(Side::AccountBook, 14), (Side::Bindings, 3), (Side::Journal, 3)] {
        let count = Flaw::ALL.iter().filter(|flaw| flaw.side() == side).count();
        assert!(count >= least, "{side:?} has {count}");
    }
}

/// Each invariant of the Ledger Conformance Kit bites: some flaw trips it.
#[test]
fn lck_each_invariant_is_tripped_by_a_flaw() {
    let tripped: BTreeSet<_> = Flaw::ALL.iter().flat_map(|flaw| flaw.trips()).copied().collect();
    let idle: Vec<_> = Ground::cases()
        .iter()
        .map(|case| case.name)
        .filter(|name| name.starts_with("lck_") && !tripped.contains(name))
        .collect();
    assert_eq!(idle, [""; 0]);
}

/// The watch is no bystander: each of its rules is the first to find some flaw.
#[test]
fn each_rule_of_the_watch_finds_a_flaw() {
    let mut rules = BTreeSet::new();
    for flaw in Flaw::ALL {
        for case in Ground::cases().iter().filter(|case| flaw.trips().contains(&case.name)) {
            let make: fn() -> Box<dyn Fixture> = memory;
            let found = case.run(Box::new(BrokenFixture::new(*flaw, make)));
            let text = found.err().map(|failure| failure.to_string()).unwrap_or_default();
            let rule = text.split_once(" broken by commit ").map(|(before, _)| before.to_owned());
            rules.extend(rule.and_then(|before| Some(before.rsplit(' ').next()?.to_owned())));
        }
    }
    for rule in ["I1-I4", "I2", "I3", "I5", "I6", "I7", "I8", "I9", "I11", "I13", "durability"] {
        assert!(rules.contains(rule), "nothing breaks {rule}: {rules:?}");
    }
}
