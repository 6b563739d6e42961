//! The control port: commands reach the running stand over HTTP on this machine, with a secret
//! that only the owner of the data folder can read.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tillway::core::port::IdSource;
use tillway::runtime::RandomIds;
use tillway::transport::client::{ClientConfig, HyperClient};
use tillway::transport::{
    HttpTransport, RequestBody, RequestLimits, Runtime, TransportError, read_body,
};

use crate::command::{self, Command, Desk, Reply, Running, Said};
use crate::failure::Failure;
use crate::folder::write_whole;
use crate::http::{Answer, answer};

/// Its name in the data folder.
pub(crate) const FILE: &str = "control.toml";

/// A photo of 512 KiB in base64, and some words.
pub(crate) const BODY_BYTES_MAX: usize = 1024 * 1024;

const PATH: &str = "/command";
const JSON: &str = "application/json; charset=utf-8";

/// Where a running stand listens, and what it wants to hear.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    address: SocketAddr,
    secret: String,
}

/// The file of a serving stand. Removed when this is dropped.
#[derive(Debug)]
pub(crate) struct ControlFile {
    path: PathBuf,
    secret: SecretString,
}

impl ControlFile {
    /// Writes address and a fresh secret, for the owner's eyes alone.
    pub(crate) fn write(folder: &Path, address: SocketAddr) -> Result<Self, Failure> {
        let halves = [RandomIds.secret(), RandomIds.secret()];
        let secret: String = halves.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(FILE);
        let written = Written { address, secret };
        let text = toml::to_string(&written).map_err(|error| Failure::of(FILE, &error))?;
        write_whole(&path, text.as_bytes(), true)
            .map_err(|error| Failure::of(path.display(), &error))?;
        Ok(Self { path, secret: written.secret.into() })
    }

    /// What answers on the control port.
    pub(crate) fn door(&self, desk: Arc<Desk>) -> Door {
        Door { secret: Arc::new(SecretString::from(self.secret.expose_secret())), desk }
    }
}

impl Drop for ControlFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(file = %self.path.display(), %error, "cannot be removed");
        }
    }
}

/// Answers commands.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    secret: Arc<SecretString>,
    desk: Arc<Desk>,
}

/// What goes back: lines for people, how far it is, or why not.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done(Reply),
    Running(Running),
    Failed(String),
}

impl Door {
    pub(crate) async fn answer(self, request: Request<RequestBody>) -> Answer {
        let (parts, body) = request.into_parts();
        if !self.knows(parts.headers.get(header::AUTHORIZATION)) {
            return answer(StatusCode::UNAUTHORIZED, JSON, "{}");
        }
        if parts.uri.path() != PATH || parts.method != Method::POST {
            return answer(StatusCode::NOT_FOUND, JSON, "{}");
        }
        let body = match read_body(body, BODY_BYTES_MAX).await {
            Ok(body) => body,
            Err(error) => return answer(error.status(), JSON, "{}"),
        };
        let outcome = match serde_json::from_slice::<Command>(&body) {
            Err(_) => Outcome::Failed("the running stand is of another version".to_owned()),
            Ok(command) => match command::run(&self.desk, command).await {
                Ok(Said::Done(reply)) => Outcome::Done(reply),
                Ok(Said::Running(running)) => Outcome::Running(running),
                Err(failure) => Outcome::Failed(failure.to_string()),
            },
        };
        match serde_json::to_vec(&outcome) {
            Ok(body) => answer(StatusCode::OK, JSON, body),
            Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, JSON, "{}"),
        }
    }

    fn knows(&self, given: Option<&http::HeaderValue>) -> bool {
        let wanted = format!("Bearer {}", self.secret.expose_secret());
        given.is_some_and(|given| given.as_bytes().ct_eq(wanted.as_bytes()).into())
    }
}

/// Sends a command to the stand that serves this folder; `None` when none does.
pub(crate) async fn ask(folder: &Path, command: &Command) -> Result<Option<Said>, Failure> {
    let path = folder.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::of(path.display(), &error)),
    };
    let unreadable = || Failure::new(format!("{} cannot be understood", path.display()));
    let written: Written = toml::from_str(&text).map_err(|_| unreadable())?;
    let body = serde_json::to_vec(command).map_err(|_| unreadable())?;
    let mut request = Request::post(format!("http://{}{PATH}", written.address))
        .header(header::AUTHORIZATION, format!("Bearer {}", written.secret))
        .header(header::CONTENT_TYPE, JSON)
        .body(Bytes::from(body))
        .map_err(|error| Failure::of(path.display(), &error))?;
    let limits = RequestLimits {
        connect_timeout: Duration::from_secs(2),
        answer_bytes_max: 4 * BODY_BYTES_MAX,
        ..RequestLimits::default()
    };
    limits.attach(&mut request);
    let client = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    let answer = match client.send(request).await {
        Ok(answer) => answer,
        // A stand that was killed leaves its file; the lock of the folder tells the rest.
        Err(TransportError::NotSent { .. }) => return Ok(None),
        Err(error) => return Err(Failure::of("the running stand does not answer", &error)),
    };
    match serde_json::from_slice(answer.body()) {
        Ok(Outcome::Done(reply)) => Ok(Some(Said::Done(reply))),
        Ok(Outcome::Running(running)) => Ok(Some(Said::Running(running))),
        Ok(Outcome::Failed(why)) => Err(Failure::new(why)),
        // Somebody else has the port of a stand that was killed.
        Err(_) if answer.status() != StatusCode::OK => Ok(None),
        Err(_) => Err(Failure::new("the running stand is of another version")),
    }
}
