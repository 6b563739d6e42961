//! What every card terminal must do, as cases: one for each MUST of
//! [`CardTerminal`](tillway_core::port::CardTerminal).
//!
//! A case is an async function over a [`Ground`]: a fresh terminal at a [`Venue`], where guests
//! give up, answers are lost and cables are pulled, and where the **truth** can be read past the
//! port: the movements of money that the bank knows. Whatever the terminal answered is held against
//! the truth, and after every case the bank must have exactly the movements that were told.
//!
//! For a terminal of your own, implement [`Venue`] over its simulator and let
//! [`terminal_conformance!`](crate::terminal_conformance) make one test of each case:
//!
//! ```
//! use tillway_testkit::terminal_conformance;
//! # mod kiosk { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kiosk/mod.rs")); }
//! # use kiosk::Kiosk; // yours
//!
//! terminal_conformance!(mine, || Kiosk::new(), lacks: []);
//! # fn main() {}
//! ```
//!
//! A case needs nothing or one [`Need`]: a field of the terminal's capabilities, or a [`Trouble`]
//! that its bank knows. `lacks` lists what the terminal cannot do: cases that need it
//! are skipped, and a terminal that lacks something else, or less, fails. Nothing else is ever
//! skipped.
//!
//! No case says *how* an adapter gets to know the truth, nor which calls it makes. An operation in
//! doubt is settled before the next one begins, and each attempt is asked for once, so the same
//! cases run under `layers::Guarded`.

mod broken;
pub mod cases;
mod ground;
mod list;
mod venue;

pub use self::broken::{Broken, Flaw};
pub use self::ground::{Ground, Settled};
pub use self::venue::{Move, MoveKind, Trouble, Venue};

/// What not every terminal can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// [`TwoPhase::Native`](tillway_core::port::terminal::TwoPhase::Native).
    TwoPhase,
    /// Another way than [`ResolveBy::Person`](tillway_core::port::terminal::ResolveBy::Person).
    Resolve,
    /// [`Capabilities::partial_cancel`](tillway_core::port::terminal::Capabilities::partial_cancel).
    PartialCancel,
    /// [`Capabilities::totals`](tillway_core::port::terminal::Capabilities::totals).
    Totals,
    /// The bank approves less than was asked: [`Trouble::Partial`].
    Partial,
    /// The terminal approves without asking the bank: [`Trouble::Offline`].
    Offline,
}

/// Makes one `#[test]` of each case of the suite, in `mod $module`, at the venues of a factory: an
/// expression that is called for each case and gives a fresh [`Venue`](crate::terminal::Venue).
/// `lacks` lists each [`Need`](crate::terminal::Need) that the terminal cannot meet.
#[macro_export]
macro_rules! terminal_conformance {
    ($module:ident, $factory:expr, lacks: [$($lack:ident),* $(,)?] $(,)?) => {
        $crate::__terminal_cases! {
            case_tests $module, $factory, $crate::terminal::Ground, lacks $($lack)*
        }
    };
}
