//! A guarded card terminal.

use async_trait::async_trait;
use tillway_core::Timestamp;
use tillway_core::book::RECORD_BODY_MAX;
use tillway_core::flow::{AttemptCommand, Body, Said, Standing, Verdict};
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    Approval, Attempt, Capabilities, Decline, Fault, HoldError, Known, MoneyOutcome, Operation,
    Reason, ReconcileOutcome, Report, ReportKind, Resolution, Slip, TerminalError, TerminalInfo,
};

use crate::attempts::{Entry, Names, Trouble, Turn, Way};
use crate::guarded::Guarded;

/// How much of an outcome is kept, in bytes: the rest of a record is names and numbers. What is
/// longer is kept without its slips.
const KEPT_MAX: usize = RECORD_BODY_MAX - 2_048;

/// What became of an operation that an earlier run left open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolved {
    /// The attempt.
    pub attempt: Attempt,
    /// What was asked of the terminal.
    pub what: Operation,
    /// What was found. [`Resolution::NotYet`], [`Resolution::Person`], and an approval that is held
    /// still keep new money off.
    pub found: Resolution,
    /// It was approved and waits for [`CardTerminal::confirm`] or a roll-back.
    pub held: bool,
}

/// What a person says became of an operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MoneyJudgement {
    /// Money was moved: by the slip, the pad's journal or the bank's cabinet.
    Approved(Box<Approval>),
    /// It was not.
    NotPerformed,
}

impl Guarded<dyn CardTerminal> {
    /// Asks what became of each operation that is not settled. Call it at start, and again while
    /// something is left. It only reports: what to do with an approval, the sale decides (F6).
    ///
    /// # Errors
    /// [`Trouble`]: call it again.
    pub async fn recover(&self) -> Result<Vec<Resolved>, Trouble> {
        let turn = self.attempts.turn().await?;
        let (held, open): (Vec<_>, Vec<_>) =
            turn.unsettled().await?.into_iter().partition(Entry::is_held);
        let mut report = Vec::new();
        for mut entry in open {
            let (attempt, what) = asked_as(&entry)?;
            let found = self.settle(&turn, &mut entry, &attempt, &what).await;
            report.push(Resolved { attempt, what, found, held: false });
        }
        for entry in held {
            // One of those that were open may have undone it.
            let entry = turn.load(entry.flow.id).await?;
            let (attempt, what) = asked_as(&entry)?;
            if let (true, MoneyOutcome::Approved(approval)) = (entry.is_held(), answer(&entry)) {
                let found = Resolution::Approved(approval);
                report.push(Resolved { attempt, what, found, held: true });
            }
        }
        Ok(report)
    }

    /// Writes down what a person says became of an operation that is not settled. An approval of the
    /// terminal that comes later still counts (F19): [`CardTerminal::resolve`] goes on asking for it
    /// where a person said that nothing was performed.
    ///
    /// Of a held payment a person can say that it stands: its terminal is free then. What it gave
    /// back is a roll-back of its own, which is asked for and judged like every other.
    ///
    /// # Errors
    /// [`Trouble::Moved`] when it is settled or was never begun, when a held payment is said not to
    /// be performed, or when nobody is named (`by`: 1 to 128 bytes). [`Trouble::Owned`] when the
    /// reference number is that of another operation.
    pub async fn judge(&self, id: Uuid, says: MoneyJudgement, by: &str) -> Result<(), Trouble> {
        let turn = self.attempts.turn().await?;
        let mut entry = turn.load(id).await?;
        if !entry.flow.is_unsettled() || by.is_empty() || by.len() > 128 {
            return Err(Trouble::Moved { id });
        }
        let outcome = match says {
            // What the terminal said of it is worth more than what a person read off a slip.
            MoneyJudgement::Approved(_) if entry.is_held() => answer(&entry),
            MoneyJudgement::Approved(approval) => {
                let owner = owner_beside(&turn, &entry, approval.reference.as_deref()).await?;
                match owner {
                    Some(id) => return Err(Trouble::Owned { id }),
                    None => MoneyOutcome::Approved(approval),
                }
            }
            MoneyJudgement::NotPerformed if entry.is_held() => return Err(Trouble::Moved { id }),
            MoneyJudgement::NotPerformed => declined(Reason::Other, "a person said so"),
        };
        let said = Said { by: Some(by.into()), ..said(&outcome) };
        self.conclude(&turn, &mut entry, &outcome, AttemptCommand::Judge(said)).await
    }

