//! Where a request's head ends and where its body ends, without any I/O.
//!
//! The rules are stricter than hyper's, never looser: whatever passes here, hyper frames the
//! same way, so that body bytes are never taken for a head.

use std::mem::MaybeUninit;

use http::StatusCode;

/// How many header lines a head may have.
const HEADERS_MAX: usize = 100;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyFraming {
    /// Exactly this many bytes; 0 when the head announces no body.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// Finds the empty line that ends a head; answers the length of the head with it.
///
/// `from` is where the last search stopped. A lone LF ends a line, as it does for hyper.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    // The empty line is LF LF or LF CR LF, so a match may begin two bytes before `from`.
    let start = from.saturating_sub(2);
    let tail = bytes.get(start..)?;
    for (index, byte) in tail.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        match tail.get(index + 1..) {
            Some([b'\n', ..]) => return Some(start + index + 2),
            Some([b'\r', b'\n', ..]) => return Some(start + index + 3),
            _ => {}
        }
    }
    None
}

/// Judges a whole head: how its body is framed, or the status to refuse it with.
pub(super) fn judge_head(head: &[u8], body_bytes_max: usize) -> Result<BodyFraming, StatusCode> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut headers) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(StatusCode::BAD_REQUEST),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    }
    judge(&request, body_bytes_max)
}

/// Finds and judges the head that these bytes begin with; `None` when it is not whole, or bad.
pub(super) fn whole_head(
    bytes: &[u8],
    body_bytes_max: usize,
) -> Option<(usize, Result<BodyFraming, StatusCode>)> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete(length)) => Some((length, judge(&request, body_bytes_max))),
        _ => None,
    }
}

fn judge(
    request: &httparse::Request<'_, '_>,
    body_bytes_max: usize,
) -> Result<BodyFraming, StatusCode> {
    // A tunnel has no framing we could follow.
    if request.method == Some("CONNECT") {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    let old = request.version == Some(0);
    let length = content_length(request.headers)?;
    let mut codings =
        request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case("transfer-encoding"));
    let Some(coding) = codings.next() else {
        let length = length.unwrap_or(0);
        return match usize::try_from(length) {
            Ok(bytes) if bytes <= body_bytes_max => Ok(BodyFraming::Length(length)),
            _ => Err(StatusCode::PAYLOAD_TOO_LARGE),
        };
    };
    // Two framings at once are how requests are smuggled past one of two readers.
    if length.is_some() || old || codings.next().is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    if coding.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
        Ok(BodyFraming::Chunked)
    } else {
        Err(StatusCode::NOT_IMPLEMENTED)
    }
}

