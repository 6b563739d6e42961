//! A guarded register, and a guarded card terminal, whose program dies before and after every commit
//! and every call of the device, whose store loses answers, and which other runs and other callers
//! want at once: each attempt is performed once at most, and every doubt is settled or put before a
//! person.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cut;
mod doubts;
mod lanes;
mod matrix;
mod people;
mod races;
mod shifts;
mod terminal_cut;
mod terminal_matrix;
mod terminal_words;
mod thousand;
