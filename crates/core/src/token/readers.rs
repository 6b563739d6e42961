//! Readers of extended scans: a carrier inside a longer text, with attributes beside it.

use core::fmt;
use core::fmt::Debug;
use std::sync::Arc;

use super::{ATTRIBUTES_MAX, Masked, VALUE_CHARS_MAX};

/// Finds the carrier in what was scanned. Implement it for the codes of your venue.
///
/// `read` gets the value without white space at its ends, 1 to 512 characters, and never one with
/// the prefix of dynamic tokens. It MUST NOT block: it is called while the waiter waits, for every
/// scan. It SHOULD NOT keep or log the value. It answers
///
/// - `Ok(Some(token))`: this is mine. No other reader is asked. The carrier is looked up like a
///   scanned one; it may be a dynamic token. An empty carrier is an unknown card.
/// - `Ok(None)`: not mine. The next reader is asked; after the last the value itself is looked up.
/// - `Err(ReaderFailed)`: cannot tell now. The waiter sees "unavailable" and may scan again.
///
/// A panic and a token beyond the bounds of [`ReadToken`] count as failed; other scans go on.
pub trait TokenReader: Debug + Send + Sync + 'static {
    /// Reads one value.
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed>;
}

impl<T: TokenReader + ?Sized> TokenReader for Arc<T> {
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
        (**self).read(value)
    }
}

impl<T: TokenReader + ?Sized> TokenReader for Box<T> {
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
        (**self).read(value)
    }
}

/// What a reader found. `Debug` hides it.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct ReadToken {
    /// The carrier; at most 512 characters.
    pub carrier: String,
    /// Names and values; at most 16, each text at most 512 characters.
    pub attributes: Vec<(String, String)>,
}

impl ReadToken {
    pub(super) fn is_bounded(&self) -> bool {
        let fits = |text: &String| text.chars().nth(VALUE_CHARS_MAX).is_none();
        self.attributes.len() <= ATTRIBUTES_MAX
            && self.attributes.iter().all(|(name, value)| fits(name) && fits(value))
    }
}

impl Debug for ReadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadToken")
            .field("carrier", &Masked(&self.carrier))
            .field("attributes", &self.attributes.len())
            .finish()
    }
}

/// A reader could not tell whether the value is its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a token reader failed")]
pub struct ReaderFailed;

/// Takes what follows a fixed text: `CARD:149725735`.
#[derive(Clone, Debug)]
pub struct PrefixReader {
    /// The text; matched to the letter. An empty one matches nothing.
    pub prefix: String,
}

impl TokenReader for PrefixReader {
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
        let rest = value.strip_prefix(&self.prefix).filter(|_| !self.prefix.is_empty());
        let token = |rest: &str| ReadToken { carrier: rest.to_owned(), attributes: Vec::new() };
        Ok(rest.map(token))
    }
}

/// Takes a query parameter of a URL: `https://venue.example/g?card=149725735&name=Anna`.
///
/// The other parameters become attributes, the first sixteen of them. Percent escapes are
/// undone and `+` is a space; a URL with a broken escape, or without the parameter, or with two
/// of it, is not its own.
#[derive(Clone, Debug)]
pub struct UrlReader {
    /// The name of the parameter; matched to the letter.
    pub parameter: String,
}

impl TokenReader for UrlReader {
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
        Ok(parameters(value).and_then(|all| picked(all, &self.parameter)))
    }
}

/// Takes a field of a JSON object: `{"card":"149725735","table":7}`.
///
/// The field is a string or a whole number. Other strings, numbers, `true` and `false` become
/// attributes, the first sixteen of them; `null`, objects and arrays are skipped. Text that is not
/// one JSON object, nests deeper than eight levels, or has the field not at all or twice, is not
/// its own.
#[derive(Clone, Debug)]
pub struct JsonReader {
    /// The name of the field; matched to the letter.
    pub field: String,
}

impl TokenReader for JsonReader {
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
        Ok(fields(value, &self.field).and_then(|all| picked(all, &self.field)))
    }
}

/// The one entry called `wanted` as the carrier, the others as attributes.
fn picked(all: Vec<(String, String)>, wanted: &str) -> Option<ReadToken> {
    let mut carrier = None;
    let mut attributes = Vec::new();
    for (name, value) in all {
        if name == wanted {
            if carrier.replace(value).is_some() {
                return None;
            }
        } else if attributes.len() < ATTRIBUTES_MAX {
            attributes.push((name, value));
        }
    }
    carrier.map(|carrier| ReadToken { carrier, attributes })
}

