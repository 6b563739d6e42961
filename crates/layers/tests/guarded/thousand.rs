//! A thousand sales on a machine that dies all the time, a device that does not answer, and a
//! store that loses answers.

use tillway_core::port::fiscal::{Attempt, Fiscal, FiscalOutcome, Found};
use tillway_core::port::{CommitError, FiscalRegister};
use tillway_layers::Guarded;
use tillway_memory::Mishap;

use super::cut::{Fuse, World, able, attempt, run, sale};

const SALES: i64 = 1_000;
/// More tries than this for one sale, and something goes round in circles.
const TRIES_MAX: u32 = 100;

/// A generator that anybody can write down: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What the till keeps of a sale in its own journal, before it touches anything: the attempt.
struct Till {
    ids: u128,
    current: Attempt,
    what: Fiscal,
    opens: bool,
}

impl Till {
    fn fresh(&mut self) {
        self.ids += 1;
        self.current = attempt(self.ids);
    }
}

/// One run of the program at one sale: as far as it comes.
async fn go_on(register: &Guarded<dyn FiscalRegister>, till: &Till) -> Option<bool> {
    let _ = register.continue_print().await;
    register.recover().await.ok()?;
    let outcome = match &till.what {
        Fiscal::Receipt(receipt) if till.opens => {
            match register.open_receipt(&till.current, receipt).await {
                Ok(()) => register.close_receipt(&till.current, &receipt.paid).await,
                Err(error) => FiscalOutcome::InDoubt(error),
            }
        }
        _ => register.register(&till.current, &till.what).await,
    };
    match outcome {
        FiscalOutcome::Written(_) => return Some(true),
        FiscalOutcome::NotWritten(_) => return Some(false),
        FiscalOutcome::InDoubt(_) => {}
    }
    let _ = register.continue_print().await;
    match register.find(&till.current, &till.what).await {
        Found::Written(_) => Some(true),
        Found::NotWritten => Some(false),
        Found::NotYet(_) => None,
        Found::Person(evidence) => panic!("nothing here needs a person: {evidence:?}"),
    }
}

/// Something goes wrong in the next run, or nothing does.
fn fate(world: &World, random: &mut Random) -> std::sync::Arc<Fuse> {
    world.device.mend();
    let mishaps = [
        Mishap::LostRequest,
        Mishap::LostAnswer,
        Mishap::PaperEnds,
        Mishap::PowerBefore,
        Mishap::PowerAfter,
    ];
    if random.below(3) == 0 {
        let which = usize::try_from(random.below(5)).unwrap();
        world.device.befall(mishaps[which]);
    }
    let fuse = if random.below(2) == 0 { Fuse::at(random.below(24)) } else { Fuse::never() };
    if random.below(3) > 0 {
        return fuse;
    }
    let errors = [CommitError::InDoubt, CommitError::InDoubt, CommitError::Unavailable];
    let error = errors[usize::try_from(random.below(3)).unwrap()].clone();
    let saved = error == CommitError::InDoubt && random.below(2) == 0;
    fuse.doubting(random.below(3), error, saved)
}

fn sell(world: &World, till: &mut Till, random: &mut Random) {
    for _ in 0..TRIES_MAX {
        let fuse = fate(world, random);
        let register = world.start(&fuse);
        match run(go_on(&register, till)) {
            Some(Some(true)) => return,
            Some(Some(false)) => till.fresh(),
            Some(None) | None => {}
        }
    }
    panic!("{:?} is never written", till.what);
}

fn a_thousand_sales(seed: u64, all: bool) {
    let (mut random, world) = (Random(seed), World::new(able(all)));
    let what = Fiscal::OpenShift(None);
    let mut till = Till { ids: 0, current: attempt(0), what, opens: false };
    sell(&world, &mut till, &mut random);
    for number in 1..=SALES {
        till.fresh();
        till.what = Fiscal::Receipt(Box::new(sale(number)));
        till.opens = random.below(4) == 0;
        sell(&world, &mut till, &mut random);
    }
    world.device.mend();
    let register = world.start(&Fuse::never());
    let _ = run(register.continue_print()).unwrap();
    assert_eq!(
        run(register.recover()).unwrap().unwrap(),
        [],
        "seed {seed}: nothing is left in doubt"
    );
    let documents = world.device.documents();
    let totals: Vec<_> = documents.iter().filter_map(|one| one.total.map(|sum| sum.0)).collect();
    assert_eq!(totals, (1..=SALES).collect::<Vec<_>>(), "seed {seed}: each sale has one receipt");
    let numbers: Vec<_> = documents.iter().map(|one| one.number).collect();
    let expected: Vec<_> = (1..).take(documents.len()).collect();
    assert_eq!(numbers, expected, "seed {seed}");
    assert!(till.ids > 1_100, "seed {seed}: too little went wrong: {}", till.ids);
}

#[test]
fn a_thousand_sales_over_a_register_that_knows_ids() {
    a_thousand_sales(1, true);
}

#[test]
fn a_thousand_sales_over_a_register_that_knows_nothing() {
    a_thousand_sales(2, false);
}
