//! The register behind the web server of the driver.

mod attempt;
mod server;

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::future::{Either, select};
use tillway_core::fiscal::{Limits, Mark, Operator, Paid, Receipt, Registered, VatRate};
use tillway_core::id::Uuid;
use tillway_core::port::fiscal::{
    Attempt, Capabilities, Cause, Device, DeviceStatus, Exchange, Fiscal, FiscalOutcome, Found,
    RegisterError, Shift, ShiftState, ShiftTotals, Slip,
};
use tillway_core::port::{Clock, FiscalRegister, IdSource};
use tillway_transport::HttpTransport;

use self::attempt::{Followed, Patience, Settled, may_pass};
use self::server::{Seen, Sent, Server};
use crate::ask::{self, Asks};
use crate::code;
use crate::config::{Generation, WebConfig};
use crate::error::ConfigError;
use crate::task::{self, Query};
use crate::wire::{Entry, Status, is_at_least};

/// An ATOL register behind the web server of its driver, old or new.
///
/// - Every document goes as one task under the attempt's id, which the server refuses to take
///   twice. A lost answer is asked for under that id, and then looked for in the memory.
/// - A task that does not begin within [`Waits::queue`](crate::Waits) is taken out of the queue.
/// - [`FiscalRegister::find`] takes a task that still waits out of the queue, and occupies the id
///   of one that the server does not know: what it calls not written never prints later.
/// - What an earlier run of the program has sent is not known here: after a restart, ask
///   [`FiscalRegister::find`] and do not repeat [`FiscalRegister::register`]. `layers::Guarded`
///   keeps to that.
/// - Questions go past the queue where the server can do that, so that the service menu works
///   while it is blocked.
/// - A receipt cannot stay open: the driver's tasks are whole ([`Capabilities::open_receipt`]).
#[derive(Debug)]
pub struct AtolWeb {
    config: WebConfig,
    server: Server,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    /// Held while something is printed.
    turn: futures::lock::Mutex<()>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    format: Option<Box<str>>,
    /// What the server says of its driver: `Some(None)` when it was asked and does not say.
    driver: Option<Option<Box<str>>>,
    /// Attempts that may have reached the server, the oldest first.
    sent: VecDeque<Uuid>,
}

/// A repeat comes soon; an older one is found at the server by its id.
const SENT_MAX: usize = 256;

/// The first driver that knows 22 % (ATOL note 6.1).
const VAT_22_DRIVER: [u32; 3] = [10, 10, 8];

/// The driver says that there is nothing to go on with.
const NOTHING_TO_PRINT: i32 = 81;

impl AtolWeb {
    /// A register with this configuration. Nothing is sent yet: call
    /// [`FiscalRegister::probe`] at start.
    ///
    /// # Errors
    /// [`ConfigError`], as [`WebConfig::check`] gives it.
    pub fn try_new(
        config: WebConfig,
        http: Arc<dyn HttpTransport>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let server = Server::try_new(&config, http)?;
        let (turn, known) = (futures::lock::Mutex::new(()), Mutex::default());
        Ok(Self { config, server, clock, ids, turn, known })
    }

    /// Which interface the server has; `None` until it was asked.
    pub fn generation(&self) -> Option<Generation> {
        self.server.known_generation()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn format(&self) -> Option<Box<str>> {
        self.known().format.clone()
    }

    fn was_sent(&self, id: Uuid) -> bool {
        self.known().sent.contains(&id)
    }

    /// Keeps in mind that the server may get it. Answers whether it may have had it before.
    fn remember(&self, id: Uuid) -> bool {
        let sent = &mut self.known().sent;
        let known = sent.contains(&id);
        if !known {
            if sent.len() >= SENT_MAX {
                sent.pop_front();
            }
            sent.push_back(id);
        }
        known
    }

    fn forget(&self, id: Uuid) {
        self.known().sent.retain(|sent| *sent != id);
    }

    async fn pause(&self) {
        self.clock.sleep(self.config.waits.poll).await;
    }

    /// Since this moment of the clock a question has been asked for long enough: a server that
    /// answers slowly is not asked as often as one that answers at once.
    fn is_late(&self, begin: Duration) -> bool {
        self.clock.ticks().saturating_sub(begin) >= self.config.waits.question
    }

    /// One call at a time prints.
    async fn turn(&self) -> Result<futures::lock::MutexGuard<'_, ()>, RegisterError> {
        let late = self.clock.sleep(self.config.waits.turn);
        match select(self.turn.lock(), late).await {
            Either::Left((turn, _)) => Ok(turn),
            Either::Right(_) => {
                Err(RegisterError::new(Cause::Busy, "another call on the register has not ended"))
            }
        }
    }

