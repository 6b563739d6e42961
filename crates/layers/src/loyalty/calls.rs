//! What a till asks while the guest waits.

use core::time::Duration;

use tillway_core::Kopecks;
use tillway_core::flow::purchase::{
    Opened, PIN_TRIES_MAX, PurchaseCommand, Stage, Trouble, What, stream,
};
use tillway_core::loyalty::{Answer, Cheque, Identifier, Pay, Pin, PurchaseId, Sale};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Class, Command, Kind, Operation, Outcome, Sealed};

use super::private::Private;
use super::send::{Pushed, failure};
use super::stream::{Entry, SUCCESSORS_MAX};
use super::{Calculated, Loyalty, Paid, Reason, Settled, Standing, Without};

/// How often *calculate* and *pay* are asked again because another operation of the purchase runs,
/// and how long after.
const CONFLICTS_MAX: u32 = 3;
const CONFLICT_WAIT: Duration = Duration::from_secs(1);
/// How often points are told under another number because the processing has another cheque.
const ACCRUALS_MAX: u32 = 2;

/// What is told of a sale or a refund under its own number.
struct Asked {
    purchase: PurchaseId,
    what: What,
    total: Kopecks,
    command: Command,
}

impl Loyalty {
    /// How many points a guest has. Reads only.
    ///
    /// # Errors
    /// [`Without`]: do not show it.
    pub async fn balance(
        &self,
        guest: Identifier,
        cashier: Option<&str>,
    ) -> Result<Answer, Without> {
        self.call(self.read(Command::Balance { guest }, cashier)).await
    }

    /// How many points may be taken. Reads only.
    ///
    /// # Errors
    /// [`Without`]: offer none.
    pub async fn available(&self, sale: &Sale, cashier: Option<&str>) -> Result<Answer, Without> {
        self.call(async {
            let (purchase, _) = self.current(&sale.purchase, cashier).await?;
            let sale = Sale { purchase, ..sale.clone() };
            self.read(Command::Available { sale }, cashier).await
        })
        .await
    }

    /// The discounts on a cheque; again whenever the cheque changes.
    ///
    /// A refusal leaves the sale as it was: calculate again without the card or the coupon. After
    /// no answer the sale goes on under another number, at the prices of the till.
    ///
    /// # Errors
    /// [`Without`]: sell without discounts.
    pub async fn calculate(
        &self,
        sale: &Sale,
        wish: Option<Kopecks>,
        cashier: Option<&str>,
    ) -> Result<Calculated, Without> {
        self.call(async {
            let (purchase, mut entry) = self.current(&sale.purchase, cashier).await?;
            let told = Sale { purchase: purchase.clone(), ..sale.clone() };
            let command = Command::Calculate { sale: told, wish };
            let asked = Asked { purchase, what: What::Sale, total: total(&sale.cheque)?, command };
            let check = |answer: &Answer| sale.cheque.discounted(answer).is_ok();
            let answer = self.once(&mut entry, sale, asked, check, cashier).await?;
            let cheque = sale.cheque.discounted(&answer);
            let cheque = cheque.map_err(|_| Without::because(Reason::NoAnswer))?;
            Ok(Calculated { cheque, answer })
        })
        .await
    }

    /// Reserves points for a sale whose discounts are taken off. A repeat is answered as before.
    ///
    /// A wrong PIN may be entered three times. After no answer nothing is taken: the purchase is
    /// cancelled, the guest pays the full sum, and the sale goes on under another number. The PIN
    /// is in no journal.
    ///
    /// # Errors
    /// [`Without`]: take no points.
    pub async fn pay(
        &self,
        sale: &Sale,
        amount: Kopecks,
        pin: Option<Pin>,
        cashier: Option<&str>,
    ) -> Result<Paid, Without> {
        self.call(async {
            let (purchase, mut entry) = self.current(&sale.purchase, cashier).await?;
            if let (Stage::Paid, Some(points)) = (entry.flow.stage, entry.flow.paid) {
                let answer = Box::new(self.kept(&entry, Kind::Pay));
                return Ok(Paid { amount: points.amount, answer });
            }
            let told = Sale { purchase: purchase.clone(), ..sale.clone() };
            let command = Command::Pay { sale: told, amount, pin };
            let asked = Asked { purchase, what: What::Sale, total: total(&sale.cheque)?, command };
            let check = |answer: &Answer| adds_up(answer, amount);
            let answer = self.once(&mut entry, sale, asked, check, cashier).await?;
            Ok(Paid { amount: answer.amount.unwrap_or(amount), answer })
        })
        .await
    }

