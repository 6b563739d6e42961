//! Who pays for an order, and what its till was told (iiko note 1.5, 2.7; F15, F16).
//!
//! ```text
//! Free ──check in──▶ Asked ──till: done──▶ Bound ──check out──▶ Free + stray
//!                      │ busy: again in 300 ms, 3 times
//!                      └ refused, not found, closed, busy, silent ──▶ Free (+ stray when silent)
//! ```
//! A *stray* is a guest that may still stand on the till's order although nobody wants it there:
//! the till is told to take it off until it says so, for ten minutes; then a person is asked.

use core::time::Duration;

use crate::Kopecks;
use crate::book::{Binding, Head, Op, Payer, Record, Refusal, Status, StreamId, TokenUse};
use crate::flow::{BadRecord, Flow, Illegal, Next, Step, decode_event, encode_event};
use crate::guest::Identification;
use crate::id::{CommandId, GuestId, OrderId, TillId, Uuid};
use crate::port::CommandOutcome;
use crate::time::Timestamp;

/// How often a busy till is asked again (W26).
pub const BUSY_TRIES_MAX: u8 = 3;
/// How long a busy till is left alone (W26).
pub const BUSY_WAIT: Duration = Duration::from_millis(300);
/// How long the till is told to take a stray off before a person is asked.
pub const STRAY_PATIENCE: Duration = Duration::from_secs(600);
/// How long a binding lasts after the last use of its order.
pub const BOUND_FOR: Duration = Duration::from_secs(48 * 3_600);
/// How many strays an order may have; beyond that no new guest is bound, but the last ones again.
pub const STRAYS_MAX: usize = 8;

/// The flow of one order's binding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BindingFlow {
    /// The order.
    pub order: OrderId,
    /// Its till.
    pub till: Option<TillId>,
    /// As in the order's row.
    pub epoch: u32,
    /// Where it stands.
    pub phase: Phase,
    /// Guests to take off the till's order.
    pub strays: Vec<Stray>,
    /// How the last binding ended.
    pub last: Option<Ending>,
    /// What else a reader found in the value that was scanned for this binding (row W55).
    pub attributes: Vec<(String, String)>,
    /// The last strays that the till took off, or that are wanted again, so that a late result of
    /// theirs is known.
    gone: Vec<Stray>,
    gave_up: bool,
}

/// Where a binding stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Nobody is bound.
    Free,
    /// The till was asked to attach the guest.
    Asked(Asked),
    /// The guest may pay; `on_till` when the till has it on the order.
    Bound {
        /// Who.
        payer: Payer,
        /// The command that attached it; `None` for a binding on our side only (F17).
        on_till: Option<CommandId>,
        /// When it is dropped unless somebody used the order (iiko note 1.5).
        lapses: Timestamp,
    },
}

/// What the till was asked.
#[derive(Clone, Debug, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct Asked {
    /// Who is to be attached.
    #[n(0)]
    pub payer: Payer,
    /// The command now open.
    #[n(1)]
    pub command: CommandId,
    /// How often the till was busy.
    #[n(2)]
    pub tries: u8,
    /// Not shown to the till before.
    #[cbor(n(3), with = "stamp")]
    pub not_before: Timestamp,
    /// After this the binding is rolled back.
    #[cbor(n(4), with = "stamp")]
    pub deadline: Timestamp,
}

/// A guest to take off the till's order.
#[derive(Clone, Debug, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
pub struct Stray {
    /// Who.
    #[n(0)]
    pub guest: GuestId,
    /// The command that may have attached it: its late `done` is adopted when the guest is
    /// wanted again.
    #[n(1)]
    pub bind: CommandId,
    /// The command that takes it off.
    #[n(2)]
    pub command: CommandId,
    /// Since when.
    #[cbor(n(3), with = "stamp")]
    pub since: Timestamp,
}

