//! JSON as money needs it: numbers as their exact text, names in any case, depth with a limit.

use std::borrow::Cow;
use std::fmt;

use http::HeaderValue;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// How deep objects and arrays may be nested in what a peer sends.
pub const DEPTH_MAX: usize = 32;

/// The literal text of a JSON number: `1650.00`, `1e2`, `84865`, `-0`.
///
/// It reads exactly what the peer wrote, without floats and whatever features of serde_json other
/// crates switch on, and rejects everything that is not a number. Parsing the text into kopecks
/// or a decimal is the caller's; mind that an exponent may make the value huge.
///
/// Works only with serde_json, and **not** inside `#[serde(flatten)]`, `#[serde(untagged)]` or
/// internally tagged enums: those buffer the value, and the buffer knows no literal text. Keep
/// types with money in them plain.
///
/// ```
/// use tillway_transport::json::NumberText;
///
/// #[derive(serde::Deserialize, serde::Serialize)]
/// struct Wallet {
///     sum: NumberText,
/// }
/// let wallet: Wallet = serde_json::from_str(r#"{"sum": 1650.00}"#)?;
/// assert_eq!(wallet.sum.as_str(), "1650.00");
/// assert_eq!(serde_json::to_string(&wallet)?, r#"{"sum":1650.00}"#);
/// assert!(serde_json::from_str::<Wallet>(r#"{"sum": "1650.00"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct NumberText(Box<str>);

/// The text is no JSON number, or is longer than [`NumberText::BYTES_MAX`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a JSON number of at most {} bytes", NumberText::BYTES_MAX)]
pub struct NotANumber;

impl NumberText {
    /// The longest text that is accepted, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// Takes literal text as it is to be written.
    ///
    /// # Errors
    /// [`NotANumber`] when the text is not a JSON number exactly, without spaces around it.
    pub fn try_new(text: impl Into<Box<str>>) -> Result<Self, NotANumber> {
        let text = text.into();
        if text.len() <= Self::BYTES_MAX && is_number(text.as_bytes()) {
            Ok(Self(text))
        } else {
            Err(NotANumber)
        }
    }

    /// The literal text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NumberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<i64> for NumberText {
    fn from(value: i64) -> Self {
        Self(value.to_string().into())
    }
}

impl<'de> Deserialize<'de> for NumberText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        // It is JSON already, so its first byte says whether it is a number.
        if raw.get().len() > Self::BYTES_MAX || !begins_number(raw.get().as_bytes()) {
            return Err(D::Error::custom(NotANumber));
        }
        Ok(Self(raw.into()))
    }
}

impl Serialize for NumberText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        literal(&self.0, serializer)
    }
}

/// Writes what `value` shows as the literal text of a number, without a [`NumberText`] of it in
/// between.
///
/// ```
/// use tillway_transport::json::serialize_number;
///
/// let mut text = Vec::new();
/// let mut json = serde_json::Serializer::new(&mut text);
/// serialize_number(&format_args!("{}.{:02}", 1650, 5), &mut json)?;
/// assert_eq!(text, b"1650.05");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// When what it shows is not a JSON number of at most [`NumberText::BYTES_MAX`], and those of the
/// serializer.
pub fn serialize_number<S: Serializer>(
    value: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut shown = Shown { bytes: [0; NumberText::BYTES_MAX], len: 0 };
    fmt::Write::write_fmt(&mut shown, format_args!("{value}")).map_err(S::Error::custom)?;
    let text = &shown.bytes[..shown.len];
    // What begins and ends like a number, and is JSON, is one; white space would not be kept.
    if !begins_number(text) || !text.last().is_some_and(u8::is_ascii_digit) {
        return Err(S::Error::custom(NotANumber));
    }
    literal(str::from_utf8(text).map_err(S::Error::custom)?, serializer)
}

/// Text on the stack, as long as a number may be.
struct Shown {
    bytes: [u8; NumberText::BYTES_MAX],
    len: usize,
}

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len.checked_add(text.len()).ok_or(fmt::Error)?;
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