    /// Tells the final cheque and its payments, before the receipt: its answer is printed on it.
    /// A repeat is answered as before, also when it names other payments; one with other lines is
    /// [`Reason::State`].
    ///
    /// # Errors
    /// [`Without`]: no points are earned. With points reserved for it the sale is the cashier's to
    /// decide: cancel it and take the full sum, or confirm it for a person to look at.
    pub async fn accrue(
        &self,
        sale: &Sale,
        pays: &[Pay],
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        self.call(async {
            let mut failed = Without::because(Reason::State);
            for _ in 0..ACCRUALS_MAX {
                let (purchase, mut entry) = self.current(&sale.purchase, cashier).await?;
                let told = Sale { purchase: purchase.clone(), ..sale.clone() };
                let command = Command::Accrue { sale: told, pays: pays.to_vec() };
                let total = total(&sale.cheque)?;
                let asked = Asked { purchase, what: What::Sale, total, command };
                match self.reserve(&mut entry, sale, asked, cashier).await {
                    // The processing has another cheque under that number.
                    Err(why) if entry.flow.torn => failed = why,
                    other => return other,
                }
            }
            Err(failed)
        })
        .await
    }

    /// Asks for goods to be given back. `sale` has a number of its own and the lines that come back.
    ///
    /// The answer says how much returns as points; what is left is money. On [`Settled::Later`] this
    /// is not known: confirm when the sale had no points in it; when it had, cancel, and ask again
    /// under another number.
    ///
    /// # Errors
    /// [`Without`]: the processing knows nothing of it.
    pub async fn refund(
        &self,
        sale: &Sale,
        of: Option<&PurchaseId>,
        transaction: Option<i64>,
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        self.call(async {
            let (purchase, mut entry) = self.current(&sale.purchase, cashier).await?;
            let of = match of {
                Some(of) => Some(self.current(of, cashier).await?.0),
                None => None,
            };
            let told = Sale { purchase: purchase.clone(), ..sale.clone() };
            let command = Command::Refund { sale: told, of, transaction };
            let total = total(&sale.cheque)?;
            let asked = Asked { purchase, what: What::Refund, total, command };
            let settled = self.reserve(&mut entry, sale, asked, cashier).await?;
            Ok(match settled {
                // It is reserved, and the answer is lost: how much is money is not known.
                Settled::Done(_) if entry.flow.answer_to(Kind::Refund).is_none() => {
                    Settled::Later(Without::because(Reason::NoAnswer))
                }
                other => other,
            })
        })
        .await
    }

    /// Issues a card, or replaces one. `operation` is the till's own number for it: a repeat is
    /// answered as before.
    ///
    /// # Errors
    /// [`Without`]: no card was issued, and none will be.
    pub async fn card(
        &self,
        operation: &PurchaseId,
        guest: Option<Identifier>,
        old: Option<Box<str>>,
        new: Identifier,
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        self.call(async {
            let (purchase, mut entry) = self.current(operation, cashier).await?;
            if entry.flow.stage == Stage::New {
                self.shut().map_or(Ok(()), Err)?;
            }
            let command = Command::Card { guest, old, new };
            let asked = Asked { purchase, what: What::Card, total: Kopecks::ZERO, command };
            let commands = self.opening(&entry, operation, &asked);
            self.queue_up(&mut entry, commands, asked.command, cashier).await
        })
        .await
    }

    /// Makes a sale or a refund final: after full payment and the receipt. A repeat changes nothing.
    ///
    /// # Errors
    /// [`Without`]: nothing was accrued, or it is over otherwise; [`Reason::Journal`] and
    /// [`Reason::Slow`]: repeat it, or what it was about is listed for a person.
    pub async fn confirm(
        &self,
        purchase: &PurchaseId,
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        self.end(purchase, Kind::Confirm, cashier).await
    }

    /// Takes all of a sale or a refund back that is not confirmed. A repeat changes nothing; what
    /// the processing never heard of is forgotten.
    ///
    /// # Errors
    /// As [`Self::confirm`].
    pub async fn cancel(
        &self,
        purchase: &PurchaseId,
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        self.end(purchase, Kind::Cancel, cashier).await
    }

    /// How a sale stands, with all that was answered: for a till that was restarted.
    ///
    /// # Errors
    /// [`Without`]: the journal cannot be read.
    pub async fn standing(&self, purchase: &PurchaseId) -> Result<Standing, Without> {
        self.call(async {
            let (now, entry) = self.current(purchase, None).await?;
            let kinds: Vec<Kind> = entry.flow.noted.iter().map(|(kind, _)| *kind).collect();
            let mut answers: Vec<_> =
                kinds.into_iter().map(|kind| (kind, self.kept(&entry, kind))).collect();
            if entry.flow.answer_to(Kind::Calculate).is_none() {
                let granted = self.granted_before(purchase, &now).await?;
                answers.splice(0..0, granted.map(|granted| (Kind::Calculate, granted)));
            }
            Ok(Standing {
                purchase: now,
                stage: entry.flow.stage,
                paid: entry.flow.paid,
                waiting: waiting(&entry),
                answers,
            })
        })
        .await
    }

