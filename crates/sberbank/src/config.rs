//! How a terminal is driven.

use std::time::Duration;

pub use crate::wire::arguments::Commands;
pub use crate::wire::charset::Charset;

/// How a terminal is driven. The defaults are for a kiosk whose bank has confirmed nothing yet.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The letters of its files.
    pub charset: Charset,
    /// Its command lines.
    pub commands: Commands,
    /// The department, 0 to 14; `None` leaves it to the pad.
    pub department: Option<u8>,
    /// Suspend and commit are used. Off until the bank's engineer confirms the commands.
    pub two_phase: bool,
    /// The name of the file with the result.
    pub answer_file: String,
    /// The name of the file with the slip: `PrinterFile` of `pinpad.ini`.
    pub slip_file: String,
    /// How long the guest may take; after that the operation is in doubt. 180 s.
    pub money_within: Duration,
    /// How long a late answer of it is waited for before the program is killed. 300 s.
    pub late_within: Duration,
    /// How long the pad waits for a card: *not performed* is not believed before (F19). 120 s.
    pub card_timeout: Duration,
    /// How long a report may take. 60 s.
    pub report_within: Duration,
    /// How long a reconciliation may take. 660 s.
    pub reconcile_within: Duration,
    /// How long a test of the pad may take. 20 s.
    pub probe_within: Duration,
    /// How long a call waits for an earlier one to end. 5 s.
    pub turn_within: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            charset: Charset::Auto,
            commands: Commands::default(),
            department: None,
            two_phase: false,
            answer_file: "e".to_owned(),
            slip_file: "p".to_owned(),
            money_within: seconds(180),
            late_within: seconds(300),
            card_timeout: seconds(120),
            report_within: seconds(60),
            reconcile_within: seconds(660),
            probe_within: seconds(20),
            turn_within: seconds(5),
        }
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ConfigError {
    /// Its name.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Config {
    /// Looks at every setting.
    ///
    /// # Errors
    /// The first one that cannot be.
    pub fn check(&self) -> Result<(), ConfigError> {
        let bad = |field, problem: &str| Err(ConfigError { field, problem: problem.to_owned() });
        if self.department.is_some_and(|department| department > 14) {
            return bad("department", "0 to 14");
        }
        for (field, file) in [("answer_file", &self.answer_file), ("slip_file", &self.slip_file)] {
            if file.is_empty() || file.contains(['/', '\\']) || file == ".." || file == "." {
                return bad(field, "the name of a file, without a folder");
            }
        }
        if self.answer_file == self.slip_file {
            return bad("slip_file", "another file than answer_file");
        }
        let times = [
            ("money_within", self.money_within),
            ("late_within", self.late_within),
            ("card_timeout", self.card_timeout),
            ("report_within", self.report_within),
            ("reconcile_within", self.reconcile_within),
            ("probe_within", self.probe_within),
            ("turn_within", self.turn_within),
        ];
        for (field, time) in times {
            if time.is_zero() || time > Duration::from_secs(3_600) {
                return bad(field, "more than nothing, at most an hour");
            }
        }
        if self.late_within < self.money_within {
            return bad("late_within", "at least money_within");
        }
        let commands = self.commands.check();
        commands.map_err(|(field, problem)| ConfigError { field, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        type Change = fn(&mut Config);
        let changes: [(&str, Change); 9] = [
            ("card_timeout", |c| c.card_timeout = Duration::ZERO),
            ("department", |c| c.department = Some(15)),
            ("answer_file", |c| c.answer_file = "../e".to_owned()),
            ("slip_file", |c| c.slip_file = String::new()),
            ("slip_file", |c| c.slip_file = "e".to_owned()),
            ("money_within", |c| c.money_within = Duration::ZERO),
            ("late_within", |c| c.late_within = Duration::from_secs(1)),
            ("reconcile_within", |c| c.reconcile_within = Duration::from_secs(3_601)),
            ("pay", |c| c.commands.pay = "1 {rubles}".to_owned()),
        ];
        for (field, change) in changes {
            let mut config = Config::default();
            change(&mut config);
            assert_eq!(config.check().unwrap_err().field, field);
        }
    }
}
