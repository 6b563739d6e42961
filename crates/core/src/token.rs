//! What a waiter scans or types: from raw text to what is looked up (1.6).
//!
//! [`read_value`] walks the whole order: tidy the text, ask the venue's readers, verify a dynamic
//! token, and say what to look up. It looks nothing up itself: the caller finds the carrier or the
//! phone in the store, asks [`check_carrier`], and keeps one-time use of [`Dynamic::jti`].

mod dynamic;
mod readers;

use core::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::guest::Carrier;
use crate::time::Timestamp;

pub use dynamic::{
    BadKeys, CARRIER_LEN_MAX, Dynamic, KEY_LEN_MIN, MintError, TOKEN_PREFIX, TOKEN_SKEW,
    TOKEN_TTL_MAX, TokenKeys,
};
pub use readers::{JsonReader, PrefixReader, ReadToken, ReaderFailed, TokenReader, UrlReader};

/// The longest scanned text, in characters.
pub const VALUE_CHARS_MAX: usize = 512;

/// The most attributes that a reader gives.
pub const ATTRIBUTES_MAX: usize = 16;

/// Something scanned or typed. It may open a guest's accounts, so it never shows itself whole.
///
/// `Debug` tells its length and at most the last four characters (H9); the memory is cleared when
/// it is dropped.
#[derive(Clone)]
pub struct Scan(SecretString);

impl Scan {
    /// Takes the text as it came.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The text itself. Keep it out of logs and errors.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Masked(self.expose()).fmt(f)
    }
}

/// Shows a value as H9 wants it: `9 characters, …5735`; never more than half of it.
struct Masked<'a>(&'a str);

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chars = self.0.chars().count();
        let mut tail = self.0.chars();
        for _ in 4.min(chars / 2)..chars {
            tail.next();
        }
        write!(f, "{chars} characters, …{}", tail.as_str().escape_debug())
    }
}

/// How a venue recognises its guests.
#[derive(Clone, Debug, Default)]
pub struct TokenRules {
    /// The keys of dynamic tokens; none by default.
    pub keys: TokenKeys,
    /// Asked in this order; the first that knows the value decides.
    pub readers: Vec<Arc<dyn TokenReader>>,
    /// Whether a typed phone number identifies a guest, weakly.
    pub phone_lookup: bool,
}

/// What a scanned value turned out to be.
#[derive(Clone)]
pub enum Identified {
    /// A signed token. Look its carrier up, and consume its `jti` in the commit of the binding
    /// (F16); the same order may bring it again.
    Dynamic(Dynamic),
    /// Anything else. Look up the alias first, then the phone; neither is `unknown_card`.
    Static {
        /// As [`normal_alias`] makes it; identifies strongly.
        alias: Box<str>,
        /// In E.164, when the venue looks phones up and this may be one. Exactly one guest must
        /// have it; identifies weakly.
        phone: Option<Box<str>>,
    },
}

impl fmt::Debug for Identified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic(token) => f.debug_tuple("Dynamic").field(token).finish(),
            Self::Static { alias, phone } => f
                .debug_struct("Static")
                .field("alias", &Masked(alias))
                .field("phone", &phone.is_some())
                .finish(),
        }
    }
}

/// What [`read_value`] found.
#[derive(Clone)]
pub struct Reading {
    /// What to look up.
    pub identified: Identified,
    /// What a reader told beside the carrier; at most [`ATTRIBUTES_MAX`].
    pub attributes: Vec<(String, String)>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("identified", &self.identified)
            .field("attributes", &self.attributes.len())
            .finish()
    }
}

/// The whole order of 1.6, without the look-ups.
///
/// A value with the dynamic prefix is verified as it is. Any other goes to the readers; what one
/// of them yields takes its place and may itself be a dynamic token. A value no reader knows is
/// looked up as it is.
///
/// # Errors
/// [`TokenRefusal`]: tell the waiter; only [`TokenRefusal::Unavailable`] is worth a second scan of
/// the same thing.
pub fn read_value(
    value: &Scan,
    now: Timestamp,
    rules: &TokenRules,
) -> Result<Reading, TokenRefusal> {
    let text = normalise(value.expose())?;
    let read = if rules.keys.is_dynamic(text) { None } else { ask_readers(text, &rules.readers)? };
    let (text, attributes) = match &read {
        None => (text, Vec::new()),
        Some(read) => {
            let carrier = normalise(&read.carrier).map_err(|refusal| match refusal {
                TokenRefusal::EmptyValue => TokenRefusal::UnknownCard,
                other => other,
            })?;
            (carrier, read.attributes.clone())
        }
    };
    let identified = if rules.keys.is_dynamic(text) {
        Identified::Dynamic(rules.keys.verify(text, now)?)
    } else {
        let phone = if rules.phone_lookup { phone_of(text) } else { None };
        Identified::Static { alias: normal_alias(text), phone }
    };
    Ok(Reading { identified, attributes })
}

