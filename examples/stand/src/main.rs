//! The stand: one binary with store, engine, HTTP APIs and simulators. `cargo run` starts it.

mod cli;
mod command;
mod config;
mod control;
mod demo;
mod devices;
mod failure;
mod folder;
mod front;
mod http;
mod levels;
mod log;
mod loyalty;
mod metrics;
mod page;
mod sb_pilot;
mod serve;
mod sim_atol;
mod sim_dualconnector;
mod sim_loymax;
mod sim_sberbank;
mod stand;
mod table;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Builder;

use crate::cli::{Cli, Command, Demo, LogFormat, Options, Sim};
use crate::command::store::Long;
use crate::command::{Said, restore, store};
use crate::config::Config;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::stand::Stand;

/// How long threads may take to end, after everything else has.
const THREADS_MAX: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    if let Some(arguments) = sb_pilot::by_name() {
        return said(sb_pilot::run(&arguments), LogFormat::Text);
    }
    let cli = Cli::parse();
    let format = cli.options.log_format;
    said(start(cli), format)
}

fn said(ended: Result<ExitCode, Failure>, format: LogFormat) -> ExitCode {
    match ended {
        Ok(code) => code,
        Err(failure) => {
            log::last_word(&failure, format);
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> Result<ExitCode, Failure> {
    // A command talks to a person: only what is wrong is worth a line of log there.
    let serving = matches!(cli.command, None | Some(Command::Serve));
    let quiet = !serving && cli.options.log == cli::LOG_DEFAULT;
    if let Some(Command::SbPilot { arguments }) = &cli.command {
        return sb_pilot::run(arguments);
    }
    let log = match &cli.command {
        // What goes wrong there goes wrong on purpose, and the report says what came of it.
        Some(Command::Demo(Demo::Loymax { .. })) if quiet => "off",
        _ if quiet => "warn",
        _ => &cli.options.log,
    };
    log::start(log, cli.options.log_format)?;
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::of("the runtime does not start", &error))?;
    let ended = runtime.block_on(run(cli));
    // A thread that hangs on a disk is not waited for: what was answered is safe.
    runtime.shutdown_timeout(THREADS_MAX);
    ended
}

async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let options = &cli.options;
    let done = |()| ExitCode::SUCCESS;
    match cli.command {
        None | Some(Command::Serve) => serve::serve(load(options)?, options).await.map(done),
        _ if options.fresh => Err(Failure::new("--fresh goes with serving alone")),
        Some(Command::Demo(Demo::Table)) => table::play().await.map(done),
        Some(Command::Demo(Demo::Loymax { level })) => levels::play(level).await.map(done),
        Some(Command::Sim(Sim::Atol(atol))) => {
            sim_atol::serve_alone(options.port_base, &atol).await.map(done)
        }
        Some(Command::Sim(Sim::Dualconnector(wanted))) => {
            sim_dualconnector::serve_alone(options.port_base, &wanted).await.map(done)
        }
        Some(Command::Sim(Sim::Loymax)) => {
            sim_loymax::serve_alone(options.port_base).await.map(done)
        }
        Some(Command::Sim(Sim::Sberbank(wanted))) => {
            sim_sberbank::serve_alone(options, &wanted).await.map(done)
        }
        Some(Command::SbPilot { arguments }) => sb_pilot::run(&arguments),
        Some(Command::Guest(guest)) => {
            perform(options, command::Command::of_guest(guest)?).await.map(done)
        }
        Some(Command::Till(till)) => {
            perform(options, command::Command::of_till(till)).await.map(done)
        }
        Some(Command::Clock(clock)) => {
            perform(options, command::Command::of_clock(clock)).await.map(done)
        }
        Some(Command::Points(points)) => {
            perform(options, command::Command::of_points(points)).await.map(done)
        }
        Some(Command::CheckConfig) => check_config(options).await,
        Some(Command::Check) => store::perform(options, Long::Check).await.map(done),
        Some(Command::Backup { file }) => {
            store::perform(options, Long::backup(&file)?).await.map(done)
        }
        Some(Command::Restore { file, replace }) => {
            restore::restore(options, &file, replace).await.map(done)
        }
    }
}

fn load(options: &Options) -> Result<Config, Failure> {
    Config::load(options.config.as_deref(), options.port_base)
}

/// Asks the running stand, or works on its folder when none runs.
async fn perform(options: &Options, command: command::Command) -> Result<(), Failure> {
    let said = match control::ask(&options.data, &command).await? {
        Some(said) => said,
        None if command.needs_a_running_stand() => {
            let text = "no stand runs on this folder; start it, then say it again";
            return Err(Failure::new(text));
        }
        None => {
            let stand = Stand::open(&load(options)?, Folder::open(&options.data)?).await?;
            command::run(&stand.desk(), command).await?
        }
    };
    match said {
        Said::Done(reply) => reply.lines.iter().for_each(|line| say(line)),
        Said::Running(running) => say(&running.progress),
    }
    Ok(())
}

async fn check_config(options: &Options) -> Result<ExitCode, Failure> {
    let config = load(options)?;
    let mut found = config::check(&config);
    found.extend(stand::check_machine(&config, &options.data).await);
    let mut answers = devices::probe(&config.devices).await;
    if let Some(loyalty) = &config.loyalty {
        answers.push(loyalty::probe(loyalty).await);
    }
    for told in answers {
        match told {
            Ok(line) => say(&line),
            Err(failure) => found.push(failure.to_string()),
        }
    }
    for finding in &found {
        say(finding);
    }
    if found.is_empty() {
        say("the configuration is good");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

#[expect(clippy::print_stdout, reason = "the answer of a command is for the person who gave it")]
pub(crate) fn say(line: &str) {
    println!("{}", harmless(line));
}

/// Names come from people and from other systems; none of them steers the terminal.
pub(crate) fn harmless(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for letter in line.chars() {
        match letter.is_control() {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
}
