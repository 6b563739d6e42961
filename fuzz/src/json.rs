//! JSON bodies: members by name, numbers as their text, depth.

use std::collections::BTreeMap;
use std::fmt;

use http::HeaderValue;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use tillway_transport::json::{
    DEPTH_MAX, JsonError, Members, NumberText, accepts, depth_within, without_bom,
};

/// A body; also taken for a content type.
pub fn run(data: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let _judged = accepts(Some(&value));
    }
    let body = without_bom(data);
    let parsed = Members::parse(data);
    match &parsed {
        Ok(members) => {
            assert!(depth_within(body, DEPTH_MAX), "too deep");
            whole(members);
        }
        Err(JsonError::TooDeep) => assert!(!depth_within(body, DEPTH_MAX)),
        Err(_) => {}
    }
    if let Ok(Depth(depth)) = serde_json::from_slice(body) {
        assert!(depth_within(body, depth), "{depth} levels at most");
        assert!(depth == 0 || !depth_within(body, depth - 1), "{depth} levels at least");
    }
    if let (true, Ok(theirs)) =
        (depth_within(body, DEPTH_MAX), serde_json::from_slice::<LastOfEach>(body))
    {
        let members = parsed.as_ref().expect("serde_json reads it");
        let ours: BTreeMap<String, Value> = members
            .iter()
            .map(|(name, raw)| (name.to_owned(), serde_json::from_str(raw.get()).expect("a value")))
            .collect();
        assert_eq!(ours, theirs.0);
    }
}

fn whole(members: &Members<'_>) {
    let mut written = String::new();
    for (name, raw) in members.iter() {
        assert!(!name.bytes().any(|b| b.is_ascii_uppercase()), "{name}");
        let upper = name.to_ascii_uppercase();
        assert_eq!(members.raw(&upper).map(RawValue::get), Some(raw.get()));
        let _value: IgnoredAny = serde_json::from_str(raw.get()).expect("a value");
        number(raw);
        let _text = members.read::<Option<String>>(name);
        let _number = members.read::<Option<i64>>(name);
        let _flag = members.read::<Option<bool>>(name);
        let _object = Members::of(raw);
        let key = serde_json::to_string(name).expect("a string");
        written.push_str(&format!("{}{key}:{raw}", if written.is_empty() { "{" } else { "," }));
    }
    written.push_str(if written.is_empty() { "{}" } else { "}" });
    let again = Members::parse(written.as_bytes()).expect("what was read can be written");
    let pairs = |members: &Members<'_>| -> Vec<(String, String)> {
        members.iter().map(|(name, raw)| (name.to_owned(), raw.get().to_owned())).collect()
    };
    assert_eq!(pairs(&again), pairs(members));
}

/// A member is a number exactly when it begins like one, and keeps its text.
fn number(raw: &RawValue) {
    let text = raw.get();
    let read = serde_json::from_str::<NumberText>(text);
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    assert_eq!(read.is_ok(), is_number && text.len() <= NumberText::BYTES_MAX, "{text}");
    if let Ok(read) = read {
        assert_eq!(read.as_str(), text);
        assert_eq!(serde_json::to_string(&read).expect("a number"), text);
    }
}

/// How deep arrays and objects are nested.
struct Depth(usize);

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Depth;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Depth, E> {
                Ok(Depth(0))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Depth, E> {
                Ok(Depth(0))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Depth, E> {
                Ok(Depth(0))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Depth, E> {
                Ok(Depth(0))
            }

            fn visit_str<E>(self, _: &str) -> Result<Depth, E> {
                Ok(Depth(0))
            }

            fn visit_unit<E>(self) -> Result<Depth, E> {
                Ok(Depth(0))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Depth, A::Error> {
                let mut most = 0;
                while let Some(Depth(depth)) = seq.next_element()? {
                    most = most.max(depth);
                }
                Ok(Depth(most + 1))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Depth, A::Error> {
                let mut most = 0;
                while let Some((_, Depth(depth))) = map.next_entry::<String, Depth>()? {
                    most = most.max(depth);
                }
                Ok(Depth(most + 1))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// What the members of an object are, by the rules of the interface: case ignored, the last one.
struct LastOfEach(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for LastOfEach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = LastOfEach;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LastOfEach, A::Error> {
                let mut last = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    last.insert(name.to_ascii_lowercase(), value);
                }
                Ok(LastOfEach(last))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
