//! Waiting with a bound.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;

use futures::future::{Either, select};
use tillway_core::port::Clock;

/// The future's output, or `None` when `most` passes first. The future is then dropped.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    most: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), clock.sleep(most)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
