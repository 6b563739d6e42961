//! The seams of blocking things: a worker that is a thread, or runs in line
