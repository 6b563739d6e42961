//! Messages on their way: one at a time, each with a bounded wait.

use core::future::Future;
use core::time::Duration;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::{Either, select};
use futures::pin_mut;
use tillway_core::flow::purchase::{Due, PurchaseCommand};
use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Class, Outcome, Refusal, Sealed};

use super::private::Private;
use super::stream::Entry;
use super::{LINK_BACKOFF, Loyalty, Reason, ResendId, Without};

/// How many messages of one purchase are sent in a row: what was reserved, told anew, confirmed.
const ROW_MAX: u32 = 8;

/// A call of the till, as long as it lasts: the queue makes way.
struct Caller<'a>(&'a AtomicU32);

impl<'a> Caller<'a> {
    fn new(callers: &'a AtomicU32) -> Self {
        callers.fetch_add(1, Ordering::AcqRel);
        Self(callers)
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What a row of messages came to.
#[derive(Debug, Default)]
pub(super) struct Pushed {
    pub(super) sent: u32,
    /// The last thing that was not done, and why.
    pub(super) failed: Option<Without>,
}

impl Loyalty {
    /// A call of the till: in its turn, within the time that a call may take.
    pub(super) async fn call<T>(
        &self,
        work: impl Future<Output = Result<T, Without>>,
    ) -> Result<T, Without> {
        let _caller = Caller::new(&self.callers);
        let in_turn = async {
            let _turn = self.turn.lock().await;
            work.await
        };
        let sleep = self.clock.sleep(self.config.call_max);
        pin_mut!(in_turn);
        match select(in_turn, sleep).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Without::because(Reason::Slow)),
        }
    }

    /// Whether a call of the till waits or runs.
    pub(super) fn is_called(&self) -> bool {
        self.callers.load(Ordering::Acquire) > 0
    }

    /// The till is at a sale, or is done with it.
    pub(super) fn busy(&self, with_a_sale: bool) {
        let rest = if with_a_sale { self.config.rest } else { Duration::ZERO };
        let until = self.clock.ticks().saturating_add(rest);
        self.link().busy_until = until;
    }

    /// Why nothing is sent now.
    pub(super) fn shut(&self) -> Option<Without> {
        let now = self.clock.ticks();
        let link = self.link();
        (link.failures > 0 && now < link.shut_until).then(|| Without::because(Reason::Offline))
    }

    /// Sends a message, and learns about the link. An answer that a single purchase of the queue
    /// does not get says nothing about it.
    pub(super) async fn send(
        &self,
        sealed: &Sealed,
        private: &Private,
        from_queue: bool,
    ) -> Outcome {
        let (send, sleep) =
            (self.processing.send(sealed), self.clock.sleep(self.config.answer_max));
        let outcome = match select(send, sleep).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Outcome::InDoubt(Masked::new("no answer in time")),
        };
        let outcome = private.hidden(outcome);
        let now = self.clock.ticks();
        let mut link = self.link();
        match &outcome {
            Outcome::Done(_) | Outcome::Refused(_) => link.failures = 0,
            Outcome::InDoubt(_) if from_queue => {}
            Outcome::Unreached(_) | Outcome::InDoubt(_) => {
                let nth = usize::try_from(link.failures).unwrap_or(usize::MAX);
                let wait = LINK_BACKOFF.get(nth).or(LINK_BACKOFF.last()).copied();
                link.shut_until = now.saturating_add(wait.unwrap_or_default());
                link.failures = link.failures.saturating_add(1);
            }
        }
        outcome
    }

    /// Sends what is due of a purchase, in its order. `fresh` was written by this very call.
    pub(super) async fn push(
        &self,
        entry: &mut Entry,
        mut fresh: Option<Uuid>,
        (from_queue, cashier): (bool, Option<&str>),
    ) -> Result<Pushed, Without> {
        let mut pushed = Pushed::default();
        for _ in 0..ROW_MAX {
            if let Some(why) = self.shut() {
                pushed.failed = Some(why);
                break;
            }
            let message = match entry.flow.due(self.clock.now()) {
                Due::Send(message) => message.clone(),
                Due::Anew(count) => {
                    let ids = (0..count).map(|_| self.ids.fresh()).collect();
                    self.ask(entry, vec![PurchaseCommand::Renew(ids)]).await?;
                    continue;
                }
                _ => break,
            };
            let first = fresh.take() == Some(message.id);
            let mut message = message;
            if !first && self.config.resend == ResendId::Fresh {
                let id = self.ids.fresh();
                self.ask(entry, vec![PurchaseCommand::Renew(vec![id])]).await?;
                message.id = id;
            }
            let outcome = match self.sealed(entry.stream.id, &message) {
                Some(sealed) => {
                    let private = self.private(entry, &message);
                    self.send(&sealed, &private, from_queue).await
                }
                None => unreadable(),
            };
            pushed.sent = pushed.sent.saturating_add(1);
            pushed.failed = failure(&outcome);
            self.answered(entry, message.id, first, outcome, cashier).await?;
            if from_queue && self.is_called() {
                break;
            }
        }
        Ok(pushed)
    }
}

/// Why something was not done.
pub(super) fn failure(outcome: &Outcome) -> Option<Without> {
    let (reason, said) = match outcome {
        Outcome::Done(_) => return None,
        Outcome::Refused(refusal) => (Reason::Refused(refusal.class), &refusal.text),
        Outcome::Unreached(why) => (Reason::Offline, why),
        Outcome::InDoubt(why) => (Reason::NoAnswer, why),
    };
    Some(Without { reason, said: Some(said.clone()) })
}

/// Its key is gone: a person is told.
fn unreadable() -> Outcome {
    let text = Masked::new("the stored message cannot be read: its key is gone");
    Outcome::Refused(Refusal { class: Class::Malformed, code: "".into(), text })
}
