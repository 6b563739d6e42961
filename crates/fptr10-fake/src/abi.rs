//! The functions, exactly as the driver's header declares them (ATOL note 7.1).
//!
//! A handle is a number that looks like a pointer: nothing is read through it, so a caller that
//! uses one that is closed or was never given is refused instead of crashing the test.

#![allow(unsafe_code, reason = "a C library is what this is")]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::{CStr, c_char, c_double, c_int, c_uchar, c_uint, c_void};
use std::path::Path;
use std::{io, ptr};

use tillway_sim::atol::link::Param;

use crate::handle::{Handle, told};
use crate::{Wide, control, narrow, world};

/// A handle.
pub type Raw = *mut c_void;

/// A text longer than this has no end.
const TEXT_MAX: usize = 16 << 20;

fn enter<R>(handle: Raw, otherwise: R, act: impl FnOnce(&mut Handle) -> R) -> R {
    world::enter(handle.addr(), act).unwrap_or(otherwise)
}

fn run(handle: Raw, function: &str) -> c_int {
    enter(handle, -1, |handle| handle.run(function))
}

/// # Safety
/// `text` is null or ends with NUL.
unsafe fn text(text: *const Wide) -> String {
    if text.is_null() {
        return String::new();
    }
    let length = (0..TEXT_MAX).take_while(|at| {
        // SAFETY: as the caller promises, and no unit before this one was NUL.
        unsafe { *text.add(*at) != 0 }
    });
    // SAFETY: so many units were read just now.
    narrow(unsafe { std::slice::from_raw_parts(text, length.count()) })
}

/// Cuts a text to the buffer and says how long it is.
///
/// # Safety
/// `buffer` is null or has room for `size` units.
unsafe fn fill((units, length): (Vec<Wide>, i32), buffer: *mut Wide, size: c_int) -> c_int {
    let Ok(size @ 1..) = usize::try_from(size) else { return length };
    if buffer.is_null() {
        return length;
    }
    for (place, unit) in units.iter().chain(&[0]).take(size).enumerate() {
        // SAFETY: as the caller promises: `place` is below `size`.
        unsafe { *buffer.add(place) = *unit };
    }
    length
}

/// Makes a handle.
///
/// # Safety
/// `handle` has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_create(handle: *mut Raw) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { *handle = ptr::without_provenance_mut(world::create()) };
    0
}

/// As `libfptr_create`, named for the driver's log; −2 for a bad name.
///
/// # Safety
/// `handle` has room for a pointer, `id` is null or ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_create_with_id(handle: *mut Raw, id: *const Wide) -> c_int {
    // SAFETY: as the caller promises.
    let id = unsafe { text(id) };
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
        return -2;
    }
    // SAFETY: as the caller promises.
    unsafe { libfptr_create(handle) }
}

/// Ends a handle and clears the pointer.
///
/// # Safety
/// `handle` points to a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_destroy(handle: *mut Raw) {
    // SAFETY: as the caller promises.
    let number = unsafe { ptr::replace(handle, ptr::null_mut()) };
    world::destroy(number.addr());
}

/// The driver's version.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_get_version_string() -> *const c_char {
    c"10.10.8.0".as_ptr()
}

/// # Safety
/// `json` is null or ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_set_settings(handle: Raw, json: *const Wide) -> c_int {
    // SAFETY: as the caller promises.
    let json = unsafe { text(json) };
    enter(handle, -1, |handle| handle.set_settings(&json))
}

/// # Safety
/// `value` is null or has room for `size` units.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_get_settings(handle: Raw, value: *mut Wide, size: c_int) -> c_int {
    let settings = enter(handle, None, |handle| Some(handle.settings()));
    // SAFETY: as the caller promises.
    settings.map_or(-1, |settings| unsafe { fill(told(&settings), value, size) })
}

/// # Safety
/// `key` and `value` are null or end with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_set_single_setting(
    handle: Raw,
    key: *const Wide,
    value: *const Wide,
) {
    // SAFETY: as the caller promises.
    let (key, value) = unsafe { (text(key), text(value)) };
    enter(handle, (), |handle| handle.set_single_setting(key, value));
}

/// What was set one by one counts from now on.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_apply_single_settings(handle: Raw) -> c_int {
    enter(handle, -1, Handle::apply_single_settings)
}

