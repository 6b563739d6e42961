//! Reservations: what they guarantee, and how they end.

use core::time::Duration;

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::account::Parts;
use tillway_core::book::{
    Expiry, Hold, HoldState, OVERDUE_MAX, Op, OrderRules, Outcome, Refusal, Verdict,
};
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId};
use tillway_core::port::{AccountBook, Store};
use tillway_core::{AccountStatus, Kopecks};

use crate::builders::{
    Pay, Persona, Reserve, all_three, anna, at, cancel, id, nameless, refund, top_up,
};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

const ORDER: OrderId = OrderId(tillway_core::id::Uuid::from_u128(82));

async fn deposit_bound(g: &Ground) -> Result<(Persona, AccountId), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    g.bind(ORDER, &guest).await?;
    let deposit = guest.account(Deposit);
    Ok((guest, deposit))
}

fn void(number: u64) -> Op {
    Op::Void { hold: HoldId(id(number)) }
}

fn expire(number: u64) -> Op {
    Op::Expire { hold: HoldId(id(number)) }
}

fn with_hold(number: u64, hold: u64, account: AccountId, amount: i64) -> Pay {
    Pay { hold: Some(HoldId(id(hold))), ..Pay::new(number, ORDER, account, amount) }
}

fn terms(account: AccountId, overdraft: Option<i64>, status: Option<AccountStatus>) -> Op {
    Op::SetTerms { account, overdraft: overdraft.map(Kopecks), status }
}

/// PV1: two holds that fit one by one but not together: the second is refused.
pub async fn pv1_holds_count_at_once(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    let other = OrderId(id(83));
    g.bind(other, &guest).await?;
    let limit = Kopecks(40_000);
    let second = Reserve::new(2, other, deposit, 60_000).commit(at(1));
    same(g.refused(second).await?, Refusal::InsufficientFunds { limit })?;
    g.reserve(&Reserve::new(3, other, deposit, 40_000)).await?;
    same(g.available(deposit).await?, Kopecks::ZERO)?;
    // Each order has its own, also within one commit.
    let hold = |number, order| Reserve::new(number, order, guest.account(Bonus), 1).op();
    g.ops(vec![hold(4, ORDER), hold(5, other)]).await?;
    // What is held of a limit counts as well.
    let (third, credit) = (OrderId(id(84)), guest.account(Credit));
    g.bind(third, &guest).await?;
    g.reserve(&Reserve::new(6, third, credit, 300_000)).await?;
    same(g.available(credit).await?, Kopecks(200_000))
}

/// PV1: a payment without a reservation cannot take what is held.
pub async fn pv1_payment_leaves_holds_alone(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    let limit = Kopecks(40_000);
    let refused = g.refused(Pay::new(2, ORDER, deposit, 40_001).commit(at(1))).await?;
    same(refused, Refusal::InsufficientFunds { limit })?;
    g.pay(&Pay::new(3, ORDER, deposit, 40_000)).await?;
    g.pay(&with_hold(4, 1, deposit, 60_000)).await?;
    same(g.account(deposit).await?.balance, Kopecks::ZERO)
}

/// PV1, B06: a limited wallet drawn by many at once never gives more than it has.
pub async fn pv1_raced_draws_stay_within_the_limit(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    let draws = (1..=24).map(|n| Pay::new(n, ORDER, deposit, 30_000).commit(at(1))).collect();
    let answers = g.race(draws).await?;
    let done = |v: &tillway_core::book::Verdict| matches!(v, tillway_core::book::Verdict::Done(_));
    same(answers.iter().filter(|answer| done(&answer.verdict)).count(), 3)?;
    same(g.account(deposit).await?.balance, Kopecks(10_000))
}

/// PV2, B14: a capture takes at most what was reserved; the rest is free again.
pub async fn pv2_capture_stays_within_its_hold(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    let reserved = Kopecks(60_000);
    let more = g.refused(with_hold(2, 1, deposit, 60_001).commit(at(1))).await?;
    same(more, Refusal::ExceedsReservation { reserved })?;
    g.pay(&with_hold(3, 1, deposit, 50_000)).await?;
    same(g.account(deposit).await?.held, Kopecks::ZERO)?;
    same(g.available(deposit).await?, Kopecks(50_000))
}

