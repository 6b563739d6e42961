//! Extended scans, read by readers that the venue configured (rows W55 to W57, T4).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use tillway_core::book::Order;
use tillway_core::token::{JsonReader, ReadToken, ReaderFailed, TokenReader, UrlReader};
use tillway_testkit::builders::anna;
use tillway_tests::venue::{ORDER_82, Venue};
use tillway_tests::waiter::{ANNA, FEDOR, ORDER_83, is_empty, says};

const UNKNOWN: &str = "Карта не зарегистрирована";

fn read_by(readers: Vec<Arc<dyn TokenReader>>) -> Venue {
    Venue::ruled(move |config| config.tokens.readers = readers)
}

fn url_and_json() -> Venue {
    let url = UrlReader { parameter: "card".to_owned() };
    let json = JsonReader { field: "card".to_owned() };
    read_by(vec![Arc::new(url), Arc::new(json)])
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn w55_a_url_or_json_with_the_carrier_in_it() {
    let rows = [
        "https://club.example/c?card=149725735&table=4&name=%D0%90%D0%BD%D0%BD%D0%B0",
        "https://club.example/c?table=4&card=04%3AA2%3A5F%3A1C%3A6B%3A2E%3A80#top",
        r#"{"card":"149725735","table":4}"#,
        r#"{ "table" : {"n":[4]} , "card" : 149725735 }"#,
        // A plain scan is still a plain scan.
        ANNA,
    ];
    for scanned in rows {
        let venue = url_and_json();
        is_empty(&venue.scanned(ORDER_82, &quoted(scanned)), 204);
        let order = venue.order(ORDER_82);
        assert_eq!(order.as_ref().and_then(Order::payer).unwrap().guest, anna().guest.id);
        venue.has_limits(ORDER_82, "84865", "100941");
        venue.holds();
    }
}

#[test]
fn w56_without_the_parameter_or_field_or_too_long() {
    let venue = url_and_json();
    for scanned in [
        "https://club.example/c?table=4",
        "https://club.example/c?card=",
        "https://club.example/c",
        r#"{"table":4}"#,
        r#"{"card":null}"#,
        r#"{"card":"149725735""#,
    ] {
        says(&venue.scanned(ORDER_82, &quoted(scanned)), UNKNOWN);
    }
    let url = "https://club.example/c?card=149725735&pad=";
    let longest = format!("{url}{}", "я".repeat(512 - url.len()));
    let longer = format!("{longest}я");
    let text = "Считанное не похоже на карту";
    says(&venue.scanned(ORDER_82, &quoted(&longer)), text);
    says(&venue.scanned(ORDER_82, &quoted(&"9".repeat(513))), text);
    assert_eq!(venue.order(ORDER_82), None);
    is_empty(&venue.scanned(ORDER_82, &quoted(&longest)), 204);
    venue.holds();
}

/// The readers of an integrator, one of which has bad days.
#[derive(Debug)]
struct Moody;

impl TokenReader for Moody {
    fn read(&self, value: &str) -> Result<Option<ReadToken>, ReaderFailed> {
        let attributes = vec![("table".to_owned(), "4".to_owned())];
        match value.strip_prefix("MOODY:") {
            Some("fails") => Err(ReaderFailed),
            Some("panics") => panic!("a reader's panic, on purpose"),
            Some("floods") => Ok(Some(ReadToken { carrier: "1".into(), attributes: flood() })),
            Some(carrier) => Ok(Some(ReadToken { carrier: carrier.to_owned(), attributes })),
            None => Ok(None),
        }
    }
}

/// More attributes than a reader may give.
fn flood() -> Vec<(String, String)> {
    (0..17).map(|n| (n.to_string(), String::new())).collect()
}

#[test]
fn w57_a_reader_of_the_integrators_own() {
    let venue = read_by(vec![Arc::new(Moody)]);
    is_empty(&venue.scanned(ORDER_82, r#""MOODY:149725735""#), 204);
    let unavailable = "Сервис лояльности недоступен";
    for bad_day in ["fails", "panics", "floods"] {
        says(&venue.scanned(ORDER_83, &quoted(&format!("MOODY:{bad_day}"))), unavailable);
        assert_eq!(venue.order(ORDER_83), None, "{bad_day}");
        // Others are not affected, at another order or with another scan.
        is_empty(&venue.scanned(ORDER_82, r#""MOODY:149725735""#), 204);
    }
    says(&venue.scanned(ORDER_83, r#""MOODY:999""#), UNKNOWN);
    is_empty(&venue.scanned(ORDER_83, &quoted(FEDOR)), 204);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    venue.holds();
}

#[test]
fn t4_a_value_is_passed_through_and_read_here() {
    // Typed by hand, scanned with separators, scanned with a line end: one guest.
    for value in [ANNA, " 149725735 ", "149725735\r\n", "04-a2-5f-1c-6b-2e-80", "04A25F1C6B2E80"] {
        let venue = Venue::open();
        is_empty(&venue.scanned(ORDER_82, &quoted(value)), 204);
        let order = venue.order(ORDER_82);
        assert_eq!(order.as_ref().and_then(Order::payer).unwrap().guest, anna().guest.id);
        venue.holds();
    }
}
