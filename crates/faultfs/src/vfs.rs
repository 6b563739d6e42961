//! The simulated disk as a VFS of SQLite: C functions over [`Machine`], and nothing else.
//!
//! SQLite promises, and the SAFETY notes rely on it: it calls a file's methods only between a
//! successful `xOpen` and the end of `xClose`, and never two of them at once on one file; pointers
//! that it passes are valid for the length that it passes with them; names end with a zero byte.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use crate::disk::Disk;
use crate::machine::{Code, Handle, Machine};
use crate::plan::{Counts, Plan};

/// Gives each VFS a name of its own.
static CREATED: AtomicU64 = AtomicU64::new(0);

/// The longest path, with its zero byte.
const PATH_MAX: c_int = 1_024;

/// Milliseconds from the beginning of Julian days to 2026-01-01T09:00:00Z: here it is always then.
const NOW_JULIAN_MS: i64 = 210_866_760_000_000 + 1_767_258_000_000;

/// A machine with a simulated disk, known to SQLite as a VFS under a [`name`](Self::name) of its
/// own.
///
/// Dropping it takes the name back: nobody opens files any more. Connections that are open go on.
#[derive(Debug)]
pub struct FaultFs {
    name: CString,
    machine: Arc<Machine>,
    vfs: AtomicPtr<sqlite3_vfs>,
    owner: &'static Owner,
}

/// What a registered VFS points to. SQLite's connections keep pointers to the VFS that opened
/// them, so it and this stay for the life of the process; the machine does not.
#[derive(Debug)]
struct Owner(Mutex<Option<Arc<Machine>>>);

impl FaultFs {
    /// Switches a machine on, with this disk, and nothing goes wrong.
    ///
    /// # Panics
    /// When SQLite does not take the VFS.
    pub fn new(disk: Disk) -> Self {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = CString::new(format!("faultfs-{number}")).unwrap_or_default();
        let machine = Arc::new(Machine::new(disk));
        let owner: &'static Owner =
            Box::leak(Box::new(Owner(Mutex::new(Some(Arc::clone(&machine))))));
        let leaked_name: &'static CStr = Box::leak(name.clone().into_boxed_c_str());
        let vfs = Box::into_raw(Box::new(vfs(leaked_name, owner)));
        // SAFETY: the VFS, its name and its owner are never freed.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        assert_eq!(code, ffi::SQLITE_OK, "SQLite takes the VFS");
        Self { name, machine, vfs: AtomicPtr::new(vfs), owner }
    }

    /// The name that SQLite finds it by.
    pub fn name(&self) -> &str {
        // It was made of text.
        self.name.to_str().unwrap_or_default()
    }

    /// Makes known what goes wrong from now on; the counts begin anew.
    pub fn plan(&self, plan: Plan) {
        self.machine.lock().set_plan(plan);
    }

    /// The calls since the last plan.
    pub fn counts(&self) -> Counts {
        self.machine.lock().counts.clone()
    }

    /// Cuts the power: from now on every call of every open file fails.
    pub fn power_off(&self) {
        self.machine.lock().power_off();
    }

    /// Whether the power is gone, by [`power_off`](Self::power_off) or by the plan.
    pub fn is_off(&self) -> bool {
        self.machine.lock().is_off()
    }

    /// A copy of the disk as it is now. What was not synced is seen by processes and may still be
    /// lost: a new machine on it is a new process on this one; [`Disk::after`] is a power cut.
    pub fn disk(&self) -> Disk {
        self.machine.lock().disk.clone()
    }
}

