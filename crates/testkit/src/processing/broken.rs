//! Processings that are wrong in one way each, over one that is right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::loyalty::Answer;
use tillway_core::pan::Masked;
use tillway_core::port::LoyaltyProcessing;
use tillway_core::port::processing::{
    Capabilities, Class, Command, Kind, Operation, Outcome, Refusal, SealError, Sealed,
};

use crate::conformance::flaws;

flaws! {
    /// What is wrong.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum Flaw {
        /// A message that is sent again has a new id.
        RepeatsUnderAnotherId,
        /// No answer is told as done.
        TakesSilenceForDone,
        /// No answer is told as a refusal.
        TakesSilenceForRefusal,
        /// No answer is told as no connection.
        TakesSilenceForNoLink,
        /// No connection is told as no answer.
        TakesNoLinkForSilence,
        /// Every refusal is of the same class.
        TellsRefusalsApartNoMore,
        /// A sale is told without its guest.
        ForgetsTheGuest,
        /// Lines are told without their minimal prices.
        ForgetsTheFloor,
        /// Points are laid on the first line.
        LaysPointsOnTheFirstLine,
        /// A line earns a kopeck more than it does.
        MiscountsALine,
        /// What is accrued is confirmed at once.
        ConfirmsTooEarly,
        /// A cancel is done without being told.
        KeepsWhatIsCancelled,
        /// Payments below a kopeck are made one.
        SealsWhatIsWrong,
        /// The same operation gives another message each time.
        SealsByTheClock,
        /// Messages of an earlier run are not known.
        KnowsItsOwnRunAlone,
        /// The first balance is told for ever.
        RemembersTheBalance,
        /// A refund is told without its sale.
        RefundsOfNothing,
        /// Operations that are sealed are sent as well.
        SendsWhatIsSealed,
    }
}

/// A processing with a flaw.
#[derive(Debug)]
pub struct Broken {
    flaw: Flaw,
    inner: Arc<dyn LoyaltyProcessing>,
    sealed: Mutex<BTreeMap<Uuid, Operation>>,
    sent: Mutex<BTreeSet<Uuid>>,
    balance: Mutex<Option<Kopecks>>,
    drift_ms: AtomicI64,
}

/// How many operations it remembers; no case has more.
const SEALED_MAX: usize = 256;

impl Broken {
    /// Breaks a processing in one way.
    pub fn new(flaw: Flaw, inner: Arc<dyn LoyaltyProcessing>) -> Self {
        Self {
            flaw,
            inner,
            sealed: Mutex::default(),
            sent: Mutex::default(),
            balance: Mutex::default(),
            drift_ms: AtomicI64::new(0),
        }
    }

    /// What is really asked.
    fn bent(&self, operation: &Operation) -> Operation {
        let mut bent = operation.clone();
        match (self.flaw, &mut bent.command) {
            (
                Flaw::ForgetsTheGuest,
                Command::Calculate { sale, .. } | Command::Accrue { sale, .. },
            ) => sale.guest = None,
            (
                Flaw::ForgetsTheFloor,
                Command::Calculate { sale, .. }
                | Command::Available { sale }
                | Command::Pay { sale, .. },
            ) => sale.cheque.lines.iter_mut().for_each(|line| line.price_min = None),
            (Flaw::SealsWhatIsWrong, Command::Pay { amount, .. }) => {
                *amount = (*amount).max(Kopecks(1));
            }
            (Flaw::RefundsOfNothing, Command::Refund { of, .. }) => *of = None,
            (Flaw::SealsByTheClock, _) => {
                let drift = self.drift_ms.fetch_add(1, Ordering::Relaxed);
                bent.at.utc_ms = bent.at.utc_ms.saturating_add(drift);
            }
            _ => {}
        }
        bent
    }

    /// The same operation under another id.
    fn another(&self, message: &Sealed) -> Option<Sealed> {
        let operation = lock(&self.sealed).get(&message.id).cloned()?;
        self.inner.seal(&Operation { id: other_id(message.id), ..operation }).ok()
    }

    async fn confirm(&self, message: &Sealed) {
        let Some(purchase) = message.purchase.clone() else { return };
        let (id, at) = (other_id(message.id), message.at);
        let command = Command::Confirm { purchase };
        if let Ok(sealed) = self.inner.seal(&Operation { id, at, cashier: None, command }) {
            self.inner.send(&sealed).await;
        }
    }

    fn told(&self, kind: Kind, mut answer: Box<Answer>) -> Outcome {
        match (self.flaw, kind) {
            (Flaw::LaysPointsOnTheFirstLine, Kind::Pay) => {
                let mut all = answer.amount;
                for line in &mut answer.lines {
                    line.paid = Some(all.take().unwrap_or(Kopecks::ZERO));
                }
            }
            (Flaw::MiscountsALine, Kind::Accrue) => {
                if let Some(line) = answer.lines.first_mut() {
                    let earned = line.cashback.unwrap_or(Kopecks::ZERO);
                    line.cashback = earned.add(Kopecks(1)).ok();
                }
            }
            (Flaw::RemembersTheBalance, Kind::Balance) => {
                let mut first = lock(&self.balance);
                answer.balance = Some(*first.get_or_insert(answer.balance.unwrap_or_default()));
            }
            _ => {}
        }
        Outcome::Done(answer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn other_id(id: Uuid) -> Uuid {
    Uuid::from_u128(!id.as_u128())
}

fn refused(class: Class) -> Outcome {
    Outcome::Refused(Refusal { class, code: "".into(), text: Masked::default() })
}

#[async_trait]
impl LoyaltyProcessing for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        let sealed = self.inner.seal(&self.bent(operation))?;
        let mut all = lock(&self.sealed);
        if all.len() < SEALED_MAX {
            all.insert(operation.id, operation.clone());
        }
        drop(all);
        if self.flaw == Flaw::SendsWhatIsSealed {
            // A processing in memory answers at once.
            crate::runtime::block_on(self.inner.send(&sealed));
        }
        Ok(sealed)
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        let first = lock(&self.sent).insert(message.id);
        match self.flaw {
            Flaw::KnowsItsOwnRunAlone if !lock(&self.sealed).contains_key(&message.id) => {
                return refused(Class::Malformed);
            }
            Flaw::KeepsWhatIsCancelled if message.kind == Kind::Cancel => {
                return Outcome::Done(Box::default());
            }
            Flaw::RepeatsUnderAnotherId if !first => {
                if let Some(other) = self.another(message) {
                    return self.inner.send(&other).await;
                }
            }
            _ => {}
        }
        let outcome = self.inner.send(message).await;
        match (self.flaw, outcome) {
            (Flaw::TakesSilenceForDone, Outcome::InDoubt(_)) => Outcome::Done(Box::default()),
            (Flaw::TakesSilenceForRefusal, Outcome::InDoubt(_)) => refused(Class::Other),
            (Flaw::TakesSilenceForNoLink, Outcome::InDoubt(text)) => Outcome::Unreached(text),
            (Flaw::TakesNoLinkForSilence, Outcome::Unreached(text)) => Outcome::InDoubt(text),
            (Flaw::TellsRefusalsApartNoMore, Outcome::Refused(_)) => refused(Class::Other),
            (Flaw::ConfirmsTooEarly, Outcome::Done(answer)) if message.kind == Kind::Accrue => {
                self.confirm(message).await;
                Outcome::Done(answer)
            }
            (_, Outcome::Done(answer)) => self.told(message.kind, answer),
            (_, other) => other,
        }
    }
}
