//! The gate between hyper and the service: carries out the wire guard's verdicts and sees to it
//! that every answer has an exact length and says when the connection closes.

use std::cell::RefCell;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower_service::Service;

use super::ServerConfig;
use super::shared::{Shared, Verdict};
use crate::body::{BoxError, RequestBody, Slot, read_body};
use crate::runtime::Runtime;

/// A body of so many bytes, or fewer, goes out in one piece: nothing is written before it is whole.
const WHOLE_BYTES_MAX: u64 = 16 * 1024;

pub(super) struct Gate<S> {
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Runtime,
    pub(super) config: Arc<ServerConfig>,
    /// `None` for a peer that may not talk to us; the wire guard refuses its heads.
    pub(super) service: Option<RefCell<S>>,
}

impl<S> Gate<S> {
    /// Answers a request. The future lives in the connection's own place for it, so nothing in it
    /// is boxed.
    pub(super) fn answer<B>(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ReplyBody>, Infallible>> + Send + use<S, B>
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let token = Token(Arc::clone(&self.shared));
        let bytes_max = self.config.response_bytes_max;
        let visit = match (self.shared.next_verdict(), &self.service) {
            (Some(Verdict::Pass), Some(service)) => {
                let (visit, request) = self.visit(request);
                Ok((visit, Call::begin(&mut *service.borrow_mut(), request)))
            }
            (Some(Verdict::Pass), None) => Err(StatusCode::FORBIDDEN),
            (Some(Verdict::Refuse(status)), _) => Err(status),
            // hyper and the wire guard disagree about where a request begins.
            (None, _) => Err(StatusCode::BAD_REQUEST),
        };
        // One block, not functions one in the other: each would keep what it was given once more,
        // and hyper moves the whole into its place. What is large and rare is boxed.
        async move {
            let shared = &*token.0;
            let refusal = 'refused: {
                let (visit, answered) = match visit {
                    Err(status) => break 'refused status,
                    Ok((visit, Call::Called(called))) => {
                        (visit, unless_cut(shared, pin!(called)).await.map(told))
                    }
                    Ok((visit, Call::Failed(error))) => (visit, Some(told(Err(error)))),
                    Ok((visit, Call::Waiting(waiting))) => {
                        (visit, unless_cut(shared, pin!(waiting)).await.map(told))
                    }
                };
                let reusable = match &visit.slot {
                    Some(slot) => unless_cut(shared, pin!(slot.finish(visit.expects))).await,
                    None => Some(true),
                };
                let (Some(answered), Some(reusable)) = (answered, reusable) else {
                    break 'refused StatusCode::SERVICE_UNAVAILABLE;
                };
                let closes = visit.old || shared.is_stopping() || !reusable;
                let Some(response) = answered else {
                    break 'refused StatusCode::INTERNAL_SERVER_ERROR;
                };
                let (mut head, body) = response.into_parts();
                let body = match exact(&mut head, body, visit.head_only) {
                    Exact::Known(body) => body,
                    Exact::Collect(body) => {
                        let whole = Box::pin(read_body(body, bytes_max));
                        match unless_cut(shared, pin!(whole)).await.map(told) {
                            Some(Some(whole)) => Reply::Whole(Full::new(whole)),
                            Some(None) => break 'refused StatusCode::INTERNAL_SERVER_ERROR,
                            None => break 'refused StatusCode::SERVICE_UNAVAILABLE,
                        }
                    }
                };
                let response = Response::from_parts(head, ReplyBody { body, _token: token });
                return Ok(if closes { closing(response) } else { response });
            };
            Ok(closing(empty(refusal, token)))
        }
    }

    fn visit(&self, request: Request<Incoming>) -> (Visit, Request<RequestBody>) {
        let (parts, incoming) = request.into_parts();
        let head_only = parts.method == Method::HEAD;
        let old = parts.version < Version::HTTP_11;
        let mut expects = false;
        let (body, slot) = if incoming.is_end_stream() {
            (RequestBody::empty(), None)
        } else {
            expects = parts.headers.contains_key(EXPECT);
            let (bytes_max, timeout) = (self.config.body_bytes_max, self.config.body_read_timeout);
            let (runtime, connection) = (self.runtime.clone(), Arc::clone(&self.shared));
            let (body, slot) = RequestBody::new(incoming, runtime, bytes_max, timeout, connection);
            (body, Some(slot))
        };
        (Visit { slot, expects, head_only, old }, Request::from_parts(parts, body))
    }
}

