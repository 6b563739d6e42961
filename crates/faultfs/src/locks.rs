//! Who holds which lock, as SQLite's protocol has it.

use std::collections::BTreeMap;

use rusqlite::ffi;

/// A handle on a file.
pub(crate) type Holder = u64;

/// The locks on a database file: `SQLITE_LOCK_*` of each holder.
#[derive(Debug, Default)]
pub(crate) struct FileLocks(BTreeMap<Holder, i32>);

impl FileLocks {
    fn others(&self, holder: Holder) -> i32 {
        let others = self.0.iter().filter(|(other, _)| **other != holder);
        others.map(|(_, level)| *level).max().unwrap_or(ffi::SQLITE_LOCK_NONE)
    }

    fn level(&self, holder: Holder) -> i32 {
        self.0.get(&holder).copied().unwrap_or(ffi::SQLITE_LOCK_NONE)
    }

    /// False: somebody is in the way.
    pub(crate) fn lock(&mut self, holder: Holder, level: i32) -> bool {
        if self.level(holder) >= level {
            return true;
        }
        let others = self.others(holder);
        match level {
            ffi::SQLITE_LOCK_SHARED if others >= ffi::SQLITE_LOCK_PENDING => return false,
            ffi::SQLITE_LOCK_SHARED => {}
            _ if others >= ffi::SQLITE_LOCK_RESERVED => return false,
            ffi::SQLITE_LOCK_EXCLUSIVE if others > ffi::SQLITE_LOCK_NONE => {
                // Keeps new readers out until the old ones are gone.
                self.0.insert(holder, ffi::SQLITE_LOCK_PENDING);
                return false;
            }
            _ => {}
        }
        self.0.insert(holder, level);
        true
    }

    pub(crate) fn unlock(&mut self, holder: Holder, level: i32) {
        if self.level(holder) > level {
            self.0.insert(holder, level);
        }
    }

    pub(crate) fn release(&mut self, holder: Holder) {
        self.0.remove(&holder);
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.0.values().any(|level| *level >= ffi::SQLITE_LOCK_RESERVED)
    }
}

/// The locks in the memory beside a write-ahead log.
#[derive(Debug, Default)]
pub(crate) struct SharedLocks {
    slots: BTreeMap<i32, Slot>,
}

#[derive(Debug)]
enum Slot {
    Shared(Vec<Holder>),
    Exclusive(Holder),
}

impl SharedLocks {
    /// False: somebody is in the way.
    pub(crate) fn lock(
        &mut self,
        holder: Holder,
        slots: core::ops::Range<i32>,
        alone: bool,
    ) -> bool {
        let free = |slot: Option<&Slot>| match slot {
            None => true,
            Some(Slot::Shared(holders)) => !alone || holders.iter().all(|other| *other == holder),
            Some(Slot::Exclusive(other)) => *other == holder,
        };
        if !slots.clone().all(|slot| free(self.slots.get(&slot))) {
            return false;
        }
        for slot in slots {
            match self.slots.get_mut(&slot) {
                Some(Slot::Shared(holders)) if !alone => {
                    if !holders.contains(&holder) {
                        holders.push(holder);
                    }
                }
                _ if alone => drop(self.slots.insert(slot, Slot::Exclusive(holder))),
                Some(Slot::Exclusive(_)) => {}
                _ => drop(self.slots.insert(slot, Slot::Shared(vec![holder]))),
            }
        }
        true
    }

    pub(crate) fn unlock(&mut self, holder: Holder, slots: core::ops::Range<i32>) {
        for slot in slots {
            let empty = match self.slots.get_mut(&slot) {
                None => false,
                Some(Slot::Exclusive(other)) => *other == holder,
                Some(Slot::Shared(holders)) => {
                    holders.retain(|other| *other != holder);
                    holders.is_empty()
                }
            };
            if empty {
                self.slots.remove(&slot);
            }
        }
    }

    pub(crate) fn release(&mut self, holder: Holder) {
        self.unlock(holder, 0..ffi::SQLITE_SHM_NLOCK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: i32 = ffi::SQLITE_LOCK_NONE;
    const SHARED: i32 = ffi::SQLITE_LOCK_SHARED;
    const RESERVED: i32 = ffi::SQLITE_LOCK_RESERVED;
    const EXCLUSIVE: i32 = ffi::SQLITE_LOCK_EXCLUSIVE;

    #[test]
    fn readers_share_and_one_writer_waits_for_them() {
        let mut locks = FileLocks::default();
        assert!(locks.lock(1, SHARED) && locks.lock(2, SHARED));
        assert!(locks.lock(1, RESERVED) && locks.is_reserved());
        assert!(!locks.lock(2, RESERVED));
        assert!(!locks.lock(1, EXCLUSIVE), "there is a reader");
        assert!(!locks.lock(3, SHARED), "a writer waits");
        locks.unlock(2, NONE);
        assert!(locks.lock(1, EXCLUSIVE));
        locks.release(1);
        assert!(locks.lock(3, SHARED) && locks.lock(3, EXCLUSIVE));
    }

    #[test]
    fn slots_are_shared_or_held_alone() {
        let mut locks = SharedLocks::default();
        assert!(locks.lock(1, 3..4, false) && locks.lock(2, 3..4, false));
        assert!(!locks.lock(3, 0..8, true), "one slot is shared");
        assert!(locks.lock(3, 0..1, true) && !locks.lock(1, 0..1, true));
        assert!(!locks.lock(1, 0..1, false));
        locks.unlock(1, 3..4);
        assert!(!locks.lock(3, 3..4, true), "one holder is left");
        locks.release(2);
        assert!(locks.lock(3, 3..4, true));
        locks.release(3);
        assert!(locks.lock(1, 0..8, true));
    }
}
