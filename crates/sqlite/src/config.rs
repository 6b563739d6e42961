//! What an installation decides about its store.

use std::path::PathBuf;

use tillway_device::Mode;

/// How to open a [`SqliteStore`](crate::SqliteStore).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteConfig {
    /// The file. Its folder must exist; two files with `-wal` and `-shm` added to the name, and a
    /// lock file with `.lock`, stand beside it while it is open. A link is followed first.
    pub path: PathBuf,
    /// Connections for reads, at least one. A read takes microseconds: more than there are cores
    /// do not help.
    pub read_connections: usize,
    /// How many commits may wait; the next one is [`Full`](tillway_core::port::CommitError::Full).
    pub queue_max: usize,
    /// How many commits share one sync of the disk at most.
    pub batch_max: usize,
    /// How long to wait for a stranger's lock on the file (a backup tool), in milliseconds.
    pub busy_wait_ms: u32,
    /// How long a store that is dropped waits for its writer, in milliseconds.
    pub close_wait_ms: u32,
    /// The log is copied into the file when it has this many pages of 4 KiB. While it is copied it
    /// may grow to four times as many.
    pub checkpoint_pages: u32,
    /// The page cache of the connection that writes, in KiB; it takes memory as it fills. Those that
    /// read have a quarter of it: what they have read is stale after the next commit.
    pub cache_kib: u32,
    /// How many orders, guests with their accounts, and carriers are kept in memory after they were
    /// read, so many of each, until a commit changes them: some KiB each. Zero keeps none.
    pub kept_max: usize,
    /// How many names of orders, payments, holds, keys and streams lie in one chapter of the tree of
    /// ids; a payment with its hold and its order has four or more. The pages of the newest chapter,
    /// 42 bytes a name, are read and written all the time: `cache_kib` should hold them. Each closed
    /// chapter takes two bytes of memory for each name.
    pub chapter_names: u32,
    /// The SQLite VFS, for tests that break the disk; `None` is the platform's.
    pub vfs: Option<String>,
    /// Where the writer runs: on its own thread, or at once in the caller for simulations.
    pub mode: Mode,
}

impl SqliteConfig {
    /// The defaults, for a venue's file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            read_connections: 2,
            queue_max: 4_096,
            batch_max: 256,
            busy_wait_ms: 5_000,
            close_wait_ms: 10_000,
            checkpoint_pages: 16_000,
            cache_kib: 64 * 1_024,
            kept_max: 4_096,
            chapter_names: 1_000_000,
            vfs: None,
            mode: Mode::Thread,
        }
    }
}
