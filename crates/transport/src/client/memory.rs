//! A network in memory: services under authority names, reached by real HTTP bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::watch;
use tower_service::Service;

use super::exchange::exchange;
use super::{HttpTransport, TransportError};
use crate::body::{BoxError, RequestBody};
use crate::runtime::{Runtime, Task};
use crate::server::{MemoryListener, PeerInfo, Server, ServerConfig, Stop};

/// A network in memory. Cheap to clone; clones are the same network.
///
/// Services are registered under authority names (`waiter:8080`; the port defaults to 80) and
/// served by the same server loop as over sockets. Give it a simulator's [`Runtime`] and nothing
/// in it depends on real time. Answers carry no `Date`.
///
/// It does not imitate: latency, packet loss, TCP's backlog, name resolution; there is no limit
/// of connections. Faults come from
/// [`FaultyTransport`](crate::fault::FaultyTransport).
#[derive(Clone)]
pub struct MemoryNet {
    server: Server,
    runtime: Runtime,
    hosts: Arc<Mutex<BTreeMap<String, Host>>>,
}

struct Host {
    /// Makes the task that serves a new connection.
    accept: Arc<Accept>,
    /// Dropping it cuts the host's connections.
    stop: watch::Sender<Stop>,
}

type Accept = dyn Fn(DuplexStream, PeerInfo, watch::Receiver<Stop>) -> Task + Send + Sync;

impl MemoryNet {
    /// An empty network whose servers have these limits (`date_header` is turned off).
    #[must_use]
    pub fn new(mut config: ServerConfig, runtime: Runtime) -> Self {
        config.date_header = false;
        let server = Server::new(config, runtime.clone());
        Self { server, runtime, hosts: Arc::default() }
    }

    /// Puts a host on the network; `make` is asked per connection, as in
    /// [`Server::serve`]. A host of the same name is replaced and its connections are cut.
    pub fn register<M, S, B>(&self, authority: &str, make: M)
    where
        M: Fn(PeerInfo) -> Option<S> + Send + Sync + 'static,
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let server = self.server.clone();
        let accept = move |io, peer, stopping| server.connection(io, make(peer), stopping);
        let host = Host { accept: Arc::new(accept), stop: watch::Sender::new(Stop::Run) };
        self.lock().insert(normal(authority), host);
    }

    /// Takes a host off the network, as pulling its plug would: its connections are cut, running
    /// calls are dropped, nothing more is served, new connections are refused. Answers whether
    /// there was one.
    pub fn remove(&self, authority: &str) -> bool {
        self.lock().remove(&normal(authority)).is_some()
    }

    /// Opens a byte stream to a host, for tests that speak bytes.
    ///
    /// # Errors
    /// `ConnectionRefused` when there is no such host.
    pub fn connect(&self, authority: &str, peer: SocketAddr) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(MemoryListener::PIPE_BYTES);
        // The host's closure runs without the lock: it may use the network itself.
        let found = self
            .lock()
            .get(&normal(authority))
            .map(|host| (Arc::clone(&host.accept), host.stop.subscribe()));
        let Some((accept, stopping)) = found else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        self.runtime.spawn(accept(far, PeerInfo::new(peer), stopping));
        Ok(near)
    }

    /// A client on this network whose connections come from `peer`.
    #[must_use]
    pub fn client(&self, peer: SocketAddr) -> MemoryClient {
        let client = Client::builder(self.runtime.clone())
            .timer(self.runtime.clone())
            .pool_timer(self.runtime.clone())
            .build(Connector { net: self.clone(), peer });
        MemoryClient { client, runtime: self.runtime.clone() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNet").field("hosts", &self.lock().keys()).finish_non_exhaustive()
    }
}

fn normal(authority: &str) -> String {
    let name = authority.to_ascii_lowercase();
    // The colons inside the brackets of an IPv6 address are no port.
    let port = name.rsplit(']').next().is_some_and(|tail| tail.contains(':'));
    if port { name } else { format!("{name}:80") }
}

/// [`HttpTransport`] over a [`MemoryNet`]. Cheap to clone; keeps connections like a real client.
#[derive(Clone)]
pub struct MemoryClient {
    client: Client<Connector, Full<Bytes>>,
    runtime: Runtime,
}

#[async_trait]
impl HttpTransport for MemoryClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        exchange(&self.client, &self.runtime, request).await
    }
}

impl fmt::Debug for MemoryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryClient").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Connector {
    net: MemoryNet,
    peer: SocketAddr,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Pipe>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Pipe>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let connected = self.net.connect(authority, self.peer);
        Box::pin(async move { connected.map(|stream| TokioIo::new(Pipe(stream))) })
    }
}

/// The client's end of a pipe, with what hyper-util wants to know of a connection.
struct Pipe(DuplexStream);

impl Connection for Pipe {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
