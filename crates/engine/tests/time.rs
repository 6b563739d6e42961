//! The clock is in doubt (F34): what stands still, what goes on, and how it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{NOON, Table, caller, capture, order, reopen, table};
use tillway_core::book::{Commit, Expiry, Hold, HoldState, Op, Refusal};
use tillway_core::id::{HoldId, PaymentId, RefundId};
use tillway_core::port::{
    AccountBook, Bindings, CaptureRequest, Clock, GuestDesk, GuestError, LoyaltyDesk, OrderClosed,
    PayError, PaymentDesk, RefundRequest, ReserveRequest, Store,
};
use tillway_core::time::Timestamp;
use tillway_core::token::Scan;
use tillway_core::{AccountKind, Kopecks};
use tillway_engine::{Bridge, ClockState, EngineConfig, Fiscal};
use tillway_testkit::builders::{all_three, anna, id};
use tillway_testkit::runtime::{TestClock, block_on};

use AccountKind::{Bonus, Deposit};

const ANNA: &str = "149725735";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const MS: Duration = Duration::from_millis(1);

fn rules(config: &mut EngineConfig) {
    config.bridge = Bridge::None;
    config.fiscal = Fiscal::ExternalDeclared;
}

/// Anna sits at order 82.
fn seated() -> Table {
    let table = table(rules);
    check_in(&table, 82, ANNA);
    table
}

/// The program started again over the book of `table`, when the wall clock says `wall`.
fn restarted(table: &Table, wall: Timestamp) -> Table {
    reopen(&table.store, TestClock::at(wall), rules)
}

fn check_in(table: &Table, number: u64, value: &str) {
    block_on(table.engine.check_in(&caller(1), order(number), Scan::new(value), None)).unwrap();
}

fn state(table: &Table) -> ClockState {
    block_on(table.engine.clock_state()).unwrap()
}

fn confirm(table: &Table) -> ClockState {
    block_on(table.engine.confirm_clock()).unwrap()
}

fn pay(table: &Table, request: CaptureRequest) -> Result<bool, PayError> {
    block_on(table.engine.capture(&caller(1), request)).map(|done| done.replayed)
}

fn reserve_of(key: u64, amount: i64) -> ReserveRequest {
    ReserveRequest {
        key: id(key),
        order: order(82),
        wallet: anna().account(Deposit),
        amount: Kopecks(amount),
        total: Kopecks(165_000),
        epoch: 1,
        ttl: Some(MINUTE),
        supersedes: None,
        refuse: None,
    }
}

fn reserve(table: &Table, key: u64, amount: i64) -> Result<Hold, PayError> {
    block_on(table.engine.reserve(&caller(1), reserve_of(key, amount))).map(|done| done.state)
}

fn by_hold(number: u64, hold: HoldId, amount: i64) -> CaptureRequest {
    CaptureRequest { hold: Some(hold), ..capture(number, order(82), Deposit, amount) }
}

fn hold_state(table: &Table, hold: HoldId) -> HoldState {
    block_on(table.store.hold(hold)).unwrap().unwrap().state
}

fn look(table: &Table) {
    block_on(table.engine.keeper().look());
}

fn latest(table: &Table) -> Timestamp {
    block_on(table.store.latest()).unwrap().unwrap()
}

#[test]
fn f34_journal_time_never_runs_backwards() {
    let table = seated();
    table.clock.advance(HOUR);
    pay(&table, capture(1, order(82), Deposit, 100)).unwrap();
    let then = NOON.after(HOUR);
    assert_eq!(latest(&table), then);
    // Half a minute back is nobody's business: time stands still until the clock has caught up.
    table.clock.jump(then.before(MINUTE / 2));
    assert_eq!(state(&table), ClockState::Sound);
    pay(&table, capture(2, order(82), Deposit, 100)).unwrap();
    assert_eq!(latest(&table), then);
    table.clock.advance(MINUTE / 2 - MS);
    pay(&table, capture(3, order(82), Deposit, 100)).unwrap();
    assert_eq!(latest(&table), then);
    table.clock.advance(2 * MS);
    pay(&table, capture(4, order(82), Deposit, 100)).unwrap();
    assert_eq!(latest(&table), then.after(MS));
    // The offset of the place changes, the order of moments does not.
    let east = Timestamp { offset_min: 180, ..table.clock.now().after(MS) };
    table.clock.jump(east);
    pay(&table, capture(5, order(82), Deposit, 100)).unwrap();
    assert_eq!((latest(&table), latest(&table).offset_min), (east, 180));
    table.holds();
}

