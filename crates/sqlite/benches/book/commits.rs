//! G1 to G4: commits per second and how long one takes, against the same statements without rules.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tillway_measure::{Figure, Goal, Plan, Round, callers};
use tokio::runtime::Runtime;

use crate::floor::{self, Floor};
use crate::work::{ACCOUNTS, Ids, Ours};
use crate::{DURABLE, bulk};

/// Either side.
#[async_trait]
pub(crate) trait Side: Send + Sync + 'static {
    /// Hold and capture: two durable steps.
    async fn lifecycle(&self, ids: Ids);
    /// Money into a guest's account, under a key: one durable step.
    async fn movement(&self, ids: Ids);
}

#[derive(Clone, Copy)]
pub(crate) enum Load {
    Lifecycle,
    Movement,
}

const NAMES: [&str; 5] = [
    "G1-lifecycle-16",
    "G2-lifecycle-16-p99",
    "G3-movement-1-p50",
    "G4-gain-of-64-callers",
    "book/movement-64",
];

pub(crate) fn run(plan: &Plan, runtime: &Runtime) {
    if !NAMES.iter().any(|name| plan.wants(name)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let paths = ["ours.db", "floor.db"].map(|name| folder.path().join(name));
    paths.iter().for_each(|path| runtime.block_on(Ours::open(path).fill()));
    let sides: [Arc<dyn Side>; 2] =
        [Arc::new(Ours::open(&paths[0])), Arc::new(Floor::open(&paths[1]))];
    check(runtime, &paths, &sides);
    lifecycles(plan, runtime, &sides);
    movements(plan, runtime, &sides);
}

/// Stops when the floor does not write the rows that the store writes.
fn check(runtime: &Runtime, paths: &[PathBuf; 2], sides: &[Arc<dyn Side>; 2]) {
    for side in sides {
        for n in 0..20 {
            runtime.block_on(side.lifecycle(Ids::of(n)));
            runtime.block_on(side.movement(Ids::of(20 + n)));
        }
    }
    bulk::same(&floor::connect(&paths[0]), &floor::connect(&paths[1]));
}

fn lifecycles(plan: &Plan, runtime: &Runtime, sides: &[Arc<dyn Side>; 2]) {
    if !NAMES[..2].iter().any(|name| plan.wants(name)) {
        return;
    }
    let about = format!("hold and capture, {ACCOUNTS} accounts, {DURABLE}");
    let [ours, floor] = compare(plan, runtime, sides, Load::Lifecycle, 16);
    let rate = Figure::new(NAMES[0], "/s", all(&ours, |r| r.per_second));
    let rate = rate.against(all(&floor, |r| r.per_second)).about(&*about);
    plan.show(&rate.goal(Goal::ratio_at_least(0.50, 0.75)));
    let p99 = Figure::new(NAMES[1], "us", all(&ours, |r| r.p99_us));
    let p99 = p99.against(all(&floor, |r| r.p99_us)).about(about);
    plan.show(&p99.goal(Goal::ratio_at_most(2.5, 1.5)));
}

fn movements(plan: &Plan, runtime: &Runtime, sides: &[Arc<dyn Side>; 2]) {
    if !NAMES[2..].iter().any(|name| plan.wants(name)) {
        return;
    }
    let about = format!("one movement under a key, {ACCOUNTS} accounts, {DURABLE}");
    let one = compare(plan, runtime, sides, Load::Movement, 1);
    let p50 = Figure::new(NAMES[2], "us", all(&one[0], |r| r.p50_us));
    let p50 = p50.against(all(&one[1], |r| r.p50_us)).about(&*about);
    plan.show(&p50.goal(Goal::ratio_at_most(1.5, 1.2)));
    let many = compare(plan, runtime, sides, Load::Movement, 64);
    let gain = |side: usize| -> Vec<f64> {
        let pairs = one[side].iter().zip(&many[side]);
        pairs.map(|(one, many)| many.per_second / one.per_second).collect()
    };
    let gained = Figure::new(NAMES[3], "x", gain(0)).against(gain(1)).about(&*about);
    // Eight and twelve of the fifteen that the floor gave where the goals were set: what there is to
    // gain is the disk's, and the same for both.
    plan.show(&gained.goal(Goal::ratio_at_least(8.0 / 15.0, 12.0 / 15.0)));
    let rate = Figure::new(NAMES[4], "/s", all(&many[0], |r| r.per_second));
    plan.show(&rate.against(all(&many[1], |r| r.per_second)).about(about));
}

pub(crate) fn all(rounds: &[Round], of: fn(&Round) -> f64) -> Vec<f64> {
    rounds.iter().map(of).collect()
}

pub(crate) fn compare(
    plan: &Plan,
    runtime: &Runtime,
    sides: &[Arc<dyn Side>; 2],
    load: Load,
    count: usize,
) -> [Vec<Round>; 2] {
    let round = |side: &Arc<dyn Side>| {
        let side = Arc::clone(side);
        callers(runtime, count, plan.rounds().length, move || {
            let side = Arc::clone(&side);
            async move {
                match load {
                    Load::Lifecycle => side.lifecycle(Ids::fresh()).await,
                    Load::Movement => side.movement(Ids::fresh()).await,
                }
            }
        })
    };
    plan.interleave(&mut || round(&sides[0]), &mut || round(&sides[1]))
}
