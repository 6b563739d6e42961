//! What is still to be told to the processing: sent until it is answered, one message at a time.

use tillway_core::book::{Op, Refusal, Status, StreamId, StreamKind};
use tillway_core::flow::purchase::{
    Due, Message, PurchaseAnswer, PurchaseCommand, PurchaseEvent, Stage,
};
use tillway_core::flow::{Body, Flow, Next, PurchaseFlow, Step, purchase};
use tillway_core::loyalty::{Cheque, Pay, PurchaseId, Sale};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{
    Class, Command, Kind, Operation, Outcome, Refusal as Refused, SealError,
};
use tillway_core::port::{HeadRow, Query};
use tillway_core::time::Timestamp;
use tillway_core::{Kopecks, MoneyError};

use super::recipe::Back;
use super::take::{applied, message};
use super::{Points, Recipe, shelf};
use crate::Engine;
use crate::drive::{DriveError, Folded, With};

/// How many purchases one look moves.
const HEADS_MAX: u32 = 64;
/// How many steps one purchase makes in one look.
const STEPS_MAX: usize = 8;

/// Whether to go on with the next purchase.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Look {
    /// Yes.
    On,
    /// The processing does not answer: later.
    Later,
}

impl Engine {
    /// Gives up the payments that an earlier run left on their way; says how many.
    pub(crate) async fn recover_points(&self) -> usize {
        let mut moved: usize = 0;
        for head in self.purchases(None).await {
            match self.interrupted(head.stream, None).await {
                Ok(true) => moved = moved.saturating_add(1),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(stream = ?head.stream, %error, "a payment cannot be recovered");
                }
            }
        }
        moved
    }

    /// Tells the processing what is due; stops at the first message that has no answer.
    pub(crate) async fn tell_points(&self) {
        if self.points().is_none() {
            return;
        }
        for head in self.purchases(Some(self.look().at)).await {
            match self.tell_purchase(head.stream).await {
                Ok(Look::On) => {}
                Ok(Look::Later) => return,
                Err(error) => {
                    tracing::warn!(stream = ?head.stream, %error, "a purchase cannot be moved");
                }
            }
        }
    }

    async fn purchases(&self, due: Option<Timestamp>) -> Vec<HeadRow> {
        if self.points().is_none() {
            return Vec::new();
        }
        let query = Query {
            kind: Some(StreamKind::Purchase),
            status: Some(Status::Open),
            due,
            shelf: Some(shelf()),
        };
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = match self.store().heads(&query, after, HEADS_MAX).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "the open purchases cannot be listed");
                    return all;
                }
            };
            after = page.last().map(|head| head.stream);
            let whole = page.len() >= HEADS_MAX as usize;
            all.extend(page);
            // A look has an end; a start wants all of them.
            if !whole || due.is_some() {
                return all;
            }
        }
    }

    /// Gives a payment up whose messages nobody waits for any more: those of an earlier run, or
    /// with `before`, those begun before that moment.
    async fn interrupted(
        &self,
        stream: StreamId,
        before: Option<Timestamp>,
    ) -> Result<bool, DriveError> {
        let folded: Folded<PurchaseFlow> = self.folded(stream).await?;
        let Due::Interrupted(message) = folded.flow.due(self.now()) else { return Ok(false) };
        if before.is_some_and(|before| message.at > before) {
            return Ok(false);
        }
        let Some(recipe) = Recipe::read(&message.body) else { return Err(DriveError::Unreadable) };
        let lost = Outcome::InDoubt(Masked::new("interrupted"));
        let given_up = self.given_up(&recipe, message.id, lost, true).await;
        given_up.map(|()| true).map_err(|_| DriveError::Unavailable)
    }

    async fn tell_purchase(&self, stream: StreamId) -> Result<Look, DriveError> {
        let Some(points) = self.points() else { return Ok(Look::On) };
        for _ in 0..STEPS_MAX {
            let at = self.now();
            let folded: Folded<PurchaseFlow> = self.folded(stream).await?;
            let flow = &folded.flow;
            match flow.due(at) {
                Due::Interrupted(_) => {
                    let patience = points.pay_max.saturating_mul(2);
                    if !self.interrupted(stream, Some(at.before(patience))).await? {
                        return Ok(Look::On);
                    }
                }
                Due::Cancel => {
                    let id = self.0.ports.ids.fresh();
                    let cancel = message(Kind::Cancel, id, at, Kopecks::ZERO, Body::default());
                    self.wish(stream, PurchaseCommand::Queue(cancel)).await?;
                }
                Due::Anew(count) => {
                    let ids = (0..count).map(|_| self.0.ports.ids.fresh()).collect();
                    self.wish(stream, PurchaseCommand::Renew(ids)).await?;
                }
                Due::Send(message) => {
                    let message = message.clone();
                    if self.tell(points, stream, flow, &message).await? == Look::Later {
                        return Ok(Look::Later);
                    }
                }
                _ => return self.pass_time(stream, at).await,
            }
        }
        Ok(Look::On)
    }

    /// What comes of a purchase when only time passes: a person is asked at last.
    async fn pass_time(&self, stream: StreamId, at: Timestamp) -> Result<Look, DriveError> {
        let decide = |flow: &PurchaseFlow| {
            Ok(match flow.next(at) {
                Next::Commit(step) => step,
                _ => Step::nothing(),
            })
        };
        self.drive::<PurchaseFlow>(stream, With::default(), decide).await?;
        Ok(Look::On)
    }

    pub(super) async fn wish(
        &self,
        stream: StreamId,
        command: PurchaseCommand,
    ) -> Result<(), DriveError> {
        let at = self.now();
        let decide = |flow: &PurchaseFlow| flow.command(command.clone(), at);
        self.drive::<PurchaseFlow>(stream, With::default(), decide).await.map(drop)
    }

    /// Sends one message and writes down what became of it.
    async fn tell(
        &self,
        points: &Points,
        stream: StreamId,
        flow: &PurchaseFlow,
        told: &Message,
    ) -> Result<Look, DriveError> {
        let command = self.command(points, flow, told).await?;
        let sent = command.is_some();
        let outcome = match command {
            Some(command) => {
                let operation = Operation { id: told.id, at: told.at, cashier: None, command };
                match points.processing.seal(&operation) {
                    Ok(sealed) => self.send_sealed(&sealed, points.pay_max).await,
                    Err(error) => unsealed(&error),
                }
            }
            None => Outcome::Unreached(Masked::new("it is not its turn")),
        };
        let waits = matches!(outcome, Outcome::Unreached(_) | Outcome::InDoubt(_));
        let at = self.now();
        let confirm =
            message(Kind::Confirm, self.0.ports.ids.fresh(), at, Kopecks::ZERO, Body::default());
        let confirms = told.kind == Kind::Refund && agrees(told, &outcome);
        let decide = |flow: &PurchaseFlow| {
            let answer = PurchaseAnswer {
                id: told.id,
                // Another run may have sent it before.
                first: false,
                outcome: outcome.clone(),
                kept: Body::default(),
            };
            let Some(step) = flow.answer(answer, at) else { return Ok(Step::nothing()) };
            let mut events = step.events;
            let after = applied(flow, &events)?;
            if told.kind == Kind::Refund && !confirms && after.stage == Stage::Closed {
                // It is reserved, and not as the book has it, or nobody knows how.
                events.push(PurchaseEvent::Listed { at });
            }
            if confirms {
                let queued = PurchaseCommand::Queue(confirm.clone());
                events.extend(after.command(queued, at)?.events);
            }
            Ok(Step { events, ops: Vec::<Op>::new() })
        };
        self.drive::<PurchaseFlow>(stream, With::default(), decide).await?;
        Ok(if waits && sent { Look::Later } else { Look::On })
    }

    /// What a stored message asks; `None` while it has to wait for another purchase.
    async fn command(
        &self,
        points: &Points,
        flow: &PurchaseFlow,
        told: &Message,
    ) -> Result<Option<Command>, DriveError> {
        let opened = flow.opened.as_ref().ok_or(DriveError::Unreadable)?;
        let purchase = opened.purchase.clone();
        match told.kind {
            Kind::Confirm => Ok(Some(Command::Confirm { purchase })),
            Kind::Cancel => Ok(Some(Command::Cancel { purchase })),
            Kind::Accrue => {
                let noted = flow.answer_to(Kind::Pay);
                let recipe = noted.and_then(|noted| Recipe::read(&noted.answer));
                let recipe = recipe.ok_or(DriveError::Unreadable)?;
                let pays = rest(points, &recipe).map_err(|_| DriveError::Unreadable)?;
                let guest = self.store().guest(recipe.guest).await?;
                let guest = guest.and_then(|guest| points.identifier(&guest));
                let sale = Sale { guest, ..sale(purchase, recipe.cheque) };
                Ok(Some(Command::Accrue { sale, pays }))
            }
            Kind::Refund => {
                let back: Back = told.body.read().ok_or(DriveError::Unreadable)?;
                let of: Folded<PurchaseFlow> = self.folded(purchase::stream(&back.sale)).await?;
                let of = of.flow;
                if of.stage != Stage::Confirmed {
                    return Ok(None);
                }
                let transaction = of.answer_to(Kind::Pay).and_then(|noted| noted.transaction);
                let sale = sale(purchase, back.cheque);
                Ok(Some(Command::Refund { sale, of: Some(back.sale), transaction }))
            }
            _ => Err(DriveError::Refused(Refusal::PurchaseState)),
        }
    }
}

