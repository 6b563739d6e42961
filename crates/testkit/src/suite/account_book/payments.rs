//! Payments: the row is the key, the order's rules hold, nobody is charged unseen.

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::book::{
    Commit, House, Key, Op, OrderRules, Outcome, Party, Payer, PaymentState, Refusal, Scope,
    Verdict, Why,
};
use tillway_core::guest::Identification;
use tillway_core::id::{AccountId, OrderId, PaymentId};
use tillway_core::port::{AccountBook, CommitError, Store};
use tillway_core::wallet::Mix;
use tillway_core::{Account, Kopecks, Unit};

use crate::builders::{
    ORDER_82, ORDER_82_TOTAL, Pay, Persona, Reserve, accrue, all_three, anna, at, bind, cancel, id,
    nameless, refund, till, top_up,
};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

async fn all_three_bound(g: &Ground) -> Result<Persona, Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    g.bind(ORDER_82, &guest).await?;
    Ok(guest)
}

fn close(listed: &[u64]) -> Op {
    let listed = listed.iter().map(|number| PaymentId(id(*number))).collect();
    Op::Close { order: ORDER_82, listed }
}

/// B01: the same payment twice is one debit, and the repeat shows it as it stands.
pub async fn b01_payment_twice_is_one_debit(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    let pay = Pay::new(1, ORDER_82, deposit, 40_000);
    let taken = g.pay(&pay).await?;
    g.done(refund(2, 1, 10_000, None, at(2))).await?;
    match g.replayed(pay.commit(at(9))).await? {
        Verdict::Done(outcomes) => match outcomes.as_slice() {
            [Outcome::Payment(now, Some(account))] => {
                same(now.state_word(), "partially_refunded")?;
                same(now.at, taken.at)?;
                same(account.balance, Kopecks(70_000))
            }
            other => Err(Failure::new(format!("{other:?}"))),
        },
        Verdict::Refused(why) => Err(Failure::new(format!("refused: {why}"))),
    }
}

/// B02: one transaction with another amount is a conflict.
pub async fn b02_other_amount_conflicts(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    g.pay(&Pay::new(1, ORDER_82, deposit, 40_000)).await?;
    let other = Pay::new(1, ORDER_82, deposit, 40_001).commit(at(2));
    same(g.conflict(other).await?, CommitError::KeyConflict)?;
    let next = Pay { attempt: 2, ..Pay::new(1, ORDER_82, deposit, 40_001) };
    let next = g.replayed(next.commit(at(2))).await?;
    check(matches!(next, Verdict::Done(_)), "a conflict exists only within one attempt")?;
    same(g.account(deposit).await?.balance, Kopecks(60_000))
}

/// B03, F1: cancelled before it arrives, a payment is never taken.
pub async fn b03_cancel_before_the_payment(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    same(g.payment(1).await?.state, PaymentState::Tombstoned)?;
    for attempt in [1, 2] {
        let late = Pay { attempt, ..Pay::new(1, ORDER_82, deposit, 40_000) };
        let late = g.replayed(late.commit(at(2))).await?;
        same(late, Verdict::Refused(Refusal::TransactionCancelled))?;
    }
    let bare = Commit::of(at(2), vec![Pay::new(1, ORDER_82, deposit, 40_000).op()]);
    same(g.refused(bare).await?, Refusal::TransactionCancelled)?;
    same(g.account(deposit).await?.balance, Kopecks(100_000))
}

/// B04: a payment cancelled twice is given back once.
pub async fn b04_cancel_twice_is_one_credit(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    g.pay(&Pay::new(1, ORDER_82, deposit, 40_000)).await?;
    for second in [2, 3] {
        let cancel = Commit::of(at(second), vec![cancel(1, ORDER_82)]);
        match g.done(cancel).await?.as_slice() {
            [Outcome::Payment(payment, _)] => same(payment.state_word(), "cancelled")?,
            other => return Err(Failure::new(format!("{other:?}"))),
        }
        same(g.account(deposit).await?.balance, Kopecks(100_000))?;
    }
    same(g.order(ORDER_82).await?.live.any(), false)
}

