#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod dialect;
pub mod errors;
pub mod input;
pub mod judge;
pub mod sign;
pub mod wire;

pub use self::dialect::Dialect;
