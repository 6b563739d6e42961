//! Card numbers, which are kept nowhere.

use core::fmt;
use core::ops::Range;

use minicbor::{Decode, Encode};

/// The shortest and the longest card number, in digits. None begins with a zero.
const DIGITS: core::ops::RangeInclusive<usize> = 13..=19;

/// A text in which nothing is left that could be a card number; stars stand for all but the last
/// four of its digits.
///
/// A card number could be a run of 13 digits or more, leading zeros apart. Groups of digits with a
/// single space or dash between them are one when they are long enough and their check digit says
/// so, because dates and references stand side by side too. Numbers of terminals and references of 12 digits stay.
///
/// ```
/// # use tillway_core::pan::Masked;
/// assert_eq!(Masked::new("MIR 2202 2000 1111 0416 05/29").as_str(), "MIR **** **** **** 0416 05/29");
/// assert_eq!(Masked::new("RRN 407414220712").as_str(), "RRN 407414220712");
/// ```
#[derive(Clone, Decode, Default, Encode, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cbor(transparent)]
pub struct Masked(#[n(0)] Box<str>);

impl Masked {
    /// Masks what could be a card number.
    pub fn new(text: &str) -> Self {
        let mut masked = mask_once(text);
        // What is left of one number may begin another. Each turn leaves fewer digits.
        loop {
            let again = mask_once(&masked);
            if again == masked {
                return Self(masked.into());
            }
            masked = again;
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn mask_once(text: &str) -> String {
    let mut left = text;
    let mut masked = String::with_capacity(text.len());
    while let Some(start) = left.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = left.split_at(start);
        masked.push_str(before);
        let (run, rest) = from.split_at(run_length(from));
        push_run(&mut masked, run);
        left = rest;
    }
    masked.push_str(left);
    masked
}

/// How long a text's first run of digits is, with single separators between them. Begins with a
/// digit, ends with one.
fn run_length(text: &str) -> usize {
    let mut end = 0;
    let mut separated = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => {
                end = at.saturating_add(1);
                separated = false;
            }
            b' ' | b'-' if !separated => separated = true,
            _ => break,
        }
    }
    end
}

/// Writes a run of digits and separators with its card numbers masked.
fn push_run(masked: &mut String, run: &str) {
    let mut bytes = run.as_bytes().to_vec();
    let groups = groups(&bytes);
    for (at, first) in groups.iter().enumerate() {
        let zeros = bytes.iter().skip(first.start).take_while(|byte| **byte == b'0').count();
        let number = first.start.saturating_add(zeros)..first.end;
        if number.len() >= *DIGITS.start() {
            mask(&mut bytes, number);
            continue;
        }
        // Cards are printed in groups of four and more; only the last may have three.
        let long = groups.iter().skip(at).take_while(|group| group.len() >= 4).count();
        let more = groups.iter().skip(at).take(long.saturating_add(1)).skip(1);
        let ends = more.map(|group| group.end);
        let whole = ends.map(|end| first.start..end);
        let spans: Vec<_> =
            whole.filter(|span| run.get(span.clone()).is_some_and(is_card)).collect();
        for span in spans {
            mask(&mut bytes, span);
        }
    }
    masked.extend(bytes.into_iter().map(char::from));
}

/// The runs of digits alone.
fn groups(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let next = at.saturating_add(1);
        match groups.last_mut() {
            _ if !byte.is_ascii_digit() => {}
            Some(last) if last.end == at => last.end = next,
            _ => groups.push(at..next),
        }
    }
    groups
}

/// Whether groups of digits are one card number, by length and check digit.
fn is_card(text: &str) -> bool {
    let digits = || text.bytes().rev().filter(u8::is_ascii_digit);
    if !DIGITS.contains(&digits().count()) || text.starts_with('0') {
        return false;
    }
    let weigh = |(place, digit): (usize, u8)| {
        let value = u32::from(digit.saturating_sub(b'0'));
        let double = value.saturating_mul(2);
        if place % 2 == 0 { value } else { double.checked_sub(9).unwrap_or(double) }
    };
    digits().enumerate().map(weigh).fold(0, u32::saturating_add) % 10 == 0
}

/// Stars for all but the last four digits.
fn mask(bytes: &mut [u8], span: Range<usize>) {
    let Some(span) = bytes.get_mut(span) else { return };
    let shown = |byte: &&mut u8| byte.is_ascii_digit() || **byte == b'*';
    for byte in span.iter_mut().rev().filter(shown).skip(4) {
        *byte = b'*';
    }
}

impl From<&str> for Masked {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_be_a_card_is_masked() {
        for (text, masked) in [
            ("", ""),
            ("407414220712", "407414220712"),
            ("4074142207123", "*********7123"),
            ("2202200011110417", "************0417"),
            ("2202-2000-1111-0416.", "****-****-****-0416."),
            ("карта 2202 2000 1111 0416!", "карта **** **** **** 0416!"),
            ("220200******0417", "220200******0417"),
            ("2202  2000  1111  0417", "2202  2000  1111  0417"),
            (";2202200011110417=2905", ";************0417=2905"),
            ("1F2E3D4C5B6A79880011223344556677", "1F2E3D4C5B6A****************6677"),
            ("000000000000001", "000000000000001"),
            ("00407414220712", "00407414220712"),
            ("15 03 2026 14 22 07 0012", "15 03 2026 14 22 07 0012"),
            ("4000 0000 0000 0002", "**** **** **** 0002"),
            // What is left of one number begins the next.
            ("7988001122334455622202 2000 1111 0416", "********************** **** **** 0416"),
            ("2202 2000 1111 0418", "2202 2000 1111 0418"),
            ("12 2202 2000 1111 0416 05 29", "12 **** **** **** 0416 05 29"),
            ("2202  2000  1111  0416", "2202  2000  1111  0416"),
            ("2202 - 2000 - 1111 - 0416", "2202 - 2000 - 1111 - 0416"),
            ("4000 0000 0010", "4000 0000 0010"),
            ("0202 2000 1111 0410", "0202 2000 1111 0410"),
            ("3782 822463 10005", "**** ****** *0005"),
            ("2202 2000 1111 0416 224", "**** **** **** ***6 224"),
            ("2202200011110417 2202200011110417", "************0417 ************0417"),
        ] {
            assert_eq!(Masked::new(text).as_str(), masked);
        }
    }

    /// Nothing shows more of it than the text that is kept.
    #[test]
    fn a_masked_text_is_shown_as_it_is_kept() {
        let masked = Masked::from("карта 2202200011110417");
        assert_eq!(masked.to_string(), "карта ************0417");
        assert_eq!(format!("{masked:?}"), "\"карта ************0417\"");
    }

    proptest! {
        /// What is masked holds no card number any more, so masking it again changes nothing.
        #[test]
        fn masked_text_stays_as_it_is(groups in prop::collection::vec("[0-9]{1,6}|[0-9]{12,22}", 1..8)) {
            let masked = Masked::new(&groups.join(" "));
            prop_assert_eq!(Masked::new(masked.as_str()), masked);
        }

        #[test]
        fn no_run_of_a_cards_length_is_left(text in "[0-9a *-]{0,80}") {
            let masked = Masked::new(&text);
            let runs = masked.as_str().split(|c: char| !c.is_ascii_digit());
            let longest = runs.map(|run| run.trim_start_matches('0').len()).max();
            prop_assert!(longest < Some(*DIGITS.start()), "{}", masked);
            prop_assert_eq!(masked.as_str().chars().count(), text.chars().count());
            prop_assert_eq!(Masked::new(masked.as_str()), masked);
        }
    }
}
