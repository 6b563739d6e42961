//! Callers that each wait for one thing before they ask for the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// What one round of calls came to.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Calls in a second.
    pub per_second: f64,
    /// Half of the calls took less, in microseconds.
    pub p50_us: f64,
    /// All but one in a hundred took less, in microseconds.
    pub p99_us: f64,
}

impl Round {
    /// Of the times of all calls that were made in `elapsed`.
    ///
    /// # Panics
    /// When nothing was called.
    pub fn of(mut times: Vec<Duration>, elapsed: Duration) -> Self {
        assert!(!times.is_empty(), "nothing was called");
        times.sort_unstable();
        let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e6;
        let per_second = count(times.len()) / elapsed.as_secs_f64();
        Self { per_second, p50_us: at(50), p99_us: at(99) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls fits a float exactly")]
fn count(calls: usize) -> f64 {
    calls as f64
}

/// Runs so many callers for a time. Each makes its next call when the last one is done.
pub fn callers<F: Future<Output = ()> + Send>(
    runtime: &Runtime,
    callers: usize,
    length: Duration,
    call: impl Fn() -> F + Send + Sync + 'static,
) -> Round {
    let (stop, call) = (Arc::new(AtomicBool::new(false)), Arc::new(call));
    let began = Instant::now();
    let times = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (call, stop) = (Arc::clone(&call), Arc::clone(&stop));
            tasks.spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    call().await;
                    times.push(began.elapsed());
                }
                times
            });
        }
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        tasks.join_all().await.concat()
    });
    Round::of(times, began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_counts_and_ranks() {
        let times = (1..=100).rev().map(Duration::from_micros).collect();
        let round = Round::of(times, Duration::from_millis(10));
        assert!((round.per_second - 10_000.0).abs() < 1e-6, "{round:?}");
        assert!((round.p50_us - 50.0).abs() < 1e-6, "{round:?}");
        assert!((round.p99_us - 99.0).abs() < 1e-6, "{round:?}");
    }
}
