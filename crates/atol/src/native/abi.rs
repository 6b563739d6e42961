//! The driver's library, function by function: all the `unsafe` of this workspace's product code.
//!
//! A [`Handle`] is used by one thread at a time, which `&mut self` and its being `Send` but not
//! `Sync` say to the compiler. What a call means stands in [`super::driver`].

#![allow(unsafe_code, reason = "a vendor's library is called here and nowhere else")]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::{CStr, c_char, c_double, c_int, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use super::error::LoadError;
use super::ids::Param;
use super::wide::{Text, Wide};

/// A function of the handle alone that says how it went.
type Status = unsafe extern "C" fn(*mut c_void) -> c_int;
type SetText = unsafe extern "C" fn(*mut c_void, *const Wide) -> c_int;
type ReadText = unsafe extern "C" fn(*mut c_void, *mut Wide, c_int) -> c_int;

/// The library, loaded, with what we call of it.
pub(super) struct Library {
    create: unsafe extern "C" fn(*mut *mut c_void) -> c_int,
    destroy: unsafe extern "C" fn(*mut *mut c_void),
    version: unsafe extern "C" fn() -> *const c_char,
    set_settings: SetText,
    calls: [Option<Status>; Call::ALL.len()],
    error_description: ReadText,
    set_bool: unsafe extern "C" fn(*mut c_void, c_int, c_int),
    set_int: unsafe extern "C" fn(*mut c_void, c_int, c_uint),
    set_double: unsafe extern "C" fn(*mut c_void, c_int, c_double),
    set_str: unsafe extern "C" fn(*mut c_void, c_int, *const Wide),
    bool: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    int: unsafe extern "C" fn(*mut c_void, c_int) -> c_uint,
    str: unsafe extern "C" fn(*mut c_void, c_int, *mut Wide, c_int) -> c_int,
    /// Never unloaded: the functions above are good while it is there, and so are threads that the
    /// driver may have started.
    _library: ManuallyDrop<libloading::Library>,
}

/// A function of the handle alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Call {
    Open,
    Close,
    IsOpened,
    ErrorCode,
    ProcessJson,
    QueryData,
    OperatorLogin,
    OpenReceipt,
    Registration,
    Payment,
    CloseReceipt,
    CancelReceipt,
    CheckDocumentClosed,
    ContinuePrint,
    /// Not in old drivers.
    ValidateJson,
}

impl Call {
    const ALL: [(Self, &'static str); 15] = [
        (Self::Open, "libfptr_open"),
        (Self::Close, "libfptr_close"),
        (Self::IsOpened, "libfptr_is_opened"),
        (Self::ErrorCode, "libfptr_error_code"),
        (Self::ProcessJson, "libfptr_process_json"),
        (Self::QueryData, "libfptr_query_data"),
        (Self::OperatorLogin, "libfptr_operator_login"),
        (Self::OpenReceipt, "libfptr_open_receipt"),
        (Self::Registration, "libfptr_registration"),
        (Self::Payment, "libfptr_payment"),
        (Self::CloseReceipt, "libfptr_close_receipt"),
        (Self::CancelReceipt, "libfptr_cancel_receipt"),
        (Self::CheckDocumentClosed, "libfptr_check_document_closed"),
        (Self::ContinuePrint, "libfptr_continue_print"),
        (Self::ValidateJson, "libfptr_validate_json"),
    ];

    fn is_optional(self) -> bool {
        self == Self::ValidateJson
    }
}

impl Library {
    /// Loads the library at this path and finds its functions.
    pub(super) fn load(path: &Path) -> Result<Self, LoadError> {
        // SAFETY: loading runs the library's own start code. The path is the operator's: whatever
        // stands there is trusted as the driver of this register.
        let library = unsafe { libloading::Library::new(path) }.map_err(|error| {
            LoadError::NotLoaded { path: path.to_owned(), source: error.into() }
        })?;
        let mut calls = [None; Call::ALL.len()];
        for (place, (call, name)) in calls.iter_mut().zip(Call::ALL) {
            // SAFETY: these functions take the handle and return an int (ATOL note 7.1).
            *place = match unsafe { find::<Status>(&library, name) } {
                Err(LoadError::Missing { .. }) if call.is_optional() => None,
                found => Some(found?),
            };
        }
        // SAFETY: each type is that of the vendor's header for this name (ATOL note 7.1).
        unsafe {
            Ok(Self {
                create: find(&library, "libfptr_create")?,
                destroy: find(&library, "libfptr_destroy")?,
                version: find(&library, "libfptr_get_version_string")?,
                set_settings: find(&library, "libfptr_set_settings")?,
                calls,
                error_description: find(&library, "libfptr_error_description")?,
                set_bool: find(&library, "libfptr_set_param_bool")?,
                set_int: find(&library, "libfptr_set_param_int")?,
                set_double: find(&library, "libfptr_set_param_double")?,
                set_str: find(&library, "libfptr_set_param_str")?,
                bool: find(&library, "libfptr_get_param_bool")?,
                int: find(&library, "libfptr_get_param_int")?,
                str: find(&library, "libfptr_get_param_str")?,
                _library: ManuallyDrop::new(library),
            })
        }
    }

