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
//! A case needs nothing or one [`Need`]: a field of the terminal's [`Capabilities`], or a
//! [`Trouble`] that its bank knows. `lacks` lists what the terminal cannot do: cases that need it
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

use tillway_core::port::terminal::{Capabilities, ResolveBy, TwoPhase};

use crate::suite::Failure;

pub use self::broken::{Broken, Flaw};
pub use self::ground::{Ground, Settled};
pub use self::list::cases;
pub use self::venue::{Move, MoveKind, Trouble, Venue};
pub use crate::fiscal::{BlockOn, Executor, Running};

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, unique in the suite.
    pub name: &'static str,
    /// What the terminal must be able to do for it.
    pub need: Option<Need>,
    /// The case itself.
    pub run: fn(&mut Ground) -> Running<'_>,
}

/// What not every terminal can do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Need {
    /// [`TwoPhase::Native`].
    TwoPhase,
    /// Another [`ResolveBy`] than [`Person`](ResolveBy::Person).
    Resolve,
    /// [`Capabilities::partial_cancel`].
    PartialCancel,
    /// [`Capabilities::totals`].
    Totals,
    /// The bank approves less than was asked: [`Trouble::Partial`].
    Partial,
    /// The terminal approves without asking the bank: [`Trouble::Offline`].
    Offline,
}

impl Need {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::TwoPhase,
        Self::Resolve,
        Self::PartialCancel,
        Self::Totals,
        Self::Partial,
        Self::Offline,
    ];

    /// Whether a terminal at its venue has it.
    pub fn is_met(self, capabilities: &Capabilities, venue: &dyn Venue) -> bool {
        match self {
            Self::TwoPhase => capabilities.two_phase == TwoPhase::Native,
            Self::Resolve => capabilities.resolve != ResolveBy::Person,
            Self::PartialCancel => capabilities.partial_cancel,
            Self::Totals => capabilities.totals,
            Self::Partial => venue.befalls(Trouble::Partial),
            Self::Offline => venue.befalls(Trouble::Offline),
        }
    }
}

/// Runs one case at a venue.
///
/// # Errors
/// What the case found, or that in the end the bank has other movements than were told; the latter
/// is told first, because it is nearer to the truth.
pub fn run(case: &Case, venue: Box<dyn Venue>) -> Result<(), Failure> {
    let executor = venue.executor();
    let mut outcome = Ok(());
    executor.run(Box::pin(async {
        let mut ground = Ground::open(venue).await?;
        outcome = (case.run)(&mut ground).await;
        ground.inspect().await
    }))?;
    outcome
}

/// As [`run`], by the name of the case, for a terminal that lacks this; a case that needs what it
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

/// Holds the list of what a terminal lacks against what it and its venue say themselves.
///
/// # Errors
/// When they differ: a case would be skipped, or run, without reason.
pub fn check_lacks(venue: impl Venue + 'static, lacks: &[Need]) -> Result<(), Failure> {
    let executor = venue.executor();
    let lacks = lacks.to_vec();
    executor.run(Box::pin(async {
        let mut ground = Ground::open(Box::new(venue)).await?;
        let capabilities = ground.terminal().capabilities();
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
/// expression that is called for each case and gives a fresh [`Venue`](crate::terminal::Venue).
/// `lacks` lists each [`Need`](crate::terminal::Need) that the terminal cannot meet.
#[macro_export]
macro_rules! terminal_conformance {
    ($module:ident, $factory:expr, lacks: [$($need:ident),* $(,)?]) => {
        #[cfg(test)]
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            const LACKS: &[$crate::terminal::Need] = &[$($crate::terminal::Need::$need),*];

            #[test]
            fn lacks_what_it_says() -> Result<(), $crate::suite::Failure> {
                $crate::terminal::check_lacks($factory(), LACKS)
            }

            $crate::__terminal_cases! { __terminal_tests $factory }
        }
    };
}
