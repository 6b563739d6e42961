//! The terminal's state, its bank, and their rules.

use std::collections::{BTreeMap, VecDeque};

use tillway_core::id::Uuid;
use tillway_core::pan::Masked;
use tillway_core::port::terminal::{
    Approval, Capabilities, Copy as SlipCopy, CountSum, HoldError, Operation, Original, Reason,
    Reconciliation, Report, Slip, Totals, TwoPhase,
};
use tillway_core::{Kopecks, Timestamp};

use super::TerminalMishap;

pub(super) const TERMINAL: &str = "00000001";

/// A movement of money.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Move {
    /// What it was.
    pub kind: MoveKind,
    /// How much.
    pub amount: Kopecks,
    /// The reference number of the payment.
    pub payment: Box<str>,
    batch: u32,
    held: bool,
    confirmed: bool,
}

/// What a movement of money was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MoveKind {
    /// A payment.
    Pay,
    /// A payment was undone within its batch.
    Cancel,
    /// Money was given back.
    Refund,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) capabilities: Capabilities,
    pub(super) moves: Vec<Move>,
    /// What was approved, by attempt.
    pub(super) done: BTreeMap<Uuid, Approval>,
    pub(super) mishaps: VecDeque<TerminalMishap>,
    pub(super) link: bool,
    pub(super) last: Vec<Slip>,
    batch: u32,
    references: u32,
}

