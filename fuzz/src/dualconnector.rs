//! Answers of DualConnector, and the slips in them.

use std::fmt::Write;

use tillway_core::Timestamp;
use tillway_core::id::Uuid;
use tillway_core::money::Kopecks;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::{Attempt, MoneyOutcome, Operation, Slip};
use tillway_dualconnector::Config;
use tillway_dualconnector::judge::{self, Asked};
use tillway_dualconnector::profile::{Call, Field};
use tillway_dualconnector::read;
use tillway_dualconnector::search::{Finding, Owner, Wanted, look};
use tillway_dualconnector::wire::{self, Packet, Receipt};

const PAID: Kopecks = Kopecks(12_500);

/// Which `Content-Type` is said, and an answer.
pub fn run(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let says =
        [None, Some("text/xml; charset=windows-1251"), Some("text/xml;charset=utf-8"), Some("x=")];
    let Ok(packet) = wire::read(body, says[usize::from(choice % 4)]) else { return };
    let again = wire::read(written(&packet).as_bytes(), None).expect("what was read is written");
    assert_eq!(again.error, packet.error);
    assert!(again.iter().eq(packet.iter()), "fields differ");
    judged(&packet);
    if let Some(text) = packet.raw(90) {
        slips(text);
    }
}

/// Field 90.
pub fn run_slips(data: &[u8]) {
    if let Ok(text) = core::str::from_utf8(data) {
        slips(text);
    }
}

/// As a service would write it that says the same.
fn written(packet: &Packet) -> String {
    let mut xml = String::from("<response>");
    for (id, value) in packet.iter() {
        let _ = write!(xml, "<field id=\"{id:03}\">{}</field>", escaped(value));
    }
    if let Some(error) = &packet.error {
        let code = error.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let _ = write!(xml, "<errorcode>{code}</errorcode>");
        let _ = write!(xml, "<errordescription>{}</errordescription>", escaped(&error.text));
    }
    xml + "</response>"
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut all, c| {
        let _ = match c {
            ' '..='~' if !matches!(c, '<' | '>' | '&') => write!(all, "{c}"),
            '\0' => write!(all, "{c}"),
            _ => write!(all, "&#{};", u32::from(c)),
        };
        all
    })
}

fn judged(packet: &Packet) {
    let config = Config { check_echo: false, ..Config::new("http://localhost:9015") };
    let asked = Asked {
        what: Operation::Pay { amount: PAID },
        call: Call::Sale,
        number: 417,
        terminal: None,
        at: Timestamp::utc(0),
    };
    let status = packet.get(&config.profile, Field::Status).map(|it| it.trim_start_matches('0'));
    let said = |statuses: &[&str]| status.is_some_and(|it| statuses.contains(&it));
    let strict = Config { check_echo: true, ..config.clone() };
    let strictly = judge::money(&asked, packet, &strict);
    match judge::money(&asked, packet, &config) {
        MoneyOutcome::Approved(paid) => {
            assert!(said(&["1", "2", "17"]), "approved by status {status:?}");
            assert!(paid.amount.is_positive() && paid.amount <= PAID);
            assert_eq!(paid.partial, paid.amount < PAID);
            assert!(!paid.slips.is_empty());
            paid.slips.iter().for_each(printable);
            masked(&paid.evidence);
        }
        MoneyOutcome::Declined(decline) => {
            let by_service = status.is_none() && packet.error.is_some();
            assert!(by_service || said(&["16", "34", "53"]), "declined by status {status:?}");
            masked(&decline.text);
            decline.slips.iter().for_each(printable);
        }
        MoneyOutcome::InDoubt(error) => {
            masked(&error.text);
            assert!(matches!(strictly, MoneyOutcome::InDoubt(_)), "strictness makes it sure");
        }
    }
}

/// One line in which nothing that could be a card number is left.
fn masked(text: &Masked) {
    assert_eq!(Masked::new(text.as_str()), *text);
    assert!(!text.as_str().contains(char::is_control), "{text}");
}

fn printable(slip: &Slip) {
    for line in &slip.lines {
        masked(line);
        assert!(line.as_str().chars().count() <= 200);
    }
}

fn slips(text: &str) {
    let receipt = wire::receipt(text);
    let tagged = tagged(&receipt);
    // What is nearly a tag within a value may be one when it is written again.
    if !tagged.1 {
        assert_eq!(wire::receipt(&tagged.0), receipt, "{}", tagged.0);
    }
    for slip in [&receipt.first, &receipt.second].into_iter().flatten() {
        let lines = wire::lines(slip);
        assert!(lines.len() <= 10_000 && lines.last().is_none_or(|line| !line.is_empty()));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let totals = read::totals(&lines);
        let _said = (read::agreed(&lines), totals);
        let found = read::records(&lines);
        assert!(found.iter().all(read::Record::is_operation));
        assert!(found.iter().filter_map(|one| one.amount).all(|sum| sum >= Kopecks::ZERO));
        if read::is_empty(&lines) {
            assert!(found.iter().filter_map(|one| one.amount).all(Kopecks::is_zero));
        }
        looked(found);
    }
}

/// Nothing is found that does not name amount, number and time.
fn looked(found: Vec<read::Record>) {
    let attempt = Attempt { id: Uuid::from_u128(7), at: Timestamp::utc(1_773_584_527_000) };
    let what = Operation::Pay { amount: PAID };
    let wait = core::time::Duration::from_secs(300);
    let wanted = Wanted { attempt: &attempt, what: &what, terminal: None, late: wait, skew: wait };
    let owned: Vec<_> = found.into_iter().map(|record| (record, Owner::Nobody)).collect();
    if let Finding::Found(record) = look(&wanted, &owned) {
        assert_eq!(record.amount, Some(PAID));
        assert!(record.reference.is_some() && record.wall_ms.is_some() && !record.refused);
    }
}

/// Field 90 with the same tags, and whether a value could be taken for more.
fn tagged(receipt: &Receipt) -> (String, bool) {
    let mut all = Vec::new();
    let known = [
        (0xDF, &receipt.first),
        (0xDA, &receipt.second),
        (0xDE, &receipt.brand),
        (0x4F, &receipt.application),
    ];
    all.extend(known.into_iter().filter_map(|(tag, value)| Some((tag, value.as_ref()?))));
    all.extend(receipt.others.iter().map(|(tag, value)| (*tag, value)));
    let unclear =
        |value: &str| value.contains("0x") || value.contains("0X") || value.contains("&#");
    let doubtful = all.iter().any(|(_, value)| unclear(value) || value.trim_end() != &***value);
    let text = all.iter().fold(String::new(), |mut text, (tag, value)| {
        let _ = write!(text, "0x{tag:02X}^^{value}~");
        text
    });
    (text, doubtful)
}
