//! What WaiterServer asks, and what an answer to it must be like.

use crate::venue::{Answer, Venue};

/// The card of Anna, who has points and a deposit.
pub const ANNA: &str = "149725735";
/// Her bracelet.
pub const BRACELET: &str = "04:A2:5F:1C:6B:2E:80";
/// The card of uncle Fyodor, who has all three accounts.
pub const FEDOR: &str = "20001";
/// An order besides [`ORDER_82`](crate::venue::ORDER_82).
pub const ORDER_83: &str = "7d9b7a52-0c41-4a6f-9f0e-6a2d5b1c8e83";

/// The path of an order's place.
pub fn of(order: &str, place: &str) -> String {
    format!("/orders/{order}/{place}")
}

impl Venue {
    /// A check-in without a PIN, its value as JSON.
    pub fn scanned(&self, order: &str, value: &str) -> Answer {
        self.ask("POST", &of(order, "checkin"), &format!(r#"{{"Value":{value}}}"#))
    }

    /// A check-out with the PIN.
    pub fn check_out(&self, order: &str) -> Answer {
        self.ask("DELETE", &of(order, "checkin"), r#"{"WaiterPin":"80085"}"#)
    }

    /// `GET loyalty`, as a peer that takes JSON alone.
    pub fn loyalty(&self, order: &str) -> Answer {
        let json = [("Accept", "application/json")];
        self.connect().ask("GET", &of(order, "loyalty"), &json, "")
    }

    /// `GET paymentLimits`.
    pub fn limits(&self, order: &str) -> Answer {
        self.ask("GET", &of(order, "paymentLimits"), "")
    }

    /// Both limits, as they are written.
    pub fn has_limits(&self, order: &str, bonus: &str, deposit: &str) {
        let body = format!(r#"{{"BonusSum":{bonus},"DepositSum":{deposit}}}"#);
        shows(&self.limits(order), &body);
    }
}

/// Nothing that H6 forbids.
fn honest(answer: &Answer) {
    for header in ["transfer-encoding", "content-encoding", "location", "set-cookie", "vary"] {
        assert_eq!(answer.header(header), None, "{answer:?}");
    }
    let foreign = answer.head.to_ascii_lowercase().contains("access-control");
    assert!(!foreign, "{answer:?}");
}

/// An answer with this status and no body; one with 204 has no word about a body either (H6).
#[track_caller]
pub fn is_empty(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.text()), (status, ""), "{answer:?}");
    assert_eq!(answer.header("content-type"), None, "{answer:?}");
    let length = if status == 204 { None } else { Some("0") };
    assert_eq!(answer.header("content-length"), length, "{answer:?}");
    honest(answer);
}

#[track_caller]
fn is_json(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.text()), (status, body), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("content-length"), Some(&*body.len().to_string()));
    honest(answer);
}

/// 200 with this body.
#[track_caller]
pub fn shows(answer: &Answer, body: &str) {
    is_json(answer, 200, body);
}

/// `M(code)`: a refusal that the waiter reads, and nothing besides.
#[track_caller]
pub fn says(answer: &Answer, text: &str) {
    is_json(answer, 200, &format!(r#"{{"WaiterMessage":"{text}"}}"#));
}

/// A fault of the protocol, or an outage.
#[track_caller]
pub fn faults(answer: &Answer, status: u16, code: &str) {
    let text = match code {
        "bad_order_id" => "Неверный идентификатор заказа",
        "value_required" => "Не передано значение карты",
        "bad_json" => "Запрос не разобран",
        "unsupported_type" => "Запрос должен быть в формате JSON",
        "too_large" => "Запрос слишком большой",
        "timed_out" => "Запрос не пришёл целиком вовремя",
        "unavailable" => "Сервис лояльности недоступен",
        _ => panic!("no text is known for {code}"),
    };
    is_json(answer, status, &format!(r#"{{"WaiterMessage":"{text}","Code":"{code}"}}"#));
}
