//! The key that signs.

use std::fmt;
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};
use tillway_core::Timestamp;
use x509_cert::der::SecretDocument;

use super::{Certificate, SignError};

/// Why a key or a certificate cannot be used: what a person has to change.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No PEM: `-----BEGIN …-----` with base64 below.
    #[error("not pem: a block between BEGIN and END is expected")]
    NotPem,
    /// The key is protected by a password.
    #[error("the key is encrypted: decrypt it by openssl pkcs8 -in key.pem -out plain.pem")]
    Encrypted,
    /// The key is in another form.
    #[error("the key is not pkcs#8: convert it by openssl pkcs8 -topk8 -nocrypt")]
    NotPkcs8,
    /// What it says it is, it is not, or its numbers do not fit together.
    #[error("the key is broken")]
    Broken,
    /// The key is of another kind.
    #[error("the key is not an rsa key")]
    NotRsa,
    /// Less than 2048 bits, or more than can be used.
    #[error("bad key length: an rsa key of 2048 to 4096 bits is expected")]
    Length,
    /// No X.509 certificate.
    #[error("not an x.509 certificate")]
    NotCertificate,
    /// The certificate belongs to another key.
    #[error("the certificate belongs to another key")]
    OtherKey,
    /// The certificate was valid.
    #[error("the certificate expired at {until}")]
    Expired {
        /// The end of its time.
        until: Timestamp,
    },
    /// The certificate will be valid.
    #[error("the certificate is not valid before {from}")]
    NotYetValid {
        /// The beginning of its time.
        from: Timestamp,
    },
}

/// An RSA key of 2048 to 4096 bits. Cheap to clone; its `Debug` shows its length alone.
#[derive(Clone)]
pub struct SigningKey(Arc<RsaKeyPair>);

impl SigningKey {
    /// Reads PKCS#8 in PEM, `BEGIN PRIVATE KEY`, without a password.
    ///
    /// # Errors
    /// [`KeyError`], which says what is wrong with it.
    pub fn from_pem(pem: &SecretString) -> Result<Self, KeyError> {
        let read = SecretDocument::from_pem(pem.expose_secret());
        let (label, document) = read.map_err(|_| KeyError::NotPem)?;
        match label {
            "PRIVATE KEY" => Self::from_pkcs8(document.as_bytes()),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            _ => Err(KeyError::NotPkcs8),
        }
    }

    /// Reads PKCS#8 in DER. The caller sees to it that the bytes are forgotten.
    ///
    /// # Errors
    /// [`KeyError`], which says what is wrong with it.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let read = RsaKeyPair::from_pkcs8(der);
        let pair = read.map_err(|rejected| match rejected.to_string().as_str() {
            "TooSmall" | "TooLarge" | "PrivateModulusLenNotMultipleOf512Bits" => KeyError::Length,
            "WrongAlgorithm" => KeyError::NotRsa,
            "InvalidEncoding" => KeyError::NotPkcs8,
            _ => KeyError::Broken,
        })?;
        Ok(Self(Arc::new(pair)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        // Padding of PKCS#1 v1.5 takes no randomness: the same message has the same signature.
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| SignError::Key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} bits)", self.0.public().modulus_len().saturating_mul(8))
    }
}

/// A key and the certificate that the other side knows it by.
#[derive(Clone, Debug)]
pub struct Identity {
    key: SigningKey,
    certificate: Certificate,
}

impl Identity {
    /// The key and its certificate.
    ///
    /// # Errors
    /// [`KeyError::OtherKey`]. Whether the certificate is valid now, [`Certificate::check`] says.
    pub fn try_new(key: SigningKey, certificate: Certificate) -> Result<Self, KeyError> {
        if key.0.public().as_ref() != certificate.key() {
            return Err(KeyError::OtherKey);
        }
        Ok(Self { key, certificate })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(message)
    }
}
