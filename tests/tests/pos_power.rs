//! What was answered survives the death of the process (B18, F1a, I5): over HTTP, on the file.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};
use std::thread;

use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::book::{PaymentState, Why, audit};
use tillway_core::id::PaymentId;
use tillway_core::port::Store;
use tillway_sqlite::{SqliteConfig, SqliteStore};
use tillway_testkit::builders::{anna, id, top_up};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, Seed, order, sqlite};
use tillway_tests::venue::{NOON, ORDER_82, Setup, Venue};

const ANNA: &str = "149725735";

/// A venue whose book is in this folder.
fn open(folder: &tempfile::TempDir) -> Venue {
    let store = Arc::new(sqlite(folder));
    Venue::with(Setup { store, ..Setup::default() })
}

/// Sends a call, and lets the process "die" when the book shows its effect and nobody has read the
/// answer.
fn dies_before_the_answer(
    folder: &tempfile::TempDir,
    before: impl FnOnce(&Venue),
    (method, path, body): (&str, &str, &str),
    is_done: impl Fn(&dyn Store) -> bool,
) {
    let venue = open(folder);
    before(&venue);
    let mut wire = venue.connect();
    let bearer = [("Authorization", "Bearer till-1-secret")];
    wire.start(method, &format!("/pos/v1{path}"), &bearer, body);
    while !is_done(&*venue.store) {
        thread::yield_now();
    }
    drop(venue);
    drop(wire);
}

#[test]
fn b18_f1a_server_side_a_capture_whose_answer_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let pay = Pay::new(1, &anna(), Deposit, 90_000);
    let body = pay.json().to_string();
    dies_before_the_answer(
        &folder,
        |venue| venue.bound(ORDER_82, ANNA),
        ("PUT", &pay.path(), &body),
        |store| block_on(store.payment(PaymentId(pay.id))).unwrap().is_some(),
    );
    let venue = open(&folder);
    let again = pay.put(&venue);
    again.replays();
    assert_eq!(again.state_of(200), "captured");
    assert_eq!(again.minor("availableAfterMinor"), 10_004_100);
    assert_eq!(venue.available(&anna(), Deposit), 10_004_100);
    // The till that died too asks, finds no payment in the order, and cancels.
    assert_eq!(pay.state(&venue), "captured");
    assert_eq!(pay.cancel(&venue, 1).state_of(200), "cancelled");
    drop(venue);
    let venue = open(&folder);
    pay.put(&venue).refused(409, "transaction_cancelled");
    assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
    venue.holds();
}

#[test]
fn b18_a_refund_a_cancel_and_a_refusal_whose_answers_were_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) =
        (Pay::new(1, &anna(), Deposit, 90_000), Pay::new(2, &anna(), Bonus, 75_000));
    let refused = Pay::new(3, &anna(), Bonus, 30_001);
    let refund = tillway_core::id::Uuid::new_v5(&first.id, b"0:30000");
    let body = r#"{"amountMinor":30000,"refundedBeforeMinor":0,"reason":"test"}"#;
    dies_before_the_answer(
        &folder,
        |venue| {
            venue.bound(ORDER_82, ANNA);
            first.taken(venue);
            second.taken(venue);
        },
        ("PUT", &format!("{}/refunds/{refund}", first.path()), body),
        |store| {
            let payment = block_on(store.payment(PaymentId(first.id))).unwrap().unwrap();
            payment.state_word() == "partially_refunded"
        },
    );
    dies_before_the_answer(
        &folder,
        |_| {},
        ("PUT", &refused.path(), &refused.json().to_string()),
        |store| block_on(store.payment(PaymentId(refused.id))).unwrap().is_some(),
    );
    dies_before_the_answer(
        &folder,
        |_| {},
        ("POST", &format!("{}/cancel", second.path()), &format!(r#"{{"orderId":"{ORDER_82}"}}"#)),
        |store| {
            let payment = block_on(store.payment(PaymentId(second.id))).unwrap().unwrap();
            matches!(payment.state, PaymentState::Cancelled(_))
        },
    );
    let venue = open(&folder);
    let again = first.refund(&venue, 0, 30_000);
    again.replays();
    assert_eq!(again.minor("refundedTotalMinor"), 30_000);
    assert_eq!(second.cancel(&venue, 1).state_of(200), "cancelled");
    // A refund and a cancel have made room since, but this attempt was refused.
    refused.put(&venue).refused(409, "over_total");
    Pay { attempt: 2, ..refused }.taken(&venue);
    venue.holds();
}

#[test]
fn b18_what_was_held_and_bound_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let venue = open(&folder);
    venue.bound(ORDER_82, ANNA);
    let reserve = Reserve::new(10, &anna(), Deposit, 90_000);
    let held = reserve.held(&venue);
    drop(venue);
    let venue = open(&folder);
    assert_eq!(block_on(venue.engine.keeper().recover()), 0);
    reserve.post(&venue).replays();
    assert_eq!(venue.available(&anna(), Deposit), 10_004_100);
    let pay = Pay { reservation: Some(held), ..Pay::new(1, &anna(), Deposit, 90_000) };
    pay.taken(&venue);
    drop(venue);
    let venue = open(&folder);
    pay.put(&venue).replays();
    assert_eq!(pay.acknowledge(&venue).status, 204);
    drop(venue);
    let venue = open(&folder);
    venue.clock.advance(std::time::Duration::from_secs(3_600));
    block_on(venue.engine.keeper().look());
    assert_eq!(venue.pos(1, "GET", "/commands", "").status, 204);
    venue.holds();
}

