//! A process that runs out of file handles before it runs out of places.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use support::{config, pipe, sleep, start};
use tillway_transport::server::{Listener, MemoryListener};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::time::Instant;

/// Handles that are free.
#[derive(Clone)]
struct Handles(Arc<AtomicUsize>);

impl Handles {
    fn take(&self) -> bool {
        let less = |free: usize| free.checked_sub(1);
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}

/// A stream that holds a handle.
struct Held(DuplexStream, Handles);

impl Drop for Held {
    fn drop(&mut self) {
        self.1.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Held {
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

/// Accepts as long as there are handles, and fails some accepts for reasons of their peers.
struct Scarce {
    pipes: MemoryListener,
    handles: Handles,
    accepts: usize,
}

impl Listener for Scarce {
    type Io = Held;

    async fn accept(&mut self) -> Option<io::Result<(Held, SocketAddr)>> {
        self.accepts += 1;
        if self.accepts.is_multiple_of(2) {
            return Some(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if !self.handles.take() {
            return Some(Err(io::Error::other("too many open files")));
        }
        let (io, peer) = self.pipes.accept().await?.unwrap();
        Some(Ok((Held(io, self.handles.clone()), peer)))
    }
}

#[tokio::test(start_paused = true)]
async fn connections_make_room_when_handles_run_out() {
    let (pipes, dialer) = MemoryListener::new();
    let handles = Handles(Arc::new(AtomicUsize::new(3)));
    let _server = start(config(), Scarce { pipes, handles, accepts: 0 });
    let mut kept = pipe(&dialer);
    assert_eq!(kept.call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(pipe(&dialer));
        sleep(Duration::from_millis(10)).await;
    }
    let start = Instant::now();
    let mut late = pipe(&dialer);
    assert_eq!(late.call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(!kept.call("GET /a HTTP/1.1\r\n\r\n").await.closes());
    silent[0].closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_broke_before_it_was_accepted_costs_nobody_a_place() {
    let (pipes, dialer) = MemoryListener::new();
    let handles = Handles(Arc::new(AtomicUsize::new(100)));
    let _server = start(config(), Scarce { pipes, handles, accepts: 0 });
    let mut silent = pipe(&dialer);
    sleep(Duration::from_secs(2)).await;
    let start = Instant::now();
    for _ in 0..10 {
        assert_eq!(pipe(&dialer).call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(silent.call("GET /a HTTP/1.1\r\n\r\n").await.status, 200);
}
