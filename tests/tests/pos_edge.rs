//! The edge of the payment API: tokens, ids, JSON, amounts, limits, codes (iiko note 2.3, 2.4).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_testkit::builders::{anna, id};
use tillway_tests::outage::Outage;
use tillway_tests::pos::{Pay, Reserve};
use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue, order_id};

const ANNA: &str = "149725735";

fn bound() -> Venue {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    venue
}

fn pay() -> Pay {
    Pay::new(1, &anna(), Deposit, 90_000)
}

/// Every call of the API, with a body that would do.
fn calls() -> Vec<(&'static str, String, String)> {
    let some = id(5);
    let cancel = json!({"orderId": ORDER_82}).to_string();
    let refund = json!({"amountMinor": 1, "refundedBeforeMinor": 0}).to_string();
    let plan = json!({"dueMinor": 1, "input": {"choose": some.to_string()}}).to_string();
    let told = json!({"totalMinor": 1, "lines": []}).to_string();
    let closed = json!({"closedAt": "2026-11-22T09:41:00Z", "totalMinor": 1, "payments": []});
    let period = "from=2026-09-21T00:00:00Z&to=2026-09-22T00:00:00Z";
    let get = |path: &str| ("GET", path.to_owned(), String::new());
    vec![
        get("/health"),
        get(&format!("/orders/{some}")),
        ("PUT", format!("/orders/{some}"), told),
        ("POST", format!("/orders/{some}/plan"), plan),
        ("POST", format!("/orders/{some}/closed"), closed.to_string()),
        ("POST", "/reservations".to_owned(), Reserve::new(5, &anna(), Bonus, 1).json().to_string()),
        ("POST", format!("/reservations/{some}/void"), String::new()),
        ("PUT", format!("/payments/{some}"), pay().json().to_string()),
        get(&format!("/payments/{some}")),
        ("POST", format!("/payments/{some}/cancel"), cancel),
        ("POST", format!("/payments/{some}/acknowledge"), String::new()),
        ("PUT", format!("/payments/{some}/refunds/{some}"), refund.clone()),
        ("PUT", format!("/unlinked-refunds/{some}"), refund),
        get("/commands"),
        ("POST", format!("/commands/{some}/result"), json!({"outcome": "done"}).to_string()),
        get(&format!("/reconciliation?{period}")),
    ]
}

#[test]
fn f1_without_a_till_nothing_is_answered_and_nothing_is_final() {
    let venue = Venue::open();
    for (method, path, body) in calls() {
        let path = format!("/pos/v1{path}");
        for header in ["", "Basic dGlsbC0x", "Bearer", "till-1-secret"] {
            let headers: &[_] = if header.is_empty() { &[] } else { &[("Authorization", header)] };
            let answer = venue.connect().ask(method, &path, headers, &body);
            answer.denied(401, "bad_token");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
        let own = venue.connect().ask(
            method,
            &format!("/t/till-2{path}"),
            &[("Authorization", "Bearer till-1-secret")],
            &body,
        );
        own.denied(403, "wrong_till");
    }
    assert_eq!(
        venue.pos(1, "GET", &format!("/payments/{}", id(5)), "").code(),
        "unknown_transaction"
    );
    // The path may name the till, and the token of each till is good at each listener.
    let headers = [("Authorization", "bearer  till-2-secret ")];
    for path in ["/t/till-2/pos/v1/health", "/T/TILL-2/pos/v1/health/", "/pos/v1/health"] {
        assert_eq!(venue.connect().ask("GET", path, &headers, "").status, 200, "{path}");
    }
    let strange = venue.connect().ask("GET", "/t/till-9/pos/v1/health", &headers, "");
    assert_eq!(strange.status, 404);
    venue.holds();
}

#[test]
fn f1_ten_wrong_tokens_in_a_minute_and_the_peer_waits() {
    let venue = bound();
    let ask = |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        let (path, body) = (format!("/pos/v1{}", pay().path()), pay().json().to_string());
        venue.connect().ask("PUT", &path, &headers, &body)
    };
    for number in 0..10 {
        ask(&format!("guess-{number}-secret")).denied(401, "bad_token");
        venue.clock.advance(Duration::from_secs(1));
    }
    // Even the right one waits, or guessing would pay; and waiting is never final.
    for token in ["till-1-secret", "guess-11-secret"] {
        let answer = ask(token);
        answer.denied(429, "too_many");
        assert_eq!(answer.header("retry-after"), Some("50"));
        assert_eq!(answer.json()["error"]["retryable"], true);
    }
    // The Waiter API carries no token and is not touched, nor is the other till's listener.
    let limits = venue.ask("GET", &format!("/orders/{ORDER_82}/paymentLimits"), "");
    assert_eq!(limits.status, 200);
    assert_eq!(venue.pos(2, "GET", "/health", "").status, 200);
    venue.clock.advance(Duration::from_millis(49_001));
    assert_eq!(ask("till-1-secret").header("retry-after"), Some("1"));
    venue.clock.advance(Duration::from_millis(999));
    assert_eq!(ask("till-1-secret").status, 201);
    // A window that slides: nine are left in it, so one more wrong token shuts the door.
    ask("guess-12-secret").denied(401, "bad_token");
    let again = ask("till-1-secret");
    again.denied(429, "too_many");
    assert_eq!(again.header("retry-after"), Some("1"));
    venue.clock.advance(Duration::from_secs(60));
    assert_eq!(ask("till-1-secret").status, 200);
    venue.holds();
}