/// PV2: a reservation of another order or account is not the payment's to use.
pub async fn pv2_hold_belongs_to_its_order(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    let other = OrderId(id(83));
    g.bind(other, &guest).await?;
    g.reserve(&Reserve::new(1, other, deposit, 60_000)).await?;
    g.reserve(&Reserve::new(5, ORDER, deposit, 100)).await?;
    let foreign = [
        with_hold(2, 1, deposit, 100),
        with_hold(3, 1, guest.account(Bonus), 100),
        with_hold(4, 9, deposit, 100),
        with_hold(6, 5, guest.account(Bonus), 100),
    ];
    for pay in foreign {
        same(g.refused(pay.commit(at(1))).await?, Refusal::UnknownReservation)?;
    }
    Ok(())
}

/// PV5: an order has at most one live hold on a wallet.
pub async fn pv5_one_live_hold_per_wallet(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 100)).await?;
    let again = g.refused(Reserve::new(2, ORDER, deposit, 100).commit(at(1))).await?;
    same(again, Refusal::HoldExists { hold: HoldId(id(1)) })?;
    g.reserve(&Reserve::new(3, ORDER, guest.account(Bonus), 100)).await?;
    Ok(())
}

/// PV5: a new amount replaces the old hold in one step, or leaves it as it was; what is not a hold
/// of this wallet, or became a payment, cannot be replaced.
pub async fn pv5_supersedes_swaps_at_once(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    let swap = |number, old, amount| Reserve {
        supersedes: Some(HoldId(id(old))),
        ..Reserve::new(number, ORDER, deposit, amount)
    };
    let elsewhere = OrderId(id(83));
    g.bind(elsewhere, &guest).await?;
    g.reserve(&Reserve::new(9, elsewhere, deposit, 100)).await?;
    let of_another = g.refused(swap(10, 9, 100).commit(at(1))).await?;
    same(of_another, Refusal::UnknownReservation)?;
    g.ops(vec![void(9)]).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    let limit = Kopecks(100_000);
    let too_much = g.refused(swap(2, 1, 100_001).commit(at(1))).await?;
    same(too_much, Refusal::InsufficientFunds { limit })?;
    same(g.hold_state(1).await?, HoldState::Held)?;
    g.reserve(&swap(3, 1, 100_000)).await?;
    same(g.hold_state(1).await?, HoldState::Voided)?;
    same(g.account(deposit).await?.held, Kopecks(100_000))?;
    let unknown = g.refused(swap(4, 404, 100).commit(at(1))).await?;
    same(unknown, Refusal::UnknownReservation)?;
    g.reserve(&Reserve::new(5, ORDER, guest.account(Bonus), 100)).await?;
    let of_another = g.refused(swap(6, 5, 100).commit(at(1))).await?;
    same(of_another, Refusal::UnknownReservation)?;
    g.pay(&with_hold(7, 3, deposit, 100_000)).await?;
    let captured = g.refused(swap(8, 3, 100).commit(at(1))).await?;
    same(captured, Refusal::AlreadyCaptured)
}

/// PV7, I8: a void twice is one void; a hold that was captured is not voided, nor the other way.
pub async fn i8_hold_ends_once(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    for _ in 0..2 {
        g.ops(vec![void(1)]).await?;
        same(g.available(deposit).await?, Kopecks(100_000))?;
    }
    let late = g.refused(with_hold(2, 1, deposit, 100).commit(at(1))).await?;
    same(late, Refusal::ReservationVoided)?;
    g.reserve(&Reserve::new(3, ORDER, guest.account(Bonus), 100)).await?;
    g.pay(&with_hold(4, 3, guest.account(Bonus), 100)).await?;
    let void_late = tillway_core::book::Commit::of(at(1), vec![void(3)]);
    same(g.refused(void_late).await?, Refusal::AlreadyCaptured)?;
    let twice = g.refused(with_hold(5, 3, guest.account(Bonus), 100).commit(at(1))).await?;
    same(twice, Refusal::AlreadyCaptured)?;
    g.done(tillway_core::book::Commit::of(at(9_999), vec![expire(1), expire(3), expire(9)]))
        .await?;
    same(g.hold_state(3).await?, HoldState::Captured(PaymentId(id(4))))
}

