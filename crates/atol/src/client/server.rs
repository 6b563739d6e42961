//! One register at one web server: each call is one HTTP request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use secrecy::ExposeSecret;
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{Cause, RegisterError};
use tillway_transport::{HttpTransport, RequestLimits, TransportError};

use crate::config::{Credentials, Generation, WebConfig};
use crate::error::ConfigError;
use crate::task::Query;
use crate::wire::{self, Entry, Queue, ServerInfo, Status};

/// What became of the sending of a task.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is in the queue.
    Taken,
    /// The server has a task of this uuid; or it takes none for this register, as some builds say
    /// with the same status.
    Known(RegisterError),
    /// It is not in the queue and will not be.
    Refused(RegisterError),
    /// The request did not leave.
    Unsent(RegisterError),
    /// It may be in the queue.
    Lost(RegisterError),
}

/// What the server knows of a task.
#[derive(Debug)]
pub(super) enum Seen {
    Task(Entry),
    /// The uuid was taken, so that no task of ours can have it any more.
    Grave(Entry),
    /// It knows no such task.
    Nothing,
    Failed(RegisterError),
}

/// What became of taking a task out of the queue.
#[derive(Debug)]
pub(super) enum Removed {
    /// It will not run.
    Yes,
    /// It has begun, or nobody knows.
    No,
}

/// One register at one web server.
pub(super) struct Server {
    http: Arc<dyn HttpTransport>,
    base: String,
    device: String,
    authorization: Option<HeaderValue>,
    limits: RequestLimits,
    /// 0 until the server was asked.
    generation: AtomicU8,
}

/// The queue of a server of generation 1.
const QUEUE_V1: &str = "/stat/requests";

