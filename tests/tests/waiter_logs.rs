//! What the logs say, at every level and of every crate (rows W53, H9). One test alone: the
//! subscriber is the process's own.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tillway_core::token::{JsonReader, TokenKeys, UrlReader};
use tillway_engine::{Bridge, PinCheck};
use tillway_testkit::runtime::block_on;
use tillway_tests::outage::Outage;
use tillway_tests::plugin::Plugin;
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue};
use tillway_tests::waiter::{ORDER_83, of};
use tracing_subscriber::filter::LevelFilter;

/// Pins and values that occur nowhere else.
const PIN: &str = "730519";
const WRONG_PIN: &str = "846207";
const CARD: &str = "149725735";
const BRACELET: &str = "04:A2:5F:1C:6B:2E:80";
const PHONE: &str = "+79161234567";
const STRANGER: &str = "STRANGER-CARD-58812";
const TILL_TOKEN: &str = "till-1-secret";
const WRONG_TOKEN: &str = "guessed-token-of-a-stranger";

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn keys() -> TokenKeys {
    TokenKeys::try_new("lt1.", [("k1".into(), vec![1; 32])]).unwrap()
}

fn minted(jti: u8) -> String {
    keys().mint("k1", CARD, NOON, Duration::from_secs(60), [jti; 16]).unwrap()
}

/// Requests that go well, that are refused, and that are no requests at all.
fn ask_all(venue: &Venue, values: &[String]) {
    for (index, value) in values.iter().enumerate() {
        let order = format!("3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f400{index}");
        for pin in [PIN, WRONG_PIN] {
            let value = serde_json::to_string(value).unwrap();
            let good = format!(r#"{{"Value":{value},"WaiterPin":"{pin}"}}"#);
            let cut = good.trim_end_matches('}');
            let list = format!("[{good}]");
            let odd = format!(r#"{{"Value":[{value}],"WaiterPin":{{"x":"{pin}"}}}}"#);
            for body in [good.as_str(), cut, &list, &odd] {
                venue.ask("POST", &of(&order, "checkin"), body);
            }
            let headers = [("Content-Type", "text/plain")];
            venue.connect().ask("POST", &of(&order, "checkin"), &headers, &good);
            venue.ask("POST", "/orders/82/checkin", &good);
            venue.ask("PUT", &of(&order, "checkin"), &good);
            venue.clock.advance(Duration::from_secs(1));
        }
        venue.ask("GET", &of(&order, "loyalty"), "");
        venue.ask("GET", &of(&order, "paymentLimits"), "");
        for pin in [WRONG_PIN, PIN] {
            let body = format!(r#"{{"WaiterPin":"{pin}"}}"#);
            venue.ask("DELETE", &of(&order, "checkin"), &body);
            venue.ask("DELETE", &of(&order, "checkin"), &body[1..]);
        }
        venue.clock.advance(Duration::from_secs(60));
    }
    let bearer = format!("Bearer {WRONG_TOKEN}");
    venue.connect().ask("GET", "/pos/v1/health", &[("Authorization", &bearer)], "");
    venue.pos(1, "GET", "/health", "");
}

fn values() -> Vec<String> {
    vec![
        CARD.to_owned(),
        BRACELET.to_owned(),
        PHONE.to_owned(),
        STRANGER.to_owned(),
        minted(1),
        format!("{}x", minted(2)),
        format!("https://club.example/c?card={CARD}"),
        format!(r#"{{"card":"{BRACELET}"}}"#),
    ]
}

/// The till is asked, answers, is busy, is silent; and the program starts again meanwhile.
fn play_the_till(values: &[String]) {
    let venue = Venue::ruled(|config| {
        config.bridge = Bridge::Poll;
        config.pins = PinCheck::Bridge;
        config.tokens.keys = keys();
    });
    let mut plugin = Plugin::of(&venue, 1);
    let start = |order: &str, value: &str, pin: &str| {
        let mut wire = venue.connect();
        let body = format!(r#"{{"Value":"{value}","WaiterPin":"{pin}"}}"#);
        wire.start("POST", &of(order, "checkin"), &[], &body);
        wire
    };
    let mut waiting = start(ORDER_82, CARD, PIN);
    let command = plugin.fetch_one("bindGuest");
    assert_eq!(command.0["waiterPin"], PIN);
    plugin.tell(&command, "busy");
    venue.pass(Duration::from_millis(300));
    let command = plugin.fetch_one("bindGuest");
    plugin.done(&command);
    assert_eq!(waiting.answer(false).status, 204);
    let mut waiting = start(ORDER_83, &values[4], WRONG_PIN);
    let command = plugin.fetch_one("bindGuest");
    plugin.tell(&command, "refused");
    waiting.answer(false);
    let mut waiting = start(ORDER_83, CARD, PIN);
    plugin.fetch_one("bindGuest");
    venue.pass(Duration::from_secs(6));
    waiting.answer(false);
    block_on(venue.engine.keeper().recover());
    block_on(venue.engine.keeper().look());
    venue.holds();
}

#[test]
fn w53_and_h9_pins_and_values_are_in_no_log() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let values = values();
    let store = Outage::default();
    let venue = Venue::with(Setup {
        store: Arc::new(store.clone()),
        rules: Box::new(|config| {
            config.pins = PinCheck::List(vec![SecretString::from(PIN)]);
            config.tokens.keys = keys();
            config.tokens.phone_lookup = true;
            let url = UrlReader { parameter: "card".to_owned() };
            let json = JsonReader { field: "card".to_owned() };
            config.tokens.readers = vec![Arc::new(url), Arc::new(json)];
        }),
        ..Setup::default()
    });
    ask_all(&venue, &values);
    store.down();
    ask_all(&venue, &values);
    store.up();
    venue.holds();
    play_the_till(&values);

    let text = log.text();
    // The value by its length and its last four characters (H9), whatever became of it.
    assert!(text.contains("9 characters, …5735"), "{text}");
    assert!(text.contains("19 characters, …8812"), "{text}");
    for level in ["DEBUG", "INFO"] {
        assert!(text.contains(level), "{level} is not in the log");
    }
    let hidden = [PIN, WRONG_PIN, CARD, BRACELET, "04A25F1C6B2E80", STRANGER, TILL_TOKEN];
    let parts = values[4..6].iter().flat_map(|token| token.split('.').skip(2));
    let hidden = hidden.into_iter().chain(["79161234567", WRONG_TOKEN, "lt1."]).chain(parts);
    for secret in hidden {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret:?} is in the log");
    }
}
