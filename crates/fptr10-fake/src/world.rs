//! What all handles of the process share: registers, handles by number, and how they misbehave.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tillway_sim::atol::{Register, Settings, SharedRegister};

use crate::handle::Handle;
use crate::quirks::Quirks;

/// 2026-03-02 12:41 on the wall: when every register of a process is switched on.
const NOON: i64 = 1_772_455_260_000;

static REGISTERS: Mutex<BTreeMap<String, SharedRegister>> = Mutex::new(BTreeMap::new());
static QUIRKS: Mutex<BTreeMap<String, Arc<Quirks>>> = Mutex::new(BTreeMap::new());
static HANDLES: Mutex<BTreeMap<usize, Arc<Slot>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicUsize = AtomicUsize::new(0x1000);

/// The register of this process with such a path.
pub(crate) fn register(path: &str) -> SharedRegister {
    let mut registers = lock(&REGISTERS);
    let new = || SharedRegister::new(Register::new(Settings::default(), NOON));
    registers.entry(path.to_owned()).or_insert_with(new).clone()
}

/// How handles of a register misbehave.
pub(crate) fn quirks(register: &str) -> Arc<Quirks> {
    Arc::clone(lock(&QUIRKS).entry(register.to_owned()).or_default())
}

/// A handle, and whether a thread is in it.
#[derive(Default)]
pub(crate) struct Slot {
    inside: AtomicBool,
    handle: Mutex<Handle>,
}

/// A new handle; its number is never used again.
pub(crate) fn create() -> usize {
    let number = NEXT.fetch_add(16, Ordering::Relaxed);
    lock(&HANDLES).insert(number, Arc::default());
    number
}

/// Ends a handle; nothing for one that is none.
pub(crate) fn destroy(number: usize) {
    drop(lock(&HANDLES).remove(&number));
}

/// Does something with a handle; `None` when it is none, or when another thread is in it.
pub(crate) fn enter<R>(number: usize, act: impl FnOnce(&mut Handle) -> R) -> Option<R> {
    let slot = Arc::clone(lock(&HANDLES).get(&number)?);
    if slot.inside.swap(true, Ordering::AcqRel) {
        OVERLAPS.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    let done = act(&mut lock(&slot.handle));
    slot.inside.store(false, Ordering::Release);
    Some(done)
}

static OVERLAPS: AtomicUsize = AtomicUsize::new(0);

/// How often a thread came into a handle that another one was in.
pub(crate) fn overlaps() -> usize {
    OVERLAPS.load(Ordering::Relaxed)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
