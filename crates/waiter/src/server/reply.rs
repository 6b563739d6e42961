//! Answers, and how bodies are taken in.

use core::mem;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use serde::Serialize;
use tillway_transport::{BoxError, json, read_body};

use crate::config::WaiterConfig;
use crate::error::{Flaw, PosError};
use crate::wire::loyalty::MessageOut;
use crate::wire::shown::{ErrorBody, ErrorOut};

/// What the service answers.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Why an answer refuses, among its extensions until the observer was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code(pub(crate) &'static str);

/// A status without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

/// 204.
pub(crate) fn no_content() -> Reply {
    empty(StatusCode::NO_CONTENT)
}

/// 204 in a map of headers that has served before; it leaves an empty one.
pub(crate) fn no_content_in(headers: &mut HeaderMap) -> Reply {
    headers.clear();
    let mut reply = no_content();
    mem::swap(reply.headers_mut(), headers);
    reply
}

/// 405 with the methods that are taken.
pub(crate) fn not_allowed(allow: &'static str) -> Reply {
    let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    reply
}

/// Most bodies are no longer, and are written without growing.
const BODY_BYTES_USUAL: usize = 512;

/// A body of JSON.
pub(crate) fn json_reply(status: StatusCode, value: &impl Serialize) -> Reply {
    let mut body = Vec::with_capacity(BODY_BYTES_USUAL);
    match serde_json::to_writer(&mut body, value) {
        Ok(()) => {
            let kind = HeaderValue::from_static("application/json; charset=utf-8");
            with_body(status, kind, body.into())
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Any body.
pub(crate) fn with_body(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// A text for the waiter: a business refusal is always 200.
pub(crate) fn message(config: &WaiterConfig, text: &str) -> Reply {
    let case = config.json_case.in_json();
    json_reply(StatusCode::OK, &MessageOut { case, message: text, code: None })
}

/// The same with the reason for the observer.
pub(crate) fn because(code: &'static str, mut reply: Reply) -> Reply {
    reply.extensions_mut().insert(Code(code));
    reply
}

/// A fault of the protocol, or an outage, at the Waiter API.
pub(crate) fn fault(config: &WaiterConfig, status: StatusCode, code: &'static str) -> Reply {
    let case = config.json_case.in_json();
    let message = config.texts.text(code);
    because(code, json_reply(status, &MessageOut { case, message, code: Some(code) }))
}

/// An error of the payment API.
pub(crate) fn pos_error(config: &WaiterConfig, error: &PosError) -> Reply {
    let body = ErrorOut { error: ErrorBody::of(error, config) };
    let mut reply = json_reply(error.status, &body);
    if let Some(seconds) = error.retry_after_s {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.status == StatusCode::UNAUTHORIZED {
        reply.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    because(error.code, reply)
}

/// Reads a body that is JSON or nothing.
pub(crate) async fn read_json<B>(headers: &HeaderMap, body: B, max: usize) -> Result<Bytes, Flaw>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let bytes = read_body(body, max).await?;
    if !bytes.is_empty() && !json::accepts(headers.get(CONTENT_TYPE)) {
        return Err(Flaw::UnsupportedType);
    }
    Ok(bytes)
}
