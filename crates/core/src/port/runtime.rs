//! Time, tasks and fresh ids.

use core::future::Future;
use core::pin::Pin;
use core::time::Duration;

use async_trait::async_trait;

use crate::id::Uuid;
use crate::port::Port;
use crate::time::Timestamp;

/// Time. Nothing else in tillway reads a clock, so a simulation can replace it.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: Port {
    /// The wall clock. It may jump, in both directions.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this run. It never runs backwards.
    fn ticks(&self) -> Duration;

    /// Returns after this long by [`Clock::ticks`]. Dropping the future forgets the wait.
    async fn sleep(&self, duration: Duration);
}

/// A task of a flow.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// Runs tasks that outlive the request that started them.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Spawner: Port {
    /// Starts a task. It MUST run to its end unless the process dies. The name is for logs.
    fn spawn(&self, name: &'static str, task: Task);
}

/// Fresh ids.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait IdSource: Port {
    /// An id that was never given before, in rough order of time (UUIDv7).
    fn fresh(&self) -> Uuid;

    /// 16 bytes that nobody can guess.
    fn secret(&self) -> [u8; 16];
}
