//! Money given back: never more than was taken, never twice, always to where it belongs.

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::account::Parts;
use tillway_core::book::{Commit, House, Op, Outcome, Party, Refund, Refusal, Scope, Verdict};
use tillway_core::id::{AccountId, OrderId, RefundId, Uuid};
use tillway_core::port::{AccountBook, CommitError};
use tillway_core::{AccountKind, AccountStatus, Kopecks};

use crate::builders::{Pay, Persona, all_three, anna, at, cancel, id, keyed, refund, till, top_up};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

const ORDER: OrderId = OrderId(Uuid::from_u128(82));

async fn deposit_paid(g: &Ground, amount: i64) -> Result<(Persona, AccountId), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    g.bind(ORDER, &guest).await?;
    let deposit = guest.account(Deposit);
    g.pay(&Pay { till: Some(till(1)), ..Pay::new(1, ORDER, deposit, amount) }).await?;
    Ok((guest, deposit))
}

/// B07: refunds add up to the payment and not to a kopeck more.
pub async fn b07_refunds_stay_within_the_capture(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_paid(g, 90_000).await?;
    let zero = Refusal::BadAmount;
    same(g.refused(refund(9, 1, 0, None, at(2))).await?, zero)?;
    same(g.payment(1).await?.state_word(), "captured")?;
    g.done(refund(2, 1, 30_000, None, at(2))).await?;
    same(g.payment(1).await?.state_word(), "partially_refunded")?;
    let rest = Kopecks(60_000);
    same(g.refused(refund(3, 1, 60_001, None, at(2))).await?, Refusal::RefundExceeds { rest })?;
    g.done(refund(4, 1, 60_000, None, at(2))).await?;
    same(g.payment(1).await?.state_word(), "refunded")?;
    let rest = Kopecks::ZERO;
    same(g.refused(refund(5, 1, 1, None, at(2))).await?, Refusal::RefundExceeds { rest })?;
    same(g.account(deposit).await?.balance, Kopecks(100_000))
}

/// B08, I5: one refund id is one credit, under its key.
pub async fn b08_refund_id_is_one_credit(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_paid(g, 90_000).await?;
    g.done(refund(2, 1, 30_000, None, at(2))).await?;
    for _ in 0..3 {
        match g.replayed(refund(2, 1, 30_000, None, at(2))).await? {
            Verdict::Done(outcomes) => {
                check(matches!(outcomes.as_slice(), [Outcome::Refund(..)]), "the refund")?;
            }
            Verdict::Refused(why) => return Err(Failure::new(format!("refused: {why}"))),
        }
    }
    same(g.account(deposit).await?.balance, Kopecks(40_000))
}

/// I5: a refund is its own key: the same id is done already, other terms are a conflict.
pub async fn i5_refund_is_its_own_key(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_paid(g, 90_000).await?;
    let bare = |amount| {
        let commit = refund(2, 1, amount, None, at(2));
        Commit { key: None, ..commit }
    };
    g.done(bare(30_000)).await?;
    g.done(bare(30_000)).await?;
    same(g.account(deposit).await?.balance, Kopecks(40_000))?;
    same(g.conflict(bare(30_001)).await?, CommitError::KeyConflict)?;
    g.pay(&Pay::new(3, ORDER, deposit, 30_000)).await?;
    let of_another = Commit { key: None, ..refund(2, 3, 30_000, None, at(2)) };
    same(g.conflict(of_another).await?, CommitError::KeyConflict)
}

/// I4: sixty-four refunds at once never give back more than was taken.
pub async fn i4_raced_refunds_stay_within_the_capture(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_paid(g, 90_000).await?;
    let refunds = (2..66).map(|number| refund(number, 1, 20_000, None, at(2))).collect();
    let answers = g.race(refunds).await?;
    let done = answers.iter().filter(|a| matches!(a.verdict, Verdict::Done(_))).count();
    same(done, 4)?;
    same(g.account(deposit).await?.balance, Kopecks(90_000))
}

