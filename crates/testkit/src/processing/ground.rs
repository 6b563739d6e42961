//! Where a case runs.

use std::sync::Arc;

use async_trait::async_trait;
use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{Answer, Carrier, Coupon, Line, PurchaseId, Sale};
use tillway_core::port::processing::{Class, Command, Operation, Outcome, SealError, Sealed};
use tillway_core::port::{IdSource, LoyaltyProcessing};

use super::house::{CARD, PAID, POINTS, SOLD, cash, cheque, guest};
use super::{Books, Change, Need, Trouble, Venue, list};
use crate::conformance::{Case, Executor, Failure, Suite, check, same};
use crate::runtime::CountingIds;

/// A processing at its venue, and the words that cases are written in.
#[derive(Debug)]
pub struct Ground {
    venue: Box<dyn Venue>,
    /// `None` only while the program is started anew.
    processing: Option<Arc<dyn LoyaltyProcessing>>,
    ids: CountingIds,
    /// Operations that were asked for.
    asked: Vec<Uuid>,
    /// What the guest must have in the end.
    points: Kopecks,
    coupons: u32,
}

#[async_trait]
impl Suite for Ground {
    type Venue = dyn Venue;
    type Need = Need;

    fn cases() -> &'static [Case<Self>] {
        list::cases()
    }

    fn executor(venue: &dyn Venue) -> Arc<dyn Executor> {
        venue.executor()
    }

    async fn open(mut venue: Box<dyn Venue>) -> Result<Self, Failure> {
        let processing = Some(venue.connect().await);
        same(venue.books(), Books { points: POINTS, ..Books::default() })?;
        let (ids, asked) = (CountingIds::new(), Vec::new());
        Ok(Self { venue, processing, ids, asked, points: POINTS, coupons: 20 })
    }

    fn meets(&mut self, need: Need) -> bool {
        let capabilities = self.processing().capabilities();
        match need {
            Need::CancelOne => capabilities.cancel_one,
            Need::Cards => capabilities.cards,
            Need::BlindRefund => capabilities.blind_refund,
            other => self.venue.has(other),
        }
    }

    /// The guest has the points that the case told, and nothing was done unasked or twice.
    async fn inspect(&mut self) -> Result<(), Failure> {
        let books = self.books();
        same(books.points, self.points)?;
        for id in &books.done {
            check(self.asked.contains(id), "something was done that nobody asked for")?;
            same(books.done.iter().filter(|other| *other == id).count(), 1)?;
        }
        Ok(())
    }
}

impl Ground {
    /// The processing.
    ///
    /// # Panics
    /// When an earlier [`Ground::restart`] panicked half-way.
    pub fn processing(&self) -> &dyn LoyaltyProcessing {
        match &self.processing {
            Some(processing) => processing.as_ref(),
            None => panic!("the program is stopped"),
        }
    }

    /// The venue.
    pub fn venue(&mut self) -> &mut dyn Venue {
        self.venue.as_mut()
    }

    /// The truth.
    pub fn books(&self) -> Books {
        self.venue.books()
    }

    /// The program stops and is started anew.
    pub async fn restart(&mut self) {
        self.processing = None;
        self.processing = Some(self.venue.connect().await);
    }

    /// Somebody changes something at the processing.
    pub async fn change(&mut self, change: Change) {
        self.venue.change(change).await;
    }

    /// The guest must have this in the end.
    pub fn expects(&mut self, points: Kopecks) {
        self.points = points;
    }

    /// An operation under a fresh id.
    pub fn operation(&self, command: Command) -> Operation {
        let cashier = Some("Кассир 1".into());
        Operation { id: self.ids.fresh(), at: self.venue.now(), cashier, command }
    }

    /// The message of a command, under a fresh id. It is asked for, whether it is sent or not.
    ///
    /// # Errors
    /// When there is none.
    pub fn seal(&mut self, command: Command) -> Result<Sealed, Failure> {
        self.try_seal(command).map_err(|error| Failure::new(error.to_string()))
    }

    /// As [`Self::seal`].
    ///
    /// # Errors
    /// What the processing said.
    pub fn try_seal(&mut self, command: Command) -> Result<Sealed, SealError> {
        let operation = self.operation(command);
        let sealed = self.processing().seal(&operation)?;
        self.asked.push(operation.id);
        Ok(sealed)
    }

    /// Sends a message, and holds the outcome against the truth.
    ///
    /// # Errors
    /// When it is not true.
    pub async fn send(&mut self, message: &Sealed) -> Result<Outcome, Failure> {
        let count = |books: &Books| books.done.iter().filter(|id| **id == message.id).count();
        let before = count(&self.books());
        let outcome = self.processing().send(message).await;
        let after = count(&self.books());
        match &outcome {
            Outcome::Done(_) => same(after, 1)?,
            Outcome::Refused(refusal) if refusal.is_done(message.kind) => {}
            Outcome::Refused(_) | Outcome::Unreached(_) => same(after, before)?,
            Outcome::InDoubt(_) => check(after <= 1, "it was done twice")?,
        }
        Ok(outcome)
    }

    /// Sends a message that something befalls; then the link is whole again.
    ///
    /// # Errors
    /// When the outcome is not true.
    pub async fn troubled(
        &mut self,
        trouble: Trouble,
        message: &Sealed,
    ) -> Result<Outcome, Failure> {
        self.venue.befall(trouble).await;
        let outcome = self.send(message).await;
        self.venue.mend().await;
        outcome
    }

    /// As [`Self::troubled`], for trouble after which nobody knows.
    ///
    /// # Errors
    /// When something else is said.
    pub async fn doubted(&mut self, trouble: Trouble, message: &Sealed) -> Result<(), Failure> {
        match self.troubled(trouble, message).await? {
            Outcome::InDoubt(_) => Ok(()),
            other => Err(Failure::new(format!("{trouble:?} should be in doubt: {other:?}"))),
        }
    }

