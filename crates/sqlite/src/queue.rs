//! What waits for the writer.

use std::collections::VecDeque;

use tillway_core::Timestamp;
use tillway_core::book::{Commit, Fence, StreamId};
use tillway_core::id::Owner;
use tillway_core::port::{ClaimError, CommitError, Committed, ReadError};
use tokio::sync::oneshot::Sender;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something to write, with the one who waits for it.
#[derive(Debug)]
pub(crate) enum Task {
    Commit(Box<Commit>, Sender<Result<Committed, CommitError>>),
    Claim(Claim, Sender<Result<Fence, ClaimError>>),
    Release(StreamId, Fence, Sender<Result<(), ClaimError>>),
    Ready(Sender<Result<(), ReadError>>),
}

/// A claim of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) stream: StreamId,
    pub(crate) owner: Owner,
    pub(crate) ttl: core::time::Duration,
    pub(crate) now: Timestamp,
}

/// What became of a task, to be told when it is on the disk.
#[derive(Debug)]
pub(crate) enum Outcome {
    Commit(Result<Committed, CommitError>),
    Claim(Result<Fence, ClaimError>),
    Plain,
}

impl Task {
    /// Tells the outcome. Nobody may wait any more; it stands all the same.
    pub(crate) fn answer(self, outcome: Outcome) {
        match (self, outcome) {
            (Self::Commit(_, sender), Outcome::Commit(result)) => drop(sender.send(result)),
            (Self::Claim(_, sender), Outcome::Claim(result)) => drop(sender.send(result)),
            (Self::Release(_, _, sender), _) => drop(sender.send(Ok(()))),
            (Self::Ready(sender), _) => drop(sender.send(Ok(()))),
            // The writer pairs each task with its own kind of outcome.
            (task, _) => task.fail(CommitError::InDoubt),
        }
    }

    /// Tells that it failed with the batch it was in.
    pub(crate) fn fail(self, error: CommitError) {
        match self {
            Self::Commit(_, sender) => drop(sender.send(Err(error))),
            Self::Claim(_, sender) => drop(sender.send(Err(ClaimError::Unavailable))),
            Self::Release(_, _, sender) => drop(sender.send(Err(ClaimError::Unavailable))),
            Self::Ready(sender) => drop(sender.send(Err(match error {
                CommitError::Corrupt => ReadError::Corrupt,
                _ => ReadError::Unavailable,
            }))),
        }
    }
}

/// The bounded queue, and whether the writer was told to look at it.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Whether the writer was called. Written under the lock, and read without it by those who only
    /// want to know.
    called: AtomicBool,
    max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    tasks: VecDeque<Task>,
    batches: u64,
    taken: u64,
}

/// How the writer keeps up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// How many tasks wait for the writer now: commits, claims, and who asks whether it answers.
    pub waiting: usize,
    /// How many batches the writer took since the store was opened; each is one sync of the disk,
    /// or none when it wrote nothing.
    pub batches: u64,
    /// How many tasks were in them.
    pub batched: u64,
}

impl Queue {
    pub(crate) fn new(max: usize) -> Self {
        Self { waiting: Mutex::default(), called: AtomicBool::new(false), max }
    }

    /// Adds a task, and calls the writer when nobody did so yet.
    ///
    /// # Errors
    /// Why it was not taken.
    pub(crate) fn hand(
        self: &Arc<Self>,
        health: &Arc<Health>,
        task: Task,
        call: impl FnOnce(Call),
    ) -> Result<(), CommitError> {
        if health.is_broken() {
            return Err(CommitError::Corrupt);
        }
        if self.push(task)? {
            let (queue, health) = (Arc::clone(self), Arc::clone(health));
            call(Call { queue, health, state: Heard::NotYet });
        }
        Ok(())
    }

    /// Adds a task. True: nobody called the writer yet.
    fn push(&self, task: Task) -> Result<bool, CommitError> {
        let mut waiting = self.lock();
        if waiting.tasks.len() >= self.max {
            return Err(CommitError::Full);
        }
        waiting.tasks.push_back(task);
        Ok(!self.called.swap(true, Ordering::AcqRel))
    }

    /// Takes what waits, at most `max` tasks. Empty: the writer may go, the next task calls it.
    fn take(&self, max: usize) -> Vec<Task> {
        let mut waiting = self.lock();
        let count = waiting.tasks.len().min(max);
        if count == 0 {
            self.called.store(false, Ordering::Release);
        } else {
            waiting.batches = waiting.batches.saturating_add(1);
            waiting.taken = waiting.taken.saturating_add(u64::try_from(count).unwrap_or_default());
        }
        waiting.tasks.drain(..count).collect()
    }

    /// The writer is gone: drops what waits, which tells its callers.
    fn clear(&self) {
        while !self.take(usize::MAX).is_empty() {}
    }

    /// Whether the writer has answered all that it was given.
    pub(crate) fn is_idle(&self) -> bool {
        !self.called.load(Ordering::Acquire)
    }

    pub(crate) fn stats(&self) -> Stats {
        let waiting = self.lock();
        let Waiting { batches, taken: batched, .. } = *waiting;
        Stats { waiting: waiting.tasks.len(), batches, batched }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call of the writer, to look at the queue. When it is dropped without an answer, those who
/// wait learn that nobody comes.
#[derive(Debug)]
#[must_use]
pub(crate) struct Call {
    queue: Arc<Queue>,
    health: Arc<Health>,
    state: Heard,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Heard {
    NotYet,
    Writing,
    Answered,
}

impl Call {
    /// Hands everything that waits to `write`, in batches, until nothing does.
    pub(crate) fn answer(mut self, batch_max: usize, mut write: impl FnMut(Vec<Task>)) {
        self.state = Heard::Writing;
        loop {
            let batch = self.queue.take(batch_max);
            if batch.is_empty() {
                break;
            }
            write(batch);
        }
        self.state = Heard::Answered;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.state == Heard::Answered {
            return;
        }
        if self.state == Heard::Writing {
            // The writer panicked over a batch.
            self.health.breaks();
        }
        self.queue.clear();
    }
}

/// Whether the disk can be trusted. Once it cannot, only a restart reads what it really has.
#[derive(Debug, Default)]
pub(crate) struct Health(AtomicBool);

impl Health {
    pub(crate) fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn breaks(&self) {
        self.0.store(true, Ordering::Release);
    }
}
