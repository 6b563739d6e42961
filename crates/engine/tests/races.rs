//! What goes wrong between two requests, two waiters, or two runs of the program.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use core::task::{Context, Waker};
use std::time::Duration;

use common::{NOON, Table, caller, order, reopen, table};
use secrecy::{ExposeSecret, SecretString};
use tillway_core::Kopecks;
use tillway_core::book::{Binding, Status, StreamId};
use tillway_core::id::{PaymentId, RefundId};
use tillway_core::port::{
    Bindings, BridgeCommand, BridgeDesk, BridgeError, CheckedIn, CommandKind, CommandOutcome,
    Journal, LoyaltyDesk, OrderClosed, PaymentDesk, Query, RefundRequest, TableRefusal,
};
use tillway_core::time::Timestamp;
use tillway_core::token::{Scan, TokenKeys};
use tillway_engine::{Bridge, PinCheck};
use tillway_testkit::builders::id;
use tillway_testkit::runtime::{TestClock, block_on};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";

fn bind_command(table: &Table) -> BridgeCommand {
    loop {
        let bind = table.fetch().into_iter().find(|c| matches!(c.what, CommandKind::BindGuest(_)));
        if let Some(bind) = bind {
            return bind;
        }
    }
}

#[test]
fn f15_a_waiter_is_not_told_that_another_guest_is_attached() {
    let table = table(|_| {});
    let anna = table.start_check_in(order(82), ANNA);
    table.fetch();
    table.waits_for_till();
    // Another copy of the program rolls Anna back and binds the next guest; no bell rings here.
    let other = reopen(&table.store, table.clock.clone(), |c| c.bridge = Bridge::None);
    block_on(other.engine.keeper().recover());
    other.start_check_in(order(82), FEDOR).join().unwrap().unwrap();
    assert_eq!(table.until(anna), Err(TableRefusal::OtherGuest));
}

#[test]
fn f15_a_refused_check_in_takes_no_pin_away() {
    let table = table(|_| {});
    let anna = table.start_check_in(order(82), ANNA);
    table.fetch();
    let pin = Some(SecretString::from("666"));
    let other = block_on(table.engine.check_in(&caller(1), order(82), Scan::new(FEDOR), pin));
    assert_eq!(other, Err(TableRefusal::OtherGuest));
    let command = table.fetch().remove(0);
    assert_eq!(command.pin.as_ref().unwrap().expose_secret(), "80085");
    table.result(command.id, CommandOutcome::Done).unwrap();
    anna.join().unwrap().unwrap();
}

#[test]
fn f34_a_clock_that_is_set_back_does_not_keep_an_order_pending() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    table.clock.jump(NOON.before(Duration::from_secs(3_600)));
    assert_eq!(table.until(check_in), Err(TableRefusal::TillUnreachable));
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert_eq!(row.binding, Binding::Unbound);
    assert_eq!(table.result(command.id, CommandOutcome::Done), Err(BridgeError::Expired));
}

#[test]
fn w54_a_guesser_who_hangs_up_is_counted_all_the_same() {
    let table = table(|config| {
        config.bridge = Bridge::None;
        config.pins = PinCheck::List(vec![SecretString::from("80085")]);
    });
    for _ in 0..10 {
        let wrong = Some(SecretString::from("1"));
        let asks = caller(1);
        let mut guess = table.engine.check_in(&asks, order(82), Scan::new(ANNA), wrong);
        let _ = guess.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(guess);
    }
    table.spawner.join();
    let right = table.start_check_in(order(82), ANNA).join().unwrap();
    assert_eq!(right, Err(TableRefusal::TooManyAttempts));
}

#[test]
fn f15_the_wanted_command_is_done_after_an_older_one_was_adopted() {
    let table = table(|_| {});
    let first = table.start_check_in(order(82), ANNA);
    let old = table.fetch().remove(0);
    assert_eq!(table.until(first), Err(TableRefusal::TillUnreachable));
    let second = table.start_check_in(order(82), ANNA);
    let wanted = bind_command(&table);
    table.result(old.id, CommandOutcome::Done).unwrap();
    assert_eq!(second.join().unwrap(), Ok(CheckedIn::Attached));
    // The plugin finds the guest attached and says so: a 410 would take the guest off again.
    assert_eq!(table.result(wanted.id, CommandOutcome::Done), Ok(()));
}

#[test]
fn a_repeat_of_an_accepted_result_is_accepted() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let first = table.fetch().remove(0);
    table.result(first.id, CommandOutcome::Busy).unwrap();
    table.result(first.id, CommandOutcome::Busy).unwrap();
    // The till freed the order meanwhile, and did what the first command asked.
    table.result(first.id, CommandOutcome::Done).unwrap();
    assert_eq!(check_in.join().unwrap(), Ok(CheckedIn::Attached));
    let check_out = table.start_check_out(order(82));
    let unbind = table.fetch().remove(0);
    table.result(unbind.id, CommandOutcome::Done).unwrap();
    check_out.join().unwrap().unwrap();
    table.result(unbind.id, CommandOutcome::Done).unwrap();
    // But not when the guest is wanted again: the plugin puts it back.
    let again = table.start_check_in(order(82), ANNA);
    let bind = bind_command(&table);
    assert_eq!(table.result(unbind.id, CommandOutcome::Done), Err(BridgeError::Expired));
    table.result(bind.id, CommandOutcome::Done).unwrap();
    again.join().unwrap().unwrap();
}

