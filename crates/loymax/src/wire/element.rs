//! Elements as they are written.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::QName;

use tillway_core::port::processing::SealError;

use crate::dialect::{Dialect, Letters, Word};

/// Writes a message. Writing to memory does not fail.
pub(super) struct Xml<'d> {
    dialect: &'d Dialect,
    writer: Writer<Vec<u8>>,
}

/// An element that is begun, with its attributes.
pub(super) struct Element<'d> {
    dialect: &'d Dialect,
    name: &'d str,
    start: BytesStart<'d>,
}

impl<'d> Xml<'d> {
    pub(super) fn new(dialect: &'d Dialect) -> Self {
        let mut writer = Writer::new(Vec::with_capacity(1_024));
        let declaration = BytesDecl::new("1.0", Some(dialect.letters.name()), None);
        let _ = writer.write_event(Event::Decl(declaration));
        Self { dialect, writer }
    }

    pub(super) fn open(&mut self, element: Element<'_>) {
        let _ = self.writer.write_event(Event::Start(element.start));
    }

    pub(super) fn empty(&mut self, element: Element<'_>) {
        let _ = self.writer.write_event(Event::Empty(element.start));
    }

    pub(super) fn close(&mut self, name: &str) {
        let _ = self.writer.write_event(Event::End(BytesEnd::new(name)));
    }

    pub(super) fn text(&mut self, word: Word, text: &str) {
        let element = Element::new(self.dialect, word);
        let name = element.name;
        self.open(element);
        let _ = self.writer.write_event(Event::Text(BytesText::new(text)));
        self.close(name);
    }

    pub(super) fn bytes(self, letters: Letters) -> Vec<u8> {
        let bytes = self.writer.into_inner();
        match core::str::from_utf8(&bytes) {
            Ok(text) if letters != Letters::Utf8 => letters.encode(text),
            _ => bytes,
        }
    }
}

impl<'d> Element<'d> {
    pub(super) fn new(dialect: &'d Dialect, word: Word) -> Self {
        Self::named(dialect, dialect.word(word))
    }

    pub(super) fn named(dialect: &'d Dialect, name: &'d str) -> Self {
        Self { dialect, name, start: BytesStart::new(name) }
    }

    pub(super) fn name(&self) -> &'d str {
        self.name
    }

    /// Adds an attribute.
    ///
    /// # Errors
    /// The value has characters that XML cannot carry, or that would come out as others.
    pub(super) fn put(&mut self, word: Word, value: &str) -> Result<(), SealError> {
        let text = word.usual();
        let value = escaped(value).ok_or(SealError::Text(text))?;
        self.start.push_attribute(Attribute { key: QName(self.dialect.word(word)), value });
        Ok(())
    }

    /// Adds an attribute that may be missing.
    pub(super) fn put_some(&mut self, word: Word, value: Option<&str>) -> Result<(), SealError> {
        value.map_or(Ok(()), |value| self.put(word, value))
    }
}

/// What ends a value, a tag or begins something else becomes a reference.
fn escaped(value: &str) -> Option<Cow<'_, str>> {
    let odd = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    if value.contains(odd) {
        return None;
    }
    if !value.contains(['&', '<', '>', '"']) {
        return Some(Cow::Borrowed(value));
    }
    let mut out = String::with_capacity(value.len().saturating_mul(2));
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    Some(Cow::Owned(out))
}
