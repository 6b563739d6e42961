//! A sale at a loyalty processing, whatever fails and whenever: written before it is sent, sent
//! until it is answered, and never in the way of the sale.
//!
//! [`Loyalty`] serves one till. Its journal is the streams of [`PurchaseFlow`]; the queue of what
//! is still to be sent is the open ones on the till's shelf.
//!
//! [`PurchaseFlow`]: tillway_core::flow::PurchaseFlow

mod calls;
mod content;
mod cover;
mod private;
mod queue;
mod send;
mod stream;
mod words;

use core::fmt;
use core::time::Duration;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex as Lock, MutexGuard as Locked, PoisonError};

use futures::lock::Mutex;
use tillway_core::Kopecks;
use tillway_core::flow::purchase::{Points, Stage, TILL_LEN_MAX, Trouble, What};
use tillway_core::loyalty::{Answer, Cheque, PurchaseId};
use tillway_core::pan::Masked;
use tillway_core::port::processing::{Class, Kind};
use tillway_core::port::{Clock, IdSource, LoyaltyProcessing, Store};
use tillway_core::time::Timestamp;

pub use self::cover::BodyKeys;

/// The loyalty of one till.
///
/// A sale is told by its [`Sale`](tillway_core::loyalty::Sale), under the number that the till chose
/// for it, from `calculate` to `confirm` or `cancel`:
///
/// | call | what for | no answer |
/// |---|---|---|
/// | [`calculate`](Self::calculate) | discounts, as often as the cheque changes | sell without |
/// | [`available`](Self::available), [`balance`](Self::balance) | to show | do not show |
/// | [`pay`](Self::pay) | points, reserved | take the full sum; the points are given back |
/// | [`accrue`](Self::accrue) | when all is paid, before the receipt | told later |
/// | [`confirm`](Self::confirm) | after the receipt | told later |
/// | [`cancel`](Self::cancel) | the sale did not come about | told later |
/// | [`refund`](Self::refund), then confirm or cancel | goods come back | told later, where allowed |
///
/// - **No call blocks the sale.** Each returns within [`LoyaltyConfig::call_max`] with what was
///   done, what will be, or a [`Without`]: go on without, and show its text.
/// - Every message that leaves something behind is in the journal before it is sent, and what
///   became of it before the caller hears of it. A crash at any line loses nothing: call
///   [`recover`](Self::recover) at start.
/// - A repeat of a call is answered from the journal. After a break the sale goes on under another
///   number at the processing, which [`Standing::purchase`] tells; the till keeps its own.
/// - One message of the till is on its way at a time. [`drain`](Self::drain), called every few
///   seconds, sends what waits, between sales.
/// - What the processing refuses for good is [`listed`](Self::listed) for a person. In what is kept
///   and told of its words, phones and whatever the guest showed are stars but for their ends.
///
/// One `Loyalty` serves a till in each run of the program. Dropping the future of a call is like a
/// crash at that line.
pub struct Loyalty {
    processing: Arc<dyn LoyaltyProcessing>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    config: LoyaltyConfig,
    /// Whoever has it may send.
    turn: Mutex<()>,
    /// Calls of the till that wait or run.
    callers: AtomicU32,
    link: Lock<Link>,
}

/// How a till takes part.
#[derive(Debug)]
pub struct LoyaltyConfig {
    /// The name that the venue gave the till; 1 to 48 bytes. It is stored: the same till keeps it.
    pub till: Box<str>,
    /// The keys that bodies of messages are covered with in the journal.
    pub keys: BodyKeys,
    /// The id of a message that is sent again.
    pub resend: ResendId,
    /// How long one answer is waited for, whatever the adapter's own limits are.
    pub answer_max: Duration,
    /// How long a call may take in all.
    pub call_max: Duration,
    /// How long the store may take to answer once, whoever asks: then it is as if it were not there.
    pub store_max: Duration,
    /// How long a sale may lie undecided before it is cancelled, or listed when points are at stake.
    pub decide_within: Duration,
    /// How long the queue rests after a call about a sale that is not decided.
    pub rest: Duration,
}

impl LoyaltyConfig {
    /// A till with this name: an answer within 10 s, one of the store within 5 s, a call within 20 s,
    /// a sale decided within half an hour, the queue at rest for 15 s after a call.
    pub fn new(till: impl Into<Box<str>>, keys: BodyKeys) -> Self {
        Self {
            till: till.into(),
            keys,
            resend: ResendId::Same,
            answer_max: Duration::from_secs(10),
            call_max: Duration::from_secs(20),
            store_max: Duration::from_secs(5),
            decide_within: Duration::from_secs(1_800),
            rest: Duration::from_secs(15),
        }
    }
}

/// The id of a message that is sent again (loymax.md 10).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ResendId {
    /// The same bytes under the same id.
    #[default]
    Same,
    /// The same operation under a fresh id, for a processing that does not know repeats. What was
    /// done is known by the state of the purchase there.
    Fresh,
}

/// A till cannot be called so.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the name of a till has 1 to {max} bytes and no control characters")]
pub struct BadTill {
    /// The limit.
    pub max: usize,
}

/// Why a sale goes on without the processing. Show [`Without::text`] to the cashier.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("sold without: {reason}")]
pub struct Without {
    /// Why.
    pub reason: Reason,
    /// In the words of whoever said so.
    pub said: Option<Masked>,
}