/// Each way in which the clock comes into doubt, after a hold, a capture and a refusal.
fn doubts() -> Vec<(&'static str, Table, HoldId)> {
    let ready = || {
        let table = seated();
        block_on(table.engine.keeper().recover());
        let hold = reserve(&table, 10, 5_000).unwrap().id;
        pay(&table, capture(1, order(82), Deposit, 1_000)).unwrap();
        pay(&table, capture(2, order(82), Deposit, 165_001)).unwrap_err();
        block_on(table.engine.top_up(&caller(1), id(20), anna().account(Deposit), Kopecks(7)))
            .unwrap();
        (table, hold)
    };
    let behind = |table: &Table| table.clock.jump(NOON.before(MINUTE + MS));
    let ahead = |table: &Table| table.clock.jump(NOON.after(DAY + MS));
    let (first, hold) = ready();
    behind(&first);
    let mut doubts = vec![("behind while it runs", first, hold)];
    let (second, hold) = ready();
    ahead(&second);
    doubts.push(("ahead while it runs", second, hold));
    let (third, hold) = ready();
    let third = restarted(&third, NOON.before(MINUTE + MS));
    doubts.push(("behind at start", third, hold));
    let (fourth, hold) = ready();
    let fourth = restarted(&fourth, NOON.after(DAY + MS));
    doubts.push(("ahead at start", fourth, hold));
    doubts
}

#[test]
fn f34_in_doubt_there_is_no_new_money() {
    for (how, table, _) in doubts() {
        let doubt = Err(PayError::ClockInDoubt);
        assert_eq!(pay(&table, capture(3, order(82), Deposit, 100)), doubt, "{how}");
        assert_eq!(pay(&table, capture(4, order(82), Bonus, 100)), doubt, "{how}");
        assert_eq!(reserve(&table, 11, 100), Err(PayError::ClockInDoubt), "{how}");
        // A hold that is not there guarantees nothing.
        assert_eq!(pay(&table, by_hold(5, HoldId(id(404)), 100)), doubt, "{how}");
        // A higher attempt after a refusal is judged anew.
        let again = CaptureRequest { attempt: 2, ..capture(2, order(82), Deposit, 100) };
        assert_eq!(pay(&table, again), doubt, "{how}");
        let (desk, asks) = (&table.engine, caller(1));
        let top_up = desk.top_up(&asks, id(21), anna().account(Deposit), Kopecks(100));
        assert_eq!(block_on(top_up).unwrap_err(), GuestError::ClockInDoubt, "{how}");
        let accrue = desk.accrue(&asks, id(22), anna().account(Bonus), Kopecks(100));
        assert_eq!(block_on(accrue).unwrap_err(), GuestError::ClockInDoubt, "{how}");
        // Nothing remembers any of it.
        confirm(&table);
        assert_eq!(pay(&table, capture(3, order(82), Deposit, 100)), Ok(false), "{how}");
        assert!(reserve(&table, 11, 100).is_ok() || how.starts_with("behind"), "{how}");
        table.holds();
    }
}