/// How a binding ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
#[non_exhaustive]
pub enum Ending {
    /// The waiter checked the guest out.
    #[n(0)]
    CheckedOut,
    /// The till did not answer in time.
    #[n(1)]
    Silent,
    /// The order was being edited on the till.
    #[n(2)]
    Busy,
    /// The PIN was not accepted.
    #[n(3)]
    Refused,
    /// The till does not know the order.
    #[n(4)]
    NotFound,
    /// The order is closed or deleted.
    #[n(5)]
    Closed,
    /// The program was restarted while the till was asked.
    #[n(6)]
    Restarted,
    /// Nobody used the order for two days.
    #[n(7)]
    Lapsed,
}

/// What the stream records.
#[derive(Clone, Debug, Eq, PartialEq, minicbor::Encode, minicbor::Decode)]
#[non_exhaustive]
pub enum BindingEvent {
    /// The till is asked to attach a guest.
    #[n(0)]
    Asked {
        /// What.
        #[n(0)]
        asked: Asked,
        /// Which till.
        #[n(1)]
        till: Option<TillId>,
    },
    /// The till was busy and is asked again.
    #[n(1)]
    AskedAgain {
        /// What.
        #[n(0)]
        asked: Asked,
    },
    /// The till has the guest on the order.
    #[n(2)]
    Bound {
        /// Who.
        #[n(0)]
        payer: Payer,
        /// By which command.
        #[n(1)]
        on_till: CommandId,
        /// When.
        #[cbor(n(2), with = "stamp")]
        at: Timestamp,
    },
    /// The guest is bound on our side only.
    #[n(3)]
    BoundHere {
        /// Who.
        #[n(0)]
        payer: Payer,
        /// At which till.
        #[n(1)]
        till: Option<TillId>,
        /// When.
        #[cbor(n(2), with = "stamp")]
        at: Timestamp,
    },
    /// The same guest was scanned again.
    #[n(4)]
    Raised {
        /// With the stronger identification.
        #[n(0)]
        payer: Payer,
    },
    /// The binding ended.
    #[n(5)]
    Ended {
        /// How.
        #[n(0)]
        how: Ending,
        /// The guest to take off the till's order.
        #[n(1)]
        stray: Option<Stray>,
    },
    /// The till took a stray off.
    #[n(6)]
    Gone {
        /// Its command.
        #[n(0)]
        command: CommandId,
    },
    /// A stray is left to a person.
    #[n(7)]
    GaveUp {
        /// Its command.
        #[n(0)]
        command: CommandId,
    },
    /// iiko closed the order.
    #[n(8)]
    OrderClosed,
    /// What else a reader found in the scanned value (row W55).
    #[n(10)]
    Scanned {
        /// Names and values.
        #[n(0)]
        attributes: Vec<(String, String)>,
    },
    /// The order was used: the binding lasts longer.
    #[n(9)]
    Touched {
        /// When.
        #[cbor(n(0), with = "stamp")]
        at: Timestamp,
    },
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum BindingCommand {
    /// Bind a guest.
    CheckIn(CheckIn),
    /// End the binding.
    CheckOut,
    /// The program starts: nobody waits for what was asked before (F15).
    Restart,
    /// iiko closed the order: the book's own `Close` ends the binding.
    Close,
    /// The order was used at this moment: the binding lasts longer.
    Touch(Timestamp),
}

/// A check-in.
#[derive(Clone, Debug)]
pub struct CheckIn {
    /// Who.
    pub payer: Payer,
    /// At which till.
    pub till: Option<TillId>,
    /// The one-time token that is used up.
    pub once: Option<TokenUse>,
    /// What else a reader found in the scanned value (row W55); at most 16.
    pub attributes: Vec<(String, String)>,
    /// How long the till may take; `None` binds on our side only (F17).
    pub ask_till: Option<Duration>,
}

/// What the till answers.
#[derive(Clone, Copy, Debug)]
pub struct BindingAnswer {
    /// To which command.
    pub command: CommandId,
    /// What.
    pub outcome: CommandOutcome,
}

impl BindingFlow {
    /// The stream's order, by the id of the stream.
    fn command_id(&self, what: &str, epoch: u32, tries: u8) -> CommandId {
        let name = format!("{what}/{epoch}/{tries}");
        CommandId(Uuid::new_v5(&self.order.0, name.as_bytes()))
    }

