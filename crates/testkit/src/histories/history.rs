//! What callers asked and were told, and when.

use core::fmt;

use crate::histories::book::Book;
use crate::histories::call::{Answer, Call, Came};
use crate::histories::explain::explain;
use crate::histories::plan::{Group, Plan, Planned};
use crate::histories::search::{Found, STEPS_MAX, search};

/// The beginning or the end of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Who calls.
    pub caller: usize,
    /// Which of the caller's calls.
    pub nth: usize,
    /// When, by a clock that all callers share: it counts beginnings and ends.
    pub tick: u64,
    /// What came of it; `None` at its beginning.
    pub came: Option<Came>,
}

/// A call, from its beginning to its end.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) caller: usize,
    pub(crate) group: usize,
    pub(crate) call: Call,
    pub(crate) invoked: u64,
    /// Later than everything while it is not known.
    pub(crate) ended: u64,
    /// `None`: it happened between beginning and end, or never.
    pub(crate) answer: Option<Answer>,
}

/// The calls of some callers.
#[derive(Clone, Debug)]
pub struct History {
    seed: u64,
    groups: Vec<Group>,
    entries: Vec<Entry>,
}

/// What a check looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Explained {
    /// Calls.
    pub calls: usize,
    /// Those that began before another one of the same guest had ended.
    pub overlapping: usize,
    /// Steps of the search.
    pub steps: usize,
}

/// Why a history is not one of a right store.
#[derive(Clone)]
pub struct Unexplained(pub(crate) String);

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As for people: a failing test prints this form.
impl fmt::Debug for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unexplained {}

impl Plan {
    /// The history of these events. A call that did nothing is left out.
    pub fn history(&self, mut events: Vec<Event>) -> History {
        events.sort_by_key(|event| event.tick);
        let mut entries: Vec<Entry> = Vec::new();
        let mut nothing = Vec::new();
        let mut index = std::collections::BTreeMap::new();
        for Event { caller, nth, tick, came } in events {
            match (came, index.get(&(caller, nth))) {
                (None, _) => {
                    let Planned { group, call, .. } = self.callers[caller][nth].clone();
                    index.insert((caller, nth), entries.len());
                    let (invoked, ended) = (tick, u64::MAX);
                    entries.push(Entry { caller, group, call, invoked, ended, answer: None });
                }
                (Some(Came::Told(answer)), Some(at)) => {
                    (entries[*at].ended, entries[*at].answer) = (tick, Some(answer));
                }
                (Some(Came::Nothing), Some(at)) => nothing.push(*at),
                // Whether it happened, and when, nobody knows.
                (Some(Came::InDoubt), _) | (Some(_), None) => {}
            }
        }
        let mut at = 0..;
        entries.retain(|_| at.next().is_some_and(|at| !nothing.contains(&at)));
        History { seed: self.seed, groups: self.groups.clone(), entries }
    }
}

impl History {
    /// A history of these calls, made by hand.
    #[cfg(test)]
    pub(crate) fn by_hand(plan: &Plan, entries: Vec<Entry>) -> Self {
        Self { seed: plan.seed, groups: plan.groups.clone(), entries }
    }

    /// This one, and then a later one over the same store, after everybody of this one was gone:
    /// what was not answered happened before that, or never.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        let ticks =
            |entry: &Entry| if entry.ended == u64::MAX { entry.invoked } else { entry.ended };
        let end = self.entries.iter().map(ticks).max().unwrap_or_default() + 1;
        for entry in &mut self.entries {
            entry.ended = entry.ended.min(end);
        }
        let shifted = later.entries.into_iter().map(|entry| Entry {
            invoked: entry.invoked + end + 1,
            ended: entry.ended.saturating_add(end + 1),
            ..entry
        });
        self.entries.extend(shifted);
        self
    }

    /// Whether some order of the calls explains every answer: each call happened at one moment
    /// between its beginning and its end, and each saw all that happened before.
    ///
    /// # Errors
    /// [`Unexplained`], with the smallest part of the history that has no such order.
    pub fn check(&self) -> Result<Explained, Unexplained> {
        let mut explained = Explained::default();
        for (number, group) in self.groups.iter().enumerate() {
            let entries: Vec<_> = self.entries.iter().filter(|e| e.group == number).collect();
            let mut book = group.book();
            match search(&mut book, &entries, STEPS_MAX) {
                Found::Order(steps) => explained.steps += steps,
                Found::None(_) => return Err(explain(self.seed, group, &entries)),
                Found::Unsettled => {
                    let seed = self.seed;
                    let why =
                        format!("seed {seed}, guest {number}: not settled in {STEPS_MAX} steps");
                    return Err(Unexplained(why));
                }
            }
            explained.calls += entries.len();
            explained.overlapping += overlapping(&entries);
        }
        Ok(explained)
    }
}

fn overlapping(entries: &[&Entry]) -> usize {
    let overlaps = |one: &Entry, other: &Entry| {
        one.invoked != other.invoked && one.invoked < other.ended && other.invoked < one.ended
    };
    entries.iter().filter(|one| entries.iter().any(|other| overlaps(one, other))).count()
}

impl Group {
    /// The book with this guest alone, before the first call.
    pub(crate) fn book(&self) -> Book {
        let mut book = Book::default();
        let step = book.ask(&Call::Commit(Box::new(self.setup())));
        drop(book.take(step));
        book
    }
}

/// One line for each event, so that it can be told to another process.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, nth, tick, came } = self;
        match came {
            None => write!(f, "call {caller} {nth} {tick}"),
            Some(Came::Told(answer)) => write!(f, "told {caller} {nth} {tick} {}", answer.text()),
            Some(Came::InDoubt) => write!(f, "doubt {caller} {nth} {tick}"),
            Some(Came::Nothing) => write!(f, "nothing {caller} {nth} {tick}"),
        }
    }
}

impl Event {
    /// Reads a line as it was written; `None` when it is no event.
    pub fn from_line(line: &str) -> Option<Self> {
        let mut words = line.splitn(5, ' ');
        let word = words.next()?;
        let (caller, nth) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let tick = words.next()?.parse().ok()?;
        let came = match (word, words.next()) {
            ("call", None) => None,
            ("told", Some(text)) => Some(Came::Told(Answer::from_text(text))),
            ("doubt", None) => Some(Came::InDoubt),
            ("nothing", None) => Some(Came::Nothing),
            _ => return None,
        };
        Some(Self { caller, nth, tick, came })
    }
}
