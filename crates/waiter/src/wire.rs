//! The shapes on the wire, and how they become what core knows.

pub(crate) mod bridge;
pub(crate) mod fields;
pub(crate) mod loyalty;
pub(crate) mod multipart;
pub(crate) mod pos;
pub(crate) mod shown;

use core::fmt;

use serde::{Serialize, Serializer};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_transport::json::serialize_number;

/// A UUID in one of the forms that peers use, in any case: hyphenated, 32 hex digits, or braced
/// (H8). The nil one is none.
pub(crate) fn uuid(text: &str) -> Option<Uuid> {
    let known = matches!(text.len(), 32 | 36 | 38);
    let id = known.then(|| Uuid::try_parse(text).ok()).flatten()?;
    (!id.is_nil()).then_some(id)
}

/// Something written as JSON text by its `Display`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An amount written as a JSON number of rubles, digit by digit: `50.7`, `1650` (J6).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RublesNumber(pub(crate) Kopecks);

impl Serialize for RublesNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_number(&self.0.rubles(), serializer)
    }
}

/// An amount written as whole kopecks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minor(pub(crate) Kopecks);

impl Serialize for Minor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w12_w13_ids_come_in_three_forms() {
        let canonical = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
        let good = [
            canonical,
            "3F1C7C8E-53C2-4B0E-9D39-1A6B6C0F2D11",
            "3f1c7c8e53c24b0e9d391a6b6c0f2d11",
            "{3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11}",
            "{3F1C7C8E-53C2-4B0E-9D39-1A6B6C0F2D11}",
        ];
        for text in good {
            assert_eq!(uuid(text).map(|id| id.to_string()).as_deref(), Some(canonical), "{text}");
        }
        let bad = [
            "",
            "82",
            "00000000-0000-0000-0000-000000000000",
            "{00000000-0000-0000-0000-000000000000}",
            "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d1",
            "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d1g",
            "3f1c7c8e53c2-4b0e-9d39-1a6b6c0f2d1122",
            "(3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11)",
            "urn:uuid:3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11",
        ];
        for text in bad {
            assert_eq!(uuid(text), None, "{text}");
        }
    }

    #[test]
    fn w47_rubles_are_exact() {
        let rows = [
            (10, "0.1"),
            (5_070, "50.7"),
            (8_486_500, "84865"),
            (10_094_100, "100941"),
            (999_999_999_999, "9999999999.99"),
            (1, "0.01"),
            (0, "0"),
            (i64::MAX, "92233720368547758.07"),
        ];
        for (kopecks, text) in rows {
            let json = serde_json::to_string(&RublesNumber(Kopecks(kopecks))).unwrap();
            assert_eq!(json, text);
            assert_eq!(Kopecks::parse_rubles(&json), Ok(Kopecks(kopecks)));
        }
    }
}
