//! Terminals that are wrong in one way each, over one that is right.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    Approval, Attempt, Capabilities, Decline, Fault, HoldError, Known, MoneyOutcome, Operation,
    Original, Reason, ReconcileOutcome, Reconciliation, Report, ReportKind, Resolution, Slip,
    TerminalError, TerminalInfo,
};

use crate::conformance::flaws;

flaws! {
    /// What is wrong.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum Flaw {
        /// A deadline is told as a decline.
        DeclinesAtItsDeadline,
        /// A sale without an answer is sent again.
        RepeatsASale,
        /// What the terminal does not know is told as a decline.
        TakesUndefinedForDeclined,
        /// An approval that is found is told as nothing.
        LosesAnApproval,
        /// Sums are not checked before the device is asked.
        RefundsAboveTheOriginal,
        /// Any receipt is taken for the one that is looked for.
        ResolvesAForeignReceipt,
        /// Nothing was found so far, so nothing is there.
        SaysNotPerformedAtOnce,
        /// Silence of the terminal is taken for *not performed*.
        ConcludesFromSilence,
        /// A doubt is resolved by doing it again.
        ResolvesByRepeating,
        /// A partial approval is told as the whole.
        TellsAPartAsTheWhole,
        /// An offline approval is told like any other.
        HidesOffline,
        /// A roll-back undoes whatever is last.
        RollsBackWhateverIsLast,
        /// A reconciliation without an answer is told as done.
        TakesALostReconciliationForDone,
        /// Every report is empty.
        ReportsNothing,
        /// All payments have one reference number.
        SharesReferences,
        /// A guest who gives up is told as a doubt.
        DoubtsADecline,
    }
}

/// A terminal with a flaw.
#[derive(Debug)]
pub struct Broken {
    flaw: Flaw,
    inner: Arc<dyn CardTerminal>,
    paid: Mutex<VecDeque<(Attempt, Approval)>>,
}

/// How many payments it remembers.
const PAID_MAX: usize = 64;

impl Broken {
    /// Breaks a terminal in one way.
    pub fn new(flaw: Flaw, inner: Arc<dyn CardTerminal>) -> Self {
        Self { flaw, inner, paid: Mutex::default() }
    }

    fn paid(&self) -> MutexGuard<'_, VecDeque<(Attempt, Approval)>> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_paid(&self) -> Option<(Attempt, Approval)> {
        self.paid().back().cloned()
    }

    /// What is really asked of the terminal.
    fn bent(&self, what: &Operation) -> Operation {
        match (self.flaw, what) {
            (Flaw::RefundsAboveTheOriginal, Operation::Refund { of, amount }) => {
                let of = Original { amount: of.amount.max(*amount), ..of.clone() };
                Operation::Refund { of, amount: *amount }
            }
            (Flaw::RollsBackWhateverIsLast, Operation::RollBack { of }) => {
                let Some((attempt, last)) = self.last_paid() else { return what.clone() };
                let of = Original {
                    amount: last.amount,
                    reference: last.reference,
                    attempt,
                    ..of.clone()
                };
                Operation::RollBack { of }
            }
            _ => what.clone(),
        }
    }

    fn told(&self, what: &Operation, mut approval: Approval) -> MoneyOutcome {
        match self.flaw {
            Flaw::TellsAPartAsTheWhole => {
                (approval.amount, approval.partial) = (what.amount(), false);
            }
            Flaw::HidesOffline => approval.offline = false,
            Flaw::SharesReferences => approval.reference = Some("000000000001".into()),
            _ => {}
        }
        MoneyOutcome::Approved(Box::new(approval))
    }
}

fn declined(reason: Reason) -> MoneyOutcome {
    let (code, text) = ("".into(), Masked::default());
    MoneyOutcome::Declined(Decline { reason, code, text, slips: Vec::new() })
}

/// An attempt of its own, of which nobody knows.
fn another(attempt: &Attempt) -> Attempt {
    Attempt { id: Uuid::from_u128(!attempt.id.as_u128()), at: attempt.at }
}

