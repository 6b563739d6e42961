//! Check-in and check-out with a till at the other end of the bridge (rows W03, W23 to W29, F15).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use tillway_core::book::{Binding, Order};
use tillway_core::token::TokenKeys;
use tillway_engine::{Bridge, PinCheck};
use tillway_testkit::builders::anna;
use tillway_tests::plugin::Plugin;
use tillway_tests::venue::{Answer, NOON, ORDER_82, Venue, Wire};
use tillway_tests::waiter::{ANNA, BRACELET, FEDOR, is_empty, of, says};

const UNREACHABLE: &str = "Касса не отвечает. Гость не привязан, повторите";
const OTHER_GUEST: &str = "К заказу уже привязан другой гость";

/// Sends a check-in whose answer has to wait for the till.
fn start(venue: &Venue, order: &str, value: &str, pin: &str) -> Wire {
    let mut wire = venue.connect();
    let body = format!(r#"{{"Value":"{value}","WaiterPin":"{pin}"}}"#);
    wire.start("POST", &of(order, "checkin"), &[], &body);
    wire
}

fn start_check_out(venue: &Venue) -> Wire {
    let mut wire = venue.connect();
    wire.start("DELETE", &of(ORDER_82, "checkin"), &[], r#"{"WaiterPin":"80085"}"#);
    wire
}

fn answer(mut wire: Wire) -> Answer {
    wire.answer(false)
}

fn bound(venue: &Venue, plugin: &mut Plugin) {
    let waiting = start(venue, ORDER_82, ANNA, "80085");
    let command = plugin.fetch_one("bindGuest");
    plugin.done(&command);
    is_empty(&answer(waiting), 204);
}

fn binding(venue: &Venue) -> Binding {
    venue.order(ORDER_82).unwrap().binding
}

#[test]
fn w03_the_till_attaches_the_guest() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let waiting = start(&venue, ORDER_82, ANNA, "80085");
    let command = plugin.fetch_one("bindGuest");
    // The guest as iikoFront is to know it, and the PIN that goes to the till alone.
    let brd =
        tillway_core::id::Uuid::new_v5(&tillway_testkit::builders::INSTALLATION, ANNA.as_bytes());
    let expected = serde_json::json!({
        "commandId": command.id(), "kind": "bindGuest", "orderId": ORDER_82, "bindingEpoch": 1,
        "waiterPin": "80085", "deadlineMs": 6_000,
        "guest": {"brdClientId": brd.to_string(), "displayName": "Анна Сергеевна",
            "phone": "+79161234567", "cardNumber": ANNA},
    });
    assert_eq!(command.0, expected);
    // Nobody is shown, and nobody may pay, before the till has answered.
    assert_eq!(binding(&venue), Binding::Pending(anna().payer()));
    venue.has_limits(ORDER_82, "0", "0");
    is_empty(&venue.loyalty(ORDER_82), 204);
    plugin.done(&command);
    is_empty(&answer(waiting), 204);
    assert_eq!(binding(&venue), Binding::Bound(anna().payer()));
    venue.has_limits(ORDER_82, "84865", "100941");
    // Its answer may have been lost: the same result once more is welcome, and nothing is left.
    plugin.done(&command);
    assert!(plugin.is_idle());
    venue.holds();
}

#[test]
fn w08_the_same_guest_joins_the_wait() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let first = start(&venue, ORDER_82, ANNA, "80085");
    let command = plugin.fetch_one("bindGuest");
    let second = start(&venue, ORDER_82, BRACELET, "80085");
    says(&venue.check_in(ORDER_82, FEDOR), OTHER_GUEST);
    plugin.done(&command);
    is_empty(&answer(first), 204);
    is_empty(&answer(second), 204);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    // And again when bound: the till is not asked.
    is_empty(&venue.check_in(ORDER_82, ANNA), 204);
    assert!(plugin.is_idle());
    venue.holds();
}

