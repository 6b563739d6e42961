//! The server loop: where a request ends and the next one begins.
//!
//! A peer's bytes come in one piece, and again in many. Both times the service must see the same
//! requests, each of them sent, in the order they were sent, and the peer must get the same
//! answers.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes as Piece;
use futures::future::join;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tillway_transport::server::{Server, ServerConfig};
use tillway_transport::{BoxError, RequestBody, Runtime, read_body};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};

use crate::bytes::Bytes;
use crate::http::{Answer, answer, simulated};

const BODY_BYTES_MAX: usize = 2_048;

/// How the bytes come, and the bytes.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let how = bytes.byte();
    let sent = bytes.rest();
    let hangs_up = how & 0x80 != 0;
    let step = usize::from(how & 0x7f).max(1);

    let whole = served(sent, sent.len().max(1), hangs_up);
    check(sent, &whole, hangs_up);
    let pieces = served(sent, step, hangs_up);
    check(sent, &pieces, hangs_up);
    // Who hangs up may miss what was not ready by then.
    if !hangs_up {
        assert_eq!(whole, pieces, "other in one piece than in pieces of {step}");
    }
}

/// A request as the service got it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Got {
    method: Method,
    target: String,
    /// `None` when it broke off, or was not asked for.
    body: Option<Piece>,
}

type Log = Arc<Mutex<Vec<Got>>>;

/// What came of it: what the service got, and what was answered.
type Outcome = (Vec<Got>, Vec<u8>);

fn served(sent: &[u8], step: usize, hangs_up: bool) -> Outcome {
    let config = ServerConfig {
        header_bytes_max: 1_024,
        body_bytes_max: BODY_BYTES_MAX,
        response_bytes_max: 4_096,
        date_header: false,
        ..ServerConfig::default()
    };
    let log = Log::default();
    let service = Odd(Arc::clone(&log));
    let answers = simulated(async {
        let (near, far) = duplex(64 * 1024);
        let server = Server::new(config, Runtime::tokio());
        let (mut reader, mut writer) = split(near);
        let write = async {
            for piece in sent.chunks(step) {
                // The server may have closed by now.
                if writer.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            if hangs_up {
                let _ = writer.shutdown().await;
            }
        };
        let mut answers = Vec::new();
        let client = join(write, reader.read_to_end(&mut answers));
        let (_, (_, read)) = join(server.serve_connection(far, Some(service)), client).await;
        read.expect("a pipe in memory does not fail");
        answers
    });
    let got = std::mem::take(&mut *log.lock().expect("one thread"));
    (got, answers)
}

fn check(sent: &[u8], (got, bytes): &Outcome, hangs_up: bool) {
    let requests = requests(sent);
    assert!(got.len() <= requests.len(), "{got:?} of {requests:?}");
    for (at, (got, sent)) in got.iter().zip(&requests).enumerate() {
        assert_eq!(got.method.as_str(), sent.method, "request {at}");
        assert!(!sent.ambiguous, "request {at}: {sent:?}");
        if sent.target.starts_with('/') {
            assert!(sent.target.starts_with(&got.target), "{got:?} of {sent:?}");
        }
        if let Some(body) = &got.body {
            assert_eq!(Some(&body[..]), sent.body.as_deref(), "request {at}");
        }
    }
    let answers = answers(bytes, got);
    assert!(answers.len() <= got.len() + 1, "{answers:?} to {got:?}");
    assert!(hangs_up || answers.len() >= got.len(), "{answers:?} to {got:?}");
    let closing = answers.iter().position(Answer::closes);
    assert!(closing.is_none_or(|at| at + 1 == answers.len()), "{answers:?}");
    if let Some(refusal) = answers.get(got.len()) {
        let known = [400, 408, 413, 431, 501, 505];
        assert!(known.contains(&refusal.status) && refusal.body.is_empty(), "{refusal:?}");
        assert!(refusal.closes(), "{refusal:?}");
    }
}

fn answers(bytes: &[u8], got: &[Got]) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let to_head = got.get(answers.len()).is_some_and(|got| got.method == Method::HEAD);
        let (next, after) = answer(rest, to_head).expect("a whole answer");
        answers.push(next);
        rest = after;
    }
    answers
}

