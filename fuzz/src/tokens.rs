//! Signed tokens: what we mint reads back, what we did not mint never does.

use core::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tillway_core::Timestamp;
use tillway_core::token::{
    TOKEN_PREFIX, TOKEN_SKEW, TOKEN_TTL_MAX, TokenKeys, TokenRefusal, VALUE_CHARS_MAX, normal_alias,
};

use crate::bytes::Bytes;

/// The moment of most inputs: 2026-01-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::utc(1_767_225_600_000);

const KEY: [u8; 32] = [0xa5; 32];
const KID: &str = "k1";

pub(crate) fn keys() -> TokenKeys {
    let old = (Box::from("old"), b"an old key of 32 bytes or so ...".to_vec());
    TokenKeys::try_new(TOKEN_PREFIX, [old, (Box::from(KID), KEY.to_vec())]).expect("good keys")
}

/// A carrier to mint for and to tamper with, or a payload to sign as it is.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(3) {
        0 => minted(&mut bytes),
        1 => signed(bytes.rest()),
        _ => unsigned(bytes.rest()),
    }
}

fn minted(bytes: &mut Bytes<'_>) {
    let now = if bytes.rarely(8) { Timestamp::utc(bytes.i64()) } else { NOW };
    let ttl = Duration::from_millis(u64::from(bytes.u16()) * 2);
    let later_ms = i64::from(bytes.u16()) * 4 - 32_768;
    let (at, flip) = (usize::from(bytes.u16()), bytes.byte());
    let jti = [bytes.byte(); 16];
    let carrier = bytes.text();
    let keys = keys();
    let Ok(token) = keys.mint(KID, &carrier, now, ttl, jti) else { return };
    assert!(token.len() <= VALUE_CHARS_MAX, "longer than what can be scanned");

    let read = keys.verify(&token, now).expect("a fresh token is good");
    let issued_ms = now.utc_ms.div_euclid(1_000) * 1_000;
    let life = Duration::from_secs(ttl.as_secs());
    assert_eq!(read.carrier, normal_alias(&carrier));
    assert_eq!((read.jti, read.exp), (jti, Timestamp::utc(issued_ms).after(life)));

    let late = Timestamp::utc(now.utc_ms.saturating_add(later_ms));
    let expected = if late.after(TOKEN_SKEW) < Timestamp::utc(issued_ms) {
        Err(TokenRefusal::TokenInvalid)
    } else if late >= read.exp.after(TOKEN_SKEW) {
        Err(TokenRefusal::TokenExpired)
    } else {
        Ok(read)
    };
    assert_eq!(keys.verify(&token, late), expected);

    let mut tampered = token.clone().into_bytes();
    let at = at % tampered.len();
    tampered[at] ^= flip;
    if let (true, Ok(tampered)) = (flip != 0, core::str::from_utf8(&tampered)) {
        assert_eq!(keys.verify(tampered, now), Err(TokenRefusal::TokenInvalid), "{tampered}");
    }
    let short = &token[..at];
    assert_eq!(keys.verify(short, now), Err(TokenRefusal::TokenInvalid), "{short}");
}

/// Whoever has the key may sign nonsense; it is read or refused, and never lives long.
fn signed(payload: &[u8]) {
    let keys = keys();
    let text = format!("{TOKEN_PREFIX}{KID}.{}", URL_SAFE_NO_PAD.encode(payload));
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).expect("a key of any length");
    mac.update(text.as_bytes());
    let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    if let Ok(read) = keys.verify(&token, NOW) {
        assert!(read.exp.since(NOW) <= TOKEN_TTL_MAX + TOKEN_SKEW, "it lives too long");
        assert!(token.len() <= VALUE_CHARS_MAX);
    }
}

/// Nobody makes a token without the key.
fn unsigned(text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    assert!(keys().verify(&text, NOW).is_err(), "not ours: {text}");
    assert!(keys().verify(&format!("{TOKEN_PREFIX}{KID}.{text}"), NOW).is_err());
}
