//! Answers as a strict client reads them, and a runtime whose time is virtual.

use std::future::Future;

use tokio::runtime::Builder;

/// A final answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The one header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let value = found.next().map(|(_, value)| value);
        assert!(found.next().is_none(), "{name} twice in {self:?}");
        value.map(|value| core::str::from_utf8(value).expect("a header in UTF-8"))
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// Whether an answer with this status has no body whatever its head says.
    fn is_bare(status: u16) -> bool {
        status == 204 || status == 304 || status < 200
    }
}

/// The first answer in `bytes` and what follows it; `None` while it is not whole. What can never
/// become an answer is a finding. `to_head`: the request was `HEAD`.
pub(crate) fn answer(bytes: &[u8], to_head: bool) -> Option<(Answer, &[u8])> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes).expect("a well-formed head of an answer") {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return None,
    };
    let status = head.code.expect("a status");
    let headers = head.headers.iter();
    let headers = headers.map(|h| (h.name.to_ascii_lowercase(), h.value.to_vec())).collect();
    let rest = &bytes[length..];
    if status == 100 {
        return answer(rest, to_head);
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    assert!((200..600).contains(&status), "{answer:?}");
    assert_eq!(answer.header("transfer-encoding"), None, "never chunked");
    let announced = answer.header("content-length").map(|text| text.parse::<usize>());
    let announced = announced.transpose().expect("a length is a number");
    if Answer::is_bare(status) || !to_head {
        assert_eq!(announced.is_none(), Answer::is_bare(status), "an exact length: {answer:?}");
    }
    let length = if to_head { 0 } else { announced.unwrap_or(0) };
    let (body, rest) = rest.split_at_checked(length)?;
    answer.body = body.to_vec();
    Some((answer, rest))
}

/// Runs to the end. Time stands still while there is something to do, and jumps to the next timer
/// when there is not.
pub(crate) fn simulated<T>(work: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}
