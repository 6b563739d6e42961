//! What goes wrong on purpose, over HTTP: for people with curl.
//!
//! `POST /sim/fault` takes an object of these, done in their order: `paper` (lines that are left),
//! `cover`, `hot`, `mechanics`, `link`, `power`, `ofd` (`true`, `false`), `memory` (`fiscal`,
//! `missing`, `fault`, `full`, `expired`, `archive`, `init`), `interruptedReads`, `advanceSeconds`, `latencyMs`,
//! `dropAnswer` (which one from now), `restart` (`{"keepDatabase":true}`), `die` (`true`: after the
//! next fiscal task), and `inject` (`{"at":"P4","fault":"link","calls":1,"task":"sell"}`).

use std::time::Duration;

use http::{Method, StatusCode};

use super::answer::{self, Answer, Problem};
use super::config::Latency;
use super::route::Call;
use super::{Death, WebServer};
use crate::atol::fault::{Fault, Point, Trouble};
use crate::atol::json::Json;
use crate::atol::memory::Phase;
use crate::atol::printer::Piece;
use crate::atol::register::Register;

/// How many pieces of tape are shown.
const PIECES_MAX: usize = 50;

/// `GET tape`, `POST fault`; the device as everywhere.
pub(super) fn answer(server: &WebServer, call: &Call, path: &str) -> Result<Answer, Problem> {
    let id = server.settled().choose(call.device())?.id.clone();
    match (path, &call.method) {
        ("tape", &Method::GET) => {
            let tape = server.with(&id, |register| tape(register)).unwrap_or_default();
            Ok(answer::plain(tape))
        }
        ("fault", &Method::POST) => fault(server, &id, &call.json()?),
        ("tape", _) => Ok(answer::wrong_method("GET")),
        ("fault", _) => Ok(answer::wrong_method("POST")),
        _ => Err(Problem::not_found("tape, fault")),
    }
}

/// The end of the tape.
fn tape(register: &Register) -> String {
    let pieces = register.printer.tape();
    let from = pieces.len().saturating_sub(PIECES_MAX);
    let lines = pieces.iter().skip(from).flat_map(Piece::shown);
    lines.map(|line| line + "\n").collect()
}

/// Each member of the object is done, in its order.
fn fault(server: &WebServer, device: &str, body: &Json) -> Result<Answer, Problem> {
    let Json::Object(members) = body else {
        return Err(Problem::bad("an object of faults is expected"));
    };
    for (name, value) in members {
        one(server, device, name, value).ok_or_else(|| {
            Problem::bad(format!("'{name}' is no fault, or {value} is no value for it"))
        })?;
    }
    Ok(answer::json(StatusCode::OK, &Json::object([])))
}

fn one(server: &WebServer, device: &str, name: &str, value: &Json) -> Option<()> {
    let flag = value.as_bool();
    let number = value.as_u32();
    match name {
        "latencyMs" => {
            let printing = Duration::from_millis(u64::from(number?));
            server.latency(Latency { printing, asking: printing / 10 });
        }
        "dropAnswer" => server.drop_http_response(u64::from(number?)),
        "restart" => server.restart(value.get("keepDatabase")?.as_bool()?),
        "die" => server.die(if flag? { Death::AfterTask } else { Death::BeforeTask }),
        _ => server.with(device, |register| on_register(register, name, value))??,
    }
    Some(())
}

fn on_register(register: &mut Register, name: &str, value: &Json) -> Option<()> {
    let flag = value.as_bool();
    let number = value.as_u32();
    match name {
        "paper" => register.printer.paper = number?,
        "cover" => register.printer.cover_open = flag?,
        "link" => register.link(flag?),
        "power" => register.power(flag?),
        "hot" => register.printer.hot = flag?,
        "mechanics" => register.printer.works = flag?,
        "interruptedReads" => register.memory.interrupted_reads = number?,
        "ofd" => register.memory.online = flag?,
        "memory" => register.memory.phase = phase(value.as_text()?)?,
        "advanceSeconds" => register.advance(Duration::from_secs(u64::from(number?))),
        "inject" => register.inject_when(trouble(value)?),
        _ => return None,
    }
    Some(())
}

fn phase(word: &str) -> Option<Phase> {
    Some(match word {
        "init" => Phase::Init,
        "fiscal" => Phase::Fiscal,
        "archive" => Phase::Archive,
        "fault" => Phase::Fault,
        "full" => Phase::Full,
        "expired" => Phase::Expired,
        "missing" => Phase::Missing,
        _ => return None,
    })
}

fn trouble(value: &Json) -> Option<Trouble> {
    let text = |name: &str| value.get(name).and_then(Json::as_text);
    let number = |name: &str, default: u32| match value.get(name) {
        None => Some(default),
        Some(value) => value.as_u32(),
    };
    let point = text("at")?.strip_prefix('P')?.parse::<usize>().ok()?;
    let fault = match text("fault")? {
        "paper" => Fault::Paper,
        "power" => Fault::Power,
        "link" => Fault::Link { calls: number("calls", 1)? },
        "memory" => Fault::Memory { signed: value.get("signed")?.as_bool()? },
        _ => return None,
    };
    Some(Trouble {
        task: text("task").map(ToOwned::to_owned),
        uuid: text("uuid").map(ToOwned::to_owned),
        times: number("times", 1)?,
        ..Trouble::once(*Point::ALL.get(point)?, fault)
    })
}
