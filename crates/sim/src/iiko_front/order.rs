//! What iikoFront keeps: orders, payment items, receipts, and its books.

use std::collections::{BTreeMap, BTreeSet};

use tillway_core::Kopecks;
use tillway_core::id::Uuid;
use tillway_core::money::MoneyError;

/// The state of an order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OrderStatus {
    /// Lines are being added.
    New,
    /// The bill is printed, the guest is about to pay.
    Bill,
    /// Paid, the receipt is printed.
    Closed,
    /// Deleted.
    Deleted,
}

impl OrderStatus {
    /// Whether payments may still be added.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Bill)
    }
}

/// A dish or a drink, in whole portions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderLine {
    /// Article number.
    pub sku: String,
    /// Name on the receipt.
    pub name: String,
    /// Portions.
    pub quantity: u32,
    /// The whole line, not one portion.
    pub amount: Kopecks,
}

/// What the plugin keeps on a payment item (`SetRollbackData`). iikoFront saves it with the order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rollback {
    /// The epoch of the binding under which the item was added.
    pub epoch: u32,
    /// The wallet that pays.
    pub wallet: Uuid,
    /// A hold made when the item was added.
    pub reservation: Option<Uuid>,
    /// The last attempt that was finally refused, and under which transaction id.
    pub refused: Option<(Uuid, u16)>,
}

/// One use of a payment type in an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PaymentItem {
    /// Its id in the order.
    pub id: Uuid,
    /// The payment type.
    pub type_id: Uuid,
    /// How much.
    pub sum: Kopecks,
    /// The plugin returned from `Pay`, and the item is saved so.
    pub processed: bool,
    /// Paid before the order is closed.
    pub prepay: bool,
    /// The id that `Pay` got; cancel and return get the same one.
    pub transaction: Option<Uuid>,
    /// How much was returned so far.
    pub returned: Kopecks,
    /// The plugin's data.
    pub rollback: Option<Rollback>,
}

/// An order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// Its id.
    pub id: Uuid,
    /// The number that people say.
    pub number: u32,
    /// Its state.
    pub status: OrderStatus,
    /// Dishes.
    pub lines: Vec<OrderLine>,
    /// Payments, in the order of their adding.
    pub items: Vec<PaymentItem>,
    /// Guests attached by `AddClientToOrder`.
    pub clients: BTreeSet<Uuid>,
    /// The receipt is on paper, or in the fiscal memory at least.
    pub printed: bool,
}

impl Order {
    /// The sum of the lines.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn total(&self) -> Result<Kopecks, MoneyError> {
        Kopecks::total(self.lines.iter().map(|line| line.amount))
    }

    /// What is neither paid nor prepaid.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn due(&self) -> Result<Kopecks, MoneyError> {
        let paid = self.items.iter().filter(|item| item.processed).map(|item| item.sum);
        Ok(self.total()?.sub(Kopecks::total(paid)?)?.floor_zero())
    }

    /// The sum of all payment items plus the unpaid rest (money rule F11).
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn total_for_payment(&self) -> Result<Kopecks, MoneyError> {
        let items = Kopecks::total(self.items.iter().map(|item| item.sum))?;
        items.add(self.total()?.sub(items)?.floor_zero())
    }

    /// The item that was paid under this transaction id.
    #[must_use]
    pub fn paid_by(&self, transaction: Uuid) -> Option<&PaymentItem> {
        self.items.iter().find(|item| item.processed && item.transaction == Some(transaction))
    }

    pub(crate) fn item(&self, id: Uuid) -> Option<&PaymentItem> {
        self.items.iter().find(|item| item.id == id)
    }

    pub(crate) fn item_mut(&mut self, id: Uuid) -> Option<&mut PaymentItem> {
        self.items.iter_mut().find(|item| item.id == id)
    }
}

/// A fiscal receipt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// The order, unless it is a return without one.
    pub order: Option<Uuid>,
    /// A return rather than a sale.
    pub is_return: bool,
    /// Payment type by name, and the amount.
    pub payments: Vec<(String, Kopecks)>,
}

/// A return that iikoFront saved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Return {
    /// The payment, unless it was a return without order.
    pub transaction: Option<Uuid>,
    /// The order, if there is one.
    pub order: Option<Uuid>,
    /// The payment type.
    pub type_id: Uuid,
    /// How much.
    pub amount: Kopecks,
}

/// A payment that iikoFront has as processed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Processed {
    /// Its order.
    pub order: Uuid,
    /// Its type.
    pub type_id: Uuid,
    /// How much was paid.
    pub amount: Kopecks,
    /// How much was returned, with an order and without.
    pub returned: Kopecks,
}

/// What iiko believes: the other side's books must say the same.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Books {
    /// Processed payments by transaction id.
    pub processed: BTreeMap<Uuid, Processed>,
    /// All returns, oldest first.
    pub returns: Vec<Return>,
    /// Returns without order that no payment here explains.
    pub unexplained: Kopecks,
}

/// A payment on which the two sides differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The payment.
    pub transaction: Uuid,
    /// Processed − returned in iiko.
    pub iiko: Kopecks,
    /// Captured − refunded in the service.
    pub service: Kopecks,
}

impl Books {
    pub(crate) fn of<'a>(
        orders: impl Iterator<Item = &'a Order>,
        returns: &[Return],
    ) -> Result<Self, MoneyError> {
        let mut books = Self { returns: returns.to_vec(), ..Self::default() };
        let mut by_type: BTreeMap<(Uuid, Uuid), Vec<Uuid>> = BTreeMap::new();
        for order in orders {
            for item in order.items.iter().filter(|item| item.processed) {
                let Some(transaction) = item.transaction else { continue };
                let (order, type_id) = (order.id, item.type_id);
                let returned = item.returned;
                let row = Processed { order, type_id, amount: item.sum, returned };
                books.processed.insert(transaction, row);
                by_type.entry((order, type_id)).or_default().push(transaction);
            }
        }
        for entry in returns.iter().filter(|entry| entry.transaction.is_none()) {
            let key = entry.order.map(|order| (order, entry.type_id));
            let newest_first = key.and_then(|key| by_type.get(&key)).into_iter().flatten().rev();
            let mut rest = entry.amount;
            for transaction in newest_first {
                let Some(row) = books.processed.get_mut(transaction) else { continue };
                let part = rest.min(row.amount.sub(row.returned)?);
                row.returned = row.returned.add(part)?;
                rest = rest.sub(part)?;
            }
            books.unexplained = books.unexplained.add(rest)?;
        }
        Ok(books)
    }

    /// Σ processed − Σ returned.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn net(&self) -> Result<Kopecks, MoneyError> {
        let mut net = Kopecks::ZERO.sub(self.unexplained)?;
        for row in self.processed.values() {
            net = net.add(row.amount.sub(row.returned)?)?;
        }
        Ok(net)
    }

    /// Compares with what the service has as captured − refunded per transaction. Payments with
    /// zero on both sides are no difference.
    ///
    /// # Errors
    /// When a sum does not fit.
    pub fn compare(
        &self,
        service: &BTreeMap<Uuid, Kopecks>,
    ) -> Result<Vec<Difference>, MoneyError> {
        let ids: BTreeSet<_> = self.processed.keys().chain(service.keys()).copied().collect();
        let mut found = Vec::new();
        for transaction in ids {
            let iiko = match self.processed.get(&transaction) {
                Some(row) => row.amount.sub(row.returned)?,
                None => Kopecks::ZERO,
            };
            let service = service.get(&transaction).copied().unwrap_or_default();
            if iiko != service {
                found.push(Difference { transaction, iiko, service });
            }
        }
        Ok(found)
    }
}
