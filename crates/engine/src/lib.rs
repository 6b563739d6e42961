#![doc = include_str!("../README.md")]

mod bells;
mod bridge;
mod clock;
mod config;
mod drive;
mod guess;
mod guests;
mod identify;
mod keeper;
mod loyalty;
mod payment;
mod points;
mod push;
mod seal;
mod sync;
mod vault;
mod wait;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::FutureExt;
use tillway_core::book::Caller;
use tillway_core::id::{OrderId, TillId};
use tillway_core::port::{Clock, IdSource, Spawner, Store};

pub use clock::ClockState;
pub use config::{Bridge, EngineConfig, Fiscal, PinCheck};
pub use keeper::Keeper;
pub use points::{KnownBy, Points, PointsJudgement, PointsLetter};
pub use push::Pusher;

use bells::Bells;
use clock::{JournalTime, Limits};
use guess::Guesses;
use vault::PinVault;

/// The ports that the engine works over.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Where money and flows are kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Tasks that outlive a request.
    pub spawner: Arc<dyn Spawner>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
}

/// The desks. Cheap to clone: every clone is the same engine.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ports: Ports,
    config: EngineConfig,
    time: JournalTime,
    /// Rung when something about an order's binding changed.
    orders: Bells<OrderId>,
    /// Rung when a till may have a command to fetch.
    tills: Bells<TillId>,
    pins: PinVault,
    guesses: Guesses,
    recent: bridge::Recent,
    /// The program stops: nobody waits for commands any more.
    stopping: AtomicBool,
}

impl Engine {
    /// An engine over these ports. It does nothing by itself until [`Engine::keeper`] runs.
    pub fn new(ports: Ports, config: EngineConfig) -> Self {
        let limits = Limits { behind: config.clock_behind_max, ahead: config.clock_ahead_max };
        Self(Arc::new(Inner {
            ports,
            config,
            time: JournalTime::new(limits),
            orders: Bells::default(),
            tills: Bells::default(),
            pins: PinVault::default(),
            guesses: Guesses::default(),
            recent: bridge::Recent::default(),
            stopping: AtomicBool::new(false),
        }))
    }

    /// What goes on by itself: recovery at start, holds that lapse, flows whose time comes.
    pub fn keeper(&self) -> Keeper {
        Keeper::new(self.clone())
    }

    /// The venue's rules.
    pub fn config(&self) -> &EngineConfig {
        &self.0.config
    }

    fn store(&self) -> &dyn Store {
        &*self.0.ports.store
    }

    /// Runs a flow to its end even when nobody waits for it any more; `None` when its task died.
    fn outlive<F>(
        &self,
        name: &'static str,
        flow: F,
    ) -> impl Future<Output = Option<F::Output>> + Send + use<F>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (done, wait) = futures::channel::oneshot::channel();
        // The caller may be gone; the flow ran all the same.
        let task = Box::pin(flow.map(|output| drop(done.send(output))));
        self.0.ports.spawner.spawn(name, task);
        wait.map(Result::ok)
    }

    /// What is left of the caller's time, but never more than `most`.
    fn budget(&self, caller: &Caller, most: core::time::Duration) -> core::time::Duration {
        match caller.deadline {
            Some(deadline) => deadline.saturating_sub(self.0.ports.clock.ticks()).min(most),
            None => most,
        }
    }
}
