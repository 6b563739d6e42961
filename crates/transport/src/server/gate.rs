//! The gate between hyper and the service: carries out the wire guard's verdicts and sees to it
//! that every answer has an exact length and says when the connection closes.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use tower_service::Service;

use super::ServerConfig;
use super::shared::{Shared, Verdict};
use crate::body::{BoxError, RequestBody, read_body};
use crate::runtime::Runtime;

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
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let token = Token(Arc::clone(&self.shared));
        let refusal = match (self.shared.next_verdict(), &self.service) {
            (Some(Verdict::Pass), Some(service)) => {
                let visit = Visit {
                    service: service.clone(),
                    runtime: self.runtime.clone(),
                    config: Arc::clone(&self.config),
                    token,
                };
                let shared = Arc::clone(&self.shared);
                return Box::pin(async move {
                    let answered = shared.unless_cut(visit.answer(request)).await;
                    let refusal = StatusCode::SERVICE_UNAVAILABLE;
                    Ok(answered.unwrap_or_else(|| closing(empty(refusal, Token(shared)))))
                });
            }
            (Some(Verdict::Pass), None) => StatusCode::FORBIDDEN,
            (Some(Verdict::Refuse(status)), _) => status,
            // hyper and the wire guard disagree about where a request begins.
            (None, _) => StatusCode::BAD_REQUEST,
        };
        Box::pin(async move { Ok(closing(empty(refusal, token))) })
    }
}

/// One request on its way through the service.
struct Visit<S> {
    service: S,
    runtime: Runtime,
    config: Arc<ServerConfig>,
    token: Token,
}

impl<S, B> Visit<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn answer(mut self, request: Request<Incoming>) -> Response<ReplyBody> {
        let expects = request.headers().contains_key(EXPECT);
        let head_only = request.method() == Method::HEAD;
        let old = request.version() < Version::HTTP_11;
        let (parts, incoming) = request.into_parts();
        let (body, slot) = RequestBody::new(
            incoming,
            self.runtime.clone(),
            self.config.body_bytes_max,
            self.config.body_read_timeout,
            Arc::clone(&self.token.0),
        );
        let request = Request::from_parts(parts, body);
        let ready = poll_fn(|cx| self.service.poll_ready(cx)).await.map_err(Into::into);
        let answered = match ready {
            Ok(()) => self.service.call(request).await.map_err(Into::into),
            Err(error) => {
                drop(request);
                Err(error)
            }
        };
        let reusable = slot.finish(expects).await;
        let stopping = self.token.0.is_stopping();
        let response = match answered {
            Ok(response) => exact(response, head_only, &self.config, self.token).await,
            Err(error) => {
                failed(&*error);
                closing(empty(StatusCode::INTERNAL_SERVER_ERROR, self.token))
            }
        };
        if old || stopping || !reusable { closing(response) } else { response }
    }
}

/// Gives the answer a length that hyper knows before it writes the head.
async fn exact<B>(
    response: Response<B>,
    head_only: bool,
    config: &ServerConfig,
    token: Token,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut head, body) = response.into_parts();
    head.headers.remove(TRANSFER_ENCODING);
    if head.status == StatusCode::NO_CONTENT || head.status.is_informational() {
        head.headers.remove(CONTENT_LENGTH);
        head.headers.remove(CONTENT_TYPE);
        return Response::from_parts(head, ReplyBody::new(Empty::new(), token));
    }
    // For HEAD the service may name the length of a body it does not make.
    if !head_only {
        head.headers.remove(CONTENT_LENGTH);
    }
    if body.size_hint().exact().is_some() {
        return Response::from_parts(head, ReplyBody::new(body, token));
    }
    match read_body(body, config.response_bytes_max).await {
        Ok(whole) => Response::from_parts(head, ReplyBody::new(Full::new(whole), token)),
        Err(error) => {
            failed(&error);
            closing(empty(StatusCode::INTERNAL_SERVER_ERROR, token))
        }
    }
}

fn failed(error: &(dyn StdError + 'static)) {
    tracing::error!(error, "the service failed to answer");
}

fn empty(status: StatusCode, token: Token) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::new(Empty::new(), token));
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
    body: UnsyncBoxBody<Bytes, BoxError>,
    _token: Token,
}

impl ReplyBody {
    fn new<B>(body: B, token: Token) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self { body: UnsyncBoxBody::new(body.map_err(Into::into)), _token: token }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
