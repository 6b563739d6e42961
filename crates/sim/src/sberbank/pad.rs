//! The pad and its bank: what really happened.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tillway_core::Timestamp;

use super::files::{self, Letters};
use super::step::{Bank, Says, Step};

/// How a build of the program behaves.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    /// The letters of its files.
    pub letters: Letters,
    /// Lines end with CR LF.
    pub crlf: bool,
    /// How many lines `e` has at most: builds write 11, 14 or 22.
    pub lines: u8,
    /// The RRN is told.
    pub references: bool,
    /// Operations can be asked for by the number of their request.
    pub numbers: bool,
    /// A status says `00000000` instead of the number.
    pub zero_in_status: bool,
    /// The number of the terminal.
    pub terminal: String,
    /// How wrong its clock is.
    pub clock_off_min: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            letters: Letters::default(),
            crlf: false,
            lines: 22,
            references: true,
            numbers: true,
            zero_in_status: false,
            terminal: "00012345".to_owned(),
            clock_off_min: 0,
        }
    }
}

/// What kind of operation moved money.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Kind {
    /// From the card.
    Payment,
    /// Back to it.
    Refund,
    /// Back to it, in the same batch.
    Cancel,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum State {
    /// It counts.
    Normal,
    /// It will be undone at the next operation, unless it is committed.
    Suspended,
    /// It counts, and is not rolled back any more.
    Confirmed,
    /// It was undone.
    Undone,
}

/// An operation that the bank carried out.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Moved {
    /// Its number within the batch.
    pub sequence: u32,
    /// The batch.
    pub batch: u32,
    /// What kind it is.
    pub kind: Kind,
    /// How much was moved.
    pub kopecks: i64,
    /// How much of it was given back.
    pub returned: i64,
    /// Its RRN.
    pub reference: String,
    /// Its authorisation code.
    pub authorisation: String,
    /// The number of its request.
    pub number: Option<u32>,
    /// Where it stands.
    pub state: State,
}

/// A pad with its bank.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Pad {
    /// How it behaves.
    pub settings: Settings,
    /// What happens at the next operations; when none is left, all goes well.
    pub steps: VecDeque<Step>,
    /// The cable is out: whatever is asked, there is no contact with the pad.
    pub unplugged: bool,
    operations: Vec<Moved>,
    batch: u32,
    /// The last answer with an approval, for a program that gives it again.
    foreign: Option<Vec<u8>>,
    reconciled: u32,
    /// The last runs, for people.
    shown: VecDeque<Vec<String>>,
    /// How many runs there were.
    served: usize,
}

/// How many runs are remembered to be shown.
const SHOWN_MAX: usize = 100;

/// What one run does to the world outside the pad.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Run {
    pub(super) e: Option<Vec<u8>>,
    pub(super) p: Option<Vec<u8>>,
    pub(super) exit: u8,
    pub(super) takes: Duration,
    pub(super) hangs: bool,
}

/// A result code, the operation that it is about with the number that is told, and the slip.
type Told = (u32, Option<(usize, u32)>, Option<String>);

/// A command line.
struct Command<'a> {
    op: u32,
    /// The word where the amount stands.
    second: Option<&'a str>,
    kopecks: Option<i64>,
    /// Words after the amount that are no option.
    words: Vec<&'a str>,
    number: Option<u32>,
}

impl<'a> Command<'a> {
    fn read(arguments: &'a [String]) -> Option<Self> {
        let (options, words): (Vec<&str>, Vec<&str>) =
            arguments.iter().map(String::as_str).partition(|word| word.starts_with('/'));
        let number = options.iter().find_map(|option| option.strip_prefix("/q="));
        let number = number.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let op = words.first()?.parse().ok()?;
        let second = words.get(1).copied();
        let kopecks = second.and_then(|word| word.parse().ok());
        Some(Self { op, second, kopecks, words: words.into_iter().skip(2).collect(), number })
    }

    /// Whether the bank is asked.
    fn asks_bank(&self) -> bool {
        matches!(self.op, 1 | 3 | 7 | 8 | 13 | 15 | 16)
    }

    /// The RRN stands fourth, behind the way the card is shown.
    fn reference(&self) -> Option<&'a str> {
        self.words.get(2).copied()
    }
}

impl Pad {
    /// A pad with settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Every operation that the bank ever carried out.
    pub fn operations(&self) -> &[Moved] {
        &self.operations
    }

    /// What the card's owner has paid for a request, after what was given back.
    pub fn paid_for(&self, number: u32) -> i64 {
        let of = self.operations.iter().filter(|moved| moved.number == Some(number));
        let payments = of.filter(|moved| moved.kind == Kind::Payment && moved.counts());
        payments.map(|moved| moved.kopecks - moved.returned).sum()
    }

