//! Payments: what is moved, what is told, and what is refused before anything is sent.

use tillway_core::Kopecks;
use tillway_core::port::terminal::{AMOUNT_MAX, MoneyOutcome, Operation, Reason};

use crate::conformance::{Failure, check, same};
use crate::terminal::{Ground, Trouble};

/// A payment moves its amount, once, and is told with a reference number.
pub async fn payment_moves_money_once(g: &mut Ground) -> Result<(), Failure> {
    let amount = g.amount();
    let paid = g.approved(&Operation::Pay { amount }).await?;
    same((paid.amount, paid.partial, paid.offline), (amount, false, false))?;
    check(paid.reference.is_some(), "a payment has a reference number")?;
    check(paid.terminal.is_some(), "a payment names its terminal")?;
    same(g.venue().moves().len(), 1)
}

/// Two payments of one amount are two, with reference numbers of their own.
pub async fn payments_of_one_amount_are_apart(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    let (one, other) = (g.approved(&pay).await?, g.approved(&pay).await?);
    check(one.reference != other.reference, "both have one reference number")?;
    same(g.venue().moves().len(), 2)
}

/// Amounts that no terminal has room for are refused before the device is touched.
pub async fn payment_is_checked_before_it_is_sent(g: &mut Ground) -> Result<(), Failure> {
    // Were the device asked, the answer would be lost.
    g.venue().befall(Trouble::LostAnswer).await;
    for amount in [Kopecks::ZERO, Kopecks(-1), Kopecks(AMOUNT_MAX.0 + 1), Kopecks(i64::MAX)] {
        let decline = g.declined(&Operation::Pay { amount }).await?;
        same(decline.reason, Reason::NotStarted)?;
        check(decline.text.as_str().contains("amount"), "the text names the amount")?;
    }
    Ok(())
}

/// The smallest and the largest amount are paid.
pub async fn payment_may_be_one_kopeck(g: &mut Ground) -> Result<(), Failure> {
    for amount in [Kopecks(1), AMOUNT_MAX] {
        g.approved(&Operation::Pay { amount }).await?;
    }
    Ok(())
}

/// The bank's no is a no.
pub async fn payment_that_the_bank_refuses(g: &mut Ground) -> Result<(), Failure> {
    no(g, Trouble::Declined, &[Reason::Host]).await
}

/// The guest's no is a no.
pub async fn payment_that_the_guest_gives_up(g: &mut Ground) -> Result<(), Failure> {
    no(g, Trouble::GuestCancels, &[Reason::GuestCancelled, Reason::GuestTimeout]).await
}

/// Without the bank nothing moves.
pub async fn payment_without_the_bank(g: &mut Ground) -> Result<(), Failure> {
    no(g, Trouble::NoBankLink, &[Reason::NoBankLink]).await
}

async fn no(g: &mut Ground, trouble: Trouble, reasons: &[Reason]) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    g.venue().befall(trouble).await;
    let decline = g.declined(&pay).await?;
    check(reasons.contains(&decline.reason), &format!("{trouble:?} is told as {decline:?}"))?;
    // The next guest is not concerned.
    g.approved(&pay).await?;
    Ok(())
}

/// There is something to print, and it says how much.
pub async fn payment_leaves_a_slip(g: &mut Ground) -> Result<(), Failure> {
    let paid = g.pay().await?;
    let rubles = (paid.amount.0 / 100).to_string();
    let shown = paid.slips.iter().flat_map(|slip| &slip.lines);
    let plain = |line: &str| line.replace(['\'', ' ', '\u{a0}', '\u{2009}'], "");
    let names = shown.map(|line| plain(line.as_str())).any(|line| line.contains(&rubles));
    check(names, "a slip names the amount")
}

/// A partial approval is told as what it is: the amount that was moved.
pub async fn f18_partial_approval_is_told(g: &mut Ground) -> Result<(), Failure> {
    let amount = g.amount();
    g.venue().befall(Trouble::Partial).await;
    let paid = g.approved(&Operation::Pay { amount }).await?;
    check(paid.partial && paid.amount < amount, "it is partial")
}

/// An offline approval is told as one, or is in doubt where the venue wants that; never declined.
pub async fn f18_offline_approval_is_told(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    let (attempt, before) = (g.attempt(), g.venue().moves());
    g.venue().befall(Trouble::Offline).await;
    let outcome = g.terminal().perform(&attempt, &pay).await;
    match &outcome {
        MoneyOutcome::Approved(paid) => check(paid.offline, "it is told as approved online")?,
        MoneyOutcome::InDoubt(_) => {}
        MoneyOutcome::Declined(_) => return Err(Failure::new("it is told as declined")),
    }
    g.settle(&attempt, &pay, outcome, &before).await?;
    Ok(())
}