/// A request as it was sent.
#[derive(Debug)]
struct Sent {
    method: String,
    target: String,
    /// It says more than once where its body ends.
    ambiguous: bool,
    /// `None` when it is not whole.
    body: Option<Vec<u8>>,
}

/// The requests in a peer's bytes, read as slowly and as kindly as can be: an empty line ends a
/// head, the first length counts, a chunk is a line with a number and so many bytes.
fn requests(mut rest: &[u8]) -> Vec<Sent> {
    let mut found = Vec::new();
    while let Some((sent, after)) = request(rest) {
        let whole = sent.body.is_some();
        found.push(sent);
        if !whole {
            break;
        }
        rest = after;
    }
    found
}

fn request(bytes: &[u8]) -> Option<(Sent, &[u8])> {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let mut rest = &bytes[blank..];
    let first = String::from_utf8_lossy(line(&mut rest)?).into_owned();
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut chunked, mut said) = (None, false, 0);
    loop {
        let header = line(&mut rest)?;
        if header.is_empty() {
            break;
        }
        let header = String::from_utf8_lossy(header).to_ascii_lowercase();
        match header.split_once(':') {
            Some(("content-length", value)) => {
                said += 1;
                length = length.or(value.trim().parse::<usize>().ok());
            }
            Some(("transfer-encoding", _)) => {
                said += 1;
                chunked = true;
            }
            _ => {}
        }
    }
    let body = if chunked {
        unchunked(&mut rest)
    } else {
        rest.split_at_checked(length.unwrap_or(0)).map(|(body, after)| {
            rest = after;
            body.to_vec()
        })
    };
    Some((Sent { method, target, ambiguous: said > 1, body }, rest))
}

/// The next line without its end; `None` when there is no end.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn unchunked(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = String::from_utf8_lossy(line(rest)?).into_owned();
        let digits = size.split([';', ' ', '\t']).next()?;
        let size = usize::from_str_radix(digits, 16).ok()?;
        if size == 0 {
            while !line(rest)?.is_empty() {}
            return Some(body);
        }
        let (chunk, after) = rest.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        *rest = after.strip_prefix(b"\r\n")?;
    }
}

/// A service with odd habits, chosen by the path's first letter.
#[derive(Clone)]
struct Odd(Log);

type Reply = Response<UnsyncBoxBody<Piece, BoxError>>;

impl tower_service::Service<Request<RequestBody>> for Odd {
    type Response = Reply;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let log = Arc::clone(&self.0);
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let at = {
            let mut log = log.lock().expect("one thread");
            log.push(Got { method: head.method, target: target.clone(), body: None });
            log.len() - 1
        };
        Box::pin(async move {
            match target.as_bytes().get(1) {
                Some(b'f') => return Err("broken on purpose".into()),
                // It drops the body unread.
                Some(b'i') => return Ok(reply(StatusCode::NOT_FOUND, Pieces(Vec::new()))),
                Some(b's') => tokio::time::sleep(Duration::from_secs(3)).await,
                _ => {}
            }
            let body = match read_body(body, BODY_BYTES_MAX).await {
                Ok(body) => body,
                Err(error) => return Ok(reply(error.status(), Pieces(Vec::new()))),
            };
            log.lock().expect("one thread")[at].body = Some(body.clone());
            let count = if target.as_bytes().get(1) == Some(&b'p') { 3 } else { 1 };
            Ok(reply(StatusCode::OK, Pieces(vec![body; count])))
        })
    }
}

fn reply(status: StatusCode, body: Pieces) -> Reply {
    let mut reply = Response::new(UnsyncBoxBody::new(body.map_err(|never| match never {})));
    *reply.status_mut() = status;
    reply
}

/// A body whose length is not known beforehand.
struct Pieces(Vec<Piece>);

impl Body for Pieces {
    type Data = Piece;
    type Error = core::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Self::Error>>> {
        Poll::Ready(self.0.pop().map(|piece| Ok(Frame::data(piece))))
    }
}
