//! A store that does not answer is waited for as long as the rules say, whatever was asked of it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::Kopecks;
use tillway_core::book::{Actor, Caller};
use tillway_core::port::{GuestDesk, GuestError, GuestRef};
use tillway_engine::{Engine, Fiscal};
use tillway_testkit::builders::{anna, id};
use tillway_testkit::runtime::{TestClock, block_on};
use tillway_tests::outage::Outage;
use tillway_tests::pos::{Pay, Reserve};
use tillway_tests::venue::{ORDER_82, Setup, Venue};

const READ: Duration = Duration::from_secs(3);
const WRITE: Duration = Duration::from_secs(10);

/// How often a test looks for an end before it gives up.
const LOOKS: u32 = 12_000;

fn away() -> (Venue, Outage) {
    let store = Outage::default();
    let setup = Setup {
        store: Arc::new(store.clone()),
        rules: Box::new(|config| config.fiscal = Fiscal::ExternalDeclared),
        ..Setup::default()
    };
    let venue = Venue::with(setup);
    venue.bound(ORDER_82, "149725735");
    (venue, store)
}

/// Does something beside the test, while time passes as somebody waits for it, but not beyond
/// `most`: an answer that is slow to arrive must not look like a longer wait. Answers what came of
/// it and how much time passed.
fn waited<T: Send>(
    clock: &TestClock,
    most: Duration,
    work: impl FnOnce() -> T + Send,
) -> (T, Duration) {
    settle(clock);
    thread::scope(|scope| {
        let (done, ended) = channel();
        scope.spawn(move || done.send(work()).unwrap());
        let mut passed = Duration::ZERO;
        for _ in 0..LOOKS {
            match ended.recv_timeout(Duration::from_millis(5)) {
                Ok(answer) => return (answer, passed),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the work panicked"),
            }
            // A sleep that is over already belongs to a thread that is only slow to notice.
            if let Some(wake) = clock.next_wake().filter(|wake| !wake.is_zero())
                && passed + wake <= most
            {
                clock.advance(wake);
                passed += wake;
            }
        }
        panic!("no end after {passed:?}");
    })
}

/// Lets what the last call left behind come to its end.
fn settle(clock: &TestClock) {
    while let Some(wake) = clock.next_wake() {
        clock.advance(wake);
        thread::yield_now();
    }
}

#[test]
fn every_call_of_the_payment_api_has_its_time() {
    let (venue, store) = away();
    let some = id(5);
    let order = json!({"orderId": ORDER_82}).to_string();
    let refund = json!({"amountMinor": 1, "refundedBeforeMinor": 0}).to_string();
    let unlinked = json!({
        "orderId": ORDER_82, "paymentTypeId": "d645d632-cd95-4d49-9974-06911a9cd314",
        "amountMinor": 1, "refundedBeforeMinor": 0,
    });
    let plan = json!({"dueMinor": 1, "input": {"choose": some.to_string()}}).to_string();
    let told = json!({"totalMinor": 1, "lines": []}).to_string();
    let closed = json!({"closedAt": "2026-11-22T09:41:00Z", "totalMinor": 1, "payments": []});
    let pay = Pay::new(1, &anna(), Deposit, 90_000);
    let period = "from=2026-09-21T00:00:00Z&to=2026-09-22T00:00:00Z";
    // Method, path, body, and how long it may take.
    let calls = [
        ("GET", "/health".to_owned(), String::new(), READ),
        ("GET", format!("/orders/{ORDER_82}"), String::new(), READ),
        ("PUT", format!("/orders/{ORDER_82}"), told, WRITE),
        ("POST", format!("/orders/{ORDER_82}/plan"), plan, READ),
        ("POST", format!("/orders/{ORDER_82}/closed"), closed.to_string(), WRITE),
        ("POST", format!("/reservations/{some}/void"), String::new(), WRITE),
        ("PUT", pay.path(), pay.json().to_string(), READ),
        ("GET", pay.path(), String::new(), READ),
        ("POST", format!("{}/cancel", pay.path()), order, WRITE),
        ("POST", format!("{}/acknowledge", pay.path()), String::new(), WRITE),
        ("PUT", format!("{}/refunds/{some}", pay.path()), refund, WRITE),
        ("PUT", format!("/unlinked-refunds/{some}"), unlinked.to_string(), WRITE),
        ("GET", "/commands".to_owned(), String::new(), READ),
        ("POST", format!("/commands/{some}/result"), json!({"outcome": "done"}).to_string(), WRITE),
        ("GET", format!("/reconciliation?{period}"), String::new(), READ),
    ];
    store.silent();
    for (method, path, body, most) in calls {
        let (answer, passed) = waited(&venue.clock, most, || venue.pos(1, method, &path, &body));
        // Nobody is told that nothing happened: only to ask, or to say it again.
        let code = if answer.status == 204 { String::new() } else { answer.code() };
        let in_doubt = matches!(
            (answer.status, &*code),
            (503, "unavailable") | (409, "in_progress") | (204, "")
        );
        assert!(in_doubt, "{method} {path}: {answer:?}");
        assert!((READ..=most).contains(&passed), "{method} {path}: {passed:?}");
    }
    let reserve = || Reserve::new(10, &anna(), Bonus, 100).post(&venue);
    let (answer, passed) = waited(&venue.clock, READ, reserve);
    answer.denied(409, "in_progress");
    assert_eq!(passed, READ);
    store.up();
    venue.holds();
}

