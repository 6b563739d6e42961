//! The port, over the driver's library.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tillway_core::fiscal::{Mark, Operator, Paid, Receipt, Registered};
use tillway_core::port::fiscal::{
    Attempt, Capabilities, Cause, Device, DeviceStatus, Exchange, Fiscal, FiscalOutcome, Found,
    RegisterError, Shift, ShiftTotals, Slip,
};
use tillway_core::port::{Clock, FiscalRegister};
use tillway_device::Mode;

use super::config::{NativeConfig, Receipts};
use super::error::LoadError;
use super::lane::{Lane, Lost};
use super::seat::{Seat, lost};
use super::{device, driver, probe, receipt};
use crate::ask;
use crate::task::{self, Context, Query};

/// An ATOL register at the driver's library.
///
/// Of what it may leave open: a receipt that was opened and whose program died is annulled at the
/// first call of the next one, or by a [`FiscalRegister::find`].
///
/// A call of the driver that takes longer than [`NativeConfig::wait_call`] goes on; its outcome is
/// in doubt, and until it returns every other call answers [`Cause::Busy`].
#[derive(Debug)]
pub struct NativeRegister {
    lane: Lane<device::Device>,
    config: NativeConfig,
    known: Mutex<Capabilities>,
    /// A receipt is being opened, or was, and its caller has given up.
    forsaken: AtomicBool,
}

impl NativeRegister {
    /// Loads the library and starts the device thread. The register itself is opened by the first
    /// call, and again by the first one after its link was lost.
    ///
    /// # Errors
    /// [`LoadError`]: a person sets it up.
    pub fn load(config: NativeConfig, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        Self::load_with(config, clock, Mode::Thread)
    }

    /// As [`NativeRegister::load`]; in [`Mode::Inline`] calls block their caller, for simulations.
    ///
    /// # Errors
    /// As [`NativeRegister::load`].
    pub fn load_with(
        config: NativeConfig,
        clock: Arc<dyn Clock>,
        mode: Mode,
    ) -> Result<Self, LoadError> {
        let library = driver::load(&config.library)?;
        let device = device::Device::new(library, config.settings()?);
        let lane = Lane::start(mode, device, clock)?;
        let mut known = Capabilities::default();
        known.open_receipt = true;
        known.marking = true;
        known.operations = config.shared;
        Ok(Self { lane, config, known: Mutex::new(known), forsaken: AtomicBool::new(false) })
    }

    /// Takes no more calls, and waits this long for the one that runs; then the handle is closed.
    /// `false`: it still runs, and the register stays held until it ends.
    pub fn stop(&self, most: Duration) -> bool {
        self.lane.stop_within(most)
    }

    async fn seat(&self) -> Result<Seat<'_>, RegisterError> {
        let turn = self.lane.turn(self.config.wait_turn).await;
        let busy = || RegisterError::new(Cause::Busy, "the driver is at work");
        let seat = Seat { turn: turn.ok_or_else(busy)?, config: &self.config };
        if self.forsaken.swap(false, Ordering::AcqRel) {
            let forget = |device: &mut device::Device| {
                device.forget();
                Ok(())
            };
            seat.run(forget).await.inspect_err(|_| self.forsaken.store(true, Ordering::Release))?;
        }
        Ok(seat)
    }

    fn context(&self, attempt: &Attempt) -> Context {
        Context {
            format: self.capabilities().format,
            operation: task::printed(attempt, self.config.shared),
        }
    }

    /// Runs tasks that print and write no document.
    async fn print_tasks(&self, tasks: Vec<String>) -> Result<(), RegisterError> {
        let seat = self.seat().await?;
        for task in tasks {
            seat.run(move |device| device.send(&task)).await?;
        }
        Ok(())
    }

    async fn write(
        &self,
        attempt: &Attempt,
        what: &Fiscal,
    ) -> Result<FiscalOutcome, RegisterError> {
        if let Fiscal::Receipt(receipt) = what {
            receipt.check(&self.capabilities().limits)?;
        }
        let context = self.context(attempt);
        let task = task::fiscal(what, &context)?;
        let seat = self.seat().await?;
        let low = self.config.receipts == Receipts::LowLevel;
        seat.refuse_by_shift(what).await?;
        match what {
            Fiscal::Receipt(whole) if low && receipt::is_simple(whole) => {
                Ok(seat.sell(attempt, whole, &context).await)
            }
            _ => Ok(seat.send(attempt, what, task).await),
        }
    }

    async fn begin(&self, attempt: &Attempt, receipt: &Receipt) -> Result<(), RegisterError> {
        receipt.check_open(&self.capabilities().limits)?;
        if !receipt::is_simple(receipt) {
            let text = "a correction, or a receipt with marking codes, cannot stay open";
            return Err(RegisterError::new(Cause::Unsupported, text));
        }
        let context = self.context(attempt);
        let seat = self.seat().await?;
        seat.refuse_by_shift(&Fiscal::Receipt(Box::new(receipt.clone()))).await?;
        let begun = seat.begin(attempt.id, receipt, &context).await;
        if begun == Err(Lost::Unknown) {
            self.forsaken.store(true, Ordering::Release);
        }
        begun.map_err(lost)?.map_err(|failure| failure.error)
    }

    async fn close(
        &self,
        attempt: &Attempt,
        paid: &[Paid],
    ) -> Result<FiscalOutcome, RegisterError> {
        let seat = self.seat().await?;
        let open = seat.run(|device| Ok(device.open().cloned())).await?;
        let open = open.ok_or_else(|| RegisterError::new(Cause::NoReceipt, ""))?;
        if open.attempt != attempt.id {
            return Err(RegisterError::new(Cause::ReceiptOpen, "it is of another attempt"));
        }
        let receipt = Receipt { paid: paid.to_vec(), ..open.receipt };
        if let Err(wrong) = receipt.check(&self.capabilities().limits) {
            // Nobody will close it any more. Without a link it is annulled as soon as there is one.
            seat.run(|device| {
                device.forget();
                Ok(())
            })
            .await?;
            return Err(wrong.into());
        }
        Ok(seat.close(attempt, &receipt, &self.context(attempt)).await)
    }
}