fn literal<S: Serializer>(number: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_str(number).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

fn begins_number(json: &[u8]) -> bool {
    json.first().is_some_and(|byte| *byte == b'-' || byte.is_ascii_digit())
}

/// The grammar of RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest[0] == b'0' {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', unsigned @ ..] => unsigned,
            unsigned => unsigned,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// Whether no object or array is nested deeper than `depth_max`: `[[1]]` has depth 2.
///
/// Looks only at brackets outside of strings, in one pass without recursion; says nothing about
/// whether `bytes` are JSON. Ask it before a parser whose recursion the sender could exhaust.
#[must_use]
pub fn depth_within(bytes: &[u8], depth_max: usize) -> bool {
    let mut depth = 0_usize;
    let mut string = false;
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match (string, byte) {
            (true, b'\\') => {
                let _escaped = bytes.next();
            }
            (_, b'"') => string = !string,
            (false, b'[' | b'{') if depth == depth_max => return false,
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

/// The bytes after a UTF-8 byte order mark, if they begin with one.
#[must_use]
pub fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// Whether a body of this `Content-Type` is taken for JSON; if not, answer 415.
///
/// Yes for none at all, `application/json`, `text/json` and anything ending in `+json`, with no
/// charset or with UTF-8 or US-ASCII. An empty body needs no type: do not ask then.
#[must_use]
pub fn accepts(content_type: Option<&HeaderValue>) -> bool {
    let Some(value) = content_type else { return true };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let known = match essence.split_once('/') {
        Some(("application" | "text", "json")) => true,
        Some((kind, subtype)) => {
            !kind.is_empty() && subtype.strip_suffix("+json").is_some_and(|name| !name.is_empty())
        }
        None => false,
    };
    known
        && parts.filter_map(|part| part.split_once('=')).all(|(name, charset)| {
            let charset = charset.trim().trim_matches('"');
            !name.trim().eq_ignore_ascii_case("charset")
                || ["utf-8", "utf8", "us-ascii"]
                    .iter()
                    .any(|allowed| charset.eq_ignore_ascii_case(allowed))
        })
}

/// The members of one JSON object by name, ASCII case ignored; of doubles the last one counts.
///
/// Values stay raw text: read those you know with [`Members::read`], ignore the rest.
///
/// ```
/// use tillway_transport::json::Members;
///
/// let members = Members::parse(br#"{"VALUE": "a", "other": [], "value": "b"}"#)?;
/// assert_eq!(members.read::<String>("Value")?.as_deref(), Some("b"));
/// assert_eq!(members.read::<String>("Absent")?, None);
/// # Ok::<(), tillway_transport::json::JsonError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// The bytes are not the JSON that was asked for. Answer 400.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Objects or arrays are nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// Not JSON, or JSON of another shape.
    #[error("not the expected JSON")]
    Malformed(#[source] serde_json::Error),
}

impl<'a> Members<'a> {
    /// Reads a body that is one object. A byte order mark is skipped, depth is limited.
    ///
    /// # Errors
    /// [`JsonError`] when the body is not one whole JSON object.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        let bytes = without_bom(bytes);
        if !depth_within(bytes, DEPTH_MAX) {
            return Err(JsonError::TooDeep);
        }
        serde_json::from_slice(bytes).map_err(JsonError::Malformed)
    }

    /// Reads a value that is an object, for objects in objects.
    ///
    /// # Errors
    /// [`JsonError`] when the value is not an object.
    pub fn of(value: &'a RawValue) -> Result<Self, JsonError> {
        Self::parse(value.get().as_bytes())
    }

    /// The raw text of a member. `null` is a value, not an absence.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let wanted = || name.bytes().map(|byte| byte.to_ascii_lowercase());
        let found = self.0.binary_search_by(|(name, _)| name.bytes().cmp(wanted())).ok()?;
        self.0.get(found).map(|(_, value)| *value)
    }

    /// Reads a member as `T`; `None` when it is absent. `null` is left to `T`.
    ///
    /// # Errors
    /// [`JsonError::Malformed`] when the member is there and is not a `T`.
    pub fn read<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, JsonError> {
        self.raw(name)
            .map(|value| serde_json::from_str(value.get()))
            .transpose()
            .map_err(JsonError::Malformed)
    }

    /// All members, names in lower case, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(MEMBERS_USUAL);
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                // Of neighbours with one name the second goes; its value stays.
                members.dedup_by(|(name, value), (first, kept)| {
                    let same = name == first;
                    if same {
                        *kept = *value;
                    }
                    same
                });
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Most objects have no more members.
const MEMBERS_USUAL: usize = 8;

/// A name in lower case: as it came, when it was so already.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                let mut name = Cow::Borrowed(name);
                if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    name.to_mut().make_ascii_lowercase();
                }
                Ok(Name(name))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_ascii_lowercase())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        let long = "1".repeat(NumberText::BYTES_MAX + 1);
        let rows = [
            ("0", true),
            ("-0", true),
            ("84865", true),
            ("1650.00", true),
            ("9007199254740993.01", true),
            ("1e2", true),
            ("1.5E+07", true),
            ("01", false),
            ("1.", false),
            (".5", false),
            ("1e", false),
            ("+1", false),
            ("-", false),
            ("1 ", false),
            ("NaN", false),
            ("\"1\"", false),
            ("null", false),
            ("true", false),
            ("[1]", false),
            ("{\"$serde_json::private::Number\":\"1\"}", false),
            (&long, false),
        ];
        for (text, good) in rows {
            assert_eq!(NumberText::try_new(text).is_ok(), good, "{text}");
            let read = serde_json::from_str::<Vec<NumberText>>(&format!("[{text}]"));
            // Spaces around a number are JSON's, not the number's.
            assert_eq!(read.is_ok(), good || text == "1 ", "{text}");
            if good {
                let written = serde_json::to_string(&read.unwrap()).unwrap();
                assert_eq!(written, format!("[{text}]"));
            }
        }
        let read: NumberText = serde_json::from_reader(&b" 1650.00 "[..]).unwrap();
        assert_eq!(read.as_str(), "1650.00");
        assert_eq!(NumberText::from(-5).as_str(), "-5");
    }

    #[test]
    fn only_numbers_are_written_as_numbers() {
        let long = "1".repeat(NumberText::BYTES_MAX);
        let written = |shown: &str| {
            let mut text = Vec::new();
            let mut json = serde_json::Serializer::new(&mut text);
            serialize_number(&shown, &mut json).is_ok().then(|| String::from_utf8(text).unwrap())
        };
        for number in ["0", "-0.01", "84865", "1650.00", &long] {
            assert_eq!(written(number).as_deref(), Some(number));
        }
        for other in ["", "01", "1 ", "[1]", "\"1\"", "null", "NaN", "1,5", &format!("{long}1")] {
            assert_eq!(written(other), None, "{other}");
        }
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let rows = [
            (nested(32), true),
            (nested(33), false),
            (format!("[{}]", vec!["[]"; 100].join(",")), true),
            (format!("\"{}\"", "[".repeat(100)), true),
            (format!("\"\\\"{}\"", "[".repeat(100)), true),
            (format!("\"\\\\\"{}", "{".repeat(33)), false),
            ("]]]]".to_owned(), true),
        ];
        for (text, good) in rows {
            assert_eq!(depth_within(text.as_bytes(), DEPTH_MAX), good, "{text}");
        }
    }

    #[test]
    fn content_types_are_judged() {
        let rows = [
            ("application/json", true),
            ("Text/JSON", true),
            ("application/problem+json; charset=UTF-8", true),
            ("application/json; charset=\"us-ascii\"", true),
            ("application/json;charset=utf-8;x=y", true),
            ("application/json; charset=windows-1251", false),
            ("text/plain", false),
            ("application/jsonp", false),
            ("application/+json", false),
            ("json", false),
            ("", false),
        ];
        for (value, good) in rows {
            assert_eq!(accepts(Some(&HeaderValue::from_static(value))), good, "{value}");
        }
        assert!(accepts(None));
        assert!(!accepts(Some(&HeaderValue::from_bytes(b"application/json\xFF").unwrap())));
    }

    #[test]
    fn members_ignore_case_and_take_the_last() {
        let body = b"\xEF\xBB\xBF{\"Value\":1.50,\"nested\":{\"A\":true},\"VALUE\":2.50}";
        let members = Members::parse(body).unwrap();
        assert_eq!(members.read::<NumberText>("value").unwrap().unwrap().as_str(), "2.50");
        let nested = Members::of(members.raw("NESTED").unwrap()).unwrap();
        assert_eq!(nested.read::<bool>("a").unwrap(), Some(true));
        assert!(members.read::<bool>("value").is_err());
        assert_eq!(members.iter().count(), 2);

        let body = b"{\"b\":1,\"C\":2,\"a\":3,\"\\u0042\":4,\"c\":5,\"B\":6}";
        let members = Members::parse(body).unwrap();
        let all: Vec<_> = members.iter().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(all, [("a", "3"), ("b", "6"), ("c", "5")]);

        for bad in ["", "[]", "null", "{\"a\":1", "{\"a\":1} x", "{\"a\":tru}", "{a:1}"] {
            assert!(
                matches!(Members::parse(bad.as_bytes()), Err(JsonError::Malformed(_))),
                "{bad}"
            );
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
        assert!(matches!(Members::parse(deep.as_bytes()), Err(JsonError::TooDeep)));
    }
}
