//! Time that can be moved on: codes lapse and queues come due without anybody waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tillway::core::Timestamp;
use tillway::core::port::Clock;
use tillway::runtime::TokioClock;

/// Noon of 2026-03-14 in Moscow, when every story begins.
const NOON: Timestamp = Timestamp { utc_ms: 1_773_478_800_000, offset_min: 180 };

/// A clock that begins at a fixed moment, runs, and can be moved on. Clones are one clock.
#[derive(Clone, Debug)]
pub struct StoryClock {
    real: TokioClock,
    ahead_ms: Arc<AtomicU64>,
}

impl StoryClock {
    /// A clock at the beginning of the story.
    pub fn new() -> Self {
        Self { real: TokioClock::new(), ahead_ms: Arc::default() }
    }

    /// Moves it on. Who sleeps is not woken by it.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Default for StoryClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        NOON.after(self.ticks())
    }

    fn ticks(&self) -> Duration {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst));
        self.real.ticks().saturating_add(ahead)
    }

    async fn sleep(&self, duration: Duration) {
        self.real.sleep(duration).await;
    }
}
