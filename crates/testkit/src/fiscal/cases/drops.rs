//! A caller that gives up: dropping the future of a call does not stop the register.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;

use tillway_core::port::fiscal::{Fiscal, FiscalOutcome};

use crate::conformance::{Failure, check, same};
use crate::fiscal::{Ground, Settled};

/// After how many polls a call is dropped.
const POLLS_MAX: u32 = 12;

/// A receipt whose caller gave up is written once or not at all, and is found to be what it is.
pub async fn dropped_receipt_is_found(g: &mut Ground) -> Result<(), Failure> {
    g.open_shift().await?;
    for polls in 0..POLLS_MAX {
        let what = g.sale_document();
        dropped(g, &what, polls).await?;
        check(g.like(&what).len() <= 1, "one receipt at most")?;
        let next = g.sale_document();
        g.write(&next).await?;
    }
    Ok(())
}

/// So is the opening and the close of a shift.
pub async fn dropped_shift_is_found(g: &mut Ground) -> Result<(), Failure> {
    for polls in 0..POLLS_MAX {
        for what in [Fiscal::OpenShift(None), Fiscal::CloseShift(None)] {
            let before = g.count();
            if dropped(g, &what, polls).await? == Settled::NotWritten {
                g.write(&what).await?;
            }
            same(g.count(), before.saturating_add(1))?;
        }
    }
    Ok(())
}

/// Drops the call after so many polls, lets time pass, and asks what became of it.
async fn dropped(g: &mut Ground, what: &Fiscal, polls: u32) -> Result<Settled, Failure> {
    let attempt = g.attempt().await?;
    let mut answer = None;
    {
        let mut call = g.register().register(&attempt, what);
        let mut left = polls;
        poll_fn(|context| {
            while left > 0 && answer.is_none() {
                left = left.saturating_sub(1);
                match call.as_mut().poll(context) {
                    Poll::Ready(outcome) => answer = Some(outcome),
                    Poll::Pending => {}
                }
            }
            Poll::Ready(())
        })
        .await;
    }
    g.venue().advance(Duration::from_secs(60)).await;
    let gave_up = tillway_core::port::fiscal::RegisterError::new(
        tillway_core::port::fiscal::Cause::Unknown,
        "the caller gave up",
    );
    let answer = answer.unwrap_or(FiscalOutcome::InDoubt(gave_up));
    g.settle(&attempt, what, answer).await
}
