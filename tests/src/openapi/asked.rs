//! What was asked on a connection, read off the bytes that were sent.

/// How many headers a request of the tests has at most; the service takes no more either.
const HEADERS_MAX: usize = 100;

/// The requests of a connection whose answers are still to come.
#[derive(Debug, Default)]
pub struct Asked {
    sent: Vec<u8>,
    /// The bytes are no requests, or their end cannot be seen: nothing more is known.
    lost: bool,
}

/// A request, as far as an answer is judged by it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
}

impl Asked {
    /// Remembers what was sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        if !self.lost {
            self.sent.extend_from_slice(bytes);
        }
    }

    /// The request that the next answer is for; `None` when that cannot be told.
    pub fn take(&mut self) -> Option<Line> {
        let taken = if self.lost { None } else { first(&mut self.sent) };
        if taken.is_none() {
            self.lost = true;
            self.sent.clear();
        }
        taken
    }
}

/// Takes a request off the front. One without its whole body is the last that is known.
fn first(sent: &mut Vec<u8>) -> Option<Line> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(sent).ok()? else { return None };
    let line = Line { method: request.method?.to_owned(), target: request.path?.to_owned() };
    let value = |name: &str| {
        let mut all = request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case(name));
        all.next().map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    let length = value("content-length").and_then(|text| text.parse::<usize>().ok());
    let chunked = value("transfer-encoding").is_some();
    let end = match chunked {
        true => sent[head..].windows(5).position(|w| w == b"0\r\n\r\n").map(|at| head + at + 5),
        false => Some(head + length.unwrap_or(0)),
    };
    match end {
        Some(end) if end <= sent.len() => drop(sent.drain(..end)),
        _ => sent.clear(),
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: &str, target: &str) -> Option<Line> {
        Some(Line { method: method.to_owned(), target: target.to_owned() })
    }

    #[test]
    fn requests_are_seen_behind_each_other() {
        let mut asked = Asked::default();
        asked.sent(b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /b?c HTTP/1.1\r\n\r\n");
        asked.sent(b"PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
        asked.sent(b"0\r\n\r\nGET /e HTTP/1.1\r\n\r\n");
        assert_eq!(asked.take(), line("POST", "/a"));
        assert_eq!(asked.take(), line("GET", "/b?c"));
        assert_eq!(asked.take(), line("PUT", "/d"));
        assert_eq!(asked.take(), line("GET", "/e"));
        assert_eq!(asked.take(), None);
    }

    #[test]
    fn what_is_no_request_is_not_guessed() {
        let mut asked = Asked::default();
        asked.sent(b"POST /a HTTP");
        assert_eq!(asked.take(), None);
        asked.sent(b"/1.1\r\n\r\n");
        assert_eq!(asked.take(), None);
    }
}
