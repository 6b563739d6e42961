//! The headers that go with a message, as they are stored beside it: a line each.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::dialect::Letters;

/// Headers of a message: one for the type of its body, the others are its signature's.
const LINES_MAX: usize = 16;

/// The type of a body in these letters.
pub(super) fn content_type(letters: Letters) -> HeaderValue {
    match letters {
        Letters::Utf8 => HeaderValue::from_static("application/xml; charset=utf-8"),
        Letters::Windows1251 => HeaderValue::from_static("application/xml; charset=windows-1251"),
    }
}

/// `None` when there are more than a message has.
pub(super) fn write(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if headers.len() > LINES_MAX {
        return None;
    }
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.push(b'\n');
    }
    Some(out)
}

/// `None` when they are not what [`write`] made.
pub(super) fn read(bytes: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (count, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\n").filter(|_| count < LINES_MAX)?;
        let colon = line.windows(2).position(|pair| pair == b": ")?;
        let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
        let value = HeaderValue::from_bytes(line.get(colon.checked_add(2)?..)?).ok()?;
        headers.append(name, value);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&write(&headers).unwrap()), Some(headers.clone()));
        headers.insert(http::header::CONTENT_TYPE, content_type(Letters::Utf8));
        headers.append("x-a", HeaderValue::from_static("1: 2"));
        headers.append("x-a", HeaderValue::from_static(""));
        assert_eq!(read(&write(&headers).unwrap()), Some(headers.clone()));
        for bytes in [&b"x"[..], b"x: 1", b"x\n", b": 1\n", b"a b: 1\n", b"a: \x01\n"] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
        assert_eq!(read(&b"a: 1\n".repeat(17)), None);
    }
}
