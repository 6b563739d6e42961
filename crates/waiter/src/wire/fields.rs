//! Members of a request's body, each read as what it must be.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_transport::json::Members;

use crate::error::Flaw;
use crate::wire;

/// One object. `null` is the same as absent; a member of another type is [`Flaw::BadJson`].
#[derive(Debug)]
pub(crate) struct Fields<'a>(Members<'a>);

impl<'a> Fields<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Flaw> {
        Members::parse(bytes).map(Self).map_err(|_| Flaw::BadJson)
    }

    fn of(value: &'a RawValue) -> Result<Self, Flaw> {
        Members::of(value).map(Self).map_err(|_| Flaw::BadJson)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Flaw> {
        let read = self.0.read::<Option<T>>(name).map_err(|_| Flaw::BadJson)?;
        Ok(read.flatten())
    }

    /// The raw text of a member that is neither absent nor `null`.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.raw(name).filter(|value| value.get() != "null")
    }

    /// A text of at most so many characters.
    pub(crate) fn text(&self, name: &str, chars_max: usize) -> Result<Option<String>, Flaw> {
        let text = self.read::<String>(name)?;
        match text {
            Some(text) if text.chars().count() > chars_max => Err(Flaw::BadJson),
            text => Ok(text),
        }
    }

    /// A UUID, see [`wire::uuid`].
    pub(crate) fn id(&self, name: &str) -> Result<Option<Uuid>, Flaw> {
        let text = self.read::<String>(name)?;
        text.map(|text| wire::uuid(&text).ok_or(Flaw::BadId)).transpose()
    }

    /// A whole number; one with a fraction or an exponent is none.
    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Flaw> {
        self.read(name)
    }

    /// Whole kopecks.
    pub(crate) fn minor(&self, name: &str) -> Result<Option<Kopecks>, Flaw> {
        Ok(self.int(name)?.map(Kopecks))
    }

    /// `false` when absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Flaw> {
        Ok(self.read(name)?.unwrap_or(false))
    }

    /// An object in the object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, Flaw> {
        self.raw(name).map(Fields::of).transpose()
    }

    /// A list of objects, at most so many.
    pub(crate) fn objects(
        &self,
        name: &str,
        count_max: usize,
    ) -> Result<Option<Vec<Fields<'a>>>, Flaw> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let list: Vec<&'a RawValue> = serde_json::from_str(raw.get()).map_err(|_| Flaw::BadJson)?;
        if list.len() > count_max {
            return Err(Flaw::BadJson);
        }
        list.into_iter().map(Fields::of).collect::<Result<_, _>>().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_strictly() {
        let fields = |json: &'static str| Fields::parse(json.as_bytes()).unwrap();
        let amount = |json| fields(json).minor("amountMinor");
        assert_eq!(amount(r#"{"amountMinor":90000}"#), Ok(Some(Kopecks(90_000))));
        assert_eq!(amount(r#"{"AMOUNTMINOR":-1}"#), Ok(Some(Kopecks(-1))));
        assert_eq!(amount(r#"{"amountMinor":null}"#), Ok(None));
        assert_eq!(amount("{}"), Ok(None));
        let bad = [
            r#"{"amountMinor":90000.0}"#,
            r#"{"amountMinor":9e4}"#,
            r#"{"amountMinor":"90000"}"#,
            r#"{"amountMinor":9223372036854775808}"#,
            r#"{"amountMinor":true}"#,
            r#"{"amountMinor":[1]}"#,
        ];
        for json in bad {
            assert_eq!(amount(json), Err(Flaw::BadJson), "{json}");
        }

        let id = |json| fields(json).id("orderId");
        assert!(id(r#"{"orderId":"{3F1C7C8E-53C2-4B0E-9D39-1A6B6C0F2D11}"}"#).unwrap().is_some());
        assert_eq!(id(r#"{"orderId":"82"}"#), Err(Flaw::BadId));
        assert_eq!(id(r#"{"orderId":82}"#), Err(Flaw::BadJson));

        let text = |json| fields(json).text("reason", 3);
        assert_eq!(text(r#"{"reason":"чек"}"#), Ok(Some("чек".to_owned())));
        assert_eq!(text(r#"{"reason":"чеки"}"#), Err(Flaw::BadJson));

        let list = |json| fields(json).objects("parts", 2).map(|list| list.map(|l| l.len()));
        assert_eq!(list(r#"{"parts":[{},{}]}"#), Ok(Some(2)));
        assert_eq!(list(r#"{"parts":[{},{},{}]}"#), Err(Flaw::BadJson));
        assert_eq!(list(r#"{"parts":[1]}"#), Err(Flaw::BadJson));
        assert_eq!(list(r#"{"parts":{}}"#), Err(Flaw::BadJson));
    }
}
