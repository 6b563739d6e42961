//! The smallest part of a history that nothing explains, for people.

use core::fmt::Write as _;

use crate::histories::book::Book;
use crate::histories::call::Call;
use crate::histories::history::{Entry, Unexplained};
use crate::histories::plan::Group;
use crate::histories::search::{Found, search};

/// The most steps of a search for something smaller: what takes longer is left as it is.
const STEPS_MAX: usize = 20_000;

/// Says what is wrong with entries that have no order.
pub(crate) fn explain(seed: u64, group: &Group, entries: &[&Entry]) -> Unexplained {
    let mut entries: Vec<Entry> = entries.iter().map(|entry| (*entry).clone()).collect();
    entries = shortest(group, entries);
    smallest(group, &mut entries);
    entries.sort_by_key(|entry| entry.invoked);
    let shown: Vec<&Entry> = entries.iter().filter(|entry| entry.answer.is_some()).collect();
    let hidden = entries.len() - shown.len();
    let mut text = format!(
        "seed {seed}: no order of these {} calls explains their answers\n\
         (each began and ended at the ticks in front; {hidden} more may have happened or not)\n",
        shown.len()
    );
    for entry in &shown {
        let (caller, call) = (entry.caller, &entry.call);
        let _ =
            writeln!(text, "  [{:>5}, {:>5}] caller {caller}: {call}", entry.invoked, entry.ended);
        let told = entry.answer.as_ref().map_or("", |answer| answer.text());
        let _ = writeln!(text, "    -> {told}");
    }
    let _ = write!(text, "{}", stuck(group, &entries));
    Unexplained(text)
}

fn has_no_order(group: &Group, entries: &[Entry]) -> bool {
    let entries: Vec<&Entry> = entries.iter().collect();
    matches!(search(&mut group.book(), &entries, STEPS_MAX), Found::None(_))
}

/// Only what began before the first answer that nothing explains. What has no order has none when
/// it goes on, so halving finds it.
fn shortest(group: &Group, entries: Vec<Entry>) -> Vec<Entry> {
    let mut ends: Vec<u64> = entries.iter().map(|entry| entry.ended).collect();
    ends.sort_unstable();
    let until = |end: u64| -> Vec<Entry> {
        let begun = entries.iter().filter(|entry| entry.invoked < end).cloned();
        let cut = |entry: Entry| match entry.ended <= end {
            true => entry,
            false => Entry { ended: u64::MAX, answer: None, ..entry },
        };
        begun.map(cut).collect()
    };
    let first = ends.partition_point(|end| !has_no_order(group, &until(*end)));
    match ends.get(first) {
        Some(end) => until(*end),
        None => entries,
    }
}

/// Leaves out what changed nothing, and forgets answers that are not needed: neither can take an
/// explanation away.
fn smallest(group: &Group, entries: &mut Vec<Entry>) {
    for index in (0..entries.len()).rev() {
        let kept = entries.clone();
        if changed_nothing(&entries[index]) {
            entries.remove(index);
        } else {
            entries[index].answer = None;
        }
        if !has_no_order(group, entries) {
            *entries = kept;
        }
    }
}

fn changed_nothing(entry: &Entry) -> bool {
    let told = entry.answer.as_ref().map(|answer| answer.text());
    let is_idle = |told: &str| told.starts_with("Err(") || told.contains("replayed: true");
    !matches!(entry.call, Call::Commit(_)) || told.is_some_and(is_idle)
}

/// How far an order can go, and what stands in the way.
fn stuck(group: &Group, entries: &[Entry]) -> String {
    let all: Vec<&Entry> = entries.iter().collect();
    let Found::None(best) = search(&mut group.book(), &all, STEPS_MAX) else {
        return String::new();
    };
    let mut book: Book = group.book();
    for index in &best {
        let step = book.ask(&entries[*index].call);
        drop(book.take(step));
    }
    let rest = || entries.iter().enumerate().filter(|(index, _)| !best.contains(index));
    let ends = rest().map(|(_, entry)| entry.ended).min().unwrap_or(u64::MAX);
    let mut text = String::from("the longest order leaves these, and the book would say\n");
    for (_, entry) in rest().filter(|(_, e)| e.answer.is_some() && e.invoked < ends) {
        let _ = writeln!(text, "  caller {}: {}", entry.caller, entry.call);
        let _ = writeln!(text, "    -> {:?}", book.ask(&entry.call).answer);
    }
    text
}
