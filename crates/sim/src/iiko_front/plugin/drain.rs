//! Emptying the outbox, and what is checked at start-up.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::json;
use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use super::Plugin;
use super::calls::{Answer, Call, Reply, limit};
use super::outbox::{Record, RecordKind};
use crate::fault::Side;
use crate::iiko_front::order::{Order, OrderStatus};
use crate::power::{Boot, PowerCut};

/// What became of a record.
enum Fate {
    Delivered,
    /// Later; the records of the same order behind it wait.
    Stays,
    /// Not its turn; nobody waits for it.
    Passed,
    /// Repeating will not help: a person looks.
    Dead(String),
}

impl Plugin {
    /// Sends what waits, of one order or of all, as outside of a payment.
    pub(in super::super) async fn drain_now(
        &self,
        boot: Boot,
        order: Option<Uuid>,
    ) -> Result<(), PowerCut> {
        self.drain(boot, Side::Plugin, order, limit::OUTBOX).await
    }

    /// Sends what waits, in the order of its making per order.
    pub(super) async fn drain(
        &self,
        boot: Boot,
        side: Side,
        order: Option<Uuid>,
        limit: Duration,
    ) -> Result<(), PowerCut> {
        let mut blocked = BTreeSet::new();
        for record in self.outbox.records(order) {
            if blocked.contains(&record.order) {
                continue;
            }
            match self.deliver(boot, side, &record, limit).await? {
                Fate::Passed => {}
                Fate::Stays => drop(blocked.insert(record.order)),
                Fate::Delivered => {
                    self.outbox.delete(&record);
                    self.after_delivery(boot, &record)?;
                }
                Fate::Dead(why) => {
                    self.outbox.bury(&record);
                    self.notify(format!("{:?} {}: {why}", record.kind, record.path));
                }
            }
        }
        Ok(())
    }

    async fn deliver(
        &self,
        boot: Boot,
        side: Side,
        record: &Record,
        limit: Duration,
    ) -> Result<Fate, PowerCut> {
        match record.kind {
            RecordKind::Sending => self.acknowledge(boot, side, record, limit).await,
            RecordKind::Unbind => self.unbind_here(boot, record),
            RecordKind::Refund | RecordKind::UnlinkedRefund => {
                let call = Call::put(&record.path, &record.body, limit);
                Ok(fate(&self.call(boot, side, call).await?))
            }
            // iikoFront has not saved the undo yet, and may die before it does: the payment stands.
            RecordKind::Cancel if self.is_processed(boot, record)? => Ok(Fate::Passed),
            RecordKind::Cancel | RecordKind::Closed => {
                let call =
                    Call { method: Method::POST, ..Call::put(&record.path, &record.body, limit) };
                Ok(fate(&self.call(boot, side, call).await?))
            }
        }
    }

    /// Whether iikoFront has the payment of a record.
    fn is_processed(&self, boot: Boot, record: &Record) -> Result<bool, PowerCut> {
        match (record.order, record.subject) {
            (Some(order), Some(transaction)) => self.till.is_paid(boot, order, transaction),
            _ => Ok(false),
        }
    }

    /// A capture is done with when iikoFront has the item as processed and the service knows.
    async fn acknowledge(
        &self,
        boot: Boot,
        side: Side,
        record: &Record,
        limit: Duration,
    ) -> Result<Fate, PowerCut> {
        let (Some(order), Some(transaction)) = (record.order, record.subject) else {
            return Ok(Fate::Dead("the record names no payment".into()));
        };
        let in_flight = self.ram().in_flight.contains(&transaction);
        if in_flight || !self.till.is_paid(boot, order, transaction)? {
            return Ok(Fate::Passed);
        }
        Ok(fate(&self.acknowledge_payment(boot, side, transaction, limit).await?))
    }

    pub(super) async fn acknowledge_payment(
        &self,
        boot: Boot,
        side: Side,
        transaction: Uuid,
        limit: Duration,
    ) -> Result<Reply, PowerCut> {
        let path = format!("/pos/v1/payments/{transaction}/acknowledge");
        self.call(boot, side, Call::post(&path, "", limit)).await
    }

