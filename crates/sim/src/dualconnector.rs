//! A terminal behind INPAS DualConnector: the service's XML over HTTP (acquiring.md B.11), and a
//! bank that knows whether money really moved.
//!
//! [`Terminal`] is a `tower` service for [`tillway_transport::server::Server`] and for a network in
//! memory, and an [`HttpTransport`](tillway_transport::HttpTransport) of its own, without bytes in
//! between, for runs of many payments. [`Step`]s say what the next operations come to; what nobody
//! planned is approved. An operation runs as a task of the `Spawner` port: it ends, and enters the
//! batch, when the client has long gone.
//!
//! It shares no code with the adapter. What it does **not** imitate: SA frames, the dialogs of DC
//! PosGUI, keys, SBP sub-operations (field 53), settlement fields 29 to 32; cards, so every refund
//! is by reference; a bank that has money of which its terminal knows nothing. What a busy or an
//! unplugged service answers is documented nowhere and is our choice: error 3 and error 13.

mod bank;
mod control;
mod paper;
mod service;
mod step;
mod task;
mod xml;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tillway_core::port::{Clock, Spawner};

use self::bank::Bank;
pub use self::bank::{Kind, Move};
use self::paper::Receipt;
pub use self::service::AnswerBody;
pub use self::step::{Answer, Decide, Letters, Step};

/// How a terminal is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its number at the bank.
    pub terminal: String,
    /// The merchant's.
    pub merchant: String,
    /// Ids of one digit have no zero, as services answer.
    pub short_ids: bool,
    /// Slips come as tags only, without their text.
    pub tags_only: bool,
    /// The copy of the last receipt has fields beside its text.
    pub receipt_fields: bool,
    /// A refused operation leaves a receipt too.
    pub refusal_receipts: bool,
    /// A refund of a payment of the open batch is refused.
    pub refund_needs_old_batch: bool,
    /// An emergency cancel must name the number of the operation.
    pub emergency_checks_number: bool,
    /// A full report has one line for each operation, not a block.
    pub line_reports: bool,
    /// How the answers are written.
    pub letters: Letters,
    /// By how much its clock is ahead of ours; behind, when negative.
    pub clock_error_ms: i64,
    /// How long a guest takes to show a card.
    pub card: Duration,
    /// `GET /sim/tape` and `POST /sim/step` are answered: for people with curl.
    pub control: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            terminal: "00012345".to_owned(),
            merchant: "000000000000001".to_owned(),
            short_ids: true,
            tags_only: false,
            receipt_fields: true,
            refusal_receipts: false,
            refund_needs_old_batch: false,
            emergency_checks_number: false,
            line_reports: false,
            letters: Letters::default(),
            clock_error_ms: 0,
            card: Duration::from_secs(3),
            control: false,
        }
    }
}

/// A terminal with its service. Clones are the same terminal.
#[derive(Clone)]
pub struct Terminal(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    spawner: Arc<dyn Spawner>,
    state: Mutex<State>,
}

/// Everything that changes.
struct State {
    settings: Settings,
    bank: Bank,
    /// For the next operations that move money, and reconciliations.
    steps: VecDeque<Step>,
    /// For the next tests, reports and copies.
    other_steps: VecDeque<Step>,
    busy: bool,
    /// Until when it restarts, in ticks.
    down_until: Duration,
    /// How often it was started: who runs meanwhile is lost.
    boots: u64,
    last: Option<Receipt>,
    requests: u64,
    /// The last operations, in lines to show, and how many there were.
    shown: VecDeque<Vec<String>>,
    served: usize,
}

impl Terminal {
    /// A terminal with an empty batch.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, spawner: Arc<dyn Spawner>) -> Self {
        let state = State {
            settings,
            bank: Bank::default(),
            steps: VecDeque::new(),
            other_steps: VecDeque::new(),
            busy: false,
            down_until: Duration::ZERO,
            boots: 0,
            last: None,
            requests: 0,
            shown: VecDeque::new(),
            served: 0,
        };
        Self(Arc::new(Shared { clock, spawner, state: Mutex::new(state) }))
    }

    /// What the next operation that moves money, or reconciliation, comes to; steps are taken in
    /// order, one each.
    pub fn push(&self, step: Step) {
        self.lock().steps.push_back(step);
    }

    /// What the next test, report or copy comes to.
    pub fn push_other(&self, step: Step) {
        self.lock().other_steps.push_back(step);
    }

    /// Forgets the steps to come. What restarts goes on restarting.
    pub fn forget_steps(&self) {
        let mut state = self.lock();
        state.steps.clear();
        state.other_steps.clear();
    }

    /// It restarts, and is up again after this long. What runs is lost: nothing moves.
    pub fn restart(&self, takes: Duration) {
        let now = self.0.clock.ticks();
        self.lock().restart(now, takes);
    }

    /// Changes the set-up.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.lock().settings);
    }

    /// The truth: every movement of money, in order.
    pub fn bank(&self) -> Vec<Move> {
        self.lock().bank.moves().to_vec()
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    /// Another program, or a person at the device, takes a payment.
    pub fn pay_as_another(&self, kopecks: i64) -> Move {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let wall = state.wall_ms(now);
        let made = state.bank.pay(0, kopecks, now, false);
        state.last = Some(paper::receipt(&state.settings, &made, wall));
        made
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn restart(&mut self, now: Duration, takes: Duration) {
        self.down_until = now.saturating_add(takes);
        self.boots = self.boots.saturating_add(1);
        self.busy = false;
    }

    /// What its own clock shows.
    fn wall_ms(&self, now: tillway_core::Timestamp) -> i64 {
        now.wall_ms().saturating_add(self.settings.clock_error_ms)
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}
