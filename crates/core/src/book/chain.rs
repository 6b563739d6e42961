//! Hash chains: whoever changes, drops or inserts an entry of the past changes every link after it.
//!
//! Each stream has a chain over its records, each guest account one over its movements. The last
//! link stands in the stream's or the account's row, so a commit that appends writes no more than
//! it would without. [`audit`](crate::book::audit()) walks the chains; the daily
//! [digest](crate::book::DayDigest) ties them to a number that can be kept elsewhere.

use core::fmt;

use sha2::{Digest as _, Sha256};

use crate::book::op::Scope;
use crate::book::row::{KeyRow, Movement, Party};
use crate::book::stream::{Stored, StreamId};
use crate::id::Uuid;
use crate::time::Timestamp;

/// The last link of a chain: SHA-256 over the link before and the entry's canonical bytes.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// Before the first entry.
    pub const START: Self = Self([0; 32]);

    /// The link of the next record of a stream.
    #[must_use]
    pub fn record(self, stream: StreamId, stored: &Stored) -> Self {
        let mut link = Link::after(self);
        link.number(stream.kind.code());
        link.bytes(stream.id.as_bytes());
        link.bytes(&stored.seq.0.to_be_bytes());
        link.time(stored.at);
        link.bytes(&stored.record.kind.to_be_bytes());
        link.bytes(&stored.record.version.to_be_bytes());
        link.bytes(&stored.record.body);
        link.end()
    }

    /// The link of the next movement of an account.
    #[must_use]
    pub fn movement(self, movement: &Movement) -> Self {
        let mut link = Link::after(self);
        link.party(movement.debit);
        link.party(movement.credit);
        link.number(movement.unit.code());
        link.bytes(&movement.amount.0.to_be_bytes());
        link.number(movement.why.code());
        link.bytes(movement.by.as_bytes());
        link.time(movement.at);
        link.end()
    }
}

/// What a digest has of a key: which request it was, when, and whether it was refused.
pub(crate) fn key_link((scope, id): (Scope, Uuid), row: &KeyRow) -> Chain {
    let mut link = Link::after(Chain::START);
    link.number(scope.code());
    link.bytes(id.as_bytes());
    link.bytes(&row.body.0);
    link.number(u8::from(row.refusal.is_some()));
    link.time(row.at);
    link.end()
}

/// In hexadecimal.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

/// A link in the making. Every field has a fixed length, but for the body at the end: no two
/// entries have the same bytes.
struct Link(Sha256);

impl Link {
    fn after(chain: Chain) -> Self {
        Self(Sha256::new_with_prefix(chain.0))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn number(&mut self, number: u8) {
        self.0.update([number]);
    }

    fn time(&mut self, at: Timestamp) {
        self.bytes(&at.utc_ms.to_be_bytes());
        self.bytes(&at.offset_min.to_be_bytes());
    }

    fn party(&mut self, party: Party) {
        let (code, id) = party.code();
        self.number(code);
        self.bytes(id.unwrap_or(Uuid::nil()).as_bytes());
    }

    fn end(self) -> Chain {
        Chain(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{House, Record, Seq, StreamKind, Why};
    use crate::id::AccountId;
    use crate::{Kopecks, Unit};

    fn stored(seq: u64, body: &[u8]) -> Stored {
        let record = Record { kind: 3, version: 1, body: body.into() };
        Stored { seq: Seq(seq), at: Timestamp { utc_ms: 1_000, offset_min: 180 }, record }
    }

    fn movement(amount: i64) -> Movement {
        Movement {
            debit: Party::House(House::Declared),
            credit: Party::Guest(AccountId(Uuid::from_u128(7))),
            unit: Unit::Rub,
            amount: Kopecks(amount),
            why: Why::TopUp,
            by: Uuid::from_u128(8),
            at: Timestamp { utc_ms: 1_000, offset_min: 180 },
        }
    }

    const STREAM: StreamId = StreamId { kind: StreamKind::Payment, id: Uuid::from_u128(9) };

    /// Links are kept for ever: what was written once must come out the same. The numbers were
    /// computed by another program from the layout that `Link` documents.
    #[test]
    fn links_are_what_they_were() {
        let link = Chain::START.record(STREAM, &stored(1, b"body"));
        let was = "864eb5b687c0037c15f2ba68111bf3746ba366533540e9be5cee58e7e4cad042";
        assert_eq!(link.to_string(), was);
        let link = Chain::START.movement(&movement(100));
        let was = "a82addc53d9d7ebfae6b607991b91d756fcae28254a9231076a890dad1aa2b1c";
        assert_eq!(link.to_string(), was);
    }

    #[test]
    fn every_field_of_a_record_counts() {
        let link = |stream, stored: Stored| Chain::START.record(stream, &stored);
        let usual = link(STREAM, stored(1, b"body"));
        let mut others = vec![
            link(STREAM, stored(2, b"body")),
            link(STREAM, stored(1, b"bodz")),
            link(STREAM, stored(1, b"body ")),
            link(StreamId { kind: StreamKind::Binding, ..STREAM }, stored(1, b"body")),
            link(StreamId { id: Uuid::from_u128(10), ..STREAM }, stored(1, b"body")),
            usual.record(STREAM, &stored(1, b"body")),
        ];
        let changes: [fn(&mut Stored); 4] = [
            |s| s.at.utc_ms = 1_001,
            |s| s.at.offset_min = 0,
            |s| s.record.kind = 4,
            |s| s.record.version = 2,
        ];
        for change in changes {
            let mut other = stored(1, b"body");
            change(&mut other);
            others.push(link(STREAM, other));
        }
        assert!(others.iter().all(|other| *other != usual), "{others:?}");
    }

    #[test]
    fn every_field_of_a_movement_counts() {
        let usual = Chain::START.movement(&movement(100));
        let changes: [fn(&mut Movement); 9] = [
            |m| m.debit = Party::House(House::Bank),
            |m| m.credit = Party::Guest(AccountId(Uuid::from_u128(6))),
            |m| m.unit = Unit::Points,
            |m| m.amount = Kopecks(101),
            |m| m.why = Why::Refund,
            |m| m.by = Uuid::from_u128(7),
            |m| m.at.utc_ms = 1_001,
            |m| m.at.offset_min = 0,
            |m| core::mem::swap(&mut m.debit, &mut m.credit),
        ];
        for change in changes {
            let mut other = movement(100);
            change(&mut other);
            assert_ne!(Chain::START.movement(&other), usual, "{other:?}");
        }
        assert_ne!(usual.movement(&movement(100)), usual);
    }
}