    /// What was done since the first `seen` runs, in lines to show, and how many runs there are now.
    /// The last hundred are kept.
    pub fn shown_since(&self, seen: usize) -> (Vec<String>, usize) {
        let kept = self.shown.len();
        let new = self.served.saturating_sub(seen).min(kept);
        let lines = self.shown.iter().skip(kept.saturating_sub(new)).flatten().cloned().collect();
        (lines, self.served)
    }

    /// How often it was reconciled.
    pub fn reconciliations(&self) -> u32 {
        self.reconciled
    }

    /// What the report of the open batch has.
    pub(super) fn batch_operations(&self) -> impl Iterator<Item = &Moved> {
        self.operations.iter().filter(|moved| moved.batch == self.batch && moved.counts())
    }

    /// Whether these arguments ask the bank: only such runs meet the steps of a scenario.
    pub(super) fn asks_bank(arguments: &[String]) -> bool {
        Command::read(arguments).is_some_and(|command| command.asks_bank())
    }

    /// One run of the program.
    pub(super) fn run(&mut self, arguments: &[String], at: Timestamp) -> Run {
        let moved = self.operations.len();
        let run = self.perform(arguments, at);
        self.show(arguments, &run, moved);
        run
    }

    /// Remembers what was asked, what was told, and whether money moved: `moved` is how many
    /// operations there were before.
    fn show(&mut self, arguments: &[String], run: &Run, moved: usize) {
        let told = run.e.as_deref().map(|e| self.settings.letters.decode(e));
        let told = match told.as_deref().and_then(|text| text.lines().next()) {
            Some(line) => line.to_owned(),
            None if run.hangs => "молчит, пока её не остановят".to_owned(),
            None => "ничего не написала".to_owned(),
        };
        let line: String = arguments.join(" ").chars().take(100).collect();
        let mut lines = vec![format!("sb_pilot {line}: {told}")];
        let done = self.operations.iter().skip(moved);
        lines.extend(done.map(|moved| format!("  {}", files::movement(moved))));
        let asks = arguments.first().is_some_and(|op| matches!(op.as_str(), "1" | "3" | "8"));
        if asks && lines.len() == 1 {
            lines.push("  банк денег не двигал".to_owned());
        }
        self.served = self.served.saturating_add(1);
        self.shown.push_back(lines);
        if self.shown.len() > SHOWN_MAX {
            self.shown.pop_front();
        }
    }

    fn perform(&mut self, arguments: &[String], at: Timestamp) -> Run {
        let at =
            Timestamp { utc_ms: at.utc_ms + i64::from(self.settings.clock_off_min) * 60_000, ..at };
        let Some(command) = Command::read(arguments) else { return self.plain(4300, None) };
        if self.unplugged {
            return self.plain(99, None);
        }
        // Only what asks the bank meets the faults of a scenario; a status tells what it knows.
        let step =
            if command.asks_bank() { self.steps.pop_front() } else { None }.unwrap_or_default();
        let (code, about, p) = match step.bank {
            Bank::NotAsked => (99, None, None),
            Bank::Refuses(code) => {
                self.undo_suspended(command.op);
                (code, None, None)
            }
            Bank::Obeys => self.obey(&command, at),
        };
        self.tell(&step, code, about, p, at)
    }

    fn obey(&mut self, command: &Command<'_>, at: Timestamp) -> Told {
        self.undo_suspended(command.op);
        let done = match command.op {
            1 => self.pay(command),
            3 => self.give_back(command, Kind::Refund),
            8 => self.give_back(command, Kind::Cancel),
            13 => self.last(command, |state| match state {
                State::Confirmed => Err(4141),
                _ => Ok(State::Undone),
            }),
            15 => self.last(command, |state| match state {
                State::Normal | State::Suspended => Ok(State::Suspended),
                _ => Err(4141),
            }),
            16 => self.last(command, |_| Ok(State::Confirmed)),
            7 => return self.reconcile(),
            9 => {
                let full = command.kopecks == Some(1);
                let report = files::report(self, full);
                let code = if report.is_empty() { 4333 } else { 0 };
                return (code, None, Some(report));
            }
            26 => return (0, None, None),
            52 => return self.status(command),
            _ => return (4301, None, None),
        };
        match done {
            Ok(index) => {
                let slip =
                    self.operations.get(index).map(|moved| files::slip(&self.settings, moved, at));
                (0, Some((index, command.number.unwrap_or(0))), slip)
            }
            Err(code) => (code, None, None),
        }
    }

    /// What is suspended undoes itself at the next payment, session or close of day (A.7).
    fn undo_suspended(&mut self, op: u32) {
        if matches!(op, 1 | 3 | 7 | 8) {
            for moved in &mut self.operations {
                if moved.state == State::Suspended {
                    moved.state = State::Undone;
                }
            }
        }
    }

