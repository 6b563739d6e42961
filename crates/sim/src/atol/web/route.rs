//! From a request to what answers it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, ORIGIN,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use secrecy::ExposeSecret;
use tillway_core::Timestamp;

use super::answer::{self, Answer, Problem};
use super::config::Generation;
use super::devices::Device;
use super::{State, WebServer, control, requests};
use crate::atol::calendar;
use crate::atol::json::Json;

/// Where the second generation is.
const PREFIX: &str = "/api/v2/";

/// How many devices a server takes.
const DEVICES_MAX: usize = 100;

/// A request, taken apart.
pub(super) struct Call {
    pub(super) method: Method,
    path: String,
    query: String,
    pub(super) body: Bytes,
}

impl Call {
    /// The device that the query names.
    pub(super) fn device(&self) -> Option<&str> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == "deviceID").map(|(_, id)| id)
    }

    pub(super) fn json(&self) -> Result<Json, Problem> {
        let text = std::str::from_utf8(&self.body).ok();
        text.and_then(Json::parse).ok_or_else(|| Problem::bad("Некорректный JSON"))
    }
}

/// Answers a request.
pub(super) async fn answer(server: &WebServer, request: Request<Bytes>) -> Answer {
    let (parts, body) = request.into_parts();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body,
    };
    let (generation, has_control) = {
        let state = server.lock();
        (state.config.generation, state.config.control)
    };
    let done = match (call.path.strip_prefix(PREFIX), call.path.strip_prefix("/sim/")) {
        (_, Some(path)) if has_control => control::answer(server, &call, path),
        _ if generation.is_v1() => first(server, &call),
        (Some(path), _) if call.method == Method::OPTIONS => Ok(preflight(path)),
        (Some(path), _) => second(server, &call, path, &parts.headers).await,
        _ if call.path == "/" => Ok(answer::html(page())),
        _ => Err(Problem::not_found("Страница не найдена")),
    };
    let mut answer = done.unwrap_or_else(|problem| problem.answer(generation));
    if let Some(origin) = parts.headers.get(ORIGIN).filter(|_| !generation.is_v1()) {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let yes = HeaderValue::from_static("true");
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    answer
}

fn preflight(_: &str) -> Answer {
    let mut answer = answer::empty(StatusCode::NO_CONTENT);
    let headers = answer.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = HeaderValue::from_static("Authorization, Content-Type");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    answer
}

fn page() -> String {
    "<!doctype html><meta charset=utf-8><title>ATOL</title><p>АТОЛ. Web Requests, simulated. \
     <code>/api/v2/serverInfo</code>"
        .to_owned()
}

/// The first generation.
fn first(server: &WebServer, call: &Call) -> Result<Answer, Problem> {
    let now = server.0.clock.ticks();
    let mut state = server.settled();
    let mut parts = call.path.trim_matches('/').splitn(2, '/');
    let (head, rest) = (parts.next().unwrap_or_default(), parts.next());
    let done = match (head, rest, &call.method) {
        ("requests", None, &Method::POST) => requests::add(&mut state, call, now),
        ("requests", None, _) => Ok(answer::wrong_method("POST")),
        ("requests", Some(uuid), &Method::GET) => requests::show(&mut state, call, uuid),
        ("requests", Some(uuid), &Method::DELETE) => requests::cancel(&mut state, call, uuid),
        ("requests", Some(_), _) => Ok(answer::wrong_method("GET, DELETE")),
        ("stat", Some("requests"), &Method::GET) => queue_status(&mut state, call),
        ("settings" | "about", None, &Method::GET) => Ok(answer::html(page())),
        _ => Err(Problem::not_found("Not found")),
    };
    state.settle(now);
    done
}

/// The second generation.
async fn second(
    server: &WebServer,
    call: &Call,
    path: &str,
    headers: &HeaderMap,
) -> Result<Answer, Problem> {
    let open = path == "serverInfo" || path.starts_with("utils/");
    if !open && !is_known(&server.lock(), headers) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "Требуется авторизация"));
    }
    let (head, rest) = match path.split_once('/') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    };
    if let ("operations", Some(name)) = (head, rest) {
        let task = requests::query_task(name);
        let task = task.ok_or_else(|| Problem::not_found("Операция не найдена"))?;
        if call.method != Method::POST {
            return Ok(answer::wrong_method("POST"));
        }
        return requests::query(server, call, task).await;
    }
    let now = server.0.clock.ticks();
    let wall = server.0.clock.now();
    let mut state = server.settled();
    let done = match (head, rest) {
        ("serverInfo", None) => get(call, || Ok(server_info(&state, wall))),
        ("utils", Some("mapping" | "deviceParametersStruct")) => get(call, || Ok(mapping())),
        ("settings", None) => settings(&mut state, call),
        ("devices", None) => devices(&mut state, call, wall, now),
        ("devices", Some(id)) => device(&mut state, call, id),
        ("setDefaultDevice", None) => set_default(&mut state, call),
        ("activateDevice", None) => activate(&mut state, call, true),
        ("deactivateDevice", None) => activate(&mut state, call, false),
        ("getRequestsQueueStatus", None) => queue_status(&mut state, call),
        ("requests", None) => match call.method {
            Method::POST => requests::add(&mut state, call, now),
            _ => Ok(answer::wrong_method("POST")),
        },
        ("requests", Some(uuid)) => match call.method {
            Method::GET => requests::show(&mut state, call, uuid),
            Method::DELETE => requests::cancel(&mut state, call, uuid),
            _ => Ok(answer::wrong_method("GET, DELETE")),
        },
        _ => Err(Problem::not_found("Страница не найдена")),
    };
    // What was added is begun at once, whether anybody asks for it or not.
    state.settle(now);
    done
}

