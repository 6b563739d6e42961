//! Names of things: each kind of id is a type of its own.

use core::fmt;
use std::sync::Arc;

pub use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(self.0.as_bytes())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let bytes = d.bytes()?;
                let id = Uuid::from_slice(bytes)
                    .map_err(|_| minicbor::decode::Error::message("an id has 16 bytes"))?;
                Ok(Self(id))
            }
        }
    )*};
}

uuid_ids! {
    /// A guest account; the same id names the wallet that Waiter shows (rule J7).
    AccountId;
    /// A command to the front plugin.
    CommandId;
    /// A guest.
    GuestId;
    /// A hold on an account (the reservation of the payment API).
    HoldId;
    /// An order of iikoFront or of a kiosk.
    OrderId;
    /// A payment: iikoFront's `transactionId`, or an id that a flow derived.
    PaymentId;
    /// An intended refund.
    RefundId;
    /// One run of the program that claims streams.
    Owner;
}

impl AccountId {
    /// The stable id of an account that is known elsewhere by a text (rule J7: UUIDv5).
    pub fn derived(installation: Uuid, text: &str) -> Self {
        Self(Uuid::new_v5(&installation, text.as_bytes()))
    }
}

/// The longest name of a till or a device, in bytes.
pub const NAME_LEN_MAX: usize = 64;

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// One to 64 bytes of `A-Z a-z 0-9 . _ -`. Clones share them.
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// [`BadName`] when it is empty, too long, or has another character.
            pub fn try_new(text: &str) -> Result<Self, BadName> {
                let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
                if text.is_empty() || text.len() > NAME_LEN_MAX || !text.bytes().all(fits) {
                    return Err(BadName);
                }
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                Self::try_new(d.str()?).map_err(minicbor::decode::Error::message)
            }
        }
    )*};
}

text_ids! {
    /// A Waiter device (a phone).
    DeviceId;
    /// A till: the place where one iikoFront runs.
    TillId;
}

/// A name that is empty, too long, or has a character outside `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a name has 1 to 64 characters of A-Z a-z 0-9 . _ -")]
pub struct BadName;

/// SHA-256 over the typed request behind a key: the same key with another digest is a conflict.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The digest of canonical bytes, cut to 128 bits.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(bytes);
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        Self(short)
    }
}

/// Ids as their 16 bytes, for records.
pub(crate) mod uuid_bytes {
    use minicbor::decode::Error;
    use minicbor::encode::Write;
    use minicbor::{Decoder, Encoder};
    use uuid::Uuid;

    pub(crate) fn encode<C, W: Write>(
        id: &Uuid,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(id.as_bytes())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Uuid, Error> {
        Uuid::from_slice(d.bytes()?).map_err(|_| Error::message("an id has 16 bytes"))
    }
}
