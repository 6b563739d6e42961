#![doc = include_str!("../README.md")]
#![allow(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "it measures real time, counts in floats, and prints"
)]

mod callers;
mod figure;
mod plan;
mod process;
mod spread;

pub use callers::{Round, callers};
pub use figure::{Figure, Goal};
pub use plan::{Plan, Rounds};
pub use process::{file_bytes, resident_kib};
pub use spread::Spread;
