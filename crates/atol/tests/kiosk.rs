//! A kiosk that loses every answer with probability 1/2: a thousand sales are a thousand receipts.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::executor::block_on;
use support::house::{House, Plan};
use support::net::Net;
use support::{JumpingClock, sale};
use tillway_atol::AtolWeb;
use tillway_core::fiscal::Mark;
use tillway_core::port::fiscal::{Attempt, Cause, Fiscal, FiscalOutcome, Found};
use tillway_core::port::{Clock, FiscalRegister, IdSource};
use tillway_core::time::Timestamp;
use tillway_layers::Guarded;
use tillway_layers::guarded::DeviceConfig;
use tillway_memory::MemoryStore;
use tillway_sim::atol::web::Generation;
use tillway_sim::ids::SeededIds;

const SALES: i64 = 1_000;
/// A sale has fewer moments than this.
const POLLS_MAX: u32 = 500;
/// More questions than this about one sale, and something goes round in circles.
const TRIES_MAX: u32 = 200;

/// The kiosk: what survives its program, and the program that runs.
struct Kiosk {
    house: House,
    net: Net,
    plan: Plan,
    store: MemoryStore,
    ids: Arc<SeededIds>,
    guarded: Guarded<dyn FiscalRegister>,
    doubts: u32,
}

impl Kiosk {
    fn new(generation: Generation, seed: u64) -> Self {
        let mut net = None;
        let house = Plan::new(generation).build_behind(|server| {
            let made = Net::new(server);
            net = Some(made.clone());
            Arc::new(made)
        });
        let (net, store) = (net.unwrap(), MemoryStore::new());
        let ids = Arc::new(SeededIds::new(seed << 32));
        let plan = Plan::new(generation);
        let guarded = start(&plan, &net, &store, &house.clock, &ids);
        net.lose_half(seed);
        Self { house, net, plan, store, ids, guarded, doubts: 0 }
    }

    /// The program dies and is started anew, with what its journal has.
    fn restart(&mut self) {
        self.guarded = start(&self.plan, &self.net, &self.store, &self.house.clock, &self.ids);
    }

    /// Writes a document, whatever it takes; answers with its number. A refusal is given back.
    fn write(&mut self, what: &Fiscal) -> Result<u32, Cause> {
        for _ in 0..TRIES_MAX {
            let before =
                Mark { memory: "".into(), last: 0, at: Timestamp::default(), operations: None };
            let attempt = Attempt { id: self.ids.fresh(), before };
            match block_on(self.guarded.register(&attempt, what)) {
                FiscalOutcome::Written(document) => return Ok(document.number),
                FiscalOutcome::NotWritten(error) if error.cause == Cause::Link => {}
                FiscalOutcome::NotWritten(error) if error.cause == Cause::Unknown => {}
                FiscalOutcome::NotWritten(error) => return Err(error.cause),
                FiscalOutcome::InDoubt(_) => {
                    self.doubts += 1;
                    if let Some(number) = self.settle(&attempt, what) {
                        return Ok(number);
                    }
                }
            }
        }
        panic!("{what:?} is never written");
    }

    fn settle(&self, attempt: &Attempt, what: &Fiscal) -> Option<u32> {
        for _ in 0..TRIES_MAX {
            match block_on(self.guarded.find(attempt, what)) {
                Found::Written(document) => return Some(document.number),
                Found::NotWritten => return None,
                Found::NotYet(_) => self.house.wait(Duration::from_secs(1)),
                Found::Person(evidence) => panic!("nothing here needs a person: {evidence:?}"),
            }
        }
        panic!("{attempt:?} stays in doubt");
    }

    /// As a kiosk sells: an expired shift is closed and another is opened (F21).
    fn sell(&mut self, kopecks: i64) -> u32 {
        for _ in 0..TRIES_MAX {
            match self.write(&sale(kopecks)) {
                Ok(number) => return number,
                Err(Cause::ShiftExpired) => {
                    self.write(&Fiscal::CloseShift(None)).unwrap();
                }
                Err(Cause::ShiftClosed) => {
                    self.write(&Fiscal::OpenShift(None)).unwrap();
                }
                Err(cause) => panic!("{cause}"),
            }
        }
        panic!("{kopecks} is never sold");
    }
}

