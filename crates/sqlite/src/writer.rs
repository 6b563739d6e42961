//! The one writer: group commit.
//!
//! What waits in the queue goes into one transaction; each commit is judged over the rows as the
//! one before left them; the answers go out after the disk has them all. The more callers wait,
//! the larger the group, the fewer syncs for each.

use std::io;
use std::sync::Arc;

use rusqlite::Connection;
use tillway_core::book::{self, Commit, Conflict, StreamRow, judge};
use tillway_core::port::{ClaimError, CommitError, Committed};

use crate::chapters::Binder;
use crate::config::SqliteConfig;
use crate::copier::Copier;
use crate::error::{Fail, Meaning};
use crate::ids::Db;
use crate::kept::{Changed, Kept};
use crate::lock::Lock;
use crate::queue::{Call, Claim, Health, Outcome, Task};
use crate::{load, save};

/// Owns the write connection.
pub(crate) struct Writer {
    /// Closes first.
    pub(crate) copier: Copier,
    pub(crate) connection: Db,
    binder: Binder,
    health: Arc<Health>,
    kept: Arc<Kept>,
    batch_max: usize,
    /// Given back after the connection is closed, whoever waits for that.
    _lock: Arc<Lock>,
}

/// Why a batch was not saved.
struct Failed {
    meaning: Meaning,
    /// In the commit itself: what the disk has is unknown.
    committing: bool,
}

impl Writer {
    pub(crate) fn try_new(
        (mut connection, copying): (Db, Connection),
        lock: Arc<Lock>,
        (health, kept): (Arc<Health>, Arc<Kept>),
        config: &SqliteConfig,
    ) -> io::Result<Self> {
        let shared = (Arc::clone(&health), Arc::clone(&lock));
        let copier = Copier::start(&mut connection, copying, shared, config)?;
        let batch_max = config.batch_max.max(1);
        let binder = Binder::new(config.chapter_names);
        Ok(Self { copier, connection, binder, health, kept, batch_max, _lock: lock })
    }

    /// Writes until nothing waits.
    pub(crate) fn drain(&mut self, call: Call) {
        call.answer(self.batch_max, |batch| {
            self.write(batch);
            self.binder.read_on(&self.connection);
            self.copier.keep_short(&self.connection);
        });
    }

    fn write(&mut self, batch: Vec<Task>) {
        if self.health.is_broken() {
            return batch.into_iter().for_each(|task| task.fail(CommitError::Corrupt));
        }
        match self.transaction(&batch) {
            Ok(outcomes) => {
                batch.into_iter().zip(outcomes).for_each(|(task, outcome)| task.answer(outcome));
            }
            Err(failed) => self.give_up(batch, &failed),
        }
    }

    fn transaction(&mut self, batch: &[Task]) -> Result<Vec<Outcome>, Failed> {
        let failed = |fail: Fail| Failed { meaning: fail.meaning(), committing: false };
        self.run("BEGIN IMMEDIATE").map_err(failed)?;
        let mut changed = Changed::default();
        let outcomes: Result<Vec<_>, _> =
            batch.iter().map(|task| self.one(task, &mut changed)).collect();
        let outcomes = outcomes.map_err(failed)?;
        let written = self.binder.write(&self.connection).map_err(failed)?;
        // Until the commit has ended, whichever way: what it changes is read from the file.
        let _bar = self.kept.bar(changed);
        self.run("COMMIT").map_err(|fail| {
            // Nobody is in the way of a commit that has begun: memory ran out, and maybe after the
            // log was written. The next start would find the commit there.
            let meaning = match fail.meaning() {
                Meaning::Later => Meaning::Broken,
                meaning => meaning,
            };
            Failed { meaning, committing: true }
        })?;
        self.binder.committed(&self.connection, written);
        Ok(outcomes)
    }

    /// Takes the batch back, as far as its end is known.
    fn give_up(&mut self, batch: Vec<Task>, failed: &Failed) {
        self.connection.forget();
        // After some errors SQLite has rolled back by itself.
        let open = !self.connection.is_autocommit();
        let undone = failed.meaning != Meaning::Broken
            && (!open || self.run("ROLLBACK").is_ok() && self.connection.is_autocommit());
        if !undone {
            self.health.breaks();
        }
        let error = match (undone, failed.meaning, failed.committing) {
            (false, _, true) => CommitError::InDoubt,
            // Without its commit record the log says nothing: not saved, on any restart.
            (false, _, false) => CommitError::Unavailable,
            (true, Meaning::Later, _) => CommitError::Unavailable,
            // There may be room for the commits, and none for a filter.
            (true, _, _) if self.binder.gives_up() => return self.write(batch),
            (true, Meaning::Full, _) => CommitError::Full,
            // One task broke a rule of the schema, which core's rules do not allow: the others
            // must not pay for it.
            (true, _, _) if batch.len() > 1 => {
                return batch.into_iter().for_each(|task| self.write(vec![task]));
            }
            (true, _, _) => CommitError::Corrupt,
        };
        batch.into_iter().for_each(|task| task.fail(error.clone()));
    }

    /// One task inside the transaction of its batch. An error ends the whole batch.
    fn one(&self, task: &Task, changed: &mut Changed) -> Result<Outcome, Fail> {
        match task {
            Task::Commit(commit, _) => self.commit(commit, changed).map(Outcome::Commit),
            Task::Claim(claim, _) => self.claim(claim).map(Outcome::Claim),
            Task::Release(stream, fence, _) => {
                if let Some(row) = load::stream(&self.connection, *stream)? {
                    let row = book::release(&row, *fence);
                    save::stream(&self.connection, *stream, Some(&row), true)?;
                }
                Ok(Outcome::Plain)
            }
            Task::Ready(_) => Ok(Outcome::Plain),
        }
    }

    fn commit(
        &self,
        commit: &Commit,
        changed: &mut Changed,
    ) -> Result<Result<Committed, CommitError>, Fail> {
        let view = match load::view(&self.connection, commit) {
            Ok(view) => view,
            // Nothing is written yet, so the rest of the batch may go on.
            Err(fail) if fail.meaning() == Meaning::BadRow => {
                return Ok(Err(CommitError::Corrupt));
            }
            Err(fail) => return Err(fail),
        };
        match judge(view, commit) {
            Ok(judgement) => {
                save::delta(&self.connection, &judgement.delta)?;
                changed.add(&judgement.delta);
                let (verdict, replayed) = (judgement.verdict, judgement.replayed);
                Ok(Ok(Committed { verdict, replayed }))
            }
            Err(conflict) => Ok(Err(match conflict {
                Conflict::Key => CommitError::KeyConflict,
                Conflict::Stale { stream, head } => CommitError::Stale { stream, head },
                Conflict::Fenced => CommitError::Fenced,
                // An error of this program; the money is untouched.
                _ => CommitError::Corrupt,
            })),
        }
    }

    fn claim(&self, claim: &Claim) -> Result<Result<book::Fence, ClaimError>, Fail> {
        let found = load::stream(&self.connection, claim.stream)?;
        let existed = found.is_some();
        let row = found.unwrap_or_else(|| StreamRow::new(claim.stream));
        match book::claim(&row, claim.owner, claim.ttl, claim.now) {
            Ok(row) => {
                save::stream(&self.connection, claim.stream, Some(&row), existed)?;
                Ok(Ok(row.fence))
            }
            Err(_) => Ok(Err(ClaimError::Held)),
        }
    }

    fn run(&self, sql: &str) -> Result<(), Fail> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}
