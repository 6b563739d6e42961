//! Shifts (F21), reports, and the sums of the shift.

use core::time::Duration;

use tillway_core::Kopecks;
use tillway_core::fiscal::{DocumentKind, Paid, Receipt, ReceiptKind, Tender};
use tillway_core::port::fiscal::{Cause, Fiscal, KindTotal, ShiftState};

use crate::conformance::{Failure, check, same};
use crate::fiscal::Ground;
use crate::fiscal::ground::receipt;

const HOUR: Duration = Duration::from_secs(3_600);

/// Opening a shift is one document, and the register says until when it is open.
pub async fn shift_opens_with_one_document(g: &mut Ground) -> Result<(), Failure> {
    g.shift_is(ShiftState::Closed).await?;
    let before = g.register().mark().await?;
    let opened = g.open_shift().await?;
    same(opened.kind, DocumentKind::OpenShift)?;
    same(opened.number, before.last.saturating_add(1))?;
    let shift = g.shift_is(ShiftState::Open).await?;
    same(opened.shift.unwrap_or(shift.number), shift.number)?;
    let now = g.register().mark().await?.at;
    let left = shift.expires.map(|at| at.since(now));
    let in_time = left.is_some_and(|left| left > HOUR * 23 && left <= HOUR * 24);
    check(in_time, "an open shift says that it expires within 24 hours")
}

/// An open shift is not opened again.
pub async fn shift_opens_once(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    same(g.refused(&Fiscal::OpenShift(None)).await?.cause, Cause::ShiftOpen)
}

/// Closing twice gives one document.
pub async fn shift_closes_once(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    g.write(&Fiscal::CloseShift(None)).await?;
    g.shift_is(ShiftState::Closed).await?;
    same(g.refused(&Fiscal::CloseShift(None)).await?.cause, Cause::ShiftClosed)
}

/// The close tells how many receipts the shift had.
pub async fn shift_close_counts_receipts(g: &mut Ground) -> Result<(), Failure> {
    for count in [0, 3] {
        g.open_shift().await?;
        for _ in 0..count {
            let sale = g.sale_document();
            g.write(&sale).await?;
        }
        let closed = g.write(&Fiscal::CloseShift(None)).await?;
        same(closed.receipts, Some(count))?;
    }
    Ok(())
}

/// Trap A: a receipt never opens the shift on its way. What is found later would be one document
/// too many.
pub async fn trap_a_receipt_opens_no_shift(g: &mut Ground) -> Result<(), Failure> {
    let sale = g.sale_document();
    same(g.refused(&sale).await?.cause, Cause::ShiftClosed)?;
    g.shift_is(ShiftState::Closed).await?;
    g.open_shift().await?;
    g.write(&Fiscal::CloseShift(None)).await?;
    let sale = g.sale_document();
    same(g.refused(&sale).await?.cause, Cause::ShiftClosed)?;
    Ok(())
}

/// F21: a shift is good for 24 hours by the register's clock, and then only closes.
pub async fn f21_shift_expires_after_24_hours(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    g.venue().advance(HOUR * 23).await;
    g.shift_is(ShiftState::Open).await?;
    let sale = g.sale_document();
    g.write(&sale).await?;
    g.venue().advance(HOUR).await;
    g.shift_is(ShiftState::Expired).await?;
    let late = g.sale_document();
    same(g.refused(&late).await?.cause, Cause::ShiftExpired)?;
    let again = g.refused(&Fiscal::OpenShift(None)).await?;
    check(matches!(again.cause, Cause::ShiftOpen | Cause::ShiftExpired), "it is open still")?;
    g.write(&Fiscal::CloseShift(None)).await?;
    g.shift_is(ShiftState::Closed).await?;
    g.open_shift().await?;
    g.write(&late).await?;
    Ok(())
}

