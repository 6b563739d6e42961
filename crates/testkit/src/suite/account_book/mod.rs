//! Keys, holds, payments, guests, and the lists of the book.

pub mod guests;
pub mod holds;
pub mod keys;
pub mod lists;
pub mod payments;
pub mod refunds;
