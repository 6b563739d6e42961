//! Calls that come together, that are given up, and that reach nobody.

use core::time::Duration;

use tillway_core::port::terminal::{Fault, Operation};

use crate::conformance::{Failure, check};
use crate::terminal::cases::doubts::polled;
use crate::terminal::{Ground, Trouble};

/// A terminal that is asked who it is answers, and no money moves.
pub async fn probe_moves_nothing(g: &mut Ground) -> Result<(), Failure> {
    let before = g.venue().moves();
    g.terminal().probe().await?;
    check(g.venue().moves() == before, "a probe moved money")
}

/// Silence is an error that says what to look at.
pub async fn probe_without_a_link(g: &mut Ground) -> Result<(), Failure> {
    g.venue().befall(Trouble::Unplugged).await;
    let told = g.terminal().probe().await;
    let fault = told.as_ref().err().map(|error| error.fault);
    check(
        matches!(fault, Some(Fault::Link | Fault::Timeout | Fault::Setup)),
        &format!("a missing link is told as {told:?}"),
    )
}

/// Two guests at once are served one after the other, or one is told to come again.
pub async fn one_call_at_a_time(g: &mut Ground) -> Result<(), Failure> {
    let before = g.venue().moves();
    let (one, other) = (g.attempt(), g.attempt());
    let pays = [g.amount(), g.amount()].map(|amount| Operation::Pay { amount });
    let terminal = g.handle();
    let both =
        futures::future::join(terminal.perform(&one, &pays[0]), terminal.perform(&other, &pays[1]));
    let (first, second) = both.await;
    let after = g.venue().moves();
    let is_moved = |what: &Operation| after.iter().any(|it| it.amount == what.amount());
    for (attempt, what, outcome) in [(one, &pays[0], first), (other, &pays[1], second)] {
        let moved = is_moved(what);
        // Each is held against its own movement.
        let mut without = after.clone();
        without.retain(|it| it.amount != what.amount());
        check(without.len() >= before.len(), "what was there is there")?;
        let before = if moved { &without } else { &after };
        g.settle(&attempt, what, outcome, before).await?;
    }
    Ok(())
}

/// A call that its caller gives up goes on at the device; what is said of it then is true.
pub async fn dropped_call_is_settled(g: &mut Ground) -> Result<(), Failure> {
    for _ in 0..2 {
        let pay = Operation::Pay { amount: g.amount() };
        let (attempt, before) = (g.attempt(), g.venue().moves());
        let terminal = g.handle();
        let outcome = polled(terminal.perform(&attempt, &pay));
        match outcome {
            Some(outcome) => g.settle(&attempt, &pay, outcome, &before).await?,
            None => {
                g.venue().advance(Duration::from_secs(1_200)).await;
                g.resolve(&attempt, &pay, &before).await?
            }
        };
    }
    Ok(())
}
