//! The bridge by long poll: commands are read off the open flows on the till's shelf, so that
//! there is no queue of their own to lose.

use core::pin::pin;
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tillway_core::book::{Caller, Status, StreamId, StreamKind};
use tillway_core::flow::{BindingAnswer, BindingFlow, Flow, PaymentFlow, Phase, Step, Watch};
use tillway_core::id::{CommandId, GuestId, OrderId, TillId};
use tillway_core::port::{
    BridgeCommand, BridgeDesk, BridgeError, BridgeGuest, CommandKind, CommandOutcome, HeadRow,
    Query,
};
use tillway_core::time::Timestamp;

use crate::Engine;
use crate::drive::{DriveError, Folded, With};
use crate::vault::For;
use crate::wait::within;

/// The longest wait of one poll.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a command without a deadline of its own is good for.
const PATIENT: Duration = Duration::from_secs(60);
/// How many flows one poll looks at.
const SHELF_MAX: u32 = 64;

/// How long a command that was answered and is still open is left alone, so that a till that can
/// do nothing about it now does not fetch it in a hot loop.
const ANSWERED_PAUSE: Duration = Duration::from_secs(1);

/// What is known of the last few thousand commands; older ones are found on the shelf.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<(BTreeMap<CommandId, Known>, VecDeque<CommandId>)>);

/// A command's flow, and until when it is left alone, by the clock's ticks.
#[derive(Clone, Copy, Debug)]
struct Known {
    stream: StreamId,
    paused_until: Duration,
}

const RECENT_MAX: usize = 4_096;

impl Recent {
    fn put(&self, command: CommandId, stream: StreamId) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, order) = &mut *recent;
        if known.contains_key(&command) {
            return;
        }
        known.insert(command, Known { stream, paused_until: Duration::ZERO });
        order.push_back(command);
        if order.len() > RECENT_MAX
            && let Some(oldest) = order.pop_front()
        {
            known.remove(&oldest);
        }
    }

    fn get(&self, command: CommandId) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(&command).copied()
    }

    fn pause(&self, command: CommandId, until: Duration) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = recent.0.get_mut(&command) {
            known.paused_until = until;
        }
    }
}

#[async_trait]
impl BridgeDesk for Engine {
    async fn commands(
        &self,
        caller: &Caller,
        wait: Duration,
    ) -> Result<Vec<BridgeCommand>, BridgeError> {
        let till = caller.till.clone().ok_or(BridgeError::NoTill)?;
        let clock = &*self.0.ports.clock;
        let until = clock.ticks().saturating_add(wait.min(WAIT_MAX));
        let bell = self.0.tills.listen(&till);
        loop {
            let mut rung = pin!(bell.notified());
            rung.as_mut().enable();
            let mut commands = self.shelf(&till).await.map_err(|_| BridgeError::Unavailable)?;
            let now = clock.ticks();
            let left = until.saturating_sub(now);
            let paused = self.leave_paused(&mut commands, now);
            if !commands.is_empty() || left.is_zero() || self.0.stopping.load(Ordering::Acquire) {
                return Ok(commands);
            }
            within(clock, paused.map_or(left, |pause| pause.min(left)), rung).await;
        }
    }

    async fn result(
        &self,
        caller: &Caller,
        command: CommandId,
        outcome: CommandOutcome,
    ) -> Result<(), BridgeError> {
        let till = caller.till.clone().ok_or(BridgeError::NoTill)?;
        let stream = self.stream_of(&till, command).await;
        let until = self.0.ports.clock.ticks().saturating_add(ANSWERED_PAUSE);
        self.0.recent.pause(command, until);
        match stream.map_err(|_| BridgeError::Unavailable)? {
            Some(stream) if stream.kind == StreamKind::Binding => {
                self.binding_result(&till, stream, command, outcome).await
            }
            // The plugin acknowledges or cancels the payment by calls of their own.
            Some(_) => Ok(()),
            None => nobody_waits(outcome),
        }
    }
}

