//! The program as a process: its state is one file of its folder.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use tillway_core::Timestamp;

use super::pad::Pad;
use super::step::Step;

/// The pad with its bank, as JSON. A scenario is put in here.
const STATE: &str = "pad.json";
/// Whoever has it locked uses the pad.
const LOCK: &str = "pad.lock";
/// Steps that are put beside it while it works: `step-000001.json`, taken in this order, before
/// those that it has.
const STEP: (&str, &str) = ("step-", ".json");
/// How many steps may wait beside it.
const STEPS_MAX: usize = 1_000;
/// The step of this run alone, as JSON, in the environment; it comes before all others.
pub const STEP_VARIABLE: &str = "SB_PILOT_STEP";

/// Runs the program once with these arguments, in a folder; answers its exit code and what it prints.
///
/// What the bank did is durable before anything is written for the till. When the pad's step takes
/// time this sleeps, and when it hangs it sleeps for ever: it is for a process of its own.
///
/// `step` is what becomes of this run, as JSON of a [`Step`], usually from [`STEP_VARIABLE`]. Steps of
/// [`push_step`] come next, then those of the state.
///
/// # Errors
/// The folder cannot be used, its `pad.json` is none, or a step is none.
pub fn run_in_folder(
    folder: &Path,
    arguments: &[String],
    at: Timestamp,
    step: Option<&str>,
) -> io::Result<(u8, String)> {
    let step = step.map(serde_json::from_str::<Step>).transpose()?;
    let lock = File::create(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            fs::write(folder.join("e"), "115,\n")?;
            return Ok((0, "return:115\n".to_owned()));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let mut pad = pad_of(folder)?;
    if Pad::asks_bank(arguments) {
        let beside = if step.is_none() { take_step(folder)? } else { None };
        step.or(beside).into_iter().for_each(|step| pad.steps.push_front(step));
    }
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

/// The pad of a folder, as the last run left it; a new one when there was none.
///
/// # Errors
/// Its `pad.json` cannot be read, or is none.
pub fn pad_of(folder: &Path) -> io::Result<Pad> {
    match fs::read(folder.join(STATE)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Pad::default()),
        Err(error) => Err(error),
    }
}

/// Says what becomes of the next run that asks the bank, beside a pad that may be at work. Steps that
/// wait already come before it.
///
/// # Errors
/// The folder cannot be written, or a thousand steps wait.
pub fn push_step(folder: &Path, step: &Step) -> io::Result<()> {
    let waiting = waiting(folder)?;
    if waiting.len() >= STEPS_MAX {
        return Err(io::Error::other(format!("{STEPS_MAX} steps are waiting")));
    }
    let next = waiting.last().map_or(0, |(number, _)| *number).saturating_add(1);
    let file = folder.join(format!("{}{next:06}{}", STEP.0, STEP.1));
    let whole = folder.join("step.next");
    fs::write(&whole, serde_json::to_vec(step)?)?;
    fs::rename(whole, file)
}

fn take_step(folder: &Path) -> io::Result<Option<Step>> {
    let Some((_, path)) = waiting(folder)?.into_iter().next() else { return Ok(None) };
    let step = serde_json::from_slice(&fs::read(&path)?)?;
    fs::remove_file(path)?;
    Ok(Some(step))
}

/// The steps that wait beside the pad, in order.
fn waiting(folder: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut waiting = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(STEP.0).and_then(|name| name.strip_suffix(STEP.1));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            waiting.push((number, path));
        }
    }
    waiting.sort();
    Ok(waiting)
}
