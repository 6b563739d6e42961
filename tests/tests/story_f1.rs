//! The six interleavings of money rule F1, with the real plugin's twin on the till and the real
//! service behind it, and bugs of other people's systems that the same story could have.
#![allow(clippy::unwrap_used, reason = "tests")]

use tillway_core::AccountKind::Bonus;
use tillway_core::AccountStatus;
use tillway_core::Kopecks;
use tillway_core::book::{Commit, Op, PaymentState, Refusal};
use tillway_sim::fault::{ExchangeFault, Plan, Point, Side};
use tillway_sim::iiko_front::{FrontError, PayMode};
use tillway_sim::waiter_server::{Seen, Which};
use tillway_testkit::builders::{anna, nameless};
use tillway_tests::house::simulated;
use tillway_tests::table::{Setting, Table, places};
use tillway_tests::witness::states;

const ANNA: &str = "149725735";
const STUCK: ExchangeFault = ExchangeFault::Late { after: u64::MAX };

/// The number of the first capture's exchange.
async fn first_put() -> u64 {
    places(Setting::default(), "PUT", "/payments/").await[0]
}

async fn with_anna(setting: Setting) -> Table {
    let table = Table::set(setting).await;
    assert_eq!(table.check_in(ANNA).await, Seen::Done);
    table
}

async fn with_plan(plan: Plan) -> Table {
    with_anna(Setting { plan, ..Setting::default() }).await
}

/// The people get what they wanted in the end.
async fn pays_in_the_end(table: &Table) {
    assert_eq!(table.check_in(ANNA).await, Seen::Done);
    assert_eq!(table.pay(75_000).await, Seen::Done);
    assert!(table.is_closed());
    table.agrees().await;
}

#[test]
fn f1a_captured_and_the_till_loses_power_before_anything_is_written() {
    simulated(async {
        let put = first_put().await;
        let table =
            with_plan(Plan::none().exchange(Side::Plugin, put, ExchangeFault::CutAfter)).await;
        assert_eq!(table.pay(75_000).await, Seen::NoTill);
        assert_eq!(states(&table.house, table.order).await, ["captured"]);
        assert_eq!(table.processed(), 0);
        table.agrees().await;
        assert_eq!(states(&table.house, table.order).await, ["cancelled"]);
        pays_in_the_end(&table).await;
    });
}

#[test]
fn f1b_pay_returned_and_the_till_dies_before_the_item_is_saved() {
    simulated(async {
        let table = with_plan(Plan::none().cut_at(Point::AfterPay, 0)).await;
        assert_eq!(table.pay(75_000).await, Seen::NoTill);
        assert_eq!(states(&table.house, table.order).await, ["captured"]);
        assert_eq!(table.processed(), 0);
        table.agrees().await;
        assert_eq!(states(&table.house, table.order).await, ["cancelled"]);
        pays_in_the_end(&table).await;
    });
}

#[test]
fn f1b_the_item_was_saved_and_the_payment_stays() {
    simulated(async {
        let table = with_plan(Plan::none().cut_at(Point::AfterSave, 0)).await;
        assert_eq!(table.pay(75_000).await, Seen::NoTill);
        assert_eq!(table.processed(), 1);
        table.agrees().await;
        assert_eq!(states(&table.house, table.order).await, ["captured"]);
        // The other half is left to pay.
        assert_eq!(table.pay(0).await, Seen::Done);
        table.agrees().await;
        assert_eq!(states(&table.house, table.order).await, ["captured", "captured"]);
    });
}

#[test]
fn f1c_attempt_one_is_stuck_attempt_two_is_refused_and_attempt_one_arrives() {
    simulated(async {
        let put = first_put().await;
        let table = with_plan(Plan::none().exchange(Side::Plugin, put, STUCK)).await;
        let phone = &table.till().phone;
        let mut page = phone.payment_page(table.order).await.unwrap();
        page.enter(Which::Bonus, Kopecks(75_000)).unwrap();
        assert_eq!(phone.save(table.order, &page).await, Seen::Done);
        let status = |status| {
            let (account, status) = (anna().account(Bonus), Some(status));
            Commit::of(
                table.house.clock().now(),
                vec![Op::SetTerms { account, overdraft: None, status }],
            )
        };
        let store = table.house.store().await;
        store.commit(status(AccountStatus::Blocked)).await.unwrap();
        // The second send of the same capture is refused for good.
        let paid = table.till().front.pay_order(table.order, PayMode::Silent).await;
        assert!(matches!(paid, Err(FrontError::ProcessingFailed(_))), "{paid:?}");
        assert_eq!(table.till().front.outbox(), [], "a stored refusal leaves nothing to undo");
        assert_eq!(states(&table.house, table.order).await, ["refused"]);
        store.commit(status(AccountStatus::Active)).await.unwrap();
        // The first one arrives where it would be welcome now.
        table.till().hooks.deliver_late().await;
        assert_eq!(states(&table.house, table.order).await, ["refused"]);
        table.agrees().await;
        pays_in_the_end(&table).await;
    });
}

