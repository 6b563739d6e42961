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
//! A case needs nothing or one [`Need`]: a field of the processing's [`Capabilities`], or what its
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

use tillway_core::port::processing::Capabilities;

use crate::suite::Failure;

pub use self::broken::{Broken, Flaw};
pub use self::ground::Ground;
pub use self::list::cases;
pub use self::venue::{Books, Change, Trouble, Venue};
pub use crate::fiscal::{BlockOn, Executor, Running};

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, unique in the suite.
    pub name: &'static str,
    /// What the processing must be able to do for it.
    pub need: Option<Need>,
    /// The case itself.
    pub run: fn(&mut Ground) -> Running<'_>,
}

/// What not every processing can do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Need {
    /// [`Capabilities::cancel_one`].
    CancelOne,
    /// [`Capabilities::cards`].
    Cards,
    /// [`Capabilities::blind_refund`].
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

impl Need {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CancelOne,
        Self::Cards,
        Self::BlindRefund,
        Self::Coupons,
        Self::Disorder,
        Self::Messages,
        Self::PointsFirst,
        Self::Signed,
    ];

    /// Whether a processing at its venue has it.
    pub fn is_met(self, capabilities: &Capabilities, venue: &dyn Venue) -> bool {
        match self {
            Self::CancelOne => capabilities.cancel_one,
            Self::Cards => capabilities.cards,
            Self::BlindRefund => capabilities.blind_refund,
            other => venue.has(other),
        }
    }
}

/// Runs one case at a venue.
///
/// # Errors
/// What the case found, or that in the end the books are not as they were told to be.
pub fn run(case: &Case, venue: Box<dyn Venue>) -> Result<(), Failure> {
    let executor = venue.executor();
    executor.run(Box::pin(async {
        let mut ground = Ground::open(venue).await?;
        (case.run)(&mut ground).await?;
        ground.inspect()
    }))
}

/// As [`run`], by the name of the case, for a processing that lacks this; a case that needs what it
/// lacks is skipped.
///
/// # Errors
/// As [`run`], and when there is no such case.
pub fn run_named(name: &str, venue: impl Venue + 'static, lacks: &[Need]) -> Result<(), Failure> {
    match cases().iter().find(|case| case.name == name) {
        Some(case) if case.need.is_some_and(|need| lacks.contains(&need)) => Ok(()),
        Some(case) => run(case, Box::new(venue)),
        None => Err(Failure::new(format!("there is no case {name}"))),
    }
}

/// Holds the list of what a processing lacks against what it and its venue say themselves.
///
/// # Errors
/// When they differ: a case would be skipped, or run, without reason.
pub fn check_lacks(venue: impl Venue + 'static, lacks: &[Need]) -> Result<(), Failure> {
    let executor = venue.executor();
    let lacks = lacks.to_vec();
    executor.run(Box::pin(async {
        let mut ground = Ground::open(Box::new(venue)).await?;
        let capabilities = ground.processing().capabilities();
        for need in Need::ALL {
            let (told, found) =
                (lacks.contains(&need), !need.is_met(&capabilities, ground.venue()));
            if told != found {
                let what = format!("{need:?}: lacking is said to be {told} and is {found}");
                return Err(Failure::new(what));
            }
        }
        Ok(())
    }))
}

/// Makes one `#[test]` of each case of the suite, in `mod $module`, at the venues of a factory: an
/// expression that is called for each case and gives a fresh [`Venue`](crate::processing::Venue).
/// `lacks` lists each [`Need`](crate::processing::Need) that is not there.
#[macro_export]
macro_rules! processing_conformance {
    ($module:ident, $factory:expr, lacks: [$($need:ident),* $(,)?] $(,)?) => {
        #[cfg(test)]
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            const LACKS: &[$crate::processing::Need] = &[$($crate::processing::Need::$need),*];

            #[test]
            fn lacks_what_it_says() -> Result<(), $crate::suite::Failure> {
                $crate::processing::check_lacks($factory(), LACKS)
            }

            $crate::__processing_cases! { __processing_tests $factory }
        }
    };
}