/// B05: a hundred at once with one transaction are one debit.
pub async fn b05_raced_payment_is_one_debit(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    let commit = Pay::new(1, ORDER_82, deposit, 40_000).commit(at(1));
    let answers = g.race(vec![commit; 100]).await?;
    check(answers.iter().all(|a| matches!(a.verdict, Verdict::Done(_))), "all are told: done")?;
    same(g.account(deposit).await?.balance, Kopecks(60_000))
}

/// F1, B05: payment and cancel of one transaction at once: charged and given back, or never taken.
pub async fn f1_raced_cancel_leaves_no_charge(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    for number in 1..=8 {
        let pay = Pay::new(number, ORDER_82, deposit, 40_000).commit(at(1));
        let undo = Commit::of(at(1), vec![cancel(number, ORDER_82)]);
        g.race(vec![pay, undo]).await?;
        let state = g.payment(number).await?.state_word();
        check(matches!(state, "cancelled" | "tombstoned"), state)?;
    }
    same(g.account(deposit).await?.balance, Kopecks(100_000))
}

/// F1 c: attempt 1 is stuck, attempt 2 is refused, then attempt 1 arrives: it is refused too.
pub async fn f1_late_lower_attempt_is_refused(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    let attempt = |attempt| Pay { attempt, ..Pay::new(1, ORDER_82, deposit, 100_001) };
    let refusal = Refusal::InsufficientFunds { limit: Kopecks(100_000) };
    same(g.refused(attempt(2).commit(at(1))).await?, refusal.clone())?;
    g.ops(vec![top_up(deposit, Kopecks(1), id(2))]).await?;
    for late in [1, 2] {
        let late = g.replayed(attempt(late).commit(at(2))).await?;
        same(late, Verdict::Refused(refusal.clone()))?;
    }
    same(g.account(deposit).await?.balance, Kopecks(100_001))
}

/// F1: a higher attempt is judged anew after a refusal, and never after a cancel.
pub async fn f1_higher_attempt_is_judged_anew(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    let attempt = |attempt| Pay { attempt, ..Pay::new(1, ORDER_82, deposit, 100_001) };
    g.refused(attempt(1).commit(at(1))).await?;
    g.refused(attempt(2).commit(at(1))).await?;
    same(g.payment(1).await?.attempt, 2)?;
    g.ops(vec![top_up(deposit, Kopecks(1), id(2))]).await?;
    g.pay(&attempt(3)).await?;
    same(g.payment(1).await?.attempt, 3)?;
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    let after = g.replayed(attempt(4).commit(at(2))).await?;
    same(after, Verdict::Refused(Refusal::TransactionCancelled))
}

/// F1: a cancel makes a refused payment a tombstone.
pub async fn f1_cancel_of_a_refused_payment(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    g.refused(Pay::new(1, ORDER_82, deposit, 100_001).commit(at(1))).await?;
    g.done(Commit::of(at(2), vec![cancel(1, ORDER_82)])).await?;
    let forbidden = g.payment(1).await?;
    same((forbidden.state, forbidden.at), (PaymentState::Tombstoned, at(2)))?;
    let next = Pay { attempt: 2, ..Pay::new(1, ORDER_82, deposit, 1) };
    let next = g.replayed(next.commit(at(2))).await?;
    same(next, Verdict::Refused(Refusal::TransactionCancelled))
}