    /// Strays that are none any more, but whose late results are to be known.
    fn forget(&mut self, strays: Vec<Stray>) {
        self.gone.extend(strays);
        let old = self.gone.len().saturating_sub(STRAYS_MAX);
        self.gone.drain(..old);
    }

    /// Whether this command asked, in some try, for the guest who is asked for or bound now.
    fn is_bind(&self, command: CommandId) -> bool {
        (0..=BUSY_TRIES_MAX).any(|tries| self.command_id("bind", self.epoch, tries) == command)
    }

    fn check_in(&self, wish: &CheckIn, at: Timestamp) -> Result<Step<BindingEvent>, Refusal> {
        let mut step = self.bound_by(wish, at)?;
        if !wish.attributes.is_empty() && wish.attributes != self.attributes {
            step.events.push(BindingEvent::Scanned { attributes: wish.attributes.clone() });
        }
        Ok(step)
    }

    fn bound_by(&self, wish: &CheckIn, at: Timestamp) -> Result<Step<BindingEvent>, Refusal> {
        match &self.phase {
            Phase::Free => self.fresh(wish, at),
            Phase::Asked(asked) if asked.payer.guest == wish.payer.guest => {
                let to = Binding::Pending(wish.payer);
                Ok(Step { events: self.raise(&asked.payer, wish), ops: vec![self.bind(to, wish)] })
            }
            Phase::Bound { payer, .. } if payer.guest == wish.payer.guest => {
                let to = Binding::Bound(wish.payer);
                Ok(Step { events: self.raise(payer, wish), ops: vec![self.bind(to, wish)] })
            }
            Phase::Asked(_) | Phase::Bound { .. } => Err(Refusal::OtherGuest),
        }
    }

    /// A repeat that brings nothing new leaves no event (W08).
    fn raise(&self, was: &Payer, wish: &CheckIn) -> Vec<BindingEvent> {
        let stronger = wish.payer.identified == Identification::Strong
            && was.identified == Identification::Weak;
        if stronger || (wish.payer.token.is_some() && wish.payer.token != was.token) {
            let identified = was.identified.max(wish.payer.identified);
            let payer = Payer { identified, token: wish.payer.token.or(was.token), ..*was };
            vec![BindingEvent::Raised { payer }]
        } else {
            Vec::new()
        }
    }

    fn bind(&self, to: Binding, wish: &CheckIn) -> Op {
        Op::Bind { order: self.order, till: wish.till.clone(), to, once: wish.once }
    }

    fn fresh(&self, wish: &CheckIn, at: Timestamp) -> Result<Step<BindingEvent>, Refusal> {
        let payer = wish.payer;
        let Some(budget) = wish.ask_till else {
            let events = vec![BindingEvent::BoundHere { payer, till: wish.till.clone(), at }];
            return Ok(Step { events, ops: vec![self.bind(Binding::Bound(payer), wish)] });
        };
        // One guest may be tried for ever: the oldest of too many strays gives way.
        let others = self.strays.iter().filter(|s| s.guest != payer.guest).count();
        if others >= STRAYS_MAX {
            return Err(Refusal::OtherGuest);
        }
        let asked = Asked {
            payer,
            command: self.command_id("bind", self.epoch.saturating_add(1), 0),
            tries: 0,
            not_before: at,
            deadline: at.after(budget),
        };
        let events = vec![BindingEvent::Asked { asked, till: wish.till.clone() }];
        Ok(Step { events, ops: vec![self.bind(Binding::Pending(payer), wish)] })
    }

