//! A guarded fiscal register.

use async_trait::async_trait;
use tillway_core::Kopecks;
use tillway_core::fiscal::{Evidence, Mark, Operator, Paid, Receipt, Registered};
use tillway_core::flow::{AttemptCommand, Body, Said, Standing, Verdict};
use tillway_core::id::Uuid;
use tillway_core::port::FiscalRegister;
use tillway_core::port::fiscal::{
    Attempt, Capabilities, Cause, Device, DeviceStatus, Exchange, Fiscal, FiscalOutcome, Found,
    Intent, RegisterError, Shift, ShiftTotals, Slip,
};

use crate::attempts::{Entry, Trouble, Turn, Way};
use crate::guarded::Guarded;

/// What became of an attempt that an earlier run left open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recovered {
    /// The attempt.
    pub id: Uuid,
    /// What was to be written.
    pub what: Fiscal,
    /// What was found. Only [`Found::NotYet`] and [`Found::Person`] still keep documents off.
    pub found: Found,
}

/// What a person says became of an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// It was written: this is it, from the evidence, the memory or the OFD's cabinet.
    Written(Box<Registered>),
    /// It was not written.
    NotWritten,
}

/// A new attempt that may be sent.
struct Ready {
    attempt: Attempt,
    entry: Entry,
}

impl Guarded<dyn FiscalRegister> {
    /// Asks what became of each attempt that is not settled. Call it at start, and again while
    /// something is left; it decides nothing but what the register says (F6).
    ///
    /// A receipt that a crash left open is annulled.
    ///
    /// # Errors
    /// [`Trouble`]: call it again.
    pub async fn recover(&self) -> Result<Vec<Recovered>, Trouble> {
        let turn = self.attempts.turn().await?;
        let mut report = Vec::new();
        for mut entry in turn.unsettled().await? {
            let id = entry.flow.id;
            if turn.holder() == Some(id) {
                continue;
            }
            let Some(intent) = intent(&entry) else { return Err(Trouble::Damaged { id }) };
            let found = self.resolve(&turn, &mut entry, &intent).await;
            report.push(Recovered { id, what: fiscal(intent), found });
        }
        Ok(report)
    }

    /// Writes down what a person says became of an attempt that is not settled.
    ///
    /// # Errors
    /// [`Trouble::Moved`] when it is settled, was never begun, has its receipt open, or nobody is
    /// named (`by`: 1 to 128 bytes).
    pub async fn judge(&self, id: Uuid, judgement: Judgement, by: &str) -> Result<(), Trouble> {
        let turn = self.attempts.turn().await?;
        let mut entry = turn.load(id).await?;
        if by.is_empty() || by.len() > 128 || turn.holder() == Some(id) {
            return Err(Trouble::Moved { id });
        }
        let outcome = match judgement {
            Judgement::Written(document) => FiscalOutcome::Written(document),
            Judgement::NotWritten => {
                FiscalOutcome::NotWritten(RegisterError::new(Cause::Unknown, "a person said so"))
            }
        };
        let said = Said { by: Some(by.into()), ..said(&outcome) };
        turn.say(&mut entry, AttemptCommand::Judge(said)).await
    }

    /// Everything that keeps a new attempt from being sent, and then its intent.
    async fn prepare(
        &self,
        turn: &Turn<'_>,
        mut entry: Entry,
        intent: &Intent,
    ) -> Result<Ready, FiscalOutcome> {
        let not = FiscalOutcome::NotWritten;
        let total = total(intent).map_err(not)?;
        self.check(intent).map_err(not)?;
        if turn.holder().is_some() {
            return Err(not(RegisterError::new(Cause::ReceiptOpen, "of another attempt")));
        }
        let obstacle = turn.obstacle(entry.flow.id, None).await;
        if let Some(other) = obstacle.map_err(|trouble| not(journal(&trouble)))? {
            return Err(not(doubt(other)));
        }
        let before = self.inner.mark().await.map_err(not)?;
        let begun = turn.begun(Body::of(intent), total, Body::of(&before));
        match turn.begin(&mut entry, begun, None).await {
            Ok(Way::Free) => {}
            Ok(Way::Taken) => {
                let outcome = not(RegisterError::new(Cause::Doubt, "of another run"));
                return Err(self.keep(turn, &mut entry, outcome).await);
            }
            Err(Trouble::TooLarge { max }) => {
                let text = format!("receipt: has more than {max} bytes");
                return Err(not(RegisterError::new(Cause::BadReceipt, text)));
            }
            Err(trouble) => return Err(FiscalOutcome::InDoubt(journal(&trouble))),
        }
        Ok(Ready { attempt: Attempt { id: entry.flow.id, before }, entry })
    }

