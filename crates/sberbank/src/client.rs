//! The terminal.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use futures::lock::{Mutex as Turn, OwnedMutexGuard};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    Approval, Attempt, Capabilities, CardTerminal, Decline, Fault, HoldError, Known, MoneyOutcome,
    Operation, Original, Reason, ReconcileOutcome, Reconciliation, Report, ReportKind, Resolution,
    ResolveBy, Slip, TerminalError, TerminalInfo, TwoPhase,
};
use tillway_core::port::{Clock, async_trait};
use tillway_device::{Exec, Mode, Worker};

use crate::config::{Config, ConfigError};
use crate::pilot::{self, Answered, Unanswered};
use crate::wire::answer::Answer;
use crate::wire::arguments::{BadCommand, Words, fill};
use crate::wire::code::{self, Class, Service};

/// A terminal of Sberbank behind the program `sb_pilot`.
pub struct Sberbank {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    worker: Worker<Box<dyn Exec>>,
    turn: Arc<Turn<()>>,
    last: Arc<Mutex<Option<(Uuid, Answered)>>>,
}

/// Why a terminal cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A setting cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system has no thread to give.
    #[error("the thread of the terminal: {0}")]
    Thread(#[from] io::Error),
}

impl Sberbank {
    /// A terminal whose program runs as `exec` says. Nothing is run until the first call.
    ///
    /// # Errors
    /// A setting cannot be, or there is no thread.
    pub fn start(
        config: Config,
        exec: impl Exec,
        clock: Arc<dyn Clock>,
        mode: Mode,
    ) -> Result<Self, StartError> {
        config.check()?;
        let exec: Box<dyn Exec> = Box::new(exec);
        let worker = Worker::start("sb_pilot", mode, 4, exec)?;
        let (turn, last) = (Arc::default(), Arc::default());
        Ok(Self { config: Arc::new(config), clock, worker, turn, last })
    }

    /// Waits for the run that is going on; the pad has one customer.
    async fn turn(&self) -> Result<OwnedMutexGuard<()>, TerminalError> {
        let turn =
            within(&*self.clock, self.config.turn_within, Arc::clone(&self.turn).lock_owned());
        turn.await.ok_or_else(|| TerminalError::new(Fault::Busy, "an earlier operation goes on"))
    }

    /// Runs a command. The run keeps the turn until its program has ended, whoever waits for it.
    async fn ask(
        &self,
        turn: OwnedMutexGuard<()>,
        arguments: Vec<String>,
        limits: Limits,
        attempt: Option<Uuid>,
    ) -> Result<Answered, Unanswered> {
        let (config, last) = (Arc::clone(&self.config), Arc::clone(&self.last));
        let offset_min = self.clock.now().offset_min;
        let job = move |exec: &mut Box<dyn Exec>| {
            let ran = pilot::run(&mut **exec, &config, &arguments, limits.late, offset_min);
            if let (Some(id), Ok(answered)) = (attempt, &ran) {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                *last = Some((id, answered.clone()));
            }
            drop(turn);
            ran
        };
        let answer = self.worker.submit(job);
        let answer =
            answer.map_err(|error| Unanswered::not_started(Fault::Link, &error.to_string()))?;
        match within(&*self.clock, limits.deadline, answer).await {
            Some(Ok(ran)) => ran,
            Some(Err(error)) => Err(Unanswered::lost(Fault::Link, &error.to_string())),
            None => {
                let text = "the guest or the bank takes too long";
                Err(Unanswered::lost(Fault::Timeout, text))
            }
        }
    }

    /// Runs a command that moves no money.
    async fn serve(
        &self,
        command: &str,
        words: &Words<'_>,
        within: Duration,
    ) -> Result<Answered, Unanswered> {
        let arguments = self.fill(command, words).map_err(Unanswered::NotStarted)?;
        let turn = self.turn().await.map_err(Unanswered::NotStarted)?;
        let limits = Limits { deadline: within, late: within };
        self.ask(turn, arguments, limits, None).await
    }

