//! The attempts at one device, as its streams have them: what [`Guarded`](crate::Guarded) does for
//! every kind of device.
//!
//! Whoever has the [`Turn`] may read and write them. A device's own types are
//! [`Body`]s here, so a register and a terminal share all of this.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::{Either, select};
use futures::lock::{Mutex, MutexGuard};
use futures::pin_mut;
use tillway_core::Kopecks;
use tillway_core::book::{
    Commit, Outcome, RECORD_BODY_MAX, Seq, StreamId, StreamKind, Verdict as Judged,
};
use tillway_core::flow::{
    AttemptCommand, AttemptFlow, Begun, Body, Flow, Lane, Said, Standing, Verdict, append, fold,
    named_shelf, shelf,
};
use tillway_core::id::{Owner, Uuid};
use tillway_core::port::{Clock, CommitError, Committed, IdSource, Query, Store};

use crate::guarded::{BadDevice, DeviceConfig};

/// How many records an attempt has at most; it writes four.
const RECORDS_MAX: u32 = 64;
/// How many attempts of one device are listed at most: more than one is a second run's doing.
const LISTED_MAX: u32 = 100;
/// How often a commit in doubt is repeated.
const TRIES_MAX: u32 = 3;
/// What an attempt may ask for, in bytes: the rest of a record is its device, mark and total.
const ASKED_MAX: usize = RECORD_BODY_MAX - 2_048;
/// The longest name of a device, in bytes.
const NAME_MAX: usize = 56;

/// The attempts at one device.
pub struct Attempts {
    device: Box<str>,
    lane: Lane,
    wait_max: Duration,
    run: Owner,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The attempt that holds the device between two calls.
    turn: Mutex<Option<Uuid>>,
    /// When something was last written down, by the clock's ticks in milliseconds.
    used_ms: AtomicU64,
}

/// The right to use the device, until this is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    attempts: &'a Attempts,
    holder: MutexGuard<'a, Option<Uuid>>,
}

/// An attempt as its stream has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// How it stands.
    pub flow: AttemptFlow,
    /// The length of its stream.
    seq: Seq,
}

impl Entry {
    /// Whether it was done and waits for a word: no other call goes to its device.
    pub fn is_held(&self) -> bool {
        matches!(self.flow.standing, Standing::Held(_))
    }
}

/// Whether the device is free for an attempt that was begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// Nobody else is at it: send.
    Free,
    /// Another run of the program began one as well. Do not send, and say so.
    Taken,
}

/// Why the journal of a device does not serve.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// Another call has the device for too long. Try again.
    #[error("the device is busy with another call")]
    Busy,
    /// The store cannot be read or written now, or does not say whether it was. Try again.
    #[error("the journal cannot be read or written")]
    Store,
    /// A stream of the device cannot be read by this version. A person looks at it.
    #[error("attempt {id} cannot be read")]
    Damaged {
        /// The attempt.
        id: Uuid,
    },
    /// The attempt has moved on meanwhile, or is settled. Load it again.
    #[error("attempt {id} has moved on")]
    Moved {
        /// The attempt.
        id: Uuid,
    },
    /// The number that a person named belongs to another attempt. Look again.
    #[error("the reference number belongs to attempt {id}")]
    Owned {
        /// The other one.
        id: Uuid,
    },
    /// What is asked does not fit into a record.
    #[error("an attempt has at most {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
}

