//! The processing as HTTP: on a server loop, and as a transport without bytes in between.

mod body;

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::{Either, select};
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use secrecy::ExposeSecret;
use tillway_transport::client::RequestLimits;
use tillway_transport::{Cause, HttpTransport, RequestBody, TransportError, read_body};
use tower_service::Service;

pub use self::body::AnswerBody;
use super::Processing;
use super::fault::Fault;
use super::house::{RequestAuth, Till};
use super::journal::Entry;
use super::json::JsonFace;
use super::signing::{Signing, Unsigned, forge};
use super::xml::{self, Shape, Told};

const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Processing {
    /// Answers a request; the second part says that it never reached the processing.
    async fn answer(&self, request: Request<Bytes>) -> (Response<AnswerBody>, bool) {
        if let Some(path) = request.uri().path().strip_prefix("/sim/")
            && self.lock().control
        {
            let (status, text) = self.control(request.method(), path, request.body());
            let mut answer = AnswerBody::whole(status, text.into());
            let kind = HeaderValue::from_static("text/plain; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            return (answer, false);
        }
        let kinds = xml::kinds(request.body());
        let at = self.0.house.now();
        let (number, fault) = {
            let mut state = self.lock();
            let fault = if state.down { Some(Fault::Refused) } else { state.faults.take(&kinds) };
            let entry = Entry {
                number: 0,
                at,
                path: request.uri().path().to_owned(),
                till: None,
                request: request.body().clone(),
                answer: None,
                status: None,
                fault: fault.clone(),
                commands: Vec::new(),
            };
            (state.journal.begin(entry), fault)
        };
        let refused = fault == Some(Fault::Refused);
        (self.faulty(&request, number, fault.as_ref()).await, refused)
    }

    async fn faulty(
        &self,
        request: &Request<Bytes>,
        number: u64,
        fault: Option<&Fault>,
    ) -> Response<AnswerBody> {
        match fault {
            Some(Fault::Refused) => return AnswerBody::broken(),
            Some(Fault::LostBefore) => {
                self.0.clock.sleep(Self::HANG).await;
                return AnswerBody::broken();
            }
            Some(Fault::Http { status, done: false }) => return self.status(number, *status),
            Some(Fault::Skew(ms)) => self.0.house.skew(*ms),
            _ => {}
        }
        let mut answer = self.exchange(request, number, fault);
        match fault {
            Some(Fault::LostAfter) => {
                self.0.clock.sleep(Self::HANG).await;
                return AnswerBody::broken();
            }
            Some(Fault::Slow(takes)) => self.0.clock.sleep(*takes).await,
            Some(Fault::Http { status, .. }) => return self.status(number, *status),
            Some(Fault::Truncated) => answer.body_mut().halve(),
            _ => {}
        }
        let status = answer.status().as_u16();
        self.lock().journal.amend(number, |entry| entry.status = Some(status));
        answer
    }

    fn status(&self, number: u64, status: u16) -> Response<AnswerBody> {
        self.lock().journal.amend(number, |entry| entry.status = Some(status));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        AnswerBody::whole(status, Bytes::new())
    }

    /// Lets the till in, does what it asks, and writes both down.
    fn exchange(
        &self,
        request: &Request<Bytes>,
        number: u64,
        fault: Option<&Fault>,
    ) -> Response<AnswerBody> {
        if JsonFace::knows(request.uri().path()) {
            return self.exchange_json(request, number);
        }
        let empty = |status| AnswerBody::whole(status, Bytes::new());
        let project = self.0.house.with(|store| store.rules.project.clone());
        let Some(login) = till_of(request.uri().path(), &project) else {
            return empty(StatusCode::NOT_FOUND);
        };
        if request.method() != Method::POST {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let till = self.0.house.with(|store| store.tills.get(login).cloned());
        let Some(till) = till.filter(|till| is_let_in(till, request.headers())) else {
            let mut answer = empty(StatusCode::UNAUTHORIZED);
            let basic = HeaderValue::from_static("Basic realm=\"Loymax\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, basic);
            return answer;
        };
        let signs = till.request_auth == RequestAuth::Signature;
        let signing = self.lock().signing.clone().filter(|_| signs);
        let body = request.body();
        let refused = match &signing {
            Some(signing) => {
                signing.check(&till, body, request.headers(), self.0.house.now()).err()
            }
            None => signs.then(Unsigned::unprepared),
        };
        let told = match refused {
            Some(refused) => xml::refuse_all(refused.code, refused.why, body),
            None => xml::answer(&self.0.house, login, body, shape(fault)),
        };
        let mut answer = self.rendered(login, told, number);
        if let Some(signing) = signing.filter(|_| fault != Some(&Fault::NoSignature)) {
            self.signed(&mut answer, &signing, number, fault == Some(&Fault::BadSignature));
        }
        answer
    }

    fn signed(
        &self,
        answer: &mut Response<AnswerBody>,
        signing: &Signing,
        number: u64,
        forged: bool,
    ) {
        let mut body = answer.body_mut().take().to_vec();
        signing.sign(&mut body, answer.headers_mut());
        if forged {
            forge(&mut body);
        }
        let body = Bytes::from(body);
        self.lock().journal.amend(number, |entry| entry.answer = Some(body.clone()));
        answer.body_mut().put(body);
    }

    /// The other face does what it is asked, on the same books.
    fn exchange_json(&self, request: &Request<Bytes>, number: u64) -> Response<AnswerBody> {
        let (parts, body) = JsonFace::new(self.0.house.clone()).answer(request).into_parts();
        self.lock().journal.amend(number, |entry| entry.answer = Some(body.clone()));
        let mut answer = AnswerBody::whole(parts.status, body);
        *answer.headers_mut() = parts.headers;
        answer
    }

    fn rendered(&self, till: &str, told: Told, number: u64) -> Response<AnswerBody> {
        let body = Bytes::from(told.body);
        self.lock().journal.amend(number, |entry| {
            entry.till = Some(till.to_owned());
            entry.answer = Some(body.clone());
            entry.commands = told.records;
        });
        let mut answer = AnswerBody::whole(StatusCode::OK, body);
        let kind = format!("application/xml; charset={}", told.encoding);
        if let Ok(kind) = HeaderValue::try_from(kind) {
            answer.headers_mut().insert(CONTENT_TYPE, kind);
        }
        answer
    }
}

/// The till of a path: `/XmlExchange/<project>/<till>/`.
fn till_of<'a>(path: &'a str, project: &str) -> Option<&'a str> {
    let rest = path.strip_prefix("/XmlExchange/")?.strip_prefix(project)?.strip_prefix('/')?;
    let login = rest.strip_suffix('/').unwrap_or(rest);
    (!login.is_empty() && !login.contains('/')).then_some(login)
}

/// HTTP Basic with the till's own login.
fn is_let_in(till: &Till, headers: &HeaderMap) -> bool {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some((scheme, coded)) = value.and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let right = format!("{}:{}", till.login, till.password.expose_secret());
    let given = STANDARD.decode(coded.trim()).unwrap_or_default();
    scheme.eq_ignore_ascii_case("basic") && given == right.as_bytes()
}

fn shape(fault: Option<&Fault>) -> Shape {
    let usual = Shape::default();
    match fault {
        Some(Fault::Code(number)) => Shape { code: Some(*number), ..usual },
        Some(Fault::MessageCode(number)) => Shape { message_code: Some(*number), ..usual },
        Some(Fault::NoVersion) => Shape { no_version: true, ..usual },
        Some(Fault::Reordered) => Shape { reordered: true, ..usual },
        Some(Fault::Renumbered) => Shape { renumbered: true, ..usual },
        Some(Fault::NoCheque) => Shape { no_cheque: true, ..usual },
        _ => usual,
    }
}

impl Service<Request<RequestBody>> for Processing {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let processing = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            Ok(match read_body(body, REQUEST_BYTES_MAX).await {
                Ok(body) => processing.answer(Request::from_parts(parts, body)).await.0,
                Err(error) => AnswerBody::whole(error.status(), Bytes::new()),
            })
        })
    }
}

/// The same service, whatever the authority of the request.
#[async_trait]
impl HttpTransport for Processing {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let limits = RequestLimits::of(&request);
        let not_sent = |cause| TransportError::NotSent { cause, source: None };
        if request.uri().scheme().is_none() || request.uri().authority().is_none() {
            return Err(not_sent(Cause::Request));
        }
        let unknown = |cause| TransportError::Unknown { cause, source: None };
        let answer = pin!(self.answer(request));
        let late = self.0.clock.sleep(limits.answer_timeout);
        let (parts, body) = match select(answer, late).await {
            Either::Left(((_, true), _)) => return Err(not_sent(Cause::Connect)),
            Either::Left(((answer, false), _)) => answer.into_parts(),
            Either::Right(_) => return Err(unknown(Cause::TimedOut)),
        };
        let Some(body) = body.into_whole() else {
            return Err(unknown(Cause::Broken));
        };
        if body.len() > limits.answer_bytes_max {
            return Err(unknown(Cause::TooLarge));
        }
        Ok(Response::from_parts(parts, body))
    }
}
