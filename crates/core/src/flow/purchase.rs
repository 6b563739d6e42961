//! One purchase at a loyalty processing: what was asked, what became of it, what is still to be
//! sent (loymax.md 9, 10).
//!
//! ```text
//!           calculate         pay            accrue           confirm
//!  Open ───────────▶ Calculated ───▶ Paid ───────────▶ Closed ───────▶ Confirmed
//!    │                   │ no answer  │ no answer         │
//!    │                   ▼            ▼                   ▼
//!    │                  Torn ◀────────┘      cancel ─▶ Cancelled
//!    └── accrue (offline), refund ──────────────────────▶ Closed
//! ```
//!
//! A message is written here before it is sent. At most one is on its way, the first of
//! [`queue`](PurchaseFlow::queue); those behind it wait for it, and nobody else's do.
//!
//! - *Calculate* and *pay* are asked while the guest waits, and never twice: no answer tears the
//!   purchase. It is cancelled, and the sale is carried on under a
//!   [successor](PurchaseFlow::successor). So the message of a payment, with its PIN, is never
//!   stored.
//! - *Accrue*, *refund*, *confirm* and *cancel* are sent until there is an answer: the same bytes
//!   under the same id, or under a fresh id each time where the venue says so.
//! - What the processing refuses for good waits for a person, and so does a purchase with points at
//!   stake that nobody decided about in time.
//!
//! The till is offline when there is no answer, and the queue is all open streams on its
//! [`shelf`]: there is no other list.

mod event;
mod rules;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::VecDeque;

pub use event::{
    Fate, Message, Noted, Opened, PurchaseAnswer, PurchaseCommand, PurchaseEvent,
    PurchaseJudgement, Renewed, Said, What,
};
pub use rules::is_repeatable;

use crate::Kopecks;
use crate::book::{Head, Record, Refusal, Status, StreamId, StreamKind};
use crate::flow::{BadRecord, Body, Flow, Illegal, Next, Step, decode_event, encode_event};
use crate::id::Uuid;
use crate::loyalty::PurchaseId;
use crate::port::processing::{self, Kind};
use crate::time::Timestamp;

/// The longest name of a till, in bytes.
pub const TILL_LEN_MAX: usize = 48;
/// How often a guest may enter a PIN.
pub const PIN_TRIES_MAX: u8 = 3;
/// How often a message is sent again because another operation of the purchase runs.
pub const CONFLICT_TRIES_MAX: u8 = 3;
/// How long such a message waits.
pub const CONFLICT_WAIT: Duration = Duration::from_secs(1);
/// How often a purchase is told anew that the processing does not know.
pub const RENEWALS_MAX: u8 = 3;
/// How long a message waits after the first, second, third and each later failure.
pub const BACKOFF: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// The flow of one purchase.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PurchaseFlow {
    /// The stream's id.
    pub id: Uuid,
    /// What it is about; `None` before it was opened.
    pub opened: Option<Opened>,
    /// How it stands at the processing, as far as it is known here.
    pub stage: Stage,
    /// What is to be sent, in order; the first may have been.
    pub queue: VecDeque<Waiting>,
    /// Why a person is asked.
    pub trouble: Option<Trouble>,
    /// Nobody knew what became of a *calculate* or a *pay*: its
    /// [successor](PurchaseFlow::successor) carries it on.
    pub torn: bool,
    /// The points that are reserved for it.
    pub paid: Option<Points>,
    /// The last good answer of each kind, in the order they came.
    pub noted: Vec<(Kind, Noted)>,
    /// What reserved it: *accrue* or *refund*, to be told anew when the processing lost it.
    reserve: Option<Message>,
    /// How many ids the driver has to give before anything is sent.
    anew: u8,
    renewals: u8,
    pins: u8,
    touched: Timestamp,
    parts: Vec<u8>,
}

/// How a purchase stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Not begun.
    New,
    /// The processing has nothing of it.
    Open,
    /// Discounts are granted.
    Calculated,
    /// Points are reserved.
    Paid,
    /// Reserved in full: to be confirmed or cancelled.
    Closed,
    /// Nobody knows what a *calculate* or a *pay* did: it is being cancelled.
    Torn,
    /// Final: balances have moved.
    Confirmed,
    /// Final: nothing is left of it.
    Cancelled,
    /// Final: a person let it go.
    GivenUp,
}

