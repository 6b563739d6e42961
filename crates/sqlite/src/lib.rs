#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod backup;
mod chains;
mod chapters;
mod check;
mod config;
mod copier;
mod error;
mod filter;
mod flush;
mod gone;
mod ids;
mod kept;
mod load;
mod lock;
mod log;
mod merge;
mod names;
mod open;
mod preflight;
mod queue;
mod read;
mod renew;
mod row;
mod save;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod writer;

pub use backup::Backup;
pub use check::{Checked, Progress, Stage};
pub use config::SqliteConfig;
pub use error::{BackupError, CheckError, OpenError};
pub use queue::Stats;
pub use store::SqliteStore;
pub use tillway_device::Mode;
