//! Signatures: tills whose messages are signed get signed answers (loymax.md 12).

use http::HeaderMap;
use tillway_core::Timestamp;
use tillway_loymax::sign::{Certificate, Identity, Profile, SignatureFault};

use super::house::{Code, Till};

/// What the processing signs with, and how.
#[derive(Clone, Debug)]
pub(super) struct Signing {
    pub(super) profile: Profile,
    pub(super) identity: Identity,
}

/// Why a message is refused before it is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unsigned {
    pub(super) code: Code,
    pub(super) why: &'static str,
}

impl Signing {
    /// Checks what a till sent.
    pub(super) fn check(
        &self,
        till: &Till,
        body: &[u8],
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<(), Unsigned> {
        let known = till.certificate.as_ref().and_then(|der| Certificate::from_der(der).ok());
        let known: Vec<Certificate> = known.into_iter().collect();
        self.profile.verifier(&known).verify(body, headers, now).map_err(Unsigned::from)
    }

    /// Signs an answer. One that cannot carry a signature goes out without.
    pub(super) fn sign(&self, body: &mut Vec<u8>, headers: &mut HeaderMap) {
        let _ = self.profile.signer(&self.identity).sign(body, headers);
    }
}

impl Unsigned {
    /// The processing has no key to sign with.
    pub(super) fn unprepared() -> Self {
        Self { code: Code::CertificateError, why: "У процессинга нет ключа" }
    }
}

impl From<SignatureFault> for Unsigned {
    fn from(fault: SignatureFault) -> Self {
        match fault {
            SignatureFault::Missing => {
                Self { code: Code::SignatureNotFound, why: "Запрос не подписан" }
            }
            SignatureFault::Certificate(_) => Self {
                code: Code::CertificateError,
                why: "Сертификат кассы не действует",
            },
            _ => Self {
                code: Code::SignatureError, why: "Подпись запроса неверна"
            },
        }
    }
}

/// Changes an answer that is signed, so that its signature is of another one.
pub(super) fn forge(body: &mut Vec<u8>) {
    let version = b"<ErrorCode>";
    let found = body.windows(version.len()).position(|part| part == version);
    if let Some(place) = found {
        // A space in a text that is read as a number changes the bytes, not what is read.
        body.insert(place.saturating_add(version.len()), b' ');
    }
}