const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Server {
    pub(super) fn try_new(
        config: &WebConfig,
        http: Arc<dyn HttpTransport>,
    ) -> Result<Self, ConfigError> {
        let generation = match config.generation {
            Generation::Find => 0,
            Generation::V1 => 1,
            Generation::V2 => 2,
        };
        let device = config.device.as_ref();
        Ok(Self {
            http,
            base: config.base()?,
            device: device.map_or_else(String::new, |id| format!("?deviceID={id}")),
            authorization: config.credentials.as_ref().map(basic).transpose()?,
            limits: RequestLimits {
                connect_timeout: config.waits.connect,
                answer_timeout: config.waits.answer,
                answer_bytes_max: ANSWER_BYTES_MAX,
            },
            generation: AtomicU8::new(generation),
        })
    }

    /// Which interface it has, once it was asked.
    pub(super) fn known_generation(&self) -> Option<Generation> {
        match self.generation.load(Ordering::Relaxed) {
            1 => Some(Generation::V1),
            2 => Some(Generation::V2),
            _ => None,
        }
    }

    /// Asks the server for its versions; `None` when it is of generation 1 and tells none.
    pub(super) async fn info(&self) -> Result<Option<ServerInfo>, RegisterError> {
        if self.known_generation() == Some(Generation::V1) {
            return Ok(None);
        }
        let answer = self.send(Method::GET, "/api/v2/serverInfo".to_owned(), None).await;
        let answer = answer.map_err(|error| no_link(&error))?;
        match answer.status() {
            StatusCode::OK => {
                let info = wire::server_info(answer.body())?;
                self.generation.store(2, Ordering::Relaxed);
                Ok(Some(info))
            }
            StatusCode::NOT_FOUND if self.known_generation().is_none() => {
                self.is_of_generation_1().await.map(|()| None)
            }
            status => Err(wire::refusal(status, answer.body())),
        }
    }

    /// A 404 may come from a proxy, or from a server that is not up yet: only a server that tells
    /// its queue as those of generation 1 do is one of them.
    async fn is_of_generation_1(&self) -> Result<(), RegisterError> {
        let answer = self.send(Method::GET, QUEUE_V1.to_owned(), None).await;
        let answer = answer.map_err(|error| no_link(&error))?;
        match answer.status() {
            StatusCode::OK => {
                wire::queue(answer.body())?;
                self.generation.store(1, Ordering::Relaxed);
                Ok(())
            }
            StatusCode::NOT_FOUND => {
                let text = "what answers there is no web server of ATOL's, or is not up yet";
                Err(RegisterError::new(Cause::Link, text))
            }
            status => Err(wire::refusal(status, answer.body())),
        }
    }

    pub(super) async fn submit(&self, uuid: Uuid, task: &str) -> Sent {
        // A task of ours is an object already, so it is not written again.
        let body = format!(r#"{{"uuid":"{uuid}","request":[{task}]}}"#);
        let path = self.path("requests", true);
        match self.send(Method::POST, path, Some(body)).await {
            Ok(answer) => match answer.status() {
                StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => Sent::Taken,
                status @ StatusCode::CONFLICT => Sent::Known(wire::refusal(status, answer.body())),
                status if is_refusal(status) => Sent::Refused(wire::refusal(status, answer.body())),
                status => Sent::Lost(wire::refusal(status, answer.body())),
            },
            Err(error) if error.is_in_doubt() => Sent::Lost(no_link(&error)),
            Err(error) => Sent::Unsent(no_link(&error)),
        }
    }

    /// Takes a uuid, so that a request of ours which is still on its way can never run: two
    /// questions stand under it, where a task of ours is one.
    pub(super) async fn bury(&self, uuid: Uuid) -> Sent {
        let question = Query::Last.task();
        self.submit(uuid, &format!("{question},{question}")).await
    }

    pub(super) async fn look(&self, uuid: Uuid) -> Seen {
        let path = self.path(&format!("requests/{uuid}"), true);
        match self.send(Method::GET, path, None).await {
            Ok(answer) => match answer.status() {
                StatusCode::OK => match wire::entry(answer.body()) {
                    Ok(entry) if entry.tasks > 1 => Seen::Grave(entry),
                    Ok(entry) => Seen::Task(entry),
                    Err(bad) => Seen::Failed(bad.into()),
                },
                StatusCode::NOT_FOUND => Seen::Nothing,
                status => Seen::Failed(wire::refusal(status, answer.body())),
            },
            Err(error) => Seen::Failed(no_link(&error)),
        }
    }

    /// Takes a task out of the queue, and looks whether it is out: one that has just begun may be
    /// confirmed like one that waits.
    pub(super) async fn remove(&self, uuid: Uuid) -> Removed {
        let path = self.path(&format!("requests/{uuid}"), true);
        match self.send(Method::DELETE, path, None).await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(_) | Err(_) => return Removed::No,
        }
        match self.look(uuid).await {
            Seen::Task(entry) if entry.status == Status::Canceled => Removed::Yes,
            _ => Removed::No,
        }
    }

    pub(super) async fn queue(&self) -> Result<Queue, RegisterError> {
        let path = match self.known_generation() {
            Some(Generation::V2) => self.path("getRequestsQueueStatus", true),
            _ => QUEUE_V1.to_owned(),
        };
        let answer = self.send(Method::GET, path, None).await.map_err(|error| no_link(&error))?;
        match answer.status() {
            StatusCode::OK => Ok(wire::queue(answer.body())?),
            status => Err(wire::refusal(status, answer.body())),
        }
    }

    /// A question past the queue; `None` where the server has no such call.
    pub(super) async fn operation(&self, query: Query) -> Option<Result<Box<str>, RegisterError>> {
        let word = match (self.known_generation()?, operation_of(query)?) {
            (Generation::V2, word) => word,
            _ => return None,
        };
        let path = self.path(&format!("operations/{word}"), true);
        Some(match self.send(Method::POST, path, Some("{}".to_owned())).await {
            Ok(answer) => match answer.status() {
                StatusCode::OK | StatusCode::CREATED => wire::answer(answer.body()),
                // Older builds of generation 2 have none of these; the queue says the rest.
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => return None,
                status => Err(wire::refusal(status, answer.body())),
            },
            Err(error) => Err(no_link(&error)),
        })
    }

    fn path(&self, call: &str, of_device: bool) -> String {
        match self.known_generation() {
            Some(Generation::V2) => {
                let device = if of_device { self.device.as_str() } else { "" };
                format!("/api/v2/{call}{device}")
            }
            _ => format!("/{call}"),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: String,
        body: Option<String>,
    ) -> Result<Response<Bytes>, TransportError> {
        let has_body = body.is_some();
        let mut request = Request::new(Bytes::from(body.unwrap_or_default()));
        *request.method_mut() = method;
        // The base was checked, and nothing that is put behind it needs an escape.
        *request.uri_mut() = format!("{}{path}", self.base).parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if has_body {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            headers.insert(CONTENT_TYPE, json);
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        self.limits.attach(&mut request);
        self.http.send(request).await
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("base", &self.base).finish_non_exhaustive()
    }
}

/// The server has looked at the request and says no: nothing is in the queue. Any other status
/// may come from something in between, or after the task was taken.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404 | 405 | 413 | 415 | 420)
}

fn operation_of(query: Query) -> Option<&'static str> {
    Some(match query {
        Query::Shift => "queryShiftStatus",
        Query::Totals => "queryShiftTotals",
        Query::Status => "queryDeviceStatus",
        Query::Device => "queryDeviceInfo",
        Query::Memory => "queryFnInfo",
        Query::Last => "queryFnStatus",
        Query::Exchange => "queryOfdExchangeStatus",
        Query::Document(_) => return None,
    })
}

fn no_link(error: &TransportError) -> RegisterError {
    RegisterError::new(Cause::Link, format!("web server: {error}"))
}

fn basic(credentials: &Credentials) -> Result<HeaderValue, ConfigError> {
    let pair = format!("{}:{}", credentials.user, credentials.password.expose_secret());
    let text = format!("Basic {}", STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(text).map_err(|_| ConfigError::BadPassword)?;
    value.set_sensitive(true);
    Ok(value)
}