/// Takes the register.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_open(handle: Raw) -> c_int {
    enter(handle, -1, Handle::open)
}

/// Lets it go.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_close(handle: Raw) -> c_int {
    enter(handle, -1, Handle::close)
}

/// Whether the handle has a register; without a link too.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_is_opened(handle: Raw) -> c_int {
    c_int::from(enter(handle, false, |handle| handle.is_opened()))
}

/// The number of the last error.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_error_code(handle: Raw) -> c_int {
    enter(handle, 1, |handle| handle.error_code())
}

/// Its words.
///
/// # Safety
/// `value` is null or has room for `size` units.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_error_description(
    handle: Raw,
    value: *mut Wide,
    size: c_int,
) -> c_int {
    let words = enter(handle, String::new(), |handle| handle.error_description().to_owned());
    // SAFETY: as the caller promises.
    unsafe { fill(told(&words), value, size) }
}

/// What a person should do: nothing that is known.
///
/// # Safety
/// `value` is null or has room for `size` units.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_error_recommendation(
    handle: Raw,
    value: *mut Wide,
    size: c_int,
) -> c_int {
    let _: bool = enter(handle, false, |handle| handle.is_opened());
    // SAFETY: as the caller promises.
    unsafe { fill(told(""), value, size) }
}

/// Forgets the last error.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_reset_error(handle: Raw) {
    enter(handle, (), Handle::reset_error);
}

/// Forgets all parameters.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_reset_params(handle: Raw) {
    enter(handle, (), Handle::reset_params);
}

/// Sets a flag.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_set_param_bool(handle: Raw, id: c_int, value: c_int) {
    enter(handle, (), |handle| handle.set(id, Param::Bool(value != 0)));
}

/// Sets a whole number.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_set_param_int(handle: Raw, id: c_int, value: c_uint) {
    enter(handle, (), |handle| handle.set(id, Param::Int(value)));
}

/// Sets a number.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_set_param_double(handle: Raw, id: c_int, value: c_double) {
    enter(handle, (), |handle| handle.set(id, Param::Number(value.to_string())));
}

/// Sets a text.
///
/// # Safety
/// `value` is null or ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_set_param_str(handle: Raw, id: c_int, value: *const Wide) {
    // SAFETY: as the caller promises.
    let value = unsafe { text(value) };
    enter(handle, (), |handle| handle.set(id, Param::Text(value)));
}

/// Sets a moment.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_set_param_datetime(
    handle: Raw,
    id: c_int,
    year: c_int,
    month: c_int,
    day: c_int,
    hour: c_int,
    minute: c_int,
    second: c_int,
) {
    let time = [year, month, day, hour, minute, second];
    enter(handle, (), |handle| handle.set(id, Param::Time(time)));
}

/// Sets bytes.
///
/// # Safety
/// `value` is null or has `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_set_param_bytearray(
    handle: Raw,
    id: c_int,
    value: *const c_uchar,
    size: c_int,
) {
    let bytes = match usize::try_from(size) {
        // SAFETY: as the caller promises.
        Ok(size) if !value.is_null() => unsafe { std::slice::from_raw_parts(value, size) },
        _ => &[],
    };
    enter(handle, (), |handle| handle.set(id, Param::Bytes(bytes.to_vec())));
}

/// A flag; 0 for what is not there.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_get_param_bool(handle: Raw, id: c_int) -> c_int {
    enter(handle, 0, |handle| c_int::from(handle.param(id) == Some(&Param::Bool(true))))
}

/// A whole number; 0 for what is not there.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_get_param_int(handle: Raw, id: c_int) -> c_uint {
    enter(handle, 0, |handle| match handle.param(id) {
        Some(Param::Int(value)) => *value,
        _ => 0,
    })
}

/// A number; 0 for what is not there.
#[unsafe(no_mangle)]
pub extern "C" fn libfptr_get_param_double(handle: Raw, id: c_int) -> c_double {
    enter(handle, 0.0, |handle| match handle.param(id) {
        Some(Param::Number(value)) => value.parse().unwrap_or_default(),
        _ => 0.0,
    })
}

