//! Adding payments to an order and paying it.

use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use super::order::{Order, OrderStatus, PaymentItem, Receipt};
use super::{FrontError, FrontSim, TransactionIds};
use crate::fault::Point;
use crate::power::Boot;

/// Who adds a payment item, and with what sum.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Adding {
    /// The cashier, by the button of the type: as much as the wallet and the order allow.
    Cashier,
    /// Another plugin such as WaiterServer, with its own sum (`AddExternalPaymentItem`).
    External(Kopecks),
}

/// Who pays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PayMode {
    /// The cashier, on the till's screen.
    OnScreen,
    /// From afar, without a screen: every payment must be able to be silent.
    Silent,
}

impl FrontSim {
    /// Adds a payment item. The plugin names wallet and epoch; a refusal removes the item.
    ///
    /// # Errors
    /// The order is locked, closed or unknown, has such an item already, or the plugin refused.
    pub async fn add_payment(
        &self,
        order: Uuid,
        type_id: Uuid,
        adding: Adding,
    ) -> Result<Uuid, FrontError> {
        let boot = self.till.power.boot()?;
        let _lock = self.till.lock(boot, order)?;
        self.add_locked(boot, order, type_id, adding).await
    }

    async fn add_locked(
        &self,
        boot: Boot,
        order: Uuid,
        type_id: Uuid,
        adding: Adding,
    ) -> Result<Uuid, FrontError> {
        let stored = self.open_order_of(boot, order)?;
        self.till.config.payment_type(type_id).ok_or(FrontError::UnknownPayment)?;
        if stored.items.iter().any(|item| !item.processed && item.type_id == type_id) {
            return Err(FrontError::DuplicateType);
        }
        let rollback = self.plugin.collect_data(boot, order, type_id).await?;
        let sum = match adding {
            Adding::Cashier => Kopecks::ZERO,
            Adding::External(sum) => sum,
        };
        let id = self.till.ids.fresh();
        let item = PaymentItem {
            id,
            type_id,
            sum,
            processed: false,
            prepay: false,
            transaction: None,
            returned: Kopecks::ZERO,
            rollback: Some(rollback),
        };
        let items = Kopecks::total(stored.items.iter().map(|item| item.sum))?;
        let remainder = stored.total()?.sub(items)?.floor_zero();
        let added = self.plugin.payment_added(boot, &stored, &item, remainder).await?;
        let (sum, reservation) = added;
        let rollback = super::Rollback { reservation, ..rollback };
        let item = PaymentItem { sum, rollback: Some(rollback), ..item };
        self.till.save(boot, order, |order| order.items.push(item))?;
        Ok(id)
    }

    /// Removes an unprocessed payment item.
    ///
    /// # Errors
    /// The order is locked, closed or unknown, the item is processed or unknown, or the plugin
    /// forbids it.
    pub async fn remove_payment(&self, order: Uuid, item: Uuid) -> Result<(), FrontError> {
        let boot = self.till.power.boot()?;
        let _lock = self.till.lock(boot, order)?;
        self.remove_locked(boot, order, item).await
    }

    async fn remove_locked(&self, boot: Boot, order: Uuid, id: Uuid) -> Result<(), FrontError> {
        let stored = self.open_order_of(boot, order)?;
        let item = stored.item(id).filter(|item| !item.processed);
        let item = item.ok_or(FrontError::UnknownPayment)?;
        self.plugin.payment_deleting(boot, item).await?;
        self.till.save(boot, order, |order| order.items.retain(|item| item.id != id))
    }

    /// Puts these payments in the place of all unprocessed ones, as Waiter's "save" does.
    ///
    /// # Errors
    /// As [`FrontSim::add_payment`]; items added before the error stay.
    pub async fn replace_payments(
        &self,
        order: Uuid,
        payments: &[(Uuid, Kopecks)],
    ) -> Result<(), FrontError> {
        let boot = self.till.power.boot()?;
        let _lock = self.till.lock(boot, order)?;
        let stored = self.open_order_of(boot, order)?;
        for item in stored.items.iter().filter(|item| !item.processed) {
            self.remove_locked(boot, order, item.id).await?;
        }
        for (type_id, sum) in payments {
            self.add_locked(boot, order, *type_id, Adding::External(*sum)).await?;
        }
        Ok(())
    }

    /// Pays one item before the order is closed (`ProcessPrepay`).
    ///
    /// # Errors
    /// The order is locked, closed or unknown, the item is unknown, or the plugin refused.
    pub async fn prepay(&self, order: Uuid, item: Uuid) -> Result<(), FrontError> {
        let boot = self.till.power.boot()?;
        let _lock = self.till.lock(boot, order)?;
        self.open_order_of(boot, order)?;
        self.till.save(boot, order, |order| {
            let item = order.item_mut(item).filter(|item| !item.processed);
            item.map(|item| item.prepay = true).ok_or(FrontError::UnknownPayment)
        })??;
        self.process(boot, order, item, PayMode::OnScreen).await?;
        Ok(())
    }

    /// Pays and closes the order (`PayOrder`).
    ///
    /// # Errors
    /// A reason of iikoFront's, with nothing paid; [`FrontError::ProcessingFailed`] and
    /// [`FrontError::FiscalFailed`] after the payments made so far are undone; a power cut
    /// anywhere.
    pub async fn pay_order(&self, order: Uuid, mode: PayMode) -> Result<Receipt, FrontError> {
        let boot = self.till.power.boot()?;
        let _lock = self.till.lock(boot, order)?;
        let stored = self.open_order_of(boot, order)?;
        self.check_payable(&stored, mode)?;
        for item in stored.items.iter().filter(|item| !item.processed) {
            if let Err(error) = self.process(boot, order, item.id, mode).await {
                if !matches!(error, FrontError::PowerCut(_)) {
                    self.undo_processed(boot, order).await?;
                }
                return Err(error);
            }
        }
        let receipt = self.print(boot, order).await?;
        self.close(boot, order).await?;
        Ok(receipt)
    }

