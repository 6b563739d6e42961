//! The service as HTTP: on a server loop, and as a transport without bytes in between.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{Either, select};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tillway_transport::client::RequestLimits;
use tillway_transport::{BoxError, Cause, HttpTransport, RequestBody, TransportError, read_body};
use tower_service::Service;

use super::Terminal;
use super::step::Answer;
use super::task::Told;
use super::xml;

const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// What an answer announces that breaks off: more than the server loop reads before it writes, or
/// it would answer 500 instead.
const CUT_BYTES: usize = 64 * 1024;

impl Terminal {
    async fn answer(&self, request: Request<Bytes>) -> Response<AnswerBody> {
        if let Some(path) = request.uri().path().strip_prefix("/sim/")
            && self.lock().settings.control
        {
            let (status, text) = self.control(request.method(), path, request.body());
            let mut answer = plain(status);
            answer.body_mut().part = text.into();
            let kind = HeaderValue::from_static("text/plain; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            return answer;
        }
        let root = request.uri().path() == "/" || request.uri().path().is_empty();
        if request.method() != Method::POST || !root {
            return plain(StatusCode::NOT_FOUND);
        }
        let counted = {
            let mut state = self.lock();
            state.requests = state.requests.saturating_add(1);
            state.settings.letters.clone()
        };
        let fields = std::str::from_utf8(request.body()).ok().and_then(xml::read);
        let Told { answer, step, short_ids } = self.perform(fields).await;
        let letters = step.letters.unwrap_or(counted);
        let text = xml::write(&answer, &letters.declared, short_ids);
        let mut bytes = letters.encode(&text);
        let half = bytes.len() / 2;
        let mut body = AnswerBody { part: Bytes::new(), cut: false };
        match step.answer {
            Answer::Http(status) => {
                return plain(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY));
            }
            Answer::Broken => bytes = b"<response><field id=\"39\">1</response>".to_vec(),
            Answer::Half => bytes.truncate(half),
            Answer::CutBefore => {
                bytes.clear();
                body.cut = true;
            }
            Answer::CutHalf => {
                bytes.truncate(half);
                body.cut = true;
            }
            Answer::Whole | Answer::NoStatus | Answer::Foreign => {}
        }
        body.part = bytes.into();
        let mut response = Response::new(body);
        if let Some(kind) = letters.content_type.and_then(|it| HeaderValue::try_from(it).ok()) {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        response
    }
}

fn plain(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody { part: Bytes::new(), cut: false });
    *response.status_mut() = status;
    response
}

/// The body of an answer, or a part of it behind which the connection breaks.
#[derive(Clone, Debug)]
pub struct AnswerBody {
    part: Bytes,
    cut: bool,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let part = std::mem::take(&mut self.part);
        Poll::Ready(if !part.is_empty() {
            Some(Ok(Frame::data(part)))
        } else if self.cut {
            Some(Err("the simulated service breaks the connection".into()))
        } else {
            None
        })
    }

    fn is_end_stream(&self) -> bool {
        self.part.is_empty() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = if self.cut { CUT_BYTES } else { self.part.len() };
        SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}

impl Service<Request<RequestBody>> for Terminal {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let terminal = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            Ok(match read_body(body, REQUEST_BYTES_MAX).await {
                Ok(body) => terminal.answer(Request::from_parts(parts, body)).await,
                Err(error) => plain(error.status()),
            })
        })
    }
}

/// The same service, whatever the authority of the request.
#[async_trait]
impl HttpTransport for Terminal {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let limits = RequestLimits::of(&request);
        if request.uri().scheme().is_none() || request.uri().authority().is_none() {
            return Err(TransportError::NotSent { cause: Cause::Request, source: None });
        }
        let unknown = |cause| TransportError::Unknown { cause, source: None };
        let answer = pin!(self.answer(request));
        let late = self.0.clock.sleep(limits.answer_timeout);
        let (parts, body) = match select(answer, late).await {
            Either::Left((answer, _)) => answer.into_parts(),
            Either::Right(_) => return Err(unknown(Cause::TimedOut)),
        };
        if body.cut {
            return Err(unknown(Cause::Broken));
        }
        if body.part.len() > limits.answer_bytes_max {
            return Err(unknown(Cause::TooLarge));
        }
        Ok(Response::from_parts(parts, body.part))
    }
}
