//! ATOL's web server in front of simulated registers (ATOL note 3, 10.5).
//!
//! [`WebServer`] is one server with any number of devices, each a [`SharedRegister`]. It is a
//! `tower` service for [`tillway_transport::server::Server`] and for a network in memory, and an
//! [`HttpTransport`](tillway_transport::HttpTransport) of its own, without bytes in between, for
//! runs of many receipts.
//!
//! No task of its own runs: whenever somebody asks, the server first does what is due by its
//! [`Clock`], and moves the registers' clocks with it. Whoever drives a register beside the server
//! does so through [`WebServer::with`], which does the same.
//!
//! Not imitated: settings that reach the driver, several values of `deviceID`, the settings page,
//! result callbacks.

mod answer;
mod config;
mod control;
mod devices;
mod queue;
mod requests;
mod route;
mod service;
mod settings;
mod worker;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use secrecy::SecretString;
use tillway_core::port::Clock;

pub use self::config::{Generation, Latency, WebConfig};
use self::devices::Device;
pub use self::service::AnswerBody;
use self::settings::Stored;
use super::register::Register;
use super::shared::SharedRegister;

/// A web server. Clones are the same server.
#[derive(Clone)]
pub struct WebServer(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

/// Everything that changes.
struct State {
    config: WebConfig,
    stored: Stored,
    users: Vec<(String, SecretString)>,
    devices: Vec<Device>,
    /// It has died, and was not started again.
    down: bool,
    death: Option<Death>,
    /// Requests that came.
    requests: u64,
    /// Which answers are lost, counted as `requests`.
    lost: Vec<u64>,
}

/// When the server dies: at the next fiscal task.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Death {
    /// The task is marked as being performed, and was not handed to the driver.
    BeforeTask,
    /// The driver has performed it; the result is not stored.
    AfterTask,
}

impl WebServer {
    /// A server without devices.
    pub fn new(config: WebConfig, clock: Arc<dyn Clock>) -> Self {
        let stored = Stored::new();
        let state = State {
            config,
            stored,
            users: Vec::new(),
            devices: Vec::new(),
            down: false,
            death: None,
            requests: 0,
            lost: Vec::new(),
        };
        Self(Arc::new(Shared { clock, state: Mutex::new(state) }))
    }

    /// Adds an active device; the first one becomes the default. An id that is there already, or
    /// a second device of a server of the first generation, changes nothing.
    #[must_use]
    pub fn device(self, id: &str, name: &str, register: SharedRegister) -> Self {
        let now = self.0.clock.ticks();
        let mut state = self.lock();
        let single = state.config.generation.is_v1() && !state.devices.is_empty();
        if !single && state.devices.iter().all(|device| device.id != id) {
            let first = state.devices.is_empty();
            state.devices.push(Device::new(id, name, first, register, now));
        }
        drop(state);
        self
    }

    /// Makes a user. From the first one on every call needs one, in the generation that knows
    /// users; a name that is there gets the new password.
    pub fn user(&self, name: &str, password: SecretString) {
        let mut state = self.lock();
        state.users.retain(|(known, _)| known != name);
        state.users.push((name.to_owned(), password));
    }

    /// The register of a device, as it is now.
    pub fn register(&self, device: &str) -> Option<SharedRegister> {
        self.settled().device(device).map(|device| device.register.clone())
    }

    /// Does something with the register of a device, once the server has done what is due: takes
    /// the paper out, pulls the cable, injects a fault. `None` without such a device.
    pub fn with<T>(&self, device: &str, act: impl FnOnce(&mut Register) -> T) -> Option<T> {
        let register = self.register(device)?;
        let mut register = register.lock();
        Some(act(&mut register))
    }

    /// Does what is due. Everything that asks does so too; a program that only shows the tape
    /// calls this now and then.
    pub fn settle(&self) {
        drop(self.settled());
    }

    /// How long tasks take from now on.
    pub fn latency(&self, latency: Latency) {
        self.settled().config.latency = latency;
    }

    /// Loses the answer of the `nth` request from now, counted from 0. It is performed.
    pub fn drop_http_response(&self, nth: u64) {
        let mut state = self.lock();
        let at = state.requests.saturating_add(nth);
        state.lost.push(at);
    }

    /// Requests that came, lost ones too.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// The server's process ends now. Nothing answers until [`WebServer::restart`].
    pub fn stop(&self) {
        self.settled().down = true;
    }

    /// The server's process ends when the next fiscal task is due.
    pub fn die(&self, when: Death) {
        self.settled().death = Some(when);
    }

    /// Whether the process has ended.
    pub fn is_down(&self) -> bool {
        self.settled().down
    }

    /// Starts the server again, with its database of tasks or with an empty one. Users, devices
    /// and settings stay; a death that has not come is forgotten.
    pub fn restart(&self, keep_database: bool) {
        let mut state = self.settled();
        let now = self.0.clock.ticks();
        state.restart(keep_database, now);
    }

    /// Answers a request. `None` when nobody does: the process has ended, or the answer is lost.
    ///
    /// A synchronous query waits for the device, at most thirty seconds by the server's clock;
    /// every other request is answered at once. Dropping the future gives up the answer alone.
    pub async fn answer(&self, request: Request<Bytes>) -> Option<Response<Bytes>> {
        let nth = {
            let mut state = self.settled();
            if state.down {
                return None;
            }
            let nth = state.requests;
            state.requests = nth.saturating_add(1);
            nth
        };
        let answer = route::answer(self, request).await;
        let mut state = self.lock();
        let lost = state.lost.contains(&nth);
        state.lost.retain(|at| *at != nth);
        if lost || state.down { None } else { Some(answer) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, after everything that is due.
    fn settled(&self) -> MutexGuard<'_, State> {
        let now = self.0.clock.ticks();
        let mut state = self.lock();
        state.settle(now);
        state
    }

    async fn sleep(&self, duration: Duration) {
        self.0.clock.sleep(duration).await;
    }
}

impl State {
    fn device(&self, id: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }
}

impl fmt::Debug for WebServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebServer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
