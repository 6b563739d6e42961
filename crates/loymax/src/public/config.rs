//! Where the Public API is and who the application is.

use core::fmt;
use core::time::Duration;

use http::Uri;
use secrecy::SecretString;

use super::words::Words;

/// The Public API of one installation. [`Config::new`] gives safe defaults;
/// [`PublicApi::try_new`](super::PublicApi::try_new) checks them. Its `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server: `https://host[:port]` without a path. TLS is the transport's.
    pub address: Box<str>,
    /// What stands before each call's path. `/publicapi/v1.2/` by default.
    pub base: Box<str>,
    /// Where tokens are given.
    pub token_path: Box<str>,
    /// Where a trusted application asks for a client's code.
    pub authorize_path: Box<str>,
    /// Who the application is.
    pub application: Application,
    /// Names and paths.
    pub words: Words,
    /// How long things may take.
    pub waits: Waits,
}

/// The application as it is registered at the processing. Its till is bound there.
#[derive(Clone)]
pub struct Application {
    /// Its id.
    pub id: Box<str>,
    /// Its secret, when it has one: a trusted application has.
    pub secret: Option<SecretString>,
    /// The address that codes are sent to; only compared, never opened.
    pub redirect: Box<str>,
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("id", &self.id).finish_non_exhaustive()
    }
}

/// How long things may take, by the `Clock` port and the transport. Above zero, at most an hour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Waits {
    /// For other calls of the same till to end. 30 s by default.
    pub turn: Duration,
    /// For a connection. 3 s by default.
    pub connect: Duration,
    /// For the answer. 10 s by default.
    pub answer: Duration,
    /// A token that ends sooner than this is renewed before it is used. 30 s by default.
    pub renew: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(30),
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(10),
            renew: Duration::from_secs(30),
        }
    }
}

const WAIT_MAX: Duration = Duration::from_secs(3_600);

impl Config {
    /// This server, for this application.
    pub fn new(address: &str, application: Application) -> Self {
        Self {
            address: address.into(),
            base: "/publicapi/v1.2/".into(),
            token_path: "/authorizationService/token".into(),
            authorize_path: "/authorizationService/oauth/authorize".into(),
            application,
            words: Words::default(),
            waits: Waits::default(),
        }
    }

    /// Refuses what cannot be right.
    ///
    /// # Errors
    /// Says what a person has to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        let uri: Result<Uri, _> = self.address.parse();
        let whole = uri.is_ok_and(|uri| {
            let scheme = uri.scheme_str().is_some_and(|scheme| ["http", "https"].contains(&scheme));
            let authority = uri.authority().is_some_and(|place| !place.as_str().contains('@'));
            scheme && authority && uri.path() == "/" && uri.query().is_none()
        });
        if !whole || self.address.ends_with('/') {
            return Err(ConfigError::Address);
        }
        if !self.base.starts_with('/') || !self.base.ends_with('/') {
            return Err(ConfigError::Path("base"));
        }
        for (path, name) in [(&self.token_path, "token"), (&self.authorize_path, "authorize")] {
            if !path.starts_with('/') {
                return Err(ConfigError::Path(name));
            }
        }
        if self.application.id.is_empty() {
            return Err(ConfigError::Application);
        }
        let Waits { turn, connect, answer, renew } = self.waits;
        let waits = [("turn", turn), ("connect", connect), ("answer", answer), ("renew", renew)];
        for (name, wait) in waits {
            if wait.is_zero() || wait > WAIT_MAX {
                return Err(ConfigError::Wait(name));
            }
        }
        Ok(())
    }
}

/// What a person has to change in the configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not an address of a server.
    #[error("bad address: http(s)://host[:port] without user, path and slash is expected")]
    Address,
    /// A path does not begin, or the base does not end, with a slash.
    #[error("bad path of {0}: it begins with a slash, and the base ends with one")]
    Path(&'static str),
    /// The application has no id.
    #[error("the application has no id")]
    Application,
    /// A wait is nothing or too long.
    #[error("bad wait {0}: more than 0 and at most an hour is expected")]
    Wait(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(address: &str) -> Config {
        let application = Application { id: "till".into(), secret: None, redirect: "".into() };
        Config::new(address, application)
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert_eq!(config("http://127.0.0.1:7720").check(), Ok(()));
        for bad in ["", "host", "http://h/", "http://h/a", "ftp://h", "http://u:p@h", "http://h?a"]
        {
            assert_eq!(config(bad).check(), Err(ConfigError::Address), "{bad}");
        }
        let mut other = config("https://h");
        other.base = "/publicapi/v1.2".into();
        assert_eq!(other.check(), Err(ConfigError::Path("base")));
        let mut other = config("https://h");
        other.token_path = "token".into();
        assert_eq!(other.check(), Err(ConfigError::Path("token")));
        let mut other = config("https://h");
        other.waits.renew = Duration::ZERO;
        assert_eq!(other.check(), Err(ConfigError::Wait("renew")));
        let mut other = config("https://h");
        other.application.id = "".into();
        assert_eq!(other.check(), Err(ConfigError::Application));
    }

    #[test]
    fn the_secret_is_not_shown() {
        let mut config = config("https://h");
        config.application.secret = Some("s3cret-of-ours".into());
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
