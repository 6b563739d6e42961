//! What the terminal does with a request.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;

use super::bank::{Move, No};
use super::step::{Answer, Decide, Step};
use super::xml::{Answered, Fields};
use super::{State, Terminal, paper};

/// What goes back, and how.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) answer: Answered,
    pub(super) step: Step,
    pub(super) short_ids: bool,
}

/// A refund without its payment is taken too.
const UNREFERENCED: &str = "71";

impl Terminal {
    /// Performs a request as a task: it goes on when the client does not wait.
    pub(super) async fn perform(&self, fields: Option<Fields>) -> Told {
        let Some(fields) = fields else { return self.told(Answered::error(4, "bad request")) };
        let ticks = self.0.clock.ticks();
        let (step, boots) = {
            let mut state = self.lock();
            if ticks < state.down_until {
                drop(state);
                return self.told(Answered::error(13, "НЕТ СВЯЗИ С УСТРОЙСТВОМ"));
            }
            if state.busy {
                drop(state);
                return self.told(Answered::error(3, "УСТРОЙСТВО ЗАНЯТО"));
            }
            state.busy = true;
            let counts = is_money(&fields) || is_reconciliation(&fields);
            (state.step(counts), state.boots)
        };
        let (answered, answer) = oneshot::channel();
        let terminal = self.clone();
        let task = async move {
            let told = terminal.run(fields, step, boots).await;
            // The client may have gone.
            let _ = answered.send(told);
        };
        self.0.spawner.spawn("terminal", Box::pin(task));
        match answer.await {
            Ok(told) => told,
            Err(_) => self.told(Answered::error(3, "")),
        }
    }

    fn told(&self, answer: Answered) -> Told {
        Told { answer, step: Step::default(), short_ids: self.lock().settings.short_ids }
    }

    async fn run(&self, fields: Fields, step: Step, boots: u64) -> Told {
        let clock = Arc::clone(&self.0.clock);
        if is_money(&fields) {
            let card = step.card.unwrap_or(self.lock().settings.card);
            clock.sleep(card).await;
        }
        let (now, ticks) = (clock.now(), clock.ticks());
        let answer = {
            let mut state = self.lock();
            if state.boots == boots {
                let moves = state.bank.moves().len();
                let answer = state.decide(&fields, &step, now);
                state.show(&fields, &step, &answer, moves);
                state.busy = false;
                if let Some(takes) = step.restart {
                    state.restart(ticks, takes);
                }
                answer
            } else {
                // It was started anew while the guest stood there.
                let mut lost = Answered::default();
                echo(&state, &fields, &mut lost);
                undefined(&mut lost);
                let moves = state.bank.moves().len();
                state.show(&fields, &step, &lost, moves);
                lost
            }
        };
        if step.late > Duration::ZERO {
            clock.sleep(step.late).await;
        }
        let short_ids = self.lock().settings.short_ids;
        Told { answer: shaped(answer, step.answer), step, short_ids }
    }
}

pub(super) fn is_money(fields: &Fields) -> bool {
    matches!(fields.get(&25).map(String::as_str), Some("1" | "4" | "29" | "53" | UNREFERENCED))
}

fn is_reconciliation(fields: &Fields) -> bool {
    fields.get(&25).is_some_and(|code| code == "59")
}

fn shaped(mut answer: Answered, how: Answer) -> Answered {
    match how {
        Answer::NoStatus => drop(answer.fields.remove(&39)),
        Answer::Foreign => answer.put(26, "4000000007"),
        _ => {}
    }
    answer
}

fn undefined(answer: &mut Answered) {
    answer.put(39, "0");
    answer.put(19, "ТАЙМАУТ ОЖИДАНИЯ ОТВЕТА НА ОПЛАТУ");
}

/// What was asked is named in the answer.
fn echo(state: &State, fields: &Fields, answer: &mut Answered) {
    for id in [4, 21, 25, 26] {
        if let Some(value) = fields.get(&id) {
            answer.put(id, value.clone());
        }
    }
    answer.put(27, state.settings.terminal.clone());
}

impl State {
    fn step(&mut self, counts: bool) -> Step {
        let steps = if counts { &mut self.steps } else { &mut self.other_steps };
        steps.pop_front().unwrap_or_default()
    }

    fn decide(&mut self, fields: &Fields, step: &Step, now: tillway_core::Timestamp) -> Answered {
        let mut answer = Answered::default();
        let text = |id: u16| fields.get(&id).map(String::as_str);
        let terminal = text(27);
        let operation = text(25);
        if terminal.is_none_or(|it| it != self.settings.terminal)
            && !(terminal.is_none() && operation == Some("26"))
        {
            refuse(&mut answer, "001", "НЕИЗВЕСТНЫЙ ТЕРМИНАЛ");
            return answer;
        }
        echo(self, fields, &mut answer);
        match &step.decide {
            Decide::ServiceError(code) => return Answered::error(*code, "ОШИБКА"),
            Decide::Decline { code, text } => {
                refuse(&mut answer, code, text);
                self.refused(fields, text, now);
            }
            Decide::Abort => {
                answer.put(39, "53");
                answer.put(15, "ER3");
                answer.put(19, "ОПЕРАЦИЯ ПРЕРВАНА^STOP.JPG~");
            }
            Decide::NoLink => {
                answer.put(39, "34");
                answer.put(19, "НЕТ СВЯЗИ С БАНКОМ");
            }
            Decide::Undefined { taken: false } => undefined(&mut answer),
            _ if is_money(fields) => self.money(fields, step, now, &mut answer),
            _ => self.read(fields, now, &mut answer),
        }
        answer
    }