#[test]
fn f1_ids_have_three_forms_and_anything_else_is_bad_id() {
    let venue = bound();
    for (method, path, body) in calls() {
        if !path.contains(&id(5).to_string()) {
            continue;
        }
        for bad in ["82", "00000000-0000-0000-0000-000000000000", "%20", "zz", "null"] {
            let path = path.replace(&id(5).to_string(), bad);
            venue.pos(1, method, &path, &body).denied(400, "bad_id");
        }
    }
    let members = ["orderId", "walletId", "paymentTypeId", "reservationId"];
    for member in members {
        for bad in ["", "82", "00000000-0000-0000-0000-000000000000"] {
            let mut body = pay().json();
            body[member] = json!(bad);
            venue.pos(1, "PUT", &pay().path(), &body.to_string()).denied(400, "bad_id");
        }
    }
    // One transaction in every form of its id, of its order's and of its wallet's.
    pay().taken(&venue);
    let plain = pay().id.simple().to_string();
    for form in [plain.to_uppercase(), format!("%7B{}%7D", pay().id), format!("{{{}}}", pay().id)] {
        let mut body = pay().json();
        body["orderId"] = json!(format!("{{{}}}", ORDER_82.to_uppercase()));
        body["walletId"] = json!(anna().account(Deposit).0.simple().to_string());
        venue.pos(1, "PUT", &format!("/payments/{form}"), &body.to_string()).replays();
    }
    assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
    venue.holds();
}

#[test]
fn f1_a_body_that_cannot_be_read_is_stored_nowhere() {
    let venue = bound();
    let good = pay().json().to_string();
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"\"x\"".to_vec(),
        b"1".to_vec(),
        format!("{good}x").into_bytes(),
        format!("{good}{good}").into_bytes(),
        good.replace(':', "=").into_bytes(),
        good.as_bytes()[..good.len() - 1].to_vec(),
        deep.into_bytes(),
        b"{\"cashier\":\"\xff\xfe\"}".to_vec(),
    ];
    for body in bodies {
        let mut wire = venue.connect();
        let head = format!(
            "PUT /pos/v1{} HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer till-1-secret\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            pay().path(),
            body.len()
        );
        wire.send([head.as_bytes(), &body].concat());
        wire.answer(false).denied(400, "bad_json");
    }
    assert_eq!(venue.pos(1, "GET", &pay().path(), "").code(), "unknown_transaction");
    pay().taken(&venue);
    venue.holds();
}

