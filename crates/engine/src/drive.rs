//! Drives flows: fold the stream, decide, commit, and again when somebody was faster.

use tillway_core::book::{Commit, Key, Op, OrderGuard, Outcome, Refusal, Seq, StreamId, Verdict};
use tillway_core::flow::{Flow, FoldError, Step, append, fold};
use tillway_core::port::{CommitError, Committed, ReadError};

use crate::Engine;
use crate::wait::breathe;

/// How often a step is decided anew when its stream has grown in the meantime.
const TRIES_MAX: usize = 16;
/// How often a commit is repeated because overdue holds stood in its way; each time some lapse.
const LAPSES_MAX: usize = 64;
/// How many records are read at once.
const PAGE: u32 = 256;
/// How many records a stream may have before it is left to a person.
const RECORDS_MAX: u64 = 100_000;

/// Tells the operator why something cannot be read or counted; the caller only hears "unavailable".
pub(crate) fn warn_unavailable(error: &dyn core::fmt::Display) {
    tracing::warn!(%error, "the desk cannot answer");
}

/// Why a flow did not move.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriveError {
    /// The book or the flow refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key belongs to another request.
    #[error("the key belongs to another request")]
    Conflict,
    /// The wall clock is in doubt, and this is new money (F34).
    #[error("the wall clock is in doubt")]
    ClockInDoubt,
    /// The store did not answer, or the outcome is unknown.
    #[error("the store is not available")]
    Unavailable,
    /// The stream cannot be read by this version.
    #[error("the stream cannot be read")]
    Unreadable,
}

impl From<ReadError> for DriveError {
    fn from(error: ReadError) -> Self {
        warn_unavailable(&error);
        Self::Unavailable
    }
}

impl From<FoldError> for DriveError {
    fn from(error: FoldError) -> Self {
        tracing::error!(%error, "a stream cannot be folded");
        Self::Unreadable
    }
}

/// A flow as its stream has it.
#[derive(Debug)]
pub(crate) struct Folded<F> {
    pub(crate) flow: F,
    pub(crate) seq: Seq,
}

/// What a step came to.
#[derive(Debug)]
pub(crate) struct Driven<F> {
    /// The flow after the step.
    pub(crate) flow: F,
    /// What the book said of the step's own operations; empty when there was nothing to do.
    pub(crate) outcomes: Vec<Outcome>,
    /// Whether the key had been used before.
    pub(crate) replayed: bool,
}

/// What goes with a step into its commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct With {
    pub(crate) key: Option<Key>,
    pub(crate) guard: Option<OrderGuard>,
}

impl Engine {
    /// Reads a flow.
    pub(crate) async fn folded<F: Flow>(&self, stream: StreamId) -> Result<Folded<F>, DriveError> {
        let mut flow = F::new(stream);
        let mut seq = Seq(0);
        loop {
            let page = self.store().load(stream, seq, PAGE).await?;
            fold(&mut flow, &page)?;
            let Some(last) = page.last() else { break };
            seq = last.seq;
            if page.len() < PAGE as usize || seq.0 >= RECORDS_MAX {
                break;
            }
        }
        Ok(Folded { flow, seq })
    }

    /// Decides a step over the folded flow and commits it; decides anew when the stream has grown.
    pub(crate) async fn drive<F: Flow>(
        &self,
        stream: StreamId,
        with: With,
        decide: impl Fn(&F) -> Result<Step<F::Event>, Refusal> + Send + Sync,
    ) -> Result<Driven<F>, DriveError> {
        for _ in 0..TRIES_MAX {
            let folded = self.folded::<F>(stream).await?;
            let step = decide(&folded.flow)?;
            if step.is_nothing() {
                return Ok(Driven { flow: folded.flow, outcomes: Vec::new(), replayed: false });
            }
            if let Some(driven) = self.step(stream, folded, &with, step).await? {
                return Ok(driven);
            }
        }
        tracing::warn!(?stream, "a stream is too busy");
        Err(DriveError::Unavailable)
    }

    /// As [`Engine::drive`], for a step that is mostly the first of its flow: decides as if the
    /// stream had no record, and reads it only when the commit found one.
    pub(crate) async fn begin<F: Flow>(
        &self,
        stream: StreamId,
        with: With,
        decide: impl Fn(&F) -> Result<Step<F::Event>, Refusal> + Send + Sync,
    ) -> Result<Driven<F>, DriveError> {
        let unread = Folded { flow: F::new(stream), seq: Seq(0) };
        let begun = match decide(&unread.flow) {
            Ok(step) if !step.is_nothing() => self.step(stream, unread, &with, step).await,
            _ => Ok(None),
        };
        match begun {
            Ok(Some(driven)) => Ok(driven),
            // What was refused, or needed nothing, may be otherwise for the flow as it stands.
            Ok(None) | Err(DriveError::Refused(_)) => self.drive(stream, with, decide).await,
            Err(error) => Err(error),
        }
    }

