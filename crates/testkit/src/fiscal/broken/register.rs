//! What a broken register does.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::fiscal::{
    DocumentKind, Mark, Method, Operator, Paid, Receipt, ReceiptKind, Registered, Tender, VatRate,
};
use tillway_core::id::Uuid;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{
    Attempt, Capabilities, Cause, Device, DeviceStatus, Exchange, Fiscal, FiscalOutcome, Found,
    RegisterError, Shift, ShiftTotals, Slip, SlipItem,
};

use crate::conformance::Executor;
use crate::fiscal::broken::Flaw;
use crate::fiscal::ground::likeness;
use crate::fiscal::{Piece, Trouble, Venue};

/// A venue whose register is broken.
#[derive(Debug)]
pub struct BrokenVenue<V> {
    flaw: Flaw,
    right: V,
    memory: Arc<Mutex<Memory>>,
}

impl<V: Venue> BrokenVenue<V> {
    /// Breaks the register of this venue.
    pub fn new(flaw: Flaw, right: V) -> Self {
        Self { flaw, right, memory: Arc::default() }
    }
}

#[async_trait]
impl<V: Venue> Venue for BrokenVenue<V> {
    async fn connect(&mut self) -> Arc<dyn FiscalRegister> {
        let inner = self.right.connect().await;
        {
            let mut memory = lock(&self.memory);
            let now = core::mem::take(&mut memory.this_run);
            memory.runs_before.extend(now);
        }
        Arc::new(Broken { flaw: self.flaw, inner, memory: Arc::clone(&self.memory) })
    }
    async fn advance(&mut self, by: Duration) {
        self.right.advance(by).await;
    }
    async fn befall(&mut self, trouble: Trouble) {
        self.right.befall(trouble).await;
    }
    async fn mend(&mut self) {
        self.right.mend().await;
    }
    async fn write_as_another(&mut self, what: &Fiscal) {
        self.right.write_as_another(what).await;
    }
    fn documents(&self) -> Vec<Registered> {
        self.right.documents()
    }
    fn tape(&self) -> Vec<Piece> {
        self.right.tape()
    }
    fn executor(&self) -> Arc<dyn Executor> {
        self.right.executor()
    }
}

/// A register with a flaw.
#[derive(Debug)]
pub struct Broken {
    flaw: Flaw,
    inner: Arc<dyn FiscalRegister>,
    memory: Arc<Mutex<Memory>>,
}

/// What it keeps in mind.
#[derive(Debug, Default)]
struct Memory {
    this_run: BTreeSet<Uuid>,
    runs_before: BTreeSet<Uuid>,
    /// The last receipt that it wrote.
    receipt: Option<Receipt>,
    /// The receipt that is open.
    open: Option<Receipt>,
    made_up: u64,
    /// What could not be sent.
    later: Vec<Fiscal>,
    /// Attempts whose calls have not been answered.
    unanswered: BTreeSet<Uuid>,
    /// What it was told last.
    mark: Option<Mark>,
    shift: Option<Shift>,
    /// The sums of shifts that are over.
    totals: Vec<ShiftTotals>,
}

/// All of a receipt in one payment.
fn by_card(receipt: &Receipt) -> Vec<Paid> {
    let amount = receipt.total().unwrap_or_default();
    vec![Paid { tender: Tender::Card, amount }]
}

