//! The command line, as templates that a venue may change.

use tillway_core::port::terminal::{Attempt, Operation, Original};

/// Command lines of `sb_pilot` (acquiring.md A.3). Words are parted by spaces; `{kopecks}`,
/// `{rrn}`, `{auth}`, `{reqid}` and `{fresh}` stand for what the operation has, and a command whose
/// word is not known is not sent. The defaults are for a pad that finds a payment by its RRN.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Commands {
    /// Take money.
    pub pay: String,
    /// Undo a payment of the open batch.
    pub cancel: String,
    /// Give money of a payment back.
    pub refund: String,
    /// Suspend the last payment. Its words are our choice until a bank's engineer confirms them.
    pub suspend: String,
    /// Make it final. Our choice too.
    pub commit: String,
    /// Undo the last payment. Our choice too.
    pub roll_back: String,
    /// What became of an operation, by the number of its request; empty where the pad keeps none.
    pub status: String,
    /// The reconciliation.
    pub reconcile: String,
    /// The report of sums.
    pub report_short: String,
    /// The report of all operations.
    pub report_full: String,
    /// Test the pad.
    pub test: String,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            pay: "1 {kopecks} 0 0 /q={reqid}".to_owned(),
            cancel: "8 {kopecks} 0 QSELECT {rrn} /q={reqid}".to_owned(),
            refund: "3 {kopecks} 0 QSELECT {rrn} /q={reqid}".to_owned(),
            suspend: "15 {kopecks} {auth}".to_owned(),
            commit: "16 {kopecks} {auth}".to_owned(),
            roll_back: "13 {kopecks} {auth}".to_owned(),
            status: "52 {reqid} /q={fresh}".to_owned(),
            reconcile: "7".to_owned(),
            report_short: "9 0".to_owned(),
            report_full: "9 1".to_owned(),
            test: "26".to_owned(),
        }
    }
}

/// Words of a command that are not known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum BadCommand {
    /// The payment has no such word.
    #[error("{{{0}}} of the command is not known of this payment")]
    Unknown(&'static str),
    /// There is no such word.
    #[error("`{0}`: a command has the words {{kopecks}}, {{rrn}}, {{auth}}, {{reqid}}, {{fresh}}")]
    NoSuchWord(String),
    /// There is no command.
    #[error("the command is empty in the configuration")]
    Empty,
}

/// What the words stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words<'a> {
    kopecks: Option<i64>,
    rrn: Option<&'a str>,
    auth: Option<&'a str>,
    reqid: Option<u32>,
}

impl<'a> Words<'a> {
    /// Of an operation.
    pub(crate) fn of(attempt: &Attempt, what: &'a Operation) -> Self {
        let mut words = what.original().map(Self::undone).unwrap_or_default();
        words.kopecks = Some(what.amount().0);
        words.reqid = Some(attempt.number());
        words
    }

    /// Of a payment that is held, confirmed or rolled back.
    pub(crate) fn last(kopecks: i64, auth: Option<&'a str>) -> Self {
        Self { kopecks: Some(kopecks), auth: auth.and_then(plain), ..Self::default() }
    }

    fn undone(of: &'a Original) -> Self {
        let rrn = of.reference.as_deref().and_then(plain);
        Self { rrn, auth: of.authorisation.as_deref().and_then(plain), ..Self::default() }
    }
}

