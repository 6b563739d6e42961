//! Requests: taken, shown, cancelled; and queries past the queue (ATOL note 3.2-3.5).

use std::time::Duration;

use http::StatusCode;

use super::answer::{self, Answer, Problem};
use super::config::Generation;
use super::devices::Device;
use super::queue::{Entry, Sub};
use super::route::Call;
use super::{State, WebServer};
use crate::atol::Code;
use crate::atol::json::Json;
use crate::atol::task::Refusal;

/// The column of the database is as wide.
const UUID_MAX: usize = 36;

/// How many tasks a request may have.
const SUBS_MAX: usize = 100;

/// How long a query waits for the device.
const QUERY_WAIT_MAX: Duration = Duration::from_secs(30);

impl State {
    /// The device of a call: the one that is named, or the default.
    pub(super) fn choose(&mut self, id: Option<&str>) -> Result<&mut Device, Problem> {
        let found = self.devices.iter_mut().find(|device| match id {
            Some(id) if id != "default" => device.id == id,
            _ => device.default,
        });
        let text = match id {
            Some(id) => format!("Устройство [{id}] не найдено"),
            None => "Устройство по умолчанию не задано".to_owned(),
        };
        found.ok_or_else(|| Problem::not_found(text))
    }
}

/// `POST requests`.
pub(super) fn add(state: &mut State, call: &Call, now: Duration) -> Result<Answer, Problem> {
    let body = call.json()?;
    let uuid = body.get("uuid").and_then(Json::as_text).unwrap_or_default();
    if uuid.is_empty() || uuid.chars().count() > UUID_MAX {
        return Err(Problem::bad("Поле 'uuid' не задано или некорректно"));
    }
    let tasks = tasks(&body)?;
    let generation = state.config.generation;
    let subs: Vec<_> = tasks.iter().map(Sub::new).collect();
    let fiscal = subs.iter().filter(|sub| sub.is_fiscal(generation)).count();
    if fiscal > 1 && state.config.one_fiscal_per_request {
        return Err(Problem::bad("Too many fiscal sub-tasks"));
    }
    let named = call.device().or_else(|| body.get("deviceID").and_then(Json::as_text));
    let (inactive, on_server) =
        (inactive(state), state.devices.iter().any(|d| d.queue.knows(uuid)));
    let per_device = state.config.uuid_per_device;
    let full = state.devices.iter().map(|device| device.queue.len()).sum::<usize>()
        >= state.config.entries_max;
    let validates = state.stored.validate_on_add;
    let device = state.choose(named)?;
    if !device.active {
        return Err(Problem::new(inactive, format!("Устройство [{}] не активировано", device.id)));
    }
    if if per_device { device.queue.knows(uuid) } else { on_server } {
        return Err(Problem::conflict(format!("Задание с UUID [{uuid}] уже есть")));
    }
    if validates {
        validate(device, &subs)?;
    }
    if full {
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "База заданий заполнена"));
    }
    device.queue.add(Entry { uuid: uuid.to_owned(), added: now, subs });
    if generation.is_v1() {
        return Ok(answer::empty(StatusCode::CREATED));
    }
    Ok(answer::json(StatusCode::CREATED, &answer::accepted(uuid, &device.queue)))
}

fn inactive(state: &State) -> StatusCode {
    if state.config.inactive_is_conflict { StatusCode::CONFLICT } else { StatusCode::FORBIDDEN }
}

/// The tasks of a request: one object, or a list of them.
fn tasks(body: &Json) -> Result<Vec<Json>, Problem> {
    let tasks = match body.get("request") {
        Some(Json::List(tasks)) => tasks.clone(),
        Some(task @ Json::Object(_)) => vec![task.clone()],
        _ => Vec::new(),
    };
    let objects = tasks.iter().all(|task| matches!(task, Json::Object(_)));
    if tasks.is_empty() || tasks.len() > SUBS_MAX || !objects {
        return Err(Problem::bad("Поле 'request' не задано или пустое"));
    }
    Ok(tasks)
}