/// Why a sale goes on without the processing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// There is no link, or there was none a moment ago.
    #[error("no link to the processing")]
    Offline,
    /// The processing did not answer, or not so that it could be believed.
    #[error("no answer of the processing")]
    NoAnswer,
    /// The call took too long. A repeat goes on where it was.
    #[error("the call took too long")]
    Slow,
    /// The journal cannot be read or written. Nothing new was sent.
    #[error("the journal is not available")]
    Journal,
    /// The message cannot be made: a mistake of the caller or of the settings.
    #[error("the message cannot be made")]
    Message,
    /// The purchase does not stand where this can be asked.
    #[error("the purchase is past that")]
    State,
    /// The PIN was wrong too often.
    #[error("the pin was wrong too often")]
    Pins,
    /// The processing refused.
    #[error(transparent)]
    Refused(Class),
}

/// Discounts that were granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Calculated {
    /// The cheque with the discounts taken off: what every later call says.
    pub cheque: Cheque,
    /// All that was answered.
    pub answer: Box<Answer>,
}

/// Points that are reserved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Paid {
    /// The discount that the till gives for them; its lines are in the answer.
    pub amount: Kopecks,
    /// All that was answered.
    pub answer: Box<Answer>,
}

/// What became of something that is sent until it is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Settled {
    /// Done. The answer is empty when it was done by an earlier sending whose answer is lost.
    Done(Box<Answer>),
    /// It is in the journal and will be sent.
    Later(Without),
    /// It was refused for good, and a person is asked. The sale goes on.
    Listed(Without),
}

/// How a sale stands, for a till that was restarted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Its number at the processing now.
    pub purchase: PurchaseId,
    /// How far it came.
    pub stage: Stage,
    /// Points that are reserved for it.
    pub paid: Option<Points>,
    /// What is still to be sent for it.
    pub waiting: Vec<Kind>,
    /// Answers, in the order they came; and what was granted before the sale got another number.
    pub answers: Vec<(Kind, Answer)>,
}

/// A sale of an earlier run that nobody said the end of: confirm or cancel it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Undecided {
    /// The number that the till chose for it.
    pub sale: PurchaseId,
    /// What it is.
    pub what: What,
    /// How far it came.
    pub stage: Stage,
    /// Points that are reserved for it.
    pub paid: Option<Points>,
    /// Since when.
    pub at: Timestamp,
}

/// A purchase that a person has to look at. Show [`Letter::text`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Letter {
    /// Its number at the processing.
    pub purchase: PurchaseId,
    /// The number that the till chose for the sale.
    pub sale: PurchaseId,
    /// What it is.
    pub what: What,
    /// How far it came.
    pub stage: Stage,
    /// What the cheque cost.
    pub total: Kopecks,
    /// Points that are reserved for it.
    pub paid: Option<Points>,
    /// Why.
    pub why: Trouble,
    /// What is still to be sent for it, the refused message first.
    pub waiting: Vec<Kind>,
    /// When it was begun.
    pub at: Timestamp,
}

/// What a person decides about a letter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// Send it again: whatever was wrong has been put right.
    Retry,
    /// Take all of it back at the processing.
    Cancel,
    /// It came about: confirm it. For what nobody decided.
    Confirm,
    /// Send nothing more: it was settled with the processing's people, or is let go.
    GiveUp,
}

/// What a turn of the queue did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Drained {
    /// Messages that were sent.
    pub sent: u32,
    /// Purchases that were settled or listed by it.
    pub settled: u32,
    /// Streams that cannot be read by this version: a person looks at them.
    pub damaged: u32,
    /// Why it ended early.
    pub stopped: Option<Stop>,
}

/// Why a turn of the queue ended before all was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// The till has a sale: that comes first.
    Sale,
    /// There is no link.
    Link,
    /// So many were asked for.
    Limit,
    /// The journal cannot be read or written.
    Journal,
}

/// How the till stands with its processing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// The last message was answered, or none was sent yet.
    Online,
    /// It was not. Discounts and points are not to be had; points are earned and told later.
    Offline,
}

/// What is known of the link, and of the till's last call.
#[derive(Debug, Default)]
struct Link {
    failures: u32,
    /// By the clock's ticks: nothing is sent before.
    shut_until: Duration,
    /// The same: the queue rests until then.
    busy_until: Duration,
}

/// How long nothing is sent after the first, second and each later failure of the link.
const LINK_BACKOFF: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(60)];

impl Loyalty {
    /// The loyalty of a till, with its journal in this store.
    ///
    /// The clock stamps messages with the till's local time, and bounds the waits. Over a store that
    /// an engine seals days of, its `now` must be journal time (F34).
    ///
    /// # Errors
    /// [`BadTill`] for a name that cannot be stored.
    pub fn try_new(
        processing: Arc<dyn LoyaltyProcessing>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        config: LoyaltyConfig,
    ) -> Result<Self, BadTill> {
        let till = &config.till;
        if till.is_empty() || till.len() > TILL_LEN_MAX || till.chars().any(char::is_control) {
            return Err(BadTill { max: TILL_LEN_MAX });
        }
        let (turn, callers, link) = (Mutex::new(()), AtomicU32::new(0), Lock::default());
        Ok(Self { processing, store, clock, ids, config, turn, callers, link })
    }

    /// How the till stands with its processing. No I/O.
    pub fn mode(&self) -> Mode {
        if self.link().failures == 0 { Mode::Online } else { Mode::Offline }
    }

    /// What the processing is set up for. No I/O.
    pub fn capabilities(&self) -> tillway_core::port::processing::Capabilities {
        self.processing.capabilities()
    }

    fn link(&self) -> Locked<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Without {
    fn because(reason: Reason) -> Self {
        Self { reason, said: None }
    }
}

impl fmt::Debug for Loyalty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loyalty").field("till", &self.config.till).finish_non_exhaustive()
    }
}
