//! The streams of purchases: read, and written on condition that nobody else did.

use core::future::Future;

use futures::future::{Either, select};
use futures::pin_mut;
use tillway_core::book::{Commit, Outcome as Written, Seq, StreamId, Verdict};
use tillway_core::flow::purchase::{
    Due, Message, PurchaseAnswer, PurchaseCommand, PurchaseEvent, Stage, is_repeatable, stream,
};
use tillway_core::flow::{Body, Flow, PurchaseFlow, append, fold};
use tillway_core::id::Uuid;
use tillway_core::loyalty::PurchaseId;
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Command, Operation, Outcome, Sealed};
use tillway_core::port::{CommitError, Committed};

use super::content::{Again, Content};
use super::private::Private;
use super::{Loyalty, Reason, Without};

/// How many records are read at once, and how often: a message that is tried every five minutes
/// for a year has a hundred thousand.
const PAGE: u32 = 1_000;
const PAGES_MAX: u32 = 200;
/// How often a commit in doubt is repeated.
const TRIES_MAX: u32 = 3;
/// How often a torn sale is carried on.
pub(super) const SUCCESSORS_MAX: u32 = 8;
/// How many things are put right before a purchase is asked about.
const SETTLE_MAX: u32 = 4;

/// A purchase as its stream has it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) flow: PurchaseFlow,
    pub(super) stream: StreamId,
    seq: Seq,
}

/// Why a stream does not serve.
#[derive(Debug)]
pub(super) enum Unread {
    Store,
    Damaged,
}

impl From<Unread> for Without {
    fn from(_: Unread) -> Self {
        Self::because(Reason::Journal)
    }
}

impl Loyalty {
    pub(super) async fn load(&self, stream: StreamId) -> Result<Entry, Unread> {
        let mut entry = Entry { flow: PurchaseFlow::new(stream), stream, seq: Seq(0) };
        for _ in 0..PAGES_MAX {
            let read = self.in_time(self.store.load(stream, entry.seq, PAGE)).await;
            let records = read.and_then(Result::ok).ok_or(Unread::Store)?;
            fold(&mut entry.flow, &records).map_err(|_| Unread::Damaged)?;
            match records.last() {
                Some(last) => entry.seq = last.seq,
                None => return Ok(entry),
            }
            if records.len() < PAGE as usize {
                return Ok(entry);
            }
        }
        Err(Unread::Damaged)
    }

    /// The purchase that carries a sale now, with its number: what is torn is carried on by its
    /// successor, which may not be opened yet.
    pub(super) async fn current(
        &self,
        purchase: &PurchaseId,
        cashier: Option<&str>,
    ) -> Result<(PurchaseId, Entry), Without> {
        let mut id = purchase.clone();
        for _ in 0..SUCCESSORS_MAX {
            let mut entry = self.load(stream(&id)).await?;
            self.settle(&mut entry, cashier).await?;
            match entry.flow.successor().filter(|_| entry.flow.torn) {
                Some(next) => id = next,
                None => return Ok((id, entry)),
            }
        }
        Err(Without::because(Reason::State))
    }

