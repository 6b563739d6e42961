//! The store: one port to write, three sides to read.

use core::time::Duration;

use async_trait::async_trait;

use crate::Account;
use crate::book::{
    Audit, Commit, Day, Digest, Fence, Head, Hold, Key, Movement, Order, Payment, Seq, Status,
    Stored, StreamId, StreamKind, Verdict,
};
use crate::guest::{Carrier, Guest};
use crate::id::{AccountId, GuestId, HoldId, OrderId, Owner, PaymentId, TillId};
use crate::pairing::Pairing;
use crate::port::{Port, Readiness};
use crate::time::Timestamp;

/// What a commit came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Committed {
    /// What the book decided.
    pub verdict: Verdict,
    /// Whether its key had been used before.
    pub replayed: bool,
}

/// Where money and flows are kept.
///
/// A store decides nothing: it loads what [`book::needs`](crate::book::needs) asks for, saves what
/// [`book::judge`](crate::book::judge()) decided, and never loses what it acknowledged.
#[async_trait]
pub trait Store: AccountBook + Bindings + Journal {
    /// Judges and saves one step.
    ///
    /// - Effect: all of the commit's delta, or nothing of it. Commits are serial: each sees every
    ///   commit that returned before it began.
    /// - Repeat: the same key and body change nothing and answer from the rows as they stand, with
    ///   `replayed`. The same key with another body is [`CommitError::KeyConflict`].
    /// - Durable on return: a store that keeps files MUST have synced them.
    /// - Dropping the future does not undo the step; its outcome is then unknown to the caller, who
    ///   asks with [`Store::recall`] or repeats the commit with the same key.
    /// - Batching and retries are inside; the caller does not repeat but on `InDoubt`.
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError>;

    /// Whether a key was used, and whether it was refused. For payments read the payment itself.
    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError>;

    /// Checks that the store answers and may be written.
    ///
    /// It is known at once only where a call would find nothing to wait for. A commit that was
    /// begun before is decided when this is answered.
    fn ready(&self) -> Readiness<ReadError>;
}

/// What a key remembers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Recalled {
    /// It was done.
    Done,
    /// It was refused.
    Refused(crate::book::Refusal),
}

/// Why a commit has no verdict.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The key belongs to another request. A mistake of the caller: use a fresh key.
    #[error("the key belongs to another request")]
    KeyConflict,
    /// The stream has grown. Read it again and decide anew.
    #[error("the stream has grown in the meantime")]
    Stale {
        /// Which.
        stream: StreamId,
        /// Its length now.
        head: Seq,
    },
    /// Another run of the program has claimed the stream. Stop this flow.
    #[error("another run of the program has claimed the stream")]
    Fenced,
    /// It may have been saved or not. Ask by key, or repeat with the same key.
    #[error("the outcome of the commit is unknown")]
    InDoubt,
    /// It was not saved; the store cannot be reached. Try again later.
    #[error("the store is not available")]
    Unavailable,
    /// It was not saved; the disk or the queue is full. Free space, or slow down.
    #[error("the store is full")]
    Full,
    /// The store is damaged and takes no more writes. Stop, and restore or ask for help.
    #[error("the store is damaged")]
    Corrupt,
}

/// Why a read failed. Nothing changed; read again later.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store cannot be reached.
    #[error("the store is not available")]
    Unavailable,
    /// The store is damaged.
    #[error("the store is damaged")]
    Corrupt,
}

/// An order with all that a waiter's screen needs, read in one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sheet {
    /// The order.
    pub order: Order,
    /// The guest, pending or bound.
    pub guest: Option<Guest>,
    /// The guest's accounts, closed ones too, by id.
    pub accounts: Vec<Account>,
    /// The order's live holds.
    pub holds: Vec<Hold>,
    /// The order's payments (refused ones and tombstones are left out), oldest first.
    pub payments: Vec<Payment>,
    /// Whether the guest has a photo.
    pub has_photo: bool,
}

