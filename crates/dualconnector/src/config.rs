//! Where the terminal is, what its bank calls things, and how long they may take.

use core::time::Duration;

use http::Uri;
use http::uri::Scheme;

use crate::error::ConfigError;
use crate::profile::Profile;

/// A terminal behind DualConnector.
///
/// [`Config::new`] gives safe defaults; change the fields you need. [`DualConnector::try_new`]
/// checks them.
///
/// [`DualConnector::try_new`]: crate::DualConnector::try_new
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Where the service listens, or the terminal itself: `http://127.0.0.1:9015`.
    pub address: Box<str>,
    /// The number of the terminal at the bank. Asked of the terminal by default.
    pub terminal: Option<Box<str>>,
    /// By ISO 4217; 643, the ruble, by default.
    pub currency: u16,
    /// What the bank calls things.
    pub profile: Profile,
    /// What status 17 means. Our choice: approved, and said to be offline.
    pub offline: Offline,
    /// Whether the bank cancels parts. On by default.
    pub partial_cancel: bool,
    /// Whether an answer that names another operation, number or terminal is somebody else's and
    /// therefore no answer. On by default.
    pub check_echo: bool,
    /// What stands on top of a slip that the bank leaves to the till.
    pub title: Box<str>,
    /// How long things may take.
    pub waits: Waits,
}

/// What status 17, *done offline*, means. Banks differ.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Offline {
    /// Money was taken, and nothing is sure before a reconciliation contains it.
    #[default]
    Approved,
    /// Unknown.
    InDoubt,
}

/// How long things may take, by the `Clock` port. Each is above zero and at most an hour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Waits {
    /// For another call on the same terminal to end. 10 s by default.
    pub turn: Duration,
    /// For a connection. 5 s by default.
    pub connect: Duration,
    /// For the outcome of an operation; then it is in doubt. 180 s by default.
    pub deadline: Duration,
    /// For a late answer to it: so long the adapter goes on listening, and nothing else is asked
    /// of the terminal. 300 s by default, counted like the deadline.
    pub late: Duration,
    /// For a card, by the device's own setting: before it has passed, nobody says *not performed*
    /// (F19). 180 s by default.
    pub card: Duration,
    /// For a report or a copy. 60 s by default.
    pub report: Duration,
    /// For the reconciliation. 660 s by default.
    pub reconcile: Duration,
    /// For a test of the connection. 20 s by default.
    pub probe: Duration,
    /// Between the two times a doubt is asked about. 5 s by default.
    pub again: Duration,
    /// By how much the terminal's clock may differ from ours. 5 min by default.
    pub skew: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            turn: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            deadline: Duration::from_secs(180),
            late: Duration::from_secs(300),
            card: Duration::from_secs(180),
            report: Duration::from_secs(60),
            reconcile: Duration::from_secs(660),
            probe: Duration::from_secs(20),
            again: Duration::from_secs(5),
            skew: Duration::from_secs(300),
        }
    }
}

impl Config {
    /// The defaults for a service at this address.
    pub fn new(address: impl Into<Box<str>>) -> Self {
        Self {
            address: address.into(),
            terminal: None,
            currency: 643,
            profile: Profile::default(),
            offline: Offline::default(),
            partial_cancel: true,
            check_echo: true,
            title: "БАНКОВСКАЯ КАРТА".into(),
            waits: Waits::default(),
        }
    }

    /// Checks all values.
    ///
    /// # Errors
    /// [`ConfigError`], which names what to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.uri()?;
        if let Some(terminal) = &self.terminal {
            let good = terminal.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !good || !(1..=16).contains(&terminal.len()) {
                return Err(ConfigError::BadTerminal);
            }
        }
        if !(1..=999).contains(&self.currency) {
            return Err(ConfigError::BadCurrency { currency: self.currency });
        }
        self.profile.check()?;
        self.waits.check()
    }

    /// The root of the service.
    pub(crate) fn uri(&self) -> Result<Uri, ConfigError> {
        // A password may stand before the `@`.
        let shown = self.address.rsplit('@').next().unwrap_or_default();
        let bad = || ConfigError::BadAddress { address: shown.into() };
        let text = self.address.trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let scheme = uri.scheme().is_some_and(|s| *s == Scheme::HTTP || *s == Scheme::HTTPS);
        let authority = uri.authority().ok_or_else(bad)?;
        let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !scheme || !plain || authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(bad());
        }
        format!("{text}/").parse().map_err(|_| bad())
    }
}

impl Waits {
    fn check(&self) -> Result<(), ConfigError> {
        let waits = [
            ("turn", self.turn),
            ("connect", self.connect),
            ("deadline", self.deadline),
            ("late", self.late),
            ("card", self.card),
            ("report", self.report),
            ("reconcile", self.reconcile),
            ("probe", self.probe),
            ("again", self.again),
            ("skew", self.skew),
        ];
        for (wait, value) in waits {
            if value.is_zero() || value > Duration::from_secs(3_600) {
                return Err(ConfigError::BadWait { wait });
            }
        }
        if self.late < self.deadline { Err(ConfigError::LateBeforeDeadline) } else { Ok(()) }
    }
}
