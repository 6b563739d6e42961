//! Journal time (F34): what every commit is stamped with.
//!
//! Journal time is the wall clock, and never earlier than what was stamped before. A wall clock
//! that cannot be right does not move it: it stays where it was, so that no hold lapses by a wrong
//! clock, neither in a sweep nor in a debit, and no new money moves until a person has looked.

use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tillway_core::book::{Digest, House, Key, Op, Party, PaymentState, Scope, StreamKind, Why};
use tillway_core::id::{HoldId, PaymentId};
use tillway_core::port::{Clock, Query, ReadError};
use tillway_core::time::Timestamp;

use crate::Engine;
use crate::drive::DriveError;

/// What the engine thinks of the wall clock (F34).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClockState {
    /// Nothing speaks against it.
    Sound,
    /// It is far behind the last entry of the book. That ends by itself when it is set right.
    Behind {
        /// The wall clock.
        wall: Timestamp,
        /// Where journal time stands.
        journal: Timestamp,
    },
    /// It is far ahead of what the last entry and the time since then explain: it was set wrong,
    /// or nothing was written for long. That ends when a person confirms.
    Ahead {
        /// The wall clock.
        wall: Timestamp,
        /// Where journal time stands.
        journal: Timestamp,
    },
}

impl ClockState {
    /// Whether new money may move.
    pub fn is_sound(&self) -> bool {
        *self == Self::Sound
    }
}

/// For people: what is wrong, with both times.
impl fmt::Display for ClockState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sound => f.write_str("the clock is sound"),
            Self::Behind { wall, journal } => {
                write!(f, "the clock says {wall}, but the book was written at {journal}")
            }
            Self::Ahead { wall, journal } => {
                write!(f, "the clock says {wall}, but by the book it should be near {journal}")
            }
        }
    }
}

impl Engine {
    /// What the engine thinks of the wall clock now.
    ///
    /// # Errors
    /// When the store cannot tell where its time stands.
    pub async fn clock_state(&self) -> Result<ClockState, ReadError> {
        self.start_time().await?;
        Ok(self.look().state)
    }

    /// A person says that the wall clock is right as it stands: new money moves and holds lapse
    /// again. Where the clock is behind the book, journal time stands still until it has caught
    /// up. Says what was confirmed.
    ///
    /// Nothing of it is stored: before the first movement after it, a restart asks again.
    ///
    /// # Errors
    /// When the store cannot tell where its time stands.
    pub async fn confirm_clock(&self) -> Result<ClockState, ReadError> {
        self.start_time().await?;
        let was = self.0.time.confirm(&*self.0.ports.clock);
        if !was.is_sound() {
            tracing::info!(%was, "the clock is confirmed");
        }
        Ok(was)
    }

    /// The moment to write down now.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.time.read(&*self.0.ports.clock, true).at
    }

    /// As [`Engine::now`], for whoever writes nothing down: a clock that is set back in the
    /// meantime is free to go.
    pub(crate) fn look(&self) -> Reading {
        self.0.time.read(&*self.0.ports.clock, false)
    }

    /// The wall clock, but not before the journal: for what others have signed or dated.
    pub(crate) fn wall(&self) -> Timestamp {
        let wall = self.0.ports.clock.now();
        self.0.time.lock().last.map_or(wall, |last| wall.max(last))
    }

    /// When an order that was touched at this moment of the journal was really touched.
    pub(crate) fn touched(&self, at: Timestamp) -> Timestamp {
        match self.0.time.lock().stood {
            Some((from, until)) if at == from => until,
            _ => at,
        }
    }

    /// Asks the book, once, where its time stands.
    pub(crate) async fn start_time(&self) -> Result<(), ReadError> {
        if self.0.time.lock().started {
            return Ok(());
        }
        let latest = self.store().latest().await?;
        // A day that is sealed stays as it is: nothing may be written into it.
        let digests = Query { kind: Some(StreamKind::Digest), ..Query::default() };
        let heads = self.store().heads(&digests, None, 1).await?;
        let sealed = heads.first().filter(|head| head.stream == Digest::STREAM).map(|head| head.at);
        self.0.time.start(latest.max(sealed), self.0.ports.clock.ticks());
        Ok(())
    }

    /// The moment to stamp a commit with.
    ///
    /// While the clock is in doubt there is no new money: no capture without a live hold, no
    /// hold, no top-up or accrual, no other movement. Everything else goes on: check-ins, captures
    /// of live holds, voids, cancels, refunds, closes, and repeats of what was answered before.
    pub(crate) async fn admit(
        &self,
        key: Option<&Key>,
        ops: &[Op],
    ) -> Result<Timestamp, DriveError> {
        self.start_time().await?;
        let Reading { at, state } = self.0.time.read(&*self.0.ports.clock, true);
        if state.is_sound() {
            return Ok(at);
        }
        for op in ops {
            if self.is_new_money(op, at).await? && !self.is_answered(key).await? {
                return Err(DriveError::ClockInDoubt);
            }
        }
        Ok(at)
    }

    async fn is_new_money(&self, op: &Op, at: Timestamp) -> Result<bool, DriveError> {
        Ok(match op {
            Op::Hold { .. } | Op::Capture { hold: None, .. } => true,
            Op::Capture { hold: Some(hold), .. } => !self.is_live(*hold, at).await?,
            // Points that go back to where they came from, a refund that names no payment.
            Op::Move { from: Party::Guest(_), to: Party::House(House::BonusIssued), .. } => false,
            Op::Move { why, .. } => *why != Why::Unlinked,
            _ => false,
        })
    }

    async fn is_live(&self, hold: HoldId, at: Timestamp) -> Result<bool, ReadError> {
        let hold = self.store().hold(hold).await?;
        Ok(hold
            .is_some_and(|hold| hold.is_live() && hold.expires.is_none_or(|expires| expires > at)))
    }

    /// Whether the store answers this key without judging anything.
    async fn is_answered(&self, key: Option<&Key>) -> Result<bool, ReadError> {
        let Some(key) = key else { return Ok(false) };
        if key.scope != Scope::Payment {
            return Ok(self.store().recall(key).await?.is_some());
        }
        let payment = self.store().payment(PaymentId(key.id)).await?;
        Ok(payment.is_some_and(|payment| match payment.state {
            PaymentState::Refused(_) => payment.attempt >= key.attempt,
            _ => true,
        }))
    }
}

