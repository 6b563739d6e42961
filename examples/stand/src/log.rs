//! What is told while it runs: lines for people, or JSON for programs.

use std::io::IsTerminal;

use serde_json::json;
use tillway::core::port::Clock;
use tillway::runtime::TokioClock;
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
use crate::failure::Failure;

/// Logs to stderr from now on, what the filter lets through.
pub(crate) fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter);
    let filter = filter.map_err(|error| Failure::of("--log", &error))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
            // A reader of JSON is not prepared for the lines of the default hook.
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
        }
    }
    Ok(())
}

/// The last word of a program that failed, whatever the filter says.
#[expect(clippy::print_stderr, reason = "the last word to the person at the terminal")]
pub(crate) fn last_word(failure: &Failure, format: LogFormat) {
    match format {
        LogFormat::Text => eprintln!("error: {}", crate::harmless(&failure.to_string())),
        LogFormat::Json => {
            let timestamp = TokioClock::new().now().to_string();
            let message = failure.to_string();
            eprintln!("{}", json!({"timestamp": timestamp, "level": "ERROR", "message": message}));
        }
    }
}
