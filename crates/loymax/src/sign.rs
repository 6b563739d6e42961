//! Signatures of messages (loymax.md 12), for both sides: a till signs what it asks, a processing
//! what it answers, and each checks the other.
//!
//! What Loymax really signs, where and with what is not public. So a signature is whatever a
//! [`MessageSigner`] makes and a [`MessageVerifier`] accepts, and the two profiles here are our
//! choice: [`DetachedBody`](Profile::DetachedBody), which has no canonical form to get wrong, and
//! [`EnvelopedXmlDsig`](Profile::EnvelopedXmlDsig), which is what a .NET service would most likely
//! do. Both sign with RSA and SHA-256. Anything else (GOST, rsa-sha1) is an implementation of the
//! two traits.
//!
//! ```no_run
//! use tillway_loymax::sign::{Certificate, Identity, Profile, Signatures, SigningKey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = SigningKey::from_pem(&std::fs::read_to_string("till.key.pem")?.into())?;
//! let own = Identity::try_new(key, Certificate::from_pem(&std::fs::read_to_string("till.pem")?)?)?;
//! let peer = Certificate::from_pem(&std::fs::read_to_string("processing.pem")?)?;
//! let signatures = Signatures::new(Profile::EnvelopedXmlDsig, &own, &[peer]);
//! # Ok(())
//! # }
//! ```

pub mod c14n;
mod certificate;
mod detached;
mod enveloped;
mod key;
mod unsigned;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use tillway_core::Timestamp;

pub use self::certificate::Certificate;
pub use self::detached::{CERTIFICATE_HEADER, DetachedSigner, DetachedVerifier, SIGNATURE_HEADER};
pub use self::enveloped::{EnvelopedSigner, EnvelopedVerifier};
pub use self::key::{Identity, KeyError, SigningKey};
pub use self::unsigned::Unsigned;

/// Signs messages.
pub trait MessageSigner: fmt::Debug + Send + Sync + 'static {
    /// Signs a message: adds to its body, to the headers that go with it, or to both.
    ///
    /// The body is whole: nothing is changed after it. The same message SHOULD give the same
    /// signature, so that a message made anew after a crash is the same to the byte.
    ///
    /// # Errors
    /// [`SignError`]; then body and headers are as they were.
    fn sign(&self, body: &mut Vec<u8>, headers: &mut HeaderMap) -> Result<(), SignError>;
}

/// Checks signatures.
pub trait MessageVerifier: fmt::Debug + Send + Sync + 'static {
    /// Checks that a message was signed by the other side, `now`, and not changed since.
    ///
    /// # Errors
    /// [`SignatureFault`]: nothing that the message says may be used.
    fn verify(
        &self,
        body: &[u8],
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<(), SignatureFault>;

    /// Whether a message that is accepted is proven to be the other side's.
    fn proves(&self) -> bool {
        true
    }
}

/// Why a message was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The message cannot carry a signature of this profile: no XML of the subset, no closing tag
    /// of the root, UTF-16, or signed already.
    #[error("the message cannot carry a signature")]
    Body,
    /// The key could not be used.
    #[error("the key cannot sign")]
    Key,
    /// A signer of somebody's own failed.
    #[error("the signer failed")]
    Signer(#[source] Box<dyn Error + Send + Sync>),
}

/// Why a signature is not accepted. A processing answers with the codes of loymax.md 8.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// There is none (107).
    #[error("the message is not signed")]
    Missing,
    /// It is not of this message, not by that key, or not in the form of the profile; says which
    /// (106).
    #[error("bad signature: {0}")]
    Bad(&'static str),
    /// It is by a certificate that is not trusted, or not valid now; says which (108).
    #[error("bad certificate: {0}")]
    Certificate(&'static str),
}

/// What messages are signed with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Profile {
    /// Nothing, and answers are believed as they come. TLS and the password protect them alone.
    #[default]
    None,
    /// Headers beside the body: [`SIGNATURE_HEADER`] with base64 of RSASSA-PKCS1-v1_5 and SHA-256
    /// over the bytes of the body, [`CERTIFICATE_HEADER`] with the certificate's fingerprint.
    DetachedBody,
    /// A W3C XML signature as the last child of the root.
    EnvelopedXmlDsig,
}

impl Profile {
    /// What signs with this profile.
    pub fn signer(self, own: &Identity) -> Arc<dyn MessageSigner> {
        match self {
            Self::None => Arc::new(Unsigned),
            Self::DetachedBody => Arc::new(DetachedSigner::new(own.clone())),
            Self::EnvelopedXmlDsig => Arc::new(EnvelopedSigner::new(own.clone())),
        }
    }

    /// What accepts this profile from the holder of any of these certificates. Two of them let the
    /// other side change its key; none accepts nothing.
    pub fn verifier(self, trusted: &[Certificate]) -> Arc<dyn MessageVerifier> {
        match self {
            Self::None => Arc::new(Unsigned),
            Self::DetachedBody => Arc::new(DetachedVerifier::new(trusted)),
            Self::EnvelopedXmlDsig => Arc::new(EnvelopedVerifier::new(trusted)),
        }
    }
}

/// What one side signs with and what it accepts. Unsigned by default.
#[derive(Clone, Debug)]
pub struct Signatures {
    /// Signs what goes out.
    pub signer: Arc<dyn MessageSigner>,
    /// Checks what comes in.
    pub verifier: Arc<dyn MessageVerifier>,
}

impl Default for Signatures {
    fn default() -> Self {
        Self { signer: Arc::new(Unsigned), verifier: Arc::new(Unsigned) }
    }
}

impl Signatures {
    /// Those of a profile.
    pub fn new(profile: Profile, own: &Identity, trusted: &[Certificate]) -> Self {
        Self { signer: profile.signer(own), verifier: profile.verifier(trusted) }
    }
}
