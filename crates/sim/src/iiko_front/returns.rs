//! Returns: of a closed order, in part or whole, and without an order.

use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use super::order::{OrderStatus, Return};
use super::{FrontError, FrontSim};
use crate::fault::Point;

impl FrontSim {
    /// Returns parts of payments of a closed order, given by payment item. Each part is a return
    /// of its own: those before an error stay.
    ///
    /// Called again after a power cut, with the same parts, the same money is returned once: what
    /// iikoFront saved is counted, and what it did not save gets the same refund id.
    ///
    /// # Errors
    /// The order is locked, open or unknown, a part is larger than what is left, or the register
    /// failed; then nothing of that part happened.
    pub async fn return_order(
        &self,
        order: Uuid,
        parts: &[(Uuid, Kopecks)],
    ) -> Result<(), FrontError> {
        let boot = self.till.power.boot()?;
        let _lock = self.till.lock(boot, order)?;
        for &(item, amount) in parts {
            let stored = self.till.order(boot, order)?.ok_or(FrontError::UnknownOrder)?;
            if stored.status != OrderStatus::Closed {
                return Err(FrontError::WrongStatus(stored.status));
            }
            let row = stored.item(item).filter(|item| item.processed);
            let row = row.ok_or(FrontError::UnknownPayment)?;
            let transaction = row.transaction.ok_or(FrontError::UnknownPayment)?;
            if !amount.is_positive() || row.returned.add(amount)? > row.sum {
                return Err(FrontError::ReturnTooLarge);
            }
            self.plugin.return_payment(boot, order, transaction, amount, row.returned).await?;
            self.till.point(boot, Point::AfterReturn)?;
            let returned = row.returned.add(amount)?;
            let (transaction, type_id) = (Some(transaction), row.type_id);
            let entry = Return { transaction, order: Some(order), type_id, amount };
            self.till.disk(boot, |disk| {
                let stored = disk.orders.get_mut(&order).and_then(|order| order.item_mut(item));
                if let Some(stored) = stored {
                    stored.returned = returned;
                }
                disk.returns.push(entry);
            })?;
            // The money is back already: a receipt that fails is printed by hand.
            self.till.print(boot, Some(order), true, &[(type_id, amount)])?;
        }
        Ok(())
    }

    /// Returns whatever is left of a closed order.
    ///
    /// # Errors
    /// As [`FrontSim::return_order`].
    pub async fn return_all(&self, order: Uuid) -> Result<(), FrontError> {
        let stored = self.order(order).ok_or(FrontError::UnknownOrder)?;
        let mut parts = Vec::new();
        for item in stored.items.iter().filter(|item| item.processed) {
            parts.push((item.id, item.sum.sub(item.returned)?));
        }
        parts.retain(|(_, amount)| amount.is_positive());
        self.return_order(order, &parts).await
    }

    /// Returns money without a payment (`ReturnPaymentWithoutOrder`), for a cash session that is
    /// closed. iikoFront may name the order, but no transaction.
    ///
    /// # Errors
    /// The type is none of the plugin's, or there is no power.
    pub async fn return_without_order(
        &self,
        order: Option<Uuid>,
        type_id: Uuid,
        amount: Kopecks,
    ) -> Result<(), FrontError> {
        let boot = self.till.power.boot()?;
        let before = self.till.disk(boot, |disk| {
            let same = disk.returns.iter().filter(|entry| entry.transaction.is_none());
            let same = same.filter(|entry| entry.order == order && entry.type_id == type_id);
            Kopecks::total(same.map(|entry| entry.amount))
        })??;
        self.plugin.return_without_order(boot, order, type_id, amount, before).await?;
        self.till.point(boot, Point::AfterReturn)?;
        let entry = Return { transaction: None, order, type_id, amount };
        self.till.disk(boot, |disk| disk.returns.push(entry))?;
        self.till.print(boot, order, true, &[(type_id, amount)])?;
        Ok(())
    }
}
