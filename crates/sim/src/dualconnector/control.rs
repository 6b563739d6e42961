//! What a person may see and decide beside the service itself, over HTTP: for people with curl.
//!
//! `GET /sim/tape` shows what the terminal did, and whether money really moved. `POST /sim/step`
//! says what the next operation comes to: an object of `decide` (`approve`, `partial`, `offline`,
//! `decline`, `abort`, `noLink`, `takenAndLost`, `lost`), `answer` (`whole`, `cutBefore`, `cutHalf`,
//! `half`, `broken`, `noStatus`, `foreign`), `cardMs`, `lateMs` and `restartMs`, each as usual when
//! it is left out.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;

use super::step::{Answer, Decide, Step};
use super::task::is_money;
use super::xml::{Answered, Fields};
use super::{State, Terminal};

/// How many operations are remembered to be shown.
const SHOWN_MAX: usize = 100;
/// How many steps may wait.
const STEPS_MAX: usize = 1_000;
/// The longest that a step may take.
const MS_MAX: u64 = 3_600_000;

impl Terminal {
    /// What the terminal did since the first `seen` operations, in lines to show, and how many there
    /// are now. The last hundred are kept.
    pub fn shown_since(&self, seen: usize) -> (Vec<String>, usize) {
        let state = self.lock();
        let kept = state.shown.len();
        let new = state.served.saturating_sub(seen).min(kept);
        let lines = state.shown.iter().skip(kept.saturating_sub(new)).flatten().cloned().collect();
        (lines, state.served)
    }

    /// Says what the next operations come to: a list of what `POST /sim/step` takes.
    ///
    /// # Errors
    /// What is wrong with it; no step waits then.
    pub fn push_said(&self, steps: &str) -> Result<(), String> {
        let said: Vec<Said> = serde_json::from_str(steps).map_err(|error| error.to_string())?;
        said.iter().try_for_each(Said::check)?;
        let mut state = self.lock();
        if state.steps.len().saturating_add(said.len()) > STEPS_MAX {
            return Err(format!("more than {STEPS_MAX} steps"));
        }
        state.steps.extend(said.iter().map(Said::step));
        Ok(())
    }

    /// Answers a path below `/sim/`.
    pub(super) fn control(&self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, String) {
        match (path, method) {
            ("tape", &Method::GET) => {
                let (lines, _) = self.shown_since(0);
                (StatusCode::OK, lines.into_iter().map(|line| line + "\n").collect())
            }
            ("step", &Method::POST) => match serde_json::from_slice::<Said>(body) {
                Ok(said) => self.accept(&said),
                Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
            },
            ("tape" | "step", _) => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
            _ => (StatusCode::NOT_FOUND, "tape, step\n".to_owned()),
        }
    }

    fn accept(&self, said: &Said) -> (StatusCode, String) {
        if let Err(wrong) = said.check() {
            return (StatusCode::BAD_REQUEST, wrong + "\n");
        }
        let mut state = self.lock();
        if state.steps.len() >= STEPS_MAX {
            return (StatusCode::CONFLICT, format!("{STEPS_MAX} steps are waiting\n"));
        }
        state.steps.push_back(said.step());
        (StatusCode::OK, "{}".to_owned())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Said {
    decide: SaidDecide,
    answer: SaidAnswer,
    card_ms: Option<u64>,
    late_ms: Option<u64>,
    restart_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SaidDecide {
    #[default]
    Approve,
    Partial,
    Offline,
    Decline,
    Abort,
    NoLink,
    TakenAndLost,
    Lost,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SaidAnswer {
    #[default]
    Whole,
    CutBefore,
    CutHalf,
    Half,
    Broken,
    NoStatus,
    Foreign,
}

impl Said {
    fn check(&self) -> Result<(), String> {
        let longest = [self.card_ms, self.late_ms, self.restart_ms].into_iter().flatten().max();
        if longest.is_some_and(|ms| ms > MS_MAX) {
            return Err(format!("at most {MS_MAX} ms"));
        }
        Ok(())
    }

    fn step(&self) -> Step {
        Step {
            decide: match self.decide {
                SaidDecide::Approve => Decide::Approve,
                SaidDecide::Partial => Decide::Partial,
                SaidDecide::Offline => Decide::Offline,
                SaidDecide::Decline => Decide::decline(),
                SaidDecide::Abort => Decide::Abort,
                SaidDecide::NoLink => Decide::NoLink,
                SaidDecide::TakenAndLost => Decide::Undefined { taken: true },
                SaidDecide::Lost => Decide::Undefined { taken: false },
            },
            answer: match self.answer {
                SaidAnswer::Whole => Answer::Whole,
                SaidAnswer::CutBefore => Answer::CutBefore,
                SaidAnswer::CutHalf => Answer::CutHalf,
                SaidAnswer::Half => Answer::Half,
                SaidAnswer::Broken => Answer::Broken,
                SaidAnswer::NoStatus => Answer::NoStatus,
                SaidAnswer::Foreign => Answer::Foreign,
            },
            card: self.card_ms.map(Duration::from_millis),
            late: Duration::from_millis(self.late_ms.unwrap_or_default()),
            restart: self.restart_ms.map(Duration::from_millis),
            letters: None,
        }
    }
}

impl State {
    /// Remembers what was asked, what the terminal says, and what the bank did: `moves` is how many
    /// movements it knew before.
    pub(super) fn show(&mut self, fields: &Fields, step: &Step, told: &Answered, moves: usize) {
        let said = match &told.error {
            Some((code, text)) => format!("ошибка {code} {text}"),
            None => [39, 19].iter().filter_map(|id| told.fields.get(id)).fold(
                String::new(),
                |all, part| {
                    if all.is_empty() { part.clone() } else { format!("{all} {part}") }
                },
            ),
        };
        let heard =
            if step.answer == Answer::Whole { "" } else { "; ответ не доходит" };
        let mut lines = vec![format!("{}: {said}{heard}", asked(fields))];
        if self.bank.moves().len() > moves {
            let receipt = self.last.iter().flat_map(|receipt| &receipt.lines);
            lines.extend(receipt.map(|line| format!("  {line}")));
        } else if is_money(fields) {
            lines.push("  банк денег не двигал".to_owned());
        }
        self.served = self.served.saturating_add(1);
        self.shown.push_back(lines);
        if self.shown.len() > SHOWN_MAX {
            self.shown.pop_front();
        }
    }
}

fn asked(fields: &Fields) -> String {
    let text = |id: u16| fields.get(&id).map(String::as_str);
    let mut asked = match text(25) {
        Some("1") => "ОПЛАТА",
        Some("4") => "ОТМЕНА",
        Some("29" | "71") => "ВОЗВРАТ",
        Some("53") => "АВАРИЙНАЯ ОТМЕНА",
        Some("59") => "СВЕРКА ИТОГОВ",
        Some("63") => "ОТЧЕТ ИЛИ КОПИЯ",
        Some("26") => "ПРОВЕРКА СВЯЗИ",
        _ => "НЕИЗВЕСТНАЯ ОПЕРАЦИЯ",
    }
    .to_owned();
    for (id, word) in [(0, "коп."), (26, "номер"), (14, "RRN")] {
        if let Some(value) = text(id).filter(|value| value.len() <= 20) {
            asked = format!("{asked}, {word} {value}");
        }
    }
    asked
}
