//! What every fiscal register must do, as cases: one for each MUST of
//! [`FiscalRegister`](tillway_core::port::FiscalRegister).
//!
//! A case is an async function over a [`Ground`]: a fresh register at a [`Venue`], where time
//! passes, paper ends, cables are pulled and answers are lost, and where the **truth** can be read
//! past the port: the documents of the fiscal memory, and the tape. Whatever the register answered
//! is held against the truth, and after every case so are the rules of a fiscal memory: numbers
//! without gaps, shifts that alternate, no receipt twice, every paper printed once.
//!
//! For a register of your own, implement [`Venue`] over its simulator and let
//! [`fiscal_conformance!`](crate::fiscal_conformance) make one test of each case:
//!
//! ```
//! use tillway_testkit::fiscal_conformance;
//! # mod counter { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/counter/mod.rs")); }
//! # use counter::Counter; // yours
//!
//! fiscal_conformance!(mine, || Counter::new(), lacks: []);
//! # fn main() {}
//! ```
//!
//! A case needs nothing or one [`Need`], which is a field of the register's capabilities.
//! `lacks` lists what the register cannot do: cases that need it are skipped, and a register that
//! lacks something else, or less, fails. Nothing else is ever skipped.
//!
//! No case says *how* an adapter gets to know the truth. After a lost answer one register is in
//! doubt and is asked by [`find`](tillway_core::port::FiscalRegister::find), another has asked its server already; both
//! are right as long as what they say is true.

pub mod broken;
pub mod cases;
mod ground;
mod list;
mod rules;
mod venue;

pub use ground::{Ground, Settled, receipt};
pub use venue::{Piece, Printed, Trouble, Venue};

/// What not every register can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// [`Capabilities::ids`](tillway_core::port::fiscal::Capabilities::ids).
    Ids,
    /// [`Capabilities::open_receipt`](tillway_core::port::fiscal::Capabilities::open_receipt).
    OpenReceipt,
    /// [`Capabilities::operations`](tillway_core::port::fiscal::Capabilities::operations).
    Operations,
}

/// Makes one `#[test]` of each case of the suite, in `mod $module`, at the venues of a factory: an
/// expression that is called for each case and gives a fresh [`Venue`](crate::fiscal::Venue).
/// `lacks` lists each [`Need`](crate::fiscal::Need) that the register cannot meet.
#[macro_export]
macro_rules! fiscal_conformance {
    ($module:ident, $factory:expr, lacks: [$($lack:ident),* $(,)?] $(,)?) => {
        $crate::__fiscal_cases! {
            case_tests $module, $factory, $crate::fiscal::Ground, lacks $($lack)*
        }
    };
}
