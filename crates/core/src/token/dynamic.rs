//! Signed tokens that live for two minutes and identify once.

use core::fmt;
use core::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

use super::{Masked, TokenRefusal, VALUE_CHARS_MAX, normal_alias, normalise};
use crate::time::Timestamp;

/// How a dynamic token begins, unless the venue says otherwise.
pub const TOKEN_PREFIX: &str = "lt1.";

/// The longest life of a token.
pub const TOKEN_TTL_MAX: Duration = Duration::from_secs(120);

/// How far the minting clock may be from ours, either way.
pub const TOKEN_SKEW: Duration = Duration::from_secs(15);

/// The longest carrier in a token, in bytes.
pub const CARRIER_LEN_MAX: usize = 128;

/// The shortest key in bytes; 32 random ones are recommended.
pub const KEY_LEN_MIN: usize = 16;

const KEY_LEN_MAX: usize = 128;
const KEYS_MAX: usize = 16;
const KID_LEN_MAX: usize = 32;
const PREFIX_LEN_MAX: usize = 16;

/// The keys of dynamic tokens, each under a key id, so that they can be rotated.
///
/// A token is `<prefix><kid>.<payload>.<tag>`: the payload is base64url of the CBOR map
/// `{0: carrier, 1: issued at (s), 2: expires at (s), 3: jti (16 bytes)}`, the tag is base64url of
/// HMAC-SHA256 over everything before the last dot. The keys never show in `Debug`.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    prefix: Box<str>,
    keys: Vec<(Box<str>, SecretSlice<u8>)>,
}

impl Default for TokenKeys {
    /// No keys: every token with the usual prefix is invalid.
    fn default() -> Self {
        Self { prefix: TOKEN_PREFIX.into(), keys: Vec::new() }
    }
}

impl TokenKeys {
    /// Checks prefix, key ids and keys.
    ///
    /// The prefix has 1 to 16 visible ASCII characters and ends with a dot; at most 16 keys of
    /// [`KEY_LEN_MIN`] to 128 bytes; a key id has 1 to 32 of `A-Z a-z 0-9 _ -` and occurs once.
    ///
    /// # Errors
    /// [`BadKeys`]: the configuration is wrong.
    pub fn try_new<I>(prefix: &str, keys: I) -> Result<Self, BadKeys>
    where
        I: IntoIterator<Item = (Box<str>, Vec<u8>)>,
    {
        let visible = prefix.bytes().all(|b| b.is_ascii_graphic());
        if !visible || !prefix.ends_with('.') || prefix.len() > PREFIX_LEN_MAX {
            return Err(BadKeys::Prefix);
        }
        let mut known: Vec<(Box<str>, SecretSlice<u8>)> = Vec::new();
        for (kid, key) in keys {
            // Wrapped first, so that a refused key is cleared as well.
            let len = key.len();
            let key = SecretSlice::from(key);
            let repeated = known.iter().any(|(other, _)| *other == kid);
            if repeated || !is_kid(&kid) {
                return Err(BadKeys::Kid);
            }
            if !(KEY_LEN_MIN..=KEY_LEN_MAX).contains(&len) {
                return Err(BadKeys::Length);
            }
            if known.len() >= KEYS_MAX {
                return Err(BadKeys::TooMany);
            }
            known.push((kid, key));
        }
        Ok(Self { prefix: prefix.into(), keys: known })
    }

    /// Whether a value claims to be a dynamic token.
    pub fn is_dynamic(&self, value: &str) -> bool {
        value.starts_with(&*self.prefix)
    }

    /// Step 2 of 1.6: what a token says, if we signed it and its time is not over (W07).
    ///
    /// Base64 must be canonical, the payload exactly as [`TokenKeys::mint`] writes it. The tag is
    /// compared in constant time, before anything of the payload is looked at.
    ///
    /// # Errors
    /// [`TokenRefusal::TokenExpired`] from [`TOKEN_SKEW`] after the expiry on; for all else
    /// [`TokenRefusal::TokenInvalid`], without saying what it was.
    pub fn verify(&self, text: &str, now: Timestamp) -> Result<Dynamic, TokenRefusal> {
        let claims = self.opened(text).ok_or(TokenRefusal::TokenInvalid)?;
        claims.judge(now)
    }