    /// What a command comes to.
    ///
    /// # Errors
    /// When it cannot be told, or the outcome is not true.
    pub async fn ask(&mut self, command: Command) -> Result<Outcome, Failure> {
        let message = self.seal(command)?;
        self.send(&message).await
    }

    /// A command that is done.
    ///
    /// # Errors
    /// When it is not.
    pub async fn done(&mut self, command: Command) -> Result<Answer, Failure> {
        let kind = command.kind();
        match self.ask(command).await? {
            Outcome::Done(answer) => Ok(*answer),
            other => Err(Failure::new(format!("{kind:?} should be done: {other:?}"))),
        }
    }

    /// A command that is refused, and why.
    ///
    /// # Errors
    /// When it is not.
    pub async fn refused(&mut self, command: Command) -> Result<Class, Failure> {
        let kind = command.kind();
        match self.ask(command).await? {
            Outcome::Refused(refusal) => Ok(refusal.class),
            other => Err(Failure::new(format!("{kind:?} should be refused: {other:?}"))),
        }
    }

    /// A message that is sent again: it is done, whether by this or by the first time.
    ///
    /// # Errors
    /// When that is not what is said, or it is not done once.
    pub async fn repeated(&mut self, message: &Sealed) -> Result<(), Failure> {
        match self.send(message).await? {
            Outcome::Done(_) => {}
            Outcome::Refused(refusal) if refusal.is_done(message.kind) => {}
            other => {
                let what = format!("{:?} should be done by now: {other:?}", message.kind);
                return Err(Failure::new(what));
            }
        }
        same(self.books().done.iter().filter(|id| **id == message.id).count(), 1)
    }

    /// A number that no other sale has.
    pub fn number(&self) -> PurchaseId {
        self.ids.fresh().into()
    }

    /// Tea and cheese of the guest at the prices of the till, with a coupon where there are some.
    pub fn sale(&mut self) -> Sale {
        let number = self.coupons;
        self.coupons = number.saturating_add(1);
        let coupon = Coupon { carrier: Carrier::Barcode, value: format!("SPRING-{number}").into() };
        let coupons = if self.venue.has(Need::Coupons) { vec![coupon] } else { Vec::new() };
        let (purchase, cheque) = (self.number(), cheque(self.venue.now()));
        Sale { purchase, guest: Some(guest(CARD)), cheque, coupons, params: Vec::new() }
    }

    /// Such a sale with its discounts.
    ///
    /// # Errors
    /// When they are not granted, or do not add up.
    pub async fn calculated(&mut self) -> Result<Sale, Failure> {
        let mut sale = self.sale();
        let answer = self.done(Command::Calculate { sale: sale.clone(), wish: None }).await?;
        let cheque = sale.cheque.discounted(&answer);
        sale.cheque = cheque.map_err(|error| Failure::new(error.to_string()))?;
        Ok(sale)
    }

    /// Such a sale with points reserved for it.
    ///
    /// # Errors
    /// When they are not.
    pub async fn paid(&mut self) -> Result<Sale, Failure> {
        let sale = self.calculated().await?;
        self.done(pay(&sale, PAID)).await?;
        Ok(sale)
    }

    /// Such a sale, paid and final.
    ///
    /// # Errors
    /// When it is not.
    pub async fn closed(&mut self) -> Result<Sale, Failure> {
        let sale = self.paid().await?;
        self.done(accrue(&sale, PAID)?).await?;
        Ok(sale)
    }

    /// Such a sale, confirmed.
    ///
    /// # Errors
    /// When it is not.
    pub async fn sold(&mut self) -> Result<Sale, Failure> {
        let sale = self.closed().await?;
        self.done(Command::Confirm { purchase: sale.purchase.clone() }).await?;
        self.expects(SOLD);
        Ok(sale)
    }

    /// A refund of these lines, under a number of its own.
    pub fn back(&self, of: Option<&Sale>, lines: Vec<Line>) -> Sale {
        let mut cheque = cheque(self.venue.now());
        (cheque.number, cheque.lines) = (Some("7-0051".into()), lines);
        let known = of.and_then(|sale| sale.guest.clone());
        Sale {
            purchase: self.number(),
            guest: known,
            cheque,
            coupons: Vec::new(),
            params: Vec::new(),
        }
    }

    /// The guest's balance as the processing tells it.
    ///
    /// # Errors
    /// When it tells none.
    pub async fn balance(&mut self, card: &str) -> Result<Kopecks, Failure> {
        let answer = self.done(Command::Balance { guest: guest(card) }).await?;
        answer.balance.ok_or_else(|| Failure::new("no balance"))
    }
}

/// Points for a sale.
pub(super) fn pay(sale: &Sale, amount: Kopecks) -> Command {
    Command::Pay { sale: sale.clone(), amount, pin: None }
}

/// The points that a sale earns, of which so much was paid with points.
pub(super) fn accrue(sale: &Sale, paid: Kopecks) -> Result<Command, Failure> {
    let total = sale.cheque.total().map_err(|error| Failure::new(error.to_string()))?;
    Ok(Command::Accrue { sale: sale.clone(), pays: cash(total.sub(paid)?) })
}

/// A refund of a sale.
pub(super) fn refund(back: &Sale, of: Option<&Sale>) -> Command {
    let of = of.map(|sale| sale.purchase.clone());
    Command::Refund { sale: back.clone(), of, transaction: None }
}

/// One pack of the tea that was sold.
pub(super) fn half_the_tea() -> Line {
    super::house::tea(Kopecks(13_500), Quantity::ONE)
}
