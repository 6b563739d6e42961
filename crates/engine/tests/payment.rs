//! The plugin's desk over the memory store.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::time::Duration;

use common::{CREDIT_TYPE, DEPOSIT_TYPE, Table, caller, capture, order, reopen, table};
use tillway_core::book::{PaymentState, Refusal, Status, StreamKind};
use tillway_core::id::{PaymentId, RefundId, Uuid};
use tillway_core::port::{
    AccountBook, Bindings, BridgeDesk, CaptureRequest, CheckedIn, CommandKind, CommandOutcome,
    GuestDesk, GuestError, Journal, LoyaltyDesk, OrderClosed, OrderTold, PayError, PaymentDesk,
    Query, RefundRequest, ReserveRequest, UnlinkedRequest,
};
use tillway_core::split::Input;
use tillway_core::token::Scan;
use tillway_core::{AccountKind, AccountStatus, Kopecks};
use tillway_engine::{Bridge, EngineConfig, Fiscal};
use tillway_testkit::builders::{all_three, anna, id};
use tillway_testkit::runtime::block_on;

use AccountKind::{Bonus, Credit, Deposit};

const ANNA: &str = "149725735";

/// A venue without a bridge, with a guest bound to order 82.
fn bound(value: &str, change: impl FnOnce(&mut EngineConfig)) -> Table {
    let table = table(|config| {
        config.bridge = Bridge::None;
        change(config);
    });
    let scan = Scan::new(value);
    let answer = block_on(table.engine.check_in(&caller(1), order(82), scan, None));
    assert_eq!(answer, Ok(CheckedIn::Attached));
    table
}

fn pay(table: &Table, request: CaptureRequest) -> Result<bool, PayError> {
    let done = block_on(table.engine.capture(&caller(1), request));
    table.holds();
    done.map(|d| d.replayed)
}

fn available(table: &Table, kind: AccountKind) -> i64 {
    let account = block_on(table.store.account(anna().account(kind))).unwrap().unwrap();
    account.available().unwrap().0
}

fn refused(refusal: Refusal) -> Result<bool, PayError> {
    Err(PayError::Refused(refusal))
}

#[test]
fn the_seed_pays_in_two_parts_and_gets_it_back() {
    let table = bound(ANNA, |_| {});
    let plan = block_on(table.engine.plan(
        &caller(1),
        order(82),
        Kopecks(165_000),
        Input::Enter(anna().account(Bonus), Kopecks(75_000)),
    ));
    let parts: Vec<_> = plan.unwrap().parts.iter().map(|p| (p.kind, p.amount.0)).collect();
    assert_eq!(parts, [(Bonus, 75_000), (Deposit, 90_000)]);
    assert_eq!(pay(&table, capture(1, order(82), Bonus, 75_000)), Ok(false));
    assert_eq!(pay(&table, capture(2, order(82), Deposit, 90_000)), Ok(false));
    assert_eq!((available(&table, Bonus), available(&table, Deposit)), (8_411_500, 10_004_100));
    for (number, amount) in [(1, 75_000), (2, 90_000)] {
        let request = RefundRequest {
            id: RefundId(id(100 + number)),
            of: PaymentId(id(number)),
            amount: Kopecks(amount),
            before: Kopecks(0),
            refuse: None,
        };
        let refund = block_on(table.engine.refund(&caller(1), request.clone())).unwrap();
        assert_eq!(refund.state.payment.state_word(), "refunded");
        assert!(block_on(table.engine.refund(&caller(1), request)).unwrap().replayed);
    }
    assert_eq!((available(&table, Bonus), available(&table, Deposit)), (8_486_500, 10_094_100));
    table.holds();
}

#[test]
fn f1_a_repeat_answers_the_current_state_and_never_an_old_yes() {
    let table = bound(ANNA, |_| {});
    let request = capture(1, order(82), Deposit, 90_000);
    assert_eq!(pay(&table, request.clone()), Ok(false));
    assert_eq!(pay(&table, request.clone()), Ok(true));
    let other = CaptureRequest { amount: Kopecks(90_001), ..request.clone() };
    assert_eq!(pay(&table, other), Err(PayError::Conflict));
    let cancelled = block_on(table.engine.cancel(&caller(2), request.id, order(82))).unwrap();
    assert_eq!(cancelled.payment.state_word(), "cancelled");
    assert_eq!(pay(&table, request.clone()), refused(Refusal::TransactionCancelled));
    let again = CaptureRequest { attempt: 2, ..request };
    assert_eq!(pay(&table, again), refused(Refusal::TransactionCancelled));
    assert_eq!(available(&table, Deposit), 10_094_100);
}

