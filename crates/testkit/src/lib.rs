#![doc = include_str!("../README.md")]

pub mod broken;
pub mod builders;
pub mod checked;
pub mod conformance;
pub mod fiscal;
pub mod histories;
pub mod oracle;
pub mod processing;
pub mod runtime;
pub mod strategies;
pub mod suite;
pub mod terminal;

pub use checked::{Checked, Violation};
pub use conformance::Failure;
pub use suite::{Fixture, Ground, Shared};