/// The query parameters of a URL in their order.
fn parameters(url: &str) -> Option<Vec<(String, String)>> {
    let (scheme, rest) = url.split_once("://")?;
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
        return None;
    }
    let (_, query) = rest.split_once('#').map_or(rest, |(before, _)| before).split_once('?')?;
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescaped(name)?, unescaped(value)?))
        })
        .collect()
}

/// Undoes percent escapes; nothing when one is broken or the result is not UTF-8.
fn unescaped(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'%' => {
                let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
                out.push(high << 4 | low);
            }
            b'+' => out.push(b' '),
            b => out.push(b),
        }
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok())
}

/// The scalar fields of a JSON object in their order; `wanted` must not be a fraction.
fn fields(text: &str, wanted: &str) -> Option<Vec<(String, String)>> {
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        return None;
    }
    let mut json = Json { rest: text };
    json.space();
    let members = json.object(DEPTH_MAX)?;
    json.space();
    if !json.rest.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(members.len());
    for (name, value) in members {
        match value {
            Value::Text(text) => out.push((name, text)),
            Value::Plain(text) if name != wanted || text.bytes().all(|b| b.is_ascii_digit()) => {
                out.push((name, text.to_owned()));
            }
            Value::Plain(_) => return None,
            // A carrier that is an object is no carrier; one beside it is none the less two.
            Value::Skipped if name == wanted => return None,
            Value::Skipped => {}
        }
    }
    Some(out)
}

const DEPTH_MAX: u8 = 8;

enum Value<'a> {
    /// A string.
    Text(String),
    /// A number, `true` or `false`, as written.
    Plain(&'a str),
    /// `null`, an object or an array.
    Skipped,
}

/// A reader of the JSON of RFC 8259, as strict as its grammar; every step consumes text.
struct Json<'a> {
    rest: &'a str,
}

impl<'a> Json<'a> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// `{ … }` with at most `depth` levels.
    fn object(&mut self, depth: u8) -> Option<Vec<(String, Value<'a>)>> {
        let deeper = depth.checked_sub(1)?;
        let mut members = Vec::new();
        self.eat("{")?;
        self.space();
        if self.eat("}").is_some() {
            return Some(members);
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.eat(":")?;
            members.push((name, self.value(deeper)?));
            if self.eat("}").is_some() {
                return Some(members);
            }
            self.eat(",")?;
        }
    }

    fn array(&mut self, depth: u8) -> Option<()> {
        let deeper = depth.checked_sub(1)?;
        self.eat("[")?;
        self.space();
        if self.eat("]").is_some() {
            return Some(());
        }
        loop {
            self.value(deeper)?;
            if self.eat("]").is_some() {
                return Some(());
            }
            self.eat(",")?;
        }
    }

    /// A value with the space around it.
    fn value(&mut self, depth: u8) -> Option<Value<'a>> {
        self.space();
        let value = match self.rest.bytes().next()? {
            b'"' => Value::Text(self.string()?),
            b'{' => {
                self.object(depth)?;
                Value::Skipped
            }
            b'[' => {
                self.array(depth)?;
                Value::Skipped
            }
            b'n' => {
                self.eat("null")?;
                Value::Skipped
            }
            b't' => self.plain("true".len()).filter(|word| *word == "true").map(Value::Plain)?,
            b'f' => self.plain("false".len()).filter(|word| *word == "false").map(Value::Plain)?,
            _ => Value::Plain(self.number()?),
        };
        self.space();
        Some(value)
    }

    fn plain(&mut self, len: usize) -> Option<&'a str> {
        let (word, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(word)
    }

    fn number(&mut self) -> Option<&'a str> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let len = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let text = self.plain(len)?;
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let power = |t: &str| digits(t.strip_prefix(['+', '-']).unwrap_or(t));
        let is_whole = digits(whole) && (whole == "0" || !whole.starts_with('0'));
        (is_whole && fraction.is_none_or(digits) && exponent.is_none_or(power)).then_some(text)
    }

    fn string(&mut self) -> Option<String> {
        self.eat("\"")?;
        let mut out = String::new();
        loop {
            let c = self.next()?;
            match c {
                '"' => return Some(out),
                '\\' => out.push(self.escape()?),
                '\0'..='\u{1f}' => return None,
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.unit()?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) {
                    self.eat("\\u")?;
                    units.push(self.unit()?);
                }
                let mut chars = char::decode_utf16(units);
                let c = chars.next()?.ok()?;
                // A high half followed by no low half leaves a second, unpaired unit.
                chars.next().is_none().then_some(c)?
            }
            _ => return None,
        })
    }

    /// Four hex digits.
    fn unit(&mut self) -> Option<u16> {
        let digits = self.plain(4)?;
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }
}