    /// The claims of a token with a good tag.
    fn opened(&self, text: &str) -> Option<Claims> {
        if text.len() > VALUE_CHARS_MAX {
            return None;
        }
        let (signed, tag) = text.rsplit_once('.')?;
        let (kid, payload) = signed.strip_prefix(&*self.prefix)?.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        let mac = self.mac(kid, signed)?;
        mac.verify_slice(&tag).ok()?;
        Claims::decoded(&URL_SAFE_NO_PAD.decode(payload).ok()?)
    }

    /// A new token for a carrier, valid from `now` for `ttl`, with sixteen random bytes of the
    /// caller as `jti`. Treat the text as a secret: whoever shows it is the guest.
    ///
    /// `ttl` is one second to [`TOKEN_TTL_MAX`]; parts of a second are dropped.
    ///
    /// # Errors
    /// [`MintError`]: the request is wrong.
    pub fn mint(
        &self,
        kid: &str,
        carrier: &str,
        now: Timestamp,
        ttl: Duration,
        jti: [u8; 16],
    ) -> Result<String, MintError> {
        let ttl_s = i64::try_from(ttl.as_secs()).map_err(|_| MintError::Ttl)?;
        if ttl_s < 1 || ttl > TOKEN_TTL_MAX {
            return Err(MintError::Ttl);
        }
        let issued_s = now.utc_ms.div_euclid(1_000);
        let expires_s = issued_s.checked_add(ttl_s).filter(|s| moment(*s).is_some());
        let expires_s = expires_s.ok_or(MintError::Time)?;
        let payload = Claims { carrier: carrier.into(), issued_s, expires_s, jti }.encoded()?;
        let signed = format!("{}{kid}.{}", self.prefix, URL_SAFE_NO_PAD.encode(payload));
        let mac = self.mac(kid, &signed).ok_or(MintError::UnknownKid)?;
        let tag = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        Ok(format!("{signed}.{tag}"))
    }

    fn mac(&self, kid: &str, signed: &str) -> Option<Hmac<Sha256>> {
        let (_, key) = self.keys.iter().find(|(known, _)| **known == *kid)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret()).ok()?;
        mac.update(signed.as_bytes());
        Some(mac)
    }
}

fn is_kid(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=KID_LEN_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// A verified token.
#[derive(Clone, Eq, PartialEq)]
pub struct Dynamic {
    /// The carrier to look up, as [`normal_alias`] makes it; identifies strongly.
    pub carrier: Box<str>,
    /// What makes this token one of a kind.
    pub jti: [u8; 16],
    /// When its time is over.
    pub exp: Timestamp,
}

impl Dynamic {
    /// From this moment on the token is refused as expired, so its `jti` need not be kept.
    pub fn refused_from(&self) -> Timestamp {
        self.exp.after(TOKEN_SKEW)
    }
}

impl fmt::Debug for Dynamic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dynamic")
            .field("carrier", &Masked(&self.carrier))
            .field("exp", &self.exp)
            .finish_non_exhaustive()
    }
}

/// What a token says.
struct Claims {
    carrier: Box<str>,
    issued_s: i64,
    expires_s: i64,
    jti: [u8; 16],
}

