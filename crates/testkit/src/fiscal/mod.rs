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
//! A case needs nothing or one [`Need`], which is a field of the register's
//! [`Capabilities`]. `lacks` lists what the register
//! cannot do: cases that need it are skipped, and a register that lacks something else, or less,
//! fails. Nothing else is ever skipped.
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

use core::future::Future;
use core::pin::Pin;

use tillway_core::port::fiscal::Capabilities;

use crate::suite::Failure;

pub use ground::{Ground, Settled, receipt};
pub use list::cases;
pub use venue::{BlockOn, Executor, Piece, Printed, Trouble, Venue};

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, unique in the suite.
    pub name: &'static str,
    /// What the register must be able to do for it.
    pub need: Option<Need>,
    /// The case itself.
    pub run: fn(&mut Ground) -> Running<'_>,
}

/// A case that runs.
pub type Running<'g> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'g>>;

/// What not every register can do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Need {
    /// [`Capabilities::ids`].
    Ids,
    /// [`Capabilities::open_receipt`].
    OpenReceipt,
    /// [`Capabilities::operations`].
    Operations,
}

impl Need {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ids, Self::OpenReceipt, Self::Operations];

    /// Whether a register has it.
    pub fn is_met(self, capabilities: &Capabilities) -> bool {
        match self {
            Self::Ids => capabilities.ids,
            Self::OpenReceipt => capabilities.open_receipt,
            Self::Operations => capabilities.operations,
        }
    }
}

/// Runs one case at a venue.
///
/// # Errors
/// What the case or the rules of a fiscal memory found; the rules are told first, because they are
/// nearer to the truth.
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

/// As [`run`], by the name of the case, for a register that lacks this; a case that needs what it
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

/// Holds the list of what a register lacks against what it says itself.
///
/// # Errors
/// When they differ: a case would be skipped, or run, without reason.
pub fn check_lacks(venue: impl Venue + 'static, lacks: &[Need]) -> Result<(), Failure> {
    let executor = venue.executor();
    let lacks = lacks.to_vec();
    executor.run(Box::pin(async {
        let ground = Ground::open(Box::new(venue)).await?;
        let capabilities = ground.register().capabilities();
        for need in Need::ALL {
            let (told, found) = (lacks.contains(&need), !need.is_met(&capabilities));
            if told != found {
                let what = format!("{need:?}: lacking is said to be {told} and is {found}");
                return Err(Failure::new(what));
            }
        }
        Ok(())
    }))
}

/// Makes one `#[test]` of each case of the suite, in `mod $module`, at the venues of a factory: an
/// expression that is called for each case and gives a fresh [`Venue`](crate::fiscal::Venue).
/// `lacks` lists each [`Need`](crate::fiscal::Need) that the register cannot meet.
#[macro_export]
macro_rules! fiscal_conformance {
    ($module:ident, $factory:expr, lacks: [$($need:ident),* $(,)?]) => {
        #[cfg(test)]
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            const LACKS: &[$crate::fiscal::Need] = &[$($crate::fiscal::Need::$need),*];

            #[test]
            fn lacks_what_it_says() -> Result<(), $crate::suite::Failure> {
                $crate::fiscal::check_lacks($factory(), LACKS)
            }

            $crate::__fiscal_cases! { __fiscal_tests $factory }
        }
    };
}