#[test]
fn f34_in_doubt_the_rest_goes_on() {
    for (how, table, hold) in doubts() {
        let (desk, asks) = (&table.engine, caller(1));
        // Repeats are answered from what they were answered before.
        assert_eq!(pay(&table, capture(1, order(82), Deposit, 1_000)), Ok(true), "{how}");
        let over = pay(&table, capture(2, order(82), Deposit, 165_001)).unwrap_err();
        assert!(matches!(over, PayError::Refused(Refusal::OverTotal { .. })), "{how}: {over:?}");
        let wallet = anna().account(Deposit);
        assert_eq!(reserve(&table, 10, 5_000).unwrap().id, hold, "{how}");
        block_on(desk.top_up(&asks, id(20), wallet, Kopecks(7))).unwrap();
        // A refusal of the desk itself moves nothing.
        let unknown = CaptureRequest { payment_type: id(9), ..capture(6, order(82), Deposit, 1) };
        let refused = PayError::Refused(Refusal::UnknownPaymentType);
        assert_eq!(pay(&table, unknown).unwrap_err(), refused, "{how}");
        // The guest of a live hold pays, and whoever wants money back has it.
        assert_eq!(pay(&table, by_hold(7, hold, 5_000)), Ok(false), "{how}");
        let (of, amount) = (PaymentId(id(7)), Kopecks(2_000));
        let before = Kopecks::ZERO;
        let refund = RefundRequest { id: RefundId(id(30)), of, amount, before, refuse: None };
        block_on(desk.refund(&asks, refund)).unwrap();
        block_on(desk.acknowledge(&asks, of)).unwrap();
        block_on(desk.cancel(&asks, PaymentId(id(1)), order(82))).unwrap();
        block_on(desk.limits(&asks, order(82))).unwrap();
        block_on(desk.order(&asks, order(82))).unwrap();
        // Guests come and go.
        check_in(&table, 83, ANNA);
        block_on(desk.check_out(&asks, order(83), None)).unwrap();
        let told = OrderClosed { order: order(82), payments: vec![of] };
        assert!(block_on(desk.closed(&asks, told)).unwrap().orphan_captures.is_empty(), "{how}");
        assert!(!state(&table).is_sound(), "{how}");
        table.holds();
    }
}

#[test]
fn f34_in_doubt_no_hold_lapses() {
    for (how, table, hold) in doubts() {
        let other = HoldId(id(404));
        look(&table);
        assert_eq!(hold_state(&table, hold), HoldState::Held, "{how}");
        if how.starts_with("ahead") {
            table.clock.advance(DAY);
            look(&table);
        }
        // Nor for a payment that uses another hold of the account.
        let other = Op::Hold {
            id: other,
            order: order(83),
            account: anna().account(Deposit),
            amount: Kopecks(100),
            expiry: Expiry::At(NOON.after(HOUR)),
            supersedes: None,
        };
        block_on(table.store.commit(Commit::of(NOON, vec![other]))).unwrap();
        check_in(&table, 83, ANNA);
        let by_other = CaptureRequest { order: order(83), ..by_hold(5, HoldId(id(404)), 100) };
        assert_eq!(pay(&table, by_other), Ok(false), "{how}");
        assert_eq!(hold_state(&table, hold), HoldState::Held, "{how}");
        assert_eq!(pay(&table, by_hold(6, hold, 5_000)), Ok(false), "{how}");
        assert!(!state(&table).is_sound(), "{how}");
        table.holds();
    }
}

/// Its time was over before the clock went wrong, and no sweep had come by: it guarantees nothing,
/// but nobody ends it either.
#[test]
fn f34_a_hold_that_was_overdue_waits_for_the_end_of_the_doubt() {
    let table = seated();
    let hold = reserve(&table, 10, 5_000).unwrap().id;
    table.clock.advance(MINUTE);
    let wallet = anna().account(Deposit);
    block_on(table.engine.top_up(&caller(1), id(20), wallet, Kopecks(1))).unwrap();
    table.clock.jump(NOON.before(MS));
    look(&table);
    assert_eq!(hold_state(&table, hold), HoldState::Held);
    assert_eq!(pay(&table, by_hold(1, hold, 5_000)), Err(PayError::ClockInDoubt));
    confirm(&table);
    look(&table);
    assert_eq!(hold_state(&table, hold), HoldState::Expired);
    table.holds();
}

#[test]
fn f34_a_hold_lapses_once_the_clock_ahead_is_confirmed() {
    let table = seated();
    let hold = reserve(&table, 10, 5_000).unwrap().id;
    let wall = NOON.after(DAY + MS);
    table.clock.jump(wall);
    look(&table);
    assert_eq!(hold_state(&table, hold), HoldState::Held);
    assert_eq!(confirm(&table), ClockState::Ahead { wall, journal: NOON });
    assert_eq!(state(&table), ClockState::Sound);
    look(&table);
    assert_eq!(hold_state(&table, hold), HoldState::Expired);
    table.holds();
}

