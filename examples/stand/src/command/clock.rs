//! Commands about the machine's clock, which the book is held against.

use tillway::engine::ClockState;

use super::{Desk, Reply};
use crate::failure::Failure;

/// What a clock in doubt means, and how it ends.
pub(crate) const IN_DOUBT: &str = "no new money moves and no hold lapses until the clock is right, or `stand clock confirm` says \
     that it is";

pub(super) async fn show(desk: &Desk) -> Result<Reply, Failure> {
    let state = desk.engine.clock_state().await?;
    Ok(match state {
        ClockState::Sound => Reply::line(state.to_string()),
        _ => Reply { lines: vec![state.to_string(), IN_DOUBT.to_owned()] },
    })
}

pub(super) async fn confirm(desk: &Desk) -> Result<Reply, Failure> {
    let was = desk.engine.confirm_clock().await?;
    Ok(match was {
        ClockState::Sound => Reply::line("the clock is sound, there is nothing to confirm"),
        _ => Reply { lines: vec![was.to_string(), "confirmed: new money moves again".to_owned()] },
    })
}
