//! Points that are kept at a loyalty processing, shown and spent beside the accounts of the book
//! (F10).
//!
//! Each guest has a **points wallet** here: an account of the kind bonus that is at zero. What is
//! shown of it is what the processing says; a payment first brings its points in, takes them, and
//! so leaves it at zero again. So everything that the book guarantees about payments (one key, one
//! effect; the order's total; tombstones) holds for these too, and the points themselves are
//! counted in one place, the processing's.
//!
//! A payment is one purchase at the processing, named after the transaction. Its stream
//! ([`PurchaseFlow`](tillway_core::flow::PurchaseFlow)) and the book move in the same commits:
//!
//! | durable | at the processing | if the program dies here |
//! |---|---|---|
//! | points brought in and held; *calculate* written | nothing, or discounts | recovery: given up, tombstone, *cancel* |
//! | *pay* written | nothing, or points reserved | the same |
//! | captured, *pay* answered | points reserved | nothing missing |
//! | cancelled, *cancel* written | points reserved | *cancel* is sent until it is answered |
//! | closed, *accrue* and *confirm* written | points reserved | both are sent until they are answered |
//!
//! An order takes one payment with points at a time, and none from local bonus accounts: those are
//! not shown at such a venue.

mod back;
mod letters;
mod outbox;
mod recipe;
mod take;

use core::time::Duration;
use std::sync::Arc;

use tillway_core::book::{House, Op, Party, Refusal, Why};
use tillway_core::flow::{decode_lines, purchase};
use tillway_core::guest::Guest;
use tillway_core::id::{AccountId, GuestId, HoldId, OrderId, PaymentId, Uuid};
use tillway_core::loyalty::{Answer, Identifier, IdentifierKind, PurchaseId, Sale};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Command, Operation, Outcome, Sealed};
use tillway_core::port::{LoyaltyProcessing, PayError, ReadError, Sheet};
use tillway_core::{Account, AccountKind, AccountStatus, Kopecks};

use crate::Engine;
use crate::drive::{DriveError, With};
use crate::wait::within;

pub(crate) use back::{By, Seen, TRIES};
pub use letters::{PointsJudgement, PointsLetter};

use recipe::Recipe;

/// A processing that keeps the points of the venue's guests.
#[derive(Clone, Debug)]
pub struct Points {
    /// The processing, for calls of this engine alone: it is its own till there.
    ///
    /// Direct discounts should not be set up for that till: the bill is iiko's, and the points are
    /// laid on what the processing thinks it costs.
    pub processing: Arc<dyn LoyaltyProcessing>,
    /// What the processing knows our guests by: the first of these that a guest has is told, and no
    /// other is tried. A guest who has none of it has no points wallet. Where cards are the venue's
    /// own and unknown there, name phones alone.
    pub known_by: Vec<KnownBy>,
    /// What the waiter reads.
    pub wallet: Box<str>,
    /// The processing's name for all payments but points, told when the order is closed; without
    /// one they are not told.
    pub rest: Option<Box<str>>,
    /// How long a screen waits for the processing; then it shows no points.
    pub read_max: Duration,
    /// How long a payment waits for the processing; then it is cancelled.
    pub pay_max: Duration,
    /// How long an order may stay open with points before a person is asked.
    pub patience: Duration,
}

/// What a processing knows a guest by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KnownBy {
    /// The number of the guest's card.
    Card,
    /// The guest's phone.
    Phone,
}

impl Points {
    /// Points at this processing, under the usual terms.
    pub fn new(processing: Arc<dyn LoyaltyProcessing>) -> Self {
        Self {
            processing,
            known_by: vec![KnownBy::Card, KnownBy::Phone],
            wallet: "Баллы".into(),
            rest: None,
            read_max: Duration::from_millis(1_500),
            pay_max: Duration::from_secs(8),
            patience: Duration::from_secs(48 * 3_600),
        }
    }

    fn identifier(&self, guest: &Guest) -> Option<Identifier> {
        let known = |by: &KnownBy| {
            let (kind, value) = match by {
                KnownBy::Card => (IdentifierKind::CardNumber, guest.card.as_deref()?),
                KnownBy::Phone => (IdentifierKind::Phone, guest.phone.as_deref()?),
            };
            let value = value.trim_start_matches('+');
            (!value.is_empty()).then(|| Identifier { kind, value: value.into() })
        };
        self.known_by.iter().find_map(known)
    }
}

/// Where what is on a wallet is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kept {
    /// In the book.
    Here,
    /// At the processing.
    Elsewhere,
    /// Nowhere that counts: local points, where points are at a processing.
    Nowhere,
}

/// The name under which the engine's purchases are listed.
const TILL: &str = "waiter";

