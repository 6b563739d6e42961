//! What goes on by itself: recovery at start, holds that lapse, flows whose time comes, days that
//! are sealed.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tillway_core::Kopecks;
use tillway_core::book::{Op, Status, StreamId, StreamKind};
use tillway_core::flow::{
    BindingCommand, BindingFlow, Flow, Next, PaymentCommand, PaymentFlow, Phase, Step,
};
use tillway_core::id::{OrderId, PaymentId};
use tillway_core::port::{HeadRow, Query};

use crate::Engine;
use crate::clock::Reading;
use crate::drive::{DriveError, With};
use crate::wait::breathe;

/// How often the keeper looks.
const EVERY: Duration = Duration::from_secs(1);
/// How many holds one commit lapses: few, so that a capture that comes meanwhile is next but one.
const HOLDS_MAX: u32 = 64;
/// How many such commits one look makes before it turns to the flows.
const SWEEPS_MAX: usize = 256;
/// How many flows are listed at once.
const HEADS_MAX: u32 = 256;
/// How long a day that could not be sealed is left alone: to look at it reads all that grew on it.
const SEAL_AGAIN: Duration = Duration::from_secs(600);

/// Runs beside the desks. Dropping it between two looks loses nothing.
#[derive(Debug)]
pub struct Keeper {
    engine: Engine,
    /// Until when no day is sealed, by the clock's ticks.
    seals_from: Mutex<Duration>,
}

