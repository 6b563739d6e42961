#![cfg_attr(feature = "tokio", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "tokio"),
    doc = "HTTP/1 for the adapters of tillway, without tokio's forms."
)]

mod body;
pub mod client;
pub mod fault;
pub mod json;
mod runtime;
pub mod server;

pub use async_trait::async_trait;

pub use self::body::{BodyError, BoxError, RequestBody, read_body};
pub use self::client::{Cause, HttpTransport, RequestLimits, TransportError};
pub use self::runtime::{Runtime, Task};