const FILE: &str = "TILLWAY_POS_KILL_FILE";
const LIFE: &str = "TILLWAY_POS_KILL_LIFE";
const LIVES: u64 = 20;
const CALLERS: u64 = 4;
const PAYS: u64 = 1_000_000;

/// The child: pays over HTTP until it is killed, and tells each payment that was answered.
fn pay_for_ever(file: &Path, life: u64) {
    let store = Arc::new(SqliteStore::open(SqliteConfig::new(file)).unwrap());
    if life == 0 {
        let rich = top_up(anna().account(Deposit), tillway_core::Kopecks(1 << 40), id(7));
        let mut ops: Vec<_> =
            tillway_testkit::builders::seed().iter().flat_map(|p| p.ops()).collect();
        ops.push(rich);
        block_on(store.commit(tillway_core::book::Commit::of(NOON, ops))).unwrap();
    }
    let venue = Venue::with(Setup { store, ..Setup::default() });
    let ready = Barrier::new(CALLERS as usize);
    thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (venue, ready) = (&venue, &ready);
            scope.spawn(move || {
                let order = order(1 + life * CALLERS + caller);
                venue.bound(&order.to_string(), ANNA);
                ready.wait();
                let mut wire = venue.connect();
                for n in 0.. {
                    let number = life * PAYS + n * CALLERS + caller + 1;
                    let pay = Pay::new(number, &anna(), Deposit, 100).on(order);
                    let pay = Pay { total: i64::MAX, ..pay };
                    let path = format!("/pos/v1{}", pay.path());
                    let bearer = [("Authorization", "Bearer till-1-secret")];
                    let answer = wire.ask("PUT", &path, &bearer, &pay.json().to_string());
                    assert_eq!(answer.state_of(201), "captured");
                    writeln!(std::io::stdout().lock(), "paid {number}.").unwrap();
                }
            });
        }
    });
}

#[test]
fn b18_i5_twenty_kills_under_load_lose_and_double_nothing() {
    if let (Ok(file), Ok(life)) = (std::env::var(FILE), std::env::var(LIFE)) {
        return pay_for_ever(Path::new(&file), life.parse().unwrap());
    }
    let mut seed = Seed::fresh();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("book.db");
    let mut paid = BTreeSet::new();
    for life in 0..LIVES {
        let told = one_life(&file, life, 1 + seed.below(120));
        let venue = open(&folder);
        // Answers that were lost on the way: the next PUT of each finds the payment, once.
        let last = told.last().copied().unwrap();
        let order = order(1 + life * CALLERS + (last - 1) % CALLERS);
        let pay = Pay { total: i64::MAX, ..Pay::new(last, &anna(), Deposit, 100).on(order) };
        pay.put(&venue).replays();
        paid.extend(told);
        each_is_there_once(&venue, &paid);
    }
    println!("{} payments survived {LIVES} kills", paid.len());
}

/// Kills the child some time after so many answers. Returns what it told.
fn one_life(file: &Path, life: u64, enough: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "b18_i5_twenty_kills_under_load_lose_and_double_nothing", "--nocapture"])
        .env(FILE, file)
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = Vec::new();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        // A line that the kill cut short was not told.
        let number = line.strip_prefix("paid ").and_then(|rest| rest.strip_suffix('.'));
        told.extend(number.and_then(|number| number.parse::<u64>().ok()));
        if told.len() as u64 == enough {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(told.len() as u64 >= enough, "the child died by itself");
    told
}

fn each_is_there_once(venue: &Venue, paid: &BTreeSet<u64>) {
    let book = block_on(venue.store.audit()).unwrap();
    audit(&book).unwrap();
    let mut captures = BTreeSet::new();
    for movement in book.movements.iter().filter(|movement| movement.why == Why::Capture) {
        assert!(captures.insert(movement.by), "captured twice: {}", movement.by);
        assert_eq!(movement.amount.0, 100);
    }
    for number in paid {
        assert!(captures.contains(&id(*number)), "payment {number} was answered and is lost");
    }
    // What was not answered is at most one payment of each caller and life.
    assert!(captures.len() - paid.len() <= (LIVES * CALLERS) as usize);
    let balance = block_on(venue.store.account(anna().account(Deposit))).unwrap().unwrap().balance;
    let spent = 100 * i64::try_from(captures.len()).unwrap();
    assert_eq!(balance.0, (1 << 40) + 94_100 - spent);
    assert_eq!(venue.available(&anna(), Bonus), 8_486_500);
}
