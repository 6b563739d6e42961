//! `Pay`, `EmergencyCancelPayment` and the returns.

use std::time::Duration;

use serde_json::{Value, json};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use super::calls::{Answer, Call, Refusal, Reply, limit};
use super::outbox::{Record, RecordKind};
use super::{Plugin, Throw, failed, text};
use crate::fault::Side;
use crate::iiko_front::order::{Order, PaymentItem, Rollback};
use crate::power::{Boot, PowerCut};
use crate::wire;

/// How often a capture is sent within one `Pay`.
const TRIES: u32 = 2;

/// The whole of one `Pay`.
const BUDGET: Duration = Duration::from_secs(14);

/// What is known of a capture.
enum Known {
    Captured,
    /// The service stored a refusal.
    Refused(Refusal),
    /// Anything may have happened. With a text from the service, if it sent one.
    Doubt(Option<String>),
}

/// One call of `Pay`.
#[derive(Clone, Copy)]
struct Capture<'a> {
    order: &'a Order,
    item: &'a PaymentItem,
    transaction: Uuid,
    attempt: u16,
}

impl Plugin {
    /// `Pay` and `PaySilently`.
    pub(in super::super) async fn pay(
        &self,
        boot: Boot,
        order: &Order,
        item: &PaymentItem,
        transaction: Uuid,
        silent: bool,
    ) -> Result<(), Throw> {
        if self.outbox.has(RecordKind::Cancel, order.id) {
            self.drain(boot, Side::Plugin, Some(order.id), limit::CANCEL).await?;
            if self.outbox.has(RecordKind::Cancel, order.id) {
                return Err(failed(text::STILL_CANCELLING));
            }
        }
        let rollback = item.rollback.ok_or_else(|| failed(text::NO_GUEST))?;
        let attempt = match rollback.refused {
            Some((same, attempt)) if same == transaction => attempt.saturating_add(1),
            _ => 1,
        };
        let capture = Capture { order, item, transaction, attempt };
        let body = self.capture_body(capture, rollback, silent)?;
        let path = format!("/pos/v1/payments/{transaction}");
        let record = Record {
            kind: RecordKind::Sending,
            order: Some(order.id),
            subject: Some(transaction),
            amount: item.sum,
            path: path.clone(),
            body,
            since: self.till.clock.now(),
        };
        self.write(boot, record.clone())?;
        let doubt = match self.send_capture(boot, capture, &record).await? {
            Known::Captured => return Ok(()),
            Known::Refused(refusal) => return self.refused(boot, capture, &record, refusal).await,
            Known::Doubt(said) => said,
        };
        match self.ask(boot, capture, &path).await? {
            Known::Captured => Ok(()),
            Known::Refused(refusal) => self.refused(boot, capture, &record, refusal).await,
            Known::Doubt(_) => self.give_up(boot, capture, doubt).await,
        }
    }

    fn capture_body(
        &self,
        capture: Capture<'_>,
        rollback: Rollback,
        silent: bool,
    ) -> Result<String, Throw> {
        let Capture { order, item, attempt, .. } = capture;
        let today: String = self.till.clock.now().to_string().chars().take(10).collect();
        let mut body = json!({
            "orderId": order.id.to_string(),
            "walletId": rollback.wallet.to_string(),
            "bindingEpoch": rollback.epoch,
            "attempt": attempt,
            "amountMinor": item.sum.0,
            "orderTotalMinor": self.total(order)?.0,
            "orderNumber": order.number,
            "paymentTypeId": item.type_id.to_string(),
            "prepay": item.prepay,
            "silent": silent,
            "cashier": self.till.config.cashier,
            "businessDate": today,
        });
        if let (Some(members), Some(hold)) = (body.as_object_mut(), rollback.reservation) {
            members.insert("reservationId".into(), Value::String(hold.to_string()));
        }
        Ok(body.to_string())
    }

    /// The same request, two times at most.
    async fn send_capture(
        &self,
        boot: Boot,
        capture: Capture<'_>,
        record: &Record,
    ) -> Result<Known, PowerCut> {
        let began = self.till.clock.ticks();
        let mut said = None;
        for _ in 0..TRIES {
            let call = Call::put(&record.path, &record.body, limit::CAPTURE);
            let Reply::Answer(answer) = self.call(boot, Side::Plugin, call).await? else {
                continue;
            };
            if matches!(answer.status, 200 | 201) {
                if self.is_captured(capture, &answer, true) {
                    return Ok(Known::Captured);
                }
                break;
            }
            let refusal = answer.refusal();
            match refusal {
                Some(refusal) if refusal.is_final => return Ok(Known::Refused(refusal)),
                Some(refusal) => {
                    let again = refusal.code == "in_progress" || answer.status >= 500;
                    said = Some(refusal.message);
                    if answer.status == 429 && self.can_wait(began, answer.retry_after) {
                        self.sleep(answer.retry_after.unwrap_or_default()).await;
                    } else if !again {
                        break;
                    }
                }
                None if answer.status >= 500 => {}
                None => break,
            }
        }
        Ok(Known::Doubt(said))
    }

