//! Each broken register fails exactly the cases that its flaw names.
#![allow(clippy::unwrap_used, reason = "tests")]

mod counter;
#[macro_use]
mod flaws;

use std::collections::BTreeSet;

use counter::Counter;
use tillway_core::port::fiscal::Capabilities;
use tillway_testkit::conformance::{Suite, failing};
use tillway_testkit::fiscal::broken::{BrokenVenue, Flaw};
use tillway_testkit::fiscal::{Ground, Need};

/// A right register that can do everything but this.
fn right(lacks: &[Need]) -> Counter {
    let mut capabilities = Capabilities::default();
    capabilities.ids = !lacks.contains(&Need::Ids);
    capabilities.operations = !lacks.contains(&Need::Operations);
    capabilities.open_receipt = !lacks.contains(&Need::OpenReceipt);
    Counter::with(capabilities)
}

fn check(flaw: Flaw) {
    let lacks = flaw.lacks();
    assert_eq!(failing::<Ground>(lacks, || Box::new(right(lacks))), BTreeSet::new());
    let broken = || BrokenVenue::new(flaw, right(lacks));
    flaws::check::<Ground>(flaw, flaw.trips(), lacks, || Box::new(broken()));
}

flaws! {
    prints_twice: PrintsTwice;
    forgets_runs: ForgetsRuns;
    takes_silence_for_refusal: TakesSilenceForRefusal;
    opens_the_shift: OpensTheShift;
    renews_the_shift: RenewsTheShift;
    writes_beside: WritesBeside;
    finds_nothing: FindsNothing;
    finds_any_sum: FindsAnySum;
    finds_the_last: FindsTheLast;
    finds_foreign: FindsForeign;
    forgets_the_mark: ForgetsTheMark;
    ignores_the_memory: IgnoresTheMemory;
    concludes_in_the_dark: ConcludesInTheDark;
    sends_what_it_misses: SendsWhatItMisses;
    annuls_after_pay: AnnulsAfterPay;
    leaves_it_open: LeavesItOpen;
    checks_late: ChecksLate;
    copies_by_writing: CopiesByWriting;
    closes_for_x: ClosesForX;
    counts_returns: CountsReturns;
    hides_unprinted: HidesUnprinted;
    never_goes_on: NeverGoesOn;
    takes_already_for_done: TakesAlreadyForDone;
    miscounts_receipts: MiscountsReceipts;
    tells_no_end: TellsNoEnd;
    carries_totals: CarriesTotals;
    sells_returns: SellsReturns;
    forgets_the_basis: ForgetsTheBasis;
    knows_one_rate: KnowsOneRate;
    knows_no_credit: KnowsNoCredit;
    pays_by_card: PaysByCard;
    prints_x_when_closed: PrintsXWhenClosed;
    reports_nothing: ReportsNothing;
    names_another_memory: NamesAnotherMemory;
    takes_the_last: TakesTheLast;
    keeps_for_later: KeepsForLater;
    answers_in_the_dark: AnswersInTheDark;
    forgets_the_dropped: ForgetsTheDropped;
    opens_for_a_receipt: OpensForAReceipt;
    opens_unchecked: OpensUnchecked;
    takes_any_payment: TakesAnyPayment;
    swallows_slips: SwallowsSlips;
    cuts_slips: CutsSlips;
    copies_nothing: CopiesNothing;
    prints_over_nothing: PrintsOverNothing;
    hides_no_paper: HidesNoPaper;
}

/// Every case has a flaw that it is there for.
#[test]
fn every_case_is_tripped() {
    let tripped: BTreeSet<_> = Flaw::ALL.iter().flat_map(|flaw| flaw.trips()).copied().collect();
    let all: BTreeSet<_> = Ground::cases().iter().map(|case| case.name).collect();
    let idle: Vec<_> = all.difference(&tripped).collect();
    assert!(idle.is_empty(), "{idle:?}");
}