/// The purchase of an attempt to pay.
fn purchase_of(payment: PaymentId, attempt: u16) -> Uuid {
    match attempt {
        0 | 1 => payment.0,
        later => Uuid::new_v5(&payment.0, format!("attempt {later}").as_bytes()),
    }
}

/// The hold of a payment that is on its way.
fn hold_of(recipe: &Recipe) -> HoldId {
    let purchase = purchase_of(recipe.payment, recipe.attempt);
    HoldId(Uuid::new_v5(&purchase, b"points"))
}

/// The shelf of the engine's purchases.
fn shelf() -> Box<str> {
    purchase::shelf(TILL)
}

fn doubt(why: &str) -> Outcome {
    Outcome::InDoubt(Masked::new(why))
}

/// Points come into a wallet, or go back out of it.
fn bring(account: AccountId, amount: Kopecks, by: Uuid) -> Op {
    let (from, to) = (Party::House(House::BonusIssued), Party::Guest(account));
    Op::Move { from, to, amount, why: Why::Accrual, by }
}

fn take_out(account: AccountId, amount: Kopecks, by: Uuid) -> Op {
    let (from, to) = (Party::Guest(account), Party::House(House::BonusIssued));
    Op::Move { from, to, amount, why: Why::Accrual, by }
}

impl Engine {
    pub(crate) fn points(&self) -> Option<&Points> {
        self.0.config.points.as_ref()
    }

    /// The points wallet of a guest.
    pub(crate) fn points_wallet(&self, guest: GuestId) -> AccountId {
        let name = format!("points {}", guest.0);
        AccountId(Uuid::new_v5(&self.0.config.installation, name.as_bytes()))
    }

    /// Where a wallet of the order's guest is kept. Whatever is nobody's is for the book to refuse.
    pub(crate) async fn wallet(&self, order: OrderId, wallet: AccountId) -> Result<Kept, PayError> {
        if self.points().is_none() {
            return Ok(Kept::Here);
        }
        let sheet = self.store().sheet(order).await.map_err(crate::payment::unavailable)?;
        let Some(sheet) = sheet else { return Ok(Kept::Here) };
        let Some(guest) = &sheet.guest else { return Ok(Kept::Here) };
        let account = sheet.accounts.iter().find(|account| account.id == wallet);
        Ok(match account {
            Some(account) if account.kind != AccountKind::Bonus => Kept::Here,
            Some(account) if account.id == self.points_wallet(guest.id) => Kept::Elsewhere,
            Some(_) => Kept::Nowhere,
            None => Kept::Here,
        })
    }

    /// Why nothing is set aside on a wallet: the points of a processing are taken or left.
    pub(crate) async fn unheld(
        &self,
        order: OrderId,
        wallet: AccountId,
    ) -> Result<Option<Refusal>, PayError> {
        Ok(match self.wallet(order, wallet).await? {
            Kept::Here => None,
            Kept::Elsewhere => Some(Refusal::InsufficientFunds { limit: Kopecks::ZERO }),
            Kept::Nowhere => Some(Refusal::UnknownWallet),
        })
    }

    /// The guest's accounts, the points wallet among them where there can be one.
    pub(crate) async fn with_points_wallet(
        &self,
        guest: &Guest,
        mut accounts: Vec<Account>,
    ) -> Result<Vec<Account>, DriveError> {
        let Some(points) = self.points() else { return Ok(accounts) };
        let id = self.points_wallet(guest.id);
        let known = accounts.iter().any(|account| account.id == id);
        if !known && points.identifier(guest).is_some() {
            let (kind, name) = (AccountKind::Bonus, points.wallet.clone());
            let account = Account::new(id, guest.id, kind, name, Kopecks::ZERO);
            let open = Op::OpenAccount(Box::new(account.clone()));
            self.commit(&With::default(), vec![open]).await?;
            accounts.push(account);
        }
        Ok(accounts)
    }

    /// Accounts as they are shown: this much on the points wallet, no local points.
    pub(crate) fn shown_accounts(
        &self,
        guest: GuestId,
        accounts: &mut Vec<Account>,
        points: Kopecks,
    ) {
        if self.points().is_none() {
            return;
        }
        let id = self.points_wallet(guest);
        accounts.retain(|account| account.kind != AccountKind::Bonus || account.id == id);
        for account in accounts.iter_mut().filter(|account| account.id == id) {
            account.balance = points;
            (account.held, account.held_own) = (Kopecks::ZERO, Kopecks::ZERO);
        }
    }

    /// A sheet as it is shown. What a payment on its way holds is not: it is no hold of iiko's.
    fn shown_sheet(&self, mut sheet: Sheet, points: Kopecks) -> Sheet {
        if let (Some(guest), true) = (sheet.guest.as_ref().map(|g| g.id), self.points().is_some()) {
            let id = self.points_wallet(guest);
            let held = sheet.holds.iter().filter(|hold| hold.account == id);
            let held = Kopecks::total(held.filter_map(|hold| hold.amount().ok()));
            let live = &mut sheet.order.live.held.bonus;
            *live = live.sub(held.unwrap_or_default()).unwrap_or_default().floor_zero();
            sheet.holds.retain(|hold| hold.account != id);
            self.shown_accounts(guest, &mut sheet.accounts, points);
        }
        sheet
    }

