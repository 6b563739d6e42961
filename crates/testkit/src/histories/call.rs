//! What callers ask of a store, and what they were told.

use core::fmt::{self, Debug};

use tillway_core::book::{Commit, Hold, Key, Op, Seq, Stored, StreamId};
use tillway_core::id::{AccountId, HoldId, OrderId, PaymentId};
use tillway_core::port::{CommitError, Committed, ReadError, Sheet, Store};

/// The most records that one load reads: a history writes fewer.
const RECORDS_MAX: u32 = 1_000;

/// A call of a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Call {
    /// A commit.
    Commit(Box<Commit>),
    /// Reads an account.
    Account(AccountId),
    /// Reads a hold.
    Hold(HoldId),
    /// Reads a payment.
    Payment(PaymentId),
    /// Reads an order with everything, in one moment.
    Sheet(OrderId),
    /// Asks what became of a key.
    Recall(Key),
    /// Reads a stream.
    Load(StreamId),
}

/// What a caller was told, as text, so that answers can be kept outside the process that got them.
#[derive(Clone, Eq, PartialEq)]
pub struct Answer(String);

/// What came of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Came {
    /// An answer.
    Told(Answer),
    /// Nothing is known: it may have happened, or not.
    InDoubt,
    /// The store said that it did nothing.
    Nothing,
}

impl Call {
    /// Makes the call, and waits for what comes of it.
    pub async fn make(&self, store: &dyn Store) -> Came {
        match self {
            Self::Commit(commit) => {
                let answer = store.commit((**commit).clone()).await;
                match &answer {
                    Err(CommitError::InDoubt) => Came::InDoubt,
                    Err(CommitError::Unavailable | CommitError::Full) => Came::Nothing,
                    told => Came::Told(Answer::committed(told)),
                }
            }
            Self::Account(id) => read(&store.account(*id).await),
            Self::Hold(id) => read(&store.hold(*id).await),
            Self::Payment(id) => read(&store.payment(*id).await),
            Self::Sheet(id) => read(&store.sheet(*id).await.map(sorted)),
            Self::Recall(key) => read(&store.recall(key).await),
            Self::Load(stream) => {
                let records: Result<Vec<Stored>, _> =
                    store.load(*stream, Seq(0), RECORDS_MAX).await;
                read(&records)
            }
        }
    }
}

fn read<T: Debug>(answer: &Result<T, ReadError>) -> Came {
    match answer {
        Ok(row) => Came::Told(Answer::of(row)),
        // A read that failed says nothing about the book.
        Err(ReadError::Unavailable) => Came::Nothing,
        Err(error) => Came::Told(Answer::of(error)),
    }
}

/// The port promises no order of the holds of a sheet.
fn sorted(sheet: Option<Sheet>) -> Option<Sheet> {
    sheet.map(|mut sheet| {
        sheet.holds.sort_by_key(|hold: &Hold| hold.id);
        sheet
    })
}

impl Answer {
    /// As the caller sees it.
    pub fn of(told: &impl Debug) -> Self {
        Self(format!("{told:?}"))
    }

    /// The answer of a commit.
    pub fn committed(answer: &Result<Committed, CommitError>) -> Self {
        Self::of(answer)
    }

    /// As it was written, in one line.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// As it was written by [`Answer::text`].
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// In a few words, for people who read a history.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(commit) => {
                let seconds =
                    commit.at.utc_ms.saturating_sub(crate::builders::BEGIN.utc_ms) / 1_000;
                write!(f, "at {seconds} s")?;
                commit.ops.iter().try_for_each(|op| write!(f, ", {}", Short(op)))
            }
            Self::Account(id) => write!(f, "read account {}", tail(id.0)),
            Self::Hold(id) => write!(f, "read hold {}", tail(id.0)),
            Self::Payment(id) => write!(f, "read payment {}", tail(id.0)),
            Self::Sheet(id) => write!(f, "read sheet {}", tail(id.0)),
            Self::Recall(key) => write!(f, "recall {:?} {}", key.scope, tail(key.id)),
            Self::Load(stream) => write!(f, "load stream {}", tail(stream.id)),
        }
    }
}

/// The last letters of an id tell things of a test apart.
fn tail(id: tillway_core::id::Uuid) -> String {
    format!("{:06x}", id.as_u128() & 0xff_ffff)
}

struct Short<'o>(&'o Op);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Op::Hold { id, order, account, amount, supersedes, .. } => {
                let (id, order, account) = (tail(id.0), tail(order.0), tail(account.0));
                write!(f, "hold {id}: {} on {account} for order {order}", amount.0)?;
                supersedes.iter().try_for_each(|old| write!(f, " instead of {}", tail(old.0)))
            }
            Op::Capture { id, order, account, amount, hold } => {
                let (id, order, account) = (tail(id.0), tail(order.0), tail(account.0));
                write!(f, "capture {id}: {} of {account} for order {order}", amount.0)?;
                hold.iter().try_for_each(|hold| write!(f, " by hold {}", tail(hold.0)))
            }
            Op::Void { hold } => write!(f, "void {}", tail(hold.0)),
            Op::Expire { hold } => write!(f, "expire {}", tail(hold.0)),
            Op::Cancel { id, .. } => write!(f, "cancel {}", tail(id.0)),
            Op::Refund { id, of, amount, .. } => {
                write!(f, "refund {}: {} of {}", tail(id.0), amount.0, tail(of.0))
            }
            Op::Move { amount, by, .. } => write!(f, "move {}: {}", tail(*by), amount.0),
            Op::Append { stream, expect, records, .. } => {
                write!(f, "append {} to {}", records.len(), tail(stream.id))?;
                expect.iter().try_for_each(|seq| write!(f, " after {}", seq.0))
            }
            op => write!(f, "{op:?}"),
        }
    }
}
