//! The store against raw SQLite with the same schema, statements and group commit, in the same run.
//!
//! Rounds of both sides alternate; a line has the medians, and the range of the rounds. The floor
//! neither asks what it needs nor judges nor decodes: what is between the two is the price of rules.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures real time, prints, and stops at the first error"
)]

mod floor;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use floor::Floor;
use work::{Ids, Ours};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(900);

/// Either side.
#[async_trait]
pub(crate) trait Side: Send + Sync + 'static {
    /// Hold and capture: two durable steps.
    async fn lifecycle(&self, ids: Ids);
    /// Money into a guest's account, under a key: one durable step.
    async fn movement(&self, ids: Ids);
}

#[derive(Clone, Copy)]
enum Load {
    Lifecycle,
    Movement,
}

struct Round {
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
}

fn round(runtime: &Runtime, side: &Arc<dyn Side>, load: Load, callers: usize) -> Round {
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let mut times: Vec<Duration> = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (side, stop) = (Arc::clone(side), Arc::clone(&stop));
            tasks.spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let (ids, began) = (Ids::fresh(), Instant::now());
                    match load {
                        Load::Lifecycle => side.lifecycle(ids).await,
                        Load::Movement => side.movement(ids).await,
                    }
                    times.push(began.elapsed());
                }
                times
            });
        }
        std::thread::sleep(ROUND);
        stop.store(true, Ordering::Relaxed);
        tasks.join_all().await.concat()
    });
    let seconds = began.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    Round { per_second: times.len() as f64 / seconds, p50_us: at(50), p99_us: at(99) }
}

struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

fn spread(mut values: Vec<f64>) -> Spread {
    values.sort_unstable_by(f64::total_cmp);
    Spread { low: values[0], median: values[values.len() / 2], high: values[values.len() - 1] }
}

fn line(name: &str, unit: &str, ours: Vec<f64>, floor: Vec<f64>) {
    let (ours, floor) = (spread(ours), spread(floor));
    let ratio = if floor.high > 2.0 * floor.low {
        "none (the floor is too unsteady)".to_owned()
    } else {
        format!("{:.2}", ours.median / floor.median)
    };
    println!(
        "bench {name} ours={:.0}{unit} floor={:.0}{unit} ratio={ratio} \
         (ours {:.0}..{:.0}, floor {:.0}..{:.0}, {ROUNDS} rounds)",
        ours.median, floor.median, ours.low, ours.high, floor.low, floor.high
    );
}

fn compare(
    runtime: &Runtime,
    sides: &[Arc<dyn Side>; 2],
    load: Load,
    callers: usize,
) -> [Vec<Round>; 2] {
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (side, rounds) in sides.iter().zip(&mut rounds) {
            rounds.push(round(runtime, side, load, callers));
        }
    }
    rounds
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let ours = Arc::new(Ours::open(&folder.path().join("ours.db")));
    let floor = Arc::new(Floor::open(&folder.path().join("floor.db")));
    runtime.block_on(ours.fill());
    floor.fill();
    let sides: [Arc<dyn Side>; 2] = [Arc::clone(&ours) as _, Arc::clone(&floor) as _];
    let list = |rounds: &[Round], of: fn(&Round) -> f64| rounds.iter().map(of).collect();

    let [a, b] = compare(&runtime, &sides, Load::Lifecycle, 16);
    line("G1-lifecycle-16", "/s", list(&a, |r| r.per_second), list(&b, |r| r.per_second));
    line("G2-lifecycle-16-p99", "us", list(&a, |r| r.p99_us), list(&b, |r| r.p99_us));
    let [a1, b1] = compare(&runtime, &sides, Load::Movement, 1);
    line("G3-movement-1-p50", "us", list(&a1, |r| r.p50_us), list(&b1, |r| r.p50_us));
    let [a64, b64] = compare(&runtime, &sides, Load::Movement, 64);
    line("movement-64", "/s", list(&a64, |r| r.per_second), list(&b64, |r| r.per_second));
    let gain = |one: &[Round], many: &[Round]| {
        let each = one.iter().zip(many).map(|(one, many)| many.per_second / one.per_second);
        each.map(|gain| gain * 100.0).collect()
    };
    line("G4-gain-of-64-callers", "%", gain(&a1, &a64), gain(&b1, &b64));

    drop(sides);
    println!("{}", Arc::into_inner(ours).expect("alone").sizes(&runtime, folder.path()));
}