/// F1 d: a capture that was stuck while the guest changed is refused.
pub async fn f1_stuck_capture_meets_another_guest(g: &mut Ground) -> Result<(), Failure> {
    let (first, second) = (all_three(), anna());
    g.know(&first).await?;
    g.know(&second).await?;
    let bound = g.bind(ORDER_82, &first).await?;
    let stuck =
        Pay { epoch: Some(bound.epoch), ..Pay::new(1, ORDER_82, first.account(Deposit), 100) };
    g.ops(vec![bind(ORDER_82, tillway_core::book::Binding::Unbound)]).await?;
    same(g.refused(stuck.commit(at(1))).await?, Refusal::NoGuest)?;
    let now = g.bind(ORDER_82, &second).await?;
    let later = Pay { id: PaymentId(id(2)), ..stuck };
    let changed = Refusal::BindingChanged { epoch: now.epoch };
    same(g.refused(later.commit(at(1))).await?, changed.clone())?;
    let of_first = Pay { epoch: Some(now.epoch), id: PaymentId(id(3)), ..later };
    same(g.refused(of_first.commit(at(1))).await?, changed.clone())?;
    let old_epoch =
        Pay { epoch: Some(bound.epoch), ..Pay::new(4, ORDER_82, second.account(Deposit), 100) };
    same(g.refused(old_epoch.commit(at(1))).await?, changed)?;
    g.pay(&Pay { epoch: Some(now.epoch), id: PaymentId(id(5)), ..old_epoch }).await?;
    Ok(())
}

/// F1: what is acknowledged is remembered; a cancel undoes it all the same.
pub async fn f1_acknowledge_is_remembered(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    let acknowledge = || vec![Op::Acknowledge { id: PaymentId(id(1)) }];
    let unknown = g.refused(Commit::of(at(1), acknowledge())).await?;
    same(unknown, Refusal::UnknownTransaction)?;
    g.pay(&Pay::new(1, ORDER_82, deposit, 100)).await?;
    let acknowledged = async |g: &Ground| -> Result<Option<bool>, Failure> {
        Ok(g.payment(1).await?.capture().map(|capture| capture.acknowledged))
    };
    same(acknowledged(g).await?, Some(false))?;
    g.ops(acknowledge()).await?;
    g.ops(acknowledge()).await?;
    same(acknowledged(g).await?, Some(true))?;
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    same(g.account(deposit).await?.balance, Kopecks(100_000))
}

/// F1: the close tells captures that iiko did not list, and listed ones that are unknown; what
/// stays in clearing is "charged, not known to iiko".
pub async fn f1_close_finds_orphans(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    g.pay(&Pay::new(1, ORDER_82, guest.account(Deposit), 100)).await?;
    g.pay(&Pay::new(2, ORDER_82, guest.account(Bonus), 200)).await?;
    g.pay(&Pay::new(3, ORDER_82, guest.account(Deposit), 300)).await?;
    let outcomes = g.ops(vec![close(&[1, 9])]).await?;
    let [Outcome::Closed { order, orphan_captures, orphans_in_iiko }] = outcomes.as_slice() else {
        return Err(Failure::new(format!("{outcomes:?}")));
    };
    same(orphan_captures.clone(), vec![PaymentId(id(2)), PaymentId(id(3))])?;
    same(orphans_in_iiko.clone(), vec![PaymentId(id(9))])?;
    check(order.closed.is_some() && order.payer().is_none(), "the close ends the binding")?;
    same(house(g, House::Sales, Unit::Rub).await?, 100)?;
    same(house(g, House::Clearing(ORDER_82), Unit::Rub).await?, 300)?;
    same(house(g, House::BonusRedeemed, Unit::Points).await?, 200)
}

