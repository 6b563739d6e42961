//! A card terminal in memory.

mod state;

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::Kopecks;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    Approval, Attempt, Capabilities, Decline, Fault, HoldError, Known, MoneyOutcome, Operation,
    Reason, ReconcileOutcome, Report, ReportKind, Resolution, ResolveBy, Slip, TerminalError,
    TerminalInfo, TwoPhase,
};
use tillway_core::port::{CardTerminal, Clock};

use self::state::State;
pub use self::state::{Move, MoveKind};

/// How long a guest has for a card: before that, nobody says *not performed* (F19).
const CARD: Duration = Duration::from_secs(180);

/// A card terminal in memory, with a bank behind it: payments, undoing in whole and in part,
/// two phases, reports, reconciliation.
///
/// It keeps every rule of the port that a real one keeps, and nothing is durable. For quick starts
/// and tests; `tillway-sim` has the terminals that fail like hardware. A clone is another handle on
/// the same device. A [`TerminalMishap`] can befall its next operation.
#[derive(Clone, Debug)]
pub struct MemoryTerminal {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

/// What can befall the next operation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TerminalMishap {
    /// The bank, the guest or the line says no.
    Declined(Reason),
    /// The bank moves half of it.
    Partial,
    /// The bank is not asked.
    Offline,
    /// The terminal does not know what became of it, and money is moved or not.
    Undefined {
        /// Whether it is.
        taken: bool,
    },
    /// The request does not arrive.
    LostRequest,
    /// Money is moved; the answer does not arrive. Of a reconciliation: it is done.
    LostAnswer,
}

impl MemoryTerminal {
    /// A terminal with an empty batch that can do everything.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with(
            clock,
            Capabilities {
                two_phase: TwoPhase::Native,
                resolve: ResolveBy::Number,
                abort: false,
                cancel_without_card: true,
                partial_cancel: true,
                totals: true,
            },
        )
    }

    /// A terminal that can do this much.
    pub fn with(clock: Arc<dyn Clock>, capabilities: Capabilities) -> Self {
        Self { clock, state: Arc::new(Mutex::new(State::new(capabilities))) }
    }

    /// The truth: all movements of money, in order.
    pub fn moves(&self) -> Vec<Move> {
        self.lock().moves.clone()
    }

    /// What befalls the next operation or reconciliation. Several befall one each, in order.
    pub fn befall(&self, mishap: TerminalMishap) {
        self.lock().mishaps.push_back(mishap);
    }

    /// Plugs the cable in, or out.
    pub fn link(&self, there: bool) {
        self.lock().link = there;
    }

    /// Plugs the cable in, and forgets the mishaps to come.
    pub fn mend(&self) {
        let mut state = self.lock();
        state.link = true;
        state.mishaps.clear();
    }

    /// Another program takes a payment with the same device.
    pub fn pay_as_another(&self, amount: Kopecks) {
        let now = self.clock.now();
        let _ = self.lock().book(&Operation::Pay { amount }, amount, now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self) -> Result<MutexGuard<'_, State>, TerminalError> {
        let state = self.lock();
        if state.link { Ok(state) } else { Err(TerminalError::new(Fault::Link, "")) }
    }
}

fn declined(reason: Reason, text: &str) -> MoneyOutcome {
    let text = Masked::new(text);
    MoneyOutcome::Declined(Decline { reason, code: "".into(), text, slips: Vec::new() })
}

#[async_trait]
impl CardTerminal for MemoryTerminal {
    fn capabilities(&self) -> Capabilities {
        self.lock().capabilities
    }

    async fn probe(&self) -> Result<TerminalInfo, TerminalError> {
        drop(self.reach()?);
        Ok(TerminalInfo {
            terminal: Some(state::TERMINAL.into()),
            merchant: Some("000000000000001".into()),
            model: Some("in memory".into()),
            serial: None,
        })
    }

    async fn perform(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
        let now = self.clock.now();
        let mut state = match what.check().and_then(|()| self.reach()) {
            Ok(state) => state,
            Err(error) => return declined(Reason::NotStarted, &error.to_string()),
        };
        let mishap = state.mishaps.pop_front();
        match mishap {
            Some(TerminalMishap::Declined(reason)) => return declined(reason, ""),
            Some(TerminalMishap::LostRequest) => {
                return MoneyOutcome::InDoubt(TerminalError::new(Fault::Timeout, ""));
            }
            Some(TerminalMishap::Undefined { taken: false }) => {
                return MoneyOutcome::InDoubt(TerminalError::new(Fault::Undefined, ""));
            }
            _ => {}
        }
        let whole = what.amount();
        let halved = mishap == Some(TerminalMishap::Partial) && whole > Kopecks(1);
        let amount = if halved { Kopecks(whole.0 / 2) } else { whole };
        let mut approval = match state.book(what, amount, now) {
            Ok(approval) => approval,
            Err(reason) => return declined(reason, ""),
        };
        approval.partial = halved;
        approval.offline = mishap == Some(TerminalMishap::Offline);
        state.done.insert(attempt.id, approval.clone());
        let lost = |fault| MoneyOutcome::InDoubt(TerminalError::new(fault, ""));
        match mishap {
            Some(TerminalMishap::LostAnswer) => lost(Fault::Timeout),
            Some(TerminalMishap::Undefined { .. }) => lost(Fault::Undefined),
            _ => MoneyOutcome::Approved(Box::new(approval)),
        }
    }

    async fn hold(&self, _: &Attempt, of: &Approval) -> Result<(), HoldError> {
        self.reach()?.hold(of)
    }

    async fn confirm(&self, _: &Attempt, of: &Approval) -> Result<(), HoldError> {
        self.reach()?.confirm(of)
    }

    async fn resolve(&self, attempt: &Attempt, _: &Operation, _: &dyn Known) -> Resolution {
        let state = match self.reach() {
            Ok(state) => state,
            Err(error) => return Resolution::NotYet(error),
        };
        match state.done.get(&attempt.id) {
            Some(approval) => Resolution::Approved(Box::new(approval.clone())),
            None if self.clock.now() < attempt.at.after(CARD) => {
                let text = "the time for a card has not passed";
                Resolution::NotYet(TerminalError::new(Fault::Unsettled, text))
            }
            None => Resolution::NotPerformed(Masked::default()),
        }
    }

    async fn report(&self, _: ReportKind) -> Result<Report, TerminalError> {
        Ok(self.reach()?.report())
    }

    async fn last_slip(&self) -> Result<Vec<Slip>, TerminalError> {
        Ok(self.reach()?.last.clone())
    }

    async fn reconcile(&self) -> ReconcileOutcome {
        let mut state = match self.reach() {
            Ok(state) => state,
            Err(error) => return ReconcileOutcome::Refused(error),
        };
        let mishap = state.mishaps.pop_front();
        let error = |fault| TerminalError::new(fault, "");
        match mishap {
            Some(TerminalMishap::Declined(_)) => ReconcileOutcome::Refused(error(Fault::Refused)),
            Some(TerminalMishap::LostRequest) => ReconcileOutcome::InDoubt(error(Fault::Timeout)),
            Some(TerminalMishap::LostAnswer) => {
                state.reconcile();
                ReconcileOutcome::InDoubt(error(Fault::Timeout))
            }
            _ => ReconcileOutcome::Done(state.reconcile()),
        }
    }
}
