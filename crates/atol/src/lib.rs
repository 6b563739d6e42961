#![doc = include_str!("../README.md")]

mod ask;
mod client;
pub mod code;
mod config;
mod error;
#[cfg(feature = "native")]
pub mod native;
pub mod task;
pub mod wire;

pub use self::client::AtolWeb;
pub use self::config::{Credentials, DeviceId, Generation, Waits, WebConfig};
pub use self::error::ConfigError;
