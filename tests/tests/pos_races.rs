//! Money under many connections at once: one id is one effect, no account is overdrawn.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Barrier;
use std::thread;

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::id::Uuid;
use tillway_testkit::builders::{all_three, anna, id, top_up};
use tillway_testkit::runtime::block_on;
use tillway_tests::pos::{Pay, Reserve, Seed, TOTAL, on_each_store, order};
use tillway_tests::venue::{Answer, NOON, ORDER_82, Venue, Wire, order_id};

const ANNA: &str = "149725735";
const FEDOR: &str = "20001";

/// Sends all requests at the same time, each over a connection of its own.
fn at_once<T: Sync, A: Send>(asks: &[T], ask: impl Fn(&T) -> A + Sync) -> Vec<A> {
    let start = Barrier::new(asks.len());
    thread::scope(|scope| {
        let threads: Vec<_> = asks
            .iter()
            .map(|one| {
                scope.spawn(|| {
                    start.wait();
                    ask(one)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[test]
fn b05_a_hundred_puts_of_one_id_are_one_debit() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        let pay = Pay::new(1, &anna(), Deposit, 90_000);
        let (path, body) = (format!("/pos/v1{}", pay.path()), pay.json().to_string());
        let address = venue.address(1);
        let hundred = [(); 100];
        let answers = at_once(&hundred, |()| {
            let mut wire = Wire::to(address);
            wire.ask("PUT", &path, &[("Authorization", "Bearer till-1-secret")], &body)
        });
        assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 99));
        for answer in &answers {
            assert_eq!(answer.state_of(answer.status), "captured");
            assert_eq!(answer.header("idempotent-replay").is_some(), answer.status == 200);
        }
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - 90_000);
        venue.holds();
    });
}

#[test]
fn b06_two_tills_race_for_the_money_of_one() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        for number in 0..20 {
            let orders = [order(100 + 2 * number), order(101 + 2 * number)];
            let pays: Vec<(usize, Pay)> = (1..)
                .zip(orders)
                .map(|(till, order)| {
                    let path = format!("/orders/{order}/checkin");
                    let body = format!(r#"{{"Value":"{FEDOR}","WaiterPin":"1"}}"#);
                    let mut wire = Wire::to(venue.address(till));
                    assert_eq!(wire.ask("POST", &path, &[], &body).status, 204);
                    let transaction = 2 * number + till as u64;
                    (till, Pay::new(transaction, &all_three(), Deposit, 100_000).on(order))
                })
                .collect();
            let answers = at_once(&pays, |(till, pay)| pay.put_from(&venue, *till));
            assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 1), "{answers:?}");
            let lost = answers.iter().find(|answer| answer.status == 409).unwrap();
            lost.refused(409, "insufficient_funds");
            assert_eq!(venue.available(&all_three(), Deposit), 0);
            venue.holds();
            for (till, pay) in pays {
                assert_eq!(pay.cancel(&venue, till).status, 200);
            }
            assert_eq!(venue.available(&all_three(), Deposit), 100_000);
        }
    });
}

/// Eight orders of one guest over both tills take random amounts, in ways that differ, until
/// nothing is left.
#[test]
fn b06_i3_random_races_never_overdraw() {
    on_each_store(|setup| {
        let mut seed = Seed::fresh();
        let venue = Venue::with(setup);
        for round in 0..25_u64 {
            let account = all_three().account(Deposit);
            let pays: Vec<(usize, bool, Pay)> = (0..8)
                .map(|n| {
                    let order = order(1_000 + 8 * round + n);
                    let till = if n % 2 == 0 { 1 } else { 2 };
                    let path = format!("/orders/{order}/checkin");
                    let body = format!(r#"{{"Value":"{FEDOR}","WaiterPin":"1"}}"#);
                    let mut wire = Wire::to(venue.address(till));
                    assert_eq!(wire.ask("POST", &path, &[], &body).status, 204);
                    let amount = i64::try_from(seed.below(60_000)).unwrap() + 1;
                    let pay = Pay::new(8 * round + n + 1, &all_three(), Deposit, amount);
                    (till, seed.below(4) == 0, pay.on(order))
                })
                .collect();
            let before = venue.available(&all_three(), Deposit);
            let answers = at_once(&pays, |(till, twice, pay)| {
                let answer = pay.put_from(&venue, *till);
                if *twice {
                    assert!(pay.put_from(&venue, *till).status != 201);
                }
                answer
            });
            let taken = pays.iter().zip(&answers).filter(|(_, answer)| answer.status == 201);
            let taken: i64 = taken.map(|((_, _, pay), _)| pay.amount).sum();
            for answer in answers.iter().filter(|answer| answer.status != 201) {
                answer.refused(409, "insufficient_funds");
            }
            let after = venue.available(&all_three(), Deposit);
            assert_eq!(after, before - taken, "round {round}");
            assert!(after >= 0, "round {round}");
            venue.holds();
            let more = vec![top_up(account, tillway_core::Kopecks(50_000), id(90_000 + round))];
            let commit = tillway_core::book::Commit::of(NOON, more);
            block_on(venue.store.commit(commit)).unwrap();
        }
    });
}

#[test]
fn pv6_many_payments_of_one_order_stay_within_its_total() {
    on_each_store(|setup| {
        let mut seed = Seed::fresh();
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        let pays: Vec<Pay> = (1..=40)
            .map(|n| {
                let kind = if n % 2 == 0 { Bonus } else { Deposit };
                Pay::new(n, &anna(), kind, i64::try_from(seed.below(20_000)).unwrap() + 1)
            })
            .collect();
        let answers = at_once(&pays, |pay| pay.put(&venue));
        let taken: i64 = pays
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.status == 201)
            .map(|(pay, _)| pay.amount)
            .sum();
        assert!(taken <= TOTAL, "{taken}");
        assert!(taken > TOTAL - 20_000, "{taken}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "over_total");
            let live = answer.json()["error"]["payments"].clone();
            let told: i64 =
                live.as_array().unwrap().iter().map(|p| p["amountMinor"].as_i64().unwrap()).sum();
            assert!(told <= TOTAL, "{told}");
        }
        venue.holds();
    });
}

