//! The plugin's calls to the payment API, and what it makes of the answers.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response};
use secrecy::ExposeSecret;
use serde_json::Value;
use tillway_core::id::Uuid;

use super::super::config::FrontConfig;
use crate::fault::{Damaged, Link, Side};
use crate::power::{Boot, PowerCut};
use crate::wire;

/// How long one try of each call may take.
pub(super) mod limit {
    use std::time::Duration;

    pub(in super::super) const CAPTURE: Duration = Duration::from_secs(5);
    pub(in super::super) const ASK: Duration = Duration::from_secs(2);
    pub(in super::super) const CANCEL: Duration = Duration::from_secs(2);
    pub(in super::super) const ORDER: Duration = Duration::from_secs(3);
    pub(in super::super) const OUTBOX: Duration = Duration::from_secs(5);
    /// Added to the seconds that a poll may wait.
    pub(in super::super) const POLL_GRACE: Duration = Duration::from_secs(10);
}

/// One call.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: &'a str,
    /// The exact body; empty for none.
    pub(super) body: &'a str,
    pub(super) limit: Duration,
    pub(super) key: Option<Uuid>,
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str, limit: Duration) -> Self {
        Self { method: Method::GET, path, body: "", limit, key: None }
    }

    pub(super) fn put(path: &'a str, body: &'a str, limit: Duration) -> Self {
        Self { method: Method::PUT, path, body, limit, key: None }
    }

    pub(super) fn post(path: &'a str, body: &'a str, limit: Duration) -> Self {
        Self { method: Method::POST, path, body, limit, key: None }
    }
}

/// What came back.
pub(super) enum Reply {
    /// No answer, or one that is not worth the name.
    Nothing,
    Answer(Answer),
}

impl Reply {
    pub(super) fn ok(self) -> Option<Answer> {
        match self {
            Self::Answer(answer) if (200..300).contains(&answer.status) => Some(answer),
            _ => None,
        }
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Nothing => None,
            Self::Answer(answer) => Some(answer.status),
        }
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `Null` when there was no body.
    pub(super) json: Value,
    pub(super) retry_after: Option<Duration>,
    pub(super) replay: bool,
}

/// The error body of the payment API.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) is_final: bool,
    pub(super) is_retryable: bool,
    /// The captures that `over_total` counted.
    pub(super) payments: Vec<Uuid>,
}

impl Refusal {
    /// Reads `{"code","message","retryable","final",…}`; all four are promised.
    pub(super) fn read(error: &Value) -> Option<Self> {
        let listed = error.get("payments").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            code: wire::text(error, "code")?.to_owned(),
            message: wire::text(error, "message")?.to_owned(),
            is_final: error.get("final")?.as_bool()?,
            is_retryable: error.get("retryable")?.as_bool()?,
            payments: listed.filter_map(|one| wire::id(one, "transactionId")).collect(),
        })
    }
}

impl Answer {
    pub(super) fn refusal(&self) -> Option<Refusal> {
        Refusal::read(self.json.get("error")?)
    }

    /// Whether the same request, sent again later, may fare better.
    pub(super) fn is_worth_repeating(&self) -> bool {
        let later = matches!(self.status, 401 | 403 | 408 | 429) || self.status >= 500;
        later || self.refusal().is_some_and(|refusal| refusal.is_retryable)
    }
}

/// Makes one call and reads the answer; says where the service broke its own rules.
pub(super) async fn call(
    link: &Link,
    config: &FrontConfig,
    boot: Boot,
    side: Side,
    call: Call<'_>,
) -> Result<Reply, PowerCut> {
    let what = format!("{} {}", call.method, call.path);
    let limit = call.limit;
    let Ok(request) = request(config, call) else {
        link.hooks.violation(format!("{what}: the address of the service is no URI"));
        return Ok(Reply::Nothing);
    };
    match link.send(boot, side, request, limit).await? {
        Err(_) => Ok(Reply::Nothing),
        Ok(response) => Ok(read(link, &what, &response)),
    }
}

fn request(config: &FrontConfig, call: Call<'_>) -> http::Result<Request<Bytes>> {
    let token = config.token.expose_secret();
    let mut request = Request::builder()
        .method(call.method)
        .uri(format!("{}{}", config.service, call.path))
        .header(AUTHORIZATION, format!("Bearer {token}"));
    if !call.body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json; charset=utf-8");
    }
    if let Some(key) = call.key {
        request = request.header("Idempotency-Key", key.to_string());
    }
    request.body(Bytes::copy_from_slice(call.body.as_bytes()))
}

fn read(link: &Link, what: &str, response: &Response<Bytes>) -> Reply {
    let status = response.status().as_u16();
    let (headers, body) = (response.headers(), response.body());
    if response.extensions().get::<Damaged>().is_some() {
        return Reply::Nothing;
    }
    let broken = |why: &str| link.hooks.violation(format!("{what}: {status} {why}"));
    if status == 204 {
        if !body.is_empty() || headers.contains_key(CONTENT_TYPE) {
            broken("has a body or a content type");
        }
    } else if status < 500 && !body.is_empty() && !is_json(headers) {
        broken("is not application/json");
    }
    let json = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(_) if body.is_empty() || !is_json(headers) => Value::Null,
        Err(_) => {
            broken("is not JSON");
            return Reply::Nothing;
        }
    };
    let answer = Answer {
        status,
        json,
        retry_after: header(headers, RETRY_AFTER.as_str()).and_then(seconds),
        replay: header(headers, "idempotent-replay") == Some("true"),
    };
    // What the gate in front of the service refuses has an empty body.
    let gate = matches!(status, 400 | 403 | 405 | 408 | 413 | 431) && body.is_empty();
    let told = gate || answer.refusal().is_some();
    if (400..500).contains(&status) && !told {
        broken("has no whole error body");
    }
    Reply::Answer(answer)
}

fn is_json(headers: &HeaderMap) -> bool {
    header(headers, CONTENT_TYPE.as_str())
        .is_some_and(|text| text == "application/json" || text.starts_with("application/json;"))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs)
}
