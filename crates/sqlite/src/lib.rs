#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod chains;
mod config;
mod error;
mod load;
mod open;
mod queue;
mod read;
mod row;
mod save;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use config::SqliteConfig;
pub use error::{CheckError, OpenError};
pub use store::SqliteStore;
pub use tillway_device::Mode;
