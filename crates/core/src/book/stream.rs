//! Streams: the journal of flows.

use crate::book::chain::Chain;
use crate::id::{Owner, Uuid};
use crate::money::Kopecks;
use crate::time::Timestamp;

/// A stream of records: one run of one flow.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamId {
    /// Which flow.
    pub kind: StreamKind,
    /// Which run of it.
    pub id: Uuid,
}

/// The flows that have streams. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum StreamKind {
    /// Who pays for an order, and what its till was told; id = order id.
    Binding,
    /// A payment until iiko is known to have it; id = transaction id.
    Payment,
    /// The digests of past days; one stream, id = nil.
    Digest,
    /// An attempt at a device; id = the attempt's.
    Attempt,
    /// A purchase at a loyalty processing; id from the purchase's number.
    Purchase,
}

impl StreamKind {
    /// The stored number.
    pub fn code(self) -> u8 {
        match self {
            Self::Binding => 1,
            Self::Payment => 2,
            Self::Digest => 3,
            Self::Attempt => 4,
            Self::Purchase => 5,
        }
    }

    /// The kind of a stored number.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Binding),
            2 => Some(Self::Payment),
            3 => Some(Self::Digest),
            4 => Some(Self::Attempt),
            5 => Some(Self::Purchase),
            _ => None,
        }
    }
}

/// How many records a stream has; the first record is number 1.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Seq(pub u64);

/// Proof of a claim: a commit with an older fence is refused.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fence(pub u64);

/// A record: opaque canonical bytes of core's codec. Stores and exports know no types.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Which event.
    pub kind: u16,
    /// Which version of its body.
    pub version: u16,
    /// The body; at most 64 KiB.
    pub body: Box<[u8]>,
}

/// The largest body of a record, in bytes.
pub const RECORD_BODY_MAX: usize = 64 * 1024;

/// A record as it stands in its stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Its number.
    pub seq: Seq,
    /// When it was written; never earlier than the one before (F34).
    pub at: Timestamp,
    /// The record.
    pub record: Record,
}

/// What a list of streams shows without reading them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// Whether somebody has to do something.
    pub status: Status,
    /// When the flow wants to be looked at again.
    pub wake_at: Option<Timestamp>,
    /// Who has something waiting in it (a till with a command to fetch); at most 64 bytes.
    pub shelf: Option<Box<str>>,
    /// The money at stake.
    pub total: Kopecks,
}

/// Whether a stream wants attention.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// The flow goes on by itself.
    #[default]
    Open,
    /// Listed for the operator.
    NeedsPerson,
    /// Nothing more to do.
    Done,
}

/// A stream's own row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StreamRow {
    /// Its id.
    pub id: StreamId,
    /// Its length.
    pub seq: Seq,
    /// Its head.
    pub head: Head,
    /// When it was last written.
    pub at: Timestamp,
    /// The last link of the chain over its records.
    pub chain: Chain,
    /// The fence of the last claim.
    pub fence: Fence,
    /// Who holds it, and until when.
    pub lease: Option<(Owner, Timestamp)>,
}

impl StreamRow {
    /// A stream that has no record yet.
    pub fn new(id: StreamId) -> Self {
        Self {
            id,
            seq: Seq(0),
            head: Head::default(),
            at: Self::NEVER,
            chain: Chain::START,
            fence: Fence(0),
            lease: None,
        }
    }

    /// The time of a stream that was claimed and never written.
    pub const NEVER: Timestamp = Timestamp::utc(i64::MIN);
}

pub(crate) fn append(
    view: &mut crate::book::View,
    ask: &crate::book::judge::Ask<'_>,
    stream: StreamId,
    (expect, fence): (Option<Seq>, Option<Fence>),
    records: &[Record],
    head: &Head,
) -> Result<crate::book::Outcome, crate::book::judge::Stop> {
    use crate::book::Conflict;
    let mut row = view.streams.get(&stream).cloned().unwrap_or_else(|| StreamRow::new(stream));
    if expect.is_some_and(|seen| seen != row.seq) {
        return Err(Conflict::Stale { stream, head: row.seq }.into());
    }
    if fence.is_some_and(|claimed| claimed != row.fence) {
        return Err(Conflict::Fenced.into());
    }
    if records.iter().any(|record| record.body.len() > RECORD_BODY_MAX) {
        return Err(crate::MoneyError::Overflow.into());
    }
    // Journal time never runs backwards (F34).
    row.at = row.at.max(ask.at);
    for record in records {
        row.seq = Seq(row.seq.0.checked_add(1).ok_or(crate::MoneyError::Overflow)?);
        let stored = Stored { seq: row.seq, at: row.at, record: record.clone() };
        row.chain = row.chain.record(stream, &stored);
        view.records.push((stream, stored));
    }
    row.head = head.clone();
    let seq = row.seq;
    view.streams.set(stream, Some(row));
    Ok(crate::book::Outcome::Appended(seq))
}
