//! The multipart answer: loyalty data with a photo (W37 to W40).
//!
//! Part names are unquoted, as in the vendor's sample: a .NET reader takes quotes for a part of
//! the name.

use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use http::HeaderValue;
use http::header::ACCEPT;

/// The largest photo that is sent, in bytes (W40).
pub(crate) const PHOTO_BYTES_MAX: usize = 512 * 1024;

/// Whether these bytes are sent as a photo: JPEG or PNG, not too large.
pub(crate) fn is_photo(bytes: &[u8]) -> bool {
    let known = bytes.starts_with(b"\xFF\xD8\xFF") || bytes.starts_with(b"\x89PNG\r\n\x1A\n");
    known && bytes.len() <= PHOTO_BYTES_MAX
}

/// Whether the peer takes a multipart answer: it does unless `Accept` names other types only.
pub(crate) fn is_accepted(headers: &http::HeaderMap) -> bool {
    let mut named = false;
    for value in headers.get_all(ACCEPT) {
        let Ok(value) = value.to_str() else { continue };
        for range in value.split(',').filter(|range| !range.trim().is_empty()) {
            named = true;
            let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
            let kind = parts.next().unwrap_or_default();
            let refused = parts.any(|part| {
                part.strip_prefix("q=").is_some_and(|q| q.bytes().all(|b| matches!(b, b'0' | b'.')))
            });
            if matches!(kind.as_str(), "multipart/form-data" | "multipart/*" | "*/*") && !refused {
                return true;
            }
        }
    }
    !named
}

/// The body of a multipart answer and its `Content-Type`.
#[derive(Debug)]
pub(crate) struct Multipart {
    pub(crate) content_type: HeaderValue,
    pub(crate) body: Bytes,
}

impl Multipart {
    /// Part `loyalty` first, then `photo`. `None` only if no header can hold the boundary, which
    /// has letters and digits alone.
    pub(crate) fn of(loyalty: &[u8], photo: &[u8]) -> Option<Self> {
        let boundary = boundary(loyalty, photo);
        let content_type = format!("multipart/form-data; boundary={boundary}");
        let mut body = Vec::with_capacity(loyalty.len() + photo.len() + 512);
        let head = format!(
            "--{boundary}\r\nContent-Type: application/json\r\n\
             Content-Disposition: form-data; name=loyalty\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(loyalty);
        let middle =
            format!("\r\n--{boundary}\r\nContent-Disposition: form-data; name=photo\r\n\r\n");
        body.extend_from_slice(middle.as_bytes());
        body.extend_from_slice(photo);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let content_type = HeaderValue::try_from(content_type).ok()?;
        Some(Self { content_type, body: body.into() })
    }
}

/// A text that occurs in neither part. The same parts give the same one.
fn boundary(loyalty: &[u8], photo: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(loyalty);
    hasher.write(photo);
    let mut seed = hasher.finish();
    loop {
        let text = format!("tillway-{seed:016x}");
        if !contains(loyalty, text.as_bytes()) && !contains(photo, text.as_bytes()) {
            return text;
        }
        // Parts of a megabyte hold less than 2^20 of 2^64 texts, so this ends.
        seed = seed.wrapping_add(1);
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 not really \xFF\xD9";

    #[test]
    fn w39_the_syntax_of_the_sample() {
        let multipart = Multipart::of(b"{\"productSKUs\":[]}", JPEG).unwrap();
        let content_type = multipart.content_type.to_str().unwrap();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        assert!((1..=60).contains(&boundary.len()));
        assert!(boundary.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{boundary}");
        let mut expected = format!(
            "--{boundary}\r\nContent-Type: application/json\r\n\
             Content-Disposition: form-data; name=loyalty\r\n\r\n\
             {{\"productSKUs\":[]}}\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=photo\r\n\r\n"
        )
        .into_bytes();
        expected.extend_from_slice(JPEG);
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert_eq!(multipart.body, expected);
    }

    #[test]
    fn w39_the_boundary_is_not_in_the_photo() {
        let first = boundary(b"{}", JPEG);
        let mut photo = JPEG.to_vec();
        photo.extend_from_slice(first.as_bytes());
        let second = boundary(b"{}", &photo);
        assert!(!contains(&photo, second.as_bytes()));
    }

    #[test]
    fn w40_photos_are_jpeg_or_png_of_a_size() {
        let sized = |len: usize| {
            let mut photo = JPEG.to_vec();
            photo.resize(len, 0);
            photo
        };
        assert!(is_photo(&sized(PHOTO_BYTES_MAX)));
        assert!(!is_photo(&sized(PHOTO_BYTES_MAX + 1)));
        assert!(is_photo(b"\x89PNG\r\n\x1A\nrest"));
        for other in [&b"GIF89a"[..], b"", b"\xFF\xD8", b"<svg/>"] {
            assert!(!is_photo(other), "{other:?}");
        }
    }

    #[test]
    fn w38_accept_may_leave_multipart_out() {
        let rows = [
            (None, true),
            (Some(""), true),
            (Some("*/*"), true),
            (Some("application/json, multipart/form-data"), true),
            (Some("application/json, */*;q=0.1"), true),
            (Some("Multipart/*"), true),
            (Some("application/json"), false),
            (Some("application/json, multipart/form-data; q=0"), false),
            (Some("application/json, text/plain"), false),
        ];
        for (accept, accepted) in rows {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(is_accepted(&headers), accepted, "{accept:?}");
        }
    }
}
