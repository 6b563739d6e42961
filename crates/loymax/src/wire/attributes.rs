//! The attributes of an element as it is read: scanned by hand, because nearly all of an answer is
//! attributes.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute;
use quick_xml::name::QName;

use tillway_core::Kopecks;

use super::answer::WireError;
use super::number::read_amount;
use crate::dialect::{Dialect, Word};

/// More than any element of an answer has.
const ATTRIBUTES_MAX: usize = 64;

type Values<'e> = Vec<(&'e str, Cow<'e, str>)>;

/// Room for the attributes of the next element.
pub(super) type Spare = Values<'static>;

/// The attributes of an element.
pub(super) struct Attributes<'e> {
    dialect: &'e Dialect,
    values: Values<'e>,
}

impl<'e> Attributes<'e> {
    /// Reads what stands in a tag behind its name.
    pub(super) fn read(
        dialect: &'e Dialect,
        raw: &'e str,
        spare: Spare,
    ) -> Result<Self, WireError> {
        let (mut values, mut rest): (Values<'e>, _) = (spare, raw);
        loop {
            let inner = rest.trim_ascii_start();
            if inner.is_empty() {
                return Ok(Self { dialect, values });
            }
            // Between two attributes there is white space.
            if inner.len() == rest.len() {
                return Err(WireError::Syntax);
            }
            let (key, value, after) = next(inner)?;
            if values.iter().any(|(known, _)| same(known, key)) {
                return Err(WireError::Syntax);
            }
            if values.len() >= ATTRIBUTES_MAX {
                return Err(WireError::TooMany);
            }
            values.push((key, value));
            rest = after;
        }
    }

    /// The room that they took.
    pub(super) fn spare(mut self) -> Spare {
        self.values.clear();
        // Nothing is left that lives too short; collecting in place keeps the room.
        self.values.into_iter().map(|_| ("", Cow::Borrowed(""))).collect()
    }

    pub(super) fn find(&self, word: Word) -> Option<&str> {
        let name = self.dialect.word(word);
        let found = self.values.iter().find(|(key, _)| same(key, name));
        found.map(|(_, value)| value.as_ref())
    }

    /// `None` when it is missing or empty.
    pub(super) fn text(&self, word: Word) -> Option<Box<str>> {
        self.trimmed(word).map(Into::into)
    }

    pub(super) fn trimmed(&self, word: Word) -> Option<&str> {
        self.find(word).map(trim).filter(|value| !value.is_empty())
    }

    pub(super) fn number<T>(
        &self,
        word: Word,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, WireError> {
        let Some(text) = self.trimmed(word) else { return Ok(None) };
        read(text).map(Some).ok_or(WireError::Number(word.usual()))
    }

    pub(super) fn amount(&self, word: Word) -> Result<Option<Kopecks>, WireError> {
        self.number(word, read_amount)
    }
}

/// The first attribute: its name, its value as it is meant, and what follows.
fn next(text: &str) -> Result<(&str, Cow<'_, str>, &str), WireError> {
    let split = || {
        let end = text.bytes().position(|byte| KEY_END[usize::from(byte)])?;
        let (key, rest) = text.split_at_checked(end).filter(|_| end > 0)?;
        let value = rest.trim_ascii_start().strip_prefix('=')?.trim_ascii_start();
        let quote = value.as_bytes().first().copied().filter(|it| matches!(it, b'"' | b'\''))?;
        let value = value.get(1..)?;
        let mut plain = true;
        let end = value.bytes().position(|byte| {
            plain &= byte >= b' ' && byte != b'&' && byte != b'<';
            byte == quote
        })?;
        let (value, after) = value.split_at_checked(end)?;
        Some((key, value, plain, after.get(1..)?))
    };
    let (key, value, plain, after) = split().ok_or(WireError::Syntax)?;
    let value = if plain { Cow::Borrowed(value) } else { meant(key, value)? };
    Ok((key, value, after))
}

/// Bytes that no name has: white space, and what has a meaning of its own.
const KEY_END: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        ends[byte] = byte <= 0x20 || matches!(byte, 0x22 | 0x26 | 0x27 | 0x3C | 0x3D | 0x3E);
        byte += 1;
    }
    ends
};

/// A value with references or with white space other than blanks.
fn meant<'e>(key: &'e str, value: &'e str) -> Result<Cow<'e, str>, WireError> {
    if value.contains('<') {
        return Err(WireError::Syntax);
    }
    let attribute = Attribute { key: QName(key), value: Cow::Borrowed(value) };
    attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| WireError::Entity)
}

/// Names are mostly told apart by their first letter or their length.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().first() == other.as_bytes().first() && one == other
}

/// Without white space around it, which hardly any value has.
fn trim(value: &str) -> &str {
    match value.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => value,
        _ => value.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<Vec<(String, String)>, WireError> {
        let dialect = Dialect::default();
        let read = Attributes::read(&dialect, raw, Spare::default())?;
        Ok(read.values.iter().map(|(key, value)| ((*key).into(), value.to_string())).collect())
    }

    #[test]
    fn attributes_are_read_as_they_are_meant() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let rows = [
            ("", vec![]),
            (" \n", vec![]),
            (" a='1'", vec![pair("a", "1")]),
            ("\ta = \"1\"\r\n b\n=\n''  ", vec![pair("a", "1"), pair("b", "")]),
            (" a='\"' b=\"'\"", vec![pair("a", "\""), pair("b", "'")]),
            (" a='&lt;&#1063;&amp;' Ж='ё>'", vec![pair("a", "<Ч&"), pair("Ж", "ё>")]),
            (" a='x\n\ty'", vec![pair("a", "x  y")]),
        ];
        for (raw, expected) in rows {
            assert_eq!(read(raw).as_ref(), Ok(&expected), "{raw}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let rows = [
            "a='1'",
            " a",
            " a=",
            " a=1",
            " a='1",
            " a='1\"",
            " ='1'",
            " a='1'b='2'",
            " a='<'",
            " a='1' a='2'",
            " a b='1'",
            " \"='1'",
            " a=='1'",
            " a='1' '",
        ];
        for raw in rows {
            assert_eq!(read(raw), Err(WireError::Syntax), "{raw}");
        }
        assert_eq!(read(" a='&b;'"), Err(WireError::Entity));
        let many = |count| (0..count).map(|n| format!(" a{n}=''")).collect::<String>();
        assert_eq!(read(&many(64)).map(|it| it.len()), Ok(64));
        assert_eq!(read(&many(65)), Err(WireError::TooMany));
    }

    #[test]
    fn room_is_used_again() {
        let dialect = Dialect::default();
        let text = " a='1' b='2' c='&lt;'".to_owned();
        let spare = Attributes::read(&dialect, &text, Spare::default()).map(Attributes::spare);
        let spare = spare.unwrap_or_default();
        assert!(spare.is_empty() && spare.capacity() >= 3);
    }
}