#[test]
fn f1c_attempt_two_is_refused_and_then_attempt_one_arrives() {
    let table = bound("20001", |_| {});
    let first = CaptureRequest {
        wallet: all_three().account(Deposit),
        ..capture(1, order(82), Deposit, 150_000)
    };
    let second = CaptureRequest { attempt: 2, ..first.clone() };
    let limit = Kopecks(100_000);
    assert_eq!(pay(&table, second.clone()), refused(Refusal::InsufficientFunds { limit }));
    // The late first attempt replays the refusal, although the guest topped up meanwhile.
    let topped = tillway_core::book::Commit::of(
        common::NOON,
        vec![tillway_testkit::builders::top_up(first.wallet, Kopecks(50_000), id(9))],
    );
    block_on(tillway_core::port::Store::commit(&*table.store, topped)).unwrap();
    assert_eq!(pay(&table, first), refused(Refusal::InsufficientFunds { limit }));
    let third = CaptureRequest { attempt: 3, ..second };
    assert_eq!(pay(&table, third), Ok(false));
}

#[test]
fn f1d_a_stuck_capture_does_not_charge_the_next_guest() {
    let table = bound(ANNA, |_| {});
    let stuck = capture(1, order(82), Deposit, 90_000);
    block_on(table.engine.check_out(&caller(1), order(82), None)).unwrap();
    let scan = Scan::new("20001");
    block_on(table.engine.check_in(&caller(1), order(82), scan, None)).unwrap();
    assert_eq!(pay(&table, stuck.clone()), refused(Refusal::BindingChanged { epoch: 3 }));
    // Even with the epoch of today, the wallet of yesterday's guest is not this guest's.
    let moved = CaptureRequest { id: PaymentId(id(2)), epoch: 3, ..stuck };
    assert_eq!(pay(&table, moved), refused(Refusal::BindingChanged { epoch: 3 }));
    assert_eq!(available(&table, Deposit), 10_094_100);
}

#[test]
fn f1e_captured_cancelled_and_the_same_put_again() {
    let table = bound(ANNA, |_| {});
    let request = capture(1, order(82), Bonus, 75_000);
    pay(&table, request.clone()).unwrap();
    for _ in 0..2 {
        let view = block_on(table.engine.cancel(&caller(1), request.id, order(82))).unwrap();
        assert_eq!(view.payment.state_word(), "cancelled");
    }
    assert_eq!(pay(&table, request), refused(Refusal::TransactionCancelled));
    assert_eq!(available(&table, Bonus), 8_486_500);
}

#[test]
fn f1f_the_payment_is_undone_from_another_till() {
    let table = bound(ANNA, |_| {});
    let request = capture(1, order(82), Bonus, 75_000);
    pay(&table, request.clone()).unwrap();
    let view = block_on(table.engine.cancel(&caller(2), request.id, order(82))).unwrap();
    assert_eq!(view.payment.state_word(), "cancelled");
    // But a new capture of another till is not accepted, and its refusal is not remembered.
    let other = capture(2, order(82), Bonus, 100);
    let answer = block_on(table.engine.capture(&caller(2), other.clone()));
    assert_eq!(answer.unwrap_err(), PayError::Refused(Refusal::WrongTill));
    assert_eq!(pay(&table, other), Ok(false));
}

#[test]
fn f1_a_cancel_that_overtakes_the_payment_forbids_it() {
    let table = bound(ANNA, |_| {});
    let request = capture(1, order(82), Bonus, 75_000);
    let view = block_on(table.engine.cancel(&caller(1), request.id, order(82))).unwrap();
    assert_eq!(view.payment.state_word(), "tombstoned");
    assert_eq!(pay(&table, request.clone()), refused(Refusal::TransactionCancelled));
    let state = block_on(table.engine.payment(&caller(1), request.id)).unwrap().payment.state;
    assert_eq!(state, PaymentState::Tombstoned);
}