    /// What was granted last under a number that was torn since: the processing computed it, so it
    /// still holds (loymax.md 9.3).
    async fn granted_before(
        &self,
        sale: &PurchaseId,
        now: &PurchaseId,
    ) -> Result<Option<Answer>, Without> {
        let (mut id, mut granted) = (sale.clone(), None);
        for _ in 0..SUCCESSORS_MAX {
            if id == *now {
                break;
            }
            let entry = self.load(stream(&id)).await?;
            if entry.flow.answer_to(Kind::Calculate).is_some() {
                granted = Some(self.kept(&entry, Kind::Calculate));
            }
            let Some(next) = entry.flow.successor() else { break };
            id = next;
        }
        Ok(granted)
    }

    /// Something that leaves nothing behind.
    async fn read(&self, command: Command, cashier: Option<&str>) -> Result<Answer, Without> {
        self.shut().map_or(Ok(()), Err)?;
        let (id, at) = (self.ids.fresh(), self.clock.now());
        let private = Private::of(&command);
        let operation = Operation { id, at, cashier: cashier.map(Into::into), command };
        let sealed = self.processing.seal(&operation).map_err(|error| Without {
            reason: Reason::Message,
            said: Some(Masked::new(&error.to_string())),
        })?;
        match self.send(&sealed, &private, false).await {
            Outcome::Done(answer) => Ok(*answer),
            other => Err(failure(&other).unwrap_or(Without::because(Reason::NoAnswer))),
        }
    }

    /// What opens a purchase that is new.
    fn opening(&self, entry: &Entry, told_as: &PurchaseId, asked: &Asked) -> Vec<PurchaseCommand> {
        if entry.flow.stage != Stage::New {
            return Vec::new();
        }
        let replaces = (*told_as != asked.purchase).then(|| told_as.clone());
        let patience_ms = u64::try_from(self.config.decide_within.as_millis()).unwrap_or(u64::MAX);
        vec![PurchaseCommand::Open(Opened {
            purchase: asked.purchase.clone(),
            till: self.config.till.clone(),
            what: asked.what,
            total: asked.total,
            replaces,
            patience_ms,
            at: self.clock.now(),
        })]
    }

    /// Asks what is never asked twice: *calculate* and *pay*.
    async fn once(
        &self,
        entry: &mut Entry,
        sale: &Sale,
        asked: Asked,
        believable: impl Fn(&Answer) -> bool,
        cashier: Option<&str>,
    ) -> Result<Box<Answer>, Without> {
        self.busy(true);
        let kind = asked.command.kind();
        let new = entry.flow.stage == Stage::New;
        if !new && !entry.flow.may(kind) {
            let pins = kind == Kind::Pay && entry.flow.wrong_pins() >= PIN_TRIES_MAX;
            return Err(Without::because(if pins { Reason::Pins } else { Reason::State }));
        }
        // Without a link there is nothing to write down, but a cheque that the processing has and
        // that changed since.
        let stale = kind == Kind::Calculate && entry.flow.stage == Stage::Calculated;
        if let (Some(why), false) = (self.shut(), stale) {
            return Err(why);
        }
        let mut commands = self.opening(entry, &sale.purchase, &asked);
        let private = Private::of(&asked.command);
        let (message, sealed) = self.message(entry.stream.id, asked.command, cashier)?;
        let id = message.id;
        commands.push(PurchaseCommand::Queue(message));
        self.ask(entry, commands).await?;
        let outcome = match self.shut() {
            Some(_) => Outcome::Unreached(Masked::new("no link")),
            None => self.send_once(&sealed, &private).await,
        };
        let outcome = match outcome {
            Outcome::Done(answer) if !believable(&answer) => {
                Outcome::InDoubt(Masked::new("the answer does not add up"))
            }
            other => other,
        };
        let told = outcome.clone();
        self.answered(entry, id, true, outcome, cashier).await?;
        match told {
            Outcome::Done(answer) => Ok(answer),
            other => Err(failure(&other).unwrap_or(Without::because(Reason::NoAnswer))),
        }
    }

    /// Sends it; again only when the processing says that it did not look at it.
    async fn send_once(&self, sealed: &Sealed, private: &Private) -> Outcome {
        let mut outcome = self.send(sealed, private, false).await;
        for _ in 0..CONFLICTS_MAX {
            match &outcome {
                Outcome::Refused(why) if why.class == Class::Conflict => {}
                _ => break,
            }
            self.clock.sleep(CONFLICT_WAIT).await;
            outcome = self.send(sealed, private, false).await;
        }
        outcome
    }

