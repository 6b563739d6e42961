//! Drives flows: fold the stream, decide, commit, and again when somebody was faster.

use tillway_core::book::{Commit, Key, Op, OrderGuard, Outcome, Refusal, Seq, StreamId, Verdict};
use tillway_core::flow::{Flow, FoldError, Step, append, fold};
use tillway_core::port::{CommitError, Committed, ReadError};

use crate::Engine;

/// How often a step is decided anew when its stream has grown in the meantime.
const TRIES_MAX: usize = 16;
/// How many records are read at once.
const PAGE: u32 = 256;
/// How many records a stream may have before it is left to a person.
const RECORDS_MAX: u64 = 100_000;

/// Why a flow did not move.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriveError {
    /// The book or the flow refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key belongs to another request.
    #[error("the key belongs to another request")]
    Conflict,
    /// The store did not answer, or the outcome is unknown.
    #[error("the store is not available")]
    Unavailable,
    /// The stream cannot be read by this version.
    #[error("the stream cannot be read")]
    Unreadable,
}

impl From<ReadError> for DriveError {
    fn from(_: ReadError) -> Self {
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
            let Folded { flow, seq } = self.folded::<F>(stream).await?;
            let step = decide(&flow)?;
            if step.is_nothing() {
                return Ok(Driven { flow, outcomes: Vec::new(), replayed: false });
            }
            let mut ops = step.ops;
            let mut after = flow;
            if !step.events.is_empty() {
                let (op, next) =
                    append(&after, stream, Some(seq), &step.events).map_err(FoldError::from)?;
                ops.push(op);
                after = next;
            }
            match self.commit(with.clone(), ops).await {
                Ok(Some((outcomes, replayed))) => {
                    return Ok(Driven { flow: after, outcomes, replayed });
                }
                Ok(None) => {}
                Err(error) => return Err(error),
            }
        }
        tracing::warn!(?stream, "a stream is too busy");
        Err(DriveError::Unavailable)
    }

    /// One commit; `None` when a stream has grown in the meantime.
    pub(crate) async fn commit(
        &self,
        with: With,
        ops: Vec<Op>,
    ) -> Result<Option<(Vec<Outcome>, bool)>, DriveError> {
        let With { key, guard } = with;
        let commit = Commit { key, at: self.now(), guard, ops };
        match self.store().commit(commit).await {
            Ok(Committed { verdict: Verdict::Done(outcomes), replayed }) => {
                Ok(Some((outcomes, replayed)))
            }
            Ok(Committed { verdict: Verdict::Refused(refusal), .. }) => Err(refusal.into()),
            Err(CommitError::Stale { .. }) => Ok(None),
            Err(CommitError::KeyConflict) => Err(DriveError::Conflict),
            Err(error) => {
                tracing::warn!(%error, "a commit has no verdict");
                Err(DriveError::Unavailable)
            }
        }
    }
}
