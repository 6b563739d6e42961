//! Whether an attempt in doubt was written: section 11 of the ATOL note.

use tillway_core::fiscal::{DocumentKind, ReceiptKind, Tender, Why};
use tillway_core::port::fiscal::{Fiscal, FiscalOutcome, Found};
use tillway_core::{Kopecks, fiscal::Receipt};

use crate::conformance::{Failure, check, same};
use crate::fiscal::ground::receipt;
use crate::fiscal::{Ground, Settled, Trouble};

/// What was answered is found again, and finding writes and prints nothing.
pub async fn find_agrees_with_the_answer(g: &mut Ground) -> Result<(), Failure> {
    for what in [Fiscal::OpenShift(None), g.sale_document(), Fiscal::CloseShift(None)] {
        let attempt = g.attempt().await?;
        let answer = g.register().register(&attempt, &what).await;
        let Settled::Written(answer) = g.settle(&attempt, &what, answer).await? else {
            return Err(Failure::new("it is written"));
        };
        let (documents, pieces) = (g.documents(), g.venue().tape().len());
        for _ in 0..3 {
            let found = g.find(&attempt, &what).await?;
            same(number(&found), Some(answer.number))?;
        }
        same((g.documents(), g.venue().tape().len()), (documents, pieces))?;
    }
    Ok(())
}

/// What was refused is found not written.
pub async fn find_after_a_refusal(g: &mut Ground) -> Result<(), Failure> {
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    let answer = g.register().register(&attempt, &what).await;
    check(matches!(answer, FiscalOutcome::NotWritten(_)), "no receipt in a closed shift")?;
    same(g.find(&attempt, &what).await?, Settled::NotWritten)
}

/// What was never asked for is not there.
pub async fn find_of_what_was_never_asked(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    let (documents, pieces) = (g.documents(), g.venue().tape().len());
    same(g.find(&attempt, &what).await?, Settled::NotWritten)?;
    same((g.documents(), g.venue().tape().len()), (documents, pieces))
}

/// The answer was lost: each kind of document is found.
pub async fn find_after_a_lost_answer(g: &mut Ground) -> Result<(), Failure> {
    let exchange = Fiscal::Exchange(None);
    let sale = g.sale_document();
    for what in [Fiscal::OpenShift(None), sale, exchange, Fiscal::CloseShift(None)] {
        let settled = g.troubled(Trouble::LostAnswer, &what).await?;
        check(number(&settled).is_some(), "what was written is found")?;
    }
    same(g.count(), 4)
}

/// The request never left: it is not there, and stays away.
pub async fn find_without_a_link(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    same(g.troubled(Trouble::Unplugged, &what).await?, Settled::NotWritten)?;
    same(g.like(&what).len(), 0)
}

/// While the register cannot be asked, nothing is concluded.
pub async fn find_concludes_nothing_without_a_link(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for first in [Trouble::LostAnswer, Trouble::PowerBefore] {
        let what = g.sale_document();
        let attempt = g.attempt().await?;
        g.venue().befall(first).await;
        let answer = g.register().register(&attempt, &what).await;
        g.venue().mend().await;
        g.venue().befall(Trouble::Unplugged).await;
        if matches!(answer, FiscalOutcome::InDoubt(_)) {
            match g.register().find(&attempt, &what).await {
                Found::NotYet(_) => {}
                other => return Err(Failure::new(format!("without a link: {other:?}"))),
            }
        }
        g.venue().mend().await;
        g.settle(&attempt, &what, answer).await?;
    }
    Ok(())
}

/// After the program was started anew.
pub async fn find_after_a_restart(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for trouble in [Trouble::LostAnswer, Trouble::LostRequest, Trouble::PowerAfter] {
        let what = g.sale_document();
        let attempt = g.attempt().await?;
        g.venue().befall(trouble).await;
        let answer = g.register().register(&attempt, &what).await;
        g.venue().mend().await;
        g.restart().await?;
        let written = matches!(answer, FiscalOutcome::Written(_));
        let settled = g.find(&attempt, &what).await?;
        g.finish_paper().await?;
        check(!written || number(&settled).is_some(), "what was answered is forgotten")?;
        same(g.like(&what).len(), usize::from(number(&settled).is_some()))?;
    }
    Ok(())
}

/// Documents of other programs, of other sums and kinds, lie before and behind it.
pub async fn find_among_other_documents(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    write_others(g).await;
    g.venue().befall(Trouble::LostAnswer).await;
    let answer = g.register().register(&attempt, &what).await;
    g.venue().mend().await;
    write_others(g).await;
    let ours = g.like(&what).first().map(|document| document.number);
    let settled = g.settle(&attempt, &what, answer).await?;
    check(ours.is_some() && number(&settled) == ours, "ours is found among others")
}

