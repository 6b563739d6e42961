//! What came and what was answered.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use tillway_core::Timestamp;

use super::fault::Fault;
use super::xml::Record;

/// How many entries are kept.
const ENTRIES_MAX: usize = 50_000;

/// One request. Bodies have personal data and PINs in them: no `Debug` shows them.
#[derive(Clone)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// When it came, by the house's clock.
    pub at: Timestamp,
    /// The path that was asked.
    pub path: String,
    /// The till that asked, when it was let in.
    pub till: Option<String>,
    /// What it sent.
    pub request: Bytes,
    /// What was answered, whole, whether it came through or not; none when nothing was done.
    pub answer: Option<Bytes>,
    /// The status of the answer that was sent; none when none was.
    pub status: Option<u16>,
    /// What went wrong.
    pub fault: Option<Fault>,
    /// What became of each command.
    pub commands: Vec<Record>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Entry");
        shown.field("number", &self.number).field("status", &self.status);
        shown.field("fault", &self.fault).field("commands", &self.commands).finish_non_exhaustive()
    }
}

impl Entry {
    /// A line for people: which commands came, and what they came to.
    pub fn shown(&self) -> String {
        let commands = self.commands.iter().map(|it| {
            let again = if it.code == 0 && !it.done { ", повтор" } else { "" };
            format!("{:?} {}{again}", it.kind, it.code)
        });
        let commands: Vec<String> = commands.collect();
        let status = self.status.map_or("нет ответа".to_owned(), |it| it.to_string());
        let fault = self.fault.as_ref().map_or(String::new(), |it| format!(" [{it:?}]"));
        let till = self.till.as_deref().unwrap_or("?");
        format!("{} {till}: {} {status}{fault}", self.number, commands.join("; "))
    }
}

#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: VecDeque<Entry>,
    last: u64,
}

impl Journal {
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.iter().cloned().collect()
    }

    /// Begins an entry, and gives its number.
    pub(super) fn begin(&mut self, mut entry: Entry) -> u64 {
        self.last = self.last.saturating_add(1);
        entry.number = self.last;
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.last
    }

    /// Writes down what became of a request.
    pub(super) fn amend(&mut self, number: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.number == number) {
            change(entry);
        }
    }

    pub(super) fn shown_since(&self, seen: u64) -> (Vec<String>, u64) {
        let new = self.entries.iter().filter(|entry| entry.number > seen);
        (new.map(Entry::shown).collect(), self.last)
    }
}
