//! Recorded histories of concurrent callers, checked for linearizability.
//!
//! A [`Plan`] is what some callers ask of a store, decided by a seed: reservations, payments,
//! voids, expiries, cancels, refunds, appends and reads over sixteen limited accounts. Recording it
//! gives a [`History`]: who asked what, when it began and ended, and what was told.
//! [`History::check`] looks for an order of the calls, each between its beginning and its end, in
//! which the book as core defines it gives exactly these answers. That is what the port promises:
//! commits are serial, and every read sees all commits that returned before it began.
//!
//! ```
//! use std::sync::Arc;
//!
//! use tillway_core::port::Store;
//! use tillway_memory::MemoryStore;
//! use tillway_testkit::histories::{Plan, Size};
//!
//! let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
//! let plan = Plan::new(1, Size { callers: 4, calls: 20 });
//! plan.set_up(store.as_ref())?;
//! let explained = plan.record(&store).check()?;
//! assert_eq!(explained.calls, 80);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The guests of a plan share nothing, so each guest's calls are checked apart. The search
//! remembers where it was and gives up after a bounded number of steps, which counts as a failure.
//! When there is no order, the error shows the smallest part of the history that has none, with
//! the seed. The seed decides what is asked; how the threads meet is not for it to decide, so a
//! failure may need more than one run to be seen again.

mod book;
mod call;
mod explain;
mod history;
mod plan;
mod record;
mod search;

pub use call::{Answer, Call, Came};
pub use history::{Event, Explained, History, Unexplained};
pub use plan::{GROUPS, Plan, Size};

#[cfg(test)]
mod tests;