#[test]
fn w23_and_w25_the_till_judges_the_pin() {
    let venue = Venue::ruled(|config| {
        config.bridge = Bridge::Poll;
        config.pins = PinCheck::Bridge;
    });
    let mut plugin = Plugin::of(&venue, 1);
    let text = "Неверный пин-код официанта";
    let waiting = start(&venue, ORDER_82, ANNA, "1");
    let command = plugin.fetch_one("bindGuest");
    assert_eq!(command.0["waiterPin"], "1");
    is_empty(&plugin.tell(&command, "refused"), 204);
    says(&answer(waiting), text);
    assert_eq!(binding(&venue), Binding::Unbound);
    is_empty(&venue.loyalty(ORDER_82), 204);
    // Without a PIN the till is not even asked.
    says(&answer(start(&venue, ORDER_82, ANNA, "")), text);
    says(&venue.scanned(ORDER_82, r#""149725735""#), text);
    assert!(plugin.is_idle());
    bound(&venue, &mut plugin);
    venue.holds();
}

#[test]
fn w24_without_a_pin_the_plugin_uses_its_own_credential() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let mut waiting = venue.connect();
    waiting.start("POST", &of(ORDER_82, "checkin"), &[], r#"{"Value":"149725735"}"#);
    let command = plugin.fetch_one("bindGuest");
    assert_eq!(command.0.get("waiterPin"), None);
    plugin.done(&command);
    is_empty(&answer(waiting), 204);
    venue.holds();
}

#[test]
fn w26_an_order_that_is_being_edited_is_tried_three_times_more() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let waiting = start(&venue, ORDER_82, ANNA, "80085");
    let mut asked = vec![plugin.fetch_one("bindGuest")];
    for _ in 0..3 {
        is_empty(&plugin.tell(asked.last().unwrap(), "busy"), 204);
        // For 300 ms the till is left alone.
        venue.pass(Duration::from_millis(300));
        let again = plugin.fetch_one("bindGuest");
        assert!(asked.iter().all(|before| before.id() != again.id()));
        asked.push(again);
    }
    assert_eq!(venue.clock_since(NOON), Duration::from_millis(900));
    is_empty(&plugin.tell(asked.last().unwrap(), "busy"), 204);
    says(&answer(waiting), "Заказ редактируется на кассе. Закройте его там и повторите");
    assert_eq!(binding(&venue), Binding::Unbound);
    assert!(plugin.is_idle(), "nothing is left to undo");
    venue.holds();
}

#[test]
fn w26_a_busy_till_that_becomes_free() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let waiting = start(&venue, ORDER_82, ANNA, "80085");
    let first = plugin.fetch_one("bindGuest");
    is_empty(&plugin.tell(&first, "busy"), 204);
    venue.pass(Duration::from_millis(300));
    let second = plugin.fetch_one("bindGuest");
    plugin.done(&second);
    is_empty(&answer(waiting), 204);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    venue.holds();
}

#[test]
fn w27_an_order_that_the_till_has_closed_or_does_not_know() {
    for (outcome, text) in
        [("closed", "Заказ уже закрыт"), ("not_found", "Касса не нашла этот заказ")]
    {
        let venue = Venue::bridged();
        let mut plugin = Plugin::of(&venue, 1);
        let waiting = start(&venue, ORDER_82, ANNA, "80085");
        let command = plugin.fetch_one("bindGuest");
        is_empty(&plugin.tell(&command, outcome), 204);
        says(&answer(waiting), text);
        assert_eq!(binding(&venue), Binding::Unbound);
        assert!(plugin.is_idle(), "nothing is left to undo");
        venue.holds();
    }
}

#[test]
fn w28_a_silent_till_rolls_the_binding_back() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let waiting = start(&venue, ORDER_82, ANNA, "80085");
    let command = plugin.fetch_one("bindGuest");
    venue.pass(Duration::from_secs(6));
    says(&answer(waiting), UNREACHABLE);
    assert_eq!(venue.clock_since(NOON), Duration::from_secs(6));
    let order = venue.order(ORDER_82).unwrap();
    assert_eq!((order.binding, order.epoch), (Binding::Unbound, 2));
    venue.has_limits(ORDER_82, "0", "0");
    // Too late: the plugin undoes what it did, and is told so besides.
    let late = plugin.tell(&command, "done");
    assert_eq!(late.status, 410, "{late:?}");
    let text = "Команда больше не нужна";
    let error = &late.json()["error"];
    assert_eq!(
        (error["code"].as_str(), error["message"].as_str()),
        (Some("command_expired"), Some(text))
    );
    assert_eq!(binding(&venue), Binding::Unbound);
    let unbind = plugin.fetch_one("unbindGuest");
    assert_eq!(unbind.0["guest"], command.0["guest"]);
    assert_eq!(unbind.0.get("waiterPin"), None, "the PIN is forgotten");
    plugin.done(&unbind);
    assert!(plugin.is_idle());
    assert_eq!(plugin.tell(&command, "done").status, 410);
    venue.holds();
}