/// F13: a hold whose payment was cancelled stands for nothing: the item that carries it may be
/// deleted, held again for another amount, or paid anew with every check.
pub async fn f13_hold_of_a_cancelled_payment_stands_for_nothing(
    g: &mut Ground,
) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    g.pay(&with_hold(2, 1, deposit, 60_000)).await?;
    g.ops(vec![cancel(2, ORDER)]).await?;
    match g.ops(vec![void(1)]).await?.as_slice() {
        [Outcome::Hold(hold)] => same(hold.state, HoldState::Voided)?,
        other => return Err(Failure::new(format!("{other:?}"))),
    }
    let supersedes = Some(HoldId(id(1)));
    g.reserve(&Reserve { supersedes, ..Reserve::new(5, ORDER, deposit, 100) }).await?;
    g.ops(vec![void(5)]).await?;
    let limit = Kopecks(100_000);
    let anew = g.refused(with_hold(3, 1, deposit, 100_001).commit(at(1))).await?;
    same(anew, Refusal::InsufficientFunds { limit })?;
    g.pay(&with_hold(4, 1, deposit, 60_000)).await?;
    same(g.hold_state(1).await?, HoldState::Captured(PaymentId(id(2))))?;
    same(g.available(deposit).await?, Kopecks(40_000))
}

/// I8: capture, void and lapse of one hold at once: one of them wins.
pub async fn i8_raced_ends_have_one_winner(g: &mut Ground) -> Result<(), Failure> {
    use tillway_core::book::Commit;
    let (_, deposit) = deposit_bound(g).await?;
    for round in 0..8 {
        let (hold, pay) = (100 + round, 200 + round);
        g.reserve(&Reserve::new(hold, ORDER, deposit, 100)).await?;
        let ends = vec![
            with_hold(pay, hold, deposit, 100).commit(at(1_900)),
            Commit::of(at(1_900), vec![void(hold)]),
            Commit::of(at(1_900), vec![expire(hold)]),
        ];
        g.race(ends).await?;
        check(g.hold_state(hold).await? != HoldState::Held, "somebody ended it")?;
    }
    same(g.account(deposit).await?.held, Kopecks::ZERO)
}

/// I8: a hold that was refused was never made.
pub async fn i8_refused_hold_is_not_there(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    g.refused(Reserve::new(1, ORDER, deposit, 100_001).commit(at(1))).await?;
    same(g.store().hold(HoldId(id(1))).await?, None)?;
    let captured = g.refused(with_hold(2, 1, deposit, 100).commit(at(1))).await?;
    same(captured, Refusal::UnknownReservation)
}

/// I5: a hold with the same id and terms is done already, without a key too; with other terms it
/// is a conflict.
pub async fn i5_hold_is_its_own_key(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    let held = Reserve::new(1, ORDER, deposit, 100);
    let bare = |reserve: &Reserve| tillway_core::book::Commit::of(at(1), vec![reserve.op()]);
    for _ in 0..2 {
        g.done(bare(&held)).await?;
        same(g.account(deposit).await?.held, Kopecks(100))?;
    }
    let others = [
        Reserve { amount: Kopecks(101), ..held.clone() },
        Reserve { order: OrderId(id(83)), ..held.clone() },
        Reserve { account: guest.account(Bonus), ..held },
    ];
    for other in others {
        same(g.conflict(bare(&other)).await?, tillway_core::port::CommitError::KeyConflict)?;
    }
    Ok(())
}

/// F13, PV9: a hold lapses at its time and not before; one that a flow owns never does.
pub async fn f13_hold_lapses_at_its_time(g: &mut Ground) -> Result<(), Failure> {
    use tillway_core::book::Commit;
    let (guest, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 100)).await?;
    let owned =
        Reserve { expiry: Expiry::WithOwner, ..Reserve::new(2, ORDER, guest.account(Bonus), 100) };
    g.reserve(&owned).await?;
    let both = vec![expire(1), expire(2)];
    g.done(Commit::of(at(1_799), both.clone())).await?;
    same(g.hold_state(1).await?, HoldState::Held)?;
    g.done(Commit::of(at(1_800), both)).await?;
    same(g.hold_state(1).await?, HoldState::Expired)?;
    same(g.hold_state(2).await?, HoldState::Held)?;
    same(g.account(deposit).await?.held, Kopecks::ZERO)
}

