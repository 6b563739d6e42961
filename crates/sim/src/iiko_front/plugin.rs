//! The thin front plugin, written from `docs/guide/front-plugin.md`.
//!
//! It talks to iikoFront through [`Till`] only, and to the service over HTTP only.

mod bridge;
mod calls;
mod drain;
mod outbox;
mod pay;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use self::bridge::{Command, Outcome};
use self::calls::{Answer, Call, Reply, limit};
use self::outbox::Outbox;
use super::config::Kind;
use super::order::{Order, PaymentItem, Rollback};
use super::till::Till;
use crate::fault::{Link, Point, Side};
use crate::power::{Boot, PowerCut};
use crate::wire;

pub(super) use self::bridge::Polled;
pub use self::bridge::{BridgeStep, Outcome as CommandOutcome};
pub use self::outbox::{Record, RecordKind};

/// How many lines of log and how many notifications are kept.
const LINES_MAX: usize = 4096;

/// How long a hold lives that is made when an item is added.
const HOLD_SECONDS: u32 = 1800;

/// What the cashier or the waiter reads.
mod text {
    pub(super) const NO_ANSWER: &str = "Нет связи с сервисом лояльности";
    pub(super) const NOT_PAID: &str = "Оплата не прошла: нет связи с сервисом лояльности";
    pub(super) const STILL_CANCELLING: &str = "Предыдущая оплата ещё отменяется";
    pub(super) const NO_GUEST: &str = "К заказу не привязан гость";
    pub(super) const NO_WALLET: &str = "У гостя нет счёта для этого типа оплаты";
    pub(super) const NOT_OURS: &str = "Тип оплаты не настроен в плагине";
    pub(super) const HOLD_USED: &str = "Бронь уже списана: удалить оплату нельзя";
}

/// What a method of the plugin throws.
#[derive(Debug)]
pub(super) enum Throw {
    /// `PaymentActionFailedException`.
    Failed(String),
    PowerCut,
}

impl From<PowerCut> for Throw {
    fn from(_: PowerCut) -> Self {
        Self::PowerCut
    }
}

fn failed(text: &str) -> Throw {
    Throw::Failed(text.to_owned())
}

#[derive(Debug)]
pub(super) struct Plugin {
    till: Arc<Till>,
    link: Link,
    outbox: Outbox,
    ram: Mutex<Ram>,
}

/// What a power cut takes.
#[derive(Debug, Default)]
struct Ram {
    /// Per order: the limits of the guest's wallets. For `CanPaySilently`.
    limits: BTreeMap<Uuid, BTreeMap<Uuid, Kopecks>>,
    /// Payments between the call of `Pay` and the saving of the item.
    in_flight: BTreeSet<Uuid>,
    answered: VecDeque<(Uuid, Outcome)>,
    unsent: Vec<(Command, Outcome)>,
    /// The last command that was carried out, per order and guest: an older one is not undone.
    last: BTreeMap<(Uuid, Uuid), Uuid>,
    log: VecDeque<String>,
    notifications: VecDeque<String>,
}

/// A wallet as `GET orders/{id}` shows it.
struct Seen {
    id: Uuid,
    kind: String,
    limit: Kopecks,
}

impl Plugin {
    pub(super) fn new(till: Arc<Till>, link: Link) -> Self {
        Self { till, link, outbox: Outbox::default(), ram: Mutex::default() }
    }

    /// The payment types in the form of the Waiter document.
    pub(super) fn payment_type_log(&self) -> Vec<String> {
        let config = &self.till.config;
        let mut lines = vec![format!("{} payment types:", config.system)];
        for one in &config.types {
            lines.push(format!("{} ({}) - ({}).", one.name, config.system, one.id));
        }
        lines
    }

    /// Start-up (guide, section 2). None of it may stop iikoFront.
    pub(super) async fn start(&self, boot: Boot) -> Result<(), PowerCut> {
        for line in self.payment_type_log() {
            self.log(line);
        }
        for one in &self.till.config.types {
            if one.kind == Kind::Bonus && !one.as_discount {
                self.notify(format!("{}: включите «Обрабатывать как скидку»", one.name));
            }
        }
        // Before anything that waits: iikoFront may call `Pay` as soon as the plugin is there.
        self.check_outbox(boot)?;
        let health = Call::get("/pos/v1/health", limit::ORDER);
        match self.call(boot, Side::Plugin, health).await?.status() {
            Some(200) => self.log("the service answers".into()),
            Some(401) => self.notify("Касса не настроена: токен не принят".into()),
            other => self.log(format!("the service does not answer well: {other:?}")),
        }
        self.tell_closed_again(boot)?;
        self.drain(boot, Side::Plugin, None, limit::OUTBOX).await?;
        let open = self.till.disk(boot, |disk| {
            let with_guest = disk.orders.values().filter(|o| o.status.is_open());
            with_guest.filter(|o| !o.clients.is_empty()).map(|o| o.id).collect::<Vec<_>>()
        })?;
        for order in open {
            self.refresh(boot, Side::Plugin, order).await?;
        }
        Ok(())
    }

