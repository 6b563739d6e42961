//! Waiter and the payment API where points are at a loyalty processing (money rules F10, F11, F28),
//! over each store.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tillway_core::AccountKind::{Bonus, Deposit};
use tillway_core::Kopecks;
use tillway_core::book::{Status, StreamKind};
use tillway_core::id::Uuid;
use tillway_core::port::processing::{
    Capabilities, Class, Kind, Operation, Outcome, SealError, Sealed,
};
use tillway_core::port::{LoyaltyProcessing, Query};
use tillway_memory::{Duplicates, Member, MemoryProcessing, ProcessingMishap, Programme};
use tillway_testkit::builders::anna;
use tillway_testkit::runtime::block_on;
use tillway_tests::points::{CARD, pay, processing, settle, tell_lines, wallet, with};
use tillway_tests::pos::{Pay, Reserve, on_each_store};
use tillway_tests::venue::{ORDER_82, Setup, Venue, order_id};

const ANNA: &str = "149725735";

/// Runs a test over each store, with Anna at the table and 250.00 points at the processing.
fn at_the_table(test: impl Fn(&Venue, &MemoryProcessing)) {
    on_each_store(|setup| {
        let processing = processing(25_000);
        let venue = with(Arc::new(processing.clone()), setup);
        venue.bound(ORDER_82, ANNA);
        tell_lines(&venue);
        test(&venue, &processing);
        venue.holds();
    });
}

fn kinds(processing: &MemoryProcessing) -> Vec<Kind> {
    processing
        .done()
        .into_iter()
        .map(|(_, kind)| kind)
        .filter(|kind| *kind != Kind::Available)
        .collect()
}

fn reserved(processing: &MemoryProcessing) -> i64 {
    processing.reserved(CARD).unwrap().0
}

fn balance(processing: &MemoryProcessing) -> i64 {
    processing.balance(CARD).unwrap().0
}

/// What the book has on the points wallet: nothing, but while a payment is on its way.
fn booked(venue: &Venue) -> i64 {
    let account = block_on(venue.store.account(wallet())).unwrap().unwrap();
    assert_eq!(account.held, Kopecks::ZERO, "{account:?}");
    account.balance.0
}

#[test]
fn f10_points_are_shown_beside_the_deposit() {
    on_each_store(|setup| {
        let processing = processing(25_000);
        let venue = with(Arc::new(processing.clone()), setup);
        venue.bound(ORDER_82, ANNA);
        let shown = venue.loyalty(ORDER_82).json()["UserWallets"].clone();
        let deposit = anna().account(Deposit).to_string();
        let expected = json!([
            {"Id": wallet().to_string(), "Name": "Баллы", "Balance": 250},
            {"Id": deposit, "Name": "Депозит", "Balance": 100_941},
        ]);
        assert_eq!(shown, expected, "no local points, and those of the processing first");
        venue.holds();
    });
}

/// F11: without lines the processing cannot say how much may be taken.
#[test]
fn f11_without_lines_no_points_may_be_paid() {
    on_each_store(|setup| {
        let processing = processing(60_000);
        let venue = with(Arc::new(processing.clone()), setup);
        venue.bound(ORDER_82, ANNA);
        venue.has_limits(ORDER_82, "0", "100941");
        let refused = pay(1, 100).put(&venue);
        refused.refused(409, "insufficient_funds");
        assert_eq!(refused.json()["error"]["limitMinor"], 0);
        tell_lines(&venue);
        // 30 % of 1 650.00.
        venue.has_limits(ORDER_82, "495", "100941");
        assert_eq!(venue.wallet(order_id(ORDER_82), Bonus)["limitMinor"], 49_500);
        // A higher attempt is judged anew.
        let again = Pay { attempt: 2, ..pay(1, 49_500) };
        again.taken(&venue);
        venue.has_limits(ORDER_82, "0", "100941");
        assert_eq!(reserved(&processing), 49_500);
        venue.holds();
    });
}

