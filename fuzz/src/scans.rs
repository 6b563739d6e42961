//! What a waiter scans: the readers, and what becomes of a value without a signature.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use tillway_core::Timestamp;
use tillway_core::token::{
    ATTRIBUTES_MAX, Identified, JsonReader, PrefixReader, ReadToken, Reading, Scan, TokenReader,
    TokenRefusal, TokenRules, UrlReader, VALUE_CHARS_MAX, normal_alias, phone_of, read_value,
};

use crate::tokens::{NOW, keys};

pub(crate) static RULES: LazyLock<TokenRules> = LazyLock::new(|| {
    let readers: Vec<Arc<dyn TokenReader>> = vec![
        Arc::new(PrefixReader { prefix: "CARD:".to_owned() }),
        Arc::new(UrlReader { parameter: "card".to_owned() }),
        Arc::new(JsonReader { field: "card".to_owned() }),
    ];
    TokenRules { keys: keys(), readers, phone_lookup: true }
});

/// A scanned text.
pub fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let reading = read(text, NOW);
    match &reading {
        Ok(reading) => bounded(reading),
        Err(TokenRefusal::BadValue) => assert!(text.chars().count() > VALUE_CHARS_MAX),
        Err(TokenRefusal::EmptyValue) => {
            assert!(text.chars().all(|c| c.is_whitespace() || c.is_control()));
        }
        Err(TokenRefusal::Unavailable) => panic!("our own readers never fail"),
        Err(_) => {}
    }
    if text.chars().count() < VALUE_CHARS_MAX {
        same(&reading, &read(&format!(" {text}\r\n"), NOW));
    }
    if let Ok(value) = tillway_core::token::normalise(text) {
        json(value);
        url(value);
    }
    alias(text);
    let _shown = format!("{:?}", Scan::new(text));
}

fn read(text: &str, now: Timestamp) -> Result<Reading, TokenRefusal> {
    read_value(&Scan::new(text), now, &RULES)
}

fn bounded(reading: &Reading) {
    assert!(reading.attributes.len() <= ATTRIBUTES_MAX);
    for (name, value) in &reading.attributes {
        assert!(name.chars().count() <= VALUE_CHARS_MAX, "a long name");
        assert!(value.chars().count() <= VALUE_CHARS_MAX, "a long value");
    }
    match &reading.identified {
        // One character becomes three in upper case at most.
        Identified::Static { alias, phone } => {
            assert!(!alias.is_empty() && alias.chars().count() <= 3 * VALUE_CHARS_MAX);
            if let Some(phone) = phone {
                assert!((12..=16).contains(&phone.len()) || phone.len() == 11, "{phone}");
                assert!(phone.starts_with('+') && !phone.starts_with("+0"), "{phone}");
            }
        }
        Identified::Dynamic(_) => {}
    }
}

fn same(one: &Result<Reading, TokenRefusal>, other: &Result<Reading, TokenRefusal>) {
    let seen = |reading: &Result<Reading, TokenRefusal>| {
        let reading = reading.as_ref().map_err(|refusal| *refusal)?;
        let found = match &reading.identified {
            Identified::Dynamic(token) => (token.carrier.clone(), None, Some(token.jti)),
            Identified::Static { alias, phone } => (alias.clone(), phone.clone(), None),
        };
        Ok::<_, TokenRefusal>((found, reading.attributes.clone()))
    };
    assert_eq!(seen(one), seen(other), "white space at the ends means something");
}

/// An alias that is stored is found again, and a phone number in E.164 is itself.
fn alias(text: &str) {
    let once = normal_alias(text);
    assert_eq!(once, normal_alias(&once), "another alias the second time");
    if let Some(phone) = phone_of(text) {
        assert_eq!(phone_of(&phone).as_ref(), Some(&phone));
    }
}

/// Against serde_json: what ours takes, it takes, and gives the same; the other way round within
/// the bounds of ours.
fn json(text: &str) {
    let ours = JsonReader { field: "card".to_owned() }.read(text).expect("never fails");
    let theirs: Option<Pairs> = serde_json::from_str(text).ok();
    match (ours, theirs) {
        (Some(token), Some(pairs)) => assert_eq!(Some(token), expected(&pairs.0), "{text}"),
        // A number that no float can hold is a number all the same.
        (Some(_), None) => {
            let _syntax: Box<RawValue> = serde_json::from_str(text).expect("not JSON");
        }
        (None, Some(pairs)) => {
            let shallow = tillway_transport::json::depth_within(text.as_bytes(), 8);
            assert!(!shallow || expected(&pairs.0).is_none(), "not read: {text}");
        }
        (None, None) => {}
    }
}

/// The members of an object in their order, doubles too.
struct Pairs(Vec<(String, Box<RawValue>, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
                    let value = serde_json::from_str(raw.get());
                    pairs.push((name, raw, value.map_err(serde::de::Error::custom)?));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn expected(pairs: &[(String, Box<RawValue>, Value)]) -> Option<ReadToken> {
    let mut cards = pairs.iter().filter(|(name, ..)| name == "card");
    let ((_, raw, value), None) = (cards.next()?, cards.next()) else { return None };
    let carrier = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) if raw.get().bytes().all(|b| b.is_ascii_digit()) => raw.get().to_owned(),
        // `true` is a word like any other to the reader of fields, and no number.
        _ => return None,
    };
    let others = pairs.iter().filter(|(name, ..)| name != "card");
    let attributes = others.filter_map(|(name, raw, value)| match value {
        Value::String(text) => Some((name.clone(), text.clone())),
        Value::Number(_) | Value::Bool(_) => Some((name.clone(), raw.get().to_owned())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    });
    Some(ReadToken { carrier, attributes: attributes.take(ATTRIBUTES_MAX).collect() })
}

/// Against the URL standard's own reading of a query, which forgives what ours refuses.
fn url(text: &str) {
    let ours = UrlReader { parameter: "card".to_owned() }.read(text).expect("never fails");
    let Some(token) = ours else { return };
    let before_fragment = text.split('#').next().unwrap_or_default();
    let (_, query) = before_fragment.split_once('?').expect("a URL without a query");
    let mut pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let card = pairs.iter().position(|(name, _)| name == "card").expect("no parameter card");
    assert_eq!(pairs.remove(card).1, token.carrier);
    assert!(pairs.iter().all(|(name, _)| name != "card"), "two parameters card");
    pairs.truncate(ATTRIBUTES_MAX);
    assert_eq!(pairs, token.attributes);
}
