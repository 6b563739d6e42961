//! iikoFront 8/9 on one till, with the thin front plugin in it.
//!
//! [`FrontSim`] keeps orders and processes payments as iikoFront does: it hands a transaction id to
//! the plugin's `Pay`, saves the item as processed when `Pay` did not throw, undoes the processed
//! ones when a later one fails or the receipt cannot be printed, prints the receipt with all
//! payments, closes the order and tells the plugin. A power cut takes the locks and the plugin's
//! memory; orders, receipts and the outbox stay.
//!
//! What it does **not** check or imitate: licences, cash sessions and their opening and closing,
//! taxes and the text of fiscal documents, kitchen, how a group elects its main till, remoting and
//! the threads of plugins, `PaymentActionCancelledException`, deleting an order, splitting a bill,
//! amounts of portions that are not whole, reconciliation at the end of the day.

mod bridge;
mod config;
mod order;
mod payments;
mod plugin;
mod returns;
mod till;

use std::sync::Arc;

use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::money::MoneyError;
use tillway_core::port::{Clock, IdSource};
use tillway_transport::HttpTransport;

use self::plugin::{Plugin, Throw};
use self::till::Till;
use crate::fault::{Hooks, Link, Side};
use crate::power::{Boot, PowerCut};

pub use self::config::{
    BONUS_TYPE, CREDIT_TYPE, DEPOSIT_TYPE, FrontConfig, Kind, ORDER_82, PaymentType, TransactionIds,
};
pub use self::order::{
    Books, Difference, Order, OrderLine, OrderStatus, PaymentItem, Processed, Receipt, Return,
    Rollback,
};
pub use self::payments::{Adding, PayMode};
pub use self::plugin::{BridgeStep, CommandOutcome, Record, RecordKind};

/// Why iikoFront did not do it. The names follow iikoFront's own.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontError {
    /// The till went dark on the way.
    #[error(transparent)]
    PowerCut(#[from] PowerCut),
    /// No such order.
    #[error("no such order")]
    UnknownOrder,
    /// No such payment item, or no such payment type.
    #[error("no such payment")]
    UnknownPayment,
    /// The order is closed or deleted, or, for a return, not closed.
    #[error("the order is {0:?}")]
    WrongStatus(OrderStatus),
    /// Somebody else works on the order (`EntityAlreadyInUseException`, `CannotLockOrder`).
    #[error("the order is in use")]
    CannotLockOrder,
    /// The order has an unprocessed payment of this type already.
    #[error("a payment of this type is there already")]
    DuplicateType,
    /// `PaymentSumNotEnough`.
    #[error("payments lack {} rubles", .0.rubles())]
    SumNotEnough(Kopecks),
    /// `PaymentSumTooLarge`.
    #[error("payments are {} rubles too much", .0.rubles())]
    SumTooLarge(Kopecks),
    /// `UncombinablePaymentTypesFiscalNonFiscal`.
    #[error("fiscal and non-fiscal payments do not go together")]
    FiscalWithNonFiscal,
    /// `NotProcessedNotSilentPaymentsNotSupported`.
    #[error("a payment cannot be made silently")]
    NotSilent,
    /// `PaymentsProcessingFailed`, with what the plugin said.
    #[error("{0}")]
    ProcessingFailed(String),
    /// The receipt could not be printed; all payments are undone.
    #[error("the fiscal register failed")]
    FiscalFailed,
    /// More returned than paid.
    #[error("more is returned than was paid")]
    ReturnTooLarge,
    /// A sum does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl From<Throw> for FrontError {
    fn from(thrown: Throw) -> Self {
        match thrown {
            Throw::Failed(message) => Self::ProcessingFailed(message),
            Throw::PowerCut => Self::PowerCut(PowerCut),
        }
    }
}

/// A till with iikoFront and the plugin. Clones are the same till.
///
/// Futures of its methods are to be polled to their end: a dropped one is a hang-up in the middle
/// that iikoFront does not know. Use a [`Plan`](crate::fault::Plan) to stop it half-way.
#[derive(Clone, Debug)]
pub struct FrontSim {
    till: Arc<Till>,
    plugin: Arc<Plugin>,
}

impl FrontSim {
    /// A till that is switched on, with an empty disk. Nothing is sent before [`FrontSim::start`].
    ///
    /// `ids` gives the transaction ids, so it must not repeat itself against a service that
    /// remembers them.
    #[must_use]
    pub fn new(
        config: FrontConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        service: Arc<dyn HttpTransport>,
        hooks: Hooks,
    ) -> Self {
        Self::on(Till::new(config, clock, ids, hooks), service)
    }

    /// Another till of this one's group, switched on: the same orders, guests and receipts; a
    /// power, a plugin and an outbox of its own.
    #[must_use]
    pub fn beside(
        &self,
        config: FrontConfig,
        ids: Arc<dyn IdSource>,
        service: Arc<dyn HttpTransport>,
        hooks: Hooks,
    ) -> Self {
        Self::on(self.till.beside(config, ids, hooks), service)
    }

    fn on(till: Till, transport: Arc<dyn HttpTransport>) -> Self {
        let till = Arc::new(till);
        let (hooks, clock) = (till.hooks.clone(), Arc::clone(&till.clock));
        let link = Link { transport, hooks, clock, power: till.power.clone() };
        let plugin = Arc::new(Plugin::new(Arc::clone(&till), link));
        Self { till, plugin }
    }

