//! JSON whose numbers are kept as they were written: readers and writers of this simulator's own.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;
use tillway_core::Kopecks;
use tillway_transport::json::{DEPTH_MAX, depth_within};

/// A value. Members keep their order; of doubles the last one counts, as in JavaScript.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// The literal text.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// `None` for what is no JSON, or is nested too deep.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if !depth_within(text.as_bytes(), DEPTH_MAX) {
            return None;
        }
        read(serde_json::from_str::<&RawValue>(text).ok()?)
    }

    /// An object of these members, without those that have no value.
    pub(super) fn object<const N: usize>(members: [(&str, Option<Json>); N]) -> Self {
        let members = members.into_iter();
        Self::Object(members.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }

    pub(super) fn text(text: impl Into<String>) -> Option<Self> {
        Some(Self::Text(text.into()))
    }

    pub(super) fn number(number: impl Into<i64>) -> Option<Self> {
        Some(Self::Number(number.into().to_string()))
    }

    pub(super) fn flag(flag: bool) -> Option<Self> {
        Some(Self::Bool(flag))
    }

    /// Rubles, as the driver writes them: `360.0`.
    pub(super) fn money(amount: Kopecks) -> Option<Self> {
        let text = amount.rubles().to_string();
        Some(Self::Number(if text.contains('.') { text } else { format!("{text}.0") }))
    }

    /// A member; `null` is none.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let found = members.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
        found.filter(|value| **value != Self::Null)
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A whole number that is not negative.
    pub(super) fn as_u32(&self) -> Option<u32> {
        match self {
            Self::Number(text) => text.parse().ok(),
            _ => None,
        }
    }
}

fn read(raw: &RawValue) -> Option<Json> {
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'n' => Json::Null,
        b't' => Json::Bool(true),
        b'f' => Json::Bool(false),
        b'"' => Json::Text(serde_json::from_str(text).ok()?),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Json::List(items.into_iter().map(read).collect::<Option<_>>()?)
        }
        b'{' => {
            let Members(members) = serde_json::from_str(text).ok()?;
            let members = members.into_iter().map(|(name, value)| Some((name, read(value)?)));
            Json::Object(members.collect::<Option<_>>()?)
        }
        _ => Json::Number(text.to_owned()),
    })
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    members.push(entry);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(text) => {
                let raw: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
                raw.serialize(serializer)
            }
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| object.serialize_entry(name, value))?;
                object.end()
            }
        }
    }
}

/// Compact JSON text.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written() {
        let texts = [
            r#"{"a":[1,2.50,1e400,-0],"b":{"c":null,"д":"\"\n"},"e":true}"#,
            "[]",
            "{}",
            "190.00",
            "false",
        ];
        for text in texts {
            assert_eq!(Json::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "{", "nul", "[1,]", "{\"a\":1}x", "'a'"] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
        assert_eq!(Json::parse(&"[".repeat(5_000)), None);
        let doubled = Json::parse(r#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(doubled.get("a").and_then(Json::as_u32), Some(2));
        assert_eq!(Json::money(Kopecks(36_000)).unwrap().to_string(), "360.0");
        assert_eq!(Json::money(Kopecks(36_005)).unwrap().to_string(), "360.05");
    }
}