    /// Whether another try, the question and the cancel still fit after this wait.
    fn can_wait(&self, began: Duration, wait: Option<Duration>) -> bool {
        let spent = self.till.clock.ticks().saturating_sub(began);
        let left = BUDGET.saturating_sub(limit::CAPTURE + limit::ASK + limit::CANCEL);
        wait.is_some_and(|wait| spent + wait <= left)
    }

    /// Only the word `captured` is a yes; the rest of the answer must fit the request.
    fn is_captured(&self, capture: Capture<'_>, answer: &Answer, is_put: bool) -> bool {
        let json = &answer.json;
        if wire::text(json, "state") != Some("captured") {
            return false;
        }
        let parts = wire::minor(json, "ownPartMinor")
            .zip(wire::minor(json, "overdraftPartMinor"))
            .and_then(|(own, overdraft)| own.add(overdraft).ok());
        let wallet = capture.item.rollback.map(|rollback| rollback.wallet);
        let whole = wire::id(json, "transactionId") == Some(capture.transaction)
            && wire::minor(json, "amountMinor") == Some(capture.item.sum)
            && parts == Some(capture.item.sum)
            && wire::id(json, "walletId") == wallet
            && wire::text(json, "kind").is_some()
            && (!is_put || (answer.status == 200) == answer.replay);
        if !whole {
            let path = format!("payments/{}", capture.transaction);
            self.link.hooks.violation(format!("{path}: captured, but not as asked: {json}"));
        }
        true
    }

    async fn ask(&self, boot: Boot, capture: Capture<'_>, path: &str) -> Result<Known, PowerCut> {
        let reply = self.call(boot, Side::Plugin, Call::get(path, limit::ASK)).await?;
        let Some(answer) = reply.ok() else { return Ok(Known::Doubt(None)) };
        if self.is_captured(capture, &answer, false) {
            return Ok(Known::Captured);
        }
        let error = answer.json.get("error").and_then(Refusal::read);
        match (wire::text(&answer.json, "state"), error) {
            (Some("refused"), Some(refusal)) if refusal.is_final => Ok(Known::Refused(refusal)),
            _ => Ok(Known::Doubt(None)),
        }
    }

    /// A stored refusal: nothing was taken, and nothing can be taken under this attempt.
    async fn refused(
        &self,
        boot: Boot,
        capture: Capture<'_>,
        record: &Record,
        refusal: Refusal,
    ) -> Result<(), Throw> {
        let Capture { order, item, transaction, attempt } = capture;
        self.log(format!("payment {transaction} order {}: refused, {}", order.id, refusal.code));
        self.outbox.delete(record);
        // An item that Waiter replaced in the meantime has nothing to remember.
        let _ = self.till.save(boot, order.id, |order| {
            let rollback = order.item_mut(item.id).and_then(|item| item.rollback.as_mut());
            if let Some(rollback) = rollback {
                rollback.refused = Some((transaction, attempt));
            }
        });
        if refusal.code == "over_total" {
            self.cancel_lost(boot, order.id, &refusal.payments).await?;
        }
        Err(Throw::Failed(refusal.message))
    }

    /// Captures of this order that iikoFront does not have: charges that it lost.
    async fn cancel_lost(&self, boot: Boot, order: Uuid, counted: &[Uuid]) -> Result<(), PowerCut> {
        let Some(stored) = self.till.order(boot, order)? else { return Ok(()) };
        for &transaction in counted {
            // In demo mode a person may have paid by hand; those payments are left alone.
            let ours = !self.till.config.demo || self.outbox.is_known(transaction);
            let in_flight = self.ram().in_flight.contains(&transaction);
            if ours && !in_flight && stored.paid_by(transaction).is_none() {
                self.write_cancel(boot, order, transaction, Kopecks::ZERO, "unknown to iikoFront")?;
            }
        }
        self.drain(boot, Side::Plugin, Some(order), limit::CANCEL).await
    }

    async fn give_up(
        &self,
        boot: Boot,
        capture: Capture<'_>,
        said: Option<String>,
    ) -> Result<(), Throw> {
        let Capture { order, item, transaction, .. } = capture;
        self.log(format!("payment {transaction} order {}: in doubt, cancelled", order.id));
        self.write_cancel(boot, order.id, transaction, item.sum, "no answer")?;
        self.drain(boot, Side::Plugin, Some(order.id), limit::CANCEL).await?;
        Err(Throw::Failed(said.unwrap_or_else(|| text::NOT_PAID.to_owned())))
    }

