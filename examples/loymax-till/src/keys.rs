//! Keys and certificates of the demo, which everybody knows: till, processing, and somebody else.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tillway::loymax::sign::{Certificate, Identity, SigningKey};

/// Whose key it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whose {
    /// The till's.
    Till,
    /// The processing's.
    Processing,
    /// Somebody's whom neither knows.
    Foreign,
}

impl Whose {
    /// Key and certificate.
    ///
    /// # Errors
    /// The file of the demo was damaged.
    pub fn identity(self) -> Result<Identity, Box<dyn Error + Send + Sync>> {
        let (key, _) = self.files();
        Ok(Identity::try_new(SigningKey::from_pem(&key.into())?, self.certificate()?)?)
    }

    /// The certificate.
    ///
    /// # Errors
    /// The file of the demo was damaged.
    pub fn certificate(self) -> Result<Certificate, Box<dyn Error + Send + Sync>> {
        Ok(Certificate::from_pem(self.files().1)?)
    }

    /// The certificate as an operator of the processing uploads it.
    ///
    /// # Errors
    /// The file of the demo was damaged.
    pub fn der(self) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let body: String = self.files().1.lines().filter(|line| !line.starts_with('-')).collect();
        Ok(STANDARD.decode(body)?)
    }

    fn files(self) -> (&'static str, &'static str) {
        match self {
            Self::Till => {
                (include_str!("../keys/till.key.pem"), include_str!("../keys/till.cert.pem"))
            }
            Self::Processing => (
                include_str!("../keys/processing.key.pem"),
                include_str!("../keys/processing.cert.pem"),
            ),
            Self::Foreign => {
                (include_str!("../keys/foreign.key.pem"), include_str!("../keys/foreign.cert.pem"))
            }
        }
    }
}
