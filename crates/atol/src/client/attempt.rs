//! The way of one task: sent once under its uuid, followed to its end, and settled by the memory
//! where the server cannot say (ATOL notes 3 and 11).

use tillway_core::fiscal::{Evidence, Registered};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{
    Attempt, Cause, Fiscal, FiscalOutcome, Found, RegisterError, ShiftState,
};

use super::AtolWeb;
use super::server::{Removed, Seen, Sent};
use crate::ask;
use crate::code::{Way, may_be_written};
use crate::task::{self, Context};
use crate::wire::{Entry, Status};

/// How far a task is followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Until it is taken out of the queue.
    pub(super) queue: core::time::Duration,
    /// Until nobody waits for it any more.
    pub(super) outcome: core::time::Duration,
}

/// The end of following a task.
#[derive(Debug)]
pub(super) enum Followed {
    /// The server says what became of it.
    Ended(Entry),
    /// It was taken out of the queue and will not run.
    Removed,
    /// The server does not know it.
    Nothing,
    /// Time is over; this was the last that was heard.
    Late(RegisterError),
}

/// What is known of a document in the end.
#[derive(Debug)]
pub(super) enum Settled {
    Written(Box<Registered>),
    Not(RegisterError),
    /// Nobody can say now.
    Yet(RegisterError),
    Person(Box<Evidence>),
}

impl From<Settled> for FiscalOutcome {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::Written(document) => Self::Written(document),
            Settled::Not(error) => Self::NotWritten(error),
            Settled::Yet(error) => Self::InDoubt(error),
            Settled::Person(evidence) => {
                Self::InDoubt(RegisterError::new(Cause::Unknown, evidence.why.to_string()))
            }
        }
    }
}

impl From<Settled> for Found {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::Written(document) => Self::Written(document),
            Settled::Not(_) => Self::NotWritten,
            Settled::Yet(error) => Self::NotYet(error),
            Settled::Person(evidence) => Self::Person(evidence),
        }
    }
}

impl AtolWeb {
    /// Writes a document that was checked, whatever became of earlier calls for this attempt.
    pub(super) async fn write(&self, attempt: &Attempt, what: &Fiscal, task: &str) -> Settled {
        let id = attempt.id;
        match self.look_patiently(id).await {
            Seen::Task(entry) => return self.follow_and_settle(attempt, what, Some(entry)).await,
            // A server that has forgotten a task that was sent may have run it (F20).
            Seen::Nothing if self.was_sent(id) => match self.walk(attempt, what, lost()).await {
                Settled::Not(_) => {}
                settled => return settled,
            },
            Seen::Nothing => {}
            Seen::Grave(_) => return self.walk(attempt, what, buried()).await,
            Seen::Failed(error) => return self.before_sending(id, error),
        }
        if let Fiscal::Receipt(_) = what {
            // A receipt in a closed shift would open the shift by itself (trap A).
            let error = match ask::shift(self).await.map(|shift| shift.state) {
                Ok(ShiftState::Open) => None,
                Ok(ShiftState::Closed) => Some(crate::code::error(73, "")),
                Ok(ShiftState::Expired) => Some(crate::code::error(68, "")),
                Err(error) => Some(error),
            };
            if let Some(error) = error {
                return self.before_sending(id, error);
            }
        }
        self.send(attempt, what, task).await
    }

    /// Sends under one uuid until the server has the task. A repeat follows only when the server
    /// does not know the uuid and the memory, at rest, has nothing new (F20).
    async fn send(&self, attempt: &Attempt, what: &Fiscal, task: &str) -> Settled {
        let id = attempt.id;
        let mut last = lost();
        for _ in 0..self.config.waits.attempts {
            // Before it leaves: a caller that gives up leaves it on its way.
            let was_sent = self.remember(id);
            let (error, known) = match self.server.submit(id, task).await {
                Sent::Taken => return self.follow_and_settle(attempt, what, None).await,
                Sent::Refused(error) if was_sent => return Settled::Yet(error),
                Sent::Refused(error) => {
                    self.forget(id);
                    return Settled::Not(error);
                }
                Sent::Unsent(error) => {
                    last = error;
                    if !was_sent {
                        self.forget(id);
                    }
                    self.pause().await;
                    continue;
                }
                Sent::Known(error) => (error, true),
                Sent::Lost(error) => (error, false),
            };
            tracing::debug!(uuid = %id, %error, "the sending of a task is in doubt");
            match self.look_patiently(id).await {
                Seen::Task(entry) => {
                    return self.follow_and_settle(attempt, what, Some(entry)).await;
                }
                Seen::Failed(error) => return Settled::Yet(error),
                Seen::Grave(_) => return self.walk(attempt, what, buried()).await,
                // The server takes no tasks for this register, as some builds say it.
                Seen::Nothing if known && !was_sent => return Settled::Not(error),
                Seen::Nothing => match self.walk(attempt, what, error).await {
                    Settled::Not(error) => last = error,
                    settled => return settled,
                },
            }
            self.pause().await;
        }
        if self.was_sent(id) { Settled::Yet(last) } else { Settled::Not(last) }
    }

