#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod account;
pub mod book;
pub mod fiscal;
pub mod flow;
pub mod guest;
pub mod id;
pub mod loyalty;
pub mod money;
pub mod pairing;
pub mod pan;
pub mod port;
pub mod split;
pub mod time;
pub mod token;
pub mod wallet;

pub use account::{Account, AccountKind, AccountStatus, Unit};
pub use money::{Kopecks, MoneyError};
pub use time::Timestamp;
