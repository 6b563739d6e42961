//! The register while one call has it: what is asked and written, one command after the other.

use core::time::Duration;

use async_trait::async_trait;
use tillway_core::fiscal::{Receipt, Registered};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{
    Attempt, Cause, Fiscal, FiscalOutcome, Found, RegisterError, ShiftState,
};
use tracing::warn;

use super::config::NativeConfig;
use super::device::{Closed, Closing, Device};
use super::error::Failure;
use super::lane::{Lost, Turn};
use super::receipt;
use crate::ask::{self, Asks};
use crate::code::Way;
use crate::task::{self, Context, Query};

/// How often a document is asked for whose reading was interrupted (ATOL note 8).
const READS_MAX: usize = 3;
/// How long the register is left alone before.
const READ_PAUSE: Duration = Duration::from_millis(300);
/// Reading a document was interrupted: nothing is wrong with it.
const READ_INTERRUPTED: i32 = 178;

/// The right to use the register, and how long one may wait for it.
pub(super) struct Seat<'a> {
    pub(super) turn: Turn<'a, Device>,
    pub(super) config: &'a NativeConfig,
}

#[async_trait]
impl Asks for Seat<'_> {
    async fn ask(&self, query: Query) -> Result<Box<str>, RegisterError> {
        let mut answer = self.run(move |device| device.ask(query)).await;
        for _ in 1..READS_MAX {
            match &answer {
                Err(error) if error.code == Some(READ_INTERRUPTED) => {}
                _ => break,
            }
            self.turn.pause(READ_PAUSE).await;
            answer = self.run(move |device| device.ask(query)).await;
        }
        answer.map(String::into_boxed_str)
    }

    async fn is_at_rest(&self) -> Result<bool, RegisterError> {
        self.run(Device::at_rest).await
    }
}

impl Seat<'_> {
    /// Does something that may be repeated.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Device) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, RegisterError> {
        let done = self.turn.run(self.config.wait_call, job).await;
        done.map_err(lost)?.map_err(|failure| failure.error)
    }

    /// A receipt would open a closed shift by itself (trap A), and be refused in an expired one:
    /// neither is sent. The question also finds a link that was lost meanwhile.
    pub(super) async fn refuse_by_shift(&self, what: &Fiscal) -> Result<(), RegisterError> {
        let state = ask::shift(self).await?.state;
        let cause = match (what, state) {
            (Fiscal::Receipt(_), ShiftState::Closed) => Cause::ShiftClosed,
            (Fiscal::Receipt(_), ShiftState::Expired) => Cause::ShiftExpired,
            _ => return Ok(()),
        };
        Err(RegisterError::new(cause, ""))
    }

    /// Writes a document by one JSON task.
    pub(super) async fn send(
        &self,
        attempt: &Attempt,
        what: &Fiscal,
        task: String,
    ) -> FiscalOutcome {
        let job = move |device: &mut Device| device.send(&task);
        let json = match self.turn.run(self.config.wait_call, job).await {
            Err(why) => return no_answer(why),
            Ok(Err(failure)) => return failed(failure, Way::Json),
            Ok(Ok(json)) => json,
        };
        match task::registered(task::kind(what), &json) {
            Ok(document) if is_ours(&document, attempt, what) => {
                FiscalOutcome::Written(Box::new(document))
            }
            Ok(document) => FiscalOutcome::InDoubt(RegisterError::new(
                Cause::Unknown,
                format!("the driver tells of document {}, which is not ours", document.number),
            )),
            Err(bad) => FiscalOutcome::InDoubt(bad.into()),
        }
    }

    /// Opens a receipt and registers its lines.
    pub(super) async fn begin(
        &self,
        attempt: Uuid,
        receipt: &Receipt,
        context: &Context,
    ) -> Result<Result<(), Failure>, Lost> {
        let (receipt, context) = (receipt.clone(), context.clone());
        let job = move |device: &mut Device| device.begin(attempt, receipt, &context);
        self.turn.run(self.config.wait_call, job).await
    }

    /// Writes a receipt by single commands.
    pub(super) async fn sell(
        &self,
        attempt: &Attempt,
        receipt: &Receipt,
        context: &Context,
    ) -> FiscalOutcome {
        let (id, whole, with) = (attempt.id, receipt.clone(), context.clone());
        let job = move |device: &mut Device| device.sell(id, whole, &with);
        let closing = self.turn.run(self.config.wait_call, job).await;
        self.settle(closing, attempt, receipt, context).await
    }

    /// Pays the open receipt, closes it, and finds out what became of it.
    pub(super) async fn close(
        &self,
        attempt: &Attempt,
        receipt: &Receipt,
        context: &Context,
    ) -> FiscalOutcome {
        let paid = receipt.paid.clone();
        let job = move |device: &mut Device| device.close(&paid);
        let closing = self.turn.run(self.config.wait_call, job).await;
        self.settle(closing, attempt, receipt, context).await
    }

    async fn settle(
        &self,
        closing: Result<Closing, Lost>,
        attempt: &Attempt,
        receipt: &Receipt,
        context: &Context,
    ) -> FiscalOutcome {
        let sent = match closing {
            Err(why) => return no_answer(why),
            Ok(Closing::Annulled(failure)) => return FiscalOutcome::NotWritten(failure.error),
            Ok(Closing::Sent(sent)) => sent,
        };
        let what = Fiscal::Receipt(Box::new(receipt.clone()));
        let closed = match self.closed().await {
            Ok(closed) => closed,
            Err(error) => return FiscalOutcome::InDoubt(sent.err().map_or(error, |f| f.error)),
        };
        let error = match sent {
            Ok(()) => RegisterError::new(Cause::Unknown, "the receipt was closed and is not found"),
            Err(failure) if !closed.closed && !failure.may_be_written(Way::LowLevel) => {
                return self.give_up(failure).await;
            }
            Err(failure) => failure.error,
        };
        match self.find(attempt, &what, context).await {
            Found::Written(document) => {
                let document = Registered { unprinted: !closed.printed, ..*document };
                self.print_notes(receipt, &document).await;
                FiscalOutcome::Written(Box::new(document))
            }
            Found::NotWritten if !closed.closed => FiscalOutcome::NotWritten(error),
            _ => FiscalOutcome::InDoubt(error),
        }
    }

    /// The register refused to close the receipt and says so: it is annulled.
    async fn give_up(&self, failure: Failure) -> FiscalOutcome {
        match self.run(Device::annul).await {
            // Without a link it stays open, and is annulled as soon as there is one.
            Ok(()) | Err(RegisterError { cause: Cause::Link, .. }) => {
                FiscalOutcome::NotWritten(failure.error)
            }
            Err(error) => FiscalOutcome::InDoubt(error),
        }
    }

    /// Asks until the register says what became of the close, a few times.
    async fn closed(&self) -> Result<Closed, RegisterError> {
        let mut answer = self.run(Device::closed).await;
        for _ in 1..self.config.ask_closed {
            match answer {
                Err(RegisterError { cause: Cause::Link, .. }) => {}
                answer => return answer,
            }
            self.turn.pause(self.config.ask_pause).await;
            answer = self.run(Device::closed).await;
        }
        answer
    }

    /// Looks for a document in the memory.
    pub(super) async fn find(&self, attempt: &Attempt, what: &Fiscal, context: &Context) -> Found {
        match ask::walk(self, attempt, what, context).await {
            Found::Written(document) => {
                let unprinted = self.is_unprinted(&document).await;
                Found::Written(Box::new(Registered { unprinted, ..*document }))
            }
            found => found,
        }
    }

    /// Only of the last document the register knows whether its paper is finished.
    async fn is_unprinted(&self, document: &Registered) -> bool {
        let last = self.ask(Query::Last).await.map(|json| task::last(&json));
        if last != Ok(Ok(document.number)) {
            return false;
        }
        let status = self.ask(Query::Status).await.map(|json| task::status(&json));
        let blocked = matches!(status, Ok(Ok(status)) if status.blocked);
        blocked || self.run(Device::closed).await.is_ok_and(|closed| !closed.printed)
    }

    /// The text below a receipt is no part of it: what goes wrong here is told and forgotten.
    async fn print_notes(&self, receipt: &Receipt, document: &Registered) {
        let Some(slip) = receipt::notes(receipt).filter(|_| !document.unprinted) else { return };
        let Ok(tasks) = task::slip(&slip) else { return };
        for task in tasks {
            if let Err(error) = self.run(move |device| device.send(&task)).await {
                warn!(%error, document = document.number, "the text below a receipt is not printed");
                return;
            }
        }
    }
}

