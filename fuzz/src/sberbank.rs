//! The files `e` and `p` of Sberbank's program.

use std::fmt::Write;

use tillway_core::pan::Masked;
use tillway_core::port::terminal::Copy;
use tillway_sberbank::Charset;
use tillway_sberbank::wire::answer::Answer;
use tillway_sberbank::wire::slip::slips;

const CHARSETS: [Charset; 5] =
    [Charset::Auto, Charset::Utf8, Charset::Koi8R, Charset::Ibm866, Charset::Windows1251];

/// Moscow's.
const OFFSET_MIN: i16 = 180;

/// In which letters, then a file, which is read as both.
pub fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let text = CHARSETS[usize::from(*choice) % CHARSETS.len()].decode(bytes);
    if let Ok(utf8) = core::str::from_utf8(bytes) {
        assert_eq!(Charset::Auto.decode(bytes), utf8, "UTF-8 is not guessed");
    }
    answer(&text);
    paper(&text);
}

fn answer(text: &str) {
    let Some(answer) = Answer::read(text, OFFSET_MIN) else { return };
    verdict(text, answer.code);
    let again = Answer::read(&written(&answer), OFFSET_MIN).expect("what was read is written");
    assert_eq!(again, answer, "{}", written(&answer));
    let plain = [
        &answer.authorisation,
        &answer.sequence,
        &answer.brand,
        &answer.terminal,
        &answer.reference,
        &answer.merchant,
    ];
    plain.into_iter().flatten().for_each(|value| masked(value, 64));
    answer.card.iter().for_each(|card| masked(card.as_str(), 64));
    masked(answer.text.as_str(), 200);
    masked(answer.evidence().as_str(), 1_000);
    // Half of a file never says more than the whole: a code is read whole, or not at all.
    for (at, _) in text.char_indices() {
        let half = Answer::read(&text[..at], OFFSET_MIN);
        assert!(half.is_none_or(|half| half.code == answer.code), "half of it says otherwise");
        if text[..at].contains('\n') {
            break;
        }
    }
}

/// The code stands at the beginning, whole: what ends it is there.
fn verdict(text: &str, code: u32) {
    let from = text.trim_start_matches('\u{FEFF}').trim_start();
    let digits = from.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = from.split_at(digits);
    assert_eq!(number.trim_start_matches('0'), code.to_string().trim_start_matches('0'));
    let end = rest.find([',', '\n']).expect("a comma or a line's end");
    assert!(digits > 0 && rest[..end].trim().is_empty(), "{rest:?}");
}

/// As a program would write it that says the same.
fn written(answer: &Answer) -> String {
    let mut lines = vec![String::new(); 20];
    let mut put = |line: usize, value: Option<&str>| {
        lines[line - 1] = value.unwrap_or_default().to_owned();
    };
    put(1, Some(&format!("{},{}", answer.code, answer.text)));
    put(2, answer.card.as_ref().map(Masked::as_str));
    put(4, answer.authorisation.as_deref());
    put(5, answer.sequence.as_deref());
    put(6, answer.brand.as_deref());
    put(8, answer.terminal.as_deref());
    let wall = answer.at.map(|at| wall(at.utc_ms + i64::from(OFFSET_MIN) * 60_000));
    put(9, wall.as_deref());
    put(10, answer.reference.as_deref());
    put(14, answer.merchant.as_deref());
    put(20, answer.number.map(|number| format!("{number:08X}")).as_deref());
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

/// `YYYYMMDDhhmmss`, by the calendar of the proleptic years, counted in days.
fn wall(ms: i64) -> String {
    let (days, seconds) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000) / 1_000);
    // Years begin in March, so that the odd day is the last one.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = year + era * 400 + i64::from(month >= 10);
    let month = if month < 10 { month + 3 } else { month - 9 };
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

fn paper(text: &str) {
    let slips = slips(text);
    assert!(slips.len() <= 4);
    for (slip, index) in slips.iter().zip(0..) {
        let expected = match (slips.len(), index) {
            (1, _) => Copy::Single,
            (_, 0) => Copy::First,
            _ => Copy::Second,
        };
        assert_eq!(slip.copy, expected);
        assert!((1..=10_000).contains(&slip.lines.len()));
        for line in &slip.lines {
            masked(line.as_str(), 200);
        }
    }
    // What came without a number comes out as it was, columns kept.
    let plain = |c: char| matches!(c, 'А'..='я' | 'A'..='Z' | ' ');
    if (1..200).contains(&text.len()) && text.chars().all(plain) && !text.trim().is_empty() {
        assert_eq!(slips[0].lines[0].as_str(), text.trim_end());
    }
}

/// One line of at most so many characters, in which nothing that could be a card number is left.
fn masked(text: &str, chars_max: usize) {
    assert_eq!(Masked::new(text).as_str(), text);
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.chars().count() <= chars_max, "{text:?}");
}
