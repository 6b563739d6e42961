//! A Loymax processing: what tills ask it by the cash register protocol 3.2 (loymax.md), and a
//! house of guests, cards, coupons and points that knows what really became of a sale.
//!
//! [`Processing`] is a `tower` service for [`tillway_transport::server::Server`] and for a network
//! in memory, and an [`HttpTransport`](tillway_transport::HttpTransport) of its own, without bytes
//! in between, for runs of many sales. [`house`] keeps the books and speaks neither XML nor JSON.
//! [`Step`]s say what goes wrong with the next requests, [`Processing::seed`] lets chance decide;
//! [`Processing::journal`] tells what came and what was answered.
//!
//! It shares no code with the adapter but that of signatures. A served processing cannot refuse a
//! connection that was accepted: [`Fault::Refused`] and [`Processing::set_down`] break it before the
//! answer there.

mod control;
mod fault;
pub mod house;
mod journal;
pub mod json;
mod service;
mod signing;
mod xml;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tillway_core::port::Clock;
use tillway_loymax::sign::{Identity, Profile};

use self::fault::Faults;
pub use self::fault::{Fault, Step};
use self::house::{House, Store};
pub use self::journal::Entry;
use self::journal::Journal;
pub use self::service::AnswerBody;
use self::signing::Signing;
pub use self::xml::Record;

/// A processing that tills talk to. Clones are the same processing.
#[derive(Clone)]
pub struct Processing(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    house: House,
    state: Mutex<State>,
}

/// Everything that changes, the books apart.
#[derive(Debug)]
struct State {
    faults: Faults,
    journal: Journal,
    /// What tills with signatures are answered with.
    signing: Option<Signing>,
    /// Nothing is answered.
    down: bool,
    /// `/sim/` is answered: for people with curl.
    control: bool,
}

impl Processing {
    /// A processing with these books.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        let house = House::new(store, Arc::clone(&clock));
        let state = State {
            faults: Faults::default(),
            journal: Journal::default(),
            signing: None,
            down: false,
            control: false,
        };
        Self(Arc::new(Shared { clock, house, state: Mutex::new(state) }))
    }

    /// The processing of the stand, see [`Store::demo`].
    pub fn demo(clock: Arc<dyn Clock>) -> Self {
        Self::new(Store::demo(), clock)
    }

    /// Answers below `/sim/` too.
    #[must_use]
    pub fn controlled(self) -> Self {
        self.lock().control = true;
        self
    }

    /// Signs its answers to tills whose messages are signed, and checks those by their
    /// certificates (`Till::request_auth`, `Till::certificate`).
    pub fn sign(&self, profile: Profile, identity: Identity) {
        self.lock().signing = Some(Signing { profile, identity });
    }

    /// Its books.
    pub fn house(&self) -> &House {
        &self.0.house
    }

    /// What goes wrong next. Of the steps that wait, the first that fits a request is its.
    pub fn push(&self, step: Step) {
        self.lock().faults.push(step);
    }

    /// Lets chance decide what goes wrong with so many of a thousand requests; steps come first.
    /// The same seed and the same requests give the same faults; 0 of a thousand ends it.
    pub fn seed(&self, seed: u64, permille: u16) {
        self.lock().faults.seed(seed, permille);
    }

    /// Forgets the steps to come, and the seed.
    pub fn forget_faults(&self) {
        self.lock().faults = Faults::default();
    }

    /// Takes it down, or up again. While it is down every request is as under [`Fault::Refused`],
    /// and no step is used up; `/sim/` is answered.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// The service for a new connection, as a server loop wants it. There is one while it is down,
    /// too: a peer that the loop turns away is answered 403, which says that its login is wrong.
    pub fn connect(&self) -> Option<Self> {
        Some(self.clone())
    }

    /// What came and what was answered, in order. The last 50 000 are kept.
    pub fn journal(&self) -> Vec<Entry> {
        self.lock().journal.entries()
    }

    /// Forgets the journal.
    pub fn forget_journal(&self) {
        self.lock().journal = Journal::default();
    }

    /// What was done since the first `seen` requests, in lines to show, and how many there were.
    pub fn shown_since(&self, seen: u64) -> (Vec<String>, u64) {
        self.lock().journal.shown_since(seen)
    }

    /// How long a request waits whose answer never comes, when nobody gives it up.
    const HANG: Duration = Duration::from_secs(600);

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Processing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processing").finish_non_exhaustive()
    }
}
