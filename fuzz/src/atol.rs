//! Answers of ATOL's web server and driver: bodies, tasks, results, documents of the memory.

use serde_json::Value;
use serde_json::value::RawValue;
use tillway_atol::task::{self, Query};
use tillway_atol::wire::{self, Entry, Status};
use tillway_core::fiscal::{DocumentKind, ReceiptKind, Registered, qr};
use tillway_core::money::Kopecks;
use tillway_core::port::fiscal::{RegisterError, ShiftState};

use crate::bytes::Bytes;

/// A choice of what is read, and the body.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(6) {
        0 => entry(bytes.rest()),
        1 => answer(bytes.rest()),
        2 => {
            let status = 100 + u16::from(bytes.byte()) * 2;
            refusal(status, bytes.rest());
        }
        3 => queue(bytes.rest()),
        4 => results(bytes.rest()),
        _ => documents(u32::from(bytes.u16()), bytes.rest()),
    }
}

fn entry(body: &[u8]) {
    let Ok(entry) = wire::entry(body) else { return };
    one_line(&entry.text);
    told(&entry.error());
    // As a server would write it that says the same: nested, then flat.
    let word = match entry.status {
        Status::Wait => "wait",
        Status::InProgress => "inProgress",
        Status::Blocked => "blocked",
        Status::Ready => "ready",
        Status::Error => "error",
        Status::Interrupted => "interrupted",
        Status::Canceled => "canceled",
    };
    let Entry { code, text, result, .. } = &entry;
    let text = Value::from(&**text);
    let result = result.as_deref().unwrap_or("null");
    for error in [
        format!(r#""error":{{"code":{code},"description":{text}}}"#),
        format!(r#""errorCode":{code},"errorDescription":{text}"#),
    ] {
        let one = format!(r#"{{"status":"{word}",{error},"result":{result}}}"#);
        let all = vec![one; entry.tasks].join(",");
        let again = format!(r#"{{"results":[{all}]}}"#);
        assert_eq!(wire::entry(again.as_bytes()).as_ref(), Ok(&entry), "{again}");
    }
}

fn answer(body: &[u8]) {
    match wire::answer(body) {
        Ok(json) => assert!(serde_json::from_str::<&RawValue>(&json).is_ok(), "{json}"),
        Err(error) => told(&error),
    }
    if let Ok(info) = wire::server_info(body) {
        one_line(&info.driver);
        let new = wire::is_at_least(&info.driver, &[10, 10, 8]);
        assert!(!new || wire::is_at_least(&info.driver, &[10, 10]));
    }
}

fn refusal(status: u16, body: &[u8]) {
    let Ok(status) = http::StatusCode::from_u16(status) else { return };
    let error = wire::refusal(status, body);
    assert!(!error.text.is_empty());
    told(&error);
}

fn queue(body: &[u8]) {
    let Ok(queue) = wire::queue(body) else { return };
    let wire::Queue { unfinished, blocked } = queue;
    for again in [
        format!(r#"{{"number":{unfinished},"isBlocked":{blocked}}}"#),
        format!(r#"{{"not_ready_count":{unfinished},"is_blocked":{blocked}}}"#),
    ] {
        assert_eq!(wire::queue(again.as_bytes()), Ok(queue), "{again}");
    }
}

fn results(body: &[u8]) {
    let Ok(json) = core::str::from_utf8(body) else { return };
    for kind in [DocumentKind::OpenShift, DocumentKind::Receipt(ReceiptKind::Sell)] {
        if let Ok(document) = task::registered(kind, json) {
            assert!(document.kind == kind && document.number > 0);
            document_is_sound(&document);
        }
    }
    if let Ok(shift) = task::shift(json) {
        assert!(shift.expires.is_none() || shift.state != ShiftState::Closed);
    }
    if let Ok(totals) = task::totals(json) {
        for kind in [&totals.sell, &totals.sell_return] {
            assert!(kind.paid.len() <= 5 && kind.paid.iter().all(|paid| !paid.amount.is_zero()));
        }
    }
    if let Ok(exchange) = task::exchange(json) {
        assert!(exchange.unsent > 0 || (exchange.first, exchange.since) == (None, None));
    }
    if let Ok(memory) = task::memory(json) {
        assert!(!memory.serial.is_empty());
        one_line(&memory.serial);
    }
    let _status = task::status(json);
    let _device = task::device(json);
    let _last = task::last(json);
}

fn documents(number: u32, body: &[u8]) {
    let Ok(json) = core::str::from_utf8(body) else { return };
    if let Ok(document) = task::document(number, json) {
        assert_eq!(document.number, number);
        document_is_sound(&document);
    }
    let asked: Value = serde_json::from_str(&Query::Document(number).task()).expect("a task");
    assert_eq!(asked["fiscalDocumentNumber"], number);
}

fn document_is_sound(document: &Registered) {
    for text in [&document.memory, &document.registration, &document.operation] {
        one_line(text.as_deref().unwrap_or_default());
    }
    if let Some(total) = document.total {
        assert_eq!(Kopecks::parse_rubles(&total.rubles().to_string()), Ok(total));
    }
    let _text = qr(document);
}

fn told(error: &RegisterError) {
    one_line(&error.text);
    one_line(&error.to_string());
}

fn one_line(text: &str) {
    assert!(!text.contains(char::is_control) && text.trim() == text, "{text:?}");
}
