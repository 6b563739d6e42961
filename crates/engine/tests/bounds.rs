//! What is too large, too long or too late is refused, cut or bounded; nothing breaks by it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::{Table, caller, capture, order, reopen, table};
use tillway_core::book::{Commit, Op, Refusal, StreamId};
use tillway_core::id::{AccountId, PaymentId};
use tillway_core::port::{
    AccountBook, CaptureRequest, GuestDesk, GuestError, Journal, LoyaltyDesk, OrderLine, OrderTold,
    PayError, PaymentDesk, PaymentInfo, ReserveRequest, Store,
};
use tillway_core::token::Scan;
use tillway_core::{Account, AccountKind, Kopecks};
use tillway_engine::{Bridge, Fiscal};
use tillway_testkit::builders::{anna, id};
use tillway_testkit::runtime::block_on;

use AccountKind::{Bonus, Deposit};

const ANNA: &str = "149725735";

fn bound() -> Table {
    let table = table(|config| {
        config.bridge = Bridge::None;
        config.fiscal = Fiscal::ExternalDeclared;
    });
    block_on(table.engine.check_in(&caller(1), order(82), Scan::new(ANNA), None)).unwrap();
    table
}

/// Gives Anna a second deposit of 1 000.00.
fn second_deposit(table: &Table) -> AccountId {
    let first = anna().accounts.into_iter().find(|(a, _)| a.kind == Deposit).unwrap().0;
    let account = Account { id: AccountId(id(700)), name: "Второй".into(), ..first };
    let second = account.id;
    block_on(table.engine.open_account(&caller(1), account)).unwrap();
    block_on(table.engine.top_up(&caller(1), id(701), second, Kopecks(100_000))).unwrap();
    second
}

#[test]
fn m5_a_live_payment_ties_the_order_to_its_money_account() {
    let table = bound();
    let second = second_deposit(&table);
    let desk = &table.engine;
    block_on(desk.capture(&caller(1), capture(1, order(82), Deposit, 10_000))).unwrap();
    let other = CaptureRequest { wallet: second, ..capture(2, order(82), Deposit, 10_000) };
    let mixed = PayError::Refused(Refusal::MixedMoneyAccounts);
    assert_eq!(block_on(desk.capture(&caller(1), other)).unwrap_err(), mixed);
    let reserve = ReserveRequest {
        key: id(10),
        order: order(82),
        wallet: second,
        amount: Kopecks(1),
        total: Kopecks(165_000),
        epoch: 1,
        ttl: None,
        supersedes: None,
        refuse: None,
    };
    assert_eq!(block_on(desk.reserve(&caller(1), reserve)).unwrap_err(), mixed);
    // Points go with any, and what was given back ties nothing.
    block_on(desk.capture(&caller(1), capture(3, order(82), Bonus, 100))).unwrap();
    block_on(desk.cancel(&caller(1), PaymentId(id(1)), order(82))).unwrap();
    let again = CaptureRequest { wallet: second, ..capture(4, order(82), Deposit, 10_000) };
    block_on(desk.capture(&caller(1), again)).unwrap();
    table.holds();
}

#[test]
fn a_capture_is_answered_when_its_payment_type_is_no_longer_configured() {
    let table = bound();
    let request = capture(1, order(82), Deposit, 10_000);
    block_on(table.engine.capture(&caller(1), request.clone())).unwrap();
    let later = reopen(&table.store, table.clock.clone(), |config| config.payment_types.clear());
    let answer = block_on(later.engine.capture(&caller(1), request)).unwrap();
    assert!(answer.replayed);
    assert_eq!(answer.state.payment.state_word(), "captured");
}

#[test]
fn amounts_that_cannot_be_added_up_are_refused_where_they_come_in() {
    let table = bound();
    let deposit = anna().account(Deposit);
    let bad = GuestError::Refused(Refusal::BadAmount);
    // Balance and overdraft together must fit, or nobody could ever read what is available.
    let most = Kopecks(i64::MAX - 200_000);
    let top_up = block_on(table.engine.top_up(&caller(1), id(50), deposit, most));
    assert_eq!(top_up.unwrap_err(), bad);
    let (asks, overdraft) = (caller(1), Some(Kopecks(i64::MAX)));
    let terms = block_on(table.engine.set_terms(&asks, deposit, overdraft, None));
    assert_eq!(terms.unwrap_err(), bad);
    block_on(table.engine.limits(&caller(1), order(82))).unwrap();
    for amount in [0, -1, i64::MIN] {
        let top_up = block_on(table.engine.top_up(&caller(1), id(51), deposit, Kopecks(amount)));
        assert!(top_up.is_err(), "{amount}");
    }
    table.holds();
}

#[test]
fn f11_more_lines_than_a_bill_has_are_refused() {
    let table = bound();
    let line = |name: &str| OrderLine {
        sku: "00042".into(),
        name: name.into(),
        quantity: Kopecks(100).to_decimal(),
        price: Kopecks(100),
        amount: Kopecks(100),
    };
    let tell = |lines| {
        let told = OrderTold { order: order(82), total: Kopecks(100), lines };
        block_on(table.engine.tell_order(&caller(1), told))
    };
    assert_eq!(tell(vec![line("Чай"); 500]), Ok(()));
    let bad = Err(PayError::Refused(Refusal::BadAmount));
    assert_eq!(tell(vec![line("Чай"); 501]), bad);
    assert_eq!(tell(vec![line(&"Ч".repeat(40_000))]), bad);
    let lines = Some(vec![0; 64 * 1024 + 1].into());
    let op = Op::Tell { order: order(82), till: None, total: None, lines, money: None };
    let told = block_on(table.store.commit(Commit::of(common::NOON, vec![op]))).unwrap();
    assert_eq!(told.verdict, tillway_core::book::Verdict::Refused(Refusal::BadAmount));
}

#[test]
fn a_long_name_of_a_cashier_is_cut_and_refuses_no_payment() {
    let table = bound();
    let info = PaymentInfo {
        cashier: Some("Ю".repeat(100_000).into()),
        business_date: Some("2".repeat(100_000).into()),
        ..PaymentInfo::default()
    };
    let request = CaptureRequest { info, ..capture(1, order(82), Deposit, 10_000) };
    block_on(table.engine.capture(&caller(1), request)).unwrap();
    let stream = StreamId::from(PaymentId(id(1)));
    let records = block_on(table.store.load(stream, tillway_core::book::Seq(0), 10)).unwrap();
    assert!(records[0].record.body.len() < 400, "{}", records[0].record.body.len());
}

#[test]
fn a_guest_s_card_number_is_short() {
    let table = bound();
    let mut guest = anna().guest;
    guest.card = Some("1".repeat(201).into());
    let put = block_on(table.engine.put_guest(&caller(1), guest)).unwrap_err();
    assert!(matches!(put, GuestError::OutOfLimits { field: "card", .. }), "{put:?}");
    let kept = block_on(table.store.guest(anna().guest.id)).unwrap().unwrap();
    assert_eq!(kept.card.as_deref(), Some(ANNA));
}
