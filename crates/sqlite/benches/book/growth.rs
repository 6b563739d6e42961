//! Whether the store keeps its speed: G1 on a file of ten thousand and of ten million movements.

use std::sync::Arc;

use tillway_measure::{Figure, Goal, Plan, file_bytes};
use tokio::runtime::Runtime;

use crate::DURABLE;
use crate::bulk;
use crate::commits::{Load, Side, all, compare};
use crate::work::Ours;

pub(crate) fn run(plan: &Plan, runtime: &Runtime) {
    if !plan.wants_long("book/growth") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    bulk::check(runtime, folder.path());
    let movements = plan.pick([10_000_000, 10_000], [4_000, 1_000]);
    let paths = movements.map(|count: u64| folder.path().join(format!("{count}.db")));
    for (path, count) in paths.iter().zip(movements) {
        bulk::orders(runtime, path, count / 2);
    }
    let sides = paths.each_ref().map(|path| Arc::new(Ours::open(path)) as Arc<dyn Side>);
    let [large, small] = compare(plan, runtime, &sides, Load::Lifecycle, 16);
    let mib = file_bytes(&paths[0]) >> 20;
    let about = format!(
        "G1 with {} movements in a file of {mib} MiB, the floor with {}; {DURABLE}",
        movements[0], movements[1]
    );
    let figure = Figure::new("book/growth", "/s", all(&large, |r| r.per_second));
    let figure = figure.against(all(&small, |r| r.per_second)).about(&*about);
    plan.show(&figure.goal(Goal::ratio_at_least(0.75, 0.90)));
    let figure = Figure::new("book/growth-p99", "us", all(&large, |r| r.p99_us));
    plan.show(&figure.against(all(&small, |r| r.p99_us)).about(about));
}
