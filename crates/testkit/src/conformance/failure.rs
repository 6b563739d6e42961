//! Why a case failed, and how a case says so.

use core::fmt::{self, Debug};
use core::panic::Location;

use tillway_core::MoneyError;
use tillway_core::fiscal::{QuantityError, ReturnError};
use tillway_core::port::fiscal::RegisterError;
use tillway_core::port::terminal::TerminalError;
use tillway_core::port::{ClaimError, CommitError, ReadError};

use crate::checked::Violation;
use crate::suite::Surprise;

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

    /// This one first, and what else failed.
    pub(super) fn besides(self, other: &Self) -> Self {
        Self { what: format!("{}; besides, {other}", self.what), ..self }
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
