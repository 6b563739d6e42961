//! Where a case runs.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::terminal::{
    Approval, Attempt, Decline, Known, MoneyOutcome, Operation, Original, Resolution, ResolveBy,
    TerminalError, TwoPhase,
};
use tillway_core::port::{CardTerminal, IdSource};

use super::{Move, MoveKind, Need, Trouble, Venue, list};
use crate::conformance::{Case, Executor, Failure, Suite, check, same};
use crate::runtime::CountingIds;

/// How often a terminal that cannot say now is asked again, and after how long.
const ASKS_MAX: u32 = 60;
const ASK_EVERY: Duration = Duration::from_secs(20);

/// A terminal at its venue, and the words that cases are written in.
#[derive(Debug)]
pub struct Ground {
    venue: Box<dyn Venue>,
    /// `None` only while the program is started anew.
    terminal: Option<Arc<dyn CardTerminal>>,
    ids: CountingIds,
    journal: Journal,
    /// What the bank must have in the end.
    told: Vec<Move>,
    /// Operations that a person has to look at: the bank has them or not.
    open: Vec<Move>,
    sales: u32,
}

/// What became of an attempt in the end. It was held against the truth.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Settled {
    /// Money was moved.
    Done(Box<Approval>),
    /// It was not, and will not be.
    NotDone,
    /// Only a person can say.
    Person,
}

/// What the case has journaled: whose a reference number is.
#[derive(Clone, Debug, Default)]
struct Journal(Arc<Mutex<BTreeMap<Box<str>, Attempt>>>);

#[async_trait]
impl Known for Journal {
    async fn owner(&self, reference: &str) -> Result<Option<Uuid>, TerminalError> {
        let owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(owners.get(reference).map(|attempt| attempt.id))
    }
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
        let terminal = venue.connect().await;
        terminal.probe().await?;
        Ok(Self {
            venue,
            terminal: Some(terminal),
            ids: CountingIds::new(),
            journal: Journal::default(),
            told: Vec::new(),
            open: Vec::new(),
            sales: 0,
        })
    }

    fn meets(&mut self, need: Need) -> bool {
        let capabilities = self.terminal().capabilities();
        match need {
            Need::TwoPhase => capabilities.two_phase == TwoPhase::Native,
            Need::Resolve => capabilities.resolve != ResolveBy::Person,
            Need::PartialCancel => capabilities.partial_cancel,
            Need::Totals => capabilities.totals,
            Need::Partial => self.venue.befalls(Trouble::Partial),
            Need::Offline => self.venue.befalls(Trouble::Offline),
        }
    }

    /// What the bank must have: what was told, and nothing else.
    async fn inspect(&mut self) -> Result<(), Failure> {
        self.venue.mend().await;
        // What is late comes now, or never.
        self.venue.advance(Duration::from_secs(3_600)).await;
        let (mut truth, mut told) = (self.venue.moves(), self.told.clone());
        truth.sort();
        told.sort();
        for open in &self.open {
            // Whether the bank has it is for a person to say.
            let extra = truth.iter().filter(|it| it == &open).count()
                > told.iter().filter(|it| it == &open).count();
            if extra {
                told.push(*open);
                told.sort();
            }
        }
        same(truth, told)
    }
}

impl Ground {
    /// The terminal.
    ///
    /// # Panics
    /// When an earlier [`Ground::restart`] panicked half-way.
    pub fn terminal(&self) -> &dyn CardTerminal {
        match &self.terminal {
            Some(terminal) => terminal.as_ref(),
            None => panic!("the program is stopped"),
        }
    }

