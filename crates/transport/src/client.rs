//! The client's side: one trait, a client over sockets, a network in memory.

mod exchange;
mod hyper;
mod memory;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

#[cfg(feature = "tokio")]
pub use self::hyper::{ClientConfig, HyperClient};
pub use self::memory::{MemoryClient, MemoryNet};
use crate::body::BoxError;

/// Sends one HTTP request and reads the answer whole.
#[async_trait]
pub trait HttpTransport: Debug + Send + Sync + 'static {
    /// Sends `request` once and answers with whatever the peer answered, 4xx and 5xx included.
    ///
    /// - The URI MUST be absolute; `Host` and `Content-Length` are set by the transport.
    /// - Limits are those of the [`RequestLimits`] in the request's extensions, or the defaults.
    /// - An implementation MUST NOT repeat a request that may have reached the peer.
    /// - Dropping the future gives the answer up, not the request: it may have been, or may still
    ///   be, performed. Treat a drop like [`TransportError::Unknown`].
    ///
    /// # Errors
    /// [`TransportError::NotSent`]: the peer has not seen the request and never will.
    /// [`TransportError::Unknown`]: it may have; for money this is "in doubt", to be resolved by
    /// asking the peer, not by repeating.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for Box<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// Limits of one request, carried in its extensions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestLimits {
    /// How long getting a connection may take; then `NotSent`. Default 5 s.
    pub connect_timeout: Duration,
    /// From the connection to the last byte of the answer; then `Unknown`. Default 30 s.
    pub answer_timeout: Duration,
    /// The body of the answer in bytes; more is `Unknown`. Default 1 MiB.
    pub answer_bytes_max: usize,
}

impl RequestLimits {
    /// Puts the limits into a request.
    pub fn attach<B>(self, request: &mut Request<B>) {
        request.extensions_mut().insert(self);
    }

    /// The limits of a request, or the defaults.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or_default()
    }
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(30),
            answer_bytes_max: 1024 * 1024,
        }
    }
}

/// Why there is no answer, and whether the peer may have got the request.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The request has not left and never will. It is safe to send it again.
    #[error("the request was not sent: {cause}")]
    NotSent {
        /// What went wrong.
        cause: Cause,
        /// The error below, if there is one.
        source: Option<BoxError>,
    },
    /// The peer may have got the request and may have performed it. Ask; do not repeat, unless
    /// the call is safe to repeat.
    #[error("the answer is lost: {cause}")]
    Unknown {
        /// What went wrong.
        cause: Cause,
        /// The error below, if there is one.
        source: Option<BoxError>,
    },
}

impl TransportError {
    pub(crate) fn not_sent(cause: Cause, source: Option<BoxError>) -> Self {
        Self::NotSent { cause, source }
    }

    pub(crate) fn unknown(cause: Cause, source: Option<BoxError>) -> Self {
        Self::Unknown { cause, source }
    }

    /// What went wrong.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::NotSent { cause, .. } | Self::Unknown { cause, .. } => *cause,
        }
    }

    /// Whether the peer may have got the request.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Whether the same request may fare better later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        !matches!(self.cause(), Cause::Request | Cause::TooLarge)
    }
}

/// What went wrong on the way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The request itself cannot be sent, for example because its URI is not absolute.
    #[error("the request cannot be sent as it is")]
    Request,
    /// No connection: refused, unreachable, name not found.
    #[error("no connection")]
    Connect,
    /// A time limit passed.
    #[error("time is over")]
    TimedOut,
    /// The connection broke, or what came was not HTTP.
    #[error("the connection broke")]
    Broken,
    /// The answer is larger than the limit.
    #[error("the answer is too large")]
    TooLarge,
}
