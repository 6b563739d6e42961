//! The processing in JSON: the same commands as protocol 3.2, told to the Public API.

mod read;
mod seal;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::loyalty::Identifier;
use tillway_core::pan::Masked;
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{
    Capabilities, Class, Level, Operation, Outcome, Refusal, SealError, Sealed,
};

pub use self::read::outcome;
pub use self::seal::{place, seal};
use super::error::ApiError;
use super::session::{PublicApi, Session};
use super::token::Grant;
use crate::dialect::Dialect;

/// A processing that is spoken to in JSON.
///
/// A message names no guest: the client is the owner of the token it is sent with, and the till is
/// the one that the application is bound to. Where a trusted application speaks for whoever stands
/// at the till ([`Speaker::Application`]), the guest is stored beside the message and a token is
/// asked for when it is sent; at most 64 guests' tokens are kept.
///
/// - Messages are [`outcome`]'s to judge, by the rules of the XML.
/// - A question for a token that brings none leaves the message unsent: `Unreached`, or refused
///   when the guest is not known. One who was blocked before is no better known: no token is given,
///   and nobody says why.
/// - Cards are issued and replaced by [`Cards`](super::Cards), not here.
pub struct JsonMirror {
    speaker: Speaker,
    application: Session,
    dialect: Dialect,
    blind_refund: bool,
    guests: Mutex<VecDeque<(Identifier, Session)>>,
}

/// In whose name messages are sent.
#[derive(Clone, Debug)]
pub enum Speaker {
    /// Each message in the name of the guest it tells of, messages without one in the
    /// application's own. The application is trusted.
    Application,
    /// All of them in the name of one client who has logged in, as in a web shop.
    Client(Session),
}

/// The most guests whose tokens are kept.
const GUESTS_MAX: usize = 64;

impl JsonMirror {
    /// The processing behind this API. Of the dialect only the table of errors and the names of
    /// parameters are used. `blind_refund`: whether it takes refunds without the number of a sale.
    pub fn new(api: &PublicApi, speaker: Speaker, dialect: Dialect, blind_refund: bool) -> Self {
        let application = api.session(Grant::Application);
        Self { speaker, application, dialect, blind_refund, guests: Mutex::default() }
    }

    fn session(&self, guest: Option<Identifier>) -> Session {
        match (&self.speaker, guest) {
            (Speaker::Client(session), _) => session.clone(),
            (Speaker::Application, None) => self.application.clone(),
            (Speaker::Application, Some(guest)) => self.session_of(guest),
        }
    }

    fn session_of(&self, guest: Identifier) -> Session {
        let mut guests = self.lock();
        if let Some((_, session)) = guests.iter().find(|(known, _)| *known == guest) {
            return session.clone();
        }
        if guests.len() >= GUESTS_MAX {
            guests.pop_front();
        }
        let session = self.application.api().session(Grant::Guest(guest.clone()));
        guests.push_back((guest, session.clone()));
        session
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Identifier, Session)>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl LoyaltyProcessing for JsonMirror {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            level: Level::Maximum,
            cancel_one: true,
            cards: false,
            blind_refund: self.blind_refund,
        }
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        seal(self.application.words(), &self.dialect, operation)
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        let Some(place) = seal::Place::of(message) else {
            return refused(Class::Malformed, "beside", "the message is another adapter's");
        };
        let Ok(body) = core::str::from_utf8(&message.body) else {
            return refused(Class::Malformed, "body", "the message is another adapter's");
        };
        let session = self.session(place.guest);
        match session.send(&place.method, &place.path, body).await {
            Ok((status, body)) => {
                outcome(&self.dialect, self.application.words(), message, status, &body)
            }
            Err(error) => unsent(&error),
        }
    }
}

/// What an error on the way means for the message.
fn unsent(error: &ApiError) -> Outcome {
    let text = error.to_string();
    match error {
        ApiError::Unreached(_) => Outcome::Unreached(Masked::new(&text)),
        ApiError::UnknownGuest => refused(Class::UnknownGuest, "CardNotFound", &text),
        ApiError::Denied(_) => refused(Class::Settings, "Denied", &text),
        ApiError::LoginRefused => refused(Class::UnknownGuest, "LoginRefused", &text),
        _ => Outcome::InDoubt(Masked::new(&text)),
    }
}

fn refused(class: Class, code: &str, text: &str) -> Outcome {
    Outcome::Refused(Refusal { class, code: code.into(), text: Masked::new(text) })
}

impl fmt::Debug for JsonMirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = self.application.api();
        f.debug_struct("JsonMirror").field("api", api).finish_non_exhaustive()
    }
}
