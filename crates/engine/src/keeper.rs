//! What goes on by itself: recovery at start, holds that lapse, flows whose time comes.

use core::time::Duration;

use tillway_core::Kopecks;
use tillway_core::book::{Commit, Op, Status, StreamId, StreamKind};
use tillway_core::flow::{
    BindingCommand, BindingFlow, Flow, Next, PaymentCommand, PaymentFlow, Phase, Step,
};
use tillway_core::id::{OrderId, PaymentId};
use tillway_core::port::{HeadRow, Query};

use crate::Engine;
use crate::drive::{DriveError, With};

/// How often the keeper looks.
const EVERY: Duration = Duration::from_secs(1);
/// How many holds one commit lapses.
const HOLDS_MAX: u32 = 64;
/// How many flows are listed at once.
const HEADS_MAX: u32 = 256;

/// Runs beside the desks. Dropping it between two looks loses nothing.
#[derive(Debug)]
pub struct Keeper {
    engine: Engine,
}

impl Keeper {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Takes up what the last run left open. Call it once, before the first request: a check-in
    /// that was pending is rolled back, and its guest taken off the till's order (F15).
    ///
    /// Returns how many flows it moved.
    pub async fn recover(&self) -> usize {
        let query = Query {
            kind: Some(StreamKind::Binding),
            status: Some(Status::Open),
            ..Query::default()
        };
        let mut moved: usize = 0;
        let mut after = None;
        loop {
            let heads = self.heads(&query, after).await;
            for head in &heads {
                let at = self.engine.now();
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

    /// Looks once: lapses holds and moves flows whose time has come.
    pub async fn look(&self) {
        self.lapse_holds().await;
        let query = Query { due: Some(self.engine.now()), ..Query::default() };
        let mut after = None;
        // Page by page, so that flows that cannot be moved do not keep the others from it.
        loop {
            let heads = self.heads(&query, after).await;
            for head in &heads {
                if let Err(error) = self.wake(head).await {
                    tracing::warn!(stream = ?head.stream, %error, "a flow cannot be moved");
                }
            }
            match heads.last() {
                Some(last) if heads.len() >= HEADS_MAX as usize => after = Some(last.stream),
                _ => return,
            }
        }
    }

    /// Looks every second, for ever. Stop it by dropping the future.
    pub async fn run(&self) {
        loop {
            self.look().await;
            self.engine.0.ports.clock.sleep(EVERY).await;
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

    /// Small commits, so that a million holds at once do not stall a capture.
    async fn lapse_holds(&self) {
        let at = self.engine.now();
        let overdue = match self.engine.store().overdue(at, HOLDS_MAX).await {
            Ok(overdue) if !overdue.is_empty() => overdue,
            _ => return,
        };
        let ops = overdue.into_iter().map(|hold| Op::Expire { hold }).collect();
        if let Err(error) = self.engine.store().commit(Commit::of(at, ops)).await {
            tracing::warn!(%error, "holds cannot be lapsed");
        }
    }

    async fn wake(&self, head: &HeadRow) -> Result<(), DriveError> {
        match head.stream.kind {
            StreamKind::Binding => self.wake_binding(OrderId(head.stream.id)).await,
            StreamKind::Payment => self.wake_payment(PaymentId(head.stream.id)).await,
            _ => Ok(()),
        }
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
            let used = if row.live.any() { now } else { row.touched };
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
