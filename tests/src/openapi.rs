//! The documents of `docs/api` as a judge: every exchange of every test is held against them.
//!
//! An answer must have a status that its operation documents, no header, no member and no code of
//! an error that the document does not know, and a body that fits its schema. A path that no
//! document knows is 404, a method that its path does not know is 405.

mod asked;
mod document;
mod schema;

use std::fmt;
use std::sync::OnceLock;

use serde_json::Value;

pub use asked::Asked;
pub use document::{Document, Operation};

use document::Told;

const WAITER: &str = include_str!("../../docs/api/waiter.yaml");
const POS: &str = include_str!("../../docs/api/pos-v1.yaml");

/// Headers that the info of both documents speaks of, for every operation.
const EVERYWHERE: [&str; 4] = ["connection", "content-length", "content-type", "date"];

/// What the server loop may answer by itself, without a body and with a close; and 403 to a peer
/// that is not allowed, which a service that is mounted elsewhere answers too.
const BARE: [u16; 6] = [400, 403, 408, 413, 431, 501];

/// One request with what became of it.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// Its headers, with names in lower case.
    pub headers: &'a [(String, String)],
    /// Its body.
    pub body: &'a [u8],
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} -> {}", self.method, self.target, self.status)?;
        for (name, value) in self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        f.write_str(&String::from_utf8_lossy(self.body))
    }
}

/// Holds an exchange with the service against its documents; stops the test when it does not fit.
#[track_caller]
pub fn check_exchange(exchange: &Exchange<'_>) {
    if let Err(why) = of_the_service().check(exchange) {
        panic!("not as docs/api says: {why}\n{exchange:?}");
    }
}

/// Both documents.
pub fn of_the_service() -> &'static Documents {
    static BOTH: OnceLock<Documents> = OnceLock::new();
    BOTH.get_or_init(|| Documents::read(WAITER, POS))
}

/// The documents that an exchange is held against.
#[derive(Debug)]
pub struct Documents {
    documents: Vec<Document>,
}

impl Documents {
    /// The documents with these texts: of the Waiter API, and of the payment API.
    pub fn read(waiter: &str, pos: &str) -> Self {
        Self { documents: vec![Document::read(waiter), Document::read(pos)] }
    }

    /// The documents of the service, with one of their lines changed.
    pub fn with(old: &str, new: &str) -> Self {
        let count = WAITER.matches(old).count() + POS.matches(old).count();
        assert!(count > 0, "{old} is in no document");
        Self::read(&WAITER.replace(old, new), &POS.replace(old, new))
    }

    /// All operations.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.documents.iter().flat_map(|document| &document.operations)
    }

    /// The operation that a request is, if it is any; `HEAD` is its `GET`.
    pub fn operation(&self, method: &str, target: &str) -> Option<&Operation> {
        let path = path_of(target);
        let method = if method == "HEAD" { "GET" } else { method };
        self.operations().find(|operation| operation.method == method && operation.is_at(&path))
    }

    /// Why an exchange is not as the documents say.
    ///
    /// # Errors
    /// The first reason.
    pub fn check(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let path = path_of(exchange.target);
        let here: Vec<_> = self.operations().filter(|operation| operation.is_at(&path)).collect();
        if is_bare(exchange) && BARE.contains(&exchange.status) {
            return Ok(());
        }
        let unknown = exchange.status == 404 && exchange.body.is_empty();
        // Nor does the service know every till that a path may name.
        if unknown && (here.is_empty() || has_till(exchange.target)) {
            return Ok(());
        }
        if here.is_empty() {
            return Err("no document knows the path".to_owned());
        }
        let method = if exchange.method == "HEAD" { "GET" } else { exchange.method };
        if exchange.status == 405 {
            return not_allowed(exchange, &here);
        }
        let Some(operation) = here.iter().find(|operation| operation.method == method) else {
            return refused_before_the_method(exchange, &here);
        };
        answered(exchange, operation)?;
        self.stored(exchange)
    }

    /// A refusal that was stored is told with 200, under a code of the capture it refused.
    fn stored(&self, exchange: &Exchange<'_>) -> Result<(), String> {
        let body = serde_json::from_slice::<Value>(exchange.body).unwrap_or_default();
        let Some(code) = body["error"]["code"].as_str().filter(|_| exchange.status == 200) else {
            return Ok(());
        };
        let mut captures = self.operations().filter(|operation| operation.id == "capture");
        let known = captures.any(|capture| capture.knows(code));
        if known { Ok(()) } else { Err(format!("{code} is no refusal of a capture")) }
    }
}

