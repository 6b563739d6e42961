//! The desk where guests are kept.

use core::time::Duration;

use async_trait::async_trait;
use tillway_core::book::{Caller, House, Key, Op, Outcome, Party, Refusal, Scope, Why};
use tillway_core::guest::{Carrier, Guest};
use tillway_core::id::{AccountId, Fingerprint, GuestId, Uuid};
use tillway_core::port::{GuestDesk, GuestError, GuestFile, GuestRef, StatementLine};
use tillway_core::token::normal_alias;
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks};

use crate::Engine;
use crate::config::Fiscal;
use crate::drive::{DriveError, With, warn_unavailable};
use crate::payment::WRITE_MAX;
use crate::wait::within;

const TEXT_MAX: usize = 200;
const GIFTS_MAX: usize = 32;
const HINTS_MAX: usize = 16;
const PHOTO_MAX: usize = 512 * 1024;

impl From<DriveError> for GuestError {
    fn from(error: DriveError) -> Self {
        match error {
            DriveError::Refused(refusal) => Self::Refused(refusal),
            DriveError::Conflict => Self::Conflict,
            DriveError::ClockInDoubt => Self::ClockInDoubt,
            DriveError::Unavailable | DriveError::Unreadable => Self::Unavailable,
        }
    }
}

fn unavailable(error: impl core::fmt::Display) -> GuestError {
    warn_unavailable(&error);
    GuestError::Unavailable
}

#[async_trait]
impl GuestDesk for Engine {
    async fn put_guest(&self, _caller: &Caller, guest: Guest) -> Result<(), GuestError> {
        check_guest(&guest)?;
        self.put(vec![Op::PutGuest(Box::new(guest))]).await.map(drop)
    }

    async fn guest(&self, who: GuestRef) -> Result<GuestFile, GuestError> {
        self.in_time(self.file(who)).await
    }

    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, GuestError> {
        let guests = async { self.store().guests(after, limit).await.map_err(unavailable) };
        self.in_time(guests).await
    }

    async fn open_account(
        &self,
        _caller: &Caller,
        account: Account,
    ) -> Result<Account, GuestError> {
        check_text("account name", &account.name)?;
        let outcome = self.put(vec![Op::OpenAccount(Box::new(account))]).await?;
        account_of(outcome)
    }

    async fn put_carrier(&self, _caller: &Caller, carrier: Carrier) -> Result<(), GuestError> {
        let alias = normal_alias(&carrier.alias);
        check_text("carrier", &alias)?;
        let carrier = Carrier { alias, ..carrier };
        self.put(vec![Op::PutCarrier(Box::new(carrier))]).await.map(drop)
    }

    async fn put_photo(
        &self,
        _caller: &Caller,
        guest: GuestId,
        photo: Option<Box<[u8]>>,
    ) -> Result<(), GuestError> {
        if let Some(photo) = &photo {
            let jpeg = photo.starts_with(&[0xFF, 0xD8, 0xFF]);
            let png = photo.starts_with(b"\x89PNG\r\n\x1a\n");
            if photo.len() > PHOTO_MAX || !(jpeg || png) {
                let limit = "a JPEG or PNG of at most 512 KiB";
                return Err(GuestError::OutOfLimits { field: "photo", limit });
            }
        }
        self.put(vec![Op::PutPhoto { guest, photo }]).await.map(drop)
    }

    async fn top_up(
        &self,
        _caller: &Caller,
        operation: Uuid,
        account: AccountId,
        amount: Kopecks,
    ) -> Result<Account, GuestError> {
        if self.0.config.fiscal != Fiscal::ExternalDeclared {
            return Err(GuestError::NoRegister);
        }
        let from = Party::House(House::Declared);
        let paid = self.pay_in(Scope::TopUp, operation, account, amount, from, Why::TopUp);
        self.in_time(paid).await
    }

    async fn accrue(
        &self,
        _caller: &Caller,
        operation: Uuid,
        account: AccountId,
        amount: Kopecks,
    ) -> Result<Account, GuestError> {
        let from = Party::House(House::BonusIssued);
        let paid = self.pay_in(Scope::Accrue, operation, account, amount, from, Why::Accrual);
        self.in_time(paid).await
    }

    async fn set_terms(
        &self,
        _caller: &Caller,
        account: AccountId,
        overdraft: Option<Kopecks>,
        status: Option<AccountStatus>,
    ) -> Result<Account, GuestError> {
        account_of(self.put(vec![Op::SetTerms { account, overdraft, status }]).await?)
    }

    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, GuestError> {
        let lines = async {
            let known = self.store().account(account).await.map_err(unavailable)?;
            known.ok_or(Refusal::UnknownWallet)?;
            self.store().statement(account, before, limit).await.map_err(unavailable)
        };
        self.in_time(lines).await
    }