/// Guests, accounts and money: the reading side.
///
/// Every read sees all commits that returned before it began. Lists are bounded by `limit`, of
/// which a store may return less but never more than 1 000.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait AccountBook: Port {
    /// A guest.
    async fn guest(&self, id: GuestId) -> Result<Option<Guest>, ReadError>;

    /// Guests with this phone (E.164); at most two, which is enough to know that it is ambiguous.
    async fn guests_by_phone(&self, phone: &str) -> Result<Vec<Guest>, ReadError>;

    /// The guest with this client id.
    async fn guest_by_client_id(&self, client_id: &str) -> Result<Option<Guest>, ReadError>;

    /// Guests by id, from the one after `after`.
    async fn guests(&self, after: Option<GuestId>, limit: u32) -> Result<Vec<Guest>, ReadError>;

    /// A guest's photo.
    async fn photo(&self, guest: GuestId) -> Result<Option<Box<[u8]>>, ReadError>;

    /// A carrier by its normalised alias.
    async fn carrier(&self, alias: &str) -> Result<Option<Carrier>, ReadError>;

    /// A guest's carriers, by alias.
    async fn carriers(&self, guest: GuestId) -> Result<Vec<Carrier>, ReadError>;

    /// An account.
    async fn account(&self, id: AccountId) -> Result<Option<Account>, ReadError>;

    /// A guest's accounts, by id.
    async fn accounts(&self, guest: GuestId) -> Result<Vec<Account>, ReadError>;

    /// A payment, refused one or tombstone.
    async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ReadError>;

    /// A hold.
    async fn hold(&self, id: HoldId) -> Result<Option<Hold>, ReadError>;

    /// Live holds whose time had come by `at`, in no certain order: a list of a million must not
    /// be sorted to name the first few.
    async fn overdue(&self, at: Timestamp, limit: u32) -> Result<Vec<HoldId>, ReadError>;

    /// Movements of an account, newest first, before the entry number `before`.
    async fn statement(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<StatementLine>, ReadError>;

    /// Payments and refunds of a till in `[from, to)`, oldest first.
    async fn reconciliation(
        &self,
        till: &TillId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Reconciliation, ReadError>;

    /// The moment of the last movement: the wall clock is held against it at start (F34).
    async fn latest(&self) -> Result<Option<Timestamp>, ReadError>;

    /// The whole book in one moment, for [`book::audit`](crate::book::audit()). All of it is in memory
    /// at once: for tests and small books. A store of large ones checks itself row by row, with an
    /// [`Auditor`](crate::book::Auditor).
    async fn audit(&self) -> Result<Audit, ReadError>;
}

/// A movement with its number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatementLine {
    /// Its number; grows over the whole book.
    pub entry: u64,
    /// The movement.
    pub movement: Movement,
}

/// What a till did in a time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reconciliation {
    /// Payments captured in the time, whatever became of them; tombstones too.
    pub payments: Vec<Payment>,
    /// Refunds made in the time; the payments they are of may be older.
    pub refunds: Vec<crate::book::Refund>,
    /// Holds that are live now on orders of the till.
    pub held: Vec<Hold>,
}

/// Orders and devices: the reading side.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Bindings: Port {
    /// An order's row.
    async fn order(&self, id: OrderId) -> Result<Option<Order>, ReadError>;

    /// An order with guest, accounts, holds and payments, in one read.
    async fn sheet(&self, id: OrderId) -> Result<Option<Sheet>, ReadError>;

    /// All pairings, by till.
    async fn pairings(&self) -> Result<Vec<Pairing>, ReadError>;
}

/// Streams of flows: the reading side, and claims.
#[async_trait]
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Journal: Port {
    /// Records of a stream after number `after`, in order.
    async fn load(
        &self,
        stream: StreamId,
        after: Seq,
        limit: u32,
    ) -> Result<Vec<Stored>, ReadError>;

    /// Heads that match, in ascending order of stream, from the one after `after`. A stream that
    /// was claimed and never written is not listed.
    async fn heads(
        &self,
        query: &Query,
        after: Option<StreamId>,
        limit: u32,
    ) -> Result<Vec<HeadRow>, ReadError>;

    /// The digest of a day over the ends of all chains that grew on it; `None` when none did.
    /// Reads the streams and accounts of the day from their first entry: for quiet hours, once
    /// nothing more can be written with a time of that day.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] when a chain does not hold.
    async fn digest(&self, day: Day) -> Result<Option<Digest>, ReadError>;

    /// Claims a stream for `ttl`, or renews the claim. Durable on return.
    ///
    /// # Errors
    /// [`ClaimError::Held`] while another owner's lease lasts.
    async fn claim(
        &self,
        stream: StreamId,
        owner: Owner,
        ttl: Duration,
        now: Timestamp,
    ) -> Result<Fence, ClaimError>;

    /// Gives a claim up. A fence that is not current changes nothing.
    async fn release(&self, stream: StreamId, fence: Fence) -> Result<(), ClaimError>;
}

/// Which heads to list. Empty fields match everything.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Query {
    /// Only this flow.
    pub kind: Option<StreamKind>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those that want to be looked at by this moment.
    pub due: Option<Timestamp>,
    /// Only those with something waiting for this shelf.
    pub shelf: Option<Box<str>>,
}

/// A stream in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeadRow {
    /// Which.
    pub stream: StreamId,
    /// Its length.
    pub seq: Seq,
    /// Its head.
    pub head: Head,
    /// When it was last written.
    pub at: Timestamp,
}

impl Query {
    /// Whether a head matches: the one definition for stores that filter in memory, and the
    /// measure for those that filter by query.
    pub fn matches(&self, row: &HeadRow) -> bool {
        let wakes = |at: Timestamp| row.head.wake_at.is_some_and(|wake| wake <= at);
        self.kind.is_none_or(|kind| kind == row.stream.kind)
            && self.status.is_none_or(|status| status == row.head.status)
            && self.due.is_none_or(wakes)
            && self.shelf.as_ref().is_none_or(|shelf| row.head.shelf.as_ref() == Some(shelf))
    }
}

/// Why a stream cannot be claimed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Another run of the program holds it. Leave the flow to that one.
    #[error("another run of the program holds the stream")]
    Held,
    /// The store cannot be reached. Try again later.
    #[error("the store is not available")]
    Unavailable,
}