    fn fill(&self, command: &str, words: &Words<'_>) -> Result<Vec<String>, TerminalError> {
        let arguments = fill(command, words, self.config.department);
        arguments.map_err(|error| {
            let fault = match error {
                BadCommand::Unknown(_) => Fault::BadRequest,
                _ => Fault::Setup,
            };
            TerminalError::new(fault, &error.to_string())
        })
    }

    fn command(&self, what: &Operation) -> &str {
        let commands = &self.config.commands;
        match what {
            Operation::Pay { .. } => &commands.pay,
            Operation::Refund { .. } => &commands.refund,
            Operation::RollBack { .. } if self.config.two_phase => &commands.roll_back,
            Operation::Cancel { .. } | Operation::RollBack { .. } => &commands.cancel,
        }
    }

    /// Suspends or commits.
    async fn second_phase(&self, command: &str, of: &Approval) -> Result<Answer, HoldError> {
        let words = Words::last(of.amount.0, of.authorisation.as_deref());
        match self.serve(command, &words, self.config.report_within).await {
            Ok(answered) => Ok(answered.answer),
            Err(Unanswered::NotStarted(error)) => Err(HoldError::Fault(error)),
            Err(Unanswered::Lost(error)) => Err(HoldError::InDoubt(error)),
        }
    }

    /// The answer of a run that came after its deadline.
    fn late(&self, attempt: &Attempt) -> Option<Answered> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(id, _)| *id == attempt.id).map(|(_, answered)| answered.clone())
    }

    /// What a person gets to decide by: the report of the batch.
    async fn evidence(&self, why: &str) -> Resolution {
        let report = &self.config.commands.report_full;
        let report = self.serve(report, &Words::default(), self.config.report_within).await;
        let Answered { answer, slips } = match report {
            Ok(answered) => answered,
            Err(unanswered) => return Resolution::NotYet(unanswered.error()),
        };
        if let Some(error) = unreached(&answer) {
            return Resolution::NotYet(error);
        }
        let mut text = format!("{why}; {}", answer.evidence());
        let lines: Vec<_> = slips.iter().flat_map(|slip| &slip.lines).collect();
        // The end is the newest.
        for line in lines.iter().skip(lines.len().saturating_sub(EVIDENCE_LINES_MAX)) {
            text.push('\n');
            text.push_str(line.as_str());
        }
        Resolution::Person(Masked::new(&text))
    }

    /// F19: the pad is idle and the time for a card has passed.
    async fn is_over(&self, attempt: &Attempt) -> Result<(), TerminalError> {
        let test = &self.config.commands.test;
        let tested = self.serve(test, &Words::default(), self.config.probe_within).await;
        done(&tested.map_err(Unanswered::error)?.answer)?;
        if self.clock.now() < attempt.at.after(self.config.card_timeout) {
            return Err(TerminalError::new(Fault::Busy, "the pad may still wait for the card"));
        }
        Ok(())
    }

    /// The command that rolls back has no number to be asked by, but the payment has: it stands, or
    /// it is gone, which is what was wanted. Our choice, until a bank's engineer confirms it.
    async fn resolve_roll_back(&self, attempt: &Attempt, of: &Original) -> Resolution {
        let payment = Operation::Pay { amount: of.amount };
        let mut said = Masked::default();
        for _ in 0..2 {
            let words = Words::of(&of.attempt, &payment);
            let command = &self.config.commands.status;
            let answer = match self.serve(command, &words, self.config.report_within).await {
                Ok(answered) => answered.answer,
                Err(unanswered) => return Resolution::NotYet(unanswered.error()),
            };
            if is_foreign(&of.attempt, &answer) {
                let text = "the terminal told of another operation";
                return Resolution::NotYet(TerminalError::new(Fault::Garbled, text));
            }
            if let Some(error) = unreached(&answer) {
                return Resolution::NotYet(error);
            }
            match (answer.code, code::money(answer.code)) {
                (code::NOT_PERFORMED, _) => {
                    return Resolution::Approved(Box::new(approval(of.amount, &answer, &[])));
                }
                (_, Class::Approved) => {}
                (_, Class::InDoubt) => {
                    let error = TerminalError::new(Fault::Undefined, answer.evidence().as_str());
                    return Resolution::NotYet(error);
                }
                (_, Class::Declined(_)) => {
                    return self.evidence("the terminal does not tell what was rolled back").await;
                }
            }
            if let Err(error) = self.is_over(attempt).await {
                return Resolution::NotYet(error);
            }
            said = answer.evidence();
        }
        Resolution::NotPerformed(said)
    }

    /// What a status says. `None`: it says that nothing was performed, which is to be asked twice.
    async fn judge(
        &self,
        attempt: &Attempt,
        what: &Operation,
        answer: &Answer,
        known: &dyn Known,
    ) -> Option<Resolution> {
        if answer.code == code::NOT_PERFORMED {
            return None;
        }
        if is_foreign(attempt, answer) {
            let text = "the terminal told of another operation";
            return Some(Resolution::NotYet(TerminalError::new(Fault::Garbled, text)));
        }
        if let Some(error) = unreached(answer) {
            return Some(Resolution::NotYet(error));
        }
        match code::money(answer.code) {
            Class::InDoubt => {
                let error = TerminalError::new(Fault::Undefined, answer.evidence().as_str());
                Some(Resolution::NotYet(error))
            }
            // The terminal does not know the command, or another word of its own.
            Class::Declined(Reason::NotStarted | Reason::Other) => {
                Some(self.evidence("the terminal does not tell an operation by its number").await)
            }
            Class::Declined(_) => None,
            // A bare yes may be the answer to another question: 52 is not the status everywhere.
            Class::Approved if !names_an_operation(attempt, answer) => {
                Some(self.evidence("the terminal does not say what was performed").await)
            }
            Class::Approved => {
                let undone = what.original().and_then(|of| of.reference.as_ref());
                let owner = match &answer.reference {
                    // Some banks give an undoing the number of what it undoes.
                    Some(reference) if Some(reference) != undone => known.owner(reference).await,
                    _ => Ok(None),
                };
                Some(match owner {
                    Err(error) => Resolution::NotYet(error),
                    Ok(Some(id)) if id != attempt.id => {
                        self.evidence("the terminal names an operation that is another's").await
                    }
                    Ok(_) => Resolution::Approved(Box::new(approval(what.amount(), answer, &[]))),
                })
            }
        }
    }
}