    /// Ends what is asked or bound. The till is told to take the guest off when it may have it.
    fn end(&self, how: Ending, may_be_on_till: bool, at: Timestamp) -> Step<BindingEvent> {
        let (guest, bind) = match &self.phase {
            Phase::Free => return Step::nothing(),
            Phase::Asked(asked) => (asked.payer.guest, Some(asked.command)),
            Phase::Bound { payer, on_till, .. } => (payer.guest, *on_till),
        };
        let stray = bind.filter(|_| may_be_on_till).map(|bind| Stray {
            guest,
            bind,
            command: self.command_id("unbind", self.epoch, 0),
            since: at,
        });
        let (order, till) = (self.order, self.till.clone());
        let op = Op::Bind { order, till, to: Binding::Unbound, once: None };
        Step { events: vec![BindingEvent::Ended { how, stray }], ops: vec![op] }
    }

    fn asked_answer(
        &self,
        asked: &Asked,
        outcome: CommandOutcome,
        at: Timestamp,
    ) -> Step<BindingEvent> {
        match outcome {
            CommandOutcome::Done => self.attached(asked.payer, asked.command, at),
            CommandOutcome::Busy if asked.tries < BUSY_TRIES_MAX => {
                let tries = asked.tries.saturating_add(1);
                let again = Asked {
                    payer: asked.payer,
                    command: self.command_id("bind", self.epoch, tries),
                    tries,
                    not_before: at.after(BUSY_WAIT),
                    deadline: asked.deadline,
                };
                let events = vec![BindingEvent::AskedAgain { asked: again }];
                Step { events, ops: Vec::new() }
            }
            CommandOutcome::Busy => self.end(Ending::Busy, false, at),
            CommandOutcome::Refused => self.end(Ending::Refused, false, at),
            CommandOutcome::NotFound => self.end(Ending::NotFound, false, at),
            CommandOutcome::Closed => self.end(Ending::Closed, false, at),
        }
    }

    fn attached(&self, payer: Payer, on_till: CommandId, at: Timestamp) -> Step<BindingEvent> {
        let (order, till) = (self.order, self.till.clone());
        let op = Op::Bind { order, till, to: Binding::Bound(payer), once: None };
        Step { events: vec![BindingEvent::Bound { payer, on_till, at }], ops: vec![op] }
    }

    fn stray_answer(&self, stray: &Stray, outcome: CommandOutcome) -> Step<BindingEvent> {
        match outcome {
            CommandOutcome::Done | CommandOutcome::NotFound | CommandOutcome::Closed => {
                let events = vec![BindingEvent::Gone { command: stray.command }];
                Step { events, ops: Vec::new() }
            }
            // Told again at the next poll, until patience ends.
            CommandOutcome::Busy | CommandOutcome::Refused => Step::nothing(),
        }
    }
}

impl Flow for BindingFlow {
    type Event = BindingEvent;
    type Command = BindingCommand;
    type Answer = BindingAnswer;

    fn new(stream: StreamId) -> Self {
        Self {
            order: OrderId(stream.id),
            till: None,
            epoch: 0,
            phase: Phase::Free,
            strays: Vec::new(),
            last: None,
            attributes: Vec::new(),
            gone: Vec::new(),
            gave_up: false,
        }
    }

