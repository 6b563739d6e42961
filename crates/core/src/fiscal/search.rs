//! Was it written? The walk through the fiscal memory after an answer was lost (ATOL note 11).
//!
//! A pure machine: it says what to [ask](Ask) the register, is given the [answer](Answer), and in
//! the end has a [`Finding`]. It never guesses: where the memory cannot tell two documents apart,
//! a person decides, with the evidence.

use core::time::Duration;

use minicbor::{Decode, Encode};

use crate::fiscal::document::{DocumentKind, Mark, Registered};
use crate::money::Kopecks;
use crate::time::Timestamp;

/// How many documents a walk reads at most. More than that in between is a person's case.
const WALK_MAX: u32 = 256;
/// How far the register's clock may differ from itself: it is set by hand.
const SLACK: Duration = Duration::from_secs(300);

/// What the document would look like if it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expected {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its total, for receipts.
    pub total: Option<Kopecks>,
    /// Not after this moment of the register's clock.
    pub until: Timestamp,
    /// The operation printed into it, where several programs share the register (F20).
    pub operation: Option<Box<str>>,
}

/// What to ask next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ask {
    /// Where the memory stands now, and whether the register is at rest.
    Last,
    /// A document by its number.
    Document(u32),
    /// Nothing.
    Nothing(Finding),
}

/// What the register says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Where the memory stands.
    Last {
        /// Serial number, last document, clock.
        mark: Mark,
        /// No document is open and no task is being worked on.
        idle: bool,
    },
    /// The document that was asked for.
    Document(Box<Registered>),
    /// The document that was asked for, of which the memory keeps only the basic tags any more: an
    /// operation that it does not tell may have been printed into it.
    Short(Box<Registered>),
    /// The memory has no such document, or cannot read it.
    Unreadable,
}

/// What the walk came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Finding {
    /// It was written: this is it.
    Written(Box<Registered>),
    /// It was not written, and will not be: a new attempt may begin, under a new id.
    NotWritten,
    /// The register is still busy. Search again later.
    Busy,
    /// The memory cannot say. A person decides; nothing is sent again by itself.
    Person(Box<Evidence>),
}

/// What a person needs to decide.
#[derive(Clone, Debug, Decode, Encode, Eq, PartialEq)]
pub struct Evidence {
    /// Why the program does not decide.
    #[n(0)]
    pub why: Why,
    /// Where the memory stood before.
    #[n(1)]
    pub before: Mark,
    /// Where it stands now.
    #[n(2)]
    pub now: Mark,
    /// Documents that could be it.
    #[n(3)]
    pub candidates: Vec<Registered>,
}

/// Why the memory cannot say.
#[derive(Clone, Copy, Debug, Decode, Encode, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// Another FN is in the register (F23).
    #[n(0)]
    #[error("another fiscal memory is in the register")]
    OtherMemory,
    /// The last number is lower than it was.
    #[n(1)]
    #[error("the last document has a lower number than before")]
    Backwards,
    /// More than one document could be it.
    #[n(2)]
    #[error("more than one document could be it")]
    Several,
    /// The only document that could be it is of another time, or lacks its total or its operation.
    #[n(3)]
    #[error("a document is like it, but of another time, or without a total or an operation")]
    Unlike,
    /// A document in between cannot be read.
    #[n(4)]
    #[error("document {number} cannot be read")]
    Unreadable {
        /// Its number.
        #[n(0)]
        number: u32,
    },
    /// Too many documents were written in between.
    #[n(5)]
    #[error("too many documents were written in between")]
    TooMany,
}

/// The walk.
#[derive(Clone, Debug)]
pub struct Search {
    expected: Expected,
    before: Mark,
    now: Option<Mark>,
    /// The next document to read.
    next: u32,
    /// The last number was read this often in a row without growing.
    seen: u8,
    /// Documents that are known to be of another operation.
    claimed: Vec<u32>,
    candidates: Vec<Registered>,
    /// Like it in all that the memory tells, which is not enough.
    alike: Vec<Registered>,
    finding: Option<Finding>,
}