/// Replaces a member's value by raw JSON text, which no JSON library could write.
fn with_raw(body: &Value, member: &str, raw: &str) -> String {
    let mut body = body.clone();
    body[member] = json!("RAW");
    body.to_string().replace("\"RAW\"", raw)
}

#[test]
fn pv8_amounts_are_whole_kopecks_and_nothing_else() {
    let venue = bound();
    let fraction = ["1.5", "1.0", "1e2", "1E2", "0.1", "-0.5", "1e400"];
    let other = ["\"100\"", "true", "[]", "{}", "[100]", "\"\"", "\"1 000\""];
    let huge = ["9223372036854775808", "-9223372036854775809", "1000000000000000000000000"];
    for raw in fraction.iter().chain(&other).chain(&huge) {
        for member in ["amountMinor", "orderTotalMinor", "bindingEpoch", "attempt", "orderNumber"] {
            let body = with_raw(&pay().json(), member, raw);
            let answer = venue.pos(1, "PUT", &pay().path(), &body);
            answer.denied(400, "bad_json");
        }
        let reserve = Reserve::new(7, &anna(), Deposit, 1);
        for member in ["amountMinor", "orderTotalMinor", "ttlSeconds"] {
            let body = with_raw(&reserve.json(), member, raw);
            venue
                .post_keyed("/pos/v1/reservations", &id(7).to_string(), &body)
                .denied(400, "bad_json");
        }
        let refund = json!({"amountMinor": 1, "refundedBeforeMinor": 0});
        for member in ["amountMinor", "refundedBeforeMinor"] {
            let body = with_raw(&refund, member, raw);
            let path = format!("{}/refunds/{}", pay().path(), id(8));
            venue.pos(1, "PUT", &path, &body).denied(400, "bad_json");
        }
    }
    for (member, raw) in [
        ("attempt", "0"),
        ("attempt", "-1"),
        ("attempt", "65536"),
        ("bindingEpoch", "-1"),
        ("bindingEpoch", "4294967296"),
        ("prepay", "1"),
        ("silent", "\"true\""),
        ("role", "\"money\""),
        ("role", "1"),
        ("cashier", "7"),
    ] {
        let body = with_raw(&pay().json(), member, raw);
        venue.pos(1, "PUT", &pay().path(), &body).denied(400, "bad_json");
    }
    // Nothing was stored under any of the ids.
    assert_eq!(venue.pos(1, "GET", &pay().path(), "").code(), "unknown_transaction");
    Reserve::new(7, &anna(), Bonus, 1).held(&venue);
    // `null` is the same as absent, a well-typed amount is judged.
    let absent = with_raw(&pay().json(), "amountMinor", "null");
    venue.pos(1, "PUT", &pay().path(), &absent).refused(422, "field_required");
    for (number, raw) in (20_u64..).zip(["0", "-1", "-9223372036854775808"]) {
        let body = with_raw(&pay().json(), "amountMinor", raw);
        let answer = venue.pos(1, "PUT", &format!("/payments/{}", id(number)), &body);
        answer.refused(422, "bad_amount");
    }
    assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
    venue.holds();
}

#[test]
fn f1_unknown_members_are_skipped_and_names_have_any_case() {
    let venue = bound();
    let mut body = pay().json();
    body["future"] = json!({"orderId": "82", "list": [1, 2.5, null], "text": "\u{1F600}"});
    body["slip"] = json!([]);
    body["currency"] = json!("RUB");
    body["role"] = json!("bonus");
    body["cashier"] = json!("я".repeat(64));
    let text =
        body.to_string().replace("amountMinor", "AMOUNTMINOR").replace("walletId", "WalletID");
    let answer = venue.pos(1, "PUT", &pay().path(), &text);
    assert_eq!(answer.state_of(201), "captured");
    assert_eq!(answer.json()["kind"], "deposit", "the role is for display alone");
    // What is skipped, and what only people read, is no part of the comparison.
    pay().put(&venue).replays();
    venue.holds();
}

