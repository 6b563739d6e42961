#![doc = include_str!("../README.md")]

pub mod broken;
pub mod builders;
pub mod checked;
pub mod fiscal;
pub mod histories;
pub mod oracle;
pub mod processing;
pub mod runtime;
pub mod strategies;
pub mod suite;
pub mod terminal;

pub use checked::{Checked, Violation};
pub use suite::{Failure, Fixture, Ground, Shared};