#[async_trait]
impl CardTerminal for Sberbank {
    fn capabilities(&self) -> Capabilities {
        let number = !self.config.commands.status.trim().is_empty();
        Capabilities {
            two_phase: if self.config.two_phase { TwoPhase::Native } else { TwoPhase::Emulated },
            resolve: if number { ResolveBy::Number } else { ResolveBy::Person },
            abort: false,
            cancel_without_card: self.config.commands.cancel.contains("QSELECT"),
            partial_cancel: true,
            totals: false,
        }
    }

    async fn probe(&self) -> Result<TerminalInfo, TerminalError> {
        let test = &self.config.commands.test;
        let tested = self.serve(test, &Words::default(), self.config.probe_within).await;
        let answer = tested.map_err(Unanswered::error)?.answer;
        done(&answer)?;
        let Answer { terminal, merchant, .. } = answer;
        Ok(TerminalInfo { terminal, merchant, ..TerminalInfo::default() })
    }

    async fn perform(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
        let arguments =
            what.check().and_then(|()| self.fill(self.command(what), &Words::of(attempt, what)));
        let started = match arguments {
            Ok(arguments) => self.turn().await.map(|turn| (turn, arguments)),
            Err(error) => Err(error),
        };
        let (turn, arguments) = match started {
            Ok(started) => started,
            Err(error) => return MoneyOutcome::Declined(not_started(&error)),
        };
        let limits = Limits { deadline: self.config.money_within, late: self.config.late_within };
        match self.ask(turn, arguments, limits, Some(attempt.id)).await {
            Ok(answered) => outcome(attempt, what, &answered),
            Err(Unanswered::Lost(error)) => MoneyOutcome::InDoubt(error),
            Err(Unanswered::NotStarted(error)) => MoneyOutcome::Declined(not_started(&error)),
        }
    }

    async fn hold(&self, _: &Attempt, of: &Approval) -> Result<(), HoldError> {
        if !self.config.two_phase {
            return Ok(());
        }
        let answer = self.second_phase(&self.config.commands.suspend, of).await?;
        if answer.code == code::COMMITTED { Err(HoldError::NotHeld) } else { held(&answer) }
    }

