//! What all suites share: how a case is run, which cases a peer is excused from, and which ones
//! fail when it is wrong.
//!
//! An adapter's author uses a suite by its macro and needs nothing of this but [`Failure`] and,
//! for a peer that needs a runtime, [`Executor`].
//!
//! A suite for another port has
//!
//! - a **venue**, a trait that the author of an adapter implements: the peer, the world around it,
//!   and the truth past the port;
//! - a **ground**, which is the peer at its venue, and the words that cases are written in; it
//!   implements [`Suite`];
//! - **cases**, each a `pub async fn` over the ground that returns a [`Failure`] when it fails;
//! - one **list** of them with what each needs, a macro that hands them to
//!   [`case_table!`](crate::case_table) and [`case_tests!`](crate::case_tests);
//! - **broken peers**: [`failing`] says which cases catch one.
//!
//! `tests/own_suite.rs` has the smallest one, whole. A suite in this crate stands beside the
//! others, as `terminal` does.

mod failure;

use core::fmt::Debug;
use core::future::Future;
use core::pin::Pin;
use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::runtime::block_on;

pub use self::failure::{Failure, check, same};

/// What every adapter of a port is held to. It is the ground of one case: the peer at its venue.
#[async_trait]
pub trait Suite: Send + Sized + 'static {
    /// What the author of an adapter brings, a `dyn` trait. A fresh one for each case.
    type Venue: Send + ?Sized;

    /// What not every peer can do; [`Infallible`](core::convert::Infallible) where all can do all.
    type Need: Copy + Debug + PartialEq + Send + Sync + 'static;

    /// All cases.
    fn cases() -> &'static [Case<Self>];

    /// What runs them at this venue.
    fn executor(_: &Self::Venue) -> Arc<dyn Executor> {
        Arc::new(BlockOn)
    }

    /// The ground of a case that begins.
    ///
    /// # Errors
    /// When the venue is not as a fresh one must be.
    async fn open(venue: Box<Self::Venue>) -> Result<Self, Failure>;

    /// Whether the peer at its venue can do this.
    fn meets(&mut self, need: Self::Need) -> bool;

    /// What must hold after every case, whatever came of it.
    ///
    /// # Errors
    /// What does not hold.
    async fn inspect(&mut self) -> Result<(), Failure>;
}

/// A case of a suite.
#[derive(Debug)]
pub struct Case<S: Suite> {
    /// Its name, unique in the suite.
    pub name: &'static str,
    /// What the peer must be able to do for it.
    pub need: Option<S::Need>,
    /// The case itself.
    pub body: fn(&mut S) -> Running<'_>,
}

/// A case that runs.
pub type Running<'g> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'g>>;

impl<S: Suite> Case<S> {
    /// Runs it at a venue.
    ///
    /// # Errors
    /// What the case found, or [`Suite::inspect`]; the latter is told first, because it is nearer
    /// to the truth.
    pub fn run(&self, venue: Box<S::Venue>) -> Result<(), Failure> {
        S::executor(&venue).run(Box::pin(async {
            let mut ground = S::open(venue).await?;
            let outcome = (self.body)(&mut ground).await;
            match (ground.inspect().await, outcome) {
                (Err(rule), Err(case)) => Err(rule.besides(&case)),
                (inspected, outcome) => inspected.and(outcome),
            }
        }))
    }

    /// Whether a peer that lacks this need not pass it.
    pub fn is_excused(&self, lacks: &[S::Need]) -> bool {
        self.need.is_some_and(|need| lacks.contains(&need))
    }
}

