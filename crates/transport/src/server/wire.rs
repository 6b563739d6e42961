//! The wire guard: stands between the socket and hyper, knows where heads and bodies end, keeps
//! the clocks, and stops what hyper would let pass or answer differently.
//!
//! ```text
//!            inbox: bytes as read            outbox: framed bytes
//!   socket ───────▶ [head? whole, judged] ───────▶ hyper ──▶ Gate ──▶ the service
//!                        │                                     ▲
//!                        └── Verdict, one per head, in order ──┘
//! ```
//!
//! hyper gets a head only when it is whole. A head that is refused is replaced by a plain `GET`
//! with the verdict "refuse with this status"; hyper then writes the answer in its turn, after
//! the answers to the requests before it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::StatusCode;
use hyper::rt::Sleep;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ServerConfig;
use super::framing::{BodyFraming, Chunks, head_end, judge_head};
use crate::runtime::Runtime;

/// What the service gets to see instead of a refused head.
const REFUSED_HEAD: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";

const READ_STEP_BYTES: usize = 8 * 1024;

/// What is to be done with a request, said by the wire guard for each head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Pass,
    Refuse(StatusCode),
}

/// What the wire guard and the gate before the service know of one connection together.
#[derive(Debug, Default)]
pub(super) struct Shared {
    verdicts: Mutex<VecDeque<Verdict>>,
    in_flight: AtomicUsize,
    /// All heads that were released so far.
    heads: AtomicUsize,
    /// The peer has not taken yet what was written.
    writing: AtomicBool,
    stopping: AtomicBool,
    /// The connection's task, while no clock runs because a request does.
    reader: Mutex<Option<Waker>>,
}

impl Shared {
    fn released(&self, verdict: Verdict) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        self.heads.fetch_add(1, Ordering::SeqCst);
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).push_back(verdict);
    }

    /// The verdict over the next head. `None`: hyper found a head where the guard saw none.
    pub(super) fn next_verdict(&self) -> Option<Verdict> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The answer to one request is handed over to hyper whole.
    pub(super) fn answered(&self) {
        // Saturates: a head the guard did not see is never counted in.
        let _ = self
            .in_flight
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
        // hyper does not read again by itself after it was told once that nothing is there, and
        // the clocks of the next request start with a read.
        if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.wake();
        }
    }

    fn wake_when_answered(&self, waker: &Waker) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }

    /// Whether a request has been released and not been answered, to the last byte, yet.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) > 0 || self.writing.load(Ordering::SeqCst)
    }

    /// How many requests have come so far.
    pub(super) fn heads(&self) -> usize {
        self.heads.load(Ordering::SeqCst)
    }

    /// The connection ends as soon as it is idle.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
enum Framing {
    /// `scanned` bytes of the inbox hold no end of a head.
    Head {
        scanned: usize,
    },
    Length(u64),
    Chunked(Chunks),
    /// The chunked body is broken: hyper sees it too, refuses it and closes.
    Broken,
    /// A head was refused; nothing that follows is a request.
    Refused,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// No byte of the next request has come.
    Idle,
    /// Some of the head is here.
    Head,
}

