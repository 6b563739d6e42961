//! A device whose attempts are written down before it is touched.

mod register;
mod shift;
mod terminal;

use core::time::Duration;
use std::sync::Arc;

use tillway_core::port::{Clock, IdSource, Store};

use crate::attempts::Attempts;

pub use self::register::{Judgement, Recovered};
pub use self::shift::{Early, LEFT_MIN, Readied};
pub use self::terminal::{MoneyJudgement, Resolved};

/// A device that never does the same thing twice, whatever fails and whenever.
///
/// It alone writes the streams of its device ([`AttemptFlow`](tillway_core::flow::AttemptFlow)):
/// what is asked, and where the device stood, is durable before the device is touched; what became
/// of it is durable before the caller hears of it.
///
/// - A repeat of an attempt is answered from its stream and never reaches the device. Another
///   request under the same id is refused.
/// - A crash in between leaves the attempt open. It is settled by asking the device, never by
///   sending again; so is one whose answer was lost.
/// - While an attempt at the device is not settled, nothing new is begun there.
/// - What is open between two calls holds the device's [lane](tillway_core::flow::Lane): whoever
///   else wants the device is refused.
/// - What was asked about before it was begun never begins.
/// - What the device cannot say is put before a person.
///
/// One `Guarded` serves a device in each run of the program; each must have an `IdSource` that
/// never gives an id twice. Two runs over one store do not send at once, but their flows must be
/// claimed: a search of one knows nothing of a call of the other that is on its way.
///
/// Dropping the future of a call leaves its attempt open, like a crash.
///
/// Order: nothing that repeats calls may stand between this layer and the device.
#[derive(Debug)]
pub struct Guarded<D: ?Sized> {
    attempts: Attempts,
    inner: Arc<D>,
}

/// How a device is known, and how long it is waited for.
#[derive(Clone, Debug)]
pub struct DeviceConfig {
    /// The name that the venue gave it; 1 to 56 bytes. It is stored: the same device keeps it.
    pub name: Box<str>,
    /// How long a call waits for the device while another call has it.
    pub wait_max: Duration,
}

impl DeviceConfig {
    /// A device with this name, waited for two minutes: longer than a receipt takes to print.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), wait_max: Duration::from_secs(120) }
    }
}

/// A device cannot be called so.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the name of a device has 1 to {max} bytes and no control characters")]
pub struct BadDevice {
    /// The limit.
    pub max: usize,
}

impl<D: ?Sized> Guarded<D> {
    /// Guards a device, with its attempts in this store.
    ///
    /// The clock bounds the waits and stamps the records. Over a store that an engine seals days of,
    /// its `now` must be journal time (F34): a wall clock that is set back would write into a day
    /// that is sealed.
    ///
    /// # Errors
    /// [`BadDevice`] for a name that cannot be stored.
    pub fn try_new(
        inner: Arc<D>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: &dyn IdSource,
        config: DeviceConfig,
    ) -> Result<Self, BadDevice> {
        Ok(Self { attempts: Attempts::try_new(store, clock, ids, config)?, inner })
    }

    /// The attempts at the device.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }
}
