//! JSON by names of the words table: written as text, read as exact numbers.

use std::fmt;

use serde_json::value::RawValue;
use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_transport::json::{JsonError, Members, NumberText};

use super::words::{Name, Words};
use crate::wire::number::{amount, quantity, read_amount, read_quantity};

/// An object that is written member by member, in the order they are put.
pub(super) struct Object<'w> {
    words: &'w Words,
    text: String,
}

impl<'w> Object<'w> {
    pub(super) fn new(words: &'w Words) -> Self {
        Self { words, text: String::from("{") }
    }

    fn raw(&mut self, name: Name, json: impl fmt::Display) {
        let comma = if self.text.len() > 1 { "," } else { "" };
        let name = quoted(self.words.name(name));
        self.text.push_str(&format!("{comma}{name}:{json}"));
    }

    pub(super) fn text(&mut self, name: Name, value: &str) {
        self.raw(name, quoted(value));
    }

    pub(super) fn text_some(&mut self, name: Name, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub(super) fn flag(&mut self, name: Name, value: bool) {
        self.raw(name, value);
    }

    pub(super) fn number(&mut self, name: Name, value: impl Into<i64>) {
        self.raw(name, value.into());
    }

    pub(super) fn amount_some(&mut self, name: Name, value: Option<Kopecks>) {
        if let Some(value) = value {
            self.raw(name, amount(value));
        }
    }

    pub(super) fn quantity(&mut self, name: Name, value: Quantity) {
        self.raw(name, quantity(value));
    }

    pub(super) fn object(&mut self, name: Name, value: Object<'_>) {
        self.raw(name, value.end());
    }

    pub(super) fn list<T>(&mut self, name: Name, items: &[T], item: impl Fn(&T) -> String) {
        let items: Vec<String> = items.iter().map(item).collect();
        self.raw(name, format_args!("[{}]", items.join(",")));
    }

    pub(super) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    // A string always has a text in JSON.
    serde_json::to_string(text).unwrap_or_default()
}

/// What was read is not what was expected; the name of the member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unlike(pub(super) &'static str);

/// An object that was read. `null` and an absent member are one.
pub(super) struct Node<'a> {
    words: &'a Words,
    members: Members<'a>,
}

impl<'a> Node<'a> {
    pub(super) fn parse(words: &'a Words, bytes: &'a [u8]) -> Result<Self, JsonError> {
        Ok(Self { words, members: Members::parse(bytes)? })
    }

    pub(super) fn of(words: &'a Words, raw: &'a RawValue, name: Name) -> Result<Self, Unlike> {
        let members = Members::of(raw).map_err(|_| Unlike(name.usual()))?;
        Ok(Self { words, members })
    }

    pub(super) fn raw(&self, name: Name) -> Option<&'a RawValue> {
        self.members.raw(self.words.name(name)).filter(|raw| raw.get() != "null")
    }

    pub(super) fn node(&self, name: Name) -> Result<Option<Node<'a>>, Unlike> {
        self.raw(name).map(|raw| Self::of(self.words, raw, name)).transpose()
    }

    /// The objects of a list; none when there is no list.
    pub(super) fn nodes(&self, name: Name) -> Result<Vec<Node<'a>>, Unlike> {
        self.raw(name).map_or(Ok(Vec::new()), |raw| nodes(self.words, raw, name))
    }

    /// `None` when it is missing or blank. A number is its text: ids are written both ways.
    pub(super) fn text(&self, name: Name) -> Result<Option<Box<str>>, Unlike> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let text = match serde_json::from_str::<String>(raw.get()) {
            Ok(text) => text,
            Err(_) => match serde_json::from_str::<NumberText>(raw.get()) {
                Ok(number) => number.as_str().to_owned(),
                Err(_) => return Err(Unlike(name.usual())),
            },
        };
        let text = text.trim();
        Ok((!text.is_empty()).then(|| text.into()))
    }

    pub(super) fn flag(&self, name: Name) -> Result<Option<bool>, Unlike> {
        let read =
            |raw: &RawValue| serde_json::from_str(raw.get()).map_err(|_| Unlike(name.usual()));
        self.raw(name).map(read).transpose()
    }

    fn number<T>(&self, name: Name, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Unlike> {
        let unlike = Unlike(name.usual());
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let number: NumberText = serde_json::from_str(raw.get()).map_err(|_| unlike)?;
        read(number.as_str()).map(Some).ok_or(unlike)
    }

    pub(super) fn integer(&self, name: Name) -> Result<Option<i64>, Unlike> {
        self.number(name, |text| text.parse().ok())
    }

    pub(super) fn amount(&self, name: Name) -> Result<Option<Kopecks>, Unlike> {
        self.number(name, read_amount)
    }

    /// `None` for what is no quantity of ours: no answer is refused for it.
    pub(super) fn quantity(&self, name: Name) -> Option<Quantity> {
        self.number(name, |text| Some(read_quantity(text))).ok().flatten().flatten()
    }
}

/// The objects of a list.
pub(super) fn nodes<'a>(
    words: &'a Words,
    raw: &'a RawValue,
    name: Name,
) -> Result<Vec<Node<'a>>, Unlike> {
    let list: Vec<Members<'a>> =
        serde_json::from_str(raw.get()).map_err(|_| Unlike(name.usual()))?;
    Ok(list.into_iter().map(|members| Node { words, members }).collect())
}