/// What is known of a request while the service has it.
struct Visit {
    /// What becomes of the body; `None` when there is none.
    slot: Option<Arc<Slot>>,
    /// The peer waits for `100 Continue`.
    expects: bool,
    head_only: bool,
    old: bool,
}

/// A call of the service.
enum Call<F, B> {
    Called(F),
    Failed(BoxError),
    Waiting(Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>),
}

impl<F, B: 'static, E> Call<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
{
    fn begin<S>(service: &mut S, request: Request<RequestBody>) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = E, Future = F>,
        S: Clone + Send + 'static,
        F: Send,
    {
        // Nearly every service is always ready.
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Self::Called(service.call(request)),
            Poll::Ready(Err(error)) => Self::Failed(error.into()),
            // The one that was asked may have a place in a queue: a clone that waits in its stead
            // would stand behind it, and nobody would leave that place.
            Poll::Pending => {
                let next = service.clone();
                let asked = std::mem::replace(service, next);
                Self::Waiting(Box::pin(when_ready(asked, request)))
            }
        }
    }
}

/// `None` when the connection is cut first.
fn unless_cut<'w, F: Future>(
    shared: &'w Shared,
    mut work: Pin<&'w mut F>,
) -> impl Future<Output = Option<F::Output>> + use<'w, F> {
    poll_fn(move |cx| match shared.is_cut() {
        true => Poll::Ready(None),
        false => work.as_mut().poll(cx).map(Some),
    })
}

async fn when_ready<S, B>(
    mut service: S,
    request: Request<RequestBody>,
) -> Result<Response<B>, BoxError>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
{
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
    service.call(request).await.map_err(Into::into)
}

/// A body whose length hyper knows before it writes the head, or must be told.
enum Exact<B> {
    Known(Reply),
    Collect(B),
}

fn exact<B>(head: &mut Parts, body: B, head_only: bool) -> Exact<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    without(&mut head.headers, &TRANSFER_ENCODING);
    if head.status == StatusCode::NO_CONTENT || head.status.is_informational() {
        without(&mut head.headers, &CONTENT_LENGTH);
        without(&mut head.headers, &CONTENT_TYPE);
        return Exact::Known(Reply::Whole(Full::default()));
    }
    // For HEAD the service may name the length of a body it does not make.
    if !head_only {
        without(&mut head.headers, &CONTENT_LENGTH);
    }
    match body.size_hint().exact() {
        Some(length) if length > WHOLE_BYTES_MAX || head_only => {
            Exact::Known(Reply::Parts(UnsyncBoxBody::new(body.map_err(Into::into))))
        }
        _ => Exact::Collect(body),
    }
}

/// Answers have few headers: looking at each is quicker than looking one up.
fn without(headers: &mut HeaderMap, name: &HeaderName) {
    if headers.keys().any(|key| key == name) {
        headers.remove(name);
    }
}

/// What the service made; `None`, and a line of log, when it failed.
fn told<T>(made: Result<T, impl Into<BoxError>>) -> Option<T> {
    made.map_err(|error| {
        tracing::error!(error = &*error.into() as &dyn StdError, "the service failed to answer")
    })
    .ok()
}

fn empty(status: StatusCode, token: Token) -> Response<ReplyBody> {
    let body = Reply::Whole(Full::default());
    let mut response = Response::new(ReplyBody { body, _token: token });
    *response.status_mut() = status;
    response
}

fn closing(mut response: Response<ReplyBody>) -> Response<ReplyBody> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Counts a request as running until its answer is with hyper, or is dropped.
struct Token(Arc<Shared>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.answered();
    }
}

/// The body of an answer; holds the token until its end.
pub(super) struct ReplyBody {
    body: Reply,
    _token: Token,
}

enum Reply {
    Whole(Full<Bytes>),
    Parts(UnsyncBoxBody<Bytes, BoxError>),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.body {
            Reply::Whole(body) => {
                Pin::new(body).poll_frame(cx).map_err(|never: Infallible| match never {})
            }
            Reply::Parts(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Reply::Whole(body) => body.is_end_stream(),
            Reply::Parts(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Reply::Whole(body) => body.size_hint(),
            Reply::Parts(body) => body.size_hint(),
        }
    }
}