#[test]
fn w28_a_late_done_is_adopted_when_that_guest_is_wanted_again() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let first = start(&venue, ORDER_82, ANNA, "80085");
    let old = plugin.fetch_one("bindGuest");
    venue.pass(Duration::from_secs(6));
    says(&answer(first), UNREACHABLE);
    let second = start(&venue, ORDER_82, BRACELET, "80085");
    let new = plugin.fetch_new("bindGuest", old.id());
    assert_ne!(new.id(), old.id());
    plugin.done(&old);
    is_empty(&answer(second), 204);
    let order = venue.order(ORDER_82).unwrap();
    assert_eq!(order.payer().map(|p| p.guest), Some(anna().guest.id));
    assert_eq!(order.epoch, 3);
    assert!(plugin.is_idle());
    venue.holds();
}

#[test]
fn w28_a_late_done_for_a_guest_who_is_not_wanted_any_more() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let first = start(&venue, ORDER_82, ANNA, "80085");
    let old = plugin.fetch_one("bindGuest");
    venue.pass(Duration::from_secs(6));
    says(&answer(first), UNREACHABLE);
    let second = start(&venue, ORDER_82, FEDOR, "80085");
    let new = plugin.fetch_new("bindGuest", old.id());
    assert_eq!(plugin.tell(&old, "done").status, 410);
    plugin.done(&new);
    is_empty(&answer(second), 204);
    // Anna may still stand on the till's order, so she is taken off; Fyodor stays.
    let unbind = plugin.fetch_one("unbindGuest");
    assert_eq!(unbind.0["guest"]["displayName"], "Анна Сергеевна");
    plugin.done(&unbind);
    assert!(venue.order(ORDER_82).as_ref().and_then(Order::payer).is_some());
    assert!(plugin.is_idle());
    venue.holds();
}

/// F16: the token is consumed when the binding becomes pending, and freed when it never came to be.
#[test]
fn w07_and_w28_a_rolled_back_binding_frees_its_token() {
    let keys = || TokenKeys::try_new("lt1.", [("k1".into(), vec![1; 32])]).unwrap();
    let venue = Venue::ruled(move |config| {
        config.bridge = Bridge::Poll;
        config.tokens.keys = keys();
    });
    let minutes = Duration::from_secs(120);
    let token = keys().mint("k1", ANNA, NOON, minutes, [9; 16]).unwrap();
    let other = "9e107d9d-372b-4b6d-8d85-c0ffee000028";
    let mut plugin = Plugin::of(&venue, 1);
    let waiting = start(&venue, ORDER_82, &token, "80085");
    let command = plugin.fetch_one("bindGuest");
    let used = "Код уже использован. Попросите гостя показать новый";
    says(&venue.check_in(other, &token), used);
    is_empty(&plugin.tell(&command, "not_found"), 204);
    assert_eq!(answer(waiting).status, 200);
    let waiting = start(&venue, other, &token, "80085");
    let command = plugin.fetch_one("bindGuest");
    plugin.done(&command);
    is_empty(&answer(waiting), 204);
    venue.holds();
}

#[test]
fn w29_two_guests_race_while_the_till_is_asked() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    for number in 0..10 {
        let order = format!("3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f{number:04}");
        let waiting = [ANNA, FEDOR].map(|card| start(&venue, &order, card, "80085"));
        let command = plugin.fetch_one("bindGuest");
        plugin.done(&command);
        let answers = waiting.map(answer);
        let winner = answers.iter().position(|a| a.status == 204).unwrap();
        is_empty(&answers[winner], 204);
        says(&answers[1 - winner], OTHER_GUEST);
        let name = ["Анна Сергеевна", "дядя Фёдор"][winner];
        assert_eq!(command.0["guest"]["displayName"], name);
        assert!(plugin.is_idle());
        venue.clock.advance(Duration::from_secs(60));
    }
    venue.holds();
}

