#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod client;
mod config;
pub mod dialect;
mod error;
pub mod errors;
pub mod input;
pub mod judge;
pub mod public;
pub mod sign;
pub mod texts;
pub mod wire;

pub use self::client::Loymax;
pub use self::config::{Config, Waits};
pub use self::dialect::Dialect;
pub use self::error::{ConfigError, ProbeError};