    fn apply(&mut self, event: &BindingEvent) -> Result<(), Illegal> {
        match event {
            BindingEvent::Asked { asked, till } => {
                self.epoch = self.epoch.checked_add(1).ok_or(Illegal)?;
                self.till = self.till.take().or_else(|| till.clone());
                self.last = None;
                self.phase = Phase::Asked(asked.clone());
            }
            BindingEvent::Scanned { attributes } => self.attributes.clone_from(attributes),
            BindingEvent::AskedAgain { asked } => self.phase = Phase::Asked(asked.clone()),
            BindingEvent::Bound { payer, on_till, at } => {
                // Wanted again: nobody takes that guest off any more.
                let here = |s: &Stray| s.guest == payer.guest;
                let (same, others): (Vec<_>, Vec<_>) = self.strays.drain(..).partition(here);
                self.strays = others;
                self.forget(same);
                let (on_till, lapses) = (Some(*on_till), at.after(BOUND_FOR));
                self.phase = Phase::Bound { payer: *payer, on_till, lapses };
            }
            BindingEvent::Touched { at } => {
                let Phase::Bound { lapses, .. } = &mut self.phase else { return Err(Illegal) };
                *lapses = at.after(BOUND_FOR);
            }
            BindingEvent::BoundHere { payer, till, at } => {
                self.epoch = self.epoch.checked_add(1).ok_or(Illegal)?;
                self.till = self.till.take().or_else(|| till.clone());
                self.last = None;
                let lapses = at.after(BOUND_FOR);
                self.phase = Phase::Bound { payer: *payer, on_till: None, lapses };
            }
            BindingEvent::Raised { payer: now } => match &mut self.phase {
                Phase::Asked(Asked { payer, .. }) | Phase::Bound { payer, .. } => *payer = *now,
                Phase::Free => return Err(Illegal),
            },
            BindingEvent::Ended { how, stray } => {
                self.epoch = self.epoch.checked_add(1).ok_or(Illegal)?;
                self.last = Some(*how);
                self.attributes.clear();
                self.phase = Phase::Free;
                let Some(stray) = stray else { return Ok(()) };
                self.strays.push(stray.clone());
                let same = |s: &Stray| s.guest == stray.guest;
                if self.strays.len() > STRAYS_MAX
                    && let Some(oldest) = self.strays.iter().position(same)
                {
                    let oldest = self.strays.remove(oldest);
                    self.forget(vec![oldest]);
                }
            }
            BindingEvent::Gone { command } => {
                if let Some(at) = self.strays.iter().position(|s| s.command == *command) {
                    let gone = self.strays.remove(at);
                    self.forget(vec![gone]);
                }
            }
            BindingEvent::GaveUp { command } => {
                self.strays.retain(|s| s.command != *command);
                self.gave_up = true;
            }
            BindingEvent::OrderClosed => {
                if self.phase != Phase::Free {
                    self.epoch = self.epoch.checked_add(1).ok_or(Illegal)?;
                }
                self.attributes.clear();
                self.phase = Phase::Free;
                self.strays.clear();
                self.last = Some(Ending::Closed);
            }
        }
        Ok(())
    }

    fn next(&self, at: Timestamp) -> Next<BindingEvent> {
        let lapsed = |s: &&Stray| s.since.after(STRAY_PATIENCE) <= at;
        match &self.phase {
            Phase::Asked(asked) if asked.deadline <= at => {
                return Next::Commit(self.end(Ending::Silent, true, at));
            }
            Phase::Bound { lapses, .. } if *lapses <= at => {
                return Next::Commit(self.end(Ending::Lapsed, true, at));
            }
            _ => {}
        }
        if let Some(stray) = self.strays.iter().find(lapsed) {
            let events = vec![BindingEvent::GaveUp { command: stray.command }];
            return Next::Commit(Step { events, ops: Vec::new() });
        }
        self.head().wake_at.map_or(Next::Done, Next::Wait)
    }

    fn command(
        &self,
        command: BindingCommand,
        at: Timestamp,
    ) -> Result<Step<BindingEvent>, Refusal> {
        match command {
            BindingCommand::CheckIn(wish) => self.check_in(&wish, at),
            BindingCommand::CheckOut => match (&self.phase, self.epoch) {
                (Phase::Free, 0) => Err(Refusal::NoGuest),
                _ => Ok(self.end(Ending::CheckedOut, true, at)),
            },
            BindingCommand::Restart => match &self.phase {
                Phase::Asked(_) => Ok(self.end(Ending::Restarted, true, at)),
                _ => Ok(Step::nothing()),
            },
            BindingCommand::Touch(at) => {
                let bound = matches!(self.phase, Phase::Bound { .. });
                let events = if bound { vec![BindingEvent::Touched { at }] } else { Vec::new() };
                Ok(Step { events, ops: Vec::new() })
            }
            BindingCommand::Close => {
                let idle = self.phase == Phase::Free && self.strays.is_empty();
                let events = if idle { Vec::new() } else { vec![BindingEvent::OrderClosed] };
                Ok(Step { events, ops: Vec::new() })
            }
        }
    }

