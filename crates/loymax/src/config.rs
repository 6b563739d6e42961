//! Where the processing is, who the till is there, and how long things may take.

use core::fmt;
use core::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tillway_core::port::processing::{Kind, Level};

use crate::dialect::Dialect;
use crate::error::ConfigError;
use crate::sign::Signatures;

const LOGIN_MAX: usize = 64;
const PASSWORD_MAX: usize = 256;
const WAIT_MAX_S: u64 = 600;
const WAITING_MAX: usize = 1_024;

/// A till at a processing.
///
/// [`Config::new`] gives safe defaults; change the fields you need. [`Loymax::try_new`] checks
/// them.
///
/// [`Loymax::try_new`]: crate::Loymax::try_new
#[derive(Clone)]
pub struct Config {
    /// Where the processing listens, up to the till's login, which is added as the last segment:
    /// `https://host:port/XmlExchange/project`.
    pub url: Box<str>,
    /// The logical name of the till there, which is its login too. 1 to 64 characters.
    pub login: Box<str>,
    /// Its password, 1 to 256 bytes. It never reaches a log.
    pub password: SecretString,
    /// How much of the programme the till takes part in. Says so to callers; nothing is refused
    /// for it. The minimum by default.
    pub level: Level,
    /// Whether goods can be given back without the number of the sale. Off by default.
    pub blind_refund: bool,
    /// How the wire is spoken.
    pub dialect: Dialect,
    /// How messages are signed and answers checked. Not at all by default. Whether the till's
    /// certificate is valid, [`Certificate::check`](crate::sign::Certificate::check) says: ask at
    /// start.
    pub signatures: Signatures,
    /// How long things may take.
    pub waits: Waits,
    /// How many callers may wait for the till's turn, 1 to 1024; others are told that nothing was
    /// sent. 64 by default.
    pub waiting_max: usize,
}

/// How long things may take, by the `Clock` port (loymax.md 2). Each is above zero and at most ten
/// minutes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Waits {
    /// For another message of the till to be answered. 15 s by default.
    pub turn: Duration,
    /// For a connection. 3 s by default.
    pub connect: Duration,
    /// For the answer to what a guest waits for and what changes nothing: balance, calculate,
    /// available. 5 s by default.
    pub read: Duration,
    /// For the answer to everything else. 10 s by default.
    pub write: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(15),
            connect: Duration::from_secs(3),
            read: Duration::from_secs(5),
            write: Duration::from_secs(10),
        }
    }
}

impl Waits {
    /// For the answer to a message of this kind.
    pub fn answer(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Balance | Kind::Calculate | Kind::Available => self.read,
            _ => self.write,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let waits = [
            ("turn", self.turn),
            ("connect", self.connect),
            ("read", self.read),
            ("write", self.write),
        ];
        let limit_s = WAIT_MAX_S;
        for (wait, value) in waits {
            if value.is_zero() || value > Duration::from_secs(limit_s) {
                return Err(ConfigError::BadWait { wait, limit_s });
            }
        }
        Ok(())
    }
}