    /// Asks the terminal about an operation that is not settled, and writes down what it says.
    async fn settle(
        &self,
        turn: &Turn<'_>,
        entry: &mut Entry,
        attempt: &Attempt,
        what: &Operation,
    ) -> Resolution {
        let found = self.inner.resolve(attempt, what, &turn.names()).await;
        let outcome = match &found {
            Resolution::Approved(approval) => MoneyOutcome::Approved(approval.clone()),
            Resolution::NotPerformed(evidence) => declined(Reason::Other, evidence.as_str()),
            Resolution::NotYet(_) => return found,
            Resolution::Person(_) if matches!(entry.flow.standing, Standing::Person(_)) => {
                return found;
            }
            Resolution::Person(evidence) => {
                let body = Body::of(&newest(evidence, KEPT_MAX / 4));
                let said = Said { verdict: Verdict::Person, body, by: None, reference: None };
                return match turn.say(entry, AttemptCommand::Find(said)).await {
                    Ok(()) => found,
                    Err(trouble) => Resolution::NotYet(journal(&trouble)),
                };
            }
        };
        let find = AttemptCommand::Find(said(&outcome));
        match self.conclude(turn, entry, &outcome, find).await {
            Ok(()) => found,
            Err(trouble) => Resolution::NotYet(journal(&trouble)),
        }
    }

    /// An approval of what a person gave up (F19). The terminal's silence changes nothing.
    async fn late(
        &self,
        turn: &Turn<'_>,
        entry: &mut Entry,
        attempt: &Attempt,
        what: &Operation,
    ) -> Option<Resolution> {
        let found = self.inner.resolve(attempt, what, &turn.names()).await;
        let Resolution::Approved(approval) = &found else { return None };
        let outcome = MoneyOutcome::Approved(approval.clone());
        let find = AttemptCommand::Find(said(&outcome));
        match self.conclude(turn, entry, &outcome, find).await {
            Ok(()) => Some(found),
            Err(trouble) => Some(Resolution::NotYet(journal(&trouble))),
        }
    }

    /// Everything that keeps a new operation from being sent, and then its intent.
    async fn begin(
        &self,
        turn: &Turn<'_>,
        mut entry: Entry,
        attempt: &Attempt,
        what: &Operation,
    ) -> Result<Entry, MoneyOutcome> {
        what.check().map_err(|error| not_started(&error))?;
        // A held payment is undone at the terminal that holds it.
        let undoes = what.original().map(|of| of.attempt.id);
        let obstacle = turn.obstacle(attempt.id, undoes).await;
        if let Some(other) = obstacle.map_err(|trouble| not_started(&journal(&trouble)))? {
            return Err(not_started(&unsettled_error(other)));
        }
        let begun = turn.begun(Body::of(what), what.amount(), Body::of(&attempt.at));
        match turn.begin(&mut entry, begun, undoes).await {
            Ok(Way::Free) => Ok(entry),
            Ok(Way::Taken) => {
                let error = TerminalError::new(Fault::Unsettled, "of another run");
                Err(self.keep(turn, &mut entry, not_started(&error)).await)
            }
            // What is asked is small: this cannot be, and nothing was written.
            Err(trouble @ Trouble::TooLarge { .. }) => Err(not_started(&journal(&trouble))),
            Err(trouble) => Err(MoneyOutcome::InDoubt(journal(&trouble))),
        }
    }

    /// Writes an outcome down; what is not durable is not known.
    async fn keep(
        &self,
        turn: &Turn<'_>,
        entry: &mut Entry,
        outcome: MoneyOutcome,
    ) -> MoneyOutcome {
        let answer = AttemptCommand::Answer(said(&outcome));
        match self.conclude(turn, entry, &outcome, answer).await {
            Ok(()) => outcome,
            Err(trouble) => MoneyOutcome::InDoubt(journal(&trouble)),
        }
    }