    fn check_payable(&self, order: &Order, mode: PayMode) -> Result<(), FrontError> {
        let total = order.total()?;
        let items = Kopecks::total(order.items.iter().map(|item| item.sum))?;
        if items < total {
            return Err(FrontError::SumNotEnough(total.sub(items)?));
        }
        if items > total {
            return Err(FrontError::SumTooLarge(items.sub(total)?));
        }
        let types =
            order.items.iter().filter_map(|item| self.till.config.payment_type(item.type_id));
        let money: Vec<_> = types.filter(|one| !one.as_discount).map(|one| one.fiscal).collect();
        if money.contains(&true) && money.contains(&false) {
            return Err(FrontError::FiscalWithNonFiscal);
        }
        let mut unprocessed = order.items.iter().filter(|item| !item.processed);
        let silent = |item: &PaymentItem| self.plugin.can_pay_silently(order.id, item);
        if mode == PayMode::Silent && !unprocessed.all(silent) {
            return Err(FrontError::NotSilent);
        }
        Ok(())
    }

    /// `Pay` of one item: processed unless the plugin throws.
    async fn process(
        &self,
        boot: Boot,
        order: Uuid,
        item: Uuid,
        mode: PayMode,
    ) -> Result<(), FrontError> {
        self.till.point(boot, Point::BeforePay)?;
        let fresh = self.till.ids.fresh();
        let kept = self.till.config.transaction_ids == TransactionIds::Kept;
        let transaction = self.till.save(boot, order, |order| {
            let item = order.item_mut(item)?;
            if kept { Some(*item.transaction.get_or_insert(fresh)) } else { Some(fresh) }
        })?;
        let stored = self.till.order(boot, order)?.ok_or(FrontError::UnknownOrder)?;
        let (Some(transaction), Some(row)) = (transaction, stored.item(item)) else {
            return Err(FrontError::UnknownPayment);
        };
        self.plugin.begin(transaction);
        let silent = mode == PayMode::Silent;
        let paid = self.plugin.pay(boot, &stored, row, transaction, silent).await;
        let saved = match paid {
            Ok(()) => self.save_processed(boot, order, item, transaction),
            Err(thrown) => Err(thrown.into()),
        };
        self.plugin.end(transaction);
        saved?;
        // The order-changed notification: the plugin acknowledges.
        Ok(self.plugin.drain_now(boot, Some(order)).await?)
    }

    fn save_processed(
        &self,
        boot: Boot,
        order: Uuid,
        item: Uuid,
        transaction: Uuid,
    ) -> Result<(), FrontError> {
        self.till.point(boot, Point::AfterPay)?;
        self.till.save(boot, order, |order| {
            if let Some(item) = order.item_mut(item) {
                item.processed = true;
                item.transaction = Some(transaction);
            }
        })?;
        Ok(self.till.point(boot, Point::AfterSave)?)
    }

    /// `EmergencyCancelPayment` for every processed payment that is no prepayment.
    async fn undo_processed(&self, boot: Boot, order: Uuid) -> Result<(), FrontError> {
        let stored = self.till.order(boot, order)?.ok_or(FrontError::UnknownOrder)?;
        for item in stored.items.iter().filter(|item| item.processed && !item.prepay) {
            let Some(transaction) = item.transaction else { continue };
            self.plugin.emergency_cancel(boot, order, item, transaction)?;
            self.till.point(boot, Point::AfterCancel)?;
            self.till.save(boot, order, |order| {
                if let Some(item) = order.item_mut(item.id) {
                    item.processed = false;
                    item.transaction = item
                        .transaction
                        .filter(|_| self.till.config.transaction_ids == TransactionIds::Kept);
                }
            })?;
            // The order-changed notification: the plugin sends the cancel.
            self.plugin.drain_now(boot, Some(order)).await?;
        }
        Ok(())
    }

    async fn print(&self, boot: Boot, order: Uuid) -> Result<Receipt, FrontError> {
        self.till.point(boot, Point::BeforePrint)?;
        let stored = self.till.order(boot, order)?.ok_or(FrontError::UnknownOrder)?;
        let payments: Vec<_> = stored.items.iter().map(|item| (item.type_id, item.sum)).collect();
        match self.till.print(boot, Some(order), false, &payments)? {
            Some(receipt) => {
                self.till.save(boot, order, |order| order.printed = true)?;
                self.till.point(boot, Point::AfterPrint)?;
                Ok(receipt)
            }
            None => {
                self.undo_processed(boot, order).await?;
                Err(FrontError::FiscalFailed)
            }
        }
    }

    async fn close(&self, boot: Boot, order: Uuid) -> Result<(), FrontError> {
        self.till.save(boot, order, |order| order.status = OrderStatus::Closed)?;
        self.till.point(boot, Point::AfterClose)?;
        let closed = self.till.order(boot, order)?.ok_or(FrontError::UnknownOrder)?;
        self.plugin.write_closed(boot, &closed)?;
        // A contact that worked is a good moment for whatever else waits.
        Ok(self.plugin.drain_now(boot, None).await?)
    }

    /// At start-up iikoFront asks the register: an order whose receipt is out is closed.
    pub(super) fn close_printed(&self, boot: Boot) -> Result<(), FrontError> {
        self.till.disk(boot, |disk| {
            let open = disk.orders.values_mut().filter(|order| order.status.is_open());
            for order in open.filter(|order| order.printed) {
                order.status = OrderStatus::Closed;
            }
        })?;
        Ok(())
    }
}
