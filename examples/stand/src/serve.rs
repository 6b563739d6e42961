//! Serving: from the first check to the last answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tillway::core::port::{Clock, GuestBridge};
use tillway::runtime::TokioSpawner;
use tillway::sim::Stop;
use tillway::sim::atol::web::Generation;
use tillway::transport::Runtime;
use tillway::transport::client::{ClientConfig, HyperClient};
use tillway::transport::server::{PeerInfo, Server, ServerConfig, StopReport};
use tillway::waiter::{Desks, PushBridge, WaiterService};
use tokio::net::TcpListener;
use tokio::sync::watch::{Receiver, Sender};
use tokio::task::JoinSet;

use crate::cli::Options;
use crate::command::clock::IN_DOUBT;
use crate::config::{self, Config, Till};
use crate::control::{BODY_BYTES_MAX, ControlFile};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::front::front;
use crate::http::Handler;
use crate::metrics::{self, Edge, Metrics};
use crate::page::Page;
use crate::stand::{Stand, listen};
use crate::{say, sim_atol, sim_dualconnector, sim_loymax, watch};

/// How long flows may take to end when the stand stops, after the listeners are closed.
const FLOWS_MAX: Duration = Duration::from_secs(10);

/// Serves until somebody stops it, or until the store is damaged.
pub(crate) async fn serve(config: Config, options: &Options) -> Result<(), Failure> {
    let found = config::check(&config);
    if !found.is_empty() {
        return Err(Failure::new(format!("the configuration is not good: {}", found.join("; "))));
    }
    let signals = Signals::listen()?;
    let folder = Folder::open(&options.data)?;
    if options.fresh {
        folder.start_again(&config).await?;
    }
    let recorder = metrics::install()?;
    let stand = Stand::open(&config, folder).await?;
    let metrics = Metrics::new(recorder, &stand);
    let listeners = Listeners::open(&config).await?;
    let recovered = stand.engine.keeper().recover().await;
    let clock = stand.engine.clock_state().await?;
    if !clock.is_sound() {
        tracing::warn!(%clock, "{}", IN_DOUBT);
    }
    if recovered > 0 {
        tracing::info!(recovered, "took up what the last run left open");
    }
    run(&config, stand, metrics, listeners, signals).await
}

/// All doors, opened before anything is told.
struct Listeners {
    page: TcpListener,
    control: TcpListener,
    tills: Vec<(Till, TcpListener)>,
    register: Option<TcpListener>,
    terminal: Option<TcpListener>,
    processing: Option<TcpListener>,
}

impl Listeners {
    async fn open(config: &Config) -> Result<Self, Failure> {
        let mut tills = Vec::new();
        for till in &config.tills {
            tills.push((till.clone(), listen(till.listen).await?));
        }
        let mut register = None;
        if let Some(address) = config.register {
            register = Some(listen(address).await?);
        }
        let mut terminal = None;
        if let Some(address) = config.terminal {
            terminal = Some(listen(address).await?);
        }
        let control = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let page = listen(config.page).await?;
        let mut processing = None;
        if let Some(address) = config.processing {
            processing = Some(listen(address).await?);
        }
        let control = listen(control).await?;
        Ok(Self { page, control, tills, register, terminal, processing })
    }
}

async fn run(
    config: &Config,
    stand: Stand,
    metrics: Metrics,
    listeners: Listeners,
    mut signals: Signals,
) -> Result<(), Failure> {
    let control_at = listeners.control.local_addr();
    let control_at = control_at.map_err(|error| Failure::of("the control port", &error))?;
    let control = ControlFile::write(stand.folder.path(), control_at)?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let mut servers = JoinSet::new();
    let page = Page::new(config, &stand, metrics.clone());
    open_doors(config, &stand, listeners, page, &control, &stopping, &mut servers)?;
    let plugin = Stop::new();
    if config.demo
        && config.polls()
        && let Some(till) = config.tills.first()
    {
        let clock = Arc::clone(&stand.clock) as Arc<dyn Clock>;
        let (till, _) = front(till, till.listen, clock, false);
        till.run(&stand.spawner, &plugin);
    }
    greet(config, &stand);
    let ended = tokio::select! {
        signal = signals.next() => Ok(signal),
        damaged = watch::damaged(&*stand.store, &*stand.clock, || metrics.upkeep()) => Err(damaged),
        () = keep(config, &stand) => Err(Failure::new("the keeper ended")),
        Some(_) = servers.join_next() => Err(Failure::new("a listener ended")),
    };
    match &ended {
        Ok(signal) => tracing::info!(signal, "stopping: running requests are answered first"),
        Err(failure) => tracing::error!(%failure, "stopping"),
    }
    plugin.stop();
    stand.engine.end_polls();
    stop.send_replace(true);
    tokio::select! {
        () = settle(&stand, &mut servers) => {}
        _ = signals.next() => tracing::warn!("told to stop twice: not waiting any longer"),
    }
    drop(control);
    ended.map(drop)
}