impl Attempts {
    /// The attempts at this device.
    pub(crate) fn try_new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: &dyn IdSource,
        config: DeviceConfig,
    ) -> Result<Self, BadDevice> {
        let DeviceConfig { name: device, wait_max } = config;
        let bad = device.is_empty() || device.len() > NAME_MAX;
        if bad || device.chars().any(char::is_control) {
            return Err(BadDevice { max: NAME_MAX });
        }
        let (lane, run, turn) = (Lane::of(&device), Owner(ids.fresh()), Mutex::new(None));
        let used_ms = AtomicU64::new(millis(clock.ticks()));
        Ok(Self { device, lane, wait_max, run, store, clock, turn, used_ms })
    }

    /// The device's lane.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// How long nobody has begun or settled anything at the device, in this run of the program.
    pub fn idle(&self) -> Duration {
        let now = millis(self.clock.ticks());
        Duration::from_millis(now.saturating_sub(self.used_ms.load(Ordering::Relaxed)))
    }

    /// Waits for the device.
    ///
    /// # Errors
    /// [`Trouble::Busy`] after [`DeviceConfig::wait_max`].
    pub async fn turn(&self) -> Result<Turn<'_>, Trouble> {
        let lock = self.turn.lock();
        let sleep = self.clock.sleep(self.wait_max);
        pin_mut!(lock);
        match select(lock, sleep).await {
            Either::Left((holder, _)) => Ok(Turn { attempts: self, holder }),
            Either::Right(_) => Err(Trouble::Busy),
        }
    }

    fn stream(id: Uuid) -> StreamId {
        StreamId { kind: StreamKind::Attempt, id }
    }
}

