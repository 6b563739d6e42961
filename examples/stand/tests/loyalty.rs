//! A venue whose guests' points are at a Loymax processing, over real sockets: the simulated one of
//! the stand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use common::{PROCESSING_STEP, Serving, ask, command, folder, port_base, serve, stdout};

const ORDER: &str = "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11";
const BONUS_TYPE: &str = "0668e655-15a0-4b5e-ab3c-c7f7003cb8cc";
const TRANSACTION: &str = "6b1f0d6e-7a53-4a5c-9a71-0d0b5f1c2a01";
const CARD: &str = "2990000000019";

fn pos(stand: &Serving, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let headers = ["Authorization: Bearer till-1-secret", "Content-Type: application/json"];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = stand.ask(method, &format!("/pos/v1{path}"), &headers, &body);
    let status = answer.status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&answer.body).unwrap_or(Value::Null))
}

/// The order as the demo's own till tells it too, at any moment after the check-in.
fn tell_order(stand: &Serving) {
    let line = |sku: &str, amount: i64| json!({"sku": sku, "name": sku, "quantity": 1, "priceMinor": amount, "amountMinor": amount});
    let told = json!({"totalMinor": 165_000, "lines": [line("00042", 120_000), line("7", 45_000)]});
    assert_eq!(pos(stand, "PUT", &format!("/orders/{ORDER}"), &told).0, 204);
}

/// 100.00 of it, with points.
fn pay(stand: &Serving, wallet: &Value) -> (u16, Value) {
    let payment = json!({
        "orderId": ORDER, "walletId": wallet, "bindingEpoch": 1, "attempt": 1,
        "amountMinor": 10_000, "orderTotalMinor": 165_000, "orderNumber": 82,
        "paymentTypeId": BONUS_TYPE, "prepay": false, "silent": true,
    });
    pos(stand, "PUT", &format!("/payments/{TRANSACTION}"), &payment)
}

fn close(stand: &Serving) {
    let closed = json!({"closedAt": "2026-11-22T09:41:00Z", "totalMinor": 165_000,
        "payments": [{"transactionId": TRANSACTION, "amountMinor": 10_000}]});
    assert_eq!(pos(stand, "POST", &format!("/orders/{ORDER}/closed"), &closed).0, 204);
}

/// What the processing has of its first guest.
fn house(stand: &Serving) -> String {
    let shown = ask(stand.page + PROCESSING_STEP, "GET", "/sim/house", &[], "").body;
    shown.lines().next().unwrap().to_owned()
}

/// Waits a minute at most for what another thread of the stand does.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        if is() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}");
}

#[test]
fn points_are_shown_split_taken_and_told_at_the_close() {
    let (place, data) = folder();
    let file = place.path().join("demo.toml");
    let demo = "mode = \"demo\"\n[loyalty]\npoints = true\nrest = \"Cash\"\n";
    fs::write(&file, demo).unwrap();
    let stand = serve(&data, &["--config", file.to_str().unwrap()]);
    assert!(stand.table.iter().any(|line| line.contains("points of the guests")));
    let added = stand.command(&["guest", "add", "20010", "--first", "Тест", "--card", CARD]);
    assert!(added.status.success(), "{added:?}");
    assert_eq!(stand.check_in(ORDER, CARD).status, "HTTP/1.1 204 No Content");

    let json = ["Accept: application/json"];
    let shown = stand.ask("GET", &format!("/orders/{ORDER}/loyalty"), &json, "").body;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let wallet = shown["UserWallets"][0].clone();
    assert_eq!((&wallet["Name"], &wallet["Balance"]), (&json!("Баллы"), &json!(250)), "{shown}");

    tell_order(&stand);
    let wish = json!({"dueMinor": 165_000,
        "input": {"enter": {"walletId": wallet["Id"], "amountMinor": 10_000}}});
    let (status, plan) = pos(&stand, "POST", &format!("/orders/{ORDER}/plan"), &wish);
    assert_eq!(status, 200, "{plan}");
    assert!(plan.to_string().contains("10000"), "{plan}");

    let (status, taken) = pay(&stand, &wallet["Id"]);
    assert_eq!((status, &taken["availableAfterMinor"]), (201, &json!(15_000)), "{taken}");
    assert!(house(&stand).ends_with("250.00, в резерве 100.00"), "{}", house(&stand));

    close(&stand);
    let listed = stdout(&stand.command(&["points", "list"]));
    assert_eq!(listed, "nothing waits for a person\n");
    until("the close is told", || house(&stand).ends_with("227.50, в резерве 0.00"));
    let nobody = stand.command(&["points", "drop", &TRANSACTION.replace('-', ""), "--by", "Irina"]);
    assert!(common::stderr(&nobody).contains("does not wait for a person"), "{nobody:?}");
    let (code, _) = stand.stop();
    assert_eq!(code, Some(0));
}