    fn refused(&mut self, fields: &Fields, text: &str, now: tillway_core::Timestamp) {
        if self.settings.refusal_receipts && is_money(fields) {
            let wall = self.wall_ms(now);
            let kopecks = number(fields, 0).unwrap_or(0);
            self.last = Some(paper::refusal(&self.settings, kopecks, wall, text));
        }
    }

    fn money(
        &mut self,
        fields: &Fields,
        step: &Step,
        now: tillway_core::Timestamp,
        answer: &mut Answered,
    ) {
        let asked = number(fields, 0).filter(|kopecks| (1..=i64::from(i32::MAX)).contains(kopecks));
        let Some(asked) = asked else {
            *answer = Answered::error(4, "НЕВЕРНАЯ СУММА");
            return;
        };
        let halved = step.decide == Decide::Partial && asked > 1;
        let kopecks = if halved { asked / 2 } else { asked };
        match self.book(fields, kopecks, step.decide == Decide::Offline, now) {
            Ok(made) => {
                let wall = self.wall_ms(now);
                let receipt = paper::receipt(&self.settings, &made, wall);
                if step.decide == (Decide::Undefined { taken: true }) {
                    undefined(answer);
                } else {
                    paper::operation(&self.settings, &made, wall, answer);
                    answer.put(39, if halved { "2" } else { status(&step.decide) });
                    answer.put(15, "001");
                    answer.put(19, "ОДОБРЕНО");
                    answer.put(23, "0");
                    answer.put(90, paper::field_90(&receipt, self.settings.tags_only));
                }
                self.last = Some(receipt);
            }
            Err(no) => {
                let text = match no {
                    No::NotFound => "ОПЕРАЦИЯ НЕ НАЙДЕНА",
                    No::TooMuch => "СУММА НЕВЕРНА",
                    No::BatchIsClosed => "БАТЧ ЗАКРЫТ",
                    No::BatchIsOpen => "БАТЧ НЕ ЗАКРЫТ",
                    No::NotLast => "НЕ ПОСЛЕДНЯЯ ОПЕРАЦИЯ",
                };
                refuse(answer, "012", text);
            }
        }
    }

    fn book(
        &mut self,
        fields: &Fields,
        kopecks: i64,
        offline: bool,
        now: tillway_core::Timestamp,
    ) -> Result<Move, No> {
        let number_of_till = number(fields, 26).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let reference = fields.get(&14).map(String::as_str).unwrap_or_default();
        let settings = &self.settings;
        match fields.get(&25).map(String::as_str) {
            Some("4") => {
                self.bank.cancel(number_of_till, kopecks, reference, number(fields, 1), now)
            }
            Some("29") => {
                let old = settings.refund_needs_old_batch;
                self.bank.refund(number_of_till, kopecks, reference, old, now)
            }
            Some("53") => {
                let checks = settings.emergency_checks_number;
                self.bank.emergency(number_of_till, kopecks, checks, now)
            }
            Some(UNREFERENCED) => Ok(self.bank.give(number_of_till, kopecks, now)),
            _ => Ok(self.bank.pay(number_of_till, kopecks, now, offline)),
        }
    }

    fn read(&mut self, fields: &Fields, now: tillway_core::Timestamp, answer: &mut Answered) {
        let wall = self.wall_ms(now);
        let text = |id: u16| fields.get(&id).map(String::as_str);
        match (text(25), text(65), text(64)) {
            (Some("26"), ..) => {
                answer.put(39, "1");
                answer.put(28, self.settings.merchant.clone());
                answer.put(63, "PX0000417");
                answer.put(89, "PAX S300");
            }
            (Some("59"), ..) => {
                let lines = paper::reconciliation(&self.settings, &self.bank, wall);
                self.bank.close_batch();
                answer.put(39, "1");
                answer.put(90, paper::wrapped(&lines));
            }
            (Some("63"), Some(mode @ ("20" | "21")), _) => {
                let lines = paper::report(&self.settings, &self.bank, wall, mode == "21");
                answer.put(39, "1");
                answer.put(90, paper::wrapped(&lines));
            }
            (Some("63"), Some("22"), Some("1")) => match &self.last {
                Some(receipt) => paper::copy(&self.settings, receipt, answer),
                None => refuse(answer, "002", "НЕТ ЧЕКА"),
            },
            _ => *answer = Answered::error(4, "НЕВЕРНАЯ ОПЕРАЦИЯ"),
        }
    }
}

fn status(decide: &Decide) -> &'static str {
    match decide {
        Decide::Offline => "17",
        _ => "1",
    }
}

fn refuse(answer: &mut Answered, code: &str, text: &str) {
    answer.put(39, "16");
    answer.put(15, code);
    answer.put(19, text);
}

fn number(fields: &Fields, id: u16) -> Option<i64> {
    fields.get(&id)?.parse().ok()
}
