//! The bridge in push mode: commands of one till, handed to its plugin.

use core::pin::pin;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use tillway_core::id::{CommandId, TillId};
use tillway_core::port::{BridgeCommand, BridgeError, GuestBridge};

use crate::Engine;
use crate::wait::within;

/// How long a till may take to be handed its commands; after that it may have them or not.
const DELIVER_MAX: Duration = Duration::from_secs(5);
/// How long a till has to answer a command before it is handed over again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long a till that could not be reached is left alone: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// How long the shelf is not looked at without a bell: commands that came by another copy of the
/// service ring none here.
const LOOK: Duration = Duration::from_secs(5);

/// Hands the commands of one till to its plugin. Dropping it loses nothing: commands stay on their
/// shelf until they are answered or expire.
#[derive(Debug)]
pub struct Pusher {
    engine: Engine,
    till: TillId,
    bridge: Arc<dyn GuestBridge>,
}

impl Engine {
    /// A pusher for a till. Nothing is pushed until it [runs](Pusher::run).
    pub fn pusher(&self, till: TillId, bridge: Arc<dyn GuestBridge>) -> Pusher {
        Pusher { engine: self.clone(), till, bridge }
    }
}

impl Pusher {
    /// Pushes until [`Engine::end_polls`].
    pub async fn run(&self) {
        let inner = &self.engine.0;
        let bell = inner.tills.listen(&self.till);
        let mut handed = BTreeMap::new();
        let mut pause = PAUSE.0;
        loop {
            let mut rung = pin!(bell.notified());
            rung.as_mut().enable();
            if inner.stopping.load(Ordering::Acquire) {
                return;
            }
            let wait = match self.push(&mut handed).await {
                Ok(wait) => {
                    pause = PAUSE.0;
                    wait
                }
                Err(error) => {
                    tracing::warn!(till = %self.till, %error, "commands cannot be pushed");
                    let wait = pause;
                    pause = pause.saturating_mul(2).min(PAUSE.1);
                    wait
                }
            };
            within(&*inner.ports.clock, wait, rung).await;
        }
    }

    /// Hands over what waits and was not handed over just now; says how long to wait.
    async fn push(
        &self,
        handed: &mut BTreeMap<CommandId, Duration>,
    ) -> Result<Duration, BridgeError> {
        let shelf = self.engine.shelf(&self.till).await;
        let mut commands = shelf.map_err(|_| BridgeError::Unavailable)?;
        let now = self.engine.0.ports.clock.ticks();
        let known = |id: &CommandId, list: &[BridgeCommand]| list.iter().any(|c| c.id == *id);
        handed.retain(|id, again| known(id, &commands) && *again > now);
        let paused = self.engine.leave_paused(&mut commands, now);
        commands.retain(|command| !handed.contains_key(&command.id));
        if !commands.is_empty() {
            let delivered = self.bridge.deliver(&self.till, &commands);
            let clock = &*self.engine.0.ports.clock;
            within(clock, DELIVER_MAX, delivered).await.unwrap_or(Err(BridgeError::Unavailable))?;
            let again = self.engine.0.ports.clock.ticks().saturating_add(AGAIN);
            handed.extend(commands.iter().map(|command| (command.id, again)));
        }
        let due = handed.values().map(|again| again.saturating_sub(now)).min();
        Ok([due, paused].into_iter().flatten().fold(LOOK, Duration::min))
    }
}
