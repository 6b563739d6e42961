//! The plugin's side of a binding over the wire: commands, results, epochs (F15).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::json;
use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::book::{Seq, Status, StreamKind};
use tillway_core::port::Query;
use tillway_engine::Bridge;
use tillway_testkit::builders::{all_three, anna, id};
use tillway_testkit::runtime::block_on;
use tillway_tests::plugin::{Command, Plugin};
use tillway_tests::pos::{Pay, Reserve, on_each_store, order};
use tillway_tests::venue::{Answer, ORDER_82, Setup, Venue, Wire, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";
const PIN: &str = "PIN-80085-PIN";

fn bridged(setup: Setup) -> Venue {
    let rules = |config: &mut tillway_engine::EngineConfig| config.bridge = Bridge::Poll;
    Venue::with(Setup { rules: Box::new(rules), ..setup })
}

/// Sends a check-in whose answer waits for the till.
fn scan(venue: &Venue, guest: &str) -> Wire {
    let mut wire = venue.connect();
    let body = json!({"Value": guest, "WaiterPin": PIN}).to_string();
    wire.start("POST", &format!("/orders/{ORDER_82}/checkin"), &[], &body);
    wire
}

fn check_out(venue: &Venue) -> Wire {
    let mut wire = venue.connect();
    let body = json!({"WaiterPin": PIN}).to_string();
    wire.start("DELETE", &format!("/orders/{ORDER_82}/checkin"), &[], &body);
    wire
}

fn end(mut wire: Wire) -> Answer {
    wire.answer(false)
}

fn bind(venue: &Venue, plugin: &mut Plugin, guest: &str) -> Command {
    let waiting = scan(venue, guest);
    let command = plugin.fetch_one("bindGuest");
    plugin.done(&command);
    assert_eq!(end(waiting).status, 204);
    command
}

/// Lets so much time pass, as soon as somebody waits for exactly that.
fn time_out(venue: &Venue, wait: Duration) {
    while venue.clock.next_wake() != Some(wait) {
        std::thread::yield_now();
    }
    venue.clock.advance(wait);
}

#[test]
fn f15_who_is_pending_pays_nothing() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        let waiting = scan(&venue, ANNA);
        let command = plugin.fetch_one("bindGuest");
        let sheet = venue.sheet(order_id(ORDER_82));
        let expected = json!({
            "orderId": ORDER_82, "bindingEpoch": 1, "wallets": [], "reservations": [],
            "payments": [],
        });
        assert_eq!(sheet, expected);
        let pay = Pay::new(1, &anna(), Bonus, 100);
        pay.put(&venue).refused(404, "no_guest");
        Reserve::new(10, &anna(), Bonus, 100).post(&venue).refused(404, "no_guest");
        let plan = json!({"dueMinor": 1, "input": {"choose": anna().account(Bonus).to_string()}});
        let path = format!("/orders/{ORDER_82}/plan");
        venue.pos(1, "POST", &path, &plan.to_string()).denied(404, "no_guest");
        plugin.done(&command);
        assert_eq!(end(waiting).status, 204);
        assert_eq!(venue.sheet(order_id(ORDER_82))["guest"]["clientId"], ANNA);
        Pay { attempt: 2, ..pay }.taken(&venue);
        venue.holds();
    });
}

#[test]
fn f15_nothing_is_locked_while_the_till_is_asked() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        bind(&venue, &mut plugin, ANNA);
        // Anna's other order is pending, and this one pays from the same accounts.
        let mut other = venue.connect();
        let body = json!({"Value": ANNA, "WaiterPin": PIN}).to_string();
        other.start("POST", &format!("/orders/{}/checkin", order(83)), &[], &body);
        let command = plugin.fetch_one("bindGuest");
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        pay.taken(&venue);
        assert_eq!(pay.cancel(&venue, 2).status, 200);
        plugin.done(&command);
        assert_eq!(end(other).status, 204);
        venue.holds();
    });
}

