//! A fake `sb_pilot`: `sb_pilot OP [AMOUNT ...]`, in its own folder, with its state in `pad.json`.

use std::env;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use tillway_core::Timestamp;
use tillway_sim::sberbank::{STEP_VARIABLE, run_in_folder};

#[expect(clippy::disallowed_methods, reason = "a program of its own has the clock of its machine")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::utc(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = env::current_dir();
    let step = env::var(STEP_VARIABLE).ok();
    match folder.and_then(|folder| run_in_folder(&folder, &arguments, now(), step.as_deref())) {
        Ok((code, said)) => {
            print!("{said}");
            ExitCode::from(code)
        }
        Err(error) => {
            eprintln!("sb_pilot: {error}");
            ExitCode::FAILURE
        }
    }
}
