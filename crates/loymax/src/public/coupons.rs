//! What a coupon is for, before it is used.

use core::fmt;

use super::error::ApiError;
use super::json::{Node, Unlike};
use super::session::Session;
use super::words::{Call, Name};

/// A coupon as the processing knows it. Worth money: its `Debug` shows the state alone.
#[derive(Clone, Eq, PartialEq)]
pub struct CouponInfo {
    /// Its number.
    pub number: Box<str>,
    /// What its QR code says.
    pub qr: Option<Box<str>>,
    /// Its state.
    pub state: CouponState,
    /// What it is for.
    pub description: Option<Box<str>>,
    /// Until when, as the server says it.
    pub until: Option<Box<str>>,
}

impl fmt::Debug for CouponInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CouponInfo").field("state", &self.state).finish_non_exhaustive()
    }
}

/// The state of a coupon (loymax.md 5.3).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CouponState {
    /// Made, not handed out.
    Created,
    /// Handed out: it can be used.
    Issued,
    /// Being handed out.
    QueuedToIssue,
    /// Reserved by a purchase that is not confirmed.
    QueuedToUse,
    /// Used.
    Used,
    /// Taken back.
    Rejected,
    /// Too old.
    Expired,
    /// Another one, in the server's word.
    Other(Box<str>),
}

impl CouponState {
    const ALL: [(&'static str, Self); 7] = [
        ("Created", Self::Created),
        ("Issued", Self::Issued),
        ("QueuedToIssue", Self::QueuedToIssue),
        ("QueuedToUse", Self::QueuedToUse),
        ("Used", Self::Used),
        ("Rejected", Self::Rejected),
        ("Expired", Self::Expired),
    ];

    fn of(word: &str) -> Self {
        let found = Self::ALL.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        found.map_or_else(|| Self::Other(word.into()), |(_, state)| state)
    }

    /// What the cashier is told.
    pub fn for_cashier(&self) -> &'static str {
        match self {
            Self::Issued => "Купон действует.",
            Self::Created | Self::QueuedToIssue => "Купон ещё не выдан.",
            Self::QueuedToUse => "Купон занят другой покупкой.",
            Self::Used => "Купон уже использован.",
            Self::Rejected => "Купон отозван.",
            Self::Expired => "Срок купона истёк.",
            Self::Other(_) => "Купон нельзя применить.",
        }
    }
}

impl Session {
    /// What is known of a coupon.
    ///
    /// # Errors
    /// [`ApiError::Refused`]: there is none of this number.
    pub async fn coupon(&self, number: &str) -> Result<CouponInfo, ApiError> {
        self.call((Call::Coupon, &[number]), &[], None, |words, data| {
            let data = data.ok_or(Unlike(Name::Data.usual()))?;
            let node = Node::of(words, data, Name::Data)?;
            let state = node.text(Name::State)?.ok_or(Unlike(Name::State.usual()))?;
            Ok(CouponInfo {
                number: node.text(Name::Code)?.ok_or(Unlike(Name::Code.usual()))?,
                qr: node.text(Name::QrContent)?,
                state: CouponState::of(&state),
                description: node.text(Name::Description)?,
                until: node.text(Name::ExpiryDate)?,
            })
        })
        .await
    }
}
