//! The simulated Loymax processing: part of the demo, and alone.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tillway::core::port::Clock;
use tillway::runtime::TokioClock;
use tillway::sim::loymax::Processing;
use tillway::transport::Runtime;
use tillway::transport::server::{Server, ServerConfig, StopReport};
use tokio::net::TcpListener;

use crate::config;
use crate::failure::Failure;
use crate::say;
use crate::serve::{Signals, local, told, until_stopped};
use crate::stand::listen;

/// How often one looks whether something was asked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where the demo's till asks.
pub(crate) const PATH: &str = "/XmlExchange/demo/TILL-0007/";

/// The processing of the demo, with demo secrets.
pub(crate) fn processing(clock: Arc<dyn Clock>) -> Processing {
    Processing::demo(clock).controlled()
}

/// Serves it to programs of this machine until it is told to stop.
pub(crate) async fn serve(
    processing: Processing,
    listener: TcpListener,
    limits: ServerConfig,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> StopReport {
    let make = move |peer| local(peer).then(|| processing.connect()).flatten();
    Server::new(limits, Runtime::tokio()).serve(listener, make, stopped).await
}

/// Serves it alone, and shows each request, until somebody stops it.
pub(crate) async fn serve_alone(port_base: u32) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let simulated = processing(Arc::clone(&clock));
    let signals = Signals::listen()?;
    let address = config::processing_at(port_base)?;
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
    say("Loymax processing, simulated; till TILL-0007, password demo");
    say("");
    say(&format!("  the till asks   http://{address}{PATH}"));
    say(&format!("  points          http://{address}/sim/house"));
    say(&format!("  what was asked  http://{address}/sim/tape"));
    say(&format!("  what goes wrong http://{address}/sim/fault"));
    say("");
    say("listening; Ctrl-C stops; requests follow");
}

/// Shows what is asked, as it is asked.
async fn show(simulated: &Processing, clock: &dyn Clock) {
    let mut seen = 0;
    loop {
        clock.sleep(LOOK_EVERY).await;
        let (lines, all) = simulated.shown_since(seen);
        seen = all;
        lines.iter().for_each(|line| say(line));
    }
}
