//! Memory that the connections of one process share beside a write-ahead log.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Regions that stay where they are until the last connection lets go of them. Rust never looks
/// inside: SQLite orders the accesses itself, by its locks and barriers.
#[derive(Debug, Default)]
pub(crate) struct Regions(Vec<Region>);

#[derive(Debug)]
struct Region {
    start: NonNull<u8>,
    layout: Layout,
}

// SAFETY: a region is plain memory that is freed once, by whoever drops it last; nothing in it
// belongs to a thread.
unsafe impl Send for Region {}

impl Regions {
    /// The region with this number, made with those before it when `extend` says so.
    pub(crate) fn map(&mut self, number: usize, size: usize, extend: bool) -> Option<NonNull<u8>> {
        while extend && self.0.len() <= number {
            self.0.push(Region::new(size)?);
        }
        self.0.get(number).map(|region| region.start)
    }
}

impl Region {
    fn new(size: usize) -> Option<Self> {
        let layout = Layout::from_size_align(size.max(1), align_of::<u64>()).ok()?;
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc_zeroed(layout) };
        match NonNull::new(start) {
            Some(start) => Some(Self { start, layout }),
            None => handle_alloc_error(layout),
        }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `alloc_zeroed` gave it with this layout, and nobody maps it any more: the regions
        // live as long as one connection has not unmapped them.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}