    fn check(&self, intent: &Intent) -> Result<(), RegisterError> {
        let capabilities = self.inner.capabilities();
        match intent {
            Intent::Open(_) if !capabilities.open_receipt => {
                Err(RegisterError::new(Cause::Unsupported, "a receipt that stays open"))
            }
            Intent::Open(receipt) => Ok(receipt.check_open(&capabilities.limits).map(|_| ())?),
            Intent::Register(Fiscal::Receipt(receipt)) => {
                Ok(receipt.check(&capabilities.limits).map(|_| ())?)
            }
            Intent::Register(_) => Ok(()),
        }
    }

    /// Writes an outcome down; what is not durable is not known.
    async fn keep(
        &self,
        turn: &Turn<'_>,
        entry: &mut Entry,
        outcome: FiscalOutcome,
    ) -> FiscalOutcome {
        match turn.say(entry, AttemptCommand::Answer(said(&outcome))).await {
            Ok(()) => outcome,
            Err(trouble) => FiscalOutcome::InDoubt(journal(&trouble)),
        }
    }

    /// Asks the register about an attempt that is not settled, and writes down what it says.
    async fn resolve(&self, turn: &Turn<'_>, entry: &mut Entry, intent: &Intent) -> Found {
        let id = entry.flow.id;
        let begun = entry.flow.begun.as_ref();
        let Some(before) = begun.and_then(|begun| begun.before.read::<Mark>()) else {
            return Found::NotYet(journal(&Trouble::Damaged { id }));
        };
        if let Intent::Open(_) = intent
            && let Err(error) = self.inner.annul_receipt().await
            // A print that is not finished is of a document that was closed.
            && !matches!(error.cause, Cause::Interrupted | Cause::NoReceipt)
        {
            return Found::NotYet(error);
        }
        let attempt = Attempt { id, before };
        let found = self.inner.find(&attempt, &fiscal(intent.clone())).await;
        let said = match &found {
            Found::Written(document) => said(&FiscalOutcome::Written(document.clone())),
            Found::NotWritten => said(&FiscalOutcome::NotWritten(reason(&entry.flow.standing))),
            Found::NotYet(_) => return found,
            Found::Person(_) if matches!(entry.flow.standing, Standing::Person(_)) => return found,
            Found::Person(evidence) => {
                let body = Body::of::<Evidence>(evidence);
                Said { verdict: Verdict::Person, body, by: None, reference: None }
            }
        };
        match turn.say(entry, AttemptCommand::Find(said)).await {
            Ok(()) => found,
            Err(trouble) => Found::NotYet(journal(&trouble)),
        }
    }