/// Whether the call may pass: everybody, until there is a user.
fn is_known(state: &State, headers: &HeaderMap) -> bool {
    if state.config.generation != Generation::V2WebRequests || state.users.is_empty() {
        return true;
    }
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|text| text.strip_prefix("Basic "));
    let pair = given.and_then(|text| STANDARD.decode(text.trim()).ok());
    let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (name, password) = pair.split_once(':').unwrap_or_default();
    let users = state.users.iter();
    users.clone().any(|(known, secret)| known == name && secret.expose_secret() == password)
}

fn get(call: &Call, show: impl FnOnce() -> Result<Json, Problem>) -> Result<Answer, Problem> {
    match call.method {
        Method::GET => Ok(answer::json(StatusCode::OK, &show()?)),
        _ => Ok(answer::wrong_method("GET")),
    }
}

fn server_info(state: &State, wall: Timestamp) -> Json {
    let newest = state.config.generation == Generation::V2WebRequests;
    let register = state.devices.first().map(|device| device.register.clone());
    let driver = register.map(|register| register.lock().settings.driver.clone());
    Json::object([
        ("serverVersion", Json::text(if newest { "1.0.4.0" } else { "10.8.0.0" })),
        ("driverVersion", Json::text(driver.unwrap_or_default())),
        ("os", Json::text("Simulator")),
        ("currentDateTime", Json::text(calendar::iso(wall.wall_ms(), wall.offset_min))),
    ])
}

fn mapping() -> Json {
    let words = |words: &[&str]| {
        Some(Json::List(words.iter().map(|word| Json::Text((*word).to_owned())).collect()))
    };
    Json::object([
        ("models", Some(Json::List(vec![Json::Number("500".to_owned())]))),
        ("ports", words(&["usb", "com", "tcp", "bluetooth"])),
        ("ofdChannels", words(&["none", "auto"])),
    ])
}

fn queue_status(state: &mut State, call: &Call) -> Result<Answer, Problem> {
    let generation = state.config.generation;
    let device = state.choose(call.device())?;
    get(call, || Ok(answer::queue_status(&device.queue, generation)))
}

fn settings(state: &mut State, call: &Call) -> Result<Answer, Problem> {
    match call.method {
        Method::GET => {}
        Method::PUT => {
            let wrong = |name| Problem::bad(format!("Некорректное значение поля '{name}'"));
            state.stored.change(&call.json()?).map_err(wrong)?;
        }
        _ => return Ok(answer::wrong_method("GET, PUT")),
    }
    Ok(answer::json(StatusCode::OK, &state.stored.shown()))
}

fn devices(
    state: &mut State,
    call: &Call,
    wall: Timestamp,
    now: std::time::Duration,
) -> Result<Answer, Problem> {
    match call.method {
        Method::GET => {
            let shown = state.devices.iter().map(|device| device.shown(&state.config)).collect();
            Ok(answer::json(StatusCode::OK, &Json::List(shown)))
        }
        Method::POST => {
            let place = state.devices.len();
            let body = call.json()?;
            let mut new = Device::added(place, wall.wall_ms(), &body, now).map_err(Problem::bad)?;
            if state.device(&new.id).is_some() {
                return Err(Problem::conflict(format!("Устройство [{}] уже есть", new.id)));
            }
            if place >= DEVICES_MAX {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Err(Problem::new(status, "Слишком много устройств"));
            }
            new.default = place == 0;
            let shown = new.shown(&state.config);
            state.devices.push(new);
            Ok(answer::json(StatusCode::CREATED, &shown))
        }
        _ => Ok(answer::wrong_method("GET, POST")),
    }
}

fn device(state: &mut State, call: &Call, id: &str) -> Result<Answer, Problem> {
    let config = state.config.clone();
    let device = state.choose(Some(id))?;
    match call.method {
        Method::GET => {}
        Method::PUT => device.change(&call.json()?).map_err(Problem::bad)?,
        Method::DELETE => {
            let id = device.id.clone();
            state.devices.retain(|device| device.id != id);
            return Ok(answer::empty(StatusCode::OK));
        }
        _ => return Ok(answer::wrong_method("GET, PUT, DELETE")),
    }
    Ok(answer::json(StatusCode::OK, &device.shown(&config)))
}

fn set_default(state: &mut State, call: &Call) -> Result<Answer, Problem> {
    if call.method != Method::POST {
        return Ok(answer::wrong_method("POST"));
    }
    let body = call.json()?;
    let id = body.get("id").and_then(Json::as_text).unwrap_or_default().to_owned();
    let id = state.choose(Some(&id))?.id.clone();
    for device in &mut state.devices {
        device.default = device.id == id;
    }
    Ok(answer::empty(StatusCode::OK))
}

fn activate(state: &mut State, call: &Call, active: bool) -> Result<Answer, Problem> {
    if call.method != Method::POST {
        return Ok(answer::wrong_method("POST"));
    }
    state.choose(call.device())?.active = active;
    Ok(answer::empty(StatusCode::OK))
}
