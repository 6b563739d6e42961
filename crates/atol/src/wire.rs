//! What the web server says, in both generations (ATOL note 3). Readers take whatever a server is
//! known to write: nested and flat errors, both spellings of the queue.

use http::StatusCode;
use tillway_core::port::fiscal::{Cause, RegisterError};
use tillway_transport::json::{Members, NumberText, without_bom};

use crate::code::{self, tidy};

/// A task, as the server tells what became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// How far it is.
    pub status: Status,
    /// The driver's number; zero when nothing is wrong.
    pub code: i32,
    /// The driver's text.
    pub text: Box<str>,
    /// The result, when it has one.
    pub result: Option<Box<str>>,
    /// How many tasks the request had. Ours have one; two mark a uuid that is not to be used.
    pub tasks: usize,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// In the queue.
    Wait,
    /// Being worked on.
    InProgress,
    /// Failed in a way that may have reached the memory: the queue stands until the server knows.
    Blocked,
    /// Done.
    Ready,
    /// Failed.
    Error,
    /// Not begun, because a task before it failed.
    Interrupted,
    /// Taken out of the queue before it began.
    Canceled,
}

impl Status {
    const WORDS: [(&str, Self); 7] = [
        ("wait", Self::Wait),
        ("inProgress", Self::InProgress),
        ("blocked", Self::Blocked),
        ("ready", Self::Ready),
        ("error", Self::Error),
        ("interrupted", Self::Interrupted),
        ("canceled", Self::Canceled),
    ];

    /// Whether it stays as it is. Blocked does not: a block is not an error (trap B).
    pub fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Error | Self::Interrupted | Self::Canceled)
    }
}

impl Entry {
    /// What is wrong with it, in the words of the port.
    pub fn error(&self) -> RegisterError {
        match self.status {
            Status::Canceled => RegisterError::new(Cause::Cancelled, &*self.text),
            Status::Interrupted => code::error(INTERRUPTED, &self.text),
            Status::Wait | Status::InProgress => {
                RegisterError::new(Cause::Busy, "the task is not done")
            }
            Status::Ready | Status::Error | Status::Blocked => code::error(self.code, &self.text),
        }
    }
}

const INTERRUPTED: i32 = 502;
/// The server's own number for everything that is not the driver's.
const WEB_FAIL: i32 = 505;

/// An answer that is not the server's, or of a server that nobody has seen. For a fiscal task it
/// says nothing about what became of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the web server gave an answer without {field}")]
pub struct BadBody {
    /// What is missing.
    pub field: &'static str,
}

impl From<BadBody> for RegisterError {
    fn from(bad: BadBody) -> Self {
        Self::new(Cause::Unknown, bad.to_string())
    }
}

/// The task of a request that had one: the first of `results`.
///
/// # Errors
/// [`BadBody`] for anything else, an unknown status included.
pub fn entry(body: &[u8]) -> Result<Entry, BadBody> {
    let root = Members::parse(body).map_err(|_| BadBody { field: "an object" })?;
    let results = root.read::<Vec<Members<'_>>>("results").ok().flatten();
    let results = results.ok_or(BadBody { field: "results" })?;
    one(results.first().ok_or(BadBody { field: "a result" })?, results.len())
}

fn one(entry: &Members<'_>, tasks: usize) -> Result<Entry, BadBody> {
    let word = entry.read::<String>("status").ok().flatten().unwrap_or_default();
    let status = Status::WORDS.iter().find(|(known, _)| *known == word).map(|(_, status)| *status);
    let (code, text) = error_of(entry).unwrap_or((0, "".into()));
    let result = entry.raw("result").map(|raw| raw.get()).filter(|text| *text != "null");
    Ok(Entry {
        status: status.ok_or(BadBody { field: "a status that is known" })?,
        code,
        text,
        result: result.map(Into::into),
        tasks,
    })
}

/// `error: {code, description}`, or flat as old builds write it.
fn error_of(members: &Members<'_>) -> Option<(i32, Box<str>)> {
    if let Some(nested) = members.raw("error").and_then(|raw| Members::of(raw).ok()) {
        return Some((whole(&nested, "code")?, text(&nested, "description")));
    }
    Some((whole(members, "errorCode")?, text(members, "errorDescription")))
}

fn text(members: &Members<'_>, name: &str) -> Box<str> {
    tidy(&members.read::<String>(name).ok().flatten().unwrap_or_default())
}

