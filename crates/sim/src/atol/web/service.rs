//! The server as a `tower` service, and as a transport without bytes in between.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{Either, select};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tillway_transport::client::RequestLimits;
use tillway_transport::{
    BodyError, BoxError, Cause, HttpTransport, RequestBody, TransportError, read_body,
};
use tower_service::Service;

use super::WebServer;

/// The largest request that is read: the driver's own limit lies below.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// What an answer announces that breaks off: more than the server loop reads before it writes, or
/// it would answer 500 instead.
const LOST_BYTES: usize = 64 * 1024;

impl Service<Request<RequestBody>> for WebServer {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let answer = match read_body(body, REQUEST_BYTES_MAX).await {
                Ok(body) => server.answer(Request::from_parts(parts, body)).await,
                Err(error) => Some(too_much(&error)),
            };
            Ok(match answer {
                Some(answer) => answer.map(AnswerBody::Whole),
                None => Response::new(AnswerBody::Lost),
            })
        })
    }
}

fn too_much(error: &BodyError) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = error.status();
    answer
}

/// The body of an answer, or the place where the connection breaks.
#[derive(Clone, Debug)]
pub enum AnswerBody {
    /// The whole body; empty once it was taken.
    Whole(Bytes),
    /// The connection breaks instead of it.
    Lost,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Self::Lost => Some(Err("the simulated server breaks the connection".into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Lost => LOST_BYTES,
        };
        SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

/// The same server, whatever the authority of the request. A process that has ended refuses the
/// connection; a lost answer is a broken one.
#[async_trait]
impl HttpTransport for WebServer {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let limits = RequestLimits::of(&request);
        if request.uri().scheme().is_none() || request.uri().authority().is_none() {
            return Err(TransportError::NotSent { cause: Cause::Request, source: None });
        }
        if self.is_down() {
            return Err(TransportError::NotSent { cause: Cause::Connect, source: None });
        }
        let unknown = |cause| TransportError::Unknown { cause, source: None };
        let answer = pin!(WebServer::answer(self, request));
        // The limit runs from now, not from when the answer turns out to take long.
        let late = self.0.clock.sleep(limits.answer_timeout);
        let answer = match select(answer, late).await {
            Either::Left((answer, _)) => answer.ok_or_else(|| unknown(Cause::Broken))?,
            Either::Right(_) => return Err(unknown(Cause::TimedOut)),
        };
        if answer.body().len() > limits.answer_bytes_max {
            return Err(unknown(Cause::TooLarge));
        }
        debug_assert_ne!(answer.status(), StatusCode::CONTINUE, "answers are final");
        Ok(answer)
    }
}
