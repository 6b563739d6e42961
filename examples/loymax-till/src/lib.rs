//! A till that takes part in a Loymax programme, and the report of what it can do.
//!
//! [`levels::Report`] tries the thirty functions of the specification against the simulated
//! processing, over HTTP. [`desk::Desk`] is the cashier's side of a sale.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod cable;
pub mod clock;
pub mod desk;
pub mod keys;
pub mod levels;
pub mod paper;
pub mod shop;
pub mod tape;
pub mod till;
