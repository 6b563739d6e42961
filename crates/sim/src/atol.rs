//! A fiscal register that can fail: state machine, fiscal memory, printer, and what the driver
//! says about them (ATOL note 10).
//!
//! [`Register`] is one register with a clock that the test moves. Everything that happened can be
//! read afterwards: the documents of its [`Memory`], the tape of its [`Printer`], its totals. It
//! knows nothing of HTTP or of the driver's library; their faces stand on top of it.
//!
//! Not imitated: marking codes beyond their presence, agents, currencies, several sections of a
//! drawer, firmware that prints line by line before the receipt is closed.

mod calendar;
mod code;
mod fault;
mod json;
pub mod link;
mod marks;
mod memory;
mod printer;
mod register;
mod rules;
mod settings;
mod shared;
mod tape;
pub mod task;
pub mod web;

pub use self::code::Code;
pub use self::fault::{Fault, Point, Trouble};
pub use self::memory::{Body, Document, Item, Memory, Phase, Sale};
pub use self::printer::{Piece, Print, Printer};
pub use self::register::{
    Closed, KindTotal, Moved, Register, SHIFT_MAX_MS, Shift, Totals, Unfinished, Written,
};
pub use self::rules::broken_rule;
pub use self::settings::Settings;
pub use self::shared::SharedRegister;
pub use self::tape::{document, qr_text};
pub use self::task::{Refusal, process_json, validate_json};

#[cfg(test)]
mod tests;
