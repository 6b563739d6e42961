//! The two things a server or a client needs from its runtime: time and tasks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::rt::{Executor, Sleep, Timer};

/// A task handed to the executor: one per connection.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time and tasks, as trait objects, so that nothing here is tied to one runtime.
///
/// Cheap to clone. A simulator passes its virtual clock and its own executor; a program under
/// tokio takes [`Runtime::tokio`] (feature `tokio`).
#[derive(Clone)]
pub struct Runtime {
    timer: Arc<dyn Timer + Send + Sync>,
    executor: Arc<dyn Executor<Task> + Send + Sync>,
}

impl Runtime {
    /// Joins a timer and an executor.
    ///
    /// The executor must run every task it is given to the end, or drop it; a dropped task cuts
    /// its connection.
    pub fn new<T, E>(timer: T, executor: E) -> Self
    where
        T: Timer + Send + Sync + 'static,
        E: Executor<Task> + Send + Sync + 'static,
    {
        Self { timer: Arc::new(timer), executor: Arc::new(executor) }
    }

    /// Tokio's clock and tokio's tasks.
    ///
    /// Connections can be made only inside a tokio runtime then; outside of one they panic.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn tokio() -> Self {
        Self::new(hyper_util::rt::TokioTimer::new(), hyper_util::rt::TokioExecutor::new())
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.timer.sleep(duration)
    }

    pub(crate) fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.timer.sleep_until(deadline)
    }

    pub(crate) fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        self.timer.reset(sleep, deadline);
    }

    pub(crate) fn now(&self) -> Instant {
        self.timer.now()
    }

    pub(crate) fn spawn(&self, task: Task) {
        self.executor.execute(task);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

/// hyper-util's client wants a timer of its own and an executor generic over the future.
impl Timer for Runtime {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.timer.sleep(duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.timer.sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        self.timer.now()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        self.timer.reset(sleep, deadline);
    }
}

impl<F> Executor<F> for Runtime
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.executor.execute(Box::pin(future));
    }
}