#[test]
fn f34_the_limits_are_exact() {
    let rows = [
        (NOON.before(MINUTE), true),
        (NOON.before(MINUTE + MS), false),
        (NOON.after(DAY), true),
        (NOON.after(DAY + MS), false),
    ];
    for (wall, sound) in rows {
        let running = seated();
        pay(&running, capture(1, order(82), Deposit, 100)).unwrap();
        let started = restarted(&running, wall);
        running.clock.jump(wall);
        for table in [running, started] {
            assert_eq!(state(&table).is_sound(), sound, "{wall}");
            let paid = pay(&table, capture(2, order(82), Deposit, 100));
            assert_eq!(paid.is_ok(), sound, "{wall}: {paid:?}");
            let at = latest(&table);
            assert_eq!(at, if sound { wall.max(NOON) } else { NOON });
        }
    }
    // And they are the venue's to set.
    let strict = |config: &mut EngineConfig| {
        rules(config);
        (config.clock_behind_max, config.clock_ahead_max) = (MS, HOUR);
    };
    let store = seated().store;
    for (wall, sound) in
        [(NOON.before(2 * MS), false), (NOON.after(HOUR), true), (NOON.after(HOUR + MS), false)]
    {
        let table = reopen(&store, TestClock::at(wall), strict);
        assert_eq!(state(&table).is_sound(), sound, "{wall}");
    }
}

#[test]
fn f34_time_that_passes_is_no_jump() {
    let table = seated();
    for _ in 0..10 {
        table.clock.advance(3 * DAY);
        assert_eq!(state(&table), ClockState::Sound);
    }
    // Without any reading in between, too; and a book without a movement has no time to fear.
    table.clock.advance(300 * DAY);
    assert_eq!(pay(&table, capture(1, order(82), Deposit, 100)), Ok(false));
    let empty = tillway_memory::MemoryStore::new();
    let new = reopen(&empty.into(), TestClock::at(NOON), rules);
    assert_eq!(state(&new), ClockState::Sound);
    let wall = NOON.after(2 * DAY);
    new.clock.jump(wall);
    assert_eq!(state(&new), ClockState::Ahead { wall, journal: NOON });
}

#[test]
fn f34_behind_ends_by_itself_and_ahead_does_not() {
    let table = seated();
    pay(&table, capture(1, order(82), Deposit, 100)).unwrap();
    table.clock.jump(NOON.before(HOUR));
    let wall = NOON.before(HOUR);
    assert_eq!(state(&table), ClockState::Behind { wall, journal: NOON });
    table.clock.advance(HOUR - MINUTE);
    assert_eq!(state(&table), ClockState::Sound);
    assert_eq!(pay(&table, capture(2, order(82), Deposit, 100)), Ok(false));
    assert_eq!(latest(&table), NOON);
    // Ahead, seen once, stays until somebody has looked.
    table.clock.jump(NOON.after(2 * DAY));
    assert!(!state(&table).is_sound());
    table.clock.jump(NOON.after(MINUTE));
    let doubt = Err(PayError::ClockInDoubt);
    assert_eq!(pay(&table, capture(3, order(82), Deposit, 100)), doubt);
    assert!(matches!(confirm(&table), ClockState::Ahead { .. }));
    assert_eq!(pay(&table, capture(3, order(82), Deposit, 100)), Ok(false));
    assert_eq!(latest(&table), NOON.after(MINUTE));
    assert_eq!(confirm(&table), ClockState::Sound);
}

/// A machine whose battery is empty starts in 2000, until the network tells it the time.
#[test]
fn f34_a_clock_that_lost_its_time_is_sound_once_it_is_set() {
    let dead = Timestamp::utc(946_684_800_000);
    let seated = seated();
    pay(&seated, capture(1, order(82), Deposit, 100)).unwrap();
    for (slept, sound) in [(8 * HOUR, true), (2 * DAY, false)] {
        let table = restarted(&seated, dead);
        block_on(table.engine.keeper().recover());
        assert!(matches!(state(&table), ClockState::Behind { .. }));
        table.clock.advance(MINUTE);
        assert_eq!(pay(&table, capture(2, order(82), Deposit, 1)), Err(PayError::ClockInDoubt));
        table.clock.jump(NOON.after(slept));
        assert_eq!(state(&table).is_sound(), sound, "{slept:?}");
    }
}

