//! The till's side of the protocol over HTTP.

mod beside;
mod line;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use tillway_core::id::Uuid;
use tillway_core::loyalty::IdentifierKind;
use tillway_core::port::processing::{
    Capabilities, Class, Command, Operation, Outcome, SealError, Sealed,
};
use tillway_core::port::{Clock, LoyaltyProcessing};
use tillway_transport::HttpTransport;

use self::line::Line;
use crate::config::Config;
use crate::error::{ConfigError, ProbeError};
use crate::{input, wire};

/// A card that nobody has: a processing that answers that it knows none is set up.
const NOBODY: &str = "0000000000000";

/// A Loymax processing, for one till (loymax.md 2 to 12). Cheap to clone; clones are one till.
///
/// - One message at a time, as parallel ones overload the processing: callers wait for one another
///   in their order, at most [`Waits::turn`](crate::Waits), and are then told that nothing was
///   sent.
/// - A message is signed when it is sealed, so that a repeat is the same to the byte.
/// - An answer that is not signed as configured is never used. The outcome is in doubt, and the
///   log has an error.
/// - HTTP 401 and 403 are refusals of [`Class::Settings`]. Every other status but 2xx says nothing
///   about what became of the message: it is in doubt.
/// - Nothing is repeated here, and nothing stored: that is the caller's part.
///
/// Dropping the future of a call closes its connection; the processing may go on.
#[derive(Clone)]
pub struct Loymax {
    line: Arc<Line>,
}

impl Loymax {
    /// A till with this configuration. Nothing is sent yet: call [`Loymax::probe`] at start.
    ///
    /// # Errors
    /// [`ConfigError`], as [`Config::check`] gives it.
    pub fn try_new(
        config: Config,
        http: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self { line: Arc::new(Line::try_new(config, http, clock)?) })
    }

    /// Asks for the balance of a card that nobody has, under this id: shows that the address, the
    /// password and the signatures are right. Changes nothing.
    ///
    /// # Errors
    /// [`ProbeError`], which says what to look at.
    pub async fn probe(&self, id: Uuid) -> Result<(), ProbeError> {
        let outcome = match self.nobody(id) {
            Ok(message) => self.send(&message).await,
            Err(error) => Outcome::InDoubt(tillway_core::pan::Masked::new(&error.to_string())),
        };
        match outcome {
            Outcome::Done(_) => Ok(()),
            Outcome::Refused(refusal) if is_of_the_guest(refusal.class) => Ok(()),
            Outcome::Refused(refusal) => Err(ProbeError::Refused(refusal)),
            Outcome::Unreached(text) => Err(ProbeError::Unreached(text)),
            Outcome::InDoubt(text) => Err(ProbeError::Unclear(text)),
        }
    }

    fn nobody(&self, id: Uuid) -> Result<Sealed, SealError> {
        let guest = input::identifier(IdentifierKind::CardNumber, NOBODY);
        let guest = guest.map_err(|_| SealError::Settings("the probe has no card"))?;
        let at = self.line.clock.now();
        self.seal(&Operation { id, at, cashier: None, command: Command::Balance { guest } })
    }
}

/// Whether a refusal is about the card that was asked for: everything before it was right.
fn is_of_the_guest(class: Class) -> bool {
    matches!(class, Class::UnknownGuest | Class::CardBlocked | Class::AccrualOnly)
}

impl fmt::Debug for Loymax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loymax").field("config", &self.line.config).finish()
    }
}

#[async_trait]
impl LoyaltyProcessing for Loymax {
    fn capabilities(&self) -> Capabilities {
        let config = &self.line.config;
        Capabilities {
            level: config.level,
            cancel_one: config.dialect.cancel_one,
            cards: config.dialect.cards,
            blind_refund: config.blind_refund,
        }
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        let config = &self.line.config;
        let mut sealed = wire::seal(&config.dialect, &config.login, operation)?;
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, beside::content_type(config.dialect.letters));
        config.signatures.signer.sign(&mut sealed.body, &mut headers).map_err(|error| {
            tracing::error!(operation = %sealed.id, %error, "a message cannot be signed");
            SealError::Signature
        })?;
        sealed.beside = beside::write(&headers).ok_or(SealError::Signature)?;
        Ok(sealed)
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        let outcome = self.line.send(message).await;
        let (id, kind) = (message.id, message.kind);
        match &outcome {
            Outcome::Done(_) => tracing::debug!(operation = %id, ?kind, "done"),
            Outcome::Refused(no) if no.class == Class::Settings => {
                tracing::error!(operation = %id, ?kind, code = %no.code, "the till is set up wrong");
            }
            Outcome::Refused(no) => {
                tracing::info!(operation = %id, ?kind, code = %no.code, class = %no.class, "refused");
            }
            Outcome::Unreached(text) => {
                tracing::warn!(operation = %id, ?kind, why = text.as_str(), "not reached");
            }
            Outcome::InDoubt(text) => {
                tracing::warn!(operation = %id, ?kind, why = text.as_str(), "in doubt");
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