#[test]
fn every_call_of_the_guest_desk_has_its_time() {
    type Call = fn(&Engine, &Caller) -> Option<GuestError>;

    let (venue, store) = away();
    let calls: &[(&str, Call)] = &[
        ("put_guest", |e, c| block_on(e.put_guest(c, anna().guest)).err()),
        ("guest", |e, _| block_on(e.guest(GuestRef::Id(anna().guest.id))).err()),
        ("guests", |e, _| block_on(e.guests(None, 1)).err()),
        ("open_account", |e, c| block_on(e.open_account(c, anna().accounts.remove(0).0)).err()),
        ("put_carrier", |e, c| block_on(e.put_carrier(c, anna().carriers.remove(0))).err()),
        ("put_photo", |e, c| block_on(e.put_photo(c, anna().guest.id, None)).err()),
        ("top_up", |e, c| block_on(e.top_up(c, id(50), anna().account(Deposit), Kopecks(1))).err()),
        ("accrue", |e, c| block_on(e.accrue(c, id(51), anna().account(Bonus), Kopecks(1))).err()),
        ("set_terms", |e, c| block_on(e.set_terms(c, anna().account(Deposit), None, None)).err()),
        ("statement", |e, _| block_on(e.statement(anna().account(Deposit), None, 1)).err()),
    ];
    let caller = Caller { actor: Actor::Person, till: None, deadline: None, cause: None };
    store.silent();
    for (name, call) in calls {
        let (refused, passed) = waited(&venue.clock, WRITE, || call(&venue.engine, &caller));
        assert_eq!((refused, passed), (Some(GuestError::Unavailable), WRITE), "{name}");
    }
    store.up();
    venue.holds();
}

/// The page on waits names tests; each is there.
#[test]
fn the_tests_of_the_page_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/quality.md")).unwrap();
    let section = page.split("\n## ").find(|part| part.starts_with("Waits\n")).unwrap();
    let mut named = 0;
    for place in section.split('`').skip(1).step_by(2).filter(|place| place.contains(".rs")) {
        let (file, test) = place.split_once(": ").unwrap_or((place, ""));
        let paths = [root.join(file), root.join("crates").join(file)];
        let text = paths.iter().find_map(|path| fs::read_to_string(path).ok());
        let text = text.unwrap_or_else(|| panic!("no file {file}"));
        if !test.is_empty() {
            assert!(text.contains(&format!("fn {test}(")), "{place}");
            named += 1;
        }
    }
    assert!(named > 35, "{named}");
}