#[test]
fn f34_a_clock_that_is_set_right_before_anything_was_written_is_sound() {
    let table = seated();
    block_on(table.engine.keeper().recover());
    pay(&table, capture(1, order(82), Deposit, 100)).unwrap();
    block_on(table.engine.acknowledge(&caller(1), PaymentId(id(1)))).unwrap();
    // It starts three hours ahead, as if the machine took its local time for UTC.
    let table = restarted(&table, NOON.after(3 * HOUR));
    block_on(table.engine.keeper().recover());
    look(&table);
    table.clock.jump(NOON.after(MINUTE));
    assert_eq!(state(&table), ClockState::Sound);
    assert_eq!(pay(&table, capture(2, order(82), Deposit, 100)), Ok(false));
    assert_eq!(latest(&table), NOON.after(MINUTE));
}

#[test]
fn f34_a_clock_behind_that_a_person_confirms_is_left_to_catch_up() {
    let table = seated();
    table.clock.advance(3 * HOUR);
    pay(&table, capture(1, order(82), Deposit, 100)).unwrap();
    let journal = NOON.after(3 * HOUR);
    // The book was written by a clock three hours ahead.
    table.clock.jump(NOON);
    assert_eq!(confirm(&table), ClockState::Behind { wall: NOON, journal });
    assert_eq!(pay(&table, capture(2, order(82), Deposit, 100)), Ok(false));
    assert_eq!(latest(&table), journal);
    table.clock.advance(HOUR);
    assert_eq!(state(&table), ClockState::Sound);
    // Set back once more: that is news.
    table.clock.jump(NOON.after(HOUR).before(2 * MINUTE));
    assert!(matches!(state(&table), ClockState::Behind { .. }));
    assert!(matches!(confirm(&table), ClockState::Behind { .. }));
    table.clock.advance(3 * HOUR);
    pay(&table, capture(3, order(82), Deposit, 100)).unwrap();
    assert_eq!(latest(&table), NOON.after(4 * HOUR).before(2 * MINUTE));
    // It has caught up: what was confirmed counts no more, however slowly it goes back.
    for _ in 0..2 {
        table.clock.jump(table.clock.now().before(MINUTE / 2));
        assert_eq!(state(&table), ClockState::Sound);
    }
    table.clock.jump(table.clock.now().before(MS));
    assert!(matches!(state(&table), ClockState::Behind { .. }));
    table.holds();
}

/// A guest who sat down while the clock was in doubt is not sent away by the end of it.
#[test]
fn f34_who_was_bound_in_doubt_stays_bound() {
    let seated = seated();
    seated.clock.advance(MS);
    let wallet = anna().account(Deposit);
    block_on(seated.engine.top_up(&caller(1), id(20), wallet, Kopecks(1))).unwrap();
    let monday = NOON.after(3 * DAY);
    let table = restarted(&seated, monday);
    block_on(table.engine.keeper().recover());
    check_in(&table, 84, "20001");
    confirm(&table);
    for _ in 0..2 {
        look(&table);
        table.clock.advance(MINUTE);
    }
    let bound = |number| {
        let row = block_on(table.store.order(order(number))).unwrap().unwrap();
        row.payer().copied()
    };
    assert_eq!(bound(84), Some(all_three().payer()));
    let request = capture(1, order(84), Deposit, 100);
    let request = CaptureRequest { wallet: all_three().account(Deposit), ..request };
    assert_eq!(pay(&table, request), Ok(false));
    // Nobody came near the other order for three days.
    assert_eq!(bound(82), None);
    // Two days later nobody is at the first one either, but its payment keeps it.
    table.clock.advance(2 * DAY);
    look(&table);
    assert_eq!(bound(84), Some(all_three().payer()));
    table.holds();
}

/// Who never recovered is held against the book all the same, by the first commit.
#[test]
fn f34_the_first_commit_asks_the_book() {
    let seated = seated();
    pay(&seated, capture(1, order(82), Deposit, 100)).unwrap();
    let table = restarted(&seated, NOON.before(HOUR));
    assert_eq!(pay(&table, capture(2, order(82), Deposit, 100)), Err(PayError::ClockInDoubt));
    let wallet = anna().account(Bonus);
    let accrued = block_on(table.engine.accrue(&caller(1), id(22), wallet, Kopecks(1)));
    assert_eq!(accrued.unwrap_err(), GuestError::ClockInDoubt);
}