impl Claims {
    fn encoded(&self) -> Result<Vec<u8>, MintError> {
        let tidy = normalise(&self.carrier).is_ok_and(|text| text == &*self.carrier);
        if !tidy || self.carrier.len() > CARRIER_LEN_MAX {
            return Err(MintError::Carrier);
        }
        let issued = u64::try_from(self.issued_s).map_err(|_| MintError::Time)?;
        let expires = u64::try_from(self.expires_s).map_err(|_| MintError::Time)?;
        let mut bytes = Vec::with_capacity(192);
        let mut e = minicbor::Encoder::new(&mut bytes);
        let done = e
            .map(4)
            .and_then(|e| e.u8(0)?.str(&self.carrier))
            .and_then(|e| e.u8(1)?.u64(issued))
            .and_then(|e| e.u8(2)?.u64(expires))
            .and_then(|e| e.u8(3)?.bytes(&self.jti));
        // Writing into a Vec does not fail.
        if done.is_err() {
            return Err(MintError::Carrier);
        }
        Ok(bytes)
    }

    /// The payload, if it is byte for byte what [`Claims::encoded`] writes.
    fn decoded(bytes: &[u8]) -> Option<Self> {
        let mut d = minicbor::Decoder::new(bytes);
        if d.map().ok()? != Some(4) {
            return None;
        }
        let key = |d: &mut minicbor::Decoder<'_>, key: u8| (d.u8().ok()? == key).then_some(());
        key(&mut d, 0)?;
        let carrier = d.str().ok()?.into();
        key(&mut d, 1)?;
        let issued_s = i64::try_from(d.u64().ok()?).ok()?;
        key(&mut d, 2)?;
        let expires_s = i64::try_from(d.u64().ok()?).ok()?;
        key(&mut d, 3)?;
        let jti = d.bytes().ok()?.try_into().ok()?;
        let claims = Self { carrier, issued_s, expires_s, jti };
        claims.encoded().is_ok_and(|canonical| canonical == bytes).then_some(claims)
    }

    fn judge(self, now: Timestamp) -> Result<Dynamic, TokenRefusal> {
        let (issued, exp) = moment(self.issued_s)
            .zip(moment(self.expires_s))
            .filter(|(issued, exp)| exp > issued && exp.since(*issued) <= TOKEN_TTL_MAX)
            .ok_or(TokenRefusal::TokenInvalid)?;
        if issued.utc_ms > now.after(TOKEN_SKEW).utc_ms {
            return Err(TokenRefusal::TokenInvalid);
        }
        let token = Dynamic { carrier: normal_alias(&self.carrier), jti: self.jti, exp };
        if now.utc_ms >= token.refused_from().utc_ms {
            return Err(TokenRefusal::TokenExpired);
        }
        Ok(token)
    }
}

/// A time in a token as a moment; there is none for a time too far away.
fn moment(s: i64) -> Option<Timestamp> {
    s.checked_mul(1_000).map(Timestamp::utc)
}

/// Why keys cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadKeys {
    /// The prefix is empty, too long, not visible ASCII, or does not end with a dot.
    #[error(
        "a token prefix has 1 to {PREFIX_LEN_MAX} visible ascii characters and ends with a dot"
    )]
    Prefix,
    /// A key id is empty, too long, has another character, or occurs twice.
    #[error("a key id has 1 to {KID_LEN_MAX} characters of A-Z a-z 0-9 _ - and occurs once")]
    Kid,
    /// A key is too short or too long.
    #[error("a token key has {KEY_LEN_MIN} to {KEY_LEN_MAX} bytes")]
    Length,
    /// More keys than anyone rotates.
    #[error("more than {KEYS_MAX} token keys")]
    TooMany,
}

/// Why a token cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// No key has this id.
    #[error("no token key has this id")]
    UnknownKid,
    /// The carrier is empty, too long, or has white space or control characters at its ends.
    #[error("a carrier in a token has 1 to {CARRIER_LEN_MAX} bytes and no space at its ends")]
    Carrier,
    /// The life is under a second or above [`TOKEN_TTL_MAX`].
    #[error("a token lives 1 to {} seconds", TOKEN_TTL_MAX.as_secs())]
    Ttl,
    /// The clock stands before 1970 or at the end of time.
    #[error("the time does not fit into a token")]
    Time,
}
