//! What becomes of a purchase when something is asked or answered (loymax.md 8, 9.3, 10).

use core::time::Duration;

use super::{
    BACKOFF, BODY_MAX, CONFLICT_TRIES_MAX, CONFLICT_WAIT, Fate, Message, Noted, PIN_TRIES_MAX,
    Points, PurchaseAnswer, PurchaseFlow, RENEWALS_MAX, Renewed, Said, Stage, Trouble, Waiting,
    What,
};
use crate::flow::{Body, Illegal};
use crate::pan::Masked;
use crate::port::processing::{Class, Kind, Outcome, Refusal};
use crate::time::Timestamp;

/// Whether a message may be sent again when nobody knows what became of it. What is not so is asked
/// while the guest waits, and its body is never stored.
pub fn is_repeatable(kind: Kind) -> bool {
    matches!(kind, Kind::Accrue | Kind::Confirm | Kind::Cancel | Kind::Refund | Kind::Card)
}

impl PurchaseFlow {
    /// Whether this may be asked now.
    pub fn may(&self, kind: Kind) -> bool {
        let Some(opened) = &self.opened else { return false };
        let asked_late = self.trouble.as_ref().is_none_or(|why| *why == Trouble::Undecided);
        let (what, free) = (opened.what, self.queue.is_empty() && asked_late);
        let asked = matches!(self.stage, Stage::Open | Stage::Calculated);
        match kind {
            Kind::Balance | Kind::Available => false,
            Kind::Calculate => what == What::Sale && free && asked,
            Kind::Pay => what == What::Sale && free && asked && self.pins < PIN_TRIES_MAX,
            Kind::CancelOne => free && self.stage == Stage::Paid,
            Kind::Accrue => what == What::Sale && free && (asked || self.stage == Stage::Paid),
            Kind::Refund => what == What::Refund && free && self.stage == Stage::Open,
            Kind::Card => what == What::Card && free && self.stage == Stage::Open,
            Kind::Confirm => self.may_confirm(),
            Kind::Cancel => self.may_cancel(what),
        }
    }

    fn may_confirm(&self) -> bool {
        match self.queue.back().map(|last| last.message.kind) {
            Some(Kind::Accrue | Kind::Refund) => !self.is_over(),
            Some(_) => false,
            None => matches!(self.stage, Stage::Calculated | Stage::Paid | Stage::Closed),
        }
    }

    /// Not once it may be confirmed: only what was refused for good certainly is not.
    fn may_cancel(&self, what: What) -> bool {
        let refused =
            |kind| matches!(&self.trouble, Some(Trouble::Refused { kind: of, .. }) if *of == kind);
        let sent = self.queue.front().map(|head| head.message.kind);
        let confirmed = sent == Some(Kind::Confirm) && !refused(Kind::Confirm);
        let cancelled = sent == Some(Kind::Cancel) && !refused(Kind::Cancel);
        let over = self.is_over() || self.stage == Stage::New;
        what != What::Card && !over && !confirmed && !cancelled
    }

    pub(super) fn may_renew(&self, ids: usize) -> bool {
        let Some(head) = self.queue.front() else { return false };
        if self.trouble.is_some() || !is_repeatable(head.message.kind) {
            return false;
        }
        match ids {
            1 => self.anew <= 1,
            2 => self.anew == 2 && self.reserve.is_some(),
            _ => false,
        }
    }

    pub(super) fn add_part(&mut self, body: &Body) -> Result<(), Illegal> {
        let fits = self.parts.len().saturating_add(body.size()) <= BODY_MAX;
        if self.opened.is_none() || !fits {
            return Err(Illegal);
        }
        self.parts.extend_from_slice(body.bytes());
        Ok(())
    }

    /// A body with the pieces that came before it.
    fn whole(&mut self, last: &Body) -> Body {
        let mut bytes = core::mem::take(&mut self.parts);
        bytes.extend_from_slice(last.bytes());
        Body::from_bytes(bytes)
    }

    pub(super) fn take_message(&mut self, message: &Message) -> Result<(), Illegal> {
        if !self.may(message.kind) {
            return Err(Illegal);
        }
        if message.kind == Kind::Cancel {
            self.queue.clear();
            (self.trouble, self.anew) = (None, 0);
        }
        if self.trouble == Some(Trouble::Undecided) {
            self.trouble = None;
        }
        let body = self.whole(&message.body);
        let message = Message { body, ..message.clone() };
        self.touched = self.touched.max(message.at);
        self.queue.push_back(Waiting { due: message.at, message, tries: 0, conflicts: 0 });
        Ok(())
    }