/// 405 names the methods of the documents. A poll is not asked for its head alone.
fn not_allowed(exchange: &Exchange<'_>, here: &[&Operation]) -> Result<(), String> {
    let mut allowed: Vec<&str> = here.iter().map(|operation| &*operation.method).collect();
    if here.iter().any(|operation| operation.method == "GET" && operation.id != "commands") {
        allowed.push("HEAD");
    }
    if allowed.contains(&exchange.method) {
        return Err("405 to a method that the document has".to_owned());
    }
    let mut told: Vec<&str> = header(exchange, "allow").unwrap_or("").split(", ").collect();
    told.sort_unstable();
    allowed.sort_unstable();
    if told == allowed { Ok(()) } else { Err(format!("Allow is {told:?}, not {allowed:?}")) }
}

/// Who asks, and for what id, is looked at before the method.
fn refused_before_the_method(exchange: &Exchange<'_>, here: &[&Operation]) -> Result<(), String> {
    let before = matches!(exchange.status, 400 | 401 | 403 | 429);
    let known = here.iter().find(|operation| operation.told(exchange.status).is_some());
    match known {
        Some(operation) if before => answered(exchange, operation),
        _ => Err(format!("{} to a method that the document does not have", exchange.status)),
    }
}

fn answered(exchange: &Exchange<'_>, operation: &Operation) -> Result<(), String> {
    let status = exchange.status;
    let told = operation.told(status);
    let told = told.ok_or_else(|| format!("{} does not document {status}", operation.id))?;
    let reads = matches!(exchange.method, "GET" | "HEAD");
    if reads && header(exchange, "cache-control") != Some("no-store") {
        return Err(format!("{} {status} may be kept in a cache", operation.id));
    }
    for (name, _) in exchange.headers {
        if reads && name == "cache-control" {
            continue;
        }
        if !EVERYWHERE.contains(&&**name) && !told.headers.contains_key(name) {
            return Err(format!("{} {status} does not document {name}", operation.id));
        }
    }
    for (name, wanted) in &told.headers {
        match header(exchange, name) {
            Some(value) => wanted.check(value).map_err(|why| format!("{name}: {why}"))?,
            None if wanted.required => {
                return Err(format!("{} {status} lacks {name}", operation.id));
            }
            None => {}
        }
    }
    let body = body(exchange, told);
    body.map_err(|why| format!("{} {status}: {why}", operation.id))
}

fn body(exchange: &Exchange<'_>, told: &Told) -> Result<(), String> {
    let kind = header(exchange, "content-type");
    if told.content.is_empty() {
        let none = exchange.body.is_empty() && kind.is_none();
        return if none { Ok(()) } else { Err("a body that is not documented".to_owned()) };
    }
    let kind = kind.ok_or("no content type")?;
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let content = told.content.get(essence);
    let content = content.ok_or_else(|| format!("{essence} is not documented"))?;
    if exchange.method == "HEAD" {
        return if exchange.body.is_empty() { Ok(()) } else { Err("HEAD with a body".to_owned()) };
    }
    match essence {
        "multipart/form-data" => content.check(&schema::multipart(kind, exchange.body)?),
        _ => {
            let value: Value = serde_json::from_slice(exchange.body).map_err(|e| e.to_string())?;
            let code = [&value["error"]["code"], &value["Code"], &value["code"]];
            match code.into_iter().find_map(Value::as_str).filter(|_| exchange.status >= 400) {
                Some(code) if !told.words.contains(code) => {
                    Err(format!("{code} is not documented"))
                }
                _ => content.check(&value),
            }
        }
    }
}

fn is_bare(exchange: &Exchange<'_>) -> bool {
    let closed = exchange.status == 403 || header(exchange, "connection") == Some("close");
    exchange.body.is_empty() && header(exchange, "content-type").is_none() && closed
}

fn header<'a>(exchange: &Exchange<'a>, name: &str) -> Option<&'a str> {
    exchange.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
}

/// The segments of a path as the documents have them: in lower case, without the till and one
/// slash at the end.
fn path_of(target: &str) -> Vec<String> {
    let mut segments = segments(target);
    if has_till(target) {
        segments.drain(..2);
    }
    segments
}

/// Whether the path begins with `/t/{till}/`.
fn has_till(target: &str) -> bool {
    matches!(segments(target).as_slice(), [t, _, _, ..] if t == "t")
}

fn segments(target: &str) -> Vec<String> {
    let path = target.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let path = path.strip_suffix('/').unwrap_or(&path);
    path.split('/').skip(1).map(str::to_owned).collect()
}
