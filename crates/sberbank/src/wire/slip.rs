//! The file `p`: one slip or two, as they are to be printed (acquiring.md A.5).

use tillway_core::pan::Masked;
use tillway_core::port::terminal::{Copy, Slip};

/// Lines that one slip may have, a report of a long day; what is longer is cut.
const LINES_MAX: usize = 10_000;
/// Characters that one line may have; papers have 48 at most.
const CHARS_MAX: usize = 200;
/// Slips that one file may have.
const SLIPS_MAX: usize = 4;
/// Ends a copy in the common layout.
const BORDER: &str = "======";
/// Ends a slip; a cutter command may follow it, or stand in its place.
const END: char = '\u{1}';
/// Commands of cutters that a bank sets as `PrinterEnd`.
const CUTS: [&str; 3] = ["\u{1B}i", "\u{1B}m", "\u{1B}U"];

/// The slips of a file, columns kept.
pub fn slips(text: &str) -> Vec<Slip> {
    let text = CUTS.iter().fold(text.to_owned(), |text, cut| text.replace(cut, "\u{1}"));
    let mut parts: Vec<Vec<&str>> = text.split(END).map(lines).collect();
    parts.retain(|part| !part.is_empty());
    if let [only] = parts.as_slice() {
        parts = copies(only);
    }
    parts.truncate(SLIPS_MAX);
    let many = parts.len() > 1;
    let copy = |index| match (many, index) {
        (false, _) => Copy::Single,
        (true, 0) => Copy::First,
        (true, _) => Copy::Second,
    };
    let slip = |(index, lines): (usize, Vec<&str>)| Slip {
        copy: copy(index),
        lines: lines.into_iter().take(LINES_MAX).map(printable).collect(),
    };
    parts.into_iter().enumerate().map(slip).collect()
}

/// A line as a printer takes it: commands to another printer are spaces, so columns stay.
fn printable(line: &str) -> Masked {
    let chars = line.chars().take(CHARS_MAX);
    let line: String = chars.map(|c| if c.is_control() { ' ' } else { c }).collect();
    Masked::new(line.trim_end())
}

/// The lines of a part: nothing is trimmed on the left, empty ones at both ends go, and so do the
/// signs of a cut that the libraries leave behind.
fn lines(part: &str) -> Vec<&str> {
    let part = part.strip_suffix("~S").unwrap_or(part);
    let clean = |line: &'_ str| -> bool { !line.trim().is_empty() };
    let lines = part.split('\n').map(|line| line.trim_end_matches(['\r', ' ', '\u{1B}', '\u{C}']));
    let lines: Vec<&str> = lines.collect();
    let first = lines.iter().position(|line| clean(line));
    let last = lines.iter().rposition(|line| clean(line));
    match (first, last) {
        (Some(first), Some(last)) => lines.get(first..=last).unwrap_or_default().to_vec(),
        _ => Vec::new(),
    }
}

/// One part that holds two copies: each ends with a border.
fn copies<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let borders = lines.iter().filter(|line| line.contains(BORDER)).count();
    if borders < 2 {
        return vec![lines.to_vec()];
    }
    let mut copies: Vec<Vec<&str>> =
        lines.split_inclusive(|line| line.contains(BORDER)).map(<[&str]>::to_vec).collect();
    copies.retain(|copy| copy.iter().any(|line| !line.trim().is_empty()));
    copies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(Copy, String)> {
        let join = |slip: Slip| {
            let lines: Vec<_> = slip.lines.iter().map(|line| line.as_str().to_owned()).collect();
            (slip.copy, lines.join("|"))
        };
        slips(text).into_iter().map(join).collect()
    }

    #[test]
    fn the_separator_parts_copies() {
        assert_eq!(texts(""), []);
        assert_eq!(texts("\u{1}\r\n \u{1}"), []);
        assert_eq!(
            texts("  ЧЕК\r\nСУММА   1.00\r\n\u{1}"),
            [(Copy::Single, "  ЧЕК|СУММА   1.00".into())]
        );
        let two = "ЧЕК\n====== \n~S\u{1}ЧЕК 2\n\u{1}";
        assert_eq!(
            texts(two),
            [(Copy::First, "ЧЕК|======".into()), (Copy::Second, "ЧЕК 2".into())]
        );
        let cut = "ЧЕК\r\n\u{1B}iЧЕК 2\r\n\u{1B}i";
        assert_eq!(texts(cut), [(Copy::First, "ЧЕК".into()), (Copy::Second, "ЧЕК 2".into())]);
    }

    #[test]
    fn two_borders_part_one_text() {
        let two = "ЧЕК\n======\n\nЧЕК\n 2\n==========\n";
        let expected = [
            (Copy::First, "ЧЕК|======".to_owned()),
            (Copy::Second, "|ЧЕК| 2|==========".to_owned()),
        ];
        assert_eq!(texts(two), expected);
        assert_eq!(texts("ЧЕК\n======\nконец\n").len(), 1);
    }

    #[test]
    fn commands_of_another_printer_are_spaces() {
        assert_eq!(texts("ЧЕК\u{1B}\tСУММА\u{7}\n")[0].1, "ЧЕК  СУММА");
        assert_eq!(texts(&"x".repeat(1_000))[0].1.len(), CHARS_MAX);
    }

    #[test]
    fn a_card_number_is_masked_and_length_is_bounded() {
        assert_eq!(texts("КАРТА 2202200011110417")[0].1, "КАРТА ************0417");
        let long = "x\n".repeat(50_000);
        assert_eq!(slips(&long)[0].lines.len(), LINES_MAX);
        assert_eq!(slips(&"x\u{1}".repeat(50)).len(), SLIPS_MAX);
    }
}
