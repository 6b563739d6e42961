//! The digest of a day: one number over the ends of all chains that grew on it.
//!
//! A chain proves that no entry changed as long as its last link is right. The digest of each past
//! day stands as a record in a stream of its own; printed, or sent to somebody, it also convicts
//! whoever could rewrite the whole file.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::Account;
use crate::book::audit::Fault;
use crate::book::chain::Chain;
use crate::book::row::Movement;
use crate::book::stream::{Record, Seq, Stored, StreamId, StreamKind, StreamRow};
use crate::flow::BadRecord;
use crate::id::{AccountId, Uuid};
use crate::time::Timestamp;

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Day(pub i32);

const DAY_MS: i64 = 86_400_000;

impl Day {
    /// The day of a moment. Stays at the last day rather than turning round.
    pub fn of(at: Timestamp) -> Self {
        let day = at.utc_ms.div_euclid(DAY_MS);
        Self(i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp::utc(i64::from(self.0).saturating_mul(DAY_MS))
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The day before.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

/// The digest of a day. A day on which nothing was written has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Digest {
    /// Which day.
    pub day: Day,
    /// How many streams grew.
    pub streams: u64,
    /// How many guest accounts had movements.
    pub accounts: u64,
    /// SHA-256 over the ends of their chains at the end of the day.
    pub root: Chain,
}

#[derive(minicbor::Encode, minicbor::Decode)]
struct Body {
    #[n(0)]
    day: i32,
    #[n(1)]
    streams: u64,
    #[n(2)]
    accounts: u64,
    #[cbor(n(3), with = "minicbor::bytes")]
    root: [u8; 32],
}

impl Digest {
    /// The stream that keeps the digests of all days, in order.
    pub const STREAM: StreamId = StreamId { kind: StreamKind::Digest, id: Uuid::nil() };

    /// As a record of that stream.
    pub fn encode(&self) -> Record {
        let Self { day, streams, accounts, root } = *self;
        let body = Body { day: day.0, streams, accounts, root: root.0 };
        // Writing to memory cannot fail.
        let body = minicbor::to_vec(&body).unwrap_or_default().into();
        Record { kind: 1, version: 1, body }
    }

    /// From a record of that stream.
    ///
    /// # Errors
    /// [`BadRecord`] when it is none.
    pub fn decode(record: &Record) -> Result<Self, BadRecord> {
        let Record { kind, version, body } = record;
        if (*kind, *version) != (1, 1) {
            return Err(BadRecord::Unknown { kind: *kind, version: *version });
        }
        let body: Body = minicbor::decode(body).map_err(|_| BadRecord::Damaged { kind: *kind })?;
        let Body { day, streams, accounts, root } = body;
        Ok(Self { day: Day(day), streams, accounts, root: Chain(root) })
    }
}

/// The ends of a chain: after the last entry of each day.
#[derive(Clone, Debug, Default)]
struct Ends(Vec<(Day, u64, Chain)>);

impl Ends {
    fn of(&self, day: Day) -> Option<(u64, Chain)> {
        let end = self.0.iter().find(|(of, ..)| *of == day);
        end.map(|(_, count, chain)| (*count, *chain))
    }

    fn put(&mut self, at: Timestamp, count: u64, chain: Chain) {
        let day = Day::of(at);
        // Journal time never runs backwards; a movement's may by a little, and belongs to the
        // day that its neighbours are in.
        match self.0.last_mut() {
            Some(last) if last.0 >= day => (last.1, last.2) = (count, chain),
            _ => self.0.push((day, count, chain)),
        }
    }
}

/// Walks a stream from its first record, and proves that nothing changed or is missing.
#[derive(Clone, Debug)]
pub struct StreamWalk<'r> {
    row: &'r StreamRow,
    seq: Seq,
    at: Timestamp,
    chain: Chain,
    ends: Ends,
}

impl<'r> StreamWalk<'r> {
    /// Before the first record.
    pub fn new(row: &'r StreamRow) -> Self {
        let (seq, at, chain) = (Seq(0), StreamRow::NEVER, Chain::START);
        Self { row, seq, at, chain, ends: Ends::default() }
    }

    /// The next record.
    ///
    /// # Errors
    /// [`Fault::Gap`] when a number is missing or time runs backwards.
    pub fn record(&mut self, stored: &Stored) -> Result<(), Fault> {
        if Some(stored.seq.0) != self.seq.0.checked_add(1) || stored.at < self.at {
            return Err(Fault::Gap { stream: self.row.id, after: self.seq });
        }
        (self.seq, self.at) = (stored.seq, stored.at);
        self.chain = self.chain.record(self.row.id, stored);
        self.ends.put(stored.at, stored.seq.0, self.chain);
        Ok(())
    }

