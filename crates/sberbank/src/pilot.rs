//! One run of the program, on the device's thread.

use std::time::Duration;

use tillway_core::port::terminal::{Fault, Slip, TerminalError};
use tillway_device::{Ended, Exec};

use crate::config::Config;
use crate::wire::answer::Answer;
use crate::wire::slip::slips;

/// The longest files that are read.
const ANSWER_MAX: usize = 64 * 1024;
const SLIP_MAX: usize = 1024 * 1024;

/// What a run wrote.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    pub(crate) slips: Vec<Slip>,
}

/// A run without an answer.
#[derive(Clone, Debug)]
pub(crate) enum Unanswered {
    /// It ran, and what it did is unknown.
    Lost(TerminalError),
    /// It did not run: nothing was moved.
    NotStarted(TerminalError),
}

impl Unanswered {
    pub(crate) fn lost(fault: Fault, text: &str) -> Self {
        Self::Lost(TerminalError::new(fault, text))
    }

    pub(crate) fn not_started(fault: Fault, text: &str) -> Self {
        Self::NotStarted(TerminalError::new(fault, text))
    }

    /// For calls that move no money, where the difference does not matter.
    pub(crate) fn error(self) -> TerminalError {
        match self {
            Self::Lost(error) | Self::NotStarted(error) => error,
        }
    }
}

/// Runs the program once, and reads only what this run has written.
pub(crate) fn run(
    exec: &mut dyn Exec,
    config: &Config,
    arguments: &[String],
    most: Duration,
    offset_min: i16,
) -> Result<Answered, Unanswered> {
    for file in [&config.answer_file, &config.slip_file] {
        if let Err(error) = exec.remove(file) {
            let text = format!("the old file {file} cannot be removed: {error}");
            return Err(Unanswered::not_started(Fault::Setup, &text));
        }
    }
    match exec.run(arguments, most) {
        Err(error) => {
            let text = format!("the program cannot be started: {error}");
            return Err(Unanswered::not_started(Fault::Setup, &text));
        }
        Ok(Ended::Killed) => {
            let text = format!("killed after {} s; the pad may go on", most.as_secs());
            return Err(Unanswered::lost(Fault::Timeout, &text));
        }
        Ok(Ended::Itself) => {}
    }
    let bytes = match exec.read(&config.answer_file, ANSWER_MAX) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(Unanswered::lost(Fault::Garbled, "the program wrote no answer")),
        Err(error) => {
            return Err(Unanswered::lost(Fault::Garbled, &format!("its answer: {error}")));
        }
    };
    let Some(answer) = Answer::read(&config.charset.decode(&bytes), offset_min) else {
        return Err(Unanswered::lost(Fault::Garbled, "its answer does not begin with a code"));
    };
    // Without paper the money stands all the same.
    let slip = exec.read(&config.slip_file, SLIP_MAX).ok().flatten().unwrap_or_default();
    Ok(Answered { answer, slips: slips(&config.charset.decode(&slip)) })
}
