#![doc = include_str!("../README.md")]

mod processing;
mod read;
mod register;
mod tables;
mod terminal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tillway_core::book::{Commit, Conflict, Key, View, judge, needs};
use tillway_core::port::{CommitError, Committed, ReadError, Readiness, Recalled, Store};

pub use crate::processing::{Duplicates, Member, MemoryProcessing, ProcessingMishap, Programme};
pub use crate::register::{MemoryRegister, Mishap, Piece, Printed};
use crate::tables::Tables;
pub use crate::terminal::{MemoryTerminal, Move, MoveKind, TerminalMishap};

/// How often [`needs`] may ask before the commit counts as one that it cannot describe: it
/// promises four rounds.
const ROUNDS_MAX: usize = 8;

/// The store in memory. A clone is another handle on the same data.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    tables: Arc<Mutex<Tables>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tables. A panic elsewhere leaves them whole: `save` is the only writer, and it writes
    /// what was decided before.
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, CommitError> {
        let mut tables = self.lock();
        let mut view = View::default();
        for _ in 0..ROUNDS_MAX {
            let Some(asked) = needs(&commit, &view) else {
                let judged = judge(view, &commit).map_err(refusal_to_judge)?;
                tables.save(judged.delta);
                return Ok(Committed { verdict: judged.verdict, replayed: judged.replayed });
            };
            tables.load(asked, commit.at, &mut view);
        }
        Err(CommitError::Corrupt)
    }

    async fn recall(&self, key: &Key) -> Result<Option<Recalled>, ReadError> {
        let tables = self.lock();
        Ok(tables.keys.get(&(key.scope, key.id)).map(|row| match &row.refusal {
            None => Recalled::Done,
            Some(refusal) => Recalled::Refused(refusal.clone()),
        }))
    }

    fn ready(&self) -> Readiness<ReadError> {
        Readiness::Known(Ok(()))
    }
}

fn refusal_to_judge(conflict: Conflict) -> CommitError {
    match conflict {
        Conflict::Key => CommitError::KeyConflict,
        Conflict::Stale { stream, head } => CommitError::Stale { stream, head },
        Conflict::Fenced => CommitError::Fenced,
        _ => CommitError::Corrupt,
    }
}
