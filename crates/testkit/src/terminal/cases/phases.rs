//! Holding and confirming.

use tillway_core::port::terminal::{HoldError, Operation};

use crate::conformance::{Failure, check};
use crate::terminal::Ground;

/// A payment that is held and confirmed stays paid.
pub async fn held_payment_is_confirmed(g: &mut Ground) -> Result<(), Failure> {
    let paid = g.pay().await?;
    held(g.terminal().hold(&g.attempt_of(&paid), &paid).await)?;
    held(g.terminal().confirm(&g.attempt_of(&paid), &paid).await)?;
    g.pay().await?;
    Ok(())
}

/// A payment that is held is rolled back.
pub async fn held_payment_is_rolled_back(g: &mut Ground) -> Result<(), Failure> {
    let paid = g.pay().await?;
    let of = g.original(&paid);
    held(g.terminal().hold(&g.attempt_of(&paid), &paid).await)?;
    g.approved(&Operation::RollBack { of }).await?;
    g.pay().await?;
    Ok(())
}

/// A confirmation whose answer was lost is asked for again.
pub async fn confirm_again_is_done_as_well(g: &mut Ground) -> Result<(), Failure> {
    let paid = g.pay().await?;
    held(g.terminal().hold(&g.attempt_of(&paid), &paid).await)?;
    for _ in 0..3 {
        held(g.terminal().confirm(&g.attempt_of(&paid), &paid).await)?;
    }
    Ok(())
}

/// Only the last payment is held.
pub async fn hold_of_another_payment_is_a_mismatch(g: &mut Ground) -> Result<(), Failure> {
    let first = g.pay().await?;
    g.pay().await?;
    let outcome = g.terminal().hold(&g.attempt_of(&first), &first).await;
    check(outcome == Err(HoldError::Mismatch), &format!("another one is held: {outcome:?}"))
}

fn held(outcome: Result<(), HoldError>) -> Result<(), Failure> {
    outcome.map_err(|error| Failure::new(error.to_string()))
}