impl Config {
    /// The defaults for a till at this processing.
    pub fn new(
        url: impl Into<Box<str>>,
        login: impl Into<Box<str>>,
        password: impl Into<SecretString>,
    ) -> Self {
        Self {
            url: url.into(),
            login: login.into(),
            password: password.into(),
            level: Level::default(),
            blind_refund: false,
            dialect: Dialect::default(),
            signatures: Signatures::default(),
            waits: Waits::default(),
            waiting_max: 64,
        }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// [`ConfigError`], which names what to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if !(1..=LOGIN_MAX).contains(&self.login.len()) || !self.login.bytes().all(visible) {
            return Err(ConfigError::BadLogin { limit: LOGIN_MAX });
        }
        let password = self.password.expose_secret();
        let odd = password.chars().any(char::is_control);
        if !(1..=PASSWORD_MAX).contains(&password.len()) || odd {
            return Err(ConfigError::BadPassword { limit: PASSWORD_MAX });
        }
        if !(1..=WAITING_MAX).contains(&self.waiting_max) {
            return Err(ConfigError::BadWaitingMax { limit: WAITING_MAX });
        }
        self.uri()?;
        self.waits.check()
    }

    /// Where messages go: the till is the last segment, a slash behind it.
    pub(crate) fn uri(&self) -> Result<Uri, ConfigError> {
        // A password may stand before the `@`.
        let shown = self.url.rsplit('@').next().unwrap_or_default();
        let bad = || ConfigError::BadUrl { url: shown.into() };
        let text = self.url.trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let scheme = uri.scheme().is_some_and(|it| *it == Scheme::HTTP || *it == Scheme::HTTPS);
        let authority = uri.authority().ok_or_else(bad)?;
        let named = !authority.host().is_empty() && !authority.as_str().contains('@');
        if !scheme || !named || uri.query().is_some() || text.contains('#') {
            return Err(bad());
        }
        let mut address = format!("{text}/");
        for byte in self.login.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    address.push(char::from(byte));
                }
                _ => address.push_str(&format!("%{byte:02X}")),
            }
        }
        address.push('/');
        address.parse().map_err(|_| bad())
    }

    /// The header of Basic authorisation, which no `Debug` shows.
    pub(crate) fn authorization(&self) -> Result<HeaderValue, ConfigError> {
        let plain = format!("{}:{}", self.login, self.password.expose_secret());
        let plain = Zeroizing::new(plain);
        let header = Zeroizing::new(format!("Basic {}", STANDARD.encode(plain.as_bytes())));
        let header = HeaderValue::from_str(&header);
        let mut header = header.map_err(|_| ConfigError::BadPassword { limit: PASSWORD_MAX })?;
        header.set_sensitive(true);
        Ok(header)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("url", &self.url.rsplit('@').next().unwrap_or_default())
            .field("login", &self.login)
            .field("level", &self.level)
            .field("blind_refund", &self.blind_refund)
            .field("dialect", &self.dialect)
            .field("signatures", &self.signatures)
            .field("waits", &self.waits)
            .field("waiting_max", &self.waiting_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Config {
        Config::new(url, "TILL-0007", "secret")
    }

    #[test]
    fn the_till_is_the_last_segment() {
        for url in
            ["http://127.0.0.1:7720/XmlExchange/demo", "http://127.0.0.1:7720/XmlExchange/demo//"]
        {
            let uri = config(url).uri().unwrap();
            assert_eq!(uri, "http://127.0.0.1:7720/XmlExchange/demo/TILL-0007/");
        }
        let odd = Config { login: "a/b?c%".into(), ..config("https://h") };
        assert_eq!(odd.uri().unwrap(), "https://h/a%2Fb%3Fc%25/");
        assert_eq!(odd.check(), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_limit() {
        let check = |change: fn(&mut Config)| {
            let mut config = config("https://h/x");
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        type Row = (fn(&mut Config), &'static str);
        let rows: [Row; 14] = [
            (|c| c.url = "h/x".into(), "url"),
            (|c| c.url = "ftp://h/x".into(), "url"),
            (|c| c.url = "https://user:secret@h/x".into(), "url"),
            (|c| c.url = "https://h/x?a=b".into(), "url"),
            (|c| c.url = "https://h/x#a".into(), "url"),
            (|c| c.login = "".into(), "login: 1 to 64"),
            (|c| c.login = "a:b".into(), "login"),
            (|c| c.login = "x".repeat(65).into(), "login"),
            (|c| c.password = "".into(), "password: 1 to 256"),
            (|c| c.password = "a\nb".into(), "password"),
            (|c| c.waits.read = Duration::ZERO, "wait read: more than 0 and at most 600 s"),
            (|c| c.waits.write = Duration::from_secs(601), "wait write"),
            (|c| c.waiting_max = 0, "waiting_max: 1 to 1024"),
            (|c| c.waiting_max = 1_025, "waiting_max"),
        ];
        for (change, part) in rows {
            let told = check(change);
            assert!(told.contains(part) && !told.contains("secret"), "{part}: {told}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        let config = config("https://h/x");
        let header = config.authorization().unwrap();
        let shown = format!("{config:?} {header:?}");
        assert!(!shown.contains("secret") && !shown.contains("VElMTC"), "{shown}");
        assert_eq!(header, "Basic VElMTC0wMDA3OnNlY3JldA==");
    }

    #[test]
    fn guests_wait_less() {
        let waits = Waits::default();
        let short = Kind::ALL.into_iter().filter(|kind| waits.answer(*kind) == waits.read);
        let short: Vec<_> = short.collect();
        assert_eq!(short, [Kind::Balance, Kind::Calculate, Kind::Available]);
    }
}
