//! Bodies of the web server in `fixtures/http`, and those that nobody should send.

use std::fs;

use super::*;

fn body(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/http/{name}.json", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_status_is_read_flat_and_nested() {
    let rows = [
        ("wait", Status::Wait, 0, Cause::Busy),
        ("in_progress", Status::InProgress, 0, Cause::Busy),
        ("blocked", Status::Blocked, 2, Cause::Link),
        ("ready", Status::Ready, 0, Cause::Unknown),
        ("error", Status::Error, 44, Cause::Paper),
        ("interrupted", Status::Interrupted, 502, Cause::Cancelled),
        ("canceled", Status::Canceled, 503, Cause::Cancelled),
        ("flat_ready", Status::Ready, 0, Cause::Unknown),
        ("flat_error", Status::Error, 68, Cause::ShiftExpired),
        ("flat_wait", Status::Wait, 0, Cause::Busy),
    ];
    for (name, status, code, cause) in rows {
        let entry = entry(&body(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((entry.status, entry.code), (status, code), "{name}");
        assert_eq!(entry.error().cause, cause, "{name}");
        assert_eq!(entry.result.is_some(), status == Status::Ready, "{name}");
        let last = [Status::Ready, Status::Error, Status::Interrupted, Status::Canceled];
        assert_eq!(entry.status.is_final(), last.contains(&status), "{name}");
    }
}

#[test]
fn what_is_no_task_is_no_answer() {
    for bad in [
        "",
        "null",
        "[]",
        "<html>",
        "{}",
        r#"{"results":null}"#,
        r#"{"results":[]}"#,
        r#"{"results":[1]}"#,
        r#"{"results":[{"status":"finished"}]}"#,
        r#"{"results":[{"status":"READY"}]}"#,
        r#"{"results":[{}]}"#,
    ] {
        assert!(entry(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn queues_and_versions_are_read() {
    let rows = [
        ("queue_v2", Queue { unfinished: 1, blocked: true }),
        ("queue_v1", Queue { unfinished: 2, blocked: false }),
    ];
    for (name, expected) in rows {
        assert_eq!(queue(&body(name)), Ok(expected), "{name}");
    }
    assert!(queue(b"{}").is_err() && queue(b"").is_err());
    let info = server_info(&body("server_info")).unwrap();
    assert_eq!((&*info.server, &*info.driver), ("1.0.4.0", "10.10.8.0"));
    for (version, new) in [
        ("10.10.8.0", true),
        ("10.10.8", true),
        ("10.10.10.1", true),
        ("11.0.0.0", true),
        ("10.10.7.9", false),
        ("10.9.5.0", false),
        ("10", false),
        ("", false),
        ("new", false),
    ] {
        assert_eq!(is_at_least(version, &[10, 10, 8]), new, "{version}");
    }
}

#[test]
fn answers_come_with_and_without_an_envelope() {
    for text in [
        r#"{"fnStatus":{"fiscalDocumentNumber":118}}"#,
        r#"{"result":{"fnStatus":{"fiscalDocumentNumber":118}},"error":{"code":0}}"#,
        r#"{"results":[{"status":"ready","result":{"fnStatus":{"fiscalDocumentNumber":118}}}]}"#,
    ] {
        let json = answer(text.as_bytes()).unwrap();
        assert_eq!(crate::task::last(&json), Ok(118), "{text}");
    }
    let failed = answer(br#"{"error":{"code":2,"description":""}}"#).unwrap_err();
    assert_eq!((failed.cause, failed.code), (Cause::Link, Some(2)));
    assert!(answer(b"not json").is_err() && answer(br#"{"results":[]}"#).is_err());
}

#[test]
fn refusals_of_the_server_are_told_by_their_status() {
    let web = br#"{"error":{"code":505,"description":"\u043d\u0435\u0442"}}"#;
    let rows: &[(u16, &[u8], Cause, Option<i32>)] = &[
        (400, web, Cause::BadTask, None),
        (401, b"", Cause::Setup, None),
        (403, web, Cause::Setup, None),
        (404, web, Cause::Setup, None),
        (405, b"", Cause::Unknown, None),
        (408, web, Cause::Busy, None),
        (409, web, Cause::Setup, None),
        (418, b"tea", Cause::Unknown, None),
        (420, web, Cause::BadTask, None),
        (420, br#"{"error":{"code":501,"description":"items[0]"}}"#, Cause::BadTask, Some(501)),
        (500, b"<html>", Cause::Service, None),
        (500, br#"{"error":{"code":2,"description":""}}"#, Cause::Link, Some(2)),
        (503, b"", Cause::Service, None),
        (401, br#"{"error":{"code":2,"description":""}}"#, Cause::Setup, None),
    ];
    for (status, body, cause, code) in rows {
        let error = refusal(StatusCode::from_u16(*status).unwrap(), body);
        assert_eq!((error.cause, error.code), (*cause, *code), "{status}");
        assert!(!error.text.is_empty(), "{status}");
    }
}
