//! Readers of this crate's own: strict about money and about names, shared with nobody.

#[cfg(feature = "waiter-server")]
use std::collections::BTreeMap;

use serde_json::Value;
#[cfg(feature = "waiter-server")]
use serde_json::value::RawValue;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;

/// A member of an object that is a whole number of kopecks. A fraction, a text or a number beyond
/// 64 bits is none.
pub(crate) fn minor(object: &Value, name: &str) -> Option<Kopecks> {
    object.get(name)?.as_i64().map(Kopecks)
}

pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// A UUID in the canonical form: lower case, with hyphens.
pub(crate) fn canonical_id(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().to_string() == text).then_some(id)
}

pub(crate) fn id(object: &Value, name: &str) -> Option<Uuid> {
    canonical_id(text(object, name)?)
}

/// Rubles as Waiter is promised them: plain notation, at most two decimals, no sign for zero, no
/// needless zeros (`50.7`, `1650`). Anything else is none.
#[cfg(feature = "waiter-server")]
pub(crate) fn rubles(text: &str) -> Option<Kopecks> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = match digits.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (digits, None),
    };
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || whole.len() > 1 && whole.starts_with('0') {
        return None;
    }
    let hundredths = match part {
        None => 0,
        Some(part) if plain(part) && part.len() <= 2 && !part.ends_with('0') => {
            let digits: i64 = part.parse().ok()?;
            if part.len() == 1 { digits * 10 } else { digits }
        }
        Some(_) => return None,
    };
    let kopecks = whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
    if sign < 0 && kopecks == 0 {
        return None;
    }
    Some(Kopecks(sign * kopecks))
}

/// An object whose members are kept as the peer wrote them, names as they stand.
#[cfg(feature = "waiter-server")]
pub(crate) struct Raw(BTreeMap<String, Box<RawValue>>);

#[cfg(feature = "waiter-server")]
impl Raw {
    /// None when the text is no JSON object.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The member as its literal text.
    pub(crate) fn literal(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|raw| raw.get())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.literal(name)?).ok()
    }

    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        serde_json::from_str(self.literal(name)?).ok()
    }

    pub(crate) fn rubles(&self, name: &str) -> Option<Kopecks> {
        rubles(self.literal(name)?)
    }

    pub(crate) fn objects(&self, name: &str) -> Option<Vec<Self>> {
        let items: Vec<Box<RawValue>> = serde_json::from_str(self.literal(name)?).ok()?;
        items.iter().map(|item| Self::parse(item.get())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "waiter-server")]
    #[test]
    fn rubles_are_exact_text() {
        let good = [
            ("0", 0),
            ("0.1", 10),
            ("50.7", 5_070),
            ("142.15", 14_215),
            ("84865", 8_486_500),
            ("9999999999.99", 999_999_999_999),
            ("-3.5", -350),
        ];
        for (text, kopecks) in good {
            assert_eq!(rubles(text), Some(Kopecks(kopecks)), "{text}");
        }
        for bad in ["", "-0", "01", "1.", ".5", "1.10", "1.0", "1.234", "1e2", "+1", "\"1\"", "NaN"]
        {
            assert_eq!(rubles(bad), None, "{bad}");
        }
        assert_eq!(rubles("92233720368547758.08"), None);
    }

    #[test]
    fn minor_units_are_whole() {
        let body = serde_json::json!({"a": 75_000, "b": "75000"});
        assert_eq!(minor(&body, "a"), Some(Kopecks(75_000)));
        assert_eq!(minor(&body, "b"), None);
        let fraction: Value = serde_json::from_str(r#"{"a":75000.0,"b":1e3}"#).unwrap();
        assert_eq!(minor(&fraction, "a"), None);
        assert_eq!(minor(&fraction, "b"), None);
    }
}
