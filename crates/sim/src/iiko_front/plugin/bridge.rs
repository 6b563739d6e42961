//! The bridge: commands of the service, executed in iikoFront.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tillway_core::Kopecks;
use tillway_core::id::Uuid;

use super::calls::{Call, Reply, limit};
use super::outbox::{Record, RecordKind};
use super::{Plugin, Throw};
use crate::fault::{Point, Side};
use crate::iiko_front::till::EditError;
use crate::power::{Boot, PowerCut};
use crate::wire;

/// The name of a guest in iiko is cut to this many characters.
const NAME_CHARS_MAX: usize = 60;

/// Results of this many commands are remembered, to answer a second delivery alike.
const ANSWERED_MAX: usize = 1024;

/// One turn of the bridge.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BridgeStep {
    /// Nothing came in time.
    Idle,
    /// Commands came, by their kinds, with what was answered. None: it came too late, and nothing
    /// was done or said.
    Worked(Vec<(String, Option<Outcome>)>),
    /// The service refuses this till: 401, 403, or 429 with the wait it asks for.
    Refused {
        /// The status.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// No answer, or no good one.
    NoAnswer,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is so, now or before.
    Done,
    /// The order is being edited.
    Busy,
    /// A wrong PIN, or no credential.
    Refused,
    /// No such order.
    NotFound,
    /// The order is closed or deleted.
    Closed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::NotFound => "not_found",
            Self::Closed => "closed",
        }
    }
}

impl From<EditError> for Outcome {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Busy => Self::Busy,
            EditError::Closed => Self::Closed,
            EditError::NotFound => Self::NotFound,
        }
    }
}

#[derive(Clone, Debug)]
pub(in super::super) struct Command {
    id: Uuid,
    order: Uuid,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Bind { client: Uuid, name: String, pin: Option<SecretString>, deadline: Duration },
    Unbind { client: Uuid, pin: Option<SecretString> },
    Verify { transaction: Uuid, amount: Kopecks },
}

impl Command {
    fn read(command: &Value) -> Option<Self> {
        let guest = command.get("guest");
        let client = || wire::id(guest?, "brdClientId");
        let name = || wire::text(guest?, "displayName").map(cut);
        let pin = wire::text(command, "waiterPin").map(SecretString::from);
        let epoch =
            || command.get("bindingEpoch").and_then(Value::as_u64).filter(|epoch| *epoch > 0);
        let kind = match wire::text(command, "kind")? {
            "bindGuest" => {
                epoch()?;
                let deadline = Duration::from_millis(command.get("deadlineMs")?.as_u64()?);
                Kind::Bind { client: client()?, name: name()?, pin, deadline }
            }
            "unbindGuest" => {
                epoch()?;
                Kind::Unbind { client: client()?, pin }
            }
            "verifyPayment" => Kind::Verify {
                transaction: wire::id(command, "transactionId")?,
                amount: wire::minor(command, "amountMinor")?,
            },
            _ => return None,
        };
        Some(Self {
            id: wire::id(command, "commandId")?,
            order: wire::id(command, "orderId")?,
            kind,
        })
    }

    /// The guest that it is about.
    fn client(&self) -> Option<Uuid> {
        match self.kind {
            Kind::Bind { client, .. } | Kind::Unbind { client, .. } => Some(client),
            Kind::Verify { .. } => None,
        }
    }

    fn word(&self) -> &'static str {
        match self.kind {
            Kind::Bind { .. } => "bindGuest",
            Kind::Unbind { .. } => "unbindGuest",
            Kind::Verify { .. } => "verifyPayment",
        }
    }
}