impl Drop for FaultFs {
    fn drop(&mut self) {
        // SAFETY: it was registered by `new` and is never freed.
        unsafe { ffi::sqlite3_vfs_unregister(self.vfs.load(Ordering::Relaxed)) };
        *self.owner.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// An open file as SQLite knows it: its own part first.
#[repr(C)]
struct OpenFile {
    base: sqlite3_file,
    state: *mut FileState,
}

struct FileState {
    machine: Arc<Machine>,
    handle: Handle,
    /// The name to delete at the end.
    deletes: Option<String>,
}

fn vfs(name: &'static CStr, owner: &'static Owner) -> sqlite3_vfs {
    sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<OpenFile>()).unwrap_or(c_int::MAX),
        mxPathname: PATH_MAX,
        pNext: ptr::null_mut(),
        zName: name.as_ptr(),
        pAppData: ptr::from_ref(owner).cast_mut().cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: None,
        xGetLastError: None,
        xCurrentTimeInt64: Some(current_time),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn code(result: Result<(), Code>) -> c_int {
    result.err().unwrap_or(ffi::SQLITE_OK)
}

/// The machine of a VFS; none when its handle was dropped.
///
/// # Safety
/// `vfs` was made by [`FaultFs::new`].
unsafe fn machine(vfs: *mut sqlite3_vfs) -> Option<Arc<Machine>> {
    // SAFETY: by the caller; the owner is never freed.
    let owner = unsafe { &*(*vfs).pAppData.cast::<Owner>() };
    owner.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// # Safety
/// `file` is open, by [`open`].
unsafe fn state<'f>(file: *mut sqlite3_file) -> &'f FileState {
    // SAFETY: by the caller; `open` left a state that only `close` frees.
    unsafe { &*(*file.cast::<OpenFile>()).state }
}

/// # Safety
/// `text` is null, or ends with a zero byte.
unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: by the caller.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let file = file.cast::<OpenFile>();
    // SAFETY: SQLite gives memory of `szOsFile` bytes. Without methods it will not close the file.
    unsafe { (*file).base.pMethods = ptr::null() };
    // SAFETY: SQLite passes the VFS that it was given, and a name or null.
    let (machine, name) = unsafe { (machine(vfs), text(name)) };
    let Some(machine) = machine else { return ffi::SQLITE_CANTOPEN };
    let handle = match machine.lock().open(name.as_deref(), flags) {
        Ok(handle) => handle,
        Err(code) => return code,
    };
    let deletes = name.filter(|_| flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0);
    let state = Box::into_raw(Box::new(FileState { machine, handle, deletes }));
    // SAFETY: as above; `out_flags` is null or valid.
    unsafe {
        (*file).state = state;
        (*file).base.pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: SQLite passes the VFS that it was given, and a name.
    let (machine, name) = unsafe { (machine(vfs), text(name)) };
    match (machine, name) {
        (Some(machine), Some(name)) => code(machine.lock().delete(&name, sync != 0)),
        _ => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    _flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes the VFS that it was given, and a name.
    let (machine, name) = unsafe { (machine(vfs), text(name)) };
    let (Some(machine), Some(name)) = (machine, name) else { return ffi::SQLITE_IOERR_ACCESS };
    match machine.lock().exists(&name) {
        Ok(exists) => {
            // SAFETY: SQLite wants the answer there.
            unsafe { *out = c_int::from(exists) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn full_pathname(
    _vfs: *mut sqlite3_vfs,
    name: *const c_char,
    len: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: the name ends with a zero byte.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > usize::try_from(len).unwrap_or(0) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: there is room for `len` bytes, apart from the name.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_vfs: *mut sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: there is room for `len` bytes. Chance is not wanted here: zeros do.
    unsafe { ptr::write_bytes(out, 0, usize::try_from(len).unwrap_or(0)) };
    len
}

/// Time stands still, so a sleep only lets the others work.
unsafe extern "C" fn sleep(_vfs: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    std::thread::yield_now();
    microseconds
}

unsafe extern "C" fn current_time(_vfs: *mut sqlite3_vfs, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: SQLite wants the answer there.
    unsafe { *out = NOW_JULIAN_MS };
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: the file is open, and SQLite does not use it after this: the state is freed once.
    let state = unsafe { Box::from_raw((*file.cast::<OpenFile>()).state) };
    let mut machine = state.machine.lock();
    machine.close(state.handle);
    if let Some(name) = &state.deletes {
        // A file that stays is only untidy.
        let _ = machine.delete(name, false);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    out: *mut c_void,
    len: c_int,
    at: sqlite3_int64,
) -> c_int {
    let (Ok(len), Ok(at)) = (usize::try_from(len), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: the file is open; there is room for `len` bytes, which are made zeros before they
    // are looked at.
    let (state, out) = unsafe {
        ptr::write_bytes(out.cast::<u8>(), 0, len);
        (state(file), std::slice::from_raw_parts_mut(out.cast::<u8>(), len))
    };
    match state.machine.lock().read(state.handle, at, out) {
        Ok(found) if found == len => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(code) => code,
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    data: *const c_void,
    len: c_int,
    at: sqlite3_int64,
) -> c_int {
    let (Ok(len), Ok(at)) = (usize::try_from(len), usize::try_from(at)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: the file is open; there are `len` bytes.
    let (state, data) =
        unsafe { (state(file), std::slice::from_raw_parts(data.cast::<u8>(), len)) };
    code(state.machine.lock().write(state.handle, at, data))
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, len: sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    match usize::try_from(len) {
        Ok(len) => code(state.machine.lock().truncate(state.handle, len)),
        Err(_) => ffi::SQLITE_IOERR_TRUNCATE,
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    code(state.machine.lock().sync(state.handle))
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    match state.machine.lock().size(state.handle) {
        Ok(len) => {
            // SAFETY: SQLite wants the answer there.
            unsafe { *out = sqlite3_int64::try_from(len).unwrap_or(sqlite3_int64::MAX) };
            ffi::SQLITE_OK
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    code(state.machine.lock().lock_file(state.handle, level))
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    state.machine.lock().unlock_file(state.handle, level);
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: the file is open, and SQLite wants the answer there.
    unsafe {
        let state = state(file);
        *out = c_int::from(state.machine.lock().is_reserved(state.handle));
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(
    _file: *mut sqlite3_file,
    _op: c_int,
    _arg: *mut c_void,
) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut sqlite3_file) -> c_int {
    4_096
}

/// As SQLite's own VFS says of every disk: a write that is cut short spoils nothing beside it.
unsafe extern "C" fn device_characteristics(_file: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    number: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    let (Ok(number), Ok(size)) = (usize::try_from(number), usize::try_from(size)) else {
        return ffi::SQLITE_IOERR_SHMMAP;
    };
    let mapped = state.machine.lock().map(state.handle, number, size, extend != 0);
    let (start, code) = match mapped {
        Ok(start) => (start, ffi::SQLITE_OK),
        Err(code) => (None, code),
    };
    // SAFETY: SQLite wants the answer there; null is "there is none".
    unsafe { *out = start.map_or(ptr::null_mut(), |start| start.as_ptr().cast()) };
    code
}

unsafe extern "C" fn shm_lock(
    file: *mut sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    let slots = first..first.saturating_add(count);
    let mut machine = state.machine.lock();
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        machine.unlock_shared(state.handle, slots);
        return ffi::SQLITE_OK;
    }
    let alone = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    code(machine.lock_shared(state.handle, slots, alone))
}

unsafe extern "C" fn shm_barrier(_file: *mut sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: the file is open.
    let state = unsafe { state(file) };
    state.machine.lock().unmap(state.handle);
    ffi::SQLITE_OK
}