    /// Commits one step; `None` when the stream has grown in the meantime.
    async fn step<F: Flow>(
        &self,
        stream: StreamId,
        Folded { flow, seq }: Folded<F>,
        with: &With,
        step: Step<F::Event>,
    ) -> Result<Option<Driven<F>>, DriveError> {
        // Appended even without an event: what was decided holds only while the stream is as it
        // was read.
        let (guard, flow) =
            append(&flow, stream, Some(seq), &step.events).map_err(FoldError::from)?;
        let mut ops = step.ops;
        ops.push(guard);
        let committed = self.commit(with, ops).await?;
        Ok(committed.map(|(outcomes, replayed)| Driven { flow, outcomes, replayed }))
    }

    /// One commit; `None` when a stream has grown in the meantime.
    pub(crate) async fn commit(
        &self,
        with: &With,
        ops: Vec<Op>,
    ) -> Result<Option<(Vec<Outcome>, bool)>, DriveError> {
        for _ in 0..LAPSES_MAX {
            let at = self.admit(with.key.as_ref(), &ops).await?;
            let With { key, guard } = with.clone();
            let commit = Commit { key, at, guard, ops: ops.clone() };
            match self.store().commit(commit).await {
                Ok(Committed { verdict: Verdict::Done(outcomes), replayed }) => {
                    return Ok(Some((outcomes, replayed)));
                }
                Ok(Committed { verdict: Verdict::Refused(Refusal::HoldsOverdue), .. }) => {
                    breathe().await;
                }
                Ok(Committed { verdict: Verdict::Refused(refusal), .. }) => {
                    return Err(refusal.into());
                }
                Err(CommitError::Stale { .. }) => return Ok(None),
                Err(CommitError::KeyConflict) => return Err(DriveError::Conflict),
                Err(error) => {
                    tracing::warn!(%error, "a commit has no verdict");
                    return Err(DriveError::Unavailable);
                }
            }
        }
        tracing::warn!("an account has too many overdue holds; they lapse by and by");
        Err(DriveError::Unavailable)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tillway_core::book::{Actor, Binding, Caller, Commit, Payer};
    use tillway_core::flow::{BindingCommand, BindingFlow, CheckIn, Phase};
    use tillway_core::guest::Identification;
    use tillway_core::id::{OrderId, Uuid};
    use tillway_core::port::{Bindings, Journal, LoyaltyDesk, Query, Store};
    use tillway_core::time::Timestamp;
    use tillway_core::token::Scan;
    use tillway_memory::MemoryStore;
    use tillway_testkit::builders::{anna, id, seed, till};
    use tillway_testkit::runtime::{CountingIds, TestClock, ThreadSpawner, block_on};

    use super::*;
    use crate::{Bridge, EngineConfig, Ports};

    const NOON: Timestamp = Timestamp::utc(1_790_000_000_000);

    fn engine() -> (Engine, Arc<MemoryStore>) {
        let store = Arc::new(MemoryStore::new());
        for persona in seed() {
            block_on(store.commit(Commit::of(NOON, persona.ops()))).unwrap();
        }
        let ports = Ports {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::new(TestClock::at(NOON)),
            spawner: Arc::new(ThreadSpawner::new()),
            ids: Arc::new(CountingIds::new()),
        };
        let config = EngineConfig { bridge: Bridge::None, ..EngineConfig::new(id(1)) };
        (Engine::new(ports, config), store)
    }

    fn waiter() -> Caller {
        Caller { actor: Actor::Waiter, till: Some(till(1)), deadline: None, cause: None }
    }

    /// A repeated check-in leaves no event (W08), so it must not slip behind a check-out that
    /// came between its look and its commit: the book would have a guest that the flow has not.
    #[test]
    fn a_repeated_check_in_racing_a_check_out_keeps_book_and_flow_in_step() {
        let (engine, store) = engine();
        let order = OrderId(Uuid::from_u128(82));
        let scan = Scan::new("149725735");
        block_on(engine.check_in(&waiter(), order, scan, None)).unwrap();
        let payer =
            Payer { guest: anna().guest.id, identified: Identification::Strong, token: None };
        let (till, attributes) = (Some(till(1)), Vec::new());
        let wish = CheckIn { payer, till, once: None, attributes, ask_till: None };
        let first = AtomicBool::new(true);
        let decide = |flow: &BindingFlow| {
            if first.swap(false, Ordering::Relaxed) {
                block_on(engine.check_out(&waiter(), order, None)).unwrap();
            }
            flow.command(BindingCommand::CheckIn(wish.clone()), NOON)
        };
        let stream = StreamId::from(order);
        block_on(engine.drive::<BindingFlow>(stream, With::default(), decide)).unwrap();
        let flow = block_on(engine.folded::<BindingFlow>(stream)).unwrap().flow;
        let row = block_on(store.order(order)).unwrap().unwrap();
        assert_eq!(flow.epoch, row.epoch);
        assert!(matches!(flow.phase, Phase::Bound { .. }));
        assert!(matches!(row.binding, Binding::Bound(_)));
        // So the guest can be checked out again.
        block_on(engine.check_out(&waiter(), order, None)).unwrap();
        let row = block_on(store.order(order)).unwrap().unwrap();
        assert_eq!(row.binding, Binding::Unbound);
    }

    /// A step that was taken for the first of its flow is decided over what the stream says.
    #[test]
    fn what_is_refused_or_stale_as_the_first_step_is_decided_anew() {
        let (engine, store) = engine();
        let order = OrderId(Uuid::from_u128(82));
        let (stream, scan) = (StreamId::from(order), Scan::new("149725735"));
        block_on(engine.check_in(&waiter(), order, scan.clone(), None)).unwrap();
        // Of an order that nobody knows, nobody is checked out.
        let decide = |flow: &BindingFlow| flow.command(BindingCommand::CheckOut, NOON);
        let ended = block_on(engine.begin(stream, With::default(), decide)).unwrap().flow;
        assert_eq!((ended.epoch, ended.phase), (2, Phase::Free));
        // Of a flow that has not begun nothing needs to be told.
        let seen = |flow: &BindingFlow| match flow.phase {
            Phase::Free if flow.epoch == 0 => Ok(Step::nothing()),
            _ => Err(Refusal::OrderClosed),
        };
        let told = block_on(engine.begin(stream, With::default(), seen));
        assert!(matches!(told, Err(DriveError::Refused(Refusal::OrderClosed))));
        // What the book refuses to a flow that has not begun may be nothing to the one that has.
        let refused = |flow: &BindingFlow| match flow.epoch {
            0 => Ok(Step { ops: vec![Op::Refuse(Refusal::OtherGuest)], events: Vec::new() }),
            _ => Ok(Step::nothing()),
        };
        let driven = block_on(engine.begin(stream, With::default(), refused)).unwrap();
        assert_eq!((driven.flow.epoch, driven.outcomes), (2, Vec::new()));
        // What needs nothing leaves nothing.
        let nobody = StreamId::from(OrderId(Uuid::from_u128(83)));
        let nothing = |_: &BindingFlow| Ok(Step::nothing());
        block_on(engine.begin(nobody, With::default(), nothing)).unwrap();
        let heads = block_on(store.heads(&Query::default(), None, 10)).unwrap();
        assert_eq!(heads.iter().map(|head| head.stream).collect::<Vec<_>>(), [stream]);
        block_on(engine.check_in(&waiter(), order, scan, None)).unwrap();
        let flow = block_on(engine.folded::<BindingFlow>(stream)).unwrap().flow;
        let row = block_on(store.order(order)).unwrap().unwrap();
        assert_eq!((flow.epoch, row.epoch), (3, 3));
    }

    /// A close that finds nobody bound depends on that all the same.
    #[test]
    fn a_close_racing_the_first_check_in_is_decided_anew() {
        let (engine, store) = engine();
        let order = OrderId(Uuid::from_u128(82));
        let ops = block_on(engine.close_ops(order, &[])).unwrap().unwrap();
        let scan = Scan::new("149725735");
        block_on(engine.check_in(&waiter(), order, scan, None)).unwrap();
        let commit = block_on(engine.commit(&With::default(), ops)).unwrap();
        assert!(commit.is_none(), "stale");
        let flow = block_on(engine.folded::<BindingFlow>(StreamId::from(order))).unwrap().flow;
        let row = block_on(store.order(order)).unwrap().unwrap();
        assert_eq!(flow.epoch, row.epoch);
    }
}