/// F2: a refund that saw another sum than there is now is refused and told the sum.
pub async fn f2_refund_compares_what_it_saw(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_paid(g, 90_000).await?;
    g.done(refund(2, 1, 30_000, Some(Kopecks::ZERO), at(2))).await?;
    let late = g.refused(refund(3, 1, 30_000, Some(Kopecks::ZERO), at(2))).await?;
    same(late, Refusal::RefundSequence { refunded: Kopecks(30_000) })?;
    g.done(refund(4, 1, 30_000, Some(Kopecks(30_000)), at(2))).await?;
    same(g.account(deposit).await?.balance, Kopecks(70_000))
}

/// PV7, F2: cancel of something wholly refunded counts as done, of a part refunded it does not.
pub async fn pv7_cancel_after_refunds(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_paid(g, 90_000).await?;
    let undo = || Commit::of(at(3), vec![cancel(1, ORDER)]);
    g.done(refund(2, 1, 30_000, None, at(2))).await?;
    same(g.refused(undo()).await?, Refusal::AlreadyRefunded)?;
    g.done(refund(3, 1, 60_000, None, at(2))).await?;
    match g.done(undo()).await?.as_slice() {
        [Outcome::Payment(payment, _)] => same(payment.state_word(), "refunded")?,
        other => return Err(Failure::new(format!("{other:?}"))),
    }
    same(g.account(deposit).await?.balance, Kopecks(100_000))
}

/// A refund of what was never taken, or was cancelled.
pub async fn refund_needs_a_live_payment(g: &mut Ground) -> Result<(), Failure> {
    deposit_paid(g, 90_000).await?;
    let unknown = g.refused(refund(2, 9, 100, None, at(2))).await?;
    same(unknown, Refusal::UnknownTransaction)?;
    g.ops(vec![cancel(1, ORDER)]).await?;
    let cancelled = g.refused(refund(3, 1, 100, None, at(2))).await?;
    same(cancelled, Refusal::TransactionCancelled)?;
    g.ops(vec![cancel(8, ORDER)]).await?;
    let tombstone = g.refused(refund(4, 8, 100, None, at(2))).await?;
    same(tombstone, Refusal::UnknownTransaction)
}

/// F4, F25: refunds mirror the stored parts, and the last one takes the rest of each.
pub async fn f4_f25_refunds_mirror_the_parts(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    g.bind(ORDER, &anna).await?;
    g.pay(&Pay::new(1, ORDER, anna.account(Deposit), 100_000)).await?;
    let mut back = Parts::default();
    for (number, amount) in (2..).zip([33_333, 33_333, 33_334]) {
        let outcomes = g.done(refund(number, 1, amount, None, at(2))).await?;
        let [Outcome::Refund(Refund { parts, .. }, _)] = outcomes.as_slice() else {
            return Err(Failure::new(format!("{outcomes:?}")));
        };
        same(parts.total()?, Kopecks(amount))?;
        back.own = back.own.add(parts.own)?;
        back.overdraft = back.overdraft.add(parts.overdraft)?;
    }
    same(back, Parts { own: Kopecks(94_100), overdraft: Kopecks(5_900) })
}

/// F32, PV3: what belongs to a closed account is owed to the guest, and listed.
pub async fn f32_refund_to_a_closed_account_is_owed(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_paid(g, 100_000).await?;
    let close = |status| Op::SetTerms { account: deposit, overdraft: None, status: Some(status) };
    g.ops(vec![close(AccountStatus::Closing), close(AccountStatus::Closed)]).await?;
    g.done(refund(2, 1, 30_000, None, at(2))).await?;
    same(g.account(deposit).await?.balance, Kopecks::ZERO)?;
    let payable = Party::House(House::RefundsPayable(guest.guest.id));
    let movements = g.store().audit().await?.movements;
    let owed = movements.iter().find(|m| m.credit == payable).map(|m| m.amount);
    same(owed, Some(Kopecks(30_000)))
}

/// F32: an account with money left is not closed; one that is closing takes credits.
pub async fn f32_closed_only_at_zero(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_paid(g, 90_000).await?;
    let status = |status| {
        let op = Op::SetTerms { account: deposit, overdraft: None, status: Some(status) };
        Commit::of(at(2), vec![op])
    };
    same(g.refused(status(AccountStatus::Closed)).await?, Refusal::AccountInUse)?;
    g.done(status(AccountStatus::Closing)).await?;
    g.done(refund(2, 1, 90_000, None, at(2))).await?;
    same(g.account(deposit).await?.balance, Kopecks(100_000))?;
    // And it stays there.
    let (account, status) = (guest.account(Credit), Some(AccountStatus::Closed));
    g.ops(vec![Op::SetTerms { account, overdraft: None, status }]).await?;
    let late = Commit::of(at(3), vec![top_up(account, Kopecks(1), id(3))]);
    same(g.refused(late).await?, Refusal::AccountBlocked)
}