/// What cannot be made now is not made by time: a person is asked, and may say to try again.
fn unsealed(error: &SealError) -> Outcome {
    tracing::error!(%error, "a message to the processing cannot be made");
    let text = Masked::new(&error.to_string());
    Outcome::Refused(Refused { class: Class::Malformed, code: "".into(), text })
}

fn sale(purchase: PurchaseId, cheque: Cheque) -> Sale {
    Sale { purchase, guest: None, cheque, coupons: Vec::new(), params: Vec::new() }
}

/// All payments but points.
fn rest(points: &Points, recipe: &Recipe) -> Result<Vec<Pay>, MoneyError> {
    let total = Kopecks::total(recipe.cheque.lines.iter().map(|line| line.amount))?;
    let amount = total.sub(recipe.amount)?;
    let kind = points.rest.clone().filter(|_| amount.is_positive());
    Ok(kind.map(|kind| Pay { kind, amount, details: None }).into_iter().collect())
}

/// Whether as many points go back as the book gave back, a kopeck a line aside. What does not agree
/// is not confirmed: nobody decides, and a person is asked (F8).
fn agrees(told: &Message, outcome: &Outcome) -> bool {
    let (Outcome::Done(answer), Some(back)) = (outcome, told.body.read::<Back>()) else {
        return false;
    };
    let lines = i64::try_from(back.cheque.lines.len()).unwrap_or(0);
    let differs = answer.amount.unwrap_or_default().sub(back.amount);
    differs.is_ok_and(|by| by.0.unsigned_abs() <= lines.unsigned_abs())
}
