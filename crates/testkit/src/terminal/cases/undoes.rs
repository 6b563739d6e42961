//! Cancels, refunds and roll-backs.

use tillway_core::Kopecks;
use tillway_core::port::terminal::{MoneyOutcome, Operation, Original, Reason, ReconcileOutcome};

use crate::conformance::{Failure, check, same};
use crate::terminal::{Ground, Settled, Trouble};

/// A payment that is there to be undone.
async fn paid(g: &mut Ground) -> Result<Original, Failure> {
    let paid = g.pay().await?;
    Ok(g.original(&paid))
}

/// A cancel within the batch gives all back.
pub async fn cancel_gives_all_back(g: &mut Ground) -> Result<(), Failure> {
    let of = paid(g).await?;
    let amount = of.amount;
    g.approved(&Operation::Cancel { of, amount }).await?;
    Ok(())
}

/// A cancel of a part gives the part back.
pub async fn cancel_of_a_part(g: &mut Ground) -> Result<(), Failure> {
    let of = paid(g).await?;
    let part = Kopecks(1_000);
    let back = g.approved(&Operation::Cancel { of, amount: part }).await?;
    same(back.amount, part)
}

/// A refund gives back.
pub async fn f26_refund_gives_back(g: &mut Ground) -> Result<(), Failure> {
    let of = paid(g).await?;
    let amount = of.amount;
    g.approved(&Operation::Refund { of, amount }).await?;
    Ok(())
}

/// Parts are given back one by one, and no more than all.
pub async fn refund_in_parts(g: &mut Ground) -> Result<(), Failure> {
    let mut of = paid(g).await?;
    for _ in 0..3 {
        let amount = Kopecks(10_000);
        g.approved(&Operation::Refund { of: of.clone(), amount }).await?;
        of.returned = of.returned.add(amount)?;
    }
    let rest = of.amount.sub(of.returned)?;
    let more = Operation::Refund { of: of.clone(), amount: rest.add(Kopecks(1))? };
    same(g.declined(&more).await?.reason, Reason::NotStarted)?;
    g.approved(&Operation::Refund { of, amount: rest }).await?;
    Ok(())
}

/// A payment of an earlier batch is refunded.
pub async fn refund_of_an_earlier_batch(g: &mut Ground) -> Result<(), Failure> {
    let of = paid(g).await?;
    let done = g.terminal().reconcile().await;
    check(matches!(done, ReconcileOutcome::Done(_)), &format!("reconciled: {done:?}"))?;
    let amount = of.amount;
    g.approved(&Operation::Refund { of, amount }).await?;
    Ok(())
}

/// More than was taken, or than is left, is refused before the device is touched.
pub async fn undoing_more_than_was_taken_is_refused(g: &mut Ground) -> Result<(), Failure> {
    let of = paid(g).await?;
    let more = of.amount.add(Kopecks(1))?;
    // Were the device asked, the answer would be lost.
    g.venue().befall(Trouble::LostAnswer).await;
    let returned = Original { returned: Kopecks(1), ..of.clone() };
    for what in [
        Operation::Cancel { of: of.clone(), amount: more },
        Operation::Refund { of: of.clone(), amount: more },
        Operation::Refund { of: returned.clone(), amount: of.amount },
        Operation::Refund { of: of.clone(), amount: Kopecks::ZERO },
        Operation::RollBack { of: returned },
    ] {
        same(g.declined(&what).await?.reason, Reason::NotStarted)?;
    }
    Ok(())
}

/// What nobody paid is not given back.
pub async fn undoing_what_nobody_paid_is_refused(g: &mut Ground) -> Result<(), Failure> {
    g.pay().await?;
    let nobody = Original {
        amount: Kopecks(5_000),
        returned: Kopecks::ZERO,
        reference: Some("999999999999".into()),
        authorisation: Some("999999".into()),
        attempt: g.attempt(),
        confirmed: false,
    };
    let amount = nobody.amount;
    for what in [
        Operation::Cancel { of: nobody.clone(), amount },
        Operation::Refund { of: nobody.clone(), amount },
        Operation::RollBack { of: nobody },
    ] {
        g.declined(&what).await?;
    }
    Ok(())
}

