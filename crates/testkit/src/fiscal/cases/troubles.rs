//! Everything that can befall a document, at every kind of document: what the register says in
//! the end is true, and it goes on working.

use tillway_core::port::fiscal::{Fiscal, FiscalOutcome};

use crate::conformance::{Failure, check, same};
use crate::fiscal::{Ground, Settled, Trouble};

/// Whatever befalls a receipt, the answer is true, and the next receipt is written.
pub async fn trouble_within_a_receipt(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for trouble in Trouble::OF_A_DOCUMENT {
        let what = g.sale_document();
        let settled = g.troubled(trouble, &what).await?;
        expected(trouble, &settled)?;
        same(g.like(&what).len(), usize::from(matches!(settled, Settled::Written(_))))?;
        let next = g.sale_document();
        g.write(&next).await?;
    }
    Ok(())
}

/// Whatever befalls the opening and the close of a shift, each is written once in the end.
pub async fn trouble_within_a_shift(g: &mut Ground) -> Result<(), Failure> {
    for trouble in Trouble::OF_A_DOCUMENT {
        for what in [Fiscal::OpenShift(None), Fiscal::CloseShift(None)] {
            let before = g.count();
            let settled = g.troubled(trouble, &what).await?;
            expected(trouble, &settled)?;
            if settled == Settled::NotWritten {
                g.write(&what).await?;
            }
            same(g.count(), before.saturating_add(1))?;
        }
    }
    Ok(())
}

/// A new attempt after each one that was not written: in the end every sale has one receipt.
pub async fn trouble_again_and_again(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for _ in 0..5 {
        let what = g.sale_document();
        let mut settled = Settled::NotWritten;
        for trouble in Trouble::OF_A_DOCUMENT {
            if settled == Settled::NotWritten {
                settled = g.troubled(trouble, &what).await?;
            }
        }
        check(matches!(settled, Settled::Written(_)), "one of the attempts is written")?;
        same(g.like(&what).len(), 1)?;
    }
    Ok(())
}

/// Without link or power nothing is said to be written, and reads fail instead of guessing.
pub async fn trouble_of_the_link_is_told(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for trouble in [Trouble::Unplugged, Trouble::PowerOff] {
        let what = g.sale_document();
        let attempt = g.attempt().await?;
        g.venue().befall(trouble).await;
        let answer = g.register().register(&attempt, &what).await;
        check(!matches!(answer, FiscalOutcome::Written(_)), "written without a link")?;
        check(g.register().mark().await.is_err(), "a mark without a link")?;
        check(g.register().shift().await.is_err(), "a shift without a link")?;
        check(g.register().totals().await.is_err(), "totals without a link")?;
        check(g.register().document(1).await.is_err(), "a document without a link")?;
        check(g.register().report_x(None).await.is_err(), "an X report without a link")?;
        g.venue().mend().await;
        g.settle(&attempt, &what, answer).await?;
    }
    Ok(())
}

/// What must come of it, where nobody can answer otherwise.
fn expected(trouble: Trouble, settled: &Settled) -> Result<(), Failure> {
    let written = matches!(settled, Settled::Written(_));
    let person = matches!(settled, Settled::Person(_));
    check(!person, &format!("{trouble:?} leaves nothing to a person"))?;
    match trouble {
        Trouble::LostAnswer | Trouble::PowerAfter | Trouble::PaperEnds => {
            check(written, &format!("{trouble:?}: it was written"))
        }
        Trouble::PowerBefore | Trouble::PowerOff | Trouble::Unplugged => {
            check(!written, &format!("{trouble:?}: it was not written"))
        }
        // A server may send again what was lost, and may print when paper is put in.
        _ => Ok(()),
    }
}
