//! Time, tasks and ids for tests: nothing here reads a real clock or is left to chance.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::thread::{self, JoinHandle, Thread};

use async_trait::async_trait;
use tillway_core::Timestamp;
use tillway_core::id::Uuid;
use tillway_core::port::{Clock, IdSource, Spawner, Task};

/// Runs a future to its end on this thread, which parks while there is nothing to do.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that a test moves by hand. A clone is the same clock.
///
/// ```
/// use core::time::Duration;
/// use tillway_core::Timestamp;
/// use tillway_core::port::Clock;
/// use tillway_testkit::runtime::{TestClock, block_on};
///
/// let clock = TestClock::at(Timestamp::utc(1_000));
/// let sleep = clock.sleep(Duration::from_secs(1));
/// clock.advance(Duration::from_secs(1));
/// block_on(sleep);
/// assert_eq!(clock.now(), Timestamp::utc(2_000));
/// ```
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    wall: Timestamp,
    ticks: Duration,
    sleepers: BTreeMap<u64, (Duration, Waker)>,
    sleeps: u64,
}

impl TestClock {
    /// A clock that stands at this moment, with ticks at zero.
    pub fn at(wall: Timestamp) -> Self {
        let hands = Hands { wall, ticks: Duration::ZERO, sleepers: BTreeMap::new(), sleeps: 0 };
        Self(Arc::new(Mutex::new(hands)))
    }

    /// Lets time pass, and wakes those whose sleep is over.
    pub fn advance(&self, by: Duration) {
        let woken: Vec<Waker> = {
            let mut hands = lock(&self.0);
            hands.wall = hands.wall.after(by);
            hands.ticks = hands.ticks.saturating_add(by);
            let now = hands.ticks;
            hands.sleepers.values().filter(|s| s.0 <= now).map(|s| s.1.clone()).collect()
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Sets the wall clock, as a person or NTP would. Ticks go on as before, nobody wakes.
    pub fn jump(&self, to: Timestamp) {
        lock(&self.0).wall = to;
    }

    /// How long until the next sleeper wakes; `None` when nobody sleeps.
    pub fn next_wake(&self) -> Option<Duration> {
        let hands = lock(&self.0);
        let next = hands.sleepers.values().map(|s| s.0).min()?;
        Some(next.saturating_sub(hands.ticks))
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        lock(&self.0).wall
    }

    fn ticks(&self) -> Duration {
        lock(&self.0).ticks
    }

    fn sleep<'s, 'f>(&'s self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        // Not an async block: the sleep counts from the call, not from the first poll.
        let mut hands = lock(&self.0);
        hands.sleeps += 1;
        let (id, until) = (hands.sleeps, hands.ticks.saturating_add(duration));
        drop(hands);
        Box::pin(Sleep { clock: self.clone(), id, until })
    }
}

struct Sleep {
    clock: TestClock,
    id: u64,
    until: Duration,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut hands = lock(&self.clock.0);
        if hands.ticks >= self.until {
            return Poll::Ready(());
        }
        hands.sleepers.insert(self.id, (self.until, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        lock(&self.clock.0).sleepers.remove(&self.id);
    }
}

/// Runs each task to its end before `spawn` returns. A task that waits for what only its spawner
/// would do next never ends: such a test wants [`ThreadSpawner`].
#[derive(Clone, Copy, Debug, Default)]
pub struct InlineSpawner;

impl Spawner for InlineSpawner {
    fn spawn(&self, _name: &'static str, task: Task) {
        block_on(task);
    }
}

/// Runs each task on a thread of its own. A clone starts threads for the same [`join`].
///
/// [`join`]: ThreadSpawner::join
#[derive(Clone, Debug, Default)]
pub struct ThreadSpawner(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl ThreadSpawner {
    /// A spawner without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until every task has ended, those started meanwhile too.
    ///
    /// # Panics
    /// When a task panicked.
    pub fn join(&self) {
        while let Some(handle) = { lock(&self.0).pop() } {
            if let Err(panic) = handle.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Spawner for ThreadSpawner {
    fn spawn(&self, name: &'static str, task: Task) {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(|| block_on(task));
        match thread {
            Ok(handle) => lock(&self.0).push(handle),
            Err(error) => panic!("no thread for {name}: {error}"),
        }
    }
}

/// Ids that count from one: the same test gives the same ids. A clone goes on counting.
#[derive(Clone, Debug, Default)]
pub struct CountingIds(Arc<AtomicU64>);

impl CountingIds {
    /// Starts at one.
    pub fn new() -> Self {
        Self::default()
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

impl IdSource for CountingIds {
    fn fresh(&self) -> Uuid {
        // Version 7 and the RFC's variant, at time zero, so that readers of ids accept them.
        let count = u128::from(self.next()) & ((1 << 62) - 1);
        Uuid::from_u128((7 << 76) | (2 << 62) | count)
    }

    fn secret(&self) -> [u8; 16] {
        u128::from(self.next()).to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_wakes_when_its_time_comes() {
        let clock = TestClock::at(Timestamp::utc(0));
        let (spawner, sleeper) = (ThreadSpawner::new(), clock.clone());
        spawner
            .spawn("sleeper", Box::pin(async move { sleeper.sleep(Duration::from_secs(5)).await }));
        while clock.next_wake().is_none() {
            thread::yield_now();
        }
        assert_eq!(clock.next_wake(), Some(Duration::from_secs(5)));
        clock.advance(Duration::from_secs(4));
        assert_eq!(clock.next_wake(), Some(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        spawner.join();
        assert_eq!(clock.next_wake(), None);
        assert_eq!(clock.ticks(), Duration::from_secs(5));
    }

    #[test]
    fn a_dropped_sleep_is_forgotten_and_a_jump_wakes_nobody() {
        let clock = TestClock::at(Timestamp::utc(0));
        let mut sleep = clock.sleep(Duration::from_secs(5));
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.jump(Timestamp::utc(60_000));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        drop(sleep);
        assert_eq!(clock.next_wake(), None);
    }

    #[test]
    fn ids_count_and_look_like_version_7() {
        let ids = CountingIds::new();
        let (first, second) = (ids.fresh(), ids.fresh());
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
        assert_ne!(ids.secret(), ids.secret());
    }

    #[test]
    fn an_inline_task_has_ended_when_spawn_returns() {
        let ended = Arc::new(AtomicU64::new(0));
        let task = Arc::clone(&ended);
        InlineSpawner.spawn(
            "inline",
            Box::pin(async move {
                task.store(1, Ordering::SeqCst);
            }),
        );
        assert_eq!(ended.load(Ordering::SeqCst), 1);
    }
}
