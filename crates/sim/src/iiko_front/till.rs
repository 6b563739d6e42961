//! iikoFront itself, as a plugin sees it: orders on disk, locks in memory, staff, clients.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::port::{Clock, IdSource};

use super::FrontError;
use super::config::FrontConfig;
use super::order::{Order, OrderLine, OrderStatus, Receipt, Return};
use crate::fault::{Hooks, Point};
use crate::power::{Boot, Power, PowerCut};

/// How many orders open by themselves at most.
const DEMO_ORDERS_MAX: usize = 10_000;

/// The first number of an order that opens by itself.
const DEMO_NUMBER_FIRST: u32 = 1_000;

#[derive(Debug)]
pub(super) struct Till {
    pub(super) config: FrontConfig,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    pub(super) hooks: Hooks,
    pub(super) power: Power,
    /// Which till of its group.
    number: u32,
    /// Shared by the tills of a group.
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    disk: Disk,
    /// Which till works on an order, and how. Lost with its power.
    locks: BTreeMap<Uuid, (u32, Holder)>,
    tills: u32,
}

/// What survives a power cut.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) orders: BTreeMap<Uuid, Order>,
    /// Guests that the plugin made, by id.
    pub(super) clients: BTreeMap<Uuid, String>,
    /// Paper, and the memory of the fiscal register.
    pub(super) receipts: Vec<Receipt>,
    pub(super) returns: Vec<Return>,
    pub(super) printer_broken: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Holder {
    /// The order is open on the till's screen.
    Screen,
    /// A payment runs.
    Payment(Boot),
}

/// Why the guest was not attached or detached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EditError {
    /// `EntityAlreadyInUseException`.
    Busy,
    Closed,
    NotFound,
}

impl Till {
    pub(super) fn new(
        config: FrontConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        hooks: Hooks,
    ) -> Self {
        let state = Arc::default();
        Self { config, clock, ids, hooks, power: Power::on(), number: 0, state }
    }

    /// Another till of the same group: the same orders, guests and receipts, a power of its own.
    pub(super) fn beside(&self, config: FrontConfig, ids: Arc<dyn IdSource>, hooks: Hooks) -> Self {
        let number = {
            let mut state = self.lock_state();
            state.tills += 1;
            state.tills
        };
        let (clock, state) = (Arc::clone(&self.clock), Arc::clone(&self.state));
        Self { config, clock, ids, hooks, power: Power::on(), number, state }
    }

    pub(super) fn point(&self, boot: Boot, what: Point) -> Result<(), PowerCut> {
        self.hooks.point(what, &self.power, boot)
    }

    /// Reads or writes the disk. What is written is saved at once.
    pub(super) fn disk<T>(
        &self,
        boot: Boot,
        work: impl FnOnce(&mut Disk) -> T,
    ) -> Result<T, PowerCut> {
        self.power.check(boot)?;
        Ok(work(&mut self.lock_state().disk))
    }

    /// The disk without power: for whoever looks at the books afterwards.
    pub(super) fn forensics<T>(&self, work: impl FnOnce(&Disk) -> T) -> T {
        work(&self.lock_state().disk)
    }

    pub(super) fn order(&self, boot: Boot, id: Uuid) -> Result<Option<Order>, PowerCut> {
        self.disk(boot, |disk| disk.orders.get(&id).cloned())
    }

    /// Whether the order is on disk with this payment processed.
    pub(super) fn is_paid(
        &self,
        boot: Boot,
        order: Uuid,
        transaction: Uuid,
    ) -> Result<bool, PowerCut> {
        let stored = self.order(boot, order)?;
        Ok(stored.is_some_and(|order| order.paid_by(transaction).is_some()))
    }

    /// Changes a stored order.
    pub(super) fn save<T>(
        &self,
        boot: Boot,
        id: Uuid,
        change: impl FnOnce(&mut Order) -> T,
    ) -> Result<T, FrontError> {
        let changed = self.disk(boot, |disk| disk.orders.get_mut(&id).map(change))?;
        changed.ok_or(FrontError::UnknownOrder)
    }

    pub(super) fn forget_memory(&self) {
        self.lock_state().locks.retain(|_, (till, _)| *till != self.number);
    }

    /// Opens the order on the till's screen, or leaves it.
    pub(super) fn screen(&self, order: Uuid, open: bool) -> bool {
        let mut state = self.lock_state();
        match state.locks.get(&order) {
            Some((_, Holder::Payment(_))) => return false,
            Some((till, Holder::Screen)) if *till != self.number => return false,
            _ if open => state.locks.insert(order, (self.number, Holder::Screen)),
            _ => state.locks.remove(&order),
        };
        true
    }

