//! The stand as the bank's program `sb_pilot`, for terminals of Sberbank that are not there.

use std::path::Path;
use std::process::ExitCode;

use tillway::core::port::Clock;
use tillway::runtime::TokioClock;
use tillway::sim::sberbank::{STEP_VARIABLE, run_in_folder};

use crate::failure::Failure;
use crate::say;

/// The name of the bank's program.
pub(crate) const NAME: &str = "sb_pilot";

/// What this process was started with, when it was started by that name: the stand lies in the
/// terminal's folder then.
pub(crate) fn by_name() -> Option<Vec<String>> {
    let mut all = std::env::args();
    let program = all.next()?;
    let is_named = Path::new(&program).file_stem().is_some_and(|stem| stem == NAME);
    is_named.then(|| all.collect())
}

/// Runs it once in the folder where the process stands, as the real one.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let failed = |error| Failure::of("sb_pilot, simulated", &error);
    let folder = std::env::current_dir().map_err(failed)?;
    let step = std::env::var(STEP_VARIABLE).ok();
    let ended = run_in_folder(&folder, arguments, TokioClock::new().now(), step.as_deref());
    let (code, said) = ended.map_err(failed)?;
    said.lines().for_each(say);
    Ok(ExitCode::from(code))
}