    /// `CollectData`: which wallet pays, and under which epoch.
    pub(super) async fn collect_data(
        &self,
        boot: Boot,
        order: Uuid,
        type_id: Uuid,
    ) -> Result<Rollback, Throw> {
        let config = &self.till.config;
        let kind = config.payment_type(type_id).ok_or_else(|| failed(text::NOT_OURS))?.kind;
        let answer = self.order_of_service(boot, Side::Plugin, order).await?;
        let answer = answer.ok_or_else(|| failed(text::NO_ANSWER))?;
        if answer.json.get("guest").is_none() {
            return Err(failed(text::NO_GUEST));
        }
        let epoch = answer.json.get("bindingEpoch").and_then(Value::as_u64);
        let epoch = epoch.and_then(|epoch| u32::try_from(epoch).ok());
        let wallets = self.wallets(&answer);
        let wallet = wallets.iter().find(|wallet| wallet.kind == kind.word());
        match (wallet, epoch) {
            (Some(wallet), Some(epoch)) => {
                let reservation = held(&answer, wallet.id);
                Ok(Rollback { epoch, wallet: wallet.id, reservation, refused: None })
            }
            (None, _) => Err(failed(text::NO_WALLET)),
            (_, None) => {
                self.link.hooks.violation("GET orders: no bindingEpoch".into());
                Err(failed(text::NO_ANSWER))
            }
        }
    }

    /// `OnPaymentAdded`: tells lines and total, and gives the sum that the item may have: the one
    /// that Waiter set, or as much as fits.
    pub(super) async fn payment_added(
        &self,
        boot: Boot,
        order: &Order,
        item: &PaymentItem,
        remainder: Kopecks,
    ) -> Result<(Kopecks, Option<Uuid>), Throw> {
        if !self.tell_order(boot, Side::Plugin, order).await? {
            return Err(failed(text::NO_ANSWER));
        }
        let Some(rollback) = item.rollback else { return Err(failed(text::NO_GUEST)) };
        let limit = self.limit_of(order.id, rollback.wallet).unwrap_or_default();
        let wanted = if item.sum.is_zero() { remainder } else { item.sum };
        let sum = wanted.min(limit).floor_zero();
        if !self.till.config.reserve || sum.is_zero() {
            return Ok((sum, None));
        }
        let mut body = json!({
            "orderId": order.id.to_string(),
            "walletId": rollback.wallet.to_string(),
            "bindingEpoch": rollback.epoch,
            "amountMinor": sum.0,
            "orderTotalMinor": self.total(order)?.0,
            "paymentItemId": item.id.to_string(),
            "ttlSeconds": HOLD_SECONDS,
        });
        if let (Some(members), Some(old)) = (body.as_object_mut(), rollback.reservation) {
            members.insert("supersedes".into(), Value::String(old.to_string()));
        }
        let body = body.to_string();
        let key = Some(self.till.ids.fresh());
        let call = Call { key, ..Call::post("/pos/v1/reservations", &body, limit::ORDER) };
        match self.call(boot, Side::Plugin, call).await? {
            Reply::Answer(answer) if matches!(answer.status, 200 | 201) => {
                Ok((sum, wire::id(&answer.json, "reservationId")))
            }
            Reply::Answer(answer) => Err(Throw::Failed(message_of(&answer))),
            Reply::Nothing => Err(failed(text::NO_ANSWER)),
        }
    }

    /// `OnPaymentDeleting`: gives a hold back. No answer lets it go: it expires by itself.
    pub(super) async fn payment_deleting(
        &self,
        boot: Boot,
        item: &PaymentItem,
    ) -> Result<(), Throw> {
        let Some(hold) = item.rollback.and_then(|rollback| rollback.reservation) else {
            return Ok(());
        };
        let path = format!("/pos/v1/reservations/{hold}/void");
        let body = json!({"reason": "payment item removed"}).to_string();
        let call = Call::post(&path, &body, limit::ORDER);
        match self.call(boot, Side::Plugin, call).await? {
            Reply::Answer(answer) if answer.status == 409 => Err(failed(text::HOLD_USED)),
            _ => Ok(()),
        }
    }

    /// `CanPaySilently`: by the cache, without the network.
    pub(super) fn can_pay_silently(&self, order: Uuid, item: &PaymentItem) -> bool {
        let limit = item.rollback.and_then(|rollback| self.limit_of(order, rollback.wallet));
        limit.is_some_and(|limit| item.sum <= limit)
    }