    /// An order with what its guest may pay from points now.
    pub(crate) async fn payable_sheet(&self, order: OrderId) -> Result<Option<Sheet>, ReadError> {
        let sheet = self.store().sheet(order).await?;
        if self.points().is_none() {
            return Ok(sheet);
        }
        let Some(sheet) = sheet else { return Ok(None) };
        let points = self.points_allowed(&sheet).await;
        Ok(Some(self.shown_sheet(sheet, points)))
    }

    /// An order with the points that its guest has.
    pub(crate) async fn balance_sheet(&self, sheet: Sheet) -> Sheet {
        let points = match &sheet.guest {
            Some(guest) => self.points_balance(guest).await,
            None => Kopecks::ZERO,
        };
        self.shown_sheet(sheet, points)
    }

    /// The points of a guest; none when the processing does not say in time.
    pub(crate) async fn points_balance(&self, guest: &Guest) -> Kopecks {
        let identifier = self.points().and_then(|points| points.identifier(guest));
        let Some(guest) = identifier else { return Kopecks::ZERO };
        let answer = self.ask_points(Command::Balance { guest }).await;
        answer.and_then(|answer| answer.balance.or(answer.points)).unwrap_or_default().floor_zero()
    }

    /// What the guest of an order may pay from points; nothing without lines, while a payment is
    /// on its way or taken, or when the processing does not say in time.
    async fn points_allowed(&self, sheet: &Sheet) -> Kopecks {
        if sheet.order.live.has(AccountKind::Bonus) || sheet.order.payer().is_none() {
            return Kopecks::ZERO;
        }
        let purchase = Uuid::new_v5(&sheet.order.id.0, b"points");
        let Some(sale) = self.sale(sheet, purchase) else { return Kopecks::ZERO };
        let answer = self.ask_points(Command::Available { sale }).await;
        answer.and_then(|answer| answer.amount).unwrap_or_default().floor_zero()
    }

    /// The sale of an order's guest with the lines that the plugin told; `None` without them.
    fn sale(&self, sheet: &Sheet, purchase: Uuid) -> Option<Sale> {
        let guest = sheet.guest.as_ref()?;
        let guest = self.points()?.identifier(guest)?;
        let lines = decode_lines(sheet.order.lines.as_ref()?).ok()?;
        let cheque = recipe::cheque(&lines, self.now())?;
        let (purchase, params) = (PurchaseId::from(purchase), Vec::new());
        Some(Sale { purchase, guest: Some(guest), cheque, coupons: Vec::new(), params })
    }

    /// Asks something that only reads.
    async fn ask_points(&self, command: Command) -> Option<Answer> {
        let points = self.points()?;
        let id = self.0.ports.ids.fresh();
        let operation = Operation { id, at: self.now(), cashier: None, command };
        match self.send_points(&operation, points.read_max).await {
            Outcome::Done(answer) => Some(*answer),
            outcome => {
                tracing::warn!(?outcome, "no points are shown");
                None
            }
        }
    }

    /// Sends a message, and waits no longer than this.
    async fn send_points(&self, operation: &Operation, most: Duration) -> Outcome {
        let Some(points) = self.points() else { return doubt("no processing") };
        match points.processing.seal(operation) {
            Ok(sealed) => self.send_sealed(&sealed, most).await,
            Err(error) => {
                tracing::error!(%error, "a message to the processing cannot be made");
                Outcome::Unreached(Masked::new(&error.to_string()))
            }
        }
    }

    async fn send_sealed(&self, sealed: &Sealed, most: Duration) -> Outcome {
        let Some(points) = self.points() else { return doubt("no processing") };
        let sent = points.processing.send(sealed);
        let answered = within(&*self.0.ports.clock, most, sent).await;
        answered.unwrap_or_else(|| doubt("no answer in time"))
    }

    fn patience_ms(&self) -> u64 {
        let patience = self.points().map_or(Duration::ZERO, |points| points.patience);
        u64::try_from(patience.as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes points that came into a wallet out of it again; nothing where a person blocked it.
    async fn taken_out(
        &self,
        account: AccountId,
        amount: Kopecks,
        by: Uuid,
    ) -> Result<Vec<Op>, DriveError> {
        let row = self.store().account(account).await?;
        let free = row.is_some_and(|row| row.status == AccountStatus::Active);
        Ok(if free && amount.is_positive() {
            vec![take_out(account, amount, by)]
        } else {
            Vec::new()
        })
    }
}