#[test]
fn w30_and_w32_the_till_takes_the_guest_off() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    bound(&venue, &mut plugin);
    let waiting = start_check_out(&venue);
    let unbind = plugin.fetch_one("unbindGuest");
    // Durable before the till was told (F15).
    let order = venue.order(ORDER_82).unwrap();
    assert_eq!((order.binding, order.epoch), (Binding::Unbound, 2));
    assert_eq!(unbind.0["waiterPin"], "80085");
    assert_eq!(unbind.0["bindingEpoch"], 2);
    plugin.done(&unbind);
    is_empty(&answer(waiting), 204);
    is_empty(&venue.check_out(ORDER_82), 204);
    assert!(plugin.is_idle());
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 2);
    venue.holds();
}

#[test]
fn w30_a_silent_till_is_told_later() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    bound(&venue, &mut plugin);
    let waiting = start_check_out(&venue);
    venue.pass(Duration::from_secs(6));
    says(&answer(waiting), "Гость отвязан. Касса не отвечает и узнает об этом позже");
    assert_eq!(binding(&venue), Binding::Unbound);
    is_empty(&venue.loyalty(ORDER_82), 204);
    let unbind = plugin.fetch_one("unbindGuest");
    // A till that is busy is told again; one that does not know the order has nobody on it.
    is_empty(&plugin.tell(&unbind, "busy"), 204);
    assert!(plugin.is_idle(), "a busy till is left alone for a second");
    venue.clock.advance(Duration::from_secs(1));
    let again = plugin.fetch_one("unbindGuest");
    assert_eq!(again.id(), unbind.id());
    is_empty(&plugin.tell(&again, "not_found"), 204);
    assert!(plugin.is_idle());
    venue.holds();
}

#[test]
fn t8_each_till_has_a_listener_and_a_shelf_of_its_own() {
    let venue = Venue::bridged();
    let (mut first, mut second) = (Plugin::of(&venue, 1), Plugin::of(&venue, 2));
    let body = r#"{"Value":"149725735"}"#;
    // The listener tells the till; where an address may hold a path, the path does.
    let mut by_address = Wire::to(venue.address(2));
    by_address.start("POST", &of(ORDER_82, "checkin"), &[], body);
    let command = second.fetch_one("bindGuest");
    assert!(first.is_idle());
    second.done(&command);
    is_empty(&by_address.answer(false), 204);
    let mut by_path = venue.connect();
    let other = "9e107d9d-372b-4b6d-8d85-c0ffee000008";
    by_path.start("POST", &format!("/T/Till-2/orders/{other}/checkin"), &[], body);
    let command = second.fetch_one("bindGuest");
    assert!(first.is_idle());
    second.done(&command);
    is_empty(&by_path.answer(false), 204);
    for order in [ORDER_82, other] {
        let till = venue.order(order).unwrap().till.unwrap();
        assert_eq!(till.as_str(), "till-2");
    }
    // What is bound at one till is read at any, and changed at its own alone.
    venue.has_limits(ORDER_82, "84865", "100941");
    says(&venue.check_out(ORDER_82), "Заказ открыт на другой кассе");
    assert!(venue.order(ORDER_82).as_ref().and_then(Order::payer).is_some());
    is_empty(&venue.ask("GET", "/t/till-3/ping", ""), 404);
    venue.holds();
}

#[test]
fn w09_a_refused_scan_leaves_the_pin_of_the_first_alone() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let waiting = start(&venue, ORDER_82, ANNA, "80085");
    let first = plugin.fetch_one("bindGuest");
    says(&answer(start(&venue, ORDER_82, FEDOR, "1")), OTHER_GUEST);
    // Its answer may have been lost, so it is handed out again, as it was.
    let command = plugin.fetch_one("bindGuest");
    assert_eq!(command.0, first.0);
    assert_eq!(command.0["waiterPin"], "80085");
    plugin.done(&command);
    is_empty(&answer(waiting), 204);
    venue.holds();
}

#[test]
fn w30_a_check_out_while_the_till_is_asked() {
    let venue = Venue::bridged();
    let mut plugin = Plugin::of(&venue, 1);
    let waiting = start(&venue, ORDER_82, ANNA, "80085");
    let bind = plugin.fetch_one("bindGuest");
    let leaving = start_check_out(&venue);
    says(&answer(waiting), "К заказу не привязан гость");
    // The till may have attached her by now: it undoes that, and is told to besides.
    assert_eq!(plugin.tell(&bind, "done").status, 410);
    let unbind = plugin.fetch_one("unbindGuest");
    plugin.done(&unbind);
    is_empty(&answer(leaving), 204);
    assert_eq!(binding(&venue), Binding::Unbound);
    assert!(plugin.is_idle());
    venue.holds();
}
