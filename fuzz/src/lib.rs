#![doc = include_str!("../README.md")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target says that something is wrong by a panic"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "clock and tasks are those of tokio's paused runtime"
)]
#![deny(unsafe_code)]

pub mod atol;
pub mod book;
pub mod commits;
pub mod dualconnector;
pub mod flows;
pub mod framing;
pub mod json;
pub mod loymax;
pub mod loymax_json;
pub mod money;
pub mod names;
pub mod native;
pub mod records;
pub mod requests;
pub mod sberbank;
pub mod scans;
pub mod tokens;

mod bytes;
mod http;
mod talk;
