#![doc = include_str!("../README.md")]

mod client;
mod config;
mod pilot;
#[doc(hidden)]
pub mod wire;

pub use client::{Sberbank, StartError};
pub use config::{Charset, Commands, Config, ConfigError};