    fn ends(&self) -> Result<&Ends, Fault> {
        if self.seq != self.row.seq || self.chain != self.row.chain {
            return Err(Fault::Stream { stream: self.row.id });
        }
        Ok(&self.ends)
    }
}

/// Walks the movements of an account in the order of their entries, and proves that nothing
/// changed or is missing.
#[derive(Clone, Debug)]
pub struct AccountWalk<'r> {
    row: &'r Account,
    count: u64,
    chain: Chain,
    ends: Ends,
}

impl<'r> AccountWalk<'r> {
    /// Before the first movement.
    pub fn new(row: &'r Account) -> Self {
        Self { row, count: 0, chain: Chain::START, ends: Ends::default() }
    }

    /// The next movement of this account.
    pub fn movement(&mut self, movement: &Movement) {
        self.count = self.count.saturating_add(1);
        self.chain = self.chain.movement(movement);
        self.ends.put(movement.at, self.count, self.chain);
    }

    pub(crate) fn row(&self) -> &'r Account {
        self.row
    }

    fn ends(&self) -> Result<&Ends, Fault> {
        if self.chain != self.row.chain {
            return Err(Fault::Chain { account: self.row.id });
        }
        Ok(&self.ends)
    }
}

/// Makes the digest of one day. Feed streams and accounts in ascending order of their ids, whole,
/// each from its first entry; those that did not grow on the day may be left out.
#[derive(Clone, Debug)]
pub struct DayDigest {
    day: Day,
    streams: (u64, Sha256),
    accounts: (u64, Sha256),
}

impl DayDigest {
    /// Of this day.
    pub fn new(day: Day) -> Self {
        Self { day, streams: (0, Sha256::new()), accounts: (0, Sha256::new()) }
    }

    /// The next stream.
    ///
    /// # Errors
    /// A [`Fault`] when its chain does not hold.
    pub fn stream(&mut self, walk: &StreamWalk<'_>) -> Result<(), Fault> {
        if let Some((count, chain)) = walk.ends()?.of(self.day) {
            self.put_stream(walk.row.id, count, chain);
        }
        Ok(())
    }

    /// The next account.
    ///
    /// # Errors
    /// A [`Fault`] when its chain does not hold.
    pub fn account(&mut self, walk: &AccountWalk<'_>) -> Result<(), Fault> {
        if let Some((count, chain)) = walk.ends()?.of(self.day) {
            self.put_account(walk.row.id, count, chain);
        }
        Ok(())
    }

    fn put_stream(&mut self, id: StreamId, count: u64, chain: Chain) {
        self.streams.1.update([id.kind.code()]);
        put(&mut self.streams, id.id, count, chain);
    }

    fn put_account(&mut self, id: AccountId, count: u64, chain: Chain) {
        put(&mut self.accounts, id.0, count, chain);
    }

    /// The digest; `None` when nothing was written on the day.
    pub fn end(self) -> Option<Digest> {
        let Self { day, streams: (streams, of_streams), accounts: (accounts, of_accounts) } = self;
        if streams == 0 && accounts == 0 {
            return None;
        }
        let both = Sha256::new().chain_update(of_streams.finalize());
        let root = Chain(both.chain_update(of_accounts.finalize()).finalize().into());
        Some(Digest { day, streams, accounts, root })
    }
}

fn put((number, hash): &mut (u64, Sha256), id: Uuid, count: u64, chain: Chain) {
    *number = number.saturating_add(1);
    hash.update(id.as_bytes());
    hash.update(count.to_be_bytes());
    hash.update(chain.0);
}

/// The digests of all days at once, for the audit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests(BTreeMap<Day, DayDigest>);

impl Digests {
    pub(crate) fn stream(&mut self, walk: &StreamWalk<'_>) -> Result<(), Fault> {
        for (day, count, chain) in &walk.ends()?.0 {
            self.day(*day).put_stream(walk.row.id, *count, *chain);
        }
        Ok(())
    }

    pub(crate) fn account(&mut self, walk: &AccountWalk<'_>) -> Result<(), Fault> {
        for (day, count, chain) in &walk.ends()?.0 {
            self.day(*day).put_account(walk.row.id, *count, *chain);
        }
        Ok(())
    }

