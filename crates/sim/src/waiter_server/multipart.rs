//! `multipart/form-data` as a .NET reader takes it: a quote around a name is a part of the name.

/// One part.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Part<'a> {
    /// The name as it stands, quotes included.
    pub(super) name: &'a str,
    pub(super) content_type: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// The boundary that a content type names; none when it is another type, quoted, or too long.
pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=")?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    ((1..=60).contains(&boundary.len()) && boundary.bytes().all(fits)).then_some(boundary)
}

/// Takes a body apart. Strict: CRLF line ends, a closing delimiter, nothing before and after.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, &'static str> {
    let first = format!("--{boundary}\r\n");
    let next = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(first.as_bytes()).ok_or("no delimiter at the beginning")?;
    let mut parts = Vec::new();
    loop {
        let end = find(rest, next.as_bytes()).ok_or("no closing delimiter")?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + next.len()..];
        if let Some(after) = rest.strip_prefix(b"\r\n") {
            rest = after;
        } else if matches!(rest, b"--" | b"--\r\n") {
            return Ok(parts);
        } else {
            return Err("something after a delimiter");
        }
    }
}

fn part(part: &[u8]) -> Result<Part<'_>, &'static str> {
    let end = find(part, b"\r\n\r\n").ok_or("a part without a head")?;
    let head = std::str::from_utf8(&part[..end]).map_err(|_| "a head that is no text")?;
    let (mut name, mut content_type) = (None, None);
    for line in head.split("\r\n") {
        let (field, value) = line.split_once(": ").ok_or("a line of a head without a colon")?;
        match field.to_ascii_lowercase().as_str() {
            "content-disposition" => {
                name = value.strip_prefix("form-data; name=");
            }
            "content-type" => content_type = Some(value),
            _ => {}
        }
    }
    let name = name.ok_or("a part without a name")?;
    Ok(Part { name, content_type, body: &part[end + 4..] })
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=b-1";

    #[test]
    fn names_are_taken_as_they_stand() {
        let body = b"--b-1\r\nContent-Type: application/json\r\n\
            Content-Disposition: form-data; name=loyalty\r\n\r\n{}\r\n--b-1\r\n\
            Content-Disposition: form-data; name=photo\r\n\r\n\xff\xd8\r\n\r\n\xff\r\n--b-1--\r\n";
        let read = parts(body, boundary(TYPE).unwrap()).unwrap();
        let json = Some("application/json");
        assert_eq!(read[0], Part { name: "loyalty", content_type: json, body: b"{}" });
        let photo: &[u8] = b"\xff\xd8\r\n\r\n\xff";
        assert_eq!(read[1], Part { name: "photo", content_type: None, body: photo });
        let quoted = b"--b-1\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nx\r\n--b-1--";
        assert_eq!(parts(quoted, "b-1").unwrap()[0].name, "\"photo\"");
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "--b-1\r\n",
            "--b-1\n\n\n--b-1--",
            "--b-1\r\nContent-Disposition: form-data; name=a\r\n\r\nx",
            "--b-1\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b-1",
            "--b-1\r\nContent-Type: text/plain\r\n\r\nx\r\n--b-1--",
            "junk--b-1\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b-1--",
        ] {
            assert!(parts(bad.as_bytes(), "b-1").is_err(), "{bad}");
        }
        for bad in
            ["text/plain", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"b\""]
        {
            assert_eq!(boundary(bad), None, "{bad}");
        }
    }
}
