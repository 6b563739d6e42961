//! A client's cards, and the QR code that stands for one of them for a minute.

use core::fmt;
use core::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use tillway_core::loyalty::Pin;

use super::error::ApiError;
use super::json::{Node, Unlike, nodes};
use super::registration::card;
use super::session::Session;
use super::words::{Call, Name, Words};

/// The cards of the session's client.
#[derive(Clone, Debug)]
pub struct Cards(Session);

/// A card. Its `Debug` does not show the number.
#[derive(Clone, Eq, PartialEq)]
pub struct Card {
    /// The number by which the calls here know it.
    pub id: Box<str>,
    /// What is printed on it.
    pub number: Box<str>,
    /// Its state, in the server's word.
    pub state: Box<str>,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What a QR code shows. Whoever has it can pay with the client's points: no `Debug` shows it.
#[derive(Clone)]
pub struct QrCode {
    /// The text of the code.
    pub content: SecretString,
    /// When it was made, as the server says it.
    pub made: Option<Box<str>>,
    /// How long it lives from then.
    pub lives: Duration,
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QrCode").field("lives", &self.lives).finish_non_exhaustive()
    }
}

/// What replaces a card.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The new card's number.
    pub number: SecretString,
    /// The code on it.
    pub cvc: Option<Pin>,
    /// The password of the card, where it has one.
    pub card_password: Option<SecretString>,
    /// The client's password, where the programme asks for it.
    pub password: Option<SecretString>,
}

impl Session {
    /// The cards of the session's client.
    pub fn cards(&self) -> Cards {
        Cards(self.clone())
    }
}

impl Cards {
    /// All of them.
    ///
    /// # Errors
    /// [`ApiError`], as of every method here.
    pub async fn list(&self) -> Result<Vec<Card>, ApiError> {
        self.0
            .call((Call::Cards, &[]), &[], None, |words, data| {
                let list = nodes(words, data.ok_or(NO_DATA)?, Name::Data)?;
                list.iter().map(read).collect()
            })
            .await
    }

    /// A fresh QR code of a card. The one before ends.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn qr(&self, id: &str) -> Result<QrCode, ApiError> {
        self.0.call((Call::QrCode, &[id]), &[], None, qr).await
    }

    /// The same of a client who is known by a phone or card. The session is an operator's.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn qr_of(&self, identifier: &str, number: &str) -> Result<QrCode, ApiError> {
        self.0.call((Call::QrCodeOf, &[identifier, number]), &[], None, qr).await
    }

    /// A card becomes the client's, by its number and the code on it. A repeat is refused when it
    /// was done: look at [`Cards::list`] after a lost answer.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: it is not known, belongs to somebody, or the code is wrong.
    pub async fn attach(&self, number: &str, cvc: Option<&Pin>) -> Result<(), ApiError> {
        let body = card(self.0.object(), number, cvc);
        self.0.tell(Call::SetCard, &[], Some(body.end())).await
    }

    /// A virtual card is made for the client. A client has one at most.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn emit_virtual(&self) -> Result<(), ApiError> {
        self.0.tell(Call::EmitVirtual, &[], None).await
    }

    /// A blank card is handed out by a partner.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: it is not blank any more.
    pub async fn issue(&self, id: &str, partner: &str) -> Result<(), ApiError> {
        let mut body = self.0.object();
        body.text(Name::PartnerId, partner);
        self.0.tell(Call::IssueCard, &[id], Some(body.end())).await
    }

    /// Another card takes the place of one: points and history go over, the old one is blocked.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: the old one is virtual, or the new one belongs to somebody.
    pub async fn replace(&self, id: &str, by: &Replacement) -> Result<(), ApiError> {
        let mut body = card(self.0.object(), by.number.expose_secret(), by.cvc.as_ref());
        let told = |secret: &SecretString| secret.expose_secret().to_owned();
        body.text_some(Name::CardPassword, by.card_password.as_ref().map(told).as_deref());
        body.text_some(Name::Password, by.password.as_ref().map(told).as_deref());
        self.0.tell(Call::ReplaceCard, &[id], Some(body.end())).await
    }
}

const NO_DATA: Unlike = Unlike(Name::Data.usual());

fn read(node: &Node<'_>) -> Result<Card, Unlike> {
    Ok(Card {
        id: node.text(Name::Id)?.ok_or(Unlike(Name::Id.usual()))?,
        number: node.text(Name::Number)?.ok_or(Unlike(Name::Number.usual()))?,
        state: node.text(Name::State)?.unwrap_or_default(),
    })
}

fn qr(words: &Words, data: Option<&RawValue>) -> Result<QrCode, Unlike> {
    let node = Node::of(words, data.ok_or(NO_DATA)?, Name::Data)?;
    let content = node.text(Name::Code)?.ok_or(Unlike(Name::Code.usual()))?;
    let lives = node.integer(Name::LifeTime)?.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(QrCode {
        content: content.as_ref().into(),
        made: node.text(Name::CodeGeneratedDate)?,
        lives: Duration::from_secs(lives.ok_or(Unlike(Name::LifeTime.usual()))?),
    })
}
