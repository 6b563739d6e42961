//! The worker of each device: one task after the other, blocks, and what ends them (ATOL note
//! 3.7).

use std::time::Duration;

use super::config::{Latency, WebConfig};
use super::devices::Device;
use super::queue::{Block, Queue, Reason, Status, Sub};
use super::{Death, State};
use crate::atol::Code;
use crate::atol::json::Json;
use crate::atol::memory::{Body, Phase};
use crate::atol::register::Register;
use crate::atol::task::{self, Refusal};

/// How many steps one look may take; a queue is shorter, and blocks are looked at less often.
const STEPS_MAX: usize = 300_000;

/// When nobody looked for so long, missed looks at a block are not made up for.
const LOOKS_MAX: u32 = 64;

impl State {
    /// Does all that is due by now.
    pub(super) fn settle(&mut self, now: Duration) {
        let keep = Duration::from_secs(u64::from(self.stored.delete_after_min).saturating_mul(60));
        for device in &mut self.devices {
            let mut steps = 0_usize;
            while !self.down && steps < STEPS_MAX && device.step(&self.config, now) {
                steps = steps.saturating_add(1);
                if device.is_due(now) {
                    let fiscal = device.current_is_fiscal(&self.config);
                    let death = self.death.filter(|_| fiscal);
                    if let Some(death) = death {
                        (self.down, self.death) = (true, None);
                        if death == Death::AfterTask {
                            device.process();
                        }
                        device.close();
                        break;
                    }
                    device.finish(&self.config, self.stored.block_on_print_errors);
                }
            }
            device.pass_to(now);
            device.queue.forget(now.saturating_sub(keep));
        }
    }

    /// The process starts again.
    pub(super) fn restart(&mut self, keep_database: bool, now: Duration) {
        (self.down, self.death) = (false, None);
        for device in &mut self.devices {
            if !keep_database {
                device.queue = Queue::new(now);
            }
            device.queue.busy_until = None;
            device.queue.free_at = now;
            device.take_up(&self.config, now);
        }
    }
}

impl Device {
    /// Begins a task or looks at a block; answers whether there may be more to do.
    fn step(&mut self, config: &WebConfig, now: Duration) -> bool {
        if let Some(block) = self.queue.block {
            if block.next_try > now {
                return false;
            }
            self.pass_to(block.next_try);
            if !self.recover(config) {
                let missed = config.recovery_every.saturating_mul(LOOKS_MAX);
                let next = block.next_try.max(now.saturating_sub(missed));
                let next_try = next.saturating_add(config.recovery_every);
                self.queue.block = Some(Block { next_try, ..block });
            }
            return true;
        }
        match self.queue.busy_until {
            None => self.begin(config),
            Some(until) => until <= now,
        }
    }

    /// Whether the task that is performed has come to its end.
    fn is_due(&self, now: Duration) -> bool {
        self.queue.block.is_none() && self.queue.busy_until.is_some_and(|until| until <= now)
    }

    fn current_is_fiscal(&mut self, config: &WebConfig) -> bool {
        let sub = self.queue.head().and_then(|entry| entry.current());
        sub.is_some_and(|sub| sub.is_fiscal(config.generation))
    }

    /// Takes the oldest task. Nothing was sent yet when the memory cannot be read.
    fn begin(&mut self, config: &WebConfig) -> bool {
        let free_at = self.queue.free_at;
        let Some(entry) = self.queue.head() else { return false };
        let start = entry.added.max(free_at);
        self.pass_to(start);
        let register = self.register.clone();
        let opened = self.open();
        let Some(entry) = self.queue.head() else { return false };
        let Some(sub) = entry.current() else { return false };
        sub.status = Status::InProgress;
        let ready = opened.and_then(|()| {
            if sub.is_fiscal(config.generation) {
                sub.before = Some(last_document(&mut register.lock())?);
            }
            Ok(())
        });
        if let Err(code) = ready {
            sub.fail(Status::Error, code.into());
            entry.interrupt();
            self.queue.free_at = start;
            self.close();
            return true;
        }
        let takes = takes(sub, config.latency);
        self.queue.busy_until = Some(start.saturating_add(takes));
        true
    }

    /// Hands the task to the driver.
    fn process(&mut self) -> Option<Result<String, Refusal>> {
        if let Some(until) = self.queue.busy_until {
            self.pass_to(until);
        }
        let entry = self.queue.head()?;
        let uuid = Some(entry.uuid.clone());
        let sub = entry.current()?;
        let mut register = self.register.lock();
        register.current().uuid = uuid;
        let done = task::process_json(&mut register, &sub.text);
        register.current().uuid = None;
        Some(done)
    }

