//! JSON in and out, over the wire (rows J1 to J9).
#![allow(clippy::unwrap_used, reason = "tests")]

use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::book::Order;
use tillway_testkit::builders::anna;
use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue};
use tillway_tests::waiter::{ANNA, faults, is_empty, of, says, shows};
use tillway_waiter::JsonCase;

fn post(venue: &Venue, kind: Option<&str>, body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut head = format!("POST {} HTTP/1.1\r\nHost: till\r\n", of(ORDER_82, "checkin"));
    if let Some(kind) = kind {
        head.push_str(&format!("Content-Type: {kind}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut wire = venue.connect();
    wire.send([head.as_bytes(), body].concat());
    wire.answer(false)
}

#[test]
fn j1_names_in_any_case_unknown_ones_skipped_the_last_double_wins() {
    for body in [
        r#"{"Value":"149725735"}"#,
        r#"{"vALUE":"149725735"}"#,
        r#"{"Value":"999","value":"149725735"}"#,
        r#"{"VALUE":null,"Value":{"a":1},"value":"149725735"}"#,
        r#"{"a":{"Value":"999"},"Value":"149725735","b":[1.5e3,true,null]}"#,
        "{\"\\u0056alue\":\"149725735\"}",
    ] {
        let venue = Venue::open();
        is_empty(&post(&venue, Some("application/json"), body), 204);
        let order = venue.order(ORDER_82);
        assert_eq!(order.as_ref().and_then(Order::payer).unwrap().guest, anna().guest.id);
        venue.holds();
    }
}

/// A venue that writes names this way, with Anna at order 82.
fn written(case: JsonCase) -> Venue {
    let edge = move |config: &mut tillway_waiter::WaiterConfig| config.json_case = case;
    let venue = Venue::with(Setup { edge: Box::new(edge), ..Setup::default() });
    venue.bound(ORDER_82, ANNA);
    venue
}

/// The part `loyalty` of a multipart answer.
fn part(venue: &Venue) -> String {
    let body = venue.ask("GET", &of(ORDER_82, "loyalty"), "").body;
    let text = String::from_utf8_lossy(&body).into_owned();
    let from = text.find("\r\n\r\n").unwrap() + 4;
    text[from..].split("\r\n").next().unwrap().to_owned()
}

const PASCAL: [&str; 7] =
    ["ProductSKUs", "UserWallets", "Id", "Name", "Balance", "Suggestions", "WaiterMessage"];
const CAMEL: [&str; 7] =
    ["productSKUs", "userWallets", "id", "name", "balance", "suggestions", "waiterMessage"];

/// Anna's data under these names; the message only where it is `null`.
fn annas(names: [&str; 7], null_message: bool) -> String {
    let [skus, wallets, id, name, balance, suggestions, message] = names;
    let (bonus, deposit) = (anna().account(Bonus), anna().account(Deposit));
    let tail = if null_message { format!(r#","{message}":null"#) } else { String::new() };
    let wallet = |account, called, sum| {
        format!(r#"{{"{id}":"{account}","{name}":"{called}","{balance}":{sum}}}"#)
    };
    let shown = [wallet(bonus, "Бонусы", 84_865), wallet(deposit, "Депозит", 100_941)].join(",");
    let hints = r#"["Анна Сергеевна","Овердрафт подключён"]"#;
    format!(r#"{{"{skus}":["00042","00108"],"{wallets}":[{shown}],"{suggestions}":{hints}{tail}}}"#)
}

#[test]
fn j2_and_j8_names_out_follow_the_setting_and_the_message_its_place() {
    for (case, json, in_part) in [
        (JsonCase::AsDocumented, PASCAL, CAMEL),
        (JsonCase::Pascal, PASCAL, PASCAL),
        (JsonCase::Camel, CAMEL, CAMEL),
    ] {
        let venue = written(case);
        shows(&venue.loyalty(ORDER_82), &annas(json, false));
        assert_eq!(part(&venue), annas(in_part, true));
        let pascal = json == PASCAL;
        let [bonus, deposit, message, code] = if pascal {
            ["BonusSum", "DepositSum", "WaiterMessage", "Code"]
        } else {
            ["bonusSum", "depositSum", "waiterMessage", "code"]
        };
        let limits = format!(r#"{{"{bonus}":84865,"{deposit}":100941}}"#);
        shows(&venue.limits(ORDER_82), &limits);
        let refused = format!(r#"{{"{message}":"Карта не зарегистрирована"}}"#);
        shows(&venue.check_in(ORDER_82, "999"), &refused);
        let fault = format!(r#"{{"{message}":"Запрос не разобран","{code}":"bad_json"}}"#);
        assert_eq!(post(&venue, None, "[]").text(), fault);
        venue.holds();
    }
}

#[test]
fn j4_utf_8_in_and_out() {
    let venue = Venue::open();
    let bom = "\u{feff}{\"Value\":\"149725735\"}";
    is_empty(&post(&venue, Some("application/json"), bom), 204);
    let body = r#"{"Value":"149725735"}"#;
    for kind in [
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json; charset=us-ascii",
        "Application/JSON; v=1",
    ] {
        is_empty(&post(&venue, Some(kind), body), 204);
    }
    for charset in ["windows-1251", "utf-16", "iso-8859-1", ""] {
        let kind = format!("application/json; charset={charset}");
        faults(&post(&venue, Some(&kind), body), 415, "unsupported_type");
    }
    // What is not UTF-8 is no JSON, a second BOM neither.
    let windows_1251 = b"{\"Value\":\"149725735\",\"Name\":\"\xC0\xED\xED\xE0\"}";
    faults(&post(&venue, Some("application/json"), windows_1251), 400, "bad_json");
    faults(&post(&venue, None, format!("\u{feff}{bom}")), 400, "bad_json");
    // Cyrillic goes out as it is, without escapes.
    let refused = venue.check_in(ORDER_82, "999");
    says(&refused, "Карта не зарегистрирована");
    assert!(!refused.text().contains("\\u"));
    venue.holds();
}

#[test]
fn j5_types_of_a_request() {
    let venue = Venue::open();
    let body = r#"{"Value":"149725735"}"#;
    let good = ["application/json", "text/json", "application/vnd.iiko+json", "TEXT/JSON"];
    for kind in good.map(Some).into_iter().chain([None]) {
        is_empty(&post(&venue, kind, body), 204);
    }
    for kind in ["text/plain", "application/xml", "application/jsonp", "json", "+json", ""] {
        let answer = post(&venue, Some(kind), body);
        faults(&answer, 415, "unsupported_type");
        // Nothing is wrong with the connection, and an empty body has no type.
        assert_eq!(answer.header("connection"), None);
        faults(&post(&venue, Some(kind), ""), 400, "value_required");
    }
    venue.holds();
}

#[test]
fn j8_empty_lists_are_written() {
    let venue = Venue::open();
    let names = tillway_core::guest::Names::default();
    let nobody = tillway_testkit::builders::Persona::new("50009", names).with_carrier("50009");
    venue.knows(&nobody);
    venue.bound(ORDER_82, "50009");
    let expected = r#"{"ProductSKUs":[],"UserWallets":[],"Suggestions":["50009"]}"#;
    shows(&venue.loyalty(ORDER_82), expected);
    let edge = |config: &mut tillway_waiter::WaiterConfig| config.name_in_suggestions = false;
    let bare = Venue::with(Setup { edge: Box::new(edge), ..Setup::default() });
    bare.knows(&nobody);
    bare.bound(ORDER_82, "50009");
    let expected = r#"{"ProductSKUs":[],"UserWallets":[],"Suggestions":[]}"#;
    shows(&bare.loyalty(ORDER_82), expected);
    bare.holds();
}

#[test]
fn j9_and_w14_a_value_that_is_a_number() {
    let venue = Venue::open();
    is_empty(&venue.scanned(ORDER_82, "149725735"), 204);
    // By its literal digits, however many; another literal is another value.
    for number in ["0149725735", "149725735.0", "1.49725735e8", "+149725735"] {
        let answer = venue.scanned(ORDER_82, number);
        assert_eq!(answer.status, 400, "{number}: {answer:?}");
    }
    let digits = "123456789012345678901234567890";
    says(&venue.scanned(ORDER_82, digits), "Карта не зарегистрирована");
    says(&venue.scanned(ORDER_82, "-149725735"), "Карта не зарегистрирована");
    for odd in ["null", "true", "false", "{}", r#"{"Value":"149725735"}"#, "[]", "1.5", "1e5"] {
        faults(&venue.scanned(ORDER_82, odd), 400, "value_required");
    }
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    venue.holds();
}

/// The simulator's own test proves that its plugin logs exactly this file; here the service takes
/// each type it names.
#[test]
fn t5_the_types_in_the_plugins_log_are_those_the_service_knows() {
    let log = include_str!("../../crates/sim/fixtures/payment-types.log");
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let types: Vec<_> = log.lines().skip(1).collect();
    assert_eq!(types.len(), 3, "{log}");
    for (index, line) in types.into_iter().enumerate() {
        let guid = line.rsplit_once('(').unwrap().1.trim_end_matches(").");
        let wallet = anna().account(Bonus);
        let body = format!(
            r#"{{"orderId":"{ORDER_82}","walletId":"{wallet}","bindingEpoch":1,"amountMinor":100,
                "orderTotalMinor":165000,"paymentTypeId":"{guid}","prepay":false,"silent":true}}"#
        );
        let path = format!("/payments/9a3b6d2e-0a64-4f3e-8f0f-5c1d9e2b7b0{index}");
        let answer = venue.pos(1, "PUT", &path, &body);
        // The type for points pays from points; the others are known and do not fit (F5).
        let expected = if line.contains("bonuses") { 201 } else { 409 };
        assert_eq!(answer.status, expected, "{line}: {answer:?}");
        if expected == 409 {
            assert_eq!(answer.code(), "wrong_payment_type");
        }
    }
    venue.holds();
}
