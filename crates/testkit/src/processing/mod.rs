//! What every loyalty processing must do, as cases: one for each MUST of
//! [`LoyaltyProcessing`](tillway_core::port::LoyaltyProcessing), the worked examples of loymax.md 7
//! and 14, and the states of its section 9.
//!
//! A case is an async function over a [`Ground`]: a fresh processing at a [`Venue`], where messages
//! and answers are lost, cards are blocked, and where the **truth** can be read past the port: the
//! guest's points, those that are reserved, the purchases that are open, and the operations that
//! were done. Whatever was answered is held against the truth, and after every case the guest has
//! the points that the case told, and nothing was done that nobody asked for, or twice.
//!
//! For a processing of your own, implement [`Venue`] over its simulator, set up as [`house`] says,
//! and let [`processing_conformance!`](crate::processing_conformance) make one test of each case:
//!
//! ```
//! use tillway_testkit::processing_conformance;
//! # mod club { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/club/mod.rs")); }
//! # use club::Club; // yours
//!
//! processing_conformance!(
//!     mine,
//!     || Club::new(),
//!     lacks: [BlindRefund, Coupons, Disorder, Messages, PointsFirst, Signed],
//! );
//! # fn main() {}
//! ```
//!
//! A case needs nothing or one [`Need`]: a field of the processing's capabilities, or what its
//! house can be set up for. `lacks` lists what is not there: cases that need it are skipped, and a
//! processing that lacks something else, or less, fails. Nothing else is ever skipped.
//!
//! A repeat may be answered as the first time or refused as done, as the port allows: the cases
//! hold under both policies, so run them under both.

mod broken;
pub mod cases;
mod ground;
pub mod house;
mod list;
mod venue;

pub use self::broken::{Broken, Flaw};
pub use self::ground::Ground;
pub use self::venue::{Books, Change, Trouble, Venue};

/// What not every processing can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// [`Capabilities::cancel_one`](tillway_core::port::processing::Capabilities::cancel_one).
    CancelOne,
    /// [`Capabilities::cards`](tillway_core::port::processing::Capabilities::cards).
    Cards,
    /// [`Capabilities::blind_refund`](tillway_core::port::processing::Capabilities::blind_refund).
    BlindRefund,
    /// Discounts hang on coupons.
    Coupons,
    /// Lines of answers come in another order, or under other numbers: [`Trouble::Reordered`],
    /// [`Trouble::Renumbered`].
    Disorder,
    /// Words for the cashier and for the receipt come with the answers.
    Messages,
    /// Points come back before money: [`Change::PointsFirst`].
    PointsFirst,
    /// Answers are signed: [`Trouble::Forged`], [`Trouble::Unsigned`].
    Signed,
}

/// Makes one `#[test]` of each case of the suite, in `mod $module`, at the venues of a factory: an
/// expression that is called for each case and gives a fresh [`Venue`](crate::processing::Venue).
/// `lacks` lists each [`Need`](crate::processing::Need) that is not there.
#[macro_export]
macro_rules! processing_conformance {
    ($module:ident, $factory:expr, lacks: [$($lack:ident),* $(,)?] $(,)?) => {
        $crate::__processing_cases! {
            case_tests $module, $factory, $crate::processing::Ground, lacks $($lack)*
        }
    };
}