    /// Whether something may be printed that is no document: not into an open receipt.
    async fn may_print(&self) -> Result<Turn<'_>, RegisterError> {
        let turn = self.attempts.turn().await.map_err(|trouble| journal(&trouble))?;
        if turn.holder().is_some() {
            return Err(RegisterError::new(Cause::ReceiptOpen, "of another attempt"));
        }
        if self.inner.capabilities().open_receipt {
            let unsettled = turn.unsettled().await.map_err(|trouble| journal(&trouble))?;
            let opened = |entry: &&Entry| matches!(intent(entry), Some(Intent::Open(_)) | None);
            if let Some(other) = unsettled.iter().find(opened) {
                return Err(doubt(other.flow.id));
            }
        }
        Ok(turn)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl FiscalRegister for Guarded<dyn FiscalRegister> {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.ids = true;
        capabilities
    }
    async fn probe(&self) -> Result<Device, RegisterError> {
        self.inner.probe().await
    }
    async fn status(&self) -> Result<DeviceStatus, RegisterError> {
        self.inner.status().await
    }
    async fn shift(&self) -> Result<Shift, RegisterError> {
        self.inner.shift().await
    }
    async fn totals(&self) -> Result<ShiftTotals, RegisterError> {
        self.inner.totals().await
    }
    async fn exchange(&self) -> Result<Exchange, RegisterError> {
        self.inner.exchange().await
    }
    async fn mark(&self) -> Result<Mark, RegisterError> {
        self.inner.mark().await
    }
    async fn document(&self, number: u32) -> Result<Option<Registered>, RegisterError> {
        self.inner.document(number).await
    }

