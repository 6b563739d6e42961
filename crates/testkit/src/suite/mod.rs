//! What every store must do, as cases: one for each MUST of [`Store`] and its reading sides.
//!
//! A case is an async function over a [`Ground`], which has a fresh store under a
//! [`Checked`](crate::Checked): the invariants are checked after every commit of every case,
//! besides what the case asserts. It fails by returning a [`Failure`] that names the line and what
//! was found.
//!
//! For a store of your own, implement [`Fixture`] (or use [`Shared`] when a clone of the store is
//! another handle on the same data) and let [`store_conformance!`](crate::store_conformance) make
//! one test of each case:
//!
//! ```
//! use tillway_memory::MemoryStore;
//! use tillway_testkit::{Shared, store_conformance};
//!
//! store_conformance!(memory, || Shared(MemoryStore::new()));
//! # fn main() {}
//! ```
//!
//! The names begin with the rule they prove: `i1` … `i13` invariants, `f…` rules of money flows,
//! `b…`, `pv…`, `m…`, `a…`, `d…`, `w…` rows of the conformance tables, `lck_01` … `lck_15` the
//! invariants of the Ledger Conformance Kit; the rest speak for themselves. [`cases`] lists them
//! all, [`run`] runs one without the macro.

pub mod account_book;
pub mod bindings;
mod ground;
pub mod journal;
pub mod lck;
mod list;

use core::fmt::{self, Debug};
use core::future::Future;
use core::panic::Location;
use core::pin::Pin;
use std::sync::Arc;

use tillway_core::MoneyError;
use tillway_core::fiscal::{QuantityError, ReturnError};
use tillway_core::port::fiscal::RegisterError;
use tillway_core::port::terminal::TerminalError;
use tillway_core::port::{ClaimError, CommitError, ReadError, Store};

use crate::checked::Violation;
use crate::runtime::block_on;

pub use ground::{Ground, Surprise};
pub use list::cases;

/// What the suite needs of a store's author: an empty store, and how to open its data again.
pub trait Fixture: Debug + Send + Sync {
    /// A handle on the data. At first the store is empty.
    fn open(&mut self) -> Arc<dyn Store>;
}

/// The fixture of a store whose clones are handles on the same data.
#[derive(Clone, Debug)]
pub struct Shared<S>(pub S);

impl<S: Store + Clone> Fixture for Shared<S> {
    fn open(&mut self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}

/// A case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name, unique in the suite.
    pub name: &'static str,
    /// The case itself.
    pub run: fn(&mut Ground) -> Running<'_>,
}

/// A case that runs.
pub type Running<'g> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'g>>;

/// Runs one case over the store of a fixture, on this thread.
///
/// # Errors
/// What the case or the [`Checked`](crate::Checked) found; the latter is told first, because it
/// stood closer to the cause.
pub fn run(case: &Case, fixture: Box<dyn Fixture>) -> Result<(), Failure> {
    let mut ground = Ground::new(fixture);
    let outcome = block_on((case.run)(&mut ground));
    match block_on(ground.store().inspect()) {
        Ok(()) => outcome,
        Err(violation) => Err(violation.into()),
    }
}

/// As [`run`], by the name of the case.
///
/// # Errors
/// As [`run`], and when there is no such case.
pub fn run_named(name: &str, fixture: impl Fixture + 'static) -> Result<(), Failure> {
    match cases().iter().find(|case| case.name == name) {
        Some(case) => run(case, Box::new(fixture)),
        None => Err(Failure::new(format!("there is no case {name}"))),
    }
}

/// Why a case failed.
#[derive(Clone)]
pub struct Failure {
    what: String,
    at: &'static Location<'static>,
}

impl Failure {
    /// A failure at the line that calls.
    #[track_caller]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), at: Location::caller() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// As for people: a failing test prints this form.
impl Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

macro_rules! failures {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            #[track_caller]
            fn from(error: $error) -> Self {
                Self::new(error.to_string())
            }
        }
    )*};
}

failures!(
    ClaimError,
    CommitError,
    MoneyError,
    QuantityError,
    ReadError,
    RegisterError,
    ReturnError,
    Surprise,
    TerminalError,
    Violation
);

/// Holds or fails.
///
/// # Errors
/// A [`Failure`] at the line that calls.
#[track_caller]
pub fn check(holds: bool, what: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(what)) }
}

/// Equal or fails.
///
/// # Errors
/// A [`Failure`] at the line that calls.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "cases compare what they just read")]
pub fn same<T: Debug + PartialEq>(got: T, want: T) -> Result<(), Failure> {
    if got == want { Ok(()) } else { Err(Failure::new(format!("got {got:?}, want {want:?}"))) }
}

/// Makes one `#[test]` of each case of the suite, in `mod $module`, over the stores of a factory:
/// an expression that is called for each case and gives a fresh [`Fixture`].
#[macro_export]
macro_rules! store_conformance {
    ($module:ident, $factory:expr) => {
        #[cfg(test)]
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $crate::__store_cases! { __store_tests $factory }
        }
    };
}
