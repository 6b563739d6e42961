//! Check-in, without a till at the other end of the bridge (iiko note 1.9).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use secrecy::SecretString;
use tillway_core::book::{Binding, Order};
use tillway_core::guest::Identification;
use tillway_core::port::Clock;
use tillway_core::token::TokenKeys;
use tillway_engine::{Bridge, PinCheck};
use tillway_testkit::builders::{Persona, all_three, anna};
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue, Wire};
use tillway_tests::waiter::{ANNA, BRACELET, FEDOR, ORDER_83, faults, is_empty, of, says, shows};

const UNKNOWN: &str = "Карта не зарегистрирована";
const OTHER_GUEST: &str = "К заказу уже привязан другой гость";
const BAD_PIN: &str = "Неверный пин-код официанта";

/// The guest who is bound, and how surely.
#[track_caller]
fn payer(order: Option<&Order>) -> (tillway_core::id::GuestId, Identification) {
    let payer = order.and_then(Order::payer).copied();
    let payer = payer.unwrap_or_else(|| panic!("nobody is bound: {order:?}"));
    (payer.guest, payer.identified)
}

#[test]
fn w04_mode_none_says_attached_and_mode_message_shows_the_balances() {
    let demo = Venue::open();
    is_empty(&demo.check_in(ORDER_82, ANNA), 204);
    assert_eq!(payer(demo.order(ORDER_82).as_ref()), (anna().guest.id, Identification::Strong));
    demo.holds();

    let reduced = Venue::ruled(|config| config.bridge = Bridge::Message);
    let shown = "Анна Сергеевна. Бонусы: 84 865,00. Депозит: 100 941,00";
    says(&reduced.check_in(ORDER_82, ANNA), shown);
    // Bound on our side all the same (F17), and so once more.
    says(&reduced.check_in(ORDER_82, ANNA), shown);
    assert_eq!(reduced.order(ORDER_82).unwrap().epoch, 1);
    reduced.has_limits(ORDER_82, "84865", "100941");
    reduced.holds();
}

#[test]
fn w05_an_unknown_card_binds_nobody() {
    let venue = Venue::open();
    says(&venue.check_in(ORDER_82, "999"), UNKNOWN);
    assert_eq!(venue.order(ORDER_82), None);
    is_empty(&venue.loyalty(ORDER_82), 204);
    venue.holds();
}

#[test]
fn w06_a_card_that_is_blocked_expired_or_not_yet_active() {
    let venue = Venue::open();
    let mut lost = Persona::new("40001", tillway_core::guest::Names::default())
        .with_carrier("LOST")
        .with_carrier("OLD")
        .with_carrier("NEW")
        .with_carrier("LAST-DAY");
    lost.carriers[0].blocked = true;
    lost.carriers[1].valid_until = Some(NOON);
    lost.carriers[2].valid_from = Some(NOON.after(Duration::from_millis(1)));
    lost.carriers[3].valid_from = Some(NOON);
    lost.carriers[3].valid_until = Some(NOON.after(Duration::from_millis(1)));
    venue.knows(&lost);
    let expired = "Срок действия карты истёк или ещё не начался";
    for (card, text) in [
        ("LOST", "Карта заблокирована"),
        ("OLD", expired),
        ("NEW", expired),
        // The guest is blocked, not the card.
        ("30007", "Карта заблокирована"),
    ] {
        says(&venue.check_in(ORDER_82, card), text);
        assert_eq!(venue.order(ORDER_82), None, "{card}");
    }
    is_empty(&venue.check_in(ORDER_82, "LAST-DAY"), 204);
    venue.holds();
}

fn keys(key: u8) -> TokenKeys {
    TokenKeys::try_new("lt1.", [("k1".into(), vec![key; 32])]).unwrap()
}

fn minted(venue: &Venue, key: u8, jti: u8) -> String {
    let two_minutes = Duration::from_secs(120);
    keys(key).mint("k1", ANNA, venue.clock.now(), two_minutes, [jti; 16]).unwrap()
}

