// A venue of registers in memory. No inner comment: a doctest includes this file.

use std::sync::Arc;
use std::time::Duration;

use tillway_core::fiscal::Registered;
use tillway_core::port::fiscal::{Capabilities, Fiscal};
use tillway_core::port::{FiscalRegister, async_trait};
use tillway_memory::{MemoryRegister, Mishap};
use tillway_testkit::builders::BEGIN;
use tillway_testkit::fiscal::{Piece, Printed, Trouble, Venue};
use tillway_testkit::runtime::TestClock;

/// A counter with a register in memory.
#[derive(Debug)]
pub(crate) struct Counter {
    pub(crate) clock: TestClock,
    pub(crate) device: MemoryRegister,
    memories: u32,
}

impl Counter {
    /// With a register that can do everything.
    #[allow(dead_code, reason = "not every test has such a register")]
    pub(crate) fn new() -> Self {
        let clock = TestClock::at(BEGIN);
        let device = MemoryRegister::new(Arc::new(clock.clone()));
        Self { clock, device, memories: 1 }
    }

    /// With a register that can do this much.
    #[allow(dead_code, reason = "not every test has such a register")]
    pub(crate) fn with(capabilities: Capabilities) -> Self {
        let clock = TestClock::at(BEGIN);
        let device = MemoryRegister::with(Arc::new(clock.clone()), capabilities);
        Self { clock, device, memories: 1 }
    }
}

#[async_trait]
impl Venue for Counter {
    async fn connect(&mut self) -> Arc<dyn FiscalRegister> {
        Arc::new(self.device.clone())
    }

    async fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    async fn befall(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::LostRequest => self.device.befall(Mishap::LostRequest),
            Trouble::LostAnswer => self.device.befall(Mishap::LostAnswer),
            Trouble::PowerBefore => self.device.befall(Mishap::PowerBefore),
            Trouble::PowerAfter => self.device.befall(Mishap::PowerAfter),
            Trouble::PaperEnds => self.device.befall(Mishap::PaperEnds),
            Trouble::Unplugged => self.device.link(false),
            Trouble::PowerOff => self.device.power(false),
            Trouble::NoPaper => self.device.paper(false),
            Trouble::ForgottenIds => self.device.forget_ids(),
            Trouble::OtherMemory => {
                self.memories += 1;
                self.device.replace_memory(&format!("{:016}", self.memories));
            }
        }
    }

    async fn mend(&mut self) {
        self.device.mend();
    }

    async fn write_as_another(&mut self, what: &Fiscal) {
        let written = self.device.write_as_another(what);
        assert!(written.is_ok(), "another program: {written:?}");
    }

    fn documents(&self) -> Vec<Registered> {
        self.device.documents()
    }

    fn tape(&self) -> Vec<Piece> {
        let of = |printed| match printed {
            tillway_memory::Printed::Document(number) => Printed::Document(number),
            tillway_memory::Printed::Copy(number) => Printed::Copy(number),
            tillway_memory::Printed::Annulled => Printed::Annulled,
            tillway_memory::Printed::ReportX => Printed::ReportX,
            tillway_memory::Printed::Text => Printed::Text,
        };
        let piece = |piece: tillway_memory::Piece| Piece {
            of: of(piece.of),
            lines: piece.lines,
            torn: false,
        };
        self.device.tape().into_iter().map(piece).collect()
    }
}