/// What came from a device becomes an argument only when it is letters and digits: it must not be
/// taken for another option.
fn plain(text: &str) -> Option<&str> {
    let fits = !text.is_empty() && text.len() <= 32;
    (fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(text)
}

/// The arguments of a command.
pub(crate) fn fill(
    command: &str,
    words: &Words<'_>,
    department: Option<u8>,
) -> Result<Vec<String>, BadCommand> {
    let mut arguments = Vec::new();
    for template in command.split_whitespace() {
        arguments.push(fill_word(template, words)?);
    }
    if arguments.is_empty() {
        return Err(BadCommand::Empty);
    }
    if let Some(department) = department {
        arguments.push(format!("/d={department}"));
    }
    Ok(arguments)
}

fn fill_word(template: &str, words: &Words<'_>) -> Result<String, BadCommand> {
    let Some((before, rest)) = template.split_once('{') else { return Ok(template.to_owned()) };
    let no_such = || BadCommand::NoSuchWord(template.to_owned());
    let (name, after) = rest.split_once('}').ok_or_else(no_such)?;
    let hex = |number: u32| format!("{number:08X}");
    let (name, value) = match name {
        "kopecks" => ("kopecks", words.kopecks.map(|kopecks| kopecks.to_string())),
        "rrn" => ("rrn", words.rrn.map(str::to_owned)),
        "auth" => ("auth", words.auth.map(str::to_owned)),
        "reqid" => ("reqid", words.reqid.map(hex)),
        // The status request wants a number of its own; one that no attempt of ours has is enough.
        "fresh" => ("fresh", words.reqid.map(|number| hex(number ^ 0x8000_0001))),
        _ => return Err(no_such()),
    };
    let value = value.ok_or(BadCommand::Unknown(name))?;
    Ok(format!("{before}{value}{}", fill_word(after, words)?))
}

impl Commands {
    /// The first command that is wrong, and why.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let words = Words { kopecks: Some(1), rrn: Some("1"), auth: Some("1"), reqid: Some(1) };
        let all = [
            ("pay", &self.pay),
            ("cancel", &self.cancel),
            ("refund", &self.refund),
            ("suspend", &self.suspend),
            ("commit", &self.commit),
            ("roll_back", &self.roll_back),
            ("reconcile", &self.reconcile),
            ("report_short", &self.report_short),
            ("report_full", &self.report_full),
            ("test", &self.test),
        ];
        for (name, command) in all {
            fill(command, &words, None).map_err(|error| (name, error.to_string()))?;
        }
        match fill(&self.status, &words, None) {
            Ok(_) | Err(BadCommand::Empty) => Ok(()),
            Err(error) => Err(("status", error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tillway_core::id::Uuid;
    use tillway_core::{Kopecks, Timestamp};

    use super::*;

    fn line(command: &str, what: &Operation) -> Result<String, BadCommand> {
        let attempt = Attempt { id: Uuid::from_u128(0xA1B2_C3D4), at: Timestamp::default() };
        Ok(fill(command, &Words::of(&attempt, what), None)?.join(" "))
    }

    fn original(reference: Option<&str>) -> Original {
        Original {
            amount: Kopecks(12_500),
            returned: Kopecks::ZERO,
            reference: reference.map(Into::into),
            authorisation: Some("5K7Q12".into()),
            attempt: Attempt { id: Uuid::from_u128(7), at: Timestamp::default() },
            confirmed: false,
        }
    }

    #[test]
    fn defaults_are_those_of_the_note() {
        let commands = Commands::default();
        let pay = Operation::Pay { amount: Kopecks(123) };
        assert_eq!(line(&commands.pay, &pay).unwrap(), "1 123 0 0 /q=A1B2C3D4");
        assert_eq!(line(&commands.status, &pay).unwrap(), "52 A1B2C3D4 /q=21B2C3D5");
        let refund = Operation::Refund { of: original(Some("407414220712")), amount: Kopecks(500) };
        let expected = "3 500 0 QSELECT 407414220712 /q=A1B2C3D4";
        assert_eq!(line(&commands.refund, &refund).unwrap(), expected);
        let back = Operation::RollBack { of: original(None) };
        assert_eq!(line(&commands.roll_back, &back).unwrap(), "13 12500 5K7Q12");
        assert_eq!(commands.check(), Ok(()));
    }

    #[test]
    fn what_is_not_known_is_not_sent() {
        let refund = |reference| Operation::Refund { of: original(reference), amount: Kopecks(5) };
        let commands = Commands::default();
        for bad in [None, Some(""), Some("/d=3"), Some("12 34"), Some("QSELECT-1")] {
            let error = line(&commands.refund, &refund(bad)).unwrap_err();
            assert_eq!(error, BadCommand::Unknown("rrn"), "{bad:?}");
        }
        assert!(matches!(line("1 {sum}", &refund(None)), Err(BadCommand::NoSuchWord(_))));
        assert!(matches!(line("1 {sum", &refund(None)), Err(BadCommand::NoSuchWord(_))));
        assert_eq!(line("  ", &refund(None)), Err(BadCommand::Empty));
    }

    #[test]
    fn a_department_is_added() {
        let words = Words::last(5, Some("A1"));
        assert_eq!(
            fill("13 {kopecks} {auth}", &words, Some(14)).unwrap().join(" "),
            "13 5 A1 /d=14"
        );
    }

    #[test]
    fn a_wrong_template_is_named() {
        let commands = Commands { cancel: "8 {amount}".to_owned(), ..Commands::default() };
        assert_eq!(commands.check().unwrap_err().0, "cancel");
        let commands = Commands { status: String::new(), ..Commands::default() };
        assert_eq!(commands.check(), Ok(()));
    }
}
