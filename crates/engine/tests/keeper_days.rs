//! Past days are sealed: when, in which order, once, and what that is good for.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{NOON, Table, caller, reopen, table};
use tillway_core::book::{self, Chain, Day, Digest, Fault, Party, Seq, Status, StreamKind};
use tillway_core::port::{AccountBook, Clock, GuestDesk, HeadRow, Journal, Query};
use tillway_core::time::Timestamp;
use tillway_core::{AccountKind, Kopecks};
use tillway_engine::{Bridge, EngineConfig, Fiscal, Keeper};
use tillway_testkit::builders::{anna, id};
use tillway_testkit::runtime::{TestClock, block_on};

const QUARTER: Duration = Duration::from_secs(15 * 60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
const MS: Duration = Duration::from_millis(1);

fn rules(config: &mut EngineConfig) {
    config.bridge = Bridge::None;
    config.fiscal = Fiscal::ExternalDeclared;
}

/// A venue with its keeper, at noon of `today()`.
fn opened() -> (Table, Keeper) {
    started(table(rules))
}

fn started(table: Table) -> (Table, Keeper) {
    let keeper = table.engine.keeper();
    block_on(keeper.recover());
    (table, keeper)
}

fn restarted(table: &Table) -> (Table, Keeper) {
    started(reopen(&table.store, table.clock.clone(), rules))
}

fn today() -> Day {
    Day::of(NOON)
}

fn days(from: i32, to: i32) -> Vec<Day> {
    (from..=to).map(|n| Day(today().0 + n)).collect()
}

/// Writes something, and lets time pass until this moment.
fn write(table: &Table, number: u64) {
    let wallet = anna().account(AccountKind::Deposit);
    block_on(table.engine.top_up(&caller(1), id(1_000 + number), wallet, Kopecks(100))).unwrap();
}

fn until(table: &Table, moment: Timestamp) {
    table.clock.advance(moment.since(table.clock.now()));
}

/// All digests that were kept.
fn kept(table: &Table) -> Vec<Digest> {
    let stored = block_on(table.store.load(Digest::STREAM, Seq(0), 1_000)).unwrap();
    stored.iter().map(|stored| Digest::decode(&stored.record).unwrap()).collect()
}

fn sealed(table: &Table) -> Vec<Day> {
    kept(table).iter().map(|digest| digest.day).collect()
}

fn head(table: &Table) -> HeadRow {
    let query = Query { kind: Some(StreamKind::Digest), ..Query::default() };
    block_on(table.store.heads(&query, None, 10)).unwrap().remove(0)
}

#[test]
fn a_day_is_sealed_a_quarter_of_an_hour_after_its_end() {
    let (table, keeper) = opened();
    write(&table, 1);
    let midnight = today().next().start();
    for moment in [NOON, midnight.before(MS), midnight, midnight.after(QUARTER - MS)] {
        until(&table, moment);
        block_on(keeper.look());
        assert_eq!(sealed(&table), [], "{moment}");
    }
    // What was written after midnight is of the next day.
    write(&table, 2);
    until(&table, midnight.after(QUARTER));
    block_on(keeper.look());
    assert_eq!(sealed(&table), [today()]);
    let again = block_on(table.store.digest(today())).unwrap();
    assert_eq!(again.as_ref(), kept(&table).first());
    block_on(keeper.look());
    assert_eq!(sealed(&table), [today()]);
    table.holds();
}

#[test]
fn days_are_sealed_in_order_whatever_happens_between() {
    let (mut table, mut keeper) = opened();
    for day in 1..=5 {
        write(&table, day);
        // A start or a crash in between changes nothing, also just before the day is sealed.
        if day % 2 == 0 {
            (table, keeper) = restarted(&table);
        }
        until(&table, Day(today().0 + i32::try_from(day).unwrap()).start().after(QUARTER));
        if day % 2 == 1 {
            (table, keeper) = restarted(&table);
        }
        block_on(keeper.look());
        until(&table, table.clock.now().after(12 * HOUR));
        block_on(keeper.look());
    }
    assert_eq!(sealed(&table), days(0, 4));
    // Each day has the record of the day before, so the digests are a chain of their own.
    assert!(kept(&table).iter().skip(1).all(|digest| digest.streams >= 1));
    table.holds();
}

#[test]
fn after_a_long_stop_days_are_caught_up_a_few_at_a_time() {
    let (table, _) = opened();
    for day in 0..10 {
        write(&table, day);
        table.clock.advance(DAY);
    }
    let (table, keeper) = restarted(&table);
    let mut counts = Vec::new();
    for _ in 0..4 {
        block_on(keeper.look());
        counts.push(sealed(&table).len());
    }
    assert_eq!(counts, [4, 8, 10, 10]);
    assert_eq!(sealed(&table), days(0, 9));
    table.holds();
}

#[test]
fn a_day_without_an_entry_has_no_digest() {
    let (table, _) = opened();
    write(&table, 1);
    table.clock.advance(6 * DAY);
    let (table, keeper) = restarted(&table);
    block_on(table.engine.confirm_clock()).unwrap();
    write(&table, 2);
    for _ in 0..3 {
        block_on(keeper.look());
    }
    // Nothing happened on the five days between; the seventh is not over.
    assert_eq!(sealed(&table), days(0, 0));
    table.clock.advance(DAY);
    block_on(keeper.look());
    assert_eq!(sealed(&table), [days(0, 0), days(6, 6)].concat());
    // And a keeper that comes later does not look at the empty days again.
    assert_eq!(head(&table).head.wake_at, Some(days(8, 8)[0].start().after(QUARTER)));
    table.holds();
}

#[test]
fn two_keepers_seal_a_day_once() {
    let (table, keeper) = opened();
    let (other, second) = restarted(&table);
    for day in 1..=6 {
        write(&table, day);
        until(&table, Day(today().0 + i32::try_from(day).unwrap()).start().after(QUARTER));
        std::thread::scope(|scope| {
            scope.spawn(|| block_on(keeper.look()));
            scope.spawn(|| block_on(second.look()));
        });
    }
    drop(other);
    assert_eq!(sealed(&table), days(0, 5));
    table.holds();
}

/// Whoever rewrites a past day, all links of its chains included, is found by its digest.
#[test]
fn i11_a_day_that_was_sealed_cannot_be_rewritten() {
    let (table, keeper) = opened();
    write(&table, 1);
    table.clock.advance(DAY);
    block_on(keeper.look());
    write(&table, 2);
    let mut rows = block_on(table.store.audit()).unwrap();
    book::audit(&rows).unwrap();
    let wallet = anna().account(AccountKind::Deposit);
    let ours = Party::Guest(wallet);
    rows.movements.iter_mut().find(|m| m.by == id(1_001)).unwrap().by = id(9);
    let moved = rows.movements.iter().filter(|m| m.credit == ours || m.debit == ours);
    let chain = moved.fold(Chain::START, Chain::movement);
    rows.accounts.iter_mut().find(|account| account.id == wallet).unwrap().chain = chain;
    assert_eq!(book::audit(&rows), Err(Fault::Digest { day: today() }));
    // So is whoever rewrites today, as soon as it is sealed; not before.
    let mut rows = block_on(table.store.audit()).unwrap();
    rows.movements.iter_mut().find(|m| m.by == id(1_002)).unwrap().by = id(9);
    let moved = rows.movements.iter().filter(|m| m.credit == ours || m.debit == ours);
    let chain = moved.fold(Chain::START, Chain::movement);
    rows.accounts.iter_mut().find(|account| account.id == wallet).unwrap().chain = chain;
    assert_eq!(book::audit(&rows), Ok(()));
}

/// A book of a time before digests is sealed from the first look on, and not from its beginning.
#[test]
fn an_old_book_is_sealed_from_its_first_look_on() {
    let table = table(rules);
    write(&table, 1);
    table.clock.advance(DAY / 2);
    write(&table, 2);
    table.clock.advance(DAY / 2);
    let (table, keeper) = restarted(&table);
    assert_eq!((head(&table).seq, head(&table).head.status), (Seq(0), Status::Done));
    write(&table, 3);
    table.clock.advance(DAY);
    block_on(keeper.look());
    assert_eq!(sealed(&table), days(1, 1));
    table.holds();
}

/// F34: nothing is written into a sealed day, also not by a clock that was set back over it.
#[test]
fn f34_a_sealed_day_stays_as_it_is() {
    let (table, keeper) = opened();
    write(&table, 1);
    until(&table, today().next().start().after(QUARTER));
    block_on(keeper.look());
    assert_eq!(sealed(&table), [today()]);
    // The last movement is of yesterday, and so is what the clock says after the start.
    let back = today().next().start().before(HOUR);
    let (table, keeper) = started(reopen(&table.store, TestClock::at(back), rules));
    block_on(table.engine.confirm_clock()).unwrap();
    write(&table, 2);
    block_on(keeper.look());
    let last = block_on(table.store.latest()).unwrap().unwrap();
    assert_eq!(last, today().next().start().after(QUARTER));
    table.holds();
}

/// A keeper that never recovered knows where the book stands all the same: it seals no day that
/// the clock only claims to be over.
#[test]
fn f34_no_day_is_sealed_by_a_clock_in_doubt() {
    let (table, _) = opened();
    write(&table, 1);
    let ahead = TestClock::at(NOON.after(3 * DAY));
    let table = reopen(&table.store, ahead, rules);
    block_on(table.engine.keeper().look());
    assert_eq!(sealed(&table), []);
    block_on(table.engine.confirm_clock()).unwrap();
    block_on(table.engine.keeper().look());
    assert_eq!(sealed(&table), [today()]);
    table.holds();
}