/// Journal time as it was read, and what speaks against the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) at: Timestamp,
    pub(crate) state: ClockState,
}

/// How far the wall clock may be from what is expected of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) behind: Duration,
    pub(crate) ahead: Duration,
}

/// Journal time.
#[derive(Debug)]
pub(crate) struct JournalTime {
    limits: Limits,
    hands: Mutex<Hands>,
}

#[derive(Debug)]
struct Hands {
    /// Whether the book was asked where its time stands.
    started: bool,
    /// The latest moment that was written, or given to somebody who may write it.
    last: Option<Timestamp>,
    /// What the wall clock showed when it was last believed, and the ticks of that moment.
    believed: Option<(Timestamp, Duration)>,
    /// The clock was found ahead, and nobody confirmed it yet.
    ahead: bool,
    /// A person confirmed that the clock, and not the book, is right.
    behind_confirmed: bool,
    /// Where journal time stood while the clock was ahead, and where it went on.
    stood: Option<(Timestamp, Timestamp)>,
    /// What the log says of the clock.
    told: ClockState,
}

impl JournalTime {
    pub(crate) fn new(limits: Limits) -> Self {
        let hands = Hands {
            started: false,
            last: None,
            believed: None,
            ahead: false,
            behind_confirmed: false,
            stood: None,
            told: ClockState::Sound,
        };
        Self { limits, hands: Mutex::new(hands) }
    }

    fn start(&self, latest: Option<Timestamp>, ticks: Duration) {
        let mut hands = self.lock();
        if !hands.started {
            hands.started = true;
            hands.last = hands.last.max(latest);
            hands.believed = latest.map(|latest| (latest, ticks));
        }
    }

    /// Looks at the clock; `keep` when the moment may be written down.
    fn read(&self, clock: &dyn Clock, keep: bool) -> Reading {
        let (reading, news) = {
            let mut hands = self.lock();
            // Read under the lock, or two readers could disagree about who was first.
            let (wall, ticks) = (clock.now(), clock.ticks());
            let state = hands.judge(wall, ticks, &self.limits);
            let at = match hands.last {
                Some(last) if !state.is_sound() || last > wall => last,
                _ => wall,
            };
            if keep && hands.started {
                hands.last = Some(at);
            }
            (Reading { at, state }, hands.news(state))
        };
        match news {
            Some(ClockState::Sound) => tracing::info!("the clock is sound again"),
            Some(state) => tracing::error!(
                %state,
                "no new money moves and no hold lapses until the clock is right, or a person \
                 confirms it"
            ),
            None => {}
        }
        reading
    }

    fn confirm(&self, clock: &dyn Clock) -> ClockState {
        let mut hands = self.lock();
        let (wall, ticks) = (clock.now(), clock.ticks());
        let was = hands.judge(wall, ticks, &self.limits);
        if was.is_sound() {
            return was;
        }
        let last = hands.last.unwrap_or(wall);
        if hands.ahead {
            hands.stood = Some((last, wall.max(last)));
        }
        hands.ahead = false;
        hands.behind_confirmed = true;
        hands.believed = Some((wall, ticks));
        was
    }

    fn lock(&self) -> MutexGuard<'_, Hands> {
        // A few plain fields, of which none depends on another being written.
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hands {
    fn judge(&mut self, wall: Timestamp, ticks: Duration, limits: &Limits) -> ClockState {
        // Where the wall clock should be by now.
        let expected = self.believed.map(|(then, since)| then.after(ticks.saturating_sub(since)));
        if let Some(expected) = expected
            && wall > expected.after(limits.ahead)
        {
            self.ahead = true;
            self.last = self.last.or(Some(expected));
        }
        let journal = self.last.unwrap_or(wall);
        if self.ahead {
            return ClockState::Ahead { wall, journal };
        }
        let behind = wall < journal.before(limits.behind);
        let set_back = expected.is_some_and(|expected| wall < expected.before(limits.behind));
        // What was confirmed is a clock that goes on from there, not one that is set back again.
        self.behind_confirmed &= behind && !set_back;
        if behind && !self.behind_confirmed {
            return ClockState::Behind { wall, journal };
        }
        self.believed = Some((wall, ticks));
        ClockState::Sound
    }

    /// What the log does not know yet.
    fn news(&mut self, state: ClockState) -> Option<ClockState> {
        if core::mem::discriminant(&state) == core::mem::discriminant(&self.told) {
            return None;
        }
        self.told = state;
        Some(state)
    }
}
