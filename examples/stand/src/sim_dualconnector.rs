//! The simulated card terminal behind DualConnector: part of the demo, and alone.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tillway::core::port::Clock;
use tillway::runtime::{TokioClock, TokioSpawner};
use tillway::sim::dualconnector::{Settings, Terminal};
use tillway::transport::Runtime;
use tillway::transport::server::{Server, ServerConfig, StopReport};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::cli::SimDualConnector;
use crate::config;
use crate::failure::Failure;
use crate::say;
use crate::serve::{Signals, local, told, until_stopped};
use crate::stand::listen;

/// How often one looks whether something was done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a guest takes in the demo; a person with curl does not want to wait longer.
pub(crate) const CARD: Duration = Duration::from_millis(500);

/// A terminal whose guests take so long. Its tasks are its own: a stop does not wait for guests.
pub(crate) fn terminal(card: Duration, clock: Arc<dyn Clock>) -> Terminal {
    let spawner = TokioSpawner::new(Handle::current());
    let settings = Settings { card, control: true, ..Settings::default() };
    Terminal::new(settings, clock, Arc::new(spawner))
}

/// Serves it to programs of this machine until it is told to stop.
pub(crate) async fn serve(
    terminal: Terminal,
    listener: TcpListener,
    limits: ServerConfig,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> StopReport {
    let make = move |peer| local(peer).then(|| terminal.clone());
    Server::new(limits, Runtime::tokio()).serve(listener, make, stopped).await
}

/// Serves it alone, and shows each operation, until somebody stops it.
pub(crate) async fn serve_alone(port_base: u32, wanted: &SimDualConnector) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let card = Duration::from_millis(u64::from(wanted.card_ms));
    let simulated = terminal(card, Arc::clone(&clock));
    if let Some(steps) = &wanted.steps {
        simulated.push_said(steps).map_err(|wrong| Failure::new(format!("--steps: {wrong}")))?;
    }
    let signals = Signals::listen()?;
    let address = config::terminal_at(port_base)?;
    let listener = listen(address).await?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let served = serve(simulated.clone(), listener, ServerConfig::default(), told(&stopping));
    greet(address);
    let shown = async {
        show(&simulated, &*clock).await;
        Ok("nothing is left to show")
    };
    until_stopped(served, stop, signals, shown).await
}

fn greet(address: SocketAddr) {
    let number = Settings::default().terminal;
    say(&format!("DualConnector with a card terminal, simulated; terminal {number}"));
    say("");
    say(&format!("  operations   http://{address}/"));
    say(&format!("  the tape     http://{address}/sim/tape"));
    say(&format!("  what is next http://{address}/sim/step"));
    say("");
    say("listening; Ctrl-C stops; operations follow");
}

/// Shows what is done, as it is done.
async fn show(simulated: &Terminal, clock: &dyn Clock) {
    let mut seen = 0;
    loop {
        clock.sleep(LOOK_EVERY).await;
        let (lines, all) = simulated.shown_since(seen);
        seen = all;
        lines.iter().for_each(|line| say(line));
    }
}
