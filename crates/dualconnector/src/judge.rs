//! What an answer means for money (acquiring.md B.5). Pure.
//!
//! Only field 39 decides; field 15, the bank's own code, is passed on and never looked at.

use std::fmt::Write;

use tillway_core::Kopecks;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::Copy as SlipCopy;
use tillway_core::port::terminal::{
    Approval, Decline, Fault, MoneyOutcome, Operation, Reason, Slip, TerminalError,
};
use tillway_core::time::Timestamp;

use crate::config::{Config, Offline};
use crate::profile::{Call, Field, Profile};
use crate::read::{Kind, digits_wall_ms, wall_digits};
use crate::wire::{self, Packet, ServiceError};

/// What was asked, as far as an answer must fit it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What was to be done.
    pub what: Operation,
    /// As what it was sent.
    pub call: Call,
    /// The number that was sent.
    pub number: u32,
    /// The terminal that was asked.
    pub terminal: Option<Box<str>>,
    /// When the attempt was begun: terminals tell no offset, so it is ours.
    pub at: Timestamp,
}

/// What became of an operation, by its answer.
pub fn money(asked: &Asked, packet: &Packet, config: &Config) -> MoneyOutcome {
    let profile = &config.profile;
    if config.check_echo && !is_echo(asked, packet, profile) {
        return doubt(Fault::Garbled, "the answer is of another operation", packet, profile);
    }
    match status(packet, profile) {
        Status::Approved => approved(asked, packet, config, false),
        Status::Partial if taken(asked, packet, profile).is_some_and(|(_, less)| less) => {
            approved(asked, packet, config, false)
        }
        Status::Offline if config.offline == Offline::Approved => {
            approved(asked, packet, config, true)
        }
        Status::Refused => declined(Reason::Host, packet, profile),
        Status::Aborted => declined(Reason::GuestCancelled, packet, profile),
        Status::NoLink if !has_traces(packet, profile) => {
            declined(Reason::NoBankLink, packet, profile)
        }
        Status::Missing => without_status(packet, profile),
        Status::Partial | Status::Offline | Status::NoLink | Status::Undefined => {
            let words = "the terminal does not say whether money was moved";
            doubt(Fault::Undefined, words, packet, profile)
        }
    }
}

/// Whether a call that moves no money was done.
///
/// # Errors
/// What the terminal or the service says instead.
pub fn plain(packet: &Packet, profile: &Profile) -> Result<(), TerminalError> {
    let text = words(packet, profile);
    let fault = match status(packet, profile) {
        Status::Approved => return Ok(()),
        Status::Refused | Status::Aborted | Status::NoLink => Fault::Refused,
        Status::Missing => packet.error.as_ref().map_or(Fault::Undefined, fault),
        Status::Partial | Status::Offline | Status::Undefined => Fault::Undefined,
    };
    Err(TerminalError::new(fault, &text))
}

enum Status {
    Approved,
    Partial,
    Refused,
    Offline,
    NoLink,
    Aborted,
    /// It is there and says nothing that is known.
    Undefined,
    Missing,
}

fn status(packet: &Packet, profile: &Profile) -> Status {
    if packet.get(profile, Field::Status).is_none() {
        return Status::Missing;
    }
    match packet.number(profile, Field::Status) {
        Some(1) => Status::Approved,
        Some(2) => Status::Partial,
        Some(16) => Status::Refused,
        Some(17) => Status::Offline,
        Some(34) => Status::NoLink,
        Some(53) => Status::Aborted,
        _ => Status::Undefined,
    }
}

/// An answer need not name what was asked; what it names must be that.
fn is_echo(asked: &Asked, packet: &Packet, profile: &Profile) -> bool {
    let same = |field, want: i64| match packet.get(profile, field) {
        None => true,
        Some(_) => packet.number(profile, field) == Some(want),
    };
    let terminal = packet.get(profile, Field::Terminal).zip(asked.terminal.as_deref());
    same(Field::Code, i64::from(profile.code(asked.call)))
        && same(Field::Number, i64::from(asked.number))
        && terminal.is_none_or(|(one, other)| one == other)
}

