//! Bugs of other people's systems, each told at our table (quality note 4.3b). What the book alone
//! makes of them, and a naive one, is in `bugs_peers`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::Kopecks;
use tillway_core::book::{PaymentState, Refusal};
use tillway_core::id::Uuid;
use tillway_core::port::Store;
use tillway_memory::MemoryStore;
use tillway_sim::fault::{ExchangeFault, Plan, Side};
use tillway_sim::iiko_front::{Adding, CREDIT_TYPE, OrderLine};
use tillway_sim::waiter_server::Seen;
use tillway_sqlite::{SqliteConfig, SqliteStore};
use tillway_testkit::builders::{anna, nameless};
use tillway_tests::house::simulated;
use tillway_tests::table::{Setting, Table, places};
use tillway_tests::venue::{DEPOSIT_TYPE, ORDER_82, Setup, Venue};
use tillway_tests::witness::states;

const ANNA: &str = "149725735";

async fn with_anna(setting: Setting) -> Table {
    let table = Table::set(setting).await;
    assert_eq!(table.check_in(ANNA).await, Seen::Done);
    table
}

fn dish(kopecks: i64) -> Vec<OrderLine> {
    vec![OrderLine {
        sku: "20101".into(),
        name: "Стейк".into(),
        quantity: 1,
        amount: Kopecks(kopecks),
    }]
}

async fn available(table: &Table, account: tillway_core::id::AccountId) -> i64 {
    let account = table.house.store().await.account(account).await.unwrap().unwrap();
    account.available().unwrap().0
}

/// A credit limit that does not count what is pending: two holds fit one by one, not together.
#[test]
fn tigerbeetle_2955_two_holds_do_not_fit_together() {
    simulated(async {
        let table = Table::set(Setting { reserve: true, ..Setting::default() }).await;
        let front = &table.till().front;
        let other = Uuid::from_u128(83 << 64 | 4 << 76 | 2 << 62);
        front.open_order(other, 83, dish(300_000)).unwrap();
        front.change_lines(table.order, dish(300_000)).await.unwrap();
        assert_eq!(table.check_in("10542").await, Seen::Done);
        let pin = "12345".into();
        let second = table.bridged(table.till().phone.check_in(other, "10542", &pin)).await;
        assert_eq!(second, Seen::Done);
        let most = Adding::External(Kopecks(300_000));
        front.add_payment(table.order, CREDIT_TYPE, most).await.unwrap();
        front.add_payment(other, CREDIT_TYPE, most).await.unwrap();
        // The second got what is left, not what it asked for.
        let sums = [table.order, other].map(|order| front.order(order).unwrap().items[0].sum);
        assert_eq!(sums, [Kopecks(300_000), Kopecks(200_000)]);
        assert_eq!(available(&table, nameless().account(Credit)).await, 0);
    });
}

/// A void twice, and a payment that arrives after the void.
#[test]
fn blnk_41_42_a_payment_arrives_after_the_void() {
    simulated(async {
        let setting = Setting { reserve: true, ..Setting::default() };
        let put = places(setting.clone(), "PUT", "/payments/").await[0];
        let stuck = ExchangeFault::Late { after: u64::MAX };
        let plan = Plan::none()
            .exchange(Side::Plugin, put, stuck)
            .exchange(Side::Plugin, put + 1, ExchangeFault::LoseRequest)
            .outage(Side::Plugin, put + 2..put + 4)
            .exchange(Side::Plugin, put + 4, ExchangeFault::SendTwice);
        let table = with_anna(Setting { plan, ..setting }).await;
        assert!(matches!(table.pay(75_000).await, Seen::Popup(_)));
        let front = &table.till().front;
        assert_eq!(front.outbox().len(), 1, "the cancel is not delivered");
        let item = front.order(table.order).unwrap().items[0].id;
        front.remove_payment(table.order, item).await.unwrap();
        let log = table.till().hooks.log();
        let last = log.iter().rfind(|one| one.side == Side::Plugin).unwrap();
        assert!(last.what.ends_with("/void") && last.status == Some(200), "{last:?}");
        assert_eq!(available(&table, anna().account(Bonus)).await, 8_486_500);
        table.till().hooks.deliver_late().await;
        let book = table.house.store().await.audit().await.unwrap();
        let [payment] = &book.payments[..] else { panic!("{:?}", book.payments) };
        assert_eq!(payment.state, PaymentState::Refused(Refusal::ReservationVoided));
        table.agrees().await;
    });
}

