//! Where a case runs.

use core::time::Duration;
use std::sync::Arc;

use async_trait::async_trait;
use tillway_core::Kopecks;
use tillway_core::fiscal::{
    DocumentKind, Evidence, Line, Mark, Measure, Method, Object, Paid, Quantity, Receipt,
    ReceiptKind, Registered, Tender, VatRate,
};
use tillway_core::port::fiscal::{
    Attempt, Fiscal, FiscalOutcome, Found, RegisterError, Shift, ShiftState,
};
use tillway_core::port::{FiscalRegister, IdSource};

use super::{Need, Trouble, Venue, list, rules};
use crate::conformance::{Case, Executor, Failure, Suite, check, same};
use crate::runtime::CountingIds;

/// How often a register that cannot say now is asked again, and after how long.
const ASKS_MAX: u32 = 50;
const ASK_EVERY: Duration = Duration::from_secs(10);

/// A register at its venue, and the words that cases are written in.
#[derive(Debug)]
pub struct Ground {
    venue: Box<dyn Venue>,
    /// `None` only while the program is started anew.
    register: Option<Arc<dyn FiscalRegister>>,
    ids: CountingIds,
    sales: u32,
    /// Totals that more than one receipt has on purpose.
    doubled: Vec<Kopecks>,
}

/// What became of an attempt in the end. It was held against the truth.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Settled {
    /// It is in the memory.
    Written(Box<Registered>),
    /// It is not, and will not be.
    NotWritten,
    /// Only a person can say.
    Person(Box<Evidence>),
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
        let register = venue.connect().await;
        register.probe().await?;
        let (ids, sales, doubled) = (CountingIds::new(), 0, Vec::new());
        Ok(Self { venue, register: Some(register), ids, sales, doubled })
    }

    fn meets(&mut self, need: Need) -> bool {
        let capabilities = self.register().capabilities();
        match need {
            Need::Ids => capabilities.ids,
            Need::OpenReceipt => capabilities.open_receipt,
            Need::Operations => capabilities.operations,
        }
    }

    /// The rules of a fiscal memory: see `rules.rs`.
    async fn inspect(&mut self) -> Result<(), Failure> {
        self.venue.mend().await;
        self.finish_paper().await?;
        rules::check(&self.venue.documents(), &self.venue.tape(), &self.doubled)
    }
}

impl Ground {
    /// The register.
    ///
    /// # Panics
    /// When an earlier [`Ground::restart`] panicked half-way.
    pub fn register(&self) -> &dyn FiscalRegister {
        match &self.register {
            Some(register) => register.as_ref(),
            None => panic!("the program is stopped"),
        }
    }

    /// The venue.
    pub fn venue(&mut self) -> &mut dyn Venue {
        self.venue.as_mut()
    }

    /// The program stops and is started anew.
    ///
    /// # Errors
    /// When the register does not answer.
    pub async fn restart(&mut self) -> Result<(), Failure> {
        self.register = None;
        self.register = Some(self.venue.connect().await);
        self.register().probe().await?;
        Ok(())
    }

    /// An attempt with a fresh id, from where the memory stands.
    ///
    /// # Errors
    /// When the register does not say where.
    pub async fn attempt(&self) -> Result<Attempt, Failure> {
        Ok(self.attempt_from(self.register().mark().await?))
    }

    /// An attempt with a fresh id, from a mark that was read before.
    pub fn attempt_from(&self, before: Mark) -> Attempt {
        Attempt { id: self.ids.fresh(), before }
    }

    /// A sale by card, whose total no other receipt of the case has.
    pub fn sale(&mut self) -> Receipt {
        self.sales = self.sales.saturating_add(1);
        receipt(ReceiptKind::Sell, Kopecks(i64::from(self.sales) * 100 + 36_001), Tender::Card)
    }

    /// As [`Ground::sale`], as a document.
    pub fn sale_document(&mut self) -> Fiscal {
        Fiscal::Receipt(Box::new(self.sale()))
    }

