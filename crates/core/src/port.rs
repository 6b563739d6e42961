//! The ports: what the heart asks of the world, and what the world may ask of the heart.
//!
//! A port is a contract. It is `async` and used as `dyn`, so that a configuration picks it at run
//! time and decorators stack on it. Its documentation says what a call does, what a repeat does,
//! what is durable when it returns, and what dropping its future means.

mod bridge;
pub mod fiscal;
mod guests;
mod loyalty;
mod payment;
pub mod processing;
mod readiness;
mod runtime;
mod store;
pub mod terminal;

use core::fmt::Debug;

pub use async_trait::async_trait;

pub use bridge::*;
pub use fiscal::FiscalRegister;
pub use guests::*;
pub use loyalty::*;
pub use payment::*;
pub use processing::LoyaltyProcessing;
pub use readiness::Readiness;
pub use runtime::*;
pub use store::*;
pub use terminal::CardTerminal;

/// What every port is: shared between threads, shown in logs, without borrowed parts.
pub trait Port: Send + Sync + Debug + 'static {}

impl<T: Send + Sync + Debug + 'static + ?Sized> Port for T {}
