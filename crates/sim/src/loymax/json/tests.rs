//! What the face refuses, whoever asks.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use tillway_core::Timestamp;
use tillway_testkit::runtime::TestClock;

use super::*;
use crate::loymax::house::Store;

const MESSAGE: &str = r#""operationId":"a1","operationDate":"2026-03-14T12:00:05+03:00""#;
const LINE: &str = r#""position":1,"goodsId":"SKU-1001","quantity":2,"amount":300.00"#;

struct Desk {
    face: JsonFace,
}

impl Desk {
    fn open() -> Self {
        let clock = TestClock::at(Timestamp { utc_ms: 1_773_478_800_000, offset_min: 180 });
        Self { face: JsonFace::new(House::new(Store::demo(), Arc::new(clock))) }
    }

    fn token(&self, who: Who) -> String {
        let bearer = Bearer { application: "till-app".to_owned(), who };
        let given = self.face.house.with(|store| store.token_of(&bearer));
        given.access.expose_secret().to_owned()
    }

    fn ask(&self, who: Who, method: &str, path: &str, body: &str) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token(who));
        let request = Request::builder().method(method).uri(format!("http://h{BASE}{path}"));
        let request = request.header(AUTHORIZATION, bearer);
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let answer = self.face.answer(&request);
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status().as_u16(), body)
    }
}

const GUEST: Who = Who::Guest(ClientId::DEMO);

#[test]
fn nobody_speaks_without_a_token_that_lives() {
    let desk = Desk::open();
    let request = |header: &str| {
        let uri = format!("http://h{BASE}Cards");
        let request = Request::get(uri).header(AUTHORIZATION, header);
        desk.face.answer(&request.body(Bytes::new()).unwrap()).status()
    };
    let token = desk.token(GUEST);
    assert_eq!(request(&format!("Bearer {token}")), StatusCode::OK);
    assert_eq!(request(&token), StatusCode::UNAUTHORIZED);
    assert_eq!(request("Bearer made-up"), StatusCode::UNAUTHORIZED);
    desk.face.house.advance(std::time::Duration::from_secs(3_600));
    assert_eq!(request(&format!("Bearer {token}")), StatusCode::UNAUTHORIZED);
}

#[test]
fn who_may_do_what() {
    let desk = Desk::open();
    let rows = [
        (GUEST, "GET", "Cards", 200),
        (Who::Application, "GET", "Cards", 403),
        (Who::Operator, "GET", "Cards", 403),
        (GUEST, "POST", "Cards", 405),
        (GUEST, "POST", "users/1/AcceptTenderOffer", 403),
        (GUEST, "GET", "users/code/79990000001/cards/2990000000019/qrcode", 403),
        (Who::Operator, "GET", "users/code/79990000001/cards/2990000000019/qrcode", 200),
        (GUEST, "POST", "purchases/cancel/TILL-0007/1", 403),
        (GUEST, "GET", "Nothing", 404),
        (GUEST, "POST", "Processing/Nothing", 404),
        (GUEST, "GET", "Processing/Balance", 405),
    ];
    for (who, method, path, status) in rows {
        assert_eq!(desk.ask(who, method, path, "").0, status, "{method} {path}");
    }
}

#[test]
fn a_body_is_read_strictly() {
    let desk = Desk::open();
    let cheque = format!(r#""cheque":{{"date":"2026-03-14T12:00:00+03:00","lines":[{{{LINE}}}]}}"#);
    let good = format!("{{{MESSAGE},{cheque}}}");
    let state = |path: &str, body: &str| {
        let (status, answer) = desk.ask(GUEST, "POST", &format!("Processing/{path}"), body);
        assert_eq!(status, 200, "{path} {body}");
        answer["result"]["state"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(state("Purchases/1/Calculate", &good), "Success");
    let coupons = format!(r#"{{{MESSAGE},{cheque},"coupons":[{{"number":"SPRING-20"}}]}}"#);
    assert_eq!(state("Purchases/2/Calculate", &coupons), "Success");
    let rows = [
        ("Purchases/3/Calculate", good.replace("cheque", "check")),
        ("Purchases/3/Calculate", good.replace("300.00", "\"300.00\"")),
        ("Purchases/3/Calculate", good.replace("300.00", "300.001")),
        ("Purchases/3/Calculate", good.replace("+03:00\",\"lines", "\",\"lines")),
        ("Purchases/3/Calculate", good.replace("\"goodsId\":\"SKU-1001\",", "")),
        ("Purchases/3/Calculate", good.replace("goodsId\":\"", "goodsId\":\"A\",\"barcode\":\"")),
        ("Purchases/3/Calculate", good.replace("\"a1\"", "1")),
        ("Purchases/3/Calculate", good.replace("operationDate", "date")),
        ("Purchases/3/Calculate", format!("{{{MESSAGE}}}")),
        ("Purchases/3/Bonus/Available", coupons.clone()),
        ("Purchases/3/Bonus/Payment", good.clone()),
        ("Purchases/3/Confirm", good.clone()),
        ("Balance", good.clone()),
        ("Balance", String::new()),
        ("Balance", "[]".to_owned()),
    ];
    for (path, body) in rows {
        assert_eq!(state(path, &body), "ValidationError", "{path} {body}");
    }
}

#[test]
fn an_operation_is_done_once() {
    let desk = Desk::open();
    let balance = |path: &str, body: &str| desk.ask(GUEST, "POST", path, body).1;
    let body = format!("{{{MESSAGE}}}");
    let first = balance("Processing/Balance", &body);
    assert_eq!(first["data"][0]["code"], "Ok");
    assert_eq!(balance("Processing/Balance", &body), first, "a repeat is answered as it was");
    let other = balance("Processing/Balance", &body.replace("12:00:05", "12:00:06"));
    assert_eq!(other["data"][0]["code"], "NotUniqueOperationID");
    let nobody =
        desk.ask(Who::Application, "POST", "Processing/Balance", &body.replace("a1", "a2"));
    assert_eq!(nobody.1["data"][0]["code"], "CardHolderNotFound");
}