    /// Puts lines and total to the service. Answers whether it took them.
    pub(super) async fn tell_order(
        &self,
        boot: Boot,
        side: Side,
        order: &Order,
    ) -> Result<bool, Throw> {
        let line = |line: &super::order::OrderLine| {
            json!({
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "amountMinor": line.amount.0,
            })
        };
        let lines: Vec<_> = order.lines.iter().map(line).collect();
        let total = order.total().map_err(|error| Throw::Failed(error.to_string()))?;
        let body = json!({"totalMinor": total.0, "lines": lines}).to_string();
        let path = format!("/pos/v1/orders/{}", order.id);
        let reply = self.call(boot, side, Call::put(&path, &body, limit::ORDER)).await?;
        Ok(reply.status() == Some(204))
    }

    /// Reads the guest's wallets anew into the cache.
    async fn refresh(&self, boot: Boot, side: Side, order: Uuid) -> Result<(), PowerCut> {
        self.order_of_service(boot, side, order).await.map(|_| ())
    }

    async fn order_of_service(
        &self,
        boot: Boot,
        side: Side,
        order: Uuid,
    ) -> Result<Option<Answer>, PowerCut> {
        let path = format!("/pos/v1/orders/{order}");
        let reply = self.call(boot, side, Call::get(&path, limit::ORDER)).await?;
        let answer = reply.ok();
        if let Some(answer) = &answer {
            let guest = answer.json.get("guest").is_some();
            let limits = self.wallets(answer).into_iter().map(|wallet| (wallet.id, wallet.limit));
            let limits = limits.filter(|_| guest).collect();
            self.ram().limits.insert(order, limits);
        }
        Ok(answer)
    }

    fn wallets(&self, answer: &Answer) -> Vec<Seen> {
        let list = answer.json.get("wallets").and_then(Value::as_array);
        let read = |wallet: &Value| {
            let seen = Some(Seen {
                id: wire::id(wallet, "walletId")?,
                kind: wire::text(wallet, "kind")?.to_owned(),
                limit: wire::minor(wallet, "limitMinor")?,
            });
            // The other promised members are read for their presence alone.
            wire::text(wallet, "role")
                .and(wire::text(wallet, "name"))
                .and(seen)
                .filter(|_| wire::minor(wallet, "availableMinor").is_some())
        };
        let read: Option<Vec<_>> = list.and_then(|list| list.iter().map(read).collect());
        read.unwrap_or_else(|| {
            self.link.hooks.violation("GET orders: a wallet is not as documented".into());
            Vec::new()
        })
    }

    fn total(&self, order: &Order) -> Result<Kopecks, Throw> {
        order.total_for_payment().map_err(|error| Throw::Failed(error.to_string()))
    }

    async fn call(&self, boot: Boot, side: Side, call: Call<'_>) -> Result<Reply, PowerCut> {
        calls::call(&self.link, &self.till.config, boot, side, call).await
    }

    /// Writes a record and syncs it.
    fn write(&self, boot: Boot, record: Record) -> Result<(), PowerCut> {
        self.till.point(boot, Point::BeforeOutbox)?;
        self.outbox.write(record);
        self.till.point(boot, Point::AfterOutbox)
    }

    fn limit_of(&self, order: Uuid, wallet: Uuid) -> Option<Kopecks> {
        self.ram().limits.get(&order)?.get(&wallet).copied()
    }

    pub(super) fn begin(&self, transaction: Uuid) {
        self.ram().in_flight.insert(transaction);
    }

    pub(super) fn end(&self, transaction: Uuid) {
        self.ram().in_flight.remove(&transaction);
    }

    /// A power cut: only the outbox is left.
    pub(super) fn forget_memory(&self) {
        *self.ram() = Ram::default();
    }

    pub(super) fn outbox(&self) -> Vec<Record> {
        self.outbox.records(None)
    }

    pub(super) fn dead(&self) -> Vec<Record> {
        self.outbox.dead()
    }

    pub(super) fn log_lines(&self) -> Vec<String> {
        self.ram().log.iter().cloned().collect()
    }

    pub(super) fn notifications(&self) -> Vec<String> {
        self.ram().notifications.iter().cloned().collect()
    }

    fn log(&self, line: String) {
        push(&mut self.ram().log, line);
    }

    fn notify(&self, line: String) {
        push(&mut self.ram().notifications, line);
    }

    async fn sleep(&self, duration: Duration) {
        self.till.clock.sleep(duration).await;
    }

    fn ram(&self) -> MutexGuard<'_, Ram> {
        self.ram.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live hold of this wallet on the order: one whose answer was lost, and that no item carries.
fn held(answer: &Answer, wallet: Uuid) -> Option<Uuid> {
    let list = answer.json.get("reservations")?.as_array()?;
    let ours = |one: &&Value| wire::id(one, "walletId") == Some(wallet);
    let held = list.iter().filter(ours).find(|one| wire::text(one, "state") == Some("held"))?;
    wire::id(held, "reservationId")
}

fn push(lines: &mut VecDeque<String>, line: String) {
    if lines.len() == LINES_MAX {
        lines.pop_front();
    }
    lines.push_back(line);
}

fn message_of(answer: &Answer) -> String {
    answer.refusal().map_or_else(|| text::NO_ANSWER.to_owned(), |refusal| refusal.message)
}