#[async_trait]
impl CardTerminal for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<TerminalInfo, TerminalError> {
        self.inner.probe().await
    }

    async fn perform(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
        match (self.flaw, self.inner.perform(attempt, &self.bent(what)).await) {
            (_, MoneyOutcome::Approved(approval)) => {
                if let Operation::Pay { .. } = what {
                    let mut paid = self.paid();
                    if paid.len() >= PAID_MAX {
                        paid.pop_front();
                    }
                    paid.push_back((*attempt, (*approval).clone()));
                }
                self.told(what, *approval)
            }
            (Flaw::DeclinesAtItsDeadline, MoneyOutcome::InDoubt(error))
                if error.fault == Fault::Timeout =>
            {
                declined(Reason::GuestTimeout)
            }
            (Flaw::TakesUndefinedForDeclined, MoneyOutcome::InDoubt(error))
                if error.fault == Fault::Undefined =>
            {
                declined(Reason::Other)
            }
            (Flaw::RepeatsASale, MoneyOutcome::InDoubt(_)) => {
                self.inner.perform(&another(attempt), what).await
            }
            (Flaw::DoubtsADecline, MoneyOutcome::Declined(decline))
                if decline.reason == Reason::GuestCancelled =>
            {
                MoneyOutcome::InDoubt(TerminalError::new(Fault::Undefined, ""))
            }
            (_, other) => other,
        }
    }

    async fn hold(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError> {
        self.inner.hold(attempt, of).await
    }

    async fn confirm(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError> {
        self.inner.confirm(attempt, of).await
    }

    async fn resolve(&self, attempt: &Attempt, what: &Operation, known: &dyn Known) -> Resolution {
        let nothing = || Resolution::NotPerformed(Masked::default());
        match (self.flaw, self.inner.resolve(attempt, what, known).await) {
            (Flaw::LosesAnApproval, Resolution::Approved(_)) => nothing(),
            (Flaw::SaysNotPerformedAtOnce, Resolution::NotYet(error))
                if error.fault != Fault::Link =>
            {
                nothing()
            }
            (Flaw::ConcludesFromSilence, Resolution::NotYet(error))
                if error.fault == Fault::Link =>
            {
                nothing()
            }
            (Flaw::ResolvesAForeignReceipt, Resolution::NotPerformed(text)) => {
                match self.last_paid() {
                    Some((_, paid)) => {
                        let approval = Approval { amount: what.amount(), ..paid };
                        Resolution::Approved(Box::new(approval))
                    }
                    None => Resolution::NotPerformed(text),
                }
            }
            (Flaw::ResolvesByRepeating, Resolution::NotPerformed(text)) => {
                match self.inner.perform(&another(attempt), what).await {
                    MoneyOutcome::Approved(approval) => Resolution::Approved(approval),
                    _ => Resolution::NotPerformed(text),
                }
            }
            (_, Resolution::Approved(approval)) => match self.told(what, *approval) {
                MoneyOutcome::Approved(approval) => Resolution::Approved(approval),
                MoneyOutcome::Declined(_) | MoneyOutcome::InDoubt(_) => nothing(),
            },
            (_, other) => other,
        }
    }

    async fn report(&self, kind: ReportKind) -> Result<Report, TerminalError> {
        let report = self.inner.report(kind).await?;
        Ok(match self.flaw {
            Flaw::ReportsNothing => Report { empty: true, ..report },
            _ => report,
        })
    }

    async fn last_slip(&self) -> Result<Vec<Slip>, TerminalError> {
        self.inner.last_slip().await
    }

    async fn reconcile(&self) -> ReconcileOutcome {
        match (self.flaw, self.inner.reconcile().await) {
            (Flaw::TakesALostReconciliationForDone, ReconcileOutcome::InDoubt(_)) => {
                ReconcileOutcome::Done(Reconciliation::default())
            }
            (_, other) => other,
        }
    }
}
