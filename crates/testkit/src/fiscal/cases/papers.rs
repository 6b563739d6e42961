//! Paper: what is printed again, further, or beside.

use tillway_core::port::fiscal::{Cause, Fiscal, FiscalOutcome, Slip, SlipItem};

use crate::conformance::{Failure, check, same};
use crate::fiscal::{Ground, Printed, Trouble};

/// A slip is printed and writes nothing; its lines are on the tape.
pub async fn slip_is_printed(g: &mut Ground) -> Result<(), Failure> {
    for open in [false, true] {
        if open {
            g.open_shift().await?;
        }
        let (documents, pieces) = (g.documents(), g.venue().tape().len());
        let items = vec![
            SlipItem::Title("Заказ 82".into()),
            SlipItem::Text("  две колонки      360.01".into()),
            SlipItem::Qr("https://example.com/82".into()),
            SlipItem::Barcode("4601234567893".into()),
            SlipItem::Cut,
        ];
        g.register().print(&Slip { items }).await?;
        same(g.documents(), documents)?;
        let tape = g.venue().tape();
        let new = tape.iter().skip(pieces).flat_map(|piece| piece.lines.iter());
        let text: String = new.map(|line| format!("{line}\n")).collect();
        check(text.contains("Заказ 82"), "the title is on the tape")?;
        check(text.contains("  две колонки      360.01"), "columns are kept")?;
    }
    Ok(())
}

/// A slip of more than 500 pieces is refused as a whole.
pub async fn slip_has_a_limit(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let pieces = g.venue().tape().len();
    let items = vec![SlipItem::Text("строка".into()); 501];
    check(g.register().print(&Slip { items }).await.is_err(), "501 pieces were printed")?;
    same(g.venue().tape().len(), pieces)?;
    let items = vec![SlipItem::Text("строка".into()); 500];
    Ok(g.register().print(&Slip { items }).await?)
}

/// A copy is marked as one and writes nothing.
pub async fn copy_is_no_document(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let sale = g.sale_document();
    let written = g.write(&sale).await?;
    let documents = g.documents();
    g.register().print_again(written.number).await?;
    same(g.documents(), documents)?;
    let tape = g.venue().tape();
    let copies = tape.iter().filter(|piece| piece.of == Printed::Copy(written.number)).count();
    same(copies, 1)
}

/// There is no copy of what is not there.
pub async fn copy_of_nothing_is_refused(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let pieces = g.venue().tape().len();
    let last = g.register().mark().await?.last;
    let answer = g.register().print_again(last.saturating_add(1)).await;
    check(answer.is_err(), "a copy of a document that is not there")?;
    same(g.venue().tape().len(), pieces)
}

/// With nothing to print, going on is done at once.
pub async fn nothing_to_go_on_with(g: &mut Ground) -> Result<(), Failure> {
    g.register().continue_print().await?;
    g.open_shift().await?;
    let pieces = g.venue().tape().len();
    g.register().continue_print().await?;
    same(g.venue().tape().len(), pieces)
}

/// The paper ends within a receipt: it is written, says so or is found, and comes out whole once.
pub async fn paper_ends_within_a_receipt(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    g.venue().befall(Trouble::PaperEnds).await;
    let answer = g.register().register(&attempt, &what).await;
    if let FiscalOutcome::Written(document) = &answer {
        check(document.unprinted, "its paper is not finished")?;
    }
    check(!matches!(answer, FiscalOutcome::NotWritten(_)), "it is written")?;
    let going_on = g.register().continue_print().await;
    check(going_on.is_err(), "nobody prints without paper")?;
    g.venue().mend().await;
    g.settle(&attempt, &what, answer).await?;
    let tape = g.venue().tape();
    let number = g.like(&what).first().map_or(0, |document| document.number);
    let whole = tape.iter().filter(|piece| piece.of == Printed::Document(number) && !piece.torn);
    same(whole.count(), 1)?;
    let next = g.sale_document();
    g.write(&next).await?;
    Ok(())
}

/// Without paper nothing begins: a report says why, a receipt is not written meanwhile.
pub async fn paper_is_asked_for(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    g.venue().befall(Trouble::NoPaper).await;
    check(!g.register().status().await?.paper, "the status says that there is no paper")?;
    match g.register().report_x(None).await {
        Err(error) => same(error.cause, Cause::Paper)?,
        Ok(()) => return Err(Failure::new("a report without paper")),
    }
    let documents = g.documents();
    let (what, attempt) = (g.sale_document(), g.attempt().await?);
    let answer = g.register().register(&attempt, &what).await;
    same(g.documents(), documents)?;
    g.venue().mend().await;
    check(g.register().status().await?.paper, "the status says that there is paper")?;
    g.settle(&attempt, &what, answer).await?;
    g.write(&Fiscal::CloseShift(None)).await?;
    Ok(())
}
