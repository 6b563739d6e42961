//! What every store must do, as cases: one for each MUST of [`Store`] and its reading sides.
//!
//! A case is an async function over a [`Ground`], which has a fresh store under a
//! [`Checked`](crate::Checked): the invariants are checked after every commit of every case,
//! besides what the case asserts. It fails by returning a [`Failure`](crate::Failure) that names
//! the line and what was found.
//!
//! For a store of your own, implement [`Fixture`] (or use [`Shared`] when a clone of the store is
//! another handle on the same data) and let [`store_conformance!`](crate::store_conformance) make
//! one test of each case:
//!
//! ```
//! use tillway_memory::MemoryStore;
//! use tillway_testkit::{Shared, store_conformance};
//!
//! store_conformance!(memory, || Shared(MemoryStore::new()));
//! # fn main() {}
//! ```
//!
//! The names begin with the rule they prove: `i1` … `i13` invariants, `f…` rules of money flows,
//! `b…`, `pv…`, `m…`, `a…`, `d…`, `w…` rows of the conformance tables, `lck_01` … `lck_15` the
//! invariants of the Ledger Conformance Kit; the rest speak for themselves.

pub mod account_book;
pub mod bindings;
mod ground;
pub mod journal;
pub mod lck;
mod list;

use core::fmt::Debug;
use std::sync::Arc;

use tillway_core::port::Store;

pub use ground::{Ground, Surprise};

/// What the suite needs of a store's author: an empty store, and how to open its data again.
pub trait Fixture: Debug + Send + Sync {
    /// A handle on the data. At first the store is empty.
    fn open(&mut self) -> Arc<dyn Store>;
}

/// The fixture of a store whose clones are handles on the same data.
#[derive(Clone, Debug)]
pub struct Shared<S>(pub S);

impl<S: Store + Clone> Fixture for Shared<S> {
    fn open(&mut self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}

/// Makes one `#[test]` of each case of the suite, in `mod $module`, over the stores of a factory:
/// an expression that is called for each case and gives a fresh [`Fixture`].
#[macro_export]
macro_rules! store_conformance {
    ($module:ident, $factory:expr) => {
        $crate::__store_cases! { case_tests $module, $factory, $crate::suite::Ground }
    };
}