/// A message that is to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// It.
    pub message: Message,
    /// How often it failed.
    pub tries: u32,
    /// Not sent before.
    pub due: Timestamp,
    /// How often another operation of the purchase ran.
    pub conflicts: u8,
}

/// Points that are reserved for a sale.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Points {
    /// The payment's operation.
    pub operation: Uuid,
    /// What they are worth in money: the discount on the cheque.
    pub amount: Kopecks,
}

/// Why a person is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The processing refused the first message for good.
    Refused {
        /// What it asked.
        kind: Kind,
        /// What was said.
        refusal: processing::Refusal,
    },
    /// The till never said whether the sale came about.
    Undecided,
}

/// What is to be done for a purchase by whoever drives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Due<'a> {
    /// Send this, as stored.
    Send(&'a Message),
    /// The program that sent this is gone, or its caller: answer it with
    /// [`Outcome::InDoubt`](processing::Outcome::InDoubt).
    Interrupted(&'a Message),
    /// Make a *cancel* and queue it.
    Cancel,
    /// Give so many fresh ids ([`PurchaseCommand::Renew`]).
    Anew(u8),
    /// Nothing before this moment.
    Wait(Timestamp),
    /// The till has the word.
    Till,
    /// A person has the word.
    Person,
    /// Nothing any more.
    Over,
}

/// The stream of a purchase. A number of 32 hexadecimal digits is the stream's id itself; any other
/// is known by a digest.
pub fn stream(purchase: &PurchaseId) -> StreamId {
    let text = purchase.as_str();
    let id = Uuid::try_parse(text).ok().filter(|id| PurchaseId::from(*id) == *purchase);
    let id = id.unwrap_or_else(|| Uuid::new_v5(&NUMBERS, text.as_bytes()));
    StreamId { kind: StreamKind::Purchase, id }
}

/// Where the purchases of a till are listed that are not over.
pub fn shelf(till: &str) -> Box<str> {
    format!("purchases {till}").into()
}

/// The namespace of numbers that are no UUIDs.
const NUMBERS: Uuid = Uuid::from_u128(0x3a0c_1e6f_5d1b_4c53_9b57_6c6f_796d_6178);
/// The number of this flow's records.
const KIND: u16 = 4;
/// The largest piece of a body in one record.
const PART_MAX: usize = 48 * 1024;
/// The most pieces of a body.
const PARTS_MAX: usize = 32;

/// The longest body of a message or an answer, in bytes.
pub const BODY_MAX: usize = PART_MAX * PARTS_MAX;

impl PurchaseFlow {
    /// The number of the purchase that carries this one on when it is torn. It is derived, so a
    /// restart finds it; `None` before it was opened.
    pub fn successor(&self) -> Option<PurchaseId> {
        self.opened.as_ref()?;
        Some(PurchaseId::from(Uuid::new_v5(&self.id, b"successor")))
    }

    /// Whether it ended, one way or another.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Confirmed | Stage::Cancelled | Stage::GivenUp)
    }

    /// Whether the processing may have heard of it.
    pub fn is_told(&self) -> bool {
        !(matches!(self.stage, Stage::New | Stage::Open) && self.queue.is_empty())
    }

    /// Whether the till said how it ends.
    pub fn is_decided(&self) -> bool {
        let ends = |kind| matches!(kind, Kind::Confirm | Kind::Cancel | Kind::Card);
        self.queue.iter().any(|waiting| ends(waiting.message.kind))
    }

    /// How often a wrong PIN was entered.
    pub fn wrong_pins(&self) -> u8 {
        self.pins
    }

    /// The *accrue* or *refund* that was asked, until the purchase is over.
    pub fn reserving(&self) -> Option<&Message> {
        let reserves = |kind| matches!(kind, Kind::Accrue | Kind::Refund);
        let mut queued = self.queue.iter().map(|waiting| &waiting.message);
        queued.find(|message| reserves(message.kind)).or(self.reserve.as_ref())
    }

    /// The last good answer to this.
    pub fn answer_to(&self, kind: Kind) -> Option<&Noted> {
        self.noted.iter().find(|(of, _)| *of == kind).map(|(_, noted)| noted)
    }

    /// What is to be done for it now. Its answer is asked for again after each step.
    pub fn due(&self, at: Timestamp) -> Due<'_> {
        if self.is_over() {
            return Due::Over;
        }
        if self.trouble.is_some() {
            return Due::Person;
        }
        match self.queue.front() {
            Some(head) if !is_repeatable(head.message.kind) => Due::Interrupted(&head.message),
            Some(_) if self.anew > 0 => Due::Anew(self.anew),
            Some(head) if head.due > at => Due::Wait(head.due),
            Some(head) => Due::Send(&head.message),
            None if self.stage == Stage::Torn => Due::Cancel,
            None if self.stage == Stage::Calculated && self.deadline() <= at => Due::Cancel,
            None => Due::Till,
        }
    }

    /// When it has lain undecided for too long.
    fn deadline(&self) -> Timestamp {
        let patience = self.opened.as_ref().map_or(0, |opened| opened.patience_ms);
        self.touched.after(Duration::from_millis(patience))
    }

    /// When somebody has to look at it.
    fn wake_at(&self) -> Option<Timestamp> {
        if self.trouble.is_some() || self.is_over() || self.stage == Stage::New {
            return None;
        }
        let sent = self.queue.front().map(|head| head.due);
        let torn = (self.stage == Stage::Torn).then_some(self.touched);
        let undecided = (!self.is_decided()).then(|| self.deadline());
        [sent, torn, undecided].into_iter().flatten().min()
    }
}

