//! Tests that look inside: the writer when the disk fails, and every row as it comes back.

mod faults;
mod rows;
