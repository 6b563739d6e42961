//! The documents of `docs/api` and the service say the same, in both directions. That every answer
//! of every test is as they say, `tillway_tests::venue::Wire` sees to.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_engine::Bridge;
use tillway_memory::ProcessingMishap;
use tillway_testkit::builders::{anna, id};
use tillway_tests::openapi::{Documents, Exchange, Operation, of_the_service};
use tillway_tests::outage::Outage;
use tillway_tests::plugin::Plugin;
use tillway_tests::points;
use tillway_tests::pos::{Pay, Reserve};
use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue, Wire};
use tillway_tests::waiter::{ANNA, FEDOR, ORDER_83, of};
use tillway_transport::server::ServerConfig;
use tillway_waiter::{AllowedPeers, WaiterConfig};

const BEARER: (&str, &str) = ("Authorization", "Bearer till-1-secret");
const KEY: (&str, &str) = ("Idempotency-Key", "0d1f6a5e-7b42-4c1d-9a53-6f2e8d4b7c91");

/// A request that is as the documents say, with their examples.
struct Sample<'a> {
    operation: &'a Operation,
    target: String,
    body: String,
}

fn samples() -> Vec<Sample<'static>> {
    of_the_service().operations().map(sample).collect()
}

fn sample(operation: &Operation) -> Sample<'_> {
    let (mut target, mut query) = (operation.path.clone(), Vec::new());
    for parameter in &operation.parameters {
        let example = parameter.example.as_ref();
        let example = example.unwrap_or_else(|| panic!("{} has no example", parameter.name));
        let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        match parameter.place.as_str() {
            "path" => target = target.replace(&format!("{{{}}}", parameter.name), &text),
            "query" => query.push(format!("{}={text}", parameter.name)),
            _ => {}
        }
    }
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    let request = operation.request.as_ref();
    let body = request.map_or_else(String::new, |request| request.examples[0].1.to_string());
    Sample { operation, target, body }
}

impl Sample<'_> {
    /// Sends it with these headers and this body.
    fn send(&self, wire: &mut Wire, headers: &[(&str, &str)], body: &str) -> Answer {
        wire.ask(&self.operation.method, &self.target, headers, body)
    }

    /// Sends it as it is.
    fn ask(&self, venue: &Venue) -> Answer {
        self.send(&mut venue.connect(), &[BEARER, KEY], &self.body)
    }

    fn is_pos(&self) -> bool {
        self.operation.path.starts_with("/pos/v1/")
    }

    fn has_body(&self) -> bool {
        self.operation.request.is_some()
    }
}

#[test]
fn every_operation_of_the_documents_is_answered() {
    let venue = Venue::open();
    let samples = samples();
    assert_eq!(samples.len(), 21);
    for sample in samples {
        let answer = sample.ask(&venue);
        let id = &sample.operation.id;
        assert!(!matches!(answer.status, 405 | 501), "{id}: {answer:?}");
        // What is not there is told by a code; an empty 404 is a path that nobody knows.
        assert!(answer.status != 404 || !answer.body.is_empty(), "{id}: {answer:?}");
    }
    venue.holds();
}

