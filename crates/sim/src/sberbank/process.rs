//! The program as a process: its state is one file of its folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;

use tillway_core::Timestamp;

use super::pad::Pad;

/// The pad with its bank, as JSON. A scenario is put in here.
const STATE: &str = "pad.json";
/// Whoever has it locked uses the pad.
const LOCK: &str = "pad.lock";

/// Runs the program once with these arguments, in a folder; answers its exit code and what it prints.
///
/// What the bank did is durable before anything is written for the till. When the pad's step takes
/// time this sleeps, and when it hangs it sleeps for ever: it is for a process of its own.
///
/// # Errors
/// The folder cannot be used, or its `pad.json` is none.
pub fn run_in_folder(
    folder: &Path,
    arguments: &[String],
    at: Timestamp,
) -> io::Result<(u8, String)> {
    let lock = File::create(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            fs::write(folder.join("e"), "115,\n")?;
            return Ok((0, "return:115\n".to_owned()));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut pad = match fs::read(folder.join(STATE)) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Pad::default(),
        Err(error) => return Err(error),
    };
    let run = pad.run(arguments, at);
    let next = folder.join("pad.next");
    fs::write(&next, serde_json::to_vec(&pad)?)?;
    fs::rename(&next, folder.join(STATE))?;
    thread::sleep(run.takes);
    if run.hangs {
        loop {
            thread::park();
        }
    }
    for (name, bytes) in [("p", &run.p), ("e", &run.e)] {
        if let Some(bytes) = bytes {
            fs::write(folder.join(name), bytes)?;
        }
    }
    let said = run.e.as_deref().unwrap_or_default();
    let code = said.split(|byte| *byte == b',').next().unwrap_or_default();
    Ok((run.exit, format!("return:{}\n", String::from_utf8_lossy(code))))
}