impl Search {
    /// From where the memory stood before the call. Documents in `claimed` are known to be of
    /// other operations.
    pub fn new(expected: Expected, before: Mark, claimed: Vec<u32>) -> Self {
        let next = before.last.saturating_add(1);
        let (candidates, alike, finding) = (Vec::new(), Vec::new(), None);
        Self { expected, before, now: None, next, seen: 0, claimed, candidates, alike, finding }
    }

    /// What to ask next. The same question until it is answered.
    pub fn next(&self) -> Ask {
        match (&self.finding, &self.now) {
            (Some(finding), _) => Ask::Nothing(finding.clone()),
            (None, Some(now)) if self.next <= now.last => Ask::Document(self.next),
            (None, _) => Ask::Last,
        }
    }

    /// Takes the answer to the last question; one that was not asked for changes nothing.
    pub fn answer(&mut self, answer: Answer) {
        match (self.next(), answer) {
            (Ask::Last, Answer::Last { mark, idle }) => self.last(mark, idle),
            (Ask::Document(number), Answer::Document(document)) if document.number == number => {
                self.document(*document, false);
            }
            (Ask::Document(number), Answer::Short(document)) if document.number == number => {
                self.document(*document, true);
            }
            (Ask::Document(_), Answer::Last { .. }) | (Ask::Last | Ask::Nothing(_), _) => {}
            (Ask::Document(number), _) => self.ask_person(Why::Unreadable { number }),
        }
    }

    fn document(&mut self, document: Registered, short: bool) {
        self.next = document.number.saturating_add(1);
        match self.likeness(&document, short) {
            Likeness::Same => self.candidates.push(document),
            Likeness::Alike => self.alike.push(document),
            Likeness::Other => {}
        }
    }

    fn last(&mut self, mark: Mark, idle: bool) {
        let grown = self.now.as_ref().is_none_or(|now| now.last < mark.last);
        let why = if mark.memory != self.before.memory {
            Some(Why::OtherMemory)
        } else if mark.last < self.before.last {
            Some(Why::Backwards)
        } else if mark.last.saturating_sub(self.before.last) > WALK_MAX {
            Some(Why::TooMany)
        } else {
            None
        };
        self.now = Some(mark);
        if let Some(why) = why {
            return self.ask_person(why);
        }
        if !idle {
            self.finding = Some(Finding::Busy);
            return;
        }
        // Twice the same, at rest: nothing is on its way any more (F20).
        self.seen = if grown { 1 } else { self.seen.saturating_add(1) };
        if self.seen >= 2 {
            self.conclude();
        }
    }

    fn conclude(&mut self) {
        match self.candidates.as_slice() {
            [] if !self.alike.is_empty() => self.ask_person(Why::Unlike),
            [] => self.finding = Some(Finding::NotWritten),
            [one] => self.finding = Some(Finding::Written(Box::new(one.clone()))),
            _ => self.ask_person(Why::Several),
        }
    }

    fn ask_person(&mut self, why: Why) {
        let now = self.now.clone().unwrap_or_else(|| self.before.clone());
        let before = self.before.clone();
        let candidates = self.candidates.iter().chain(&self.alike).cloned().collect();
        self.finding = Some(Finding::Person(Box::new(Evidence { why, before, now, candidates })));
    }

    /// Whether this document is the one. The numbers prove that it came after; its clock may have
    /// been set in between, so a wrong time convicts nobody.
    fn likeness(&self, document: &Registered, short: bool) -> Likeness {
        let Expected { kind, total, until, operation } = &self.expected;
        let other_total = total.zip(document.total).is_some_and(|(ours, its)| ours != its);
        let untold = operation.is_some() && document.operation.is_none() && short;
        let other_operation = operation.is_some() && *operation != document.operation && !untold;
        if document.kind != *kind
            || other_total
            || other_operation
            || self.claimed.contains(&document.number)
        {
            return Likeness::Other;
        }
        let slack = i64::try_from(SLACK.as_millis()).unwrap_or(0);
        let from = self.before.at.wall_ms().saturating_sub(slack);
        let to = until.wall_ms().saturating_add(slack);
        let in_time = document.at.is_some_and(|at| (from..=to).contains(&at.wall_ms()));
        let known = (total.is_none() || document.total.is_some()) && !untold;
        if in_time && known { Likeness::Same } else { Likeness::Alike }
    }
}

enum Likeness {
    Same,
    Alike,
    Other,
}

#[cfg(test)]
mod tests;
