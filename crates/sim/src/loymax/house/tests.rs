//! The note's worked examples, to the kopeck.
#![allow(clippy::unwrap_used, reason = "tests")]

mod book;
mod examples;
mod guests;
mod rules;
mod sums;