#[test]
fn f1_an_unacknowledged_capture_is_verified_and_then_listed() {
    let table = bound(ANNA, |_| {});
    pay(&table, capture(1, order(82), Bonus, 75_000)).unwrap();
    pay(&table, capture(2, order(82), Deposit, 90_000)).unwrap();
    block_on(table.engine.acknowledge(&caller(1), PaymentId(id(2)))).unwrap();
    table.clock.advance(Duration::from_secs(121));
    block_on(table.engine.keeper().look());
    // The keeper of another run finds the same.
    let again = reopen(&table.store, table.clock.clone(), |_| {});
    let shelf = block_on(again.engine.commands(&caller(1), Duration::ZERO)).unwrap();
    let [verify] = &shelf[..] else { panic!("{shelf:?}") };
    let what = CommandKind::VerifyPayment { payment: PaymentId(id(1)), amount: Kopecks(75_000) };
    assert_eq!(verify.what, what);
    again.result(verify.id, CommandOutcome::Done).unwrap();
    table.clock.advance(Duration::from_secs(601));
    block_on(again.engine.keeper().look());
    let query = Query {
        kind: Some(StreamKind::Payment),
        status: Some(Status::NeedsPerson),
        ..Query::default()
    };
    let listed = block_on(table.store.heads(&query, None, 10)).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].head.total, Kopecks(75_000));
    block_on(table.engine.acknowledge(&caller(1), PaymentId(id(1)))).unwrap();
    assert!(block_on(table.store.heads(&query, None, 10)).unwrap().is_empty());
}

#[test]
fn f1_the_close_compares_both_sides() {
    let table = bound(ANNA, |_| {});
    pay(&table, capture(1, order(82), Bonus, 75_000)).unwrap();
    pay(&table, capture(2, order(82), Deposit, 90_000)).unwrap();
    let told = OrderClosed { order: order(82), payments: vec![PaymentId(id(2)), PaymentId(id(7))] };
    let report = block_on(table.engine.closed(&caller(1), told.clone())).unwrap();
    assert_eq!(report.orphan_captures, [PaymentId(id(1))]);
    assert_eq!(report.orphans_in_iiko, [PaymentId(id(7))]);
    table.holds();
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert!(row.payer().is_none() && row.closed.is_some());
    let query = Query { status: Some(Status::NeedsPerson), ..Query::default() };
    assert_eq!(block_on(table.store.heads(&query, None, 10)).unwrap().len(), 2);
    // A repeat is no conflict and changes nothing.
    let again = block_on(table.engine.closed(&caller(1), told)).unwrap();
    assert_eq!(again, report);
    // A refund after the close comes from the returns, a late cancel too.
    let view = block_on(table.engine.cancel(&caller(1), PaymentId(id(2)), order(82))).unwrap();
    assert_eq!(view.payment.state_word(), "cancelled");
    table.holds();
}

#[test]
fn f2_refunds_go_in_sequence_and_a_cancel_of_the_rest_is_told_apart() {
    let table = bound(ANNA, |_| {});
    let request = capture(1, order(82), Deposit, 90_000);
    pay(&table, request.clone()).unwrap();
    let refund = |number, before, amount| {
        let request = RefundRequest {
            id: RefundId(id(number)),
            of: PaymentId(id(1)),
            amount: Kopecks(amount),
            before: Kopecks(before),
            refuse: None,
        };
        block_on(table.engine.refund(&caller(2), request)).map(|r| r.replayed)
    };
    assert_eq!(refund(10, 0, 30_000), Ok(false));
    let sequence = Refusal::RefundSequence { refunded: Kopecks(30_000) };
    assert_eq!(refund(11, 0, 10_000), refused(sequence));
    let cancel = block_on(table.engine.cancel(&caller(1), request.id, order(82)));
    assert_eq!(cancel.unwrap_err(), PayError::Refused(Refusal::AlreadyRefunded));
    let exceeds = Refusal::RefundExceeds { rest: Kopecks(60_000) };
    assert_eq!(refund(12, 30_000, 60_001), refused(exceeds));
    assert_eq!(refund(13, 30_000, 60_000), Ok(false));
    let view = block_on(table.engine.cancel(&caller(1), request.id, order(82))).unwrap();
    assert_eq!(view.payment.state_word(), "refunded");
    table.holds();
}

