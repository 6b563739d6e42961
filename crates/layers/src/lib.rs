#![doc = include_str!("../README.md")]

pub mod attempts;
pub mod guarded;
mod metered;
mod words;

pub use self::guarded::Guarded;
pub use self::metered::{Metered, describe};