/// F1: what the guest has back is not charged, and not paid either; what was settled stays so; a
/// payment of another order pays nothing here. Points are not sold, and nothing is moved twice.
pub async fn f1_close_knows_what_is_live(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let (bonus, deposit) = (guest.account(Bonus), guest.account(Deposit));
    let other = OrderId(id(83));
    g.bind(other, &guest).await?;
    for number in [1, 2, 4] {
        g.pay(&Pay::new(number, ORDER_82, deposit, 100)).await?;
    }
    g.pay(&Pay::new(3, ORDER_82, bonus, 50)).await?;
    g.pay(&Pay::new(5, other, deposit, 100)).await?;
    g.done(refund(6, 1, 100, None, at(2))).await?;
    g.ops(vec![cancel(4, ORDER_82)]).await?;
    let unknown = [4, 5].map(|number| PaymentId(id(number))).to_vec();
    for (listed, unknown) in [(&[2, 3, 4, 5][..], unknown), (&[1], Vec::new())] {
        let outcomes = g.ops(vec![close(listed)]).await?;
        let [Outcome::Closed { orphan_captures, orphans_in_iiko, .. }] = outcomes.as_slice() else {
            return Err(Failure::new(format!("{outcomes:?}")));
        };
        same(orphan_captures.clone(), Vec::new())?;
        same(orphans_in_iiko.clone(), unknown)?;
        same(house(g, House::Sales, Unit::Rub).await?, 100)?;
        same(house(g, House::Sales, Unit::Points).await?, 0)?;
    }
    let movements = g.store().audit().await?.movements;
    check(movements.iter().all(|m| m.amount.is_positive()), "every movement moves something")
}

/// The close settles once, voids the holds, and takes what comes later into account.
pub async fn close_settles_once(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let deposit = guest.account(Deposit);
    g.pay(&Pay::new(1, ORDER_82, deposit, 100)).await?;
    g.pay(&Pay::new(2, ORDER_82, deposit, 300)).await?;
    g.reserve(&Reserve::new(3, ORDER_82, deposit, 500)).await?;
    let bound = g.order(ORDER_82).await?.epoch;
    g.ops(vec![close(&[1])]).await?;
    for (number, listed) in [(1, true), (2, false)] {
        let payment = g.payment(number).await?;
        let known = payment.capture().map(|capture| (capture.acknowledged, capture.settled));
        same(known, Some((listed, listed)))?;
    }
    let epoch = g.order(ORDER_82).await?.epoch;
    same(epoch, bound + 1)?;
    g.ops(vec![close(&[1, 2])]).await?;
    g.ops(vec![close(&[1, 2])]).await?;
    same(house(g, House::Sales, Unit::Rub).await?, 400)?;
    same(house(g, House::Clearing(ORDER_82), Unit::Rub).await?, 0)?;
    same(g.account(deposit).await?.held, Kopecks::ZERO)?;
    same(g.order(ORDER_82).await?.epoch, epoch)?;
    let rebind = bind(ORDER_82, tillway_core::book::Binding::Bound(guest.payer()));
    same(g.refused(Commit::of(at(2), vec![rebind])).await?, Refusal::OrderClosed)
}

/// A late cancel or refund after the close goes through the returns, not through clearing.
pub async fn close_then_cancel_is_a_return(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    g.pay(&Pay::new(1, ORDER_82, guest.account(Deposit), 100)).await?;
    g.pay(&Pay::new(2, ORDER_82, guest.account(Deposit), 300)).await?;
    g.pay(&Pay::new(3, ORDER_82, guest.account(Bonus), 50)).await?;
    g.ops(vec![close(&[1, 2, 3])]).await?;
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    g.done(refund(4, 2, 120, Some(Kopecks::ZERO), at(2))).await?;
    g.done(refund(5, 3, 50, None, at(2))).await?;
    same(house(g, House::SalesReturns, Unit::Rub).await?, -220)?;
    same(house(g, House::Sales, Unit::Rub).await?, 400)?;
    same(house(g, House::BonusRedeemed, Unit::Points).await?, 0)?;
    same(g.account(guest.account(Deposit)).await?.balance, Kopecks(99_820))
}

async fn house(g: &Ground, house: House, unit: Unit) -> Result<i64, Failure> {
    let mut sum = 0;
    for movement in g.store().audit().await?.movements {
        if movement.unit == unit {
            sum += if movement.credit == Party::House(house) { movement.amount.0 } else { 0 };
            sum -= if movement.debit == Party::House(house) { movement.amount.0 } else { 0 };
        }
    }
    Ok(sum)
}