#[test]
fn f15_epochs_grow_with_each_bind_and_unbind() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        let epoch = |venue: &Venue| venue.sheet(order_id(ORDER_82))["bindingEpoch"].clone();
        assert_eq!(epoch(&venue), 0);
        let mut commands = Vec::new();
        for (round, guest) in (0..).zip([ANNA, FEDOR, ANNA]) {
            let command = bind(&venue, &mut plugin, guest);
            assert_eq!(command.0["bindingEpoch"], 2 * round + 1);
            assert_eq!(epoch(&venue), 2 * round + 1);
            commands.push(command.id().to_owned());
            let waiting = check_out(&venue);
            let command = plugin.fetch_one("unbindGuest");
            // Durable first: nobody pays any more, though the till has not been told yet.
            assert_eq!(epoch(&venue), 2 * round + 2);
            let pay = Pay::new(100 + round, &anna(), Bonus, 1);
            pay.put(&venue).refused(404, "no_guest");
            plugin.done(&command);
            assert_eq!(end(waiting).status, 204);
            commands.push(command.id().to_owned());
        }
        // Every command has an id of its own.
        commands.sort();
        commands.dedup();
        assert_eq!(commands.len(), 6);
        venue.holds();
    });
}

#[test]
fn f15_a_result_nobody_waits_for_is_410() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        let waiting = scan(&venue, ANNA);
        let late = plugin.fetch_one("bindGuest");
        time_out(&venue, Duration::from_secs(6));
        assert_eq!(end(waiting).message(), "Касса не отвечает. Гость не привязан, повторите");
        assert_eq!(venue.sheet(order_id(ORDER_82))["bindingEpoch"], 2);
        // The till attached the guest too late: it must undo that.
        plugin.tell(&late, "done").denied(410, "command_expired");
        let undo = plugin.fetch_one("unbindGuest");
        assert_eq!(undo.0["guest"], late.0["guest"]);
        plugin.done(&undo);
        assert!(plugin.is_idle());
        // And nothing of it let anybody pay.
        Pay::new(1, &anna(), Bonus, 1).put(&venue).refused(404, "no_guest");
        venue.holds();
    });
}

#[test]
fn f15_a_late_done_for_the_guest_who_is_wanted_again_is_adopted() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        let waiting = scan(&venue, ANNA);
        let late = plugin.fetch_one("bindGuest");
        time_out(&venue, Duration::from_secs(6));
        assert_eq!(end(waiting).status, 200);
        let again = scan(&venue, ANNA);
        let second = plugin.fetch_new("bindGuest", late.id());
        assert_eq!(second.0["bindingEpoch"], 3);
        plugin.done(&late);
        assert_eq!(end(again).status, 204);
        assert_eq!(venue.sheet(order_id(ORDER_82))["bindingEpoch"], 3);
        Pay { epoch: 3, ..Pay::new(1, &anna(), Bonus, 100) }.taken(&venue);
        venue.holds();
    });
}

