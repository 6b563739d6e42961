//! Where the register is, and how long it may take.

use core::fmt;
use core::time::Duration;

use http::Uri;
use http::uri::Scheme;
use secrecy::{ExposeSecret, SecretString};
use tillway_core::fiscal::VatRate;

use crate::error::ConfigError;

/// A register behind the web server of the driver.
///
/// [`WebConfig::new`] gives safe defaults; change the fields you need. [`AtolWeb::try_new`] checks
/// them.
///
/// [`AtolWeb::try_new`]: crate::AtolWeb::try_new
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Where the web server listens: `http://127.0.0.1:16732`. The port is 16732 unless somebody
    /// changed it.
    pub address: Box<str>,
    /// Which register of the server; its default one when `None`. Only servers of generation 2
    /// have several.
    pub device: Option<DeviceId>,
    /// Who we are there. Needed as soon as the server has a user.
    pub credentials: Option<Credentials>,
    /// Which interface the server has. Found out by default.
    pub generation: Generation,
    /// The rates that driver and firmware know. By default what the probe finds: rates of 22 %
    /// need driver 10.10.8, and a server of generation 1 does not tell its driver.
    pub rates: Option<Vec<VatRate>>,
    /// Other programs print receipts on this register too. Then a part of the attempt's id is
    /// printed into each receipt, so that a receipt in doubt is told from theirs (F20). Off by
    /// default. A receipt in doubt is looked for as it was printed, whatever is set by then: the
    /// [mark](tillway_core::fiscal::Mark) that is journaled before it is sent says how.
    pub shared: bool,
    /// How long things may take.
    pub waits: Waits,
}

impl WebConfig {
    /// The defaults for a server at this address.
    pub fn new(address: impl Into<Box<str>>) -> Self {
        Self {
            address: address.into(),
            device: None,
            credentials: None,
            generation: Generation::default(),
            rates: None,
            shared: false,
            waits: Waits::default(),
        }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// [`ConfigError`], which names what to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.base()?;
        if self.rates.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConfigError::NoRates);
        }
        if let Some(credentials) = &self.credentials {
            credentials.check()?;
        }
        self.waits.check()
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> Result<String, ConfigError> {
        let bad = || ConfigError::BadAddress { address: without_user(&self.address) };
        let text = self.address.trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let scheme = uri.scheme().is_some_and(|s| *s == Scheme::HTTP || *s == Scheme::HTTPS);
        let authority = uri.authority().ok_or_else(bad)?;
        let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !scheme || !plain || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(bad());
        }
        Ok(text.to_owned())
    }
}

/// An address in an error says where, never who: a password may stand before the `@`.
fn without_user(address: &str) -> Box<str> {
    address.rsplit('@').next().unwrap_or_default().into()
}

/// The name of a register at its server: 1 to 16 characters of `A-Z a-z 0-9 _ -`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct DeviceId(Box<str>);

impl DeviceId {
    /// Takes a name.
    ///
    /// # Errors
    /// [`ConfigError::BadDevice`] for other lengths and characters.
    pub fn try_new(id: impl Into<Box<str>>) -> Result<Self, ConfigError> {
        let id = id.into();
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=16).contains(&id.len()) && id.bytes().all(good) {
            Ok(Self(id))
        } else {
            Err(ConfigError::BadDevice)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user of the server, as its console tool made it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Their name: 1 to 64 printable characters without a colon.
    pub user: Box<str>,
    /// Their password: 1 to 128 bytes.
    pub password: SecretString,
}

impl Credentials {
    /// A user with a password.
    pub fn new(user: impl Into<Box<str>>, password: impl Into<SecretString>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let bad_user = |c: char| c == ':' || c.is_control();
        if self.user.is_empty() || self.user.chars().count() > 64 || self.user.contains(bad_user) {
            return Err(ConfigError::BadUser);
        }
        let password = self.password.expose_secret();
        if !(1..=128).contains(&password.len()) || password.contains(char::is_control) {
            return Err(ConfigError::BadPassword);
        }
        Ok(())
    }
}

/// The interface of a server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Generation {
    /// Ask the server: it has `/api/v2` or it has not.
    #[default]
    Find,
    /// Without a prefix: drivers before 10.7.
    V1,
    /// `/api/v2`: "Web-сервер" since driver 10.7, and "Web Requests".
    V2,
}

