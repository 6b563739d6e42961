//! What is told to the person at the terminal when something fails.

use std::error::Error;
use std::fmt;

use tillway::core::MoneyError;
use tillway::core::port::ReadError;
use tillway::sim::iiko_front::FrontError;

/// One line: what failed, where, and what to do about it.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// `what: error: its cause: …`
    pub(crate) fn of(what: impl fmt::Display, error: &(dyn Error + 'static)) -> Self {
        let mut text = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(below) = cause {
            let below_text = below.to_string();
            // Some errors say their cause themselves.
            if !text.ends_with(&below_text) {
                text.push_str(&format!(": {below_text}"));
            }
            cause = below.source();
        }
        Self(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {}

impl From<MoneyError> for Failure {
    fn from(error: MoneyError) -> Self {
        Self::of("a sum", &error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::of("the store cannot be read", &error)
    }
}

impl From<FrontError> for Failure {
    fn from(error: FrontError) -> Self {
        Self::of("the simulated till", &error)
    }
}