#[test]
fn w07_a_dynamic_token_that_is_old_used_or_forged() {
    let venue = Venue::ruled(|config| config.tokens.keys = keys(1));
    let (first, second) = (minted(&venue, 1, 1), minted(&venue, 1, 2));
    is_empty(&venue.check_in(ORDER_82, &first), 204);
    let used = "Код уже использован. Попросите гостя показать новый";
    says(&venue.check_in(ORDER_83, &first), used);
    assert!(venue.order(ORDER_83).is_none_or(|order| order.binding == Binding::None));
    // For the same order it is the waiter's retry; after the check-out it is worth nothing (F16).
    is_empty(&venue.check_in(ORDER_82, &first), 204);
    is_empty(&venue.check_out(ORDER_82), 204);
    says(&venue.check_in(ORDER_82, &first), used);

    let forged = "Код не распознан. Попросите гостя показать новый";
    let mut cut = second.clone();
    cut.pop();
    for token in [minted(&venue, 2, 3), cut, "lt1.".to_owned(), second.replace("k1.", "k2.")] {
        says(&venue.check_in(ORDER_83, &token), forged);
    }
    venue.clock.advance(Duration::from_secs(134));
    is_empty(&venue.check_in(ORDER_83, &second), 204);
    venue.clock.advance(Duration::from_secs(1));
    let old = "Код устарел. Попросите гостя показать новый";
    says(&venue.check_in(ORDER_82, &second), old);
    assert_eq!(venue.order(ORDER_82).unwrap().binding, Binding::Unbound);
    venue.holds();
}

#[test]
fn w08_the_same_guest_again_changes_nothing_but_the_touch() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let before = venue.order(ORDER_82).unwrap();
    for again in [ANNA, BRACELET, "04a25f1c6b2e80"] {
        venue.clock.advance(Duration::from_secs(60));
        is_empty(&venue.check_in(ORDER_82, again), 204);
        let after = venue.order(ORDER_82).unwrap();
        assert_eq!(after.touched, venue.clock.now(), "{again}");
        assert_eq!(Order { touched: before.touched, ..after }, before, "{again}");
    }
    venue.holds();
}

#[test]
fn w08_a_stronger_carrier_raises_the_identification() {
    let venue = Venue::ruled(|config| config.tokens.phone_lookup = true);
    is_empty(&venue.check_in(ORDER_82, "8 (916) 123-45-67"), 204);
    assert_eq!(payer(venue.order(ORDER_82).as_ref()), (anna().guest.id, Identification::Weak));
    // A phone number alone does not pay (F16).
    venue.has_limits(ORDER_82, "0", "0");
    is_empty(&venue.check_in(ORDER_82, BRACELET), 204);
    assert_eq!(payer(venue.order(ORDER_82).as_ref()), (anna().guest.id, Identification::Strong));
    venue.has_limits(ORDER_82, "84865", "100941");
    // And a weaker one does not lower it.
    is_empty(&venue.check_in(ORDER_82, "+79161234567"), 204);
    assert_eq!(payer(venue.order(ORDER_82).as_ref()).1, Identification::Strong);
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    venue.holds();
}

#[test]
fn w09_another_guest_is_not_let_in_and_nobody_is_named() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let before = venue.order(ORDER_82);
    says(&venue.check_in(ORDER_82, FEDOR), OTHER_GUEST);
    assert_eq!(venue.order(ORDER_82), before);
    venue.holds();
}

#[test]
fn w10_to_w11_one_guest_may_have_several_orders_and_any_order_may_be_new() {
    let venue = Venue::open();
    for order in [ORDER_82, ORDER_83] {
        assert_eq!(venue.order(order), None);
        is_empty(&venue.check_in(order, ANNA), 204);
        assert_eq!(payer(venue.order(order).as_ref()).0, anna().guest.id);
    }
    says(&venue.check_in("9e107d9d-372b-4b6d-8d85-c0ffee000011", "999"), UNKNOWN);
    venue.holds();
}

#[test]
fn w12_what_is_no_order_id_is_400_for_any_method() {
    let venue = Venue::open();
    let nil = "00000000-0000-0000-0000-000000000000";
    for id in [nil, "%7B00000000-0000-0000-0000-000000000000%7D", "82", "3f1c7c8e", "x", ""] {
        for (method, place) in [
            ("GET", "loyalty"),
            ("GET", "paymentLimits"),
            ("POST", "checkin"),
            ("DELETE", "checkin"),
            ("PUT", "checkin"),
            ("PATCH", "loyalty"),
        ] {
            faults(&venue.ask(method, &of(id, place), ""), 400, "bad_order_id");
        }
    }
    venue.holds();
}

