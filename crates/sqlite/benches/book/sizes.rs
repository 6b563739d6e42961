//! G20, as far as it is the file's, and G21: what the disk holds for nothing, and for each movement.

use std::path::Path;

use futures::future::join_all;
use tillway_measure::{Figure, Goal, Plan, file_bytes};
use tokio::runtime::Runtime;

use crate::commits::Side;
use crate::work::{Ids, Ours};

/// What pgledger's README says of itself.
const PGLEDGER_BYTES: f64 = 743.0;

/// How many callers fill a file.
const CALLERS: u32 = 250;

pub(crate) fn run(plan: &Plan, runtime: &Runtime) {
    let folder = tempfile::tempdir().unwrap();
    if plan.wants("G20-empty-store") {
        let path = folder.path().join("empty.db");
        drop(Ours::open(&path));
        let figure = Figure::new("G20-empty-store", "KiB", kib(file_bytes(&path)));
        plan.show(&figure.goal(Goal::at_most(1_024.0, 200.0)));
    }
    if plan.wants("G21-movement-size") {
        let rows = plan.pick(1_000_000, 5_000);
        let bytes = grown(runtime, &folder.path().join("movements.db"), rows, false);
        let figure = Figure::new("G21-movement-size", "B", bytes).against(PGLEDGER_BYTES);
        let about = format!("{rows} movements with their keys; the floor is pgledger's own claim");
        plan.show(&figure.about(about).goal(Goal::at_most(350.0, 200.0)));
    }
    if plan.wants("book/lifecycle-size") {
        let rows = plan.pick(250_000, 5_000);
        let bytes = grown(runtime, &folder.path().join("lifecycles.db"), rows, true);
        let figure = Figure::new("book/lifecycle-size", "B", bytes);
        let about = format!("{rows} lifecycles: order, hold, key, payment, movement");
        plan.show(&figure.about(about));
    }
}

fn kib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1_024).unwrap())
}

/// Bytes for each row, after the log is copied into the file.
fn grown(runtime: &Runtime, path: &Path, rows: u32, lifecycle: bool) -> f64 {
    runtime.block_on(Ours::open(path).fill());
    let before = file_bytes(path);
    let store = Ours::open(path);
    runtime.block_on(async {
        for _ in 0..rows / CALLERS {
            let all = (0..CALLERS).map(|_| async {
                match lifecycle {
                    true => store.lifecycle(Ids::fresh()).await,
                    false => store.movement(Ids::fresh()).await,
                }
            });
            join_all(all).await;
        }
    });
    drop(store);
    kib(file_bytes(path) - before) * 1_024.0 / f64::from(rows)
}
