//! The long work of a running stand. A request over the control port starts it or asks how far it
//! is, and waits a second at most: nobody holds a connection for minutes, and who goes away and
//! comes back finds it going on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tillway::core::port::{Clock, Spawner};
use tokio::sync::watch;

use super::{Reply, Said};
use crate::failure::Failure;

/// How long a request waits for the end.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// What is told of a work that is not done.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Running {
    /// Which work; it is asked for by this.
    pub(crate) job: u64,
    /// How far it is.
    pub(crate) progress: String,
}

/// One work at a time. Dropping this ends it.
pub(crate) struct Jobs {
    last: Mutex<Option<Job>>,
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawner>,
    open: watch::Sender<()>,
}

#[derive(Clone)]
struct Job {
    number: u64,
    state: watch::Receiver<State>,
}

#[derive(Clone)]
enum State {
    Running(String),
    Done(Result<Reply, String>),
}

/// By this a work says how far it is.
#[derive(Clone)]
pub(crate) struct Teller(Arc<watch::Sender<State>>);

impl Teller {
    pub(crate) fn tell(&self, progress: String) {
        self.0.send_replace(State::Running(progress));
    }
}

impl Jobs {
    pub(crate) fn new(clock: Arc<dyn Clock>, spawner: Arc<dyn Spawner>) -> Self {
        let (open, _) = watch::channel(());
        Self { last: Mutex::default(), clock, spawner, open }
    }

    /// Starts a work, unless one runs.
    pub(crate) async fn start<W>(
        &self,
        work: impl FnOnce(Teller) -> W + Send,
    ) -> Result<Said, Failure>
    where
        W: Future<Output = Result<Reply, Failure>> + Send + 'static,
    {
        let (sender, state) = watch::channel(State::Running(String::new()));
        let number = self.begin(state)?;
        let done = Arc::new(sender);
        let work = work(Teller(Arc::clone(&done)));
        let mut open = self.open.subscribe();
        let task = async move {
            let result = tokio::select! {
                result = work => result.map_err(|failure| failure.to_string()),
                // The stand stops.
                _ = open.changed() => return,
            };
            done.send_replace(State::Done(result));
        };
        self.spawner.spawn("long work", Box::pin(task));
        self.wait(number).await
    }

    /// Waits for the end of a work, or says how far it is.
    pub(crate) async fn wait(&self, number: u64) -> Result<Said, Failure> {
        let job = self.job().filter(|job| job.number == number);
        let mut job = job.ok_or_else(|| Failure::new("the running stand knows of no such work"))?;
        let ended = tokio::select! {
            ended = job.state.wait_for(|state| matches!(state, State::Done(_))) => {
                ended.map(drop).is_err()
            }
            () = self.clock.sleep(WAIT_MAX) => false,
        };
        if ended {
            return Err(Failure::new("the running stand ended the work"));
        }
        let state = job.state.borrow().clone();
        match state {
            State::Done(Ok(reply)) => Ok(Said::Done(reply)),
            State::Done(Err(why)) => Err(Failure::new(why)),
            State::Running(progress) => Ok(Said::Running(Running { job: number, progress })),
        }
    }

    fn begin(&self, state: watch::Receiver<State>) -> Result<u64, Failure> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(Job::runs) {
            let text = "a check or a backup is running already; wait for its end";
            return Err(Failure::new(text));
        }
        let number = last.as_ref().map_or(1, |job| job.number.saturating_add(1));
        *last = Some(Job { number, state });
        Ok(number)
    }

    fn job(&self) -> Option<Job> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Job {
    fn runs(&self) -> bool {
        // Without a sender it ended without a word.
        matches!(*self.state.borrow(), State::Running(_)) && self.state.has_changed().is_ok()
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tillway::core::Timestamp;
    use tillway_testkit::runtime::{TestClock, ThreadSpawner, block_on};
    use tokio::sync::oneshot;

    use super::*;

    fn jobs() -> (Jobs, TestClock, ThreadSpawner) {
        let (clock, spawner) = (TestClock::at(Timestamp::utc(0)), ThreadSpawner::new());
        (Jobs::new(Arc::new(clock.clone()), Arc::new(spawner.clone())), clock, spawner)
    }

    fn reply(line: &str) -> Reply {
        Reply { lines: vec![line.to_owned()] }
    }

    /// Polls once, lets the second pass, and takes what is said.
    fn after_a_second<T>(clock: &TestClock, wait: impl Future<Output = T>) -> T {
        let mut wait = pin!(wait);
        let polled = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        clock.advance(WAIT_MAX);
        block_on(wait)
    }

    #[test]
    fn a_long_work_is_asked_for_until_it_is_done() {
        let (jobs, clock, spawner) = jobs();
        let (go, wait) = oneshot::channel();
        let work = |teller: Teller| {
            teller.tell("half".to_owned());
            async move { Ok(wait.await.unwrap()) }
        };
        let said = after_a_second(&clock, jobs.start(work)).unwrap();
        let Said::Running(Running { job: 1, progress }) = said else { panic!("runs") };
        assert_eq!(progress, "half");
        let second = block_on(jobs.start(|_| async { Ok(reply("second")) }));
        assert!(second.unwrap_err().to_string().contains("running already"));
        assert!(block_on(jobs.wait(2)).is_err());
        go.send(reply("done")).unwrap();
        // The answer stays for whoever comes late.
        for _ in 0..2 {
            let Said::Done(Reply { lines }) = block_on(jobs.wait(1)).unwrap() else { panic!() };
            assert_eq!(lines, ["done"]);
        }
        let failed = block_on(jobs.start(|_| async { Err(Failure::new("no")) }));
        assert_eq!(failed.unwrap_err().to_string(), "no");
        assert!(block_on(jobs.wait(1)).is_err());
        spawner.join();
    }

    #[test]
    fn a_stand_that_stops_ends_the_work() {
        let (jobs, clock, spawner) = jobs();
        let (held, gone) = oneshot::channel::<()>();
        let work = |_| async move {
            let _held = held;
            std::future::pending().await
        };
        assert!(after_a_second(&clock, jobs.start(work)).is_ok());
        drop(jobs);
        spawner.join();
        assert!(block_on(gone).is_err());
    }
}
