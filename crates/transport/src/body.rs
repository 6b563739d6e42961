//! Bodies with limits: the request body of our server loop, and reading any body whole.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use http_body_util::LengthLimitError;
use hyper::body::Incoming;
use hyper::rt::Sleep;

use crate::runtime::Runtime;
use crate::server::Shared;

/// Any error, as hyper and tower pass it on.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a body could not be read whole.
///
/// After any of these the connection cannot be used again: answer with [`BodyError::status`];
/// our server loop adds `Connection: close`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More than the limit came or was announced. Answer 413.
    #[error("the body is larger than {max} bytes")]
    TooLarge {
        /// The limit in bytes.
        max: usize,
    },
    /// The body was not whole in time, or others waited for the connection's place meanwhile.
    /// Answer 408.
    #[error("the body was not whole within {} ms, or too many others waited", after.as_millis())]
    TimedOut {
        /// The limit.
        after: Duration,
    },
    /// The peer broke off or framed the body wrongly. Answer 400; mostly nobody reads it.
    #[error("the body broke off")]
    Broken(#[source] BoxError),
}

impl BodyError {
    /// The status to answer with: 413, 408 or 400.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a body whole, at most `bytes_max` bytes of it.
///
/// Works with the [`RequestBody`] of our loop (which also keeps the time), with hyper's
/// `Incoming` and with the boxed bodies of frameworks. A body that announces more than the limit
/// is refused before it is asked for, so that a peer waiting for `100 Continue` never sends it.
///
/// # Errors
/// [`BodyError`]; answer with its [`status`](BodyError::status).
pub async fn read_body<B>(body: B, bytes_max: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let announced = body.size_hint().lower();
    if usize::try_from(announced).map_or(true, |bytes| bytes > bytes_max) {
        return Err(BodyError::TooLarge { max: bytes_max });
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|error| translate(error.into(), bytes_max))?.into_data()
        else {
            continue;
        };
        if first.len() + whole.len() + data.len() > bytes_max {
            return Err(BodyError::TooLarge { max: bytes_max });
        }
        // Most bodies come in one piece, which then is not copied.
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Finds our own error again under the boxes of a framework.
fn translate(error: BoxError, bytes_max: usize) -> BodyError {
    let error = match error.downcast::<BodyError>() {
        Ok(ours) => return *ours,
        Err(foreign) => foreign,
    };
    let mut link: Option<&(dyn StdError + 'static)> = Some(&*error);
    while let Some(cause) = link {
        match cause.downcast_ref::<BodyError>() {
            Some(BodyError::TooLarge { max }) => return BodyError::TooLarge { max: *max },
            Some(BodyError::TimedOut { after }) => return BodyError::TimedOut { after: *after },
            _ if cause.is::<LengthLimitError>() => return BodyError::TooLarge { max: bytes_max },
            _ => link = cause.source(),
        }
    }
    BodyError::Broken(error)
}

/// The body of a request that came through our server loop: limited in size and time.
///
/// The size limit is the server's `body_bytes_max`; the time limit, `body_read_timeout`, runs
/// from the first time the body is asked for to its last byte. `100 Continue` goes out when the
/// body is asked for. What a service leaves unread is read and dropped for it, within the same
/// limits, so that the connection can go on.
pub struct RequestBody {
    /// `None` when there is no body, and while dropping. Boxed, because most requests have none,
    /// and are moved from hand to hand.
    parts: Option<Box<Parts>>,
    /// `None` when there is no body.
    slot: Option<Arc<Slot>>,
}

struct Parts {
    incoming: Incoming,
    runtime: Runtime,
    bytes_max: usize,
    read_timeout: Duration,
    connection: Arc<Shared>,
    taken: usize,
    clock: Option<Pin<Box<dyn Sleep>>>,
    failed: bool,
}

/// Where a body goes when the service lets go of it.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Box<Parts>>>);

impl RequestBody {
    /// Wraps a body; the slot tells afterwards what became of it.
    pub(crate) fn new(
        incoming: Incoming,
        runtime: Runtime,
        bytes_max: usize,
        read_timeout: Duration,
        connection: Arc<Shared>,
    ) -> (Self, Arc<Slot>) {
        let slot = Arc::new(Slot::default());
        let parts = Parts {
            incoming,
            runtime,
            bytes_max,
            read_timeout,
            connection,
            taken: 0,
            clock: None,
            failed: false,
        };
        (Self { parts: Some(Box::new(parts)), slot: Some(Arc::clone(&slot)) }, slot)
    }

    /// The body of a request that has none.
    pub(crate) fn empty() -> Self {
        Self { parts: None, slot: None }
    }
}

impl Slot {
    /// Reads what the service left. Answers whether the connection may be used again.
    ///
    /// `announced_only`: the peer waits for `100 Continue`, so an untouched body stays unasked.
    pub(crate) fn poll_finish(&self, announced_only: bool, cx: &mut Context<'_>) -> Poll<bool> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The service still holds the body: nobody knows when it will be read.
        let Some(parts) = &mut *left else { return Poll::Ready(false) };
        let whole = ready!(parts.poll_end(announced_only, cx));
        *left = None;
        Poll::Ready(whole)
    }
}

impl Parts {
    /// Reads and forgets. Answers whether that went well to the end.
    fn poll_end(&mut self, announced_only: bool, cx: &mut Context<'_>) -> Poll<bool> {
        if self.incoming.is_end_stream() {
            return Poll::Ready(true);
        }
        if self.failed || announced_only && self.clock.is_none() {
            return Poll::Ready(false);
        }
        loop {
            match ready!(self.poll(cx)) {
                None => return Poll::Ready(true),
                Some(Ok(_)) => {}
                Some(Err(_)) => return Poll::Ready(false),
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll_limited(cx);
        if let Poll::Ready(Some(Err(_))) = polled {
            self.failed = true;
        }
        polled
    }

    fn poll_limited(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let after = self.read_timeout;
        let clock = self.clock.get_or_insert_with(|| self.runtime.sleep(after));
        if clock.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(BodyError::TimedOut { after })));
        }
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        // Others wait for the place, and this peer keeps all of us waiting.
        if polled.is_pending() && self.connection.is_asked_to_go() {
            return Poll::Ready(Some(Err(BodyError::TimedOut { after })));
        }
        let Some(frame) = ready!(polled) else { return Poll::Ready(None) };
        let frame = frame.map_err(|error| BodyError::Broken(error.into()))?;
        self.taken = self.taken.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if self.taken > self.bytes_max {
            return Poll::Ready(Some(Err(BodyError::TooLarge { max: self.bytes_max })));
        }
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.parts {
            Some(parts) if !parts.failed => parts.poll(cx),
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let none = || SizeHint::with_exact(0);
        self.parts.as_ref().map_or_else(none, |parts| parts.incoming.size_hint())
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = self.parts.take();
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}