    pub(super) fn take_ids(&mut self, ids: &[Renewed], at: Timestamp) -> Result<(), Illegal> {
        if !self.may_renew(ids.len()) {
            return Err(Illegal);
        }
        let (Some(last), Some(head)) = (ids.last(), self.queue.front_mut()) else {
            return Err(Illegal);
        };
        head.message.id = last.0;
        if let ([first, _], Some(reserve)) = (ids, &self.reserve) {
            let message = Message { id: first.0, ..reserve.clone() };
            self.queue.push_front(Waiting { message, tries: 0, due: at, conflicts: 0 });
            self.renewals = self.renewals.saturating_add(1);
            self.stage = Stage::Open;
        }
        (self.anew, self.touched) = (0, at);
        Ok(())
    }

    /// What an answer means; `None` when it is to another message than the first.
    pub(super) fn fate(&self, answer: &PurchaseAnswer, at: Timestamp) -> Option<Fate> {
        let head = self.queue.front().filter(|head| head.message.id == answer.id)?;
        if self.trouble.is_some() {
            return None;
        }
        let kind = head.message.kind;
        Some(match &answer.outcome {
            Outcome::Done(said) => Fate::Done(Noted {
                transaction: said.transaction,
                points: said.points,
                amount: said.amount,
                answer: answer.kept.clone(),
            }),
            Outcome::Refused(refusal) if is_repeatable(kind) => {
                self.refused(head, answer.first, refusal, at)
            }
            Outcome::Refused(refusal) => refused_while_waiting(kind, refusal),
            // The processing has an older cheque than the till, and would take no other.
            Outcome::Unreached(why) if kind == Kind::Calculate && self.stage != Stage::Open => {
                Fate::Torn(why.clone())
            }
            Outcome::Unreached(why) if !is_repeatable(kind) => Fate::Unreached(why.clone()),
            // A card that was not issued before the guest's eyes is not issued behind their back.
            Outcome::Unreached(why) if kind == Kind::Card && answer.first => {
                Fate::Unreached(why.clone())
            }
            Outcome::InDoubt(why) if !is_repeatable(kind) => Fate::Torn(why.clone()),
            Outcome::Unreached(why) | Outcome::InDoubt(why) => later(head, why.clone(), at),
        })
    }

    /// A refusal of what is sent until it is answered.
    fn refused(&self, head: &Waiting, first: bool, refusal: &Refusal, at: Timestamp) -> Fate {
        let (kind, said) = (head.message.kind, refusal.clone());
        let nothing_there = kind == Kind::Cancel && refusal.class == Class::UnknownPurchase;
        // A confirmed purchase answers the first confirm so too: a person may have been quicker.
        let ended = refusal.class != Class::Repeated && refusal.is_done(kind);
        // The number of a refund is taken: by the refund itself, when it was sent before.
        let taken = kind == Kind::Refund && refusal.class == Class::PurchaseTaken;
        if nothing_there || ended || (!first && (taken || refusal.is_done(kind))) {
            return Fate::Already(said);
        }
        match refusal.class {
            Class::Repeated if self.renewals < RENEWALS_MAX => Fate::Anew(said),
            Class::UnknownPurchase if kind == Kind::Confirm && self.may_tell_anew() => {
                Fate::Anew(said)
            }
            Class::Conflict if head.conflicts < CONFLICT_TRIES_MAX => {
                let why = refusal.text.clone();
                Fate::Later { why, due: at.after(CONFLICT_WAIT), conflict: true }
            }
            Class::Pending | Class::Unavailable => later(head, refusal.text.clone(), at),
            // It has another cheque, or is over there: the sale is told under another number.
            Class::OtherCheque | Class::WrongOrder | Class::Cancelled
                if first && kind == Kind::Accrue && self.paid.is_none() =>
            {
                Fate::Torn(refusal.text.clone())
            }
            // The till is there and hears of it: it decides.
            _ if first
                && self.queue.len() == 1
                && kind != Kind::Confirm
                && kind != Kind::Cancel =>
            {
                Fate::Refused(said)
            }
            _ => Fate::Dead(said),
        }
    }

    /// Points that were taken for a purchase which the processing lost are a person's matter: to
    /// tell it anew would give the guest both the discount and the points.
    fn may_tell_anew(&self) -> bool {
        self.reserve.is_some() && self.paid.is_none() && self.renewals < RENEWALS_MAX
    }

