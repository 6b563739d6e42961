//! One key, one effect; all or nothing; what was acknowledged stays.

use tillway_core::AccountKind::{Bonus, Credit, Deposit};
use tillway_core::book::{
    Binding, Commit, Fence, Head, HoldState, Key, Op, Outcome, Record, Refusal, Scope, Seq,
    StreamId, StreamKind, Verdict,
};
use tillway_core::id::{AccountId, OrderId};
use tillway_core::port::{AccountBook, Bindings, CommitError, Journal, Recalled, Store};
use tillway_core::{Account, AccountStatus, Kopecks};

use crate::builders::{
    Pay, Reserve, accrue, all_three, anna, at, bind, id, keyed, nameless, refund, seed, till,
    top_up,
};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

/// I5: a repeat of the same request changes nothing and answers from the rows as they stand.
pub async fn i5_one_key_one_effect(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    let paid_in = || keyed(Scope::TopUp, id(1), at(1), vec![top_up(deposit, Kopecks(500), id(1))]);
    g.done(paid_in()).await?;
    for _ in 0..3 {
        check(matches!(g.replayed(paid_in()).await?, Verdict::Done(_)), "a repeat is done too")?;
    }
    same(g.account(deposit).await?.balance, Kopecks(94_600))
}

/// I5, F1: whatever was done, its repeat tells the rows as they stand by then.
pub async fn i5_repeat_tells_the_rows_of_now(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let (order, account) = (OrderId(id(82)), AccountId(id(2)));
    let opened = guest.accounts.first().cloned();
    let Some((opened, _)) = opened else { return Err(Failure::new("no account")) };
    let append = || Op::Append {
        stream: StreamId::from(order),
        expect: None,
        fence: None,
        records: vec![Record { kind: 1, version: 1, body: Box::default() }],
        head: Head::default(),
    };
    let tell = |total| Op::Tell { order, till: None, total, lines: None, money: None };
    let status = |status| Op::SetTerms { account, overdraft: None, status: Some(status) };
    let request = || {
        let ops = vec![
            Op::OpenAccount(Box::new(Account { id: account, ..opened.clone() })),
            status(AccountStatus::Active),
            accrue(account, Kopecks(500), id(1)),
            bind(order, Binding::Bound(guest.payer())),
            tell(Some(Kopecks(100))),
            append(),
        ];
        keyed(Scope::Custom, id(1), at(1), ops)
    };
    let held = Reserve::new(3, order, account, 300);
    g.done(request()).await?;
    g.reserve(&held).await?;
    let later = vec![
        accrue(account, Kopecks(1), id(4)),
        Op::Void { hold: held.id },
        status(AccountStatus::Blocked),
        tell(Some(Kopecks(200))),
        append(),
    ];
    g.done(Commit::of(at(2), later)).await?;
    let row = || async { Ok::<_, Failure>(Outcome::Account(Box::new(g.account(account).await?))) };
    let told = || async { Ok::<_, Failure>(Outcome::Order(Box::new(g.order(order).await?))) };
    let now = vec![row().await?, row().await?, row().await?, told().await?, told().await?];
    let now = now.into_iter().chain([Outcome::Appended(Seq(2))]).collect();
    same(g.replayed(request()).await?, Verdict::Done(now))?;
    match g.replayed(held.commit(at(1))).await? {
        Verdict::Done(outcomes) => match outcomes.as_slice() {
            [Outcome::Hold(hold)] => same(hold.state, HoldState::Voided),
            other => Err(Failure::new(format!("{other:?}"))),
        },
        Verdict::Refused(why) => Err(Failure::new(format!("refused: {why}"))),
    }
}

/// I5: the same key for another request is a conflict, and nothing happens.
pub async fn i5_other_body_conflicts(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    let amount = |kopecks| vec![top_up(deposit, Kopecks(kopecks), id(1))];
    g.done(keyed(Scope::TopUp, id(1), at(1), amount(500))).await?;
    let other = keyed(Scope::TopUp, id(1), at(1), amount(501));
    same(g.conflict(other).await?, CommitError::KeyConflict)?;
    same(g.account(deposit).await?.balance, Kopecks(94_600))
}

/// I5: keys of two scopes are two keys, even with one id.
pub async fn i5_scopes_are_apart(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    for scope in [Scope::TopUp, Scope::Custom, Scope::Guests, Scope::Accrue, Scope::Unlinked] {
        let ops = vec![top_up(deposit, Kopecks(100), id(1))];
        g.done(keyed(scope, id(1), at(1), ops)).await?;
    }
    same(g.account(deposit).await?.balance, Kopecks(94_600))
}

/// I5: sixty-four at once with one key have one effect.
pub async fn i5_raced_key_has_one_effect(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    let commit = keyed(Scope::TopUp, id(1), at(1), vec![top_up(deposit, Kopecks(1), id(1))]);
    let answers = g.race(vec![commit; 64]).await?;
    same(answers.iter().filter(|answer| !answer.replayed).count(), 1)?;
    check(answers.iter().all(|a| matches!(a.verdict, Verdict::Done(_))), "all are told: done")?;
    same(g.account(deposit).await?.balance, Kopecks(94_101))
}

