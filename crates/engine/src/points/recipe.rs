//! What a purchase remembers of its payment, and how an order becomes a cheque.

use minicbor::{Decode, Encode};
use tillway_core::Kopecks;
use tillway_core::fiscal::Quantity;
use tillway_core::flow::Body;
use tillway_core::id::{AccountId, GuestId, OrderId, PaymentId};
use tillway_core::loyalty::{Cheque, Goods, Line, PurchaseId};
use tillway_core::money::MoneyError;
use tillway_core::port::OrderLine;
use tillway_core::time::Timestamp;

/// What a payment is about: stands in the messages before it is taken, and with the answer after.
/// Nothing personal is in it; who the guest is for the processing is looked up when it is asked.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub(super) struct Recipe {
    #[n(0)]
    pub(super) payment: PaymentId,
    #[n(1)]
    pub(super) attempt: u16,
    #[n(2)]
    pub(super) order: OrderId,
    #[n(3)]
    pub(super) guest: GuestId,
    #[n(4)]
    pub(super) account: AccountId,
    #[n(5)]
    pub(super) amount: Kopecks,
    #[n(6)]
    pub(super) cheque: Cheque,
}

/// What goes back of a payment.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub(super) struct Back {
    /// The purchase of the sale.
    #[n(0)]
    pub(super) sale: PurchaseId,
    #[n(1)]
    pub(super) amount: Kopecks,
    #[n(2)]
    pub(super) cheque: Cheque,
}

impl Recipe {
    pub(super) fn body(&self) -> Body {
        Body::of(self)
    }

    pub(super) fn read(body: &Body) -> Option<Self> {
        body.read()
    }

    /// The share of the cheque that goes back with this much of the points, after `before`. Parts
    /// in any cut are together the cheque. A line too small to be divided goes with the last part.
    pub(super) fn back(&self, before: Kopecks, amount: Kopecks) -> Result<Cheque, MoneyError> {
        let after = before.add(amount)?;
        let part = |whole: i64| -> Result<i64, MoneyError> {
            let share = |of: Kopecks| Kopecks(whole).share(of.0, self.amount.0);
            Ok(share(after)?.sub(share(before)?)?.0)
        };
        let mut lines = Vec::with_capacity(self.cheque.lines.len());
        for line in &self.cheque.lines {
            let Ok(quantity) = Quantity::from_micro(part(line.quantity.micro())?) else { continue };
            let amount = Kopecks(part(line.amount.0)?);
            lines.push(Line { quantity, amount, discount: None, ..line.clone() });
        }
        Ok(Cheque { lines, ..self.cheque.clone() })
    }
}

/// The cheque of an order; `None` when a processing cannot be told it.
pub(super) fn cheque(lines: &[OrderLine], at: Timestamp) -> Option<Cheque> {
    let line = |(position, line): (u32, &OrderLine)| {
        // A dish without an article number is told by its name: the cheque has to be whole.
        let code = if line.sku.is_empty() { &line.name } else { &line.sku };
        let (goods, name) = (Goods::Code(code.clone()), Some(line.name.clone()));
        Some(Line {
            position,
            goods,
            name: name.filter(|name| !name.is_empty()),
            price: Some(line.price),
            quantity: Quantity::try_new(line.quantity).ok()?,
            amount: line.amount,
            discount: None,
            cashback: None,
            correction: None,
            promo: false,
            price_min: None,
            params: Vec::new(),
        })
    };
    let lines = (1..).zip(lines).map(line).collect::<Option<Vec<_>>>()?;
    let cheque = Cheque { number: None, at, lines };
    cheque.check().is_ok().then_some(cheque)
}