    pub(super) fn take_fate(&mut self, said: &Said) -> Result<(), Illegal> {
        let head = self.queue.front().filter(|head| head.message.id == said.id).ok_or(Illegal)?;
        if self.trouble.is_some() {
            return Err(Illegal);
        }
        let message = head.message.clone();
        match &said.fate {
            Fate::Done(noted) => {
                let answer = self.whole(&noted.answer);
                self.done(&message, Some(&Noted { answer, ..noted.clone() }));
            }
            Fate::Already(_) => self.done(&message, None),
            Fate::Refused(refusal) => {
                if refusal.class == Class::WrongPin {
                    self.pins = self.pins.saturating_add(1);
                }
                self.queue.pop_front();
            }
            Fate::Unreached(_) => drop(self.queue.pop_front()),
            Fate::Torn(_) => {
                self.queue.clear();
                // What was granted for an earlier cheque is not granted for this one.
                if message.kind == Kind::Calculate {
                    self.noted.retain(|(kind, _)| *kind != Kind::Calculate);
                }
                (self.stage, self.torn) = (Stage::Torn, true);
            }
            Fate::Later { due, conflict, .. } => {
                let head = self.queue.front_mut().ok_or(Illegal)?;
                head.due = *due;
                if *conflict {
                    head.conflicts = head.conflicts.saturating_add(1);
                } else {
                    head.tries = head.tries.saturating_add(1);
                }
            }
            Fate::Anew(refusal) => {
                self.anew = if refusal.class == Class::Repeated { 1 } else { 2 };
                if self.anew == 1 {
                    self.renewals = self.renewals.saturating_add(1);
                }
            }
            Fate::Dead(refusal) => {
                let refusal = refusal.clone();
                self.trouble = Some(Trouble::Refused { kind: message.kind, refusal });
            }
        }
        // A failure is no decision: the time to decide runs on.
        if !matches!(said.fate, Fate::Later { .. }) {
            self.touched = self.touched.max(said.at);
        }
        Ok(())
    }

    fn done(&mut self, message: &Message, noted: Option<&Noted>) {
        self.queue.pop_front();
        if let Some(noted) = noted {
            self.noted.retain(|(kind, _)| *kind != message.kind);
            self.noted.push((message.kind, noted.clone()));
        }
        match message.kind {
            Kind::Calculate => self.stage = Stage::Calculated,
            Kind::Pay => {
                let granted = noted.and_then(|noted| noted.amount).unwrap_or(message.amount);
                self.paid = Some(Points { operation: message.id, amount: granted });
                self.stage = Stage::Paid;
            }
            Kind::CancelOne => {
                self.paid = None;
                self.stage = Stage::Calculated;
            }
            Kind::Accrue | Kind::Refund => {
                self.reserve = Some(message.clone());
                self.stage = Stage::Closed;
            }
            Kind::Confirm | Kind::Card => self.end(Stage::Confirmed),
            Kind::Cancel => self.end(Stage::Cancelled),
            Kind::Balance | Kind::Available => {}
        }
    }

    /// What is over holds no bodies.
    pub(super) fn end(&mut self, stage: Stage) {
        self.stage = stage;
        self.queue.clear();
        (self.trouble, self.reserve, self.anew) = (None, None, 0);
    }

    pub(super) fn retry(&mut self, at: Timestamp) {
        self.trouble = None;
        self.touched = at;
        if let Some(head) = self.queue.front_mut() {
            (head.tries, head.conflicts, head.due) = (0, 0, at);
        }
    }
}

fn later(head: &Waiting, why: Masked, at: Timestamp) -> Fate {
    let nth = usize::try_from(head.tries).unwrap_or(usize::MAX);
    let wait = BACKOFF.get(nth).or(BACKOFF.last()).copied().unwrap_or(Duration::ZERO);
    Fate::Later { why, due: at.after(wait), conflict: false }
}

/// A refusal of what is asked while the guest waits.
fn refused_while_waiting(kind: Kind, refusal: &Refusal) -> Fate {
    // Somebody took it in before, or is at it: what it comes to is not known.
    let unknown = match refusal.class {
        Class::Repeated | Class::Pending | Class::Unavailable => true,
        Class::AlreadyPaid => kind == Kind::Pay,
        _ => false,
    };
    if unknown { Fate::Torn(refusal.text.clone()) } else { Fate::Refused(refusal.clone()) }
}
