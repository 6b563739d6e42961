//! What a row expects, and why it failed.

use std::error::Error;
use std::fmt;

/// Why a row does not pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failed(String);

/// Whether a row passes.
pub(super) type Check = Result<(), Failed>;

impl Failed {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What does not even run fails too.
impl<E: Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Both are equal, or the row fails and says what they are.
#[expect(clippy::needless_pass_by_value, reason = "rows compare values that they make in place")]
pub(super) fn same<T: fmt::Debug + PartialEq>(what: &str, found: T, expected: T) -> Check {
    if found == expected {
        Ok(())
    } else {
        Err(Failed(format!("{what}: {found:?} instead of {expected:?}")))
    }
}

/// It holds, or the row fails.
pub(super) fn holds(what: &str, holds: bool) -> Check {
    if holds { Ok(()) } else { Err(Failed(format!("does not hold: {what}"))) }
}

/// There is something, or the row fails.
pub(super) fn some<T>(what: &str, found: Option<T>) -> Result<T, Failed> {
    found.ok_or_else(|| Failed(format!("there is no {what}")))
}
