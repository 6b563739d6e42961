//! A Loymax processing: what tills ask it by the cash register protocol 3.2 (loymax.md), and a
//! house of guests, cards, coupons and points that knows what really became of a sale.
//!
//! [`house`] keeps the books and speaks neither XML nor JSON. It shares no code with the adapter.

pub mod house;
pub mod json;
