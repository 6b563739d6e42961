//! Seals past days: the digest of each day becomes a record in a stream of its own.
//!
//! The stream's head says when the next day is due, and by that which day it is. Days are sealed in
//! order, one record each; a day on which nothing was written has none. The first one is the day
//! on which a keeper first recovered this book: what was written before is covered by the chains
//! that go on.

use core::time::Duration;

use tillway_core::book::{Day, Digest, Head, Op, Seq, Status, StreamKind};
use tillway_core::port::{HeadRow, Query, ReadError};
use tillway_core::time::Timestamp;

use crate::Engine;
use crate::drive::{DriveError, With};
use crate::wait::breathe;

/// How long after its end a day is sealed. By then nothing more can be written into it: journal
/// time is past its end and never runs backwards, and a commit is stamped just before it goes to
/// the store. The quarter of an hour is for other copies of the program, whose clocks are not ours.
const AFTER: Duration = Duration::from_secs(15 * 60);
/// How many days one look seals, after a long stop.
const DAYS_MAX: usize = 4;

impl Engine {
    /// Lets sealing begin with the day it is now, unless it has begun.
    pub(crate) async fn begin_sealing(&self) -> Result<(), DriveError> {
        let query = Query { kind: Some(StreamKind::Digest), ..Query::default() };
        if !self.store().heads(&query, None, 1).await?.is_empty() {
            return Ok(());
        }
        let first = Day::of(self.look().at);
        // Another copy may be faster; it begins with the same day, or the one before.
        self.commit(&With::default(), vec![append(Seq(0), None, first)]).await.map(drop)
    }

    /// Seals the days that are due, a few at a time.
    pub(crate) async fn seal(&self, row: &HeadRow) -> Result<(), DriveError> {
        let (mut seq, mut due) = (row.seq, row.head.wake_at);
        for _ in 0..DAYS_MAX {
            // From here on nothing is stamped with an earlier time.
            let Some(day) = due.filter(|due| *due <= self.now()).map(day_of) else { break };
            // What was stamped before is in the book when the store has answered this.
            self.store().ready().await?;
            let digest = self.digest(row, day).await?;
            let next = append(seq, digest.as_ref(), day.next());
            if self.commit(&With::default(), vec![next]).await?.is_none() {
                // Another copy of the program seals.
                break;
            }
            if let Some(digest) = digest {
                seq = Seq(seq.0.saturating_add(1));
                let Digest { streams, accounts, root, .. } = digest;
                let day = date(day);
                tracing::info!(%day, streams, accounts, %root, "the book of the day is sealed");
            }
            due = Some(due_of(day.next()));
            breathe().await;
        }
        Ok(())
    }

    /// The digest of a day; a book that is not what it was is left to a person.
    async fn digest(&self, row: &HeadRow, day: Day) -> Result<Option<Digest>, DriveError> {
        let digest = self.store().digest(day).await;
        if digest == Err(ReadError::Corrupt) {
            let day = date(day);
            tracing::error!(%day, "the chains of the book do not hold, so the day is not sealed");
            let head = Head { status: Status::NeedsPerson, ..row.head.clone() };
            let (stream, expect, records) = (Digest::STREAM, Some(row.seq), Vec::new());
            let listed = Op::Append { stream, expect, fence: None, records, head };
            self.commit(&With::default(), vec![listed]).await?;
        }
        Ok(digest?)
    }
}

/// Adds the digest to its stream, and says which day is next.
fn append(seen: Seq, digest: Option<&Digest>, next: Day) -> Op {
    // Nobody has to do anything, so it is not open; it wakes all the same.
    let head = Head { status: Status::Done, wake_at: Some(due_of(next)), ..Head::default() };
    let records = digest.map(Digest::encode).into_iter().collect();
    Op::Append { stream: Digest::STREAM, expect: Some(seen), fence: None, records, head }
}

/// When a day is to be sealed.
fn due_of(day: Day) -> Timestamp {
    day.next().start().after(AFTER)
}

/// Which day is to be sealed at this moment.
fn day_of(due: Timestamp) -> Day {
    Day::of(due.before(AFTER)).before()
}

/// A day as people write it.
fn date(day: Day) -> String {
    day.start().to_string().chars().take_while(|letter| *letter != 'T').collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillway_core::book::Commit;
    use tillway_core::id::Uuid;
    use tillway_core::port::{Journal, Store};
    use tillway_memory::MemoryStore;
    use tillway_testkit::builders::anna;
    use tillway_testkit::runtime::{CountingIds, TestClock, ThreadSpawner, block_on};

    use super::*;
    use crate::{EngineConfig, Ports};

    #[test]
    fn a_day_and_the_moment_it_is_due_say_the_same() {
        for day in [-1, 0, 20_717] {
            assert_eq!(day_of(due_of(Day(day))), Day(day));
        }
        assert_eq!(due_of(Day(20_717)).to_string(), "2026-09-22T00:15:00.000Z");
        assert_eq!(date(Day(20_717)), "2026-09-21");
    }

    /// A keeper that has read the same head as another, and is slower.
    #[test]
    fn a_slow_keeper_seals_no_day_twice() {
        let noon = Timestamp::utc(1_790_000_000_000);
        let (store, clock) = (Arc::new(MemoryStore::new()), TestClock::at(noon));
        block_on(store.commit(Commit::of(noon, anna().ops()))).unwrap();
        let ports = Ports {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::new(clock.clone()),
            spawner: Arc::new(ThreadSpawner::new()),
            ids: Arc::new(CountingIds::new()),
        };
        let engine = Engine::new(ports, EngineConfig::new(Uuid::from_u128(1)));
        block_on(engine.begin_sealing()).unwrap();
        clock.advance(Duration::from_secs(24 * 3_600));
        let head = block_on(store.heads(&Query::default(), None, 1)).unwrap().remove(0);
        for _ in 0..2 {
            block_on(engine.seal(&head)).unwrap();
            let kept = block_on(store.load(Digest::STREAM, Seq(0), 10)).unwrap();
            assert_eq!(kept.len(), 1);
        }
    }
}