    /// Detaches a guest that an undone command left on the till.
    fn unbind_here(&self, boot: Boot, record: &Record) -> Result<Fate, PowerCut> {
        let (Some(order), Some(client)) = (record.order, record.subject) else {
            return Ok(Fate::Dead("the record names no guest".into()));
        };
        if !self.till.config.own_credential {
            return Ok(Fate::Dead("no credential to detach the guest".into()));
        }
        Ok(match self.till.remove_client(boot, order, client)? {
            Err(super::super::till::EditError::Busy) => Fate::Stays,
            _ => Fate::Delivered,
        })
    }

    fn after_delivery(&self, boot: Boot, record: &Record) -> Result<(), PowerCut> {
        match (record.kind, record.order, record.subject) {
            (RecordKind::Closed, Some(order), _) => self.outbox.note_told(order),
            (RecordKind::Cancel, Some(order), Some(transaction)) => {
                // While a payment runs, iikoFront is just undoing it.
                let locked = self.till.is_locked(order);
                if !locked && self.till.is_paid(boot, order, transaction)? {
                    self.notify(format!(
                        "Оплата {transaction} отменена, но в заказе она проведена: проверьте заказ"
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Start-up: the order is the truth. A capture whose item is not processed is turned into a
    /// cancel, and a cancel whose item is processed (iikoFront died before it saved the undo) into
    /// a capture to acknowledge.
    pub(super) fn check_outbox(&self, boot: Boot) -> Result<(), PowerCut> {
        for record in self.outbox.records(None) {
            let (Some(order), Some(transaction)) = (record.order, record.subject) else { continue };
            // A payment that began after the start is none that was lost.
            if self.ram().in_flight.contains(&transaction) {
                continue;
            }
            match (record.kind, self.is_processed(boot, &record)?) {
                (RecordKind::Sending, false) => {
                    self.log(format!("payment {transaction}: not in order {order}, cancelled"));
                    let why = "lost at a restart";
                    self.write_cancel(boot, order, transaction, record.amount, why)?;
                }
                (RecordKind::Cancel, true) => {
                    self.log(format!("payment {transaction}: still in order {order}, kept"));
                    self.write(boot, Record { kind: RecordKind::Sending, ..record })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Start-up: the event of a closed order is lost with the power, so orders whose close was
    /// not delivered are told again. A repeat changes nothing.
    pub(super) fn tell_closed_again(&self, boot: Boot) -> Result<(), PowerCut> {
        let closed = self.till.disk(boot, |disk| {
            let orders = disk.orders.values().filter(|one| one.status == OrderStatus::Closed);
            orders.cloned().collect::<Vec<_>>()
        })?;
        for order in closed {
            let waits = self.outbox.has(RecordKind::Closed, order.id);
            if !waits && !self.outbox.is_told(order.id) {
                self.write_closed(boot, &order)?;
            }
        }
        Ok(())
    }

    /// Writes the record of a closed order. Orders that never met a guest are none of ours.
    pub(in super::super) fn write_closed(&self, boot: Boot, order: &Order) -> Result<(), PowerCut> {
        let config = &self.till.config;
        let ours = order.items.iter().filter(|item| config.payment_type(item.type_id).is_some());
        let paid = ours.filter(|item| item.processed);
        let row = |item: &super::super::order::PaymentItem| {
            let transaction = item.transaction?.to_string();
            Some(json!({"transactionId": transaction, "amountMinor": item.sum.0}))
        };
        let payments: Vec<_> = paid.filter_map(row).collect();
        if payments.is_empty() && order.clients.is_empty() {
            return Ok(());
        }
        let now = self.till.clock.now();
        // The sum of the lines was checked when they were set.
        let total = order.total().unwrap_or_default();
        let body = json!({
            "closedAt": now.to_string(),
            "totalMinor": total.0,
            "payments": payments,
        });
        let record = Record {
            kind: RecordKind::Closed,
            order: Some(order.id),
            subject: None,
            amount: Kopecks::ZERO,
            path: format!("/pos/v1/orders/{}/closed", order.id),
            body: body.to_string(),
            since: now,
        };
        self.write(boot, record)
    }
}

fn fate(reply: &Reply) -> Fate {
    match reply {
        Reply::Nothing => Fate::Stays,
        Reply::Answer(answer) if (200..300).contains(&answer.status) => Fate::Delivered,
        Reply::Answer(answer) if answer.is_worth_repeating() => Fate::Stays,
        Reply::Answer(answer) => Fate::Dead(reason(answer)),
    }
}

fn reason(answer: &Answer) -> String {
    answer.refusal().map_or_else(|| answer.status.to_string(), |refusal| refusal.code)
}
