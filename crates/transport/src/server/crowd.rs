//! Places for connections, and who has to go when a newcomer finds none.
//!
//! A place is lost only by a connection that keeps us waiting: for its first or next request, for
//! the rest of a head or of a body, or for its taking of an answer. One whose request is with the
//! service is never touched. Strangers go first, then whoever has kept us waiting longest.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::shared::{Shared, Wait};
use crate::runtime::Runtime;

/// So long a newcomer may say nothing: its first bytes come with the connection, or soon.
const NEWCOMER_PATIENCE: Duration = Duration::from_millis(5);

/// So long everybody else may keep us waiting.
const PATIENCE: Duration = Duration::from_secs(1);

/// While nobody can be asked to go, they are looked at again so soon.
const TICK: Duration = Duration::from_millis(250);

/// What share of all places is freed at once: whoever needs one soon has company.
const SHARE: usize = 16;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Crowd {
    places: Arc<Semaphore>,
    most: usize,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    last: u64,
    taken: BTreeMap<u64, Seat>,
    warned: Option<Instant>,
}

impl Seats {
    /// A crowd is told of once in a while.
    fn may_warn(&mut self, now: Instant) -> bool {
        let may = self.warned.is_none_or(|then| now.saturating_duration_since(then) >= PATIENCE);
        if may {
            self.warned = Some(now);
        }
        may
    }
}

#[derive(Debug)]
struct Seat {
    shared: Arc<Shared>,
    stranger: bool,
    /// How the connection was found last, and since when it is so.
    found: (usize, Option<Wait>),
    since: Instant,
}

impl Seat {
    /// How long it has kept us waiting beyond its patience; `Err` says when that will be.
    fn overdue(&mut self, now: Instant) -> Option<Result<Duration, Duration>> {
        let found = self.shared.found();
        if found != self.found {
            self.found = found;
            self.since = now;
        }
        let patience = match found.1? {
            Wait::First => NEWCOMER_PATIENCE,
            _ if self.stranger => NEWCOMER_PATIENCE,
            Wait::Next | Wait::Body | Wait::Reader => PATIENCE,
        };
        let waited = now.saturating_duration_since(self.since);
        Some(waited.checked_sub(patience).ok_or(patience.saturating_sub(waited)))
    }
}

/// One connection's place, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: Option<u64>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    /// Who sits there from now on.
    pub(super) fn take(&mut self, shared: Arc<Shared>, stranger: bool, now: Instant) {
        let mut seats = self.crowd.lock();
        seats.last = seats.last.wrapping_add(1);
        let (number, found) = (seats.last, shared.found());
        seats.taken.insert(number, Seat { shared, stranger, found, since: now });
        self.number = Some(number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.crowd.lock().taken.remove(&number);
        }
    }
}

impl Crowd {
    pub(super) fn new(most: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(most));
        Arc::new(Self { places, most, seats: Mutex::default() })
    }

    /// A place, if there is one.
    pub(super) fn try_place(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { crowd: Arc::clone(self), number: None, _permit: Some(permit) })
    }

    /// A place; while there is none, room is made.
    pub(super) async fn place(self: &Arc<Self>, runtime: &Runtime) -> Place {
        loop {
            if let Some(place) = self.try_place() {
                return place;
            }
            let pause = match self.make_room(runtime.now()) {
                Room::Made => TICK,
                Room::In(pause) => pause,
            };
            tokio::select! {
                biased;
                // Nobody closes the semaphore.
                permit = Arc::clone(&self.places).acquire_owned() => {
                    let permit = permit.ok();
                    return Place { crowd: Arc::clone(self), number: None, _permit: permit };
                }
                () = runtime.sleep(pause) => {}
            }
        }
    }

    /// Asks those to go who have kept us waiting too long, a few at once.
    pub(super) fn make_room(&self, now: Instant) -> Room {
        let mut seats = self.lock();
        let (mut overdue, mut soonest) = (Vec::new(), TICK);
        for (number, seat) in &mut seats.taken {
            match seat.overdue(now) {
                Some(Ok(by)) if !seat.shared.is_asked_to_go() => {
                    overdue.push((seat.stranger, by, Reverse(*number)));
                }
                Some(Err(left)) => soonest = soonest.min(left),
                _ => {}
            }
        }
        if overdue.is_empty() {
            return Room::In(soonest.max(Duration::from_millis(1)));
        }
        if seats.may_warn(now) {
            let most = self.most;
            tracing::warn!(most, "no place for a connection; those that keep us waiting must go");
        }
        overdue.sort_unstable_by(|a, b| b.cmp(a));
        for (.., Reverse(number)) in overdue.iter().take((self.most / SHARE).max(1)) {
            if let Some(seat) = seats.taken.get(number) {
                seat.shared.ask_to_go();
            }
        }
        Room::Made
    }

    /// Says that accepting fails; and makes room, because connections are what it lacks mostly.
    pub(super) fn accept_failed(&self, error: &io::Error, now: Instant) -> Room {
        if self.lock().may_warn(now) {
            tracing::warn!(%error, "a connection was not accepted");
        }
        self.make_room(now)
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody was asked to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Room {
    /// Places are free in a moment.
    Made,
    /// Nobody has kept us waiting too long; look again then.
    In(Duration),
}
