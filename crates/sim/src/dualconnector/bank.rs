//! What really happened to money, and the batch that lists it.

use tillway_core::{Kopecks, Timestamp};

/// A movement of money.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Move {
    /// The number that the till sent (field 26); 0 for somebody else's.
    pub number: u32,
    /// What it was.
    pub kind: Kind,
    /// How much.
    pub amount: Kopecks,
    /// Its reference number.
    pub reference: String,
    /// The reference number of the payment that it undoes.
    pub original: Option<String>,
    /// Its authorisation code.
    pub authorisation: String,
    /// When, by the true clock.
    pub at: Timestamp,
    /// Which batch, counted from 1.
    pub batch: u32,
    /// Its number within the batch.
    pub sequence: u32,
    /// The bank was not asked.
    pub offline: bool,
}

/// What a movement was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A payment.
    Pay,
    /// The undoing of a payment of the same batch.
    Cancel,
    /// Money given back.
    Refund,
}

/// Why the bank refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum No {
    NotFound,
    TooMuch,
    BatchIsClosed,
    BatchIsOpen,
    NotLast,
}

#[derive(Debug, Default)]
pub(super) struct Bank {
    moves: Vec<Move>,
    closed_batches: u32,
    made: u32,
}

impl Bank {
    pub(super) fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// The movements since the last reconciliation.
    pub(super) fn batch(&self) -> impl Iterator<Item = &Move> {
        let batch = self.number();
        self.moves.iter().filter(move |one| one.batch == batch)
    }

    pub(super) fn close_batch(&mut self) {
        self.closed_batches = self.closed_batches.saturating_add(1);
    }

    pub(super) fn number(&self) -> u32 {
        self.closed_batches.saturating_add(1)
    }

    pub(super) fn pay(&mut self, number: u32, kopecks: i64, at: Timestamp, offline: bool) -> Move {
        self.book(number, Kind::Pay, kopecks, None, at, offline)
    }

    /// Gives money without a payment.
    pub(super) fn give(&mut self, number: u32, kopecks: i64, at: Timestamp) -> Move {
        self.book(number, Kind::Refund, kopecks, None, at, false)
    }

    pub(super) fn cancel(
        &mut self,
        number: u32,
        kopecks: i64,
        reference: &str,
        whole: Option<i64>,
        at: Timestamp,
    ) -> Result<Move, No> {
        let of = self.payment(reference)?;
        if of.batch != self.number() {
            return Err(No::BatchIsClosed);
        }
        // A part is cancelled only by who knows the whole.
        if kopecks < of.amount.0 && whole != Some(of.amount.0) {
            return Err(No::TooMuch);
        }
        self.undo(number, Kind::Cancel, kopecks, reference, at)
    }

    pub(super) fn refund(
        &mut self,
        number: u32,
        kopecks: i64,
        reference: &str,
        needs_old_batch: bool,
        at: Timestamp,
    ) -> Result<Move, No> {
        if needs_old_batch && self.payment(reference)?.batch == self.number() {
            return Err(No::BatchIsOpen);
        }
        self.undo(number, Kind::Refund, kopecks, reference, at)
    }

    /// Undoes whatever was last.
    pub(super) fn emergency(
        &mut self,
        number: u32,
        kopecks: i64,
        checks_number: bool,
        at: Timestamp,
    ) -> Result<Move, No> {
        let last = self.batch().last().cloned().ok_or(No::NotFound)?;
        let same = last.kind == Kind::Pay && last.amount.0 == kopecks;
        if !same || (checks_number && last.number != number) {
            return Err(No::NotLast);
        }
        self.undo(number, Kind::Cancel, kopecks, &last.reference, at)
    }

    fn payment(&self, reference: &str) -> Result<&Move, No> {
        let of = |one: &&Move| one.kind == Kind::Pay && one.reference == reference;
        self.moves.iter().find(of).ok_or(No::NotFound)
    }

    fn undo(
        &mut self,
        number: u32,
        kind: Kind,
        kopecks: i64,
        reference: &str,
        at: Timestamp,
    ) -> Result<Move, No> {
        let paid = self.payment(reference)?.amount.0;
        let back = self.moves.iter().filter(|one| one.original.as_deref() == Some(reference));
        let back: i64 = back.map(|one| one.amount.0).sum();
        if kopecks > paid.saturating_sub(back) {
            return Err(No::TooMuch);
        }
        Ok(self.book(number, kind, kopecks, Some(reference.to_owned()), at, false))
    }

    fn book(
        &mut self,
        number: u32,
        kind: Kind,
        kopecks: i64,
        original: Option<String>,
        at: Timestamp,
        offline: bool,
    ) -> Move {
        self.made = self.made.saturating_add(1);
        let sequence = u32::try_from(self.batch().count()).unwrap_or(u32::MAX).saturating_add(1);
        let made = Move {
            number,
            kind,
            amount: Kopecks(kopecks),
            reference: format!("6074{:08}", self.made),
            original,
            authorisation: format!("{:06}", 512_000_u32.saturating_add(self.made)),
            at,
            batch: self.number(),
            sequence,
            offline,
        };
        self.moves.push(made.clone());
        made
    }
}
