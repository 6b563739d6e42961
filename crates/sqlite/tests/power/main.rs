//! Power cuts and faults of the disk, at every call (R5): nothing acknowledged is lost, nothing
//! refused is there, nothing is half there.
//!
//! The store runs on a simulated disk below SQLite. What is left on it is compared, row by row,
//! with a store that did the same steps on a disk that never fails.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod checkpoint;
mod crowd;
mod cuts;
mod faults;
mod ground;
mod opening;
mod story;
mod tail;
