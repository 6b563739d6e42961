// A venue of terminals in memory. No inner comment: a doctest includes this file.

use std::sync::Arc;
use std::time::Duration;

use tillway_core::port::terminal::{Capabilities, Reason};
use tillway_core::port::{CardTerminal, Clock, async_trait};
use tillway_core::{Kopecks, Timestamp};
use tillway_memory::{MemoryTerminal, TerminalMishap};
use tillway_testkit::builders::BEGIN;
use tillway_testkit::runtime::TestClock;
use tillway_testkit::terminal::{Broken, Flaw, Move, MoveKind, Trouble, Venue};

/// A kiosk with a terminal in memory.
#[derive(Debug)]
pub(crate) struct Kiosk {
    clock: TestClock,
    device: MemoryTerminal,
    flaw: Option<Flaw>,
}

impl Kiosk {
    /// With a terminal that can do everything.
    pub(crate) fn new() -> Self {
        let clock = TestClock::at(BEGIN);
        let device = MemoryTerminal::new(Arc::new(clock.clone()));
        Self { clock, device, flaw: None }
    }

    /// With a terminal that can do this much.
    #[allow(dead_code, reason = "not every test has such a terminal")]
    pub(crate) fn with(capabilities: Capabilities) -> Self {
        let clock = TestClock::at(BEGIN);
        let device = MemoryTerminal::with(Arc::new(clock.clone()), capabilities);
        Self { clock, device, flaw: None }
    }

    /// With a terminal that is wrong.
    #[allow(dead_code, reason = "not every test has such a terminal")]
    pub(crate) fn broken(flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..Self::new() }
    }
}

#[async_trait]
impl Venue for Kiosk {
    async fn connect(&mut self) -> Arc<dyn CardTerminal> {
        let terminal = Arc::new(self.device.clone());
        match self.flaw {
            Some(flaw) => Arc::new(Broken::new(flaw, terminal)),
            None => terminal,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    async fn befall(&mut self, trouble: Trouble) {
        self.device.befall(match trouble {
            Trouble::Declined => TerminalMishap::Declined(Reason::Host),
            Trouble::GuestCancels => TerminalMishap::Declined(Reason::GuestCancelled),
            Trouble::NoBankLink => TerminalMishap::Declined(Reason::NoBankLink),
            Trouble::Partial => TerminalMishap::Partial,
            Trouble::Offline => TerminalMishap::Offline,
            Trouble::LostRequest | Trouble::RestartBefore => TerminalMishap::LostRequest,
            Trouble::LostAnswer
            | Trouble::HalfAnswer
            | Trouble::LateAnswer
            | Trouble::RestartAfter => TerminalMishap::LostAnswer,
            Trouble::UndefinedTaken => TerminalMishap::Undefined { taken: true },
            Trouble::UndefinedNotTaken => TerminalMishap::Undefined { taken: false },
            Trouble::Unplugged => return self.device.link(false),
        });
    }

    async fn mend(&mut self) {
        self.device.mend();
    }

    async fn pay_as_another(&mut self, amount: Kopecks) {
        self.device.pay_as_another(amount);
    }

    fn moves(&self) -> Vec<Move> {
        let one = |one: tillway_memory::Move| Move {
            kind: match one.kind {
                tillway_memory::MoveKind::Pay => MoveKind::Taken,
                _ => MoveKind::Back,
            },
            amount: one.amount,
        };
        self.device.moves().into_iter().map(one).collect()
    }
}
