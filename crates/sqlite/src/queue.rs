//! What waits for the writer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tillway_core::Timestamp;
use tillway_core::book::{Commit, Fence, StreamId};
use tillway_core::id::Owner;
use tillway_core::port::{ClaimError, CommitError, Committed, ReadError};
use tokio::sync::oneshot::Sender;

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
    max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    tasks: VecDeque<Task>,
    called: bool,
}

impl Queue {
    pub(crate) fn new(max: usize) -> Self {
        Self { waiting: Mutex::default(), max }
    }

    /// Adds a task. True: nobody called the writer yet, the caller has to.
    ///
    /// # Errors
    /// The task, when the queue is full.
    pub(crate) fn push(&self, task: Task) -> Result<bool, Task> {
        let mut waiting = self.lock();
        if waiting.tasks.len() >= self.max {
            return Err(task);
        }
        waiting.tasks.push_back(task);
        Ok(!std::mem::replace(&mut waiting.called, true))
    }

    /// Takes what waits, at most `max` tasks. Empty: the writer may go, the next task calls it.
    pub(crate) fn take(&self, max: usize) -> Vec<Task> {
        let mut waiting = self.lock();
        let count = waiting.tasks.len().min(max);
        if count == 0 {
            waiting.called = false;
        }
        waiting.tasks.drain(..count).collect()
    }

    /// The writer is gone: drops what waits, which tells its callers.
    pub(crate) fn clear(&self) {
        while !self.take(usize::MAX).is_empty() {}
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().tasks.len()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
