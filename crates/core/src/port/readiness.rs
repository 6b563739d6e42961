//! Whether somebody can work.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// Whether somebody can work: mostly that is known at once, and nothing needs to be waited for.
///
/// As a future it answers the same, for whoever does not mind. Dropping it asks no more.
#[must_use]
pub enum Readiness<E> {
    /// It is known; as true as if it were asked now.
    Known(Result<(), E>),
    /// It is being asked.
    Asked(Pin<Box<dyn Future<Output = Result<(), E>> + Send>>),
}

impl<E> Readiness<E> {
    /// Waits for this question.
    pub fn asked(question: impl Future<Output = Result<(), E>> + Send + 'static) -> Self {
        Self::Asked(Box::pin(question))
    }
}

impl<E: Clone + Unpin> Future for Readiness<E> {
    type Output = Result<(), E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Known(ready) => Poll::Ready(ready.clone()),
            Self::Asked(question) => question.as_mut().poll(cx),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Readiness<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(ready) => f.debug_tuple("Known").field(ready).finish(),
            Self::Asked(_) => f.write_str("Asked"),
        }
    }
}