impl Turn<'_> {
    /// The attempt that holds the device between two calls.
    pub fn holder(&self) -> Option<Uuid> {
        *self.holder
    }

    /// This attempt holds the device until it is let go, or the program stops.
    pub fn hold(&mut self, id: Uuid) {
        *self.holder = Some(id);
    }

    /// Nobody holds the device any more.
    pub fn let_go(&mut self) {
        *self.holder = None;
    }

    /// What would be begun: this device, this run of the program.
    pub fn begun(&self, what: Body, total: Kopecks, before: Body) -> Begun {
        let (device, run) = (self.attempts.device.clone(), self.attempts.run);
        Begun { device, what, total, before, run }
    }

    /// An attempt; a new one when its stream is empty.
    ///
    /// # Errors
    /// [`Trouble::Store`], [`Trouble::Damaged`].
    pub async fn load(&self, id: Uuid) -> Result<Entry, Trouble> {
        let stream = Attempts::stream(id);
        let read = self.attempts.store.load(stream, Seq(0), RECORDS_MAX).await;
        let records = read.map_err(|_| Trouble::Store)?;
        let mut flow = AttemptFlow::new(stream);
        fold(&mut flow, &records).map_err(|_| Trouble::Damaged { id })?;
        Ok(Entry { flow, seq: records.last().map_or(Seq(0), |stored| stored.seq) })
    }

    /// Attempts at the device that are not settled, by id.
    ///
    /// # Errors
    /// [`Trouble::Store`], [`Trouble::Damaged`].
    pub async fn unsettled(&self) -> Result<Vec<Entry>, Trouble> {
        let Attempts { device, lane, store, .. } = self.attempts;
        let (kind, shelf) = (Some(StreamKind::Attempt), Some(shelf(device)));
        let query = Query { kind, shelf, ..Query::default() };
        let heads = store.heads(&query, None, LISTED_MAX).await.map_err(|_| Trouble::Store)?;
        let mut found = Vec::with_capacity(heads.len());
        for head in heads {
            let entry = self.load(head.stream.id).await?;
            if entry.flow.lanes().contains(lane) {
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// The names that the device gave.
    pub fn names(&self) -> Names {
        let Attempts { device, store, .. } = self.attempts;
        Names { device: device.clone(), store: Arc::clone(store) }
    }

    /// Another attempt that is not settled and keeps this one off. What this one `undoes` may be
    /// held meanwhile: the device waits for just that.
    ///
    /// # Errors
    /// [`Trouble::Store`], [`Trouble::Damaged`].
    pub async fn obstacle(&self, id: Uuid, undoes: Option<Uuid>) -> Result<Option<Uuid>, Trouble> {
        let bars = |other: &Entry| {
            let undone = undoes == Some(other.flow.id) && other.is_held();
            other.flow.id != id && !undone
        };
        Ok(self.unsettled().await?.into_iter().find(bars).map(|other| other.flow.id))
    }

    /// Writes an attempt down. Durable on return; only then may the device be touched, and only
    /// when the way is free.
    ///
    /// # Errors
    /// [`Trouble::TooLarge`], and nothing was written; else [`Trouble::Store`], [`Trouble::Moved`]:
    /// it may have been written. Do not send.
    pub async fn begin(
        &self,
        entry: &mut Entry,
        begun: Begun,
        undoes: Option<Uuid>,
    ) -> Result<Way, Trouble> {
        if begun.what.size() > ASKED_MAX {
            return Err(Trouble::TooLarge { max: ASKED_MAX });
        }
        self.say(entry, AttemptCommand::Begin(begun)).await?;
        // Commits are serial: of two runs that begin at once, the later one sees the other here.
        let beside = self.obstacle(entry.flow.id, undoes).await?;
        Ok(if beside.is_some() { Way::Taken } else { Way::Free })
    }

    /// Writes down what happened to an attempt. Durable on return.
    ///
    /// # Errors
    /// [`Trouble::Store`]: it may have been written; [`Trouble::Moved`]: it does not fit.
    pub async fn say(&self, entry: &mut Entry, command: AttemptCommand) -> Result<(), Trouble> {
        let (id, at) = (entry.flow.id, self.attempts.clock.now());
        let step = entry.flow.command(command, at).map_err(|_| Trouble::Moved { id })?;
        if step.events.is_empty() {
            return Ok(());
        }
        self.attempts.used_ms.store(millis(self.attempts.clock.ticks()), Ordering::Relaxed);
        let made = append(&entry.flow, Attempts::stream(id), Some(entry.seq), &step.events);
        let (op, after) = made.map_err(|_| Trouble::Damaged { id })?;
        for _ in 0..TRIES_MAX {
            let committed = self.attempts.store.commit(Commit::of(at, vec![op.clone()])).await;
            match committed {
                Ok(Committed { verdict: Judged::Done(done), .. }) => {
                    let [Outcome::Appended(seq)] = done.as_slice() else {
                        return Err(Trouble::Store);
                    };
                    (entry.flow, entry.seq) = (after, *seq);
                    return Ok(());
                }
                Err(CommitError::InDoubt | CommitError::Stale { .. }) => {}
                _ => return Err(Trouble::Store),
            }
            // Our own record is known by its run: what is there is ours, or nothing is, or it is
            // another's.
            let now = self.load(id).await?;
            match now {
                now if now.flow == after => {
                    *entry = now;
                    return Ok(());
                }
                now if now.seq == entry.seq => {}
                _ => return Err(Trouble::Moved { id }),
            }
        }
        Err(Trouble::Store)
    }

    /// Settles an attempt that was asked about and never begun: it never will be.
    ///
    /// # Errors
    /// As [`Turn::say`].
    pub async fn bury(&self, entry: &mut Entry, begun: Begun, body: Body) -> Result<(), Trouble> {
        let said = Said { verdict: Verdict::Refused, body, by: None, reference: None };
        self.say(entry, AttemptCommand::Bury(begun, said)).await
    }
}

fn millis(ticks: Duration) -> u64 {
    u64::try_from(ticks.as_millis()).unwrap_or(u64::MAX)
}

/// The names that a device gave to what it did.
pub struct Names {
    device: Box<str>,
    store: Arc<dyn Store>,
}

impl Names {
    /// The settled attempt to which a name belongs; `None` when it is nobody's.
    ///
    /// # Errors
    /// [`Trouble::Store`].
    pub async fn owner(&self, name: &str) -> Result<Option<Uuid>, Trouble> {
        let shelf = Some(named_shelf(&self.device, name));
        let query = Query { kind: Some(StreamKind::Attempt), shelf, ..Query::default() };
        let heads = self.store.heads(&query, None, 1).await.map_err(|_| Trouble::Store)?;
        Ok(heads.first().map(|head| head.stream.id))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("device", &self.device).finish_non_exhaustive()
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts").field("device", &self.device).finish_non_exhaustive()
    }
}