#[test]
fn f10_points_are_reserved_by_the_capture_and_move_when_the_order_is_closed() {
    at_the_table(|venue, processing| {
        let pay = pay(1, 10_000);
        let taken = pay.taken(venue);
        assert_eq!(taken.minor("availableAfterMinor"), 15_000);
        assert_eq!((reserved(processing), balance(processing)), (10_000, 25_000));
        assert_eq!(kinds(processing), [Kind::Calculate, Kind::Pay]);
        let purchase = &processing.unfinished()[0];
        assert_eq!(purchase.as_str(), pay.id.simple().to_string());
        pay.put(venue).replays();
        assert_eq!(pay.acknowledge(venue).status, 204);
        settle(venue);
        assert_eq!(kinds(processing), [Kind::Calculate, Kind::Pay]);
        for _ in 0..2 {
            assert_eq!(venue.close(order_id(ORDER_82), &[&pay]).status, 204);
            settle(venue);
        }
        let all = [Kind::Calculate, Kind::Pay, Kind::Accrue, Kind::Confirm];
        assert_eq!(kinds(processing), all);
        // 5 % of what was not paid with points, line by line.
        assert_eq!(balance(processing), 25_000 - 10_000 + 7_750);
        assert_eq!((processing.unfinished(), booked(venue)), (Vec::new(), 0));
    });
}

#[test]
fn f10_an_emergency_cancel_cancels_the_purchase() {
    at_the_table(|venue, processing| {
        let pay = pay(1, 10_000);
        pay.taken(venue);
        processing.link(false);
        for till in [1, 2] {
            assert_eq!(pay.cancel(venue, till).state_of(200), "cancelled");
            settle(venue);
        }
        assert_eq!(reserved(processing), 10_000, "the cancel waits for the link");
        processing.link(true);
        venue.clock.advance(Duration::from_secs(300));
        settle(venue);
        assert_eq!((reserved(processing), processing.unfinished()), (0, Vec::new()));
        assert_eq!(kinds(processing), [Kind::Calculate, Kind::Pay, Kind::Cancel]);
        assert_eq!((balance(processing), booked(venue)), (25_000, 0));
        pay.put(venue).refused(409, "transaction_cancelled");
        // And under another transaction they are paid again.
        self::pay(2, 10_000).taken(venue);
    });
}

/// Whatever is lost on the way to the processing and back, nobody is charged.
#[test]
fn f10_no_answer_is_504_and_cancelled() {
    use ProcessingMishap::{LostAnswer, LostRequest, NoLink};
    for mishap in [LostRequest, LostAnswer, NoLink] {
        for good in 0..2 {
            at_the_table(|venue, processing| {
                let pay = pay(1, 10_000);
                let fine = ProcessingMishap::Forgotten(Uuid::nil().into());
                (0..good).for_each(|_| processing.befall(fine.clone()));
                processing.befall(mishap.clone());
                pay.put(venue).denied(504, "processing_timeout");
                assert_eq!(pay.state(venue), "tombstoned", "{mishap:?} {good}");
                pay.put(venue).refused(409, "transaction_cancelled");
                settle(venue);
                assert_eq!((reserved(processing), processing.unfinished()), (0, Vec::new()));
                assert_eq!((balance(processing), booked(venue)), (25_000, 0));
                assert_eq!(pay.cancel(venue, 1).state_of(200), "tombstoned");
                self::pay(2, 10_000).taken(venue);
            });
        }
    }
}

#[test]
fn f10_a_refusal_of_the_processing_is_stored() {
    at_the_table(|venue, processing| {
        let greedy = pay(1, 25_001);
        for _ in 0..2 {
            let refused = greedy.put(venue);
            refused.refused(409, "insufficient_funds");
            assert_eq!(refused.json()["error"]["limitMinor"], 25_000);
        }
        settle(venue);
        assert_eq!((reserved(processing), processing.unfinished()), (0, Vec::new()));
        for (number, class, status, code) in [
            (2, Class::UnknownGuest, 404, "unknown_wallet"),
            (3, Class::CardBlocked, 409, "account_blocked"),
            (4, Class::NoPoints, 409, "insufficient_funds"),
        ] {
            processing.befall(ProcessingMishap::Refused(class));
            pay(number, 100).put(venue).refused(status, code);
            pay(number, 100).put(venue).refused(status, code);
            assert_eq!(pay(number, 100).state(venue), "refused");
        }
        assert_eq!((booked(venue), reserved(processing)), (0, 0));
        pay(5, 25_000).taken(venue);
    });
}