    /// The driver's version.
    pub(super) fn version(&self) -> String {
        // SAFETY: the function takes nothing.
        let text = unsafe { (self.version)() };
        if text.is_null() {
            return String::new();
        }
        // SAFETY: not null, so it is a text of the library that ends with NUL and stays as long as
        // the library does; it is copied before this returns.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }

    /// A handle for one register.
    pub(super) fn create(self: &Arc<Self>) -> Result<Handle, LoadError> {
        let mut raw = ptr::null_mut();
        // SAFETY: the function writes one pointer to where it is told.
        let status = unsafe { (self.create)(&raw mut raw) };
        if status != 0 || raw.is_null() {
            return Err(LoadError::NoHandle { status });
        }
        Ok(Handle { library: Arc::clone(self), raw })
    }
}

/// # Safety
/// `T` is the type of a pointer to the function of this name.
unsafe fn find<T: Copy>(library: &libloading::Library, name: &'static str) -> Result<T, LoadError> {
    // SAFETY: as the caller promises. The pointer is kept beside the library.
    let symbol = unsafe { library.get::<T>(name.as_bytes()) };
    symbol.map(|symbol| *symbol).map_err(|_| LoadError::Missing { name })
}

/// A handle of the driver.
pub(super) struct Handle {
    library: Arc<Library>,
    raw: *mut c_void,
}

// SAFETY: the driver wants one call at a time for a handle, not one thread (ATOL note 7.1): its
// public bindings call it from the threads of a pool. Every call here takes `&mut self`.
unsafe impl Send for Handle {}

impl Handle {
    /// Calls a function; `None` when this driver lacks it.
    pub(super) fn call(&mut self, call: Call) -> Option<i32> {
        let place = Call::ALL.iter().position(|(known, _)| *known == call)?;
        let function = (*self.library.calls.get(place)?)?;
        // SAFETY: the handle is the library's own and is not destroyed yet.
        Some(unsafe { function(self.raw) })
    }

    /// Gives the driver its settings: 0 when it took them.
    pub(super) fn set_settings(&mut self, json: &Text) -> i32 {
        // SAFETY: the handle is good; a `Text` ends with NUL and is only read.
        unsafe { (self.library.set_settings)(self.raw, json.units().as_ptr()) }
    }

    pub(super) fn set_bool(&mut self, id: Param, value: bool) {
        // SAFETY: the handle is good, the rest are numbers.
        unsafe { (self.library.set_bool)(self.raw, id.0, c_int::from(value)) }
    }

    pub(super) fn set_int(&mut self, id: Param, value: u32) {
        // SAFETY: the handle is good, the rest are numbers.
        unsafe { (self.library.set_int)(self.raw, id.0, value) }
    }

    pub(super) fn set_double(&mut self, id: Param, value: f64) {
        // SAFETY: the handle is good, the rest are numbers.
        unsafe { (self.library.set_double)(self.raw, id.0, value) }
    }

    pub(super) fn set_str(&mut self, id: Param, value: &Text) {
        // SAFETY: the handle is good; a `Text` ends with NUL and is copied by the library.
        unsafe { (self.library.set_str)(self.raw, id.0, value.units().as_ptr()) }
    }

    pub(super) fn bool(&mut self, id: Param) -> bool {
        // SAFETY: the handle is good, the rest is a number.
        unsafe { (self.library.bool)(self.raw, id.0) != 0 }
    }

    pub(super) fn int(&mut self, id: Param) -> u32 {
        // SAFETY: the handle is good, the rest is a number.
        unsafe { (self.library.int)(self.raw, id.0) }
    }

    /// Writes a text into the buffer as far as it goes; how many units it has.
    pub(super) fn str(&mut self, id: Param, buffer: &mut [Wide]) -> i32 {
        let size = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
        // SAFETY: the handle is good; the library writes at most `size` units, which are there.
        unsafe { (self.library.str)(self.raw, id.0, buffer.as_mut_ptr(), size) }
    }

    /// As [`Handle::str`], for the words of the last error.
    pub(super) fn error_description(&mut self, buffer: &mut [Wide]) -> i32 {
        let size = c_int::try_from(buffer.len()).unwrap_or(c_int::MAX);
        // SAFETY: the handle is good; the library writes at most `size` units, which are there.
        unsafe { (self.library.error_description)(self.raw, buffer.as_mut_ptr(), size) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is good and nobody has it any more; the library clears the pointer.
        unsafe { (self.library.destroy)(&raw mut self.raw) }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}