/// How long things may take, by the `Clock` port. Each is above zero and at most an hour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Waits {
    /// For another call on the same register to end. 60 s by default.
    pub turn: Duration,
    /// For a connection. 5 s by default.
    pub connect: Duration,
    /// For the answer to one HTTP request. 35 s by default: the server itself waits 30 s for the
    /// driver.
    pub answer: Duration,
    /// Between two looks at a task. 300 ms by default.
    pub poll: Duration,
    /// For a task to begin; then it is taken out of the queue (trap B). 30 s by default.
    pub queue: Duration,
    /// For a document or a print to end; then it is in doubt. 120 s by default, and not shorter
    /// than `queue`.
    pub outcome: Duration,
    /// For a question that has to stand in the queue; and how long a question is repeated that had
    /// no answer: a server that says after 30 s that its driver is busy is not asked again. 10 s by
    /// default.
    pub question: Duration,
    /// How often a question, or the sending of a task whose answer was lost, is repeated. 6 by
    /// default, 1 to 100.
    pub attempts: u32,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(60),
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(35),
            poll: Duration::from_millis(300),
            queue: Duration::from_secs(30),
            outcome: Duration::from_secs(120),
            question: Duration::from_secs(10),
            attempts: 6,
        }
    }
}

impl Waits {
    fn check(&self) -> Result<(), ConfigError> {
        let waits = [
            ("turn", self.turn),
            ("connect", self.connect),
            ("answer", self.answer),
            ("poll", self.poll),
            ("queue", self.queue),
            ("outcome", self.outcome),
            ("question", self.question),
        ];
        for (wait, value) in waits {
            if value.is_zero() || value > Duration::from_secs(3_600) {
                return Err(ConfigError::BadWait { wait });
            }
        }
        if self.outcome < self.queue {
            return Err(ConfigError::OutcomeBeforeQueue);
        }
        if !(1..=100).contains(&self.attempts) {
            return Err(ConfigError::BadAttempts);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_never_show_a_password() {
        let rows = [
            ("http://127.0.0.1:16732", true),
            ("http://10.0.0.7:16732/", true),
            ("https://kiosk-7:443", true),
            ("http://[::1]:16732", true),
            ("127.0.0.1:16732", false),
            ("ftp://127.0.0.1", false),
            ("http://", false),
            ("http://host/api/v2", false),
            ("http://host/?deviceID=1", false),
            ("http://user:pass@host:16732", false),
            ("", false),
        ];
        for (address, good) in rows {
            let checked = WebConfig::new(address).check();
            assert_eq!(checked.is_ok(), good, "{address}");
            if let Err(error) = checked {
                assert!(!error.to_string().contains("pass"), "{error}");
            }
        }
    }

    #[test]
    fn values_are_checked() {
        let base = || WebConfig::new("http://127.0.0.1:16732");
        let waits = |change: fn(&mut Waits)| {
            let mut config = base();
            change(&mut config.waits);
            config
        };
        let user = |user: &str, password: &str| WebConfig {
            credentials: Some(Credentials::new(user, password)),
            ..base()
        };
        let rows = [
            (base(), None),
            (WebConfig { rates: Some(Vec::new()), ..base() }, Some(ConfigError::NoRates)),
            (user("kiosk", "s3cret"), None),
            (user("", "s3cret"), Some(ConfigError::BadUser)),
            (user("a:b", "s3cret"), Some(ConfigError::BadUser)),
            (user("kiosk", ""), Some(ConfigError::BadPassword)),
            (user("kiosk", "s3\ncret"), Some(ConfigError::BadPassword)),
            (waits(|w| w.poll = Duration::ZERO), Some(ConfigError::BadWait { wait: "poll" })),
            (waits(|w| w.turn = Duration::MAX), Some(ConfigError::BadWait { wait: "turn" })),
            (waits(|w| w.outcome = Duration::from_secs(1)), Some(ConfigError::OutcomeBeforeQueue)),
            (waits(|w| w.attempts = 0), Some(ConfigError::BadAttempts)),
            (waits(|w| w.attempts = 101), Some(ConfigError::BadAttempts)),
        ];
        for (config, error) in rows {
            assert_eq!(config.check().err(), error);
            assert!(!format!("{config:?}").contains("s3cret"));
        }
        for (id, good) in [
            ("kiosk1", true),
            ("A-b_9", true),
            ("0123456789abcdef", true),
            ("0123456789abcdefg", false),
            ("", false),
            ("a b", false),
            ("киоск", false),
            ("a&b", false),
        ] {
            assert_eq!(DeviceId::try_new(id).is_ok(), good, "{id}");
        }
    }
}