/// A text, cut to the buffer; the length is that of the whole, its NUL included.
///
/// # Safety
/// `value` is null or has room for `size` units.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_get_param_str(
    handle: Raw,
    id: c_int,
    value: *mut Wide,
    size: c_int,
) -> c_int {
    let buffer = usize::try_from(size).unwrap_or(0);
    let units = enter(handle, told(""), |handle| handle.text(id, buffer));
    // SAFETY: as the caller promises.
    unsafe { fill(units, value, size) }
}

/// A moment; nothing is written for what is not there.
///
/// # Safety
/// Each pointer has room for an int.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_get_param_datetime(
    handle: Raw,
    id: c_int,
    year: *mut c_int,
    month: *mut c_int,
    day: *mut c_int,
    hour: *mut c_int,
    minute: *mut c_int,
    second: *mut c_int,
) {
    let time = enter(handle, None, |handle| match handle.param(id) {
        Some(Param::Time(time)) => Some(*time),
        _ => None,
    });
    for (part, place) in
        time.unwrap_or_default().into_iter().zip([year, month, day, hour, minute, second])
    {
        // SAFETY: as the caller promises.
        unsafe { *place = part };
    }
}

/// Bytes, cut to the buffer; the length is that of the whole.
///
/// # Safety
/// `value` is null or has room for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_get_param_bytearray(
    handle: Raw,
    id: c_int,
    value: *mut c_uchar,
    size: c_int,
) -> c_int {
    let bytes = enter(handle, Vec::new(), |handle| match handle.param(id) {
        Some(Param::Bytes(bytes)) => bytes.clone(),
        _ => Vec::new(),
    });
    let room = if value.is_null() { 0 } else { usize::try_from(size).unwrap_or(0) };
    for (place, byte) in bytes.iter().take(room).enumerate() {
        // SAFETY: as the caller promises: `place` is below `size`.
        unsafe { *value.add(place) = *byte };
    }
    c_int::try_from(bytes.len()).unwrap_or(c_int::MAX)
}

macro_rules! operations {
    ($($function:ident = $name:literal, $what:literal;)*) => {
        $(
            #[doc = $what]
            #[unsafe(no_mangle)]
            pub extern "C" fn $function(handle: Raw) -> c_int {
                run(handle, $name)
            }
        )*
    };
}

operations! {
    libfptr_process_json = "process_json", "Runs the task in the parameter for JSON.";
    libfptr_validate_json = "validate_json", "Looks through the task in the parameter for JSON.";
    libfptr_query_data = "query_data", "Asks the register.";
    libfptr_fn_query_data = "fn_query_data", "Asks its fiscal memory.";
    libfptr_open_shift = "open_shift", "Opens a shift.";
    libfptr_open_receipt = "open_receipt", "Opens a receipt.";
    libfptr_registration = "registration", "Registers a line.";
    libfptr_payment = "payment", "Takes a payment.";
    libfptr_receipt_total = "receipt_total", "Sets the total.";
    libfptr_close_receipt = "close_receipt", "Closes the receipt.";
    libfptr_cancel_receipt = "cancel_receipt", "Annuls the receipt.";
    libfptr_check_document_closed = "check_document_closed", "What became of the last close.";
    libfptr_continue_print = "continue_print", "Goes on with an interrupted print.";
    libfptr_report = "report", "Prints a report.";
    libfptr_operator_login = "operator_login", "Says who prints.";
}

/// Commands of a test; see the crate's documentation. −1 for what is not understood.
///
/// # Safety
/// `command` is null or ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libfptr_sim_control(command: *const c_char) -> c_int {
    if command.is_null() {
        return -1;
    }
    // SAFETY: as the caller promises.
    control::perform(&unsafe { CStr::from_ptr(command) }.to_string_lossy())
}

/// Calls `libfptr_sim_control` of a library that is, or is now, loaded from this path.
pub(crate) fn call_control(library: &Path, command: &CStr) -> io::Result<c_int> {
    type Control = unsafe extern "C" fn(*const c_char) -> c_int;
    // SAFETY: only a fake library is given here; it has no start code.
    let library = unsafe { libloading::Library::new(library) }.map_err(io::Error::other)?;
    // SAFETY: the type is that of the function above.
    let control = unsafe { library.get::<Control>("libfptr_sim_control") };
    // SAFETY: a `CStr` ends with NUL.
    let answer = unsafe { control.map_err(io::Error::other)?(command.as_ptr()) };
    Ok(answer)
}

#[cfg(test)]
mod tests;