fn cut(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

impl Plugin {
    /// Asks for commands. Dropping this future is a broken connection: what was delivered is
    /// delivered again.
    pub(in super::super) async fn poll(&self, boot: Boot, wait_s: u64) -> Result<Polled, PowerCut> {
        let path = format!("/pos/v1/commands?wait={wait_s}");
        let limit = Duration::from_secs(wait_s) + limit::POLL_GRACE;
        let Reply::Answer(answer) = self.call(boot, Side::Bridge, Call::get(&path, limit)).await?
        else {
            return Ok(Polled::Nothing(BridgeStep::NoAnswer));
        };
        match answer.status {
            200 => Ok(Polled::Commands(self.commands(&answer.json), self.till.clock.ticks())),
            204 => Ok(Polled::Nothing(BridgeStep::Idle)),
            status @ (401 | 403 | 429) => {
                let retry_after = answer.retry_after;
                Ok(Polled::Nothing(BridgeStep::Refused { status, retry_after }))
            }
            _ => Ok(Polled::Nothing(BridgeStep::NoAnswer)),
        }
    }

    fn commands(&self, body: &Value) -> Vec<Command> {
        let list = body.get("commands").and_then(Value::as_array);
        let Some(list) = list.filter(|list| !list.is_empty()) else {
            self.link.hooks.violation("commands: a body without commands".into());
            return Vec::new();
        };
        let mut commands = Vec::new();
        for one in list {
            match Command::read(one) {
                Some(command) => commands.push(command),
                // The text is not repeated: it may hold a PIN.
                None => self.link.hooks.violation("commands: a command is not whole".into()),
            }
        }
        commands
    }

    /// Commands that the service pushed: the status, and the commands to carry out.
    pub(in super::super) fn pushed(
        &self,
        authorization: Option<&str>,
        body: &[u8],
    ) -> (u16, Vec<Command>) {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        if token != Some(self.till.config.token.expose_secret()) {
            return (401, Vec::new());
        }
        match serde_json::from_slice(body) {
            Ok(body) => (204, self.commands(&body)),
            Err(_) => (400, Vec::new()),
        }
    }

    /// Results that found no answer are sent again, before anything else.
    pub(in super::super) async fn send_results_again(&self, boot: Boot) -> Result<(), PowerCut> {
        let unsent = std::mem::take(&mut self.ram().unsent);
        for (command, outcome) in unsent {
            self.post_result(boot, command, outcome).await?;
        }
        Ok(())
    }

    /// Executes commands that arrived at `received`, and posts their results.
    pub(in super::super) async fn execute_all(
        &self,
        boot: Boot,
        commands: Vec<Command>,
        received: Duration,
    ) -> Result<BridgeStep, PowerCut> {
        let mut worked = Vec::new();
        for command in commands {
            let word = command.word().to_owned();
            let outcome = match self.answered(command.id) {
                Some(outcome) => Some(outcome),
                None => self.execute(boot, &command, received).await?,
            };
            worked.push((word, outcome));
            if let Some(outcome) = outcome {
                self.remember(command.id, outcome);
                if let Some(client) = command.client() {
                    self.ram().last.insert((command.order, client), command.id);
                }
                self.post_result(boot, command, outcome).await?;
            }
        }
        Ok(BridgeStep::Worked(worked))
    }

    fn answered(&self, id: Uuid) -> Option<Outcome> {
        self.ram().answered.iter().find(|(known, _)| *known == id).map(|(_, outcome)| *outcome)
    }

    fn remember(&self, id: Uuid, outcome: Outcome) {
        // "Busy" is worth another look when the command comes again.
        if outcome == Outcome::Busy {
            return;
        }
        let answered = &mut self.ram().answered;
        if answered.len() == ANSWERED_MAX {
            answered.pop_front();
        }
        answered.push_back((id, outcome));
    }

    async fn execute(
        &self,
        boot: Boot,
        command: &Command,
        received: Duration,
    ) -> Result<Option<Outcome>, PowerCut> {
        let order = command.order;
        match &command.kind {
            Kind::Bind { client, name, pin, deadline } => {
                self.till.open_in_demo(boot, order)?;
                let Some(stored) = self.till.order(boot, order)? else {
                    return Ok(Some(Outcome::NotFound));
                };
                if !stored.status.is_open() {
                    return Ok(Some(Outcome::Closed));
                }
                if stored.clients.contains(client) {
                    return Ok(Some(Outcome::Done));
                }
                if !self.may_act(pin.as_ref()) {
                    return Ok(Some(Outcome::Refused));
                }
                if self.till.clock.ticks().saturating_sub(received) >= *deadline {
                    return Ok(None);
                }
                let added = self.till.add_client(boot, order, *client, name)?;
                self.till.point(boot, Point::AfterGuest)?;
                Ok(Some(added.map_or_else(Outcome::from, |()| Outcome::Done)))
            }
            Kind::Unbind { client, pin } => {
                let stored = self.till.order(boot, order)?;
                if !stored.is_some_and(|order| order.clients.contains(client)) {
                    return Ok(Some(Outcome::Done));
                }
                if !self.may_act(pin.as_ref()) {
                    return Ok(Some(Outcome::Refused));
                }
                let removed = self.till.remove_client(boot, order, *client)?;
                self.till.point(boot, Point::AfterGuest)?;
                Ok(Some(removed.map_or_else(Outcome::from, |()| Outcome::Done)))
            }
            Kind::Verify { transaction, amount } => {
                self.verify(boot, order, *transaction, *amount).await.map(Some)
            }
        }
    }

    /// By the PIN when there is one, else by the plugin's own credential.
    fn may_act(&self, pin: Option<&SecretString>) -> bool {
        pin.map_or(self.till.config.own_credential, |pin| self.till.knows_pin(pin))
    }

    async fn verify(
        &self,
        boot: Boot,
        order: Uuid,
        transaction: Uuid,
        amount: Kopecks,
    ) -> Result<Outcome, PowerCut> {
        if self.ram().in_flight.contains(&transaction) {
            return Ok(Outcome::Busy);
        }
        let stored = self.till.order(boot, order)?;
        let paid = stored.as_ref().and_then(|order| order.paid_by(transaction));
        let record = self.outbox.of_payment(transaction);
        if paid.is_some() && record.is_some_and(|record| record.kind == RecordKind::Cancel) {
            // iikoFront is just undoing it.
            return Ok(Outcome::Busy);
        }
        if paid.is_some_and(|item| item.sum != amount) {
            self.notify(format!("payment {transaction}: the service has another amount"));
        }
        // Payments made by hand (curl) are left alone in demo mode.
        let by_hand = self.till.config.demo && !self.outbox.is_known(transaction);
        if paid.is_some() || by_hand {
            let limit = limit::OUTBOX;
            let reply = self.acknowledge_payment(boot, Side::Bridge, transaction, limit).await?;
            let record = self.outbox.of_payment(transaction);
            if let (Some(204), Some(record)) = (reply.status(), record) {
                self.outbox.delete(&record);
            }
        } else {
            self.write_cancel(boot, order, transaction, amount, "not processed in iikoFront")?;
            self.drain(boot, Side::Bridge, Some(order), limit::OUTBOX).await?;
        }
        Ok(Outcome::Done)
    }

    async fn post_result(
        &self,
        boot: Boot,
        command: Command,
        outcome: Outcome,
    ) -> Result<(), PowerCut> {
        let path = format!("/pos/v1/commands/{}/result", command.id);
        let body = json!({"outcome": outcome.word()}).to_string();
        let call = Call::post(&path, &body, limit::OUTBOX);
        match self.call(boot, Side::Bridge, call).await? {
            Reply::Answer(answer) if answer.status == 410 => {
                self.undo(boot, &command, outcome)?;
                self.put_back(boot, command, outcome).await
            }
            Reply::Answer(answer) if !answer.is_worth_repeating() => {
                if answer.status == 204 {
                    self.guest_changed(boot, &command).await?;
                }
                Ok(())
            }
            _ => {
                self.ram().unsent.push((command, outcome));
                Ok(())
            }
        }
    }

    /// Nobody waits any more, and this guest is not wanted: detach while the PIN is at hand. When
    /// the order is locked, the outbox detaches later.
    fn undo(&self, boot: Boot, command: &Command, outcome: Outcome) -> Result<(), PowerCut> {
        let (Kind::Bind { client, .. }, Outcome::Done) = (&command.kind, outcome) else {
            return Ok(());
        };
        if self.ram().last.get(&(command.order, *client)).is_some_and(|last| *last != command.id) {
            return Ok(());
        }
        let removed = self.till.remove_client(boot, command.order, *client)?;
        self.ram().answered.retain(|(id, _)| *id != command.id);
        self.ram().limits.remove(&command.order);
        if removed == Err(EditError::Busy) {
            let record = Record {
                kind: RecordKind::Unbind,
                order: Some(command.order),
                subject: Some(*client),
                amount: Kopecks::ZERO,
                path: String::new(),
                body: String::new(),
                since: self.till.clock.now(),
            };
            self.write(boot, record)?;
        }
        Ok(())
    }

    /// A guest was detached who is wanted again: attach, if the service says so now. What finds no
    /// answer, or a locked order, is told and asked again.
    async fn put_back(
        &self,
        boot: Boot,
        command: Command,
        outcome: Outcome,
    ) -> Result<(), PowerCut> {
        let (Kind::Unbind { client, .. }, Outcome::Done) = (&command.kind, outcome) else {
            return Ok(());
        };
        let last = self.ram().last.get(&(command.order, *client)).copied();
        if last.is_some_and(|last| last != command.id) {
            return Ok(());
        }
        let Some(answer) = self.order_of_service(boot, Side::Bridge, command.order).await? else {
            self.ram().unsent.push((command, outcome));
            return Ok(());
        };
        let guest = answer.json.get("guest").unwrap_or(&Value::Null);
        if wire::id(guest, "brdClientId") != Some(*client) {
            return Ok(());
        }
        let name = cut(wire::text(guest, "displayName").unwrap_or_default());
        if self.till.add_client(boot, command.order, *client, &name)? == Err(EditError::Busy) {
            self.ram().unsent.push((command, outcome));
        }
        Ok(())
    }

    /// After a bind the service learns lines and total; the cache of limits follows both ways.
    async fn guest_changed(&self, boot: Boot, command: &Command) -> Result<(), PowerCut> {
        match command.kind {
            Kind::Verify { .. } => Ok(()),
            Kind::Unbind { .. } => {
                self.ram().limits.remove(&command.order);
                Ok(())
            }
            Kind::Bind { .. } => {
                if let Some(order) = self.till.order(boot, command.order)? {
                    match self.tell_order(boot, Side::Bridge, &order).await {
                        Err(Throw::PowerCut) => return Err(PowerCut),
                        Err(Throw::Failed(why)) => self.log(why),
                        Ok(_) => {}
                    }
                }
                self.refresh(boot, Side::Bridge, command.order).await
            }
        }
    }
}

/// What a poll brought.
#[derive(Debug)]
pub(in super::super) enum Polled {
    Commands(Vec<Command>, Duration),
    Nothing(BridgeStep),
}
