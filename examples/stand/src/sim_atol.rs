//! The simulated fiscal register behind ATOL's web server: part of the demo, and alone.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tillway::core::port::Clock;
use tillway::runtime::TokioClock;
use tillway::sim::atol::web::{Generation, Latency, WebConfig, WebServer};
use tillway::sim::atol::{Piece, Register, Settings, SharedRegister};
use tillway::transport::Runtime;
use tillway::transport::server::{Server, ServerConfig, StopReport};
use tokio::net::TcpListener;

use crate::cli::{self, SimAtol};
use crate::config;
use crate::failure::Failure;
use crate::say;
use crate::serve::{Signals, local, told, until_stopped};
use crate::stand::listen;

/// The id of its device.
const DEVICE: &str = "kiosk1";

/// The largest request that is taken, in bytes.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

/// How often one looks whether something was printed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A server of this generation with one device, whose register stands where this machine stands.
pub(crate) fn server(generation: Generation, clock: Arc<dyn Clock>) -> WebServer {
    let now = clock.now();
    let settings = Settings { offset_min: now.offset_min, ..Settings::default() };
    let register = SharedRegister::new(Register::new(settings, now.wall_ms()));
    let config = WebConfig { control: true, ..WebConfig::new(generation) };
    WebServer::new(config, clock).device(DEVICE, "Киоск", register)
}

/// Serves it to programs of this machine until it is told to stop.
pub(crate) async fn serve(
    server: WebServer,
    listener: TcpListener,
    limits: ServerConfig,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> StopReport {
    let make = move |peer| local(peer).then(|| server.clone());
    let limits = ServerConfig { body_bytes_max: REQUEST_BYTES_MAX, ..limits };
    Server::new(limits, Runtime::tokio()).serve(listener, make, stopped).await
}

/// Serves it alone, and shows its tape, until somebody stops it.
pub(crate) async fn serve_alone(port_base: u32, wanted: &SimAtol) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let generation = match wanted.generation {
        cli::Generation::V1Flat => Generation::V1Flat,
        cli::Generation::V1 => Generation::V1,
        cli::Generation::Java => Generation::V2Java,
        cli::Generation::WebRequests => Generation::V2WebRequests,
    };
    let simulated = server(generation, Arc::clone(&clock));
    let printing = Duration::from_millis(u64::from(wanted.latency_ms));
    simulated.latency(Latency { printing, asking: printing / 10 });
    if let Some(user) = &wanted.user {
        let pair = user.split_once(':').filter(|(name, password)| {
            let given = !name.is_empty() && !password.is_empty();
            given && generation == Generation::V2WebRequests
        });
        let text = "--user: NAME:PASSWORD is expected, and Web Requests alone knows users";
        let (name, password) = pair.ok_or_else(|| Failure::new(text))?;
        simulated.user(name, SecretString::from(password));
    }
    let signals = Signals::listen()?;
    let address = config::register_at(port_base)?;
    let listener = listen(address).await?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let served = serve(simulated.clone(), listener, ServerConfig::default(), told(&stopping));
    greet(address, generation);
    let shown = async {
        show(&simulated, &*clock).await;
        Ok("no device")
    };
    until_stopped(served, stop, signals, shown).await
}

fn greet(address: SocketAddr, generation: Generation) {
    let base = if generation.is_v1() { "" } else { "api/v2/" };
    say(&format!("ATOL's web server, simulated, with one register; device {DEVICE}"));
    say("");
    say(&format!("  requests     http://{address}/{base}requests"));
    say(&format!("  the tape     http://{address}/sim/tape"));
    say(&format!("  faults       http://{address}/sim/fault"));
    say("");
    say("listening; Ctrl-C stops; the tape follows");
}

/// Shows what is printed, as it is printed.
async fn show(simulated: &WebServer, clock: &dyn Clock) {
    let mut seen = 0;
    loop {
        clock.sleep(LOOK_EVERY).await;
        let new = simulated.with(DEVICE, |register| {
            let (pieces, all) = register.printer.since(seen);
            seen = all;
            pieces.iter().flat_map(Piece::shown).collect::<Vec<_>>()
        });
        match new {
            Some(lines) => lines.iter().for_each(|line| say(line)),
            None => return,
        }
    }
}
