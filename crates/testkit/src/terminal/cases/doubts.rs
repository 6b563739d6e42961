//! Doubts about payments: how they come, and how they end.

use core::time::Duration;

use tillway_core::Kopecks;
use tillway_core::port::terminal::{MoneyOutcome, Operation, Resolution};

use crate::conformance::{Failure, check, same};
use crate::terminal::{Ground, Settled, Trouble};

/// Whatever befalls a payment, what is said of it is true.
pub async fn doubt_about_a_payment_is_settled(g: &mut Ground) -> Result<(), Failure> {
    for (trouble, _) in Trouble::DOUBTS {
        let pay = Operation::Pay { amount: g.amount() };
        g.troubled(trouble, &pay).await?;
    }
    // The next guest is not concerned.
    g.pay().await?;
    Ok(())
}

/// A terminal that can resolve needs no person for a single loss.
pub async fn doubt_about_a_payment_ends_without_a_person(g: &mut Ground) -> Result<(), Failure> {
    for (trouble, taken) in Trouble::DOUBTS {
        let pay = Operation::Pay { amount: g.amount() };
        let settled = g.troubled(trouble, &pay).await?;
        let done = matches!(settled, Settled::Done(_));
        check(settled != Settled::Person && done == taken, &format!("{trouble:?}: {settled:?}"))?;
    }
    Ok(())
}

/// One loss after the other, of one amount.
pub async fn doubt_after_doubt(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    for _ in 0..3 {
        for trouble in [Trouble::LostAnswer, Trouble::LostRequest] {
            g.troubled(trouble, &pay).await?;
        }
    }
    Ok(())
}

/// A deadline is never a decline.
pub async fn deadline_declines_nothing(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    let (attempt, before) = (g.attempt(), g.venue().moves());
    g.venue().befall(Trouble::LateAnswer).await;
    let outcome = g.terminal().perform(&attempt, &pay).await;
    check(!matches!(outcome, MoneyOutcome::Declined(_)), "the deadline declined it")?;
    g.settle(&attempt, &pay, outcome, &before).await?;
    Ok(())
}

/// What comes after the deadline is found.
pub async fn late_answer_is_not_lost(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    let settled = g.troubled(Trouble::LateAnswer, &pay).await?;
    check(matches!(settled, Settled::Done(_)), "it was approved in the end")
}

/// *Not performed* is not said while a guest may still show a card.
pub async fn f19_not_performed_needs_time(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    let (attempt, before) = (g.attempt(), g.venue().moves());
    g.venue().befall(Trouble::LostRequest).await;
    let outcome = g.terminal().perform(&attempt, &pay).await;
    g.venue().mend().await;
    let soon = g.venue().now().since(attempt.at) < Duration::from_secs(10);
    if soon && matches!(outcome, MoneyOutcome::InDoubt(_)) {
        let said = g.ask(&attempt, &pay).await;
        check(!matches!(said, Resolution::NotPerformed(_)), "not performed is said at once")?;
    }
    g.settle(&attempt, &pay, outcome, &before).await?;
    Ok(())
}

/// Who cannot ask does not know.
pub async fn resolve_concludes_nothing_without_a_link(g: &mut Ground) -> Result<(), Failure> {
    for trouble in [Trouble::LostRequest, Trouble::LostAnswer] {
        let pay = Operation::Pay { amount: g.amount() };
        let (attempt, before) = (g.attempt(), g.venue().moves());
        g.venue().befall(trouble).await;
        let outcome = g.terminal().perform(&attempt, &pay).await;
        if matches!(outcome, MoneyOutcome::InDoubt(_)) {
            g.venue().mend().await;
            g.venue().advance(Duration::from_secs(1_200)).await;
            g.venue().befall(Trouble::Unplugged).await;
            let said = g.ask(&attempt, &pay).await;
            // What was heard meanwhile may be told; silence proves nothing.
            check(!matches!(said, Resolution::NotPerformed(_)), "it is concluded from silence")?;
        }
        g.venue().mend().await;
        g.settle(&attempt, &pay, outcome, &before).await?;
    }
    Ok(())
}