#[test]
fn f1_limits_of_a_body_and_its_type() {
    let venue = bound();
    let padded = |bytes: usize| {
        let body = pay().json().to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    // Cut off by the server loop, before anybody looks at it.
    assert_eq!(venue.pos(1, "PUT", &pay().path(), &padded(64 * 1024 + 1)).status, 413);
    let (path, body) = (format!("/pos/v1{}", pay().path()), pay().json().to_string());
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=cp1251"]
    {
        let headers = [("Authorization", "Bearer till-1-secret"), ("Content-Type", kind)];
        venue.connect().ask("PUT", &path, &headers, &body).denied(415, "unsupported_type");
    }
    assert_eq!(venue.pos(1, "GET", &pay().path(), "").code(), "unknown_transaction");
    assert_eq!(venue.pos(1, "PUT", &pay().path(), &padded(64 * 1024)).status, 201);
    // Texts have limits too, and what is too long is stored nowhere.
    for (member, chars) in [("cashier", 65), ("businessDate", 33), ("currency", 17)] {
        let next = Pay { id: id(2), ..pay() };
        let mut body = next.json();
        body[member] = json!("я".repeat(chars));
        venue.pos(1, "PUT", &next.path(), &body.to_string()).denied(400, "bad_json");
        assert_eq!(venue.pos(1, "GET", &next.path(), "").code(), "unknown_transaction");
    }
    let cancel = json!({"orderId": ORDER_82, "reason": "я".repeat(513)}).to_string();
    venue.pos(1, "POST", &format!("{}/cancel", pay().path()), &cancel).denied(400, "bad_json");
    assert_eq!(pay().state(&venue), "captured");
    venue.holds();
}

#[test]
fn f1_methods_paths_and_heads() {
    let venue = bound();
    let bearer = [("Authorization", "Bearer till-1-secret")];
    for (path, allowed) in [
        ("/health", "GET, HEAD"),
        ("/orders/3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11", "GET, HEAD, PUT"),
        ("/reservations", "POST"),
        ("/payments/3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d11", "GET, HEAD, PUT"),
        ("/commands", "GET"),
        ("/reconciliation", "GET, HEAD"),
    ] {
        let answer = venue.pos(1, "DELETE", path, "");
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{path}");
    }
    for path in ["/", "/payment", "/payments", "/orders/x/y/z", "/health/more", "//health"] {
        assert_eq!(venue.pos(1, "GET", path, "").status, 404, "{path}");
    }
    let health = venue.pos(1, "GET", "/health", "");
    let expected = json!({
        "status": "ok", "version": health.json()["version"], "time": "2026-09-21T14:13:20.000Z",
    });
    assert_eq!(health.json(), expected);
    assert_eq!(health.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(health.header("cache-control"), Some("no-store"));
    let head = venue.connect().ask("HEAD", "/pos/v1/health", &bearer, "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), health.header("content-length"));
    venue.holds();
}

#[test]
fn f1_a_reservation_needs_a_key() {
    let venue = bound();
    let reserve = Reserve::new(10, &anna(), Deposit, 100);
    let body = reserve.json().to_string();
    venue.pos(1, "POST", "/reservations", &body).denied(400, "bad_id");
    for bad in ["", "82", "00000000-0000-0000-0000-000000000000"] {
        venue.post_keyed("/pos/v1/reservations", bad, &body).denied(400, "bad_id");
    }
    let held = reserve.held(&venue);
    for key in [format!("{{{}}}", id(10)), id(10).simple().to_string().to_uppercase()] {
        let again = venue.post_keyed("/pos/v1/reservations", &key, &body);
        again.replays();
        assert_eq!(again.json()["reservationId"], held.as_str());
    }
    venue.holds();
}

/// Which codes are final (F1): those under a key that remembers them, and no others.
#[test]
fn f1_the_final_flag_of_the_calls_without_a_key() {
    let venue = bound();
    pay().taken(&venue);
    let missing = id(77).to_string();
    let post = |path: String, body: Value| venue.pos(1, "POST", &path, &body.to_string());
    let rows: Vec<(Answer, u16, &str)> = vec![
        (venue.pos(1, "GET", &format!("/payments/{missing}"), ""), 404, "unknown_transaction"),
        (post(format!("/payments/{missing}/acknowledge"), json!({})), 404, "unknown_transaction"),
        (post(format!("/payments/{missing}/cancel"), json!({})), 422, "field_required"),
        (post(format!("/reservations/{missing}/void"), json!({})), 404, "unknown_reservation"),
        (post(format!("/orders/{missing}/closed"), json!({})), 422, "field_required"),
        (venue.pos(1, "GET", "/reconciliation", ""), 422, "field_required"),
        (venue.pos(1, "GET", "/reconciliation?from=x&to=y", ""), 400, "bad_json"),
    ];
    for (answer, status, code) in rows {
        answer.denied(status, code);
    }
    let listed = json!([{"transactionId": missing}]);
    let body = json!({"closedAt": "2026-11-22T09:41:00Z", "totalMinor": 1, "payments": listed});
    post(format!("/orders/{ORDER_82}/closed"), body).denied(422, "field_required");
    let many: Vec<Value> = (1..=257_u64)
        .map(|n| json!({"transactionId": id(n).to_string(), "amountMinor": 1}))
        .collect();
    let body = json!({"closedAt": "2026-11-22T09:41:00Z", "totalMinor": 1, "payments": many});
    post(format!("/orders/{ORDER_82}/closed"), body).denied(400, "bad_json");
    assert_eq!(pay().state(&venue), "captured");
    venue.holds();
}

fn away() -> (Venue, Outage) {
    let store = Outage::default();
    let venue = Venue::with(Setup { store: Arc::new(store.clone()), ..Setup::default() });
    venue.bound(ORDER_82, ANNA);
    (venue, store)
}

#[test]
fn f1_an_outage_is_never_final() {
    let (venue, store) = away();
    store.down();
    for (method, path, body) in calls() {
        if path.starts_with("/reservations") && !path.ends_with("/void") {
            continue;
        }
        let answer = venue.pos(1, method, &path, &body);
        // Only what is wrong by itself is said to be wrong.
        if answer.status != 422 {
            answer.denied(503, "unavailable");
            assert_eq!(answer.json()["error"]["retryable"], true, "{path}");
        }
    }
    Reserve::new(10, &anna(), Deposit, 100).post(&venue).denied(503, "unavailable");
    pay().put(&venue).denied(503, "unavailable");
    store.up();
    pay().taken(&venue);
    venue.holds();
}

#[test]
fn f1_a_repeat_waits_three_seconds_for_the_first() {
    let (venue, store) = away();
    store.silent();
    let body = pay().json().to_string();
    let bearer = [("Authorization", "Bearer till-1-secret")];
    let mut first = venue.connect();
    first.start("PUT", &format!("/pos/v1{}", pay().path()), &bearer, &body);
    while venue.clock.next_wake() != Some(Duration::from_secs(3)) {
        std::thread::yield_now();
    }
    venue.clock.advance(Duration::from_secs(3));
    let answer = first.answer(false);
    answer.denied(409, "in_progress");
    assert_eq!(answer.json()["error"]["retryable"], true);
    store.up();
    // What the plugin does next: the same PUT, or a cancel. Both find one effect at most.
    let again = pay().put(&venue);
    assert!(matches!(again.status, 200 | 201), "{again:?}");
    assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
    assert_eq!(pay().cancel(&venue, 1).state_of(200), "cancelled");
    assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
    assert_eq!(venue.sheet(order_id(ORDER_82))["payments"][0]["state"], "cancelled");
    venue.holds();
}