/// F5: a payment type that does not fit the wallet is refused, and the right wallet named.
pub async fn f5_payment_type_fits_the_wallet(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let wrong = Pay { expects: Some(Credit), ..Pay::new(1, ORDER_82, guest.account(Deposit), 100) };
    same(g.refused(wrong.commit(at(1))).await?, Refusal::WrongPaymentType { wallet: Deposit })?;
    let unknown = Pay::new(2, ORDER_82, guest.account(Deposit), 100);
    let remembered = vec![Op::Refuse(Refusal::UnknownPaymentType)];
    let commit = Commit { ops: remembered, ..unknown.commit(at(1)) };
    same(g.refused(commit.clone()).await?, Refusal::UnknownPaymentType)?;
    same(g.replayed(commit).await?, Verdict::Refused(Refusal::UnknownPaymentType))?;
    g.pay(&Pay { expects: Some(Deposit), ..Pay::new(3, ORDER_82, guest.account(Deposit), 100) })
        .await?;
    Ok(())
}

/// F16: a phone number alone pays only where the venue allows it.
pub async fn f16_phone_alone_does_not_pay(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let weak = Payer { identified: Identification::Weak, ..guest.payer() };
    g.ops(vec![bind(ORDER_82, tillway_core::book::Binding::Bound(weak))]).await?;
    let pay = Pay::new(1, ORDER_82, guest.account(Deposit), 100);
    same(g.refused(pay.commit(at(1))).await?, Refusal::WeakIdentification)?;
    let rules = OrderRules { phone_spend: true, ..OrderRules::default() };
    g.pay(&Pay { rules, ..Pay::new(2, ORDER_82, guest.account(Deposit), 100) }).await?;
    Ok(())
}

/// B19, F15: without a bound guest nobody pays; pending is not bound.
pub async fn b19_no_guest_no_payment(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let pay = |number| Pay::new(number, ORDER_82, guest.account(Deposit), 100).commit(at(1));
    same(g.refused(pay(1)).await?, Refusal::NoGuest)?;
    g.ops(vec![bind(ORDER_82, tillway_core::book::Binding::Pending(guest.payer()))]).await?;
    same(g.refused(pay(2)).await?, Refusal::NoGuest)?;
    g.bind(ORDER_82, &guest).await?;
    g.done(pay(3)).await?;
    Ok(())
}

/// B20: the till of another order's owner is refused, and may be right next time.
pub async fn b20_other_till_is_refused(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let owned =
        Op::Tell { order: ORDER_82, till: Some(till(1)), total: None, lines: None, money: None };
    g.ops(vec![owned]).await?;
    let asked = |number| Pay {
        till: Some(till(number)),
        ..Pay::new(1, ORDER_82, guest.account(Deposit), 100)
    };
    same(g.refused(asked(2).commit(at(1))).await?, Refusal::WrongTill)?;
    same(g.store().payment(PaymentId(id(1))).await?, None)?;
    g.pay(&asked(1)).await?;
    Ok(())
}

/// A payment from an account that is not the guest's, or not there.
pub async fn unknown_and_foreign_wallets_are_refused(g: &mut Ground) -> Result<(), Failure> {
    all_three_bound(g).await?;
    let stranger = nameless();
    g.know(&stranger).await?;
    let unknown = Pay::new(1, ORDER_82, AccountId(id(404)), 100);
    same(g.refused(unknown.commit(at(1))).await?, Refusal::UnknownWallet)?;
    let foreign = Pay::new(2, ORDER_82, stranger.account(Credit), 100);
    let refused = g.refused(foreign.commit(at(1))).await?;
    same(refused, Refusal::BindingChanged { epoch: 1 })?;
    let hold = Reserve::new(3, ORDER_82, stranger.account(Credit), 100);
    same(g.refused(hold.commit(at(1))).await?, Refusal::BindingChanged { epoch: 1 })
}

