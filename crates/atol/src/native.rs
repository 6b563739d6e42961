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
//! ```no_run
//! use std::sync::Arc;
//! use tillway_atol::native::{Link, NativeConfig, NativeRegister};
//! use tillway_core::port::{Clock, FiscalRegister};
//!
//! # async fn start(clock: Arc<dyn Clock>) -> Result<(), Box<dyn std::error::Error>> {
//! let link = Link::Usb { path: "auto".into() };
//! let config = NativeConfig::new("/usr/lib/libfptr10.so", link);
//! let register = NativeRegister::load(config, clock)?;
//! println!("{:?}", register.probe().await?);
//! # Ok(())
//! # }
//! ```
//!
//! Put `layers::Guarded` around it before anything is printed: it keeps the journal that a repeat
//! and a restart need.
//!
//! Three waits are bounded by [`NativeConfig`]: for the call before (`wait_turn`), for a call of
//! the driver (`wait_call`), and for an answer to what became of a close (`ask_closed` times
//! `ask_pause`). After the second the call goes on alone, the outcome is in doubt, and every other
//! call is told that the register is busy until it returns.
//!
//! What is read of the driver is bounded too ([`wide::TEXT_MAX`]); what is no character in it is
//! replaced, what is no JSON is a doubt.
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
