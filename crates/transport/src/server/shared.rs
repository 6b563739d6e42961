//! What the wire guard, the gate before the service and the crowd know of one connection together.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicUsize, Ordering};

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

/// What a connection waits for whose requests are all answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Phase {
    /// No byte of the next request has come.
    Idle,
    /// Some of the head is here.
    Head,
    /// There will be no next request, or the last one has more to come.
    None,
}

/// The state of one connection.
///
/// What the guard and the gate count is written by the connection's task alone; others only look.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// All heads that were released so far.
    heads: AtomicUsize,
    /// How many of them hyper has found.
    met: AtomicUsize,
    /// How many of them are answered.
    answers: AtomicUsize,
    /// What the last head is refused with; 0 while none was. None comes after it.
    refusal: AtomicU16,
    /// A [`Phase`].
    phase: AtomicU8,
    /// The time of the present phase is over.
    overdue: AtomicBool,
    /// The last head announced a body that is not whole yet.
    body_due: AtomicBool,
    /// The peer has not taken yet what was written.
    writing: AtomicBool,
    stopping: AtomicBool,
    asked_to_go: AtomicBool,
    cut: AtomicBool,
    /// Wakes the connection's task to look at the three above.
    told: Notify,
}

impl Shared {
    pub(super) fn released(&self, verdict: Verdict) {
        if let Verdict::Refuse(status) = verdict {
            self.refusal.store(status.as_u16(), Ordering::Release);
        }
        add_one(&self.heads);
    }

    /// The verdict over the next head. `None`: hyper found a head where the guard saw none.
    pub(super) fn next_verdict(&self) -> Option<Verdict> {
        let (met, heads) = (self.met.load(Ordering::Acquire), self.heads());
        if met >= heads {
            return None;
        }
        add_one(&self.met);
        let refusal = self.refusal.load(Ordering::Acquire);
        // A refusal is the last word.
        let refused = met.saturating_add(1) == heads && refusal != 0;
        let status = StatusCode::from_u16(refusal).ok().filter(|_| refused);
        Some(status.map_or(Verdict::Pass, Verdict::Refuse))
    }

    /// The answer to one request is handed over to hyper whole.
    pub(super) fn answered(&self) {
        // A head that the guard did not see is not counted in, so its answer is not either.
        if self.answers() < self.heads() {
            add_one(&self.answers);
        }
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Which clock runs now. While a request is with the service, its body or its answer on the
    /// way, none does: bodies and writes have clocks of their own.
    pub(super) fn phase(&self) -> Phase {
        if self.is_busy() {
            return Phase::None;
        }
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::None,
        }
    }

    pub(super) fn set_overdue(&self, overdue: bool) {
        self.overdue.store(overdue, Ordering::Release);
    }

    /// The phase whose end has come, if it has: because its time is over, or because the
    /// connection was told so.
    pub(super) fn phase_to_end(&self) -> Option<Phase> {
        let over = self.overdue.load(Ordering::Acquire);
        match self.phase() {
            Phase::Idle if over || self.is_stopping() => Some(Phase::Idle),
            Phase::Head if over || self.is_asked_to_go() => Some(Phase::Head),
            _ => None,
        }
    }

    pub(super) fn set_body_due(&self, due: bool) {
        self.body_due.store(due, Ordering::Relaxed);
    }

    pub(super) fn set_writing(&self, writing: bool) {
        if self.writing.load(Ordering::Relaxed) != writing {
            self.writing.store(writing, Ordering::Release);
        }
    }

    /// Whether a request has been released and not been answered, to the last byte, yet.
    pub(super) fn is_busy(&self) -> bool {
        self.heads() > self.answers() || self.writing.load(Ordering::Acquire)
    }

    /// How many requests have come so far.
    pub(super) fn heads(&self) -> usize {
        self.heads.load(Ordering::Acquire)
    }

    /// How many answers hyper has whole.
    pub(super) fn answers(&self) -> usize {
        self.answers.load(Ordering::Acquire)
    }

    /// How many requests have come, and what is waited for now.
    pub(super) fn found(&self) -> (usize, Option<Wait>) {
        let heads = self.heads();
        let wait = if self.writing.load(Ordering::Acquire) {
            Some(Wait::Reader)
        } else if heads > self.answers() {
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
}

/// Of a number that one task writes.
fn add_one(number: &AtomicUsize) {
    number.store(number.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
}
