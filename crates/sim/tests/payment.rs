//! Paying and returning on the till, with every sort of trouble.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{BONUS_WALLET, DEPOSIT_WALLET, Stage, State, error, lines, stage, stage_with};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_sim::fault::{ExchangeFault, Plan, Point, Side};
use tillway_sim::iiko_front::{
    Adding, BONUS_TYPE, DEPOSIT_TYPE, FrontError, ORDER_82, OrderStatus, PayMode, RecordKind,
    TransactionIds,
};

const PARTS: [(Uuid, Kopecks); 2] =
    [(BONUS_TYPE, Kopecks(75_000)), (DEPOSIT_TYPE, Kopecks(90_000))];
const NOT_PAID: &str = "Оплата не прошла: нет связи с сервисом лояльности";

/// The exchanges of [`saved`] on the plugin's side; the next one is the first capture.
const CAPTURE: u64 = 4;

/// Order 82 with a guest, and both payments saved.
async fn saved(stage: &Stage) {
    stage.front.open_order(ORDER_82, 82, lines()).unwrap();
    if !stage.fake.books().bound {
        stage.fake.bind();
    }
    stage.front.replace_payments(ORDER_82, &PARTS).await.unwrap();
}

async fn pay(stage: &Stage) -> Result<(), FrontError> {
    stage.front.pay_order(ORDER_82, PayMode::Silent).await.map(|_| ())
}

fn states(stage: &Stage) -> Vec<State> {
    let mut states: Vec<_> = stage.fake.books().payments.values().map(|one| one.state).collect();
    states.sort_by_key(|state| *state as u8);
    states
}

fn assert_books_agree(stage: &Stage) {
    let differences = stage.front.books().unwrap().compare(&stage.fake.books().live()).unwrap();
    assert!(differences.is_empty(), "{differences:?}");
    assert_eq!(stage.hooks.violations(), [""; 0]);
}

fn failed(text: &str) -> Result<(), FrontError> {
    Err(FrontError::ProcessingFailed(text.into()))
}

#[test]
fn the_payment_types_are_logged_in_the_form_of_the_waiter_document() {
    let lines = stage(Plan::none()).front.payment_type_log();
    let golden = include_str!("../fixtures/payment-types.log");
    assert_eq!(lines.join("\n") + "\n", golden);
}

