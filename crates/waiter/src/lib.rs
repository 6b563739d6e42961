#![doc = include_str!("../README.md")]

mod config;
mod error;
mod peers;
mod push;
mod server;
mod texts;
mod wire;

pub use self::config::{
    Budgets, JsonCase, LimitsOnFailure, PaymentType, TOKEN_LEN_MAX, TOKEN_LEN_MIN, Till,
    WaiterConfig,
};
pub use self::error::ConfigError;
pub use self::peers::{AllowedPeers, BadNetwork, Network};
pub use self::push::{Listener, PushBridge};
pub use self::server::{Answered, Answering, Desks, Observer, WaiterService};
pub use self::texts::{Texts, UnknownText};
