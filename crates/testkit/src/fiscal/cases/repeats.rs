//! The same attempt again: it never prints twice.

use tillway_core::port::fiscal::{Fiscal, FiscalOutcome};

use crate::conformance::{Failure, check, same};
use crate::fiscal::{Ground, Settled, Trouble};

/// A repeat answers with the document of the first time.
pub async fn repeat_answers_the_same(g: &mut Ground) -> Result<(), Failure> {
    for what in [Fiscal::OpenShift(None), g.sale_document(), Fiscal::CloseShift(None)] {
        let attempt = g.attempt().await?;
        let first = g.register().register(&attempt, &what).await;
        let Settled::Written(first) = g.settle(&attempt, &what, first).await? else {
            return Err(Failure::new("the first time is written"));
        };
        let documents = g.documents();
        for _ in 0..3 {
            let again = g.register().register(&attempt, &what).await;
            same(again_number(&again)?, first.number)?;
            same(g.documents(), documents.clone())?;
        }
    }
    Ok(())
}

/// A repeat after other documents answers with the first one all the same.
pub async fn repeat_after_others(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    let first = g.register().register(&attempt, &what).await;
    let first = again_number(&first)?;
    for _ in 0..3 {
        let other = g.sale_document();
        g.write(&other).await?;
    }
    let again = g.register().register(&attempt, &what).await;
    same(again_number(&again)?, first)
}

/// A repeat after the program was started anew.
pub async fn repeat_after_a_restart(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    let first = g.register().register(&attempt, &what).await;
    let first = again_number(&first)?;
    g.restart().await?;
    let again = g.register().register(&attempt, &what).await;
    same(again_number(&again)?, first)?;
    same(g.like(&what).len(), 1)
}

/// A repeat after the answer, or the request, was lost: one document or none, and no second one.
pub async fn repeat_after_a_loss(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for trouble in [Trouble::LostAnswer, Trouble::LostRequest] {
        let what = g.sale_document();
        let attempt = g.attempt().await?;
        g.venue().befall(trouble).await;
        let first = g.register().register(&attempt, &what).await;
        g.venue().mend().await;
        for _ in 0..2 {
            let again = g.register().register(&attempt, &what).await;
            check(g.like(&what).len() <= 1, "a repeat prints again")?;
            g.settle(&attempt, &what, again).await?;
        }
        if matches!(first, FiscalOutcome::NotWritten(_)) {
            same(g.like(&what).len(), 0)?;
        }
    }
    Ok(())
}

/// Another document under the same id is a mistake of the caller: it is not written, and the
/// document of the id is not taken for it.
pub async fn repeat_of_another_document(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let (what, other) = (g.sale_document(), g.sale_document());
    let attempt = g.attempt().await?;
    let first = g.register().register(&attempt, &what).await;
    again_number(&first)?;
    let answer = g.register().register(&attempt, &other).await;
    check(!matches!(answer, FiscalOutcome::Written(_)), "another document is taken for it")?;
    same((g.like(&what).len(), g.like(&other).len()), (1, 0))
}

fn again_number(outcome: &FiscalOutcome) -> Result<u32, Failure> {
    match outcome {
        FiscalOutcome::Written(document) => Ok(document.number),
        other => Err(Failure::new(format!("should be written: {other:?}"))),
    }
}