    fn pay(&mut self, command: &Command<'_>) -> Result<usize, u32> {
        let kopecks = command.kopecks.filter(|kopecks| *kopecks > 0).ok_or(4300_u32)?;
        Ok(self.write(Kind::Payment, kopecks, command.number))
    }

    fn give_back(&mut self, command: &Command<'_>, kind: Kind) -> Result<usize, u32> {
        let kopecks = command.kopecks.filter(|kopecks| *kopecks > 0).ok_or(4300_u32)?;
        let reference = command.reference().ok_or(4300_u32)?;
        let batch = self.batch;
        let fits = |moved: &&mut Moved| {
            moved.kind == Kind::Payment
                && moved.reference == reference
                && moved.counts()
                && kopecks <= moved.kopecks - moved.returned
                && (kind == Kind::Refund || moved.batch == batch)
        };
        let original = self.operations.iter_mut().find(fits).ok_or(4118_u32)?;
        original.returned += kopecks;
        Ok(self.write(kind, kopecks, command.number))
    }

    /// Suspend, commit and roll back work on the last operation only, and look at it.
    fn last(
        &mut self,
        command: &Command<'_>,
        to: impl FnOnce(State) -> Result<State, u32>,
    ) -> Result<usize, u32> {
        let index = self.operations.len().checked_sub(1).ok_or(4140_u32)?;
        let moved = self.operations.get_mut(index).ok_or(4140_u32)?;
        let same = command.kopecks == Some(moved.kopecks)
            && command.words.first() == Some(&moved.authorisation.as_str());
        if !same || moved.kind != Kind::Payment || moved.state == State::Undone {
            return Err(4140);
        }
        moved.state = to(moved.state)?;
        Ok(index)
    }

    fn reconcile(&mut self) -> Told {
        let report = files::report(self, true);
        self.batch += 1;
        self.reconciled += 1;
        (0, None, Some(report))
    }

    fn status(&mut self, command: &Command<'_>) -> Told {
        if !self.settings.numbers {
            return (4301, None, None);
        }
        let number = command.second.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let of = |moved: &Moved| moved.number == number && moved.counts();
        match self.operations.iter().position(of) {
            Some(index) => {
                let said = if self.settings.zero_in_status { 0 } else { number.unwrap_or(0) };
                (0, Some((index, said)), None)
            }
            None => (4311, None, None),
        }
    }

    fn write(&mut self, kind: Kind, kopecks: i64, number: Option<u32>) -> usize {
        let count = self.operations.len();
        let sequence = self.operations.iter().filter(|moved| moved.batch == self.batch).count();
        self.operations.push(Moved {
            sequence: u32::try_from(sequence).unwrap_or(u32::MAX).saturating_add(1),
            batch: self.batch,
            kind,
            kopecks,
            returned: 0,
            reference: format!("4074{count:08}"),
            authorisation: format!("A{count:05}"),
            number,
            state: State::Normal,
        });
        count
    }

    /// A bare answer.
    fn plain(&self, code: u32, p: Option<Vec<u8>>) -> Run {
        let e = Some(self.letters(&[format!("{code},{}", files::words(code))]));
        Run { e, p, exit: 0, takes: Duration::ZERO, hangs: false }
    }

    fn letters(&self, lines: &[String]) -> Vec<u8> {
        let end = if self.settings.crlf { "\r\n" } else { "\n" };
        self.settings.letters.encode(&(lines.join(end) + end))
    }

    /// Writes down what the till gets to see.
    fn tell(
        &mut self,
        step: &Step,
        code: u32,
        about: Option<(usize, u32)>,
        p: Option<String>,
        at: Timestamp,
    ) -> Run {
        let about = about.and_then(|(index, number)| Some((self.operations.get(index)?, number)));
        let about_number = about.is_some_and(|(_, number)| number != 0);
        let truth = self.letters(&files::answer(&self.settings, code, about, at));
        let e = match step.says {
            Says::Truth => Some(truth.clone()),
            Says::Code(code) => Some(self.letters(&files::answer(&self.settings, code, None, at))),
            Says::Nothing | Says::Hangs | Says::Old => None,
            Says::Half => truth.get(..truth.len() / 2).map(<[u8]>::to_vec),
            Says::Foreign => self.foreign.clone(),
            Says::FirstLine => {
                truth.split_inclusive(|byte| *byte == b'\n').next().map(<[u8]>::to_vec)
            }
        };
        let silent = matches!(step.says, Says::Nothing | Says::Hangs | Says::Code(_));
        let p = p.filter(|text| !silent && !text.is_empty());
        let p = p.map(|text| self.settings.letters.encode(&text));
        if code == 0 && about_number {
            self.foreign = Some(truth);
        }
        Run { e, p, exit: step.exit, takes: step.takes, hangs: step.says == Says::Hangs }
    }
}
