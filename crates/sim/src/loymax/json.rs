//! The processing's other face: the Public API in JSON (loymax.md 13), on the same books.
//!
//! [`Processing`](super::Processing) answers both faces' paths; [`JsonFace`] is this one alone.
//! What was sent to phones is read with `GET /sim/messages`, or in the books.
//!
//! It is strict: a body has no member that the call does not know, a number is written as one.
//!
//! What is not imitated: expiring passwords, social logins, email, subscriptions, the older form of
//! favourite goods, paths without regard to capital letters.

mod account;
mod cards;
mod favourites;
mod model;
mod oauth;
mod processing;
#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::house::{Bearer, ClientId, House, NotDone, Who};

/// What stands before the path of each call.
const BASE: &str = "/publicapi/v1.2/";

/// The Public API of a house. Clones are the same face.
#[derive(Clone)]
pub struct JsonFace {
    house: House,
}

impl JsonFace {
    /// The face of these books.
    pub fn new(house: House) -> Self {
        Self { house }
    }

    /// Whether a path is one of this face's.
    pub fn knows(path: &str) -> bool {
        path.starts_with(BASE) || path.starts_with("/authorizationService/")
    }

    /// Answers a request.
    pub fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let path = request.uri().path();
        match (request.method(), path) {
            (&Method::POST, "/authorizationService/token") => oauth::token(&self.house, request),
            (&Method::GET, "/authorizationService/oauth/authorize") => {
                oauth::authorize(&self.house, request)
            }
            _ => match path.strip_prefix(BASE) {
                Some(call) => self.call(request, call),
                None => status(StatusCode::NOT_FOUND),
            },
        }
    }

    fn call(&self, request: &Request<Bytes>, path: &str) -> Response<Bytes> {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let bearer = token.and_then(|token| self.house.with(|store| store.bearer(token)));
        let Some(bearer) = bearer else { return status(StatusCode::UNAUTHORIZED) };
        let segments: Option<Vec<String>> = path.split('/').map(oauth::decoded).collect();
        let Some(segments) = segments else { return status(StatusCode::BAD_REQUEST) };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let call = Call { house: &self.house, request, bearer, path };
        match call.route(&segments) {
            Ok(data) => envelope(&json!({ "state": "Success" }), &data),
            Err(Failed::Status(code)) => status(code),
            Err(Failed::Not(NotDone(code, message))) => envelope(
                &json!({ "state": "Fail", "messageCode": code, "message": message }),
                "null",
            ),
            Err(Failed::Invalid(field, message)) => envelope(
                &json!({
                    "state": "ValidationError",
                    "validationErrors": [{ "field": field, "errorMessages": [message] }],
                }),
                "null",
            ),
        }
    }
}

/// What was sent to phones, in JSON.
pub(super) fn messages(house: &House) -> String {
    let all: Vec<Value> = house.with(|store| {
        let shown = store.public.messages.iter();
        shown.map(|sms| json!({ "phone": sms.phone, "code": sms.code.expose_secret() })).collect()
    });
    Value::from(all).to_string()
}

impl fmt::Debug for JsonFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonFace").finish_non_exhaustive()
    }
}

/// A call that is let in.
struct Call<'a> {
    house: &'a House,
    request: &'a Request<Bytes>,
    bearer: Bearer,
    /// Below the base, as it came.
    path: &'a str,
}

/// Why a call brings nothing.
enum Failed {
    Status(StatusCode),
    Not(NotDone),
    Invalid(String, String),
}

impl From<NotDone> for Failed {
    fn from(not: NotDone) -> Self {
        Self::Not(not)
    }
}

/// What a call brings, in JSON.
type Data = Result<String, Failed>;

const NOTHING: &str = "null";

impl Call<'_> {
    fn route(&self, segments: &[&str]) -> Data {
        match segments {
            ["Processing", rest @ ..] => processing::route(self, rest),
            ["Registration" | "User", ..] => account::route(self, segments),
            ["users", "favoriteGoods", rest @ ..] => favourites::route(self, self.client()?, rest),
            ["users", person, "favoriteGoods", rest @ ..] => {
                favourites::route(self, self.client_of(person)?, rest)
            }
            ["users", "code", shown, "cards", number, "qrcode"] => {
                cards::qr_of(self, shown, number)
            }
            ["users", person, step] => account::operator(self, self.client_of(person)?, step),
            ["Cards", rest @ ..] => cards::route(self, rest),
            ["Coupons", "number", number] => cards::coupon(self, number),
            ["purchases", end @ ("confirm" | "cancel"), till, purchase] => {
                processing::by_operator(self, end, till, purchase)
            }
            _ => Err(Failed::Status(StatusCode::NOT_FOUND)),
        }
    }

    /// The guest whose token it is.
    fn client(&self) -> Result<ClientId, Failed> {
        match self.bearer.who {
            Who::Guest(client) => Ok(client),
            Who::Application | Who::Operator => Err(Failed::Status(StatusCode::FORBIDDEN)),
        }
    }

    /// The guest whom an operator names.
    fn client_of(&self, person: &str) -> Result<ClientId, Failed> {
        if self.bearer.who != Who::Operator {
            return Err(Failed::Status(StatusCode::FORBIDDEN));
        }
        let client = person.parse().ok().map(ClientId);
        let known = |id: &ClientId| self.house.with(|store| store.guests.contains_key(id));
        client.filter(known).ok_or(Failed::Not(NotDone("PersonNotFound", "Клиент не найден")))
    }

    fn is(&self, method: &Method) -> Result<(), Failed> {
        if self.request.method() == method {
            Ok(())
        } else {
            Err(Failed::Status(StatusCode::METHOD_NOT_ALLOWED))
        }
    }

    /// The body, with no member that is not known.
    fn body<'b, T: serde::Deserialize<'b>>(&'b self) -> Result<T, Failed> {
        let read = serde_json::from_slice(self.request.body());
        read.map_err(|error| Failed::Invalid("body".into(), error.to_string()))
    }

    fn query(&self) -> Vec<(String, String)> {
        oauth::pairs(self.request.uri().query().unwrap_or_default())
    }
}

fn envelope(result: &Value, data: &str) -> Response<Bytes> {
    whole(StatusCode::OK, format!(r#"{{"result":{result},"data":{data}}}"#))
}

fn whole(code: StatusCode, body: String) -> Response<Bytes> {
    let mut answer = status(code);
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    *answer.body_mut() = body.into();
    answer
}

fn status(code: StatusCode) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = code;
    answer
}