/// M3, PV4, B09, M-f: credit and deposit never pay one order together, be it for one kopeck.
pub async fn m3_b09_credit_and_deposit_never_together(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let (deposit, credit) = (guest.account(Deposit), guest.account(Credit));
    g.pay(&Pay::new(1, ORDER_82, deposit, 100_000)).await?;
    let mixed = Refusal::MixedMoneyAccounts;
    let hold = Reserve::new(2, ORDER_82, credit, 100);
    same(g.refused(hold.commit(at(1))).await?, mixed.clone())?;
    let pay = |number| Pay::new(number, ORDER_82, credit, 100).commit(at(1));
    same(g.refused(pay(3)).await?, mixed.clone())?;
    g.done(refund(4, 1, 99_999, None, at(2))).await?;
    same(g.refused(pay(5)).await?, mixed.clone())?;
    g.pay(&Pay::new(6, ORDER_82, guest.account(Bonus), 100)).await?;
    let rules = OrderRules { mix: Mix::Free, ..OrderRules::default() };
    g.pay(&Pay { rules, ..Pay::new(7, ORDER_82, credit, 100) }).await?;
    Ok(())
}

/// M5: the account that pays or is held first is the order's choice: another one of its kind does
/// not join it, unless the venue lets kinds mix, and may take its place when nothing of it is left.
pub async fn m5_one_account_of_a_money_kind(g: &mut Ground) -> Result<(), Failure> {
    let mut guest = all_three();
    let (first, second) = (guest.account(Deposit), AccountId(id(2)));
    let twin = guest.accounts.iter().find(|(account, _)| account.id == first).cloned();
    guest.accounts.extend(twin.map(|(account, has)| (Account { id: second, ..account }, has)));
    g.know(&guest).await?;
    g.bind(ORDER_82, &guest).await?;
    let mixed = Refusal::MixedMoneyAccounts;
    same(g.order(ORDER_82).await?.money, None)?;
    g.pay(&Pay::new(1, ORDER_82, first, 100)).await?;
    let hold = Reserve::new(2, ORDER_82, second, 100);
    same(g.refused(hold.commit(at(1))).await?, mixed.clone())?;
    let pay = Pay::new(3, ORDER_82, second, 100).commit(at(1));
    same(g.refused(pay).await?, mixed.clone())?;
    g.pay(&Pay::new(4, ORDER_82, guest.account(Bonus), 100)).await?;
    same(g.order(ORDER_82).await?.money, Some(first))?;
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    g.reserve(&Reserve::new(5, ORDER_82, second, 100)).await?;
    same(g.order(ORDER_82).await?.money, Some(second))?;
    let back = Pay::new(6, ORDER_82, first, 100).commit(at(1));
    same(g.refused(back).await?, mixed)?;
    let rules = OrderRules { mix: Mix::Free, ..OrderRules::default() };
    g.pay(&Pay { rules, ..Pay::new(7, ORDER_82, first, 100) }).await?;
    same(g.order(ORDER_82).await?.money, Some(first))
}

/// B10, M-e: after the money came back whole, the other kind may pay.
pub async fn b10_other_kind_after_a_full_return(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let (deposit, credit) = (guest.account(Deposit), guest.account(Credit));
    g.pay(&Pay::new(1, ORDER_82, deposit, 1_000)).await?;
    g.ops(vec![cancel(1, ORDER_82)]).await?;
    g.pay(&Pay::new(2, ORDER_82, credit, 1_000)).await?;
    g.done(refund(3, 2, 1_000, None, at(2))).await?;
    g.reserve(&Reserve::new(4, ORDER_82, deposit, 1_000)).await?;
    let held = g.refused(Pay::new(5, ORDER_82, credit, 1).commit(at(2))).await?;
    same(held, Refusal::MixedMoneyAccounts)?;
    g.ops(vec![Op::Void { hold: tillway_core::id::HoldId(id(4)) }]).await?;
    g.pay(&Pay::new(6, ORDER_82, credit, 1)).await?;
    Ok(())
}

