//! A service with odd habits, and a client that speaks raw bytes.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod host;

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use tillway_transport::server::{
    MemoryDialer, MemoryListener, PeerInfo, Server, ServerConfig, StopReport,
};
use tillway_transport::{BoxError, RequestBody, Runtime, read_body};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Peers from this address may not talk to the server.
pub(crate) const BANNED: &str = "10.0.0.66:1";
pub(crate) const FRIEND: &str = "10.0.0.7:1";

/// How long `/slow` takes.
pub(crate) const SLOW: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, Default)]
pub(crate) struct Odd {
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Odd {
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

pub(crate) type Reply = Response<UnsyncBoxBody<Bytes, BoxError>>;

impl tower_service::Service<Request<RequestBody>> for Odd {
    type Response = Reply;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(answer(request))
    }
}

async fn answer(request: Request<RequestBody>) -> Result<Reply, BoxError> {
    let method = request.method().clone();
    match request.uri().path() {
        "/ignore" => Ok(reply(StatusCode::NOT_FOUND, Bytes::new())),
        "/empty" => {
            let mut reply = reply(StatusCode::NO_CONTENT, Bytes::from_static(b"not to be seen"));
            reply.headers_mut().insert("content-type", "text/plain".parse()?);
            reply.headers_mut().insert("content-length", "14".parse()?);
            Ok(reply)
        }
        "/big" => Ok(reply(StatusCode::OK, vec![b'x'; 4 * 1024 * 1024].into())),
        "/frames" => Ok(Response::new(UnsyncBoxBody::new(Frames(64)))),
        "/pieces" => Ok(Response::new(UnsyncBoxBody::new(Pieces(3)))),
        "/endless" => Ok(Response::new(UnsyncBoxBody::new(Pieces(usize::MAX)))),
        "/never" => Ok(Response::new(UnsyncBoxBody::new(Never))),
        "/fail" => Err("broken on purpose".into()),
        "/hang" => pending().await,
        "/slow" => {
            sleep(SLOW).await;
            Ok(reply(StatusCode::OK, Bytes::from_static(b"slow")))
        }
        path => {
            let path = path.to_owned();
            Ok(match read_body(request.into_body(), usize::MAX).await {
                Ok(body) => {
                    let body = String::from_utf8_lossy(&body);
                    reply(StatusCode::OK, format!("{method} {path} {body}").into())
                }
                Err(error) => reply(error.status(), Bytes::new()),
            })
        }
    }
}

fn reply(status: StatusCode, body: Bytes) -> Reply {
    let body = UnsyncBoxBody::new(Full::new(body).map_err(|never| match never {}));
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

/// A body that does not come.
struct Never;

impl Body for Never {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Pending
    }
}

/// A body of known length, frame by frame of 64 KiB.
struct Frames(u64);

impl Body for Frames {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = (self.0 > 0).then(|| Ok(Frame::data(vec![b'x'; 64 * 1024].into())));
        self.0 = self.0.saturating_sub(1);
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0 * 64 * 1024)
    }
}

/// A body of unknown length.
struct Pieces(usize);

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece ")))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' clock is tokio's paused one")]
pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[expect(clippy::disallowed_methods, reason = "the server under test runs beside the test")]
pub(crate) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(task)
}

/// A running server.
pub(crate) struct Running {
    pub(crate) service: Odd,
    stop: oneshot::Sender<()>,
    report: JoinHandle<StopReport>,
}

impl Running {
    /// Tells the server to stop; the report comes when it has.
    pub(crate) fn stop(self) -> JoinHandle<StopReport> {
        self.stop.send(()).unwrap();
        self.report
    }
}

fn judge(service: &Odd) -> impl Fn(PeerInfo) -> Option<Odd> + Send + use<> {
    let service = service.clone();
    move |peer| (peer.remote != BANNED.parse().unwrap()).then(|| service.clone())
}

pub(crate) fn config() -> ServerConfig {
    ServerConfig { response_bytes_max: 1024, ..ServerConfig::default() }
}

/// A server over pipes in memory.
pub(crate) fn in_memory(config: ServerConfig) -> (Running, MemoryDialer) {
    let (listener, dialer) = MemoryListener::new();
    (start(config, listener), dialer)
}

/// A server on a socket of the loopback interface.
pub(crate) async fn on_socket(config: ServerConfig) -> (Running, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (start(config, listener), address)
}

/// A server on any listener.
pub(crate) fn start(
    config: ServerConfig,
    listener: impl tillway_transport::server::Listener,
) -> Running {
    let service = Odd::default();
    let make = judge(&service);
    let (stop, stopped) = oneshot::channel();
    let report = spawn(async move {
        let server = Server::new(config, Runtime::tokio());
        let shutdown = async {
            if stopped.await.is_err() {
                pending::<()>().await;
            }
        };
        server.serve(listener, make, shutdown).await
    });
    Running { service, stop, report }
}

/// A client that speaks bytes.
pub(crate) struct Raw<Io>(pub(crate) Io, pub(crate) Vec<u8>);

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn has(&self, header: &str) -> bool {
        self.head.to_ascii_lowercase().lines().any(|line| line == header)
    }

    /// The value of a header.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let head = self.head.to_ascii_lowercase();
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    }

    pub(crate) fn closes(&self) -> bool {
        self.has("connection: close")
    }
}

pub(crate) fn pipe(dialer: &MemoryDialer) -> Raw<DuplexStream> {
    Raw(dialer.connect(FRIEND.parse().unwrap()).unwrap(), Vec::new())
}

pub(crate) fn pipe_from(dialer: &MemoryDialer, peer: &str) -> Raw<DuplexStream> {
    Raw(dialer.connect(peer.parse().unwrap()).unwrap(), Vec::new())
}

pub(crate) async fn socket(address: SocketAddr) -> Raw<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    Raw(stream, Vec::new())
}

impl<Io: AsyncReadExt + AsyncWriteExt + Unpin> Raw<Io> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads up to and with the empty line.
    pub(crate) async fn head(&mut self) -> String {
        loop {
            if let Some(at) = self.1.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.1.drain(..at + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(self.fill().await, "closed before an answer: {:?}", self.1);
        }
    }

    /// Reads one answer; its length must be said.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let status = head[9..12].parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        assert_eq!(answer.value("transfer-encoding"), None, "{answer:?}");
        let length = match answer.value("content-length") {
            Some(length) => length.parse().unwrap(),
            None => {
                assert_eq!(status, 204, "{answer:?}");
                0
            }
        };
        while self.1.len() < length {
            assert!(self.fill().await, "closed within an answer");
        }
        answer.body = String::from_utf8(self.1.drain(..length).collect()).unwrap();
        answer
    }

    pub(crate) async fn call(&mut self, bytes: impl AsRef<[u8]>) -> Answer {
        self.send(bytes).await;
        self.answer().await
    }

    /// Reads to the end; there must be nothing more.
    pub(crate) async fn closed(&mut self) {
        while self.fill().await {}
        assert_eq!(self.1, b"");
    }

    async fn fill(&mut self) -> bool {
        self.0.read_buf(&mut self.1).await.unwrap() > 0
    }
}
