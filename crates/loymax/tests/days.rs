//! Sales through the driver, the client and the simulated processing, while the link is cut before
//! and after each message, the program dies between writing and sending and between the answer and
//! writing it down, and answers are forged. Each operation is done once, every guest has the points
//! of a day when nothing failed, and nothing stays reserved or open.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, reason = "seeds and figures")]

#[path = "days/cut.rs"]
mod cut;
mod keys;
#[path = "days/matrix.rs"]
mod matrix;
#[path = "days/over_http.rs"]
mod over_http;
#[path = "days/properties.rs"]
mod properties;
#[path = "days/secrets.rs"]
mod secrets;
#[path = "days/thousand.rs"]
mod thousand;
#[path = "days/till.rs"]
mod till;
#[path = "days/world.rs"]
mod world;