/// Overdraft and two phases together: a hold over the border, given up, made anew, captured,
/// cancelled, captured, refunded.
#[test]
fn midaz_2317_2437_a_hold_over_the_border_of_the_overdraft() {
    simulated(async {
        let table = with_anna(Setting { reserve: true, ..Setting::default() }).await;
        let front = &table.till().front;
        front.change_lines(table.order, dish(200_000)).await.unwrap();
        let all = available(&table, anna().account(Deposit)).await;
        front.break_printer(true);
        assert!(matches!(table.pay(0).await, Seen::Popup(_)));
        assert_eq!(states(&table.house, table.order).await, ["cancelled"]);
        assert_eq!(available(&table, anna().account(Deposit)).await, all);
        front.break_printer(false);
        assert_eq!(table.pay(0).await, Seen::Done);
        assert_eq!(available(&table, anna().account(Deposit)).await, all - 200_000);
        front.return_all(table.order).await.unwrap();
        table.agrees().await;
        assert_eq!(available(&table, anna().account(Deposit)).await, all);
    });
}

/// A retry under a new key is a second payment.
#[test]
fn medusa_13301_16466_a_retry_keeps_its_key() {
    simulated(async {
        let puts = places(Setting::default(), "PUT", "/payments/").await;
        let lost = ExchangeFault::LoseAnswer;
        // The second payment's request comes one later, because the first is sent again.
        let plan = Plan::none().exchange(Side::Plugin, puts[0], lost).exchange(
            Side::Plugin,
            puts[1] + 1,
            lost,
        );
        let table = with_anna(Setting { plan, ..Setting::default() }).await;
        assert_eq!(table.pay(75_000).await, Seen::Done);
        let log = table.till().hooks.log();
        let sent: Vec<_> =
            log.iter().filter(|one| one.what.starts_with("PUT /pos/v1/payments/")).collect();
        let ids: BTreeSet<_> = sent.iter().map(|one| &one.what).collect();
        assert_eq!((sent.len(), ids.len()), (4, 2));
        assert_eq!(states(&table.house, table.order).await, ["captured"; 2]);
        table.agrees().await;
        // Nothing was compensated: the finished order stays as it is.
        assert!(log.iter().all(|one| !one.what.ends_with("/cancel")));
        assert_eq!(states(&table.house, table.order).await, ["captured"; 2]);
    });
}

/// Everything arrives twice, as from a queue that is replayed without memory.
#[test]
fn odoo_152259_everything_is_sent_twice() {
    simulated(async {
        let mut plan = Plan::none();
        for side in Side::ALL {
            for nth in 0..200 {
                plan = plan.exchange(side, nth, ExchangeFault::SendTwice);
            }
        }
        let table = with_anna(Setting { plan, ..Setting::default() }).await;
        assert_eq!(table.pay(75_000).await, Seen::Done);
        table.till().front.return_all(table.order).await.unwrap();
        table.agrees().await;
        assert_eq!(states(&table.house, table.order).await, ["refunded"; 2]);
    });
}

/// The sum of refunds is read, then written: raced refunds exceed the capture.
fn refunds_race(store: Arc<dyn Store>) {
    let venue = Venue::with(Setup { store, ..Setup::default() });
    venue.bound(ORDER_82, ANNA);
    let id = "9a3b6d2e-0a64-4f3e-8f0f-5c1d9e2b7a10";
    let body = format!(
        r#"{{"orderId":"{ORDER_82}","walletId":"{}","bindingEpoch":1,"amountMinor":90000,
            "orderTotalMinor":165000,"paymentTypeId":"{DEPOSIT_TYPE}"}}"#,
        anna().account(Deposit)
    );
    assert_eq!(venue.pos(1, "PUT", &format!("/payments/{id}"), &body).status, 201);
    // Each of the 64 believes that what it saw before is still so.
    let refund = |nth: u32| {
        let before = i64::from(nth % 20) * 5_000;
        let refund = Uuid::from_u128(u128::from(nth) + (4 << 76) + (2 << 62));
        let body = format!(r#"{{"amountMinor":5000,"refundedBeforeMinor":{before},"reason":"r"}}"#);
        let path = format!("/payments/{id}/refunds/{refund}");
        let answer = venue.pos(1 + usize::try_from(nth % 2).unwrap(), "PUT", &path, &body);
        assert!(matches!(answer.status, 200 | 201 | 409), "{answer:?}");
    };
    for _ in 0..3 {
        std::thread::scope(|scope| {
            let raced: Vec<_> = (0..64).map(|nth| scope.spawn(move || refund(nth))).collect();
            raced.into_iter().for_each(|one| one.join().unwrap());
        });
        let back = venue.available(&anna(), Deposit) - (10_094_100 - 90_000);
        assert!((0..=90_000).contains(&back) && back % 5_000 == 0, "{back}");
        venue.holds();
    }
}

#[test]
fn hyperswitch_13182_64_raced_refunds() {
    refunds_race(Arc::new(MemoryStore::new()));
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig::new(folder.path().join("book.db"));
    refunds_race(Arc::new(SqliteStore::open(config).unwrap()));
}
