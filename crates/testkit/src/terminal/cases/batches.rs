//! Reports and reconciliations.

use core::time::Duration;

use tillway_core::port::terminal::{Operation, ReconcileOutcome, Reconciliation, ReportKind};

use crate::conformance::{Failure, check, same};
use crate::terminal::{Ground, Trouble};

/// A batch without operations says so.
pub async fn report_of_an_empty_batch(g: &mut Ground) -> Result<(), Failure> {
    for kind in [ReportKind::Short, ReportKind::Full] {
        check(g.terminal().report(kind).await?.empty, "the report is empty")?;
    }
    Ok(())
}

/// A batch with operations has a report to show.
pub async fn report_of_payments(g: &mut Ground) -> Result<(), Failure> {
    g.pay().await?;
    for kind in [ReportKind::Short, ReportKind::Full] {
        let report = g.terminal().report(kind).await?;
        check(!report.empty && !report.slips.is_empty(), "the report shows the payment")?;
    }
    Ok(())
}

/// Reading changes nothing.
pub async fn report_moves_nothing(g: &mut Ground) -> Result<(), Failure> {
    g.pay().await?;
    let before = g.venue().moves();
    let first = g.terminal().report(ReportKind::Full).await?;
    g.terminal().last_slip().await?;
    let again = g.terminal().report(ReportKind::Full).await?;
    same((again.totals, again.empty), (first.totals, first.empty))?;
    same(g.venue().moves(), before)
}

/// A reconciliation begins a new batch, and moves no money.
pub async fn reconciliation_begins_a_new_batch(g: &mut Ground) -> Result<(), Failure> {
    g.pay().await?;
    let done = reconciled(g).await?;
    check(!done.empty && !done.slips.is_empty(), "there is something to print")?;
    check(g.terminal().report(ReportKind::Full).await?.empty, "the new batch is empty")?;
    g.pay().await?;
    check(!g.terminal().report(ReportKind::Full).await?.empty, "it begins to fill")
}

/// Nothing to compare is no difference.
pub async fn reconciliation_of_nothing_is_no_mismatch(g: &mut Ground) -> Result<(), Failure> {
    g.pay().await?;
    reconciled(g).await?;
    let again = reconciled(g).await?;
    check(again.empty && again.agreed != Some(false), "an empty one agrees")
}

async fn reconciled(g: &Ground) -> Result<Reconciliation, Failure> {
    match g.terminal().reconcile().await {
        ReconcileOutcome::Done(done) => Ok(done),
        other => Err(Failure::new(format!("should be done: {other:?}"))),
    }
}

/// A reconciliation that is refused leaves the batch open.
pub async fn reconciliation_that_is_refused(g: &mut Ground) -> Result<(), Failure> {
    g.pay().await?;
    g.venue().befall(Trouble::Declined).await;
    let refused = g.terminal().reconcile().await;
    check(matches!(refused, ReconcileOutcome::Refused(_)), &format!("{refused:?}"))?;
    g.venue().mend().await;
    check(!g.terminal().report(ReportKind::Full).await?.empty, "the batch is open")?;
    reconciled(g).await?;
    Ok(())
}

/// The next report tells whether one was done whose answer was lost.
pub async fn f22_lost_reconciliation_shows_in_the_report(g: &mut Ground) -> Result<(), Failure> {
    for (trouble, done) in [(Trouble::LostAnswer, true), (Trouble::LostRequest, false)] {
        g.pay().await?;
        g.venue().befall(trouble).await;
        let outcome = g.terminal().reconcile().await;
        check(matches!(outcome, ReconcileOutcome::InDoubt(_)), &format!("{outcome:?}"))?;
        g.venue().mend().await;
        g.venue().advance(Duration::from_secs(1_200)).await;
        same(g.terminal().report(ReportKind::Full).await?.empty, done)?;
    }
    Ok(())
}

/// Sums that a program can read are the bank's.
pub async fn totals_are_those_of_the_bank(g: &mut Ground) -> Result<(), Failure> {
    let one = g.pay().await?;
    let of = g.original(&one);
    let other = g.pay().await?;
    g.approved(&Operation::Refund { amount: of.amount, of }).await?;
    let done = reconciled(g).await?;
    let totals = done.totals.ok_or_else(|| Failure::new("there are no totals"))?;
    same((totals.payments.count, totals.payments.sum), (2, one.amount.add(other.amount)?))?;
    let back = totals.refunds.sum.add(totals.cancels.sum)?;
    same((back, totals.refunds.count + totals.cancels.count), (one.amount, 1))
}

/// The last slip is printed again.
pub async fn last_slip_is_of_the_last_operation(g: &mut Ground) -> Result<(), Failure> {
    same(g.terminal().last_slip().await?.len(), 0)?;
    g.pay().await?;
    let paid = g.pay().await?;
    let again = g.terminal().last_slip().await?;
    let reference = paid.reference.unwrap_or_default();
    let named = again.iter().flat_map(|slip| &slip.lines).any(|l| l.as_str().contains(&*reference));
    check(!again.is_empty() && (named || again == paid.slips), "it is the slip of the payment")
}