fn validate(device: &Device, subs: &[Sub]) -> Result<(), Problem> {
    for sub in subs {
        match device.register.validate_json(&sub.text) {
            Err(refusal) if refusal.code != Code::VALIDATE_FUNC_NOT_FOUND => {
                let status = StatusCode::from_u16(420).unwrap_or(StatusCode::BAD_REQUEST);
                return Err(Problem::of_driver(status, refusal.code, refusal.text));
            }
            _ => {}
        }
    }
    Ok(())
}

/// `GET requests/{uuid}`.
pub(super) fn show(state: &mut State, call: &Call, uuid: &str) -> Result<Answer, Problem> {
    let generation = state.config.generation;
    let device = state.choose(call.device())?;
    let entry = device.queue.entry(uuid).ok_or_else(|| unknown(uuid, device))?;
    Ok(answer::json(StatusCode::OK, &answer::results(&entry.subs, generation)))
}

/// `DELETE requests/{uuid}`.
pub(super) fn cancel(state: &mut State, call: &Call, uuid: &str) -> Result<Answer, Problem> {
    let newest = state.config.generation == Generation::V2WebRequests;
    let device = state.choose(call.device())?;
    match device.queue.cancel(uuid) {
        None => Err(unknown(uuid, device)),
        Some(true) => Ok(answer::empty(StatusCode::OK)),
        Some(false) => {
            let status = if newest { StatusCode::CONFLICT } else { StatusCode::METHOD_NOT_ALLOWED };
            Err(Problem::new(status, format!("Задание с UUID [{uuid}] уже выполняется")))
        }
    }
}

fn unknown(uuid: &str, device: &Device) -> Problem {
    let device = &device.id;
    Problem::not_found(format!("Задание с UUID [{uuid}] для устройства [{device}] не найдено"))
}

/// The task that a query stands for; `None` for what is no query.
pub(super) fn query_task(name: &str) -> Option<&'static str> {
    Some(match name {
        "queryDeviceInfo" => "getDeviceInfo",
        "queryDeviceStatus" => "getDeviceStatus",
        "queryShiftStatus" => "getShiftStatus",
        "queryShiftTotals" => "getShiftTotals",
        "queryFnInfo" => "getFnInfo",
        "queryFnStatus" => "getFnStatus",
        "queryOfdExchangeStatus" => "ofdExchangeStatus",
        "queryIsmExchangeStatus" => "ismExchangeStatus",
        "queryLicenses" => "getLicenses",
        "queryDeviceSettings" => "getDeviceParameters",
        "queryIncomeTotals" | "queryOutcomeTotals" | "queryReceiptTotals" => "getOverallTotals",
        _ => return None,
    })
}

/// `POST operations/query…`: past the queue, between two of its tasks.
pub(super) async fn query(server: &WebServer, call: &Call, task: &str) -> Result<Answer, Problem> {
    let asked = server.0.clock.ticks();
    let waits = {
        let mut state = server.settled();
        let inactive = inactive(&state);
        let device = state.choose(call.device())?;
        if !device.active {
            return Err(Problem::new(inactive, "Устройство не активировано"));
        }
        let busy = device.queue.busy_until.filter(|_| device.queue.block.is_none());
        busy.map_or(Duration::ZERO, |until| until.saturating_sub(asked))
    };
    if waits > QUERY_WAIT_MAX {
        server.sleep(QUERY_WAIT_MAX).await;
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "Драйвер занят"));
    }
    if !waits.is_zero() {
        server.sleep(waits).await;
    }
    let mut state = server.settled();
    let device = state.choose(call.device())?;
    let text = Json::object([("type", Json::text(task))]).to_string();
    // Its own task that is performed has the register open already.
    let works = device.queue.busy_until.is_some();
    let done = device.open().map_err(Refusal::from);
    let done = done.and_then(|()| device.register.process_json(&text));
    if !works {
        device.close();
    }
    let done = done.map_err(|refusal| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Problem::of_driver(status, refusal.code, refusal.text)
    })?;
    Ok(answer::json(StatusCode::OK, &Json::parse(&done).unwrap_or(Json::Null)))
}