    fn day(&mut self, day: Day) -> &mut DayDigest {
        self.0.entry(day).or_insert_with(|| DayDigest::new(day))
    }

    /// Whether a kept digest is what the book gives.
    pub(crate) fn holds(&self, kept: &Digest) -> bool {
        self.0.get(&kept.day).cloned().and_then(DayDigest::end).as_ref() == Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::utc(ms)
    }

    const STREAM: StreamId = StreamId { kind: StreamKind::Payment, id: Uuid::from_u128(9) };

    /// A stream with a record at each of these moments.
    fn stream(moments: &[i64]) -> (StreamRow, Vec<Stored>) {
        let mut row = StreamRow::new(STREAM);
        let mut all = Vec::new();
        for moment in moments {
            row.seq = Seq(row.seq.0 + 1);
            row.at = at(*moment);
            let body = moment.to_be_bytes();
            let record = Record { kind: 1, version: 1, body: body.into() };
            let stored = Stored { seq: row.seq, at: row.at, record };
            row.chain = row.chain.record(STREAM, &stored);
            all.push(stored);
        }
        (row, all)
    }

    fn digest(day: Day, row: &StreamRow, all: &[Stored]) -> Result<Option<Digest>, Fault> {
        let mut walk = StreamWalk::new(row);
        all.iter().try_for_each(|stored| walk.record(stored))?;
        let mut digest = DayDigest::new(day);
        digest.stream(&walk)?;
        Ok(digest.end())
    }

    #[test]
    fn days_are_those_of_utc() {
        for (ms, day) in [(-1, -1), (0, 0), (86_399_999, 0), (86_400_000, 1)] {
            assert_eq!(Day::of(at(ms)), Day(day), "{ms}");
        }
        assert_eq!(Day(1).start(), at(86_400_000));
        assert_eq!((Day(1).next(), Day(1).before()), (Day(2), Day(0)));
        assert_eq!(Day::of(at(i64::MAX)), Day(i32::MAX));
        assert_eq!(Day::of(at(i64::MIN)), Day(i32::MIN));
    }

    #[test]
    fn a_digest_reads_back() {
        let digest = Digest { day: Day(20_779), streams: 3, accounts: 2, root: Chain([7; 32]) };
        assert_eq!(Digest::decode(&digest.encode()), Ok(digest));
        let Record { version, body, .. } = digest.encode();
        let newer = Record { kind: 2, version, body: body.clone() };
        assert!(matches!(Digest::decode(&newer), Err(BadRecord::Unknown { kind: 2, version: 1 })));
        let cut = Record { kind: 1, version, body: body[..9].into() };
        assert_eq!(Digest::decode(&cut), Err(BadRecord::Damaged { kind: 1 }));
    }

    #[test]
    fn what_comes_later_does_not_change_the_digest_of_a_day() {
        let (row, all) = stream(&[10, 20]);
        let then = digest(Day(0), &row, &all).unwrap().unwrap();
        assert_eq!((then.streams, then.accounts), (1, 0));
        let (row, all) = stream(&[10, 20, 86_400_000, 86_400_001]);
        assert_eq!(digest(Day(0), &row, &all), Ok(Some(then)));
        let next = digest(Day(1), &row, &all).unwrap().unwrap();
        assert_ne!(next.root, then.root);
        assert_eq!(digest(Day(2), &row, &all), Ok(None));
    }

    #[test]
    fn lck_14_a_changed_record_is_found() {
        let (row, all) = stream(&[10, 20, 30]);
        let fault = Fault::Stream { stream: STREAM };
        let changes: [fn(&mut Vec<Stored>); 4] = [
            |all| all[0].record.body = [9].into(),
            |all| all[1].at.offset_min = 60,
            |all| all[2].record.version = 2,
            |all| drop(all.pop()),
        ];
        for change in changes {
            let mut other = all.clone();
            change(&mut other);
            assert_eq!(digest(Day(0), &row, &other), Err(fault.clone()), "{other:?}");
        }
        let mut gap = all.clone();
        gap.remove(1);
        let fault = Fault::Gap { stream: STREAM, after: Seq(1) };
        assert_eq!(digest(Day(0), &row, &gap), Err(fault));
        let mut back = all;
        back[1].at = at(9);
        let fault = Fault::Gap { stream: STREAM, after: Seq(1) };
        assert_eq!(digest(Day(0), &row, &back), Err(fault));
    }
}
