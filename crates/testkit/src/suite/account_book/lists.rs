//! Lists: whole, in order, bounded.

use tillway_core::AccountKind::Deposit;
use tillway_core::Kopecks;
use tillway_core::book::{Commit, Op, Refund};
use tillway_core::guest::Names;
use tillway_core::id::{OrderId, PaymentId, RefundId};
use tillway_core::port::AccountBook;

use crate::builders::{Pay, Persona, Reserve, all_three, at, cancel, id, refund, till, top_up};
use crate::conformance::{Failure, check, same};
use crate::suite::Ground;

/// Pages of guests follow each other by id, without a gap and without a repeat.
pub async fn guest_pages(g: &mut Ground) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    let mut ops = Vec::new();
    for number in 0..7 {
        let persona = Persona::new(&format!("{number}"), Names::default());
        wanted.push(persona.guest.id);
        ops.extend(persona.ops());
    }
    g.ops(ops).await?;
    wanted.sort();
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..4 {
        let page = g.store().guests(after, 3).await?;
        check(page.len() <= 3, "a page is no longer than asked for")?;
        found.extend(page.iter().map(|guest| guest.id));
        after = found.last().copied();
    }
    same(found, wanted)
}

/// A statement is read newest first, in pages, and entries never change their number.
pub async fn statement_pages(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let deposit = guest.account(Deposit);
    for number in 1..=5 {
        g.ops(vec![top_up(deposit, Kopecks(1), id(number))]).await?;
    }
    let whole = g.store().statement(deposit, None, 100).await?;
    same(whole.len(), 6)?;
    check(whole.is_sorted_by(|a, b| a.entry > b.entry), "newest first")?;
    let newest: Vec<_> = whole.iter().take(5).map(|line| line.movement.by).collect();
    same(newest, [5, 4, 3, 2, 1].map(id).to_vec())?;
    let (mut found, mut before) = (Vec::new(), None);
    for _ in 0..4 {
        let page = g.store().statement(deposit, before, 2).await?;
        check(page.len() <= 2, "a page is no longer than asked for")?;
        found.extend(page);
        before = found.last().map(|line| line.entry);
    }
    same(found, whole)
}

/// A statement has both sides of a movement between two accounts, and nobody else's.
pub async fn statement_is_of_one_account(g: &mut Ground) -> Result<(), Failure> {
    let (guest, anna) = (all_three(), crate::builders::anna());
    g.know(&guest).await?;
    g.know(&anna).await?;
    let (from, to) = (guest.account(Deposit), anna.account(Deposit));
    let moved = Op::Move {
        from: tillway_core::book::Party::Guest(from),
        to: tillway_core::book::Party::Guest(to),
        amount: Kopecks(5),
        why: tillway_core::book::Why::Correction,
        by: id(1),
    };
    g.ops(vec![moved]).await?;
    for account in [from, to] {
        let lines = g.store().statement(account, None, 100).await?;
        same(lines.len(), 2)?;
        same(lines.first().map(|line| line.movement.by), Some(id(1)))?;
    }
    Ok(())
}

/// No list is longer than a thousand, whatever is asked for, and none is longer than asked for.
pub async fn lists_are_bounded(g: &mut Ground) -> Result<(), Failure> {
    let guest = all_three();
    g.know(&guest).await?;
    let deposit = guest.account(Deposit);
    let moves = (1..=1_005).map(|number| top_up(deposit, Kopecks(1), id(number))).collect();
    g.ops(moves).await?;
    let lines = g.store().statement(deposit, None, u32::MAX).await?;
    check(!lines.is_empty() && lines.len() <= 1_000, "a list has at most a thousand lines")?;
    same(g.store().statement(deposit, None, 0).await?.len(), 0)?;
    same(g.store().guests(None, 0).await?.len(), 0)?;
    same(g.store().overdue(at(0), 0).await?.len(), 0)
}

/// A reconciliation has what a till captured, refunded and forbade in its time, oldest first,
/// and what is held now.
pub async fn reconciliation_of_a_till(g: &mut Ground) -> Result<(), Failure> {
    let (guest, order) = (all_three(), OrderId(id(82)));
    g.know(&guest).await?;
    let named = Op::Tell { order, till: Some(till(1)), total: None, lines: None, money: None };
    g.ops(vec![named]).await?;
    g.bind(order, &guest).await?;
    let deposit = guest.account(Deposit);
    let pay =
        |number, amount| Pay { till: Some(till(1)), ..Pay::new(number, order, deposit, amount) };
    g.done(pay(9, 100).commit(at(10))).await?;
    g.done(pay(1, 200).commit(at(20))).await?;
    g.done(pay(5, 300).commit(at(30))).await?;
    g.refused(pay(6, 100_000_000).commit(at(20))).await?;
    g.done(refund(70, 9, 40, None, at(25))).await?;
    g.done(refund(71, 9, 60, None, at(35))).await?;
    let tombstone = Op::Cancel { id: PaymentId(id(8)), order, till: Some(till(1)) };
    g.done(Commit::of(at(22), vec![tombstone])).await?;
    g.reserve(&Reserve::new(40, order, deposit, 50)).await?;
    let found = g.store().reconciliation(&till(1), at(20), at(30)).await?;
    let payments: Vec<_> = found.payments.iter().map(|payment| payment.id.0).collect();
    same(payments, vec![id(1), id(8)])?;
    let refunds: Vec<&Refund> = found.refunds.iter().collect();
    same(refunds.iter().map(|refund| refund.id).collect(), vec![RefundId(id(70))])?;
    same(found.held.iter().map(|hold| hold.id.0).collect(), vec![id(40)])?;
    let other = g.store().reconciliation(&till(2), at(0), at(99)).await?;
    same(other, tillway_core::port::Reconciliation::default())
}

/// A payment stays in the time it was captured in, whatever became of it.
pub async fn reconciliation_keeps_the_time_of_capture(g: &mut Ground) -> Result<(), Failure> {
    let (guest, order) = (all_three(), OrderId(id(82)));
    g.know(&guest).await?;
    g.bind(order, &guest).await?;
    let deposit = guest.account(Deposit);
    let pay = Pay { till: Some(till(1)), ..Pay::new(1, order, deposit, 100) };
    g.done(pay.commit(at(10))).await?;
    g.done(Commit::of(at(50), vec![cancel(1, order)])).await?;
    let found = g.store().reconciliation(&till(1), at(10), at(11)).await?;
    same(found.payments.iter().map(|p| p.state_word()).collect(), vec!["cancelled"])?;
    let later = g.store().reconciliation(&till(1), at(11), at(99)).await?;
    same(later.payments.len(), 0)
}
