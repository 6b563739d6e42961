//! The cases, by what they are about.

pub mod drops;
pub mod finds;
pub mod open;
pub mod papers;
pub mod receipts;
pub mod repeats;
pub mod shifts;
pub mod troubles;
