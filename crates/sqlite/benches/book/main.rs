//! The store against raw SQLite, in files small and large. See `docs/performance.md`.
//!
//! Rounds of both sides alternate; a line has the medians, and the range of the rounds. The floor
//! neither asks what it needs nor judges nor decodes: what is between the two is the price of rules.

#![allow(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures real time, prints, and stops at the first error"
)]

mod bulk;
mod commits;
mod floor;
mod fold;
mod growth;
mod guests;
mod peer;
mod sizes;
mod work;

use tillway_measure::Plan;
use tokio::runtime::Runtime;

/// What is true of every file that is measured here.
pub(crate) const DURABLE: &str = "every commit synced, WAL, synchronous=FULL";

fn main() {
    let plan = Plan::of(std::env::args().skip(1));
    if let Some(role) = plan.option("role") {
        assert_eq!(role, "guests", "no such role");
        return guests::play(&plan);
    }
    let runtime = runtime();
    commits::run(&plan, &runtime);
    fold::run(&plan, &runtime);
    peer::run(&plan, &runtime);
    sizes::run(&plan, &runtime);
    growth::run(&plan, &runtime);
    guests::run(&plan);
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