    /// Puts right what an earlier run, or a caller who went away, left behind.
    pub(super) async fn settle(
        &self,
        entry: &mut Entry,
        cashier: Option<&str>,
    ) -> Result<(), Without> {
        for _ in 0..SETTLE_MAX {
            match entry.flow.due(self.clock.now()) {
                Due::Interrupted(message) => {
                    let why = Outcome::InDoubt(Masked::new("interrupted"));
                    let id = message.id;
                    self.answered(entry, id, false, why, cashier).await?;
                }
                Due::Cancel => {
                    let (message, _) = self.cancel_of(&entry.flow, cashier)?;
                    self.ask(entry, vec![PurchaseCommand::Queue(message)]).await?;
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// A message with what is needed to send it again, and the same as it is sent first.
    pub(super) fn message(
        &self,
        stream: Uuid,
        command: Command,
        cashier: Option<&str>,
    ) -> Result<(Message, Sealed), Without> {
        let (id, at) = (self.ids.fresh(), self.clock.now());
        let kind = command.kind();
        let amount = match &command {
            Command::Pay { amount, .. } => *amount,
            _ => tillway_core::Kopecks::ZERO,
        };
        let again = Again::of(&command);
        let operation = Operation { id, at, cashier: cashier.map(Into::into), command };
        let sealed = self.processing.seal(&operation).map_err(|error| Without {
            reason: Reason::Message,
            said: Some(Masked::new(&error.to_string())),
        })?;
        let body = match again {
            Some(again) if is_repeatable(kind) => {
                let content = Content { sealed: sealed.clone(), again, cashier: operation.cashier };
                let covered = self.config.keys.cover(self.ids.as_ref(), stream, &content);
                covered.ok_or(Without::because(Reason::Message))?
            }
            _ => Body::default(),
        };
        Ok((Message { id, kind, at, amount, body }, sealed))
    }

    /// What is sent for a message of the journal; `None` when its key is gone, or it cannot be made
    /// any more.
    pub(super) fn sealed(&self, stream: Uuid, message: &Message) -> Option<Sealed> {
        let content: Content = self.config.keys.read(stream, &message.body)?;
        if content.sealed.id == message.id {
            return Some(content.sealed);
        }
        self.processing.seal(&content.operation(message.id, message.at)).ok()
    }

    /// What its guest showed, as far as the journal knows and its key is kept.
    pub(super) fn private(&self, entry: &Entry, message: &Message) -> Private {
        let mut private = Private::default();
        let reserving = entry.flow.reserving().filter(|other| other.id != message.id);
        for message in reserving.into_iter().chain([message]) {
            let content = self.config.keys.read(entry.stream.id, &message.body);
            content.iter().for_each(|content: &Content| private.add(&content.again));
        }
        private
    }

    /// What the store answers; `None` when it does not in time.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let sleep = self.clock.sleep(self.config.store_max);
        pin_mut!(work);
        match select(work, sleep).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(_) => None,
        }
    }

    /// Whether the goods of a purchase were told before, and were others. Without its key nobody
    /// can tell.
    pub(super) fn is_other(&self, entry: &Entry, command: &Command) -> bool {
        let told = entry.flow.reserving().and_then(|message| {
            let content: Content = self.config.keys.read(entry.stream.id, &message.body)?;
            content.again.sale().map(|sale| sale.cheque.lines.clone())
        });
        let lines = command.cheque().map(|cheque| &cheque.lines);
        told.is_some_and(|told| lines.is_some_and(|lines| *lines != told))
    }

    pub(super) fn cancel_of(
        &self,
        flow: &PurchaseFlow,
        cashier: Option<&str>,
    ) -> Result<(Message, Sealed), Without> {
        let opened = flow.opened.as_ref().ok_or(Without::because(Reason::State))?;
        let purchase = opened.purchase.clone();
        self.message(flow.id, Command::Cancel { purchase }, cashier)
    }

    /// Writes down what became of the first message; with it the cancel that follows from no answer.
    pub(super) async fn answered(
        &self,
        entry: &mut Entry,
        id: Uuid,
        first: bool,
        outcome: Outcome,
        cashier: Option<&str>,
    ) -> Result<(), Without> {
        let kept = match &outcome {
            Outcome::Done(answer) => {
                let covered = self.config.keys.cover(self.ids.as_ref(), entry.stream.id, answer);
                covered.unwrap_or_default()
            }
            _ => Body::default(),
        };
        let answer = PurchaseAnswer { id, first, outcome, kept };
        let step = entry.flow.answer(answer, self.clock.now());
        let mut events = step.ok_or(Without::because(Reason::State))?.events;
        let after = taken(&entry.flow, &events)?;
        if after.stage == Stage::Torn && after.queue.is_empty() {
            // When it cannot be made now, the flow asks for it again.
            if let Ok((message, _)) = self.cancel_of(&after, cashier) {
                let queued = after.command(PurchaseCommand::Queue(message), self.clock.now());
                events.extend(queued.map(|step| step.events).unwrap_or_default());
            }
        }
        self.write(entry, events).await
    }

    /// Asks the purchase for several things at once: one commit.
    pub(super) async fn ask(
        &self,
        entry: &mut Entry,
        commands: Vec<PurchaseCommand>,
    ) -> Result<(), Without> {
        let (mut flow, mut events) = (entry.flow.clone(), Vec::new());
        for command in commands {
            let step = flow.command(command, self.clock.now());
            let step = step.map_err(|_| Without::because(Reason::State))?;
            flow = taken(&flow, &step.events)?;
            events.extend(step.events);
        }
        self.write(entry, events).await
    }

    /// Writes events down. Durable on return.
    pub(super) async fn write(
        &self,
        entry: &mut Entry,
        events: Vec<PurchaseEvent>,
    ) -> Result<(), Without> {
        if events.is_empty() {
            return Ok(());
        }
        let failed = || Without::because(Reason::Journal);
        let made = append(&entry.flow, entry.stream, Some(entry.seq), &events);
        let (op, after) = made.map_err(|_| Without::because(Reason::State))?;
        for _ in 0..TRIES_MAX {
            let commit = Commit::of(self.clock.now(), vec![op.clone()]);
            // One that is late may still be written.
            let committed = self.in_time(self.store.commit(commit)).await;
            match committed.unwrap_or(Err(CommitError::InDoubt)) {
                Ok(Committed { verdict: Verdict::Done(done), .. }) => {
                    let [Written::Appended(seq)] = done.as_slice() else { return Err(failed()) };
                    (entry.flow, entry.seq) = (after, *seq);
                    return Ok(());
                }
                Err(CommitError::InDoubt | CommitError::Stale { .. }) => {}
                _ => return Err(failed()),
            }
            // Ids are used once, so what is there is ours, or nothing is, or it is another's.
            let now = self.load(entry.stream).await?;
            if now.flow == after {
                *entry = now;
                return Ok(());
            }
            if now.seq != entry.seq {
                return Err(failed());
            }
        }
        Err(failed())
    }
}

fn taken(flow: &PurchaseFlow, events: &[PurchaseEvent]) -> Result<PurchaseFlow, Without> {
    let mut after = flow.clone();
    let applied = events.iter().try_for_each(|event| after.apply(event));
    applied.map_err(|_| Without::because(Reason::State))?;
    Ok(after)
}
