//! The stand as the bank's program `sb_pilot`, for terminals of Sberbank that are not there.

use std::process::ExitCode;

use tillway::core::port::Clock;
use tillway::runtime::TokioClock;
use tillway::sim::sberbank::run_in_folder;

use crate::failure::Failure;
use crate::say;

/// Runs it once in the folder where the process stands, as the real one.
pub(crate) fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let failed = |error| Failure::of("sb_pilot, simulated", &error);
    let folder = std::env::current_dir().map_err(failed)?;
    let ended = run_in_folder(&folder, arguments, TokioClock::new().now());
    let (code, said) = ended.map_err(failed)?;
    said.lines().for_each(say);
    Ok(ExitCode::from(code))
}
