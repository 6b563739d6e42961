//! The folder of a Sberbank terminal, with the simulated program of the bank in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io};

use http::{Method, Request, StatusCode};
use tillway::core::port::Clock;
use tillway::device::{Mode, Worker};
use tillway::runtime::TokioClock;
use tillway::sim::sberbank::{Pad, Step, pad_of, push_step};
use tillway::transport::server::{Server, ServerConfig};
use tillway::transport::{RequestBody, Runtime, read_body};

use crate::cli::{Options, SimSberbank};
use crate::config;
use crate::failure::Failure;
use crate::http::{Answer, Handler, answer};
use crate::say;
use crate::sb_pilot::NAME;
use crate::serve::{Signals, local, told, until_stopped};
use crate::stand::listen;

/// How often one looks whether the program has run.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest step.
const STEP_BYTES_MAX: usize = 4 * 1024;
/// How many looks at the folder may wait.
const JOBS_MAX: usize = 16;
const PLAIN: &str = "text/plain; charset=utf-8";

/// Puts the program into its folder, shows its runs and takes steps for it, until somebody stops it.
pub(crate) async fn serve_alone(options: &Options, wanted: &SimSberbank) -> Result<(), Failure> {
    let folder = wanted.folder.clone().unwrap_or_else(|| options.data.join("sberbank"));
    let failed = |error: io::Error| Failure::of(format!("folder {}", folder.display()), &error);
    let folder = install(&folder).map_err(failed)?;
    let worker = Worker::start("sim sberbank", Mode::Thread, JOBS_MAX, folder.clone());
    let beside = Beside(Arc::new(worker.map_err(failed)?));
    let signals = Signals::listen()?;
    let address = config::pilot_at(options.port_base)?;
    let listener = listen(address).await?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let shared = beside.clone();
    let handler = Handler(move |request| control(shared.clone(), request));
    let make = move |peer| local(peer).then(|| handler.clone());
    let server = Server::new(ServerConfig::default(), Runtime::tokio());
    let served = server.serve(listener, make, told(&stopping));
    let (_, seen) = beside.pad().await?.shown_since(0);
    greet(address, &folder);
    let shown = async { Err(show(&beside, seen).await) };
    until_stopped(served, stop, signals, shown).await
}

/// This program under the other name; the folder as the system calls it.
fn install(folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    let program = folder.join(format!("{NAME}{}", env::consts::EXE_SUFFIX));
    match fs::remove_file(&program) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let own = env::current_exe()?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(own, program)?;
    #[cfg(not(unix))]
    fs::copy(own, program)?;
    Ok(folder)
}

fn greet(address: SocketAddr, folder: &Path) {
    say("sb_pilot with a card terminal of Sberbank, simulated");
    say("");
    say(&format!("  the folder   {}", folder.display()));
    say(&format!("  the tape     http://{address}/sim/tape"));
    say(&format!("  what is next http://{address}/sim/step"));
    say("");
    say("listening; Ctrl-C stops; runs follow");
}

/// The folder, beside the program that works in it.
#[derive(Clone)]
struct Beside(Arc<Worker<PathBuf>>);

impl Beside {
    async fn pad(&self) -> Result<Pad, Failure> {
        self.done(pad_of).await
    }

    async fn push(&self, step: Step) -> Result<(), Failure> {
        self.done(move |folder| push_step(folder, &step)).await
    }

    async fn done<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let busy = |error| Failure::of("the folder of sb_pilot", &error);
        let done = self.0.submit(move |folder: &mut PathBuf| job(folder)).map_err(busy)?;
        let done = done.await.map_err(busy)?;
        done.map_err(|error| Failure::of("the folder of sb_pilot", &error))
    }
}

/// Shows what is done, as it is done. Ends when the folder cannot be read any more.
async fn show(beside: &Beside, mut seen: usize) -> Failure {
    let clock = TokioClock::new();
    loop {
        clock.sleep(LOOK_EVERY).await;
        let (lines, all) = match beside.pad().await {
            Ok(pad) => pad.shown_since(seen),
            Err(failure) => return failure,
        };
        seen = all;
        lines.iter().for_each(|line| say(line));
    }
}

async fn control(beside: Beside, request: Request<RequestBody>) -> Answer {
    let (parts, body) = request.into_parts();
    let text = |status, text: String| answer(status, PLAIN, text);
    let failed = |failure: &Failure| text(StatusCode::CONFLICT, format!("{failure}\n"));
    let body = match read_body(body, STEP_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) => return text(error.status(), String::new()),
    };
    match (parts.uri.path(), parts.method) {
        ("/sim/tape", Method::GET) => match beside.pad().await {
            Ok(pad) => {
                let (lines, _) = pad.shown_since(0);
                text(StatusCode::OK, lines.into_iter().map(|line| line + "\n").collect())
            }
            Err(failure) => failed(&failure),
        },
        ("/sim/step", Method::POST) => match serde_json::from_slice(&body) {
            Ok(step) => match beside.push(step).await {
                Ok(()) => text(StatusCode::OK, "{}".to_owned()),
                Err(failure) => failed(&failure),
            },
            Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
        },
        ("/sim/tape" | "/sim/step", _) => text(StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => text(StatusCode::NOT_FOUND, "/sim/tape, /sim/step\n".to_owned()),
    }
}