    fn finish(&mut self, config: &WebConfig, on_print_errors: bool) {
        let done = self.process();
        self.close();
        let at = self.queue.busy_until.take().unwrap_or(self.queue.free_at);
        self.queue.free_at = at;
        let (Some(done), Some(entry)) = (done, self.queue.head()) else { return };
        let Some(sub) = entry.current() else { return };
        let mut reason = None;
        match done {
            Ok(text) => {
                let result = Json::parse(&text);
                let torn = result.as_ref().and_then(|result| result.get("warnings"));
                let torn = torn.is_some_and(|warnings| warnings.get("notPrinted").is_some());
                sub.succeed(result);
                if torn && on_print_errors && sub.before.is_some() {
                    sub.fail(Status::Blocked, Code::NO_PAPER.into());
                    reason = Some(Reason::Paper);
                }
            }
            Err(refusal) => {
                let code = refusal.code;
                sub.fail(Status::Error, refusal);
                let why = Reason::of(code, config.generation, on_print_errors);
                reason = why.filter(|_| sub.before.is_some());
                if reason.is_some() {
                    sub.status = Status::Blocked;
                } else {
                    entry.interrupt();
                }
            }
        }
        let next_try = at.saturating_add(config.recovery_every);
        self.queue.block = reason.map(|reason| Block { reason, next_try });
    }

    /// Looks whether the blocked task was written. Answers whether the block is over.
    fn recover(&mut self, config: &WebConfig) -> bool {
        if self.open().is_err() {
            return false;
        }
        let over = self.look_at_block(config);
        self.close();
        over
    }

    fn look_at_block(&mut self, config: &WebConfig) -> bool {
        let Some(block) = self.queue.block else { return true };
        let register = self.register.clone();
        let mut register = register.lock();
        let Ok(last) = last_document(&mut register) else { return false };
        let Some(entry) = self.queue.head() else {
            self.queue.block = None;
            return true;
        };
        let Some(sub) = entry.current() else { return false };
        let before = sub.before.unwrap_or(last);
        let fits = config.trusts_any_document || has_document(&register, before, &sub.kind);
        if last > before && fits {
            let printed = register.continue_print();
            if block.reason == Reason::Paper && printed.is_err() {
                return false;
            }
            match sub.result.take() {
                Some(result) => sub.succeed(Some(result)),
                None => sub.succeed(task::recovered(&register, last, config.recovered_whole)),
            }
        } else {
            sub.status = Status::Error;
            entry.interrupt();
        }
        self.queue.free_at = block.next_try;
        self.queue.block = None;
        true
    }

    /// After a start: a task that was being performed is handled like one that blocks.
    fn take_up(&mut self, config: &WebConfig, now: Duration) {
        let forgets = config.forgets_block;
        if forgets {
            self.queue.block = None;
        }
        let Some(entry) = self.queue.head() else { return };
        let Some(sub) = entry.current() else { return };
        if sub.status == Status::InProgress {
            sub.fail(Status::Blocked, Code::CONNECTION_LOST.into());
        }
        if sub.status != Status::Blocked {
            return;
        }
        if forgets || sub.before.is_none() {
            sub.status = Status::Error;
            entry.interrupt();
        } else if self.queue.block.is_none() {
            self.queue.block = Some(Block { reason: Reason::Connection, next_try: now });
        }
    }

    /// Lets the register's clock pass to this moment of the server's.
    fn pass_to(&mut self, moment: Duration) {
        let by = moment.saturating_sub(self.synced);
        if !by.is_zero() {
            self.synced = moment;
            self.register.lock().advance(by);
        }
    }
}

/// The number of the last document in the memory.
fn last_document(register: &mut Register) -> Result<u32, Code> {
    register.reach()?;
    match register.memory.phase {
        Phase::Missing => Err(Code::FN_NOT_FOUND),
        _ => Ok(register.memory.last()),
    }
}

/// Whether there is a document after this number of the kind that a task writes.
fn has_document(register: &Register, after: u32, task: &str) -> bool {
    let is = |body: &Body| match task {
        "openShift" => matches!(body, Body::OpenShift),
        "closeShift" => matches!(body, Body::CloseShift { .. }),
        "reportOfdExchangeStatus" => matches!(body, Body::Exchange),
        _ => matches!(body, Body::Receipt(_)),
    };
    register.memory.documents().any(|document| document.number > after && is(&document.body))
}

fn takes(sub: &Sub, latency: Latency) -> Duration {
    let asks = sub.kind.starts_with("get") || sub.kind.ends_with("ExchangeStatus");
    let asks = asks && sub.kind != "reportOfdExchangeStatus";
    if asks { latency.asking } else { latency.printing }
}