/// Lets others go on once.
async fn once_around() {
    let mut first = true;
    poll_fn(|context| {
        if core::mem::take(&mut first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Broken {
    /// Writes something that nobody asked for, from where the memory stands.
    async fn write_more(&self, what: &Fiscal) -> FiscalOutcome {
        let id = {
            let mut memory = lock(&self.memory);
            memory.made_up = memory.made_up.saturating_add(1);
            Uuid::from_u64_pair(u64::MAX, memory.made_up)
        };
        match self.inner.mark().await {
            Ok(before) => self.inner.register(&Attempt { id, before }, what).await,
            Err(error) => FiscalOutcome::NotWritten(error),
        }
    }

    /// The attempt as the right register gets it, and whether it saw it before.
    fn is_seen(&self, id: Uuid) -> bool {
        let mut memory = lock(&self.memory);
        let now = !memory.this_run.insert(id);
        match self.flaw {
            Flaw::PrintsTwice => now,
            Flaw::ForgetsRuns => memory.runs_before.contains(&id),
            _ => false,
        }
    }

    /// What the right register is asked to write instead of this.
    fn twist(&self, what: &Fiscal) -> Fiscal {
        let Fiscal::Receipt(receipt) = what else { return what.clone() };
        let receipt = (**receipt).clone();
        Fiscal::Receipt(Box::new(match self.flaw {
            Flaw::SellsReturns => Receipt { kind: ReceiptKind::Sell, ..receipt },
            Flaw::ForgetsTheBasis => Receipt { basis: None, ..receipt },
            Flaw::PaysByCard => Receipt { paid: by_card(&receipt), ..receipt },
            _ => receipt,
        }))
    }

    /// A refusal that the right register would not give.
    fn refuses(&self, what: &Fiscal) -> bool {
        let Fiscal::Receipt(receipt) = what else { return false };
        receipt.lines.iter().any(|line| match self.flaw {
            Flaw::KnowsOneRate => line.vat == VatRate::Vat5,
            Flaw::KnowsNoCredit => line.method == Method::Credit,
            _ => false,
        })
    }

    async fn send(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome {
        if self.is_seen(attempt.id) {
            return self.write_more(what).await;
        }
        if self.refuses(what) {
            return FiscalOutcome::NotWritten(RegisterError::new(Cause::BadTask, ""));
        }
        if self.flaw == Flaw::ReportsNothing
            && matches!(what, Fiscal::Exchange(_))
            && let Ok(mark) = self.inner.mark().await
        {
            let number = mark.last.saturating_add(1);
            let made_up = Registered::new(DocumentKind::Exchange, number);
            return FiscalOutcome::Written(Box::new(made_up));
        }
        let what = &self.twist(what);
        if self.flaw == Flaw::ChecksLate
            && let Err(error) = self.inner.mark().await
        {
            return FiscalOutcome::NotWritten(error);
        }
        let outcome = self.inner.register(attempt, what).await;
        let cause = match &outcome {
            FiscalOutcome::NotWritten(error) => Some(error.cause),
            _ => None,
        };
        match (self.flaw, cause) {
            (Flaw::OpensTheShift, Some(Cause::ShiftClosed))
                if matches!(what, Fiscal::Receipt(_)) =>
            {
                self.write_more(&Fiscal::OpenShift(None)).await;
                self.inner.register(attempt, what).await
            }
            (Flaw::RenewsTheShift, Some(Cause::ShiftExpired)) => {
                self.write_more(&Fiscal::CloseShift(None)).await;
                self.write_more(&Fiscal::OpenShift(None)).await;
                self.inner.register(attempt, what).await
            }
            (Flaw::TakesAlreadyForDone, Some(Cause::ShiftOpen | Cause::ShiftClosed))
                if !matches!(what, Fiscal::Receipt(_)) =>
            {
                let start = Mark { last: 0, ..attempt.before.clone() };
                let last = self.last(what, &start, |_| true).await;
                last.map_or(outcome, FiscalOutcome::Written)
            }
            (Flaw::KeepsForLater, Some(Cause::Link)) => {
                lock(&self.memory).later.push(what.clone());
                outcome
            }
            _ => outcome,
        }
    }

    /// What it answers when the right register answers this.
    fn tell(&self, outcome: FiscalOutcome) -> FiscalOutcome {
        match (self.flaw, outcome) {
            (Flaw::TakesSilenceForRefusal, FiscalOutcome::InDoubt(error)) => {
                FiscalOutcome::NotWritten(error)
            }
            (Flaw::HidesUnprinted, FiscalOutcome::Written(document)) => {
                FiscalOutcome::Written(Box::new(Registered { unprinted: false, ..*document }))
            }
            (Flaw::MiscountsReceipts, FiscalOutcome::Written(document)) => {
                let receipts = document.receipts.map(|count| count.saturating_add(1));
                FiscalOutcome::Written(Box::new(Registered { receipts, ..*document }))
            }
            (_, outcome) => outcome,
        }
    }

    /// Another document than the one that was written, when somebody else has written meanwhile.
    async fn take_the_last(&self, outcome: FiscalOutcome) -> FiscalOutcome {
        if !matches!(outcome, FiscalOutcome::Written(_)) {
            return outcome;
        }
        once_around().await;
        let Ok(now) = self.inner.mark().await else { return outcome };
        match self.inner.document(now.last).await {
            Ok(Some(last)) => FiscalOutcome::Written(Box::new(last)),
            _ => outcome,
        }
    }

    /// The last document of the kind behind a mark that this says yes to.
    async fn last(
        &self,
        what: &Fiscal,
        before: &Mark,
        fits: impl Fn(&Registered) -> bool + Send,
    ) -> Option<Box<Registered>> {
        let (kind, now) = (likeness(what).0, self.inner.mark().await.ok()?);
        for number in (before.last.saturating_add(1)..=now.last).rev() {
            let document = self.inner.document(number).await.ok()??;
            if document.kind == kind && fits(&document) {
                return Some(Box::new(document));
            }
        }
        None
    }

    async fn look(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        if self.flaw == Flaw::ForgetsTheDropped
            && lock(&self.memory).unanswered.contains(&attempt.id)
        {
            return Found::NotWritten;
        }
        let mut from = attempt.clone();
        if self.flaw == Flaw::ForgetsTheMark {
            from.before.last = 0;
        }
        let found = self.inner.find(&from, what).await;
        let total = likeness(what).1;
        match (self.flaw, found) {
            (Flaw::FindsNothing, Found::Written(_))
            | (Flaw::IgnoresTheMemory, Found::Person(_))
            | (Flaw::ConcludesInTheDark, Found::NotYet(_)) => Found::NotWritten,
            (Flaw::FindsAnySum, Found::NotWritten) => {
                let any = self.last(what, &attempt.before, |_| true).await;
                any.map_or(Found::NotWritten, Found::Written)
            }
            (Flaw::FindsForeign, Found::NotWritten) if total.is_some() => {
                let like = |document: &Registered| document.total == total;
                let like = self.last(what, &attempt.before, like).await;
                like.map_or(Found::NotWritten, Found::Written)
            }
            (Flaw::FindsTheLast, Found::Person(evidence)) => {
                match evidence.candidates.last().cloned() {
                    Some(last) => Found::Written(Box::new(last)),
                    None => Found::Person(evidence),
                }
            }
            (Flaw::SendsWhatItMisses, Found::NotWritten) => match self.write_more(what).await {
                FiscalOutcome::Written(document) => Found::Written(document),
                _ => Found::NotWritten,
            },
            (_, found) => found,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl FiscalRegister for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    async fn probe(&self) -> Result<Device, RegisterError> {
        let device = self.inner.probe().await?;
        let other = self.flaw == Flaw::NamesAnotherMemory;
        Ok(if other { Device { memory: "0".into(), ..device } } else { device })
    }
    async fn status(&self) -> Result<DeviceStatus, RegisterError> {
        let status = self.inner.status().await?;
        let paper = status.paper || self.flaw == Flaw::HidesNoPaper;
        Ok(DeviceStatus { paper, ..status })
    }
    async fn shift(&self) -> Result<Shift, RegisterError> {
        let shift = self.inner.shift().await;
        let mut memory = lock(&self.memory);
        match (self.flaw, shift) {
            (Flaw::AnswersInTheDark, Err(error)) => memory.shift.ok_or(error),
            (Flaw::TellsNoEnd, Ok(shift)) => Ok(Shift { expires: None, ..shift }),
            (_, shift) => {
                memory.shift = shift.clone().ok().or(memory.shift);
                shift
            }
        }
    }
    async fn totals(&self) -> Result<ShiftTotals, RegisterError> {
        let mut totals = self.inner.totals().await?;
        if self.flaw == Flaw::CountsReturns {
            let back = &totals.sell_return;
            totals.sell.count = totals.sell.count.saturating_add(back.count);
            totals.sell.sum = totals.sell.sum.add(back.sum).unwrap_or(totals.sell.sum);
        }
        if self.flaw == Flaw::CarriesTotals {
            let memory = lock(&self.memory);
            for old in memory.totals.iter().filter(|old| old.shift != totals.shift) {
                totals.sell.count = totals.sell.count.saturating_add(old.sell.count);
                totals.sell.sum = totals.sell.sum.add(old.sell.sum).unwrap_or(totals.sell.sum);
            }
        }
        Ok(totals)
    }
    async fn exchange(&self) -> Result<Exchange, RegisterError> {
        self.inner.exchange().await
    }
    async fn mark(&self) -> Result<Mark, RegisterError> {
        let mark = self.inner.mark().await;
        let mut memory = lock(&self.memory);
        match (self.flaw, mark) {
            (Flaw::AnswersInTheDark, Err(error)) => memory.mark.clone().ok_or(error),
            (_, mark) => {
                memory.mark = mark.clone().ok().or(memory.mark.take());
                mark
            }
        }
    }
    async fn document(&self, number: u32) -> Result<Option<Registered>, RegisterError> {
        self.inner.document(number).await
    }

    async fn register(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome {
        lock(&self.memory).unanswered.insert(attempt.id);
        if self.flaw == Flaw::CarriesTotals
            && matches!(what, Fiscal::CloseShift(_))
            && let Ok(totals) = self.inner.totals().await
        {
            lock(&self.memory).totals.push(totals);
        }
        let mut outcome = self.send(attempt, what).await;
        match self.flaw {
            Flaw::TakesTheLast => outcome = self.take_the_last(outcome).await,
            Flaw::ForgetsTheDropped => once_around().await,
            _ => {}
        }
        lock(&self.memory).unanswered.remove(&attempt.id);
        if let (FiscalOutcome::Written(_), Fiscal::Receipt(receipt)) = (&outcome, what) {
            lock(&self.memory).receipt = Some((**receipt).clone());
            if self.flaw == Flaw::WritesBeside {
                self.write_more(&Fiscal::Exchange(None)).await;
            }
        }
        self.tell(outcome)
    }

    async fn find(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        self.look(attempt, what).await
    }

    async fn open_receipt(
        &self,
        attempt: &Attempt,
        receipt: &Receipt,
    ) -> Result<(), RegisterError> {
        let opened = self.inner.open_receipt(attempt, receipt).await;
        match (self.flaw, &opened) {
            (Flaw::OpensForAReceipt, Err(error)) if error.cause == Cause::ShiftClosed => {
                self.write_more(&Fiscal::OpenShift(None)).await;
                self.inner.open_receipt(attempt, receipt).await?;
            }
            (Flaw::OpensUnchecked, Err(error)) if error.cause == Cause::BadReceipt => {}
            _ => opened?,
        }
        lock(&self.memory).open = Some(receipt.clone());
        Ok(())
    }

    async fn close_receipt(&self, attempt: &Attempt, paid: &[Paid]) -> FiscalOutcome {
        let open = lock(&self.memory).open.clone();
        let right = match (self.flaw, open) {
            (Flaw::TakesAnyPayment, Some(open)) => by_card(&open),
            _ => paid.to_vec(),
        };
        let outcome = self.inner.close_receipt(attempt, &right).await;
        if let FiscalOutcome::Written(_) = outcome {
            let mut memory = lock(&self.memory);
            memory.receipt = memory.open.take();
        }
        self.tell(outcome)
    }

    async fn annul_receipt(&self) -> Result<(), RegisterError> {
        let (open, paid) = {
            let mut memory = lock(&self.memory);
            (memory.open.take(), memory.receipt.take())
        };
        match (self.flaw, open, paid) {
            (Flaw::LeavesItOpen, Some(_), _) => Ok(()),
            (Flaw::AnnulsAfterPay, None, Some(receipt)) => {
                let back = Receipt { kind: ReceiptKind::SellReturn, ..receipt };
                self.write_more(&Fiscal::Receipt(Box::new(back))).await;
                Ok(())
            }
            _ => self.inner.annul_receipt().await,
        }
    }

    async fn report_x(&self, operator: Option<&Operator>) -> Result<(), RegisterError> {
        match self.inner.report_x(operator).await {
            Err(error)
                if self.flaw == Flaw::PrintsXWhenClosed && error.cause == Cause::ShiftClosed => {}
            printed => printed?,
        }
        if self.flaw == Flaw::ClosesForX {
            self.write_more(&Fiscal::CloseShift(None)).await;
        }
        Ok(())
    }

    async fn print(&self, slip: &Slip) -> Result<(), RegisterError> {
        match self.flaw {
            Flaw::SwallowsSlips => Ok(()),
            Flaw::CutsSlips => {
                let items = slip.items.iter().take(500).cloned().collect();
                self.inner.print(&Slip { items }).await
            }
            _ => self.inner.print(slip).await,
        }
    }

    async fn print_again(&self, number: u32) -> Result<(), RegisterError> {
        let receipt = lock(&self.memory).receipt.clone();
        match (self.flaw, receipt, self.inner.document(number).await?) {
            (Flaw::CopiesByWriting, Some(receipt), Some(document))
                if matches!(document.kind, DocumentKind::Receipt(_)) =>
            {
                self.write_more(&Fiscal::Receipt(Box::new(receipt))).await;
                Ok(())
            }
            (Flaw::CopiesNothing, _, None) => Ok(()),
            _ => self.inner.print_again(number).await,
        }
    }

    async fn continue_print(&self) -> Result<(), RegisterError> {
        match self.flaw {
            Flaw::NeverGoesOn => self.inner.status().await.map(|_| ()),
            Flaw::PrintsOverNothing if !self.inner.status().await?.blocked => {
                let items = vec![SlipItem::Text("продолжение".into())];
                self.inner.print(&Slip { items }).await
            }
            Flaw::KeepsForLater => {
                self.inner.continue_print().await?;
                let later = core::mem::take(&mut lock(&self.memory).later);
                for what in later {
                    self.write_more(&what).await;
                }
                Ok(())
            }
            _ => self.inner.continue_print().await,
        }
    }
}
