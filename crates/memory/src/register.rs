//! A fiscal register in memory.

mod paper;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::Timestamp;
use tillway_core::fiscal::{Mark, Operator, Paid, Receipt, Registered};
use tillway_core::port::fiscal::{
    Attempt, Capabilities, Cause, Device, DeviceStatus, Exchange, Fiscal, FiscalOutcome, Found,
    RegisterError, Shift, ShiftTotals, Slip,
};
use tillway_core::port::{Clock, FiscalRegister};

pub use self::paper::{Piece, Printed};
use self::state::State;

/// How many pieces a slip may have.
const SLIP_MAX: usize = 500;

/// A fiscal register in memory: shifts, receipts, a fiscal memory without gaps, and a tape.
///
/// It keeps every rule of the port that a real one keeps, and nothing is durable. For quick starts
/// and tests; `tillway-sim` has the register that fails like hardware. A clone is another handle on
/// the same device.
///
/// Its paper, cable and power can be taken away ([`MemoryRegister::paper`],
/// [`link`](MemoryRegister::link), [`power`](MemoryRegister::power)), and a [`Mishap`] can befall
/// its next document, so that a program can be tried against a register that does not answer.
#[derive(Clone, Debug)]
pub struct MemoryRegister {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

/// What can befall the next fiscal document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Mishap {
    /// The request does not arrive.
    LostRequest,
    /// The document is written and printed; the answer does not arrive.
    LostAnswer,
    /// The document is written; the paper ends before it is printed.
    PaperEnds,
    /// The power goes before the document is written.
    PowerBefore,
    /// The power goes after it is written, before it is printed.
    PowerAfter,
}

impl MemoryRegister {
    /// A register with a closed shift and an empty memory, which can do everything but marking.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let mut everything = Capabilities::default();
        (everything.open_receipt, everything.ids, everything.operations) = (true, true, true);
        everything.format = Some("1.2".into());
        Self::with(clock, everything)
    }

    /// A register that can do this much.
    pub fn with(clock: Arc<dyn Clock>, capabilities: Capabilities) -> Self {
        Self { clock, state: Arc::new(Mutex::new(State::new(capabilities))) }
    }

    /// All documents of its fiscal memory, in order.
    pub fn documents(&self) -> Vec<Registered> {
        self.lock().documents()
    }

    /// What came out of the printer: at most the last 10 000 pieces.
    pub fn tape(&self) -> Vec<Piece> {
        self.lock().tape.pieces().to_vec()
    }

    /// What befalls the next fiscal document. Several befall one document each, in order.
    pub fn befall(&self, mishap: Mishap) {
        self.lock().mishaps.push_back(mishap);
    }

    /// Puts paper in, or takes it out.
    pub fn paper(&self, there: bool) {
        self.lock().paper = there;
    }

    /// Plugs the cable in, or out.
    pub fn link(&self, there: bool) {
        self.lock().link = there;
    }

    /// Switches it on, or off. A receipt that was open is annulled.
    pub fn power(&self, on: bool) {
        let mut state = self.lock();
        state.power = on;
        state.open = None;
    }

    /// Puts paper in, plugs the cable in, switches it on, and forgets the mishaps to come.
    pub fn mend(&self) {
        let mut state = self.lock();
        (state.paper, state.link, state.power) = (true, true, true);
        state.mishaps.clear();
    }

    /// Another program writes a document, past the attempts of this one.
    ///
    /// # Errors
    /// As [`FiscalRegister::register`].
    pub fn write_as_another(&self, what: &Fiscal) -> Result<Registered, RegisterError> {
        self.lock().write(None, what, self.clock.now())
    }

    /// A mechanic puts another fiscal memory in, with an empty journal and a closed shift.
    pub fn replace_memory(&self, serial: &str) {
        self.lock().replace_memory(serial);
    }

    /// Forgets the ids of attempts, as a server does whose database is lost.
    pub fn forget_ids(&self) {
        self.lock().ids.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, when a call reaches the device.
    fn reach(&self) -> Result<(MutexGuard<'_, State>, Timestamp), RegisterError> {
        let state = self.lock();
        if state.link && state.power {
            Ok((state, self.clock.now()))
        } else {
            Err(RegisterError::new(Cause::Link, ""))
        }
    }
}

