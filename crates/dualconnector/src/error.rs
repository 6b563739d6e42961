//! What a person has to change in the configuration.

use crate::profile::{Call, Field};

/// The configuration cannot be right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not an address: `http://host:port` without a path.
    #[error(
        "bad address of DualConnector {address:?}: http://host:port without a path is expected"
    )]
    BadAddress {
        /// Without user and password.
        address: Box<str>,
    },
    /// Not a number of a terminal.
    #[error("bad terminal: 1 to 16 letters and digits are expected")]
    BadTerminal,
    /// Not a currency.
    #[error("bad currency {currency}: 1 to 999 is expected")]
    BadCurrency {
        /// As configured.
        currency: u16,
    },
    /// A wait is nothing or too long.
    #[error("bad wait {wait}: more than 0 and at most an hour is expected")]
    BadWait {
        /// Its name.
        wait: &'static str,
    },
    /// The adapter would stop listening before it answers.
    #[error("the wait late is shorter than the wait deadline")]
    LateBeforeDeadline,
    /// Two calls have one code.
    #[error("bad profile: {one:?} and {other:?} have one code")]
    SameCode {
        /// One of them.
        one: Call,
        /// The other.
        other: Call,
    },
    /// Two fields have one id.
    #[error("bad profile: {one:?} and {other:?} have one id")]
    SameField {
        /// One of them.
        one: Field,
        /// The other.
        other: Field,
    },
    /// A request lacks what no terminal can do without.
    #[error("bad profile: the request of {call:?} lacks {field:?}")]
    NoField {
        /// The call.
        call: Call,
        /// What is missing.
        field: Field,
    },
}