/// F28: one order, one kind of points, once.
#[test]
fn f28_local_points_and_those_of_the_processing_never_meet() {
    at_the_table(|venue, processing| {
        let local = Pay::new(1, &anna(), Bonus, 100);
        local.put(venue).refused(404, "unknown_wallet");
        Reserve::new(2, &anna(), Bonus, 100).post(venue).refused(404, "unknown_wallet");
        pay(3, 5_000).taken(venue);
        pay(4, 5_000).put(venue).refused(409, "insufficient_funds");
        assert_eq!(reserved(processing), 5_000);
        // The rest by deposit, and together never more than the order.
        Pay::new(5, &anna(), Deposit, 160_001).put(venue).refused(409, "over_total");
        Pay::new(6, &anna(), Deposit, 160_000).taken(venue);
    });
}

/// Points are taken or left; nothing is set aside.
#[test]
fn f10_points_of_the_processing_are_not_reserved() {
    at_the_table(|venue, processing| {
        let terms = pay(1, 10_000);
        let reserve = Reserve { terms, ..Reserve::new(1, &anna(), Bonus, 10_000) };
        reserve.post(venue).refused(409, "insufficient_funds");
        assert_eq!((reserved(processing), booked(venue)), (0, 0));
    });
}

/// What the book refuses after the points were reserved is given back at the processing.
#[test]
fn f10_a_payment_over_the_total_gives_the_points_back() {
    at_the_table(|venue, processing| {
        Pay::new(1, &anna(), Deposit, 160_000).taken(venue);
        pay(2, 5_001).put(venue).refused(409, "over_total");
        settle(venue);
        assert_eq!((reserved(processing), processing.unfinished()), (0, Vec::new()));
        assert_eq!(booked(venue), 0);
        pay(3, 5_000).taken(venue);
    });
}

#[test]
fn f10_points_go_back_through_the_processing() {
    at_the_table(|venue, processing| {
        let pay = pay(1, 10_000);
        pay.taken(venue);
        assert_eq!(venue.close(order_id(ORDER_82), &[&pay]).status, 204);
        settle(venue);
        assert_eq!(balance(processing), 22_750);
        // In parts, and no matter how they are cut, all of it comes back and the accrual goes.
        for (before, amount) in [(0, 3_333), (3_333, 1), (3_334, 6_666)] {
            let given = pay.refund(venue, before, amount);
            assert_eq!(given.status, 201, "{given:?}");
            pay.refund(venue, before, amount).replays();
            settle(venue);
        }
        assert_eq!(pay.state(venue), "refunded");
        assert_eq!((balance(processing), processing.unfinished()), (25_000, Vec::new()));
        assert_eq!(booked(venue), 0);
    });
}

/// A whole refund before the close is no sale at all; one in parts waits for the close.
#[test]
fn f10_a_refund_before_the_close() {
    at_the_table(|venue, processing| {
        let pay = pay(1, 10_000);
        pay.taken(venue);
        assert_eq!(pay.refund(venue, 0, 10_000).status, 201);
        settle(venue);
        assert_eq!((reserved(processing), processing.unfinished()), (0, Vec::new()));
        let other = self::pay(2, 10_000);
        other.taken(venue);
        assert_eq!(other.refund(venue, 0, 4_000).status, 201);
        settle(venue);
        assert_eq!(reserved(processing), 10_000);
        assert_eq!(venue.close(order_id(ORDER_82), &[&other]).status, 204);
        settle(venue);
        venue.clock.advance(Duration::from_secs(600));
        settle(venue);
        assert_eq!(processing.unfinished(), []);
        // 60.00 stay paid; what was earned on the part that went back goes with it.
        assert_eq!((balance(processing), booked(venue)), (25_000 - 6_000 + 7_750 - 3_100, 0));
    });
}