/// A code or a reference of the bank: it has been asked.
fn has_traces(packet: &Packet, profile: &Profile) -> bool {
    [Field::Authorisation, Field::Reference].iter().any(|f| packet.get(profile, *f).is_some())
}

/// What was moved, and whether it is less than was asked; `None` when it cannot be that.
fn taken(asked: &Asked, packet: &Packet, profile: &Profile) -> Option<(Kopecks, bool)> {
    let whole = asked.what.amount();
    if packet.get(profile, Field::Amount).is_none() {
        return Some((whole, false));
    }
    let amount = Kopecks(packet.number(profile, Field::Amount)?);
    (amount.is_positive() && amount <= whole).then_some((amount, amount < whole))
}

fn approved(asked: &Asked, packet: &Packet, config: &Config, offline: bool) -> MoneyOutcome {
    let profile = &config.profile;
    let Some((amount, partial)) = taken(asked, packet, profile) else {
        let words = "the terminal approved another amount";
        return doubt(Fault::Garbled, words, packet, profile);
    };
    let field = |field| packet.get(profile, field).map(clean);
    let receipt = wire::receipt(packet.get(profile, Field::Receipt).unwrap_or_default());
    let mut approval = Approval {
        amount,
        reference: field(Field::Reference),
        authorisation: field(Field::Authorisation),
        terminal: field(Field::Terminal).or_else(|| asked.terminal.clone()),
        merchant: field(Field::Merchant),
        sequence: field(Field::ReceiptNumber),
        batch: field(Field::Batch),
        at: device_time(packet, profile, asked.at),
        card: packet.get(profile, Field::Card).map(Masked::new),
        brand: receipt.brand.as_deref().map(clean),
        partial,
        offline,
        slips: slips(&receipt),
        evidence: evidence(packet, profile),
    };
    if approval.slips.is_empty() {
        let name = name_of(Some(Kind::of(&asked.what)));
        let of = (amount, approval.at.or(Some(asked.at)));
        approval.slips = vec![composed(packet, config, name, of)];
    }
    MoneyOutcome::Approved(Box::new(approval))
}

fn declined(reason: Reason, packet: &Packet, profile: &Profile) -> MoneyOutcome {
    let status = packet.get(profile, Field::Status).unwrap_or_default();
    let code = match packet.get(profile, Field::HostCode) {
        Some(host) => format!("{status}/{host}"),
        None => status.to_owned(),
    };
    let receipt = wire::receipt(packet.get(profile, Field::Receipt).unwrap_or_default());
    MoneyOutcome::Declined(Decline {
        reason,
        code: clean(&code),
        text: Masked::new(&words(packet, profile)),
        slips: slips(&receipt),
    })
}

fn doubt(fault: Fault, words: &str, packet: &Packet, profile: &Profile) -> MoneyOutcome {
    let text = format!("{words}: {}", evidence(packet, profile));
    MoneyOutcome::InDoubt(TerminalError::new(fault, &text))
}

/// Without a status the service speaks for itself: that nothing was begun it says by its code.
fn without_status(packet: &Packet, profile: &Profile) -> MoneyOutcome {
    let Some(error) = &packet.error else {
        return doubt(Fault::Undefined, "the answer has no status", packet, profile);
    };
    let begun = has_traces(packet, profile);
    match error.code {
        Some(code @ (4 | 6..=11 | 13 | 14)) if !begun => MoneyOutcome::Declined(Decline {
            reason: Reason::NotStarted,
            code: code.to_string().into(),
            text: Masked::new(&words(packet, profile)),
            slips: Vec::new(),
        }),
        _ => doubt(fault(error), &words(packet, profile), packet, profile),
    }
}

