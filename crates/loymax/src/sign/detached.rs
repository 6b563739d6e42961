//! The signature of the body's bytes, in headers beside it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use tillway_core::Timestamp;

use super::{Certificate, Identity, MessageSigner, MessageVerifier, SignError, SignatureFault};

/// base64 of the signature.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-loymax-signature");
/// [`Certificate::fingerprint`] of who signed.
pub const CERTIFICATE_HEADER: HeaderName = HeaderName::from_static("x-loymax-certificate");

/// Signs by [`DetachedBody`](super::Profile::DetachedBody).
#[derive(Clone, Debug)]
pub struct DetachedSigner {
    own: Identity,
}

impl DetachedSigner {
    /// Signs as this one.
    pub fn new(own: Identity) -> Self {
        Self { own }
    }
}

impl MessageSigner for DetachedSigner {
    fn sign(&self, body: &mut Vec<u8>, headers: &mut HeaderMap) -> Result<(), SignError> {
        let signature = STANDARD.encode(self.own.sign(body)?);
        let header = |text: &str| HeaderValue::from_str(text).map_err(|_| SignError::Key);
        let signature = header(&signature)?;
        let certificate = header(self.own.certificate().fingerprint())?;
        headers.insert(SIGNATURE_HEADER, signature);
        headers.insert(CERTIFICATE_HEADER, certificate);
        Ok(())
    }
}

/// Accepts [`DetachedBody`](super::Profile::DetachedBody).
#[derive(Clone, Debug)]
pub struct DetachedVerifier {
    trusted: Vec<Certificate>,
}

impl DetachedVerifier {
    /// Accepts the holders of these certificates.
    pub fn new(trusted: &[Certificate]) -> Self {
        Self { trusted: trusted.to_vec() }
    }
}

impl MessageVerifier for DetachedVerifier {
    fn verify(
        &self,
        body: &[u8],
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<(), SignatureFault> {
        let signature = one(headers, &SIGNATURE_HEADER)?.ok_or(SignatureFault::Missing)?;
        let named = one(headers, &CERTIFICATE_HEADER)?;
        let named = named.ok_or(SignatureFault::Certificate("none is named"))?;
        let known = self.trusted.iter().find(|it| it.fingerprint().eq_ignore_ascii_case(named));
        let known = known.ok_or(SignatureFault::Certificate("it is not known"))?;
        known.valid(now)?;
        let signature = STANDARD.decode(signature);
        let signature = signature.map_err(|_| SignatureFault::Bad("it is no base64"))?;
        if !known.signed(body, &signature) {
            return Err(SignatureFault::Bad("it is not of this message"));
        }
        Ok(())
    }
}

fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, SignatureFault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let value = value.to_str().map_err(|_| SignatureFault::Bad("its header is no text"))?;
    match values.next() {
        None => Ok(Some(value.trim())),
        Some(_) => Err(SignatureFault::Bad("there are two of them")),
    }
}
