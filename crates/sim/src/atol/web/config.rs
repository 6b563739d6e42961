//! Which server it is, and how it behaves where nobody outside knows how a real one does.

use std::time::Duration;

/// The generations of the interface (ATOL note 3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Generation {
    /// The oldest: results with `errorCode` beside the status.
    V1Flat,
    /// Without a prefix and without devices.
    V1,
    /// `/api/v2`, built in Java: no users, one fiscal sub-task a request.
    V2Java,
    /// АТОЛ. Web Requests: users, and its own set of errors that block.
    V2WebRequests,
}

impl Generation {
    /// All of them, the oldest first.
    pub const ALL: [Self; 4] = [Self::V1Flat, Self::V1, Self::V2Java, Self::V2WebRequests];

    /// Without a prefix and without devices.
    pub fn is_v1(self) -> bool {
        matches!(self, Self::V1Flat | Self::V1)
    }
}

/// How long the worker holds a device for a task.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Latency {
    /// Tasks that print.
    pub printing: Duration,
    /// Questions.
    pub asking: Duration,
}

impl Latency {
    /// About that of a real register.
    pub const REAL: Self =
        Self { printing: Duration::from_millis(1_500), asking: Duration::from_millis(100) };
}

/// The settings of a [`WebServer`](super::WebServer).
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Which server it is.
    pub generation: Generation,
    /// How long tasks take. Default none.
    pub latency: Latency,
    /// How often a blocked device looks whether it can go on. Default 3 s.
    pub recovery_every: Duration,
    /// A uuid may be used once on each device, instead of once on the server.
    pub uuid_per_device: bool,
    /// A request with two fiscal sub-tasks is refused with 400.
    pub one_fiscal_per_request: bool,
    /// After a break the whole result is read from the memory, instead of the number alone.
    pub recovered_whole: bool,
    /// After a break any new document counts as the one that was asked for (trap A).
    pub trusts_any_document: bool,
    /// What blocks the queue is forgotten at a restart.
    pub forgets_block: bool,
    /// A device that is not active answers 409 instead of 403.
    pub inactive_is_conflict: bool,
    /// The field `hasLicense` of the devices.
    pub has_license: bool,
    /// How many requests are kept; one more is 500. Default 100 000.
    pub entries_max: usize,
    /// `/sim/…` shows the tape and makes faults, for people with curl. Default off.
    pub control: bool,
}

impl WebConfig {
    /// A server of this generation, with traps as they are known.
    pub fn new(generation: Generation) -> Self {
        let newest = generation == Generation::V2WebRequests;
        Self {
            generation,
            latency: Latency::default(),
            recovery_every: Duration::from_secs(3),
            uuid_per_device: false,
            one_fiscal_per_request: !newest,
            recovered_whole: !newest,
            trusts_any_document: true,
            forgets_block: false,
            inactive_is_conflict: false,
            has_license: true,
            entries_max: 100_000,
            control: false,
        }
    }
}
