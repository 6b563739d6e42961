#![doc = include_str!("../README.md")]

mod client;
mod config;
mod error;
pub mod judge;
pub mod profile;
pub mod read;
pub mod search;
pub mod wire;

pub use self::client::DualConnector;
pub use self::config::{Config, Offline, Waits};
pub use self::error::ConfigError;
pub use self::profile::Profile;
