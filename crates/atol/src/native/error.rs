//! What can be wrong with the driver's library, and with a call of it.

use std::io;
use std::path::PathBuf;

use tillway_core::port::fiscal::{Cause, RegisterError};

use super::wide::TextError;
use crate::code::{self, Way};

/// Why the driver cannot be used at all. A person sets it up; nothing was sent to a register.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no library of this word size at the path, or something it needs is missing.
    #[error("the driver's library {} was not loaded", path.display())]
    NotLoaded {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The library is another one, or too old.
    #[error("the driver's library has no function {name}")]
    Missing {
        /// The function.
        name: &'static str,
    },
    /// The library gives no handle.
    #[error("the driver gave no handle, status {status}")]
    NoHandle {
        /// What it answered.
        status: i32,
    },
    /// A setting has a NUL inside.
    #[error("a setting cannot be given to the driver")]
    Setting(#[from] TextError),
    /// The system has no thread to give.
    #[error("the device thread was not started")]
    Thread(#[from] io::Error),
}

impl From<LoadError> for RegisterError {
    fn from(error: LoadError) -> Self {
        Self::new(Cause::Setup, error.to_string())
    }
}

/// A call of the driver that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    /// The driver's number; none when its answer could not be read.
    pub(super) number: Option<i32>,
    pub(super) error: RegisterError,
    /// The call was made, so that it may have had its effect.
    sent: bool,
}

impl Failure {
    pub(super) fn of_driver(number: i32, text: &str) -> Self {
        Self { number: Some(number), error: code::error(number, text), sent: true }
    }

    /// Refused by us: nothing was called.
    pub(super) fn refused(cause: Cause, text: impl Into<Box<str>>) -> Self {
        Self { number: None, error: RegisterError::new(cause, text), sent: false }
    }

    /// It failed on the way to the call that mattered.
    pub(super) fn unsent(self) -> Self {
        Self { sent: false, ..self }
    }

    /// Whether a document may have been written all the same.
    pub(super) fn may_be_written(&self, way: Way) -> bool {
        self.sent && self.number.is_none_or(|number| code::may_be_written(number, way))
    }

    pub(super) fn is_link(&self) -> bool {
        self.error.cause == Cause::Link
    }
}

/// A text that the driver does not get, or an answer that is no text.
impl From<TextError> for Failure {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Nul => Self::refused(Cause::BadTask, error.to_string()),
            _ => Self { sent: true, ..Self::refused(Cause::Unknown, error.to_string()) },
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self { number: None, error: error.into(), sent: false }
    }
}
