//! Orders of a web shop that are collected at a till (loymax.md 13).
//!
//! The shop reserves discounts and points under a purchase and keeps its number with the order. At
//! the till the order is told under **that** number, and confirmed; what is not collected is
//! cancelled. Here are the operations of both ends; whoever performs them stores them first, as
//! [`LoyaltyProcessing`](tillway_core::port::LoyaltyProcessing) asks.

use tillway_core::Timestamp;
use tillway_core::id::Uuid;
use tillway_core::loyalty::{Answer, ChequeError, Param, ParamKind, Pay, PurchaseId, Sale};
use tillway_core::port::processing::{Command, Operation};
use tillway_core::{Kopecks, loyalty::Pin};

use super::error::ApiError;
use super::session::Session;
use super::words::Call;

/// The name of the parameter that tells the number of an order. Our choice.
pub const ORDER_NUMBER: &str = "OrderNumber";

/// An order whose discounts and points are reserved. The shop keeps it and gives it to the till.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// Its number in the shop.
    pub number: Box<str>,
    /// What is collected, the discounts of *calculate* taken off.
    pub sale: Sale,
}

/// When something is done, under which id, and by whom.
#[derive(Clone, Debug)]
pub struct Act {
    /// The operation's id.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who stands at the till.
    pub cashier: Option<Box<str>>,
}

impl Act {
    fn operation(self, command: Command) -> Operation {
        Operation { id: self.id, at: self.at, cashier: self.cashier, command }
    }
}

impl Order {
    /// An order by the answer to the *calculate* of its sale.
    ///
    /// # Errors
    /// The answer does not fit the sale: sell without loyalty.
    pub fn calculated(number: &str, mut sale: Sale, by: &Answer) -> Result<Self, ChequeError> {
        sale.cheque = sale.cheque.discounted(by)?;
        Ok(Self { number: number.into(), sale })
    }

    /// The purchase that everything about the order is told under.
    pub fn purchase(&self) -> &PurchaseId {
        &self.sale.purchase
    }

    /// The shop reserves points for it.
    pub fn reserve(&self, act: Act, amount: Kopecks, pin: Option<Pin>) -> Operation {
        act.operation(Command::Pay { sale: self.sale.clone(), amount, pin })
    }

    /// The till tells what was collected and how the rest is paid, with the number of the order.
    /// What is collected in part is cancelled and begun anew under another purchase instead.
    pub fn accrue(&self, act: Act, pays: Vec<Pay>) -> Operation {
        let mut sale = self.sale.clone();
        sale.params.retain(|param| param.name.as_ref() != ORDER_NUMBER);
        let kind = ParamKind::Text;
        sale.params.push(Param { name: ORDER_NUMBER.into(), kind, value: self.number.clone() });
        act.operation(Command::Accrue { sale, pays })
    }

    /// It is paid and collected.
    pub fn confirm(&self, act: Act) -> Operation {
        act.operation(Command::Confirm { purchase: self.purchase().clone() })
    }

    /// It is not collected: points and coupons are free again.
    pub fn cancel(&self, act: Act) -> Operation {
        act.operation(Command::Cancel { purchase: self.purchase().clone() })
    }
}

impl Session {
    /// An operator confirms a purchase of a till. A repeat is refused as confirmed.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn confirm_purchase(&self, till: &str, id: &PurchaseId) -> Result<(), ApiError> {
        self.tell(Call::ConfirmPurchase, &[till, id.as_str()], None).await
    }

    /// An operator cancels a purchase of a till. A repeat is refused as cancelled.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn cancel_purchase(&self, till: &str, id: &PurchaseId) -> Result<(), ApiError> {
        self.tell(Call::CancelPurchase, &[till, id.as_str()], None).await
    }
}
