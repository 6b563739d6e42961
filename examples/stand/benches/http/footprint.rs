//! G20: what the stand takes when nobody asks anything.

use std::time::{Duration, Instant};

use tillway_measure::{Figure, Goal, Plan, file_bytes};

use crate::servers::{STAND, Server};

/// By then the start is over, and the keeper has looked around.
const SETTLED: Duration = Duration::from_secs(2);

pub(crate) fn run(plan: &Plan) {
    if !["G20-idle-memory", "G20-binary", "http/start"].iter().any(|name| plan.wants(name)) {
        return;
    }
    let (mut memory, mut start) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds().count {
        let folder = tempfile::tempdir().unwrap();
        let began = Instant::now();
        let stand = Server::stand(&folder.path().join("data"), None);
        start.push(began.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(plan.pick(SETTLED, Duration::ZERO));
        memory.push(stand.memory());
    }
    let about = "the stand as it starts without arguments, with the demo's guests";
    let figure = Figure::new("G20-idle-memory", "MiB", memory).about(about);
    plan.show(&figure.goal(Goal::at_most(60.0, 25.0)));
    let mib = f64::from(u32::try_from(file_bytes(STAND)).unwrap()) / 1_048_576.0;
    let about = "with line tables for backtraces, as cargo build --release makes it";
    plan.show(&Figure::new("G20-binary", "MiB", mib).about(about).goal(Goal::at_most(50.0, 20.0)));
    let about = "from the start of the process to the first open listener, on a new folder";
    plan.show(&Figure::new("http/start", "ms", start).about(about));
}