/// The last payment is rolled back.
pub async fn roll_back_of_the_last(g: &mut Ground) -> Result<(), Failure> {
    g.pay().await?;
    let of = paid(g).await?;
    g.approved(&Operation::RollBack { of }).await?;
    Ok(())
}

/// A payment that is not the last is rolled back or refused; another is not touched.
pub async fn roll_back_undoes_no_other_payment(g: &mut Ground) -> Result<(), Failure> {
    let of = paid(g).await?;
    g.pay().await?;
    let what = Operation::RollBack { of };
    let (attempt, before) = (g.attempt(), g.venue().moves());
    let outcome = g.terminal().perform(&attempt, &what).await;
    check(!matches!(outcome, MoneyOutcome::InDoubt(_)), "nothing was lost")?;
    g.settle(&attempt, &what, outcome, &before).await?;
    Ok(())
}

/// What is confirmed is not rolled back.
pub async fn roll_back_of_what_is_confirmed_is_refused(g: &mut Ground) -> Result<(), Failure> {
    let of = paid(g).await?;
    g.venue().befall(Trouble::LostAnswer).await;
    let what = Operation::RollBack { of: Original { confirmed: true, ..of } };
    same(g.declined(&what).await?.reason, Reason::NotStarted)
}

/// A refund in doubt is an attempt of its own, and what is said of it is true.
pub async fn f27_doubt_about_a_refund_is_settled(g: &mut Ground) -> Result<(), Failure> {
    in_doubt(g, |of, amount| Operation::Refund { of, amount }).await
}

/// So is a cancel.
pub async fn doubt_about_a_cancel_is_settled(g: &mut Ground) -> Result<(), Failure> {
    in_doubt(g, |of, amount| Operation::Cancel { of, amount }).await
}

/// So is a roll-back.
pub async fn doubt_about_a_roll_back_is_settled(g: &mut Ground) -> Result<(), Failure> {
    in_doubt(g, |of, _| Operation::RollBack { of }).await
}

/// A terminal that can resolve needs no person for the loss of an undoing, and says what is true.
pub async fn doubt_about_undoing_ends_without_a_person(g: &mut Ground) -> Result<(), Failure> {
    let undoings: [fn(Original, Kopecks) -> Operation; 3] = [
        |of, amount| Operation::Cancel { of, amount },
        |of, amount| Operation::Refund { of, amount },
        |of, _| Operation::RollBack { of },
    ];
    for undoing in undoings {
        for (trouble, moved) in Trouble::DOUBTS {
            let of = paid(g).await?;
            let what = undoing(of.clone(), of.amount);
            let settled = g.troubled(trouble, &what).await?;
            let done = matches!(settled, Settled::Done(_));
            let told = format!("{trouble:?} of {what:?}: {settled:?}");
            check(settled != Settled::Person && done == moved, &told)?;
            // Nothing is left that could be given back again.
            if done {
                let returned = of.amount;
                let again =
                    Operation::Refund { amount: of.amount, of: Original { returned, ..of } };
                same(g.declined(&again).await?.reason, Reason::NotStarted)?;
            }
        }
    }
    Ok(())
}

async fn in_doubt(
    g: &mut Ground,
    undoing: fn(Original, Kopecks) -> Operation,
) -> Result<(), Failure> {
    for (trouble, _) in Trouble::DOUBTS {
        let of = paid(g).await?;
        let what = undoing(of.clone(), of.amount);
        if g.troubled(trouble, &what).await? == Settled::NotDone {
            // A new attempt may succeed: nothing was given back yet.
            let again = Operation::Refund { amount: of.amount, of };
            g.approved(&again).await?;
        }
    }
    Ok(())
}