    fn answer(&self, answer: BindingAnswer, at: Timestamp) -> Option<Step<BindingEvent>> {
        let BindingAnswer { command, outcome } = answer;
        match &self.phase {
            Phase::Asked(asked) if asked.command == command => {
                return Some(self.asked_answer(asked, outcome, at));
            }
            // The till did what is wanted again by now, or still: adopt it (F15).
            Phase::Asked(asked) if outcome == CommandOutcome::Done => {
                let older = |s: &Stray| s.bind == command && s.guest == asked.payer.guest;
                if self.is_bind(command) || self.strays.iter().any(older) {
                    return Some(self.attached(asked.payer, command, at));
                }
            }
            // A repeat of the result that bound the guest.
            Phase::Bound { on_till: Some(bound), .. } if *bound == command => {
                return Some(Step::nothing());
            }
            // The late result of an earlier bind of the guest who is bound again (F15).
            Phase::Bound { payer, on_till: Some(_), .. }
                if outcome == CommandOutcome::Done
                    && self.gone.iter().any(|s| s.bind == command && s.guest == payer.guest) =>
            {
                return Some(Step::nothing());
            }
            // Another command for the same binding, answered late: nothing more to do.
            Phase::Asked(_) | Phase::Bound { on_till: Some(_), .. } if self.is_bind(command) => {
                return Some(Step::nothing());
            }
            _ => {}
        }
        if let Some(stray) = self.strays.iter().find(|s| s.command == command) {
            return Some(self.stray_answer(stray, outcome));
        }
        // A repeat of the result that took a stray off, unless that guest is wanted again.
        let gone = self.gone.iter().find(|s| s.command == command)?;
        let wanted = match &self.phase {
            Phase::Asked(Asked { payer, .. }) | Phase::Bound { payer, .. } => {
                payer.guest == gone.guest
            }
            Phase::Free => false,
        };
        (!wanted).then(Step::nothing)
    }

    /// Waits on the till's shelf as long as the till may answer, also for a repeat of the result
    /// that bound the guest. Open only while the till has something to do.
    fn head(&self) -> Head {
        let (asked, lapses) = match &self.phase {
            Phase::Asked(asked) => (Some(asked.deadline), None),
            Phase::Bound { lapses, .. } => (None, Some(*lapses)),
            Phase::Free => (None, None),
        };
        let strays = self.strays.iter().map(|s| s.since.after(STRAY_PATIENCE));
        let busy = asked.into_iter().chain(strays).min();
        let status = match (busy, self.gave_up) {
            (Some(_), _) => Status::Open,
            (None, true) => Status::NeedsPerson,
            (None, false) => Status::Done,
        };
        let wake_at = busy.into_iter().chain(lapses).min();
        let shelf = wake_at.and(self.till.as_ref()).map(|t| t.as_str().into());
        Head { status, wake_at, shelf, total: Kopecks::ZERO }
    }

    fn encode(event: &BindingEvent) -> Record {
        encode_event(KIND, event)
    }

    fn decode(record: &Record) -> Result<BindingEvent, BadRecord> {
        decode_event(KIND, record)
    }
}

/// The stored number of this flow's records.
const KIND: u16 = 1;

/// Moments in records: the milliseconds alone, because no person reads them.
mod stamp {
    use minicbor::decode::Error;
    use minicbor::encode::Write;
    use minicbor::{Decoder, Encoder};

    use crate::time::Timestamp;

    pub(super) fn encode<C, W: Write>(
        at: &Timestamp,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.i64(at.utc_ms)?.ok()
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Timestamp, Error> {
        d.i64().map(Timestamp::utc)
    }
}
