//! Who is told of every answer.

use core::fmt::Debug;
use core::time::Duration;

use http::StatusCode;

/// Is told of every answer of a [`WaiterService`](crate::WaiterService): for metrics.
///
/// It is called before the answer leaves, so it must be quick and must not wait. A call that is
/// dropped, because the peer is gone, is not told of; nor is what the server loop answers before
/// the service is asked.
pub trait Observer: Debug + Send + Sync + 'static {
    /// A request was answered.
    fn answered(&self, answered: &Answered);
}

/// An answer, in words that have few values each: they may be labels of metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answered {
    /// The `operationId` of `docs/api`. `None` for a path or a method that no operation has, and
    /// for a peer that is not let in.
    pub operation: Option<&'static str>,
    /// Its status.
    pub status: StatusCode,
    /// Why it was refused, when it was: the code of an error, or of a text for the waiter.
    pub code: Option<&'static str>,
    /// How long it was waited for, by the clock of the service. `None` when the answer was there at
    /// once, as to a ping.
    pub took: Option<Duration>,
}
