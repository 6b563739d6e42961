//! The file `e`: the result (acquiring.md A.4).

use jiff::civil::DateTime;
use tillway_core::Timestamp;
use tillway_core::pan::Masked;

/// What `e` says. Only the first line is sure to be there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The verdict.
    pub code: u32,
    /// Its words, which decide nothing.
    pub text: Masked,
    /// Line 2.
    pub card: Option<Masked>,
    /// Line 4.
    pub authorisation: Option<Box<str>>,
    /// Line 5: the number within the terminal's day.
    pub sequence: Option<Box<str>>,
    /// Line 6.
    pub brand: Option<Box<str>>,
    /// Line 8.
    pub terminal: Option<Box<str>>,
    /// Line 9, by the terminal's clock.
    pub at: Option<Timestamp>,
    /// Line 10.
    pub reference: Option<Box<str>>,
    /// Line 14.
    pub merchant: Option<Box<str>>,
    /// Line 20: the number that the request had.
    pub number: Option<u32>,
}

/// A field may have this many characters; what is longer is nothing that we know.
const FIELD_MAX: usize = 64;
/// The text of the verdict may.
const TEXT_MAX: usize = 200;

impl Answer {
    /// Reads a file; its wall time is that of the till's offset. `None`: it is no answer, which
    /// leaves its operation in doubt.
    pub fn read(text: &str, offset_min: i16) -> Option<Self> {
        let mut lines = text.trim_start_matches('\u{FEFF}').split('\n').map(str::trim);
        let first = lines.next()?;
        // A code without anything behind it may be half of one: 2 of 2004, 9 of 99.
        let (code, words) = match first.split_once(',') {
            Some(parts) => parts,
            None if text.contains('\n') => (first, ""),
            None => return None,
        };
        // A sign is no digit: the codes of the device are not negative.
        let code = Some(code.trim()).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let code = code?.parse().ok()?;
        let lines: Vec<&str> = lines.take(40).collect();
        let field = |line: usize| -> Option<Box<str>> {
            let value = lines.get(line.checked_sub(2)?)?;
            let fits = !value.is_empty() && value.chars().count() <= FIELD_MAX;
            (fits && !value.contains(char::is_control)).then(|| (*value).into())
        };
        let masked = |line| field(line).map(|value| Masked::new(&value));
        // A build that puts a card where another has a number is not believed with it.
        let plain = |line| masked(line).map(|value| value.as_str().into());
        let number = field(20).and_then(|value| u32::from_str_radix(&value, 16).ok());
        Some(Self {
            code,
            text: Masked::new(one_line(words).trim()),
            card: masked(2),
            authorisation: plain(4),
            sequence: plain(5),
            brand: plain(6),
            terminal: plain(8),
            at: field(9).and_then(|value| device_time(&value, offset_min)),
            reference: plain(10),
            merchant: plain(14),
            number,
        })
    }

    /// What support is shown.
    pub fn evidence(&self) -> Masked {
        let or = |field: &Option<Box<str>>| field.as_deref().unwrap_or("-").to_owned();
        Masked::new(&format!(
            "e: {} {}; terminal {}, operation {}, authorisation {}, RRN {}",
            self.code,
            self.text,
            or(&self.terminal),
            or(&self.sequence),
            or(&self.authorisation),
            or(&self.reference),
        ))
    }
}

/// Words as one line: what would steer a screen is a space.
fn one_line(words: &str) -> String {
    let shown = words.chars().take(TEXT_MAX);
    shown.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `YYYYMMDDhhmmss`, a wall time where the till is.
fn device_time(text: &str, offset_min: i16) -> Option<Timestamp> {
    if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let wall = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    let wall_ms = wall.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
    let utc_ms = wall_ms.checked_sub(i64::from(offset_min).saturating_mul(60_000))?;
    Some(Timestamp { utc_ms, offset_min })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APPROVED: &str = "0,ОДОБРЕНО\r\n220200******0417\n11/29\n5K7Q12\n0012\nMIR\n1\n00012345\n\
        20260315142207\n407414220712\n1F2E3D4C5B6A79880011223344556677889900AA\n\n0\n\
        790000000001\n00\n00\n\n0\n\nA1B2C3D4\n";

    #[test]
    fn an_approval_is_read() {
        let answer = Answer::read(APPROVED, 180).unwrap();
        assert_eq!((answer.code, answer.text.as_str()), (0, "ОДОБРЕНО"));
        assert_eq!(answer.card.unwrap().as_str(), "220200******0417");
        assert_eq!(answer.authorisation.as_deref(), Some("5K7Q12"));
        assert_eq!(answer.sequence.as_deref(), Some("0012"));
        assert_eq!(answer.brand.as_deref(), Some("MIR"));
        assert_eq!(answer.terminal.as_deref(), Some("00012345"));
        assert_eq!(answer.at.unwrap().to_string(), "2026-03-15T11:22:07.000Z");
        assert_eq!(answer.reference.as_deref(), Some("407414220712"));
        assert_eq!(answer.merchant.as_deref(), Some("790000000001"));
        assert_eq!(answer.number, Some(0xA1B2_C3D4));
    }

    #[test]
    fn only_the_first_line_is_needed() {
        for (text, code) in [
            ("4451,НЕДОСТАТОЧНО СРЕДСТВ", Some(4451)),
            ("0\n", Some(0)),
            ("0", None),
            ("2", None),
            ("0,", Some(0)),
            ("\u{FEFF}0,ОДОБРЕНО", Some(0)),
            ("", None),
            ("\n0,ОДОБРЕНО", None),
            ("ОДОБРЕНО", None),
            ("-1,ОШИБКА", None),
            ("+1,ОШИБКА", None),
            ("99999999999,?", None),
        ] {
            assert_eq!(Answer::read(text, 0).map(|answer| answer.code), code, "{text:?}");
        }
    }

    #[test]
    fn a_whole_card_number_is_never_kept() {
        let leaky = APPROVED.replace("220200******0417", "2202200011110417");
        let leaky =
            leaky.replace("MIR", "MIR 2202200011110417").replace("ОДОБРЕНО", "2202200011110417");
        let leaky = ["5K7Q12", "0012", "00012345", "407414220712", "790000000001"]
            .iter()
            .fold(leaky, |leaky, number| leaky.replace(number, "2202200011110417"));
        let shown = format!("{:?}", Answer::read(&leaky, 0).unwrap());
        assert!(!shown.contains("22022000"), "{shown}");
    }

    #[test]
    fn what_would_steer_a_screen_is_not_kept() {
        let answer = Answer::read("0,ОДОБ\u{1B}РЕНО\n2202\r00\n\nA\u{7}B\n", 0).unwrap();
        assert_eq!(answer.text.as_str(), "ОДОБ РЕНО");
        assert_eq!((answer.card, answer.authorisation), (None, None));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "\\PC{0,200}", lines in "([0-9,]{0,9}\n){0,30}") {
            let _ = Answer::read(&text, 0);
            let _ = Answer::read(&lines, 180);
        }
    }
}