/// I6: a refused request stays refused, even when it could be done by now.
pub async fn i6_refused_stays_refused(g: &mut Ground) -> Result<(), Failure> {
    let guest = nameless();
    g.know(&guest).await?;
    let (order, credit) = (OrderId(id(82)), guest.account(Credit));
    g.bind(order, &guest).await?;
    let held = Reserve::new(1, order, credit, 500_001);
    let limit = Kopecks(500_000);
    same(g.refused(held.commit(at(1))).await?, Refusal::InsufficientFunds { limit })?;
    g.ops(vec![top_up(credit, Kopecks(10_000), id(2))]).await?;
    let again = g.replayed(held.commit(at(1))).await?;
    same(again, Verdict::Refused(Refusal::InsufficientFunds { limit }))
}

/// I6: a refusal that says "wrong till" is not remembered: the right till may come.
pub async fn i6_wrong_till_is_not_remembered(g: &mut Ground) -> Result<(), Failure> {
    let order = OrderId(id(82));
    let tell = |number| {
        let (till, total) = (Some(till(number)), Some(Kopecks(100)));
        let op = Op::Tell { order, till, total, lines: None, money: None };
        Commit { ops: vec![op], ..keyed(Scope::Custom, id(1), at(1), Vec::new()) }
    };
    g.ops(vec![Op::Tell { order, till: Some(till(1)), total: None, lines: None, money: None }])
        .await?;
    same(g.refused(tell(2)).await?, Refusal::WrongTill)?;
    g.done(tell(1)).await?;
    Ok(())
}

/// I7: a refusal changes no row but the one that remembers it.
pub async fn i7_refusal_changes_no_row(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let order = OrderId(id(82));
    g.bind(order, &anna).await?;
    let (bonus, deposit) = (anna.account(Bonus), anna.account(Deposit));
    g.reserve(&Reserve::new(1, order, deposit, 1_000)).await?;
    // By then the hold could lapse: a refused commit does not lapse it.
    let late = Pay { total: Some(Kopecks(1)), ..Pay::new(2, order, deposit, 500) };
    let refused = g.refused(late.commit(at(7_200))).await?;
    same(refused, Refusal::OverTotal { captured: Kopecks::ZERO, total: Kopecks(1) })?;
    same(g.account(deposit).await?.held, Kopecks(1_000))?;
    let too_much = Reserve::new(3, order, bonus, 8_486_501).commit(at(2));
    let limit = Kopecks(8_486_500);
    same(g.refused(too_much).await?, Refusal::InsufficientFunds { limit })?;
    same(g.payment(2).await?.state_word(), "refused")
}

/// I7: a commit without a verdict leaves no key behind.
pub async fn i7_conflict_leaves_no_key(g: &mut Ground) -> Result<(), Failure> {
    let stream = StreamId { kind: StreamKind::Payment, id: id(9) };
    let append = |expect| {
        let records = vec![Record { kind: 1, version: 1, body: [7].into() }];
        let expect = Some(Seq(expect));
        let op = Op::Append { stream, expect, fence: None, records, head: Head::default() };
        Commit { ops: vec![op], ..keyed(Scope::Custom, id(1), at(1), Vec::new()) }
    };
    same(g.conflict(append(3)).await?, CommitError::Stale { stream, head: Seq(0) })?;
    let Some(key) = append(0).key else { return Err(Failure::new("no key")) };
    same(g.store().recall(&key).await?, None)?;
    g.done(append(0)).await?;
    same(g.store().recall(&key).await?, Some(Recalled::Done))
}

/// I9: one refused part, and nothing of the group happens.
pub async fn i9_group_is_all_or_none(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let order = OrderId(id(82));
    g.bind(order, &guest).await?;
    let bonus = Reserve::new(1, order, guest.account(Bonus), 10_000);
    let deposit = Reserve::new(2, order, guest.account(Deposit), 100_001);
    let stream = StreamId::from(order);
    let records = vec![Record { kind: 1, version: 1, body: Box::default() }];
    let append = Op::Append { stream, expect: None, fence: None, records, head: Head::default() };
    let group = Commit { ops: vec![append, bonus.op(), deposit.op()], ..bonus.commit(at(1)) };
    let limit = Kopecks(100_000);
    same(g.refused(group).await?, Refusal::InsufficientFunds { limit })?;
    same(g.account(guest.account(Bonus)).await?.held, Kopecks::ZERO)?;
    same(g.store().load(stream, Seq(0), 10).await?.len(), 0)
}

/// I9, B11: two parts of one order in one commit.
pub async fn i9_group_of_two_wallets(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let order = OrderId(id(82));
    g.bind(order, &anna).await?;
    let total = Some(Kopecks(165_000));
    let bonus = Pay { total, ..Pay::new(1, order, anna.account(Bonus), 75_000) };
    let deposit = Pay { total, ..Pay::new(2, order, anna.account(Deposit), 90_000) };
    let ops = vec![bonus.op(), deposit.op()];
    let group = Commit { key: None, guard: Some(bonus.guard()), ops, at: at(1) };
    same(g.done(group).await?.len(), 2)?;
    same(g.available(anna.account(Bonus)).await?, Kopecks(8_411_500))?;
    same(g.available(anna.account(Deposit)).await?, Kopecks(10_004_100))
}

