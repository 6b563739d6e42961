//! Shared helpers of the workspace tests.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests: what is unexpected here must stop the test"
)]

mod doomed;
pub mod house;
pub mod openapi;
pub mod outage;
pub mod plugin;
pub mod points;
pub mod pos;
pub mod rows;
pub mod storm;
pub mod table;
pub mod tree;
pub mod venue;
pub mod waiter;
pub mod witness;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/getting-started.md")]
struct GettingStarted;

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/operating.md")]
struct Operating;

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/front-plugin.md")]
struct FrontPlugin;

#[cfg(doctest)]
#[doc = include_str!("../../docs/ARCHITECTURE.md")]
struct Architecture;

#[cfg(doctest)]
#[doc = include_str!("../../CONTRIBUTING.md")]
struct Contributing;
