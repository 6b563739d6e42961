//! Bodies of messages and answers as they are stored: covered, because they name guests.

use core::fmt;

use minicbor::{Decode, Encode};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use secrecy::{ExposeSecret, SecretBox};
use tillway_core::flow::Body;
use tillway_core::id::Uuid;
use tillway_core::port::IdSource;

/// The keys that bodies are covered with.
///
/// The journal keeps what is written for ever; a body is readable for as long as its key is kept.
/// So take a new key every month or so, and drop an old one when no purchase from its time is open:
/// what it covered is forgotten then. A message whose key is gone cannot be sent again, and is
/// listed for a person.
///
/// A body is covered by ChaCha20-Poly1305 under a key of its own, which HMAC-SHA256 derives from
/// the kept key and 16 bytes that nobody can guess. No `Debug` shows a key.
pub struct BodyKeys {
    current: Kept,
    older: Vec<Kept>,
}

struct Kept {
    number: u32,
    key: SecretBox<[u8; 32]>,
}

/// The form of a covered body.
const FORM: u8 = 1;
const SALT_LEN: usize = 16;
const PREFIX_LEN: usize = 1 + 4 + SALT_LEN;

impl BodyKeys {
    /// New bodies are covered with this key. Its number stands in each of them: never give a number
    /// to two keys.
    pub fn new(number: u32, key: [u8; 32]) -> Self {
        Self { current: Kept::new(number, key), older: Vec::new() }
    }

    /// Bodies that were covered with this one are still read.
    #[must_use]
    pub fn and_older(mut self, number: u32, key: [u8; 32]) -> Self {
        self.older.push(Kept::new(number, key));
        self
    }

    /// Covers a value that belongs to this stream.
    pub(super) fn cover<T: Encode<()>>(
        &self,
        ids: &dyn IdSource,
        stream: Uuid,
        value: &T,
    ) -> Option<Body> {
        let salt = ids.secret();
        let mut bytes = minicbor::to_vec(value).ok()?;
        let key = self.current.derived(&salt)?;
        let aad = Aad::from(*stream.as_bytes());
        key.seal_in_place_append_tag(once(), aad, &mut bytes).ok()?;
        let mut covered = Vec::with_capacity(PREFIX_LEN.saturating_add(bytes.len()));
        covered.push(FORM);
        covered.extend_from_slice(&self.current.number.to_be_bytes());
        covered.extend_from_slice(&salt);
        covered.append(&mut bytes);
        Some(Body::from_bytes(covered))
    }

    /// Reads what was covered; `None` when its key is gone, or it is not of this stream.
    pub(super) fn read<T: for<'b> Decode<'b, ()>>(&self, stream: Uuid, body: &Body) -> Option<T> {
        let (form, rest) = body.bytes().split_first()?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        let (salt, covered) = rest.split_first_chunk::<SALT_LEN>()?;
        if *form != FORM {
            return None;
        }
        let number = u32::from_be_bytes(*number);
        let mut all = core::iter::once(&self.current).chain(&self.older);
        let key = all.find(|kept| kept.number == number)?.derived(salt)?;
        let mut bytes = covered.to_vec();
        let plain = key.open_in_place(once(), Aad::from(*stream.as_bytes()), &mut bytes).ok()?;
        minicbor::decode(plain).ok()
    }
}

impl Kept {
    fn new(number: u32, key: [u8; 32]) -> Self {
        Self { number, key: SecretBox::new(Box::new(key)) }
    }

    fn derived(&self, salt: &[u8; SALT_LEN]) -> Option<LessSafeKey> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.key.expose_secret());
        let derived = hmac::sign(&key, salt);
        UnboundKey::new(&CHACHA20_POLY1305, derived.as_ref()).ok().map(LessSafeKey::new)
    }
}

/// Each key covers one body, so its nonce is always the same.
fn once() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl fmt::Debug for BodyKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let older: Vec<u32> = self.older.iter().map(|kept| kept.number).collect();
        f.debug_struct("BodyKeys")
            .field("current", &self.current.number)
            .field("older", &older)
            .finish_non_exhaustive()
    }
}
