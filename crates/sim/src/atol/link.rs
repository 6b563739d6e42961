//! The register behind the driver's library: what the functions of `libfptr10` do with it.
//!
//! A [`Session`] is one open handle. It takes [`Call`]s, which carry the parameters of the handle,
//! and answers with what the library would say. The fake library lives in another binary: it
//! brings its own register, or sends its calls to a [`LinkServer`] over TCP, one JSON object a
//! line, so that both faces drive one register.
//!
//! Not imitated: marking codes, text and barcodes of single commands, parameters that no adapter
//! of ours sets.

mod calls;
mod control;
mod server;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::code::Code;
use super::shared::SharedRegister;

pub use self::server::{LINE_MAX, LinkServer};

/// A function of the library, without `libfptr_`, and the parameters that were set for it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Call {
    /// Its name: `open_receipt`.
    pub name: String,
    /// The parameters by number.
    pub params: BTreeMap<i32, Param>,
}

/// What the library says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Reply {
    /// The driver's number; 0 when all is well.
    pub code: i32,
    /// The driver's words.
    pub text: String,
    /// The parameters that can be read afterwards.
    pub params: BTreeMap<i32, Param>,
}

/// A parameter of a handle.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Param {
    /// A flag.
    Bool(bool),
    /// A whole number.
    Int(u32),
    /// A number as its shortest decimal text.
    Number(String),
    /// A text.
    Text(String),
    /// Year, month, day, hour, minute, second.
    Time([i32; 6]),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// One open handle of the driver. The register is held from the call `open` until `close`, or
/// until this is dropped; what the handle left open stays open, as when a host's process dies.
#[derive(Debug)]
pub struct Session {
    register: SharedRegister,
    client: u64,
}

/// The first client of a library; those of other faces are smaller.
const FIRST: u64 = 1 << 32;
static NEXT: AtomicU64 = AtomicU64::new(FIRST);

impl Session {
    /// A handle for this register.
    pub fn new(register: SharedRegister) -> Self {
        Self { register, client: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Does what the function does.
    pub fn call(&mut self, call: &Call) -> Reply {
        let mut register = self.register.lock();
        let done = calls::perform(&mut register, self.client, call);
        if register.loses_answer(calls::name(call)) {
            if call.name == "open" {
                register.release(self.client);
            }
            let code = Code::CONNECTION_LOST;
            return Reply { code: code.0, text: code.text().to_owned(), params: BTreeMap::new() };
        }
        match done {
            Ok(params) => Reply { params, ..Reply::default() },
            Err(refusal) => {
                Reply { code: refusal.code.0, text: refusal.text, params: BTreeMap::new() }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.register.lock().release(self.client);
    }
}

#[cfg(test)]
mod tests;
