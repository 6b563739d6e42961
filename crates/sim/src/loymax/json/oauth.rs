//! Tokens and codes, in the forms of OAuth 2.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Request, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{status, whole};
use crate::loymax::house::{Grant, House, NoToken};

/// `POST /authorizationService/token`
pub(super) fn token(house: &House, request: &Request<Bytes>) -> Response<Bytes> {
    let form = core::str::from_utf8(request.body()).map(pairs).unwrap_or_default();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let secret = |name: &str| field(name).unwrap_or_default().into();
    let grant = match field("grant_type") {
        Some("anonymous") => Grant::Anonymous,
        Some("password") => Grant::Password(secret("username"), secret("password")),
        Some("authorization_code") => Grant::Code(secret("code")),
        Some("refresh_token") => Grant::Refresh(secret("refresh_token")),
        _ => return no("unsupported_grant_type", StatusCode::BAD_REQUEST),
    };
    let (id, redirect) = (field("client_id").unwrap_or_default(), field("redirect_uri"));
    let given = house.with(|store| store.give_token(id, field("client_secret"), redirect, &grant));
    match given {
        Ok(token) => {
            let body = json!({
                "access_token": token.access.expose_secret(),
                "token_type": "bearer",
                "expires_in": token.life.as_secs(),
                "refresh_token": token.refresh.expose_secret(),
            });
            whole(StatusCode::OK, body.to_string())
        }
        Err(NoToken::Client) => no("invalid_client", StatusCode::UNAUTHORIZED),
        Err(NoToken::Grant) => no("invalid_grant", StatusCode::BAD_REQUEST),
        Err(NoToken::Unauthorized) => no("unauthorized_client", StatusCode::BAD_REQUEST),
    }
}

/// `GET /authorizationService/oauth/authorize`: a trusted application asks for a guest's code.
pub(super) fn authorize(house: &House, request: &Request<Bytes>) -> Response<Bytes> {
    let query = pairs(request.uri().query().unwrap_or_default());
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let shown = request.headers().get("x-identifier").and_then(|value| value.to_str().ok());
    let (Some(id), Some(shown), Some("code")) = (field("client_id"), shown, field("response_type"))
    else {
        return no("invalid_request", StatusCode::BAD_REQUEST);
    };
    let redirect = field("redirect_uri").unwrap_or_default();
    let known = house.with(|store| store.public.applications.get(id).cloned());
    if known.is_none_or(|known| known.redirect != redirect) {
        return no("invalid_client", StatusCode::UNAUTHORIZED);
    }
    match house.with(|store| store.give_code(id, shown)) {
        Ok(code) => {
            let mut answer = status(StatusCode::FOUND);
            let place = HeaderValue::try_from(format!("{redirect}?code={code}"));
            if let Ok(place) = place {
                answer.headers_mut().insert(LOCATION, place);
            }
            answer
        }
        Err(NoToken::Grant) => no("access_denied", StatusCode::NOT_FOUND),
        Err(_) => no("unauthorized_client", StatusCode::FORBIDDEN),
    }
}

fn no(error: &str, code: StatusCode) -> Response<Bytes> {
    whole(code, json!({ "error": error }).to_string())
}

/// The fields of a form. What is not well-formed is left out.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let decode =
        |(name, value): (&str, &str)| Some((decoded(name)?, decoded(&value.replace('+', " "))?));
    pairs.filter_map(decode).collect()
}

/// Text without its percent signs; `None` when they are wrong.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
