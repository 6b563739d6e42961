//! Flows: what goes on over more than one step, as state machines without a clock or a port.
//!
//! A flow's state is the fold of its stream. It is asked what comes [`next`](Flow::next), given a
//! [`command`](Flow::command) or an [`answer`](Flow::answer), and says which events and book
//! operations belong together: one [`Step`] becomes one commit. A crash between two steps loses
//! nothing, because the next run folds the same stream and is asked the same question.

mod attempt;
mod binding;
mod lane;
mod lines;
mod payment;
pub mod purchase;

use core::fmt::Debug;

pub use attempt::{
    AttemptCommand, AttemptEvent, AttemptFlow, Begun, Body, Said, Standing, Verdict, named_shelf,
    shelf,
};
pub use binding::{
    Asked, BOUND_FOR, BUSY_TRIES_MAX, BUSY_WAIT, BindingAnswer, BindingCommand, BindingEvent,
    BindingFlow, CheckIn, Ending, Phase, STRAY_PATIENCE, STRAYS_MAX, Stray,
};
pub use lane::Lane;
pub use lines::{decode_lines, encode_lines};
pub use payment::{
    PaymentCommand, PaymentEvent, PaymentFlow, VERIFY_AFTER, VERIFY_PATIENCE, Watch,
};
pub use purchase::PurchaseFlow;

use crate::book::{Head, Op, Record, Refusal, Stored, StreamId};
use crate::time::Timestamp;

/// One atomic step of a flow: its events and the book operations that belong to them.
#[derive(Clone, Debug)]
pub struct Step<E> {
    /// What happened, for the stream.
    pub events: Vec<E>,
    /// What it means for the book.
    pub ops: Vec<Op>,
}

impl<E> Step<E> {
    /// Nothing to do.
    pub fn nothing() -> Self {
        Self { events: Vec::new(), ops: Vec::new() }
    }

    /// Whether there is nothing to commit.
    pub fn is_nothing(&self) -> bool {
        self.events.is_empty() && self.ops.is_empty()
    }
}

/// What a flow wants when nobody asks it anything.
#[derive(Clone, Debug)]
pub enum Next<E> {
    /// This step, now.
    Commit(Step<E>),
    /// To be asked again at this moment.
    Wait(Timestamp),
    /// Nothing more.
    Done,
}

/// An event that does not fit the state it met: the stream was not written by this flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the event does not fit the flow's state")]
pub struct Illegal;

/// A record that this version cannot read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadRecord {
    /// A newer version of the program wrote it.
    #[error("record kind {kind} version {version} is not known to this version of the program")]
    Unknown {
        /// Its kind.
        kind: u16,
        /// Its version.
        version: u16,
    },
    /// Its bytes are damaged.
    #[error("record kind {kind} is damaged")]
    Damaged {
        /// Its kind.
        kind: u16,
    },
}

/// A flow.
pub trait Flow: Clone + Debug + Eq + Sized + Send + 'static {
    /// What its stream records.
    type Event: Debug + Send;
    /// What a person or a peer may ask of it.
    type Command: Debug + Send;
    /// What a peer may answer to what the flow asked.
    type Answer: Debug + Send;

    /// The flow before its first event.
    fn new(stream: StreamId) -> Self;

    /// Takes an event into the state, live and in replay alike.
    ///
    /// # Errors
    /// [`Illegal`] when the stream was not written by this flow.
    fn apply(&mut self, event: &Self::Event) -> Result<(), Illegal>;

    /// What comes next when nobody asks anything.
    fn next(&self, at: Timestamp) -> Next<Self::Event>;

    /// What a command means.
    ///
    /// # Errors
    /// A refusal; nothing changes.
    fn command(&self, command: Self::Command, at: Timestamp) -> Result<Step<Self::Event>, Refusal>;

    /// What an answer means; `None` when nobody wants it any more.
    fn answer(&self, answer: Self::Answer, at: Timestamp) -> Option<Step<Self::Event>>;

    /// What a list of streams shows of it.
    fn head(&self) -> Head;

    /// The devices that it holds now, sorted: nobody else may touch them. Most flows hold none.
    fn lanes(&self) -> Vec<Lane> {
        Vec::new()
    }

    /// The record of an event.
    fn encode(event: &Self::Event) -> Record;

    /// The event of a record, of every version ever written.
    ///
    /// # Errors
    /// [`BadRecord`].
    fn decode(record: &Record) -> Result<Self::Event, BadRecord>;
}

/// Why a stream cannot be folded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// An event does not fit.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

/// Takes stored records into a flow, in their order.
///
/// # Errors
/// [`FoldError`]: list the stream for a person; do not go on.
pub fn fold<F: Flow>(flow: &mut F, records: &[Stored]) -> Result<(), FoldError> {
    for stored in records {
        flow.apply(&F::decode(&stored.record)?)?;
    }
    Ok(())
}

/// The operation that writes a step's events behind `expect`, with the head that they lead to.
///
/// # Errors
/// [`Illegal`] when the step does not fit the flow that made it: a mistake in the flow.
pub fn append<F: Flow>(
    flow: &F,
    stream: StreamId,
    expect: Option<crate::book::Seq>,
    events: &[F::Event],
) -> Result<(Op, F), Illegal> {
    let mut after = flow.clone();
    for event in events {
        after.apply(event)?;
    }
    let records = events.iter().map(F::encode).collect();
    let head = after.head();
    Ok((Op::Append { stream, expect, fence: None, records, head }, after))
}

fn encode_event<E: minicbor::Encode<()>>(kind: u16, event: &E) -> Record {
    let mut body = Vec::with_capacity(64);
    // Writing into a Vec cannot fail, and our events have no encoder that does.
    let _ = minicbor::encode(event, &mut body);
    Record { kind, version: 1, body: body.into() }
}

/// The event, if the body is byte for byte what [`encode_event`] writes: a record is canonical.
fn decode_event<'b, E>(kind: u16, record: &'b Record) -> Result<E, BadRecord>
where
    E: minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    if record.kind != kind || record.version != 1 {
        return Err(BadRecord::Unknown { kind: record.kind, version: record.version });
    }
    let event = minicbor::decode(&record.body).map_err(|_| BadRecord::Damaged { kind })?;
    let mut expected = Expected(&record.body);
    match minicbor::encode(&event, &mut expected) {
        Ok(()) if expected.0.is_empty() => Ok(event),
        _ => Err(BadRecord::Damaged { kind }),
    }
}

/// Takes the bytes that it has left and no others.
struct Expected<'a>(&'a [u8]);

impl minicbor::encode::Write for Expected<'_> {
    type Error = Illegal;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Illegal> {
        self.0 = self.0.strip_prefix(bytes).ok_or(Illegal)?;
        Ok(())
    }
}
