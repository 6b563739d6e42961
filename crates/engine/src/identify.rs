//! Who is behind a scanned value (iiko note 1.6).

use tillway_core::book::{Payer, TokenId, TokenUse};
use tillway_core::guest::{Guest, Identification};
use tillway_core::port::TableRefusal;
use tillway_core::token::{Dynamic, Identified, Scan, TokenRefusal, check_carrier, read_value};

use crate::Engine;
use crate::drive::warn_unavailable;

/// A guest, and how sure we are.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) guest: Guest,
    pub(crate) payer: Payer,
    pub(crate) once: Option<TokenUse>,
    /// What else the reader found in the value (row W55).
    pub(crate) attributes: Vec<(String, String)>,
}

impl Engine {
    /// Finds the guest of a scanned value.
    pub(crate) async fn identify(&self, scan: &Scan) -> Result<Found, TableRefusal> {
        let reading = read_value(scan, self.wall(), &self.0.config.tokens).map_err(refusal)?;
        let attributes = reading.attributes;
        let (alias, phone, token) = match reading.identified {
            Identified::Dynamic(dynamic) => (dynamic.carrier.clone(), None, Some(dynamic)),
            Identified::Static { alias, phone } => (alias, phone, None),
        };
        let once = token.as_ref().map(token_use);
        if let Some(guest) = self.by_carrier(&alias).await? {
            return found(guest, Identification::Strong, once, attributes);
        }
        let Some(phone) = phone else { return Err(TableRefusal::UnknownCard) };
        let mut guests = self.store().guests_by_phone(&phone).await.map_err(unavailable)?;
        match (guests.pop(), guests.is_empty()) {
            (Some(guest), true) => found(guest, Identification::Weak, None, attributes),
            (Some(_), false) => Err(TableRefusal::Ambiguous),
            (None, _) => Err(TableRefusal::UnknownCard),
        }
    }

    async fn by_carrier(&self, alias: &str) -> Result<Option<Guest>, TableRefusal> {
        let Some(carrier) = self.store().carrier(alias).await.map_err(unavailable)? else {
            return Ok(None);
        };
        check_carrier(&carrier, self.wall()).map_err(refusal)?;
        let guest = self.store().guest(carrier.guest).await.map_err(unavailable)?;
        guest.map(Some).ok_or(TableRefusal::UnknownCard)
    }
}

fn found(
    guest: Guest,
    identified: Identification,
    once: Option<TokenUse>,
    attributes: Vec<(String, String)>,
) -> Result<Found, TableRefusal> {
    if guest.blocked {
        return Err(TableRefusal::CardBlocked);
    }
    let payer = Payer { guest: guest.id, identified, token: once.map(|t| t.id) };
    Ok(Found { guest, payer, once, attributes })
}

fn token_use(token: &Dynamic) -> TokenUse {
    TokenUse { id: TokenId(token.jti), expires: token.refused_from() }
}

/// The store cannot be read, or a sum of the book does not fit.
pub(crate) fn unavailable(error: impl core::fmt::Display) -> TableRefusal {
    warn_unavailable(&error);
    TableRefusal::Unavailable
}

fn refusal(refusal: TokenRefusal) -> TableRefusal {
    match refusal {
        TokenRefusal::EmptyValue => TableRefusal::EmptyValue,
        TokenRefusal::BadValue => TableRefusal::BadValue,
        TokenRefusal::TokenExpired => TableRefusal::TokenExpired,
        TokenRefusal::TokenInvalid => TableRefusal::TokenInvalid,
        TokenRefusal::UnknownCard => TableRefusal::UnknownCard,
        TokenRefusal::CardBlocked => TableRefusal::CardBlocked,
        TokenRefusal::CardExpired => TableRefusal::CardExpired,
        // A reader of the integrator's own failed, or one that this version does not know.
        _ => TableRefusal::Unavailable,
    }
}
