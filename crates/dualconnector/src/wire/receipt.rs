//! Field 90: slips and their data (acquiring.md B.6).

/// The longest slip: a report of a long day.
const LINES_MAX: usize = 10_000;
const COLUMNS_MAX: usize = 200;

/// What field 90 carries.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Receipt {
    /// The first copy, or the whole of a text without tags.
    pub first: Option<Box<str>>,
    /// The second copy.
    pub second: Option<Box<str>>,
    /// The name of the card's system.
    pub brand: Option<Box<str>>,
    /// The application of the chip.
    pub application: Option<Box<str>>,
    /// Tags that stay with the bank: by number, in order.
    pub others: Vec<(u8, Box<str>)>,
}

impl core::fmt::Debug for Receipt {
    /// Says what there is: a slip may show what no log may have.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let tags: Vec<_> = self.others.iter().map(|(tag, _)| tag).collect();
        f.debug_struct("Receipt")
            .field("first", &self.first.is_some())
            .field("second", &self.second.is_some())
            .field("brand", &self.brand)
            .field("others", &tags)
            .finish_non_exhaustive()
    }
}

/// Reads field 90: `0xTT^name^value~` again and again, or a text without tags, which is one slip.
pub fn receipt(text: &str) -> Receipt {
    let mut receipt = Receipt::default();
    let heads = heads(text);
    let whole = |text: &str| {
        let text = unescape(text.trim_end().trim_end_matches('~'));
        (!text.trim().is_empty()).then(|| text.into_boxed_str())
    };
    let Some((first, _)) = heads.first() else {
        receipt.first = whole(text);
        return receipt;
    };
    let before = text.get(..*first).and_then(whole);
    for (at, (start, tag)) in heads.iter().enumerate() {
        let end = heads.get(at.saturating_add(1)).map_or(text.len(), |(next, _)| *next);
        let inside = text.get(start.saturating_add(HEAD)..end).unwrap_or_default();
        let value = inside.split_once('^').map_or(inside, |(_, value)| value);
        let Some(value) = whole(value) else { continue };
        let place = match tag {
            0xDF => &mut receipt.first,
            0xDA => &mut receipt.second,
            0xDE => &mut receipt.brand,
            0x4F => &mut receipt.application,
            other => {
                receipt.others.push((*other, value));
                continue;
            }
        };
        place.get_or_insert(value);
    }
    if receipt.first.is_none() {
        receipt.first = before;
    }
    receipt
}

/// `0xTT^`.
const HEAD: usize = 5;

/// Where tags begin: at the start, or behind the end of another.
fn heads(text: &str) -> Vec<(usize, u8)> {
    let mut heads = Vec::new();
    let mut fresh = true;
    for (at, c) in text.char_indices() {
        if fresh && c == '0' {
            let tag = text.get(at..at.saturating_add(HEAD)).and_then(tag);
            heads.extend(tag.map(|tag| (at, tag)));
        }
        fresh = c == '~' || (fresh && c.is_whitespace());
    }
    heads
}

fn tag(head: &str) -> Option<u8> {
    let digits = head.strip_prefix("0x").or_else(|| head.strip_prefix("0X"))?.strip_suffix('^')?;
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { u8::from_str_radix(digits, 16).ok() } else { None }
}

/// Some services escape line ends twice.
fn unescape(text: &str) -> String {
    text.replace("&#13;", "\r").replace("&#10;", "\n")
}

/// The lines of a slip: columns are kept, what is behind the last column is not, nor are empty
/// lines at the end. At most 10 000 lines of 200 characters; control characters are blanks.
pub fn lines(slip: &str) -> Vec<String> {
    let unified = slip.replace("\r\n", "\n").replace('\r', "\n");
    let clean = |line: &str| {
        let blank = |c: char| if c.is_control() { ' ' } else { c };
        let line: String = line.chars().take(COLUMNS_MAX).map(blank).collect();
        line.trim_end().to_owned()
    };
    let mut lines: Vec<String> = unified.split('\n').take(LINES_MAX).map(clean).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qb6_tags_are_read() {
        let both = "0xDF^^ЧЕК 0012\r\nСУММА 125.00~0xDA^^ЧЕК 0012&#13;&#10;СУММА~0xDE^^MIR~\
            0x4F^AID^A0000006581010~0x95^^0000~0x1F^name^~";
        let read = receipt(both);
        assert_eq!(read.first.as_deref(), Some("ЧЕК 0012\r\nСУММА 125.00"));
        assert_eq!(read.second.as_deref(), Some("ЧЕК 0012\r\nСУММА"));
        assert_eq!(read.brand.as_deref(), Some("MIR"));
        assert_eq!(read.application.as_deref(), Some("A0000006581010"));
        assert_eq!(read.others, [(0x95, "0000".into())]);
        assert!(!format!("{read:?}").contains("125"), "{read:?}");
    }

    #[test]
    fn what_is_nearly_a_tag_is_text() {
        let rows: [(&str, Option<&str>); 9] = [
            ("", None),
            (" ~", None),
            ("ОТЧЕТ~", Some("ОТЧЕТ")),
            ("A 0xDF^^B", Some("A 0xDF^^B")),
            ("0xZZ^^A", Some("0xZZ^^A")),
            ("0xD", Some("0xD")),
            ("шапка~\r\n0xDE^^MIR~", Some("шапка")),
            ("0xDF^^A~B^C~0xDE^^MIR~", Some("A~B^C")),
            ("0xDF^A~", Some("A")),
        ];
        for (text, first) in rows {
            assert_eq!(receipt(text).first.as_deref(), first, "{text}");
        }
    }

    #[test]
    fn columns_are_kept() {
        assert_eq!(lines("  A\tB  \r\n\r\nC\rD\n\n"), ["  A B", "", "C", "D"]);
        assert_eq!(lines("").len(), 0);
    }
}
