//! Guests and their accounts, for desks, commands and integrators.

use core::time::Duration;

use async_trait::async_trait;

use crate::book::{Caller, Refusal};
use crate::guest::{Carrier, Guest};
use crate::id::{AccountId, GuestId, Uuid};
use crate::port::{Port, StatementLine};
use crate::{Account, AccountStatus, Kopecks};

/// The desk where guests are kept.
///
/// Money calls carry an `operation` id: the same id with the same request changes nothing again.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait GuestDesk: Port {
    /// Creates or replaces a guest.
    async fn put_guest(&self, caller: &Caller, guest: Guest) -> Result<(), GuestError>;

    /// A guest with accounts and carriers.
    async fn guest(&self, who: GuestRef) -> Result<GuestFile, GuestError>;

    /// Guests by id, from the one after `after`; at most 1 000.
    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, GuestError>;

    /// Opens an account; a repeat finds it.
    async fn open_account(&self, caller: &Caller, account: Account) -> Result<Account, GuestError>;

    /// Creates or replaces a carrier; its alias is normalised.
    async fn put_carrier(&self, caller: &Caller, carrier: Carrier) -> Result<(), GuestError>;

    /// Replaces the photo (JPEG or PNG, at most 512 KiB), or removes it.
    async fn put_photo(
        &self,
        caller: &Caller,
        guest: GuestId,
        photo: Option<Box<[u8]>>,
    ) -> Result<(), GuestError>;

    /// Money into a credit or deposit account, whose receipt was printed elsewhere (F3).
    ///
    /// # Errors
    /// [`GuestError::NoRegister`] unless the venue declares that receipts are printed outside.
    async fn top_up(
        &self,
        caller: &Caller,
        operation: Uuid,
        account: AccountId,
        amount: Kopecks,
    ) -> Result<Account, GuestError>;

    /// Points into a bonus account.
    async fn accrue(
        &self,
        caller: &Caller,
        operation: Uuid,
        account: AccountId,
        amount: Kopecks,
    ) -> Result<Account, GuestError>;

    /// Changes overdraft or status. Live holds stay good (F14).
    async fn set_terms(
        &self,
        caller: &Caller,
        account: AccountId,
        overdraft: Option<Kopecks>,
        status: Option<AccountStatus>,
    ) -> Result<Account, GuestError>;

    /// Movements of an account, newest first.
    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, GuestError>;

    /// A dynamic token for a carrier of the guest, to show as a QR code; lives at most 120 s.
    async fn mint_token(&self, alias: &str, ttl: Duration) -> Result<String, GuestError>;
}

/// How a guest is named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GuestRef {
    /// By id.
    Id(GuestId),
    /// By the venue's own number.
    ClientId(Box<str>),
    /// By a carrier.
    Carrier(Box<str>),
}

/// A guest with all that belongs to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GuestFile {
    /// The guest.
    pub guest: Guest,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Carriers.
    pub carriers: Vec<Carrier>,
}

/// Why a call failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// The book said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The operation id belongs to another request.
    #[error("the operation id belongs to another request")]
    Conflict,
    /// No register prints the receipt, and the venue does not declare an outside one (F3).
    #[error("no register prints the receipt of this movement")]
    NoRegister,
    /// No key is configured to sign tokens with.
    #[error("no token key is configured")]
    NoTokenKey,
    /// A text is empty or too long, a list too long, a picture too large or of another format.
    #[error("{field} is out of its limits: {limit}")]
    OutOfLimits {
        /// Which field.
        field: &'static str,
        /// What is allowed.
        limit: &'static str,
    },
    /// The wall clock is in doubt (F34): no money comes in until it is right, or a person confirms
    /// it.
    #[error("the clock is in doubt, and new money waits for a person to confirm it")]
    ClockInDoubt,
    /// The store cannot be reached, or the outcome is unknown: repeat with the same id.
    #[error("the desk is not available")]
    Unavailable,
}
