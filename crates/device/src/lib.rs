#![doc = include_str!("../README.md")]

mod exec;
mod sync;
mod worker;

pub use exec::{Ended, Exec, Process};
pub use worker::{Answer, Mode, Worker, WorkerError};
