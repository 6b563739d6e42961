//! One owner for a blocking thing.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where jobs run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// On a thread of the worker's own.
    #[default]
    Thread,
    /// At once in the caller, for simulations. A job must not submit to its own worker.
    Inline,
}

/// Why a job has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// Too many jobs wait. This one was not taken; slow down.
    #[error("the queue of the worker is full")]
    Full,
    /// The worker was stopped. The job was not taken.
    #[error("the worker was stopped")]
    Stopped,
    /// A job panicked, this one or an earlier one: the worker takes no more. When it comes from
    /// awaiting an [`Answer`], the job may have had its effect.
    #[error("a job of the worker panicked")]
    Poisoned,
}

/// Runs, and says whether the worker may go on.
type Job<S> = Box<dyn FnOnce(&mut S) -> bool + Send>;

/// Owns a state that only its jobs touch, one at a time, in the order they were taken.
///
/// Dropping a worker lets the jobs that were taken run to their end and does not wait for them;
/// [`Worker::stop`] and [`Worker::stop_within`] wait.
pub struct Worker<S> {
    name: &'static str,
    poisoned: Arc<AtomicBool>,
    place: Place<S>,
}

enum Place<S> {
    Thread { jobs: Mutex<Option<SyncSender<Job<S>>>>, thread: Mutex<Option<Running>> },
    Inline(Mutex<Option<S>>),
}

/// The thread, and a channel that ends with it.
struct Running {
    thread: JoinHandle<()>,
    ended: Receiver<()>,
}

impl<S: Send + 'static> Worker<S> {
    /// Starts a worker that lets at most `queue_max` jobs wait. The name is the thread's.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(name: &'static str, mode: Mode, queue_max: usize, state: S) -> io::Result<Self> {
        let poisoned = Arc::new(AtomicBool::new(false));
        let place = match mode {
            Mode::Inline => Place::Inline(Mutex::new(Some(state))),
            Mode::Thread => {
                let (jobs, waiting) = sync_channel(queue_max);
                let (end, ended) = sync_channel(0);
                let work = move || {
                    // Goes last: state and jobs are gone when the end is told.
                    let _end: SyncSender<()> = end;
                    let waiting = waiting;
                    work(&waiting, state);
                };
                let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
                let running = Running { thread, ended };
                Place::Thread { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(running)) }
            }
        };
        Ok(Self { name, poisoned, place })
    }

    /// Hands over a job. It runs whether or not the answer is awaited.
    ///
    /// # Errors
    /// [`WorkerError`]: the job was not taken.
    pub fn submit<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Result<Answer<R>, WorkerError> {
        if self.poisoned.load(Ordering::Acquire) {
            return Err(WorkerError::Poisoned);
        }
        let (answer, receiver) = oneshot::channel();
        let poisoned = Arc::clone(&self.poisoned);
        let job = move |state: &mut S| match catch_unwind(AssertUnwindSafe(|| job(state))) {
            // When nobody waits any more the effect stands all the same.
            Ok(done) => {
                let _ = answer.send(done);
                true
            }
            Err(_) => {
                // Before the caller learns that its answer will not come.
                poisoned.store(true, Ordering::Release);
                drop(answer);
                false
            }
        };
        match &self.place {
            Place::Thread { jobs, .. } => {
                let jobs = lock(jobs);
                let jobs = jobs.as_ref().ok_or(WorkerError::Stopped)?;
                jobs.try_send(Box::new(job)).map_err(|refused| match refused {
                    TrySendError::Full(_) => WorkerError::Full,
                    TrySendError::Disconnected(_) => WorkerError::Poisoned,
                })?;
            }
            Place::Inline(state) => {
                let mut state = lock(state);
                let owned = state.as_mut().ok_or(WorkerError::Stopped)?;
                if !job(owned) {
                    *state = None;
                }
            }
        }
        Ok(Answer(receiver))
    }

    /// Whether a job panicked.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Takes no more jobs, waits until the taken ones have run, however long that takes, and drops
    /// the state. A repeat, and a call out of a job, returns at once.
    pub fn stop(&self) {
        if let Some(running) = self.close() {
            // A panic of a job was caught; one of the state's drop has nobody to tell.
            let _ = running.thread.join();
        }
    }

    /// As [`Worker::stop`], but waits no longer than this. `false`: a job still runs. It goes on
    /// on its own with what it owns, and nothing can stop it but the end of the process.
    pub fn stop_within(&self, most: Duration) -> bool {
        let Some(running) = self.close() else { return true };
        match running.ended.recv_timeout(most) {
            Err(RecvTimeoutError::Timeout) => false,
            // Nothing is ever sent.
            Ok(()) | Err(RecvTimeoutError::Disconnected) => true,
        }
    }

    /// Takes no more jobs; answers what there is to wait for.
    fn close(&self) -> Option<Running> {
        match &self.place {
            Place::Inline(state) => {
                drop(lock(state).take());
                None
            }
            Place::Thread { jobs, thread } => {
                drop(lock(jobs).take());
                let running = lock(thread).take();
                running.filter(|running| running.thread.thread().id() != thread::current().id())
            }
        }
    }
}

impl<S> fmt::Debug for Worker<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The answer to a job, some time later.
#[derive(Debug)]
#[must_use = "the job runs anyway, but its answer is lost"]
pub struct Answer<R>(oneshot::Receiver<R>);

impl<R> Future for Answer<R> {
    type Output = Result<R, WorkerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| WorkerError::Poisoned)
    }
}

fn work<S>(waiting: &Receiver<Job<S>>, mut state: S) {
    // Ends when the last sender is gone and the queue is empty. Jobs behind a panic are dropped
    // with the queue, which tells their callers.
    while let Ok(job) = waiting.recv() {
        if !job(&mut state) {
            break;
        }
    }
}

/// A panic inside these locks is not possible but in a state's `Drop`; what they guard stays whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