/// `recall` tells whether a key was used, and how it was refused.
pub async fn recall_tells_done_and_refused(g: &mut Ground) -> Result<(), Failure> {
    let anna = anna();
    g.know(&anna).await?;
    let commits = [
        keyed(Scope::TopUp, id(1), at(1), vec![top_up(anna.account(Deposit), Kopecks(1), id(1))]),
        keyed(Scope::TopUp, id(2), at(1), vec![top_up(anna.account(Deposit), Kopecks(0), id(2))]),
    ];
    let recalled = [Recalled::Done, Recalled::Refused(Refusal::BadAmount)];
    for (commit, recalled) in commits.into_iter().zip(recalled) {
        let Some(key) = commit.key else { return Err(Failure::new("no key")) };
        same(g.store().recall(&key).await?, None)?;
        g.store().commit(commit).await?;
        same(g.store().recall(&key).await?, Some(recalled))?;
        let elsewhere = Key { scope: Scope::Custom, ..key };
        same(g.store().recall(&elsewhere).await?, None)?;
    }
    Ok(())
}

/// What was acknowledged is there after the store was closed and opened, to the last commit.
pub async fn acknowledged_survives_reopening(g: &mut Ground) -> Result<(), Failure> {
    for persona in seed() {
        g.know(&persona).await?;
        g.reopen().await?;
    }
    let (anna, order) = (anna(), OrderId(id(82)));
    let deposit = anna.account(Deposit);
    g.bind(order, &anna).await?;
    g.reserve(&Reserve::new(1, order, deposit, 5_000)).await?;
    g.reopen().await?;
    let by_hold = Pay {
        hold: Some(tillway_core::id::HoldId(id(1))),
        till: Some(till(1)),
        ..Pay::new(2, order, deposit, 4_000)
    };
    g.pay(&by_hold).await?;
    g.reopen().await?;
    g.done(refund(3, 2, 1_500, Some(Kopecks::ZERO), at(2))).await?;
    g.reopen().await?;
    check(matches!(g.replayed(by_hold.commit(at(1))).await?, Verdict::Done(_)), "known")?;
    let again = g.replayed(refund(3, 2, 1_500, Some(Kopecks::ZERO), at(2))).await?;
    match again {
        Verdict::Done(outcomes) => {
            check(matches!(outcomes.as_slice(), [Outcome::Refund(..)]), "the refund as it stands")
        }
        Verdict::Refused(why) => Err(Failure::new(format!("refused: {why}"))),
    }
}

/// A refusal is remembered after the store was closed and opened; so are claims.
pub async fn refusals_and_claims_survive_reopening(g: &mut Ground) -> Result<(), Failure> {
    let (anna, stream) = (anna(), StreamId { kind: StreamKind::Payment, id: id(9) });
    g.know(&anna).await?;
    let nothing = || {
        keyed(Scope::TopUp, id(1), at(1), vec![top_up(anna.account(Deposit), Kopecks(0), id(1))])
    };
    same(g.refused(nothing()).await?, Refusal::BadAmount)?;
    let owner = tillway_core::id::Owner(id(1));
    let lease = core::time::Duration::from_secs(60);
    let fence = g.store().claim(stream, owner, lease, at(1)).await?;
    g.reopen().await?;
    same(g.replayed(nothing()).await?, Verdict::Refused(Refusal::BadAmount))?;
    let other = tillway_core::id::Owner(id(2));
    let refused = g.store().claim(stream, other, lease, at(2)).await;
    same(refused, Err(tillway_core::port::ClaimError::Held))?;
    check(fence > Fence(0), "a claim has a fence")
}

/// A read that begins after a commit returned sees it, through any handle.
pub async fn reads_see_own_writes(g: &mut Ground) -> Result<(), Failure> {
    let (anna, order) = (anna(), OrderId(id(82)));
    g.know(&anna).await?;
    let deposit = anna.account(Deposit);
    for number in 1..=5 {
        g.ops(vec![top_up(deposit, Kopecks(1), id(number))]).await?;
        let added = i64::try_from(number).unwrap_or_default();
        same(g.account(deposit).await?.balance, Kopecks(94_100 + added))?;
        let lines = g.store().statement(deposit, None, 1).await?;
        same(lines.first().map(|line| line.movement.by), Some(id(number)))?;
    }
    g.bind(order, &anna).await?;
    let sheet = g.store().sheet(order).await?;
    same(sheet.and_then(|sheet| sheet.guest), Some(anna.guest))
}

/// A store that was just opened answers, and may be written.
pub async fn ready_when_open(g: &mut Ground) -> Result<(), Failure> {
    g.store().ready().await?;
    g.reopen().await?;
    Ok(g.store().ready().await?)
}