fn content_length(headers: &[httparse::Header<'_>]) -> Result<Option<u64>, StatusCode> {
    let mut found = None;
    for header in headers.iter().filter(|h| h.name.eq_ignore_ascii_case("content-length")) {
        let value = header.value.trim_ascii();
        if found.is_some() || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let text = std::str::from_utf8(value).map_err(|_| StatusCode::BAD_REQUEST)?;
        found = Some(text.parse().map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?);
    }
    Ok(found)
}

/// Follows a chunked body byte by byte, remembering only where it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Chunks {
    Size {
        value: u64,
        digits: u8,
    },
    Extension {
        value: u64,
    },
    SizeLf {
        value: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    /// At the beginning of a trailer line, or of the empty line that ends the body.
    LineStart,
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

/// The bytes are not a chunked body.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct BadChunk;

impl Chunks {
    pub(super) const START: Self = Self::Size { value: 0, digits: 0 };

    /// Takes what belongs to the body from the front of `bytes` and answers how much that was.
    ///
    /// Less than all of it is taken only when the body is [`Chunks::Done`].
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<usize, BadChunk> {
        let mut at = 0;
        while at < bytes.len() && *self != Self::Done {
            if let Self::Data { left } = *self {
                let step = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += step;
                let left = left - step as u64;
                *self = if left == 0 { Self::DataCr } else { Self::Data { left } };
            } else {
                *self = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    fn step(self, byte: u8) -> Result<Self, BadChunk> {
        Ok(match (self, byte) {
            // Fifteen digits are beyond any limit and still fit into 64 bits.
            (Self::Size { value, digits: digits @ 0..15 }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).ok_or(BadChunk)?;
                Self::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Self::Size { value, digits: 1.. } | Self::Extension { value }, b'\r') => {
                Self::SizeLf { value }
            }
            (Self::Size { value, digits: 1.. }, b';' | b' ' | b'\t') => Self::Extension { value },
            (Self::Extension { .. } | Self::LineStart | Self::Trailer, b'\n') => {
                return Err(BadChunk);
            }
            (Self::Extension { value }, _) => Self::Extension { value },
            (Self::SizeLf { value: 0 }, b'\n') => Self::LineStart,
            (Self::SizeLf { value }, b'\n') => Self::Data { left: value },
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::START,
            (Self::LineStart, b'\r') => Self::EndLf,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::LineStart | Self::Trailer, _) => Self::Trailer,
            (Self::TrailerLf, b'\n') => Self::LineStart,
            (Self::EndLf, b'\n') => Self::Done,
            _ => return Err(BadChunk),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(lines: &str) -> Result<BodyFraming, StatusCode> {
        judge_head(format!("{lines}\r\n\r\n").as_bytes(), 100)
    }

    #[test]
    fn heads_are_judged() {
        let bad = Err(StatusCode::BAD_REQUEST);
        let many = format!("GET / HTTP/1.1{}", "\r\na: b".repeat(HEADERS_MAX + 1));
        let rows: &[(&str, Result<BodyFraming, StatusCode>)] = &[
            ("GET / HTTP/1.1", Ok(BodyFraming::Length(0))),
            ("POST / HTTP/1.1\r\nContent-Length: 7", Ok(BodyFraming::Length(7))),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: Chunked", Ok(BodyFraming::Chunked)),
            ("POST / HTTP/1.1\r\nContent-Length: +7", bad),
            ("POST / HTTP/1.1\r\nContent-Length:", bad),
            ("POST / HTTP/1.1\r\nContent-Length: 7\r\nContent-Length: 7", bad),
            ("POST / HTTP/1.1\r\nContent-Length: 7\r\nTransfer-Encoding: chunked", bad),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked", bad),
            ("nonsense", bad),
            ("POST / HTTP/1.1\r\nContent-Length: 101", Err(StatusCode::PAYLOAD_TOO_LARGE)),
            (
                "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999",
                Err(StatusCode::PAYLOAD_TOO_LARGE),
            ),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip", Err(StatusCode::NOT_IMPLEMENTED)),
            ("CONNECT a:1 HTTP/1.1", Err(StatusCode::NOT_IMPLEMENTED)),
            (&many, Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)),
        ];
        for (lines, expected) in rows {
            assert_eq!(&judge(lines), expected, "{lines}");
            // At once it is judged the same way, or left for later, whatever comes behind it.
            let head = format!("{lines}\r\n\r\n");
            for behind in ["", "\n", "\r\n", "GET / HTTP/1.1\r\n\r\n", "body"] {
                let bytes = format!("{head}{behind}");
                match whole_head(bytes.as_bytes(), 100) {
                    Some(found) => assert_eq!(found, (head.len(), *expected), "{bytes}"),
                    None => assert!(expected.is_err(), "{bytes}"),
                }
            }
        }
    }

    #[test]
    fn the_end_of_a_head_is_found_however_it_arrives() {
        for head in ["GET / HTTP/1.1\r\na: b\r\n\r\n", "GET / HTTP/1.1\na: b\n\n"] {
            let bytes = format!("{head}GET");
            for cut in 0..head.len() {
                assert_eq!(head_end(&bytes.as_bytes()[..cut], 0), None, "{cut}");
                assert_eq!(whole_head(&bytes.as_bytes()[..cut], 100), None, "{cut}");
                assert_eq!(head_end(bytes.as_bytes(), cut), Some(head.len()), "{cut}");
            }
        }
    }

    #[test]
    fn chunked_bodies_end_where_they_end() {
        let body = b"5;a=b\r\nhello\r\n0A\r\n0123456789\r\n0\r\nt: 1\r\n\r\nGET / HTTP/1.1";
        let length = body.len() - b"GET / HTTP/1.1".len();
        for cut in 0..body.len() {
            let mut chunks = Chunks::START;
            let first = chunks.take(&body[..cut]).unwrap();
            let second = chunks.take(&body[first..]).unwrap();
            assert_eq!((chunks, first + second), (Chunks::Done, length), "{cut}");
        }
        // A reader before us may take a lone LF for the end of a line, and another request for
        // what we take for trailers.
        let lone_lf = ["0\r\n\n", "0\r\nt: 1\n", "0\r\nt: 1\r\nu\n\r\n", "1;a\n"];
        let bad = ["x", "\r\n", "5\n", "1\r\nab", "1234567890123456\r\n"];
        for bad in bad.into_iter().chain(lone_lf) {
            let mut chunks = Chunks::START;
            assert_eq!(chunks.take(bad.as_bytes()), Err(BadChunk), "{bad}");
        }
    }
}