#[tokio::test(start_paused = true)]
async fn both_payments_are_captured_and_acknowledged() {
    let stage = stage(Plan::none());
    saved(&stage).await;
    pay(&stage).await.unwrap();
    let order = stage.front.order(ORDER_82).unwrap();
    assert_eq!(order.status, OrderStatus::Closed);
    assert_eq!(stage.front.receipts()[0].payments.len(), 2);
    assert_eq!(stage.front.outbox(), []);
    assert_books_agree(&stage);
    let books = stage.fake.books();
    assert!(books.payments.values().all(|payment| payment.acknowledged));
    assert_eq!(books.closed[0]["payments"].as_array().unwrap().len(), 2);
    let captures: Vec<_> = books.bodies.iter().filter(|body| body["attempt"].is_number()).collect();
    for (capture, (kind, sum)) in captures.iter().zip(PARTS) {
        assert_eq!(capture["paymentTypeId"], kind.to_string());
        assert_eq!(capture["amountMinor"], sum.0);
        assert_eq!(capture["orderTotalMinor"], 165_000);
        assert_eq!((&capture["bindingEpoch"], &capture["attempt"]), (&json!(1), &json!(1)));
        assert_eq!((&capture["silent"], &capture["orderNumber"]), (&json!(true), &json!(82)));
    }
    assert_eq!(captures[0]["walletId"], BONUS_WALLET);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for() {
    let plan = Plan::none().exchange(Side::Plugin, CAPTURE, ExchangeFault::LoseAnswer).exchange(
        Side::Plugin,
        CAPTURE + 1,
        ExchangeFault::LoseAnswer,
    );
    let stage = stage(plan);
    saved(&stage).await;
    pay(&stage).await.unwrap();
    let calls = stage.fake.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("PUT /pos/v1/payments")).count(), 3);
    assert_eq!(calls.iter().filter(|call| call.starts_with("GET /pos/v1/payments")).count(), 1);
    assert_eq!(states(&stage), [State::Captured; 2]);
    assert_books_agree(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_cancelled() {
    let stage = stage(Plan::none().outage(Side::Plugin, CAPTURE..CAPTURE + 2));
    saved(&stage).await;
    let began = stage.clock.ticks();
    assert_eq!(pay(&stage).await, failed(NOT_PAID));
    assert!(stage.clock.ticks().saturating_sub(began) <= Duration::from_secs(14));
    assert_eq!(states(&stage), [State::Tombstoned]);
    assert_eq!(stage.front.outbox(), []);
    assert_eq!(stage.front.order(ORDER_82).unwrap().status, OrderStatus::New);
    pay(&stage).await.unwrap();
    assert_books_agree(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_after_the_cancel_takes_nothing() {
    let plan = Plan::none()
        .exchange(Side::Plugin, CAPTURE, ExchangeFault::Late { after: u64::MAX })
        .exchange(Side::Plugin, CAPTURE + 1, ExchangeFault::Late { after: 2 });
    let stage = stage(plan);
    saved(&stage).await;
    assert_eq!(pay(&stage).await, failed(NOT_PAID));
    stage.hooks.deliver_late().await;
    assert_eq!(states(&stage), [State::Tombstoned]);
    assert_books_agree(&stage);
}

#[tokio::test(start_paused = true)]
async fn with_everything_lost_the_outbox_remembers() {
    let stage = stage(Plan::none().outage(Side::Plugin, CAPTURE..CAPTURE + 5));
    saved(&stage).await;
    let began = stage.clock.ticks();
    assert_eq!(pay(&stage).await, failed(NOT_PAID));
    assert_eq!(stage.clock.ticks().saturating_sub(began), Duration::from_secs(14));
    assert_eq!(stage.front.outbox()[0].kind, RecordKind::Cancel);
    assert_eq!(pay(&stage).await, failed("Предыдущая оплата ещё отменяется"));
    stage.front.power_cut();
    stage.front.restart().await.unwrap();
    assert_eq!(stage.front.outbox(), []);
    assert_eq!(states(&stage), [State::Tombstoned]);
    assert_books_agree(&stage);
}

/// The number of the `nth` passage of a point when all goes well.
async fn point(what: Point, nth: usize) -> u64 {
    let stage = stage(Plan::none());
    saved(&stage).await;
    pay(&stage).await.unwrap();
    let points = stage.hooks.points();
    let mut passed = points.iter().enumerate().filter(|(_, point)| **point == what);
    u64::try_from(passed.nth(nth).unwrap().0).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_between_pay_and_saving_is_cancelled_at_start() {
    for (what, kept) in [(Point::AfterPay, 0), (Point::AfterSave, 1), (Point::AfterOutbox, 0)] {
        let stage = stage(Plan::none().cut(point(what, 0).await));
        saved(&stage).await;
        assert!(matches!(pay(&stage).await, Err(FrontError::PowerCut(_))), "{what:?}");
        assert_eq!(stage.front.outbox()[0].kind, RecordKind::Sending);
        stage.front.restart().await.unwrap();
        assert_eq!(stage.front.outbox(), []);
        assert_eq!(stage.fake.books().live().len(), kept, "{what:?}");
        assert_books_agree(&stage);
        pay(&stage).await.unwrap_err();
        stage.front.replace_payments(ORDER_82, &PARTS[kept..]).await.unwrap();
        pay(&stage).await.unwrap();
        assert_books_agree(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_on_paper_closes_the_order_at_start() {
    let stage = stage(Plan::none().cut(point(Point::AfterPrint, 0).await));
    saved(&stage).await;
    pay(&stage).await.unwrap_err();
    stage.front.restart().await.unwrap();
    assert_eq!(stage.front.order(ORDER_82).unwrap().status, OrderStatus::Closed);
    assert_eq!(stage.fake.books().closed.len(), 1);
    assert_books_agree(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_refused_second_payment_undoes_the_first() {
    let stage = stage(Plan::none());
    saved(&stage).await;
    stage.fake.books().poor = Some(DEPOSIT_WALLET);
    assert_eq!(pay(&stage).await, failed("отказ insufficient_funds"));
    assert_eq!(states(&stage), [State::Cancelled]);
    assert!(stage.front.order(ORDER_82).unwrap().items.iter().all(|item| !item.processed));
    assert_eq!(stage.front.outbox(), []);
    assert_books_agree(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_broken_register_undoes_both() {
    let stage = stage(Plan::none());
    saved(&stage).await;
    stage.front.break_printer(true);
    assert_eq!(pay(&stage).await, Err(FrontError::FiscalFailed));
    assert_eq!(states(&stage), [State::Cancelled; 2]);
    assert_eq!(stage.front.receipts(), []);
    assert_books_agree(&stage);
    stage.front.break_printer(false);
    pay(&stage).await.unwrap();
    assert_books_agree(&stage);
}

/// A power cut anywhere while payments are undone: whatever iikoFront saved is what the service has.
#[tokio::test(start_paused = true)]
async fn a_power_cut_while_payments_are_undone_parts_no_books() {
    let rehearsal = stage(Plan::none());
    saved(&rehearsal).await;
    rehearsal.front.break_printer(true);
    pay(&rehearsal).await.unwrap_err();
    for (nth, what) in (0_u64..).zip(rehearsal.hooks.points()) {
        let stage = stage(Plan::none().cut(nth));
        saved(&stage).await;
        stage.front.break_printer(true);
        assert!(matches!(pay(&stage).await, Err(FrontError::PowerCut(_))));
        stage.front.restart().await.unwrap();
        let differences = stage.front.books().unwrap().compare(&stage.fake.books().live());
        assert_eq!(differences.unwrap(), [], "{nth} {what:?}");
        assert_eq!(stage.front.notifications(), [""; 0], "{nth} {what:?}");
        stage.front.break_printer(false);
        let order = stage.front.order(ORDER_82).unwrap();
        let rest: Vec<_> = order.items.iter().filter(|item| !item.processed).collect();
        let rest: Vec<_> = rest.into_iter().map(|item| (item.type_id, item.sum)).collect();
        stage.front.replace_payments(ORDER_82, &rest).await.unwrap();
        pay(&stage).await.unwrap();
        assert_books_agree(&stage);
    }
}

#[tokio::test(start_paused = true)]
async fn returns_add_up() {
    let stage = stage(Plan::none());
    saved(&stage).await;
    pay(&stage).await.unwrap();
    let money = stage.front.order(ORDER_82).unwrap().items[1].id;
    for (amount, expected) in [
        (30_000, Ok(())),
        (60_001, Err(FrontError::ReturnTooLarge)),
        (60_000, Ok(())),
        (1, Err(FrontError::ReturnTooLarge)),
    ] {
        let returned = stage.front.return_order(ORDER_82, &[(money, Kopecks(amount))]).await;
        assert_eq!(returned, expected, "{amount}");
    }
    assert_books_agree(&stage);
    assert_eq!(stage.front.books().unwrap().net().unwrap(), Kopecks(75_000));
    stage.front.return_all(ORDER_82).await.unwrap();
    assert_eq!(stage.front.books().unwrap().net().unwrap(), Kopecks::ZERO);
    assert_books_agree(&stage);
}

#[tokio::test(start_paused = true)]
async fn a_return_is_made_once_through_a_power_cut() {
    let rehearsal = stage(Plan::none());
    saved(&rehearsal).await;
    pay(&rehearsal).await.unwrap();
    let before = rehearsal.hooks.counts().points;
    rehearsal.front.return_all(ORDER_82).await.unwrap();
    for nth in before..rehearsal.hooks.counts().points {
        let stage = stage(Plan::none().cut(nth));
        saved(&stage).await;
        pay(&stage).await.unwrap();
        stage.front.return_all(ORDER_82).await.unwrap_err();
        stage.front.restart().await.unwrap();
        stage.front.return_all(ORDER_82).await.unwrap();
        assert_books_agree(&stage);
        assert_eq!(stage.front.books().unwrap().net().unwrap(), Kopecks::ZERO, "{nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_return_without_an_order_waits_in_the_outbox() {
    let stage = stage(Plan::none());
    let body = json!({"refundId": ORDER_82.to_string(), "amountMinor": 90_000,
        "refundedTotalMinor": 90_000, "state": "refunded"});
    stage.fake.say("PUT /pos/v1/unlinked-refunds", 503, error("unavailable", false));
    stage.fake.say("PUT /pos/v1/unlinked-refunds", 201, body);
    let amount = Kopecks(90_000);
    stage.front.return_without_order(Some(ORDER_82), DEPOSIT_TYPE, amount).await.unwrap();
    assert_eq!(stage.front.outbox()[0].kind, RecordKind::UnlinkedRefund);
    stage.front.drain().await.unwrap();
    assert_eq!(stage.front.outbox(), []);
    let path = "/pos/v1/unlinked-refunds/19ec7873-63d3-55fe-915f-4a4b1c85127f";
    assert_eq!(stage.fake.calls(), [format!("PUT {path}"), format!("PUT {path}")]);
    assert_eq!(stage.front.books().unwrap().unexplained, amount);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_final_ends_in_a_cancel() {
    for (status, code) in
        [(401, "bad_token"), (403, "wrong_till"), (409, "in_progress"), (503, "unavailable")]
    {
        let stage = stage(Plan::none());
        saved(&stage).await;
        for _ in 0..2 {
            stage.fake.say("PUT /pos/v1/payments", status, error(code, false));
        }
        assert_eq!(pay(&stage).await, failed(&format!("отказ {code}")), "{code}");
        assert_eq!(states(&stage), [State::Tombstoned], "{code}");
        assert_eq!(stage.hooks.violations(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn only_captured_is_a_yes() {
    let stage = stage(Plan::none());
    saved(&stage).await;
    stage.fake.say("PUT /pos/v1/payments", 200, json!({"state": "refunded"}));
    assert_eq!(pay(&stage).await, failed(NOT_PAID));
    assert_eq!(states(&stage), [State::Tombstoned]);
}

#[tokio::test(start_paused = true)]
async fn over_total_names_a_charge_that_iiko_lost() {
    let lost = Uuid::from_u128(7);
    for (demo, expected) in [(true, State::Captured), (false, State::Cancelled)] {
        let stage = stage_with(Plan::none(), |config| config.demo = demo);
        saved(&stage).await;
        let (wallet, amount) = (DEPOSIT_WALLET, 165_000);
        stage.fake.charge(lost, wallet, amount);
        assert_eq!(pay(&stage).await, failed("отказ over_total"));
        assert_eq!(stage.fake.books().payments[&lost].state, expected, "demo: {demo}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_pay_under_one_id_counts_its_attempts() {
    let kept = |config: &mut tillway_sim::iiko_front::FrontConfig| {
        config.transaction_ids = TransactionIds::Kept;
    };
    let stage = stage_with(Plan::none(), kept);
    saved(&stage).await;
    stage.fake.books().poor = Some(BONUS_WALLET);
    assert_eq!(pay(&stage).await, failed("отказ insufficient_funds"));
    stage.fake.books().poor = None;
    pay(&stage).await.unwrap();
    let bodies = stage.fake.books().bodies.clone();
    let attempts: Vec<_> = bodies.iter().filter_map(|body| body["attempt"].as_u64()).collect();
    assert_eq!(attempts, [1, 2, 1]);
    let captures = |call: &&String| call.starts_with("PUT /pos/v1/payments");
    let calls = stage.fake.calls();
    let paths: Vec<_> = calls.iter().filter(captures).collect();
    assert_eq!(paths[0], paths[1]);
    assert_books_agree(&stage);
}

#[tokio::test(start_paused = true)]
async fn iikofront_checks_before_it_pays() {
    let stage = stage(Plan::none());
    stage.front.open_order(ORDER_82, 82, lines()).unwrap();
    stage.fake.bind();
    stage.front.replace_payments(ORDER_82, &PARTS[..1]).await.unwrap();
    assert_eq!(pay(&stage).await, Err(FrontError::SumNotEnough(Kopecks(90_000))));
    let twice = stage.front.add_payment(ORDER_82, BONUS_TYPE, Adding::Cashier).await;
    assert_eq!(twice, Err(FrontError::DuplicateType));
    let added = stage.front.add_payment(ORDER_82, DEPOSIT_TYPE, Adding::Cashier).await.unwrap();
    let order = stage.front.order(ORDER_82).unwrap();
    assert_eq!((order.items[1].id, order.items[1].sum), (added, Kopecks(90_000)));
    assert!(stage.front.edit_on_screen(ORDER_82));
    assert_eq!(pay(&stage).await, Err(FrontError::CannotLockOrder));
    stage.front.leave_screen(ORDER_82);
    // A restart empties the cache; without the service it stays so.
    stage.fake.books().bound = false;
    stage.front.restart().await.unwrap();
    assert_eq!(pay(&stage).await, Err(FrontError::NotSilent));
    assert_eq!(states(&stage), []);
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_made_used_and_given_back() {
    let hold = "7c1d2e3f-1111-4a2b-8c3d-0e4f5a6b7c8d";
    let stage = stage_with(Plan::none(), |config| config.reserve = true);
    stage.front.open_order(ORDER_82, 82, lines()).unwrap();
    stage.fake.bind();
    let held = json!({"reservationId": hold, "state": "held"});
    stage.fake.say("POST /pos/v1/reservations", 201, held.clone());
    let item = stage.front.add_payment(ORDER_82, DEPOSIT_TYPE, Adding::Cashier).await.unwrap();
    let voided = format!("POST /pos/v1/reservations/{hold}/void");
    stage.fake.say("POST /pos/v1/reservations", 200, json!({"state": "voided"}));
    stage.front.remove_payment(ORDER_82, item).await.unwrap();
    assert_eq!(stage.fake.calls().last(), Some(&voided));
    stage.fake.say("POST /pos/v1/reservations", 201, held);
    stage.front.add_payment(ORDER_82, DEPOSIT_TYPE, Adding::Cashier).await.unwrap();
    pay(&stage).await.unwrap();
    let bodies = stage.fake.books().bodies.clone();
    assert!(bodies.iter().any(|body| body["attempt"] == 1 && body["reservationId"] == hold));
}

#[tokio::test(start_paused = true)]
async fn a_prepayment_survives_a_failure_of_the_rest() {
    let stage = stage(Plan::none());
    saved(&stage).await;
    let items = stage.front.order(ORDER_82).unwrap().items;
    stage.front.prepay(ORDER_82, items[0].id).await.unwrap();
    stage.fake.books().poor = Some(DEPOSIT_WALLET);
    assert_eq!(pay(&stage).await, failed("отказ insufficient_funds"));
    assert_eq!(states(&stage), [State::Captured]);
    assert_books_agree(&stage);
}
