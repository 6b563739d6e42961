#![doc = include_str!("../README.md")]

mod metered;
mod words;

pub use self::metered::{Metered, describe};