#[test]
fn w13_one_order_in_every_form_of_its_id() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let plain = ORDER_82.replace('-', "");
    let forms = [
        ORDER_82.to_uppercase(),
        plain.clone(),
        plain.to_uppercase(),
        format!("{{{ORDER_82}}}"),
        format!("%7b{}%7D", ORDER_82.to_uppercase()),
    ];
    for form in forms {
        venue.has_limits(&form, "84865", "100941");
        is_empty(&venue.check_in(&form, ANNA), 204);
        says(&venue.check_in(&form, FEDOR), OTHER_GUEST);
    }
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    venue.holds();
}

#[test]
fn w14_a_value_is_required() {
    let venue = Venue::open();
    for body in ["", "{}", r#"{"WaiterPin":"7"}"#, r#"{"Value":null,"WaiterPin":"7"}"#] {
        faults(&venue.ask("POST", &of(ORDER_82, "checkin"), body), 400, "value_required");
    }
    assert_eq!(venue.order(ORDER_82), None);
    venue.holds();
}

#[test]
fn w15_a_body_that_is_no_json_object() {
    let venue = Venue::open();
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"Value":"{ANNA}","Extra":{open}{close}}}"#)
    };
    let cut = format!(r#"{{"Value":"{ANNA}""#);
    let list = format!(r#"[{{"Value":"{ANNA}"}}]"#);
    for method in ["POST", "DELETE"] {
        for body in ["Value=149725735", &cut, &list, "\"149725735\"", "{}{}", &nested(32)] {
            faults(&venue.ask(method, &of(ORDER_82, "checkin"), body), 400, "bad_json");
        }
    }
    assert_eq!(venue.order(ORDER_82), None);
    // Thirty-two levels are the most: the object is one of them.
    is_empty(&venue.ask("POST", &of(ORDER_82, "checkin"), &nested(31)), 204);
    venue.holds();
}

#[test]
fn w16_nothing_but_white_space_was_scanned() {
    let venue = Venue::open();
    let text = "Ничего не считано. Приложите карту ещё раз";
    for value in [r#""""#, r#""  ""#, r#""\r\n""#, r#""\t\u0000\u00a0\r\n""#] {
        says(&venue.scanned(ORDER_82, value), text);
    }
    assert_eq!(venue.order(ORDER_82), None);
    // Around a number they do no harm.
    is_empty(&venue.scanned(ORDER_82, r#"" 149725735\r\n""#), 204);
    venue.holds();
}

#[test]
fn w17_casing_extras_a_bom_and_no_type_are_accepted() {
    let venue = Venue::open();
    let bodies = [
        r#"{"value":"149725735","WAITERPIN":"80085"}"#,
        r#"{"Value":"149725735","WaiterPin":"80085","Device":{"Id":[1,2]},"Till":null}"#,
        "\u{feff}{\"VALUE\":\"149725735\"}",
    ];
    for (index, body) in bodies.into_iter().enumerate() {
        let order = format!("3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f2d2{index}");
        is_empty(&venue.ask("POST", &of(&order, "checkin"), body), 204);
    }
    let mut wire = venue.connect();
    let body = r#"{"Value":"149725735"}"#;
    let path = of(ORDER_82, "checkin");
    let length = body.len();
    wire.send(format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"));
    is_empty(&wire.answer(false), 204);
    venue.holds();
}

#[test]
fn w18_another_type_or_charset_with_a_body() {
    let venue = Venue::open();
    let path = of(ORDER_82, "checkin");
    for (kind, body) in [
        ("text/plain", r#"{"Value":"149725735"}"#),
        ("application/json; charset=windows-1251", r#"{"Value":"149725735"}"#),
        ("application/x-www-form-urlencoded", "Value=149725735"),
    ] {
        for method in ["POST", "DELETE"] {
            let answer = venue.connect().ask(method, &path, &[("Content-Type", kind)], body);
            faults(&answer, 415, "unsupported_type");
        }
    }
    assert_eq!(venue.order(ORDER_82), None);
    // Without a body the type is of no account.
    let answer = venue.connect().ask("POST", &path, &[("Content-Type", "text/plain")], "");
    faults(&answer, 400, "value_required");
    venue.holds();
}

#[test]
fn w23_and_w25_a_wrong_or_missing_pin_where_pins_are_checked() {
    let known = || vec![SecretString::from("12345"), SecretString::from("80085")];
    let venue = Venue::ruled(move |config| config.pins = PinCheck::List(known()));
    let path = of(ORDER_82, "checkin");
    let pins = [
        r#","WaiterPin":"80086""#,
        r#","WaiterPin":"8008""#,
        r#","WaiterPin":"""#,
        r#","WaiterPin":null"#,
        "",
    ];
    for pin in pins {
        let body = format!(r#"{{"Value":"{ANNA}"{pin}}}"#);
        says(&venue.ask("POST", &path, &body), BAD_PIN);
        assert_eq!(venue.order(ORDER_82), None, "{pin}");
    }
    venue.bound(ORDER_82, ANNA);
    // A check-out asks for it too, and leaves the guest where he is.
    for body in ["", "{}", r#"{"WaiterPin":"1"}"#] {
        says(&venue.ask("DELETE", &path, body), BAD_PIN);
    }
    assert_eq!(payer(venue.order(ORDER_82).as_ref()).0, anna().guest.id);
    is_empty(&venue.check_out(ORDER_82), 204);
    venue.holds();
}

#[test]
fn w24_a_missing_or_empty_pin_where_pins_are_not_checked() {
    let venue = Venue::open();
    for pin in ["", r#","WaiterPin":"""#, r#","WaiterPin":null"#, r#","WaiterPin":"wrong""#] {
        let body = format!(r#"{{"Value":"{ANNA}"{pin}}}"#);
        is_empty(&venue.ask("POST", &of(ORDER_82, "checkin"), &body), 204);
    }
    assert_eq!(venue.order(ORDER_82).unwrap().epoch, 1);
    venue.holds();
}

#[test]
fn w29_two_guests_race_for_an_order() {
    let venue = Venue::open();
    let mut won = [0, 0];
    for number in 0..30 {
        let order = format!("3f1c7c8e-53c2-4b0e-9d39-1a6b6c0f{number:04}");
        let mut wires = [venue.connect(), venue.connect()];
        for (wire, card) in wires.iter_mut().zip([ANNA, FEDOR]) {
            let body = format!(r#"{{"Value":"{card}"}}"#);
            wire.start("POST", &of(&order, "checkin"), &[], &body);
        }
        let answers = wires.map(|mut wire| wire.answer(false));
        let winner = answers.iter().position(|a| a.status == 204).unwrap();
        is_empty(&answers[winner], 204);
        says(&answers[1 - winner], OTHER_GUEST);
        let guests = [anna(), all_three()].map(|p| p.guest.id);
        assert_eq!(payer(venue.order(&order).as_ref()).0, guests[winner]);
        assert_eq!(venue.order(&order).unwrap().epoch, 1);
        won[winner] += 1;
        // The loser counts as a failure, and ten of them in a minute are enough (W54).
        venue.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(won[0] + won[1], 30);
    venue.holds();
}

#[test]
fn w54_the_eleventh_failure_in_a_minute_waits() {
    let venue = Venue::open();
    for _ in 0..10 {
        says(&venue.check_in(ORDER_82, "999"), UNKNOWN);
        venue.clock.advance(Duration::from_secs(1));
    }
    let wait = "Слишком много неудачных попыток. Подождите минуту";
    says(&venue.check_in(ORDER_82, "999"), wait);
    // A good card waits as well, or guessing would pay; at another till it does not.
    says(&venue.check_in(ORDER_82, ANNA), wait);
    assert_eq!(venue.order(ORDER_82), None);
    let body = format!(r#"{{"Value":"{ANNA}"}}"#);
    let other = Wire::to(venue.address(2)).ask("POST", &of(ORDER_83, "checkin"), &[], &body);
    is_empty(&other, 204);
    // Now the first failure is a minute old, and one more may be made.
    venue.clock.advance(Duration::from_secs(50));
    is_empty(&venue.check_in(ORDER_82, ANNA), 204);
    says(&venue.check_in(ORDER_82, "999"), UNKNOWN);
    says(&venue.check_in(ORDER_82, "999"), wait);
    venue.holds();
}

#[test]
fn texts_are_the_venues_own() {
    let text = |config: &mut tillway_waiter::WaiterConfig| {
        let texts = config.texts.clone();
        config.texts = texts.with("unknown_card", "Позовите \"менеджера\"").unwrap();
    };
    let venue = Venue::with(Setup { edge: Box::new(text), ..Setup::default() });
    shows(&venue.check_in(ORDER_82, "999"), r#"{"WaiterMessage":"Позовите \"менеджера\""}"#);
    venue.holds();
}
