//! Answers and their bodies (ATOL note 3.4-3.5).

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use super::config::Generation;
use super::queue::{Queue, Status, Sub};
use crate::atol::Code;
use crate::atol::json::Json;

/// An answer.
pub(super) type Answer = Response<Bytes>;

/// Why a call is not performed.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: Code,
    text: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, code: Code::WEB_FAIL, text: text.into() }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub(super) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    /// What the driver refuses.
    pub(super) fn of_driver(status: StatusCode, code: Code, text: String) -> Self {
        Self { status, code, text }
    }

    /// The error in JSON; the first generation says it in plain text.
    pub(super) fn answer(self, generation: Generation) -> Answer {
        if generation.is_v1() {
            return whole(self.status, "text/plain; charset=utf-8", self.text);
        }
        let error = error(self.code.0, &self.text);
        let mut answer = json(self.status, &Json::object([("error", Some(error))]));
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"ATOL\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, basic);
        }
        answer
    }
}

pub(super) fn json(status: StatusCode, body: &Json) -> Answer {
    whole(status, "application/json; charset=utf-8", body.to_string())
}

pub(super) fn html(body: String) -> Answer {
    whole(StatusCode::OK, "text/html; charset=utf-8", body)
}

pub(super) fn plain(body: String) -> Answer {
    whole(StatusCode::OK, "text/plain; charset=utf-8", body)
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

pub(super) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

fn whole(status: StatusCode, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn error(code: i32, text: &str) -> Json {
    Json::object([("code", Json::number(code)), ("description", Json::text(text))])
}

/// The results of a request, one for each task.
pub(super) fn results(subs: &[Sub], generation: Generation) -> Json {
    let results = subs.iter().map(|sub| result(sub, generation)).collect();
    Json::object([("results", Some(Json::List(results)))])
}

fn result(sub: &Sub, generation: Generation) -> Json {
    let status = Json::text(sub.status.word());
    // What stands there before the end is not known of the real one.
    let begun = !matches!(sub.status, Status::Wait | Status::InProgress);
    let (code, text) = if begun { (sub.code, &*sub.description) } else { (0, "") };
    let result = Some(sub.result.clone().filter(|_| sub.status == Status::Ready));
    let result = result.map(|result| result.unwrap_or(Json::Null));
    if generation == Generation::V1Flat {
        return Json::object([
            ("status", status),
            ("errorCode", Json::number(code)),
            ("errorDescription", Json::text(text)),
            ("result", result),
        ]);
    }
    Json::object([("status", status), ("error", Some(error(code, text))), ("result", result)])
}

/// What `POST requests` answers in the second generation.
pub(super) fn accepted(uuid: &str, queue: &Queue) -> Json {
    let (reason, blocked) = queue.blocked().map_or(("", ""), |(why, uuid)| (why.word(), uuid));
    Json::object([
        ("number", Json::number(0)),
        ("uuid", Json::text(uuid)),
        ("isBlocked", Json::flag(queue.block.is_some())),
        ("blockedUUID", Json::text(blocked)),
        ("blockReason", Json::text(reason)),
    ])
}

/// How a queue stands, in the words of the generation.
pub(super) fn queue_status(queue: &Queue, generation: Generation) -> Json {
    let number = |count: usize| Json::number(i64::try_from(count).unwrap_or(i64::MAX));
    let (left, ready, cancelled) = queue.counts();
    let (reason, blocked) = queue.blocked().map_or(("", ""), |(why, uuid)| (why.word(), uuid));
    if generation.is_v1() {
        return Json::object([
            ("ready_count", number(ready)),
            ("not_ready_count", number(left)),
            ("canceled_count", number(cancelled)),
            ("is_blocked", Json::flag(queue.block.is_some())),
            ("block_request_uuid", Json::text(blocked)),
        ]);
    }
    Json::object([
        ("number", number(left)),
        ("ready", number(ready)),
        ("canceled", number(cancelled)),
        ("isBlocked", Json::flag(queue.block.is_some())),
        ("blockReason", Json::text(reason)),
        ("blockedUUID", Json::text(blocked)),
    ])
}