impl Flow for PurchaseFlow {
    type Event = PurchaseEvent;
    type Command = PurchaseCommand;
    type Answer = PurchaseAnswer;

    fn new(stream: StreamId) -> Self {
        Self {
            id: stream.id,
            opened: None,
            stage: Stage::New,
            queue: VecDeque::new(),
            trouble: None,
            torn: false,
            paid: None,
            noted: Vec::new(),
            reserve: None,
            anew: 0,
            renewals: 0,
            pins: 0,
            touched: Timestamp::default(),
            parts: Vec::new(),
        }
    }

    fn apply(&mut self, event: &PurchaseEvent) -> Result<(), Illegal> {
        match event {
            PurchaseEvent::Opened(opened) if self.stage == Stage::New => {
                self.touched = opened.at;
                self.opened = Some(opened.clone());
                self.stage = Stage::Open;
            }
            PurchaseEvent::Part(body) => self.add_part(body)?,
            PurchaseEvent::Queued(message) => self.take_message(message)?,
            PurchaseEvent::Said(said) => self.take_fate(said)?,
            PurchaseEvent::Renewed { ids, at } => self.take_ids(ids, *at)?,
            PurchaseEvent::Listed { at } if self.trouble.is_none() && !self.is_decided() => {
                self.trouble = Some(Trouble::Undecided);
                self.touched = *at;
            }
            PurchaseEvent::Retried { at, .. } if self.trouble.is_some() => self.retry(*at),
            PurchaseEvent::GivenUp { at, .. } if self.trouble.is_some() => {
                self.end(Stage::GivenUp);
                self.touched = *at;
            }
            PurchaseEvent::Forgotten { at } if self.stage == Stage::Open && !self.is_told() => {
                self.end(Stage::Cancelled);
                self.touched = *at;
            }
            _ => return Err(Illegal),
        }
        Ok(())
    }

    fn next(&self, at: Timestamp) -> Next<PurchaseEvent> {
        let Some(wake) = self.wake_at() else { return Next::Done };
        if self.is_decided() || self.deadline() > at {
            return Next::Wait(wake);
        }
        let event = match self.stage {
            Stage::Open if !self.is_told() => PurchaseEvent::Forgotten { at },
            // The driver makes a cancel: nothing is lost by it.
            Stage::Calculated if self.queue.is_empty() => return Next::Wait(wake),
            Stage::Torn => return Next::Wait(wake),
            // What was interrupted is settled first.
            _ if self.queue.iter().any(|one| !is_repeatable(one.message.kind)) => {
                return Next::Wait(wake);
            }
            _ => PurchaseEvent::Listed { at },
        };
        Next::Commit(Step { events: vec![event], ops: Vec::new() })
    }

