//! A till at a loyalty processing: its program dies before and after every commit and every send,
//! its link is cut before and after every message, its store loses answers. Each operation is done
//! once, balances are those of a day when nothing failed, and no points stay reserved.
#![allow(clippy::unwrap_used, reason = "tests")]

mod calls;
mod matrix;
mod queue;
mod refunds;
mod secrets;
mod thousand;
mod till;
mod world;
