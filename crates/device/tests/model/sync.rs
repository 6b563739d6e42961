//! What the worker is made of, from a model checker: it runs all threads of a scene on one, and
//! switches between them wherever they could meet.
#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]

use shuttle::Runner;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic};
pub(crate) use shuttle::thread;

/// Schedules drawn at random, and as many again with few switches at the worst moments.
const SCHEDULES: usize = 10_000;

/// `SHUTTLE_RANDOM_SEED` takes another one.
const SEED: u64 = 7_710;

/// How many switches of the second kind there are.
const SWITCHES: usize = 3;

/// Runs a scene under many schedules. One that fails is printed, for `shuttle::replay`.
pub(crate) fn check(scene: impl Fn() + Copy + Send + Sync + 'static) {
    let random = RandomScheduler::new_from_seed(SEED, SCHEDULES);
    Runner::new(random, shuttle::Config::default()).run(scene);
    let worst = PctScheduler::new_from_seed(SEED, SWITCHES, SCHEDULES);
    Runner::new(worst, shuttle::Config::default()).run(scene);
}

/// A bounded channel as the standard library's: a receiver takes its messages with it.
pub(crate) mod mpsc {
    use std::time::Duration;

    pub(crate) use shuttle::sync::mpsc::{RecvError, RecvTimeoutError, TrySendError};
    use shuttle::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

    pub(crate) struct SyncSender<T>(mpsc::SyncSender<T>, Arc<Mutex<bool>>);

    pub(crate) struct Receiver<T>(mpsc::Receiver<T>, Arc<Mutex<bool>>);

    pub(crate) fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
        let (sender, receiver) = mpsc::sync_channel(bound);
        let gone = Arc::new(Mutex::new(false));
        (SyncSender(sender, Arc::clone(&gone)), Receiver(receiver, gone))
    }

    /// A panic in one of the scene's threads poisons what another holds: all are the same thread.
    fn lock(gone: &Mutex<bool>) -> MutexGuard<'_, bool> {
        gone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    impl<T> SyncSender<T> {
        pub(crate) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
            let gone = lock(&self.1);
            if *gone { Err(TrySendError::Disconnected(message)) } else { self.0.try_send(message) }
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn recv(&self) -> Result<T, RecvError> {
            self.0.recv()
        }

        pub(crate) fn recv_timeout(&self, most: Duration) -> Result<T, RecvTimeoutError> {
            self.0.recv_timeout(most)
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            let mut gone = lock(&self.1);
            *gone = true;
            let mut left = Vec::new();
            while let Ok(message) = self.0.try_recv() {
                left.push(message);
            }
            drop(gone);
        }
    }
}
