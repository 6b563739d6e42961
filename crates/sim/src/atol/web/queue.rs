//! The database of tasks of one device.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::config::Generation;
use crate::atol::Code;
use crate::atol::json::Json;
use crate::atol::task::{self, Refusal};

/// The requests of a device, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: BTreeMap<u64, Entry>,
    numbers: BTreeMap<String, u64>,
    /// Those with something left to do.
    waiting: VecDeque<u64>,
    next: u64,
    pub(super) block: Option<Block>,
    /// When the task that is performed ends.
    pub(super) busy_until: Option<Duration>,
    /// When the worker became free.
    pub(super) free_at: Duration,
}

/// A request.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) uuid: String,
    pub(super) added: Duration,
    pub(super) subs: Vec<Sub>,
}

/// A task of a request.
#[derive(Debug)]
pub(super) struct Sub {
    /// The task as it came.
    pub(super) text: String,
    pub(super) kind: String,
    pub(super) status: Status,
    pub(super) code: i32,
    pub(super) description: String,
    pub(super) result: Option<Json>,
    /// The last document before it, where it is fiscal and was begun.
    pub(super) before: Option<u32>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Status {
    Wait,
    InProgress,
    Blocked,
    Ready,
    Error,
    Interrupted,
    Canceled,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::InProgress => "inProgress",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
            Self::Error => "error",
            Self::Interrupted => "interrupted",
            Self::Canceled => "canceled",
        }
    }

    fn is_over(self) -> bool {
        !matches!(self, Self::Wait | Self::InProgress | Self::Blocked)
    }
}

/// Why a queue stands still.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    Connection,
    Memory,
    Paper,
}

impl Reason {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Connection => "connectionError",
            Self::Memory => "fnError",
            Self::Paper => "paperError",
        }
    }

    /// The reason that an error is, if it is one: the sets of the note, 3.7.
    pub(super) fn of(code: Code, generation: Generation, on_print_errors: bool) -> Option<Self> {
        let newest = generation == Generation::V2WebRequests;
        match code.0 {
            1 | 241 if newest => Some(Self::Connection),
            2..=4 => Some(Self::Connection),
            115 | 116 | 159 => Some(Self::Memory),
            166 | 177 if newest => Some(Self::Memory),
            15 | 117..=122 | 124 | 133..=138 | 141 | 142 if !newest => Some(Self::Memory),
            44..=46 | 114 if newest && on_print_errors => Some(Self::Paper),
            _ => None,
        }
    }
}

/// A queue that stands still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) reason: Reason,
    pub(super) next_try: Duration,
}

impl Sub {
    pub(super) fn new(task: &Json) -> Self {
        Self {
            text: task.to_string(),
            kind: task.get("type").and_then(Json::as_text).unwrap_or_default().to_owned(),
            status: Status::Wait,
            code: 0,
            description: String::new(),
            result: None,
            before: None,
        }
    }

    /// Whether the server takes it for fiscal: older ones do not know two of the corrections.
    pub(super) fn is_fiscal(&self, generation: Generation) -> bool {
        let returns = ["sellReturnCorrection", "buyReturnCorrection"].contains(&&*self.kind);
        let known = generation == Generation::V2WebRequests || !returns;
        known && task::is_fiscal(&self.kind)
    }

    pub(super) fn fail(&mut self, status: Status, refusal: Refusal) {
        self.status = status;
        self.code = refusal.code.0;
        self.description = refusal.text;
    }

    pub(super) fn succeed(&mut self, result: Option<Json>) {
        self.status = Status::Ready;
        self.code = 0;
        self.description = "Ошибок нет".to_owned();
        self.result = result;
    }
}

impl Entry {
    /// The task that is next, or being performed.
    pub(super) fn current(&mut self) -> Option<&mut Sub> {
        self.subs.iter_mut().find(|sub| !sub.status.is_over())
    }

    fn is_over(&self) -> bool {
        self.subs.iter().all(|sub| sub.status.is_over())
    }

    fn is_untouched(&self) -> bool {
        self.subs.iter().all(|sub| sub.status == Status::Wait)
    }

    /// What was not begun will not be.
    pub(super) fn interrupt(&mut self) {
        for sub in self.subs.iter_mut().filter(|sub| sub.status == Status::Wait) {
            sub.fail(Status::Interrupted, Code::INTERRUPTED_BY_PREVIOUS_ERRORS.into());
        }
    }
}

impl Queue {
    /// An empty one, whose worker is free from now on.
    pub(super) fn new(now: Duration) -> Self {
        Self { free_at: now, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn knows(&self, uuid: &str) -> bool {
        self.numbers.contains_key(uuid)
    }

    pub(super) fn entry(&self, uuid: &str) -> Option<&Entry> {
        self.entries.get(self.numbers.get(uuid)?)
    }

    pub(super) fn add(&mut self, entry: Entry) {
        let number = self.next;
        self.next = number.saturating_add(1);
        self.numbers.insert(entry.uuid.clone(), number);
        self.entries.insert(number, entry);
        self.waiting.push_back(number);
    }

    /// The oldest request with something left to do.
    pub(super) fn head(&mut self) -> Option<&mut Entry> {
        loop {
            let number = *self.waiting.front()?;
            match self.entries.get(&number) {
                Some(entry) if !entry.is_over() => break,
                _ => {
                    self.waiting.pop_front();
                }
            }
        }
        self.entries.get_mut(self.waiting.front()?)
    }

    /// Cancels a request that waits whole. `None`: there is no such request; `false`: it has
    /// begun, or is over.
    pub(super) fn cancel(&mut self, uuid: &str) -> Option<bool> {
        let entry = self.entries.get_mut(self.numbers.get(uuid)?)?;
        if !entry.is_untouched() {
            return Some(false);
        }
        for sub in &mut entry.subs {
            sub.fail(Status::Canceled, Code::DRIVER_SCRIPT_ERROR.into());
            sub.description = "Задание отменено".to_owned();
        }
        Some(true)
    }

    /// Forgets requests that are over and came before this moment.
    pub(super) fn forget(&mut self, before: Duration) {
        while let Some((number, entry)) = self.entries.first_key_value() {
            if entry.added >= before || !entry.is_over() {
                break;
            }
            let (number, uuid) = (*number, entry.uuid.clone());
            self.entries.remove(&number);
            self.numbers.remove(&uuid);
        }
    }

    /// How many requests are unfinished, ready, cancelled.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let (mut left, mut ready, mut cancelled) = (0_usize, 0_usize, 0_usize);
        for entry in self.entries.values() {
            let canceled = entry.subs.iter().any(|sub| sub.status == Status::Canceled);
            let place = match (entry.is_over(), canceled) {
                (false, _) => &mut left,
                (true, true) => &mut cancelled,
                (true, false) => &mut ready,
            };
            *place = place.saturating_add(1);
        }
        (left, ready, cancelled)
    }

    /// Why it stands still, and the request that is to blame.
    pub(super) fn blocked(&self) -> Option<(Reason, &str)> {
        let block = self.block?;
        let entry = self.waiting.iter().find_map(|number| {
            let entry = self.entries.get(number)?;
            entry.subs.iter().any(|sub| sub.status == Status::Blocked).then_some(entry)
        })?;
        Some((block.reason, &entry.uuid))
    }
}