    async fn confirm(&self, _: &Attempt, of: &Approval) -> Result<(), HoldError> {
        if !self.config.two_phase {
            return Ok(());
        }
        let answer = self.second_phase(&self.config.commands.commit, of).await?;
        // Committed already is what was wanted.
        if answer.code == code::COMMITTED { Ok(()) } else { held(&answer) }
    }

    async fn resolve(&self, attempt: &Attempt, what: &Operation, known: &dyn Known) -> Resolution {
        // Whoever has the turn knows that no program of ours runs.
        match self.turn().await {
            Ok(turn) => drop(turn),
            Err(error) => return Resolution::NotYet(error),
        }
        if let Some(late) = self.late(attempt) {
            match outcome(attempt, what, &late) {
                MoneyOutcome::Approved(approval) => return Resolution::Approved(approval),
                // The pad may have given back by itself what it cannot roll back.
                MoneyOutcome::Declined(no)
                    if no.reason == Reason::NotFound
                        && self.config.two_phase
                        && matches!(what, Operation::RollBack { .. }) => {}
                MoneyOutcome::Declined(_) => {
                    return Resolution::NotPerformed(late.answer.evidence());
                }
                MoneyOutcome::InDoubt(_) => {}
            }
        }
        if self.config.commands.status.trim().is_empty() {
            return self.evidence("the terminal cannot tell an operation by its number").await;
        }
        if let Operation::RollBack { of } = what
            && self.config.two_phase
        {
            return self.resolve_roll_back(attempt, of).await;
        }
        let mut said = Masked::default();
        for _ in 0..2 {
            let words = Words::of(attempt, what);
            let command = &self.config.commands.status;
            let answer = match self.serve(command, &words, self.config.report_within).await {
                Ok(answered) => answered.answer,
                Err(unanswered) => return Resolution::NotYet(unanswered.error()),
            };
            if let Some(resolution) = self.judge(attempt, what, &answer, known).await {
                return resolution;
            }
            if let Err(error) = self.is_over(attempt).await {
                return Resolution::NotYet(error);
            }
            said = answer.evidence();
        }
        Resolution::NotPerformed(said)
    }

    async fn report(&self, kind: ReportKind) -> Result<Report, TerminalError> {
        let commands = &self.config.commands;
        let command = match kind {
            ReportKind::Short => &commands.report_short,
            ReportKind::Full => &commands.report_full,
        };
        let asked = self.serve(command, &Words::default(), self.config.report_within).await;
        let Answered { answer, slips } = asked.map_err(Unanswered::error)?;
        let empty = code::service(answer.code) == Service::Empty;
        if !empty {
            done(&answer)?;
        }
        // That there is nothing is said by a code; a paper that is missing says nothing (F22).
        if !empty && slips.is_empty() {
            return Err(TerminalError::new(Fault::Garbled, "the program wrote no report"));
        }
        Ok(Report { empty, slips, totals: None })
    }

    /// As far as this run of the program knows it: the pad has no command for it.
    async fn last_slip(&self) -> Result<Vec<Slip>, TerminalError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(last.as_ref().map(|(_, answered)| answered.slips.clone()).unwrap_or_default())
    }

    async fn reconcile(&self) -> ReconcileOutcome {
        let command = &self.config.commands.reconcile;
        let within = self.config.reconcile_within;
        let Answered { answer, slips } = match self.serve(command, &Words::default(), within).await
        {
            Ok(answered) => answered,
            Err(Unanswered::NotStarted(error)) => return ReconcileOutcome::Refused(error),
            Err(Unanswered::Lost(error)) => return ReconcileOutcome::InDoubt(error),
        };
        let service = code::service(answer.code);
        match done(&answer) {
            Err(error) if service == Service::Link => ReconcileOutcome::InDoubt(error),
            Err(error) if service != Service::Empty => ReconcileOutcome::Refused(error),
            _ => {
                let empty = slips.is_empty();
                let agreed = (service == Service::Done && !empty).then_some(true);
                ReconcileOutcome::Done(Reconciliation { slips, totals: None, empty, agreed })
            }
        }
    }
}