/// F2, B17: an unlinked refund compares what it saw of its kind, all payments of the order together.
pub async fn f2_b17_unlinked_refund_compares_what_it_saw(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_paid(g, 30_000).await?;
    g.pay(&Pay::new(2, ORDER, deposit, 20_000)).await?;
    g.pay(&Pay::new(3, ORDER, guest.account(Bonus), 5_000)).await?;
    let saw = |number, amount, before| {
        let (id, amount, before) = (RefundId(id(number)), Kopecks(amount), Some(Kopecks(before)));
        let op = Op::RefundOrder { id, order: ORDER, kind: Deposit, amount, before };
        Commit::of(at(3), vec![op])
    };
    g.done(refund(9, 3, 1_000, None, at(2))).await?;
    g.done(saw(10, 25_000, 0)).await?;
    let late = g.refused(saw(11, 1_000, 0)).await?;
    same(late, Refusal::RefundSequence { refunded: Kopecks(25_000) })?;
    g.done(saw(12, 25_000, 25_000)).await?;
    same(g.account(deposit).await?.balance, Kopecks(100_000))
}

fn refund_order(number: u64, kind: AccountKind, amount: i64) -> Op {
    let amount = Kopecks(amount);
    Op::RefundOrder { id: RefundId(id(number)), order: ORDER, kind, amount, before: None }
}

/// B17: an unlinked refund goes over the captures of its kind, newest first, each to its rest.
pub async fn b17_unlinked_refund_newest_first(g: &mut Ground) -> Result<(), Failure> {
    let (guest, deposit) = deposit_paid(g, 30_000).await?;
    g.pay(&Pay::new(2, ORDER, guest.account(Bonus), 5_000)).await?;
    // A lower id that comes later: the newest is the one captured last.
    g.pay(&Pay::new(0, ORDER, deposit, 20_000)).await?;
    let unlinked = |number, kind, amount| {
        keyed(Scope::Unlinked, id(number), at(3), vec![refund_order(number, kind, amount)])
    };
    g.done(unlinked(10, Deposit, 25_000)).await?;
    same(g.payment(0).await?.live()?, Kopecks::ZERO)?;
    same(g.payment(1).await?.live()?, Kopecks(25_000))?;
    same(g.payment(2).await?.live()?, Kopecks(5_000))?;
    let rest = Kopecks(25_000);
    let more = g.refused(unlinked(11, Deposit, 25_001)).await?;
    same(more, Refusal::RefundExceeds { rest })?;
    same(g.refused(unlinked(12, Credit, 1)).await?, Refusal::UnknownTransaction)
}

/// B17, I5: an unlinked refund is its own key, and a repeat tells the same refunds.
pub async fn b17_unlinked_refund_twice_is_one(g: &mut Ground) -> Result<(), Failure> {
    let (_, deposit) = deposit_paid(g, 30_000).await?;
    g.pay(&Pay::new(2, ORDER, deposit, 20_000)).await?;
    let keyed = || keyed(Scope::Unlinked, id(10), at(3), vec![refund_order(10, Deposit, 25_000)]);
    let first = g.done(keyed()).await?;
    same(g.replayed(keyed()).await?, Verdict::Done(first.clone()))?;
    let bare = Commit::of(at(4), vec![refund_order(10, Deposit, 25_000)]);
    same(g.done(bare).await?, first)?;
    for other in [refund_order(10, Deposit, 25_001), refund_order(10, Bonus, 25_000)] {
        same(g.conflict(Commit::of(at(4), vec![other])).await?, CommitError::KeyConflict)?;
    }
    let nothing = Commit::of(at(4), vec![refund_order(11, Deposit, 0)]);
    same(g.refused(nothing).await?, Refusal::BadAmount)?;
    same(g.account(deposit).await?.balance, Kopecks(75_000))
}
