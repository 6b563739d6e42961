//! Points are taken for an order: written, asked, captured; or given up.

use core::time::Duration;

use tillway_core::book::{
    Caller, Expiry, Key, Op, OrderGuard, Outcome as Booked, PaymentState, Refusal, StreamId,
};
use tillway_core::flow::purchase::{
    Message, Opened, PurchaseAnswer, PurchaseCommand, PurchaseEvent, Stage, What,
};
use tillway_core::flow::{Body, Flow, PaymentFlow, PurchaseFlow, Step, purchase};
use tillway_core::id::{HoldId, Uuid};
use tillway_core::loyalty::{Answer, Cheque, PurchaseId, Sale};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Class, Command, Kind, Operation, Outcome};
use tillway_core::port::{CaptureRequest, PayError, PaymentDesk, PaymentView, Replayable};
use tillway_core::time::Timestamp;
use tillway_core::{Account, AccountKind, Kopecks};

use super::{Recipe, TILL, bring, purchase_of};
use crate::Engine;
use crate::drive::{DriveError, Driven, Folded, With};
use crate::payment::{WRITE_MAX, push_step};
use crate::wait::within;

/// What is kept of the caller's time for the answer.
const MARGIN: Duration = Duration::from_millis(500);

/// A payment with points that was written down.
struct Taking {
    recipe: Recipe,
    sale: Sale,
    key: Key,
    guard: OrderGuard,
    /// The *calculate*.
    asked: Uuid,
    /// By the clock's ticks.
    give_up: Duration,
}

/// How it ended at the processing.
enum End {
    /// The points are reserved; how many the guest has left.
    Paid(Box<Answer>, Option<Kopecks>),
    /// They are not.
    Refused(Outcome, Refusal),
    /// Nobody knows, or nobody was reached.
    Lost(Outcome),
}

impl Taking {
    fn stream(&self) -> StreamId {
        purchase::stream(&self.sale.purchase)
    }

    fn hold(&self) -> HoldId {
        super::hold_of(&self.recipe)
    }

    fn with(&self) -> With {
        With { key: Some(self.key), guard: Some(self.guard.clone()) }
    }
}

impl Engine {
    /// Takes points; goes on when the caller does not wait any longer.
    pub(crate) async fn capture_points(
        &self,
        caller: &Caller,
        request: CaptureRequest,
        key: Key,
        guard: OrderGuard,
    ) -> Result<Replayable<PaymentView>, PayError> {
        let most = self.budget(caller, WRITE_MAX).saturating_sub(MARGIN);
        let (engine, asks) = (self.clone(), caller.clone());
        let run = self.outlive("points", async move {
            engine.take_points(&asks, request, key, guard, most).await
        });
        let answer = within(&*self.0.ports.clock, most, run).await.flatten();
        // The book is slow, not the processing: it may still be captured.
        answer.unwrap_or(Err(PayError::Unavailable))
    }

    async fn take_points(
        &self,
        caller: &Caller,
        request: CaptureRequest,
        key: Key,
        guard: OrderGuard,
        most: Duration,
    ) -> Result<Replayable<PaymentView>, PayError> {
        let (id, with) = (request.id, With { key: Some(key), guard: Some(guard.clone()) });
        let row = self.store().payment(id).await.map_err(crate::payment::unavailable)?;
        let open = |row: &tillway_core::book::Payment| {
            matches!(row.state, PaymentState::Refused(_)) && row.attempt < key.attempt
        };
        if row.is_some_and(|row| !open(&row)) {
            // Answered before: the key says how it stands.
            self.write(with, vec![capture(&request)]).await.map_err(in_words_of_points)?;
            return Ok(Replayable { state: self.payment(caller, id).await?, replayed: true });
        }
        let pay_max = self.points().map_or(Duration::ZERO, |points| points.pay_max).min(most);
        let give_up = self.0.ports.clock.ticks().saturating_add(pay_max.saturating_sub(MARGIN));
        let taking = self.begin_taking(&request, key, guard, give_up).await?;
        match self.ask_for_points(&taking).await? {
            (asked, End::Paid(answer, left)) => {
                self.captured(caller, request, &taking, asked, *answer, left).await
            }
            (asked, End::Refused(outcome, refusal)) => {
                let refused = self.write(taking.with(), vec![Op::Refuse(refusal)]).await;
                let (answer, forbid) = match refused {
                    Err(PayError::Refused(refusal)) => (refusal.into(), false),
                    // A refusal that is not stored would leave the id without an answer for ever.
                    _ => (PayError::TimedOut, true),
                };
                self.given_up(&taking.recipe, asked, outcome, forbid).await?;
                Err(answer)
            }
            (asked, End::Lost(outcome)) => {
                self.given_up(&taking.recipe, asked, outcome, true).await?;
                Err(PayError::TimedOut)
            }
        }
    }