fn failed(failure: Failure, way: Way) -> FiscalOutcome {
    match failure.may_be_written(way) {
        true => FiscalOutcome::InDoubt(failure.error),
        false => FiscalOutcome::NotWritten(failure.error),
    }
}

fn no_answer(why: Lost) -> FiscalOutcome {
    match why {
        Lost::Busy | Lost::Ended => FiscalOutcome::NotWritten(lost(why)),
        Lost::Unknown => FiscalOutcome::InDoubt(lost(why)),
    }
}

pub(super) fn lost(why: Lost) -> RegisterError {
    match why {
        Lost::Busy => RegisterError::new(Cause::Busy, "the driver is at work"),
        Lost::Ended => RegisterError::new(Cause::Service, "the device thread has ended"),
        Lost::Unknown => RegisterError::new(Cause::Link, "the driver does not answer"),
    }
}

/// What the driver tells may be it: later than the mark, in the same memory, over our total.
fn is_ours(document: &Registered, attempt: &Attempt, what: &Fiscal) -> bool {
    let same_memory = document.memory.as_ref().is_none_or(|it| *it == attempt.before.memory);
    let same_total = match what {
        Fiscal::Receipt(receipt) => document.total == receipt.total().ok(),
        _ => true,
    };
    document.number > attempt.before.last && same_memory && same_total
}

#[cfg(test)]
mod tests {
    use tillway_core::fiscal::{DocumentKind, Mark, ReceiptKind};
    use tillway_core::{Kopecks, Timestamp};

    use super::super::probe::smallest;
    use super::*;

    #[test]
    fn what_the_driver_tells_is_held_against_what_was_asked() {
        let before = Mark { memory: "1".into(), last: 7, at: Timestamp::utc(0), operations: None };
        let attempt = Attempt { id: Uuid::from_u128(1), before };
        let what = Fiscal::Receipt(Box::new(smallest(tillway_core::fiscal::VatRate::None)));
        let kind = DocumentKind::Receipt(ReceiptKind::Sell);
        let ours = Registered {
            memory: Some("1".into()),
            total: Some(Kopecks(100)),
            ..Registered::new(kind, 8)
        };
        assert!(is_ours(&ours, &attempt, &what));
        assert!(is_ours(&Registered { memory: None, ..ours.clone() }, &attempt, &what));
        let others = [
            Registered { number: 7, ..ours.clone() },
            Registered { memory: Some("2".into()), ..ours.clone() },
            Registered { total: Some(Kopecks(101)), ..ours.clone() },
            Registered { total: None, ..ours },
        ];
        for other in others {
            assert!(!is_ours(&other, &attempt, &what), "{other:?}");
        }
        let shift = Registered::new(DocumentKind::OpenShift, 8);
        assert!(is_ours(&shift, &attempt, &Fiscal::OpenShift(None)));
    }
}
