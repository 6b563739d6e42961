//! The search for an order of the calls of one guest that explains all answers.
//!
//! After Wing and Gong, with Lowe's memory of what was tried: of the calls that nobody has to come
//! before, take one whose answer the book gives; when none is left, take the last one back.

use std::collections::HashSet;

use crate::histories::book::{Book, Undo};
use crate::histories::call::Call;
use crate::histories::history::Entry;

/// The most steps of one search: a history of honest callers needs about as many as it has calls.
pub(crate) const STEPS_MAX: usize = 2_000_000;

/// What the search came to.
#[derive(Debug)]
pub(crate) enum Found {
    /// An order that explains every answer; the steps that it took.
    Order(usize),
    /// There is none. The longest beginning of one, by index of the entries.
    None(Vec<usize>),
    /// It was given up.
    Unsettled,
}

/// Looks for an order of these entries, which are all of one guest, over a book as it stands.
pub(crate) fn search(book: &mut Book, entries: &[&Entry], steps_max: usize) -> Found {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|index| entries[*index].invoked);
    let mut search = Search {
        book,
        entries,
        order,
        placed: vec![0; entries.len().div_ceil(64)],
        path: Vec::new(),
        best: Vec::new(),
        seen: HashSet::new(),
        steps: 0,
        steps_max,
    };
    search.run()
}

struct Search<'s> {
    book: &'s mut Book,
    entries: &'s [&'s Entry],
    /// The entries as they began.
    order: Vec<usize>,
    /// The entries that are placed, as bits.
    placed: Vec<u64>,
    path: Vec<Placed>,
    best: Vec<usize>,
    /// Where the search was: the entries that were placed, and the digest of the book.
    seen: HashSet<(Vec<u64>, u128)>,
    steps: usize,
    steps_max: usize,
}

/// A choice that was made, and those that were not made yet.
struct Placed {
    choice: Choice,
    undo: Option<Undo>,
    rest: Vec<Choice>,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    /// It happened here.
    Happens(usize),
    /// Nobody knows whether it happened: it did not.
    Never(usize),
}

impl Choice {
    fn index(self) -> usize {
        match self {
            Self::Happens(index) | Self::Never(index) => index,
        }
    }
}

impl Search<'_> {
    fn run(&mut self) -> Found {
        let mut choices = self.choices();
        loop {
            if self.is_done() {
                return Found::Order(self.steps);
            }
            match self.place_one_of(choices) {
                Some(next) => choices = next,
                None => match self.take_back() {
                    Some(rest) => choices = rest,
                    None => return Found::None(std::mem::take(&mut self.best)),
                },
            }
            if self.steps > self.steps_max {
                return Found::Unsettled;
            }
        }
    }

    fn is_done(&self) -> bool {
        self.entries.iter().enumerate().all(|(i, e)| self.has(i) || e.answer.is_none())
    }

    fn has(&self, index: usize) -> bool {
        self.placed[index / 64] & (1 << (index % 64)) != 0
    }

    fn flip(&mut self, index: usize) {
        self.placed[index / 64] ^= 1 << (index % 64);
    }

    /// Calls that may come next: nothing that is not placed ended before they began.
    fn choices(&self) -> Vec<Choice> {
        let (mut ends, mut next) = (u64::MAX, Vec::new());
        for index in self.order.iter().copied().filter(|index| !self.has(*index)) {
            let entry = self.entries[index];
            if entry.invoked > ends {
                break;
            }
            ends = ends.min(entry.ended);
            next.push(index);
        }
        next.retain(|index| self.entries[*index].invoked < ends);
        // Taken from the end. What ended first probably happened first; that nothing happened is
        // the last guess.
        let doubtful = next.iter().filter(|index| self.entries[**index].answer.is_none());
        let mut choices: Vec<_> = doubtful.map(|index| Choice::Never(*index)).collect();
        next.sort_by_key(|index| core::cmp::Reverse(self.entries[*index].ended));
        choices.extend(next.into_iter().map(Choice::Happens));
        choices
    }

    /// Places the first choice that fits, and tells what may come after it.
    fn place_one_of(&mut self, mut rest: Vec<Choice>) -> Option<Vec<Choice>> {
        while let Some(choice) = rest.pop() {
            self.steps += 1;
            let undo = match choice {
                Choice::Never(_) => None,
                Choice::Happens(index) => {
                    let step = self.book.ask(&self.entries[index].call);
                    let told = self.entries[index].answer.as_ref();
                    if told.is_some_and(|told| *told != step.answer) {
                        continue;
                    }
                    if !matches!(self.entries[index].call, Call::Commit(_)) {
                        // A read that fits here is in nobody's way: no other choice has to be
                        // tried. A commit that changes nothing here might be needed later.
                        rest.clear();
                    }
                    Some(self.book.take(step))
                }
            };
            let index = choice.index();
            self.flip(index);
            if !self.seen.insert((self.placed.clone(), self.book.digest())) {
                self.flip(index);
                undo.into_iter().for_each(|undo| self.book.back(undo));
                continue;
            }
            self.path.push(Placed { choice, undo, rest });
            self.note_the_best();
            return Some(self.choices());
        }
        None
    }

    /// Takes the last choice back, and tells what else could have been there.
    fn take_back(&mut self) -> Option<Vec<Choice>> {
        let Placed { choice, undo, rest } = self.path.pop()?;
        self.flip(choice.index());
        undo.into_iter().for_each(|undo| self.book.back(undo));
        Some(rest)
    }

    fn note_the_best(&mut self) {
        if self.path.len() > self.best.len() {
            let happened = self.path.iter().filter_map(|placed| match placed.choice {
                Choice::Happens(index) => Some(index),
                Choice::Never(_) => None,
            });
            self.best = happened.collect();
        }
    }
}
