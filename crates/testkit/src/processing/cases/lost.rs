//! Messages and answers that are lost: what is said is true, and the books come out right.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use tillway_core::Kopecks;
use tillway_core::port::processing::{Command, Outcome, Sealed};

use crate::conformance::{Failure, check, same};
use crate::processing::ground::{accrue, half_the_tea, pay, refund};
use crate::processing::house::{CARD, PAID, POINTS, SOLD, guest};
use crate::processing::{Ground, Trouble};

type Done = Result<(), Failure>;

/// Sends a message whose outcome nobody knows, then again until it is done.
async fn lost_then_done(
    ground: &mut Ground,
    message: &Sealed,
    trouble: Trouble,
    done: bool,
) -> Done {
    ground.doubted(trouble, message).await?;
    same(ground.books().done.contains(&message.id), done)?;
    ground.repeated(message).await
}

/// The till knows: the message may be sent as if it were new.
pub async fn nothing_is_sent_without_a_link(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    let message = ground.seal(accrue(&sale, PAID)?)?;
    match ground.troubled(Trouble::NoLink, &message).await? {
        Outcome::Unreached(_) => {}
        other => return Err(Failure::new(format!("there was no link: {other:?}"))),
    }
    match ground.send(&message).await? {
        Outcome::Done(_) => {}
        other => return Err(Failure::new(format!("nothing was sent before: {other:?}"))),
    }
    ground.done(Command::Confirm { purchase: sale.purchase }).await?;
    ground.expects(SOLD);
    Ok(())
}

/// The sale of the example while each of its messages is lost in each way.
pub async fn lost_accrual_and_confirm(ground: &mut Ground) -> Done {
    let mut points = POINTS;
    for (trouble, done) in Trouble::DOUBTS {
        let sale = ground.calculated().await?;
        let message = ground.seal(accrue(&sale, Kopecks::ZERO)?)?;
        lost_then_done(ground, &message, trouble, done).await?;
        let message = ground.seal(Command::Confirm { purchase: sale.purchase })?;
        lost_then_done(ground, &message, trouble, done).await?;
        // 5 % of 370.00.
        points = points.add(Kopecks(1_850))?;
        same(ground.books().points, points)?;
    }
    ground.expects(points);
    Ok(())
}

/// However it is lost, nothing stays reserved.
pub async fn lost_cancel(ground: &mut Ground) -> Done {
    for (trouble, done) in Trouble::DOUBTS {
        let sale = ground.paid().await?;
        let message = ground.seal(Command::Cancel { purchase: sale.purchase })?;
        lost_then_done(ground, &message, trouble, done).await?;
        same((ground.books().reserved, ground.books().open), (Kopecks::ZERO, Vec::new()))?;
    }
    Ok(())
}

/// A payment is never sent again: its purchase is cancelled, and no points stay reserved.
pub async fn lost_payment_is_cancelled(ground: &mut Ground) -> Done {
    for (trouble, done) in Trouble::DOUBTS {
        let sale = ground.calculated().await?;
        let message = ground.seal(pay(&sale, PAID))?;
        ground.doubted(trouble, &message).await?;
        let reserved = if done { PAID } else { Kopecks::ZERO };
        same(ground.books().reserved, reserved)?;
        ground.done(Command::Cancel { purchase: sale.purchase }).await?;
        same((ground.books().reserved, ground.books().open), (Kopecks::ZERO, Vec::new()))?;
    }
    Ok(())
}

/// It is asked for again under its own number, and nothing goes back twice.
pub async fn lost_refund(ground: &mut Ground) -> Done {
    let sale = ground.sold().await?;
    let halves = [Trouble::LostRequest, Trouble::LostAnswer];
    for (trouble, done) in Trouble::DOUBTS.into_iter().filter(|(one, _)| halves.contains(one)) {
        let back = ground.back(Some(&sale), vec![half_the_tea()]);
        let message = ground.seal(refund(&back, Some(&sale)))?;
        lost_then_done(ground, &message, trouble, done).await?;
        ground.done(Command::Confirm { purchase: back.purchase }).await?;
    }
    // 163.51, 87.50 back, 9.13 no longer earned.
    ground.expects(Kopecks(24_188));
    Ok(())
}

/// What only reads is no more certain.
pub async fn lost_question(ground: &mut Ground) -> Done {
    for (trouble, _) in Trouble::DOUBTS {
        let message = ground.seal(Command::Balance { guest: guest(CARD) })?;
        ground.doubted(trouble, &message).await?;
        same(ground.balance(CARD).await?, POINTS)?;
    }
    Ok(())
}

/// An answer whose signature is not right was not given.
pub async fn forged_answer_is_no_answer(ground: &mut Ground) -> Done {
    for trouble in [Trouble::Forged, Trouble::Unsigned] {
        let message = ground.seal(Command::Balance { guest: guest(CARD) })?;
        ground.doubted(trouble, &message).await?;
        let sale = ground.calculated().await?;
        let message = ground.seal(pay(&sale, PAID))?;
        ground.doubted(trouble, &message).await?;
        ground.done(Command::Cancel { purchase: sale.purchase }).await?;
        let refused = ground.seal(Command::Confirm { purchase: ground.number() })?;
        ground.doubted(trouble, &refused).await?;
    }
    same(ground.books().reserved, Kopecks::ZERO)
}

/// Lines are told by their numbers, or by what they are.
pub async fn lines_in_disorder_are_told_apart(ground: &mut Ground) -> Done {
    for trouble in [Trouble::Reordered, Trouble::Renumbered] {
        let sale = ground.sale();
        let message = ground.seal(Command::Calculate { sale: sale.clone(), wish: None })?;
        let Outcome::Done(answer) = ground.troubled(trouble, &message).await? else {
            return Err(Failure::new(format!("{trouble:?} is no trouble")));
        };
        let cheque = sale.cheque.discounted(&answer);
        let cheque = cheque.map_err(|error| Failure::new(error.to_string()))?;
        let amounts: Vec<Kopecks> = cheque.lines.iter().map(|line| line.amount).collect();
        same(amounts, vec![Kopecks(27_000), Kopecks(10_000)])?;
    }
    Ok(())
}

/// Calls from several tasks wait for one another.
pub async fn calls_at_once_are_all_served(ground: &mut Ground) -> Done {
    let sales =
        [ground.calculated().await?, ground.calculated().await?, ground.calculated().await?];
    let mut messages = Vec::new();
    for sale in &sales {
        messages.push(ground.seal(accrue(sale, Kopecks::ZERO)?)?);
    }
    let processing = ground.processing();
    let outcomes = futures::future::join_all(messages.iter().map(|one| processing.send(one))).await;
    let done = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_)));
    check(done, "calls at once are not all served")?;
    for sale in sales {
        ground.done(Command::Cancel { purchase: sale.purchase }).await?;
    }
    Ok(())
}

/// A caller who goes away leaves a doubt, and nothing worse.
pub async fn dropped_call_is_sent_again(ground: &mut Ground) -> Done {
    let sale = ground.paid().await?;
    let message = ground.seal(accrue(&sale, PAID)?)?;
    {
        let mut call = pin!(ground.processing().send(&message));
        match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(_) | Poll::Pending => {}
        }
    }
    ground.repeated(&message).await?;
    ground.done(Command::Confirm { purchase: sale.purchase }).await?;
    ground.expects(SOLD);
    Ok(())
}