#[test]
fn a_till_answers_its_own_commands_only() {
    let table = table(|_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    let foreign = block_on(table.engine.result(&caller(2), command.id, CommandOutcome::Done));
    assert_eq!(foreign, Err(BridgeError::Expired));
    table.result(command.id, CommandOutcome::Done).unwrap();
    check_in.join().unwrap().unwrap();
}

#[test]
fn f16_a_close_frees_the_token_of_a_binding_that_never_came_to_be() {
    let keys = || TokenKeys::try_new("lt1.", [("k1".into(), vec![7; 32])]).unwrap();
    let table = table(|config| config.tokens.keys = keys());
    let token = keys().mint("k1", ANNA, NOON, Duration::from_secs(120), [9; 16]).unwrap();
    let pending = table.start_check_in(order(82), &token);
    table.fetch();
    let told = OrderClosed { order: order(82), payments: Vec::new() };
    block_on(table.engine.closed(&caller(1), told)).unwrap();
    assert_eq!(pending.join().unwrap(), Err(TableRefusal::OrderClosed));
    let elsewhere = reopen(&table.store, table.clock.clone(), |config| {
        config.tokens.keys = keys();
        config.bridge = Bridge::None;
    });
    let answer = elsewhere.start_check_in(order(83), &token).join().unwrap();
    assert_eq!(answer, Ok(CheckedIn::Attached));
}

#[test]
fn repeats_do_not_make_a_stream_grow() {
    let table = table(|config| config.bridge = Bridge::None);
    table.start_check_in(order(82), ANNA).join().unwrap().unwrap();
    let request = common::capture(1, order(82), tillway_core::AccountKind::Deposit, 90_000);
    block_on(table.engine.capture(&caller(1), request.clone())).unwrap();
    let told = OrderClosed { order: order(82), payments: Vec::new() };
    for _ in 0..3 {
        block_on(table.engine.closed(&caller(1), told.clone())).unwrap();
    }
    for _ in 0..3 {
        block_on(table.engine.cancel(&caller(1), request.id, order(82))).unwrap();
    }
    let stream = StreamId::from(request.id);
    let records = block_on(table.store.load(stream, tillway_core::book::Seq(0), 100)).unwrap();
    assert_eq!(records.len(), 3, "captured, orphaned, cancelled");
}

#[test]
fn f1_the_close_lists_every_difference_for_a_person() {
    let table = table(|config| config.bridge = Bridge::None);
    table.start_check_in(order(82), ANNA).join().unwrap().unwrap();
    let deposit = tillway_core::AccountKind::Deposit;
    let pay = |number| {
        let request = common::capture(number, order(82), deposit, 10_000);
        block_on(table.engine.capture(&caller(1), request)).unwrap();
        PaymentId(id(number))
    };
    // Acknowledged and then not listed; cancelled and yet listed; wholly refunded and not listed.
    let (acknowledged, cancelled, refunded) = (pay(1), pay(2), pay(3));
    block_on(table.engine.acknowledge(&caller(1), acknowledged)).unwrap();
    block_on(table.engine.cancel(&caller(1), cancelled, order(82))).unwrap();
    let (amount, before) = (Kopecks(10_000), Kopecks::ZERO);
    let refund = RefundRequest { id: RefundId(id(9)), of: refunded, amount, before, refuse: None };
    block_on(table.engine.refund(&caller(1), refund)).unwrap();
    // A payment that is listed twice is one payment.
    let told =
        OrderClosed { order: order(82), payments: vec![cancelled, PaymentId(id(7)), cancelled] };
    let told = OrderClosed { payments: [told.payments, vec![PaymentId(id(7))]].concat(), ..told };
    let report = block_on(table.engine.closed(&caller(1), told)).unwrap();
    assert_eq!(report.orphan_captures, [acknowledged]);
    assert_eq!(report.orphans_in_iiko, [cancelled, PaymentId(id(7))]);
    let query = Query { status: Some(Status::NeedsPerson), ..Query::default() };
    let listed = block_on(table.store.heads(&query, None, 10)).unwrap();
    let streams: Vec<_> = listed.iter().map(|row| row.stream).collect();
    assert_eq!(streams, [acknowledged, cancelled, PaymentId(id(7))].map(StreamId::from));
    table.holds();
}

#[test]
fn a_till_in_another_time_zone_attaches_guests_all_the_same() {
    let east = Timestamp { offset_min: 180, ..NOON };
    let store = table(|_| {}).store;
    let table = reopen(&store, TestClock::at(east), |_| {});
    let check_in = table.start_check_in(order(82), ANNA);
    let command = table.fetch().remove(0);
    // The flow has looked, and waits for the till.
    while !check_in.is_finished()
        && table.clock.next_wake().is_none_or(|wake| wake > Duration::from_secs(6))
    {
        std::thread::yield_now();
    }
    table.result(command.id, CommandOutcome::Done).unwrap();
    assert_eq!(check_in.join().unwrap(), Ok(CheckedIn::Attached));
}

#[test]
fn w54_a_pin_cannot_be_guessed_by_checking_out() {
    let table = table(|config| {
        config.bridge = Bridge::None;
        config.pins = PinCheck::List(vec![SecretString::from("80085")]);
    });
    table.start_check_in(order(82), ANNA).join().unwrap().unwrap();
    let check_out = |pin: &str| {
        block_on(table.engine.check_out(&caller(1), order(82), Some(SecretString::from(pin))))
    };
    for guess in 0..10 {
        assert_eq!(check_out(&guess.to_string()), Err(TableRefusal::BadPin));
    }
    assert_eq!(check_out("80085"), Err(TableRefusal::TooManyAttempts));
    table.clock.advance(Duration::from_secs(61));
    assert_eq!(check_out("80085"), Ok(()));
}
