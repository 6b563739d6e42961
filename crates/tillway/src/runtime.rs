//! Clock, tasks and ids for programs that run under tokio.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use tillway_core::Timestamp;
use tillway_core::id::Uuid;
use tillway_core::port::{Clock, IdSource, Spawner, Task};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// The clock of the machine, with the offset of its time zone.
///
/// Ticks count from the moment it is made. [`Clock::sleep`] works inside a tokio runtime only.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: Instant,
}

impl TokioClock {
    /// A clock whose ticks begin now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock port")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for TokioClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock port")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is a machine without a clock; its beginning of time is ours.
        let ms = since_epoch.map_or(0, |since| since.as_millis());
        let utc_ms = i64::try_from(ms).unwrap_or(i64::MAX);
        Timestamp { utc_ms, offset_min: offset_min(utc_ms) }
    }

    fn ticks(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock port")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Minutes east of UTC at a moment, by the zone of the system; UTC where it cannot be told.
fn offset_min(utc_ms: i64) -> i16 {
    let Ok(moment) = jiff::Timestamp::from_millisecond(utc_ms) else { return 0 };
    let seconds = TimeZone::system().to_offset(moment).seconds();
    i16::try_from(seconds / 60).unwrap_or(0)
}

/// Runs tasks on a tokio runtime, and knows when none is left.
///
/// A clone counts the same tasks.
#[derive(Clone)]
pub struct TokioSpawner {
    runtime: Handle,
    running: Arc<watch::Sender<usize>>,
}

impl TokioSpawner {
    /// A spawner on this runtime.
    pub fn new(runtime: Handle) -> Self {
        Self { runtime, running: Arc::new(watch::Sender::new(0)) }
    }

    /// How many tasks have not ended yet.
    pub fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Returns when no task is left. For a graceful stop: first stop what starts tasks.
    pub async fn idle(&self) {
        // The sender is ours, so it cannot be gone.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

impl fmt::Debug for TokioSpawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioSpawner").field("running", &self.running()).finish_non_exhaustive()
    }
}

impl Spawner for TokioSpawner {
    fn spawn(&self, name: &'static str, task: Task) {
        let counted = Counted::new(name, Arc::clone(&self.running));
        self.runtime.spawn(async move {
            let _counted = counted;
            task.await;
        });
    }
}

/// One running task. It is counted out however it ends.
struct Counted {
    name: &'static str,
    running: Arc<watch::Sender<usize>>,
}

impl Counted {
    fn new(name: &'static str, running: Arc<watch::Sender<usize>>) -> Self {
        running.send_modify(|running| *running = running.saturating_add(1));
        Self { name, running }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.name, "a task panicked");
        }
        self.running.send_modify(|running| *running = running.saturating_sub(1));
    }
}

/// Ids from the machine's clock and its source of randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn secret(&self) -> [u8; 16] {
        // Version and variant take six bits of a random UUID; a second one fills them in.
        let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
        let mut bytes = *first.as_bytes();
        let [fill_6, fill_8, ..] = *second.as_bytes();
        bytes[6] = fill_6;
        bytes[8] = fill_8;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_clock_knows_time_and_offset() {
        let clock = TokioClock::new();
        // 2025-01-01; a machine with an older clock is none to test on.
        assert!(clock.now().utc_ms > 1_735_689_600_000);
        assert!((-1_080..=1_080).contains(&clock.now().offset_min));
        let first = clock.ticks();
        assert!(clock.ticks() >= first);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_ends() {
        TokioClock::new().sleep(Duration::from_secs(3_600)).await;
    }

    #[tokio::test]
    async fn idle_waits_for_every_task_even_one_that_panics() {
        let spawner = TokioSpawner::new(Handle::current());
        spawner.idle().await;
        let ended = Arc::new(AtomicU32::new(0));
        let (open, gate) = tokio::sync::oneshot::channel::<()>();
        let count = Arc::clone(&ended);
        spawner.spawn(
            "waits",
            Box::pin(async move {
                let _ = gate.await;
                count.fetch_add(1, Ordering::SeqCst);
            }),
        );
        spawner.spawn("panics", Box::pin(async { panic!("on purpose") }));
        assert_eq!(spawner.running(), 2);
        open.send(()).unwrap();
        spawner.idle().await;
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn ids_are_new_and_in_order_and_secrets_differ() {
        let (first, second) = (RandomIds.fresh(), RandomIds.fresh());
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
        let secrets: std::collections::BTreeSet<_> = (0..64).map(|_| RandomIds.secret()).collect();
        assert_eq!(secrets.len(), 64);
        // No bit is fixed, as the version of a UUID would be.
        assert!(secrets.iter().any(|secret| secret[6] >> 4 != 4));
    }
}
