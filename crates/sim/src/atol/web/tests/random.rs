//! The invariants of 10.4, after whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use tillway_core::port::IdSource;

use super::*;
use crate::atol::fault::{Fault, Point, Trouble};
use crate::ids::SeededIds;

const SEEDS: u64 = 40;
const STEPS: usize = 120;

/// Numbers from a seed.
struct Dice(SeededIds);

impl Dice {
    fn below(&self, below: u8) -> usize {
        usize::from(self.0.secret()[0] % below)
    }
}

#[test]
fn nothing_breaks_the_rules_whatever_happens() {
    for seed in 0..SEEDS {
        let dice = Dice(SeededIds::new(seed));
        let generation = Generation::ALL[dice.below(4)];
        let bench = Bench::with_latency(generation);
        let mut uuids = BTreeSet::new();
        for step in 0..STEPS {
            one_step(&bench, &dice, step, &mut uuids);
            let broken = bench.broken_rule();
            assert_eq!(broken, None, "seed {seed}, step {step}, {generation:?}");
        }
        come_to_rest(&bench);
        assert_eq!(bench.broken_rule(), None, "seed {seed}");
        one_document_for_each_uuid(&bench, &uuids, seed);
    }
}

fn one_step(bench: &Bench, dice: &Dice, step: usize, uuids: &mut BTreeSet<String>) {
    let faults = [
        Fault::Paper,
        Fault::Link { calls: 1 },
        Fault::Link { calls: 3 },
        Fault::Power,
        Fault::Memory { signed: true },
        Fault::Memory { signed: false },
    ];
    match dice.below(12) {
        0..=4 => {
            let uuid = format!("s{}", step.saturating_sub(dice.below(3)));
            bench.post(&uuid, &format!("[{}]", named(&uuid)));
            uuids.insert(uuid);
        }
        5 => drop(bench.plain(&format!("o{step}"), "openShift")),
        6 => drop(bench.plain(&format!("c{step}"), "closeShift")),
        7 => drop(bench.plain(&format!("p{step}"), "continuePrint")),
        8 => {
            let at = Point::ALL[dice.below(7)];
            let fault = faults[dice.below(6)];
            bench.on(|register| register.inject_when(Trouble::once(at, fault)));
        }
        9 => mend(bench),
        10 => {
            let after = dice.below(2) == 1;
            bench.server.die(if after { Death::AfterTask } else { Death::BeforeTask });
            bench.pass(SECOND * 5);
            bench.server.restart(true);
        }
        _ => bench.pass(SECOND * 3_600 * u32::try_from(dice.below(8)).unwrap()),
    }
    bench.pass(SECOND * u32::try_from(dice.below(9)).unwrap());
}

/// A sale that carries its uuid as tag 1192, so that documents can be told apart.
fn named(uuid: &str) -> String {
    let tag = format!(r#""items":[{{"type":"additionalAttribute","value":"{uuid}"}},"#);
    SELL.replace(r#""items":["#, &tag)
}

fn mend(bench: &Bench) {
    bench.on(|register| {
        register.link(true);
        register.power(false);
        register.power(true);
        register.printer.paper = 10_000;
    });
}

/// Everything works again; all that waits comes to an end.
fn come_to_rest(bench: &Bench) {
    for round in 0..8 {
        mend(bench);
        bench.on(|register| register.continue_print()).ok();
        bench.pass(SECOND * 600);
        bench.plain(&format!("rest{round}"), "continuePrint");
        bench.pass(SECOND * 600);
    }
    assert!(!bench.is_blocked());
    assert_eq!(bench.on(|register| register.unfinished().cloned()), None);
}

/// Rule 5: a uuid has at most one document, and exactly one when its request says ready. Only
/// trap A may say so of a receipt that is not there.
fn one_document_for_each_uuid(bench: &Bench, uuids: &BTreeSet<String>, seed: u64) {
    let mut written = BTreeMap::<String, usize>::new();
    bench.on(|register| {
        for document in register.memory.documents() {
            if let Body::Receipt(sale) = &document.body {
                let uuid = sale.attribute.clone().unwrap();
                let count = written.entry(uuid).or_default();
                *count += 1;
            }
        }
    });
    for uuid in uuids {
        let status = bench.statuses(uuid);
        let count = written.get(uuid).copied().unwrap_or(0);
        assert!(count <= 1, "seed {seed}: {uuid} has {count} receipts");
        let over = !status.starts_with("wait") && !status.starts_with("inProgress");
        assert!(over && !status.starts_with("blocked"), "seed {seed}: {uuid} is {status}");
        let result = bench.result(uuid);
        let recovered = result.get("warnings").is_some_and(|w| w.get("recovered").is_some());
        if status == "ready 0" && !recovered {
            assert_eq!(count, 1, "seed {seed}: {uuid} is ready without a receipt");
        }
    }
    assert!(written.keys().all(|uuid| uuids.contains(uuid)), "seed {seed}");
}