    /// Says that receipts with this total are more than one on purpose.
    pub fn double(&mut self, total: Kopecks) {
        self.doubled.push(total);
    }

    /// Opens a shift.
    ///
    /// # Errors
    /// When it is not written at once.
    pub async fn open_shift(&mut self) -> Result<Registered, Failure> {
        self.write(&Fiscal::OpenShift(None)).await
    }

    /// Writes a document under a fresh attempt, and expects the register to say so at once.
    ///
    /// # Errors
    /// When it does not, or it is not true.
    pub async fn write(&mut self, what: &Fiscal) -> Result<Registered, Failure> {
        let attempt = self.attempt().await?;
        match self.register().register(&attempt, what).await {
            FiscalOutcome::Written(document) => {
                self.is_true(&attempt, what, &document)?;
                Ok(*document)
            }
            other => Err(Failure::new(format!("{what:?} should be written: {other:?}"))),
        }
    }

    /// Asks for a document under a fresh attempt, and expects a refusal that leaves no trace.
    ///
    /// # Errors
    /// When it is not refused, or something was written.
    pub async fn refused(&mut self, what: &Fiscal) -> Result<RegisterError, Failure> {
        let attempt = self.attempt().await?;
        let before = self.venue.documents();
        match self.register().register(&attempt, what).await {
            FiscalOutcome::NotWritten(error) => {
                same(self.venue.documents(), before)?;
                Ok(error)
            }
            other => Err(Failure::new(format!("{what:?} should be refused: {other:?}"))),
        }
    }

    /// A document under a fresh attempt while something befalls the register; then everything is
    /// mended, and what became of it is found out.
    ///
    /// # Errors
    /// When the register says what is not true, or never says anything.
    pub async fn troubled(&mut self, trouble: Trouble, what: &Fiscal) -> Result<Settled, Failure> {
        let attempt = self.attempt().await?;
        self.venue.befall(trouble).await;
        let outcome = self.register().register(&attempt, what).await;
        self.venue.mend().await;
        self.settle(&attempt, what, outcome).await
    }

    /// What became of an attempt in the end: what the register answered, or what it finds when it
    /// is asked until it can say. All of that must be true.
    ///
    /// # Errors
    /// When it is not, or the register never says.
    pub async fn settle(
        &mut self,
        attempt: &Attempt,
        what: &Fiscal,
        outcome: FiscalOutcome,
    ) -> Result<Settled, Failure> {
        match outcome {
            FiscalOutcome::Written(document) => {
                self.is_true(attempt, what, &document)?;
                self.finish_paper().await?;
                Ok(Settled::Written(document))
            }
            FiscalOutcome::NotWritten(error) => {
                self.is_nowhere(attempt, what, &format!("refused as {error}"))?;
                self.finish_paper().await?;
                Ok(Settled::NotWritten)
            }
            FiscalOutcome::InDoubt(_) => {
                let settled = self.find(attempt, what).await?;
                self.finish_paper().await?;
                Ok(settled)
            }
        }
    }

    /// Asks what became of an attempt until the register can say, and holds it against the truth.
    ///
    /// # Errors
    /// When it is not true, or the register never says.
    pub async fn find(&mut self, attempt: &Attempt, what: &Fiscal) -> Result<Settled, Failure> {
        let mut last = None;
        for _ in 0..ASKS_MAX {
            match self.register().find(attempt, what).await {
                Found::Written(document) => {
                    self.is_true(attempt, what, &document)?;
                    return Ok(Settled::Written(document));
                }
                Found::NotWritten => {
                    self.is_nowhere(attempt, what, "found not written")?;
                    return Ok(Settled::NotWritten);
                }
                Found::Person(evidence) => return Ok(Settled::Person(evidence)),
                Found::NotYet(error) => last = Some(error),
            }
            // A print that was interrupted may be all that keeps the register from saying.
            let _ = self.register().continue_print().await;
            self.venue.advance(ASK_EVERY).await;
        }
        Err(Failure::new(format!("never says what became of {what:?}: {last:?}")))
    }

