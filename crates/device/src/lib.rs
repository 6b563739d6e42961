#![doc = include_str!("../README.md")]

mod sync;
mod worker;

pub use worker::{Answer, Mode, Worker, WorkerError};