/// F13: what an overdue hold kept is free for the next debit, without waiting for a sweep.
pub async fn f13_overdue_hold_stands_in_nobodys_way(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    g.refused(Pay::new(2, ORDER, deposit, 50_000).commit(at(1_799))).await?;
    g.done(Pay::new(3, ORDER, deposit, 50_000).commit(at(1_800))).await?;
    same(g.hold_state(1).await?, HoldState::Expired)
}

/// F13: more overdue holds than one commit lapses. It is told to come again, and nothing remembers
/// it; some have lapsed each time, until it is judged.
pub async fn f13_crowd_of_overdue_holds_lapses_by_and_by(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    let crowd = 1..=2 * OVERDUE_MAX as u64 + 8;
    for number in crowd.clone() {
        let (id, order) = (HoldId(id(number)), OrderId(id(1_000 + number)));
        let (amount, expiry) = (Kopecks(2_500), Expiry::At(at(10 + number)));
        let supersedes = None;
        g.ops(vec![Op::Hold { id, order, account: deposit, amount, expiry, supersedes }]).await?;
    }
    let pay = Pay::new(900, ORDER, deposit, 100_000).commit(at(1_800));
    let mut told: u64 = 0;
    loop {
        let committed = g.store().commit(pay.clone()).await?;
        if committed.verdict != Verdict::Refused(Refusal::HoldsOverdue) {
            check(matches!(committed.verdict, Verdict::Done(_)), "judged in the end")?;
            check(!committed.replayed, "for the first time")?;
            break;
        }
        check(g.store().payment(PaymentId(id(900))).await?.is_none(), "nothing remembers it")?;
        told += 1;
        check(told <= *crowd.end(), "some lapse each time")?;
    }
    check(told > 0, "a commit lapses a few")?;
    for number in crowd {
        same(g.hold_state(number).await?, HoldState::Expired)?;
    }
    check(matches!(g.replayed(pay).await?, Verdict::Done(_)), "its repeat is one")
}

/// F13: capture of a lapsed hold is a new capture, and is made when the money is there.
pub async fn f13_capture_after_lapse_is_a_new_one(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    g.done(with_hold(2, 1, deposit, 70_000).commit(at(1_800))).await?;
    same(g.hold_state(1).await?, HoldState::Expired)?;
    let capture = g.payment(2).await?.capture().cloned();
    same(capture.and_then(|capture| capture.hold), None)?;
    same(g.account(deposit).await?.balance, Kopecks(30_000))
}

/// F13, B13: a hold lapsed, another order spent the money, the capture is refused.
pub async fn f13_b13_capture_after_lapse_needs_money(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 60_000)).await?;
    let other = OrderId(id(83));
    g.bind(other, &guest).await?;
    g.done(Pay::new(2, other, deposit, 90_000).commit(at(1_800))).await?;
    let limit = Kopecks(10_000);
    let refused = g.refused(with_hold(3, 1, deposit, 60_000).commit(at(1_801))).await?;
    same(refused, Refusal::InsufficientFunds { limit })
}

/// F13: a lapsed hold guarantees nothing, however many lapsed before it.
pub async fn f13_lapsed_hold_guarantees_nothing(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let deposit = guest.account(Deposit);
    for number in 1..=20 {
        let order = OrderId(id(number));
        g.bind(order, &guest).await?;
        let expiry = Expiry::At(at(1_000 + number));
        g.reserve(&Reserve { expiry, ..Reserve::new(number, order, deposit, 100) }).await?;
    }
    g.ops(vec![terms(deposit, None, Some(AccountStatus::Blocked))]).await?;
    let last = Pay { hold: Some(HoldId(id(20))), ..Pay::new(99, OrderId(id(20)), deposit, 100) };
    same(g.refused(last.commit(at(5_000))).await?, Refusal::AccountBlocked)
}

