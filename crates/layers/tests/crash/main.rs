//! A guarded register whose program dies before and after every commit and every call of the
//! device, and whose store loses answers: each attempt gives one document at most, and every doubt
//! is settled or put before a person.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cut;
mod doubts;
mod matrix;
mod thousand;
