#![doc = include_str!("../README.md")]
#![warn(clippy::undocumented_unsafe_blocks)]

mod content;
mod disk;
mod locks;
mod machine;
mod plan;
mod random;
#[expect(unsafe_code, reason = "memory that SQLite's connections share")]
mod shm;
#[expect(unsafe_code, reason = "SQLite's VFS interface is a table of C functions")]
mod vfs;

pub use disk::{Cut, Disk};
pub use plan::{Call, Counts, Fault, Plan};
pub use random::Random;
pub use vfs::FaultFs;

/// The smallest piece of a write that reaches the disk whole or not at all, in bytes.
pub const SECTOR: usize = 512;
