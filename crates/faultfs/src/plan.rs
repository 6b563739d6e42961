//! What goes wrong, and when.

use std::collections::BTreeMap;

use rusqlite::ffi;

/// What SQLite asks of a file system, as far as it can fail.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Call {
    /// Open a file, or create it.
    Open,
    /// Delete a file.
    Delete,
    /// Ask whether a file exists.
    Access,
    /// Read.
    Read,
    /// Write.
    Write,
    /// Set the length.
    Truncate,
    /// Make what was written durable.
    Sync,
    /// Ask for the length.
    Size,
    /// Take a lock on the file.
    Lock,
    /// Get a region of the memory that connections share, beside a write-ahead log.
    ShmMap,
    /// Take a lock in that memory.
    ShmLock,
}

impl Call {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Open,
        Self::Delete,
        Self::Access,
        Self::Read,
        Self::Write,
        Self::Truncate,
        Self::Sync,
        Self::Size,
        Self::Lock,
        Self::ShmMap,
        Self::ShmLock,
    ];

    /// The code by which SQLite hears of a disk error in this call.
    fn disk_error(self) -> i32 {
        match self {
            Self::Open => ffi::SQLITE_CANTOPEN,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
            Self::Access => ffi::SQLITE_IOERR_ACCESS,
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::Size => ffi::SQLITE_IOERR_FSTAT,
            Self::Lock => ffi::SQLITE_IOERR_LOCK,
            Self::ShmMap => ffi::SQLITE_IOERR_SHMMAP,
            Self::ShmLock => ffi::SQLITE_IOERR_SHMLOCK,
        }
    }
}

/// How a call fails.
///
/// A sync that fails, for whatever reason, loses what was not synced, as Linux does: processes go
/// on reading it, the disk never gets it, and the next sync succeeds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A disk error; nothing happened.
    Io,
    /// A disk error; of a write the first half is done, of a sync some sectors.
    TornIo,
    /// The disk is full; nothing happened. Only a write hears of it by its name.
    Full,
    /// The disk is full; of a write that makes the file longer the first half is done. Any other
    /// needs no space, and is not done at all.
    TornFull,
    /// No memory is left; nothing happened.
    Memory,
}

impl Fault {
    pub(crate) fn code(self, call: Call) -> i32 {
        match (self, call) {
            (Self::Full | Self::TornFull, Call::Write) => ffi::SQLITE_FULL,
            (Self::Full | Self::TornFull, Call::ShmMap) => ffi::SQLITE_IOERR_SHMSIZE,
            (Self::Memory, _) => ffi::SQLITE_NOMEM,
            (_, call) => call.disk_error(),
        }
    }

    /// How much of a write is done.
    pub(crate) fn done(self, len: usize, grows: bool) -> usize {
        match self {
            Self::TornIo => len / 2,
            Self::TornFull if grows => len / 2,
            _ => 0,
        }
    }
}

/// What goes wrong, counted from the moment that the plan is made known.
///
/// ```
/// use tillway_faultfs::{Call, Fault, Plan};
/// let plan = Plan::new().fail(Call::Sync, 2, Fault::Io).cut_before(7);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Plan {
    faults: Vec<Rule>,
    cut_before: Option<u64>,
    lying_syncs: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    call: Call,
    first: u64,
    last: u64,
    fault: Fault,
}

impl Plan {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// The call with this number of its kind fails, counted from one.
    #[must_use]
    pub fn fail(mut self, call: Call, number: u64, fault: Fault) -> Self {
        self.faults.push(Rule { call, first: number, last: number, fault });
        self
    }

    /// This one and all after it fail, until there is another plan.
    #[must_use]
    pub fn fail_from(mut self, call: Call, number: u64, fault: Fault) -> Self {
        self.faults.push(Rule { call, first: number, last: u64::MAX, fault });
        self
    }

    /// The power goes before the call with this number among those that change the disk. From then
    /// on every call fails.
    #[must_use]
    pub fn cut_before(mut self, change: u64) -> Self {
        self.cut_before = Some(change);
        self
    }

    /// Syncs say that they are done and do nothing, as with a disk that lies, or with
    /// `synchronous=OFF`.
    #[must_use]
    pub fn lying_syncs(mut self) -> Self {
        self.lying_syncs = true;
        self
    }

    pub(crate) fn fault(&self, call: Call, number: u64) -> Option<Fault> {
        let mine = |r: &&Rule| r.call == call && (r.first..=r.last).contains(&number);
        self.faults.iter().find(mine).map(|rule| rule.fault)
    }

    pub(crate) fn cuts(&self, change: u64) -> bool {
        self.cut_before.is_some_and(|cut| cut <= change)
    }

    pub(crate) fn syncs_lie(&self) -> bool {
        self.lying_syncs
    }
}

/// How many calls there were since the plan was made known, the one that failed included.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    calls: BTreeMap<Call, u64>,
    changes: u64,
    faults: u64,
}

impl Counts {
    /// Calls of this kind.
    pub fn of(&self, call: Call) -> u64 {
        self.calls.get(&call).copied().unwrap_or(0)
    }

    /// Calls of all kinds.
    pub fn all(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls that change the disk: a file created or deleted, a write, a truncate, a sync.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Calls that failed by the plan.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    pub(crate) fn count(&mut self, call: Call) -> u64 {
        let count = self.calls.entry(call).or_default();
        *count += 1;
        *count
    }

    pub(crate) fn change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    pub(crate) fn failed(&mut self) {
        self.faults += 1;
    }
}