/// A payment that is journaled already is not found a second time.
pub async fn resolve_takes_no_other_attempt(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    g.approved(&pay).await?;
    let settled = g.troubled(Trouble::LostRequest, &pay).await?;
    check(!matches!(settled, Settled::Done(_)), "another payment was taken for it")
}

/// A payment that another program took with the same terminal is not ours.
pub async fn resolve_takes_no_other_amount(g: &mut Ground) -> Result<(), Failure> {
    for more in [-1, 1] {
        let amount = g.amount();
        g.paid_by_another(Kopecks(amount.0 + more)).await;
        let settled = g.troubled(Trouble::LostRequest, &Operation::Pay { amount }).await?;
        check(!matches!(settled, Settled::Done(_)), "another payment was taken for it")?;
    }
    Ok(())
}

/// Nothing that counts is in the memory of the program alone.
pub async fn resolve_after_a_restart(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    let (attempt, before) = (g.attempt(), g.venue().moves());
    g.venue().befall(Trouble::LostAnswer).await;
    let outcome = g.terminal().perform(&attempt, &pay).await;
    check(matches!(outcome, MoneyOutcome::InDoubt(_)), "a lost answer is a doubt")?;
    g.venue().mend().await;
    g.restart().await?;
    let settled = g.resolve(&attempt, &pay, &before).await?;
    check(matches!(settled, Settled::Done(_)), "it was approved")
}

/// Asked after an answer that was final, the terminal says nothing else.
pub async fn resolve_agrees_with_the_answer(g: &mut Ground) -> Result<(), Failure> {
    for trouble in [None, Some(Trouble::Declined), Some(Trouble::GuestCancels)] {
        let pay = Operation::Pay { amount: g.amount() };
        let (attempt, before) = (g.attempt(), g.venue().moves());
        if let Some(trouble) = trouble {
            g.venue().befall(trouble).await;
        }
        let outcome = g.terminal().perform(&attempt, &pay).await;
        g.settle(&attempt, &pay, outcome.clone(), &before).await?;
        g.venue().advance(Duration::from_secs(1_200)).await;
        let said = g.ask(&attempt, &pay).await;
        match (&outcome, &said) {
            (MoneyOutcome::Approved(paid), Resolution::Approved(found)) => {
                same((found.amount, &found.reference), (paid.amount, &paid.reference))?;
            }
            (MoneyOutcome::Approved(_), Resolution::NotPerformed(_))
            | (MoneyOutcome::Declined(_), Resolution::Approved(_)) => {
                return Err(Failure::new(format!("{outcome:?}, and then {said:?}")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Asking moves no money, however often.
pub async fn resolve_moves_nothing(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    g.approved(&pay).await?;
    let attempt = g.attempt();
    let before = g.venue().moves();
    for _ in 0..5 {
        g.ask(&attempt, &pay).await;
        g.venue().advance(Duration::from_secs(120)).await;
    }
    same(g.venue().moves(), before)
}

/// A partial approval whose answer is lost is not told as the whole, and not as nothing.
pub async fn f18_partial_approval_in_doubt(g: &mut Ground) -> Result<(), Failure> {
    let pay = Operation::Pay { amount: g.amount() };
    let (attempt, before) = (g.attempt(), g.venue().moves());
    g.venue().befall(Trouble::Partial).await;
    let call = g.handle();
    drop(polled(call.perform(&attempt, &pay)));
    g.venue().advance(Duration::from_secs(1_200)).await;
    g.venue().mend().await;
    match g.resolve(&attempt, &pay, &before).await? {
        Settled::Person => {
            // The bank has it or not; how much is for a person to see.
            let moved = g.venue().moves().into_iter().skip(before.len()).collect::<Vec<_>>();
            moved.iter().for_each(|one| g.seen_by_a_person(*one));
            Ok(())
        }
        Settled::Done(_) | Settled::NotDone => Ok(()),
    }
}

/// A call that was begun, and is given up.
pub(super) fn polled<F: Future>(call: F) -> Option<F::Output> {
    let mut call = Box::pin(call);
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        core::task::Poll::Ready(output) => Some(output),
        core::task::Poll::Pending => None,
    }
}
