//! The stand over real sockets: what its users wait for, against the least that could answer them.
//! See `docs/performance.md`.
//!
//! The servers run on core 0 and the load generator on core 1, where `taskset` is there. Ours is
//! the stand's own binary, as `cargo run --release` starts it: on the demo's settings, logging to
//! a file, without a bridge. The floors are small programs that this binary plays too.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures real time, prints, and stops at the first error"
)]

mod cases;
mod floors;
mod footprint;
mod load;
mod pin;
mod scripts;
mod servers;
mod venue;

use tillway_measure::Plan;

fn main() {
    let plan = Plan::of(std::env::args().skip(1));
    match plan.option("role") {
        Some("hyper") => floors::hyper(&plan),
        Some("axum") => floors::axum(&plan),
        Some("load") => run(&plan),
        Some("servers") => cases::serve(),
        Some(other) => panic!("there is no role {other}"),
        None => pin::again("load"),
    }
}

fn run(plan: &Plan) {
    footprint::run(plan);
    cases::run(plan);
}