#[test]
fn f2_an_unlinked_refund_takes_the_newest_capture_first() {
    let table = bound(ANNA, |_| {});
    pay(&table, capture(1, order(82), Deposit, 50_000)).unwrap();
    table.clock.advance(Duration::from_secs(1));
    pay(&table, capture(2, order(82), Deposit, 40_000)).unwrap();
    let ask = |number, before, amount| {
        let request = UnlinkedRequest {
            id: RefundId(id(number)),
            order: Some(order(82)),
            payment_type: DEPOSIT_TYPE,
            amount: Kopecks(amount),
            before: Some(Kopecks(before)),
            refuse: None,
        };
        block_on(table.engine.refund_unlinked(&caller(1), request))
    };
    let done = ask(10, 0, 60_000).unwrap().state;
    let parts: Vec<_> = done.refunds.iter().map(|r| (r.of, r.parts.total().unwrap().0)).collect();
    assert_eq!(parts, [(PaymentId(id(2)), 40_000), (PaymentId(id(1)), 20_000)]);
    assert!(ask(10, 0, 60_000).unwrap().replayed);
    let sequence = Refusal::RefundSequence { refunded: Kopecks(60_000) };
    assert_eq!(ask(11, 0, 10_000).unwrap_err(), PayError::Refused(sequence));
    table.holds();
}

#[test]
fn f5_the_type_must_fit_the_wallet_and_the_waiter_may_choose_credit() {
    let table = bound("20001", |_| {});
    let fedor = all_three();
    let wrong = CaptureRequest {
        wallet: fedor.account(Credit),
        payment_type: DEPOSIT_TYPE,
        ..capture(1, order(82), Credit, 165_000)
    };
    assert_eq!(pay(&table, wrong), refused(Refusal::WrongPaymentType { wallet: Credit }));
    let unknown = CaptureRequest {
        payment_type: Uuid::from_u128(0xBAD),
        ..capture(2, order(82), Credit, 165_000)
    };
    assert_eq!(pay(&table, unknown.clone()), refused(Refusal::UnknownPaymentType));
    // It is remembered: the venue configures the type, but this attempt stays refused.
    let fixed = CaptureRequest { payment_type: CREDIT_TYPE, ..unknown };
    assert_eq!(pay(&table, fixed), Err(PayError::Conflict));
    let limits = block_on(table.engine.limits(&caller(1), order(82))).unwrap();
    assert_eq!(limits.deposit, Kopecks(100_000));
    assert_eq!(pay(&table, capture(3, order(82), Credit, 165_000)), Ok(false));
    let row = block_on(table.store.order(order(82))).unwrap().unwrap();
    assert_eq!(row.money, Some(fedor.account(Credit)));
}

#[test]
fn f11_the_total_is_kept_and_points_have_a_cap() {
    let table = bound(ANNA, |config| config.bonus_cap_bp = Some(3_000));
    let told = OrderTold { order: order(82), total: Kopecks(165_000), lines: Vec::new() };
    block_on(table.engine.tell_order(&caller(1), told)).unwrap();
    let limits = block_on(table.engine.limits(&caller(1), order(82))).unwrap();
    assert_eq!(limits.bonus, Kopecks(49_500));
    let limit = Kopecks(49_500);
    let greedy = capture(1, order(82), Bonus, 49_501);
    assert_eq!(pay(&table, greedy), refused(Refusal::InsufficientFunds { limit }));
    pay(&table, capture(2, order(82), Bonus, 49_500)).unwrap();
    pay(&table, capture(3, order(82), Deposit, 115_500)).unwrap();
    let over = Refusal::OverTotal { captured: Kopecks(165_000), total: Kopecks(165_000) };
    assert_eq!(pay(&table, capture(4, order(82), Deposit, 1)), refused(over));
}

