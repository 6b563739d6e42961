//! Tests that look inside: the writer when the disk fails, every row as it comes back, and a log
//! as damage or a power cut leaves it.

mod chapters;
mod copier;
mod faults;
mod log;
mod plans;
mod rows;
mod waits;
