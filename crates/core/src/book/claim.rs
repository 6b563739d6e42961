//! Claims: one run of the program at a time performs a flow.

use core::time::Duration;

use crate::book::stream::{Fence, StreamRow};
use crate::id::Owner;
use crate::time::Timestamp;

/// Somebody else holds the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("another run of the program holds the stream")]
pub struct ClaimRefused;

/// Claims a stream, or renews the claim of the same owner. The fence grows with every new owner
/// and never shrinks, so a sleeper that lost its lease cannot write.
///
/// # Errors
/// [`ClaimRefused`] while another owner's lease lasts.
pub fn claim(
    row: &StreamRow,
    owner: Owner,
    ttl: Duration,
    now: Timestamp,
) -> Result<StreamRow, ClaimRefused> {
    let mut next = row.clone();
    match row.lease {
        Some((holder, until)) if now < until => {
            if holder != owner {
                return Err(ClaimRefused);
            }
        }
        _ => next.fence = Fence(row.fence.0.wrapping_add(1)),
    }
    next.lease = Some((owner, now.after(ttl)));
    Ok(next)
}

/// Gives a claim up. A fence that is no longer current changes nothing.
pub fn release(row: &StreamRow, fence: Fence) -> StreamRow {
    let mut next = row.clone();
    if row.fence == fence {
        next.lease = None;
    }
    next
}
