//! Rows W and rules H and J of the Waiter API that the HTTP layer alone decides.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use support::{FRIEND, ORDER, State, Venue, config, id, request, sleep};
use tillway_core::book::Actor;
use tillway_core::id::{AccountId, OrderId};
use tillway_core::port::{CheckedIn, LoyaltyView, TableRefusal};
use tillway_core::wallet::{Limits, Wallet};
use tillway_core::{AccountKind, Kopecks};
use tillway_waiter::{JsonCase, LimitsOnFailure, WaiterConfig};

const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 \r\n--tillway--\r\n \xFF\xD9";

fn path(rest: &str) -> String {
    format!("/orders/{ORDER}/{rest}")
}

fn wallets() -> Vec<Wallet> {
    let wallet = |text, kind, name: &str, available| Wallet {
        id: AccountId(id(text)),
        kind,
        name: name.into(),
        available: Kopecks(available),
    };
    vec![
        wallet(support::BONUS, AccountKind::Bonus, "Бонусы", 8_486_500),
        wallet(support::DEPOSIT, AccountKind::Deposit, "Депозит", 10_094_100),
    ]
}

fn view() -> LoyaltyView {
    LoyaltyView {
        name: "Анна Сергеевна".to_owned(),
        wallets: wallets(),
        gifts: vec!["20417".into()],
        hints: Vec::new(),
        overdraft: true,
        photo: None,
    }
}

fn showing(view: LoyaltyView) -> State {
    State { loyalty: Ok(Some(view)), ..State::default() }
}

async fn check_in(venue: &Venue, body: &str) -> support::Answer {
    venue.put(&format!("POST {}", path("checkin")), body).await
}

