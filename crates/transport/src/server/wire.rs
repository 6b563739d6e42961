//! The wire guard: stands between the socket and hyper, knows where heads and bodies end, and
//! stops what hyper would let pass or answer differently.
//!
//! ```text
//!                                            framed bytes
//!   socket ───────▶ [head? whole, judged] ───────▶ hyper ──▶ Gate ──▶ the service
//!                        │                                     ▲
//!                        └── Verdict, one per head, in order ──┘
//! ```
//!
//! Bytes are read into hyper's own buffer, and followed there. hyper gets a head only when it is
//! whole: what is not waits in the inbox, and goes through the outbox. A head that is refused is
//! replaced by a plain `GET` with the verdict "refuse with this status"; hyper then writes the
//! answer in its turn, after the answers to the requests before it.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use http::StatusCode;
use hyper::rt::Sleep;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ServerConfig;
use super::framer::{Framer, Next};
use super::shared::{Phase, Shared};
use crate::runtime::Runtime;

/// What the service gets to see instead of a refused head.
const REFUSED_HEAD: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";

const READ_STEP_BYTES: usize = 8 * 1024;

/// A byte stream as hyper may see it. See the module's doc.
pub(super) struct Wire<Io> {
    io: Io,
    shared: Arc<Shared>,
    runtime: Runtime,
    config: Arc<ServerConfig>,
    framer: Framer,
    /// Bytes that were not followed yet.
    inbox: BytesMut,
    /// Bytes that hyper may have.
    outbox: BytesMut,
    ended: bool,
    write_clock: Option<Pin<Box<dyn Sleep>>>,
    /// Runs while the peer takes an answer slowly; with the number of the answer.
    answer_clock: Option<(usize, Pin<Box<dyn Sleep>>)>,
    linger_clock: Option<Pin<Box<dyn Sleep>>>,
}

impl<Io> Wire<Io> {
    pub(super) fn new(
        io: Io,
        shared: Arc<Shared>,
        runtime: Runtime,
        config: Arc<ServerConfig>,
        refuse_all: Option<StatusCode>,
    ) -> Self {
        Self {
            io,
            shared,
            runtime,
            config,
            framer: Framer::new(refuse_all),
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            ended: false,
            write_clock: None,
            answer_clock: None,
            linger_clock: None,
        }
    }

    /// Moves what is framed from the inbox to the outbox: whole heads, and bytes of a body.
    fn frame(&mut self) {
        while !self.inbox.is_empty() {
            let (count, next) = self.framer.follow(&self.inbox, &self.shared, &self.config);
            self.outbox.unsplit(self.inbox.split_to(count));
            match next {
                Next::More => break,
                Next::Skip => self.inbox.advance(1),
                Next::Refuse(_) => self.refused(),
                Next::Forget => self.inbox.clear(),
            }
        }
        self.tell();
    }

    /// Tells what is waited for now.
    fn tell(&self) {
        self.shared.set_phase(self.framer.phase(self.inbox.len()));
        self.shared.set_body_due(self.framer.is_body_due());
    }

    fn refuse(&mut self, status: StatusCode) {
        self.framer.refuse(status, &self.shared);
        self.refused();
        self.tell();
    }

    fn refused(&mut self) {
        self.inbox.clear();
        self.outbox.extend_from_slice(REFUSED_HEAD);
    }

