//! The plugin's worker: polls for commands, and sends what waits in the outbox.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use tillway_core::port::Spawner;

use super::plugin::Polled;
use super::{BridgeStep, FrontError, FrontSim};
use crate::power::{PowerCut, Stop};

/// How long a poll of the loop waits at the service.
const WAIT_S: u64 = 25;

/// The longest pause after failures.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How often the outbox is sent.
const DRAIN_EVERY: Duration = Duration::from_secs(10);

impl FrontSim {
    /// One turn of the bridge: sends results that found no answer, asks for commands and waits up
    /// to `wait_s` seconds for them, executes them, posts the results.
    ///
    /// # Errors
    /// A power cut.
    pub async fn bridge_step(&self, wait_s: u64) -> Result<BridgeStep, FrontError> {
        Ok(self.turn(wait_s, &Stop::new()).await?)
    }

    /// What the listener of the plugin does in push mode: takes the commands that a service posts,
    /// carries them out, and posts their results. Answers the status for the service.
    ///
    /// # Errors
    /// A power cut: the service gets no answer.
    pub async fn pushed(
        &self,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<u16, FrontError> {
        let boot = self.till.power.boot()?;
        self.plugin.send_results_again(boot).await?;
        let (status, commands) = self.plugin.pushed(authorization, body);
        self.plugin.execute_all(boot, commands, self.till.clock.ticks()).await?;
        Ok(status)
    }

    async fn turn(&self, wait_s: u64, stop: &Stop) -> Result<BridgeStep, PowerCut> {
        let boot = self.till.power.boot()?;
        self.plugin.send_results_again(boot).await?;
        let polled = {
            let poll = pin!(self.plugin.poll(boot, wait_s));
            match select(poll, pin!(stop.stopped())).await {
                Either::Left((polled, _)) => polled?,
                Either::Right(_) => return Ok(BridgeStep::Idle),
            }
        };
        match polled {
            Polled::Commands(commands, received) => {
                self.plugin.execute_all(boot, commands, received).await
            }
            Polled::Nothing(step) => Ok(step),
        }
    }

    /// Polls until it is told to stop, through power cuts and restarts. A command that has begun
    /// is finished.
    pub async fn bridge_loop(&self, stop: Stop) {
        let mut failures = 0_u32;
        while !stop.is_stopped() {
            let pause = match self.turn(WAIT_S, &stop).await {
                Ok(BridgeStep::Idle | BridgeStep::Worked(_)) => {
                    failures = 0;
                    continue;
                }
                Ok(BridgeStep::Refused { retry_after: Some(wait), .. }) => wait.min(PAUSE_MAX),
                Ok(BridgeStep::Refused { .. }) => PAUSE_MAX,
                Ok(BridgeStep::NoAnswer) => {
                    failures = failures.saturating_add(1);
                    self.pause(failures)
                }
                Err(PowerCut) => Duration::from_secs(1),
            };
            self.rest(pause, &stop).await;
        }
    }

    /// 1, 2, 4 … 30 seconds, with up to a quarter on top so that tills do not march in step.
    fn pause(&self, failures: u32) -> Duration {
        let doubled =
            Duration::from_secs(1).checked_mul(1 << failures.clamp(1, 6).saturating_sub(1));
        let pause = doubled.unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
        let jitter = u32::from(self.till.ids.secret()[0]);
        pause + pause / 4 * jitter / 256
    }

    /// Sends the outbox every 10 s until it is told to stop.
    pub async fn drain_loop(&self, stop: Stop) {
        while !stop.is_stopped() {
            // Without power there is nothing to send; the next turn looks again.
            let _ = self.drain().await;
            self.rest(DRAIN_EVERY, &stop).await;
        }
    }

    /// Starts the plugin and keeps its two loops running in the background, for a demo.
    pub fn run(&self, spawner: &dyn Spawner, stop: &Stop) {
        let (till, switch) = (self.clone(), stop.clone());
        spawner.spawn(
            "till-bridge",
            Box::pin(async move {
                // A planned power cut ends the start; the loop waits for the power to come back.
                let _ = till.start().await;
                till.bridge_loop(switch).await;
            }),
        );
        let (till, switch) = (self.clone(), stop.clone());
        spawner.spawn("till-outbox", Box::pin(async move { till.drain_loop(switch).await }));
    }

    async fn rest(&self, pause: Duration, stop: &Stop) {
        let sleep = self.till.clock.sleep(pause);
        let _ = select(sleep, pin!(stop.stopped())).await;
    }
}