impl fmt::Debug for Sberbank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sberbank").field("config", &self.config).finish_non_exhaustive()
    }
}

/// How long a run is waited for, and how long it may last.
#[derive(Clone, Copy)]
struct Limits {
    deadline: Duration,
    late: Duration,
}

fn outcome(attempt: &Attempt, what: &Operation, answered: &Answered) -> MoneyOutcome {
    let Answered { answer, slips } = answered;
    if is_foreign(attempt, answer) {
        let text = "the program answered for another operation";
        return MoneyOutcome::InDoubt(TerminalError::new(Fault::Garbled, text));
    }
    match code::money(answer.code) {
        Class::Approved => MoneyOutcome::Approved(Box::new(approval(what.amount(), answer, slips))),
        Class::Declined(reason) => MoneyOutcome::Declined(Decline {
            reason,
            code: answer.code.to_string().into(),
            text: answer.text.clone(),
            slips: slips.clone(),
        }),
        Class::InDoubt => {
            let error = TerminalError::new(Fault::Undefined, answer.evidence().as_str());
            MoneyOutcome::InDoubt(error)
        }
    }
}

/// Lines of a report that a person gets to see.
const EVIDENCE_LINES_MAX: usize = 200;

/// The pad was not asked: it restarts, works for another, or is out of reach. Again later.
fn unreached(answer: &Answer) -> Option<TerminalError> {
    let fault = match code::service(answer.code) {
        Service::Link => Fault::Link,
        Service::Busy => Fault::Busy,
        _ => return None,
    };
    Some(TerminalError::new(fault, answer.evidence().as_str()))
}

/// Whether an answer is about an operation: it repeats our number, or has an operation's own words.
fn names_an_operation(attempt: &Attempt, answer: &Answer) -> bool {
    let words = [&answer.reference, &answer.authorisation];
    answer.number == Some(attempt.number()) || words.iter().any(|word| word.is_some())
}

/// Whether an answer names a request that is not ours. Zero is none.
fn is_foreign(attempt: &Attempt, answer: &Answer) -> bool {
    answer.number.is_some_and(|number| number != 0 && number != attempt.number())
}

fn approval(amount: Kopecks, answer: &Answer, slips: &[Slip]) -> Approval {
    Approval {
        amount,
        reference: answer.reference.clone(),
        authorisation: answer.authorisation.clone(),
        terminal: answer.terminal.clone(),
        merchant: answer.merchant.clone(),
        sequence: answer.sequence.clone(),
        batch: None,
        at: answer.at,
        card: answer.card.clone(),
        brand: answer.brand.clone(),
        partial: false,
        offline: false,
        slips: slips.to_vec(),
        evidence: answer.evidence(),
    }
}

fn not_started(error: &TerminalError) -> Decline {
    let text = Masked::new(&error.to_string());
    Decline { reason: Reason::NotStarted, code: "".into(), text, slips: Vec::new() }
}

fn held(answer: &Answer) -> Result<(), HoldError> {
    let error = |fault| TerminalError::new(fault, answer.evidence().as_str());
    match (answer.code, code::service(answer.code)) {
        (code::MISMATCH, _) => Err(HoldError::Mismatch),
        (_, Service::Done) => Ok(()),
        (_, Service::Link) => Err(HoldError::InDoubt(error(Fault::Link))),
        (_, Service::Busy) => Err(HoldError::Fault(error(Fault::Busy))),
        (_, Service::Setup) => Err(HoldError::Fault(error(Fault::Setup))),
        (_, Service::Empty | Service::Refused) => Err(HoldError::Fault(error(Fault::Refused))),
    }
}

fn done(answer: &Answer) -> Result<(), TerminalError> {
    let fault = match code::service(answer.code) {
        Service::Done => return Ok(()),
        Service::Link => Fault::Link,
        Service::Busy => Fault::Busy,
        Service::Setup => Fault::Setup,
        Service::Empty | Service::Refused => Fault::Refused,
    };
    Err(TerminalError::new(fault, answer.evidence().as_str()))
}

/// The future's output, or `None` when `most` passes first.
async fn within<T>(
    clock: &dyn Clock,
    most: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), clock.sleep(most)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
