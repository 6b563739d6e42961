//! No signature.

use http::HeaderMap;
use tillway_core::Timestamp;

use super::{MessageSigner, MessageVerifier, SignError, SignatureFault};

/// Signs nothing and accepts everything: for tills that are set up with a password alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsigned;

impl MessageSigner for Unsigned {
    fn sign(&self, _: &mut Vec<u8>, _: &mut HeaderMap) -> Result<(), SignError> {
        Ok(())
    }
}

impl MessageVerifier for Unsigned {
    fn verify(&self, _: &[u8], _: &HeaderMap, _: Timestamp) -> Result<(), SignatureFault> {
        Ok(())
    }

    fn proves(&self) -> bool {
        false
    }
}