/// A byte stream as hyper may see it. See the module's doc.
pub(super) struct Wire<Io> {
    io: Io,
    shared: Arc<Shared>,
    runtime: Runtime,
    config: Arc<ServerConfig>,
    /// The peer may not talk to us: every head is refused with this.
    refuse_all: Option<StatusCode>,
    inbox: BytesMut,
    outbox: BytesMut,
    framing: Framing,
    ended: bool,
    read_clock: Option<(Phase, Pin<Box<dyn Sleep>>)>,
    write_clock: Option<Pin<Box<dyn Sleep>>>,
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
            refuse_all,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            framing: Framing::Head { scanned: 0 },
            ended: false,
            read_clock: None,
            write_clock: None,
            linger_clock: None,
        }
    }

    /// Moves what is framed from the inbox to the outbox: whole heads, and bytes of a body.
    fn frame(&mut self) {
        while !self.inbox.is_empty() {
            match &mut self.framing {
                Framing::Head { scanned } => {
                    let scanned = *scanned;
                    if !self.frame_head(scanned) {
                        return;
                    }
                }
                Framing::Length(left) => {
                    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(self.inbox.len());
                    *left -= step as u64;
                    if *left == 0 {
                        self.framing = Framing::Head { scanned: 0 };
                    }
                    self.pass(step);
                }
                Framing::Chunked(chunks) => match chunks.take(&self.inbox) {
                    Ok(step) => {
                        if *chunks == Chunks::Done {
                            self.framing = Framing::Head { scanned: 0 };
                        }
                        self.pass(step);
                    }
                    Err(_) => self.framing = Framing::Broken,
                },
                Framing::Broken => self.pass(self.inbox.len()),
                Framing::Refused => self.inbox.clear(),
            }
        }
    }

    fn pass(&mut self, bytes: usize) {
        self.outbox.unsplit(self.inbox.split_to(bytes));
    }

    /// Answers whether a head was whole and is dealt with.
    fn frame_head(&mut self, mut scanned: usize) -> bool {
        // Empty lines before a request are allowed and mean nothing.
        while scanned == 0 && matches!(self.inbox.first(), Some(b'\r' | b'\n')) {
            self.inbox.advance(1);
        }
        if self.inbox.is_empty() {
            return false;
        }
        let end = head_end(&self.inbox, scanned);
        scanned = self.inbox.len();
        if end.unwrap_or(scanned) > self.config.header_bytes_max {
            self.refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            return true;
        }
        let Some(end) = end else {
            self.framing = Framing::Head { scanned };
            return false;
        };
        let judged = match self.refuse_all {
            Some(status) => Err(status),
            None => judge_head(&self.inbox[..end], self.config.body_bytes_max),
        };
        match judged {
            Ok(framing) => {
                self.framing = match framing {
                    BodyFraming::Length(0) => Framing::Head { scanned: 0 },
                    BodyFraming::Length(length) => Framing::Length(length),
                    BodyFraming::Chunked => Framing::Chunked(Chunks::START),
                };
                self.read_clock = None;
                self.shared.released(Verdict::Pass);
                self.pass(end);
            }
            Err(status) => self.refuse(status),
        }
        true
    }

    fn refuse(&mut self, status: StatusCode) {
        self.framing = Framing::Refused;
        self.read_clock = None;
        self.inbox.clear();
        self.shared.released(Verdict::Refuse(status));
        self.outbox.extend_from_slice(REFUSED_HEAD);
    }

    /// Which clock runs now. While a request is with the service, its body or its answer on the
    /// way, none does: bodies and writes have clocks of their own.
    fn phase(&self) -> Option<Phase> {
        match self.framing {
            Framing::Head { .. } if self.shared.is_busy() => None,
            Framing::Head { .. } if self.inbox.is_empty() => Some(Phase::Idle),
            Framing::Head { .. } => Some(Phase::Head),
            _ => None,
        }
    }

    /// Ready when the time of the present phase is over.
    fn poll_read_clock(&mut self, cx: &mut Context<'_>) -> Poll<Phase> {
        let Some(phase) = self.phase() else {
            self.read_clock = None;
            self.shared.wake_when_answered(cx.waker());
            return Poll::Pending;
        };
        if self.read_clock.as_ref().is_none_or(|(running, _)| *running != phase) {
            self.read_clock = Some((phase, self.runtime.sleep(self.phase_max(phase))));
        }
        if let Some((_, clock)) = &mut self.read_clock {
            ready!(clock.as_mut().poll(cx));
        }
        self.read_clock = None;
        Poll::Ready(phase)
    }

    fn phase_max(&self, phase: Phase) -> Duration {
        match (phase, self.refuse_all) {
            (Phase::Idle, None) => self.config.idle_timeout,
            // A peer that may not talk to us does not get to keep a connection.
            (Phase::Idle, Some(_)) | (Phase::Head, _) => self.config.header_read_timeout,
        }
    }

    /// Turns "nothing was written for too long" into an error.
    fn clocked_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.shared.writing.store(written.is_pending(), Ordering::SeqCst);
        if written.is_ready() {
            if self.write_clock.take().is_some() {
                // As after an answer: the clocks start with a read.
                cx.waker().wake_by_ref();
            }
            return written;
        }
        let runtime = &self.runtime;
        let max = self.config.write_timeout;
        let clock = self.write_clock.get_or_insert_with(|| runtime.sleep(max));
        ready!(clock.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer reads too slowly")))
    }

    /// Whether the peer may still be sending something we shall not read.
    fn is_unread(&self) -> bool {
        !self.ended && (!matches!(self.framing, Framing::Head { .. }) || !self.inbox.is_empty())
    }
}

impl<Io: AsyncRead + Unpin> Wire<Io> {
    /// Reads once into the inbox; answers how many bytes came.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut step = [0_u8; READ_STEP_BYTES];
        let mut buffer = ReadBuf::new(&mut step);
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
        if clock.as_mut().poll(cx).is_ready() {
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
        loop {
            this.frame();
            if !this.outbox.is_empty() {
                let step = this.outbox.len().min(buffer.remaining());
                buffer.put_slice(&this.outbox[..step]);
                this.outbox.advance(step);
                return Poll::Ready(Ok(()));
            }
            // hyper closes after the refusal; an end of input now could make it hang up first.
            if matches!(this.framing, Framing::Refused) {
                return Poll::Pending;
            }
            let idle = this.phase() == Some(Phase::Idle);
            if this.ended || idle && this.shared.is_stopping() {
                return Poll::Ready(Ok(()));
            }
            match this.poll_fill(cx) {
                Poll::Ready(Ok(count)) => this.ended = count == 0,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => match ready!(this.poll_read_clock(cx)) {
                    Phase::Idle => return Poll::Ready(Ok(())),
                    Phase::Head => this.refuse(StatusCode::REQUEST_TIMEOUT),
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
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.clocked_write(cx, flushed)
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