    /// Finds the interface of the server before the first call.
    async fn ready(&self) -> Result<(), RegisterError> {
        let (mut tried, begin): (u32, _) = (0, self.clock.ticks());
        while self.server.known_generation().is_none() {
            tried = tried.saturating_add(1);
            match self.server.info().await {
                Ok(info) => self.known().driver = Some(info.map(|info| info.driver)),
                Err(error)
                    if tried < self.config.waits.attempts
                        && may_pass(&error)
                        && !self.is_late(begin) =>
                {
                    self.pause().await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn limits(&self) -> Limits {
        if let Some(rates) = &self.config.rates {
            return Limits { rates: rates.clone(), ..Limits::default() };
        }
        let old = match &self.known().driver {
            None => false,
            Some(driver) => !is_at_least(driver.as_deref().unwrap_or(""), &VAT_22_DRIVER),
        };
        let knows = |rate: &VatRate| !old || rate.percent() != Some(22);
        let rates = VatRate::ALL.into_iter().filter(knows).collect();
        Limits { rates, ..Limits::default() }
    }

    /// Checks a document and makes its task. Nothing is sent before.
    fn prepare(&self, attempt: &Attempt, what: &Fiscal) -> Result<String, RegisterError> {
        if let Fiscal::Receipt(receipt) = what {
            receipt.check(&self.limits())?;
        }
        task::fiscal(what, &self.context(attempt))
    }

    async fn register_in_turn(&self, attempt: &Attempt, what: &Fiscal) -> Settled {
        let checked = match self.prepare(attempt, what) {
            // The first call finds out which rates the driver knows.
            Ok(_) => self.ready().await.and_then(|()| self.prepare(attempt, what)),
            Err(error) => Err(error),
        };
        let task = match checked {
            Ok(task) => task,
            Err(error) => return self.before_sending(attempt.id, error),
        };
        let _turn = match self.turn().await {
            Ok(turn) => turn,
            Err(error) => return self.before_sending(attempt.id, error),
        };
        self.write(attempt, what, &task).await
    }

    /// Runs a task that writes nothing to the memory, under an id of its own.
    async fn run(&self, task: &str, patience: Patience) -> Result<Box<str>, RegisterError> {
        let id = self.ids.fresh();
        let mut last = RegisterError::new(Cause::Link, "the task was not sent");
        let (mut sent, begin) = (false, self.clock.ticks());
        for tried in 0..self.config.waits.attempts {
            if tried > 0 && self.is_late(begin) {
                break;
            }
            let (error, known) = match self.server.submit(id, task).await {
                Sent::Taken => return self.result_of(id, patience, None).await,
                Sent::Refused(error) => return Err(error),
                Sent::Unsent(error) => {
                    last = error;
                    self.pause().await;
                    continue;
                }
                Sent::Known(error) => (error, true),
                Sent::Lost(error) => (error, false),
            };
            last = match self.server.look(id).await {
                Seen::Task(entry) => return self.result_of(id, patience, Some(entry)).await,
                // The server takes no tasks for this register, as some builds say it.
                Seen::Nothing if known && !sent => return Err(error),
                Seen::Nothing | Seen::Grave(_) => error,
                Seen::Failed(error) => error,
            };
            sent = true;
            self.pause().await;
        }
        Err(last)
    }

    async fn result_of(
        &self,
        id: Uuid,
        patience: Patience,
        seen: Option<Entry>,
    ) -> Result<Box<str>, RegisterError> {
        match self.follow(id, patience, seen).await {
            Followed::Ended(entry) if entry.status == Status::Ready => {
                Ok(entry.result.unwrap_or_default())
            }
            Followed::Ended(entry) => Err(entry.error()),
            Followed::Removed => {
                Err(RegisterError::new(Cause::Busy, "the queue of the register does not move"))
            }
            Followed::Nothing => {
                Err(RegisterError::new(Cause::Unknown, "the web server has lost the task"))
            }
            Followed::Late(error) => Err(error),
        }
    }

    async fn print_task(&self, task: &str) -> Result<(), RegisterError> {
        let patience =
            Patience { queue: self.config.waits.queue, outcome: self.config.waits.outcome };
        self.run(task, patience).await.map(drop)
    }

    async fn ask_once(&self, query: Query) -> Result<Box<str>, RegisterError> {
        if let Some(answer) = self.server.operation(query).await {
            return answer;
        }
        let wait = self.config.waits.question;
        self.run(&query.task(), Patience { queue: wait, outcome: wait }).await
    }
}

/// Questions are safe to repeat.
#[async_trait]
impl Asks for AtolWeb {
    async fn ask(&self, query: Query) -> Result<Box<str>, RegisterError> {
        self.ready().await?;
        let begin = self.clock.ticks();
        let mut answer = self.ask_once(query).await;
        for _ in 1..self.config.waits.attempts {
            let late = self.is_late(begin);
            match &answer {
                // What the driver itself says is an answer; it says 55 and 178 for a moment only.
                Err(error)
                    if !late && may_pass(error) && matches!(error.code, None | Some(55 | 178)) => {}
                _ => break,
            }
            self.pause().await;
            answer = self.ask_once(query).await;
        }
        answer
    }

    async fn is_at_rest(&self) -> Result<bool, RegisterError> {
        self.ready().await?;
        let begin = self.clock.ticks();
        let mut queue = self.server.queue().await;
        for _ in 1..self.config.waits.attempts {
            match &queue {
                Err(error) if may_pass(error) && !self.is_late(begin) => self.pause().await,
                _ => break,
            }
            queue = self.server.queue().await;
        }
        let queue = queue?;
        Ok(queue.unfinished == 0 && !queue.blocked)
    }
}

#[async_trait]
impl FiscalRegister for AtolWeb {
    fn capabilities(&self) -> Capabilities {
        let format = self.format();
        let mut capabilities = Capabilities::default();
        capabilities.ids = true;
        capabilities.operations = self.config.shared;
        capabilities.marking = format.as_deref() == Some("1.2");
        capabilities.format = format;
        capabilities.limits = self.limits();
        capabilities
    }

    async fn probe(&self) -> Result<Device, RegisterError> {
        self.ready().await?;
        let driver = self.server.info().await?.map(|info| info.driver);
        let device = task::device(&self.ask(Query::Device).await?)?;
        let memory = task::memory(&self.ask(Query::Memory).await?)?;
        let mut known = self.known();
        known.format = memory.format.or(device.format);
        known.driver = Some(driver.clone());
        Ok(Device {
            model: device.model,
            serial: device.serial,
            firmware: device.firmware,
            driver: driver.unwrap_or_default(),
            memory: memory.serial,
            width: device.width,
        })
    }

    async fn status(&self) -> Result<DeviceStatus, RegisterError> {
        ask::status(self).await
    }

    async fn shift(&self) -> Result<Shift, RegisterError> {
        ask::shift(self).await
    }

    async fn totals(&self) -> Result<ShiftTotals, RegisterError> {
        ask::totals(self).await
    }

    async fn exchange(&self) -> Result<Exchange, RegisterError> {
        ask::exchange(self).await
    }

    async fn mark(&self) -> Result<Mark, RegisterError> {
        let mark = ask::mark(self).await?;
        Ok(Mark { operations: Some(self.config.shared), ..mark })
    }

    async fn document(&self, number: u32) -> Result<Option<Registered>, RegisterError> {
        ask::document(self, number).await
    }

    async fn register(&self, attempt: &Attempt, what: &Fiscal) -> FiscalOutcome {
        let settled = self.register_in_turn(attempt, what).await;
        tracing::debug!(uuid = %attempt.id, ?settled, "a document was sent");
        settled.into()
    }

    async fn find(&self, attempt: &Attempt, what: &Fiscal) -> Found {
        if let Err(error) = self.ready().await {
            return Found::NotYet(error);
        }
        match self.turn().await {
            Ok(_turn) => self.settle_doubt(attempt, what).await.into(),
            Err(error) => Found::NotYet(error),
        }
    }

    async fn open_receipt(&self, _: &Attempt, _: &Receipt) -> Result<(), RegisterError> {
        Err(whole_receipts())
    }

    async fn close_receipt(&self, _: &Attempt, _: &[Paid]) -> FiscalOutcome {
        FiscalOutcome::NotWritten(whole_receipts())
    }

    async fn annul_receipt(&self) -> Result<(), RegisterError> {
        // Every task of a document annuls what is open before it begins (ATOL note 4.3).
        Ok(())
    }

    async fn report_x(&self, operator: Option<&Operator>) -> Result<(), RegisterError> {
        let task = task::report_x(operator)?;
        if ask::shift(self).await?.state == ShiftState::Closed {
            return Err(code::error(73, ""));
        }
        let _turn = self.turn().await?;
        self.print_task(&task).await
    }

    async fn print(&self, slip: &Slip) -> Result<(), RegisterError> {
        let sheets = task::slip(slip)?;
        self.ready().await?;
        let _turn = self.turn().await?;
        for sheet in &sheets {
            self.print_task(sheet).await?;
        }
        Ok(())
    }

    async fn print_again(&self, number: u32) -> Result<(), RegisterError> {
        self.ready().await?;
        let _turn = self.turn().await?;
        self.print_task(&task::print_document(number)).await
    }

    async fn continue_print(&self) -> Result<(), RegisterError> {
        self.ready().await?;
        let _turn = self.turn().await?;
        match self.print_task(&task::continue_print()).await {
            Err(error) if error.code == Some(NOTHING_TO_PRINT) => Ok(()),
            result => result,
        }
    }
}

fn whole_receipts() -> RegisterError {
    RegisterError::new(Cause::Unsupported, "the web server prints receipts whole")
}
