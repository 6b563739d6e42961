//! Cards, what they are found by, and the masks that tell one identifier from another.

use std::fmt;
use std::time::Duration;

use regex::Regex;
use secrecy::SecretString;
use tillway_core::Timestamp;

use super::{ClientId, KeyKind};

/// A card. Its numbers are personal: no `Debug` shows them.
#[derive(Clone)]
pub struct Card {
    /// Its number.
    pub number: String,
    /// What a scanner reads; the number, for most cards.
    pub barcode: Option<String>,
    /// The magnetic tracks, without sentinels.
    pub tracks: [Option<String>; 3],
    /// How far it has come.
    pub state: CardState,
    /// Blocked by somebody.
    pub blocked: bool,
    /// Has no plastic, and cannot be replaced.
    pub is_virtual: bool,
    /// Confirms a payment with points, where a till asks for it.
    pub pin: Option<SecretString>,
    /// Whose it is; a blank card is nobody's.
    pub owner: Option<ClientId>,
}

impl Card {
    /// A plastic card that nobody has yet, its barcode its number.
    pub fn blank(number: &str) -> Self {
        Self {
            number: number.to_owned(),
            barcode: Some(number.to_owned()),
            tracks: [None, None, None],
            state: CardState::Prepared,
            blocked: false,
            is_virtual: false,
            pin: None,
            owner: None,
        }
    }

    /// The same card in the hands of its owner, activated.
    #[must_use]
    pub fn of(self, owner: ClientId) -> Self {
        Self { owner: Some(owner), state: CardState::Activated, ..self }
    }

    /// The number with all but its last four characters hidden.
    pub fn masked(&self) -> String {
        let count = self.number.chars().count();
        let shown = count.saturating_sub(4);
        let hidden = |(place, letter)| if place < shown { '*' } else { letter };
        self.number.chars().enumerate().map(hidden).collect()
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("state", &self.state).finish_non_exhaustive()
    }
}

/// How far a card has come.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CardState {
    /// Ordered.
    Creating,
    /// Has a number.
    Created,
    /// Has plastic.
    Emitted,
    /// In a box.
    Packed,
    /// In a shop, to be handed out.
    Prepared,
    /// Handed out; it earns, and cannot pay.
    Issued,
    /// In full use.
    Activated,
    /// Another card has taken its place.
    Replaced,
    /// Its time is over.
    Expired,
}

impl CardState {
    /// As the protocol writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Created => "Created",
            Self::Emitted => "Emitted",
            Self::Packed => "Packed",
            Self::Prepared => "Prepared",
            Self::Issued => "Issued",
            Self::Activated => "Activated",
            Self::Replaced => "Replaced",
            Self::Expired => "Expired",
        }
    }
}

/// A rule by which an identifier of an unknown kind is told: what its pattern matches whole is of
/// this kind once rewritten.
#[derive(Clone, Debug)]
pub struct Mask {
    /// What matches is this.
    pub kind: KeyKind,
    /// Masks are tried by this number, smaller ones first.
    pub check_order: u32,
    pattern: Regex,
    replace: String,
}

/// A pattern that is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the pattern of a mask is no regular expression")]
pub struct MaskError;

impl Mask {
    /// A rule; `pattern` is a regular expression for the whole value, `replace` what is looked up,
    /// with `$0` to `$9` for what the pattern's groups matched.
    ///
    /// # Errors
    /// [`MaskError`].
    pub fn try_new(
        kind: KeyKind,
        check_order: u32,
        pattern: &str,
        replace: &str,
    ) -> Result<Self, MaskError> {
        let pattern = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| MaskError)?;
        Ok(Self { kind, check_order, pattern, replace: replace.to_owned() })
    }

    /// What is looked up for a value, when it matches.
    pub fn rewrite(&self, value: &str) -> Option<String> {
        let found = self.pattern.captures(value)?;
        let mut rewritten = String::new();
        found.expand(&self.replace, &mut rewritten);
        Some(rewritten)
    }
}

/// A QR code of a card that lives for a while: `LMXQR1.<card number>.<code>`.
#[derive(Clone)]
pub struct QrToken {
    /// The card's number.
    pub card: String,
    /// Six digits.
    pub code: String,
    /// When it was made.
    pub made: Timestamp,
    /// How long it lives.
    pub life: Duration,
    /// The purchase it was first used for: it serves that one to the end, and no other.
    pub purchase: Option<String>,
}

impl QrToken {
    /// What stands in the QR code.
    pub fn text(&self) -> String {
        format!("LMXQR1.{}.{}", self.card, self.code)
    }
}

impl fmt::Debug for QrToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QrToken").field("made", &self.made).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_shows_its_end() {
        assert_eq!(Card::blank("2990000000019").masked(), "*********0019");
        assert_eq!(Card::blank("19").masked(), "19");
    }

    #[test]
    fn a_mask_matches_the_whole_value() {
        let mask = Mask::try_new(KeyKind::CardNumber, 1, "77([0-9]{3})", "29$1").unwrap();
        assert_eq!(mask.rewrite("77001").as_deref(), Some("29001"));
        assert_eq!(mask.rewrite("770010"), None);
        assert_eq!(Mask::try_new(KeyKind::Phone, 1, "(", "").unwrap_err(), MaskError);
    }
}
