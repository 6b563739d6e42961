//! The gate between hyper and the service: carries out the wire guard's verdicts and sees to it
//! that every answer has an exact length and says when the connection closes.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
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
    pub(super) service: Option<S>,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Gate<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let token = Token(Arc::clone(&self.shared));
        let refusal = match (self.shared.next_verdict(), &self.service) {
            (Some(Verdict::Pass), Some(service)) => {
                let mut service = service.clone();
                let (visit, request) =
                    Visit::begin(request, &self.runtime, Arc::clone(&self.config), token);
                // Nearly every service is always ready. The box is smaller without the request.
                let is_ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
                let work = match is_ready {
                    Poll::Ready(Ok(())) => visit.boxed(service.call(request)),
                    Poll::Ready(Err(error)) => {
                        drop(request);
                        let failed: Result<Response<B>, BoxError> = Err(error.into());
                        visit.boxed(ready(failed))
                    }
                    Poll::Pending => visit.boxed(when_ready(service, request)),
                };
                return Answering::Visit(work, Arc::clone(&self.shared));
            }
            (Some(Verdict::Pass), None) => StatusCode::FORBIDDEN,
            (Some(Verdict::Refuse(status)), _) => status,
            // hyper and the wire guard disagree about where a request begins.
            (None, _) => StatusCode::BAD_REQUEST,
        };
        Answering::Refusal(Some(closing(empty(refusal, token))))
    }
}

type Work = Pin<Box<dyn Future<Output = Response<ReplyBody>> + Send>>;

/// The answer to one request on its way.
pub(super) enum Answering {
    /// The service works on it.
    Visit(Work, Arc<Shared>),
    Refusal(Option<Response<ReplyBody>>),
}

impl Future for Answering {
    type Output = Result<Response<ReplyBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Visit(_, shared) if shared.is_cut() => {
                let token = Token(Arc::clone(shared));
                // The call is dropped before it is answered for.
                *self = Self::Refusal(None);
                Poll::Ready(Ok(closing(empty(StatusCode::SERVICE_UNAVAILABLE, token))))
            }
            Self::Visit(work, _) => work.as_mut().poll(cx).map(Ok),
            Self::Refusal(answer) => answer.take().map_or(Poll::Pending, |a| Poll::Ready(Ok(a))),
        }
    }
}

/// What is known of a request while the service has it.
struct Visit {
    config: Arc<ServerConfig>,
    token: Token,
    /// What becomes of the body; `None` when there is none.
    slot: Option<Arc<Slot>>,
    /// The peer waits for `100 Continue`.
    expects: bool,
    head_only: bool,
    old: bool,
}

impl Visit {
    fn begin(
        request: Request<Incoming>,
        runtime: &Runtime,
        config: Arc<ServerConfig>,
        token: Token,
    ) -> (Self, Request<RequestBody>) {
        let expects = request.headers().contains_key(EXPECT);
        let head_only = request.method() == Method::HEAD;
        let old = request.version() < Version::HTTP_11;
        let (parts, incoming) = request.into_parts();
        let (body, slot) = if incoming.is_end_stream() {
            (RequestBody::empty(), None)
        } else {
            let (bytes_max, timeout) = (config.body_bytes_max, config.body_read_timeout);
            let connection = Arc::clone(&token.0);
            let (body, slot) =
                RequestBody::new(incoming, runtime.clone(), bytes_max, timeout, connection);
            (body, Some(slot))
        };
        let request = Request::from_parts(parts, body);
        (Self { config, token, slot, expects, head_only, old }, request)
    }

    fn boxed<F, B, E>(self, asked: F) -> Work
    where
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
        E: Into<BoxError>,
    {
        // One block, not functions one in the other: each would keep what it was given once more.
        Box::pin(async move {
            let answered = asked.await.map_err(Into::into);
            let reusable = match &self.slot {
                Some(slot) => slot.finish(self.expects).await,
                None => true,
            };
            let stopping = self.token.0.is_stopping();
            let whole = match answered {
                Ok(response) => match exact(response, self.head_only) {
                    Exact::Known(head, body) => Ok((head, body)),
                    Exact::Collect(head, body) => {
                        match read_body(body, self.config.response_bytes_max).await {
                            Ok(whole) => Ok((head, Reply::Whole(Full::new(whole)))),
                            Err(error) => Err(error.into()),
                        }
                    }
                },
                Err(error) => Err(error),
            };
            let response = match whole {
                Ok((head, body)) => {
                    Response::from_parts(head, ReplyBody { body, _token: self.token })
                }
                Err(error) => {
                    failed(&*error);
                    closing(empty(StatusCode::INTERNAL_SERVER_ERROR, self.token))
                }
            };
            if self.old || stopping || !reusable { closing(response) } else { response }
        })
    }
}

async fn when_ready<S, B>(
    mut service: S,
    request: Request<RequestBody>,
) -> Result<Response<B>, S::Error>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}

/// An answer whose length hyper knows before it writes the head, or must be told.
enum Exact<B> {
    Known(Parts, Reply),
    Collect(Parts, B),
}

fn exact<B>(response: Response<B>, head_only: bool) -> Exact<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut head, body) = response.into_parts();
    without(&mut head.headers, &TRANSFER_ENCODING);
    if head.status == StatusCode::NO_CONTENT || head.status.is_informational() {
        without(&mut head.headers, &CONTENT_LENGTH);
        without(&mut head.headers, &CONTENT_TYPE);
        return Exact::Known(head, Reply::Whole(Full::default()));
    }
    // For HEAD the service may name the length of a body it does not make.
    if !head_only {
        without(&mut head.headers, &CONTENT_LENGTH);
    }
    match body.size_hint().exact() {
        Some(length) if length > WHOLE_BYTES_MAX || head_only => {
            let body = UnsyncBoxBody::new(body.map_err(Into::into));
            Exact::Known(head, Reply::Parts(body))
        }
        _ => Exact::Collect(head, body),
    }
}

/// Answers have few headers: looking at each is quicker than looking one up.
fn without(headers: &mut HeaderMap, name: &HeaderName) {
    if headers.keys().any(|key| key == name) {
        headers.remove(name);
    }
}

fn failed(error: &(dyn StdError + 'static)) {
    tracing::error!(error, "the service failed to answer");
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
