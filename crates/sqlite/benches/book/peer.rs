//! G12: one limited movement here, and by another ledger in a process of its own, whose SQLite
//! cannot be linked beside ours. `benches/doubleentry/run.sh` builds it and names it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use tillway_measure::{Figure, Goal, Plan, callers};
use tokio::runtime::Runtime;

use crate::DURABLE;
use crate::work::{ACCOUNTS, Ids, Ours};

/// Callers, and what is wanted of our rate over theirs.
const ROWS: [(usize, f64, f64); 2] = [(1, 5.0, 8.0), (16, 20.0, 35.0)];

pub(crate) fn run(plan: &Plan, runtime: &Runtime) {
    let name = |count: usize| format!("G12-doubleentry-{count}");
    let Some(program) = plan.option("peer") else {
        if plan.wants_long(&name(1)) {
            println!("skipped G12-doubleentry: run benches/doubleentry/run.sh");
        }
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ours = Arc::new(Ours::open(&folder.path().join("ours.db")));
    runtime.block_on(ours.fill());
    let mut peer = Peer::start(program, folder.path().to_str().unwrap());
    let length = plan.rounds().length;
    for (count, reach, shine) in ROWS.into_iter().filter(|row| plan.wants(&name(row.0))) {
        let mut draws = || {
            let ours = Arc::clone(&ours);
            let draw = move || {
                let ours = Arc::clone(&ours);
                async move { ours.draw(Ids::fresh()).await }
            };
            callers(runtime, count, length, draw).per_second
        };
        let [ours, theirs] =
            plan.interleave(&mut draws, &mut || peer.round(count, length.as_millis()));
        let about = format!(
            "one limited movement under a key, {ACCOUNTS} accounts on both sides, ours: \
             {DURABLE}; the floor is doubleentry on SQLite as it comes"
        );
        let figure = Figure::new(name(count), "/s", ours).against(theirs).about(about);
        plan.show(&figure.goal(Goal::ratio_at_least(reach, shine)));
    }
}

/// The other program: a line with callers and milliseconds in, a line with the rate out.
struct Peer {
    child: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &str, folder: &str) -> Self {
        let mut command = Command::new(program);
        command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let asks = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, asks, answers };
        assert_eq!(peer.line(), "ready");
        peer
    }

    fn round(&mut self, callers: usize, millis: u128) -> f64 {
        writeln!(self.asks.as_mut().unwrap(), "{callers} {millis}").unwrap();
        self.line().parse().unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.asks.take());
        let _ = self.child.wait();
    }
}
