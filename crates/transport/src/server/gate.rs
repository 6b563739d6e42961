//! The gate between hyper and the service: carries out the wire guard's verdicts and sees to it
//! that every answer has an exact length and says when the connection closes.

use std::cell::RefCell;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::ServerConfig;
use super::shared::{Shared, Verdict};
use crate::body::{BodyError, BoxError, RequestBody, Slot, read_body};
use crate::runtime::Runtime;

/// A body of so many bytes, or fewer, goes out in one piece: nothing is written before it is whole.
const WHOLE_BYTES_MAX: u64 = 16 * 1024;

/// What the server loop says of a body, or nobody: all of it where there is none, less where there
/// is, the first alone to `HEAD`.
static FRAMING: [HeaderName; 3] = [TRANSFER_ENCODING, CONTENT_LENGTH, CONTENT_TYPE];

pub(super) struct Gate<S> {
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Runtime,
    pub(super) config: Arc<ServerConfig>,
    /// `None` for a peer that may not talk to us; the wire guard refuses its heads.
    pub(super) service: Option<RefCell<S>>,
}

impl<S> Gate<S> {
    /// Answers a request.
    pub(super) fn answer<B>(&self, request: Request<Incoming>) -> Answer<S::Future, B>
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: 'static,
    {
        let token = Some(Token(Arc::clone(&self.shared)));
        let status = match (self.shared.next_verdict(), &self.service) {
            (Some(Verdict::Pass), Some(service)) => {
                let (head, incoming) = request.into_parts();
                let (body, slot) = self.body(incoming);
                let visit = Visit {
                    expects: slot.is_some() && head.headers.contains_key(EXPECT),
                    slot,
                    head_only: head.method == Method::HEAD,
                    closes: head.version < Version::HTTP_11,
                    bytes_max: self.config.response_bytes_max,
                };
                let service = &mut *service.borrow_mut();
                // Nearly every service is always ready.
                let stage = match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(Ok(())) => {
                        Stage::Called { call: service.call(Request::from_parts(head, body)) }
                    }
                    Poll::Ready(Err(error)) => Stage::Answered { response: told(Err(error)) },
                    Poll::Pending => Stage::waiting(service, Request::from_parts(head, body)),
                };
                return Answer { stage, visit, token };
            }
            (Some(Verdict::Pass), None) => StatusCode::FORBIDDEN,
            (Some(Verdict::Refuse(status)), _) => status,
            // hyper and the wire guard disagree about where a request begins.
            (None, _) => StatusCode::BAD_REQUEST,
        };
        Answer { stage: Stage::Refused { status }, visit: Visit::default(), token }
    }

    fn body(&self, incoming: Incoming) -> (RequestBody, Option<Arc<Slot>>) {
        if incoming.is_end_stream() {
            return (RequestBody::empty(), None);
        }
        let (bytes_max, timeout) = (self.config.body_bytes_max, self.config.body_read_timeout);
        let (runtime, connection) = (self.runtime.clone(), Arc::clone(&self.shared));
        let (body, slot) = RequestBody::new(incoming, runtime, bytes_max, timeout, connection);
        (body, Some(slot))
    }
}

/// What is known of a request while the service has it.
#[derive(Default)]
struct Visit {
    /// What becomes of the body; `None` when there is none.
    slot: Option<Arc<Slot>>,
    /// The peer waits for `100 Continue`.
    expects: bool,
    head_only: bool,
    /// The connection cannot be used again.
    closes: bool,
    /// How long an answer may be that is collected.
    bytes_max: usize,
}

pin_project! {
    /// An answer on its way.
    ///
    /// It lives in the connection's own place for it, so nothing that is usual is boxed. It is
    /// written out, because an async block has two places for what it is given, and is moved with
    /// both.
    pub(super) struct Answer<F, B> {
        #[pin]
        stage: Stage<F, B>,
        visit: Visit,
        // Goes with the answer.
        token: Option<Token>,
    }
}