/// Overdue holds are listed, in any order, no more than asked for; what is not due or ended is not.
pub async fn overdue_lists_what_is_due(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    for number in [3, 1, 4, 2] {
        let order = OrderId(id(number));
        g.bind(order, &guest).await?;
        let expiry = Expiry::At(at(1_000 + number));
        let deposit = guest.account(Deposit);
        g.reserve(&Reserve { expiry, ..Reserve::new(number, order, deposit, 100) }).await?;
    }
    let due = async |g: &Ground, second, limit| -> Result<Vec<HoldId>, Failure> {
        let mut due = g.store().overdue(at(second), limit).await?;
        due.sort_unstable();
        Ok(due)
    };
    let ids = |numbers: &[u64]| numbers.iter().map(|n| HoldId(id(*n))).collect::<Vec<_>>();
    same(due(g, 1_000, 10).await?, ids(&[]))?;
    same(due(g, 1_003, 10).await?, ids(&[1, 2, 3]))?;
    let two = due(g, 9_999, 2).await?;
    check(two.len() == 2, "no more than asked for")?;
    check(two.iter().all(|hold| ids(&[1, 2, 3, 4]).contains(hold)), "those that are due")?;
    g.ops(vec![void(1)]).await?;
    same(due(g, 9_999, 10).await?, ids(&[2, 3, 4]))
}

/// F14: blocking and a lowered overdraft never defeat a live hold.
pub async fn f14_live_hold_is_a_guarantee(g: &mut Ground) -> Result<(), Failure> {
    let guest = nameless();
    g.know(&guest).await?;
    let credit = guest.account(Credit);
    g.bind(ORDER, &guest).await?;
    g.reserve(&Reserve::new(1, ORDER, credit, 400_000)).await?;
    g.ops(vec![terms(credit, Some(100), Some(AccountStatus::Blocked))]).await?;
    same(g.refused(Pay::new(2, ORDER, credit, 1).commit(at(1))).await?, Refusal::AccountBlocked)?;
    g.pay(&with_hold(3, 1, credit, 400_000)).await?;
    same(g.account(credit).await?.balance, Kopecks(-400_000))
}

/// F14, I3: a tightened limit refuses new debits and never a repayment.
pub async fn f14_tightened_limit_takes_repayments(g: &mut Ground) -> Result<(), Failure> {
    let guest = nameless();
    g.know(&guest).await?;
    let credit = guest.account(Credit);
    g.bind(ORDER, &guest).await?;
    g.pay(&Pay::new(1, ORDER, credit, 400_000)).await?;
    g.ops(vec![terms(credit, Some(100_000), None)]).await?;
    let limit = Kopecks::ZERO;
    let refused = g.refused(Pay::new(2, ORDER, credit, 1).commit(at(1))).await?;
    same(refused, Refusal::InsufficientFunds { limit })?;
    g.ops(vec![top_up(credit, Kopecks(300_001), id(3))]).await?;
    same(g.available(credit).await?, Kopecks(1))
}

/// F14, F32: an account with live holds is neither closing nor closed.
pub async fn f14_closing_waits_for_holds(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_bound(g).await?;
    // One holds own money; the other has none, and holds its limit.
    for (number, account) in [(1, deposit), (2, guest.account(Credit))] {
        g.reserve(&Reserve::new(number, ORDER, account, 100)).await?;
        for status in [AccountStatus::Closing, AccountStatus::Closed] {
            let close = terms(account, None, Some(status));
            let close = tillway_core::book::Commit::of(at(1), vec![close]);
            same(g.refused(close).await?, Refusal::AccountInUse)?;
        }
        g.ops(vec![void(number), terms(account, None, Some(AccountStatus::Closing))]).await?;
        let late = Reserve::new(number + 2, ORDER, account, 100).commit(at(1));
        same(g.refused(late).await?, Refusal::AccountBlocked)?;
    }
    Ok(())
}

/// F4, A4: the parts of a hold are fixed when it is made; own money first.
pub async fn f4_parts_are_fixed_by_the_hold(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    g.bind(ORDER, &anna).await?;
    let parts = |own, overdraft| Parts { own: Kopecks(own), overdraft: Kopecks(overdraft) };
    let held: Hold = g.reserve(&Reserve::new(1, ORDER, deposit, 100_000)).await?;
    same(held.parts, parts(94_100, 5_900))?;
    g.ops(vec![top_up(deposit, Kopecks(50_000), id(2))]).await?;
    let other = OrderId(id(83));
    g.bind(other, &anna).await?;
    let second = g.reserve(&Reserve::new(3, other, deposit, 60_000)).await?;
    same(second.parts, parts(50_000, 10_000))?;
    g.pay(&with_hold(4, 1, deposit, 98_000)).await?;
    let capture = g.payment(4).await?.capture().cloned();
    same(capture.map(|capture| capture.parts), Some(parts(94_100, 3_900)))
}