    async fn follow_and_settle(
        &self,
        attempt: &Attempt,
        what: &Fiscal,
        seen: Option<Entry>,
    ) -> Settled {
        let waits = &self.config.waits;
        let patience = Patience { queue: waits.queue, outcome: waits.outcome };
        match self.follow(attempt.id, patience, seen).await {
            Followed::Ended(entry) => self.settle(attempt, what, &entry).await,
            Followed::Removed => Settled::Not(removed()),
            Followed::Nothing => self.walk(attempt, what, lost()).await,
            Followed::Late(error) => Settled::Yet(error),
        }
    }

    /// What became of an attempt that may have been sent, by another run of the program perhaps.
    pub(super) async fn settle_doubt(&self, attempt: &Attempt, what: &Fiscal) -> Settled {
        let entry = match self.look_patiently(attempt.id).await {
            Seen::Task(entry) => entry,
            Seen::Grave(_) => return self.walk(attempt, what, buried()).await,
            Seen::Nothing => match self.bury(attempt.id).await {
                Ok(None) => return self.walk(attempt, what, buried()).await,
                Ok(Some(entry)) => entry,
                Err(error) => return Settled::Yet(error),
            },
            Seen::Failed(error) => return Settled::Yet(error),
        };
        match entry.status {
            // Nobody waits for it any more: it is not to print later, for a guest who has left.
            Status::Wait => match self.server.remove(attempt.id).await {
                Removed::Yes => Settled::Not(removed()),
                Removed::No => Settled::Yet(entry.error()),
            },
            Status::InProgress | Status::Blocked => Settled::Yet(entry.error()),
            _ => self.settle(attempt, what, &entry).await,
        }
    }

    /// Makes sure that a task which the server does not know will never run: the request may still
    /// be on its way. Answers with the task when it has arrived in the meantime.
    async fn bury(&self, id: Uuid) -> Result<Option<Entry>, RegisterError> {
        match self.server.bury(id).await {
            // A server that takes no two questions at once: the memory, read twice, must do (F20).
            Sent::Refused(_) => return Ok(None),
            Sent::Unsent(error) => return Err(error),
            Sent::Taken | Sent::Known(_) | Sent::Lost(_) => {}
        }
        let begin = self.clock.ticks();
        loop {
            let late = self.clock.ticks().saturating_sub(begin) >= self.config.waits.question;
            match self.look_patiently(id).await {
                // It stays in a queue that does not move, and that is not at rest then.
                Seen::Grave(grave) if grave.status.is_final() || late => return Ok(None),
                Seen::Grave(_) => {}
                Seen::Task(entry) => return Ok(Some(entry)),
                Seen::Nothing => return Err(lost()),
                Seen::Failed(error) => return Err(error),
            }
            self.pause().await;
        }
    }

    /// Looks at a task until it ends. One that does not begin is taken out of the queue, so that
    /// it does not print when nobody waits for it any more (trap B).
    /// `seen` is the first look, when somebody has looked already.
    pub(super) async fn follow(
        &self,
        uuid: Uuid,
        patience: Patience,
        seen: Option<Entry>,
    ) -> Followed {
        let begin = self.clock.ticks();
        let mut seen = seen.map(Seen::Task);
        loop {
            let waited = self.clock.ticks().saturating_sub(begin);
            let look = match seen.take() {
                Some(seen) => seen,
                None => self.server.look(uuid).await,
            };
            let last = match look {
                Seen::Task(entry) if entry.status.is_final() => return Followed::Ended(entry),
                Seen::Task(entry) => {
                    if entry.status == Status::Wait
                        && waited >= patience.queue
                        && matches!(self.server.remove(uuid).await, Removed::Yes)
                    {
                        return Followed::Removed;
                    }
                    entry.error()
                }
                Seen::Nothing | Seen::Grave(_) => return Followed::Nothing,
                Seen::Failed(error) => error,
            };
            if waited >= patience.outcome {
                return Followed::Late(last);
            }
            self.clock.sleep(self.config.waits.poll).await;
        }
    }