/// PV6, B12: the captures of an order stay within its total, told now or before.
pub async fn pv6_b12_captures_stay_within_the_total(g: &mut Ground) -> Result<(), Failure> {
    let guest = anna();
    g.know(&guest).await?;
    g.bind(ORDER_82, &guest).await?;
    let total = Some(ORDER_82_TOTAL);
    let (bonus, deposit) = (guest.account(Bonus), guest.account(Deposit));
    g.pay(&Pay { total, ..Pay::new(1, ORDER_82, bonus, 75_000) }).await?;
    g.pay(&Pay { total, ..Pay::new(2, ORDER_82, deposit, 90_000) }).await?;
    let over = Refusal::OverTotal { captured: ORDER_82_TOTAL, total: ORDER_82_TOTAL };
    let third = Pay { total, ..Pay::new(3, ORDER_82, deposit, 1) };
    same(g.refused(third.commit(at(1))).await?, over.clone())?;
    let told = Op::Tell { order: ORDER_82, till: None, total, lines: None, money: None };
    g.ops(vec![told]).await?;
    same(g.refused(Pay::new(4, ORDER_82, deposit, 1).commit(at(1))).await?, over)?;
    g.done(refund(5, 2, 1, None, at(2))).await?;
    g.pay(&Pay::new(6, ORDER_82, deposit, 1)).await?;
    Ok(())
}

/// L5, F28: points pay no more of a known total than the venue allows.
pub async fn l5_f28_points_stay_within_their_cap(g: &mut Ground) -> Result<(), Failure> {
    let guest = anna();
    g.know(&guest).await?;
    g.bind(ORDER_82, &guest).await?;
    let bonus = guest.account(Bonus);
    let rules =
        OrderRules { bonus_cap_bp: Some(5_000), min_money: Kopecks(100), ..OrderRules::default() };
    let total = Some(ORDER_82_TOTAL);
    let pay = |number, amount| Pay { total, rules, ..Pay::new(number, ORDER_82, bonus, amount) };
    let capped = |limit| Refusal::InsufficientFunds { limit: Kopecks(limit) };
    same(g.refused(pay(1, 82_501).commit(at(1))).await?, capped(82_500))?;
    g.pay(&pay(2, 80_000)).await?;
    same(g.refused(pay(3, 2_501).commit(at(1))).await?, capped(2_500))?;
    let (till, lines, money) = (None, None, None);
    g.ops(vec![Op::Tell { order: ORDER_82, till, total, lines, money }]).await?;
    let hold = Reserve { rules, ..Reserve::new(5, ORDER_82, bonus, 2_501) };
    same(g.refused(hold.commit(at(1))).await?, capped(2_500))?;
    g.pay(&pay(4, 2_500)).await?;
    // Money has no cap.
    let rest = Pay::new(6, ORDER_82, guest.account(Deposit), 82_500);
    g.pay(&Pay { total, rules, ..rest }).await?;
    Ok(())
}

/// I1: rubles and points never meet in one movement.
pub async fn i1_units_never_meet(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let (bonus, deposit) = (guest.account(Bonus), guest.account(Deposit));
    let (points, money) = (Party::Guest(bonus), Party::Guest(deposit));
    let mixed = [
        (points, money),
        (Party::House(House::Declared), points),
        (Party::House(House::BonusIssued), money),
        (Party::House(House::BonusIssued), Party::House(House::Bank)),
        (money, money),
    ];
    for (from, to) in mixed {
        let (amount, why, by) = (Kopecks(1), Why::Correction, id(1));
        let wrong = Commit::of(at(1), vec![Op::Move { from, to, amount, why, by }]);
        same(g.refused(wrong).await?, Refusal::BadMovement)?;
    }
    g.ops(vec![accrue(bonus, Kopecks(1), id(2)), top_up(deposit, Kopecks(1), id(3))]).await?;
    Ok(())
}