pin_project! {
    #[project = Now]
    enum Stage<F, B> {
        Refused { status: StatusCode },
        Called {
            #[pin]
            call: F,
        },
        Waiting { call: Later<Result<Response<B>, BoxError>> },
        // What the service left of the request's body is read first. `None`: it has failed.
        Answered { response: Option<Response<B>> },
        Collecting { whole: Later<Result<(Parts, Reply), BodyError>> },
    }
}

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<F, B: 'static> Stage<F, B> {
    /// The one that was asked may have a place in a queue: a clone that waits in its stead would
    /// stand behind it, and nobody would leave that place.
    fn waiting<S>(service: &mut S, request: Request<RequestBody>) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Future = F>
            + Clone
            + Send
            + 'static,
        S::Error: Into<BoxError>,
        F: Send,
    {
        let next = service.clone();
        let asked = std::mem::replace(service, next);
        Self::Waiting { call: Box::pin(when_ready(asked, request)) }
    }
}

impl<F, B, E> Future for Answer<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ReplyBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (visit, token) = (this.visit, this.token);
        let refusal = loop {
            let response = match this.stage.as_mut().project() {
                Now::Refused { status } => break *status,
                _ if is_cut(token) => break StatusCode::SERVICE_UNAVAILABLE,
                Now::Called { call } => match ready!(call.poll(cx)) {
                    Ok(response) if visit.slot.is_none() => response,
                    made => {
                        this.stage.set(Stage::Answered { response: told(made) });
                        continue;
                    }
                },
                Now::Waiting { call } => {
                    let response = told(ready!(call.as_mut().poll(cx)));
                    this.stage.set(Stage::Answered { response });
                    continue;
                }
                Now::Answered { response } => {
                    if let Some(slot) = &visit.slot {
                        visit.closes |= !ready!(slot.poll_finish(visit.expects, cx));
                    }
                    match response.take() {
                        Some(response) => response,
                        None => break StatusCode::INTERNAL_SERVER_ERROR,
                    }
                }
                Now::Collecting { whole } => match told(ready!(whole.as_mut().poll(cx))) {
                    Some((head, body)) => return Poll::Ready(Ok(reply(head, body, visit, token))),
                    None => break StatusCode::INTERNAL_SERVER_ERROR,
                },
            };
            let (mut head, body) = response.into_parts();
            match exact(&mut head, body, visit.head_only) {
                Exact::Known(body) => return Poll::Ready(Ok(reply(head, body, visit, token))),
                Exact::Collect(body) => {
                    let whole = Box::pin(collected(head, body, visit.bytes_max));
                    this.stage.set(Stage::Collecting { whole });
                }
            }
        };
        visit.closes = true;
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = refusal;
        Poll::Ready(Ok(reply(head, Reply::Whole(Full::default()), visit, token)))
    }
}

/// Whether the connection was cut, or the answer was given already.
fn is_cut(token: &Option<Token>) -> bool {
    token.as_ref().is_none_or(|Token(shared)| shared.is_cut())
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

async fn collected<B>(head: Parts, body: B, bytes_max: usize) -> Result<(Parts, Reply), BodyError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let whole = read_body(body, bytes_max).await?;
    Ok((head, Reply::Whole(Full::new(whole))))
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
    let bodiless = head.status == StatusCode::NO_CONTENT || head.status.is_informational();
    // For HEAD the service may name the length of a body it does not make.
    let framing = match (bodiless, head_only) {
        (true, _) => &FRAMING[..],
        (false, false) => &FRAMING[..2],
        (false, true) => &FRAMING[..1],
    };
    // Answers have few headers: looking at each is quicker than looking one up.
    if head.headers.keys().any(|name| framing.contains(name)) {
        framing.iter().for_each(|name| drop(head.headers.remove(name)));
    }
    if bodiless {
        return Exact::Known(Reply::Whole(Full::default()));
    }
    match body.size_hint().exact() {
        Some(length) if length > WHOLE_BYTES_MAX || head_only => {
            Exact::Known(Reply::Parts(UnsyncBoxBody::new(body.map_err(Into::into))))
        }
        _ => Exact::Collect(body),
    }
}

/// What the service made; `None`, and a line of log, when it failed.
fn told<T>(made: Result<T, impl Into<BoxError>>) -> Option<T> {
    made.map_err(|error| {
        tracing::error!(error = &*error.into() as &dyn StdError, "the service failed to answer")
    })
    .ok()
}

/// The answer as hyper gets it; the token goes with it.
fn reply(
    mut head: Parts,
    body: Reply,
    visit: &Visit,
    token: &mut Option<Token>,
) -> Response<ReplyBody> {
    if visit.closes || token.as_ref().is_some_and(|Token(shared)| shared.is_stopping()) {
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Response::from_parts(head, ReplyBody { body, _token: token.take() })
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
    _token: Option<Token>,
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