    /// Goes on printing until nothing is left.
    ///
    /// # Errors
    /// When it never ends.
    pub async fn finish_paper(&mut self) -> Result<(), Failure> {
        let mut last = Ok(());
        for _ in 0..ASKS_MAX {
            last = self.register().continue_print().await;
            if last.is_ok() {
                return Ok(());
            }
            self.venue.advance(ASK_EVERY).await;
        }
        last.map_err(|error| Failure::new(format!("never goes on printing: {error}")))
    }

    /// The documents that are in the memory.
    pub fn documents(&self) -> Vec<Registered> {
        self.venue.documents()
    }

    /// How many documents there are.
    pub fn count(&self) -> usize {
        self.venue.documents().len()
    }

    /// Receipts in the memory that have kind and total of this one.
    pub fn like(&self, what: &Fiscal) -> Vec<Registered> {
        let (kind, total) = likeness(what);
        let documents = self.venue.documents().into_iter();
        documents.filter(|document| (document.kind, document.total) == (kind, total)).collect()
    }

    /// The shift as the register says.
    ///
    /// # Errors
    /// When its state is another.
    pub async fn shift_is(&self, state: ShiftState) -> Result<Shift, Failure> {
        let shift = self.register().shift().await?;
        same(shift.state, state)?;
        Ok(shift)
    }

    /// Whether a document that the register names is the one in the memory.
    fn is_true(&self, attempt: &Attempt, what: &Fiscal, said: &Registered) -> Result<(), Failure> {
        let (kind, total) = likeness(what);
        same((said.kind, said.total.or(total)), (kind, total))?;
        check(said.number > attempt.before.last, "a document is later than the mark before it")?;
        let documents = self.venue.documents();
        match documents.iter().find(|document| document.number == said.number) {
            Some(document) => same((document.kind, document.total), (kind, total)),
            None => Err(Failure::new(format!("said {said:?}, the memory has no such number"))),
        }
    }

    /// Whether the memory has nothing of an attempt.
    fn is_nowhere(&self, attempt: &Attempt, what: &Fiscal, said: &str) -> Result<(), Failure> {
        let operation = attempt.id.to_string();
        let ours = |document: &&Registered| {
            document.number > attempt.before.last
                && document.operation.as_deref().is_none_or(|it| it == operation)
                && !document.total.is_some_and(|total| self.doubled.contains(&total))
        };
        match self.like(what).iter().find(ours) {
            None => Ok(()),
            Some(document) => Err(Failure::new(format!("{said}, but there is {document:?}"))),
        }
    }
}

/// A receipt of one line.
pub fn receipt(kind: ReceiptKind, total: Kopecks, tender: Tender) -> Receipt {
    let line = Line {
        name: "Американо".into(),
        price: total,
        quantity: Quantity::ONE,
        amount: total,
        vat: VatRate::Vat22,
        method: Method::FullPayment,
        object: Object::Commodity,
        measure: Measure::Piece,
        mark: None,
    };
    Receipt {
        kind,
        basis: None,
        taxation: None,
        operator: None,
        contact: None,
        place: None,
        lines: vec![line],
        paid: vec![Paid { tender, amount: total }],
        electronic: false,
        notes: Vec::new(),
    }
}

/// What a document looks like in the memory: kind and total.
pub(super) fn likeness(what: &Fiscal) -> (DocumentKind, Option<Kopecks>) {
    match what {
        Fiscal::OpenShift(_) => (DocumentKind::OpenShift, None),
        Fiscal::CloseShift(_) => (DocumentKind::CloseShift, None),
        Fiscal::Exchange(_) => (DocumentKind::Exchange, None),
        Fiscal::Receipt(receipt) => {
            let total = receipt.total().ok();
            match &receipt.basis {
                None => (DocumentKind::Receipt(receipt.kind), total),
                Some(_) => (DocumentKind::Correction(receipt.kind), total),
            }
        }
    }
}
