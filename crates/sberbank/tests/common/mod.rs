//! A terminal over the fake pad.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "tests; not every file uses everything"
)]

pub mod script;

use std::sync::Arc;

use async_trait::async_trait;
use tillway_core::id::Uuid;
use tillway_core::port::CardTerminal;
use tillway_core::port::terminal::{
    Approval, Attempt, Known, MoneyOutcome, Operation, Original, Resolution, TerminalError,
};
use tillway_core::{Kopecks, Timestamp};
use tillway_device::Mode;
use tillway_sberbank::{Config, Sberbank};
use tillway_sim::sberbank::{Pad, Settings, Step, Twin};
use tillway_testkit::runtime::{TestClock, block_on};

/// 2026-03-15, noon.
pub const NOON: Timestamp = Timestamp::utc(1_773_576_000_000);

/// A terminal, its program and the venue's clock.
pub struct Bench {
    pub clock: TestClock,
    pub twin: Twin,
    pub terminal: Sberbank,
}

/// A terminal whose pad and configuration are changed first.
pub fn bench(settings: Settings, change: impl FnOnce(&mut Config)) -> Bench {
    let clock = TestClock::at(NOON);
    let twin = Twin::new(Pad::new(settings), Arc::new(clock.clone()));
    let mut config = Config::default();
    change(&mut config);
    let terminal =
        Sberbank::start(config, twin.clone(), Arc::new(clock.clone()), Mode::Inline).unwrap();
    Bench { clock, twin, terminal }
}

/// A terminal whose program is a script.
pub fn scripted(
    script: &script::Script,
    change: impl FnOnce(&mut Config),
) -> (Sberbank, TestClock) {
    let clock = TestClock::at(NOON);
    let mut config = Config::default();
    change(&mut config);
    let exec = script.clone();
    let terminal = Sberbank::start(config, exec, Arc::new(clock.clone()), Mode::Inline).unwrap();
    (terminal, clock)
}

pub fn usual() -> Bench {
    bench(Settings::default(), |_| {})
}

impl Bench {
    pub fn attempt(&self, number: u32) -> Attempt {
        use tillway_core::port::Clock;
        Attempt { id: Uuid::from_u128(u128::from(number)), at: self.clock.now() }
    }

    pub fn next(&self, step: Step) {
        self.twin.pad().steps.push_back(step);
    }

    pub fn perform(&self, number: u32, what: &Operation) -> MoneyOutcome {
        block_on(self.terminal.perform(&self.attempt(number), what))
    }

    pub fn resolve(&self, attempt: &Attempt, what: &Operation) -> Resolution {
        block_on(self.terminal.resolve(attempt, what, &Nobody))
    }

    pub fn paid(&self, number: u32, kopecks: i64) -> Approval {
        match self.perform(number, &pay(kopecks)) {
            MoneyOutcome::Approved(approval) => *approval,
            other => panic!("{other:?}"),
        }
    }
}

pub fn pay(kopecks: i64) -> Operation {
    Operation::Pay { amount: Kopecks(kopecks) }
}

pub fn original(approval: &Approval, number: u32) -> Original {
    let attempt = Attempt { id: Uuid::from_u128(u128::from(number)), at: NOON };
    Original {
        amount: approval.amount,
        returned: Kopecks::ZERO,
        reference: approval.reference.clone(),
        authorisation: approval.authorisation.clone(),
        attempt,
        confirmed: false,
    }
}

/// A journal that knows no references.
#[derive(Debug)]
pub struct Nobody;

#[async_trait]
impl Known for Nobody {
    async fn owner(&self, _: &str) -> Result<Option<Uuid>, TerminalError> {
        Ok(None)
    }
}

/// A journal in which every reference is another attempt's.
#[derive(Debug)]
pub struct Another;

#[async_trait]
impl Known for Another {
    async fn owner(&self, _: &str) -> Result<Option<Uuid>, TerminalError> {
        Ok(Some(Uuid::from_u128(9_999)))
    }
}