impl State {
    pub(super) fn new(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            moves: Vec::new(),
            done: BTreeMap::new(),
            mishaps: VecDeque::new(),
            link: true,
            last: Vec::new(),
            batch: 1,
            references: 0,
        }
    }

    /// Moves money, or says why not.
    pub(super) fn book(
        &mut self,
        what: &Operation,
        amount: Kopecks,
        at: Timestamp,
    ) -> Result<Approval, Reason> {
        self.give_back_held(what);
        let (kind, payment) = match what {
            Operation::Pay { .. } => (MoveKind::Pay, None),
            Operation::Cancel { of, .. } => {
                let paid = self.payment(of)?;
                let part = amount < paid.amount && !self.capabilities.partial_cancel;
                if paid.batch != self.batch || part {
                    return Err(Reason::NotFound);
                }
                (MoveKind::Cancel, Some(paid.payment.clone()))
            }
            Operation::Refund { of, .. } => {
                (MoveKind::Refund, Some(self.payment(of)?.payment.clone()))
            }
            Operation::RollBack { of } => {
                let paid = self.payment(of)?;
                let is_last = self.moves.last().is_some_and(|last| last.payment == paid.payment);
                if paid.confirmed || !is_last {
                    return Err(Reason::NotFound);
                }
                (MoveKind::Cancel, Some(paid.payment.clone()))
            }
        };
        if let Some(payment) = &payment {
            let left = self.left(payment).ok_or(Reason::NotFound)?;
            if amount > left {
                return Err(Reason::Other);
            }
        }
        self.references = self.references.saturating_add(1);
        let reference: Box<str> = format!("{:012}", self.references).into();
        let payment = payment.unwrap_or_else(|| reference.clone());
        let batch = self.batch;
        self.moves.push(Move { kind, amount, payment, batch, held: false, confirmed: false });
        Ok(self.approval(reference, amount, at))
    }

    /// Nobody confirmed it before something else came.
    fn give_back_held(&mut self, what: &Operation) {
        let Some(held) = self.moves.iter().find(|one| one.held).cloned() else { return };
        let same = matches!(what, Operation::RollBack { of } if is_of(&held, of));
        self.moves.iter_mut().for_each(|one| one.held = false);
        if !same {
            self.moves.push(Move { kind: MoveKind::Cancel, held: false, ..held });
        }
    }

    fn payment(&self, of: &Original) -> Result<&Move, Reason> {
        let paid = |one: &&Move| one.kind == MoveKind::Pay && is_of(one, of);
        self.moves.iter().find(paid).ok_or(Reason::NotFound)
    }

    /// What of a payment was not given back.
    fn left(&self, payment: &str) -> Option<Kopecks> {
        let mut left = Kopecks::ZERO;
        for one in self.moves.iter().filter(|one| *one.payment == *payment) {
            let next = match one.kind {
                MoveKind::Pay => left.add(one.amount),
                MoveKind::Cancel | MoveKind::Refund => left.sub(one.amount),
            };
            left = next.ok()?;
        }
        Some(left)
    }

    fn approval(&mut self, reference: Box<str>, amount: Kopecks, at: Timestamp) -> Approval {
        let lines = [
            format!("ТЕРМИНАЛ {TERMINAL}"),
            format!("СУММА   {}", amount.for_people()),
            format!("RRN {reference}"),
        ];
        let lines = lines.iter().map(|line| Masked::new(line)).collect();
        self.last = vec![Slip { copy: SlipCopy::Single, lines }];
        Approval {
            amount,
            reference: Some(reference),
            authorisation: Some("000001".into()),
            terminal: Some(TERMINAL.into()),
            merchant: None,
            sequence: None,
            batch: Some(self.batch.to_string().into()),
            at: Some(at),
            card: Some(Masked::new("************0417")),
            brand: Some("MIR".into()),
            partial: false,
            offline: false,
            slips: self.last.clone(),
            evidence: Masked::default(),
        }
    }

    pub(super) fn hold(&mut self, of: &Approval) -> Result<(), HoldError> {
        if self.capabilities.two_phase == TwoPhase::Emulated {
            return Ok(());
        }
        let last = self.moves.last_mut().filter(|last| is_approval(last, of));
        let last = last.ok_or(HoldError::Mismatch)?;
        last.held = true;
        Ok(())
    }

    pub(super) fn confirm(&mut self, of: &Approval) -> Result<(), HoldError> {
        if self.capabilities.two_phase == TwoPhase::Emulated {
            return Ok(());
        }
        let last = self.moves.last_mut().filter(|last| is_approval(last, of));
        let last = last.ok_or(HoldError::NotHeld)?;
        (last.held, last.confirmed) = (false, true);
        Ok(())
    }

    fn totals(&self) -> Totals {
        let of = |kind| {
            let these = || self.moves.iter().filter(|m| m.batch == self.batch && m.kind == kind);
            CountSum {
                count: u32::try_from(these().count()).unwrap_or(u32::MAX),
                // Each is within an integer of 32 bits, so that their sum fits.
                sum: Kopecks::total(these().map(|m| m.amount)).unwrap_or_default(),
            }
        };
        Totals {
            payments: of(MoveKind::Pay),
            refunds: of(MoveKind::Refund),
            cancels: of(MoveKind::Cancel),
        }
    }

    pub(super) fn report(&self) -> Report {
        let totals = self.totals();
        let sum = |name: &str, of: CountSum| {
            Masked::new(&format!("{name} {} {}", of.count, of.sum.for_people()))
        };
        let lines = vec![
            sum("ОПЛАТА", totals.payments),
            sum("ВОЗВРАТ", totals.refunds),
            sum("ОТМЕНА", totals.cancels),
        ];
        let empty = self.moves.iter().all(|one| one.batch != self.batch);
        Report {
            slips: vec![Slip { copy: SlipCopy::Single, lines }],
            totals: self.capabilities.totals.then_some(totals),
            empty,
        }
    }

    pub(super) fn reconcile(&mut self) -> Reconciliation {
        let Report { slips, totals, empty } = self.report();
        self.batch = self.batch.saturating_add(1);
        Reconciliation { slips, totals, empty, agreed: Some(true) }
    }
}

fn is_of(one: &Move, of: &Original) -> bool {
    of.reference.as_deref() == Some(&*one.payment)
}

fn is_approval(one: &Move, of: &Approval) -> bool {
    one.kind == MoveKind::Pay
        && of.reference.as_deref() == Some(&*one.payment)
        && of.amount == one.amount
}