#[async_trait]
impl FiscalRegister for MemoryRegister {
    fn capabilities(&self) -> Capabilities {
        self.lock().capabilities.clone()
    }

    async fn probe(&self) -> Result<Device, RegisterError> {
        let (state, _) = self.reach()?;
        Ok(Device {
            model: "in memory".into(),
            serial: "00000000000001".into(),
            firmware: env!("CARGO_PKG_VERSION").into(),
            memory: state.memory.clone(),
            width: Some(paper::WIDTH),
            ..Device::default()
        })
    }

    async fn status(&self) -> Result<DeviceStatus, RegisterError> {
        let (state, now) = self.reach()?;
        let blocked = state.unfinished.is_some();
        let (paper, at) = (state.paper, Some(now));
        Ok(DeviceStatus { paper, cover_open: false, fiscal: true, memory: true, blocked, at })
    }

    async fn shift(&self) -> Result<Shift, RegisterError> {
        let (state, now) = self.reach()?;
        Ok(state.shift(now))
    }

    async fn totals(&self) -> Result<ShiftTotals, RegisterError> {
        let (state, _) = self.reach()?;
        Ok(state.totals())
    }

    async fn exchange(&self) -> Result<Exchange, RegisterError> {
        self.reach().map(|_| Exchange::default())
    }

    async fn mark(&self) -> Result<Mark, RegisterError> {
        let (state, now) = self.reach()?;
        Ok(state.mark(now))
    }

    async fn document(&self, number: u32) -> Result<Option<Registered>, RegisterError> {
        let (state, _) = self.reach()?;
        Ok(state.documents().into_iter().find(|document| document.number == number))
    }

    async fn register(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome {
        let checked = match what {
            Fiscal::Receipt(receipt) => receipt.check(&self.lock().capabilities.limits).map(|_| ()),
            _ => Ok(()),
        };
        if let Err(error) = checked {
            return FiscalOutcome::NotWritten(error.into());
        }
        match self.reach() {
            Ok((mut state, now)) => state.register(attempt.id, what, now),
            Err(error) => FiscalOutcome::NotWritten(error),
        }
    }

    async fn find(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        match self.reach() {
            Ok((state, now)) => state.find(attempt, what, now),
            Err(error) => Found::NotYet(error),
        }
    }

    async fn open_receipt(
        &self,
        attempt: &Attempt,
        receipt: &Receipt,
    ) -> Result<(), RegisterError> {
        receipt.check_open(&self.lock().capabilities.limits)?;
        let (mut state, now) = self.reach()?;
        state.open_receipt(attempt.id, receipt, now)
    }

    async fn close_receipt(&self, attempt: &Attempt, paid: &[Paid]) -> FiscalOutcome {
        match self.reach() {
            Ok((mut state, now)) => state.close_receipt(attempt.id, paid, now),
            Err(error) => FiscalOutcome::NotWritten(error),
        }
    }

    async fn annul_receipt(&self) -> Result<(), RegisterError> {
        let (mut state, _) = self.reach()?;
        state.annul();
        Ok(())
    }

    async fn report_x(&self, _operator: Option<&Operator>) -> Result<(), RegisterError> {
        let (mut state, now) = self.reach()?;
        state.report_x(now)
    }

    async fn print(&self, slip: &Slip) -> Result<(), RegisterError> {
        let (mut state, _) = self.reach()?;
        state.may_print()?;
        if slip.items.len() > SLIP_MAX {
            let text = format!("slip: has more than {SLIP_MAX} pieces");
            return Err(RegisterError::new(Cause::BadTask, text));
        }
        state.tape.print(Printed::Text, paper::slip(slip));
        Ok(())
    }

    async fn print_again(&self, number: u32) -> Result<(), RegisterError> {
        let (mut state, _) = self.reach()?;
        state.print_again(number)
    }

    async fn continue_print(&self) -> Result<(), RegisterError> {
        let (mut state, _) = self.reach()?;
        state.continue_print()
    }
}