/// The sums of the shift are those of the receipts in the memory, also after it is closed.
pub async fn totals_are_those_of_the_memory(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let all = [Tender::Cash, Tender::Card, Tender::Prepaid, Tender::Credit, Tender::Other];
    let mut sum = Kopecks::ZERO;
    for (tender, rubles) in all.into_iter().zip(1..) {
        let total = Kopecks(rubles * 10_000);
        g.write(&document(receipt(ReceiptKind::Sell, total, tender))).await?;
        sum = sum.add(total)?;
    }
    for (tender, rubles) in [(Tender::Cash, 4), (Tender::Card, 5)] {
        g.write(&document(receipt(ReceiptKind::SellReturn, Kopecks(rubles * 100), tender))).await?;
    }
    let paid = |tenders: &[(Tender, i64)]| -> Vec<Paid> {
        let one = |(tender, sum): &(Tender, i64)| Paid { tender: *tender, amount: Kopecks(*sum) };
        tenders.iter().map(one).collect()
    };
    let mut sold = [10_000, 20_000, 30_000, 40_000, 50_000].into_iter();
    let sold: Vec<_> = all.into_iter().map(|tender| (tender, sold.next().unwrap_or(0))).collect();
    let sell = KindTotal { count: 5, sum, paid: paid(&sold) };
    let back = [(Tender::Cash, 400), (Tender::Card, 500)];
    let sell_return = KindTotal { count: 2, sum: Kopecks(900), paid: paid(&back) };
    for close in [false, true] {
        if close {
            g.write(&Fiscal::CloseShift(None)).await?;
        }
        let totals = g.register().totals().await?;
        same(sorted(totals.sell), sell.clone())?;
        same(sorted(totals.sell_return), sell_return.clone())?;
        check(close || totals.drawer == Kopecks(9_600), "the drawer has the cash")?;
    }
    Ok(())
}

/// A new shift begins at zero.
pub async fn totals_begin_at_zero(g: &mut Ground) -> Result<(), Failure> {
    for _ in 0..2 {
        g.open_shift().await?;
        let totals = g.register().totals().await?;
        same((totals.sell, totals.sell_return), (KindTotal::default(), KindTotal::default()))?;
        same(totals.shift, g.shift_is(ShiftState::Open).await?.number)?;
        let sale = g.sale_document();
        g.write(&sale).await?;
        g.write(&Fiscal::CloseShift(None)).await?;
    }
    Ok(())
}

/// The report on the exchange is a document and no receipt.
pub async fn exchange_report_is_a_document(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let report = g.write(&Fiscal::Exchange(None)).await?;
    same(report.kind, DocumentKind::Exchange)?;
    same(g.register().totals().await?.sell, KindTotal::default())?;
    let unsent = g.register().exchange().await?.unsent;
    check(usize::try_from(unsent).is_ok_and(|n| n <= g.count()), "no more unsent than there are")
}

/// An X report is printed and writes nothing.
pub async fn report_x_writes_nothing(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let sale = g.sale_document();
    g.write(&sale).await?;
    let (documents, pieces) = (g.documents(), g.venue().tape().len());
    let totals = g.register().totals().await?;
    g.register().report_x(None).await?;
    same(g.documents(), documents)?;
    check(g.venue().tape().len() > pieces, "the report is printed")?;
    same(g.register().totals().await?, totals)?;
    g.shift_is(ShiftState::Open).await?;
    Ok(())
}

/// An X report of a closed shift is refused.
pub async fn report_x_needs_a_shift(g: &mut Ground) -> Result<(), Failure> {
    match g.register().report_x(None).await {
        Err(error) => same(error.cause, Cause::ShiftClosed),
        Ok(()) => Err(Failure::new("an X report of a closed shift was printed")),
    }
}

fn document(receipt: Receipt) -> Fiscal {
    Fiscal::Receipt(Box::new(receipt))
}

fn sorted(mut total: KindTotal) -> KindTotal {
    total.paid.sort_by_key(|paid| paid.tender);
    total
}