    fn command(
        &self,
        command: PurchaseCommand,
        at: Timestamp,
    ) -> Result<Step<PurchaseEvent>, Refusal> {
        let events = match command {
            PurchaseCommand::Open(opened) => match &self.opened {
                None if opened.till.len() <= TILL_LEN_MAX => vec![PurchaseEvent::Opened(opened)],
                Some(was) if (&was.purchase, was.what) == (&opened.purchase, opened.what) => {
                    Vec::new()
                }
                _ => return Err(Refusal::PurchaseState),
            },
            PurchaseCommand::Queue(message) if self.may(message.kind) => {
                pieces(message.body.clone(), |body| {
                    PurchaseEvent::Queued(Message { body, ..message.clone() })
                })?
            }
            PurchaseCommand::Renew(ids) if self.may_renew(ids.len()) => {
                let ids = ids.into_iter().map(Renewed).collect();
                vec![PurchaseEvent::Renewed { ids, at }]
            }
            PurchaseCommand::Forget if self.stage == Stage::Open && !self.is_told() => {
                vec![PurchaseEvent::Forgotten { at }]
            }
            PurchaseCommand::Judge { by, judgement } if self.trouble.is_some() => match judgement {
                PurchaseJudgement::Retry => vec![PurchaseEvent::Retried { by, at }],
                PurchaseJudgement::GiveUp => vec![PurchaseEvent::GivenUp { by, at }],
            },
            _ => return Err(Refusal::PurchaseState),
        };
        Ok(Step { events, ops: Vec::new() })
    }

    fn answer(&self, answer: PurchaseAnswer, at: Timestamp) -> Option<Step<PurchaseEvent>> {
        let fate = self.fate(&answer, at)?;
        let said = |fate| PurchaseEvent::Said(Said { id: answer.id, fate, at });
        let events = match fate {
            Fate::Done(noted) => pieces(noted.answer.clone(), |answer| {
                said(Fate::Done(Noted { answer, ..noted.clone() }))
            })
            // What does not fit is not kept: the outcome is.
            .unwrap_or_else(|_| {
                vec![said(Fate::Done(Noted { answer: Body::default(), ..noted.clone() }))]
            }),
            other => vec![said(other)],
        };
        Some(Step { events, ops: Vec::new() })
    }

    fn head(&self) -> Head {
        let status = match &self.trouble {
            _ if self.is_over() || self.stage == Stage::New => Status::Done,
            Some(_) => Status::NeedsPerson,
            None => Status::Open,
        };
        let opened = self.opened.as_ref();
        let listed = opened.filter(|_| !self.is_over());
        Head {
            status,
            wake_at: self.wake_at(),
            shelf: listed.map(|opened| shelf(&opened.till)),
            total: opened.map_or(Kopecks::ZERO, |opened| opened.total),
        }
    }

    fn encode(event: &PurchaseEvent) -> Record {
        encode_event(KIND, event)
    }

    fn decode(record: &Record) -> Result<PurchaseEvent, BadRecord> {
        decode_event(KIND, record)
    }
}

/// The events of something whose body may need more than one record.
fn pieces(
    body: Body,
    last: impl FnOnce(Body) -> PurchaseEvent,
) -> Result<Vec<PurchaseEvent>, Refusal> {
    if body.size() > BODY_MAX {
        return Err(Refusal::PurchaseState);
    }
    let mut events = Vec::new();
    let mut rest = body.into_bytes();
    while rest.len() > PART_MAX {
        let after = rest.split_off(PART_MAX);
        events.push(PurchaseEvent::Part(Body::from_bytes(rest)));
        rest = after;
    }
    events.push(last(Body::from_bytes(rest)));
    Ok(events)
}
