//! The cases, by what they are about.

pub mod examples;
pub mod guests;
pub mod lost;
pub mod messages;
pub mod refunds;
pub mod repeats;
pub mod states;
