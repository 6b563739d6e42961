//! The XML of the service: requests, answers, receipts (acquiring.md B.2, B.6).

mod answer;
mod charset;
mod receipt;
mod request;

use std::collections::BTreeMap;
use std::fmt;

pub use self::answer::{ANSWER_BYTES_MAX, WireError, read};
pub use self::charset::decode;
pub use self::receipt::{Receipt, lines, receipt};
pub use self::request::write;

use crate::profile::{Field, Profile};

/// An answer: fields by their numbers, those that nobody knows too.
///
/// Its `Debug` names the fields and shows no value: they carry what no log may have.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Packet {
    fields: BTreeMap<u16, Box<str>>,
    /// What the service says of itself, instead of fields or beside them.
    pub error: Option<ServiceError>,
}

/// What the service says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceError {
    /// `None` when it is no number.
    pub code: Option<i32>,
    /// In its words.
    pub text: Box<str>,
}

impl Packet {
    /// A field by its number.
    pub fn raw(&self, id: u16) -> Option<&str> {
        self.fields.get(&id).map(AsRef::as_ref)
    }

    /// A field by its name, without blanks around it; `None` when it is missing or empty.
    pub fn get(&self, profile: &Profile, field: Field) -> Option<&str> {
        self.raw(profile.id(field)).map(str::trim).filter(|value| !value.is_empty())
    }

    /// A field that is a number of at most 12 digits.
    pub fn number(&self, profile: &Profile, field: Field) -> Option<i64> {
        let text = self.get(profile, field)?;
        let digits = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits { text.parse().ok() } else { None }
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &str)> {
        self.fields.iter().map(|(id, value)| (*id, value.as_ref()))
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.fields.keys().collect();
        let code = self.error.as_ref().map(|error| error.code);
        f.debug_struct("Packet").field("fields", &ids).field("error", &code).finish()
    }
}
