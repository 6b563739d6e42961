//! What a person has to change in the configuration, and what a probe finds.

use tillway_core::pan::Masked;
use tillway_core::port::processing::Refusal;

/// The configuration cannot be right.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not an address.
    #[error("bad url of Loymax {url:?}: https://host:port/XmlExchange/project is expected")]
    BadUrl {
        /// Without user and password.
        url: Box<str>,
    },
    /// Not a login of a till.
    #[error("bad login: 1 to {limit} visible ascii characters without a colon are expected")]
    BadLogin {
        /// How long it may be.
        limit: usize,
    },
    /// Not a password.
    #[error("bad password: 1 to {limit} bytes without control characters are expected")]
    BadPassword {
        /// How long it may be.
        limit: usize,
    },
    /// A wait is nothing or too long.
    #[error("bad wait {wait}: more than 0 and at most {limit_s} s is expected")]
    BadWait {
        /// Its name.
        wait: &'static str,
        /// How long it may be.
        limit_s: u64,
    },
    /// Too many callers, or none.
    #[error("bad waiting_max: 1 to {limit} is expected")]
    BadWaitingMax {
        /// How many there may be.
        limit: usize,
    },
}

/// Why the processing cannot be used as it is configured.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is no connection. Look at the address and the network.
    #[error("the processing cannot be reached: {0}")]
    Unreached(Masked),
    /// Something answered that cannot be used. Look at the address and the certificates.
    #[error("the processing does not answer as it should: {0}")]
    Unclear(Masked),
    /// It refused: usually the login, the password or the signature.
    #[error("the processing refuses with {}: {}", .0.code, .0.class)]
    Refused(Refusal),
}