    /// Brings the points in, holds them under the order's rules, and writes down what is asked.
    async fn begin_taking(
        &self,
        request: &CaptureRequest,
        key: Key,
        guard: OrderGuard,
        give_up: Duration,
    ) -> Result<Taking, PayError> {
        let with = With { key: Some(key), guard: Some(guard.clone()) };
        let id = purchase_of(request.id, key.attempt);
        let sheet = self.store().sheet(request.order).await.map_err(crate::payment::unavailable)?;
        let taken = |sheet: &tillway_core::port::Sheet| {
            sheet.order.live.captured.of(AccountKind::Bonus).is_positive()
        };
        let sheet = sheet.filter(|sheet| !taken(sheet));
        let sale = sheet.as_ref().and_then(|sheet| self.sale(sheet, id));
        let guest = sheet.as_ref().and_then(|sheet| Some(sheet.guest.as_ref()?.id));
        let (Some(sale), Some(guest)) = (sale, guest) else {
            let refusal = Refusal::InsufficientFunds { limit: Kopecks::ZERO };
            self.write(with, vec![Op::Refuse(refusal)]).await?;
            return Err(PayError::Unavailable);
        };
        let recipe = Recipe {
            payment: request.id,
            attempt: key.attempt,
            order: request.order,
            guest,
            account: request.wallet,
            amount: request.amount,
            cheque: sale.cheque.clone(),
        };
        let asked = self.0.ports.ids.fresh();
        let taking = Taking { recipe, sale, key, guard, asked, give_up };
        self.write_down(&taking).await?;
        Ok(taking)
    }

    async fn write_down(&self, taking: &Taking) -> Result<(), PayError> {
        let (at, recipe) = (self.now(), &taking.recipe);
        let opened = Opened {
            purchase: taking.sale.purchase.clone(),
            till: TILL.into(),
            what: What::Sale,
            total: recipe.amount,
            replaces: None,
            patience_ms: self.patience_ms(),
            at,
        };
        let message = message(Kind::Calculate, taking.asked, at, recipe.amount, recipe.body());
        let ops = [
            bring(recipe.account, recipe.amount, recipe.payment.0),
            Op::Hold {
                id: taking.hold(),
                order: recipe.order,
                account: recipe.account,
                amount: recipe.amount,
                expiry: Expiry::WithOwner,
                supersedes: None,
            },
        ];
        let decide = |flow: &PurchaseFlow| {
            if flow.opened.is_some() {
                return Err(Refusal::PurchaseState);
            }
            let commands =
                [PurchaseCommand::Open(opened.clone()), PurchaseCommand::Queue(message.clone())];
            Ok(Step { events: chained(flow, commands, at)?, ops: ops.to_vec() })
        };
        match self.drive::<PurchaseFlow>(taking.stream(), taking.with(), decide).await {
            Ok(_) => Ok(()),
            // The first request with this id is on its way, or what it left is being given up.
            Err(DriveError::Refused(Refusal::PurchaseState)) => Err(PayError::InProgress),
            Err(error) => Err(in_words_of_points(error.into())),
        }
    }

    /// *Calculate*, then *pay*; says which message ended it.
    async fn ask_for_points(&self, taking: &Taking) -> Result<(Uuid, End), PayError> {
        let sale = taking.sale.clone();
        let wish = Some(taking.recipe.amount);
        let outcome = self.ask(taking, taking.asked, Command::Calculate { sale, wish }).await;
        let calculated = match outcome {
            Outcome::Done(answer) => answer,
            other => return Ok((taking.asked, ended(other))),
        };
        let Ok(cheque) = taking.recipe.cheque.discounted(&calculated) else {
            let why = Masked::new("the discounts do not add up");
            return Ok((taking.asked, End::Lost(Outcome::InDoubt(why))));
        };
        let allowed = calculated.amount.unwrap_or(taking.recipe.amount);
        if allowed < taking.recipe.amount {
            let refusal = Refusal::InsufficientFunds { limit: allowed.floor_zero() };
            return Ok((taking.asked, End::Refused(Outcome::Done(calculated), refusal)));
        }
        self.pay(taking, cheque, calculated).await
    }