/// Runs a case to its end.
pub trait Executor: Debug + Send + Sync {
    /// Runs it.
    ///
    /// # Errors
    /// What the case found.
    fn run(&self, case: Running<'_>) -> Result<(), Failure>;
}

/// Runs cases on this thread, without a runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockOn;

impl Executor for BlockOn {
    fn run(&self, case: Running<'_>) -> Result<(), Failure> {
        block_on(case)
    }
}

/// Runs the case of this name, unless a peer that lacks this is excused from it.
///
/// # Errors
/// As [`Case::run`], and when there is no such case.
pub fn run_named<S: Suite>(
    name: &str,
    venue: Box<S::Venue>,
    lacks: &[S::Need],
) -> Result<(), Failure> {
    match S::cases().iter().find(|case| case.name == name) {
        Some(case) if case.is_excused(lacks) => Ok(()),
        Some(case) => case.run(venue),
        None => Err(Failure::new(format!("there is no case {name}"))),
    }
}

/// Holds the list of what a peer lacks against what it and its venue say themselves.
///
/// # Errors
/// When they differ: a case would be skipped, or run, without reason.
pub fn check_lacks<S: Suite>(venue: Box<S::Venue>, lacks: &[S::Need]) -> Result<(), Failure> {
    S::executor(&venue).run(Box::pin(async {
        let mut ground = S::open(venue).await?;
        let needs = S::cases().iter().filter_map(|case| case.need);
        for need in needs.chain(lacks.iter().copied()) {
            let (told, found) = (lacks.contains(&need), !ground.meets(need));
            if told != found {
                let what = format!("{need:?}: lacking is said to be {told} and is {found}");
                return Err(Failure::new(what));
            }
        }
        Ok(())
    }))
}

/// The cases that fail at the venues of a factory, of those that a peer that lacks this is not
/// excused from. Of a right peer there are none; of a broken one, those that are there to catch it.
pub fn failing<S: Suite>(
    lacks: &[S::Need],
    venue: impl Fn() -> Box<S::Venue>,
) -> BTreeSet<&'static str> {
    let tried = S::cases().iter().filter(|case| !case.is_excused(lacks));
    tried.filter(|case| case.run(venue()).is_err()).map(|case| case.name).collect()
}

/// Holds the list of a suite against the files of its cases: a case that is written but not listed
/// would be run by nobody.
#[cfg(test)]
pub(crate) fn check_list<S: Suite>(files: &[&str]) {
    let lines = files.iter().flat_map(|file| file.lines());
    let written: BTreeSet<_> =
        lines.filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next()).collect();
    let listed: BTreeSet<_> = S::cases().iter().map(|case| case.name).collect();
    assert_eq!(written, listed);
    assert_eq!(S::cases().len(), listed.len(), "a case is listed twice");
}

/// Makes the [cases](crate::conformance::Suite::cases) of a suite out of its list.
#[macro_export]
macro_rules! case_table {
    ([$ground:ty] $($group:ident::$case:ident $(($need:ident))?)+) => {
        &[$($crate::conformance::Case {
            name: stringify!($case),
            need: [$(Some(<<$ground as $crate::conformance::Suite>::Need>::$need),)? None][0],
            body: |ground: &mut $ground| Box::pin($group::$case(ground)),
        },)+]
    };
}

/// Makes one `#[test]` of each case in the list of a suite, in `mod $module`, at the venues of a
/// factory; and one that holds what the peer is said to lack against what it says itself.
#[macro_export]
macro_rules! case_tests {
    (
        [$module:ident, $factory:expr, $ground:ty $(, lacks $($lack:ident)*)?]
        $($group:ident::$case:ident $(($need:ident))?)+
    ) => {
        #[cfg(test)]
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            const LACKS: &[<$ground as $crate::conformance::Suite>::Need] =
                &[$($(<<$ground as $crate::conformance::Suite>::Need>::$lack),*)?];

            $(
                #[test]
                fn lacks_what_it_says() -> Result<(), $crate::Failure> {
                    let told = &[$(<<$ground as $crate::conformance::Suite>::Need>::$lack),*];
                    $crate::conformance::check_lacks::<$ground>(Box::new($factory()), told)
                }
            )?

            $(
                #[test]
                fn $case() -> Result<(), $crate::Failure> {
                    let venue = Box::new($factory());
                    $crate::conformance::run_named::<$ground>(stringify!($case), venue, LACKS)
                }
            )+
        }
    };
}

/// The flaws of broken peers: the enum as it is written, and the list of all of them.
macro_rules! flaws {
    ($(#[$about:meta])* pub enum Flaw { $($(#[$what:meta])* $flaw:ident,)+ }) => {
        $(#[$about])*
        pub enum Flaw { $($(#[$what])* $flaw,)+ }

        impl Flaw {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$flaw),+];
        }
    };
}
pub(crate) use flaws;
