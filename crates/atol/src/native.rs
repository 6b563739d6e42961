//! The native way: the driver's library, `libfptr10.so` or `fptr10.dll`, loaded when the program
//! runs.
//!
//! [`NativeRegister`] is one register. Its handle lives on a thread of its own, because a task may
//! block for minutes and a handle takes one call at a time. A register that is driven this way is
//! held: the web server, or another program, cannot use it meanwhile.
//!
//! What differs from the web server: there are no ids, so a repeat is recognised by the journal
//! and the fiscal memory alone; a receipt can stay open while its guest pays, and be annulled; and
//! nobody else watches over a document whose answer was lost: [`FiscalRegister::find`] opens the
//! handle anew and reads the memory.
//!
//! [`FiscalRegister::find`]: tillway_core::port::FiscalRegister::find

mod abi;
mod config;
mod device;
mod driver;
mod error;
mod ids;
mod lane;
mod probe;
mod receipt;
mod register;
mod seat;
pub mod wide;

pub use self::config::{Link, NativeConfig, Receipts};
pub use self::error::LoadError;
pub use self::register::NativeRegister;
