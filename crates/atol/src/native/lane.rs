//! One device, one thread, one caller at a time, and no wait without an end.
//!
//! A call that hangs keeps the device: nobody can take a handle away from a driver that works with
//! it. Its caller gives up in time and does not know the outcome; others hear at once that the
//! device is busy, until the call returns.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use tillway_core::port::Clock;
use tillway_device::{Mode, Worker};

/// A device and the way to it.
#[derive(Debug)]
pub(super) struct Lane<S> {
    worker: Worker<S>,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The call that outlived its caller.
    overrun: Mutex<Option<Arc<AtomicBool>>>,
    clock: Arc<dyn Clock>,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lost {
    /// It did not begin, and will not: another one hangs.
    Busy,
    /// It did not begin, and will not: the device thread has ended.
    Ended,
    /// It began; whether it ends, and how, nobody here will know.
    Unknown,
}

impl<S: Send + 'static> Lane<S> {
    pub(super) fn start(mode: Mode, state: S, clock: Arc<dyn Clock>) -> io::Result<Self> {
        // The turn lets one job in at a time, so none ever waits in the worker's queue.
        let worker = Worker::start("fiscal register", mode, 1, state)?;
        Ok(Self { worker, turn: Arc::default(), overrun: Mutex::default(), clock })
    }

    /// Waits for the device; `None` when it is busy for longer than this, or hangs.
    pub(super) async fn turn(&self, most: Duration) -> Option<Turn<'_, S>> {
        if self.hangs() {
            return None;
        }
        let guard = within(&*self.clock, most, Arc::clone(&self.turn).lock_owned()).await?;
        Some(Turn { lane: self, guard: Arc::new(guard) })
    }

    fn hangs(&self) -> bool {
        let overrun = self.overrun.lock().unwrap_or_else(PoisonError::into_inner);
        overrun.as_ref().is_some_and(|ended| !ended.load(Ordering::Acquire))
    }

    /// See [`Worker::stop_within`].
    pub(super) fn stop_within(&self, most: Duration) -> bool {
        self.worker.stop_within(most)
    }
}

/// The right to use the device, until it is dropped and what was begun has ended.
pub(super) struct Turn<'a, S> {
    lane: &'a Lane<S>,
    guard: Arc<tokio::sync::OwnedMutexGuard<()>>,
}

impl<S: Send + 'static> Turn<'_, S> {
    /// Does something with the device, and waits for it no longer than this. A job that was begun
    /// goes on to its end, whoever gives up.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        most: Duration,
        job: impl FnOnce(&mut S) -> R + Send + 'static,
    ) -> Result<R, Lost> {
        if self.lane.hangs() {
            return Err(Lost::Busy);
        }
        let ended = Ended { told: Arc::default(), _guard: Arc::clone(&self.guard) };
        let told = Arc::clone(&ended.told);
        let job = move |state: &mut S| {
            let _ended = ended;
            job(state)
        };
        let answer = self.lane.worker.submit(job).map_err(|_| Lost::Ended)?;
        match within(&*self.lane.clock, most, answer).await {
            Some(answer) => answer.map_err(|_| Lost::Unknown),
            None => {
                let mut overrun = self.lane.overrun.lock().unwrap_or_else(PoisonError::into_inner);
                *overrun = Some(told);
                Err(Lost::Unknown)
            }
        }
    }

    /// A pause between two looks at the device.
    pub(super) async fn pause(&self, pause: Duration) {
        self.lane.clock.sleep(pause).await;
    }
}

/// Says that a job has ended, by a panic too, and keeps the turn until then.
struct Ended {
    told: Arc<AtomicBool>,
    _guard: Arc<tokio::sync::OwnedMutexGuard<()>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.told.store(true, Ordering::Release);
    }
}

async fn within<T>(
    clock: &dyn Clock,
    most: Duration,
    future: impl Future<Output = T> + Send,
) -> Option<T> {
    // What is there already is taken, however late it is.
    match select(pin!(future), clock.sleep(most)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}