    /// Starts iikoFront and the plugin: payment types are logged, the outbox is checked and sent.
    ///
    /// # Errors
    /// A planned power cut.
    pub async fn start(&self) -> Result<(), FrontError> {
        let boot = self.till.power.boot()?;
        self.close_printed(boot)?;
        Ok(self.plugin.start(boot).await?)
    }

    /// Cuts the power: whatever runs on the till stops where it stands.
    pub fn power_cut(&self) {
        self.till.power.cut();
    }

    /// Whether the till has power.
    #[must_use]
    pub fn has_power(&self) -> bool {
        self.till.power.boot().is_ok()
    }

    /// Switches the till on again, after a power cut or without one, and starts it.
    ///
    /// # Errors
    /// Another planned power cut.
    pub async fn restart(&self) -> Result<(), FrontError> {
        self.till.power.restart();
        self.till.forget_memory();
        self.plugin.forget_memory();
        self.start().await
    }

    /// Opens an order; an id that is there already stays as it is.
    ///
    /// # Errors
    /// The sum of the lines does not fit, or there is no power.
    pub fn open_order(
        &self,
        id: Uuid,
        number: u32,
        lines: Vec<OrderLine>,
    ) -> Result<(), FrontError> {
        Kopecks::total(lines.iter().map(|line| line.amount))?;
        let boot = self.till.power.boot()?;
        self.till.open(boot, id, number, lines)?;
        Ok(())
    }

    /// Changes the lines of an open order; the plugin tells the service when a guest is attached.
    ///
    /// # Errors
    /// The order is locked, closed or unknown; the sum does not fit.
    pub async fn change_lines(&self, order: Uuid, lines: Vec<OrderLine>) -> Result<(), FrontError> {
        Kopecks::total(lines.iter().map(|line| line.amount))?;
        let boot = self.till.power.boot()?;
        {
            let _lock = self.till.lock(boot, order)?;
            self.open_order_of(boot, order)?;
            self.till.save(boot, order, |order| order.lines = lines)?;
        }
        let changed = self.open_order_of(boot, order)?;
        if !changed.clients.is_empty() {
            self.plugin.tell_order(boot, Side::Plugin, &changed).await?;
        }
        Ok(())
    }

    /// Somebody opens the order on the till's screen: it is locked for everybody else. Answers
    /// `false` while a payment runs.
    #[must_use]
    pub fn edit_on_screen(&self, order: Uuid) -> bool {
        self.till.screen(order, true)
    }

    /// The screen is left.
    pub fn leave_screen(&self, order: Uuid) {
        self.till.screen(order, false);
    }

    /// Makes the fiscal register fail, or work again.
    pub fn break_printer(&self, broken: bool) {
        self.till.break_printer(broken);
    }

    /// Sends what waits in the outbox, as the plugin does every 10 s.
    ///
    /// # Errors
    /// A planned power cut.
    pub async fn drain(&self) -> Result<(), FrontError> {
        let boot = self.till.power.boot()?;
        Ok(self.plugin.drain_now(boot, None).await?)
    }

    /// An order as it is on disk.
    #[must_use]
    pub fn order(&self, id: Uuid) -> Option<Order> {
        self.till.forensics(|disk| disk.orders.get(&id).cloned())
    }

    /// All orders as they are on disk, by id.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        self.till.forensics(|disk| disk.orders.values().cloned().collect())
    }

    /// What iiko believes was paid and returned.
    ///
    /// # Errors
    /// A sum does not fit.
    pub fn books(&self) -> Result<Books, FrontError> {
        Ok(self.till.forensics(|disk| Books::of(disk.orders.values(), &disk.returns))?)
    }

    /// The printed receipts, oldest first.
    #[must_use]
    pub fn receipts(&self) -> Vec<Receipt> {
        self.till.forensics(|disk| disk.receipts.clone())
    }

    /// The name of a guest that the plugin made in iiko.
    #[must_use]
    pub fn client_name(&self, client: Uuid) -> Option<String> {
        self.till.forensics(|disk| disk.clients.get(&client).cloned())
    }

    /// What waits in the outbox.
    #[must_use]
    pub fn outbox(&self) -> Vec<Record> {
        self.plugin.outbox()
    }

    /// Records that a person must look at.
    #[must_use]
    pub fn dead_records(&self) -> Vec<Record> {
        self.plugin.dead()
    }

    /// The plugin's log since it was started.
    #[must_use]
    pub fn plugin_log(&self) -> Vec<String> {
        self.plugin.log_lines()
    }

    /// What the plugin showed on the till since it was started.
    #[must_use]
    pub fn notifications(&self) -> Vec<String> {
        self.plugin.notifications()
    }

    /// The lines that the plugin logs so that an installer can copy the GUIDs into Waiter.
    #[must_use]
    pub fn payment_type_log(&self) -> Vec<String> {
        self.plugin.payment_type_log()
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &FrontConfig {
        &self.till.config
    }

    /// The way of another plugin on this till to a service.
    #[cfg(feature = "waiter-server")]
    pub(crate) fn link(&self, transport: Arc<dyn HttpTransport>) -> Link {
        Link {
            transport,
            hooks: self.till.hooks.clone(),
            clock: Arc::clone(&self.till.clock),
            power: self.till.power.clone(),
        }
    }

    fn open_order_of(&self, boot: Boot, id: Uuid) -> Result<Order, FrontError> {
        let order = self.till.order(boot, id)?.ok_or(FrontError::UnknownOrder)?;
        if order.status.is_open() { Ok(order) } else { Err(FrontError::WrongStatus(order.status)) }
    }
}