    pub(super) fn write_cancel(
        &self,
        boot: Boot,
        order: Uuid,
        transaction: Uuid,
        amount: Kopecks,
        reason: &str,
    ) -> Result<(), PowerCut> {
        let record = Record {
            kind: RecordKind::Cancel,
            order: Some(order),
            subject: Some(transaction),
            amount,
            path: format!("/pos/v1/payments/{transaction}/cancel"),
            body: json!({"orderId": order.to_string(), "reason": reason}).to_string(),
            since: self.till.clock.now(),
        };
        self.write(boot, record)
    }

    /// `EmergencyCancelPayment`: done as soon as it is durable here. It is sent when iikoFront has
    /// saved the undo.
    pub(in super::super) fn emergency_cancel(
        &self,
        boot: Boot,
        order: Uuid,
        item: &PaymentItem,
        transaction: Uuid,
    ) -> Result<(), PowerCut> {
        self.write_cancel(boot, order, transaction, item.sum, "emergency cancel")
    }

    /// `ReturnPayment`: done as soon as it is durable here.
    pub(in super::super) async fn return_payment(
        &self,
        boot: Boot,
        order: Uuid,
        transaction: Uuid,
        amount: Kopecks,
        before: Kopecks,
    ) -> Result<(), PowerCut> {
        let refund = refund_id(transaction, before, amount);
        let body = json!({
            "amountMinor": amount.0,
            "refundedBeforeMinor": before.0,
            "reason": "return on the till",
        });
        let record = Record {
            kind: RecordKind::Refund,
            order: Some(order),
            subject: Some(transaction),
            amount,
            path: format!("/pos/v1/payments/{transaction}/refunds/{refund}"),
            body: body.to_string(),
            since: self.till.clock.now(),
        };
        self.write(boot, record)?;
        self.drain(boot, Side::Plugin, Some(order), limit::OUTBOX).await
    }

    /// `ReturnPaymentWithoutOrder`.
    pub(in super::super) async fn return_without_order(
        &self,
        boot: Boot,
        order: Option<Uuid>,
        type_id: Uuid,
        amount: Kopecks,
        before: Kopecks,
    ) -> Result<(), Throw> {
        let config = &self.till.config;
        let kind = config.payment_type(type_id).ok_or_else(|| failed(text::NOT_OURS))?.kind;
        let refund = match order {
            Some(order) => unlinked_refund_id(order, type_id, before, amount),
            None => self.till.ids.fresh(),
        };
        let mut body = json!({
            "paymentTypeId": type_id.to_string(),
            "role": kind.word(),
            "amountMinor": amount.0,
            "refundedBeforeMinor": before.0,
        });
        if let (Some(members), Some(order)) = (body.as_object_mut(), order) {
            members.insert("orderId".into(), Value::String(order.to_string()));
        }
        let record = Record {
            kind: RecordKind::UnlinkedRefund,
            order,
            subject: None,
            amount,
            path: format!("/pos/v1/unlinked-refunds/{refund}"),
            body: body.to_string(),
            since: self.till.clock.now(),
        };
        self.write(boot, record)?;
        Ok(self.drain(boot, Side::Plugin, order, limit::OUTBOX).await?)
    }
}

/// The same return has the same id, whoever asks for it and how often.
fn refund_id(transaction: Uuid, before: Kopecks, amount: Kopecks) -> Uuid {
    Uuid::new_v5(&transaction, format!("{}:{}", before.0, amount.0).as_bytes())
}

fn unlinked_refund_id(order: Uuid, type_id: Uuid, before: Kopecks, amount: Kopecks) -> Uuid {
    Uuid::new_v5(&order, format!("{type_id}:{}:{}", before.0, amount.0).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iiko_front::{DEPOSIT_TYPE, ORDER_82};

    #[test]
    fn refund_ids_are_those_of_the_documents() {
        let transaction = Uuid::from_u128(0x9a3b6d2e_0a64_4f3e_8f0f_5c1d9e2b7a10);
        let id = refund_id(transaction, Kopecks::ZERO, Kopecks(30_000));
        assert_eq!(id.to_string(), "843854ad-59c1-53b8-b545-b848e64d4819");
        let id = unlinked_refund_id(ORDER_82, DEPOSIT_TYPE, Kopecks::ZERO, Kopecks(90_000));
        assert_eq!(id.to_string(), "19ec7873-63d3-55fe-915f-4a4b1c85127f");
    }
}
