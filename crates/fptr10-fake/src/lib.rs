#![doc = include_str!("../README.md")]

pub mod abi;
mod control;
mod handle;
mod place;
mod quirks;
mod world;

use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};

/// The library, as cargo has built it for the program that asks: beside a test, or in the folder
/// `deps` beside a binary.
///
/// # Errors
/// When it is in neither.
pub fn library() -> io::Result<PathBuf> {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let name = format!("{prefix}fptr10{suffix}");
    let program = std::env::current_exe()?;
    let folder = program.parent().unwrap_or(&program);
    let places = [folder.join(&name), folder.join("deps").join(&name)];
    let found = places.into_iter().find(|place| place.is_file());
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no {name} was built")))
}

/// Gives the library at this path a command, as described above; its answer.
///
/// # Errors
/// When it is no such library, or the command has a NUL inside.
pub fn control(library: &Path, command: &str) -> io::Result<i32> {
    let command = CString::new(command).map_err(io::Error::other)?;
    abi::call_control(library, &command)
}

/// A `wchar_t` of the target.
#[cfg(windows)]
pub(crate) type Wide = u16;
/// A `wchar_t` of the target.
#[cfg(not(windows))]
pub(crate) type Wide = u32;

/// What a text of ours is to the caller.
pub(crate) fn wide(text: &str) -> Vec<Wide> {
    #[cfg(windows)]
    return text.encode_utf16().collect();
    #[cfg(not(windows))]
    text.chars().map(Wide::from).collect()
}

/// A caller's text.
pub(crate) fn narrow(units: &[Wide]) -> String {
    #[cfg(windows)]
    return String::from_utf16_lossy(units);
    #[cfg(not(windows))]
    units.iter().map(|unit| char::from_u32(*unit).unwrap_or('\u{FFFD}')).collect()
}