#[test]
fn f1d_a_stuck_capture_does_not_charge_the_next_guest() {
    simulated(async {
        let put = first_put().await;
        let plan = Plan::none()
            .exchange(Side::Plugin, put, STUCK)
            .exchange(Side::Plugin, put + 1, STUCK)
            .outage(Side::Plugin, put + 2..put + 4);
        let table = with_plan(plan).await;
        let seen = table.pay(75_000).await;
        assert!(matches!(seen, Seen::Popup(_)), "{seen:?}");
        assert_eq!(table.till().front.outbox().len(), 1, "the cancel is not delivered");
        // Anna goes, another guest comes, and both stuck captures arrive.
        assert_eq!(table.check_out().await, Seen::Done);
        assert_eq!(table.check_in(&nameless().guest.client_id).await, Seen::Done);
        table.till().hooks.deliver_late().await;
        let book = table.house.store().await.audit().await.unwrap();
        let changed = PaymentState::Refused(Refusal::BindingChanged { epoch: 3 });
        assert_eq!(book.payments.iter().map(|p| &p.state).collect::<Vec<_>>(), [&changed]);
        table.agrees().await;
        // The cancel found a refusal and closes the id for ever.
        assert_eq!(states(&table.house, table.order).await, ["tombstoned"]);
    });
}

#[test]
fn f1e_captured_cancelled_and_the_same_put_again() {
    simulated(async {
        let put = first_put().await;
        let plan = Plan::none()
            .exchange(Side::Plugin, put, ExchangeFault::LoseAnswer)
            .exchange(Side::Plugin, put + 1, STUCK)
            .exchange(Side::Plugin, put + 2, ExchangeFault::LoseRequest);
        let table = with_plan(plan).await;
        let seen = table.pay(75_000).await;
        assert!(matches!(seen, Seen::Popup(_)), "{seen:?}");
        assert_eq!(states(&table.house, table.order).await, ["cancelled"]);
        table.till().hooks.deliver_late().await;
        assert_eq!(states(&table.house, table.order).await, ["cancelled"]);
        table.agrees().await;
        pays_in_the_end(&table).await;
    });
}

/// The till loses its power between two payments; on another till of the group the rest cannot be
/// paid (the order is the first till's), so iikoFront undoes the payment there. Then the first
/// till comes back, and its plugin believes in a capture that is no more.
#[test]
fn f1f_the_payment_is_undone_from_another_till() {
    simulated(async {
        let mut table = with_plan(Plan::none().cut_at(Point::AfterSave, 0)).await;
        table.second_till(Plan::none()).await;
        assert_eq!(table.pay(75_000).await, Seen::NoTill);
        assert_eq!(table.processed(), 1);
        let other = table.tills[1].front.clone();
        let paid = other.pay_order(table.order, PayMode::OnScreen).await;
        assert!(matches!(paid, Err(FrontError::ProcessingFailed(_))), "{paid:?}");
        let states_now = states(&table.house, table.order).await;
        assert_eq!(states_now, ["cancelled", "tombstoned"]);
        assert_eq!(table.processed(), 0);
        table.agrees().await;
        assert_eq!(states(&table.house, table.order).await, states_now);
        pays_in_the_end(&table).await;
    });
}

/// As f1f, but the order is closed, and the money is returned on the other till.
#[test]
fn f1f_a_closed_order_is_returned_on_another_till() {
    simulated(async {
        let mut table = with_plan(Plan::none()).await;
        table.second_till(Plan::none()).await;
        assert_eq!(table.pay(75_000).await, Seen::Done);
        table.tills[1].front.return_all(table.order).await.unwrap();
        table.agrees().await;
        assert_eq!(states(&table.house, table.order).await, ["refunded", "refunded"]);
    });
}