    pub(super) fn is_locked(&self, order: Uuid) -> bool {
        self.lock_state().locks.contains_key(&order)
    }

    /// Keeps everybody else away from an order while the guard lives.
    pub(super) fn lock(self: &Arc<Self>, boot: Boot, order: Uuid) -> Result<Lock, FrontError> {
        self.power.check(boot)?;
        let mut state = self.lock_state();
        if state.locks.contains_key(&order) {
            return Err(FrontError::CannotLockOrder);
        }
        state.locks.insert(order, (self.number, Holder::Payment(boot)));
        Ok(Lock { till: Arc::clone(self), boot, order })
    }

    pub(super) fn knows_pin(&self, pin: &SecretString) -> bool {
        let pins = self.config.pins.iter();
        pins.map(SecretString::expose_secret).any(|known| known == pin.expose_secret())
    }

    /// Opens an order with these lines, unless it is there already.
    pub(super) fn open(
        &self,
        boot: Boot,
        id: Uuid,
        number: u32,
        lines: Vec<OrderLine>,
    ) -> Result<bool, PowerCut> {
        self.disk(boot, |disk| {
            let new = !disk.orders.contains_key(&id);
            disk.orders.entry(id).or_insert_with(|| Order {
                id,
                number,
                status: OrderStatus::New,
                lines,
                items: Vec::new(),
                clients: BTreeSet::new(),
                printed: false,
            });
            new
        })
    }

    /// In demo mode an unknown order opens by itself, so that calls made by hand work.
    pub(super) fn open_in_demo(&self, boot: Boot, id: Uuid) -> Result<(), PowerCut> {
        let known = self.disk(boot, |disk| disk.orders.len())?;
        if !self.config.demo || known >= DEMO_ORDERS_MAX {
            return Ok(());
        }
        let number = u32::try_from(known).map_or(u32::MAX, |known| DEMO_NUMBER_FIRST + known);
        self.open(boot, id, number, self.config.demo_lines.clone()).map(|_| ())
    }

    /// `AddClientToOrder`: the loyalty link, not the delivery client.
    pub(super) fn add_client(
        &self,
        boot: Boot,
        order: Uuid,
        client: Uuid,
        name: &str,
    ) -> Result<Result<(), EditError>, PowerCut> {
        self.edit(boot, order, |order| {
            order.clients.insert(client);
        })?
        .map_or_else(
            |error| Ok(Err(error)),
            |()| {
                self.disk(boot, |disk| disk.clients.insert(client, name.to_owned()))?;
                Ok(Ok(()))
            },
        )
    }

    /// `RemoveOrderClient`.
    pub(super) fn remove_client(
        &self,
        boot: Boot,
        order: Uuid,
        client: Uuid,
    ) -> Result<Result<(), EditError>, PowerCut> {
        self.edit(boot, order, |order| {
            order.clients.remove(&client);
        })
    }

    fn edit(
        &self,
        boot: Boot,
        order: Uuid,
        change: impl FnOnce(&mut Order),
    ) -> Result<Result<(), EditError>, PowerCut> {
        if self.is_locked(order) {
            self.power.check(boot)?;
            return Ok(Err(EditError::Busy));
        }
        self.disk(boot, |disk| match disk.orders.get_mut(&order) {
            None => Err(EditError::NotFound),
            Some(order) if !order.status.is_open() => Err(EditError::Closed),
            Some(order) => {
                change(order);
                Ok(())
            }
        })
    }

    /// Prints; none when the register is broken.
    pub(super) fn print(
        &self,
        boot: Boot,
        order: Option<Uuid>,
        is_return: bool,
        payments: &[(Uuid, Kopecks)],
    ) -> Result<Option<Receipt>, PowerCut> {
        let payments = payments.iter().map(|(id, sum)| (self.type_name(*id), *sum)).collect();
        let receipt = Receipt { order, is_return, payments };
        self.disk(boot, |disk| {
            if disk.printer_broken {
                return None;
            }
            disk.receipts.push(receipt.clone());
            Some(receipt)
        })
    }

    fn type_name(&self, id: Uuid) -> String {
        self.config.payment_type(id).map_or_else(|| id.to_string(), |one| one.name.clone())
    }

    pub(super) fn break_printer(&self, broken: bool) {
        self.lock_state().disk.printer_broken = broken;
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lock of an order by a payment.
#[derive(Debug)]
pub(super) struct Lock {
    till: Arc<Till>,
    boot: Boot,
    order: Uuid,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.till.lock_state();
        // After a power cut the lock is another one's.
        let ours = (self.till.number, Holder::Payment(self.boot));
        if state.locks.get(&self.order) == Some(&ours) {
            state.locks.remove(&self.order);
        }
    }
}