/// Documents of other programs, and nothing of ours.
pub async fn find_takes_no_other_document(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    g.venue().befall(Trouble::PowerBefore).await;
    let answer = g.register().register(&attempt, &what).await;
    g.venue().mend().await;
    write_others(g).await;
    same(g.settle(&attempt, &what, answer).await?, Settled::NotWritten)
}

/// A receipt over the same sum, which was there before, is not it.
pub async fn find_begins_behind_the_mark(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let sale = g.sale();
    g.double(sale.total()?);
    let what = Fiscal::Receipt(Box::new(sale));
    g.venue().write_as_another(&what).await;
    let attempt = g.attempt().await?;
    g.venue().befall(Trouble::PowerBefore).await;
    let answer = g.register().register(&attempt, &what).await;
    g.venue().mend().await;
    same(g.settle(&attempt, &what, answer).await?, Settled::NotWritten)?;
    same(g.like(&what).len(), 1)
}

/// Another program wrote a receipt over the same sum, ours was written too, and the device forgot
/// whose is which: a person decides, unless the operation is printed into it.
pub async fn find_asks_a_person_about_several(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let sale = g.sale();
    g.double(sale.total()?);
    let what = Fiscal::Receipt(Box::new(sale));
    let attempt = g.attempt().await?;
    g.venue().befall(Trouble::LostAnswer).await;
    let answer = g.register().register(&attempt, &what).await;
    g.venue().mend().await;
    let ours = g.documents().last().map(|document| document.number);
    g.venue().write_as_another(&what).await;
    g.venue().befall(Trouble::ForgottenIds).await;
    match g.settle(&attempt, &what, answer).await? {
        Settled::Written(document) => same(Some(document.number), ours),
        Settled::Person(evidence) => {
            same(evidence.why, Why::Several)?;
            same(evidence.candidates.len(), 2)
        }
        Settled::NotWritten => Err(Failure::new("ours is there, and is found not written")),
    }
}

/// F20: another program wrote a receipt over the same sum, and ours was not written.
pub async fn f20_find_tells_operations_apart(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    let sale = g.sale();
    g.double(sale.total()?);
    let what = Fiscal::Receipt(Box::new(sale));
    let attempt = g.attempt().await?;
    g.venue().befall(Trouble::PowerBefore).await;
    let answer = g.register().register(&attempt, &what).await;
    g.venue().mend().await;
    g.venue().write_as_another(&what).await;
    g.venue().befall(Trouble::ForgottenIds).await;
    same(g.settle(&attempt, &what, answer).await?, Settled::NotWritten)
}

/// F23: another fiscal memory is in the register, and ours is in the old one.
pub async fn f23_find_of_what_the_old_memory_has(g: &mut Ground) -> Result<(), Failure> {
    across_memories(g, Trouble::LostAnswer).await
}

/// F23: another fiscal memory is in the register, and nobody can say that the old one has nothing.
pub async fn f23_find_of_what_no_memory_has(g: &mut Ground) -> Result<(), Failure> {
    across_memories(g, Trouble::PowerBefore).await
}

async fn across_memories(g: &mut Ground, trouble: Trouble) -> Result<(), Failure> {
    g.open_shift().await?;
    let what = g.sale_document();
    let attempt = g.attempt().await?;
    g.venue().befall(trouble).await;
    let answer = g.register().register(&attempt, &what).await;
    g.venue().mend().await;
    let written = g.like(&what).first().map(|document| document.number);
    if !matches!(answer, FiscalOutcome::InDoubt(_)) {
        g.settle(&attempt, &what, answer).await?;
        return Ok(());
    }
    g.venue().befall(Trouble::OtherMemory).await;
    g.venue().befall(Trouble::ForgottenIds).await;
    match g.register().find(&attempt, &what).await {
        Found::Person(evidence) => same(evidence.why, Why::OtherMemory),
        // The device may remember what it did before the memory was changed.
        Found::Written(document) => same(Some(document.number), written),
        other => Err(Failure::new(format!("across memories: {other:?}"))),
    }
}

/// Documents that are like a receipt in nothing that counts.
async fn write_others(g: &mut Ground) {
    let [sum, back] = [(); 2].map(|()| g.sale());
    let back = Receipt { kind: ReceiptKind::SellReturn, ..back };
    let small = receipt(ReceiptKind::Sell, Kopecks(1), Tender::Card);
    g.double(Kopecks(1));
    for other in [sum, back, small] {
        g.venue().write_as_another(&Fiscal::Receipt(Box::new(other))).await;
    }
    g.venue().write_as_another(&Fiscal::Exchange(None)).await;
}

fn number(settled: &Settled) -> Option<u32> {
    match settled {
        Settled::Written(document) if document.kind != DocumentKind::Other => Some(document.number),
        _ => None,
    }
}