impl Keeper {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, seals_from: Mutex::new(Duration::ZERO) }
    }

    /// Takes up what the last run left open. Call it once, before the first request: the clock is
    /// held against the book (F34), a check-in that was pending is rolled back, and its guest
    /// taken off the till's order (F15).
    ///
    /// Returns how many flows it moved.
    pub async fn recover(&self) -> usize {
        match self.engine.clock_state().await {
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the clock cannot be held against the book yet"),
        }
        if let Err(error) = self.engine.begin_sealing().await {
            tracing::warn!(%error, "no day of this book is sealed before the next start");
        }
        let query = Query {
            kind: Some(StreamKind::Binding),
            status: Some(Status::Open),
            ..Query::default()
        };
        let mut moved: usize = self.engine.recover_points().await;
        let mut after = None;
        loop {
            let heads = self.heads(&query, after).await;
            for head in &heads {
                let at = self.engine.look().at;
                let decide = |flow: &BindingFlow| flow.command(BindingCommand::Restart, at);
                let stream = head.stream;
                match self.engine.drive::<BindingFlow>(stream, With::default(), decide).await {
                    Ok(_) => moved = moved.saturating_add(1),
                    Err(error) => tracing::warn!(?stream, %error, "a binding cannot be recovered"),
                }
            }
            match heads.last() {
                Some(last) if heads.len() >= HEADS_MAX as usize => after = Some(last.stream),
                _ => return moved,
            }
        }
    }

    /// Looks once: lapses holds, some thousands at most, moves flows whose time has come, and
    /// seals days that are over, a few at most.
    pub async fn look(&self) {
        self.pass().await;
        self.engine.tell_points().await;
    }

    /// Looks every second, for ever. Stop it by dropping the future.
    pub async fn run(&self) {
        // A processing that is slow keeps nothing else waiting.
        futures::future::join(self.keep(), self.tell()).await;
    }

    async fn tell(&self) {
        if self.engine.points().is_none() {
            return;
        }
        loop {
            self.engine.tell_points().await;
            self.engine.0.ports.clock.sleep(EVERY).await;
        }
    }

    async fn keep(&self) {
        loop {
            if self.pass().await {
                breathe().await;
            } else {
                self.engine.0.ports.clock.sleep(EVERY).await;
            }
        }
    }

    /// One look; says whether it left holds for the next one.
    async fn pass(&self) -> bool {
        // Whoever does not know where the book stands cannot say what is over.
        if let Err(error) = self.engine.start_time().await {
            tracing::warn!(%error, "the clock cannot be held against the book");
            return false;
        }
        let more = self.lapse_holds().await;
        self.wake_flows().await;
        more
    }

    async fn wake_flows(&self) {
        let query = Query { due: Some(self.engine.look().at), ..Query::default() };
        let mut after = None;
        // Page by page, so that flows that cannot be moved do not keep the others from it.
        loop {
            let heads = self.heads(&query, after).await;
            for head in &heads {
                if let Err(error) = self.wake(head).await {
                    tracing::warn!(stream = ?head.stream, %error, "a flow cannot be moved");
                }
                breathe().await;
            }
            match heads.last() {
                Some(last) if heads.len() >= HEADS_MAX as usize => after = Some(last.stream),
                _ => return,
            }
        }
    }

    async fn heads(&self, query: &Query, after: Option<StreamId>) -> Vec<HeadRow> {
        match self.engine.store().heads(query, after, HEADS_MAX).await {
            Ok(heads) => heads,
            Err(error) => {
                tracing::warn!(%error, "the open flows cannot be listed");
                Vec::new()
            }
        }
    }

    /// Small commits, with a turn for everybody between two, so that a million holds at once do not
    /// stall a capture. Says whether more may be left.
    async fn lapse_holds(&self) -> bool {
        for _ in 0..SWEEPS_MAX {
            let Reading { at, state } = self.engine.look();
            // No hold lapses by a clock that may be wrong (F34).
            if !state.is_sound() {
                return false;
            }
            let overdue = match self.engine.store().overdue(at, HOLDS_MAX).await {
                Ok(overdue) if !overdue.is_empty() => overdue,
                Ok(_) => return false,
                Err(error) => {
                    tracing::warn!(%error, "overdue holds cannot be listed");
                    return false;
                }
            };
            let more = overdue.len() >= HOLDS_MAX as usize;
            let ops = overdue.into_iter().map(|hold| Op::Expire { hold }).collect();
            if let Err(error) = self.engine.commit(&With::default(), ops).await {
                tracing::warn!(%error, "holds cannot be lapsed");
                return false;
            }
            if !more {
                return false;
            }
            breathe().await;
        }
        true
    }

    async fn wake(&self, head: &HeadRow) -> Result<(), DriveError> {
        match head.stream.kind {
            StreamKind::Binding => self.wake_binding(OrderId(head.stream.id)).await,
            StreamKind::Payment => self.wake_payment(PaymentId(head.stream.id)).await,
            StreamKind::Digest => self.wake_digest(head).await,
            _ => Ok(()),
        }
    }

    /// A day that could not be sealed waits; meanwhile the book goes on.
    async fn wake_digest(&self, head: &HeadRow) -> Result<(), DriveError> {
        let ticks = self.engine.0.ports.clock.ticks();
        if *self.seals_from() > ticks {
            return Ok(());
        }
        let sealed = self.engine.seal(head).await;
        if sealed.is_err() {
            *self.seals_from() = ticks.saturating_add(SEAL_AGAIN);
        }
        sealed
    }

    fn seals_from(&self) -> MutexGuard<'_, Duration> {
        self.seals_from.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A binding that somebody used lately, or that has a payment, lasts longer (iiko note 1.5).
    async fn wake_binding(&self, order: OrderId) -> Result<(), DriveError> {
        let stream = StreamId::from(order);
        let flow = self.engine.folded::<BindingFlow>(stream).await?.flow;
        let now = self.engine.now();
        if let Phase::Bound { lapses, .. } = flow.phase
            && lapses <= now
            && let Some(row) = self.engine.store().order(order).await?
        {
            let used = if row.live.any() { now } else { self.engine.touched(row.touched) };
            if used.after(tillway_core::flow::BOUND_FOR) > now {
                let decide = |flow: &BindingFlow| flow.command(BindingCommand::Touch(used), now);
                self.engine.drive::<BindingFlow>(stream, With::default(), decide).await?;
                return Ok(());
            }
        }
        self.engine.push_on(order, now).await
    }

    /// Asks the till about a payment that nobody acknowledged, but never about one that the guest
    /// has back.
    async fn wake_payment(&self, id: PaymentId) -> Result<(), DriveError> {
        let row = self.engine.store().payment(id).await?;
        let captured = row.is_some_and(|p| p.live().is_ok_and(Kopecks::is_positive));
        let at = self.engine.now();
        let decide = |flow: &PaymentFlow| {
            if !captured {
                return flow.command(PaymentCommand::Cancel, at);
            }
            Ok(match flow.next(at) {
                Next::Commit(step) => step,
                _ => Step::nothing(),
            })
        };
        let stream = StreamId::from(id);
        let driven = self.engine.drive::<PaymentFlow>(stream, With::default(), decide).await?;
        if let Some(till) = &driven.flow.till {
            self.engine.0.tills.ring(till);
        }
        Ok(())
    }
}