/// What the service's codes mean where no money is at stake.
fn fault(error: &ServiceError) -> Fault {
    match error.code {
        Some(1) => Fault::Timeout,
        // Nobody documents what a busy terminal says; this is what ours saw.
        Some(3) => Fault::Busy,
        Some(4) => Fault::BadRequest,
        Some(6..=11 | 14) => Fault::Setup,
        Some(13) => Fault::Link,
        _ => Fault::Undefined,
    }
}

/// What terminal or service say, for people.
pub(crate) fn words(packet: &Packet, profile: &Profile) -> String {
    let screen = packet.get(profile, Field::Text).unwrap_or_default();
    // A picture for the screen may stand behind it.
    let screen = screen.split('^').next().unwrap_or_default().trim();
    let words = match &packet.error {
        Some(ServiceError { code, text }) => {
            let code = code.map_or_else(|| "?".to_owned(), |code| code.to_string());
            format!("error {code} of DualConnector {text} {screen}")
        }
        None => screen.to_owned(),
    };
    one_line(words.trim(), WORDS_CHARS_MAX)
}

/// What is shown within a line has none of its own, and an end.
fn one_line(text: &str, chars_max: usize) -> String {
    let blank = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(chars_max).map(blank).collect()
}

/// What the terminal sent, for support: known fields only, and none that says who the guest is.
pub(crate) fn evidence(packet: &Packet, profile: &Profile) -> Masked {
    let mut text = String::new();
    for (field, _) in Field::ALL {
        let Some(value) = packet.get(profile, field) else { continue };
        let value = match field {
            Field::Receipt | Field::Card => continue,
            // Fourteen digits would look like a card number.
            Field::Time | Field::HostTime if is_moment(value) => {
                let (day, time) = value.split_at(8);
                format!("{day}T{time}")
            }
            _ => one_line(value, EVIDENCE_CHARS_MAX),
        };
        // Writing to a string does not fail.
        let _ = write!(text, "{}={value} ", profile.id(field));
    }
    if let Some(error) = &packet.error {
        let _ = write!(text, "error={:?} {}", error.code, one_line(&error.text, WORDS_CHARS_MAX));
    }
    Masked::new(text.trim_end())
}

fn is_moment(value: &str) -> bool {
    value.len() == 14 && value.bytes().all(|byte| byte.is_ascii_digit())
}

const EVIDENCE_CHARS_MAX: usize = 100;
const WORDS_CHARS_MAX: usize = 200;
const CLEAN_CHARS_MAX: usize = 64;

/// A value of the terminal as it may be kept.
pub(crate) fn clean(value: &str) -> Box<str> {
    Masked::new(&one_line(value, CLEAN_CHARS_MAX)).as_str().into()
}

pub(crate) fn device_time(
    packet: &Packet,
    profile: &Profile,
    ours: Timestamp,
) -> Option<Timestamp> {
    let field = packet.get(profile, Field::HostTime).or_else(|| packet.get(profile, Field::Time));
    Some(from_wall(digits_wall_ms(field?)?, ours))
}

/// A reading of a clock on the wall, at our offset.
pub(crate) fn from_wall(wall_ms: i64, ours: Timestamp) -> Timestamp {
    let offset = i64::from(ours.offset_min).saturating_mul(60_000);
    Timestamp { utc_ms: wall_ms.saturating_sub(offset), offset_min: ours.offset_min }
}

/// The slips that came.
pub(crate) fn slips(receipt: &wire::Receipt) -> Vec<Slip> {
    let of = |copy, text: &str| slip(copy, &wire::lines(text));
    match (receipt.first.as_deref(), receipt.second.as_deref()) {
        (Some(first), Some(second)) => {
            vec![of(SlipCopy::First, first), of(SlipCopy::Second, second)]
        }
        (Some(only), None) | (None, Some(only)) => vec![of(SlipCopy::Single, only)],
        (None, None) => Vec::new(),
    }
}