/// What was done is to be undone; what was not done is no more of use, and that is all.
fn nobody_waits(outcome: CommandOutcome) -> Result<(), BridgeError> {
    match outcome {
        CommandOutcome::Done => Err(BridgeError::Expired),
        _ => Ok(()),
    }
}

impl Engine {
    /// Ends every wait for commands, now and from now on: call it when the program stops, so that
    /// no long poll keeps a listener open. Nothing is lost, commands stay on their shelves.
    pub fn end_polls(&self) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.tills.ring_all();
    }

    /// Takes out what was answered just now; says how long until the first of it is due again.
    pub(crate) fn leave_paused(
        &self,
        commands: &mut Vec<BridgeCommand>,
        now: Duration,
    ) -> Option<Duration> {
        let mut first: Option<Duration> = None;
        commands.retain(|command| {
            let known = self.0.recent.get(command.id);
            let left = known.map_or(Duration::ZERO, |k| k.paused_until.saturating_sub(now));
            if !left.is_zero() {
                first = Some(first.map_or(left, |first| first.min(left)));
            }
            left.is_zero()
        });
        first
    }

    /// What waits for a till.
    pub(crate) async fn shelf(&self, till: &TillId) -> Result<Vec<BridgeCommand>, DriveError> {
        let shelf = Some(till.as_str().into());
        let query = Query { shelf, status: Some(Status::Open), ..Query::default() };
        let heads = self.store().heads(&query, None, SHELF_MAX).await?;
        let mut commands = Vec::new();
        for head in heads {
            match head.stream.kind {
                StreamKind::Binding => self.binding_commands(&head, &mut commands).await?,
                StreamKind::Payment => self.payment_commands(&head, &mut commands).await?,
                _ => {}
            }
        }
        for command in &commands {
            let stream = match &command.what {
                CommandKind::VerifyPayment { payment, .. } => StreamId::from(*payment),
                _ => StreamId::from(command.order),
            };
            self.0.recent.put(command.id, stream);
        }
        Ok(commands)
    }

    async fn binding_commands(
        &self,
        head: &HeadRow,
        commands: &mut Vec<BridgeCommand>,
    ) -> Result<(), DriveError> {
        let Folded { flow, .. } = self.folded::<BindingFlow>(head.stream).await?;
        let now = self.now();
        let epoch = Some(flow.epoch);
        for stray in &flow.strays {
            // A guest that is wanted again is not taken off.
            let wanted = matches!(&flow.phase,
                Phase::Asked(asked) if asked.payer.guest == stray.guest);
            if let (false, Some(guest)) = (wanted, self.bridge_guest(stray.guest).await?) {
                let what = CommandKind::UnbindGuest(guest);
                let (id, order) = (stray.command, flow.order);
                let (pin, deadline) = (self.0.pins.get(order, For::Unbind), PATIENT);
                commands.push(BridgeCommand { id, order, what, epoch, pin, deadline });
            }
        }
        if let Phase::Asked(asked) = &flow.phase
            && asked.not_before <= now
            && asked.deadline > now
            && let Some(guest) = self.bridge_guest(asked.payer.guest).await?
        {
            let (id, order) = (asked.command, flow.order);
            let pin = self.0.pins.get(order, For::Bind(asked.payer.guest));
            // Never longer than it was asked for, wherever the wall clock stands now.
            let deadline = asked.deadline.since(now).min(self.0.config.bridge_budget);
            let what = CommandKind::BindGuest(guest);
            commands.push(BridgeCommand { id, order, what, epoch, pin, deadline });
        }
        Ok(())
    }

    async fn payment_commands(
        &self,
        head: &HeadRow,
        commands: &mut Vec<BridgeCommand>,
    ) -> Result<(), DriveError> {
        let Folded { flow, .. } = self.folded::<PaymentFlow>(head.stream).await?;
        if let (Watch::Asked { command, .. }, Some(order)) = (&flow.watch, flow.order) {
            let what = CommandKind::VerifyPayment { payment: flow.id, amount: flow.amount };
            let (id, deadline) = (*command, PATIENT);
            commands.push(BridgeCommand { id, order, what, epoch: None, pin: None, deadline });
        }
        Ok(())
    }

    async fn bridge_guest(&self, guest: GuestId) -> Result<Option<BridgeGuest>, DriveError> {
        let guest = self.store().guest(guest).await?;
        Ok(guest.map(|guest| BridgeGuest {
            brd_client: self.0.config.brd_client(&guest.client_id),
            display_name: guest.names.display_for_iiko(&guest.client_id),
            phone: guest.phone,
            card: guest.card,
        }))
    }

    async fn binding_result(
        &self,
        till: &TillId,
        stream: StreamId,
        command: CommandId,
        outcome: CommandOutcome,
    ) -> Result<(), BridgeError> {
        let at = self.now();
        let expired = core::sync::atomic::AtomicBool::new(false);
        let decide = |flow: &BindingFlow| {
            let ours = flow.till.as_ref().is_none_or(|owner| owner == till);
            let answer = BindingAnswer { command, outcome };
            let step = ours.then(|| flow.answer(answer, at)).flatten();
            expired.store(step.is_none(), Ordering::Relaxed);
            Ok(step.unwrap_or_else(Step::nothing))
        };
        let driven = self.drive::<BindingFlow>(stream, With::default(), decide).await;
        let driven = match driven {
            Ok(driven) => driven,
            // The book closed the order or gave it to another guest meanwhile.
            Err(DriveError::Refused(_)) => return Err(BridgeError::Expired),
            Err(_) => return Err(BridgeError::Unavailable),
        };
        self.remember_commands(&driven.flow);
        self.0.orders.ring(&driven.flow.order);
        if expired.into_inner() { nobody_waits(outcome) } else { Ok(()) }
    }

    /// Remembers which flow the commands of a binding belong to.
    pub(crate) fn remember_commands(&self, flow: &BindingFlow) {
        let stream = StreamId::from(flow.order);
        if let Phase::Asked(asked) = &flow.phase {
            self.0.recent.put(asked.command, stream);
        }
        for stray in &flow.strays {
            self.0.recent.put(stray.command, stream);
        }
    }

    /// The flow of a command. After a restart it is looked for among all flows on the shelf.
    async fn stream_of(
        &self,
        till: &TillId,
        command: CommandId,
    ) -> Result<Option<StreamId>, DriveError> {
        if let Some(known) = self.0.recent.get(command) {
            return Ok(Some(known.stream));
        }
        let query = Query { shelf: Some(till.as_str().into()), ..Query::default() };
        let mut after = None;
        loop {
            let heads = self.store().heads(&query, after, SHELF_MAX).await?;
            for head in &heads {
                if self.has_command(head, command).await? {
                    return Ok(Some(head.stream));
                }
            }
            match heads.last() {
                Some(last) if heads.len() >= SHELF_MAX as usize => after = Some(last.stream),
                _ => return Ok(None),
            }
        }
    }

    async fn has_command(&self, head: &HeadRow, command: CommandId) -> Result<bool, DriveError> {
        Ok(match head.stream.kind {
            StreamKind::Binding => {
                let flow = self.folded::<BindingFlow>(head.stream).await?.flow;
                let answer = BindingAnswer { command, outcome: CommandOutcome::Done };
                flow.answer(answer, self.now()).is_some()
            }
            StreamKind::Payment => {
                let flow = self.folded::<PaymentFlow>(head.stream).await?.flow;
                matches!(flow.watch, Watch::Asked { command: asked, .. } if asked == command)
            }
            _ => false,
        })
    }

    /// Asks a binding what comes next, and does it.
    pub(crate) async fn push_on(&self, order: OrderId, at: Timestamp) -> Result<(), DriveError> {
        let decide = |flow: &BindingFlow| {
            Ok(match flow.next(at) {
                tillway_core::flow::Next::Commit(step) => step,
                _ => Step::nothing(),
            })
        };
        let stream = StreamId::from(order);
        let driven = self.drive::<BindingFlow>(stream, With::default(), decide).await?;
        self.remember_commands(&driven.flow);
        self.0.orders.ring(&order);
        if let Some(till) = &driven.flow.till {
            self.0.tills.ring(till);
        }
        Ok(())
    }
}
