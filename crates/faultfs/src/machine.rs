//! The machine that runs: the disk, who has what open, and what fails. All of it safe.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use crate::disk::{Disk, FileId};
use crate::locks::{FileLocks, Holder, SharedLocks};
use crate::plan::{Call, Counts, Fault, Plan};
use crate::random::Random;
use crate::shm::Regions;

/// A result code of SQLite that is not `SQLITE_OK`.
pub(crate) type Code = i32;

/// Shared by the handle and all open files.
#[derive(Debug, Default)]
pub(crate) struct Machine(Mutex<State>);

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) disk: Disk,
    pub(crate) counts: Counts,
    plan: Plan,
    is_off: bool,
    holders: Holder,
    locks: BTreeMap<FileId, FileLocks>,
    shared: BTreeMap<FileId, SharedMemory>,
}

#[derive(Debug, Default)]
struct SharedMemory {
    regions: Regions,
    locks: SharedLocks,
    holders: Vec<Holder>,
}

/// An open file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    file: FileId,
    holder: Holder,
}

impl Machine {
    pub(crate) fn new(disk: Disk) -> Self {
        Self(Mutex::new(State { disk, ..State::default() }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What goes wrong from now on; the counts begin anew. A machine that is off stays off.
    pub(crate) fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
        self.counts = Counts::default();
    }

    pub(crate) fn power_off(&mut self) {
        self.is_off = true;
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    /// Counts a call that only looks, and fails it when its time has come.
    fn look(&mut self, call: Call) -> Result<(), Code> {
        self.due(call).map_or(Ok(()), |fault| Err(fault.code(call)))
    }

    /// Counts a call that changes the disk; the caller does its part of a fault.
    fn change(&mut self, call: Call) -> Option<Fault> {
        let change = self.counts.change();
        if self.plan.cuts(change) {
            self.is_off = true;
        }
        self.due(call)
    }

    fn due(&mut self, call: Call) -> Option<Fault> {
        let number = self.counts.count(call);
        if self.is_off {
            return Some(Fault::Io);
        }
        let fault = self.plan.fault(call, number);
        if fault.is_some() {
            self.counts.failed();
        }
        fault
    }

    /// Without a name it is a file for the moment.
    pub(crate) fn open(&mut self, name: Option<&str>, flags: i32) -> Result<Handle, Code> {
        let found = name.and_then(|name| self.disk.find(name));
        let creates = found.is_none() && flags & ffi::SQLITE_OPEN_CREATE != 0;
        if creates || name.is_none() {
            if let Some(fault) = self.change(Call::Open) {
                return Err(fault.code(Call::Open));
            }
        } else {
            self.look(Call::Open)?;
        }
        let exclusive = flags & ffi::SQLITE_OPEN_EXCLUSIVE != 0;
        let file = match (found, name) {
            (Some(_), _) if exclusive => return Err(ffi::SQLITE_CANTOPEN),
            (Some(file), _) => file,
            (None, Some(name)) if creates => self.disk.create(name),
            (None, Some(_)) => return Err(ffi::SQLITE_CANTOPEN),
            (None, None) => self.disk.fresh(crate::content::Content::default()),
        };
        self.holders += 1;
        Ok(Handle { file, holder: self.holders })
    }

    pub(crate) fn close(&mut self, handle: Handle) {
        self.unmap(handle);
        if let Some(locks) = self.locks.get_mut(&handle.file) {
            locks.release(handle.holder);
        }
    }

    pub(crate) fn delete(&mut self, name: &str, sync_folder: bool) -> Result<(), Code> {
        if self.disk.find(name).is_none() {
            self.look(Call::Delete)?;
            return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
        }
        if let Some(fault) = self.change(Call::Delete) {
            return Err(fault.code(Call::Delete));
        }
        self.disk.delete(name);
        if sync_folder {
            self.disk.sync_names();
        }
        Ok(())
    }

    /// An empty file is none, as for SQLite's own VFS.
    pub(crate) fn exists(&mut self, name: &str) -> Result<bool, Code> {
        self.look(Call::Access)?;
        let found = self.disk.find(name);
        Ok(found.is_some_and(|file| !self.disk.file(file).bytes().is_empty()))
    }

    /// How many bytes there were.
    pub(crate) fn read(&mut self, of: Handle, at: usize, into: &mut [u8]) -> Result<usize, Code> {
        self.look(Call::Read)?;
        Ok(self.disk.file(of.file).read(at, into))
    }

    pub(crate) fn write(&mut self, to: Handle, at: usize, data: &[u8]) -> Result<(), Code> {
        let fault = self.change(Call::Write);
        let grows = at + data.len() > self.disk.file(to.file).bytes().len();
        let done = fault.map_or(data, |fault| &data[..fault.done(data.len(), grows)]);
        if !done.is_empty() {
            self.disk.file(to.file).write(at, done);
        }
        fault.map_or(Ok(()), |fault| Err(fault.code(Call::Write)))
    }

    pub(crate) fn truncate(&mut self, of: Handle, len: usize) -> Result<(), Code> {
        if let Some(fault) = self.change(Call::Truncate) {
            return Err(fault.code(Call::Truncate));
        }
        self.disk.file(of.file).truncate(len);
        Ok(())
    }

    pub(crate) fn sync(&mut self, of: Handle) -> Result<(), Code> {
        let fault = self.change(Call::Sync);
        match fault {
            None if self.plan.syncs_lie() => Ok(()),
            None => {
                self.disk.sync(of.file);
                Ok(())
            }
            // When the power is gone, what becomes of the rest is the cut's affair.
            Some(fault) if self.is_off => Err(fault.code(Call::Sync)),
            Some(fault) => {
                let chance = (fault == Fault::TornIo).then(|| Random::new(self.counts.all()));
                self.disk.file(of.file).lose(chance);
                Err(fault.code(Call::Sync))
            }
        }
    }

    pub(crate) fn size(&mut self, of: Handle) -> Result<usize, Code> {
        self.look(Call::Size)?;
        Ok(self.disk.file(of.file).bytes().len())
    }

    pub(crate) fn lock_file(&mut self, of: Handle, level: i32) -> Result<(), Code> {
        self.look(Call::Lock)?;
        let locked = self.locks.entry(of.file).or_default().lock(of.holder, level);
        if locked { Ok(()) } else { Err(ffi::SQLITE_BUSY) }
    }

    pub(crate) fn unlock_file(&mut self, of: Handle, level: i32) {
        self.locks.entry(of.file).or_default().unlock(of.holder, level);
    }

    pub(crate) fn is_reserved(&mut self, of: Handle) -> bool {
        self.locks.entry(of.file).or_default().is_reserved()
    }

    /// A region of shared memory; none when it is not there and nobody asked for more.
    pub(crate) fn map(
        &mut self,
        of: Handle,
        number: usize,
        size: usize,
        extend: bool,
    ) -> Result<Option<NonNull<u8>>, Code> {
        self.look(Call::ShmMap)?;
        let shared = self.shared.entry(of.file).or_default();
        if !shared.holders.contains(&of.holder) {
            shared.holders.push(of.holder);
        }
        Ok(shared.regions.map(number, size, extend))
    }

    pub(crate) fn lock_shared(
        &mut self,
        of: Handle,
        slots: core::ops::Range<i32>,
        alone: bool,
    ) -> Result<(), Code> {
        self.look(Call::ShmLock)?;
        let shared = self.shared.get_mut(&of.file).ok_or(ffi::SQLITE_IOERR_SHMLOCK)?;
        if shared.locks.lock(of.holder, slots, alone) { Ok(()) } else { Err(ffi::SQLITE_BUSY) }
    }

    pub(crate) fn unlock_shared(&mut self, of: Handle, slots: core::ops::Range<i32>) {
        if let Some(shared) = self.shared.get_mut(&of.file) {
            shared.locks.unlock(of.holder, slots);
        }
    }

    /// Lets go of the shared memory; with the last one it is gone, as SQLite's own is.
    pub(crate) fn unmap(&mut self, of: Handle) {
        let Some(shared) = self.shared.get_mut(&of.file) else { return };
        shared.locks.release(of.holder);
        shared.holders.retain(|holder| *holder != of.holder);
        if shared.holders.is_empty() {
            self.shared.remove(&of.file);
        }
    }
}
