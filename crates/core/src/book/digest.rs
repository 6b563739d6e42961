//! The digest of a day: one number over the ends of all chains that grew on it, and over what of
//! that day stands in no chain: movements between accounts of the house, and keys.
//!
//! A chain proves that no entry changed as long as its last link is right. The digest of each past
//! day stands as a record in a stream of its own; printed, or sent to somebody, it also convicts
//! whoever could rewrite the whole file.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::Account;
use crate::book::audit::{Fault, Sum};
use crate::book::chain::{Chain, key_link};
use crate::book::op::Scope;
use crate::book::row::{KeyRow, Movement, Party};
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
    /// How many movements there were between two accounts of the house. `None`, as `keys`: the day
    /// was sealed by a version that looked at streams and accounts alone.
    pub house: Option<u64>,
    /// How many keys were used for the first time.
    pub keys: Option<u64>,
    /// SHA-256 over the ends of their chains at the end of the day, over the movements of the house
    /// and over the keys.
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
    #[n(4)]
    house: Option<u64>,
    #[n(5)]
    keys: Option<u64>,
}

impl Digest {
    /// The stream that keeps the digests of all days, in order.
    pub const STREAM: StreamId = StreamId { kind: StreamKind::Digest, id: Uuid::nil() };

    /// As a record of that stream.
    pub fn encode(&self) -> Record {
        let Self { day, streams, accounts, house, keys, root } = *self;
        let body = Body { day: day.0, streams, accounts, root: root.0, house, keys };
        // Writing to memory cannot fail.
        let body = minicbor::to_vec(&body).unwrap_or_default().into();
        Record { kind: 1, version: if self.is_whole() { 2 } else { 1 }, body }
    }

    /// From a record of that stream.
    ///
    /// # Errors
    /// [`BadRecord`] when it is none.
    pub fn decode(record: &Record) -> Result<Self, BadRecord> {
        let Record { kind, version, body } = record;
        if *kind != 1 || !matches!(version, 1 | 2) {
            return Err(BadRecord::Unknown { kind: *kind, version: *version });
        }
        let damaged = BadRecord::Damaged { kind: *kind };
        let body: Body = minicbor::decode(body).map_err(|_| damaged.clone())?;
        let Body { day, streams, accounts, root, house, keys } = body;
        let digest = Self { day: Day(day), streams, accounts, house, keys, root: Chain(root) };
        let is_as_written = house.is_some() == keys.is_some();
        if is_as_written && digest.is_whole() == (*version == 2) {
            Ok(digest)
        } else {
            Err(damaged)
        }
    }

    /// Whether it covers what stands in no chain as well.
    fn is_whole(&self) -> bool {
        self.house.is_some()
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
    balance: Sum,
    chain: Chain,
    ends: Ends,
}

impl<'r> AccountWalk<'r> {
    /// Before the first movement.
    pub fn new(row: &'r Account) -> Self {
        let (balance, chain) = (Sum::default(), Chain::START);
        Self { row, count: 0, balance, chain, ends: Ends::default() }
    }

    /// The next movement of this account.
    ///
    /// # Errors
    /// When a sum does not fit, or the movement is of another unit.
    pub fn movement(&mut self, movement: &Movement) -> Result<(), Fault> {
        if movement.unit != self.row.kind.unit() {
            return Err(Fault::Chain { account: self.row.id });
        }
        self.balance = self.balance.after(movement, Party::Guest(self.row.id))?;
        self.count = self.count.saturating_add(1);
        self.chain = self.chain.movement(movement);
        self.ends.put(movement.at, self.count, self.chain);
        Ok(())
    }

    pub(crate) fn row(&self) -> &'r Account {
        self.row
    }

    /// How many movements there were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// What they come to.
    pub(crate) fn balance(&self) -> Sum {
        self.balance
    }

    fn ends(&self) -> Result<&Ends, Fault> {
        if self.chain != self.row.chain {
            return Err(Fault::Chain { account: self.row.id });
        }
        Ok(&self.ends)
    }
}

/// Makes the digest of one day. Feed streams and accounts in ascending order of their ids, whole,
/// each from its first entry; movements in the order of their entries; keys in ascending order.
/// What is not of the day may be left out.
#[derive(Clone, Debug)]
pub struct DayDigest {
    day: Day,
    streams: (u64, Sha256),
    accounts: (u64, Sha256),
    house: (u64, Chain),
    keys: (u64, Sha256),
}