    async fn pay(
        &self,
        taking: &Taking,
        cheque: Cheque,
        calculated: Box<Answer>,
    ) -> Result<(Uuid, End), PayError> {
        let (id, at, amount) = (self.0.ports.ids.fresh(), self.now(), taking.recipe.amount);
        let recipe = Recipe { cheque: cheque.clone(), ..taking.recipe.clone() };
        let pay = PurchaseCommand::Queue(message(Kind::Pay, id, at, amount, recipe.body()));
        let balance = calculated.balance;
        let heard = Heard { id: taking.asked, outcome: Outcome::Done(calculated), kept: false };
        let next = |_: &PurchaseFlow| Some(pay.clone());
        match self.heard(taking.stream(), heard, With::default(), Vec::new(), next).await {
            Ok(_) => {}
            // Another run gave it up meanwhile.
            Err(DriveError::Refused(Refusal::PurchaseState)) => return Err(PayError::TimedOut),
            Err(error) => return Err(error.into()),
        }
        let sale = Sale { cheque, ..taking.sale.clone() };
        let outcome = self.ask(taking, id, Command::Pay { sale, amount, pin: None }).await;
        let end = match outcome {
            Outcome::Done(answer) if answer.amount == Some(amount) => {
                let points = answer.points.unwrap_or(amount);
                let left = balance.and_then(|balance| balance.sub(points).ok());
                End::Paid(answer, left)
            }
            // Another amount than the guest agreed to.
            Outcome::Done(answer) => {
                let limit = answer.amount.unwrap_or_default().floor_zero();
                End::Refused(Outcome::Done(answer), Refusal::InsufficientFunds { limit })
            }
            other => ended(other),
        };
        Ok((id, end))
    }

    async fn ask(&self, taking: &Taking, id: Uuid, command: Command) -> Outcome {
        let operation = Operation { id, at: self.now(), cashier: None, command };
        let left = taking.give_up.saturating_sub(self.0.ports.clock.ticks());
        self.send_points(&operation, left).await
    }

    /// The points are reserved: takes them in the book, or gives them back there.
    async fn captured(
        &self,
        caller: &Caller,
        request: CaptureRequest,
        taking: &Taking,
        asked: Uuid,
        answer: Answer,
        left: Option<Kopecks>,
    ) -> Result<Replayable<PaymentView>, PayError> {
        let ops =
            self.capture_ops(caller, CaptureRequest { hold: Some(taking.hold()), ..request })?;
        let outcome = Outcome::Done(Box::new(answer));
        let heard = Heard { id: asked, outcome: outcome.clone(), kept: true };
        let taken = self.heard(taking.stream(), heard, taking.with(), ops, |_| None).await;
        let refusal = match taken {
            Ok(driven) => match driven.outcomes.into_iter().next() {
                Some(Booked::Payment(payment, account)) => {
                    let shown =
                        |row: Account| Account { balance: left.unwrap_or(row.balance), ..row };
                    let account = account.map(|row| shown(*row));
                    let state = PaymentView { payment: *payment, account };
                    return Ok(Replayable { state, replayed: false });
                }
                _ => return Err(PayError::Unavailable),
            },
            // Another run gave it up meanwhile.
            Err(DriveError::Refused(Refusal::PurchaseState)) => return Err(PayError::TimedOut),
            Err(DriveError::Refused(refusal)) => refusal,
            Err(error) => return Err(error.into()),
        };
        self.given_up(&taking.recipe, asked, outcome, false).await?;
        Err(refusal.into())
    }