fn whole<T: std::str::FromStr>(members: &Members<'_>, name: &str) -> Option<T> {
    members.read::<NumberText>(name).ok()??.as_str().parse().ok()
}

/// The answer to a synchronous query: the result itself, or in an envelope.
///
/// # Errors
/// The driver's error, or [`BadBody`] in the words of the port.
pub fn answer(body: &[u8]) -> Result<Box<str>, RegisterError> {
    let root = Members::parse(body).map_err(|_| BadBody { field: "an object" })?;
    if root.raw("results").is_some() {
        let entry = entry(body)?;
        return match (entry.status, &entry.result) {
            (Status::Ready, Some(result)) => Ok(result.clone()),
            (Status::Ready, None) => Err(BadBody { field: "a result" }.into()),
            _ => Err(entry.error()),
        };
    }
    if let Some((code, text)) = error_of(&root).filter(|(code, _)| *code != 0) {
        return Err(code::error(code, &text));
    }
    if let Some(result) = root.raw("result").filter(|raw| raw.get() != "null") {
        return Ok(result.get().into());
    }
    let text =
        std::str::from_utf8(without_bom(body)).map_err(|_| BadBody { field: "an object" })?;
    Ok(text.into())
}

/// What the server refuses, in the words of the port. The texts name uuids and devices, and differ
/// by version: they are shown, never read.
pub fn refusal(status: StatusCode, body: &[u8]) -> RegisterError {
    let said = Members::parse(body).ok().and_then(|members| error_of(&members));
    let (number, text) = said.unwrap_or((0, "".into()));
    let (cause, ours) = match status.as_u16() {
        401 => (Cause::Setup, "the web server does not know the user or the password"),
        403 => (Cause::Setup, "the device is not active at the web server"),
        404 => (Cause::Setup, "the web server has no such device"),
        400 | 420 => (Cause::BadTask, "the web server refused the task"),
        408 => (Cause::Busy, "the driver had no time for the question"),
        409 => (Cause::Setup, "the web server does not take tasks for the device"),
        500..=599 => (Cause::Service, "the web server failed"),
        _ => (Cause::Unknown, "the web server gave an unknown answer"),
    };
    if matches!(status.as_u16(), 400 | 408 | 420 | 500..=599)
        && !matches!(number, 0 | WEB_FAIL)
        && code::code(number).is_some()
    {
        return code::error(number, &text);
    }
    let text = if text.is_empty() { ours.into() } else { format!("{ours}: {text}").into() };
    RegisterError { cause, code: None, text }
}

/// The queue of a register.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Queue {
    /// Tasks that are not done.
    pub unfinished: u64,
    /// It stands until the server knows what became of a task.
    pub blocked: bool,
}

/// Reads the queue of either generation.
///
/// # Errors
/// [`BadBody`] without the number of tasks.
pub fn queue(body: &[u8]) -> Result<Queue, BadBody> {
    let root = Members::parse(body).map_err(|_| BadBody { field: "an object" })?;
    let count = whole(&root, "number").or_else(|| whole(&root, "not_ready_count"));
    let flag = |name| root.read::<bool>(name).ok().flatten();
    Ok(Queue {
        unfinished: count.ok_or(BadBody { field: "the number of tasks" })?,
        blocked: flag("isBlocked").or_else(|| flag("is_blocked")).unwrap_or(false),
    })
}

/// The versions of a server of generation 2.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServerInfo {
    /// Its own.
    pub server: Box<str>,
    /// The driver's.
    pub driver: Box<str>,
}

/// Reads `serverInfo`. Versions may be missing.
///
/// # Errors
/// [`BadBody`] for what is no object.
pub fn server_info(body: &[u8]) -> Result<ServerInfo, BadBody> {
    let root = Members::parse(body).map_err(|_| BadBody { field: "an object" })?;
    Ok(ServerInfo { server: text(&root, "serverVersion"), driver: text(&root, "driverVersion") })
}

/// Whether a driver is of this version or a later one. No for what is no version.
pub fn is_at_least(version: &str, least: &[u32]) -> bool {
    let parts: Option<Vec<u32>> = version.trim().split('.').map(|part| part.parse().ok()).collect();
    parts.is_some_and(|parts| parts.as_slice() >= least)
}

#[cfg(test)]
mod tests;
