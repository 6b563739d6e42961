//! Callers on threads of their own, who ask a store and note when they asked and were told.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::thread;

use tillway_core::port::{CommitError, Store};

use crate::histories::call::Came;
use crate::histories::history::{Event, History};
use crate::histories::plan::{Plan, Planned};
use crate::runtime::block_on;

impl Plan {
    /// Makes the guests known to an empty store.
    ///
    /// # Errors
    /// When the store does not take them.
    pub fn set_up(&self, store: &dyn Store) -> Result<(), CommitError> {
        self.setup().try_for_each(|commit| block_on(store.commit(commit)).map(drop))
    }

    /// Asks everything of a store that knows the guests, each caller on a thread of its own; the
    /// first call of all callers is made at once, then the second, and so on.
    pub fn record(&self, store: &Arc<dyn Store>) -> History {
        let events = Mutex::new(Vec::new());
        self.make(store, |event| {
            events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        });
        self.history(events.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// As [`Plan::record`], and tells each event when it happens: the beginning of a call before
    /// the call, so that nothing can happen that was not told.
    pub fn make(&self, store: &Arc<dyn Store>, tell: impl Fn(Event) + Sync) {
        let (clock, round) = (AtomicU64::new(0), Barrier::new(self.callers.len()));
        let tick = || clock.fetch_add(1, Ordering::SeqCst);
        thread::scope(|scope| {
            for (caller, calls) in self.callers.iter().enumerate() {
                let (tell, tick, round) = (&tell, &tick, &round);
                scope.spawn(move || {
                    let mut panicked = None;
                    for (nth, Planned { call, turns, .. }) in calls.iter().enumerate() {
                        round.wait();
                        tell(Event { caller, nth, tick: tick(), came: None });
                        (0..*turns).for_each(|_| thread::yield_now());
                        // One who panicked goes on, or the others would wait for ever.
                        let came =
                            catch_unwind(AssertUnwindSafe(|| block_on(call.make(store.as_ref()))));
                        let came = came.unwrap_or_else(|panic| {
                            panicked = Some(panic);
                            Came::InDoubt
                        });
                        tell(Event { caller, nth, tick: tick(), came: Some(came) });
                    }
                    if let Some(panic) = panicked {
                        resume_unwind(panic);
                    }
                });
            }
        });
    }
}
