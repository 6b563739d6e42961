//! The clock of a connection that waits for its peer's next request, or for the rest of its head.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use hyper::rt::Sleep;

use super::ServerConfig;
use super::shared::{Phase, Shared};
use crate::runtime::Runtime;

/// Knows when the time of the present phase is over.
///
/// Nearly every request begins a phase that ends long before its time. So a phase only notes when
/// that is. The one timer that runs stays as it is when it fires no later, and is set anew when it
/// has fired too early.
pub(super) struct ReadClock {
    runtime: Runtime,
    config: Arc<ServerConfig>,
    /// The peer may not talk to us.
    stranger: bool,
    /// The present phase, with the number of heads before it, and when its time is over.
    phase: (usize, Phase),
    due: Option<Instant>,
    timer: Option<Timer>,
}

struct Timer {
    at: Instant,
    sleep: Pin<Box<dyn Sleep>>,
    /// Whom it wakes.
    waker: Waker,
}

impl ReadClock {
    pub(super) fn new(runtime: Runtime, config: Arc<ServerConfig>, stranger: bool) -> Self {
        Self { runtime, config, stranger, phase: (0, Phase::None), due: None, timer: None }
    }

    /// Ready when the time of the present phase is over; looks for a new phase first.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<()> {
        let phase = (shared.heads(), shared.phase());
        let Some(patience) = self.patience(phase.1) else {
            (self.phase, self.due) = (phase, None);
            return Poll::Pending;
        };
        let now = self.runtime.now();
        if phase != self.phase {
            (self.phase, self.due) = (phase, now.checked_add(patience));
        }
        let Some(due) = self.due else { return Poll::Pending };
        ready!(self.poll_timer(cx, now, due));
        self.due = None;
        Poll::Ready(())
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, now: Instant, due: Instant) -> Poll<()> {
        loop {
            let timer = match &mut self.timer {
                Some(timer) if timer.at <= due => {
                    if now < timer.at && timer.waker.will_wake(cx.waker()) {
                        return Poll::Pending;
                    }
                    timer
                }
                Some(timer) => {
                    self.runtime.reset(&mut timer.sleep, due);
                    timer.at = due;
                    timer
                }
                None => {
                    let (sleep, waker) = (self.runtime.sleep_until(due), cx.waker().clone());
                    self.timer.insert(Timer { at: due, sleep, waker })
                }
            };
            timer.waker.clone_from(cx.waker());
            ready!(timer.sleep.as_mut().poll(cx));
            let over = timer.at >= due;
            self.timer = None;
            if over {
                return Poll::Ready(());
            }
        }
    }

    fn patience(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Idle if !self.stranger => Some(self.config.idle_timeout),
            // A peer that may not talk to us does not get to keep a connection.
            Phase::Idle | Phase::Head => Some(self.config.header_read_timeout),
            Phase::None => None,
        }
    }
}