    /// Ready when an answer, or a part of it, was not taken for too long.
    fn poll_write_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.is_asked_to_go() && !self.shared.is_cut() {
            return Poll::Ready(());
        }
        let (runtime, config) = (&self.runtime, &self.config);
        let stalled = self.write_clock.get_or_insert_with(|| runtime.sleep(config.write_timeout));
        if stalled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let answers = self.shared.answers();
        if self.answer_clock.as_ref().is_none_or(|(number, _)| *number != answers) {
            self.answer_clock = Some((answers, runtime.sleep(config.answer_timeout)));
        }
        match &mut self.answer_clock {
            Some((_, slow)) => slow.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// Turns "not written for too long" into an error.
    fn clocked_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.shared.set_writing(written.is_pending());
        if written.is_ready() {
            self.write_clock = None;
            return written;
        }
        ready!(self.poll_write_over(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer reads too slowly")))
    }

    /// Whether the peer may still be sending something we shall not read.
    fn is_unread(&self) -> bool {
        !self.ended && (!self.framer.is_between() || !self.inbox.is_empty())
    }
}

impl<Io: AsyncRead + Unpin> Wire<Io> {
    /// Reads once into hyper's buffer, and leaves there what hyper may have; the rest waits in the
    /// inbox. Both boxes are empty.
    fn poll_through(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let came = buffer.filled().get(before..).unwrap_or_default();
        self.ended = came.is_empty();
        let (count, next) = self.framer.follow(came, &self.shared, &self.config);
        match next {
            Next::More | Next::Skip => {
                self.inbox.extend_from_slice(came.get(count..).unwrap_or_default());
            }
            Next::Refuse(_) => self.refused(),
            Next::Forget => {}
        }
        self.tell();
        buffer.set_filled(before + count);
        Poll::Ready(Ok(()))
    }

    /// Reads once into the inbox; answers how many bytes came.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Not filled with zeros first: a request takes a few hundred bytes of it.
        let mut step = [const { MaybeUninit::uninit() }; READ_STEP_BYTES];
        let mut buffer = ReadBuf::uninit(&mut step);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        self.inbox.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Reads and forgets, so that closing does not reset the connection before the peer has
    /// read the answer. Ready when the peer has closed or the time is over.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let runtime = &self.runtime;
        let max = self.config.linger_timeout;
        let clock = self.linger_clock.get_or_insert_with(|| runtime.sleep(max));
        if clock.as_mut().poll(cx).is_ready() || self.shared.is_asked_to_go() {
            return Poll::Ready(());
        }
        while let Ok(1..) = ready!(self.poll_fill(cx)) {
            self.inbox.clear();
        }
        Poll::Ready(())
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Wire<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        loop {
            if !this.inbox.is_empty() {
                this.frame();
            }
            if !this.outbox.is_empty() {
                let step = this.outbox.len().min(buffer.remaining());
                buffer.put_slice(&this.outbox[..step]);
                this.outbox.advance(step);
                return Poll::Ready(Ok(()));
            }
            if this.framer.is_broken() {
                let broken = io::Error::new(io::ErrorKind::InvalidData, "no chunked body");
                return Poll::Ready(Err(broken));
            }
            // hyper closes after the refusal; an end of input now could make it hang up first.
            if this.framer.is_refused() {
                return Poll::Pending;
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            let read = if this.inbox.is_empty() && buffer.remaining() > 0 {
                this.poll_through(cx, buffer)
            } else {
                this.poll_fill(cx).map_ok(|count| this.ended = count == 0)
            };
            match read {
                Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(read) => read?,
                // Not before there is nothing to read: what has come is not waited for.
                Poll::Pending => match this.shared.phase_to_end() {
                    Some(Phase::Idle) => return Poll::Ready(Ok(())),
                    Some(_) if this.shared.is_cut() => {
                        this.refuse(StatusCode::SERVICE_UNAVAILABLE);
                    }
                    Some(_) => this.refuse(StatusCode::REQUEST_TIMEOUT),
                    None => return Poll::Pending,
                },
            }
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.clocked_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever comes here has written all there was.
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        let flushed = ready!(self.clocked_write(cx, flushed));
        if !self.shared.is_busy() {
            self.answer_clock = None;
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger_clock.is_none() {
            let shut = Pin::new(&mut self.io).poll_shutdown(cx);
            ready!(self.clocked_write(cx, shut))?;
        }
        if self.is_unread() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
