//! A receipt that stays open while the guest pays.

use tillway_core::Kopecks;
use tillway_core::fiscal::{Paid, Receipt, Tender};
use tillway_core::port::fiscal::{Attempt, Cause, Fiscal, FiscalOutcome};

use crate::conformance::{Failure, check, same};
use crate::fiscal::{Ground, Settled, Trouble};

/// Opened, paid and closed, it is one document.
pub async fn open_receipt_is_closed(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let (attempt, receipt, what) = opened(g).await?;
    same(g.like(&what).len(), 0)?;
    let answer = g.register().close_receipt(&attempt, &receipt.paid).await;
    let settled = g.settle(&attempt, &what, answer).await?;
    check(matches!(settled, Settled::Written(_)), "it is written")?;
    let found = g.find(&attempt, &what).await?;
    check(matches!(found, Settled::Written(_)), "it is found")?;
    let next = g.sale_document();
    g.write(&next).await?;
    Ok(())
}

/// Annulled, it leaves nothing in the memory, and the next one is written.
pub async fn open_receipt_is_annulled(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let (attempt, _, what) = opened(g).await?;
    let documents = g.documents();
    g.register().annul_receipt().await?;
    same(g.documents(), documents)?;
    same(g.find(&attempt, &what).await?, Settled::NotWritten)?;
    let next = g.sale_document();
    g.write(&next).await?;
    Ok(())
}

/// With no receipt open, annulling is done at once, and takes nothing back.
pub async fn annul_without_a_receipt(g: &mut Ground) -> Result<(), Failure> {
    g.register().annul_receipt().await?;
    g.open_shift().await?;
    let (attempt, receipt, what) = opened(g).await?;
    let answer = g.register().close_receipt(&attempt, &receipt.paid).await;
    g.settle(&attempt, &what, answer).await?;
    let documents = g.documents();
    for _ in 0..2 {
        g.register().annul_receipt().await?;
    }
    same(g.documents(), documents)
}

/// In a closed or expired shift no receipt is opened.
pub async fn open_receipt_needs_a_shift(g: &mut Ground) -> Result<(), Failure> {
    let sale = g.sale();
    let attempt = g.attempt().await?;
    match g.register().open_receipt(&attempt, &sale).await {
        Err(error) => same(error.cause, Cause::ShiftClosed)?,
        Ok(()) => return Err(Failure::new("a receipt in a closed shift")),
    }
    same(g.count(), 0)?;
    g.register().annul_receipt().await?;
    g.open_shift().await?;
    let next = g.sale_document();
    g.write(&next).await?;
    Ok(())
}

/// A receipt that is wrong is not opened.
pub async fn open_receipt_is_checked(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let wrong = Receipt { lines: Vec::new(), ..g.sale() };
    let attempt = g.attempt().await?;
    match g.register().open_receipt(&attempt, &wrong).await {
        Err(error) => same(error.cause, Cause::BadReceipt)?,
        Ok(()) => return Err(Failure::new("an empty receipt was opened")),
    }
    let next = g.sale_document();
    g.write(&next).await?;
    Ok(())
}

/// Opened before anybody knows how it will be paid, it is paid when it is closed.
pub async fn open_receipt_is_paid_at_the_close(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let receipt = g.sale();
    let unpaid = Receipt { paid: Vec::new(), ..receipt.clone() };
    let attempt = g.attempt().await?;
    g.register().open_receipt(&attempt, &unpaid).await?;
    let answer = g.register().close_receipt(&attempt, &receipt.paid).await;
    let what = Fiscal::Receipt(Box::new(receipt));
    let settled = g.settle(&attempt, &what, answer).await?;
    check(matches!(settled, Settled::Written(_)), "it is written")?;
    let found = g.find(&attempt, &what).await?;
    check(matches!(found, Settled::Written(_)), "it is found")
}

/// Payments that do not make up the total are refused, and that is final: the receipt is annulled.
pub async fn open_receipt_needs_the_money(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let (attempt, receipt, what) = opened(g).await?;
    let documents = g.documents();
    let less = receipt.total()?.sub(Kopecks(1))?;
    let wrong = [Paid { tender: Tender::Card, amount: less }];
    match g.register().close_receipt(&attempt, &wrong).await {
        FiscalOutcome::NotWritten(error) => same(error.cause, Cause::BadReceipt)?,
        other => return Err(Failure::new(format!("too little was paid: {other:?}"))),
    }
    let again = g.register().close_receipt(&attempt, &receipt.paid).await;
    check(matches!(again, FiscalOutcome::NotWritten(_)), "what is not written stays so")?;
    same(g.documents(), documents)?;
    same(g.find(&attempt, &what).await?, Settled::NotWritten)?;
    let next = g.sale_document();
    g.write(&next).await?;
    Ok(())
}

/// What befalls the close: the answer is true in the end.
pub async fn open_receipt_in_trouble(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for trouble in [
        Trouble::LostAnswer,
        Trouble::LostRequest,
        Trouble::PowerBefore,
        Trouble::PowerAfter,
        Trouble::PaperEnds,
    ] {
        let (attempt, receipt, what) = opened(g).await?;
        g.venue().befall(trouble).await;
        let answer = g.register().close_receipt(&attempt, &receipt.paid).await;
        g.venue().mend().await;
        let was = matches!(answer, FiscalOutcome::Written(_));
        // What is still open keeps the register from saying; nobody goes on with it any more.
        if matches!(answer, FiscalOutcome::InDoubt(_)) {
            annul(g).await?;
        }
        let settled = g.settle(&attempt, &what, answer).await?;
        let written = matches!(settled, Settled::Written(_));
        check(written || !was, "what was written is there")?;
        same(g.like(&what).len(), usize::from(written))?;
        annul(g).await?;
        let next = g.sale_document();
        g.write(&next).await?;
    }
    Ok(())
}

/// The program stops with an open receipt: annulled by the next start, it left nothing.
pub async fn open_receipt_and_a_restart(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let (attempt, _, what) = opened(g).await?;
    g.restart().await?;
    g.register().annul_receipt().await?;
    same(g.find(&attempt, &what).await?, Settled::NotWritten)?;
    let next = g.sale_document();
    g.write(&next).await?;
    Ok(())
}

async fn opened(g: &mut Ground) -> Result<(Attempt, Receipt, Fiscal), Failure> {
    let receipt = g.sale();
    let attempt = g.attempt().await?;
    g.register().open_receipt(&attempt, &receipt).await?;
    let what = Fiscal::Receipt(Box::new(receipt.clone()));
    Ok((attempt, receipt, what))
}

/// Annuls what is open, paper permitting.
async fn annul(g: &mut Ground) -> Result<(), Failure> {
    g.finish_paper().await?;
    Ok(g.register().annul_receipt().await?)
}
