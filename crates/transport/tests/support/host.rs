//! A server on a socket that counts its connections, and healthy clients to it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tillway_transport::server::{Server, ServerConfig, StopReport};
use tillway_transport::{BoxError, RequestBody, Runtime};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::{Odd, Raw, Reply, spawn};

/// How long a test waits in real time for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// More than the sockets of both sides hold, so that its writer must wait for its reader.
const HUGE_BYTES: usize = 64 * 1024 * 1024;

/// The connections of a server: each holds one of these.
struct Place(Arc<watch::Sender<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// Serves [`Odd`], and `/huge`.
#[derive(Clone)]
struct Counted {
    odd: Odd,
    _place: Arc<Place>,
}

impl tower_service::Service<Request<RequestBody>> for Counted {
    type Response = Reply;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.odd.poll_ready(cx)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        static HUGE: OnceLock<Bytes> = OnceLock::new();
        if request.uri().path() == "/huge" {
            let body = HUGE.get_or_init(|| vec![b'x'; HUGE_BYTES].into()).clone();
            let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
            return Box::pin(async { Ok(Response::new(body)) });
        }
        self.odd.call(request)
    }
}

/// A running server that counts.
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    open: Arc<watch::Sender<usize>>,
    admitted: Arc<watch::Sender<usize>>,
    most: Arc<AtomicUsize>,
    odd: Odd,
    stop: oneshot::Sender<()>,
    report: JoinHandle<StopReport>,
}

impl Host {
    /// Serves on a port of its own.
    pub(crate) async fn start(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(watch::Sender::new(0));
        let admitted = Arc::new(watch::Sender::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let odd = Odd::default();
        let make = {
            let (open, most, odd) = (Arc::clone(&open), Arc::clone(&most), odd.clone());
            let admitted = Arc::clone(&admitted);
            move |_| {
                admitted.send_modify(|admitted| *admitted += 1);
                open.send_modify(|open| *open += 1);
                most.fetch_max(*open.borrow(), Ordering::SeqCst);
                let place = Arc::new(Place(Arc::clone(&open)));
                Some(Counted { odd: odd.clone(), _place: place })
            }
        };
        let (stop, stopped) = oneshot::channel();
        let report = spawn(async move {
            let server = Server::new(config, Runtime::tokio());
            server.serve(listener, make, async move { drop(stopped.await) }).await
        });
        Self { address, open, admitted, most, odd, stop, report }
    }

    /// How often the service was called.
    pub(crate) fn calls(&self) -> usize {
        self.odd.calls()
    }

    /// How many connections were served at once at most.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    /// Ready when so many connections were served or are.
    pub(crate) async fn has_admitted(&self, least: usize) {
        let mut admitted = self.admitted.subscribe();
        let reached = async { drop(admitted.wait_for(|n| *n >= least).await.unwrap()) };
        patiently(&format!("{least} connections"), reached).await;
    }

    /// Ready when no connection is left.
    pub(crate) async fn is_empty(&self) {
        let mut open = self.open.subscribe();
        let reached = async { drop(open.wait_for(|open| *open == 0).await.unwrap()) };
        patiently("the last connection to end", reached).await;
    }

    /// Makes requests on connections of their own, all of which must be answered.
    pub(crate) async fn answers(&self, times: usize) {
        let work = async {
            for time in 0..times {
                let mut raw = self.connect().await;
                let answer = raw.call("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi").await;
                assert_eq!((answer.status, &*answer.body), (200, "POST /a hi"), "{time}");
            }
        };
        patiently("healthy clients", work).await;
    }

    /// Makes requests over one connection, all of which must be answered.
    pub(crate) async fn answers_kept(&self, times: usize) {
        let work = async {
            let mut raw = self.connect().await;
            for time in 0..times {
                assert_eq!(raw.call("GET /b HTTP/1.1\r\n\r\n").await.body, "GET /b ", "{time}");
            }
        };
        patiently("a healthy client", work).await;
    }

    /// A connection that speaks bytes.
    pub(crate) async fn connect(&self) -> Raw<TcpStream> {
        super::socket(self.address).await
    }

    /// A connection whose side here holds next to nothing unread.
    pub(crate) async fn connect_narrow(&self) -> Raw<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        Raw(socket.connect(self.address).await.unwrap(), Vec::new())
    }

    /// Tells the server to stop, and waits for it.
    pub(crate) async fn stop(self) -> StopReport {
        let _ = self.stop.send(());
        patiently("the stop", self.report).await.unwrap()
    }
}

/// Waits for what must come, but not for ever.
#[expect(clippy::disallowed_methods, reason = "real time bounds a test that went wrong")]
pub(crate) async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("still waiting for {what}"),
    }
}
