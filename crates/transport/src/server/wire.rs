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

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::StatusCode;
use hyper::rt::Sleep;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ServerConfig;
use super::framing::{BodyFraming, Chunks, head_end, judge_head};
use super::shared::{Shared, Verdict};
use crate::runtime::Runtime;

/// What the service gets to see instead of a refused head.
const REFUSED_HEAD: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";

const READ_STEP_BYTES: usize = 8 * 1024;

#[derive(Debug)]
enum Framing {
    /// `scanned` bytes of the inbox hold no end of a head.
    Head {
        scanned: usize,
    },
    Length(u64),
    Chunked(Chunks),
    /// The chunked body is broken; nothing that follows can be told apart.
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
            refuse_all,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            framing: Framing::Head { scanned: 0 },
            ended: false,
            read_clock: None,
            write_clock: None,
            answer_clock: None,
            linger_clock: None,
        }
    }

    /// Moves what is framed from the inbox to the outbox: whole heads, and bytes of a body.
    fn frame(&mut self) {
        if self.inbox.is_empty() {
            return;
        }
        self.frame_inbox();
        let body_due = matches!(self.framing, Framing::Length(_) | Framing::Chunked(_));
        self.shared.set_body_due(body_due);
    }

    fn frame_inbox(&mut self) {
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
                Framing::Broken | Framing::Refused => self.inbox.clear(),
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

    /// Ready when there is no more time for the present phase.
    fn poll_read_over(&mut self, cx: &mut Context<'_>) -> Poll<Phase> {
        match self.phase() {
            Some(Phase::Idle) if self.shared.is_stopping() => Poll::Ready(Phase::Idle),
            Some(phase) if self.shared.is_asked_to_go() => Poll::Ready(phase),
            _ => self.poll_read_clock(cx),
        }
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
            if self.write_clock.take().is_some() {
                // As after an answer: the clocks start with a read.
                cx.waker().wake_by_ref();
            }
            return written;
        }
        ready!(self.poll_write_over(cx));
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
        loop {
            this.frame();
            if !this.outbox.is_empty() {
                let step = this.outbox.len().min(buffer.remaining());
                buffer.put_slice(&this.outbox[..step]);
                this.outbox.advance(step);
                return Poll::Ready(Ok(()));
            }
            if matches!(this.framing, Framing::Broken) {
                let broken = io::Error::new(io::ErrorKind::InvalidData, "no chunked body");
                return Poll::Ready(Err(broken));
            }
            // hyper closes after the refusal; an end of input now could make it hang up first.
            if matches!(this.framing, Framing::Refused) {
                return Poll::Pending;
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            match this.poll_fill(cx) {
                Poll::Ready(Ok(count)) => this.ended = count == 0,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => match ready!(this.poll_read_over(cx)) {
                    Phase::Idle => return Poll::Ready(Ok(())),
                    Phase::Head if this.shared.is_cut() => {
                        this.refuse(StatusCode::SERVICE_UNAVAILABLE);
                    }
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