fn outcome(done: Result<FiscalOutcome, RegisterError>) -> FiscalOutcome {
    done.unwrap_or_else(FiscalOutcome::NotWritten)
}

#[async_trait]
impl FiscalRegister for NativeRegister {
    fn capabilities(&self) -> Capabilities {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn probe(&self) -> Result<Device, RegisterError> {
        let seat = self.seat().await?;
        let (device, known) = probe::probe(&seat, self.capabilities()).await?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(device)
    }

    async fn status(&self) -> Result<DeviceStatus, RegisterError> {
        ask::status(&self.seat().await?).await
    }

    async fn shift(&self) -> Result<Shift, RegisterError> {
        ask::shift(&self.seat().await?).await
    }

    async fn totals(&self) -> Result<ShiftTotals, RegisterError> {
        ask::totals(&self.seat().await?).await
    }

    async fn exchange(&self) -> Result<Exchange, RegisterError> {
        ask::exchange(&self.seat().await?).await
    }

    async fn mark(&self) -> Result<Mark, RegisterError> {
        let mark = ask::mark(&self.seat().await?).await?;
        Ok(Mark { operations: Some(self.config.shared), ..mark })
    }

    async fn document(&self, number: u32) -> Result<Option<Registered>, RegisterError> {
        ask::document(&self.seat().await?, number).await
    }

    async fn register(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome {
        outcome(self.write(attempt, what).await)
    }

    async fn find(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        match self.seat().await {
            Ok(seat) => seat.find(attempt, what, &self.context(attempt)).await,
            Err(error) => Found::NotYet(error),
        }
    }

    async fn open_receipt(
        &self,
        attempt: &Attempt,
        receipt: &Receipt,
    ) -> Result<(), RegisterError> {
        self.begin(attempt, receipt).await
    }

    async fn close_receipt(&self, attempt: &Attempt, paid: &[Paid]) -> FiscalOutcome {
        outcome(self.close(attempt, paid).await)
    }

    async fn annul_receipt(&self) -> Result<(), RegisterError> {
        self.seat().await?.run(device::Device::annul).await
    }

    async fn report_x(&self, operator: Option<&Operator>) -> Result<(), RegisterError> {
        let task = task::report_x(operator)?;
        let seat = self.seat().await?;
        let shift = task::shift(&ask::Asks::ask(&seat, Query::Shift).await?)?;
        if shift.state == tillway_core::port::fiscal::ShiftState::Closed {
            return Err(RegisterError::new(Cause::ShiftClosed, ""));
        }
        seat.run(move |device| device.send(&task)).await.map(drop)
    }

    async fn print(&self, slip: &Slip) -> Result<(), RegisterError> {
        self.print_tasks(task::slip(slip)?).await
    }

    async fn print_again(&self, number: u32) -> Result<(), RegisterError> {
        self.print_tasks(vec![task::print_document(number)]).await
    }

    async fn continue_print(&self) -> Result<(), RegisterError> {
        self.seat().await?.run(device::Device::continue_print).await
    }
}