impl DayDigest {
    /// Of this day.
    pub fn new(day: Day) -> Self {
        let none = || (0, Sha256::new());
        let (streams, accounts, keys) = (none(), none(), none());
        Self { day, streams, accounts, house: (0, Chain::START), keys }
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

    /// The next movement; one of a guest is covered by the chain of the account.
    pub fn movement(&mut self, movement: &Movement) {
        if movement.is_of_the_house() && Day::of(movement.at) == self.day {
            let (count, chain) = self.house;
            self.house = (count.saturating_add(1), chain.movement(movement));
        }
    }

    /// The next key.
    pub fn key(&mut self, key: (Scope, Uuid), row: &KeyRow) {
        if Day::of(row.at) == self.day {
            self.keys.0 = self.keys.0.saturating_add(1);
            self.keys.1.update(key_link(key, row).0);
        }
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
        let nothing = [self.streams.0, self.accounts.0, self.house.0, self.keys.0] == [0; 4];
        (!nothing).then(|| self.ended(true))
    }

    /// The digest, as versions made it that looked at streams and accounts alone, or as now.
    fn ended(self, whole: bool) -> Digest {
        let Self { day, streams, accounts, house, keys } = self;
        let root = Sha256::new().chain_update(streams.1.finalize());
        let mut root = root.chain_update(accounts.1.finalize());
        if whole {
            root.update(house.1.0);
            root.update(keys.1.finalize());
        }
        Digest {
            day,
            streams: streams.0,
            accounts: accounts.0,
            house: whole.then_some(house.0),
            keys: whole.then_some(keys.0),
            root: Chain(root.finalize().into()),
        }
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

    pub(crate) fn movement(&mut self, movement: &Movement) {
        self.day(Day::of(movement.at)).movement(movement);
    }

    pub(crate) fn key(&mut self, key: (Scope, Uuid), row: &KeyRow) {
        self.day(Day::of(row.at)).key(key, row);
    }

    fn day(&mut self, day: Day) -> &mut DayDigest {
        self.0.entry(day).or_insert_with(|| DayDigest::new(day))
    }

    /// Whether a kept digest is what the book gives.
    pub(crate) fn holds(&self, kept: &Digest) -> bool {
        self.0.get(&kept.day).is_some_and(|day| day.clone().ended(kept.is_whole()) == *kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{House, Party, Refusal, Why};
    use crate::id::{Fingerprint, GuestId};
    use crate::{AccountKind, Kopecks, Unit};

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

    /// A movement of the house.
    fn moved(by: u128) -> Movement {
        Movement {
            debit: Party::House(House::SalesReturnsUnlinked),
            credit: Party::House(House::Suspense),
            unit: Unit::Rub,
            amount: Kopecks(100),
            why: Why::Unlinked,
            by: Uuid::from_u128(by),
            at: at(5),
        }
    }

    fn used(refusal: Option<Refusal>) -> KeyRow {
        KeyRow { body: Fingerprint([1; 16]), refusal, at: at(5) }
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
        let (day, root) = (Day(20_779), Chain([7; 32]));
        let digest = Digest { day, streams: 3, accounts: 2, house: Some(4), keys: Some(5), root };
        assert_eq!(Digest::decode(&digest.encode()), Ok(digest));
        let bytes = [&b"\x86\x19\x51\x2b\x03\x02\x58\x20"[..], &[7; 32], b"\x04\x05"].concat();
        assert_eq!(*digest.encode().body, *bytes);
        let old = Digest { house: None, keys: None, ..digest };
        assert_eq!(Digest::decode(&old.encode()), Ok(old));
        let Record { version, body, .. } = digest.encode();
        let newer = Record { kind: 2, version, body: body.clone() };
        assert!(matches!(Digest::decode(&newer), Err(BadRecord::Unknown { kind: 2, version: 2 })));
        for like in [digest, old] {
            let newer = Record { version: 3, ..like.encode() };
            assert_eq!(Digest::decode(&newer), Err(BadRecord::Unknown { kind: 1, version: 3 }));
        }
        let damaged = Err(BadRecord::Damaged { kind: 1 });
        let cut = Record { kind: 1, version, body: body[..9].into() };
        assert_eq!(Digest::decode(&cut), damaged);
        for half in [Digest { keys: None, ..digest }, Digest { house: None, ..digest }] {
            assert_eq!(Digest::decode(&half.encode()), damaged);
        }
        // Neither is taken for the other.
        assert_eq!(Digest::decode(&Record { kind: 1, version: 1, body }), damaged);
        assert_eq!(Digest::decode(&Record { version: 2, ..old.encode() }), damaged);
    }

    /// Digests are kept for ever, on paper too: what was sealed once must come out the same. The
    /// numbers were computed by another program from what `Link` and `Digest` document.
    #[test]
    fn digests_are_what_they_were() {
        let (row, all) = stream(&[10, 20]);
        let mut records = StreamWalk::new(&row);
        all.iter().try_for_each(|stored| records.record(stored)).unwrap();
        let [first, second] = [1, 2].map(moved);
        let account = AccountId(Uuid::from_u128(7));
        let guest = Movement { credit: Party::Guest(account), ..moved(3) };
        let kind = AccountKind::Deposit;
        let mut owner = Account::new(account, GuestId(Uuid::nil()), kind, "", Kopecks::ZERO);
        owner.chain = owner.chain.movement(&guest);
        let mut movements = AccountWalk::new(&owner);
        movements.movement(&guest).unwrap();
        let mut digest = DayDigest::new(Day(0));
        digest.stream(&records).unwrap();
        digest.account(&movements).unwrap();
        [&first, &second, &guest].into_iter().for_each(|movement| digest.movement(movement));
        digest.key((Scope::TopUp, Uuid::from_u128(1)), &used(None));
        digest.key((Scope::TopUp, Uuid::from_u128(2)), &used(Some(Refusal::BadAmount)));
        let whole = digest.clone().end().unwrap();
        let root = "b046c88b7d7529aa7f9e50664d2d2700de348dc34ac0a7022cea5be714668a89";
        assert_eq!(whole.root.to_string(), root);
        assert_eq!((whole.streams, whole.accounts), (1, 1));
        assert_eq!((whole.house, whole.keys), (Some(2), Some(2)));
        let old = digest.ended(false);
        let root = "871bf879cc91a68588e6f7c92f80bbc4af8ddd04905b0a38d29b49428e236239";
        assert_eq!((old.root.to_string().as_str(), old.house, old.keys), (root, None, None));
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

    /// Nothing but the digest says what happened between accounts of the house, and which keys
    /// were used.
    #[test]
    fn what_stands_in_no_chain_stands_in_the_digest() {
        type Keyed = ((Scope, Uuid), KeyRow);

        let key = |id| (Scope::TopUp, Uuid::from_u128(id));
        let of = |movements: &[Movement], keys: &[Keyed]| {
            let mut digest = DayDigest::new(Day(0));
            movements.iter().for_each(|movement| digest.movement(movement));
            keys.iter().for_each(|(key, row)| digest.key(*key, row));
            digest.end()
        };
        let (movements, keys) = ([moved(1), moved(2)], [1, 2].map(|id| (key(id), used(None))));
        let whole = of(&movements, &keys).unwrap();
        assert_eq!((whole.house, whole.keys), (Some(2), Some(2)));
        assert_eq!(of(&[], &[]), None);
        let changes: [fn(&mut Movement); 6] = [
            |m| m.amount = Kopecks(99),
            |m| m.credit = Party::House(House::Bank),
            |m| m.debit = Party::House(House::Sales),
            |m| m.at.utc_ms = 6,
            |m| m.at.utc_ms = DAY_MS,
            |m| m.by = Uuid::from_u128(3),
        ];
        for change in changes {
            let mut other = movements.clone();
            change(&mut other[1]);
            assert_ne!(of(&other, &keys), Some(whole), "{other:?}");
        }
        assert_ne!(of(&movements[..1], &keys), Some(whole));
        let changes: [fn(&mut Keyed); 5] = [
            |k| k.0.0 = Scope::Unlinked,
            |k| k.0.1 = Uuid::from_u128(3),
            |k| k.1.body = Fingerprint([2; 16]),
            |k| k.1.refusal = Some(Refusal::BadAmount),
            |k| k.1.at.utc_ms = 6,
        ];
        for change in changes {
            let mut other = keys.clone();
            change(&mut other[1]);
            assert_ne!(of(&movements, &other), Some(whole), "{other:?}");
        }
        assert_ne!(of(&movements, &keys[..1]), Some(whole));
        // What is of other days may be left out.
        let other = |at| Movement { at, ..moved(3) };
        let later = [movements.to_vec(), vec![other(Day(1).start())]].concat();
        let used_later = KeyRow { at: Day(1).start(), ..used(None) };
        let keys_later = [keys.to_vec(), vec![(key(3), used_later)]].concat();
        assert_eq!(of(&later, &keys_later), Some(whole));
        // Of a guest the account's chain tells.
        let guest = Movement { credit: Party::Guest(AccountId(Uuid::nil())), ..moved(3) };
        let more = [movements.to_vec(), vec![guest]].concat();
        assert_eq!(of(&more, &keys), Some(whole));
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