fn start(
    plan: &Plan,
    net: &Net,
    store: &MemoryStore,
    clock: &Arc<JumpingClock>,
    ids: &Arc<SeededIds>,
) -> Guarded<dyn FiscalRegister> {
    let clock = || Arc::clone(clock) as Arc<dyn Clock>;
    let ids = Arc::clone(ids) as Arc<dyn IdSource>;
    let device =
        AtolWeb::try_new(plan.adapter.clone(), Arc::new(net.clone()), clock(), Arc::clone(&ids));
    let device: Arc<dyn FiscalRegister> = Arc::new(device.unwrap());
    let config = DeviceConfig::new("kiosk 1");
    Guarded::try_new(device, Arc::new(store.clone()), clock(), &*ids, config).unwrap()
}

fn a_thousand_receipts(generation: Generation, seed: u64) {
    let context = format!("{generation:?} seed {seed}");
    let mut kiosk = Kiosk::new(generation, seed);
    let mut sold = BTreeSet::new();
    for kopecks in 1..=SALES {
        let number = kiosk.sell(kopecks);
        assert!(sold.insert((number, kopecks)), "{context}: {number} twice");
        if kopecks % 100 == 0 {
            kiosk.restart();
        }
    }
    let lost = kiosk.net.mend();
    assert_eq!(block_on(kiosk.guarded.recover()).unwrap(), [], "{context}");
    let house = &kiosk.house;
    let receipts: BTreeSet<_> = house.receipts().into_iter().collect();
    assert_eq!(receipts, sold, "{context}: the journal and the memory tell one story");
    assert_eq!(house.receipts().len(), 1_000, "{context}");
    let numbers: Vec<_> =
        house.sim(|register| register.memory.documents().map(|document| document.number).collect());
    assert_eq!(numbers, (1..).take(numbers.len()).collect::<Vec<_>>(), "{context}: no gaps");
    house.check();
    let doubts = kiosk.doubts;
    assert!(lost > 1_000 && doubts > 0, "{context}: too little was lost: {lost}, {doubts}");
}

#[test]
fn a_thousand_receipts_on_v1() {
    a_thousand_receipts(Generation::V1, 1);
}

#[test]
fn a_thousand_receipts_on_v2() {
    a_thousand_receipts(Generation::V2WebRequests, 2);
}

/// Polls a call so often and then dies; whether it was answered before.
fn dies_after(polls: u32, kiosk: &mut Kiosk, attempt: &Attempt, what: &Fiscal) -> bool {
    let mut answered = false;
    {
        let mut call = kiosk.guarded.register(attempt, what);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..polls {
            if call.as_mut().poll(&mut context).is_ready() {
                answered = true;
                break;
            }
        }
    }
    kiosk.restart();
    answered
}

/// The program dies at every moment of a sale: the next one finds out, and journal, memory and
/// tape tell one story.
#[test]
fn a_program_that_dies_at_any_moment_sells_once() {
    for generation in Generation::ALL {
        let (mut sold, mut lost) = (0, 0);
        for polls in 0..POLLS_MAX {
            let context = format!("{generation:?} {polls}");
            let mut kiosk = Kiosk::new(generation, 3);
            kiosk.net.mend();
            kiosk.write(&Fiscal::OpenShift(None)).unwrap();
            let before =
                Mark { memory: "".into(), last: 0, at: Timestamp::default(), operations: None };
            let attempt = Attempt { id: kiosk.ids.fresh(), before };
            let answered = dies_after(polls, &mut kiosk, &attempt, &sale(100));
            let found = kiosk.settle(&attempt, &sale(100));
            assert_eq!(found.is_some(), kiosk.house.receipts() == [(2, 100)], "{context}");
            assert_eq!(block_on(kiosk.guarded.recover()).unwrap(), [], "{context}");
            if found.is_none() {
                lost += 1;
                assert!(!answered, "{context}: what was answered is forgotten");
                kiosk.sell(100);
            } else {
                sold += 1;
            }
            assert_eq!(kiosk.house.receipts(), [(2, 100)], "{context}");
            kiosk.house.check();
            if answered {
                break;
            }
            assert!(polls + 1 < POLLS_MAX, "{context}: never answered");
        }
        assert!(sold > 1 && lost > 1, "{generation:?}: {sold} sold, {lost} lost");
    }
}
