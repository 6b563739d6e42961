//! Where connections come from.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::mpsc;

/// A source of connections.
pub trait Listener: Send + 'static {
    /// A byte stream to one peer.
    type Io: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Waits for the next connection. `None`: there will be no more, and the server drains.
    ///
    /// Dropping the future loses no connection. Errors are logged and accepting goes on after a
    /// short pause, so an implementation need not retry.
    fn accept(&mut self)
    -> impl Future<Output = Option<io::Result<(Self::Io, SocketAddr)>>> + Send;
}

#[cfg(feature = "tokio")]
impl Listener for tokio::net::TcpListener {
    type Io = tokio::net::TcpStream;

    async fn accept(&mut self) -> Option<io::Result<(Self::Io, SocketAddr)>> {
        let accepted = tokio::net::TcpListener::accept(self).await;
        if let Ok((stream, _)) = &accepted {
            // Answers are small and go out whole; waiting for more to send only costs time.
            let _ = stream.set_nodelay(true);
        }
        Some(accepted)
    }
}

/// A listener whose connections are byte pipes in memory: real HTTP bytes, no sockets.
///
/// Each end of a pipe buffers [`MemoryListener::PIPE_BYTES`].
#[derive(Debug)]
pub struct MemoryListener {
    queue: mpsc::UnboundedReceiver<(DuplexStream, SocketAddr)>,
}

/// The other side of a [`MemoryListener`]: makes connections to it. When the last dialer is
/// dropped, the listener ends.
#[derive(Clone, Debug)]
pub struct MemoryDialer {
    queue: mpsc::UnboundedSender<(DuplexStream, SocketAddr)>,
}

impl MemoryListener {
    /// How many bytes a pipe holds in each direction before its writer waits.
    pub const PIPE_BYTES: usize = 64 * 1024;

    /// A listener and the way to reach it.
    #[must_use]
    pub fn new() -> (Self, MemoryDialer) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { queue: receiver }, MemoryDialer { queue: sender })
    }
}

impl MemoryDialer {
    /// Connects as `peer`, the address the server will see.
    ///
    /// # Errors
    /// `ConnectionRefused` when the listener is gone.
    pub fn connect(&self, peer: SocketAddr) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(MemoryListener::PIPE_BYTES);
        self.queue
            .send((far, peer))
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(near)
    }
}

impl Listener for MemoryListener {
    type Io = DuplexStream;

    async fn accept(&mut self) -> Option<io::Result<(Self::Io, SocketAddr)>> {
        self.queue.recv().await.map(Ok)
    }
}