/// Puts every listener to work.
fn open_doors(
    config: &Config,
    stand: &Stand,
    listeners: Listeners,
    page: Page,
    control: &ControlFile,
    stopping: &Receiver<bool>,
    servers: &mut JoinSet<StopReport>,
) -> Result<(), Failure> {
    for (till, listener) in listeners.tills {
        serve_till(config, stand, &till, listener, stopping, servers)?;
    }
    if let Some(listener) = listeners.register {
        let clock = Arc::clone(&stand.clock) as Arc<dyn Clock>;
        let server = sim_atol::server(Generation::V2WebRequests, clock);
        let stopped = told(stopping);
        servers.spawn(sim_atol::serve(server, listener, config.server.clone(), stopped));
    }
    if let Some(listener) = listeners.terminal {
        let clock = Arc::clone(&stand.clock) as Arc<dyn Clock>;
        let card = sim_dualconnector::CARD;
        let terminal = sim_dualconnector::terminal(card, clock);
        let stopped = told(stopping);
        let limits = config.server.clone();
        servers.spawn(sim_dualconnector::serve(terminal, listener, limits, stopped));
    }
    if let Some(listener) = listeners.processing {
        let processing = sim_loymax::processing(Arc::clone(&stand.clock) as Arc<dyn Clock>);
        let (limits, stopped) = (config.server.clone(), told(stopping));
        servers.spawn(sim_loymax::serve(processing, listener, limits, stopped));
    }
    let make = move |peer: PeerInfo| {
        let page = page.clone();
        local(peer).then(|| Handler(move |request| page.clone().answer(request)))
    };
    let server = Server::new(config.server.clone(), Runtime::tokio());
    let stopped = told(stopping);
    servers.spawn(async move { server.serve(listeners.page, make, stopped).await });
    let door = control.door(Arc::new(stand.desk()));
    let make = move |peer: PeerInfo| {
        let door = door.clone();
        local(peer).then(|| Handler(move |request| door.clone().answer(request)))
    };
    let limits = ServerConfig { body_bytes_max: BODY_BYTES_MAX, ..config.server.clone() };
    let (server, stopped) = (Server::new(limits, Runtime::tokio()), told(stopping));
    servers.spawn(async move { server.serve(listeners.control, make, stopped).await });
    Ok(())
}

/// Serves one till until it is told to stop.
pub(crate) fn serve_till(
    config: &Config,
    stand: &Stand,
    till: &Till,
    listener: TcpListener,
    stopping: &Receiver<bool>,
    servers: &mut JoinSet<StopReport>,
) -> Result<(), Failure> {
    let desks = Desks {
        loyalty: Arc::new(stand.engine.clone()),
        payment: Arc::new(stand.engine.clone()),
        bridge: Arc::new(stand.engine.clone()),
    };
    let clock = Arc::clone(&stand.clock) as Arc<dyn Clock>;
    let service = WaiterService::try_new(config.waiter(till), desks, clock);
    let service = service.map_err(|error| Failure::of(format!("till {}", till.id), &error))?;
    let service = service.observed(Arc::new(Edge::default()));
    let server = Server::new(config.server.clone(), Runtime::tokio());
    let stopped = told(stopping);
    servers.spawn(async move {
        server.serve(listener, move |peer| service.for_peer(peer), stopped).await
    });
    Ok(())
}

pub(crate) fn local(peer: PeerInfo) -> bool {
    peer.remote.ip().to_canonical().is_loopback()
}

