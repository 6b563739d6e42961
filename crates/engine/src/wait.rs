//! Waiting with a bound.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use tillway_core::port::Clock;

/// The future's output, or `None` when `most` passes first. The future is then dropped.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    most: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    // What is done at once needs no timer.
    let mut over = None;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            let over = over.get_or_insert_with(|| clock.sleep(most));
            over.as_mut().poll(context).map(|()| None)
        }
    })
    .await
}

/// Lets everybody else have a turn: a store that works inside its caller would never wait.
pub(crate) async fn breathe() {
    let mut waited = false;
    poll_fn(|context| {
        if core::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