#[test]
fn every_other_method_is_405() {
    let venue = Venue::open();
    let known = |method: &str, target: &str| of_the_service().operation(method, target).is_some();
    let mut refused = 0;
    for sample in samples() {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            if known(method, &sample.target)
                && (method, &*sample.operation.id) != ("HEAD", "commands")
            {
                continue;
            }
            let answer = venue.connect().ask(method, &sample.target, &[BEARER], "");
            assert_eq!(answer.status, 405, "{method} {}: {answer:?}", sample.target);
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn every_example_fits_its_schema() {
    let bad: Vec<_> = of_the_service().operations().flat_map(Operation::bad_examples).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let examples =
        |operation: &Operation| operation.request.as_ref().map_or(0, |r| r.examples.len());
    assert!(of_the_service().operations().map(examples).sum::<usize>() >= 17);
}

#[test]
fn every_example_of_a_request_is_understood() {
    for sample in samples() {
        let Some(request) = &sample.operation.request else { continue };
        for (name, example) in &request.examples {
            let venue = Venue::open();
            venue.bound(ORDER_82, ANNA);
            let body = example.to_string();
            let answer = sample.send(&mut venue.connect(), &[BEARER, KEY], &body);
            let understood = !matches!(answer.status, 400 | 408 | 413 | 415 | 422);
            assert!(understood, "{} {name}: {answer:?}", sample.operation.id);
        }
    }
}

/// Which answers of which operations were given.
#[derive(Default)]
struct Given(BTreeSet<(String, u16)>);

impl Given {
    fn note(&mut self, method: &str, target: &str, answer: &Answer) -> u16 {
        if let Some(operation) = of_the_service().operation(method, target) {
            self.0.insert((operation.id.clone(), answer.status));
        }
        answer.status
    }

    /// The plugin's call of till 1.
    fn pos(&mut self, venue: &Venue, method: &str, path: &str, body: &Value) -> u16 {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = venue.pos(1, method, path, &body);
        self.note(method, &format!("/pos/v1{path}"), &answer)
    }

    /// What any operation may answer, whatever it does.
    fn faults(&mut self, sample: &Sample<'_>, venues: &Venues) {
        let (method, id) = (&*sample.operation.method, &*sample.operation.id);
        let mut note = |answer: Answer| self.note(method, &sample.target, &answer);
        assert_eq!(note(sample.ask(&venues.closed)), 403, "{id}");
        let padding = "p".repeat(17 * 1024);
        let long = [BEARER, ("X-Padding", padding.as_str())];
        assert_eq!(note(sample.send(&mut venues.open.connect(), &long, "")), 431, "{id}");
        if !matches!(id, "checkIn" | "checkOut" | "loyalty") {
            assert_eq!(note(sample.ask(&venues.down)), 503, "{id}");
        }
        if sample.is_pos() {
            assert_eq!(
                note(sample.send(&mut venues.open.connect(), &[], &sample.body)),
                401,
                "{id}"
            );
            assert_eq!(note(sample.ask(&venues.guessed)), 429, "{id}");
        }
        if sample.has_body() {
            let mut typed = |kind, body: &str| {
                let headers = [BEARER, KEY, ("Content-Type", kind)];
                note(sample.send(&mut venues.open.connect(), &headers, body))
            };
            assert_eq!(typed("application/json", "["), 400, "{id}");
            assert_eq!(typed("text/plain", &sample.body), 415, "{id}");
            assert_eq!(typed("application/json", &" ".repeat(64 * 1024 + 1)), 413, "{id}");
            let mut slow = venues.hasty.connect();
            slow.send(format!(
                "{method} {} HTTP/1.1\r\n{}: {}\r\n{}: {}\r\nContent-Length: 2\r\n\r\n{{",
                sample.target, BEARER.0, BEARER.1, KEY.0, KEY.1
            ));
            assert_eq!(note(slow.answer(false)), 408, "{id}");
        }
    }

    /// Ids and parameters that are none; bodies that lack what they need.
    fn flaws(&mut self, sample: &Sample<'_>, venue: &Venue) {
        let operation = sample.operation;
        let bad = match &*operation.id {
            "ping" | "health" => return,
            "reconciliation" => {
                let none = venue.pos(1, "GET", "/reconciliation", "");
                assert_eq!(self.note("GET", &sample.target, &none), 422);
                "/pos/v1/reconciliation?from=now&to=then".to_owned()
            }
            "commands" => "/pos/v1/commands?wait=long".to_owned(),
            _ => operation.path.replace('{', "no-").replace('}', ""),
        };
        let answer = venue.connect().ask(&operation.method, &bad, &[BEARER], "{}");
        let status = self.note(&operation.method, &bad, &answer);
        assert_eq!(status, 400, "{bad}: {answer:?}");
        if sample.is_pos() && sample.has_body() && operation.id != "voidReservation" {
            let answer = sample.send(&mut venue.connect(), &[BEARER, KEY], "{}");
            assert_eq!(self.note(&operation.method, &sample.target, &answer), 422);
        }
    }
}

/// Venues in which something is wrong.
struct Venues {
    open: Venue,
    /// Talks to nobody here.
    closed: Venue,
    /// Has no store.
    down: Venue,
    /// Has heard too many wrong tokens.
    guessed: Venue,
    /// Does not wait for bodies.
    hasty: Venue,
}

impl Venues {
    fn open() -> Self {
        let peers = |config: &mut WaiterConfig| {
            config.allowed_peers = AllowedPeers::new(["10.0.0.0/8".parse().unwrap()]);
        };
        let store = Outage::default();
        let down = Venue::with(Setup {
            store: Arc::new(store.clone()),
            rules: Box::new(|config| config.bridge = Bridge::Poll),
            ..Setup::default()
        });
        store.down();
        let guessed = Venue::open();
        for _ in 0..10 {
            let wrong = [("Authorization", "Bearer a-guess")];
            guessed.connect().ask("GET", "/pos/v1/health", &wrong, "");
        }
        let body_read_timeout = Duration::from_millis(20);
        let server = ServerConfig { body_read_timeout, ..ServerConfig::default() };
        Self {
            open: Venue::open(),
            closed: Venue::with(Setup { edge: Box::new(peers), ..Setup::default() }),
            down,
            guessed,
            hasty: Venue::with(Setup { server, ..Setup::default() }),
        }
    }
}

/// The waiter's screen: nobody, a guest, a stranger.
fn screen(given: &mut Given) {
    let venue = Venue::open();
    let mut ask = |method: &str, path: String, body: &str| {
        given.note(method, &path, &venue.ask(method, &path, body))
    };
    assert_eq!(ask("GET", "/ping".to_owned(), ""), 204);
    assert_eq!(ask("GET", of(ORDER_82, "loyalty"), ""), 204);
    assert_eq!(ask("DELETE", of(ORDER_82, "checkin"), ""), 200);
    assert_eq!(ask("POST", of(ORDER_82, "checkin"), r#"{"Value":"404"}"#), 200);
    assert_eq!(ask("POST", of(ORDER_82, "checkin"), r#"{"Value":"149725735"}"#), 204);
    assert_eq!(ask("GET", of(ORDER_82, "loyalty"), ""), 200);
    assert_eq!(ask("GET", of(ORDER_82, "paymentLimits"), ""), 200);
    assert_eq!(ask("DELETE", of(ORDER_82, "checkin"), ""), 204);
}

/// The plugin's calls that go well, and those that the book refuses.
fn till(given: &mut Given) {
    let venue = Venue::open();
    let none = Value::Null;
    let (pay, points) =
        (Pay::new(1, &anna(), Deposit, 90_000), Pay::new(2, &anna(), Bonus, 75_000));
    let order = format!("/orders/{ORDER_82}");
    assert_eq!(given.pos(&venue, "GET", "/health", &none), 200);
    assert_eq!(given.pos(&venue, "GET", &order, &none), 200);
    let choose = |account: String| json!({"dueMinor": 1_000, "input": {"choose": account}});
    let plan = choose(pay.wallet.to_string());
    assert_eq!(given.pos(&venue, "POST", &format!("{order}/plan"), &plan), 404);
    assert_eq!(
        given.pos(&venue, "PUT", &Pay::new(3, &anna(), Deposit, 1).path(), &pay.json()),
        404
    );
    assert_eq!(given.pos(&venue, "GET", &pay.path(), &none), 404);
    assert_eq!(given.pos(&venue, "POST", &format!("{}/acknowledge", pay.path()), &none), 404);
    let refund = |pay: &Pay, number: u64| format!("{}/refunds/{}", pay.path(), id(number));
    let part = |amount: i64| json!({"amountMinor": amount, "refundedBeforeMinor": 0});
    assert_eq!(given.pos(&venue, "PUT", &refund(&pay, 1), &part(1)), 404);
    let hold = |given: &mut Given, key: u64, amount: i64| {
        let answer = Reserve::new(key, &anna(), Deposit, amount).post(&venue);
        given.note("POST", "/pos/v1/reservations", &answer);
        answer
    };
    assert_eq!(hold(given, 1, 1).status, 404);

    venue.bound(ORDER_82, ANNA);
    assert_eq!(given.pos(&venue, "PUT", &order, &json!({"totalMinor": 165_000, "lines": []})), 204);
    assert_eq!(given.pos(&venue, "POST", &format!("{order}/plan"), &plan), 200);
    let held = hold(given, 2, 90_000);
    assert_eq!((held.status, hold(given, 2, 90_000).status), (201, 200));
    assert_eq!(hold(given, 3, 1).status, 409);
    let held = held.json()["reservationId"].as_str().unwrap().to_owned();
    let void = |id: &str| format!("/reservations/{id}/void");
    let by = Pay { reservation: Some(held.clone()), ..pay.clone() };
    assert_eq!(given.pos(&venue, "PUT", &by.path(), &by.json()), 201);
    assert_eq!(given.pos(&venue, "PUT", &by.path(), &by.json()), 200);
    assert_eq!(given.pos(&venue, "POST", &void(&held), &none), 409);
    assert_eq!(given.pos(&venue, "POST", &void(&id(9).to_string()), &none), 404);
    let other = hold(given, 4, 1).json()["reservationId"].as_str().unwrap().to_owned();
    assert_eq!(given.pos(&venue, "POST", &void(&other), &none), 200);
    let much = Pay::new(4, &anna(), Bonus, 200_000);
    assert_eq!(given.pos(&venue, "PUT", &much.path(), &much.json()), 409);
    assert_eq!(given.pos(&venue, "GET", &pay.path(), &none), 200);
    assert_eq!(given.pos(&venue, "POST", &format!("{}/acknowledge", pay.path()), &none), 204);
    assert_eq!(given.pos(&venue, "PUT", &points.path(), &points.json()), 201);
    back(given, &venue, &pay, &points);
}

/// What goes back, and the end of the order.
fn back(given: &mut Given, venue: &Venue, pay: &Pay, points: &Pay) {
    let none = Value::Null;
    let refund = |number: u64| format!("{}/refunds/{}", pay.path(), id(number));
    let part = |amount: i64| json!({"amountMinor": amount, "refundedBeforeMinor": 0});
    let cancel = json!({"orderId": ORDER_82});
    let cancelled = |pay: &Pay| format!("{}/cancel", pay.path());
    assert_eq!(given.pos(venue, "PUT", &refund(2), &part(100)), 201);
    assert_eq!(given.pos(venue, "PUT", &refund(2), &part(100)), 200);
    assert_eq!(given.pos(venue, "PUT", &refund(3), &part(90_000)), 409);
    assert_eq!(given.pos(venue, "POST", &cancelled(pay), &cancel), 409);
    assert_eq!(given.pos(venue, "POST", &cancelled(points), &cancel), 200);
    let acknowledge = format!("{}/acknowledge", points.path());
    assert_eq!(given.pos(venue, "POST", &acknowledge, &none), 409);
    let unlinked = |amount: i64| {
        json!({"orderId": ORDER_82, "paymentTypeId": pay.payment_type.to_string(),
               "role": "deposit", "amountMinor": amount, "refundedBeforeMinor": 100})
    };
    let at = |number: u64| format!("/unlinked-refunds/{}", id(number));
    assert_eq!(given.pos(venue, "PUT", &at(1), &unlinked(100)), 201);
    assert_eq!(given.pos(venue, "PUT", &at(1), &unlinked(100)), 200);
    assert_eq!(given.pos(venue, "PUT", &at(2), &unlinked(100_000)), 409);
    let mut strange = unlinked(1);
    (strange["orderId"], strange["refundedBeforeMinor"]) = (json!(ORDER_83), json!(0));
    assert_eq!(given.pos(venue, "PUT", &at(3), &strange), 404);
    let closed = json!({"closedAt": "2026-11-22T09:41:00Z", "totalMinor": 165_000, "payments": []});
    assert_eq!(given.pos(venue, "POST", &format!("/orders/{ORDER_82}/closed"), &closed), 204);
    let day = "/reconciliation?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z";
    assert_eq!(given.pos(venue, "GET", day, &none), 200);
    mixed(given);
    venue.holds();
}

/// Credit and deposit of one guest do not pay one order.
fn mixed(given: &mut Given) {
    let venue = Venue::open();
    venue.bound(ORDER_83, FEDOR);
    let wallets = venue.sheet(tillway_tests::venue::order_id(ORDER_83))["wallets"].clone();
    let of_money = wallets.as_array().unwrap().iter().filter(|wallet| wallet["kind"] != "bonus");
    let parts: Vec<_> = of_money
        .map(|wallet| json!({"walletId": wallet["walletId"], "amountMinor": 100}))
        .collect();
    let plan = json!({"dueMinor": 200, "input": {"parts": parts}});
    assert_eq!(given.pos(&venue, "POST", &format!("/orders/{ORDER_83}/plan"), &plan), 409);
}

/// Points at a processing that does not answer.
fn elsewhere(given: &mut Given) {
    let processing = points::processing(25_000);
    let venue = points::venue(&processing);
    venue.bound(ORDER_82, ANNA);
    points::tell_lines(&venue);
    processing.befall(ProcessingMishap::LostAnswer);
    let pay = points::pay(1, 10_000);
    assert_eq!(given.pos(&venue, "PUT", &pay.path(), &pay.json()), 504);
}

/// Commands, and what became of them.
fn bridge(given: &mut Given) {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    assert_eq!(given.pos(&venue, "GET", "/commands", &Value::Null), 204);
    let mut waiting = venue.connect();
    let body = r#"{"Value":"149725735"}"#;
    waiting.start("POST", &of(ORDER_82, "checkin"), &[], body);
    let command = plugin.fetch_one("bindGuest");
    assert_eq!(given.pos(&venue, "GET", "/commands", &Value::Null), 200);
    let result = |id: &str| format!("/commands/{id}/result");
    let done = json!({"outcome": "done"});
    assert_eq!(given.pos(&venue, "POST", &result(command.id()), &done), 204);
    assert_eq!(waiting.answer(false).status, 204);
    assert_eq!(given.pos(&venue, "POST", &result(&id(7).to_string()), &done), 410);
}

#[test]
fn every_documented_answer_is_given() {
    let mut given = Given::default();
    let venues = Venues::open();
    for sample in samples() {
        given.faults(&sample, &venues);
        given.flaws(&sample, &venues.open);
    }
    screen(&mut given);
    till(&mut given);
    elsewhere(&mut given);
    bridge(&mut given);
    let documented = of_the_service()
        .operations()
        .flat_map(|operation| operation.statuses().map(|status| (operation.id.clone(), status)));
    let missing: Vec<_> = documented.filter(|answer| !given.0.contains(answer)).collect();
    assert!(missing.is_empty(), "documented and never given: {missing:#?}");
}

/// The reason must be this one; none is none.
#[track_caller]
fn noticed(told: &str, reason: &str) {
    assert_eq!(told.is_empty(), reason.is_empty(), "{reason}: {told}");
    assert!(told.contains(reason), "{reason}: {told}");
}

#[test]
fn what_is_not_as_documented_is_noticed() {
    let limits = format!("/orders/{ORDER_82}/paymentLimits");
    let json = ("content-type", "application/json; charset=utf-8");
    let fresh = ("cache-control", "no-store");
    let good = r#"{"BonusSum":0,"DepositSum":0.5}"#;
    let ask = |method, status, headers: &[(&str, &str)], body| {
        check(of_the_service(), method, &limits, status, headers, body)
    };
    for (body, reason) in [
        (good, ""),
        (r#"{"bonusSum":0,"depositSum":0}"#, ""),
        (r#"{"BonusSum":0}"#, "required"),
        (r#"{"BonusSum":0,"DepositSum":"0"}"#, "number"),
        (r#"{"BonusSum":-1,"DepositSum":0}"#, "minimum"),
        (r#"{"BonusSum":0,"DepositSum":0,"X":1}"#, "'X'"),
        ("", "EOF"),
    ] {
        noticed(&ask("GET", 200, &[json, fresh], body), reason);
    }
    noticed(&ask("GET", 200, &[json], good), "cache");
    noticed(&ask("GET", 200, &[json, fresh, ("x-new", "1")], good), "x-new");
    noticed(&ask("GET", 200, &[("content-type", "text/html"), fresh], good), "text/html");
    noticed(&ask("GET", 200, &[fresh], ""), "no content type");
    noticed(&ask("GET", 202, &[json, fresh], good), "does not document 202");
    noticed(&ask("PUT", 200, &[json], good), "a method that the document does not have");
    noticed(&ask("PUT", 405, &[("allow", "GET, HEAD, POST")], ""), "Allow");
    noticed(&ask("PUT", 405, &[("allow", "GET, HEAD")], ""), "");
    noticed(&ask("GET", 405, &[("allow", "GET, HEAD")], ""), "405 to a method");
    let nowhere = check(of_the_service(), "GET", "/orders", 200, &[json, fresh], good);
    noticed(&nowhere, "no document knows the path");
    // A document that changed is noticed by answers that did not.
    let told = |old: &str, new: &str| {
        let documents = Documents::with(old, new);
        check(&documents, "GET", &limits, 200, &[json, fresh], good)
    };
    for (old, new, reason) in [
        ("BonusSum: { type: number", "BonusSum: { type: number", ""),
        ("BonusSum: { type: number", "BonusSum: { type: string", "string"),
        ("[BonusSum, DepositSum]", "[BonusSum, DepositSum, Sum]", "required"),
        ("DepositSum: { type", "Deposit: { type", "DepositSum"),
        ("/paymentLimits:", "/limits:", "no document"),
        ("'200':\n          description: Both", "'201':\n          description: Both", "200"),
    ] {
        noticed(&told(old, new), reason);
    }
    let refused = r#"{"error":{"code":"odd","message":"x","retryable":false,"final":false}}"#;
    let bearer = ("www-authenticate", "Bearer");
    let health = |headers: &[(&str, &str)], body: &str| {
        check(of_the_service(), "GET", "/pos/v1/health", 401, headers, body)
    };
    noticed(&health(&[json, fresh, bearer], refused), "odd is not documented");
    let known = refused.replace("odd", "bad_token");
    noticed(&health(&[json, fresh, bearer], &known), "");
    noticed(&health(&[json, fresh], &known), "lacks www-authenticate");
}

#[test]
fn the_parts_of_a_multipart_answer_are_held_against_their_schemas() {
    let target = format!("/orders/{ORDER_82}/loyalty");
    let part = |head: &str, body: &str| format!("--b\r\n{head}\r\n\r\n{body}\r\n");
    let json = "Content-Disposition: form-data; name=loyalty\r\nContent-Type: application/json";
    let photo = part("Content-Disposition: form-data; name=photo", "\u{89}PNG");
    let good = r#"{"productSKUs":[],"userWallets":[],"suggestions":[],"waiterMessage":null}"#;
    let told = |body: &str| {
        let kind = ("content-type", "multipart/form-data; boundary=b");
        let headers = [kind, ("cache-control", "no-store")];
        check(of_the_service(), "GET", &target, 200, &headers, body)
    };
    noticed(&told(&format!("{}{photo}--b--\r\n", part(json, good))), "");
    noticed(&told(&format!("{}--b--\r\n", part(json, good))), "photo");
    noticed(&told(&format!("{photo}--b--\r\n")), "loyalty");
    let wrong = good.replace("[],\"suggestions\"", "{},\"suggestions\"");
    noticed(&told(&format!("{}{photo}--b--\r\n", part(json, &wrong))), "array");
    noticed(&told(&format!("{}{photo}", part(json, good))), "a part");
}

fn check(
    documents: &Documents,
    method: &str,
    target: &str,
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
) -> String {
    let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let headers: Vec<_> = owned.collect();
    let exchange = Exchange { method, target, status, headers: &headers, body: body.as_bytes() };
    documents.check(&exchange).err().unwrap_or_default()
}