/// Ready when the stand stops.
pub(crate) fn told(stopping: &Receiver<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut stopping = stopping.clone();
    async move {
        // A sender that is gone has stopped too.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}

/// Serves a simulator alone: until a signal comes, or nothing is left to show. Then it is told to
/// stop, and what was asked is answered.
pub(crate) async fn until_stopped<T>(
    served: impl Future<Output = T>,
    stop: Sender<bool>,
    mut signals: Signals,
    shown: impl Future<Output = Result<&'static str, Failure>>,
) -> Result<(), Failure> {
    let mut served = pin!(served);
    let ended = tokio::select! {
        _ = &mut served => return Err(Failure::new("the listener ended")),
        signal = signals.next() => signal,
        shown = shown => shown?,
    };
    tracing::info!(signal = ended, "stopping");
    stop.send_replace(true);
    served.await;
    Ok(())
}

/// Runs the keeper, and what pushes commands to plugins that listen, for as long as it is polled.
async fn keep(config: &Config, stand: &Stand) {
    let listeners = config.listeners();
    let tills: Vec<_> = listeners.iter().map(|listener| listener.till.clone()).collect();
    let client = HyperClient::new(&ClientConfig::default(), Runtime::tokio());
    let bridge: Arc<dyn GuestBridge> = Arc::new(PushBridge::new(Arc::new(client), listeners));
    let mut pushers = JoinSet::new();
    for till in tills {
        let pusher = stand.engine.pusher(till, Arc::clone(&bridge));
        pushers.spawn(async move { pusher.run().await });
    }
    stand.engine.keeper().run().await;
}

/// Waits for the listeners, then for the flows that their requests began.
async fn settle(stand: &Stand, servers: &mut JoinSet<StopReport>) {
    let (mut finished, mut cut) = (0_u64, 0_u64);
    while let Some(report) = servers.join_next().await {
        if let Ok(report) = report {
            finished = finished.saturating_add(report.finished);
            cut = cut.saturating_add(report.cut);
        }
    }
    end_of_flows(&stand.spawner, &*stand.clock).await;
    tracing::info!(finished, cut, "stopped");
}

/// Waits until no flow runs, but not for ever.
async fn end_of_flows(spawner: &TokioSpawner, clock: &dyn Clock) {
    let flows = pin!(spawner.idle());
    tokio::select! {
        () = flows => {}
        () = clock.sleep(FLOWS_MAX) => {
            let left = spawner.running();
            tracing::warn!(left, "flows are still running; the next start takes them up");
        }
    }
}

/// The ways in which a person or the system asks to stop. They are heard from the moment that this
/// is made.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};

        let failed = |error| Failure::of("signals cannot be heard", &error);
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate()).map_err(failed)? })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// Ready at the next one; says which.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Ready at the next one; says which.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            // Without ears there is only the end of the process.
            Err(_) => std::future::pending().await,
        }
    }
}

/// What listens where.
fn greet(config: &Config, stand: &Stand) {
    let kind = if config.demo { "demo" } else { "venue" };
    say(&format!("tillway stand, {kind} data in {}", stand.folder.path().display()));
    say("");
    row("what runs, with curl lines", &format!("http://{}/", config.page));
    for till in &config.tills {
        let what = format!("{}: Waiter API and payment API", till.id);
        row(&what, &format!("http://{}/", till.listen));
    }
    if config.demo && config.polls() {
        row("iikoFront with the front plugin", "simulated, serves the bridge of the first till");
    }
    if let Some(register) = config.register {
        row("ATOL's web server with a register", &format!("simulated, http://{register}/api/v2/"));
    }
    if let Some(terminal) = config.terminal {
        row("DualConnector with a card terminal", &format!("simulated, http://{terminal}/"));
    }
    if let Some(processing) = config.processing {
        let place = format!("simulated, http://{processing}{}", sim_loymax::PATH);
        row("Loymax processing", &place);
    }
    if let Some(loyalty) = config.loyalty.as_ref().filter(|loyalty| loyalty.points.is_some()) {
        row("points of the guests", &format!("at Loymax, {}", loyalty.till.url));
    }
    say("");
    say("listening; Ctrl-C stops");
}

fn row(what: &str, place: &str) {
    say(&format!("  {what:<42} {place}"));
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tillway::core::Timestamp;
    use tillway::core::port::Spawner;
    use tillway_testkit::runtime::TestClock;
    use tokio::runtime::Handle;

    use super::*;

    #[tokio::test]
    async fn a_flow_that_hangs_is_waited_for_ten_seconds() {
        let spawner = TokioSpawner::new(Handle::current());
        let clock = TestClock::at(Timestamp::utc(1_790_000_000_000));
        end_of_flows(&spawner, &clock).await;
        assert_eq!(clock.ticks(), Duration::ZERO);
        spawner.spawn("hangs", Box::pin(pending()));
        let moved = async {
            while clock.next_wake() != Some(FLOWS_MAX) {
                tokio::task::yield_now().await;
            }
            clock.advance(FLOWS_MAX);
        };
        tokio::join!(end_of_flows(&spawner, &clock), moved);
        assert_eq!(spawner.running(), 1);
    }
}