#[test]
fn f1_a_cancel_races_its_payment_and_nobody_is_charged() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        for number in 1..=30 {
            let pay = Pay::new(number, &anna(), Deposit, 90_000);
            let answers =
                at_once(
                    &[true, false],
                    |put| {
                        if *put { pay.put(&venue) } else { pay.cancel(&venue, 2) }
                    },
                );
            match answers[0].status {
                201 => assert_eq!(answers[1].state_of(200), "cancelled"),
                _ => {
                    answers[0].refused(409, "transaction_cancelled");
                    assert_eq!(answers[1].state_of(200), "tombstoned");
                }
            }
            pay.put(&venue).refused(409, "transaction_cancelled");
            assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        }
        venue.holds();
    });
}

#[test]
fn f2_pv3_refunds_race_and_give_back_once() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, ANNA);
        for number in 1..=15 {
            let pay = Pay::new(number, &anna(), Deposit, 90_000);
            pay.taken(&venue);
            // The same refund four times, and four others that saw the same sum before.
            let amounts = [30_000, 30_000, 30_000, 30_000, 40_000, 50_000, 60_000, 90_000];
            let answers = at_once(&amounts, |amount| pay.refund(&venue, 0, *amount));
            assert_eq!(count(&answers, 201), 1, "{answers:?}");
            for answer in answers.iter().filter(|answer| answer.status == 409) {
                answer.refused(409, "refund_sequence");
            }
            let first = answers.iter().position(|answer| answer.status == 201).unwrap();
            let left = 90_000 - amounts[first];
            assert_eq!(venue.available(&anna(), Deposit), 10_094_100 - left);
            if left > 0 {
                assert_eq!(pay.refund(&venue, amounts[first], left).state_of(201), "refunded");
            }
        }
        assert_eq!(venue.available(&anna(), Deposit), 10_094_100);
        venue.holds();
    });
}

#[test]
fn pv5_reservations_race_and_one_holds() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, FEDOR);
        let asks: Vec<Reserve> =
            (1..=10).map(|key| Reserve::new(key, &all_three(), Deposit, 20_000)).collect();
        let answers = at_once(&asks, |ask| ask.post(&venue));
        assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 9));
        for answer in answers.iter().filter(|answer| answer.status == 409) {
            answer.refused(409, "hold_exists");
        }
        assert_eq!(venue.available(&all_three(), Deposit), 80_000);
        venue.holds();
    });
}

#[test]
fn pv4_deposit_and_credit_race_for_one_order() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        for number in 0..20 {
            let order = order(200 + number);
            venue.bound(&order.to_string(), FEDOR);
            let pays = [
                Pay::new(1_000 + number, &all_three(), Deposit, 1_000).on(order),
                Pay::new(2_000 + number, &all_three(), Credit, 1_000).on(order),
            ];
            let answers = at_once(&pays, |pay| pay.put(&venue));
            assert_eq!(count(&answers, 201), 1, "{answers:?}");
            let lost = answers.iter().find(|answer| answer.status != 201).unwrap();
            lost.refused(409, "mixed_money_accounts");
        }
        venue.holds();
    });
}

#[test]
fn f1_one_hold_is_captured_by_one_of_many_payments() {
    on_each_store(|setup| {
        let venue = Venue::with(setup);
        venue.bound(ORDER_82, FEDOR);
        let held = Reserve::new(1, &all_three(), Deposit, 50_000).held(&venue);
        let pays: Vec<Pay> = (1..=10)
            .map(|n| {
                let pay = Pay::new(n, &all_three(), Deposit, 5_000);
                Pay { reservation: Some(held.clone()), ..pay }
            })
            .collect();
        let answers = at_once(&pays, |pay| pay.put(&venue));
        assert_eq!(count(&answers, 201), 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "already_captured");
        }
        assert_eq!(venue.available(&all_three(), Deposit), 95_000);
        venue.holds();
    });
}

/// A connection carries many requests one after another, and what one says does not reach the
/// next.
#[test]
fn b01_one_connection_carries_many_payments() {
    let venue = Venue::open();
    venue.bound(ORDER_82, ANNA);
    let mut wire = venue.connect();
    let bearer = [("Authorization", "Bearer till-1-secret")];
    for number in 1..=50 {
        let pay = Pay::new(number, &anna(), Bonus, 100);
        let path = format!("/pos/v1{}", pay.path());
        let body = pay.json().to_string();
        assert_eq!(wire.ask("PUT", &path, &bearer, &body).state_of(201), "captured");
        let bad = format!("/pos/v1/payments/{}", Uuid::from_u128(u128::from(number) << 64));
        assert_eq!(wire.ask("GET", &bad, &bearer, "").code(), "unknown_transaction");
        wire.ask("PUT", &path, &bearer, "{").denied(400, "bad_json");
        assert_eq!(wire.ask("GET", &path, &bearer, "").state_of(200), "captured");
    }
    let sheet = venue.sheet(order_id(ORDER_82));
    assert_eq!(sheet["payments"].as_array().map(Vec::len), Some(50));
    assert_eq!(venue.available(&anna(), Bonus), 8_486_500 - 5_000);
    venue.holds();
}