#[test]
fn f13_a_hold_lapses_by_the_commit_order_and_its_capture_is_a_new_one() {
    let table = bound("20001", |_| {});
    let deposit = all_three().account(Deposit);
    let reserve = |key: u64, amount| ReserveRequest {
        key: id(key),
        order: order(82),
        wallet: deposit,
        amount: Kopecks(amount),
        total: Kopecks(165_000),
        epoch: 1,
        ttl: None,
        supersedes: None,
        refuse: None,
    };
    let hold = block_on(table.engine.reserve(&caller(1), reserve(10, 100_000))).unwrap().state;
    let with_hold = |number| CaptureRequest {
        wallet: deposit,
        hold: Some(hold.id),
        ..capture(number, order(82), Deposit, 100_000)
    };
    table.clock.advance(Duration::from_secs(30 * 60));
    block_on(table.engine.keeper().look());
    // Another order takes the money; the late capture finds none.
    let scan = Scan::new("20001");
    block_on(table.engine.check_in(&caller(1), order(83), scan, None)).unwrap();
    let elsewhere = CaptureRequest { wallet: deposit, ..capture(1, order(83), Deposit, 60_000) };
    assert_eq!(pay(&table, elsewhere), Ok(false));
    let limit = Kopecks(40_000);
    assert_eq!(pay(&table, with_hold(2)), refused(Refusal::InsufficientFunds { limit }));
    let rest = CaptureRequest { amount: Kopecks(40_000), ..with_hold(3) };
    assert_eq!(pay(&table, rest), Ok(false));
    // Void: of a captured hold, and capture of a voided one.
    block_on(table.engine.cancel(&caller(1), PaymentId(id(3)), order(82))).unwrap();
    let second = block_on(table.engine.reserve(&caller(1), reserve(11, 40_000))).unwrap().state;
    let voided = block_on(table.engine.void(&caller(1), second.id)).unwrap();
    assert_eq!(voided.id, second.id);
    let late = CaptureRequest { hold: Some(second.id), ..with_hold(4) };
    let late = CaptureRequest { amount: Kopecks(40_000), ..late };
    assert_eq!(pay(&table, late), refused(Refusal::ReservationVoided));
    let third = block_on(table.engine.reserve(&caller(1), reserve(12, 40_000))).unwrap().state;
    let used = CaptureRequest { hold: Some(third.id), amount: Kopecks(30_000), ..with_hold(5) };
    assert_eq!(pay(&table, used), Ok(false));
    let void = block_on(table.engine.void(&caller(1), third.id));
    assert_eq!(void.unwrap_err(), PayError::Refused(Refusal::AlreadyCaptured));
}

#[test]
fn f14_a_hold_is_a_guarantee() {
    let table = bound(ANNA, |_| {});
    let deposit = anna().account(Deposit);
    let request = ReserveRequest {
        key: id(10),
        order: order(82),
        wallet: deposit,
        amount: Kopecks(165_000),
        total: Kopecks(165_000),
        epoch: 1,
        ttl: None,
        supersedes: None,
        refuse: None,
    };
    let hold = block_on(table.engine.reserve(&caller(1), request)).unwrap().state;
    let desk = &table.engine;
    let closing = block_on(desk.set_terms(&caller(1), deposit, None, Some(AccountStatus::Closing)));
    assert_eq!(closing.unwrap_err(), GuestError::Refused(Refusal::AccountInUse));
    let blocked = Some(AccountStatus::Blocked);
    block_on(desk.set_terms(&caller(1), deposit, Some(Kopecks(0)), blocked)).unwrap();
    let request = CaptureRequest { hold: Some(hold.id), ..capture(1, order(82), Deposit, 165_000) };
    let done = block_on(desk.capture(&caller(1), request)).unwrap().state;
    let parts = done.payment.capture().unwrap().parts;
    assert_eq!((parts.own.0, parts.overdraft.0), (94_100, 70_900));
    table.holds();
    let more = capture(2, order(82), Deposit, 1);
    assert!(pay(&table, CaptureRequest { total: Kopecks(999_999), ..more }).is_err());
}

#[test]
fn f3_a_top_up_needs_somebody_who_prints_its_receipt() {
    let table = bound(ANNA, |_| {});
    let deposit = anna().account(Deposit);
    let ask =
        |table: &Table| block_on(table.engine.top_up(&caller(1), id(50), deposit, Kopecks(10_000)));
    assert_eq!(ask(&table).unwrap_err(), GuestError::NoRegister);
    let declared = reopen(&table.store, table.clock.clone(), |config| {
        config.fiscal = Fiscal::ExternalDeclared;
    });
    assert_eq!(ask(&declared).unwrap().balance, Kopecks(104_100));
    assert_eq!(ask(&declared).unwrap().balance, Kopecks(104_100), "the same operation");
    let points =
        block_on(declared.engine.accrue(&caller(1), id(51), anna().account(Bonus), Kopecks(500)));
    assert_eq!(points.unwrap().balance, Kopecks(8_487_000));
    let mixed =
        block_on(declared.engine.top_up(&caller(1), id(52), anna().account(Bonus), Kopecks(1)));
    assert_eq!(mixed.unwrap_err(), GuestError::Refused(Refusal::BadMovement));
    declared.holds();
}

