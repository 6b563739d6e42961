//! The native way, against the fake library: one register of the simulator behind it, on a line.

#![allow(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod faces;
mod faults;
mod harness;
mod hostile;
mod low_level;
mod setup;
#[path = "../support/mod.rs"]
mod support;
mod tasks;
mod threads;
mod words;