/// F1: clearing of an order is the list "charged, not known to iiko": only payments move it.
pub async fn f1_clearing_is_for_payments_only(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    g.pay(&Pay::new(1, ORDER_82, guest.account(Deposit), 100)).await?;
    let (clearing, money) =
        (Party::House(House::Clearing(ORDER_82)), Party::Guest(guest.account(Deposit)));
    for (from, to) in [(clearing, money), (money, clearing)] {
        let (amount, why, by) = (Kopecks(1), Why::Correction, id(1));
        let wrong = Commit::of(at(1), vec![Op::Move { from, to, amount, why, by }]);
        same(g.refused(wrong).await?, Refusal::BadMovement)?;
    }
    // Nor does another movement take the name of a payment.
    let (from, to) = (money, Party::House(House::Suspense));
    for why in [Why::Capture, Why::Cancel, Why::Refund, Why::Close] {
        let (amount, by) = (Kopecks(1), id(1));
        let wrong = Commit::of(at(1), vec![Op::Move { from, to, amount, why, by }]);
        same(g.refused(wrong).await?, Refusal::BadMovement)?;
    }
    Ok(())
}

/// I3: a plain movement out of an account stays within what is free.
pub async fn i3_movement_out_stays_within_the_limit(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let deposit = guest.account(Deposit);
    g.reserve(&Reserve::new(1, ORDER_82, deposit, 60_000)).await?;
    let out = |amount, second| {
        let (from, to) = (Party::Guest(deposit), Party::House(House::TillCash));
        let (amount, why, by) = (Kopecks(amount), Why::Correction, id(2));
        Commit::of(at(second), vec![Op::Move { from, to, amount, why, by }])
    };
    let limit = Kopecks(40_000);
    same(g.refused(out(40_001, 1)).await?, Refusal::InsufficientFunds { limit })?;
    g.done(out(40_000, 1)).await?;
    g.done(out(60_000, 1_800)).await?;
    same(g.account(deposit).await?.balance, Kopecks::ZERO)
}

/// The keys of payments are apart from all others: `recall` of the same id finds nothing.
pub async fn payment_keys_are_their_rows(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three_bound(g).await?;
    let pay = Pay::new(1, ORDER_82, guest.account(Deposit), 100);
    g.pay(&pay).await?;
    let other = crate::builders::keyed(
        Scope::TopUp,
        id(1),
        at(1),
        vec![top_up(guest.account(Deposit), Kopecks(1), id(1))],
    );
    let Some(key) = other.key else { return Err(Failure::new("no key")) };
    same(g.store().recall(&key).await?, None)?;
    g.done(other).await?;
    Ok(())
}

/// A payment under a key that is not its own counts as a first attempt: the attempt of another
/// key, or of another payment, is not taken for its own.
pub async fn payment_counts_its_own_attempts(g: &mut Ground) -> Result<(), Failure> {
    let deposit = all_three_bound(g).await?.account(Deposit);
    let pay = |number, attempt| Pay { attempt, ..Pay::new(number, ORDER_82, deposit, 100) };
    let (first, second, third) = (pay(1, 4), pay(2, 4), pay(3, 4));
    g.done(Commit { ops: vec![first.op(), second.op()], ..first.commit(at(1)) }).await?;
    let own = third.commit(at(1));
    let key = own.key.map(|key| Key { scope: Scope::Custom, ..key });
    g.done(Commit { key, ..own }).await?;
    for (number, attempt) in [(1, 4), (2, 1), (3, 1)] {
        same(g.payment(number).await?.attempt, attempt)?;
    }
    let again = g.conflict(pay(3, 1).commit(at(2))).await?;
    same(again, CommitError::KeyConflict)
}