/// F4: a venue that keeps deposits out of their overdraft lets only own money be spent.
pub async fn f4_denied_overdraft_is_not_spent(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    g.bind(ORDER, &anna).await?;
    let rules = OrderRules {
        overdraft: tillway_core::account::OverdraftUse::Deny,
        ..OrderRules::default()
    };
    let limit = Kopecks(94_100);
    let more = Reserve { rules, ..Reserve::new(1, ORDER, deposit, 94_101) };
    same(g.refused(more.commit(at(1))).await?, Refusal::InsufficientFunds { limit })?;
    g.pay(&Pay { rules, ..Pay::new(2, ORDER, deposit, 94_100) }).await?;
    Ok(())
}

/// B15, B16: hold, void, capture and refund across the border give back exactly what they took.
pub async fn b15_b16_across_the_overdraft_border(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    g.bind(ORDER, &anna).await?;
    let whole = g.available(deposit).await?;
    g.reserve(&Reserve::new(1, ORDER, deposit, 100_000)).await?;
    g.ops(vec![void(1)]).await?;
    same(g.available(deposit).await?, whole)?;
    g.reserve(&Reserve::new(2, ORDER, deposit, 100_000)).await?;
    let payment = g.pay(&with_hold(3, 2, deposit, 100_000)).await?;
    let parts = payment.capture().map(|capture| capture.parts);
    same(parts, Some(Parts { own: Kopecks(94_100), overdraft: Kopecks(5_900) }))?;
    same(g.available(deposit).await?, Kopecks(9_994_100))?;
    g.done(refund(4, 3, 33_333, None, at(2))).await?;
    g.done(refund(5, 3, 66_667, None, at(3))).await?;
    same(g.available(deposit).await?, whole)?;
    g.pay(&Pay::new(6, ORDER, deposit, 100_000)).await?;
    g.ops(vec![cancel(6, ORDER)]).await?;
    same(g.available(deposit).await?, whole)
}

/// PV8: amounts are at least one kopeck, whatever else is right.
pub async fn pv8_amounts_from_one_kopeck(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_bound(g).await?;
    for (number, amount) in (1..).zip([0, -1, i64::MIN]) {
        let hold = g.refused(Reserve::new(number, ORDER, deposit, amount).commit(at(1))).await?;
        same(hold, Refusal::BadAmount)?;
        let pay = g.refused(Pay::new(10 + number, ORDER, deposit, amount).commit(at(1))).await?;
        same(pay, Refusal::BadAmount)?;
        let moved = vec![top_up(deposit, Kopecks(amount), id(number))];
        let moved = g.refused(tillway_core::book::Commit::of(at(1), moved)).await?;
        same(moved, Refusal::BadAmount)?;
    }
    g.pay(&Pay::new(99, ORDER, deposit, 1)).await?;
    Ok(())
}

/// PV8: amounts that do not fit are refused, not wrapped; the book stays whole at its edge.
pub async fn pv8_amounts_at_the_edge(g: &mut Ground) -> Result<(), Failure> {
    use tillway_core::book::Commit;
    let (guest, deposit) = deposit_bound(g).await?;
    let all = Kopecks(i64::MAX - 100_000);
    g.ops(vec![top_up(deposit, all, id(1))]).await?;
    let more = Commit::of(at(1), vec![top_up(deposit, Kopecks(1), id(2))]);
    same(g.refused(more).await?, Refusal::BadAmount)?;
    // Balance and overdraft together must fit, or nobody could read what is available.
    let credit = guest.account(Credit);
    let too_much = Commit::of(at(1), vec![top_up(credit, Kopecks(i64::MAX), id(3))]);
    same(g.refused(too_much).await?, Refusal::BadAmount)?;
    g.ops(vec![top_up(credit, Kopecks(i64::MAX - 500_000), id(3))]).await?;
    g.reserve(&Reserve::new(4, ORDER, deposit, i64::MAX)).await?;
    g.pay(&with_hold(5, 4, deposit, i64::MAX)).await?;
    g.ops(vec![cancel(5, ORDER)]).await?;
    same(g.account(deposit).await?.balance, Kopecks(i64::MAX))?;
    let lease = Expiry::At(at(0).after(Duration::MAX));
    g.reserve(&Reserve { expiry: lease, ..Reserve::new(6, ORDER, deposit, i64::MAX) }).await?;
    Ok(())
}