/// The first answer of a reader; one that fails, panics or breaks its bounds is the only one lost
/// (W57).
fn ask_readers(
    value: &str,
    readers: &[Arc<dyn TokenReader>],
) -> Result<Option<ReadToken>, TokenRefusal> {
    for reader in readers {
        // A reader that panicked is asked again next time: it is the integrator's to keep whole.
        let call = std::panic::AssertUnwindSafe(|| reader.read(value));
        match std::panic::catch_unwind(call) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(read))) if read.is_bounded() => return Ok(Some(read)),
            _ => return Err(TokenRefusal::Unavailable),
        }
    }
    Ok(None)
}

/// Step 1: the value without white space and control characters at its ends.
///
/// # Errors
/// [`TokenRefusal::EmptyValue`] when nothing is left (W16), [`TokenRefusal::BadValue`] for more
/// than [`VALUE_CHARS_MAX`] characters (W56).
pub fn normalise(value: &str) -> Result<&str, TokenRefusal> {
    let text = value.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    if text.is_empty() {
        return Err(TokenRefusal::EmptyValue);
    }
    if text.chars().nth(VALUE_CHARS_MAX).is_some() {
        return Err(TokenRefusal::BadValue);
    }
    Ok(text)
}

/// The form in which carriers are stored and looked up, so that the match is exact (step 3).
///
/// Upper case; and where nothing but an even number of hex digits is left without `:`, `-` and
/// spaces, without those (`04:a2-5f 1c` is `04A25F1C`). Hex is never turned into decimal, nor are
/// bytes put in another order: an installer adds the aliases that a reader produces.
pub fn normal_alias(value: &str) -> Box<str> {
    let upper = value.to_uppercase();
    let is_separator = |c: char| matches!(c, ':' | '-' | ' ');
    let digits: String = upper.chars().filter(|c| !is_separator(*c)).collect();
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex && !digits.is_empty() && digits.len().is_multiple_of(2) {
        return digits.into();
    }
    upper.into()
}

/// Step 4: a phone number in E.164 (`+79161234567`), or nothing when this is none.
///
/// Digits with one leading `+`, parentheses, `-` and spaces, 10 to 15 of them. Without the `+`,
/// ten digits are Russian and a leading 8 of eleven is 7.
pub fn phone_of(value: &str) -> Option<Box<str>> {
    let (has_plus, rest) = match value.trim_start_matches([' ', '(']).strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let mut digits = String::with_capacity(16);
    for c in rest.chars() {
        match c {
            '0'..='9' if digits.len() < 15 => digits.push(c),
            '(' | ')' | '-' | ' ' => {}
            _ => return None,
        }
    }
    let number = match (digits.len(), has_plus) {
        (10, false) => format!("+7{digits}"),
        (11, false) => match digits.strip_prefix('8') {
            Some(national) => format!("+7{national}"),
            None => format!("+{digits}"),
        },
        (10..=15, _) => format!("+{digits}"),
        _ => return None,
    };
    // No country code begins with zero.
    if number.starts_with("+0") { None } else { Some(number.into()) }
}

/// Row W06: whether a carrier that was found may be used now.
///
/// # Errors
/// [`TokenRefusal::CardBlocked`], or [`TokenRefusal::CardExpired`] before and after its time.
pub fn check_carrier(carrier: &Carrier, now: Timestamp) -> Result<(), TokenRefusal> {
    let early = carrier.valid_from.is_some_and(|from| now.utc_ms < from.utc_ms);
    let late = carrier.valid_until.is_some_and(|until| now.utc_ms >= until.utc_ms);
    match (carrier.blocked, early || late) {
        (true, _) => Err(TokenRefusal::CardBlocked),
        (false, true) => Err(TokenRefusal::CardExpired),
        (false, false) => Ok(()),
    }
}

/// Why a value identifies nobody, as far as it is known without looking anything up.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefusal {
    /// Nothing but white space. Scan again.
    #[error("the value is empty")]
    EmptyValue,
    /// Longer than [`VALUE_CHARS_MAX`] characters. Another thing was scanned.
    #[error("the value is longer than {VALUE_CHARS_MAX} characters")]
    BadValue,
    /// The token's time is over. The guest shows a new one.
    #[error("the token is expired")]
    TokenExpired,
    /// Not signed by us, damaged, or not valid yet. The guest shows a new one.
    #[error("the token is invalid")]
    TokenInvalid,
    /// Nobody has this carrier.
    #[error("the card is unknown")]
    UnknownCard,
    /// The carrier was blocked.
    #[error("the card is blocked")]
    CardBlocked,
    /// The carrier is not valid any more, or not yet.
    #[error("the card is not valid now")]
    CardExpired,
    /// A reader failed. Try again; when it stays, look at the reader.
    #[error("a token reader failed")]
    Unavailable,
}

impl TokenRefusal {
    /// The word that selects the text for the waiter (1.9).
    pub fn code(self) -> &'static str {
        match self {
            Self::EmptyValue => "empty_value",
            Self::BadValue => "bad_value",
            Self::TokenExpired => "token_expired",
            Self::TokenInvalid => "token_invalid",
            Self::UnknownCard => "unknown_card",
            Self::CardBlocked => "card_blocked",
            Self::CardExpired => "card_expired",
            Self::Unavailable => "unavailable",
        }
    }
}

#[cfg(test)]
mod tests;
