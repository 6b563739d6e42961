//! The cases, by what they are about.

pub mod batches;
pub mod calls;
pub mod doubts;
pub mod pays;
pub mod phases;
pub mod undoes;
