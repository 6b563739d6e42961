//! What the wire guard, the gate before the service and the crowd know of one connection together.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

use http::StatusCode;
use tokio::sync::Notify;

/// What is to be done with a request, said by the wire guard for each head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Pass,
    Refuse(StatusCode),
}

/// What a connection keeps us waiting for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wait {
    /// The whole head of its first request.
    First,
    /// The whole head of its next request.
    Next,
    /// The rest of a body.
    Body,
    /// Its taking of what is written.
    Reader,
}

/// The state of one connection.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    verdicts: Mutex<VecDeque<Verdict>>,
    in_flight: AtomicUsize,
    /// All heads that were released so far.
    heads: AtomicUsize,
    /// The last head announced a body that is not whole yet.
    body_due: AtomicBool,
    /// The peer has not taken yet what was written.
    writing: AtomicBool,
    stopping: AtomicBool,
    asked_to_go: AtomicBool,
    cut: AtomicBool,
    /// Wakes the connection's task when one of the three above is set from elsewhere.
    told: Notify,
    /// The connection's task, while no clock runs because a request does.
    reader: Mutex<Option<Waker>>,
}

impl Shared {
    pub(super) fn released(&self, verdict: Verdict) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        self.heads.fetch_add(1, Ordering::SeqCst);
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).push_back(verdict);
    }

    /// The verdict over the next head. `None`: hyper found a head where the guard saw none.
    pub(super) fn next_verdict(&self) -> Option<Verdict> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The answer to one request is handed over to hyper whole.
    pub(super) fn answered(&self) {
        // Saturates: a head the guard did not see is never counted in.
        let _ = self
            .in_flight
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
        // hyper does not read again by itself after it was told once that nothing is there, and
        // the clocks of the next request start with a read.
        if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.wake();
        }
    }

    pub(super) fn wake_when_answered(&self, waker: &Waker) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }

    pub(super) fn set_body_due(&self, due: bool) {
        self.body_due.store(due, Ordering::Relaxed);
    }

    pub(super) fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::SeqCst);
    }

    /// Whether a request has been released and not been answered, to the last byte, yet.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) > 0 || self.writing.load(Ordering::SeqCst)
    }

    /// How many requests have come so far.
    pub(super) fn heads(&self) -> usize {
        self.heads.load(Ordering::SeqCst)
    }

    /// How many answers hyper has whole.
    pub(super) fn answers(&self) -> usize {
        self.heads().saturating_sub(self.in_flight.load(Ordering::SeqCst))
    }

    /// How many requests have come, and what is waited for now.
    pub(super) fn found(&self) -> (usize, Option<Wait>) {
        let heads = self.heads();
        let wait = if self.writing.load(Ordering::SeqCst) {
            Some(Wait::Reader)
        } else if self.in_flight.load(Ordering::SeqCst) > 0 {
            self.body_due.load(Ordering::Relaxed).then_some(Wait::Body)
        } else if heads == 0 {
            Some(Wait::First)
        } else {
            Some(Wait::Next)
        };
        (heads, wait)
    }

    /// The connection ends as soon as it is idle.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.told.notify_one();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The connection ends as soon as its peer keeps us waiting.
    pub(super) fn ask_to_go(&self) {
        self.asked_to_go.store(true, Ordering::SeqCst);
        self.stop();
    }

    pub(crate) fn is_asked_to_go(&self) -> bool {
        self.asked_to_go.load(Ordering::SeqCst)
    }

    /// What runs is refused, and the connection ends.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.ask_to_go();
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Ready when the connection is to look again at what it was told.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    /// The work's end, or `None` when the connection is cut first.
    pub(super) async fn unless_cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|cx| match self.is_cut() {
            true => Poll::Ready(None),
            false => work.as_mut().poll(cx).map(Some),
        })
        .await
    }
}
