//! The body of an answer, whole or broken off.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tillway_transport::BoxError;

/// What an answer announces that breaks off: more than the server loop reads before it writes, or
/// it would answer 500 instead.
const CUT_BYTES: usize = 64 * 1024;

/// The body of an answer, or nothing and a connection that breaks.
#[derive(Clone, Debug)]
pub struct AnswerBody {
    part: Bytes,
    cut: bool,
}

impl AnswerBody {
    pub(super) fn whole(status: StatusCode, part: Bytes) -> Response<Self> {
        let mut response = Response::new(Self { part, cut: false });
        *response.status_mut() = status;
        response
    }

    /// The connection breaks instead of an answer.
    pub(super) fn broken() -> Response<Self> {
        Response::new(Self { part: Bytes::new(), cut: true })
    }

    /// Half of it is lost.
    pub(super) fn halve(&mut self) {
        let half = self.part.len() / 2;
        self.part.truncate(half);
    }

    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.part)
    }

    pub(super) fn put(&mut self, part: Bytes) {
        self.part = part;
    }

    /// The bytes, unless the connection breaks.
    pub(super) fn into_whole(self) -> Option<Bytes> {
        (!self.cut).then_some(self.part)
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let part = std::mem::take(&mut self.part);
        Poll::Ready(if !part.is_empty() {
            Some(Ok(Frame::data(part)))
        } else if self.cut {
            Some(Err("the simulated processing breaks the connection".into()))
        } else {
            None
        })
    }

    fn is_end_stream(&self) -> bool {
        self.part.is_empty() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        let bytes = if self.cut { CUT_BYTES } else { self.part.len() };
        SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}
