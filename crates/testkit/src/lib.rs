#![doc = include_str!("../README.md")]

pub mod builders;
pub mod checked;
pub mod runtime;
pub mod suite;

pub use checked::{Checked, Violation};
pub use suite::{Failure, Fixture, Ground, Shared};
