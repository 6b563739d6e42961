#![doc = include_str!("../README.md")]

pub mod attempts;
pub mod guarded;
pub mod loyalty;
mod metered;
mod words;

pub use self::guarded::Guarded;
pub use self::loyalty::Loyalty;
pub use self::metered::{Metered, describe};