    /// Writes down what became of an operation. A held payment that it undid waits for no word any
    /// more, and is released before: after a crash in between the operation is still open, and is
    /// settled like every other; the other way round the payment would hold its terminal for ever.
    async fn conclude(
        &self,
        turn: &Turn<'_>,
        entry: &mut Entry,
        outcome: &MoneyOutcome,
        command: AttemptCommand,
    ) -> Result<(), Trouble> {
        if let Some((what, _)) = asked(entry)
            && let (Some(of), MoneyOutcome::Approved(_)) = (what.original(), outcome)
        {
            let mut original = turn.load(of.attempt.id).await?;
            if original.is_held() {
                turn.say(&mut original, AttemptCommand::Undo).await?;
            }
        }
        turn.say(entry, command).await
    }

    /// The terminal, unless an operation there is one of these.
    async fn without(&self, which: fn(&Entry) -> bool) -> Result<Turn<'_>, TerminalError> {
        let turn = self.attempts.turn().await.map_err(|trouble| journal(&trouble))?;
        let unsettled = turn.unsettled().await.map_err(|trouble| journal(&trouble))?;
        match unsettled.iter().find(|entry| which(entry)) {
            Some(other) => Err(unsettled_error(other.flow.id)),
            None => Ok(turn),
        }
    }

    /// The payment of a second phase, as its stream has it.
    async fn payment(&self, turn: &Turn<'_>, id: Uuid) -> Result<Entry, HoldError> {
        let entry = turn.load(id).await.map_err(|trouble| journal(&trouble))?;
        match answer(&entry) {
            MoneyOutcome::Approved(_) if entry.flow.known().is_some() && !entry.flow.undone => {
                Ok(entry)
            }
            _ => Err(HoldError::NotHeld),
        }
    }

    /// While the undoing of a payment is open nobody knows whether there is anything to hold or to
    /// confirm.
    async fn is_alone(&self, turn: &Turn<'_>, id: Uuid) -> Result<(), HoldError> {
        let obstacle = turn.obstacle(id, None).await.map_err(|trouble| journal(&trouble))?;
        match obstacle {
            Some(other) => Err(HoldError::Fault(unsettled_error(other))),
            None => Ok(()),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl CardTerminal for Guarded<dyn CardTerminal> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn probe(&self) -> Result<TerminalInfo, TerminalError> {
        let _turn = self.without(Entry::is_held).await?;
        self.inner.probe().await
    }

    async fn perform(&self, attempt: &Attempt, what: &Operation) -> MoneyOutcome {
        let unknown = |trouble: Trouble| MoneyOutcome::InDoubt(journal(&trouble));
        let turn = match self.attempts.turn().await {
            Ok(turn) => turn,
            Err(trouble) => return unknown(trouble),
        };
        let entry = match turn.load(attempt.id).await {
            Ok(entry) => entry,
            Err(trouble) => return unknown(trouble),
        };
        if entry.flow.begun.is_some() {
            return match asked(&entry) {
                Some((was, _)) if was == *what => answer(&entry),
                Some(_) => not_started(&conflict(attempt.id)),
                None => unknown(Trouble::Damaged { id: attempt.id }),
            };
        }
        let mut entry = match self.begin(&turn, entry, attempt, what).await {
            Ok(entry) => entry,
            Err(outcome) => return outcome,
        };
        let outcome = self.inner.perform(attempt, what).await;
        let outcome = match outcome {
            MoneyOutcome::Declined(no) if no.reason == Reason::NotFound => {
                not_found(&turn, what, no).await
            }
            outcome => outcome,
        };
        self.keep(&turn, &mut entry, outcome).await
    }

    /// Held by the journal first: after a crash in between nothing new is begun before somebody
    /// has confirmed the payment or undone it.
    async fn hold(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError> {
        let turn = self.attempts.turn().await.map_err(|trouble| journal(&trouble))?;
        let mut entry = self.payment(&turn, attempt.id).await?;
        self.is_alone(&turn, attempt.id).await?;
        let held = turn.say(&mut entry, AttemptCommand::Hold).await;
        held.map_err(|trouble| HoldError::InDoubt(journal(&trouble)))?;
        let held = self.inner.hold(attempt, of).await;
        if matches!(held, Err(HoldError::Mismatch | HoldError::NotHeld | HoldError::Fault(_))) {
            let released = turn.say(&mut entry, AttemptCommand::Release).await;
            released.map_err(|trouble| HoldError::InDoubt(journal(&trouble)))?;
        }
        held
    }

    async fn confirm(&self, attempt: &Attempt, of: &Approval) -> Result<(), HoldError> {
        let turn = self.attempts.turn().await.map_err(|trouble| journal(&trouble))?;
        let mut entry = self.payment(&turn, attempt.id).await?;
        if !entry.is_held() {
            return Ok(());
        }
        self.is_alone(&turn, attempt.id).await?;
        self.inner.confirm(attempt, of).await?;
        let released = turn.say(&mut entry, AttemptCommand::Release).await;
        released.map_err(|trouble| HoldError::InDoubt(journal(&trouble)))
    }

    async fn resolve(&self, attempt: &Attempt, what: &Operation, _: &dyn Known) -> Resolution {
        let later = |trouble: Trouble| Resolution::NotYet(journal(&trouble));
        let turn = match self.attempts.turn().await {
            Ok(turn) => turn,
            Err(trouble) => return later(trouble),
        };
        let mut entry = match turn.load(attempt.id).await {
            Ok(entry) => entry,
            Err(trouble) => return later(trouble),
        };
        if entry.flow.begun.is_none() {
            let begun = turn.begun(Body::of(what), what.amount(), Body::of(&attempt.at));
            let never = declined(Reason::NotStarted, "never begun");
            return match turn.bury(&mut entry, begun, Body::of(&never)).await {
                Ok(()) => Resolution::NotPerformed(Masked::new("never begun")),
                Err(trouble) => later(trouble),
            };
        }
        let Some((was, at)) = asked(&entry) else {
            return later(Trouble::Damaged { id: attempt.id });
        };
        if was != *what {
            return Resolution::NotYet(conflict(attempt.id));
        }
        match answer(&entry) {
            MoneyOutcome::Approved(approval) => Resolution::Approved(approval),
            MoneyOutcome::Declined(decline) if is_judged(&entry) => {
                let attempt = Attempt { id: attempt.id, at };
                match self.late(&turn, &mut entry, &attempt, what).await {
                    Some(found) => found,
                    None => Resolution::NotPerformed(decline.text),
                }
            }
            MoneyOutcome::Declined(decline) => Resolution::NotPerformed(decline.text),
            MoneyOutcome::InDoubt(_) => {
                let attempt = Attempt { id: attempt.id, at };
                self.settle(&turn, &mut entry, &attempt, what).await
            }
        }
    }

    async fn report(&self, kind: ReportKind) -> Result<Report, TerminalError> {
        let _turn = self.without(Entry::is_held).await?;
        self.inner.report(kind).await
    }

    async fn last_slip(&self) -> Result<Vec<Slip>, TerminalError> {
        let _turn = self.without(Entry::is_held).await?;
        self.inner.last_slip().await
    }

    /// F7: never while an operation is held or in doubt.
    async fn reconcile(&self) -> ReconcileOutcome {
        match self.without(|_| true).await {
            Ok(_turn) => self.inner.reconcile().await,
            Err(error) => ReconcileOutcome::Refused(error),
        }
    }
}

#[async_trait]
impl Known for Names {
    async fn owner(&self, reference: &str) -> Result<Option<Uuid>, TerminalError> {
        Names::owner(self, reference).await.map_err(|trouble| journal(&trouble))
    }
}

/// The terminal does not know what is to be undone. When that is a payment that it held, it may have
/// given it back by itself: then it is undone, which is to be found out.
async fn not_found(turn: &Turn<'_>, what: &Operation, no: Decline) -> MoneyOutcome {
    let Operation::RollBack { of } = what else { return MoneyOutcome::Declined(no) };
    match turn.load(of.attempt.id).await {
        Ok(original) if !original.is_held() => MoneyOutcome::Declined(no),
        Ok(_) => {
            let text = format!("the terminal holds the payment no more: {} {}", no.code, no.text);
            MoneyOutcome::InDoubt(TerminalError::new(Fault::Undefined, &text))
        }
        Err(trouble) => MoneyOutcome::InDoubt(journal(&trouble)),
    }
}

/// The other operation to which a reference number belongs. Some banks give an undoing the number of
/// what it undoes.
async fn owner_beside(
    turn: &Turn<'_>,
    entry: &Entry,
    reference: Option<&str>,
) -> Result<Option<Uuid>, Trouble> {
    let Some(reference) = reference else { return Ok(None) };
    let owner = turn.names().owner(reference).await?;
    let undone = asked(entry).and_then(|(what, _)| what.original().map(|of| of.attempt.id));
    Ok(owner.filter(|id| *id != entry.flow.id && Some(*id) != undone))
}

/// A person said what became of it.
fn is_judged(entry: &Entry) -> bool {
    entry.flow.known().is_some_and(|said| said.by.is_some())
}

/// What an attempt asked for, and when it was begun.
fn asked(entry: &Entry) -> Option<(Operation, Timestamp)> {
    let begun = entry.flow.begun.as_ref()?;
    Some((begun.what.read()?, begun.before.read()?))
}

/// The attempt of a stream that has begun, and what it asked for.
fn asked_as(entry: &Entry) -> Result<(Attempt, Operation), Trouble> {
    let id = entry.flow.id;
    let (what, at) = asked(entry).ok_or(Trouble::Damaged { id })?;
    Ok((Attempt { id, at }, what))
}

/// What a stream says became of its attempt.
fn answer(entry: &Entry) -> MoneyOutcome {
    let said = match &entry.flow.standing {
        Standing::Known(said) | Standing::Held(said) | Standing::InDoubt(said) => Some(said),
        _ => None,
    };
    let stored = said.and_then(|said| said.body.read::<MoneyOutcome>());
    stored.unwrap_or_else(|| MoneyOutcome::InDoubt(unsettled_error(entry.flow.id)))
}

fn said(outcome: &MoneyOutcome) -> Said {
    let (verdict, reference) = match outcome {
        MoneyOutcome::Approved(approval) => (Verdict::Done, approval.reference.clone()),
        MoneyOutcome::Declined(_) => (Verdict::Refused, None),
        MoneyOutcome::InDoubt(_) => (Verdict::InDoubt, None),
    };
    Said { verdict, body: kept(outcome), by: None, reference }
}

fn short(text: &Masked, most: usize) -> Masked {
    Masked::new(&text.as_str().chars().take(most).collect::<String>())
}

/// The end of a report: what was done last stands there.
fn newest(text: &Masked, most: usize) -> Masked {
    let all = text.as_str().chars().count();
    Masked::new(&text.as_str().chars().skip(all.saturating_sub(most)).collect::<String>())
}

/// What fits into a record. Money must never be forgotten for the length of its slips.
fn kept(outcome: &MoneyOutcome) -> Body {
    let body = Body::of(outcome);
    if body.size() <= KEPT_MAX {
        return body;
    }
    let short = |text: &Masked| short(text, 1_000);
    let cut = match outcome {
        MoneyOutcome::Approved(approval) => {
            let evidence = short(&approval.evidence);
            let cut = Approval { slips: Vec::new(), evidence, ..(**approval).clone() };
            MoneyOutcome::Approved(Box::new(cut))
        }
        MoneyOutcome::Declined(decline) => {
            let text = short(&decline.text);
            MoneyOutcome::Declined(Decline { slips: Vec::new(), text, ..decline.clone() })
        }
        MoneyOutcome::InDoubt(error) => {
            let error = TerminalError { text: short(&error.text), ..error.clone() };
            MoneyOutcome::InDoubt(error)
        }
    };
    Body::of(&cut)
}

fn declined(reason: Reason, text: &str) -> MoneyOutcome {
    let (code, text) = ("".into(), Masked::new(text));
    MoneyOutcome::Declined(Decline { reason, code, text, slips: Vec::new() })
}

fn not_started(error: &TerminalError) -> MoneyOutcome {
    declined(Reason::NotStarted, &error.to_string())
}

fn journal(trouble: &Trouble) -> TerminalError {
    let fault = match trouble {
        Trouble::Busy => Fault::Busy,
        _ => Fault::Journal,
    };
    TerminalError::new(fault, &trouble.to_string())
}

fn unsettled_error(id: Uuid) -> TerminalError {
    TerminalError::new(Fault::Unsettled, &format!("attempt {id}"))
}

fn conflict(id: Uuid) -> TerminalError {
    TerminalError::new(Fault::BadRequest, &format!("attempt {id} asked for something else"))
}