    /// Another handle on the terminal.
    pub fn handle(&self) -> Arc<dyn CardTerminal> {
        match &self.terminal {
            Some(terminal) => Arc::clone(terminal),
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
    /// When the terminal does not answer.
    pub async fn restart(&mut self) -> Result<(), Failure> {
        self.terminal = None;
        self.terminal = Some(self.venue.connect().await);
        self.terminal().probe().await?;
        Ok(())
    }

    /// An attempt with a fresh id, begun now.
    pub fn attempt(&self) -> Attempt {
        Attempt { id: self.ids.fresh(), at: self.venue.now() }
    }

    /// An amount that no other payment of the case has.
    pub fn amount(&mut self) -> Kopecks {
        self.sales = self.sales.saturating_add(1);
        Kopecks(i64::from(self.sales) * 1_000 + 36_001)
    }

    /// A payment of such an amount, approved at once.
    ///
    /// # Errors
    /// When it is not, or it is not true.
    pub async fn pay(&mut self) -> Result<Approval, Failure> {
        let amount = self.amount();
        self.approved(&Operation::Pay { amount }).await
    }

    /// An operation under a fresh attempt, approved at once.
    ///
    /// # Errors
    /// When it is not, or it is not true.
    pub async fn approved(&mut self, what: &Operation) -> Result<Approval, Failure> {
        let (attempt, before) = (self.attempt(), self.venue.moves());
        match self.terminal().perform(&attempt, what).await {
            MoneyOutcome::Approved(approval) => {
                self.is_done(&attempt, what, &approval, &before)?;
                Ok(*approval)
            }
            other => Err(Failure::new(format!("{what:?} should be approved: {other:?}"))),
        }
    }

    /// A payment as it is undone.
    pub fn original(&self, paid: &Approval) -> Original {
        Original {
            amount: paid.amount,
            returned: Kopecks::ZERO,
            reference: paid.reference.clone(),
            authorisation: paid.authorisation.clone(),
            attempt: self.attempt_of(paid),
            confirmed: false,
        }
    }

    /// The attempt under which a payment was made.
    pub fn attempt_of(&self, paid: &Approval) -> Attempt {
        let owners = self.journal.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = paid.reference.as_ref().and_then(|reference| owners.get(reference)).copied();
        known.unwrap_or_else(|| self.attempt())
    }

    /// An operation under a fresh attempt, declined at once.
    ///
    /// # Errors
    /// When it is not, or money moved.
    pub async fn declined(&mut self, what: &Operation) -> Result<Decline, Failure> {
        let (attempt, before) = (self.attempt(), self.venue.moves());
        match self.terminal().perform(&attempt, what).await {
            MoneyOutcome::Declined(decline) => {
                self.is_not_done(&before, "declined")?;
                Ok(decline)
            }
            other => Err(Failure::new(format!("{what:?} should be declined: {other:?}"))),
        }
    }

    /// An operation under a fresh attempt while something befalls it; then everything is mended,
    /// and what became of it is found out.
    ///
    /// # Errors
    /// When the terminal says what is not true, or never says anything.
    pub async fn troubled(
        &mut self,
        trouble: Trouble,
        what: &Operation,
    ) -> Result<Settled, Failure> {
        let (attempt, before) = (self.attempt(), self.venue.moves());
        self.venue.befall(trouble).await;
        let outcome = self.terminal().perform(&attempt, what).await;
        self.venue.mend().await;
        self.settle(&attempt, what, outcome, &before).await
    }

    /// What became of an attempt in the end: what the terminal answered, or what it finds when it
    /// is asked until it can say. All of that must be true.
    ///
    /// # Errors
    /// When it is not, or the terminal never says.
    pub async fn settle(
        &mut self,
        attempt: &Attempt,
        what: &Operation,
        outcome: MoneyOutcome,
        before: &[Move],
    ) -> Result<Settled, Failure> {
        match outcome {
            MoneyOutcome::Approved(approval) => {
                self.is_done(attempt, what, &approval, before)?;
                Ok(Settled::Done(approval))
            }
            MoneyOutcome::Declined(decline) => {
                self.is_not_done(before, &format!("declined as {decline:?}"))?;
                Ok(Settled::NotDone)
            }
            MoneyOutcome::InDoubt(_) => self.resolve(attempt, what, before).await,
        }
    }

    /// Asks what became of an attempt until the terminal can say, and holds it against the truth.
    ///
    /// # Errors
    /// When it is not true, or the terminal never says.
    pub async fn resolve(
        &mut self,
        attempt: &Attempt,
        what: &Operation,
        before: &[Move],
    ) -> Result<Settled, Failure> {
        let mut last = None;
        for _ in 0..ASKS_MAX {
            match self.ask(attempt, what).await {
                Resolution::Approved(approval) => {
                    self.is_done(attempt, what, &approval, before)?;
                    return Ok(Settled::Done(approval));
                }
                Resolution::NotPerformed(_) => {
                    self.is_not_done(before, "found not performed")?;
                    return Ok(Settled::NotDone);
                }
                Resolution::Person(_) => {
                    self.open.push(movement(what, what.amount()));
                    return Ok(Settled::Person);
                }
                Resolution::NotYet(error) => last = Some(error),
            }
            self.venue.advance(ASK_EVERY).await;
        }
        Err(Failure::new(format!("never says what became of {what:?}: {last:?}")))
    }

    /// Asks once what became of an attempt.
    pub async fn ask(&self, attempt: &Attempt, what: &Operation) -> Resolution {
        self.terminal().resolve(attempt, what, &self.journal).await
    }

    /// Says that another program took a payment.
    pub async fn paid_by_another(&mut self, amount: Kopecks) {
        self.venue.pay_as_another(amount).await;
        self.told.push(Move { kind: MoveKind::Taken, amount });
    }

    /// Says that a person found this at the bank.
    pub fn seen_by_a_person(&mut self, one: Move) {
        self.told.push(one);
    }

    /// Whether one movement was added, and is what the terminal says.
    fn is_done(
        &mut self,
        attempt: &Attempt,
        what: &Operation,
        approval: &Approval,
        before: &[Move],
    ) -> Result<(), Failure> {
        let one = movement(what, approval.amount);
        same(approval.partial, approval.amount < what.amount())?;
        check(approval.amount <= what.amount(), "more was moved than was asked")?;
        let mut after = self.venue.moves();
        for it in before {
            if let Some(at) = after.iter().position(|other| other == it) {
                after.remove(at);
            }
        }
        check(after.contains(&one), &format!("{one:?} was told, the bank has {after:?} of it"))?;
        self.told.push(one);
        if let Some(reference) = &approval.reference {
            let mut owners = self.journal.0.lock().unwrap_or_else(PoisonError::into_inner);
            let owner = *owners.entry(reference.clone()).or_insert(*attempt);
            let pays = matches!(what, Operation::Pay { .. });
            check(!pays || owner.id == attempt.id, "the reference is of another payment")?;
        }
        Ok(())
    }

    /// Whether no movement was added.
    fn is_not_done(&self, before: &[Move], said: &str) -> Result<(), Failure> {
        let after = self.venue.moves();
        if after.len() == before.len() {
            return Ok(());
        }
        Err(Failure::new(format!("{said}, but the bank has {after:?} after {before:?}")))
    }
}

fn movement(what: &Operation, amount: Kopecks) -> Move {
    let kind = match what {
        Operation::Pay { .. } => MoveKind::Taken,
        Operation::Cancel { .. } | Operation::Refund { .. } | Operation::RollBack { .. } => {
            MoveKind::Back
        }
    };
    Move { kind, amount }
}