pub(crate) fn slip(copy: SlipCopy, lines: &[String]) -> Slip {
    Slip { copy, lines: lines.iter().map(|line| Masked::new(line)).collect() }
}

/// A slip where the bank leaves it to the till: of what the fields say.
pub(crate) fn composed(
    packet: &Packet,
    config: &Config,
    name: &str,
    (amount, at): (Kopecks, Option<Timestamp>),
) -> Slip {
    let profile = &config.profile;
    let field = |field| packet.get(profile, field).unwrap_or_default().to_owned();
    let receipt = wire::receipt(packet.get(profile, Field::Receipt).unwrap_or_default());
    let at = at.map(wall_digits).unwrap_or_default();
    let part = |from: usize, to: usize| at.get(from..to).unwrap_or_default();
    let day = format!("{}.{}.{}", part(6, 8), part(4, 6), part(0, 4));
    let time = format!("{}:{}:{}", part(8, 10), part(10, 12), part(12, 14));
    let moment = if at.is_empty() { String::new() } else { format!("{day} {time}") };
    let card = format!("{} {}", receipt.brand.unwrap_or_default(), field(Field::Card));
    let (rubles, kopecks) = (amount.0 / 100, amount.0 % 100);
    let rows = [
        ("", config.title.to_string()),
        ("ТЕРМИНАЛ", field(Field::Terminal)),
        ("МЕРЧАНТ", field(Field::Merchant)),
        ("", name.to_owned()),
        ("", moment),
        ("КАРТА", card.trim().to_owned()),
        ("AID", receipt.application.unwrap_or_default().into()),
        ("СУММА", format!("{rubles}.{kopecks:02}")),
        ("RRN", field(Field::Reference)),
        ("КОД АВТОРИЗАЦИИ", field(Field::Authorisation)),
        ("", words(packet, profile)),
    ];
    let full = rows.iter().filter(|(_, value)| !value.is_empty());
    let lines = full.map(|(label, value)| format!("{label} {value}").trim_start().to_owned());
    // Whatever the fields have in them, the printer gets lines.
    slip(SlipCopy::Single, &wire::lines(&lines.collect::<Vec<_>>().join("\n")))
}

/// What an operation is called on a slip.
pub(crate) fn name_of(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Pay) => "ОПЛАТА",
        Some(Kind::Cancel) => "ОТМЕНА",
        Some(Kind::Refund) => "ВОЗВРАТ",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use tillway_core::id::Uuid;
    use tillway_core::port::terminal::Attempt;

    use super::*;

    /// Found by fuzzing: a merchant of 300 characters made a line that no printer takes.
    #[test]
    fn whatever_a_service_sends_is_lines() {
        let long = "м".repeat(300);
        let xml = format!(
            "<response><field id=\"39\">1</field><field id=\"28\">{long}&#10;{long}</field>\
             <field id=\"14\">1&#13;&#7;2</field><field id=\"21\">202603&#7;5142207</field><field id=\"19\">{long}&#10;</field></response>"
        );
        let packet = wire::read(xml.as_bytes(), None).unwrap();
        let attempt = Attempt { id: Uuid::from_u128(7), at: Timestamp::utc(0) };
        let what = Operation::Pay { amount: Kopecks(100) };
        let (call, number) = (Call::Sale, attempt.number());
        let asked = Asked { what, call, number, terminal: None, at: attempt.at };
        let config = Config::new("http://localhost:9015");
        let MoneyOutcome::Approved(paid) = money(&asked, &packet, &config) else { panic!("no") };
        let lines = || paid.slips.iter().flat_map(|slip| &slip.lines).map(Masked::as_str);
        assert!(lines().all(|line| line.chars().count() <= 200), "{paid:?}");
        assert!(lines().chain([paid.evidence.as_str()]).all(|l| !l.contains(char::is_control)));
        assert_eq!(paid.reference.as_deref(), Some("1  2"));
    }
}