    /// Ends a payment that is not taken: what was held and brought in goes back, and the purchase
    /// is cancelled. `forbid` cancels the transaction too, so that it is never captured.
    pub(super) async fn given_up(
        &self,
        recipe: &Recipe,
        asked: Uuid,
        outcome: Outcome,
        forbid: bool,
    ) -> Result<(), PayError> {
        let id = purchase_of(recipe.payment, recipe.attempt);
        let stream = purchase::stream(&PurchaseId::from(id));
        let mut ops = vec![Op::Void { hold: super::hold_of(recipe) }];
        ops.extend(self.taken_out(recipe.account, recipe.amount, recipe.payment.0).await?);
        if forbid {
            ops.extend(self.forbidden(recipe).await?);
        }
        let cancel = message(
            Kind::Cancel,
            self.0.ports.ids.fresh(),
            self.now(),
            Kopecks::ZERO,
            Body::default(),
        );
        let undo = |flow: &PurchaseFlow| undoing(flow, &cancel);
        let heard = Heard { id: asked, outcome, kept: false };
        match self.heard(stream, heard, With::default(), ops, undo).await {
            Ok(_) | Err(DriveError::Refused(Refusal::PurchaseState)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The transaction's tombstone; nothing where a later attempt was captured meanwhile.
    async fn forbidden(&self, recipe: &Recipe) -> Result<Vec<Op>, PayError> {
        let stream = StreamId::from(recipe.payment);
        let paid: Folded<PaymentFlow> = self.folded(stream).await?;
        if paid.flow.order.is_some() {
            return Ok(Vec::new());
        }
        let mut ops = vec![Op::Cancel { id: recipe.payment, order: recipe.order, till: None }];
        push_step(&mut ops, stream, &paid, &Step::nothing())?;
        Ok(ops)
    }

    /// Writes down what became of the first message, what follows, and what it means for the book:
    /// one commit. [`Refusal::PurchaseState`] when somebody else did.
    async fn heard(
        &self,
        stream: StreamId,
        heard: Heard,
        with: With,
        ops: Vec<Op>,
        next: impl Fn(&PurchaseFlow) -> Option<PurchaseCommand> + Send + Sync,
    ) -> Result<Driven<PurchaseFlow>, DriveError> {
        let at = self.now();
        let decide = |flow: &PurchaseFlow| {
            let head = flow.queue.front().filter(|head| head.message.id == heard.id);
            let body = head.map(|head| head.message.body.clone()).ok_or(Refusal::PurchaseState)?;
            let kept = if heard.kept { body } else { Body::default() };
            let (id, first, outcome) = (heard.id, true, heard.outcome.clone());
            let answer = PurchaseAnswer { id, first, outcome, kept };
            let step = flow.answer(answer, at).ok_or(Refusal::PurchaseState)?;
            let mut events = step.events;
            let after = applied(flow, &events)?;
            if let Some(command) = next(&after) {
                events.extend(after.command(command, at)?.events);
            }
            Ok(Step { events, ops: ops.clone() })
        };
        self.drive::<PurchaseFlow>(stream, with, decide).await
    }
}

/// The hold of another payment on its way is nothing that a till knows of: no points are left.
fn in_words_of_points(error: PayError) -> PayError {
    match error {
        PayError::Refused(Refusal::HoldExists { .. }) => {
            Refusal::InsufficientFunds { limit: Kopecks::ZERO }.into()
        }
        other => other,
    }
}

/// What became of a message.
struct Heard {
    id: Uuid,
    outcome: Outcome,
    /// The recipe in it is kept with the answer.
    kept: bool,
}

fn capture(request: &CaptureRequest) -> Op {
    let CaptureRequest { id, order, wallet: account, amount, .. } = *request;
    Op::Capture { id, order, account, amount, hold: None }
}

pub(super) fn message(kind: Kind, id: Uuid, at: Timestamp, amount: Kopecks, body: Body) -> Message {
    Message { id, kind, at, amount, body }
}

/// What is left to do for a purchase that is not wanted.
pub(super) fn undoing(flow: &PurchaseFlow, cancel: &Message) -> Option<PurchaseCommand> {
    if flow.stage == Stage::Open && !flow.is_told() {
        return Some(PurchaseCommand::Forget);
    }
    flow.may(Kind::Cancel).then(|| PurchaseCommand::Queue(cancel.clone()))
}

/// The flow after these events, which it made itself.
pub(super) fn applied(
    flow: &PurchaseFlow,
    events: &[PurchaseEvent],
) -> Result<PurchaseFlow, Refusal> {
    let mut after = flow.clone();
    for event in events {
        after.apply(event).map_err(|_| Refusal::PurchaseState)?;
    }
    Ok(after)
}

/// The events of several commands, each given to what the one before left.
pub(super) fn chained(
    flow: &PurchaseFlow,
    commands: impl IntoIterator<Item = PurchaseCommand>,
    at: Timestamp,
) -> Result<Vec<PurchaseEvent>, Refusal> {
    let mut events = Vec::new();
    for command in commands {
        let step = applied(flow, &events)?.command(command, at)?;
        events.extend(step.events);
    }
    Ok(events)
}

/// What an answer that is not a yes means for the payment.
fn ended(outcome: Outcome) -> End {
    let Outcome::Refused(refusal) = &outcome else { return End::Lost(outcome) };
    let none = Refusal::InsufficientFunds { limit: Kopecks::ZERO };
    let refused = match refusal.class {
        Class::UnknownGuest => Refusal::UnknownWallet,
        Class::CardBlocked | Class::AccrualOnly | Class::WrongPin => Refusal::AccountBlocked,
        // What it came to is not known, or it is not the guest's affair.
        Class::Repeated | Class::Pending | Class::Unavailable | Class::AlreadyPaid => {
            return End::Lost(outcome);
        }
        _ => none,
    };
    End::Refused(outcome, refused)
}
