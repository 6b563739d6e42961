//! The register at the end of a handle: what runs on the device thread.

use std::sync::Arc;

use tillway_core::fiscal::{Paid, Receipt};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::Cause;
use tracing::warn;

use super::abi::{Call, Library};
use super::driver::{self, Driver};
use super::error::Failure;
use super::ids::{self, Param};
use super::receipt;
use super::wide::Text;
use crate::task::{Context, Query};

/// No receipt is open.
pub(super) const NOTHING_OPEN: i32 = 81;

/// The register, and what is known of it.
#[derive(Debug)]
pub(super) struct Device {
    library: Arc<Library>,
    settings: Text,
    driver: Option<Driver>,
    /// The handle was opened, and no call has found the link broken since.
    linked: bool,
    /// A receipt may be open that nobody will close.
    stale: bool,
    /// The receipt that is open while its guest pays.
    open: Option<Open>,
}

/// A receipt that is open.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) attempt: Uuid,
    pub(super) receipt: Receipt,
}

/// What became of closing a receipt.
#[derive(Debug)]
pub(super) enum Closing {
    /// The command that closes it was not sent: it was annulled, or will be.
    Annulled(Failure),
    /// The command was sent, and this is what the driver said.
    Sent(Result<(), Failure>),
}

/// What the register says of the document that was closed last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) closed: bool,
    pub(super) printed: bool,
}

impl Device {
    /// Nothing is opened yet. A receipt that a former run left open is annulled at the first call.
    pub(super) fn new(library: Arc<Library>, settings: Text) -> Self {
        Self { library, settings, driver: None, linked: false, stale: true, open: None }
    }

    pub(super) fn version(&self) -> String {
        driver::version(&self.library)
    }

    pub(super) fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// The handle, opened, with nothing left open that nobody will close.
    fn ready(&mut self) -> Result<&mut Driver, Failure> {
        let driver = match &mut self.driver {
            Some(driver) => driver,
            none => none.insert(Driver::create(&self.library, &self.settings)?),
        };
        if !self.linked {
            driver.open()?;
            self.linked = true;
        }
        if self.stale && self.open.is_none() {
            match annul(driver) {
                Ok(true) => warn!("a receipt that was left open is annulled"),
                Ok(false) => {}
                Err(failure) if failure.is_link() => {
                    self.linked = false;
                    return Err(failure);
                }
                // It stays open, and whatever is wrong is told by the call that comes next.
                Err(_) => return Ok(driver),
            }
            self.stale = false;
        }
        Ok(driver)
    }

    fn with<R>(
        &mut self,
        call: impl FnOnce(&mut Driver) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let done = call(self.ready().map_err(Failure::unsent)?);
        if done.as_ref().is_err_and(Failure::is_link) {
            self.linked = false;
        }
        done
    }

    /// Reads; over a link that has just broken once more, because nothing is changed by it.
    fn read<R>(
        &mut self,
        mut call: impl FnMut(&mut Driver) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        match self.with(&mut call) {
            Err(failure) if failure.is_link() => self.with(call),
            done => done,
        }
    }

    /// Asks the register something; the driver's JSON.
    pub(super) fn ask(&mut self, query: Query) -> Result<String, Failure> {
        let task = query.task();
        self.read(|driver| driver.process_json(&task))
    }

    /// Whether the driver would take a task.
    pub(super) fn validate(&mut self, task: &str) -> Result<(), Failure> {
        self.with(|driver| driver.validate_json(task))
    }

    /// Runs a task that changes something, once. It would annul an open receipt (ATOL note 4.3),
    /// so it is refused while one is open.
    pub(super) fn send(&mut self, task: &str) -> Result<String, Failure> {
        if self.open.is_some() {
            return Err(Failure::refused(Cause::ReceiptOpen, ""));
        }
        self.with(|driver| driver.process_json(task))
    }

