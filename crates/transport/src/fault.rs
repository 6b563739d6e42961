//! Faults on purpose: a transport that loses, doubles and cuts as a plan says.
//!
//! A simulator runs a flow once per request it makes, each time losing the answer of another
//! one ([`Nth`]), and checks that money comes out the same.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};

use crate::client::{Cause, HttpTransport, TransportError};

/// What is to happen to one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: it is sent and answered.
    Pass,
    /// No connection: the peer sees nothing, and the caller knows
    /// ([`TransportError::NotSent`]).
    Refuse,
    /// Lost on the way: the peer sees nothing, but the caller cannot know
    /// ([`TransportError::Unknown`], timed out).
    LoseRequest,
    /// Performed by the peer, the answer lost: [`TransportError::Unknown`], timed out.
    LoseAnswer,
    /// Performed twice, one after the other, as when some box on the way repeats it. The caller
    /// gets the second answer.
    SendTwice,
    /// Performed; the body of the answer ends after this many bytes, and its `Content-Length`
    /// says so too, as from a peer that died while rendering.
    TruncateAnswer {
        /// How many bytes of the body are left.
        bytes: usize,
    },
}

/// Says what happens to each request. Any `Fn(&Request<Bytes>, u64) -> Fault` is one.
pub trait FaultPlan: Send + Sync + 'static {
    /// The fate of `request`, which is the `nth` this transport was given, counted from 0.
    fn fault(&self, request: &Request<Bytes>, nth: u64) -> Fault;
}

impl<F> FaultPlan for F
where
    F: Fn(&Request<Bytes>, u64) -> Fault + Send + Sync + 'static,
{
    fn fault(&self, request: &Request<Bytes>, nth: u64) -> Fault {
        self(request, nth)
    }
}

/// The plan that lets one request meet a fault, and all others pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Nth {
    /// Which request, counted from 0.
    pub nth: u64,
    /// What happens to it.
    pub fault: Fault,
}

impl FaultPlan for Nth {
    fn fault(&self, _: &Request<Bytes>, nth: u64) -> Fault {
        if nth == self.nth { self.fault } else { Fault::Pass }
    }
}

/// An [`HttpTransport`] with faults. Put it outermost, so that retries of other decorators are
/// requests to the plan too.
///
/// A lost request or answer is reported at once: no time passes.
pub struct FaultyTransport<T, P> {
    inner: T,
    plan: P,
    sent: AtomicU64,
}

impl<T, P> FaultyTransport<T, P> {
    /// Lets `plan` decide about every request to `inner`.
    pub fn new(inner: T, plan: P) -> Self {
        Self { inner, plan, sent: AtomicU64::new(0) }
    }

    /// How many requests the callers have made so far. A doubled one counts once.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl<T: HttpTransport, P: FaultPlan> HttpTransport for FaultyTransport<T, P> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let nth = self.sent.fetch_add(1, Ordering::SeqCst);
        match self.plan.fault(&request, nth) {
            Fault::Pass => self.inner.send(request).await,
            Fault::Refuse => Err(TransportError::not_sent(Cause::Connect, None)),
            Fault::LoseRequest => Err(TransportError::unknown(Cause::TimedOut, None)),
            Fault::LoseAnswer => match self.inner.send(request).await {
                Err(error) if !error.is_in_doubt() => Err(error),
                _ => Err(TransportError::unknown(Cause::TimedOut, None)),
            },
            Fault::SendTwice => {
                // What became of the first is nobody's business: its answer is lost.
                let _ = self.inner.send(request.clone()).await;
                self.inner.send(request).await
            }
            Fault::TruncateAnswer { bytes } => {
                self.inner.send(request).await.map(|answer| truncate(answer, bytes))
            }
        }
    }
}

fn truncate(mut answer: Response<Bytes>, bytes: usize) -> Response<Bytes> {
    answer.body_mut().truncate(bytes);
    let length = answer.body().len();
    if let Some(header) = answer.headers_mut().get_mut(CONTENT_LENGTH) {
        *header = length.into();
    }
    answer
}

impl<T: fmt::Debug, P> fmt::Debug for FaultyTransport<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyTransport")
            .field("inner", &self.inner)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
