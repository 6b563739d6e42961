//! How a library can be worse than its documentation.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::world::lock;
use crate::{Wide, wide};

/// How the handles of one register misbehave.
#[derive(Default)]
pub(crate) struct Quirks {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    answer: Answer,
    length: Length,
    silent: bool,
    /// The function whose next call hangs, and a word that its task must have.
    hang: Option<(String, String)>,
    hanging: bool,
}

/// What the result of a JSON task becomes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Answer {
    #[default]
    Honest,
    /// Followed by 70 000 spaces.
    Long,
    NotJson,
    Empty,
    /// With units that are no characters around it.
    Broken,
    /// With units that are no characters in a text within it.
    Replaced,
}

/// How long a result claims to be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Length {
    #[default]
    Honest,
    Negative,
    Huge,
    Growing,
}

impl Quirks {
    /// Takes words of a command; `false` for those it does not know.
    pub(crate) fn take(&self, words: &[&str]) -> bool {
        let mut now = lock(&self.now);
        match words {
            ["answer", word] => match answer(word) {
                Some(answer) => now.answer = answer,
                None => return false,
            },
            ["length", word] => match length(word) {
                Some(length) => now.length = length,
                None => return false,
            },
            ["silent", word @ ("on" | "off")] => now.silent = *word == "on",
            ["hang", function, task @ ..] if task.len() < 2 => {
                now.hang = Some(((*function).to_owned(), task.concat()));
            }
            ["release"] => {
                now.hang = None;
                now.hanging = false;
                self.changed.notify_all();
            }
            ["hanging"] => {
                while !now.hanging {
                    now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
                }
            }
            _ => return false,
        }
        true
    }

    /// Whether failures have no number.
    pub(crate) fn is_silent(&self) -> bool {
        lock(&self.now).silent
    }

    /// Hangs, if this function is to.
    pub(crate) fn maybe_hang(&self, function: &str, task: &str) {
        let mut now = lock(&self.now);
        let meant = |(wanted, word): &(String, String)| wanted == function && task.contains(word);
        if !now.hang.as_ref().is_some_and(meant) {
            return;
        }
        now.hang = None;
        now.hanging = true;
        self.changed.notify_all();
        while now.hanging {
            now = self.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The units of a result, and how many they claim to be.
    pub(crate) fn result(&self, text: &str, buffer: usize) -> (Vec<Wide>, i32) {
        let now = lock(&self.now);
        let units = match now.answer {
            Answer::Honest => wide(text),
            Answer::Long => wide(&format!("{text}{}", " ".repeat(70_000))),
            Answer::NotJson => wide("<html>Ошибка</html>"),
            Answer::Empty => Vec::new(),
            Answer::Broken => [bad(), wide(text), bad()].concat(),
            Answer::Replaced => match text.strip_prefix('{') {
                Some(rest) => [wide("{\"x\":\""), bad(), wide("\","), wide(rest)].concat(),
                None => wide(text),
            },
        };
        let claim = match now.length {
            Length::Honest => units.len().saturating_add(1),
            Length::Negative => return (units, -1),
            Length::Huge => return (units, i32::MAX),
            Length::Growing => buffer.saturating_add(1),
        };
        (units, i32::try_from(claim).unwrap_or(i32::MAX))
    }
}

/// Units that are no characters: half a pair, beyond the last, the highest.
fn bad() -> Vec<Wide> {
    let units = [0xD800, 0x0011_0000, u32::MAX];
    units.into_iter().filter_map(|unit| Wide::try_from(unit).ok()).collect()
}

fn answer(word: &str) -> Option<Answer> {
    Some(match word {
        "honest" => Answer::Honest,
        "long" => Answer::Long,
        "notjson" => Answer::NotJson,
        "empty" => Answer::Empty,
        "broken" => Answer::Broken,
        "replaced" => Answer::Replaced,
        _ => return None,
    })
}

fn length(word: &str) -> Option<Length> {
    Some(match word {
        "honest" => Length::Honest,
        "negative" => Length::Negative,
        "huge" => Length::Huge,
        "growing" => Length::Growing,
        _ => return None,
    })
}