/// The processing refuses what a close tells it: a person says when to tell it again.
#[test]
fn what_is_refused_is_listed_until_a_person_says_to_try_again() {
    let (place, data) = folder();
    let file = place.path().join("demo.toml");
    let demo = "mode = \"demo\"\n[loyalty]\npoints = true\n";
    fs::write(&file, demo).unwrap();
    let stand = serve(&data, &["--config", file.to_str().unwrap()]);
    stand.command(&["guest", "add", "20010", "--card", CARD]);
    assert_eq!(stand.check_in(ORDER, CARD).status, "HTTP/1.1 204 No Content");
    tell_order(&stand);
    let json = ["Accept: application/json"];
    let shown = stand.ask("GET", &format!("/orders/{ORDER}/loyalty"), &json, "").body;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(pay(&stand, &shown["UserWallets"][0]["Id"]).0, 201);
    let fault = r#"{"fault":"code","value":202,"at":"Accrue"}"#;
    let set = ask(stand.page + PROCESSING_STEP, "POST", "/sim/fault", &[], fault);
    assert!(set.status.contains("200"), "{set:?}");
    close(&stand);
    let number = TRANSACTION.replace('-', "");
    let list = || stdout(&stand.command(&["points", "list"]));
    until("it is listed", || list().starts_with(&number));
    assert!(list().contains("Accrue is refused: the till is set up wrong"), "{}", list());
    let again = stand.command(&["points", "retry", &number, "--by", "Irina"]);
    assert_eq!(stdout(&again), "it is told to the processing again\n");
    until("it is told", || house(&stand).ends_with("227.50, в резерве 0.00"));
    assert_eq!(list(), "nothing waits for a person\n");
}

#[test]
fn the_processing_is_asked_whether_it_knows_the_till() {
    let (place, data) = folder();
    let stand = serve(&data, &[]);
    let url = format!("http://127.0.0.1:{}/XmlExchange/demo", stand.page + PROCESSING_STEP);
    let venue = "[[till]]\nid = \"till-1\"\ntoken = \"a-long-random-text\"\n\
                 [payment_types]\n\"0668e655-15a0-4b5e-ab3c-c7f7003cb8cc\" = \"bonus\"\n";
    let check = |section: &str| {
        let file = place.path().join("venue.toml");
        fs::write(&file, format!("{venue}[loyalty]\n{section}points = true\n")).unwrap();
        let (_folder, other) = folder();
        let base = port_base().to_string();
        let args = ["--config", file.to_str().unwrap(), "--port-base", &base, "check-config"];
        let output = command(&other, &args);
        (output.status.code(), stdout(&output) + &common::stderr(&output))
    };
    let till = |url: &str, password: &str| {
        check(&format!("url = \"{url}\"\nlogin = \"TILL-0007\"\npassword = \"{password}\"\n"))
    };
    let (code, said) = till(&url, "demo");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("processing at {url}: TILL-0007 is known there")), "{said}");
    let (code, said) = till(&url, "hush-hush");
    assert!(code == Some(1) && said.contains("the processing refuses with 401"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
    let (code, said) = till("http://127.0.0.1:1/XmlExchange/demo", "demo");
    assert!(code == Some(1) && said.contains("cannot be reached"), "{said}");
    let (code, said) = till(&url.replace("/demo", "/nowhere"), "demo");
    assert!(code == Some(1) && said.contains("does not answer as it should"), "{said}");
    let (code, said) = check("url = \"nowhere\"\nlogin = \"a\"\npassword = \"b\"\n");
    assert!(code == Some(1) && said.contains("section loyalty: "), "{said}");
}