    /// Opens a receipt and registers its lines; annuls it when one is refused.
    pub(super) fn begin(
        &mut self,
        attempt: Uuid,
        receipt: Receipt,
        context: &Context,
    ) -> Result<(), Failure> {
        if self.open.is_some() {
            return Err(Failure::refused(Cause::ReceiptOpen, ""));
        }
        let begun = self.with(|driver| receipt::begin(driver, &receipt, context));
        match begun {
            Ok(()) => {
                // It was opened, so nothing older is open: `close` must not annul this one.
                self.stale = false;
                self.open = Some(Open { attempt, receipt });
            }
            Err(_) => self.abandon(),
        }
        begun
    }

    /// Opens a receipt, pays and closes it: nobody sees it open.
    pub(super) fn sell(&mut self, attempt: Uuid, receipt: Receipt, context: &Context) -> Closing {
        let paid = receipt.paid.clone();
        match self.begin(attempt, receipt, context) {
            Ok(()) => self.close(&paid),
            Err(failure) => Closing::Annulled(failure),
        }
    }

    /// Nobody will close the receipt that is open.
    pub(super) fn forget(&mut self) {
        if self.open.take().is_some() {
            self.abandon();
        }
    }

    /// Pays the open receipt and closes it.
    pub(super) fn close(&mut self, paid: &[Paid]) -> Closing {
        // The guest took a while: the link may have broken, and be back.
        let paid = match self.read(is_open) {
            Ok(true) => self.with(|driver| receipt::pay(driver, paid)),
            Ok(false) => Err(Failure::refused(Cause::NoReceipt, "the register has annulled it")),
            Err(failure) => Err(failure),
        };
        self.open = None;
        if let Err(failure) = paid {
            self.abandon();
            return Closing::Annulled(failure);
        }
        // Over a link that has broken since, the receipt may have been annulled by the register.
        Closing::Sent(self.with(|driver| driver.run(Call::CloseReceipt)))
    }

    /// What became of the document that was closed last.
    pub(super) fn closed(&mut self) -> Result<Closed, Failure> {
        self.with(|driver| {
            driver.run(Call::CheckDocumentClosed)?;
            let closed = driver.bool(Param::DOCUMENT_CLOSED);
            Ok(Closed { closed, printed: driver.bool(Param::DOCUMENT_PRINTED) })
        })
    }

    /// Annuls the open receipt; fine when none is open.
    pub(super) fn annul(&mut self) -> Result<(), Failure> {
        self.open = None;
        let annulled = self.with(annul);
        self.stale = annulled.is_err();
        annulled.map(drop)
    }

    /// No document is open. One that nobody will close is annulled first.
    pub(super) fn at_rest(&mut self) -> Result<bool, Failure> {
        if self.open.is_some() {
            return Ok(false);
        }
        if self.read(is_open)? {
            self.annul()?;
        }
        Ok(true)
    }

    /// Goes on with an interrupted print; fine when there is none.
    pub(super) fn continue_print(&mut self) -> Result<(), Failure> {
        match self.with(|driver| driver.run(Call::ContinuePrint)) {
            Err(failure) if failure.number == Some(NOTHING_OPEN) => Ok(()),
            done => done,
        }
    }

    /// A receipt that will not be closed: annulled now, or as soon as there is a link.
    fn abandon(&mut self) {
        self.stale = true;
        // `ready` annuls it.
        let _ = self.ready();
    }
}

/// Whether a receipt is open.
fn is_open(driver: &mut Driver) -> Result<bool, Failure> {
    driver.set_int(Param::DATA_TYPE, ids::RECEIPT_STATE);
    driver.run(Call::QueryData)?;
    Ok(driver.int(Param::RECEIPT_TYPE) != 0)
}

/// Annuls the receipt that is open; whether there was one.
fn annul(driver: &mut Driver) -> Result<bool, Failure> {
    match driver.run(Call::CancelReceipt) {
        Ok(()) => Ok(true),
        Err(failure) if failure.number == Some(NOTHING_OPEN) => Ok(false),
        Err(failure) if failure.is_link() => Err(failure),
        // An interrupted print refuses it, and then no receipt is open.
        Err(failure) if is_open(driver)? => Err(failure),
        Err(_) => Ok(false),
    }
}