#[tokio::test(start_paused = true)]
async fn w01_ping_answers_204() {
    let answer = Venue::new(State::default()).ask("GET /ping").await;
    assert_eq!(answer.status, 204);
    assert!(answer.is_bare(), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// The answer is made in the request's own map of headers.
#[tokio::test(start_paused = true)]
async fn w01_ping_gives_no_header_back() {
    let venue = Venue::new(State::default());
    let sent = "Authorization: Bearer a\r\nSet-Cookie: b\r\nSet-Cookie: c\r\nX-Any: d\r\n";
    for method in ["GET", "HEAD"] {
        let answer = venue.send(format!("{method} /ping HTTP/1.1\r\nHost: t\r\n{sent}\r\n")).await;
        assert_eq!(answer.status, 204);
        for name in ["host", "authorization", "set-cookie", "x-any"] {
            assert_eq!(answer.header(name), None, "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn w02_ping_by_other_methods() {
    let venue = Venue::new(State::default());
    let head = venue.ask("HEAD /ping").await;
    assert_eq!(head.status, 204);
    assert!(head.is_bare(), "{head:?}");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let answer = venue.ask(&format!("{method} /ping")).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        assert!(answer.body.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn w03_a_known_card_is_attached() {
    let venue = Venue::new(State::default());
    let answer = check_in(&venue, include_str!("../fixtures/checkin_request.json").trim()).await;
    assert_eq!(answer.status, 204);
    assert!(answer.is_bare(), "{answer:?}");
    let state = venue.desks.state();
    assert_eq!(state.asked.scans, [("04A1B2C3D4E580".to_owned(), Some("7".to_owned()))]);
    assert_eq!(state.asked.orders, [OrderId(id(ORDER))]);
    let caller = &state.asked.callers[0];
    assert_eq!(caller.actor, Actor::Waiter);
    assert_eq!(caller.till.as_ref().map(|till| till.as_str()), Some("till-1"));
    assert!(caller.deadline.is_some_and(|deadline| deadline >= Duration::from_secs(8)));
}

#[tokio::test(start_paused = true)]
async fn w04_the_reduced_variant_shows_name_and_balances() {
    let noted =
        CheckedIn::Noted { name: "Анна Сергеевна".to_owned(), wallets: wallets() };
    let venue = Venue::new(State { check_in: Ok(noted), ..State::default() });
    let answer = check_in(&venue, r#"{"Value":"149725735"}"#).await;
    let text = "Анна Сергеевна. Бонусы: 84 865,00. Депозит: 100 941,00";
    assert!(answer.is_message(text), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn w05_an_unknown_card_is_a_message() {
    let state = State { check_in: Err(TableRefusal::UnknownCard), ..State::default() };
    let answer = check_in(&Venue::new(state), r#"{"Value":"1"}"#).await;
    assert_eq!(answer.text(), include_str!("../fixtures/unknown_card.json").trim_end());
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("content-length"), Some("68"));
}

/// W05 to W09, W23, W26 to W29, W31, W33, W54: a refusal is 200 and a text.
#[tokio::test(start_paused = true)]
async fn w05_to_w54_every_refusal_is_200_with_a_text() {
    use TableRefusal as R;
    let rows = [
        (R::EmptyValue, "Ничего не считано. Приложите карту ещё раз"),
        (R::BadValue, "Считанное не похоже на карту"),
        (R::CardBlocked, "Карта заблокирована"),
        (R::CardExpired, "Срок действия карты истёк или ещё не начался"),
        (R::TokenExpired, "Код устарел. Попросите гостя показать новый"),
        (R::TokenUsed, "Код уже использован. Попросите гостя показать новый"),
        (R::TokenInvalid, "Код не распознан. Попросите гостя показать новый"),
        (R::Ambiguous, "По этому номеру найдено несколько гостей. Нужна карта"),
        (R::BadPin, "Неверный пин-код официанта"),
        (R::OtherGuest, "К заказу уже привязан другой гость"),
        (R::OrderBusy, "Заказ редактируется на кассе. Закройте его там и повторите"),
        (R::OrderClosed, "Заказ уже закрыт"),
        (R::OrderNotFound, "Касса не нашла этот заказ"),
        (R::TillUnreachable, "Касса не отвечает. Гость не привязан, повторите"),
        (R::WrongTill, "Заказ открыт на другой кассе"),
        (R::TooManyAttempts, "Слишком много неудачных попыток. Подождите минуту"),
        (R::Unavailable, "Сервис лояльности недоступен"),
    ];
    for (refusal, text) in rows {
        let venue = Venue::new(State { check_in: Err(refusal), ..State::default() });
        let answer = check_in(&venue, r#"{"Value":"1"}"#).await;
        assert!(answer.is_message(text), "{refusal}: {}", answer.text());
    }
    let rows = [
        (R::NoGuest, "К заказу не привязан гость"),
        (R::HasPayment, "По заказу есть оплата. Сначала отмените её"),
        (R::TillUnreachable, "Гость отвязан. Касса не отвечает и узнает об этом позже"),
        (R::Unavailable, "Сервис лояльности недоступен"),
    ];
    for (refusal, text) in rows {
        let venue = Venue::new(State { check_out: Err(refusal), ..State::default() });
        let answer = venue.put(&format!("DELETE {}", path("checkin")), "{}").await;
        assert!(answer.is_message(text), "{refusal}: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn w12_what_is_no_order_id_is_400_for_any_method() {
    let venue = Venue::new(State::default());
    let nil = "00000000-0000-0000-0000-000000000000";
    for order in ["82", nil, "%20", "3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d1"] {
        for line in ["POST /orders/ID/checkin", "GET /orders/ID/checkin", "GET /orders/ID/loyalty"]
            .into_iter()
            .chain(["PUT /orders/ID/loyalty", "GET /orders/ID/paymentLimits"])
        {
            let answer = venue.ask(&line.replace("ID", order)).await;
            assert_eq!(answer.status, 400, "{line} {order}");
            let expected = include_str!("../fixtures/bad_order_id.json").trim_end();
            assert_eq!(answer.text(), expected);
        }
    }
    assert!(venue.desks.state().asked.callers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn w13_one_order_in_three_forms() {
    let venue = Venue::new(State::default());
    let hex = ORDER.replace('-', "");
    let forms = [
        ORDER.to_owned(),
        ORDER.to_uppercase(),
        hex,
        format!("{{{ORDER}}}"),
        format!("%7B{ORDER}%7D"),
    ];
    for form in &forms {
        assert_eq!(venue.ask(&format!("GET /orders/{form}/paymentLimits")).await.status, 200);
    }
    assert_eq!(venue.desks.state().asked.orders, vec![OrderId(id(ORDER)); forms.len()]);
}

#[tokio::test(start_paused = true)]
async fn w14_a_value_is_required() {
    let venue = Venue::new(State::default());
    let bodies = ["", "{}", r#"{"Value":null}"#, r#"{"Value":true}"#, r#"{"Value":1.5}"#];
    for body in bodies {
        let answer = check_in(&venue, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.text(), include_str!("../fixtures/value_required.json").trim_end());
    }
    let answer = venue.ask(&format!("POST {}", path("checkin"))).await;
    assert_eq!(answer.text(), include_str!("../fixtures/value_required.json").trim_end());
}

#[tokio::test(start_paused = true)]
async fn w15_what_is_not_json_is_400() {
    let venue = Venue::new(State::default());
    let deep = format!(r#"{{"Value":"1","a":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    for body in ["Value=1", r#"{"Value":"1""#, "[]", "\"1\"", "{\"Value\":\"\u{1}\"}", &deep] {
        for line in ["POST", "DELETE"] {
            let answer = venue.put(&format!("{line} {}", path("checkin")), body).await;
            assert_eq!(answer.status, 400, "{line} {body}");
            assert_eq!(
                answer.text(),
                r#"{"WaiterMessage":"Запрос не разобран","Code":"bad_json"}"#
            );
        }
    }
    let shallow = format!(r#"{{"Value":"1","a":{}{}}}"#, "[".repeat(31), "]".repeat(31));
    assert_eq!(check_in(&venue, &shallow).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn w16_w56_values_pass_as_they_came() {
    let venue = Venue::new(State::default());
    let long = "x".repeat(513);
    let values = [" \\r\\n", "lt1.k1.a.b", "https://club.example/c?card=1", &long];
    for value in values {
        check_in(&venue, &format!(r#"{{"Value":"{value}"}}"#)).await;
    }
    check_in(&venue, r#"{"Value":149725735}"#).await;
    let state = venue.desks.state();
    let scans: Vec<_> = state.asked.scans.iter().map(|(scan, _)| scan.as_str()).collect();
    assert_eq!(scans, [" \r\n", values[1], values[2], &long, "149725735"]);
}

#[tokio::test(start_paused = true)]
async fn w17_names_extras_bom_and_no_type_are_accepted() {
    let venue = Venue::new(State::default());
    let line = format!("POST {}", path("checkin"));
    let bodies = [
        r#"{"value":"1","WAITERPIN":"7"}"#,
        r#"{"Value":"1","Till":{"a":[null]},"WaiterPin":"7"}"#,
        "\u{feff}{\"Value\":\"1\",\"WaiterPin\":\"7\"}",
        r#"{"Value":"2","value":"1","WaiterPin":"7"}"#,
    ];
    for body in bodies {
        assert_eq!(venue.send(request(&line, "", body)).await.status, 204, "{body}");
    }
    let state = venue.desks.state();
    assert_eq!(state.asked.scans, vec![("1".to_owned(), Some("7".to_owned())); bodies.len()]);
}

#[tokio::test(start_paused = true)]
async fn w18_other_types_and_charsets_are_415() {
    let venue = Venue::new(State::default());
    let send = async |kind: &str, body: &str| {
        let head = format!("Content-Type: {kind}\r\n");
        venue.send(request(&format!("POST {}", path("checkin")), &head, body)).await
    };
    let body = r#"{"Value":"1"}"#;
    for kind in ["text/plain", "application/json; charset=windows-1251", "multipart/form-data"] {
        let answer = send(kind, body).await;
        assert_eq!(answer.status, 415, "{kind}");
        assert!(answer.text().contains(r#""Code":"unsupported_type""#));
    }
    for kind in ["application/json; charset=UTF-8", "text/json", "application/vnd.iiko+json"] {
        assert_eq!(send(kind, body).await.status, 204, "{kind}");
    }
    // A type without a body says nothing: the value is missing.
    assert_eq!(send("text/plain", "").await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn w19_a_body_of_64_kib_and_one_byte_is_413() {
    let venue = Venue::new(State::default());
    let line = format!("POST {}", path("checkin"));
    let body = format!(r#"{{"Value":"1","pad":"{}"}}"#, "x".repeat(64 * 1024 + 1 - 22));
    assert_eq!(body.len(), 64 * 1024 + 1);
    let mut raw = venue.connect(FRIEND);
    raw.send(request(&line, "", &body)).await;
    assert_eq!(raw.answer().await.status, 413);
    assert!(raw.is_closed().await);

    let chunked = format!("{line} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut raw = venue.connect(FRIEND);
    raw.send(format!("{chunked}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())).await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains(r#""Code":"too_large""#), "{answer:?}");
    assert!(raw.is_closed().await);

    let whole = body.replacen('x', "", 1);
    assert_eq!(venue.send(request(&line, "", &whole)).await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn w20_continue_is_said_first() {
    let venue = Venue::new(State::default());
    let body = r#"{"Value":"04A1B2C3D4E580","WaiterPin":"7"}"#;
    let whole = request(&format!("POST {}", path("checkin")), "Expect: 100-continue\r\n", body);
    let (head, body) = whole.split_at(whole.len() - body.len());
    let mut raw = venue.connect(FRIEND);
    raw.send(head).await;
    assert_eq!(raw.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send(body).await;
    assert_eq!(raw.answer().await.status, 204);
}

#[tokio::test(start_paused = true)]
async fn w21_chunks_are_taken_on_post_and_delete() {
    let venue = Venue::new(State::default());
    for (method, body) in [("POST", r#"{"Value":"1"}"#), ("DELETE", r#"{"WaiterPin":"7"}"#)] {
        let head = format!("{method} {} HTTP/1.1\r\nHost: t\r\n", path("checkin"));
        let (first, rest) = body.split_at(5);
        let chunks = format!("5\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n", rest.len());
        let answer = venue.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}")).await;
        assert_eq!(answer.status, 204, "{method}");
    }
    assert_eq!(venue.desks.state().asked.pins, [Some("7".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn w22_a_connection_lives_on() {
    let venue = Venue::new(State::default());
    let mut raw = venue.connect(FRIEND);
    let ask = format!("GET {} HTTP/1.1\r\nHost: t\r\n\r\n", path("paymentLimits"));
    for _ in 0..3 {
        raw.send(&ask).await;
        assert_eq!(raw.answer().await.status, 200);
    }
    sleep(Duration::from_secs(110)).await;
    raw.send(&ask).await;
    assert_eq!(raw.answer().await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn w24_an_empty_pin_is_none() {
    let venue = Venue::new(State::default());
    for pin in ["null", "\"\""] {
        check_in(&venue, &format!(r#"{{"Value":"1","WaiterPin":{pin}}}"#)).await;
    }
    assert_eq!(venue.desks.state().asked.scans, vec![("1".to_owned(), None); 2]);
}

#[tokio::test(start_paused = true)]
async fn w30_w34_a_check_out_needs_no_body() {
    let venue = Venue::new(State::default());
    let line = format!("DELETE {}", path("checkin"));
    let answer = venue.ask(&line).await;
    assert_eq!(answer.status, 204);
    assert!(answer.is_bare());
    assert_eq!(venue.put(&line, "{}").await.status, 204);
    assert_eq!(venue.put(&line, r#"{"WaiterPin":"12345"}"#).await.status, 204);
    assert_eq!(venue.desks.state().asked.pins, [None, None, Some("12345".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn w35_nobody_attached_is_204() {
    let answer = Venue::new(State::default()).ask(&format!("GET {}", path("loyalty"))).await;
    assert_eq!(answer.status, 204);
    assert!(answer.is_bare());
}

#[tokio::test(start_paused = true)]
async fn w36_a_guest_without_photo_is_json() {
    let venue = Venue::new(showing(view()));
    let answer = venue.ask(&format!("GET {}", path("loyalty"))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), include_str!("../fixtures/loyalty.json").trim_end());
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let length = answer.body.len().to_string();
    // The length is told, the body is not sent.
    let mut raw = venue.connect(FRIEND);
    raw.send(format!("HEAD {} HTTP/1.1\r\nHost: t\r\n\r\n", path("loyalty"))).await;
    let told = raw.head().await.to_ascii_lowercase();
    assert!(told.contains(&format!("content-length: {length}\r\n")), "{told}");
    raw.send(b"GET /ping HTTP/1.1\r\nHost: t\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 204);
}

async fn parts(answer: &support::Answer) -> Vec<(Option<String>, Option<String>, Vec<u8>)> {
    let kind = answer.header("content-type").unwrap();
    let boundary = multer::parse_boundary(kind).unwrap();
    let body = answer.body.clone();
    let stream = futures::stream::once(async move { Ok::<_, std::convert::Infallible>(body) });
    let mut multipart = multer::Multipart::new(stream, boundary);
    let mut parts = Vec::new();
    while let Some(field) = multipart.next_field().await.unwrap() {
        let name = field.name().map(str::to_owned);
        let kind = field.content_type().map(ToString::to_string);
        parts.push((name, kind, field.bytes().await.unwrap().to_vec()));
    }
    parts
}

#[tokio::test(start_paused = true)]
async fn w37_w39_a_photo_makes_it_multipart() {
    let venue = Venue::new(showing(LoyaltyView { photo: Some(JPEG.into()), ..view() }));
    let answer = venue.ask(&format!("GET {}", path("loyalty"))).await;
    assert_eq!(answer.status, 200);
    let expected = include_str!("../fixtures/loyalty_part.json").trim_end().as_bytes().to_vec();
    let json = Some("application/json".to_owned());
    assert_eq!(
        parts(&answer).await,
        [
            (Some("loyalty".to_owned()), json, expected),
            (Some("photo".to_owned()), None, JPEG.to_vec()),
        ]
    );
    let raw = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(raw.contains("Content-Disposition: form-data; name=loyalty\r\n"), "{raw}");
    assert!(raw.contains("Content-Disposition: form-data; name=photo\r\n\r\n"), "{raw}");
    let kind = answer.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(raw.starts_with(&format!("--{boundary}\r\n")));
    assert!(raw.ends_with(&format!("\r\n--{boundary}--\r\n")));

    let off = WaiterConfig { photo: false, ..config() };
    let venue = Venue::with(off, showing(LoyaltyView { photo: Some(JPEG.into()), ..view() }));
    let answer = venue.ask(&format!("GET {}", path("loyalty"))).await;
    assert_eq!(answer.text(), include_str!("../fixtures/loyalty.json").trim_end());
}

#[tokio::test(start_paused = true)]
async fn w38_who_asks_for_json_alone_gets_json() {
    let venue = Venue::new(showing(LoyaltyView { photo: Some(JPEG.into()), ..view() }));
    let line = format!("GET {} HTTP/1.1\r\nHost: t\r\n", path("loyalty"));
    let answer = venue.send(format!("{line}Accept: application/json\r\n\r\n")).await;
    assert_eq!(answer.text(), include_str!("../fixtures/loyalty.json").trim_end());
}

#[tokio::test(start_paused = true)]
async fn w40_a_photo_that_is_too_large_or_odd_is_dropped() {
    let mut large = JPEG.to_vec();
    large.resize(512 * 1024 + 1, 0);
    for photo in [large, b"GIF89a".to_vec(), Vec::new()] {
        let venue = Venue::new(showing(LoyaltyView { photo: Some(photo.into()), ..view() }));
        let answer = venue.ask(&format!("GET {}", path("loyalty"))).await;
        assert_eq!(answer.text(), include_str!("../fixtures/loyalty.json").trim_end());
    }
}

#[tokio::test(start_paused = true)]
async fn w41_a_guest_without_accounts_has_empty_lists() {
    let bare = LoyaltyView {
        wallets: Vec::new(),
        gifts: Vec::new(),
        overdraft: false,
        name: "10542".to_owned(),
        ..view()
    };
    let answer = Venue::new(showing(bare)).ask(&format!("GET {}", path("loyalty"))).await;
    assert_eq!(answer.text(), r#"{"ProductSKUs":[],"UserWallets":[],"Suggestions":["10542"]}"#);
}

#[tokio::test(start_paused = true)]
async fn w44_names_are_escaped_and_nothing_else() {
    let name = "Анна \"Ня\" О'К & <b> 🦊".to_owned();
    let odd =
        LoyaltyView { name, wallets: Vec::new(), gifts: Vec::new(), overdraft: false, ..view() };
    let answer = Venue::new(showing(odd)).ask(&format!("GET {}", path("loyalty"))).await;
    let expected =
        r#"{"ProductSKUs":[],"UserWallets":[],"Suggestions":["Анна \"Ня\" О'К & <b> 🦊"]}"#;
    assert_eq!(answer.text(), expected);
}

#[tokio::test(start_paused = true)]
async fn w45_to_w47_limits_are_exact_numbers() {
    let rows = [
        (8_486_500, 10_094_100, r#"{"BonusSum":84865,"DepositSum":100941}"#),
        (0, 0, r#"{"BonusSum":0,"DepositSum":0}"#),
        (10, 5_070, r#"{"BonusSum":0.1,"DepositSum":50.7}"#),
        (1, 999_999_999_999, r#"{"BonusSum":0.01,"DepositSum":9999999999.99}"#),
    ];
    for (bonus, deposit, expected) in rows {
        let limits = Limits { bonus: Kopecks(bonus), deposit: Kopecks(deposit) };
        let venue = Venue::new(State { limits: Ok(limits), ..State::default() });
        let answer = venue.ask(&format!("GET {}", path("paymentLimits"))).await;
        assert_eq!((answer.status, answer.text()), (200, expected));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

fn down() -> State {
    State {
        check_in: Err(TableRefusal::Unavailable),
        check_out: Err(TableRefusal::Unavailable),
        loyalty: Err(TableRefusal::Unavailable),
        limits: Err(TableRefusal::Unavailable),
        ready: Err(TableRefusal::Unavailable),
        ..State::default()
    }
}

/// The answers of an outage; desks that never answer give the same ones, after their budget.
async fn is_an_outage(venue: &Venue) {
    let text = "Сервис лояльности недоступен";
    assert!(check_in(venue, r#"{"Value":"1"}"#).await.is_message(text));
    assert!(venue.ask(&format!("DELETE {}", path("checkin"))).await.is_message(text));
    let loyalty = venue.ask(&format!("GET {}", path("loyalty"))).await;
    assert_eq!(loyalty.status, 200);
    assert_eq!(loyalty.text(), include_str!("../fixtures/loyalty_outage.json").trim_end());
    for line in ["GET /ping".to_owned(), format!("GET {}", path("paymentLimits"))] {
        let answer = venue.ask(&line).await;
        assert_eq!(answer.status, 503, "{line}");
        assert_eq!(answer.text(), include_str!("../fixtures/unavailable.json").trim_end());
    }
}

#[tokio::test(start_paused = true)]
async fn w50_an_outage_is_said_as_each_call_can() {
    is_an_outage(&Venue::new(down())).await;

    let lenient = WaiterConfig {
        limits_on_failure: LimitsOnFailure::Zero,
        ping_checks_store: false,
        ..config()
    };
    let venue = Venue::with(lenient, down());
    assert_eq!(venue.ask("GET /ping").await.status, 204);
    let limits = venue.ask(&format!("GET {}", path("paymentLimits"))).await;
    assert_eq!(limits.text(), r#"{"BonusSum":0,"DepositSum":0}"#);
}

#[tokio::test(start_paused = true)]
async fn time_budgets_are_kept_by_the_clock() {
    let venue = Venue::new(State { hang: true, ..State::default() });
    let started = tokio::time::Instant::now();
    is_an_outage(&venue).await;
    let spent = started.elapsed();
    // Two bindings of 8 s and three reads of 3 s.
    assert!((Duration::from_secs(25)..Duration::from_secs(26)).contains(&spent), "{spent:?}");
}

#[tokio::test(start_paused = true)]
async fn w51_a_stranger_gets_403_and_nothing_else() {
    let venue = Venue::new(State::default());
    let mut raw = venue.connect("10.0.1.7:4000");
    raw.send(b"GET /ping HTTP/1.1\r\nHost: t\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.body.len()), (403, 0));
    assert!(venue.desks.state().asked.callers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn w52_405_and_404() {
    let venue = Venue::new(State::default());
    for method in ["GET", "HEAD", "PUT"] {
        let answer = venue.ask(&format!("{method} {}", path("checkin"))).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("POST, DELETE"));
    }
    for rest in ["loyalty", "paymentLimits"] {
        let answer = venue.ask(&format!("DELETE {}", path(rest))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    }
    for line in [format!("GET {}", path("nope")), "GET /".to_owned(), "GET /t/till-9/ping".into()] {
        let answer = venue.ask(&line).await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn w58_two_lengths_are_400_and_the_end() {
    let venue = Venue::new(State::default());
    let head = format!("POST {} HTTP/1.1\r\nHost: t\r\nContent-Length: 13\r\n", path("checkin"));
    let mut raw = venue.connect(FRIEND);
    raw.send(format!(
        "{head}Transfer-Encoding: chunked\r\n\r\nd\r\n{{\"Value\":\"1\"}}\r\n0\r\n\r\n"
    ))
    .await;
    assert_eq!(raw.answer().await.status, 400);
    assert!(raw.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn h7_paths_ignore_case_slash_and_query() {
    let venue = Venue::new(State::default());
    let lines = [
        "GET /PING/".to_owned(),
        "GET /ping?x=1".to_owned(),
        format!("GET /Orders/{ORDER}/Loyalty/?wait=9"),
        "GET http://t/ping".to_owned(),
    ];
    for line in lines {
        assert_eq!(venue.ask(&line).await.status, 204, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_till_may_be_named_by_path() {
    let venue = Venue::new(State::default());
    let line = format!("POST /t/Till-2/orders/{ORDER}/checkin");
    assert_eq!(venue.put(&line, r#"{"Value":"1"}"#).await.status, 204);
    let till = venue.desks.state().asked.callers[0].till.clone();
    assert_eq!(till.as_ref().map(|till| till.as_str()), Some("till-2"));

    let off = WaiterConfig { till_paths: false, ..config() };
    let venue = Venue::with(off, State::default());
    assert_eq!(venue.put(&line, r#"{"Value":"1"}"#).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn j2_names_follow_the_setting() {
    let state = || State { check_in: Err(TableRefusal::UnknownCard), ..State::default() };
    let camel = WaiterConfig { json_case: JsonCase::Camel, ..config() };
    let venue = Venue::with(camel, state());
    let answer = check_in(&venue, r#"{"Value":"1"}"#).await;
    assert_eq!(answer.text(), r#"{"waiterMessage":"Карта не зарегистрирована"}"#);
    let limits = venue.ask(&format!("GET {}", path("paymentLimits"))).await;
    assert_eq!(limits.text(), r#"{"bonusSum":0,"depositSum":0}"#);
    let fault = check_in(&venue, "{}").await;
    assert!(fault.text().ends_with(r#","code":"value_required"}"#), "{}", fault.text());

    let pascal = WaiterConfig { json_case: JsonCase::Pascal, ..config() };
    let photo = LoyaltyView { photo: Some(JPEG.into()), ..view() };
    let venue = Venue::with(pascal, showing(photo));
    let answer = venue.ask(&format!("GET {}", path("loyalty"))).await;
    let part = String::from_utf8(parts(&answer).await.swap_remove(0).2).unwrap();
    assert!(part.starts_with(r#"{"ProductSKUs":["20417"],"UserWallets":[{"Id":"#), "{part}");
    assert!(part.ends_with(r#""WaiterMessage":null}"#), "{part}");
}
