//! The simulated processing over HTTP: what is let in, what is read, what goes wrong.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "loymax/faults.rs"]
mod faults;
#[path = "loymax/schema.rs"]
mod schema;
#[path = "loymax/served.rs"]
mod served;
#[path = "loymax/signatures.rs"]
mod signatures;
#[path = "loymax/till.rs"]
mod till;