#[test]
fn f4_a_spend_names_its_two_parts_and_a_venue_may_forbid_the_second() {
    use tillway_core::account::OverdraftUse;
    let table = bound(ANNA, |config| config.overdraft = OverdraftUse::Deny);
    let limits = block_on(table.engine.limits(&caller(1), order(82))).unwrap();
    assert_eq!(limits.deposit, Kopecks(94_100));
    let limit = Kopecks(94_100);
    let over = capture(1, order(82), Deposit, 94_101);
    assert_eq!(pay(&table, over), refused(Refusal::InsufficientFunds { limit }));
    assert_eq!(pay(&table, capture(2, order(82), Deposit, 94_100)), Ok(false));
}

#[test]
fn f16_a_phone_number_shows_wallets_and_does_not_pay() {
    let by_phone = |config: &mut EngineConfig| config.tokens.phone_lookup = true;
    let table = bound("8 (916) 123-45-67", by_phone);
    let view = block_on(table.engine.loyalty(&caller(1), order(82))).unwrap().unwrap();
    assert_eq!(view.wallets.len(), 2);
    let limits = block_on(table.engine.limits(&caller(1), order(82))).unwrap();
    assert_eq!((limits.bonus.0, limits.deposit.0), (0, 0));
    let request = capture(1, order(82), Bonus, 100);
    assert_eq!(pay(&table, request), refused(Refusal::WeakIdentification));
    // The card, shown later, makes it strong under the same epoch.
    block_on(table.engine.check_in(&caller(1), order(82), Scan::new(ANNA), None)).unwrap();
    assert_eq!(pay(&table, capture(2, order(82), Bonus, 100)), Ok(false));
}

#[test]
fn w33_a_guest_with_a_payment_stays() {
    use tillway_core::port::TableRefusal;
    let table = bound(ANNA, |_| {});
    pay(&table, capture(1, order(82), Bonus, 75_000)).unwrap();
    let answer = block_on(table.engine.check_out(&caller(1), order(82), None));
    assert_eq!(answer, Err(TableRefusal::HasPayment));
    block_on(table.engine.cancel(&caller(1), PaymentId(id(1)), order(82))).unwrap();
    assert_eq!(block_on(table.engine.check_out(&caller(1), order(82), None)), Ok(()));
}

#[test]
fn a_hundred_captures_with_one_id_are_one() {
    let table = bound(ANNA, |_| {});
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let engine = table.engine.clone();
            let request = capture(1, order(82), Deposit, 90_000);
            std::thread::spawn(move || block_on(engine.capture(&caller(1), request)).unwrap())
        })
        .collect();
    let first = threads.into_iter().filter(|_| true).map(|t| t.join().unwrap());
    assert_eq!(first.filter(|answer| !answer.replayed).count(), 1);
    assert_eq!(available(&table, Deposit), 10_094_100 - 90_000);
}

#[test]
fn a_payment_on_the_operator_s_list_leaves_it_when_the_guest_has_the_money_back() {
    let table = bound(ANNA, |_| {});
    pay(&table, capture(1, order(82), Deposit, 90_000)).unwrap();
    let told = OrderClosed { order: order(82), payments: Vec::new() };
    block_on(table.engine.closed(&caller(1), told)).unwrap();
    let query = Query { status: Some(Status::NeedsPerson), ..Query::default() };
    let listed = || block_on(table.store.heads(&query, None, 10)).unwrap().len();
    for (number, before, amount, left) in [(10, 0, 30_000, 1), (11, 30_000, 60_000, 0)] {
        let request = RefundRequest {
            id: RefundId(id(number)),
            of: PaymentId(id(1)),
            amount: Kopecks(amount),
            before: Kopecks(before),
            refuse: None,
        };
        block_on(table.engine.refund(&caller(1), request)).unwrap();
        assert_eq!(listed(), left);
    }
    table.holds();
}