    async fn mint_token(&self, alias: &str, ttl: Duration) -> Result<String, GuestError> {
        let config = &self.0.config;
        let kid = config.mint_with.as_deref().ok_or(GuestError::NoTokenKey)?;
        let alias = normal_alias(alias);
        let carrier = async { self.store().carrier(&alias).await.map_err(unavailable) };
        self.in_time(carrier).await?.ok_or(Refusal::UnknownGuest)?;
        let jti = self.0.ports.ids.secret();
        let minted = config.tokens.keys.mint(kid, &alias, self.wall(), ttl, jti);
        minted.map_err(|_| GuestError::OutOfLimits {
            field: "token",
            limit: "a configured key, and a life of 1 to 120 seconds",
        })
    }
}

impl Engine {
    /// Waits for the store, but no longer than a write may take.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, GuestError>>,
    ) -> Result<T, GuestError> {
        let done = within(&*self.0.ports.clock, WRITE_MAX, work).await;
        done.unwrap_or(Err(GuestError::Unavailable))
    }

    async fn put(&self, ops: Vec<Op>) -> Result<Option<Outcome>, GuestError> {
        let commit = async { Ok(self.commit(&With::default(), ops).await?) };
        match self.in_time(commit).await? {
            Some((outcomes, _)) => Ok(outcomes.into_iter().next()),
            None => Err(GuestError::Unavailable),
        }
    }

    async fn file(&self, who: GuestRef) -> Result<GuestFile, GuestError> {
        let store = self.store();
        let guest = match &who {
            GuestRef::Id(id) => store.guest(*id).await,
            GuestRef::ClientId(id) => store.guest_by_client_id(id).await,
            GuestRef::Carrier(alias) => {
                let carrier = store.carrier(&normal_alias(alias)).await.map_err(unavailable)?;
                match carrier {
                    Some(carrier) => store.guest(carrier.guest).await,
                    None => Ok(None),
                }
            }
        };
        let guest = guest.map_err(unavailable)?.ok_or(Refusal::UnknownGuest)?;
        let accounts = store.accounts(guest.id).await.map_err(unavailable)?;
        let carriers = store.carriers(guest.id).await.map_err(unavailable)?;
        Ok(GuestFile { guest, accounts, carriers })
    }

    async fn pay_in(
        &self,
        scope: Scope,
        operation: Uuid,
        account: AccountId,
        amount: Kopecks,
        from: Party,
        why: Why,
    ) -> Result<Account, GuestError> {
        let known = self.store().account(account).await.map_err(unavailable)?;
        let bonus = known.ok_or(Refusal::UnknownWallet)?.kind == AccountKind::Bonus;
        if bonus != (scope == Scope::Accrue) {
            return Err(Refusal::BadMovement.into());
        }
        let mut body = account.0.as_bytes().to_vec();
        body.extend_from_slice(&amount.0.to_be_bytes());
        let key = Key { scope, id: operation, attempt: 1, body: Fingerprint::of(&body) };
        let op = Op::Move { from, to: Party::Guest(account), amount, why, by: operation };
        let with = With { key: Some(key), guard: None };
        self.commit(&with, vec![op]).await?;
        // A repeat answers from the account as it stands now, so both read it.
        let now = self.store().account(account).await.map_err(unavailable)?;
        now.ok_or(GuestError::Unavailable)
    }
}

fn account_of(outcome: Option<Outcome>) -> Result<Account, GuestError> {
    match outcome {
        Some(Outcome::Account(account)) => Ok(*account),
        _ => Err(GuestError::Unavailable),
    }
}

fn check_text(field: &'static str, text: &str) -> Result<(), GuestError> {
    if text.trim().is_empty() || text.len() > TEXT_MAX {
        return Err(GuestError::OutOfLimits { field, limit: "1 to 200 bytes" });
    }
    Ok(())
}

fn check_guest(guest: &Guest) -> Result<(), GuestError> {
    check_text("client id", &guest.client_id)?;
    let names = &guest.names;
    for text in [&names.salutation, &names.first, &names.patronymic, &names.last] {
        if text.as_ref().is_some_and(|t| t.len() > TEXT_MAX) {
            return Err(GuestError::OutOfLimits { field: "name", limit: "200 bytes" });
        }
    }
    if guest.card.as_ref().is_some_and(|card| card.len() > TEXT_MAX) {
        return Err(GuestError::OutOfLimits { field: "card", limit: "200 bytes" });
    }
    for text in guest.gifts.iter().chain(&guest.hints) {
        check_text("gift or hint", text)?;
    }
    if guest.gifts.len() > GIFTS_MAX || guest.hints.len() > HINTS_MAX {
        let limit = "32 gifts and 16 hints";
        return Err(GuestError::OutOfLimits { field: "gifts and hints", limit });
    }
    if let Some(phone) = &guest.phone
        && tillway_core::token::phone_of(phone).as_ref() != Some(phone)
    {
        return Err(GuestError::OutOfLimits { field: "phone", limit: "E.164, as +79161234567" });
    }
    Ok(())
}