/// All of it went back in parts before the close, so iiko lists nothing.
#[test]
fn f10_parts_that_are_all_of_it_go_back_at_the_close() {
    at_the_table(|venue, processing| {
        let pay = pay(1, 10_000);
        pay.taken(venue);
        for (before, amount) in [(0, 4_000), (4_000, 6_000)] {
            assert_eq!(pay.refund(venue, before, amount).status, 201);
        }
        assert_eq!(venue.close(order_id(ORDER_82), &[]).status, 204);
        for _ in 0..2 {
            settle(venue);
            venue.clock.advance(Duration::from_secs(600));
        }
        settle(venue);
        assert_eq!((balance(processing), processing.unfinished()), (25_000, Vec::new()));
        assert_eq!(booked(venue), 0);
    });
}

/// iiko closed the order without the payment: it stays reserved, and a person decides.
#[test]
fn f10_points_that_iiko_does_not_know_wait_for_a_person() {
    at_the_table(|venue, processing| {
        let pay = pay(1, 10_000);
        pay.taken(venue);
        assert_eq!(venue.close(order_id(ORDER_82), &[]).status, 204);
        settle(venue);
        assert_eq!((kinds(processing).len(), reserved(processing)), (2, 10_000));
        venue.clock.advance(Duration::from_secs(48 * 3_600));
        settle(venue);
        let query = Query { kind: Some(StreamKind::Purchase), ..Query::default() };
        let heads = block_on(venue.store.heads(&query, None, 10)).unwrap();
        assert_eq!(heads.len(), 1);
        assert_eq!(heads[0].head.status, Status::NeedsPerson);
        assert_eq!(pay.cancel(venue, 1).state_of(200), "cancelled");
        settle(venue);
        assert_eq!((reserved(processing), processing.unfinished()), (0, Vec::new()));
    });
}

/// What is told when the order is closed is told until it is answered, whatever gets lost.
#[test]
fn f10_what_is_told_at_the_close_is_told_once() {
    for duplicates in [Duplicates::Replay, Duplicates::Reject] {
        for mishap in [ProcessingMishap::LostRequest, ProcessingMishap::LostAnswer] {
            let programme = Programme { discount: 0, duplicates, ..Programme::default() };
            let processing = MemoryProcessing::new(programme);
            let shows = vec![CARD.into()];
            processing.join(Member { shows, points: Kopecks(25_000), ..Member::default() });
            let venue = with(Arc::new(processing.clone()), Setup::default());
            venue.bound(ORDER_82, ANNA);
            tell_lines(&venue);
            let pay = pay(1, 10_000);
            pay.taken(&venue);
            assert_eq!(venue.close(order_id(ORDER_82), &[&pay]).status, 204);
            for _ in 0..6 {
                processing.befall(mishap.clone());
                settle(&venue);
                venue.clock.advance(Duration::from_secs(300));
            }
            processing.mend();
            settle(&venue);
            assert_eq!((balance(&processing), processing.unfinished()), (22_750, Vec::new()));
            venue.holds();
        }
    }
}

/// A processing that never answers when it is asked for points.
#[derive(Debug)]
struct Silent(MemoryProcessing);

#[async_trait]
impl LoyaltyProcessing for Silent {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn seal(&self, operation: &Operation) -> Result<Sealed, SealError> {
        self.0.seal(operation)
    }

    async fn send(&self, message: &Sealed) -> Outcome {
        let outcome = self.0.send(message).await;
        match message.kind {
            Kind::Pay | Kind::Available => std::future::pending().await,
            _ => outcome,
        }
    }
}

#[test]
fn f10_a_processing_that_hangs_is_waited_for_so_long() {
    let processing = processing(25_000);
    let venue = with(Arc::new(Silent(processing.clone())), Setup::default());
    venue.bound(ORDER_82, ANNA);
    tell_lines(&venue);
    std::thread::scope(|scope| {
        let limits = scope.spawn(|| venue.has_limits(ORDER_82, "0", "100941"));
        venue.pass(Duration::from_millis(1_500));
        limits.join().unwrap();
        let answer = scope.spawn(|| pay(1, 10_000).put(&venue));
        venue.pass(Duration::from_secs(8));
        answer.join().unwrap().denied(504, "processing_timeout");
    });
    assert_eq!(reserved(&processing), 10_000);
    settle(&venue);
    assert_eq!((reserved(&processing), pay(1, 10_000).state(&venue)), (0, "tombstoned".into()));
    venue.holds();
}
