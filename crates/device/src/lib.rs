#![doc = include_str!("../README.md")]

mod worker;

pub use worker::{Answer, Mode, Worker, WorkerError};
