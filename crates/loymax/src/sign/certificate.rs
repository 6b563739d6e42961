//! Certificates: whose signature is accepted, and how long.

use std::fmt;
use std::sync::Arc;

use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use sha2::{Digest, Sha256};
use tillway_core::Timestamp;
use x509_cert::der::asn1::UintRef;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode, Document, Reader, SliceReader};

use super::SignatureFault;
use super::key::KeyError;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const BITS_MIN: usize = 2_048;
const BITS_MAX: usize = 8_192;

/// A certificate with an RSA key of 2048 to 8192 bits.
///
/// Whoever configures it vouches for it: no chain is followed and no revocation asked for, as
/// certificates of tills are registered at the processing one by one. Cheap to clone.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    key: Vec<u8>,
    bits: usize,
    fingerprint: Box<str>,
    from_s: i64,
    until_s: i64,
}

impl Certificate {
    /// Reads PEM, `BEGIN CERTIFICATE`; the first when there are several.
    ///
    /// # Errors
    /// [`KeyError`], which says what is wrong with it.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, document) = Document::from_pem(pem).map_err(|_| KeyError::NotPem)?;
        if label != "CERTIFICATE" {
            return Err(KeyError::NotCertificate);
        }
        Self::from_der(document.as_bytes())
    }

    /// Reads DER.
    ///
    /// # Errors
    /// [`KeyError`], which says what is wrong with it.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let read = x509_cert::Certificate::from_der(der).map_err(|_| KeyError::NotCertificate)?;
        let inside = read.tbs_certificate();
        let info = inside.subject_public_key_info();
        if info.algorithm.oid != RSA_ENCRYPTION {
            return Err(KeyError::NotRsa);
        }
        let key = info.subject_public_key.as_bytes().ok_or(KeyError::NotRsa)?;
        let bits = modulus_bits(key).ok_or(KeyError::NotRsa)?;
        if !(BITS_MIN..=BITS_MAX).contains(&bits) {
            return Err(KeyError::Length);
        }
        let seconds = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
        };
        let validity = inside.validity();
        Ok(Self(Arc::new(Inner {
            der: der.to_vec(),
            key: key.to_vec(),
            bits,
            fingerprint: fingerprint(der),
            from_s: seconds(validity.not_before),
            until_s: seconds(validity.not_after),
        })))
    }

    /// Lower hex SHA-256 of its DER.
    pub fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    /// The last second in which it is valid.
    pub fn until(&self) -> Timestamp {
        Timestamp::utc(self.0.until_s.saturating_mul(1_000))
    }

    /// Checks that it is valid now.
    ///
    /// # Errors
    /// [`KeyError::Expired`], [`KeyError::NotYetValid`].
    pub fn check(&self, now: Timestamp) -> Result<(), KeyError> {
        let now_s = now.utc_ms.div_euclid(1_000);
        if now_s > self.0.until_s {
            return Err(KeyError::Expired { until: self.until() });
        }
        if now_s < self.0.from_s {
            let from = Timestamp::utc(self.0.from_s.saturating_mul(1_000));
            return Err(KeyError::NotYetValid { from });
        }
        Ok(())
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The public key, a PKCS#1 `RSAPublicKey`.
    pub(super) fn key(&self) -> &[u8] {
        &self.0.key
    }

    /// As a verifier says it.
    pub(super) fn valid(&self, now: Timestamp) -> Result<(), SignatureFault> {
        self.check(now).map_err(|error| match error {
            KeyError::Expired { .. } => SignatureFault::Certificate("it has expired"),
            _ => SignatureFault::Certificate("it is not valid yet"),
        })
    }

    /// Whether its key made this signature.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key());
        key.verify(message, signature).is_ok()
    }

    /// As [`Certificate::signed`], with SHA-1.
    pub(super) fn signed_sha1(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm = &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
        UnparsedPublicKey::new(algorithm, self.key()).verify(message, signature).is_ok()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("fingerprint", &self.0.fingerprint)
            .field("bits", &self.0.bits)
            .field("until", &self.until())
            .finish_non_exhaustive()
    }
}

fn fingerprint(der: &[u8]) -> Box<str> {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

fn modulus_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let bits = reader.sequence(|inside| {
        let modulus = UintRef::decode(inside)?;
        let _exponent = UintRef::decode(inside)?;
        let zeros = modulus.as_bytes().first().map_or(0, |byte| byte.leading_zeros() as usize);
        Ok::<_, x509_cert::der::Error>(
            modulus.as_bytes().len().saturating_mul(8).saturating_sub(zeros),
        )
    });
    bits.ok()
}