    /// A task that has ended. What the server says of a document is believed only when it is the
    /// one that was sent (trap A); everything else is read in the memory.
    async fn settle(&self, attempt: &Attempt, what: &Fiscal, entry: &Entry) -> Settled {
        let error = entry.error();
        match entry.status {
            Status::Ready => {
                let json = entry.result.as_deref().unwrap_or_default();
                match task::registered(task::kind(what), json) {
                    Ok(document)
                        if !task::was_recovered(json) && is_it(attempt, what, &document) =>
                    {
                        Settled::Written(Box::new(document))
                    }
                    said => {
                        let settled = self.walk(attempt, what, not_there()).await;
                        with_warnings(settled, said.ok())
                    }
                }
            }
            Status::Error if may_be_written(entry.code, Way::Json) => {
                self.walk(attempt, what, error).await
            }
            _ => Settled::Not(error),
        }
    }

    async fn walk(&self, attempt: &Attempt, what: &Fiscal, error: RegisterError) -> Settled {
        let context = self.context(attempt);
        match ask::walk(self, attempt, what, &context).await {
            Found::Written(document) => Settled::Written(document),
            Found::NotWritten => Settled::Not(error),
            Found::NotYet(error) => Settled::Yet(error),
            Found::Person(evidence) => Settled::Person(evidence),
        }
    }

    /// Nothing was sent in this call; an earlier call for the same attempt may have sent it.
    pub(super) fn before_sending(&self, id: Uuid, error: RegisterError) -> Settled {
        if self.was_sent(id) { Settled::Yet(error) } else { Settled::Not(error) }
    }

    /// Looking is safe to repeat.
    async fn look_patiently(&self, uuid: Uuid) -> Seen {
        let begin = self.clock.ticks();
        let mut seen = self.server.look(uuid).await;
        for _ in 1..self.config.waits.attempts {
            match &seen {
                Seen::Failed(error) if may_pass(error) && !self.is_late(begin) => {
                    self.pause().await;
                }
                _ => break,
            }
            seen = self.server.look(uuid).await;
        }
        seen
    }

    pub(super) fn context(&self, attempt: &Attempt) -> Context {
        Context { format: self.format(), operation: task::printed(attempt, self.config.shared) }
    }
}

/// Whether the same question may be answered a moment later.
pub(super) fn may_pass(error: &RegisterError) -> bool {
    matches!(error.cause, Cause::Link | Cause::Busy | Cause::Service | Cause::Unknown)
}

/// Everything that the document can be told by: its number came after, its memory is the same,
/// and a receipt has our total.
fn is_it(attempt: &Attempt, what: &Fiscal, document: &Registered) -> bool {
    let before = &attempt.before;
    let after = document.number > before.last;
    let same_memory = document.memory.as_ref() == Some(&before.memory);
    let same_total = match what {
        Fiscal::Receipt(receipt) => {
            document.total.is_some() && document.total == receipt.total().ok()
        }
        _ => true,
    };
    after && same_memory && same_total
}

/// The memory does not know whether the paper came out; the task does.
fn with_warnings(settled: Settled, said: Option<Registered>) -> Settled {
    match (settled, said) {
        (Settled::Written(mut found), Some(said)) if found.number == said.number => {
            found.unprinted = said.unprinted;
            found.training = said.training;
            Settled::Written(found)
        }
        (settled, _) => settled,
    }
}

fn lost() -> RegisterError {
    RegisterError::new(Cause::Link, "the web server does not know the task")
}

fn buried() -> RegisterError {
    RegisterError::new(Cause::Cancelled, "the attempt was given up")
}

fn not_there() -> RegisterError {
    RegisterError::new(Cause::Unknown, "the task is done, but the memory has no such document")
}

fn removed() -> RegisterError {
    RegisterError::new(Cause::Cancelled, "the task did not begin in time and was taken back")
}