#[test]
fn f15_results_that_cannot_be() {
    let venue = Venue::bridged();
    let result = |command: &str, body: &str| {
        venue.pos(1, "POST", &format!("/commands/{command}/result"), body)
    };
    let strange = id(99).to_string();
    let unknown = result(&strange, r#"{"outcome":"done"}"#);
    assert!(matches!(unknown.status, 404 | 410), "{unknown:?}");
    result("82", r#"{"outcome":"done"}"#).denied(400, "bad_id");
    result(&strange, "{}").denied(422, "field_required");
    result(&strange, r#"{"outcome":"maybe"}"#).denied(400, "bad_json");
    result(&strange, r#"{"outcome":1}"#).denied(400, "bad_json");
    let long = json!({"outcome": "busy", "message": "x".repeat(513)}).to_string();
    result(&strange, &long).denied(400, "bad_json");
    for wait in ["-1", "1.5", "x", ""] {
        let answer = venue.pos(1, "GET", &format!("/commands?wait={wait}"), "");
        answer.denied(400, "bad_json");
    }
    venue.holds();
}

#[test]
fn f15_a_poll_ends_when_its_time_is_over() {
    let venue = Venue::bridged();
    for (asked, waits) in [("25", 25), ("30", 30), ("3600", 30)] {
        let mut wire = venue.connect();
        let bearer = [("Authorization", "Bearer till-1-secret")];
        wire.start("GET", &format!("/pos/v1/commands?wait={asked}"), &bearer, "");
        time_out(&venue, Duration::from_secs(waits));
        assert_eq!(end(wire).status, 204, "{asked}");
    }
    assert_eq!(venue.pos(1, "GET", "/commands", "").status, 204);
    venue.holds();
}

#[test]
fn f15_a_command_goes_to_the_till_of_its_order() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let (mut first, mut second) = (Plugin::of(&venue, 1), Plugin::of(&venue, 2));
        let waiting = scan(&venue, ANNA);
        let command = first.fetch_one("bindGuest");
        assert!(second.is_idle());
        // The token, not the listener, names the till.
        let bearer = [("Authorization", "Bearer till-1-secret")];
        let mut wire = Wire::to(venue.address(2));
        let answer = wire.ask("GET", "/pos/v1/commands", &bearer, "");
        assert_eq!(answer.json()["commands"][0]["commandId"], command.id());
        first.done(&command);
        assert_eq!(end(waiting).status, 204);
        venue.holds();
    });
}

#[test]
fn f15_pending_at_a_restart_is_unbound_and_the_pin_is_gone() {
    on_each_store(|setup| {
        let store = std::sync::Arc::clone(&setup.store);
        let clock = setup.clock.clone();
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        let waiting = scan(&venue, ANNA);
        let lost = plugin.fetch_one("bindGuest");
        assert_eq!(lost.0["waiterPin"], PIN);
        // Nothing that is stored knows the PIN.
        let heads = block_on(store.heads(&Query::default(), None, 100)).unwrap();
        for head in heads {
            for stored in block_on(store.load(head.stream, Seq(0), 100)).unwrap() {
                assert!(!format!("{stored:?}").contains(PIN));
                let found = stored.record.body.windows(PIN.len()).any(|w| w == PIN.as_bytes());
                assert!(!found, "{:?}", head.stream);
            }
        }
        drop((plugin, waiting, venue));
        let venue = bridged(Setup { store, clock, ..Setup::default() });
        block_on(venue.engine.keeper().recover());
        let sheet = venue.sheet(order_id(ORDER_82));
        assert_eq!((&sheet["bindingEpoch"], &sheet["guest"]), (&json!(2), &json!(null)));
        let mut plugin = Plugin::of(&venue, 1);
        let undo = plugin.fetch_one("unbindGuest");
        assert_eq!(undo.0.get("waiterPin"), None);
        plugin.tell(&lost, "done").denied(410, "command_expired");
        plugin.done(&undo);
        assert!(plugin.is_idle());
        venue.holds();
    });
}

#[test]
fn f15_a_stray_is_told_until_acknowledged_and_then_listed() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        bind(&venue, &mut plugin, ANNA);
        let held = Reserve::new(10, &anna(), Deposit, 90_000).held(&venue);
        let waiting = check_out(&venue);
        let command = plugin.fetch_one("unbindGuest");
        time_out(&venue, Duration::from_secs(6));
        let told = end(waiting).message();
        assert_eq!(told, "Гость отвязан. Касса не отвечает и узнает об этом позже");
        assert_eq!(venue.void(&held).state_of(200), "voided");
        // Busy is no answer: the command stays, and comes again after a second.
        assert_eq!(plugin.tell(&command, "busy").status, 204);
        assert!(plugin.is_idle());
        venue.clock.advance(Duration::from_secs(1));
        assert_eq!(plugin.fetch_one("unbindGuest").id(), command.id());
        venue.clock.advance(Duration::from_secs(600));
        block_on(venue.engine.keeper().look());
        assert!(plugin.is_idle());
        let (kind, status) = (Some(StreamKind::Binding), Some(Status::NeedsPerson));
        let query = Query { kind, status, ..Query::default() };
        assert_eq!(block_on(venue.store.heads(&query, None, 10)).unwrap().len(), 1);
        venue.holds();
    });
}

/// A binding between two tills' worth of payments: the stuck capture of F1d with a real bridge.
#[test]
fn f15_f1d_server_side_a_capture_that_was_stuck_over_two_bindings() {
    on_each_store(|setup| {
        let venue = bridged(setup);
        let mut plugin = Plugin::of(&venue, 1);
        bind(&venue, &mut plugin, ANNA);
        let stuck = Pay::new(1, &anna(), Deposit, 90_000);
        let waiting = check_out(&venue);
        let command = plugin.fetch_one("unbindGuest");
        plugin.done(&command);
        assert_eq!(end(waiting).status, 204);
        bind(&venue, &mut plugin, FEDOR);
        stuck.put(&venue).refused(409, "binding_changed");
        Pay { epoch: 3, ..Pay::new(2, &all_three(), Deposit, 90_000) }.taken(&venue);
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        venue.holds();
    });
}
