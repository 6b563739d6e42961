//! What an answer must be.

use serde_json::Value;

use super::call::Call;
use super::docs::DOCUMENTED;
use crate::http::Answer;

/// Statuses of the server loop and of any place.
const ANYWHERE: [u16; 9] = [400, 403, 404, 405, 408, 413, 415, 431, 501];

/// An answer to something that need not be a request.
pub(super) fn anything(answer: &Answer) {
    let pos = [200, 201, 204, 401, 409, 410, 422, 429];
    assert!(ANYWHERE.contains(&answer.status) || pos.contains(&answer.status), "{answer:?}");
    body(answer);
}

/// An answer to a call.
pub(super) fn call(call: &Call, answer: &Answer) {
    let request = String::from_utf8_lossy(&call.request);
    let status = answer.status;
    let said = || format!("{status} {}\nto {request}", String::from_utf8_lossy(&answer.body));
    let is_pos = call.path.starts_with("/pos/");
    // What holds for every place of the payment API is said once for all of them.
    let shared = is_pos && matches!(status, 403 | 413 | 415);
    let by_prefix = call.prefixed && matches!(status, 403 | 404);
    // A poll hands commands out, so nobody asks for its head alone.
    let no_head = call.method == "HEAD" && status == 405;
    match DOCUMENTED.statuses(call.method, &call.path) {
        Some(known) => {
            assert!(known.contains(&status) || shared || by_prefix || no_head, "{}", said())
        }
        // Who calls is asked first, and then what for.
        None if is_pos => assert!([400, 401, 403, 404, 405, 429].contains(&status), "{}", said()),
        None => assert!([400, 404, 405].contains(&status), "{}", said()),
    }
    assert_eq!(status == 405, answer.header("allow").is_some(), "{}", said());
    assert_ne!(status, 503, "memory is never away: {}", said());
    if call.method == "HEAD" {
        return;
    }
    body(answer);
    if is_pos && status >= 400 && status != 405 && !answer.body.is_empty() {
        error(answer, &said());
    }
}

/// The bodies that we write.
fn body(answer: &Answer) {
    if answer.status == 204 {
        assert!(answer.header("content-type").is_none(), "{answer:?}");
        return;
    }
    match answer.header("content-type") {
        None => assert!(answer.body.is_empty(), "{answer:?}"),
        Some("application/json; charset=utf-8") if answer.body.is_empty() => {}
        Some("application/json; charset=utf-8") => {
            let value: Value = serde_json::from_slice(&answer.body).expect("JSON");
            assert!(value.is_object(), "{value}");
        }
        Some(other) => multipart(other, &answer.body),
    }
}

/// `{"error":{"code","message","retryable","final"}}` with a code that the status may have.
fn error(answer: &Answer, said: &str) {
    let value: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let error = &value["error"];
    let code = error["code"].as_str().unwrap_or_else(|| panic!("no code: {said}"));
    assert!(DOCUMENTED.knows(answer.status, code), "no such code: {said}");
    let message = error["message"].as_str().unwrap_or_else(|| panic!("no message: {said}"));
    assert!(!message.is_empty() && !message.contains(['{', '}']), "{said}");
    assert!(error["retryable"].is_boolean() && error["final"].is_boolean(), "{said}");
    let never = matches!(answer.status, 400 | 401 | 403 | 413 | 415 | 429);
    assert!(!(never && error["final"] == Value::Bool(true)), "final: {said}");
}

/// Two parts, `loyalty` and `photo`, between lines that occur in neither.
fn multipart(content_type: &str, body: &[u8]) {
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("a boundary");
    if body.is_empty() {
        return;
    }
    let line = format!("--{boundary}");
    let parts: Vec<&[u8]> = divided(body, line.as_bytes());
    let [before, loyalty, photo, after] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    assert_eq!((*before, *after), (&b""[..], &b"--\r\n"[..]));
    let head = b"\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=loyalty\r\n\r\n";
    let loyalty = loyalty.strip_prefix(head).and_then(|part| part.strip_suffix(b"\r\n"));
    let _json: Value = serde_json::from_slice(loyalty.expect("the first part")).expect("JSON");
    let head = b"\r\nContent-Disposition: form-data; name=photo\r\n\r\n";
    let photo = photo.strip_prefix(head).and_then(|part| part.strip_suffix(b"\r\n"));
    let expected = tillway_testkit::builders::anna().photo;
    assert_eq!(photo, expected.as_deref());
}

fn divided<'a>(bytes: &'a [u8], line: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(line.len()).position(|window| window == line) {
        parts.push(&rest[..at]);
        rest = &rest[at + line.len()..];
    }
    parts.push(rest);
    parts
}