    /// Asks what reserves and may be asked twice: *accrue* and *refund*.
    async fn reserve(
        &self,
        entry: &mut Entry,
        sale: &Sale,
        asked: Asked,
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        self.busy(true);
        let commands = self.opening(entry, &sale.purchase, &asked);
        self.queue_up(entry, commands, asked.command, cashier).await
    }

    /// Writes a message behind the others and sends what is due; a repeat only sends.
    async fn queue_up(
        &self,
        entry: &mut Entry,
        mut commands: Vec<PurchaseCommand>,
        command: Command,
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        let kind = command.kind();
        let known = waiting(entry).contains(&kind) || is_settled(entry, kind);
        if known && self.is_other(entry, &command) {
            return Err(Without::because(Reason::State));
        }
        let mut fresh = None;
        if !known {
            let (message, _) = self.message(entry.stream.id, command, cashier)?;
            fresh = Some(message.id);
            commands.push(PurchaseCommand::Queue(message));
            self.ask(entry, commands).await?;
        }
        let pushed = self.push(entry, fresh, (false, cashier)).await;
        // What is written is sent later, whatever became of it now.
        let pushed = pushed.unwrap_or_else(|why| Pushed { sent: 0, failed: Some(why) });
        self.settled(entry, kind, pushed)
    }

    fn settled(&self, entry: &Entry, kind: Kind, pushed: Pushed) -> Result<Settled, Without> {
        let why = pushed.failed.unwrap_or(Without::because(Reason::Offline));
        if is_settled(entry, kind) {
            Ok(Settled::Done(Box::new(self.kept(entry, kind))))
        } else if let Some(Trouble::Refused { refusal, .. }) = &entry.flow.trouble {
            let (reason, said) = (Reason::Refused(refusal.class), Some(refusal.text.clone()));
            Ok(Settled::Listed(Without { reason, said }))
        } else if waiting(entry).contains(&kind) {
            Ok(Settled::Later(why))
        } else {
            Err(why)
        }
    }

    async fn end(
        &self,
        purchase: &PurchaseId,
        kind: Kind,
        cashier: Option<&str>,
    ) -> Result<Settled, Without> {
        self.call(async {
            let (purchase, mut entry) = self.current(purchase, cashier).await?;
            self.busy(false);
            let untold = !entry.flow.is_told();
            if kind == Kind::Cancel && untold {
                if entry.flow.stage == Stage::Open {
                    self.ask(&mut entry, vec![PurchaseCommand::Forget]).await?;
                }
                return Ok(Settled::Done(Box::default()));
            }
            let command = match kind {
                Kind::Cancel => Command::Cancel { purchase },
                _ => Command::Confirm { purchase },
            };
            self.queue_up(&mut entry, Vec::new(), command, cashier).await
        })
        .await
    }

    /// An answer from the journal; empty when there is none.
    fn kept(&self, entry: &Entry, kind: Kind) -> Answer {
        let noted = entry.flow.answer_to(kind);
        let answer = noted.and_then(|noted| {
            let (transaction, points) = (noted.transaction, noted.points);
            let kept = self.config.keys.read(entry.stream.id, &noted.answer);
            kept.or(Some(Answer { transaction, points, amount: noted.amount, ..Answer::default() }))
        });
        answer.unwrap_or_default()
    }
}

fn total(cheque: &Cheque) -> Result<Kopecks, Without> {
    cheque.total().map_err(|error| Without {
        reason: Reason::Message,
        said: Some(Masked::new(&error.to_string())),
    })
}

/// Whether the points that were taken are what was asked for, line by line.
fn adds_up(answer: &Answer, asked: Kopecks) -> bool {
    let amount = answer.amount.unwrap_or(asked);
    let paid: Vec<Kopecks> = answer.lines.iter().filter_map(|line| line.paid).collect();
    let lines = Kopecks::total(paid.iter().copied());
    let laid = paid.is_empty() || lines.is_ok_and(|lines| lines == amount);
    amount.is_positive() && amount <= asked && laid
}

pub(super) fn waiting(entry: &Entry) -> Vec<Kind> {
    entry.flow.queue.iter().map(|waiting| waiting.message.kind).collect()
}

/// Whether this has been done already.
fn is_settled(entry: &Entry, kind: Kind) -> bool {
    let stage = entry.flow.stage;
    match kind {
        Kind::Accrue | Kind::Refund => matches!(stage, Stage::Closed | Stage::Confirmed),
        Kind::Confirm | Kind::Card => stage == Stage::Confirmed,
        Kind::Cancel => stage == Stage::Cancelled,
        _ => false,
    }
}
