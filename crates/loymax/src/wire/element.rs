//! Elements as they are written: what quick-xml's writer would write, without an allocation for
//! each element and each value.

use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::port::processing::SealError;

use super::number::{push_amount, push_digits, push_quantity};
use crate::dialect::{Dialect, Letters, Word};

/// Writes a message. An element is begun, has its attributes put, and is then opened or empty.
pub(super) struct Xml<'d> {
    dialect: &'d Dialect,
    out: String,
}

impl<'d> Xml<'d> {
    /// `size` is about how many bytes will come.
    pub(super) fn new(dialect: &'d Dialect, size: usize) -> Self {
        let mut out = String::with_capacity(size);
        out.push_str("<?xml version=\"1.0\" encoding=\"");
        out.push_str(dialect.letters.name());
        out.push_str("\"?>");
        Self { dialect, out }
    }

    pub(super) fn begin(&mut self, word: Word) {
        self.begin_named(self.dialect.word(word));
    }

    pub(super) fn begin_named(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
    }

    pub(super) fn open(&mut self) {
        self.out.push('>');
    }

    pub(super) fn empty(&mut self) {
        self.out.push_str("/>");
    }

    pub(super) fn close(&mut self, word: Word) {
        self.close_named(self.dialect.word(word));
    }

    pub(super) fn close_named(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element with this text.
    ///
    /// # Errors
    /// As [`Xml::put`].
    pub(super) fn text(&mut self, word: Word, text: &str) -> Result<(), SealError> {
        self.begin(word);
        self.open();
        escape(text, &mut self.out).ok_or(SealError::Text(word.usual()))?;
        self.close(word);
        Ok(())
    }

    /// Adds an attribute.
    ///
    /// # Errors
    /// The value has characters that XML cannot carry, or that would come out as others.
    pub(super) fn put(&mut self, word: Word, value: &str) -> Result<(), SealError> {
        self.key(word);
        escape(value, &mut self.out).ok_or(SealError::Text(word.usual()))?;
        self.out.push('"');
        Ok(())
    }

    /// Adds an attribute that may be missing.
    pub(super) fn put_some(&mut self, word: Word, value: Option<&str>) -> Result<(), SealError> {
        value.map_or(Ok(()), |value| self.put(word, value))
    }

    pub(super) fn put_number(&mut self, word: Word, number: u32) {
        self.key(word);
        push_digits(u64::from(number), &mut self.out);
        self.out.push('"');
    }

    pub(super) fn put_amount(&mut self, word: Word, amount: Option<Kopecks>) {
        let Some(amount) = amount else { return };
        self.key(word);
        push_amount(amount, &mut self.out);
        if self.dialect.short_amounts {
            let kept = self.out.trim_end_matches('0').trim_end_matches('.').len();
            self.out.truncate(kept);
        }
        self.out.push('"');
    }

    pub(super) fn put_quantity(&mut self, word: Word, quantity: Quantity) {
        self.key(word);
        push_quantity(quantity, &mut self.out);
        self.out.push('"');
    }

    pub(super) fn bytes(self, letters: Letters) -> Vec<u8> {
        match letters {
            Letters::Utf8 => self.out.into_bytes(),
            letters @ Letters::Windows1251 => letters.encode(&self.out),
        }
    }

    fn key(&mut self, word: Word) {
        self.out.push(' ');
        self.out.push_str(self.dialect.word(word));
        self.out.push_str("=\"");
    }
}

/// Bytes that stand for themselves. Those of `C2` and `EF` begin some characters that do not.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x20;
    while byte < 256 {
        plain[byte] = !matches!(byte, 0x22 | 0x26 | 0x3C | 0x3E | 0x7F | 0xC2 | 0xEF);
        byte += 1;
    }
    plain
};

/// What ends a value, a tag or begins something else becomes a reference. `None` for characters
/// that XML cannot carry, or that would come out as others.
fn escape(value: &str, out: &mut String) -> Option<()> {
    if value.bytes().all(|byte| PLAIN.get(usize::from(byte)) == Some(&true)) {
        out.push_str(value);
        return Some(());
    }
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => return None,
            _ if c.is_control() => return None,
            _ => out.push(c),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_written_or_refused() {
        for c in '\0'..=char::MAX {
            let mut out = String::new();
            let written = escape(c.encode_utf8(&mut [0; 4]), &mut out).map(|()| out);
            let expected = match c {
                '&' => Some("&amp;".to_owned()),
                '<' => Some("&lt;".to_owned()),
                '>' => Some("&gt;".to_owned()),
                '"' => Some("&quot;".to_owned()),
                '\u{fffe}' | '\u{ffff}' => None,
                _ if c.is_control() => None,
                _ => Some(c.to_string()),
            };
            assert_eq!(written, expected, "{c:?}");
        }
    }
}
