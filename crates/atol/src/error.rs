//! What can be wrong with a configuration. Errors of calls are those of the port.

/// Why a configuration is refused. Each variant says what to change.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Give scheme, host and port, nothing else.
    #[error("{address} is not an address such as http://127.0.0.1:16732")]
    BadAddress {
        /// What was given, without what may be a password.
        address: Box<str>,
    },
    /// Take the id from the settings page of the server.
    #[error("a device id is 1 to 16 characters of A-Z a-z 0-9 _ -")]
    BadDevice,
    /// Take the name that the user was made with.
    #[error("a user is 1 to 64 printable characters without a colon")]
    BadUser,
    /// Take the password that the user was made with.
    #[error("a password is 1 to 128 bytes without control characters")]
    BadPassword,
    /// Name the rates, or leave them to the probe.
    #[error("rates is empty: no receipt could be printed")]
    NoRates,
    /// Choose a time above zero.
    #[error("waits.{wait} is not above zero and at most an hour")]
    BadWait {
        /// Which.
        wait: &'static str,
    },
    /// A task may not end before it may begin.
    #[error("waits.outcome is shorter than waits.queue")]
    OutcomeBeforeQueue,
    /// Choose a number from 1 to 100.
    #[error("waits.attempts is not 1 to 100")]
    BadAttempts,
}