    async fn register(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome {
        let unknown = |trouble: Trouble| FiscalOutcome::InDoubt(journal(&trouble));
        let turn = match self.attempts.turn().await {
            Ok(turn) => turn,
            Err(trouble) => return unknown(trouble),
        };
        let entry = match turn.load(attempt.id).await {
            Ok(entry) => entry,
            Err(trouble) => return unknown(trouble),
        };
        let asked = Intent::Register(what.clone());
        if entry.flow.begun.is_some() {
            return repeated(&turn, &entry, &asked);
        }
        let Ready { attempt, mut entry } = match self.prepare(&turn, entry, &asked).await {
            Ok(ready) => ready,
            Err(outcome) => return outcome,
        };
        let outcome = self.inner.register(&attempt, what).await;
        self.keep(&turn, &mut entry, outcome).await
    }

    async fn find(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        let later = |trouble: Trouble| Found::NotYet(journal(&trouble));
        let turn = match self.attempts.turn().await {
            Ok(turn) => turn,
            Err(trouble) => return later(trouble),
        };
        if turn.holder() == Some(attempt.id) {
            return Found::NotYet(RegisterError::new(Cause::ReceiptOpen, "of this attempt"));
        }
        let mut entry = match turn.load(attempt.id).await {
            Ok(entry) => entry,
            Err(trouble) => return later(trouble),
        };
        if entry.flow.begun.is_none() {
            let asked = Intent::Register(what.clone());
            let total = total(&asked).unwrap_or_default();
            let begun = turn.begun(Body::of(&asked), total, Body::of(&attempt.before));
            let never = RegisterError::new(Cause::Cancelled, "never begun");
            let body = Body::of(&FiscalOutcome::NotWritten(never));
            let buried = turn.bury(&mut entry, begun, body).await;
            return buried.map_or_else(later, |()| Found::NotWritten);
        }
        match intent(&entry) {
            Some(intent) if is_of(&intent, what) => match answer(&entry) {
                FiscalOutcome::Written(document) => Found::Written(document),
                FiscalOutcome::NotWritten(_) => Found::NotWritten,
                FiscalOutcome::InDoubt(_) => self.resolve(&turn, &mut entry, &intent).await,
            },
            Some(_) => Found::NotYet(conflict(attempt.id)),
            None => later(Trouble::Damaged { id: attempt.id }),
        }
    }

    async fn open_receipt(
        &self,
        attempt: &Attempt,
        receipt: &Receipt,
    ) -> Result<(), RegisterError> {
        let mut turn = self.attempts.turn().await.map_err(|trouble| journal(&trouble))?;
        let entry = turn.load(attempt.id).await.map_err(|trouble| journal(&trouble))?;
        let asked = Intent::Open(Box::new(receipt.clone()));
        if entry.flow.begun.is_some() {
            return match repeated(&turn, &entry, &asked) {
                FiscalOutcome::NotWritten(error) => Err(error),
                _ if turn.holder() == Some(attempt.id) => Ok(()),
                FiscalOutcome::InDoubt(error) => Err(error),
                FiscalOutcome::Written(_) => {
                    Err(RegisterError::new(Cause::NoReceipt, "it is closed already"))
                }
            };
        }
        let ready = self.prepare(&turn, entry, &asked).await.map_err(refusal)?;
        let Ready { attempt, mut entry } = ready;
        let Err(error) = self.inner.open_receipt(&attempt, receipt).await else {
            turn.hold(attempt.id);
            return Ok(());
        };
        let outcome = match self.inner.annul_receipt().await {
            Ok(()) => FiscalOutcome::NotWritten(error.clone()),
            Err(_) => FiscalOutcome::InDoubt(error.clone()),
        };
        self.keep(&turn, &mut entry, outcome).await;
        Err(error)
    }

    async fn close_receipt(&self, attempt: &Attempt, paid: &[Paid]) -> FiscalOutcome {
        let unknown = |trouble: Trouble| FiscalOutcome::InDoubt(journal(&trouble));
        let mut turn = match self.attempts.turn().await {
            Ok(turn) => turn,
            Err(trouble) => return unknown(trouble),
        };
        let mut entry = match turn.load(attempt.id).await {
            Ok(entry) => entry,
            Err(trouble) => return unknown(trouble),
        };
        if turn.holder() != Some(attempt.id) {
            return match entry.flow.begun {
                Some(_) => answer(&entry),
                None => FiscalOutcome::NotWritten(RegisterError::new(Cause::NoReceipt, "")),
            };
        }
        let begun = entry.flow.begun.as_ref();
        let (Some(before), Some(Intent::Open(receipt))) =
            (begun.and_then(|begun| begun.before.read::<Mark>()), intent(&entry))
        else {
            return unknown(Trouble::Damaged { id: attempt.id });
        };
        let whole = Receipt { paid: paid.to_vec(), ..*receipt };
        // From here on nobody goes on with it: a caller that gives up leaves it to be found.
        turn.let_go();
        let sent = Attempt { id: attempt.id, before };
        let outcome = match whole.check(&self.inner.capabilities().limits) {
            Ok(_) => self.inner.close_receipt(&sent, paid).await,
            Err(wrong) => FiscalOutcome::NotWritten(wrong.into()),
        };
        if let FiscalOutcome::NotWritten(_) = outcome {
            // It may still be open. If this fails, the next one is told that a receipt is open.
            let _ = self.inner.annul_receipt().await;
        }
        self.keep(&turn, &mut entry, outcome).await
    }

    async fn annul_receipt(&self) -> Result<(), RegisterError> {
        let mut turn = self.attempts.turn().await.map_err(|trouble| journal(&trouble))?;
        self.inner.annul_receipt().await?;
        let Some(id) = turn.holder() else { return Ok(()) };
        turn.let_go();
        let mut entry = turn.load(id).await.map_err(|trouble| journal(&trouble))?;
        let annulled = RegisterError::new(Cause::Cancelled, "annulled");
        let answer = AttemptCommand::Answer(said(&FiscalOutcome::NotWritten(annulled)));
        turn.say(&mut entry, answer).await.map_err(|trouble| journal(&trouble))
    }

    async fn report_x(&self, operator: Option<&Operator>) -> Result<(), RegisterError> {
        let _turn = self.may_print().await?;
        self.inner.report_x(operator).await
    }
    async fn print(&self, slip: &Slip) -> Result<(), RegisterError> {
        let _turn = self.may_print().await?;
        self.inner.print(slip).await
    }
    async fn print_again(&self, number: u32) -> Result<(), RegisterError> {
        let _turn = self.may_print().await?;
        self.inner.print_again(number).await
    }
    async fn continue_print(&self) -> Result<(), RegisterError> {
        let turn = self.attempts.turn().await.map_err(|trouble| journal(&trouble))?;
        if turn.holder().is_some() {
            return Err(RegisterError::new(Cause::ReceiptOpen, "of another attempt"));
        }
        self.inner.continue_print().await
    }
}

/// What an attempt asked for.
fn intent(entry: &Entry) -> Option<Intent> {
    entry.flow.begun.as_ref().and_then(|begun| begun.what.read())
}

fn fiscal(intent: Intent) -> Fiscal {
    match intent {
        Intent::Register(what) => what,
        Intent::Open(receipt) => Fiscal::Receipt(receipt),
    }
}

/// Whether an attempt asked for this. With what a receipt is paid that was opened is not asked for
/// until it is closed.
fn is_of(intent: &Intent, what: &Fiscal) -> bool {
    match (intent, what) {
        (Intent::Register(asked), what) => asked == what,
        (Intent::Open(opened), Fiscal::Receipt(receipt)) => {
            **opened == Receipt { paid: opened.paid.clone(), ..(**receipt).clone() }
        }
        (Intent::Open(_), _) => false,
    }
}

fn total(intent: &Intent) -> Result<Kopecks, RegisterError> {
    let receipt = match intent {
        Intent::Open(receipt) | Intent::Register(Fiscal::Receipt(receipt)) => receipt,
        Intent::Register(_) => return Ok(Kopecks::ZERO),
    };
    receipt.total().map_err(|_| RegisterError::new(Cause::BadReceipt, "lines: is too large"))
}

/// The answer to a repeat: from the stream, if it is one.
fn repeated(turn: &Turn<'_>, entry: &Entry, asked: &Intent) -> FiscalOutcome {
    let again = turn.begun(Body::of(asked), total(asked).unwrap_or_default(), Body::default());
    let same = entry.flow.begun.as_ref().is_some_and(|begun| begun.is_repeat_of(&again));
    if same { answer(entry) } else { FiscalOutcome::NotWritten(conflict(entry.flow.id)) }
}

/// What a stream says became of its attempt.
fn answer(entry: &Entry) -> FiscalOutcome {
    let said = match &entry.flow.standing {
        Standing::Known(said) | Standing::InDoubt(said) => Some(said),
        _ => None,
    };
    let stored = said.and_then(|said| said.body.read::<FiscalOutcome>());
    stored.unwrap_or_else(|| FiscalOutcome::InDoubt(doubt(entry.flow.id)))
}

fn said(outcome: &FiscalOutcome) -> Said {
    let verdict = match outcome {
        FiscalOutcome::Written(_) => Verdict::Done,
        FiscalOutcome::NotWritten(_) => Verdict::Refused,
        FiscalOutcome::InDoubt(_) => Verdict::InDoubt,
    };
    Said { verdict, body: Body::of(outcome), by: None, reference: None }
}

/// Why an attempt was not written that was found not written: what made it doubtful.
fn reason(standing: &Standing) -> RegisterError {
    let said = match standing {
        Standing::InDoubt(said) => said.body.read::<FiscalOutcome>(),
        _ => None,
    };
    match said {
        Some(FiscalOutcome::InDoubt(error)) => error,
        _ => RegisterError::new(Cause::Unknown, "no answer was kept"),
    }
}

/// What a caller hears that expects no outcome.
fn refusal(outcome: FiscalOutcome) -> RegisterError {
    match outcome {
        FiscalOutcome::NotWritten(error) | FiscalOutcome::InDoubt(error) => error,
        FiscalOutcome::Written(_) => RegisterError::new(Cause::Unknown, ""),
    }
}

fn journal(trouble: &Trouble) -> RegisterError {
    let cause = match trouble {
        Trouble::Busy => Cause::Busy,
        _ => Cause::Journal,
    };
    RegisterError::new(cause, trouble.to_string())
}

fn doubt(id: Uuid) -> RegisterError {
    RegisterError::new(Cause::Doubt, format!("attempt {id}"))
}

fn conflict(id: Uuid) -> RegisterError {
    RegisterError::new(Cause::Conflict, format!("attempt {id}"))
}
